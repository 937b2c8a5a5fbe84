"""The newsvendor: one order for one season, in costs or in profit, for any distribution of demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from ..order_up_to import critical_ratio
from .checks import not_negative, positive
from .demand import AnyDemand, as_demand, expected_cost


@dataclass(frozen=True, eq=False)
class Newsvendor:
    """The best order, a number or one per item.

    Attributes:
        quantity: units; a whole number for counts, never below zero.
        cost: expected cost of leftovers and shortage at that quantity.
        ratio: critical ratio, the cycle service level that pays.
        profit: expected profit, for the profit form; NaN else.
    """

    quantity: F64
    cost: F64
    ratio: F64
    profit: F64 | float = float("nan")


def newsvendor(demand: AnyDemand, holding: npt.ArrayLike, shortage: npt.ArrayLike) -> Newsvendor:
    """Least expected ``h E(Q - D)+ + p E(D - Q)+``: the quantile of demand at ``p / (p + h)``.

    Args:
        demand: `Normal`, `Lognormal`, `Gamma`, `Distribution`, or draws ``(n,)`` or ``(S, n)``.
        holding: money per unit left over.
        shortage: money per unit short.

    Raises:
        ConfigError: a cost is negative, or both are zero.

    Source: Arrow, Harris & Marschak (1951), Econometrica 19.
    """
    not_negative(holding=holding, shortage=shortage)
    h, p = np.asarray(holding, dtype=np.float64), np.asarray(shortage, dtype=np.float64)
    if ((h + p) <= 0).any():
        raise ConfigError("Holding and shortage cost must not both be zero: any quantity would do.")
    law = as_demand(demand)
    ratio = critical_ratio(p, h)
    # at a ratio of one the best quantity has no end; a law with an end keeps it
    quantity = np.where(ratio > 0, np.maximum(law.quantile(ratio), 0.0), 0.0)
    if not np.isfinite(quantity).all():
        raise ConfigError("With no cost of leftovers there is no best quantity; give a holding cost above zero.")
    return Newsvendor(np.asarray(quantity)[()], expected_cost(law, quantity, h, p), ratio[()])


def newsvendor_profit(
    demand: AnyDemand,
    price: npt.ArrayLike,
    unit_cost: npt.ArrayLike,
    salvage: npt.ArrayLike = 0.0,
    goodwill: npt.ArrayLike = 0.0,
) -> Newsvendor:
    """Greatest expected profit of one order: sell at ``price``, clear leftovers at ``salvage``.

    Args:
        demand: as of `newsvendor`.
        price: money per unit sold.
        unit_cost: money per unit bought.
        salvage: money per unit left over; negative if clearing costs.
        goodwill: money lost per unit short beyond its margin.

    Returns:
        The order; nothing is ordered where a sale loses money.

    Raises:
        ConfigError: leftovers earn their cost or more, so the best order has no end.
    """
    positive(price=price)
    not_negative(unit_cost=unit_cost, goodwill=goodwill)
    r, c, v, g = (np.asarray(x, dtype=np.float64) for x in (price, unit_cost, salvage, goodwill))
    if (v >= c).any():
        raise ConfigError("Salvage must be below the unit cost, else the best order has no end.")
    law = as_demand(demand)
    under = np.maximum(r - c + g, 0.0)
    best = newsvendor(law, c - v, under)
    quantity = best.quantity
    # sold = demand less shortage; leftovers = quantity less sold
    short = law.loss(quantity)
    sold = law.mean - short
    profit = r * sold + v * (quantity - sold) - c * quantity - g * short
    return Newsvendor(quantity, best.cost, best.ratio, np.asarray(profit)[()])
