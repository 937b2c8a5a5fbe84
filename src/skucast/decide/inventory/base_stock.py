"""Base stock: order every review period back up to a level, for a service promised or for least cost.

Two services are easily confused. The *cycle service level* (type 1) is the chance that no demand waits before the next
order arrives. The *fill rate* (type 2) is the share of demand served at once. A level that reaches 95 % of the first
often reaches 99 % of the second.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .checks import share
from .demand import AnyDemand, Demand, as_demand
from .newsvendor import Newsvendor, newsvendor

_HALVINGS = 100


class Service(NamedTuple):
    """What a base-stock level promises, per item.

    Attributes:
        cycle_service: chance of no shortage before the next order arrives (type 1).
        fill_rate: share of demand served at once (type 2).
    """

    cycle_service: F64
    fill_rate: F64


def base_stock_for_cost(protected: AnyDemand, holding: npt.ArrayLike, shortage: npt.ArrayLike) -> Newsvendor:
    """The level with least cost of holding and backorders at the end of each review period.

    Args:
        protected: demand over lead time and review period.
        holding: money per unit left at the end of a review period.
        shortage: money per unit short then.
    """
    return newsvendor(protected, holding, shortage)


def base_stock_for_cycle_service(protected: AnyDemand, target: npt.ArrayLike) -> F64:
    """The least level whose cycle service level (type 1) is at least the target.

    Args:
        protected: demand over lead time and review period.
        target: between 0 and 1, one number or one per item.
    """
    share(target=target)
    return np.asarray(np.maximum(as_demand(protected).quantile(target), 0.0))[()]


def base_stock_for_fill_rate(protected: AnyDemand, before: AnyDemand | None, target: npt.ArrayLike) -> F64:
    """The least level whose fill rate (type 2) is at least the target.

    Args:
        protected: demand over lead time and review period.
        before: demand over the lead time alone, whose shortage the order before has to answer for; None leaves it
            out, as textbooks do, which errs on the safe side.
        target: between 0 and 1, one number or one per item.

    Returns:
        Units, whole steps for a `Distribution` and draws of whole units.

    Source: Zipkin (2000), Foundations of Inventory Management, section 6.4; Johnson, Lee, Davis & Hall (1995),
    Expressions for item fill rates in periodic inventory systems, Naval Research Logistics 42.
    """
    share(target=target)
    ahead = as_demand(protected)
    earlier = None if before is None else as_demand(before)
    wanted = np.asarray(target, dtype=np.float64)
    shape = np.broadcast(wanted, ahead.mean).shape
    low, high = np.full(shape, -1.0), np.maximum(np.broadcast_to(ahead.quantile(1 - 1e-12), shape), 1.0)

    def enough(level: F64) -> npt.NDArray[np.bool_]:
        return np.asarray(_fill_rate(ahead, earlier, level) >= wanted - 1e-12)

    for _ in range(60):
        fine = enough(high)
        if fine.all():
            break
        high = np.where(fine, high, 2 * high)
    else:
        raise ConfigError("No level reaches this fill rate: demand has no end.")
    step = _step(ahead)
    if step:
        low, high = np.floor(low / step), np.ceil(high / step)
    for _ in range(_HALVINGS):
        middle = np.floor((low + high) / 2) if step else (low + high) / 2
        fine = enough(middle * (step or 1.0))
        low, high = np.where(fine, low, middle), np.where(fine, middle, high)
        if np.all(high - low <= (1.0 if step else 1e-12 * (1 + np.abs(high)))):
            break
    return np.asarray(np.maximum(high * (step or 1.0), 0.0))[()]


def service_of_base_stock(protected: AnyDemand, before: AnyDemand | None, level: npt.ArrayLike) -> Service:
    """Cycle service level and fill rate of a level; arguments as of `base_stock_for_fill_rate`."""
    ahead = as_demand(protected)
    y = np.asarray(level, dtype=np.float64)
    earlier = None if before is None else as_demand(before)
    return Service(ahead.cdf(y), np.asarray(_fill_rate(ahead, earlier, y))[()])


def _fill_rate(ahead: Demand, earlier: Demand | None, level: F64) -> F64:
    """One less the units newly short per unit of demand between two orders."""
    if earlier is None:
        return np.asarray(1 - ahead.loss(level) / ahead.mean)
    return np.asarray(1 - (ahead.loss(level) - earlier.loss(level)) / (ahead.mean - earlier.mean))


def _step(demand: Demand) -> float:
    """Units between the levels that make sense: the step of a grid, 1 for whole draws, 0 for any number."""
    step = getattr(demand, "step", None)
    if step is not None:
        return float(step)
    ordered = getattr(demand, "ordered", None)
    return 1.0 if ordered is not None and bool(np.all(ordered == np.rint(ordered))) else 0.0
