"""The best policy for lost sales: optimal where that can be computed, and the simple ones that come close.

Costs are long-run expected costs per period, exact to the tolerance, not simulated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .lost_sales import I64, BaseStock, CappedBaseStock, LostSales, PolicyCost, TablePolicy

Bool = npt.NDArray[np.bool_]
_CELLS = 30_000_000
_SWEEPS = 20_000
_SAME = 3e-6  # money per period; costs of chains are not told apart more finely


class ConstantOrder(NamedTuple):
    """The same order every period.

    Attributes:
        quantity: units.
        cost: expected cost per period.
    """

    quantity: int
    cost: float


def optimal_lost_sales(system: LostSales, tolerance: float = 1e-5) -> PolicyCost:
    """The optimal policy by value iteration over the states that can be worth visiting.

    Work grows with the power of the lead time: means of some five units and lead times up to four periods take
    seconds.

    Args:
        system: demand, costs and lead time.
        tolerance: of the cost per period, which is proven from both sides.

    Raises:
        ConfigError: too many states.

    Source: Zipkin (2008), Old and new methods for lost-sales inventory systems, Operations Research 56.
    """
    grid = _Grid.of(system)
    cost = system.period_cost(grid.most).reshape(-1, *[1] * (system.lead_time - 1))
    value = np.zeros(grid.allowed.shape)
    for _ in range(_SWEEPS):
        ahead = grid.next(value)
        ahead[grid.forbidden] = np.inf
        change = cost + ahead.min(axis=-1) - value
        seen = change[grid.reachable]
        low, high = float(seen.min()), float(seen.max())
        if high - low < 2 * tolerance:
            return PolicyCost(TablePolicy(ahead.argmin(axis=-1)), (low + high) / 2)
        value += 0.95 * change  # a little slower, so that no periodic system goes round in a circle
        value -= value.flat[0]
    raise ConfigError("The optimal cost did not settle; ask for a coarser tolerance.")


def myopic_lost_sales(system: LostSales, periods: int = 2) -> PolicyCost:
    """Order as if the world ended soon after the order arrives: one period then, or two (myopic-2).

    With ``periods = 1`` the order minimises the expected cost of the period in which it arrives; with 2 also that of
    the next, whose own order is then chosen in the same short-sighted way.

    Sources: Morton (1971), The near-myopic nature of the lagged-proportional-cost inventory problem with lost sales,
    Operations Research 19; Zipkin (2008), Operations Research 56.
    """
    if periods not in (1, 2):
        raise ConfigError(f"A myopic policy looks at 1 or 2 periods, not {periods}.")
    grid = _Grid.of(system)
    arrival = system.period_cost(grid.most)
    for _ in range(system.lead_time):
        arrival = grid.next(arrival)  # ends as [x_0, ..., x_{L-1}, z], the cost of the period in which z is there
    total = arrival
    total[grid.forbidden] = np.inf
    if periods == 2:
        total = arrival + grid.next(arrival.min(axis=-1))
    policy = TablePolicy(total.argmin(axis=-1))
    return PolicyCost(policy, system.cost_of(policy))


def best_base_stock(system: LostSales) -> PolicyCost:
    """The base-stock level with the least cost; cost is convex in the level.

    Source: Janakiraman & Roundy (2004), Lost-sales problems with stochastic lead times: convexity results for
    base-stock policies, Operations Research 52.
    """
    level = int(system.limits[0])  # the best level with backorders is never too low
    best = PolicyCost(BaseStock(level), system.cost_of(BaseStock(level)))
    while level > 0:
        level -= 1
        cost = system.cost_of(BaseStock(level))
        if cost > best.cost:
            break
        best = PolicyCost(BaseStock(level), cost)
    return best


def best_capped_base_stock(system: LostSales) -> PolicyCost:
    """The level and the cap with the least cost, by search along both.

    For each cap, from the largest worth trying down, the level is moved while that lowers the cost; smaller caps end
    once two in a row did not help.
    """
    level, cap = int(system.limits[0]), int(system.limits[-1])
    best = PolicyCost(BaseStock(level), float("inf"))
    worse = 0
    while cap > 0 and worse < 2:
        level, cost = _best_level(system, cap, level)
        if cost < best.cost - _SAME:
            best, worse = PolicyCost(CappedBaseStock(level, cap), cost), 0
        elif cost > best.cost + _SAME:
            worse += 1
        cap -= 1
    return best


def constant_order_cost(system: LostSales, quantity: int, most: int | None = None) -> float:
    """Cost per period of ordering the same quantity always; the lead time does not matter.

    Args:
        system: demand and costs.
        quantity: units per period, below mean demand unless ``most`` is given.
        most: units that the shelf holds; what arrives above is sent back at no cost. None is a shelf without end.

    Raises:
        ConfigError: stock would grow without end.
    """
    if most is None:
        if quantity >= system.demand.mean:
            raise ConfigError(
                f"Ordering {quantity} always, with a mean demand of {system.demand.mean:.3g}, piles up stock without end."
            )
        # stock beyond has a chance that falls by a constant factor: widen until the answer stands
        size, last = 4 * system.pmf.size + 4 * quantity, np.inf
        while True:
            cost = _constant(system, quantity, size)
            if abs(cost - last) < 1e-9:
                return cost
            size, last = 2 * size, cost
            if size > 20_000:
                raise ConfigError("Demand is too heavy-tailed for an exact constant-order cost.")
    return _constant(system, quantity, most)


def best_constant_order(system: LostSales, most: int | None = None) -> ConstantOrder:
    """The whole quantity with the least `constant_order_cost`; close to optimal where lead times are long.

    Source: Reiman (2004); Goldberg, Katz-Rogozhnikov, Lu, Sharma & Squillante (2016), Asymptotic optimality of
    constant-order policies for lost sales inventory models with large lead times, Mathematics of Operations Research.
    """
    top = int(np.ceil(system.demand.mean)) - 1 if most is None else int(most)
    costs = [constant_order_cost(system, q, most) for q in range(max(top, 0) + 1)]
    best = int(np.argmin(costs))
    return ConstantOrder(best, costs[best])


def _best_level(system: LostSales, cap: int, start: int) -> tuple[int, float]:
    """The best level at a cap, walking from ``start``."""
    level, cost = start, system.cost_of(CappedBaseStock(start, cap))
    for step in (-1, 1):
        moved = False
        while level + step >= 0:
            other = system.cost_of(CappedBaseStock(level + step, cap))
            if other >= cost - _SAME:
                break
            level, cost, moved = level + step, other, True
        if moved:
            break
    return level, cost


def _constant(system: LostSales, quantity: int, most: int) -> float:
    """Cost of a constant order with at most ``most`` units on hand, from the stationary distribution."""
    left = system.left(most)
    move = np.zeros_like(left)
    to = np.minimum(np.arange(most + 1) + quantity, most)
    np.add.at(move.T, to, left.T)
    # pi (I - P) = 0 with one equation replaced by sum(pi) = 1
    system_of = np.eye(most + 1) - move.T
    system_of[-1] = 1.0
    right = np.zeros(most + 1)
    right[-1] = 1.0
    return float(np.linalg.solve(system_of, right) @ system.period_cost(most))


class _Grid(NamedTuple):
    """States within the limits as a dense array ``[x_0, x_1, ..., x_{L-1}]``, and orders as one more axis."""

    most: int  # units on hand
    order: int  # units per order
    left: F64
    allowed: I64  # [x...] most units of an order
    forbidden: Bool  # [x..., z]
    reachable: Bool  # [x...] within the limits

    @classmethod
    def of(cls, system: LostSales) -> _Grid:
        limits, n = system.limits, system.lead_time
        most, order = int(limits[0]), int(limits[-1])
        shape = (most + 1, *[order + 1] * (n - 1))
        if float(np.prod([float(k) for k in shape])) * (order + 1) > _CELLS:
            raise ConfigError(
                "Too many states for an exact answer: shorten the lead time, count in packs, or simulate."
            )
        allowed = np.full(shape, order, dtype=np.int64)
        due = np.zeros(shape, dtype=np.int64)
        for k in range(n - 1, -1, -1):
            axis = np.arange(shape[k]).reshape([-1 if j == k else 1 for j in range(n)])
            due = due + axis
            allowed = np.minimum(allowed, limits[k] - due)
        reachable = allowed >= 0
        allowed = np.maximum(allowed, 0)
        return cls(most, order, system.left(most), allowed, np.arange(order + 1) > allowed[..., None], reachable)

    def next(self, value: F64) -> F64:
        """``E value(next state)`` as ``[x_0, x_1, ..., z]`` of ``value[x_0, ...]``: one axis more."""
        arrive = np.minimum(np.arange(self.most + 1)[:, None] + np.arange(self.order + 1), self.most)
        moved = value[arrive]  # [left, x_1, ...]
        return np.asarray(np.tensordot(self.left, moved, axes=(1, 0)))
