"""(s,S): when the position has fallen to ``s`` or below, order up to ``S``. With a review every R periods, (R,s,S).

Exact for any independent demand on a grid, by renewal theory: between two orders the position falls from ``S`` by one
review's demand at a time, and each position costs what the levels below it will cost once the lead time is over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...errors import ConfigError
from ...forecast import F64
from .checks import not_negative, positive, whole
from .continuous import Normal
from .demand import expected_cost
from .distribution import Distribution

_MOST = 1_000_000  # grid levels looked at


class MinMax(NamedTuple):
    """An (s,S) policy.

    Attributes:
        s: reorder point: order when the position is at or below it.
        S: order-up-to level.
        cost: expected cost per period; NaN for an approximation.
    """

    s: float
    S: float
    cost: float


def min_max_exact(
    demand: Distribution,
    holding: float,
    shortage: float,
    fixed: float,
    lead_time: int | Distribution = 0,
    review: int = 1,
) -> MinMax:
    """The cheapest (s,S), and with ``review`` above one the cheapest (R,s,S), exactly.

    Args:
        demand: of one period, independent between periods, not negative.
        holding: money per unit held at the end of a period.
        shortage: money per unit waiting at the end of a period.
        fixed: money per order.
        lead_time: periods between order and delivery, or their distribution if orders never overtake each other;
            with 0 an order serves the demand of its own period.
        review: periods between two looks at the stock.

    Raises:
        ConfigError: there is never any demand, or the best level lies beyond a million steps.

    Source: Zheng & Federgruen (1991), Finding optimal (s,S) policies is about as simple as evaluating a single
    policy, Operations Research 39.
    """
    renewal, level = _prepared(demand, holding, shortage, fixed, lead_time, review)
    start = level.lowest()
    s, top = start - 1, start
    while renewal.cost(level, s, top, fixed) > level(s):
        s -= 1
    best = renewal.cost(level, s, top, fixed)
    trial = top + 1
    while level(trial) <= best:
        if renewal.cost(level, s, trial, fixed) < best:
            top = trial
            while renewal.cost(level, s, top, fixed) <= level(s + 1) and s + 1 < top:
                s += 1
            best = renewal.cost(level, s, top, fixed)
        trial += 1
    return MinMax(s * demand.step, top * demand.step, best / review)


def min_max_cost(
    s: float,
    S: float,
    demand: Distribution,
    holding: float,
    shortage: float,
    fixed: float,
    lead_time: int | Distribution = 0,
    review: int = 1,
) -> float:
    """Exact cost per period of any (s,S); arguments as of `min_max_exact`.

    Raises:
        ConfigError: ``s`` is not below ``S``, or they are not on the grid of demand.
    """
    low, high = s / demand.step, S / demand.step
    if not low < high or abs(low - round(low)) + abs(high - round(high)) > 1e-9:
        raise ConfigError(f"(s,S) needs s below S, both multiples of the step {demand.step:g}; got {s:g} and {S:g}.")
    renewal, level = _prepared(demand, holding, shortage, fixed, lead_time, review)
    return renewal.cost(level, round(low), round(high), fixed) / review


def min_max_power(
    mean: float,
    sd: float,
    holding: float,
    shortage: float,
    fixed: float,
    lead_time: int = 0,
    small_orders: bool = False,
) -> MinMax:
    """(s,S) by the revised power approximation: closed form from mean and spread alone.

    Args:
        mean: demand per period.
        sd: its standard deviation.
        holding: money per unit held at the end of a period.
        shortage: money per unit waiting at the end of a period.
        fixed: money per order.
        lead_time: periods; demand over one more counts, so 0 takes ``mean`` and ``sd`` as they are.
        small_orders: apply the authors' second rule: where orders are below 1.5 periods of demand, neither level
            exceeds the newsvendor's. Textbooks that print only the first formulas leave it out.

    Source: Ehrhardt & Mosier (1984), A revision of the power approximation for computing (s,S) policies, Management
    Science 30.
    """
    positive(mean=mean, sd=sd, holding=holding, shortage=shortage, fixed=fixed)
    whole(0, lead_time=lead_time)
    mean_ahead, sd_ahead = mean * (lead_time + 1), sd * np.sqrt(lead_time + 1)
    lot = 1.30 * mean**0.494 * (fixed / holding) ** 0.506 * (1 + (sd_ahead / mean) ** 2) ** 0.116
    z = np.sqrt(lot * holding / (sd_ahead * shortage))
    s = 0.973 * mean_ahead + sd_ahead * (0.183 / z + 1.063 - 2.192 * z)
    top = s + lot
    if small_orders and lot / mean < 1.5:
        bound = float(Normal(mean_ahead, sd_ahead).quantile(shortage / (shortage + holding)))
        s, top = min(s, bound), min(top, bound)
    return MinMax(float(s), float(top), float("nan"))


class _Level:
    """Cost of a position, by grid index, kept in a window that grows as it is asked for more."""

    def __init__(self, cost: Callable[[F64], F64], start: int) -> None:
        self._cost, self._low = cost, start - 64
        self._kept = cost(np.arange(start - 64, start + 65, dtype=np.float64))

    def __call__(self, index: int) -> float:
        return float(self.between(index, index + 1)[0])

    def between(self, low: int, high: int) -> F64:
        """Costs of ``low <= index < high``."""
        while low < self._low or high > self._low + self._kept.size:
            reach = self._kept.size
            if reach > _MOST:
                raise ConfigError("The best levels lie beyond a million steps of units; give a larger step.")
            self._low -= reach
            self._kept = self._cost(np.arange(self._low, self._low + 3 * reach, dtype=np.float64))
        return self._kept[low - self._low : high - self._low]

    def lowest(self) -> int:
        """The index with the least cost."""
        while True:
            at = int(np.argmin(self._kept))
            if 0 < at < self._kept.size - 1:
                return self._low + at
            self.between(self._low - 1, self._low)


class _Renewal:
    """Expected visits of each position between two orders."""

    def __init__(self, pmf: F64) -> None:
        if pmf[0] >= 1 - 1e-12:
            raise ConfigError("There is never any demand: no order has to be placed.")
        self._pmf, self._visits = pmf, np.array([1 / (1 - pmf[0])])

    def cost(self, level: _Level, s: int, top: int, fixed: float) -> float:
        """Cost per review of ordering up to ``top`` at or below ``s``."""
        n = top - s
        visits = self._upto(n)
        return float((fixed + visits @ level.between(s + 1, top + 1)[::-1]) / visits.sum())

    def _upto(self, n: int) -> F64:
        if n > _MOST:
            raise ConfigError("The best order has over a million steps of units; give a larger step.")
        if n > self._visits.size:
            size = max(n, 2 * self._visits.size)
            visits = np.zeros(size)
            visits[: self._visits.size] = self._visits
            for j in range(self._visits.size, size):
                reach = min(j, self._pmf.size - 1)
                visits[j] = visits[0] * (self._pmf[1 : reach + 1] @ visits[j - reach : j][::-1])
            self._visits = visits
        return self._visits[:n]


def _prepared(
    demand: Distribution, holding: float, shortage: float, fixed: float, lead_time: int | Distribution, review: int
) -> tuple[_Renewal, _Level]:
    positive(holding=holding, shortage=shortage)
    not_negative(fixed=fixed)
    whole(1, review=review)
    if not isinstance(lead_time, Distribution):
        whole(0, lead_time=lead_time)
        lead_time = Distribution.point(float(lead_time))
    ahead = [demand.over(Distribution(lead_time.pmf, lead_time.low + k)) for k in range(1, review + 1)]
    renewal = _Renewal(demand.times(review).from_zero())

    def cost(index: F64) -> F64:
        levels = index * demand.step
        return np.asarray(sum(expected_cost(d, levels, holding, shortage) for d in ahead))

    middle = float(ahead[-1].quantile(shortage / (holding + shortage)))
    return renewal, _Level(cost, round(middle / demand.step))
