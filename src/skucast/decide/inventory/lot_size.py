"""Dynamic lot sizes: known demand period by period, a fixed cost per order (Wagner & Whitin)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .checks import not_negative, whole


@dataclass(frozen=True, eq=False)
class LotSizes:
    """Orders per period.

    Attributes:
        orders: ``(T,)`` units, received before the period's demand.
        cost: ordering, holding at the end of periods, and purchases.
        to_go: ``(T,)`` least cost from each period on, starting empty; NaN for a rolling plan.
    """

    orders: F64
    cost: float
    to_go: F64


def wagner_whitin(
    demand: npt.ArrayLike,
    fixed: npt.ArrayLike,
    holding: npt.ArrayLike,
    unit_cost: npt.ArrayLike = 0.0,
    opening: float = 0.0,
) -> LotSizes:
    """The cheapest orders that serve all demand in time.

    Args:
        demand: ``(T,)`` units per period.
        fixed: money per order, one number or ``(T,)``.
        holding: money per unit held at the end of a period, one number or ``(T,)``.
        unit_cost: money per unit bought, one number or ``(T,)``.
        opening: units there at the start; they serve the first demand and are held until then.

    Source: Wagner & Whitin (1958), Dynamic version of the economic lot size model, Management Science 5.
    """
    d, k, h, c = _read(demand, fixed, holding, unit_cost)
    not_negative(opening=opening)
    served = np.minimum(np.cumsum(d), opening)
    net = d - np.diff(served, prepend=0.0)
    n = d.size
    held = np.append(0.0, np.cumsum(h))  # cost of holding a unit from period 0 to period t
    units, charged = np.cumsum(net), np.cumsum(net * held[:-1])
    to_go, until = np.zeros(n + 1), np.zeros(n, dtype=np.int64)
    for t in range(n - 1, -1, -1):
        before, paid = (units[t - 1], charged[t - 1]) if t else (0.0, 0.0)
        lot = units[t:] - before  # ordered in t for t..s, for every s
        total = k[t] + c[t] * lot + (charged[t:] - paid) - held[t] * lot + to_go[t + 1 :]
        best = int(np.argmin(total))
        to_go[t], until[t] = total[best], t + best + 1
        if net[t] == 0 and to_go[t + 1] <= to_go[t]:
            to_go[t], until[t] = to_go[t + 1], -1  # nothing needed yet
    orders, t = np.zeros(n), 0
    while t < n:
        if until[t] < 0:
            t += 1
            continue
        orders[t] = net[t : until[t]].sum()
        t = int(until[t])
    waiting = float(((opening - served) * h).sum())
    return LotSizes(orders, float(to_go[0]) + waiting, to_go[:-1])


def rolling_lot_sizes(
    demand: npt.ArrayLike,
    window: int,
    fixed: npt.ArrayLike,
    holding: npt.ArrayLike,
    unit_cost: npt.ArrayLike = 0.0,
    opening: float = 0.0,
) -> LotSizes:
    """As a buyer does who sees only ``window`` periods ahead: plan, place the first order, move on, plan again.

    Args:
        demand: ``(T,)`` units per period.
        window: periods seen at a time, this one included.
        fixed: as of `wagner_whitin`.
        holding: as of `wagner_whitin`.
        unit_cost: as of `wagner_whitin`.
        opening: units there at the start.

    Returns:
        The orders placed and their whole cost, never below that of `wagner_whitin`.
    """
    d, k, h, c = _read(demand, fixed, holding, unit_cost)
    whole(1, window=window)
    not_negative(opening=opening)
    orders, stock, cost = np.zeros(d.size), opening, 0.0
    for t in range(d.size):
        if stock < d[t]:
            seen = slice(t, t + window)
            orders[t] = wagner_whitin(d[seen], k[seen], h[seen], c[seen], stock).orders[0]
            cost += float(k[t] + c[t] * orders[t])
        stock += float(orders[t] - d[t])
        cost += float(h[t]) * stock
    return LotSizes(orders, cost, np.full(d.size, np.nan))


def _read(
    demand: npt.ArrayLike, fixed: npt.ArrayLike, holding: npt.ArrayLike, unit_cost: npt.ArrayLike
) -> tuple[F64, F64, F64, F64]:
    not_negative(demand=demand, fixed=fixed, holding=holding, unit_cost=unit_cost)
    d = np.asarray(demand, dtype=np.float64)
    if d.ndim != 1 or d.size == 0:
        raise ConfigError("Lot sizes need the demand of at least one period, in one row.")
    terms = []
    for name, value in (("fixed cost", fixed), ("holding cost", holding), ("unit cost", unit_cost)):
        x = np.asarray(value, dtype=np.float64)
        if x.ndim and x.shape != d.shape:
            raise ConfigError(f"The {name} must be one number or one per period: {x.size} given, {d.size} periods.")
        terms.append(np.broadcast_to(x, d.shape))
    return d, terms[0], terms[1], terms[2]
