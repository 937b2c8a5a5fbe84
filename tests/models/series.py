"""Small panels that the tests of models share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from skucast.frequency import Frequency
from skucast.panel import Panel


def panel_of(
    series: Mapping[str, Sequence[float] | np.ndarray], freq: str = "D", end: str = "2024-03-31", **more: object
) -> Panel:
    """Panel of rows of numbers that all end at ``end``; NaN is missing."""
    grid = Frequency.parse(freq)
    lengths = [len(values) for values in series.values()]
    return Panel(
        freq=grid,
        end=int(grid.floor(np.array([end], "datetime64[us]"))[0]),
        values=np.concatenate([np.asarray(values, dtype=np.float32) for values in series.values()]),
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        static=pl.DataFrame({"unique_id": list(series)}),
        **more,  # type: ignore[arg-type]
    )


def shop(count: int = 8, steps: int = 84, freq: str = "D", seed: int = 0) -> Panel:
    """Counts with a season, of different sizes and lengths, some steps missing, some items rarely sold."""
    rng = np.random.default_rng(seed)
    season = min(Frequency.parse(freq).season, 12)
    made = {}
    for i in range(count):
        length = steps - (i % 3) * season
        wave = 1 + 0.5 * np.sin(2 * np.pi * np.arange(length) / season)
        values = rng.poisson([0.3, 2, 8, 60][i % 4] * wave).astype(np.float64)
        values[rng.random(length) < 0.04] = np.nan
        made[f"item{i}"] = values
    return panel_of(made, freq)


def degenerate(seed: int = 1) -> Panel:
    """Series that break careless code, side by side with ordinary ones."""
    rng = np.random.default_rng(seed)
    gaps = rng.poisson(5, 60).astype(np.float64)
    gaps[rng.random(60) < 0.7] = np.nan
    late = np.full(60, np.nan)
    late[:20] = rng.poisson(4, 20)
    return panel_of(
        {
            "one": [3.0],
            "zeros": np.zeros(60),
            "constant": np.full(60, 7.0),
            "short": [2.0, 0.0, 5.0, 1.0],
            "gaps": gaps,
            "huge": 1e9 * (1 + 0.1 * rng.random(60)),
            "tiny": 1e-3 * (1 + 0.1 * rng.random(60)),
            "unknown": np.full(60, np.nan),
            "unknown_one": [np.nan],
            "stopped": late,
            "single_sale": [*np.zeros(59), 1.0],
            "spike": [*np.full(59, 1.0), 1e6],
            "ordinary": rng.poisson(4, 60),
        }
    )
