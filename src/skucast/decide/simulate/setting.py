"""Setting: the world in which policies are tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .costs import Costs
from .lanes import Lanes
from .limits import Limit
from .supply import Supply, of_items


@dataclass(frozen=True)
class Opening:
    """Stock at the beginning, before anything is received in period 0.

    Attributes:
        on_hand: units per item, a number or ``(I,)``; fresh, where they can expire.
        by_life: ``(I, M)`` units instead: column ``k`` can be sold in ``k + 1`` periods, period 0 being the first.
        backorders: units owed to customers, a number or ``(I,)``.
        pipeline: ``(I, K)`` units on their way: column ``k`` is received at the beginning of period ``k``.
    """

    on_hand: npt.ArrayLike = 0.0
    by_life: npt.ArrayLike | None = None
    backorders: npt.ArrayLike = 0.0
    pipeline: npt.ArrayLike | None = None


@dataclass(frozen=True)
class Setting:
    """Rules, costs and opening stock of a simulation of ``I`` items.

    Attributes:
        supply: lead times, review periods, calendars, packs.
        costs: money per unit, order and period.
        opening: stock at the beginning.
        backorders: True lets customers wait, False loses the sale.
        decide: ``before-demand``: receive, decide, demand, count; or ``after-count``: receive, demand, count, decide.
            In both an order of period ``t`` is received at the beginning of period ``t + lead time``.
        count: the units on which holding is paid: ``closing`` (left at the end of the period, after waste),
            ``before-waste`` (left before what expires is thrown away) or ``average`` (of those on the shelf before
            demand and those left at the end).
        shelf_life: periods in which a unit can be sold, the period of its receipt being the first; a number or
            ``(I,)``; 0 or None never expires.
        newest: share of customers who take the newest unit (LIFO); the rest take the oldest (FIFO).
        limits: budgets, containers and warehouses.
        lanes: transfers between locations.
        supplier: ``(I,)`` codes of suppliers, for ``Costs.per_order``.
        warm_up: first periods that are played and not counted.
        periods_per_year: for turns.
        names: what the items are called, for messages.
    """

    supply: Supply = field(default_factory=Supply)
    costs: Costs = field(default_factory=Costs)
    opening: Opening = field(default_factory=Opening)
    backorders: bool = False
    decide: Literal["before-demand", "after-count"] = "before-demand"
    count: Literal["closing", "before-waste", "average"] = "closing"
    shelf_life: npt.ArrayLike | None = None
    newest: npt.ArrayLike = 0.0
    limits: tuple[Limit, ...] = ()
    lanes: Lanes | None = None
    supplier: npt.ArrayLike | None = None
    warm_up: int = 0
    periods_per_year: float = 52.0
    names: Sequence[Any] | None = None

    def name(self, row: int) -> str:
        """What an item is called in messages."""
        return f"'{self.names[row]}'" if self.names is not None else f"number {row} (counted from 0)"

    @property
    def joint(self) -> bool:
        """Whether items depend on each other, so that all have to be played at once."""
        return bool(self.limits) or self.lanes is not None or self.supplier is not None

    def life(self, items: int) -> npt.NDArray[np.int64] | None:
        """Shelf lives ``(I,)`` with 0 for ever; None if nothing expires."""
        if self.shelf_life is None:
            return None
        life = of_items(self.shelf_life, items, "shelf_life")
        return life.astype(np.int64) if life.any() else None

    def check(self, items: int, periods: int) -> None:
        """Refuse what cannot be played.

        Raises:
            ConfigError: one sentence with the item and the number.
        """
        self.supply.check(items, periods, self.name)
        self.costs.check(items, self.name)
        for limit in self.limits:
            limit.check(items, periods, self.name)
        if self.lanes is not None:
            self.lanes.check(items, self.name)
        if self.names is not None and len(self.names) != items:
            raise ConfigError(f"Setting.names has {len(self.names)} names for {items} items.")
        if self.supplier is not None and np.shape(self.supplier) != (items,):
            raise ConfigError(f"Setting.supplier must hold one code for each of {items} items.")
        if not 0 <= self.warm_up < periods:
            raise ConfigError(f"A warm-up of {self.warm_up} periods leaves none of {periods} to be counted.")
        for what, value in (("stock", self.opening.on_hand), ("backorders", self.opening.backorders)):
            self._not_negative(of_items(value, items, what), f"opening {what}")
        for what, table in (("pipeline", self.opening.pipeline), ("by_life", self.opening.by_life)):
            if table is not None:
                array = np.asarray(table, dtype=np.float64)
                if array.ndim != 2 or len(array) != items:
                    raise ConfigError(
                        f"The opening {what} has the shape {array.shape}: give one row for each of {items} items."
                    )
                self._not_negative(array.min(axis=1, initial=0.0), f"opening {what}")
        if not self.backorders and of_items(self.opening.backorders, items, "backorders").any():
            raise ConfigError(
                "There are backorders at the beginning, but sales are lost: set Setting.backorders to True."
            )
        newest = of_items(self.newest, items, "newest")
        if not ((newest >= 0) & (newest <= 1)).all():
            raise ConfigError("Setting.newest is a share of customers: give numbers from 0 to 1.")
        if self.shelf_life is not None:
            life = of_items(self.shelf_life, items, "shelf_life")
            self._not_negative(np.where(life == np.floor(life), life, -1.0), "shelf life (whole periods)")
        if self.opening.by_life is not None:
            lives = self.life(items)
            reach = np.shape(self.opening.by_life)[1]
            if lives is None or ((lives > 0) & (lives < reach)).any() or not lives.all():
                raise ConfigError(
                    f"Opening.by_life has {reach} columns: every item needs a shelf life of at least so many periods."
                )

    def _not_negative(self, value: F64, what: str) -> None:
        wrong = ~((value >= 0) & np.isfinite(value))
        if wrong.any():
            row = int(wrong.argmax())
            raise ConfigError(
                f"Item {self.name(row)} has an impossible {what} ({value[row]:g}): it must be a number from 0 on."
            )
