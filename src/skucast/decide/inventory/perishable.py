"""Perishables: stock by age, waste at the end of shelf life, optimal orders by value iteration.

Order of events in a period: order; demand, served from the oldest (FIFO) or the freshest (LIFO) units and lost if
unmet; what has reached its last day is wasted; the rest ages and is charged for holding; the order of ``L - 1``
periods ago arrives for the next period. This is the setting of De Moor, Gijsbrechts & Boute (2022), Reward shaping to
improve the performance of deep reinforcement learning in perishable inventory management, EJOR 301.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ...errors import ConfigError
from ...forecast import F64
from .checks import not_negative, whole
from .distribution import Distribution

I64 = npt.NDArray[np.int64]
_CELLS = 40_000_000
_SWEEPS = 50_000


class PerishablePlan(NamedTuple):
    """Orders for every state.

    Attributes:
        orders: ``[ages..., pipeline...]`` units to order: stock with 1, 2, ... m days left, then what arrives next,
            after next...
        level: base-stock level, for base-stock policies; None else.
        cost: expected cost, as the function that made it says.
    """

    orders: I64
    level: int | None
    cost: float


@dataclass(frozen=True, eq=False)
class Perishable:
    """One item that spoils.

    Attributes:
        demand: of one period, whole units.
        shelf_life: periods of sale after arrival, at least 1.
        lead_time: periods from order to first sale, at least 1.
        holding: money per unit that is kept for the next period.
        shortage: money per unit lost.
        waste: money per unit wasted.
        purchase: money per unit ordered.
        issue: ``fifo`` serves the oldest first, ``lifo`` the freshest (customers who pick).
        most_order: largest order.
        discount: of costs per period, at most 1.
    """

    demand: Distribution
    shelf_life: int
    lead_time: int = 1
    holding: float = 0.0
    shortage: float = 0.0
    waste: float = 0.0
    purchase: float = 0.0
    issue: Literal["fifo", "lifo"] = "fifo"
    most_order: int = 10
    discount: float = 1.0

    def __post_init__(self) -> None:
        whole(1, shelf_life=self.shelf_life, lead_time=self.lead_time, most_order=self.most_order)
        not_negative(holding=self.holding, shortage=self.shortage, waste=self.waste, purchase=self.purchase)
        if not 0 < self.discount <= 1:
            raise ConfigError(f"The discount must be above 0 and at most 1, not {self.discount:g}.")
        if self.issue not in ("fifo", "lifo"):
            raise ConfigError(f"Units are issued fifo or lifo, not '{self.issue}'.")
        if self.demand.step != 1:
            raise ConfigError("Perishables are counted in whole units: give demand with a step of 1.")
        values = self._size ** float(self.shelf_life + self.lead_time)
        outcomes = self._size ** float(self.shelf_life) * self.demand.pmf.size * (self.shelf_life + 1)
        if max(values, outcomes) > _CELLS:
            raise ConfigError("Too many ages and orders for an exact answer: count in packs, or simulate a base stock.")

    def optimal(self, tolerance: float = 1e-6) -> PerishablePlan:
        """The orders of least expected discounted (or, with a discount of 1, average) cost.

        Returns:
            The plan; its cost is per period in the long run: the average, or ``1 - discount`` times the discounted
            total.

        Raises:
            ConfigError: it does not settle.
        """
        value = np.zeros(self._shape)
        for _ in range(_SWEEPS):
            ahead = self._ahead(value)
            change = self._period[self._age_axes] + ahead.min(axis=-1) - value
            low, high = float(change.min()), float(change.max())
            if high - low < tolerance:
                # the rest of the way shifts all states alike, up to the tolerance
                start = float(value.flat[0] + change.flat[0])
                cost = (low + high) / 2 if self.discount == 1 else (1 - self.discount) * start + self.discount * low
                return PerishablePlan(ahead.argmin(axis=-1), None, cost)
            value = value + (0.95 if self.discount == 1 else 1.0) * change
            if self.discount == 1:
                value -= value.flat[0]
        raise ConfigError("The best orders did not settle; ask for a coarser tolerance.")

    def base_stock_orders(self, level: int) -> I64:
        """Orders that lift stock of all ages and the pipeline to ``level``, within the largest order."""
        total = np.indices(self._shape).sum(axis=0)
        return np.asarray(np.clip(level - total, 0, self.most_order))

    def best_base_stock(self, periods: int, warm_up: int = 0) -> PerishablePlan:
        """The base-stock level with the least `cost_of`."""
        top = int(self.demand.times(self.shelf_life + self.lead_time).quantile(0.999)) + 1
        found = [(self.cost_of(self.base_stock_orders(s), periods, warm_up), s) for s in range(top + 1)]
        cost, level = min(found)
        return PerishablePlan(self.base_stock_orders(level), level, cost)

    def cost_of(self, orders: I64, periods: int, warm_up: int = 0) -> float:
        """Exact expected (discounted) cost of the ``periods`` after a warm-up from empty; the first counts in full.

        Args:
            orders: ``[ages..., pipeline...]``, whole units from 0 to the largest order.
            periods: counted.
            warm_up: periods before, not counted.

        Raises:
            ConfigError: orders for other states, or out of range.
        """
        if orders.shape != self._shape or orders.min() < 0 or orders.max() > self.most_order:
            raise ConfigError(f"Orders must have the shape {self._shape} and lie between 0 and {self.most_order}.")
        move = self._under(orders)
        pay = (self._period[self._age_axes] + self.purchase * orders).ravel()
        value = np.zeros(pay.size)
        for _ in range(periods):
            value = pay + self.discount * (move @ value)
        chance = np.zeros(pay.size)
        chance[0] = 1.0
        for _ in range(warm_up):
            chance = move.T @ chance
        return float(chance @ value)

    # --- one period -----------------------------------------------------------------------------------------------

    @property
    def _size(self) -> int:
        return self.most_order + 1

    @property
    def _shape(self) -> tuple[int, ...]:
        return (self._size,) * (self.shelf_life + self.lead_time - 1)

    @property
    def _age_axes(self) -> tuple[slice | None, ...]:
        """Index that lines costs by age up with the pipeline axes."""
        return (slice(None),) * self.shelf_life + (None,) * (self.lead_time - 1)

    def _ahead(self, value: F64) -> F64:
        """``[ages..., pipeline..., order]`` purchase and expected discounted value after it."""
        kept = self._size ** (self.shelf_life - 1)
        # the next state is what is left of the ages, then arrivals; the newest arrival and the pipeline shift by one
        after = self._moves @ value.reshape(kept, -1)
        ahead = self.discount * after.reshape((self._size,) * self.shelf_life + (self._size,) * self.lead_time)
        return np.asarray(ahead + self.purchase * np.arange(self._size))

    def _under(self, orders: I64) -> sparse.csr_array:
        """``(states, states)`` probabilities of the moves under these orders."""
        pipelines = self._size ** (self.lead_time - 1)
        state = np.arange(orders.size)
        rows = self._moves[state // pipelines]
        arriving = (state % pipelines) * self._size + orders.ravel()  # the pipeline with the order behind it
        to = rows.indices * self._size**self.lead_time + np.repeat(arriving, np.diff(rows.indptr))
        return sparse.csr_array((rows.data, to, rows.indptr), shape=(state.size, state.size))

    @cached_property
    def _outcomes(self) -> tuple[I64, F64, F64, F64]:
        """Per age state and demand: next ages (flat), units kept, short and wasted."""
        stock = np.indices((self._size,) * self.shelf_life).reshape(self.shelf_life, -1, 1)  # [age, state, 1]
        units = np.arange(self.demand.from_zero().size)
        left = np.broadcast_to(stock, (self.shelf_life, stock.shape[1], units.size)).copy()
        unmet = np.broadcast_to(units, left.shape[1:]).copy()
        for age in range(self.shelf_life) if self.issue == "fifo" else range(self.shelf_life - 1, -1, -1):
            served = np.minimum(left[age], unmet)
            left[age] -= served
            unmet -= served
        to = np.zeros(left.shape[1:], dtype=np.int64)
        for age in range(1, self.shelf_life):
            to = to * self._size + left[age]
        return to, left[1:].sum(axis=0).astype(np.float64), unmet.astype(np.float64), left[0].astype(np.float64)

    @cached_property
    def _period(self) -> F64:
        """``[ages...]`` expected holding, shortage and waste of a period."""
        _, kept, short, wasted = self._outcomes
        money = self.holding * kept + self.shortage * short + self.waste * wasted
        return np.asarray((money @ self.demand.from_zero()).reshape((self._size,) * self.shelf_life))

    @cached_property
    def _moves(self) -> sparse.csr_array:
        """``(ages, ages kept)`` probabilities."""
        to = self._outcomes[0]
        row = np.repeat(np.arange(to.shape[0]), to.shape[1])
        chance = np.tile(self.demand.from_zero(), to.shape[0])
        return sparse.csr_array((chance, (row, to.ravel())), shape=(to.shape[0], self._size ** (self.shelf_life - 1)))
