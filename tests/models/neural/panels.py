"""Small panels with a planted pattern."""

from __future__ import annotations

import numpy as np
import polars as pl

from skucast.frequency import Frequency
from skucast.panel import Panel

WEEK = np.array([1.0, 1.0, 1.2, 1.5, 2.0, 4.0, 3.0])


def panel_of(values, freq="D", known=None, past=None, available=None, starts=None, categories=None, end="2025-03-30"):
    """Panel from a right-aligned matrix ``(S, T)``; series ``i`` begins at column ``starts[i]``."""
    matrix = np.asarray(values, dtype=np.float32)
    rows, steps = matrix.shape
    first = np.zeros(rows, dtype=np.int64) if starts is None else np.asarray(starts)
    inside = np.arange(steps) >= first[:, None]
    grid = Frequency.parse(freq, np.array([end], "datetime64[us]"))

    def flat(columns):
        return {n: np.asarray(c, dtype=np.float32)[inside] for n, c in (columns or {}).items()}

    return Panel(
        freq=grid,
        end=int(grid.ordinal(np.array([end], "datetime64[us]"))[0]),
        values=matrix[inside],
        indptr=np.concatenate([[0], np.cumsum(steps - first)]).astype(np.int64),
        static=pl.DataFrame({"unique_id": [f"s{i:03d}" for i in range(rows)]}),
        available=None if available is None else np.asarray(available)[inside],
        known=flat(known),
        past=flat(past),
        categories=categories or {},
    )


def weekly_pattern(series=24, steps=140, seed=0, promotion=False):
    """Poisson demand with a weekly shape; a promotion, drawn at random, triples it."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(1.5, 0.7, (series, 1)))
    shape = WEEK[np.arange(steps) % 7]
    on = (rng.random((series, steps)) < 0.15).astype(np.float32)
    lift = 1 + 2 * on if promotion else 1.0
    values = rng.poisson(level * shape * lift)
    return panel_of(values, known={"promotion": on} if promotion else None)


def yearly(series=24, steps=72, seed=0, noise=0.1, freq="W-SUN", year=52, end="2025-03-30"):
    """Items whose years look alike, each in its own way; weeks by default."""
    rng = np.random.default_rng(seed)
    turn = np.arange(steps)[None] / year + rng.random((series, 1))
    shape = np.exp(0.8 * np.sin(2 * np.pi * turn)) * np.exp(noise * rng.standard_normal((series, steps)))
    return panel_of(np.round(np.exp(rng.normal(4, 0.5, (series, 1))) * shape), freq, end=end)
