"""Spending a budget: which orders to fund as a whole, and which next unit of which item earns most per money.

`fund` is exact (an integer programme, HiGHS). `PriorityList` is the buyer's list: every further unit of an item
earns less than the one before, so buying in order of gain per unit of money is best but for the last coins; the linear
bound and the integer optimum say how little is missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse

from ...errors import ConfigError
from ...forecast import F64
from .checks import not_negative, positive
from .demand import AnyDemand, as_demand

_TINY = 1e-9


class Funded(NamedTuple):
    """Orders to fund.

    Attributes:
        chosen: ``(n,)`` True where funded.
        value: what they bring.
        bound: proven upper bound of it; equal to ``value`` unless time ran out.
    """

    chosen: npt.NDArray[np.bool_]
    value: float
    bound: float


def fund(values: npt.ArrayLike, weights: npt.ArrayLike, capacity: npt.ArrayLike, seconds: float = 30.0) -> Funded:
    """The whole orders of greatest value within one or several capacities (0/1 knapsack).

    Args:
        values: ``(n,)`` money that each brings.
        weights: ``(n,)`` of each, or ``(k, n)`` for k capacities (money, pallets, kilograms).
        capacity: a number, or ``(k,)``.
        seconds: time limit; `Funded.bound` tells what may be missed if it is reached.

    Raises:
        ConfigError: shapes that do not match, or no solution in time.
    """
    not_negative(weights=weights, capacity=capacity)
    v = np.asarray(values, dtype=np.float64)
    w = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    c = np.atleast_1d(np.asarray(capacity, dtype=np.float64))
    if v.ndim != 1 or w.shape != (c.size, v.size):
        raise ConfigError(
            f"{v.size} values and {c.size} capacities need weights of shape ({c.size}, {v.size}), not {w.shape}."
        )
    if v.size == 0:
        return Funded(np.zeros(0, dtype=np.bool_), 0.0, 0.0)
    solved = _milp(v, w, c, np.ones(v.size), seconds)
    chosen = np.rint(solved.x).astype(np.bool_)
    return Funded(chosen, float(v[chosen].sum()), _bound(solved, float(v[chosen].sum())))


@dataclass(frozen=True, eq=False)
class PriorityList:
    """Lots in the order of purchase, best gain per unit of money first.

    Attributes:
        item: ``(m,)`` index of the item.
        number: ``(m,)`` which lot of the item, from 1.
        gain: ``(m,)`` expected gain of the lot.
        cost: ``(m,)`` money.
    """

    item: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    gain: F64
    cost: F64

    @classmethod
    def of(cls, gains: npt.ArrayLike, lot_cost: npt.ArrayLike) -> PriorityList:
        """Rank all lots that gain.

        Args:
            gains: ``(S, K)`` expected gain of the first, second... lot of each item, not rising along a row.
            lot_cost: ``(S,)`` money per lot.

        Raises:
            ConfigError: a later lot of an item gains more than an earlier one.
        """
        g, c = np.asarray(gains, dtype=np.float64), np.asarray(lot_cost, dtype=np.float64)
        positive(lot_cost=c)
        if g.ndim != 2 or c.shape != g.shape[:1]:
            raise ConfigError(f"Gains must come as (items, lots) with one cost per item, not {g.shape} with {c.shape}.")
        if (np.diff(g, axis=1) > _TINY * (1 + np.abs(g[:, :-1]))).any():
            raise ConfigError("A later lot gains more than an earlier one: a ranked list would buy it first.")
        g = np.minimum.accumulate(g, axis=1)  # rounding must not put a later lot before an equal one
        row, lot = np.nonzero(g > 0)
        order = np.lexsort((lot, row, -g[row, lot] / c[row]))
        row, lot = row[order], lot[order]
        return cls(row, lot + 1, g[row, lot], c[row])

    def __len__(self) -> int:
        """Lots."""
        return int(self.item.size)

    def within(self, budget: float) -> npt.NDArray[np.bool_]:
        """``(m,)`` the lots that a buyer takes who goes down the list and skips what no longer fits."""
        not_negative(budget=budget)
        taken, left = np.zeros(len(self), dtype=np.bool_), budget
        for k, cost in enumerate(self.cost):
            if cost <= left * (1 + 1e-12):
                taken[k] = True
                left -= cost
        return taken

    def quantities(self, taken: npt.NDArray[np.bool_], items: int) -> npt.NDArray[np.int64]:
        """``(items,)`` lots per item."""
        return np.bincount(self.item[taken], minlength=items)

    def bounds(self, budget: float, seconds: float = 30.0) -> Bounds:
        """What the list earns within a budget, the integer optimum, and the linear bound above both."""
        greedy = float(self.gain[self.within(budget)].sum())
        if not len(self):
            return Bounds(0.0, 0.0, 0.0)
        spent = np.cumsum(self.cost)
        share = np.clip((budget - (spent - self.cost)) / self.cost, 0.0, 1.0)  # the first that does not fit, in part
        # the lots of an item are alike in cost and fall in gain: one integer per lot needs no order among them
        solved = _milp(self.gain, self.cost[None], np.array([budget]), np.ones(len(self)), seconds)
        return Bounds(greedy, float(self.gain @ np.rint(solved.x)), float(self.gain @ share))


class Bounds(NamedTuple):
    """Gains within a budget: ``greedy <= integer <= linear``."""

    greedy: float
    integer: float
    linear: float


def marginal_gains(
    demand: AnyDemand,
    lots: int,
    price: npt.ArrayLike,
    unit_cost: npt.ArrayLike,
    salvage: npt.ArrayLike = 0.0,
    carrying: npt.ArrayLike = 0.0,
    shortage: npt.ArrayLike = 0.0,
    position: npt.ArrayLike = 0.0,
    pack: npt.ArrayLike = 1.0,
) -> F64:
    """``(S, lots)`` expected gain of each further pack of each item.

    A pack gains what its units are expected to sell, at the margin and the shortage cost avoided, less what its
    unsold units lose: their cost and carrying, less salvage.

    Args:
        demand: over the protection interval, ``(S,)`` parameters or ``(S, n)`` draws.
        lots: packs looked at.
        price: money per unit sold.
        unit_cost: money per unit bought.
        salvage: money per unit left over; what it may still be sold for later, if it keeps.
        carrying: money per unit left over until then.
        shortage: money per unit short beyond the margin.
        position: units there and on order.
        pack: units per pack.

    Source: fractional knapsack with falling marginal returns, Hadley & Whitin (1963), section 6-7.
    """
    positive(pack=pack)
    law = as_demand(demand)
    r, c, v, h, p, have, size = np.broadcast_arrays(*(
        np.atleast_1d(np.asarray(x, dtype=np.float64))
        for x in (price, unit_cost, salvage, carrying, shortage, position, pack)
    ))  # fmt: skip
    served = np.stack([-np.atleast_1d(law.loss(_like(law.mean, have + k * size))) for k in range(lots + 1)], axis=1)
    sold = np.diff(served, axis=1)  # expected units of the pack that find a buyer
    size = np.broadcast_to(size, sold.shape[:1])
    under, over = np.atleast_1d(r - c + p), np.atleast_1d(c - v + h)
    return np.asarray((under + over)[:, None] * sold - (over * size)[:, None])


def _like(mean: F64, level: F64) -> F64:
    """A number for one item, else one per item."""
    return level if np.ndim(mean) or level.size > 1 else level[0]


def _milp(value: F64, weight: F64, capacity: F64, most: F64, seconds: float) -> optimize.OptimizeResult:
    solved = optimize.milp(
        -value,
        constraints=optimize.LinearConstraint(sparse.csr_array(weight), -np.inf, capacity),
        bounds=optimize.Bounds(0, most),
        integrality=np.ones(value.size),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    if solved.x is None:
        raise ConfigError(f"No selection was found within {seconds:g} seconds: allow more, or fewer orders at a time.")
    return solved


def _bound(solved: optimize.OptimizeResult, value: float) -> float:
    dual = getattr(solved, "mip_dual_bound", None)
    return value if dual is None else max(value, -float(dual))
