"""Residual trajectories of a backtest: how errors hang together over the steps of a horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..panel import F32

if TYPE_CHECKING:
    from .backtest import Backtest

_POOL = 1000  # trajectories kept
_SEEN = 0.6  # share of steps that must have an actual value


def probability_transform(
    y: F32, quantiles: F32, levels: tuple[float, ...], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Randomised probability integral transform: where each actual fell in its forecast distribution.

    Between two quantiles linear; where several quantiles equal the actual (a jump of the distribution, as
    at zero) and beyond the outermost ones, uniform over the probability that is open there. Uniform on
    (0, 1) for a calibrated forecast.

    Args:
        y: ``(S, H)``; NaN gives NaN.
        quantiles: ``(S, H, Q)`` non-decreasing.
        levels: ``(Q,)``.
        rng: of the randomisation.

    Source: Smith (1985), Diagnostic checks of non-standard time series models, J. Forecasting 4.
    """
    count = len(levels)
    edges = np.concatenate([[0.0], levels, [1.0]])
    below = (quantiles < y[..., None]).sum(axis=-1)  # quantiles strictly under y
    up_to = (quantiles <= y[..., None]).sum(axis=-1)
    jump = up_to > below
    low = np.where(jump & (below > 0), edges[np.minimum(below + 1, count)], edges[below])
    high = np.where(jump & (up_to < count), edges[np.maximum(up_to, 1)], edges[up_to + 1])
    share = rng.random(y.shape)
    inside = ~jump & (below > 0) & (below < count)
    q_low = np.take_along_axis(quantiles, np.maximum(below - 1, 0)[..., None], axis=-1)[..., 0]
    q_high = np.take_along_axis(quantiles, np.minimum(below, count - 1)[..., None], axis=-1)[..., 0]
    width = np.where(inside, q_high - q_low, 1.0)
    share = np.where(inside, (np.nan_to_num(y) - q_low) / width, share)
    out: npt.NDArray[np.float64] = np.where(np.isnan(y), np.nan, low + share * (high - low))
    return out


def residual_pool(backtest: Backtest, model: str, horizon: int, seed: int = 0) -> F32 | None:
    """Pool ``(M, horizon)`` of standardised residual trajectories of one model.

    A trajectory is one series in one window: where each step's actual fell in the forecast distribution,
    as normal scores. `Forecast.paths` borrows its ranks, so that simulated futures are wrong for as long in
    a row as the model was.

    Args:
        backtest: with forecasts of the model.
        model: its label.
        horizon: at most the backtest's.
        seed: of the randomisation and of the choice among many trajectories.

    Returns:
        None if no window has enough actual values.

    Raises:
        ConfigError: the backtest has no such model or a shorter horizon.
    """
    from scipy.special import ndtri

    if model not in backtest.models:
        raise ConfigError(f"The backtest holds no forecasts of '{model}'; it has: {', '.join(backtest.models)}.")
    if horizon > backtest.horizon:
        raise ConfigError(f"The backtest reaches {backtest.horizon} steps, so it has no residuals for {horizon}.")
    rng = np.random.default_rng(seed)
    taken: list[npt.NDArray[Any]] = []
    share = max(1, -(-2 * _POOL // len(backtest.windows)))
    for k, window in enumerate(backtest.windows):
        if (model, k) not in backtest.outcomes:
            continue
        actual = window.actual[:, :horizon]
        usable = np.flatnonzero((~np.isnan(actual)).mean(axis=1) >= _SEEN)
        if usable.size > share:
            usable = np.sort(rng.choice(usable, share, replace=False))
        if usable.size:
            quantiles = backtest.outcomes[model, k].quantiles[usable, :horizon]
            taken.append(probability_transform(actual[usable], quantiles, backtest.levels, rng))
    if not taken:
        return None
    pool = np.concatenate(taken)
    if len(pool) > _POOL:
        pool = pool[np.sort(rng.choice(len(pool), _POOL, replace=False))]
    pool = np.where(np.isnan(pool), rng.random(pool.shape), pool)  # unknown: no dependence
    return np.asarray(ndtri(np.clip(pool, 1e-6, 1 - 1e-6)), dtype=np.float32)
