"""Counts: from expected demand to units sold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....panel import F32
from .axis import Rng, normal, some

POISSON, NEGATIVE, ZERO_INFLATED, PACKS, CONTINUOUS, ORDERS = range(6)
_SHARES = (0.17, 0.33, 0.12, 0.07, 0.15, 0.16)
_MOST = 1e7
_LARGE = 4.5


def counts(rng: Rng, mean: F32, base: F32) -> F32:
    """Units ``(B, T)`` with the mean given.

    Each series is Poisson, negative binomial (dispersion follows the level), negative binomial with more zeros, sold
    in case packs, continuous (money, weight), or made of few orders of very different size.

    Args:
        rng: source.
        mean: ``(B, T)``.
        base: ``(B, 1)`` logarithm of the usual level.
    """
    rows, steps = mean.shape
    kind = rng.choice(6, (rows, 1), p=_SHARES)
    # tiny levels are never money, large ones are sums of so much that single pieces do not show
    kind = np.where((kind == CONTINUOUS) & (base < 0), NEGATIVE, kind)
    kind = np.where((base > _LARGE) & some(rng, rows, 0.4), CONTINUOUS, kind)
    size = np.exp(rng.normal(0.5, 1.2, (rows, 1)) + 0.5 * np.clip(base, 0, None)).astype(np.float32)
    gamma = rng.standard_gamma(np.broadcast_to(size, mean.shape), dtype=np.float32) / size
    rate = np.where(kind == POISSON, mean, mean * gamma)
    empty = rng.uniform(0.1, 0.8, (rows, 1)) * (kind == ZERO_INFLATED)
    rate = np.where(rng.random((rows, steps), dtype=np.float32) < empty, 0, rate / np.maximum(1 - empty, 0.2))
    lot = np.where(kind == PACKS, rng.integers(2, 13, (rows, 1)), 1)
    pieces = rng.poisson(np.clip(rate / lot, 0, _MOST)) * lot
    noise = np.exp(rng.uniform(-4.8, -1.3, (rows, 1))) * normal(rng, rows, steps)
    smooth = mean * np.exp(noise)
    spike = rng.random((rows, steps), dtype=np.float32) < rng.uniform(0, 0.01, (rows, 1)) * some(rng, rows, 0.3)
    out = np.select([kind == CONTINUOUS, kind == ORDERS], [smooth, _orders(rng, mean)], pieces)
    out = np.where(spike, out * rng.uniform(2, 10, (rows, steps)), out)
    return np.where(kind == CONTINUOUS, out, np.round(out)).astype(np.float32)


def _orders(rng: Rng, mean: F32) -> npt.NDArray[np.floating]:
    """Few customers, each of whom buys a log-normal quantity."""
    rows = mean.shape[0]
    usual = np.exp(rng.uniform(0.2, 3.2, (rows, 1)))
    sigma = rng.uniform(0.3, 1.7, (rows, 1))
    customers = rng.poisson(np.clip(mean / usual, 0, _MOST))
    # the sum of n log-normal sizes, by its first two moments
    n = np.maximum(customers, 1)
    variance = np.log1p(np.expm1(sigma**2) / n)
    total = n * usual * np.exp(np.sqrt(variance) * normal(rng, *mean.shape) - variance / 2)
    return np.where(customers > 0, np.maximum(total, 1.0), 0.0)
