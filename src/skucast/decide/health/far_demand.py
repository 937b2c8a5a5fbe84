"""Far demand: what sample paths sell within many days, also beyond the horizon of the forecast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...forecast import F64
from ..timeline import Timeline


def demand_until(
    paths: npt.NDArray[np.floating], timeline: Timeline, days: npt.ArrayLike, season: int, seed: int = 0
) -> F64:
    """Demand of each path within its first ``days``, for several lengths of time at once.

    Beyond the horizon a path goes on with the last whole seasons (all steps, if there is no whole season) of other
    paths, drawn anew for every block. So a rare sale in the last week of a path is not taken to come back every week,
    and items that sell once in months keep an honest chance of selling nothing.

    Args:
        paths: ``(S, n, H)`` demand per step.
        timeline: the steps in days.
        days: ``(S, K)`` or ``(K,)`` finite lengths of time; fractions of a step pro rata.
        season: steps per season.
        seed: of the blocks; the same blocks serve every item, so an item does not depend on the others.

    Returns:
        ``(S, n, K)`` units, rising in ``days``.
    """
    items, n, horizon = paths.shape
    wanted = np.broadcast_to(np.asarray(days, dtype=np.float64), (items, np.shape(days)[-1]))
    steps = timeline.steps(wanted)  # (S, K)
    block = max(horizon // season, 1) * min(season, horizon)
    total = np.zeros((items, n, horizon + 1))
    np.cumsum(paths, axis=2, dtype=np.float64, out=total[:, :, 1:])
    blocks = int(np.ceil(max(float(steps.max(initial=0.0)) - horizon, 0.0) / block - 1e-9))
    if not blocks:
        return _read(total, steps)
    rng = np.random.default_rng([seed, 0xFA2])
    tail = total[:, :, horizon - block :] - total[:, :, horizon - block, None]  # (S, n, block + 1), rising from 0
    order = np.stack([rng.permutation(n) for _ in range(blocks)])  # (blocks, n)
    far = np.zeros((items, n, blocks + 1))
    np.cumsum(tail[:, order.T, block], axis=2, out=far[:, :, 1:])
    out = np.empty((items, n, steps.shape[1]))
    near = _read(total, np.minimum(steps, horizon))
    past = np.maximum(steps - horizon, 0.0)
    number = np.minimum((past / block).astype(np.int64), blocks - 1)  # (S, K): which block it ends in
    rest = past - number * block
    for k in range(steps.shape[1]):
        for j in np.unique(number[:, k]):
            rows = np.flatnonzero(number[:, k] == j)
            part = _read(tail[rows][:, order[j]], rest[rows, k, None])[:, :, 0]
            out[rows, :, k] = near[rows, :, k] + far[rows, :, j] + part
    return out


def _read(total: F64, steps: F64) -> F64:
    """Cumulated demand ``(S, n, H + 1)`` at fractional steps ``(S, K)``: ``(S, n, K)``."""
    low = np.minimum(steps.astype(np.int64), total.shape[2] - 2)[:, None, :]
    part = (steps - low[:, 0, :])[:, None, :]
    before = np.take_along_axis(total, low, axis=2)
    return np.asarray(before + part * (np.take_along_axis(total, low + 1, axis=2) - before))
