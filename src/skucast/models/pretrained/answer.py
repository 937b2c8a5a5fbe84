"""Answer: the network's quantiles at the levels that were asked for, and the mean that they imply."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ...forecast import SHOWN
from ...panel import F32
from .forward import Forward
from .inputs import Inputs
from .size import LEVELS

F64 = npt.NDArray[np.float64]

_SHOWN = [LEVELS.index(q) for q in SHOWN]
_FAR = 12.0  # of asinh: a hundred thousand times the scale


def units(network: Forward, made: Inputs) -> F32:
    """Quantiles ``(B, H, len(LEVELS))`` in units."""
    space = network.quantiles(made)
    return np.asarray(np.maximum(np.sinh(np.clip(space, -_FAR, _FAR)) * made.scale[:, None, None], 0), dtype=np.float32)


def at_levels(quantiles: F32, levels: Sequence[float], given: Sequence[float] = LEVELS) -> F32:
    """``(..., Q)`` from ``(..., len(given))``: linear in the normal score of the level, also beyond the outermost."""
    from scipy.special import ndtri

    have, want = ndtri(np.array(given)), ndtri(np.asarray(levels, dtype=np.float64))
    upper = np.clip(np.searchsorted(have, want - 1e-9), 1, have.size - 1)
    share = ((want - have[upper - 1]) / (have[upper] - have[upper - 1])).astype(np.float32)
    low, high = quantiles[..., upper - 1], quantiles[..., upper]
    exact = np.isclose(share, np.round(share), atol=1e-6)
    between = np.maximum(low + share * (high - low), 0)
    return np.asarray(np.where(exact, np.where(share > 0.5, high, low), between), dtype=np.float32)


def losses(quantiles: F32, actual: F32) -> F64:
    """``(...)`` weighted quantile losses of answers ``(..., H, len(LEVELS))`` before they are divided by demand.

    Args:
        quantiles: answers.
        actual: ``(..., H)`` what came; NaN does not count.
    """
    level = np.array(SHOWN, np.float32)
    error = actual[..., None] - quantiles[..., _SHOWN]
    each = np.nansum(np.maximum(level * error, (level - 1) * error), axis=(-2, -1), dtype=np.float64)
    return np.asarray(2 * each / len(SHOWN))


def expected(quantiles: F32, given: Sequence[float] = LEVELS) -> F32:
    """Mean of the distributions: ``(...,)``."""
    return np.asarray(np.maximum((quantiles * mean_weights(tuple(given))).sum(axis=-1), 0), dtype=np.float32)


@lru_cache(maxsize=16)
def mean_weights(given: tuple[float, ...] = LEVELS) -> npt.NDArray[np.float32]:
    """Weights of the quantiles whose sum is the mean.

    Between levels below the median quantiles rise in a straight line, above it as those of an exponential distribution
    do: demand that is mostly zero has its mean in a tail where a straight line would lie far too high.
    """
    level = np.asarray(given, dtype=np.float64)
    survival = 1 - level
    weight = np.zeros(level.size)
    gap = np.diff(level)
    # share of the way from one quantile to the next that is covered in the mean over the levels between
    share = np.full(gap.size, 0.5)
    for k in np.flatnonzero(level[:-1] >= 0.5):
        s = survival[k : k + 2]
        depth = s - s * np.log(s)  # integral of -log(s)
        share[k] = ((depth[0] - depth[1]) / gap[k] + np.log(s[0])) / np.log(s[0] / s[1])
    weight[:-1] += gap * (1 - share)
    weight[1:] += gap * share
    weight[0] += level[0]
    weight[-1] += survival[-1]
    beyond = survival[-1] / np.log(survival[-2] / survival[-1])  # mean excess of the tail, times its weight
    weight[-1] += beyond
    weight[-2] -= beyond
    return weight.astype(np.float32)
