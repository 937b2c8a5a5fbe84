"""Linear pool: the quantiles of a mixture of several forecasts' distributions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..forecast import invert_cdf
from ..panel import F32

F64 = npt.NDArray[np.float64]

_TAIL = (0.0001, 0.0003, 0.001, 0.003)  # knots beyond the levels at both ends, if these do not reach so far
_NUMBERS = 100_000  # worked on at once: they fit the cache
_SURE = 1e-9  # probabilities that differ by less are the same


def linear_pool(members: Sequence[F32], weights: npt.NDArray[np.floating], levels: Sequence[float]) -> F32:
    """Quantiles of the weighted mixture of distributions that are given by their quantiles.

    Averaging distribution functions keeps what any member thinks possible: where members disagree, the pool is wider
    than each of them, and a mass at zero that only some of them see stays one, in proportion to their weight. A
    member's distribution function rises linearly between its quantiles, jumps where several of them are equal, and
    has a few more knots beyond them, from the exponential tails of `Forecast.quantile`. The pool of such functions
    is inverted exactly, not on a grid.

    Args:
        members: quantiles ``(..., Q)`` of each of the ``M`` members, non-decreasing along the last axis.
        weights: ``(..., M)``, adding up to one.
        levels: ``(Q,)`` of the quantiles, rising.

    Returns:
        ``(..., Q)``, non-decreasing, and for each level between the lowest and the highest member's quantile.

    Source: Stone (1961), The opinion pool, Annals of Mathematical Statistics 32; Lichtendahl, Grushka-Cockayne &
    Winkler (2013), Is it better to average probabilities or quantiles?, Management Science 59.
    """
    shape, count = members[0].shape, len(members)
    flat = [np.reshape(member, (-1, shape[-1])) for member in members]
    share = np.broadcast_to(weights, (*shape[:-1], count)).reshape(-1, count)
    at = np.asarray(levels, dtype=np.float64)
    out = np.empty((len(share), shape[-1]), dtype=np.float32)
    step = max(_NUMBERS // (count * (at.size + 2 * len(_TAIL))), 1)
    for first in range(0, len(share), step):
        part = slice(first, first + step)
        out[part] = _pooled(np.stack([f[part] for f in flat]).astype(np.float64), share[part].astype(np.float64), at)
    return out.reshape(shape)


def _pooled(quantiles: F64, share: F64, levels: F64) -> F64:
    """Pool ``(N, Q)`` of quantiles ``(M, N, Q)`` with weights ``(N, M)``."""
    knots, at = _with_tails(quantiles, levels)  # (M, N, K), (K,)
    count, rows, size = knots.shape
    joined = knots.transpose(1, 0, 2).reshape(rows, count * size)
    order = np.argsort(joined, axis=1, kind="stable")
    x = np.take_along_axis(joined, order, axis=1)  # (N, MK), every place where some distribution function bends
    owner = order // size
    ends = np.concatenate([[0.0], at, [1.0]])
    mixed = np.zeros_like(x)  # the mixture's distribution function at x
    for k in range(count):
        # Going along x, a member's function is known by how many of its own knots have been passed; among equal
        # ones it climbs knot by knot, so that a jump is a stretch of equal x and needs no case of its own.
        passed = np.cumsum(owner == k, axis=1)
        low = np.take_along_axis(knots[k], np.maximum(passed - 1, 0), axis=1)
        span = np.take_along_axis(knots[k], np.minimum(passed, size - 1), axis=1) - low
        way = np.where(span > 0, (x - low) / np.where(span > 0, span, 1.0), x > low)
        rise = ends[passed] + way * (ends[passed + 1] - ends[passed])
        mixed += share[:, [k]] * rise
    np.maximum.accumulate(mixed, axis=1, out=mixed)
    used = (share.T > 0)[:, :, None]
    lowest = np.where(used, quantiles, np.inf).min(axis=0)
    highest = np.where(used, quantiles, -np.inf).max(axis=0)
    out = np.empty((rows, levels.size))
    for j, level in enumerate(levels):
        above = np.minimum((mixed < level - _SURE).sum(axis=1, keepdims=True), x.shape[1] - 1)
        below = np.maximum(above - 1, 0)
        x_low, x_high = (np.take_along_axis(x, i, axis=1)[:, 0] for i in (below, above))
        f_low, f_high = (np.take_along_axis(mixed, i, axis=1)[:, 0] for i in (below, above))
        rise = f_high - f_low
        way = np.where(rise > 0, (level - f_low) / np.where(rise > 0, rise, 1.0), 1.0)
        out[:, j] = x_low + np.clip(way, 0.0, 1.0) * (x_high - x_low)
    return np.asarray(np.clip(out, lowest, highest))


def _with_tails(quantiles: F64, levels: F64) -> tuple[F64, F64]:
    """Quantiles ``(M, N, Q)`` with those of the tails beyond the outermost levels, and the levels of all of them."""
    if levels.size < 2:
        return quantiles, levels
    below = np.array([p for p in _TAIL if p < levels[0] - _SURE])
    above = np.array([1 - p for p in reversed(_TAIL) if 1 - p > levels[-1] + _SURE])
    beyond = np.concatenate([below, above])
    rows = quantiles.reshape(-1, levels.size)
    tails = invert_cdf(levels, rows, np.broadcast_to(beyond, (len(rows), beyond.size)))
    # never inside what is known: tails of numbers that differ by little are no better than their rounding
    low = np.minimum(tails[:, : below.size], rows[:, :1])
    high = np.maximum(tails[:, below.size :], rows[:, -1:])
    made = np.concatenate([low, rows, high], axis=1)
    return made.reshape(*quantiles.shape[:2], -1), np.concatenate([below, levels, above])
