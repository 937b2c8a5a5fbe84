"""Joint draws: sample paths of many series that move together over series and steps as they did in the past."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..forecast import Forecast, invert_cdf
from ..panel import F32

_BACK = 400  # steps of history looked at, and horizons on top
_BASE = 28  # steps before an origin that make the level there, at most


def joint_draws(history: F32, season: int, forecast: Forecast, n: int, seed: int = 0) -> Iterator[F32]:
    """Step by step ``(S, n)`` draws; draw ``j`` of all steps and series is one possible future.

    Marginals are those of the forecast, met by stratified probabilities. Their ranks come from stretches of the
    panel's history that begin a whole number of seasons apart, less each series' level just before: what rose together
    then, rises together in a draw. Series with ties (days without a sale) take them in an order of chance.

    Args:
        history: ``(S, T)`` demand of the same series up to the step before the forecast; NaN is unknown.
        season: steps of the shortest season, such as 7 days.
        forecast: marginals.
        n: draws.
        seed: of the choice of stretches and of ties.

    Source: Schefzik, Thorarinsdottir, Gneiting (2013), Uncertainty quantification in complex simulation models using
    ensemble copula coupling, Statistical Science 28; Jeon, Panagiotelis, Petropoulos (2019), European J. Operational
    Research 279, who order the draws of a hierarchy so.
    """
    rng = np.random.default_rng(seed)
    steps = forecast.horizon
    history = history[:, -(_BACK + steps) :]
    origins = _origins(history.shape[1], steps, max(1, season))
    levels = np.asarray(forecast.levels)
    if origins.size:
        picked = np.concatenate([rng.permutation(origins) for _ in range(-(-n // origins.size))])[:n]
        before = _levels_before(history, picked)
    for step in range(steps):
        if origins.size:
            moved = history[:, picked + step] - before
            noise = rng.standard_normal(moved.shape, dtype=np.float32)
            scale = np.nanstd(moved, axis=1, keepdims=True) if moved.size else 1.0
            moved = np.where(np.isnan(moved), noise * np.nan_to_num(scale), moved + 1e-3 * np.nan_to_num(scale) * noise)
        else:
            moved = rng.standard_normal((len(history), n), dtype=np.float32)
        ranks = moved.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        u = (ranks + rng.random(ranks.shape)) / n
        yield invert_cdf(levels, forecast.quantiles[:, step].astype(np.float64), u).astype(np.float32)


def _origins(width: int, steps: int, season: int) -> npt.NDArray[np.int64]:
    """First steps of the stretches, newest first, each with a little history before it."""
    least = min(season, width - steps)
    return np.arange(width - steps, max(least, 1) - 1, -season, dtype=np.int64)


def _levels_before(history: F32, origins: npt.NDArray[np.int64]) -> F32:
    """Mean ``(S, n)`` of the steps just before each origin; NaN where none is known."""
    seen = ~np.isnan(history)
    total = np.concatenate([np.zeros((len(history), 1)), np.cumsum(np.where(seen, history, 0.0), axis=1)], axis=1)
    count = np.concatenate([np.zeros((len(history), 1)), np.cumsum(seen, axis=1)], axis=1)
    start = np.maximum(origins - _BASE, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = (total[:, origins] - total[:, start]) / (count[:, origins] - count[:, start])
    return np.asarray(out, dtype=np.float32)
