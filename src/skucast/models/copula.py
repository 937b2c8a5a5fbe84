"""Dependence of demand over time, learned from history, for sample paths of any model."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from ..panel import F32, Panel

_POOL = 1000  # trajectories kept
_SERIES = 4000  # series looked at
_kept: WeakKeyDictionary[Panel, dict[tuple[int, int], F32 | None]] = WeakKeyDictionary()


def history_copula(panel: Panel, horizon: int, seed: int = 0) -> F32 | None:
    """Pool of standardised trajectories ``(M, horizon)`` from the panel's own past.

    Each trajectory is one stretch of one series, less that series' level just before it and divided by
    its spread, so its ranks carry how deviations persist from step to step (a level that shifts stays
    shifted). It is what `Forecast.paths` uses until backtest residuals replace it.

    Args:
        panel: history; missing and out-of-stock steps are left out.
        horizon: length of the trajectories.
        seed: of the choice among many stretches.

    Returns:
        None if no series is long enough. Kept as long as the panel is: all models of one panel share it.
    """
    kept = _kept.setdefault(panel, {})
    if (horizon, seed) not in kept:
        kept[horizon, seed] = _pool(panel, horizon, seed)
    return kept[horizon, seed]


def _pool(panel: Panel, horizon: int, seed: int) -> F32 | None:
    rng = np.random.default_rng(seed)
    chosen = np.arange(len(panel))
    if len(panel) > _SERIES:
        chosen = np.sort(rng.choice(len(panel), _SERIES, replace=False))
    before = max(2, min(2 * panel.freq.season, 28))
    part = panel.take(chosen).tail(before + horizon * 6)
    values = part.dense(part.observed).astype(np.float64)  # (S, T)
    steps = values.shape[1]
    stretches = []
    for end in range(steps, before + horizon - 1, -max(1, horizon // 2)):
        past = values[:, end - horizon - before : end - horizon]
        ahead = values[:, end - horizon : end]
        seen, got = (~np.isnan(past)).sum(axis=1), (~np.isnan(ahead)).sum(axis=1)
        usable = (seen >= before // 2) & (got >= max(1, horizon * 0.6))
        if not usable.any():
            continue
        past, ahead = past[usable], ahead[usable]
        level = np.nanmean(past, axis=1, keepdims=True)
        spread = np.nanstd(np.concatenate([past, ahead], axis=1), axis=1, keepdims=True)
        moved = (ahead - level) / np.where(spread > 0, spread, np.nan)
        moved = np.where(np.isnan(moved), rng.standard_normal(moved.shape), moved)  # unknown: no dependence
        stretches.append(moved)
    if not stretches:
        return None
    pool = np.concatenate(stretches)
    if len(pool) > _POOL:
        pool = pool[np.sort(rng.choice(len(pool), _POOL, replace=False))]
    return pool.astype(np.float32)
