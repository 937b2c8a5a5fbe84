"""Recursions of intermittent demand for many series and parameter candidates at once.

Demand is split into whether it occurs and how much is taken when it does; each part is smoothed by
itself. Missing steps change nothing: intervals count observed steps only. Sums and states have the precision of
``alpha``: single precision is enough to choose between candidates, and twice as fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def smooth_sizes(y: Array, alpha: Array, first: Array) -> tuple[Array, Array]:
    """Exponential smoothing of the sizes of demand, from one demand to the next.

    Args:
        y: ``(T, S)``, time first; NaN is missing, zero is no demand.
        alpha: ``(S,)`` or ``(K, S)`` smoothing parameters.
        first: ``(S,)`` size before the first step.

    Returns:
        Sum of squared one-step errors at demands, and the last smoothed size, shaped like ``alpha``.
    """
    occurs = y > 0
    return _followed(np.where(occurs, y, 0.0).astype(alpha.dtype), occurs.astype(alpha.dtype), alpha, first)


def smooth_probability(y: Array, alpha: Array, first: Array) -> tuple[Array, Array]:
    """Exponential smoothing of the probability of demand, at every step (Teunter, Syntetos & Babai 2011).

    Returns:
        Sum of squared errors of the probability (Brier score times steps), and the last probability.
    """
    return _followed((y > 0).astype(alpha.dtype), (~np.isnan(y)).astype(alpha.dtype), alpha, first)


def _followed(values: Array, here: Array, alpha: Array, first: Array) -> tuple[Array, Array]:
    """Sum of squared errors and last level of exponential smoothing over the steps where ``here`` is one, not zero."""
    level = np.array(np.broadcast_to(first, alpha.shape), dtype=alpha.dtype)
    squares, error, work = (np.zeros_like(level) for _ in range(3))
    for now, counts in zip(values, here, strict=True):
        np.subtract(now, level, out=error)
        error *= counts
        np.multiply(error, error, out=work)
        squares += work
        error *= alpha
        level += error
    return squares, level


def smooth_intervals(y: Array, alpha: Array, first: Array) -> tuple[Array, Array]:
    """Exponential smoothing of the number of steps from one demand to the next (Croston 1972).

    Returns:
        Sum of squared errors of the probability ``1 / interval`` at every step, and the last interval.
    """
    level = np.array(np.broadcast_to(first, alpha.shape), dtype=alpha.dtype)
    brier, error, work = (np.zeros_like(level) for _ in range(3))
    since = np.zeros(y.shape[1], dtype=alpha.dtype)
    occurs, seen = (y > 0).astype(alpha.dtype), (~np.isnan(y)).astype(alpha.dtype)
    for now, here in zip(occurs, seen, strict=True):
        since += here
        np.maximum(level, 1.0, out=work)
        np.divide(1.0, work, out=work)
        np.subtract(now, work, out=work)
        work *= here
        work *= work
        brier += work
        np.subtract(since, level, out=error)
        error *= now
        error *= alpha
        level += error
        since *= 1 - now
    return brier, level


def first_size(y: Array) -> Array:
    """Size of each series' first demand; zero without any."""
    occurs = y > 0
    at = occurs.argmax(axis=0)
    return np.where(occurs.any(axis=0), y[at, np.arange(y.shape[1])], 0.0)


def first_interval(y: Array) -> Array:
    """Observed steps up to and including each series' first demand; the number of steps without any."""
    occurs, seen = y > 0, ~np.isnan(y)
    before = np.where(occurs.cumsum(axis=0) == 0, seen, False).sum(axis=0)
    return np.asarray(before + occurs.any(axis=0), dtype=np.float64)


def mean_size(y: Array) -> Array:
    """Mean size of each series' demands; zero without any."""
    occurs = y > 0
    return np.asarray(np.where(occurs, y, 0.0).sum(axis=0) / np.maximum(occurs.sum(axis=0), 1))


def mean_probability(y: Array) -> Array:
    """Share of each series' observed steps with demand."""
    return np.asarray((y > 0).sum(axis=0) / np.maximum((~np.isnan(y)).sum(axis=0), 1))
