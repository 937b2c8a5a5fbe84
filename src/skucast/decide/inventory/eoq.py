"""Economic order quantities: steady demand, a fixed cost per order, and what suppliers add to it.

Units of time are the caller's: demand per year goes with holding cost per unit and year. All but the discounts take
arrays, one number per item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .checks import not_negative, positive

_HALVINGS = 200


@dataclass(frozen=True, eq=False)
class OrderQuantity:
    """How much to order each time, and what that costs per unit of time.

    Attributes:
        quantity: units.
        cost: ordering and holding, with shortage and purchase where the problem has them.
        backordered: share of demand that waits for the next order.
        tier: index of the price paid, for discounts.
    """

    quantity: F64
    cost: F64
    backordered: F64 | float = 0.0
    tier: int = 0


def eoq(fixed: npt.ArrayLike, holding: npt.ArrayLike, demand: npt.ArrayLike) -> OrderQuantity:
    """``Q = sqrt(2 K d / h)``, at a cost of ``sqrt(2 K d h)``.

    Args:
        fixed: money per order, ``K``.
        holding: money per unit and unit of time, ``h``.
        demand: units per unit of time, ``d``.

    Source: Harris (1913), How many parts to make at once.
    """
    not_negative(fixed=fixed, demand=demand)
    positive(holding=holding)
    k, h, d = _arrays(fixed, holding, demand)
    return OrderQuantity(np.sqrt(2 * k * d / h)[()], np.sqrt(2 * k * d * h)[()])


def eoq_cost(quantity: npt.ArrayLike, fixed: npt.ArrayLike, holding: npt.ArrayLike, demand: npt.ArrayLike) -> F64:
    """``K d / Q + h Q / 2``: ordering and holding per unit of time for any quantity."""
    positive(quantity=quantity)
    q, k, h, d = _arrays(quantity, fixed, holding, demand)
    return np.asarray(k * d / q + h * q / 2)[()]


def eoq_backorders(
    fixed: npt.ArrayLike, holding: npt.ArrayLike, shortage: npt.ArrayLike, demand: npt.ArrayLike
) -> OrderQuantity:
    """Planned backorders: customers wait at ``shortage`` per unit and unit of time.

    Source: Zipkin (2000), Foundations of Inventory Management, section 3.3.
    """
    not_negative(fixed=fixed, demand=demand)
    positive(holding=holding, shortage=shortage)
    k, h, p, d = _arrays(fixed, holding, shortage, demand)
    quantity = np.sqrt(2 * k * d * (h + p) / (h * p))
    return OrderQuantity(quantity[()], np.sqrt(2 * k * d * h * p / (h + p))[()], (h / (h + p))[()])


def eoq_all_units(
    fixed: float, holding_rate: float, demand: float, breakpoints: Sequence[float], unit_costs: Sequence[float]
) -> OrderQuantity:
    """All-units discount: an order of at least ``breakpoints[i]`` pays ``unit_costs[i]`` for every unit.

    Args:
        fixed: money per order.
        holding_rate: cost of holding, as a share of the unit cost per unit of time.
        demand: units per unit of time.
        breakpoints: ``(m,)`` rising, the first zero.
        unit_costs: ``(m,)`` falling.

    Returns:
        The best quantity; its cost holds the purchases.

    Source: Hadley & Whitin (1963), Analysis of Inventory Systems, section 2-11.
    """
    b, c = _tiers(fixed, holding_rate, demand, breakpoints, unit_costs)
    quantity = np.maximum(np.sqrt(2 * fixed * demand / (holding_rate * c)), b)
    cost = c * demand + holding_rate * c * quantity / 2 + _per(fixed * demand, quantity)
    cost[quantity >= np.append(b[1:], np.inf)] = np.inf  # a cheaper tier would apply
    best = int(np.argmin(cost))
    return OrderQuantity(quantity[best], cost[best], tier=best)


def eoq_incremental(
    fixed: float, holding_rate: float, demand: float, breakpoints: Sequence[float], unit_costs: Sequence[float]
) -> OrderQuantity:
    """Incremental discount: only the units above ``breakpoints[i]`` pay ``unit_costs[i]``.

    Arguments and result as of `eoq_all_units`. Source: Hadley & Whitin (1963), section 2-12.
    """
    b, c = _tiers(fixed, holding_rate, demand, breakpoints, unit_costs)
    # what an order pays beyond c times its units, on account of the dearer first units
    extra = np.append(0.0, np.cumsum(c[:-1] * np.diff(b))) - c * b
    quantity = np.sqrt(2 * (fixed + extra) * demand / (holding_rate * c))
    cost = c * demand + holding_rate * (c * quantity + extra) / 2 + _per((fixed + extra) * demand, quantity)
    # prices fall, so the best quantity overall lies inside its tier
    cost[(quantity < b) | (quantity >= np.append(b[1:], np.inf))] = np.inf
    best = int(np.argmin(cost))
    return OrderQuantity(quantity[best], cost[best], tier=best)


def eoq_disruptions_cost(
    quantity: npt.ArrayLike,
    fixed: npt.ArrayLike,
    holding: npt.ArrayLike,
    shortage: npt.ArrayLike,
    demand: npt.ArrayLike,
    disruption_rate: npt.ArrayLike,
    recovery_rate: npt.ArrayLike,
    approximate: bool = False,
) -> F64:
    """Cost per unit of time of ordering ``quantity`` from a supplier who fails and recovers.

    Supply is up for an exponential time with rate ``disruption_rate``, down for one with ``recovery_rate``; unmet
    demand is lost at ``shortage`` per unit.

    Args:
        quantity: units per order, above zero.
        fixed: money per order.
        holding: money per unit and unit of time.
        shortage: money per unit lost.
        demand: units per unit of time.
        disruption_rate: disruptions per unit of time while the supplier delivers.
        recovery_rate: recoveries per unit of time while he does not.
        approximate: the chance of meeting a disruption does not depend on the quantity.

    Sources: Berk & Arreola-Risa (1994), Naval Research Logistics 41; Snyder (2014), IJPE 155 (approximate).
    """
    not_negative(fixed=fixed)
    positive(
        quantity=quantity, holding=holding, shortage=shortage, demand=demand,
        disruption_rate=disruption_rate, recovery_rate=recovery_rate,
    )  # fmt: skip
    q, k, h, p, d, fails, mends = _arrays(quantity, fixed, holding, shortage, demand, disruption_rate, recovery_rate)
    down = fails / (fails + mends)
    if not approximate:
        down = down * -np.expm1(-(fails + mends) * q / d)
    wait = down / mends  # expected time that an order waits for the supplier
    return np.asarray((k + h * q * q / (2 * d) + p * d * wait) / (q / d + wait))[()]


def eoq_disruptions(
    fixed: npt.ArrayLike,
    holding: npt.ArrayLike,
    shortage: npt.ArrayLike,
    demand: npt.ArrayLike,
    disruption_rate: npt.ArrayLike,
    recovery_rate: npt.ArrayLike,
    approximate: bool = False,
) -> OrderQuantity:
    """The cheapest quantity for `eoq_disruptions_cost`: closed form if ``approximate``, else by halving.

    The cost has one minimum in the quantity (Berk & Arreola-Risa 1994): where it stops falling.
    """
    terms = (fixed, holding, shortage, demand, disruption_rate, recovery_rate)
    positive(holding=holding, shortage=shortage, demand=demand, disruption_rate=disruption_rate)
    positive(recovery_rate=recovery_rate)
    not_negative(fixed=fixed)
    k, h, p, d, fails, mends = _arrays(*terms)
    # h Q^2 / 2d + h w Q - (K + p d w) = 0 from the first-order condition with a constant wait w
    wait = fails / (fails + mends) / mends
    guess = -d * wait + np.sqrt((d * wait) ** 2 + 2 * d / h * (k + p * d * wait))
    if approximate:
        return OrderQuantity(guess[()], eoq_disruptions_cost(guess, *terms, approximate=True))
    low, high = np.zeros_like(guess), 2 * guess + 1e-9

    def rising(q: F64) -> npt.NDArray[np.bool_]:
        """Whether the cost grows in the quantity there: the sign of its derivative."""
        gone = np.exp(-(fails + mends) * q / d)
        wait, more = fails / (fails + mends) / mends * (1 - gone), fails / (mends * d) * gone
        money, time = k + h * q * q / (2 * d) + p * d * wait, q / d + wait
        return np.asarray((h * q / d + p * d * more) * time > money * (1 / d + more))

    for _ in range(60):
        up = rising(high)
        if up.all():
            break
        high = np.where(up, high, 2 * high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        up = rising(middle)
        low, high = np.where(up, low, middle), np.where(up, middle, high)
    return OrderQuantity(np.asarray(high)[()], eoq_disruptions_cost(high, *terms))


def _tiers(
    fixed: float, holding_rate: float, demand: float, breakpoints: Sequence[float], unit_costs: Sequence[float]
) -> tuple[F64, F64]:
    not_negative(fixed=fixed)
    positive(holding_rate=holding_rate, demand=demand, unit_costs=unit_costs)
    b, c = _arrays(breakpoints, unit_costs)
    if b.ndim != 1 or b.shape != c.shape or b.size == 0 or b[0] != 0 or (np.diff(b) <= 0).any():
        raise ConfigError("Price breaks must rise from 0, with one unit cost each.")
    if (np.diff(c) > 0).any():
        raise ConfigError("Unit costs must not rise from one price break to the next.")
    return b, c


def _per(money: npt.ArrayLike, quantity: F64) -> F64:
    """Money per order over the quantity; nothing ordered is no money."""
    m = np.broadcast_to(np.asarray(money, dtype=np.float64), quantity.shape)
    return np.asarray(np.divide(m, quantity, out=np.zeros(quantity.shape), where=quantity > 0))


def _arrays(*values: npt.ArrayLike) -> list[F64]:
    return [np.asarray(x, dtype=np.float64) for x in values]
