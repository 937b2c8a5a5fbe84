"""What to order today if every future is played up to the day on which the order arrives."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .checks import not_negative, whole


def order_through_lead_time(
    paths: npt.NDArray[np.floating],
    on_hand: npt.ArrayLike,
    arrivals: npt.ArrayLike | None,
    holding: npt.ArrayLike,
    shortage: npt.ArrayLike,
    *,
    lead_time: int,
    review: int = 1,
    backorders: bool = False,
    pack: npt.ArrayLike = 1.0,
) -> F64:
    """The cheapest order for the steps from its arrival to that of the next order.

    Stock is played through the lead time on each sample path, what is on its way received and sales lost where the
    shelf is empty: what will be there when the order arrives differs from path to path and is not simply stock less
    expected demand. The order then is the newsvendor's: the least for which one more unit costs more holding, over
    the steps that it covers, than it saves in shortage. What is left over need not be thrown away, it can be ordered
    less of next time; so looking no further than the next order loses little.

    Args:
        paths: ``(S, n, H)`` sample paths of demand; the first step is the next one to come.
        on_hand: units now, a number or ``(S,)``.
        arrivals: ``(S, K)`` units on their way, column ``k`` received at the beginning of step ``k``; None for none.
        holding: money per unit left at the end of a step, a number or ``(S,)``.
        shortage: money per unit of demand not served.
        lead_time: the order is received at the beginning of this step, counted from 0.
        review: steps until the next order arrives.
        backorders: customers wait, so that what was short before still has to be served (and costs the same anyhow).
        pack: units of a pack; orders are whole packs.

    Returns:
        ``(S,)`` units, 0 or more.

    Raises:
        ConfigError: the paths end before the steps that the order has to cover, or a number is impossible.

    Source: Morton (1971), The Near-Myopic Nature of the Lagged-Proportional-Cost Inventory Problem with Lost Sales,
    Operations Research 19(7); Zipkin (2008), Old and New Methods for Lost-Sales Inventory Systems, Operations
    Research 56(5) (the myopic policy).
    """
    demand = np.asarray(paths, dtype=np.float64)
    if demand.ndim != 3:
        raise ConfigError(f"Sample paths must come as (items, paths, steps), not {demand.shape}.")
    whole(0, lead_time=lead_time)
    whole(1, review=review)
    not_negative(on_hand=on_hand, holding=holding, shortage=shortage)
    items, _, steps = demand.shape
    if lead_time + review > steps:
        raise ConfigError(
            f"The paths end after {steps} steps, but the order has to last until step {lead_time + review}: "
            "forecast further ahead."
        )
    size = np.broadcast_to(np.asarray(pack, dtype=np.float64), (items,))
    if not (size > 0).all():
        raise ConfigError("A pack must hold more than 0 units.")
    coming = np.zeros((items, 0)) if arrivals is None else np.asarray(arrivals, dtype=np.float64)
    stock = np.broadcast_to(np.asarray(on_hand, dtype=np.float64)[..., None], (items, demand.shape[1])).copy()
    for step in range(lead_time + 1):
        if step < coming.shape[1]:
            stock += coming[:, step, None]
        if step < lead_time:
            stock -= demand[:, :, step]
            if not backorders:
                np.maximum(stock, 0.0, out=stock)
    # units that have to be there beside the stock, for demand up to each step that the order covers
    need = np.cumsum(demand[:, :, lead_time : lead_time + review], axis=2) - stock[:, :, None]  # (S, n, R)
    h, b = (np.broadcast_to(np.asarray(x, dtype=np.float64), (items,)) for x in (holding, shortage))

    def cost(quantity: F64) -> F64:
        left = np.maximum(quantity[:, None, None] - need, 0.0).mean(axis=1).sum(axis=1)
        short = np.maximum(need[:, :, -1] - quantity[:, None], 0.0).mean(axis=1)
        return np.asarray(h * left + b * short)

    # the cost is convex: packs are added as long as one more is cheaper
    low, high = np.zeros(items), np.ceil(np.maximum(need.max(axis=(1, 2)), 0.0) / size)
    while (low < high).any():
        middle = np.floor((low + high) / 2)
        more = (cost((middle + 1) * size) < cost(middle * size) - 1e-12) & (low < high)
        low, high = np.where(more, middle + 1, low), np.where(more, high, np.minimum(middle, high))
    return low * size
