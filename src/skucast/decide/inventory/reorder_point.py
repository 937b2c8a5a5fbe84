"""(r,Q): when the inventory position falls to ``r``, order ``Q``.

The position is then uniform over ``r`` to ``r + Q`` and independent of the demand that comes during the lead time, so
the cost is exact for any distribution of lead-time demand: ``K d / Q`` and the mean of ``h E(y - D)+ + p E(D - y)+``
over the positions ``y``. On a grid the positions are ``r + 1 ... r + Q`` steps, for continuous demand the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize

from ...errors import ConfigError
from ...forecast import F64
from .checks import not_negative, positive, share
from .continuous import Normal
from .demand import AnyDemand, Demand, as_demand, expected_cost
from .distribution import Distribution
from .eoq import eoq, eoq_backorders
from .loss import inverse_normal_loss
from .newsvendor import newsvendor

_HALVINGS = 200
_ROUNDS = 10_000


class ReorderPoint(NamedTuple):
    """An (r,Q) policy.

    Attributes:
        r: reorder point, units.
        Q: order quantity, units.
        cost: expected cost per unit of time.
    """

    r: float
    Q: float
    cost: float


def rq_cost(
    r: float, quantity: float, lead_demand: Demand, rate: float, holding: float, shortage: float, fixed: float
) -> float:
    """Exact cost per unit of time of any (r,Q).

    Args:
        r: reorder point.
        quantity: units per order, whole steps where demand is a `Distribution`.
        lead_demand: demand over the lead time. Of a supplier who is only asked every period, over the lead time and
            one period more.
        rate: expected demand per unit of time.
        holding: money per unit held and unit of time.
        shortage: money per unit waiting and unit of time.
        fixed: money per order.

    Source: Zipkin (2000), Foundations of Inventory Management, section 6.2; Zheng (1992), Management Science 38.
    """
    positive(quantity=quantity, rate=rate)
    not_negative(holding=holding, shortage=shortage, fixed=fixed)
    if isinstance(lead_demand, Distribution):
        steps = quantity / lead_demand.step
        if abs(steps - round(steps)) > 1e-9:
            raise ConfigError(
                f"The order quantity must be a multiple of the step {lead_demand.step:g}, not {quantity:g}."
            )
        levels = r + lead_demand.step * np.arange(1, round(steps) + 1)
        return float(fixed * rate / quantity + expected_cost(lead_demand, levels, holding, shortage).mean())
    waiting = (lead_demand.second_loss(r) - lead_demand.second_loss(r + quantity)) / quantity
    held = r + quantity / 2 - lead_demand.mean
    return float(fixed * rate / quantity + holding * held + (holding + shortage) * waiting)


def rq_exact(lead_demand: Distribution, rate: float, holding: float, shortage: float, fixed: float) -> ReorderPoint:
    """The cheapest (r,Q) on a grid of units, exactly. Arguments as of `rq_cost`.

    Costs of positions are convex, so the best ``Q`` positions are the ``Q`` cheapest ones: they are added one by one
    while the next costs less than the average so far.

    Source: Federgruen & Zheng (1992), An efficient algorithm for computing an optimal (r,Q) policy, Operations
    Research 40.
    """
    positive(rate=rate, holding=holding, shortage=shortage)
    not_negative(fixed=fixed)
    step, top = lead_demand.step, float(newsvendor(lead_demand, holding, shortage).quantity)
    reach = 64
    while True:
        levels = top + step * np.arange(-reach, reach + 1)
        price = expected_cost(lead_demand, levels, holding, shortage)
        order = np.argsort(price, kind="stable")
        average = (fixed * rate / step + np.cumsum(price[order])) / np.arange(1, order.size + 1)
        best = int(np.argmin(average))
        chosen = levels[order[: best + 1]]
        if best + 1 < order.size and levels[0] < chosen.min() and chosen.max() < levels[-1]:
            return ReorderPoint(float(chosen.min()) - step, step * (best + 1), float(average[best]))
        reach *= 4
        if reach > 4_000_000:
            raise ConfigError("The best order has over a million steps of units; give a larger step.")


def rq_best_r(quantity: float, lead_demand: Demand, holding: float, shortage: float) -> float:
    """The best reorder point for a given quantity: where ``r`` and ``r + Q`` cost the same.

    Args:
        quantity: units per order, above zero.
        lead_demand: demand over the lead time; on a grid the answer is on it.
        holding: money per unit held and unit of time.
        shortage: money per unit waiting and unit of time.
    """
    positive(quantity=quantity, holding=holding, shortage=shortage)
    top = float(newsvendor(lead_demand, holding, shortage).quantity)
    if isinstance(lead_demand, Distribution):
        step, n = lead_demand.step, round(quantity / lead_demand.step)
        levels = top + step * np.arange(-n, n + 1)
        total = np.convolve(expected_cost(lead_demand, levels, holding, shortage), np.ones(n), "valid")
        return float(levels[int(np.argmin(total))] - step)

    def slope(r: float) -> float:
        here, there = expected_cost(lead_demand, np.array([r, r + quantity]), holding, shortage)
        return float(here - there)

    return _root(slope, top - quantity, top)


def rq_continuous(lead_demand: Demand, rate: float, holding: float, shortage: float, fixed: float) -> ReorderPoint:
    """The cheapest (r,Q) for continuous demand, exactly: the cost at both ends equals the cost of the policy.

    Arguments as of `rq_cost`. Source: Zheng (1992), On properties of stochastic inventory systems, Management
    Science 38.
    """
    positive(rate=rate, fixed=fixed)
    high = float(eoq_backorders(fixed, holding, shortage, rate).quantity)
    low = high / 2  # the best quantity is at least that without uncertainty

    def ends(quantity: float) -> float:
        r = rq_best_r(quantity, lead_demand, holding, shortage)
        cost = rq_cost(r, quantity, lead_demand, rate, holding, shortage, fixed)
        return float(expected_cost(lead_demand, r, holding, shortage)) - cost

    for _ in range(60):
        if ends(high) >= 0:
            break
        high *= 2
    quantity = _root(ends, low, high)
    r = rq_best_r(quantity, lead_demand, holding, shortage)
    return ReorderPoint(r, quantity, rq_cost(r, quantity, lead_demand, rate, holding, shortage, fixed))


RqHeuristic = Literal["loss-function", "eoqb", "eoq+ss", "expected-level"]
"""Names of the classic approximations of `rq_normal`."""


def rq_normal(
    mean: float,
    sd: float,
    lead_time: float,
    holding: float,
    shortage: float,
    fixed: float,
    method: Literal["exact"] | RqHeuristic = "exact",
) -> ReorderPoint:
    """(r,Q) for normal demand, exactly or by a textbook approximation.

    Args:
        mean: demand per unit of time.
        sd: its standard deviation per unit of time.
        lead_time: in the same unit.
        holding: money per unit held and unit of time.
        shortage: money per unit waiting and unit of time; for ``expected-level`` per unit short.
        fixed: money per order.
        method: ``exact`` (Zheng 1992); ``loss-function`` (Hadley & Whitin 1963: ``n(r) = h Q / (h + p)``);
            ``eoqb``, the quantity with planned backorders and its best ``r``; ``eoq+ss``, the plain quantity and the
            newsvendor's level; ``expected-level``, the iteration of Whitin (1953), where
            ``1 - F(r) = Q h / (p d)``.

    Returns:
        The policy; its cost is exact, but for ``expected-level``, where it is that of its own formula.

    Source: Snyder & Shen (2019), Fundamentals of Supply Chain Theory, sections 5.2 and 5.3.
    """
    positive(mean=mean, sd=sd, lead_time=lead_time, holding=holding, shortage=shortage, fixed=fixed)
    demand = Normal(mean * lead_time, sd * np.sqrt(lead_time))
    if method == "exact":
        return rq_continuous(demand, mean, holding, shortage, fixed)
    quantity = float(eoq(fixed, holding, mean).quantity)
    if method == "expected-level":
        return _expected_level(demand, mean, holding, shortage, fixed, quantity)
    if method == "eoqb":
        quantity = float(eoq_backorders(fixed, holding, shortage, mean).quantity)
        r = rq_best_r(quantity, demand, holding, shortage)
    elif method == "eoq+ss":
        r = float(demand.quantile(shortage / (holding + shortage)))
    elif method == "loss-function":
        r, quantity = _loss_function(demand, mean, holding, shortage, fixed, quantity)
    else:
        raise ConfigError(f"No method '{method}' for (r,Q): exact, loss-function, eoqb, eoq+ss or expected-level.")
    return ReorderPoint(r, quantity, rq_cost(r, quantity, demand, mean, holding, shortage, fixed))


def reorder_point_for_cycle_service(lead_demand: AnyDemand, target: npt.ArrayLike) -> F64:
    """The least ``r`` with a chance of at least ``target`` that the lead time passes without shortage (type 1)."""
    share(target=target)
    return np.asarray(as_demand(lead_demand).quantile(target))[()]


def reorder_point_for_fill_rate(
    lead_demand: AnyDemand, quantity: npt.ArrayLike, target: npt.ArrayLike, whole_cycle: bool = True
) -> F64:
    """The ``r`` with which a share ``target`` of demand is served at once (type 2).

    Args:
        lead_demand: demand over the lead time.
        quantity: units per order.
        target: between 0 and 1.
        whole_cycle: exact, ``(n(r) - n(r + Q)) / Q = 1 - target``; False leaves ``n(r + Q)`` out as Nahmias and most
            tables do, which asks for a little more where orders are small.

    Returns:
        Reorder points, not rounded: take the next unit above for counts. May be negative.

    Source: Nahmias, Production and Operations Analysis, section 5.5; Silver, Pyke & Thomas (2017), section 6.7.
    """
    positive(quantity=quantity)
    share(target=target)
    law = as_demand(lead_demand)
    q, wanted = np.asarray(quantity, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if isinstance(law, Normal) and not whole_cycle:
        return np.asarray(law.mean + np.sqrt(law.var) * inverse_normal_loss((1 - wanted) * q / np.sqrt(law.var)))[()]
    shape = np.broadcast(q, wanted, law.mean).shape
    # at r = -Q nothing is served in time, or n(r) > Q: too little; far above, everything is
    low = np.broadcast_to(np.minimum(0.0, law.mean) - q, shape).copy()
    high = np.broadcast_to(np.maximum(law.quantile(1 - 1e-13), 0.0), shape).copy()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        late = law.loss(middle) - (law.loss(middle + q) if whole_cycle else 0.0)
        fine = late <= (1 - wanted) * q
        low, high = np.where(fine, low, middle), np.where(fine, middle, high)
        if np.all(high - low <= 1e-13 * (1 + np.abs(high))):
            break
    return np.asarray(high)[()]


def _expected_level(
    demand: Normal, rate: float, holding: float, shortage: float, fixed: float, quantity: float
) -> ReorderPoint:
    r = np.inf
    for _ in range(_ROUNDS):
        before = (r, quantity)
        chance = quantity * holding / (shortage * rate)
        if not chance < 1:
            raise ConfigError(
                "Shortage is too cheap for this approximation: holding an order costs more. Take 'exact'."
            )
        r = float(demand.quantile(1 - chance))
        quantity = float(np.sqrt(2 * rate * (fixed + shortage * demand.loss(r)) / holding))
        if _settled(before, (r, quantity)):
            break
    cost = holding * (r - demand.mean + quantity / 2) + (fixed + shortage * demand.loss(r)) * rate / quantity
    return ReorderPoint(r, quantity, float(cost))


def _loss_function(
    demand: Normal, rate: float, holding: float, shortage: float, fixed: float, quantity: float
) -> tuple[float, float]:
    r, spread = np.inf, float(np.sqrt(demand.var))
    for _ in range(_ROUNDS):
        before = (r, quantity)
        loss = holding * quantity / (holding + shortage)
        r = float(demand.mean + spread * inverse_normal_loss(loss / spread))
        waiting = (holding + shortage) * float(demand.second_loss(r))
        quantity = float(np.sqrt(2 * (fixed * rate + waiting) / holding))
        if _settled(before, (r, quantity)):
            break
    return r, quantity


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where the function, of unlike signs at both ends, is zero."""
    return float(optimize.brentq(function, low, high, xtol=1e-12 * (1 + abs(low) + abs(high)), rtol=1e-14))


def _settled(before: tuple[float, float], now: tuple[float, float]) -> bool:
    return all(abs(a - b) <= 1e-10 * (1 + abs(b)) for a, b in zip(before, now, strict=True))
