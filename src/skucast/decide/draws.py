"""Draws: sample paths for decisions about stock, right in the mean also for items that hardly ever sell."""

from __future__ import annotations

import numpy as np

from ..forecast import Forecast
from ..panel import F32

_SLOW = 1.0  # units per step; below, a sale may be rarer than the highest quantile level


def sample_paths(forecast: Forecast, n: int, seed: int = 0, whole_units: bool = True) -> F32:
    """Sample paths ``(S, n, H)`` whose mean is that of the forecast also for items that hardly ever sell.

    The quantiles of an item that sells once in a year are zero up to the highest level, and so are its paths; the
    chance that its stock is ever sold would read as zero. One that sells a little more often has a sale at the last
    level, and paths in between that sell too much. So in steps with a mean below one unit, what the mean of the
    forecast has beyond that of the paths is added as single units at random, and where the paths have more, some of
    their sales are left out at random. Draws of an item do not depend on the other items.

    Args:
        forecast: of the items.
        n: paths per item.
        seed: of the draws.
        whole_units: round to whole units at random, keeping the mean.
    """
    paths = forecast.paths(n, seed)
    rng = np.random.default_rng([seed, 0xD4A])
    # every probability once over all paths and steps, so that also rare sales come as often as they should
    cells = n * forecast.horizon
    up, rare, stays = ((rng.permutation(cells).reshape(n, -1) + 0.5) / cells for _ in range(3))
    drawn = paths.mean(axis=1, dtype=np.float64)  # (S, H)
    seldom = forecast.mean < _SLOW
    missing = np.where(seldom, np.clip(forecast.mean - drawn, 0.0, 1.0), 0.0)
    kept = np.where(seldom & (drawn > forecast.mean), forecast.mean / np.maximum(drawn, 1e-12), 1.0)
    many = np.flatnonzero((kept < 1.0 - 1e-6).any(axis=1))
    paths[many] *= stays < kept[many, None, :]
    if whole_units:
        whole = np.floor(paths)
        np.add(whole, up < paths - whole, out=paths)
    slow = np.flatnonzero((missing > 1e-9).any(axis=1))
    paths[slow] += rare < missing[slow, None, :]
    return paths
