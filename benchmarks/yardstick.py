"""fev-bench's yardstick: the seasonal naive forecast of statsforecast, with its normal intervals.

skucast's own `seasonal-naive` takes its quantiles from what happened and never goes below zero, so it is a much
harder yardstick; the league gives both. This one is here because published tables are relative to it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sets import Task
from skucast.panel import Panel

F64 = npt.NDArray[np.float64]
LEVELS = np.arange(1, 10) / 10


def seasonal_naive(y: F64, season: int, horizon: int) -> F64:
    """Quantiles ``(S, H, 9)`` from histories ``(S, T)``; gaps take the last value, as fev-bench fills them.

    The spread is that of the seasonal differences times the root of the number of seasons ahead, unbounded below.
    """
    filled = y.copy()
    for step in range(1, y.shape[1]):
        gap = np.isnan(filled[:, step])
        filled[gap, step] = filled[gap, step - 1]
    differences = filled[:, season:] - filled[:, :-season]
    count = (~np.isnan(differences)).sum(axis=1)
    spread = np.sqrt(np.nansum(differences**2, axis=1) / np.maximum(count, 1))
    ahead = np.arange(horizon)
    mean = filled[:, y.shape[1] - season + ahead % season]
    mean = np.where(np.isnan(mean), filled[:, -1:], mean)  # younger than a season
    return mean[..., None] + (spread[:, None] * np.sqrt(ahead // season + 1))[..., None] * ndtri(LEVELS)


def wql(actual: F64, quantiles: F64) -> float:
    """Weighted quantile loss over .1 to .9, missing cells left out."""
    seen = ~np.isnan(actual)
    error = actual[seen][:, None] - quantiles[seen]
    return float(2 * np.maximum(LEVELS * error, (LEVELS - 1) * error).mean(axis=1).sum() / np.abs(actual[seen]).sum())


def yardstick(panel: Panel, task: Task) -> float:
    """WQL of the yardstick over a task's windows, averaged, on the series that existed at each origin."""
    y = panel.dense(panel.observed).astype(np.float64)
    found = []
    for window in range(task.windows, 0, -1):
        cut = y.shape[1] - window * task.horizon
        rows = panel.lengths > window * task.horizon
        known = y[rows, :cut]
        rows[np.flatnonzero(rows)] = some = ~np.isnan(known).all(axis=1)
        found.append(wql(y[rows, cut : cut + task.horizon], seasonal_naive(known[some], task.season, task.horizon)))
    return float(np.mean(found))
