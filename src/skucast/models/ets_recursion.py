"""The recursion of exponential smoothing with additive errors, for many series at once.

State space form of Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing,
tables 2.2 and 6.2, with ``q = level + phi * slope``::

    season none / additive          season multiplicative
    forecast  = q + s               forecast  = q * s
    level    <- q + alpha * e       level    <- q + alpha * e / s
    slope    <- phi * slope         slope    <- phi * slope
                + beta * e                      + beta * e / s
    s        <- s + gamma * e       s        <- s + gamma * e / q

Python loops over time only; each line is one operation over all series (and all parameter
candidates). A missing step leaves level and slope as they are, while the season moves on: phases are
step numbers modulo the season's length, so a series may begin at any phase.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_SMALL = 1e-3  # divisors of the multiplicative season are kept away from zero by this


@dataclass(frozen=True)
class Parameters:
    """Smoothing parameters; each ``(S,)`` or ``(K, S)`` for ``K`` candidates per series.

    Attributes:
        alpha: of the level, in (0, 1).
        beta: of the slope, in (0, alpha); None without trend.
        gamma: of the season, in (0, 1 - alpha); None without season.
        phi: damping of the slope; None is 1.
    """

    alpha: Array
    beta: Array | None = None
    gamma: Array | None = None
    phi: Array | None = None


@dataclass(frozen=True)
class States:
    """Level, slope (both ``(S,)`` or ``(K, S)``) and season ``(m, S)`` or ``(m, K, S)``, by phase."""

    level: Array
    slope: Array | None = None
    season: Array | None = None


def smooth(
    y: Array,
    parameters: Parameters,
    states: States,
    *,
    multiplicative: bool = False,
    phase: int = 0,
    errors: Array | None = None,
) -> tuple[Array, States]:
    """Run the recursion over a panel.

    Args:
        y: ``(T, S)``, time first; NaN is missing.
        parameters: of every series, or of every candidate and series.
        states: before the first step.
        multiplicative: the season multiplies.
        phase: of the first step (its step number modulo the season's length).
        errors: ``(T, ...)`` array that receives the one-step errors (0 where missing).

    Returns:
        Sum of squared errors, accumulated step by step so that it does not depend on which series
        are run together, and the states after the last step.
    """
    alpha, beta, gamma, phi = parameters.alpha, parameters.beta, parameters.gamma, parameters.phi
    shape = np.broadcast_shapes(alpha.shape, states.level.shape)
    level = np.array(np.broadcast_to(states.level, shape), dtype=y.dtype)
    slope: Array | None = None
    if beta is not None and states.slope is not None:
        slope = np.array(np.broadcast_to(states.slope, shape), dtype=y.dtype)
    season: Array | None = None
    if gamma is not None and states.season is not None:
        m = states.season.shape[0]
        wide = states.season if states.season.ndim == 1 + len(shape) else states.season[:, None]
        season = np.array(np.broadcast_to(wide, (m, *shape)), dtype=y.dtype)
    missing: npt.NDArray[np.bool_] = np.isnan(y)
    gaps: npt.NDArray[np.bool_] = np.asarray(missing.any(axis=1))
    filled = np.where(missing, 0, y)
    sse, error, work, ahead = (np.zeros(shape, dtype=y.dtype) for _ in range(4))
    for t in range(y.shape[0]):
        hidden = missing[t] if gaps[t] else None
        base = level
        if slope is not None:  # ahead = level + phi * slope, slope <- phi * slope
            before = slope.copy() if hidden is not None else None
            if phi is not None:
                np.multiply(slope, phi, out=slope)
            np.add(level, slope, out=ahead)
            if hidden is not None and before is not None:
                np.copyto(ahead, level, where=hidden)
                np.copyto(slope, before, where=hidden)
            base = ahead
        phases = None if season is None else season[(phase + t) % season.shape[0]]
        if phases is None:
            np.subtract(filled[t], base, out=error)
        elif multiplicative:
            np.multiply(base, phases, out=error)
            np.subtract(filled[t], error, out=error)
        else:
            np.add(base, phases, out=error)
            np.subtract(filled[t], error, out=error)
        if hidden is not None:
            np.copyto(error, 0, where=hidden)
        if errors is not None:
            errors[t] = error
        np.multiply(error, error, out=work)
        np.add(sse, work, out=sse)
        if phases is not None and gamma is not None and multiplicative:
            divisor = np.maximum(base, _SMALL)
            level_error = np.divide(error, np.maximum(phases, _SMALL))
            np.multiply(gamma, error, out=work)
            np.divide(work, divisor, out=work)
            np.add(phases, work, out=phases)
            error = level_error
        elif phases is not None and gamma is not None:
            np.multiply(gamma, error, out=work)
            np.add(phases, work, out=phases)
        np.multiply(alpha, error, out=work)
        np.add(base, work, out=level)
        if slope is not None and beta is not None:
            np.multiply(beta, error, out=work)
            np.add(slope, work, out=slope)
    return sse, States(level, slope, season)


def project(
    horizon: int, parameters: Parameters, states: States, *, multiplicative: bool = False, phase: int = 0
) -> Array:
    """Point forecasts ``(H, S)`` from the last states; ``phase`` is that of the first step ahead."""
    shape = states.level.shape
    out = np.empty((horizon, *shape))
    level, slope = states.level, states.slope
    for h in range(horizon):
        if slope is not None:
            slope = slope if parameters.phi is None else slope * parameters.phi
            level = level + slope
        out[h] = level
        if states.season is not None:
            now = states.season[(phase + h) % states.season.shape[0]]
            out[h] = level * now if multiplicative else level + now
    return out


def growth_of_variance(horizon: int, parameters: Parameters, season: int = 1) -> Array:
    """Variance of the ``h``-step error over that of the one-step error, ``(H, S)``.

    ``1 + sum_{j<h} c_j^2`` with ``c_j = alpha + beta * (phi + ... + phi^j) + gamma * [j = 0 mod m]``
    (Hyndman et al. 2008, table 6.2). It is exact for additive seasons; for multiplicative ones it takes
    the ratio of the seasons of two steps as one.
    """
    alpha, beta, gamma = parameters.alpha, parameters.beta, parameters.gamma
    out = np.ones((horizon, *alpha.shape))
    damping, power = np.zeros(alpha.shape), np.ones(alpha.shape)
    for j in range(1, horizon):
        power = power if parameters.phi is None else power * parameters.phi
        damping += power
        weight = alpha if beta is None else alpha + beta * damping
        if gamma is not None and j % season == 0:
            weight = weight + gamma
        out[j] = out[j - 1] + weight**2
    return out
