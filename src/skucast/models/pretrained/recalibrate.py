"""Recalibration: intervals stretched until they would have held on the last windows of the user's own history.

A conformal factor for each side and band of the horizon, shared by all series: the ratio of what was observed to what
was forecast, at the outer quantiles.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...forecast import stretched_from
from ...panel import F32
from .size import LEVELS

BANDS = 3
"""Thirds of the horizon."""
_LOW, _MIDDLE, _HIGH = (LEVELS.index(q) for q in (0.1, 0.5, 0.9))
_MOST = 2.5
_TRUST = 100.0
"""Observations that weigh as much as the belief that the network is right."""


def band(steps: int) -> npt.NDArray[np.int64]:
    """``(H,)`` band of each step."""
    return np.minimum(np.arange(steps) * BANDS // max(steps, 1), BANDS - 1)


def learn(quantiles: F32, actual: F32) -> npt.NDArray[np.float64]:
    """Factors ``(BANDS, 2)`` of the distance from the median, down and up.

    Args:
        quantiles: ``(S, H, len(LEVELS))`` forecasts.
        actual: ``(S, H)`` what came; NaN does not count.
    """
    out = np.ones((BANDS, 2))
    bands = band(actual.shape[1])
    middle = quantiles[:, :, _MIDDLE]
    for side, (outer, sign) in enumerate(((_LOW, -1.0), (_HIGH, 1.0))):
        width = sign * (quantiles[:, :, outer] - middle)
        counts = ~np.isnan(actual) & np.isfinite(middle) & (width > 1e-6 * (1e-6 + np.abs(middle)))
        ratio = np.where(counts, sign * (actual - middle) / np.where(counts, width, 1.0), np.nan)
        for k in range(BANDS):
            seen = ratio[:, bands == k]
            seen = seen[~np.isnan(seen)]
            if seen.size == 0:
                continue
            found = float(np.quantile(seen, 0.9))
            share = seen.size / (seen.size + _TRUST)
            out[k, side] = np.exp(share * np.log(np.clip(found, 1 / _MOST, _MOST)))
    return out


def stretched(quantiles: F32, stretch: npt.NDArray[np.float64]) -> F32:
    """Quantiles ``(B, H, len(LEVELS))`` moved away from the median by the factors of `learn`."""
    factor = stretch[band(quantiles.shape[1])].astype(np.float32)  # (H, 2)
    middle = quantiles[:, :, _MIDDLE : _MIDDLE + 1]
    moved = stretched_from(middle, quantiles, factor[:, :1], factor[:, 1:])
    return np.asarray(np.maximum(moved, 0), dtype=np.float32)
