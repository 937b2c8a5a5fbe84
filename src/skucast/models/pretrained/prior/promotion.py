"""Price and promotion of synthetic items, their effect in logs, and what the model is shown of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....panel import F32
from .axis import Axis, Rng, episodes, normal, some, spread

_DEPTHS = np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5], np.float32)
GROUP = 4
"""Neighbouring series that may stand in for each other."""


@dataclass(frozen=True, eq=False)
class Promotion:
    """Prices and promotions.

    Attributes:
        log: ``(B, T)`` effect of own price and promotion, and of those of substitutes.
        price: ``(B, T)`` price as the model is shown it; NaN where it is not.
        flag: ``(B, T)`` promotion as it is shown; NaN where it is not.
        rivals: ``(B, T)`` share of the substitutes on promotion.
    """

    log: F32
    price: F32
    flag: F32
    rivals: F32


def promotion(rng: Rng, axis: Axis, surprise: F32) -> Promotion:
    """Price steps, promotions with elasticity, lift and pull-forward; substitution within groups.

    Args:
        rng: source.
        axis: dates.
        surprise: ``(B, T)`` noise of demand in logs; prices that are averages of what was paid move with it.
    """
    rows, steps = axis.rows, axis.steps
    t = np.arange(steps)
    shift = rng.random((rows, steps), dtype=np.float32) < rng.uniform(0, 4, (rows, 1)) / axis.context
    base = np.cumsum(shift * normal(rng, rows, steps) * 0.08, axis=1)
    longest = {"h": (24, 168), "D": (2, 14), "W": (1, 4), "M": (1, 1)}[axis.grid.kind]
    rate = rng.uniform(0.2, 12, (rows, 1)) / axis.year * some(rng, rows, 0.75)
    on, began = episodes(rng, rate, steps, *longest)
    drawn = _DEPTHS[np.take_along_axis(rng.integers(0, 8, (rows, steps)), np.maximum(began, 0), 1)]
    depth = np.where(some(rng, rows, 0.35), rng.choice([0.1, 0.2, 0.3], (rows, 1)), drawn)
    cut = np.log1p(-depth) * on * some(rng, rows, 0.8)
    log_price = base + cut
    elasticity = np.clip(np.exp(rng.normal(0.5, 0.6, (rows, 1))), 0, 6) * some(rng, rows, 0.85)
    lift = np.abs(rng.normal(0.28, 0.4, (rows, 1))) * some(rng, rows, 0.85)
    own = -elasticity * log_price + lift * on
    since = t - np.maximum.accumulate(np.where(on, t, -(10**6)), axis=1)
    pulled = rng.uniform(0, 0.5, (rows, 1)) * some(rng, rows, 0.4)
    own = own - pulled * np.exp(-np.minimum(since, 500) / rng.uniform(2, 10, (rows, 1))) * ~on
    pad = -rows % GROUP
    grouped = np.concatenate([on, on[:pad]]).reshape(-1, GROUP, steps).astype(np.float32)
    rivals = ((grouped.sum(axis=1, keepdims=True) - grouped) / (GROUP - 1)).reshape(-1, steps)[:rows]
    own = own - rng.uniform(0, 0.6, (rows, 1)) * some(rng, rows, 0.3) * rivals
    counts = some(rng, rows, 0.65)  # the others have neither
    price, flag = _shown(rng, axis, log_price, on, surprise, counts)
    return Promotion((own * counts).astype(np.float32), price, flag, rivals.astype(np.float32))


def _shown(
    rng: Rng,
    axis: Axis,
    log_price: npt.NDArray[np.floating],
    on: npt.NDArray[np.bool_],
    surprise: F32,
    counts: npt.NDArray[np.bool_],
) -> tuple[F32, F32]:
    rows = axis.rows
    seen = log_price + spread(rng, rows, 0.03, 0.8) * some(rng, rows, 0.2) * normal(rng, rows, axis.steps)
    paid = some(rng, rows, 0.12)  # average of what was paid: low when much is bought at once, and blurred
    seen = seen - paid * (rng.uniform(0, 0.3, (rows, 1)) * surprise + 0.08 * normal(rng, rows, axis.steps))
    stale = some(rng, rows, 0.15)  # the last price is taken to hold ahead
    seen[:, axis.context :] = np.where(stale, seen[:, axis.context - 1 : axis.context], seen[:, axis.context :])
    irrelevant = some(rng, rows, 0.1)
    tag = np.exp(seen) * spread(rng, rows, 5.0, 1.2)
    price = np.where(some(rng, rows, 0.75) & (counts | irrelevant), tag, np.nan)
    wrong = rng.random((rows, axis.steps), dtype=np.float32) < 0.1
    flag = np.where(some(rng, rows, 0.1) & wrong, rng.random(on.shape) < 0.2, on)
    told = some(rng, rows, 0.8) & (counts | irrelevant)
    return price.astype(np.float32), np.where(told, flag, np.nan).astype(np.float32)
