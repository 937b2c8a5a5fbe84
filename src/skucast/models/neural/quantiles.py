"""Quantiles at `LEVELS` as descriptions of distributions: their means, other levels, mixtures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...forecast import LEVELS, invert_cdf

F64 = npt.NDArray[np.float64]


def mean_of(quantiles: F64, levels: tuple[float, ...] = LEVELS) -> F64:
    """Means of the distributions that quantiles ``(..., Q)`` describe.

    Linear between levels and with the exponential tails of `skucast.forecast.invert_cdf`, whose means are
    ``q - s`` below and ``q + s`` above for a tail of scale ``s``.
    """
    p, q = np.asarray(levels), quantiles
    body = ((q[..., 1:] + q[..., :-1]) / 2 * np.diff(p)).sum(axis=-1)
    low = (q[..., 1] - q[..., 0]) / np.log(p[1] / p[0])
    high = (q[..., -1] - q[..., -2]) / np.log((1 - p[-2]) / (1 - p[-1]))
    return np.asarray(body + p[0] * np.maximum(q[..., 0] - low, 0.0) + (1 - p[-1]) * (q[..., -1] + high))


def at_levels(quantiles: F64, levels: tuple[float, ...]) -> F64:
    """Quantiles at other levels than `LEVELS`."""
    if levels == LEVELS:
        return quantiles
    flat = quantiles.reshape(-1, len(LEVELS))
    wanted = np.broadcast_to(np.asarray(levels), (len(flat), len(levels)))
    return invert_cdf(np.asarray(LEVELS), flat, wanted).reshape(*quantiles.shape[:-1], len(levels))


def mixture(parts: F64) -> F64:
    """Quantiles at `LEVELS` of the equal mixture of ``K`` distributions ``(K, ..., Q)``."""
    p = np.asarray(LEVELS)
    edges = np.concatenate([[0.0], (p[1:] + p[:-1]) / 2, [1.0]])
    mass = np.broadcast_to(np.diff(edges) / len(parts), parts.shape)
    pooled, mass = (np.moveaxis(a, 0, -2).reshape(*a.shape[1:-1], -1) for a in (parts, mass))
    order = np.argsort(pooled, axis=-1, kind="stable")
    pooled, mass = np.take_along_axis(pooled, order, -1), np.take_along_axis(mass, order, -1)
    centre = np.cumsum(mass, axis=-1) - mass / 2
    out = np.empty((*pooled.shape[:-1], len(p)))
    for k, level in enumerate(p):
        above = np.clip((centre < level).sum(axis=-1, keepdims=True), 1, centre.shape[-1] - 1)
        c0, c1 = (np.take_along_axis(centre, i, -1) for i in (above - 1, above))
        q0, q1 = (np.take_along_axis(pooled, i, -1) for i in (above - 1, above))
        out[..., k] = (q0 + np.clip((level - c0) / (c1 - c0), 0, 1) * (q1 - q0))[..., 0]
    return out
