"""Projection: where the stock goes on every path, with the arrivals of open orders and what expires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import DataError
from ...forecast import F64

FAN: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Quantile levels of the projected stock by default."""
_NIL = 1e-6  # units; paths are single precision


@dataclass(frozen=True, eq=False)
class Projection:
    """Stock of many items at the end of each step; means over paths unless said.

    Attributes:
        levels: ``(Q,)`` quantile levels of the fan.
        fan: ``(S, H, Q)`` quantiles of the stock less what is owed to customers, units.
        mean: ``(S, H)`` its mean.
        p_short: ``(S, H)`` chance that by the end of the step a customer has been turned away at least once.
        p_empty: ``(S, H)`` chance that nothing is on the shelf at the end of the step.
        arrived: ``(S, H)`` units received.
        sold: ``(S, H)`` units handed over, backlog included.
        unmet: ``(S, H)`` units asked for and not on the shelf: lost, or owed where customers wait.
        wasted: ``(S, H)`` units expired.
        shelf: ``(S, H)`` units on the shelf: opening + arrived - sold - wasted.
        owed: ``(S, H)`` units owed to customers.
    """

    levels: tuple[float, ...]
    fan: F64
    mean: F64
    p_short: F64
    p_empty: F64
    arrived: F64
    sold: F64
    unmet: F64
    wasted: F64
    shelf: F64
    owed: F64


def project_stock(
    paths: npt.NDArray[np.floating],
    on_hand: npt.ArrayLike,
    arrivals: npt.ArrayLike | None = None,
    expiring: npt.ArrayLike | None = None,
    *,
    backorders: bool = False,
    levels: Sequence[float] = FAN,
) -> Projection:
    """Play all paths of all items at once, step by step: receive, sell, throw away what expires.

    What is on the shelf first serves those who wait already, then the demand of the step. The oldest unit is sold
    first. Then the units that leave the stock by the end of a step are at least all those that have expired by
    then, so that one running total per path replaces age classes: exact for first in, first out.

    Args:
        paths: ``(S, n, H)`` demand per step, units.
        on_hand: ``(S,)`` units now; below 0: owed to customers.
        arrivals: ``(S, H)`` units received at the beginning of each step.
        expiring: ``(S, H)`` units, of those on hand and arriving, that can be sold for the last time in each step.
        backorders: customers wait for what is not there; else the sale is lost.
        levels: quantile levels of the fan.

    Raises:
        DataError: an amount is below 0 or not a number, or more expires than is there.
    """
    items, n, horizon = paths.shape
    have = np.broadcast_to(np.asarray(on_hand, dtype=np.float64), (items,))
    come = _amounts(arrivals, (items, horizon), "arrivals")
    old = _amounts(expiring, (items, horizon), "expiring")
    if not np.isfinite(have).all():
        raise DataError("on_hand holds values that are not numbers: leave items with unknown stock out.")
    received = np.maximum(have, 0.0)[:, None] + np.cumsum(come, axis=1)  # (S, H)
    expired = np.cumsum(old, axis=1)
    if (expired > received + _NIL).any():
        raise DataError(f"More units expire than are there (item {int((expired > received + _NIL).any(1).argmax())}).")
    gone = np.zeros((items, n))  # units that have left the stock
    owed = np.broadcast_to(np.maximum(-have, 0.0)[:, None], (items, n)).copy()
    short = np.zeros((items, n), dtype=np.bool_)
    out = {
        name: np.empty((items, horizon)) for name in ("mean", "p_short", "p_empty", "sold", "unmet", "wasted", "owed")
    }
    fan = np.empty((items, horizon, len(levels)))
    for h in range(horizon):
        there = received[:, h, None] - gone
        demand = paths[:, :, h].astype(np.float64)
        free = np.maximum(there - owed, 0.0)  # after those who wait
        unmet = np.maximum(demand - free, 0.0)
        sold = np.minimum(owed + demand, there)
        owed = np.maximum(owed - there, 0.0) + (unmet if backorders else 0.0)
        gone += sold
        wasted = np.maximum(expired[:, h, None] - gone, 0.0)
        gone += wasted
        shelf = received[:, h, None] - gone
        short |= unmet > _NIL
        net = shelf - owed
        fan[:, h] = np.quantile(net, levels, axis=1).T
        for name, each in (
            ("mean", net), ("p_short", short), ("p_empty", shelf <= _NIL), ("sold", sold), ("unmet", unmet),
            ("wasted", wasted), ("owed", owed),
        ):  # fmt: skip
            out[name][:, h] = each.mean(axis=1)
    return Projection(
        levels=tuple(float(q) for q in levels), fan=fan, arrived=come, shelf=out["mean"] + out["owed"], **out
    )


def expiring_steps(on_hand: F64, arrivals: F64, left: F64, life: F64, step_days: float, horizon: int) -> F64:
    """In which step units can be sold for the last time: ``(S, H)`` for `project_stock`.

    Args:
        on_hand: ``(S,)`` units now.
        arrivals: ``(S, H)`` units per step.
        left: ``(S,)`` days that the units on hand still keep; infinite: they do not expire.
        life: ``(S,)`` days that arriving units keep.
        step_days: length of a step.
        horizon: steps.
    """
    out = np.zeros((on_hand.size, horizon))
    rows = np.arange(on_hand.size)
    for begin in range(-1, horizon):  # -1: what is on hand
        units, keeps = (np.maximum(on_hand, 0.0), left) if begin < 0 else (arrivals[:, begin], life)
        # whole steps; what keeps for less than one is sold in the step in which it is there
        steps = np.maximum(np.floor(np.minimum(keeps, 1e6) / step_days + 1e-9), 1.0).astype(np.int64)
        last = max(begin, 0) + steps - 1
        here = (last < horizon) & (units > 0)
        np.add.at(out, (rows[here], last[here]), units[here])
    return out


def _amounts(given: npt.ArrayLike | None, shape: tuple[int, int], name: str) -> F64:
    if given is None:
        return np.zeros(shape)
    x = np.broadcast_to(np.asarray(given, dtype=np.float64), shape)
    if not (x >= 0).all() or not np.isfinite(x).all():
        raise DataError(f"{name} must be numbers of units from 0 on.")
    return x
