"""Small panels with known truths."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from skucast.panel import Panel

START = dt.date(2023, 1, 2)  # a Monday


def daily(
    *series: Sequence[float | None],
    start: dt.date = START,
    known: Mapping[str, Sequence[Sequence[float]]] | None = None,
    available: Sequence[Sequence[bool]] | None = None,
    step: int = 1,
    freq: str = "D",
) -> Panel:
    """A panel of series that end on the same day, named s0, s1, ...; NaN and None are missing."""
    end = max(len(values) for values in series)
    frames = []
    for k, values in enumerate(series):
        begin = end - len(values)
        columns = {
            "unique_id": [f"s{k}"] * len(values),
            "ds": [start + dt.timedelta(days=step * (begin + i)) for i in range(len(values))],
            "y": pl.Series([None if v is None or np.isnan(v) else float(v) for v in values], dtype=pl.Float64),
        }
        for name, rows in (known or {}).items():
            columns[name] = pl.Series(rows[k], dtype=pl.Float64)
        if available is not None:
            columns["in_stock"] = list(available[k])
        frames.append(pl.DataFrame(columns))
    return Panel.from_frame(
        pl.concat(frames), freq, known=tuple(known or ()), availability="in_stock" if available is not None else None
    )


def weekly_shape(days: int, seed: int, level: float = 60.0) -> np.ndarray:
    """Poisson demand with a strong week: Saturdays sell four times what Mondays do."""
    shape = np.array([0.5, 0.6, 0.7, 0.9, 1.2, 2.0, 1.1])
    return np.random.default_rng(seed).poisson(level * np.resize(shape, days)).astype(float)


def sparse(days: int, seed: int, rate: float = 0.15) -> np.ndarray:
    """Intermittent demand: sales of one to four units on one day in seven."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(days) < rate, rng.integers(1, 5, days), 0).astype(float)


DEGENERATE: dict[str, list[float]] = {
    "constant": [5.0] * 60,
    "constant fractions": [2.5] * 60,
    "all zero": [0.0] * 60,
    "all missing": [float("nan")] * 60,
    "one observation": [float("nan")] * 30 + [7.0] + [float("nan")] * 29,
    "one cell": [3.0],
    "two cells": [0.0, 1.0],
    "huge": [1e12 if k % 7 else 3.0 for k in range(60)],
    "negative": [-4.0 if k % 5 else 6.0 for k in range(60)],
}
"""Series that have no sensible statistics."""


def degenerate() -> Panel:
    """All degenerate series as one panel."""
    return daily(*DEGENERATE.values())
