"""Volume: how much series of very different demand count when windows of them are drawn at random."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

POWER = 0.5
"""Series are drawn in proportion to their volume to this power."""
_MOST = 1e3  # a series counts for at most so many typical ones, and at least for one part in so many


def volume(size: F64) -> F64:
    """``(S,)`` demand of each series in units of the typical one, cut off at both ends.

    Args:
        size: ``(S,)`` demand of each series, in any units.
    """
    typical = float(np.median(size[size > 0])) if (size > 0).any() else 1.0
    return np.asarray(np.clip(size / typical, 1 / _MOST, _MOST))
