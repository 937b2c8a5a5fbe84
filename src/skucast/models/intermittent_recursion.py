"""Recursions of intermittent demand for many series and parameter candidates at once.

Demand is split into whether it occurs and how much is taken when it does; each part is smoothed by
itself. Missing steps change nothing: intervals count observed steps only.
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
    level = np.array(np.broadcast_to(first, alpha.shape), dtype=np.float64)
    sse = np.zeros(alpha.shape)
    for now in y:
        error = np.where(now > 0, now - level, 0.0)  # NaN > 0 is False
        sse += error * error
        level += alpha * error
    return sse, level


def smooth_probability(y: Array, alpha: Array, first: Array) -> tuple[Array, Array]:
    """Exponential smoothing of the probability of demand, at every step (Teunter, Syntetos & Babai 2011).

    Returns:
        Sum of squared errors of the probability (Brier score times steps), and the last probability.
    """
    level = np.array(np.broadcast_to(first, alpha.shape), dtype=np.float64)
    brier = np.zeros(alpha.shape)
    occurs, hidden = (y > 0).astype(np.float64), np.isnan(y)
    for now, unseen in zip(occurs, hidden, strict=True):
        error = np.where(unseen, 0.0, now - level)
        brier += error * error
        level += alpha * error
    return brier, level


def smooth_intervals(y: Array, alpha: Array, first: Array) -> tuple[Array, Array]:
    """Exponential smoothing of the number of steps from one demand to the next (Croston 1972).

    Returns:
        Sum of squared errors of the probability ``1 / interval`` at every step, and the last interval.
    """
    level = np.array(np.broadcast_to(first, alpha.shape), dtype=np.float64)
    brier = np.zeros(alpha.shape)
    since = np.zeros(y.shape[1])
    occurs, hidden = y > 0, np.isnan(y)
    for now, unseen in zip(occurs, hidden, strict=True):
        since += ~unseen
        chance = 1 / np.maximum(level, 1)
        brier += np.where(unseen, 0.0, (now - chance) ** 2)
        level += alpha * np.where(now, since - level, 0.0)
        since[now] = 0
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
