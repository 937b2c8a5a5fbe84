"""Limits: budgets, containers and warehouses that several items share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .supply import Lots, Naming, of_items


@dataclass(frozen=True)
class Limit:
    """An amount that the orders of a period, or stock and orders together, must not exceed.

    ``Limit(5_000, uses=unit_cost)`` is a budget per period, ``Limit(33, uses=volume)`` a container, and
    ``Limit(800, uses=volume, on="stock")`` a warehouse. Limits are applied one after the other; what they cut is
    rounded down to packs, and not ordered at all below the least quantity.

    Attributes:
        amount: a number, or one per period ``(T,)``.
        uses: what a unit takes of it, a number or ``(I,)``.
        on: ``orders`` of the period, or ``stock`` (on hand + on order + the new order).
        items: ``(I,)`` of bool, which items share it; all by default.
        ration: ``pro-rata`` cuts all orders by one factor, and what rounding leaves over goes to those that lost most
            by it; ``in-order`` serves the items as they stand in the panel
            until nothing is left.
    """

    amount: npt.ArrayLike
    uses: npt.ArrayLike = 1.0
    on: Literal["orders", "stock"] = "orders"
    items: npt.ArrayLike | None = None
    ration: Literal["pro-rata", "in-order"] = "pro-rata"

    def check(self, items: int, periods: int, name: Naming) -> None:
        """Refuse what cannot be.

        Raises:
            ConfigError: a shape or a number makes no sense.
        """
        amount, uses = np.asarray(self.amount, dtype=np.float64), of_items(self.uses, items, "uses")
        if amount.shape not in ((), (periods,)) or not (amount >= 0).all():
            raise ConfigError(f"A limit needs an amount from 0 on: one number, or one for each of {periods} periods.")
        if not (uses >= 0).all():
            raise ConfigError(
                f"Item {name(int((~(uses >= 0)).argmax()))} uses less than nothing of a limit: correct it."
            )
        if self.items is not None and np.shape(self.items) != (items,):
            raise ConfigError(f"The items of a limit must be one true or false for each of {items} items.")


class Rationing:
    """A limit at work on all items: `apply` cuts the orders of a period in place."""

    def __init__(self, limit: Limit, items: int, periods: int) -> None:
        uses = of_items(limit.uses, items, "uses")
        if limit.items is not None:
            uses = np.where(np.asarray(limit.items, dtype=bool), uses, 0.0)
        self._uses = uses[:, None]
        self._amount = np.broadcast_to(np.asarray(limit.amount, dtype=np.float64), (periods,))
        self._limit = limit

    def apply(self, units: F64, held: F64, period: int, lots: Lots) -> None:
        """Cut orders ``(I, P)``, given units on hand and on order."""
        room = np.full(units.shape[1], self._amount[period])
        if self._limit.on == "stock":
            room = np.maximum(room - (self._uses * held).sum(axis=0), 0.0)
        asked = self._uses * units
        over = asked.sum(axis=0) > room * (1 + 1e-12)
        if not over.any():
            return
        if self._limit.ration == "pro-rata":
            total = asked.sum(axis=0)
            kept = units * np.divide(room, total, out=np.ones_like(total), where=over)
        else:
            before = np.cumsum(asked, axis=0) - asked
            left = np.maximum(room - before, 0.0)
            kept = np.minimum(units, np.divide(left, self._uses, out=units.copy(), where=self._uses > 0))
        mine = (self._uses > 0) & over
        kept = np.where(mine, kept, units)
        whole = kept.copy()
        lots.cut(whole)
        whole = np.where(mine & (kept < units), whole, units)
        if self._limit.ration == "pro-rata":
            self._hand_out(whole, kept, units, room, lots, mine)
        np.copyto(units, whole)

    def _hand_out(
        self, whole: F64, kept: F64, asked: F64, room: F64, lots: Lots, mine: npt.NDArray[np.bool_]
    ) -> None:  # fmt: skip
        """Give what rounding left over to those that lost the greatest part of a pack by it, a pack each."""
        step = np.where(whole > 0, lots.pack, np.maximum(lots.pack, lots.least))
        lost = np.divide(kept - whole, step, out=np.zeros_like(whole), where=step > 0)
        lost = np.where(mine & (whole < asked) & (step > 0), np.round(lost, 9), -1.0)
        order = np.argsort(-lost, axis=0, kind="stable")
        takes = np.take_along_axis(np.where(lost >= 0, step * self._uses, 0.0), order, axis=0)
        left = room - (self._uses * whole).sum(axis=0)
        fits = np.empty(whole.shape, dtype=bool)
        np.put_along_axis(fits, order, np.cumsum(takes, axis=0) <= left + 1e-12 * room, axis=0)
        whole += np.where(fits & (lost >= 0), step, 0.0)
