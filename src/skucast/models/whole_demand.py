"""Whole demand: what kind of numbers demand is, and quantiles to match."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..panel import Panel

_Number = TypeVar("_Number", np.float32, np.float64)
_SLOW = 3.0  # units a step


def whole(panel: Panel) -> npt.NDArray[np.bool_]:
    """``(S,)`` True where all that is known of a series' demand are whole numbers."""
    out = np.ones(len(panel), np.bool_)
    seen = ~np.isnan(panel.observed)
    out[panel.row_of[seen & (panel.observed != np.rint(panel.observed))]] = False
    return out


def snapped(quantiles: npt.NDArray[_Number], whole: npt.NDArray[np.bool_]) -> npt.NDArray[_Number]:
    """Quantiles ``(S, H, Q)`` of series whose demand is whole brought to the nearest whole number.

    The quantile of a count is a count. One learned as a number ends somewhere between two, and a lower end of 0.2
    misses all the days without a sale.
    """
    return np.where(whole[:, None, None], np.rint(quantiles), quantiles)


def slow_counts(panel: Panel) -> bool:
    """True for whole numbers of which the middle series sells less than three a step."""
    if not whole(panel).all():
        return False
    demand = np.maximum(np.nan_to_num(panel.observed).astype(np.float64), 0.0)
    total = np.bincount(panel.row_of, demand, len(panel))
    count = np.bincount(panel.row_of, ~np.isnan(panel.observed), len(panel))
    mean = total[total > 0] / count[total > 0]
    return bool(mean.size and np.median(mean) < _SLOW)
