"""fev-bench's yardstick: the seasonal naive forecast of statsforecast, with its normal intervals.

skucast's own `seasonal-naive` takes its quantiles from what happened and never goes below zero, so it is a much
harder yardstick; the league gives both. This one is here because published tables are relative to it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sets import Task
from skucast.panel import I64, Panel

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


def losses(actual: F64, quantiles: F64) -> tuple[F64, F64]:
    """``(S,)`` quantile loss over .1 to .9 and demand of each series, missing cells left out."""
    seen = ~np.isnan(actual)
    error = np.where(seen[:, :, None], actual[:, :, None] - quantiles, 0.0)
    loss = 2 * np.maximum(LEVELS * error, (LEVELS - 1) * error).mean(axis=2).sum(axis=1)
    return loss, np.where(seen, np.abs(actual), 0.0).sum(axis=1)


def wql(actual: F64, quantiles: F64) -> float:
    """Weighted quantile loss over .1 to .9, missing cells left out."""
    loss, demand = losses(actual, quantiles)
    return float(loss.sum() / demand.sum())


def answers(panel: Panel, task: Task) -> Iterator[tuple[I64, F64, F64]]:
    """Series, actual values and the yardstick's quantiles of a task's windows, of the series that existed then."""
    y = panel.dense(panel.observed).astype(np.float64)
    for window in range(task.windows, 0, -1):
        cut = y.shape[1] - window * task.horizon
        rows = np.flatnonzero(panel.lengths > window * task.horizon)
        rows = rows[~np.isnan(y[rows, :cut]).all(axis=1)]
        yield rows, y[rows, cut : cut + task.horizon], seasonal_naive(y[rows, :cut], task.season, task.horizon)


def yardstick(panel: Panel, task: Task) -> float:
    """WQL of the yardstick over a task's windows, averaged."""
    return float(np.mean([wql(actual, quantiles) for _, actual, quantiles in answers(panel, task)]))
