"""Answer: the network's quantiles at the levels that were asked for, and the mean that they imply."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...panel import F32
from .forward import mean_weights
from .size import LEVELS


def at_levels(quantiles: F32, levels: Sequence[float]) -> F32:
    """``(..., Q)`` from ``(..., len(LEVELS))``: linear in the normal score of the level, also beyond the outermost."""
    from scipy.special import ndtri

    have, want = ndtri(np.array(LEVELS)), ndtri(np.asarray(levels, dtype=np.float64))
    upper = np.clip(np.searchsorted(have, want - 1e-9), 1, have.size - 1)
    share = ((want - have[upper - 1]) / (have[upper] - have[upper - 1])).astype(np.float32)
    low, high = quantiles[..., upper - 1], quantiles[..., upper]
    exact = np.isclose(share, np.round(share), atol=1e-6)
    between = np.maximum(low + share * (high - low), 0)
    return np.asarray(np.where(exact, np.where(share > 0.5, high, low), between), dtype=np.float32)


def expected(quantiles: F32) -> F32:
    """Mean of the distributions: ``(...,)``."""
    return np.asarray(np.maximum((quantiles * mean_weights()).sum(axis=-1), 0), dtype=np.float32)
