"""Supply: when each item can be ordered, how long an order takes, and in which quantities it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64

Naming = Callable[[int], str]


@dataclass(frozen=True)
class Delays:
    """Periods from an order to its receipt, in a block of items.

    Attributes:
        constant: the same for every order, or None.
        table: else ``(T, I, P)`` or ``(T, I, 1)``, by the period of the order.
        longest: the longest of them, at most to the end of the run.
        shortest: the shortest of them.
        certain: whether they are known when the order is placed.
    """

    constant: int | None
    table: npt.NDArray[np.int32] | None
    longest: int
    shortest: int
    certain: bool

    def at(self, period: int) -> npt.NDArray[np.int32]:
        """Delays of the orders of a period, broadcastable to ``(I, P)``."""
        if self.table is None:
            return np.asarray(self.constant, dtype=np.int32)
        table: npt.NDArray[np.int32] = self.table[period]
        return table


@dataclass(frozen=True)
class Supply:
    """What suppliers promise and demand. Numbers hold for all items; arrays ``(I,)`` are per item.

    Attributes:
        lead_time: whole periods from the decision to the receipt: an order of period ``t`` is received at the beginning
            of ``t + lead_time``. Also ``(I, T)`` by the period of the order, or ``(I, P, T)``.
        lead_pmf: probabilities of lead times 0, 1, 2, ... for all items ``(K,)`` or per item ``(I, K)``, instead of
            ``lead_time``; each order draws its own, so that orders may cross.
        late_together: ``(I,)`` codes; items of one code share the draws of ``lead_pmf`` (one supplier, one truck).
            Without it every item draws for itself.
        crossing: False makes a later order wait for the earlier ones of its item.
        review: periods between two orders; ``phase`` is the first period in which one may be placed.
        phase: see ``review``.
        order_days: periods in which orders may be placed, ``(T,)`` or ``(I, T)`` of bool.
        receive_days: periods in which goods are received; what arrives in between waits for the next.
        pack: units per pack; orders are rounded to whole packs. 0 leaves them as they are, 1 makes whole units.
        rounding: ``up``, ``nearest`` or ``down``, to whole packs.
        min_order: least units of an order, in whole packs.
        below_min: a smaller order is raised to the least (``raise``) or not placed (``drop``).
        max_order: greatest units of an order.
    """

    lead_time: npt.ArrayLike = 1
    lead_pmf: npt.ArrayLike | None = None
    late_together: npt.ArrayLike | None = None
    crossing: bool = True
    review: npt.ArrayLike = 1
    phase: npt.ArrayLike = 0
    order_days: npt.ArrayLike | None = None
    receive_days: npt.ArrayLike | None = None
    pack: npt.ArrayLike = 0.0
    rounding: Literal["up", "nearest", "down"] = "up"
    min_order: npt.ArrayLike = 0.0
    below_min: Literal["raise", "drop"] = "raise"
    max_order: npt.ArrayLike = np.inf

    def check(self, items: int, periods: int, name: Naming) -> None:
        """Refuse what cannot be.

        Raises:
            ConfigError: the first item and number that make no sense.
        """
        pack, least, most = (of_items(getattr(self, f), items, f) for f in ("pack", "min_order", "max_order"))
        review, phase = (of_items(getattr(self, f), items, f) for f in ("review", "phase"))
        for what, wrong in (
            ("a review period that is no whole number from 1 on", ~((review >= 1) & (review == np.floor(review)))),
            ("a phase that is no whole number from 0 on", ~((phase >= 0) & (phase == np.floor(phase)))),
            ("a pack of less than nothing", ~(pack >= 0)),
            ("a minimum order below 0", ~(least >= 0)),
            ("a minimum order (in whole packs) above its maximum order", ~(_least(pack, least) <= most)),
        ):
            if wrong.any():
                raise ConfigError(f"Item {name(int(wrong.argmax()))} has {what}: correct it.")
        if self.lead_pmf is None:
            lead = np.asarray(self.lead_time, dtype=np.float64)
            if lead.ndim > 3 or (lead.ndim and lead.shape[0] != items) or (lead.ndim > 1 and lead.shape[-1] != periods):
                raise ConfigError(
                    f"lead_time has the shape {lead.shape}: give a number, or one per item ({items}), "
                    f"or (items, {periods} periods), or (items, paths, periods)."
                )
            wrong = ~((lead >= 0) & (lead == np.floor(lead)))
            if wrong.any():
                row = int(np.unravel_index(int(wrong.argmax()), wrong.shape)[0]) if lead.ndim else 0
                raise ConfigError(f"Item {name(row)} has a lead time that is no whole number of periods from 0 on.")
        else:
            pmf = np.atleast_2d(np.asarray(self.lead_pmf, dtype=np.float64))
            wrong = ~((pmf >= 0).all(axis=1) & (np.abs(pmf.sum(axis=1) - 1) < 1e-6))
            if len(pmf) not in (1, items) or wrong.any():
                raise ConfigError(
                    f"lead_pmf of item {name(int(wrong.argmax()))}: probabilities must not be negative and add up to 1, "
                    f"in one row for all items or one for each of the {items}."
                )
        if self.late_together is not None and np.shape(self.late_together) != (items,):
            raise ConfigError(f"late_together must hold one code for each of {items} items.")
        for field in ("order_days", "receive_days"):
            days = getattr(self, field)
            if days is not None and np.shape(days) not in ((periods,), (items, periods)):
                raise ConfigError(
                    f"{field} has the shape {np.shape(days)}: give one value per period ({periods},) "
                    f"or per item and period ({items}, {periods})."
                )

    def delays(self, rows: slice, items: int, paths: int, periods: int, seed: int) -> Delays:
        """The delays of all orders of a block, drawn and moved to the days on which goods are received."""
        count = rows.stop - rows.start
        if self.lead_pmf is None:
            lead = np.asarray(self.lead_time)
            table = lead.astype(np.int32) if lead.ndim == 0 else lead[rows].astype(np.int32)
            if self.receive_days is None and (table.ndim == 0 or (table.ndim == 1 and table.min() == table.max())):
                constant = min(int(table.flat[0]), periods)  # later than the end is never
                return Delays(constant, None, constant, constant, True)
            shape = (count, 1, periods)
            if table.ndim == 2:
                table = table[:, None]
            table = np.broadcast_to(
                table[:, None, None] if table.ndim == 1 else table, (*shape,) if table.ndim < 3 else table.shape
            )
            if table.shape[1] not in (1, paths):
                raise ConfigError(f"lead_time holds {table.shape[1]} paths, but demand has {paths}: give as many.")
            certain = True
        else:
            table, certain = self._drawn(rows, items, paths, periods, seed)
        table = np.ascontiguousarray(table.transpose(2, 0, 1))  # (T, I, P)
        if self.receive_days is not None:
            table = self._to_receive_days(table, rows, periods)
        to_end = periods - np.arange(periods, dtype=np.int32)[:, None, None]
        shortest = int(table.min())
        table = np.minimum(table, to_end)
        return Delays(None, table, int(table.max()), min(shortest, int(table.min())), certain)

    def _drawn(
        self, rows: slice, items: int, paths: int, periods: int, seed: int
    ) -> tuple[npt.NDArray[np.int32], bool]:
        pmf = np.asarray(self.lead_pmf, dtype=np.float64)
        pmf = np.broadcast_to(np.atleast_2d(pmf), (items, pmf.shape[-1]))[rows]
        codes = np.arange(items) if self.late_together is None else np.asarray(self.late_together)
        levels = np.cumsum(pmf, axis=1)
        levels[:, -1] = 1.0
        table = np.empty((len(pmf), paths, periods), dtype=np.int32)
        for i, code in enumerate(codes[rows]):  # a stream of its own, whatever else is in the block
            chance = np.random.default_rng([seed, 0x1EAD, int(code)]).random((paths, periods))
            table[i] = np.searchsorted(levels[i], chance, side="right")
        return table, bool((pmf.max(axis=1) > 1 - 1e-12).all())

    def _to_receive_days(self, table: npt.NDArray[np.int32], rows: slice, periods: int) -> npt.NDArray[np.int32]:
        """Delays until the first day at or after the arrival on which goods are received."""
        days = np.asarray(self.receive_days, dtype=bool)
        days = days[None] if days.ndim == 1 else days[rows]
        opened = np.concatenate([np.where(days, np.arange(periods), periods), np.full((len(days), 1), periods)], axis=1)
        following = np.minimum.accumulate(opened[:, ::-1], axis=1)[:, ::-1]  # (I or 1, T + 1)
        when = np.arange(periods)[:, None, None]
        arrival = np.minimum(table + when, periods)
        items = np.zeros(1, dtype=int) if len(days) == 1 else np.arange(len(days))
        return np.asarray(following[items[None, :, None], arrival] - when, dtype=np.int32)

    def openings(self, rows: slice, items: int, periods: int) -> npt.NDArray[np.bool_]:
        """Periods ``(T, I)`` in which each item of a block may be ordered."""

        def column(value: npt.ArrayLike, field: str) -> npt.NDArray[np.int32]:
            if np.ndim(value) == 0:  # most often: worked out once for all items
                return np.asarray([value]).astype(np.int32)
            return of_items(value, items, field)[rows].astype(np.int32)

        since = np.arange(periods, dtype=np.int32)[:, None] - column(self.phase, "phase")
        allowed = (since >= 0) & (since % column(self.review, "review") == 0)
        if self.order_days is not None:
            days = np.asarray(self.order_days, dtype=bool)
            allowed = allowed & (days[:, None] if days.ndim == 1 else days[rows].T)
        return np.broadcast_to(allowed, (periods, rows.stop - rows.start))

    def lots(self, rows: slice, items: int) -> Lots:
        """The quantities in which the items of a block come."""
        pack, least, most = (of_items(getattr(self, f), items, f)[rows] for f in ("pack", "min_order", "max_order"))
        return Lots(pack[:, None], _least(pack, least)[:, None], most[:, None], self.rounding, self.below_min)


class Lots:
    """Packs, least and greatest quantities ``(I, 1)`` of a block; `fit` makes orders obey them in place."""

    def __init__(self, pack: F64, least: F64, most: F64, rounding: str, below_min: str) -> None:
        self.pack, self.least = pack, least
        self._divisor = np.where(pack > 0, pack, 1.0)
        self._packed = None if (pack > 0).all() else pack > 0
        self.most = np.where(pack > 0, np.floor(most / self._divisor + 1e-9) * self._divisor, most)
        self._shift = {"up": 1.0 - 1e-9, "nearest": 0.5, "down": 1e-9}[rounding]
        self._drop = below_min == "drop"
        self._any_pack, self._any_least = bool((pack > 0).any()), bool((least > 0).any())
        self._any_most = bool(np.isfinite(most).any())

    def fit(self, units: F64) -> None:
        """Round orders to packs, raise or drop those below the least, cut those above the greatest."""
        if self._any_pack:
            self._to_packs(units, self._shift)
        if self._any_most:
            np.minimum(units, self.most, out=units)
        if self._any_least:
            small = (units > 0) & (units < self.least)
            np.copyto(units, 0.0 if self._drop else self.least, where=small)

    def cut(self, units: F64) -> None:
        """Round orders that had to be cut down to packs; none where too little is left."""
        if self._any_pack:
            self._to_packs(units, 1e-9)
        if self._any_least:
            np.copyto(units, 0.0, where=units < self.least)

    def _to_packs(self, units: F64, shift: float) -> None:
        packs = units if self._packed is None else units.copy()
        packs /= self._divisor
        packs += shift
        np.floor(packs, out=packs)
        packs *= self._divisor
        if self._packed is not None:
            np.copyto(units, packs, where=self._packed)


def _least(pack: F64, least: F64) -> F64:
    divisor = np.where(pack > 0, pack, 1.0)
    return np.where(pack > 0, np.ceil(least / divisor - 1e-9) * divisor, least)


def of_items(value: Any, items: int, field: str) -> F64:
    """A number for all items or one per item as ``(I,)``.

    Raises:
        ConfigError: neither.
    """
    array = np.asarray(value, dtype=np.float64)
    if array.shape not in ((), (items,)):
        raise ConfigError(f"{field} has the shape {array.shape}: give one number, or one for each of {items} items.")
    return np.broadcast_to(array, (items,))
