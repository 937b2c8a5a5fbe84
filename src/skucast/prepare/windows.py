"""Windows along the series of a panel: rolling medians, last and next observed values.

All work on the flat columns of the panel at once and never look across the border of two series.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from ..panel import I64, Bool, Panel

F64 = npt.NDArray[np.float64]

_BLOCK = 100_000  # windows sorted at once


def rolling_median(panel: Panel, column: npt.NDArray[np.floating], window: int, least: int, *, centred: bool) -> F64:
    """Median of the observed cells in a window: ``(N,)``, NaN where fewer than ``least`` are.

    Args:
        panel: gives the borders of the series.
        column: ``(N,)``; NaN is missing.
        window: cells in the window.
        least: observed cells needed.
        centred: the window lies around the cell; else it ends at the cell (that one included).
    """
    if column.size == 0:
        return np.empty(0)
    # a stretch of missing cells between the series keeps windows from crossing
    where = np.arange(column.size) + panel.row_of * window
    spread = np.full(int(where[-1]) + 1 + window, np.nan)
    spread[where] = column
    rolled = pl.Series(spread).fill_nan(None).rolling_median(window, min_samples=max(1, least), center=centred)
    return np.asarray(rolled.fill_null(np.nan).to_numpy()[where], dtype=np.float64)


def rolling_spread(panel: Panel, column: npt.NDArray[np.floating], window: int, least: int) -> tuple[F64, F64]:
    """Median of the observed cells in a window around each cell, and their median distance from it (MAD).

    Both ``(N,)``, NaN where fewer than ``least`` cells are observed; see `rolling_median`.
    """
    medians, distances = np.full(column.size, np.nan), np.full(column.size, np.nan)
    if column.size == 0:
        return medians, distances
    half = window // 2
    where = np.arange(column.size) + panel.row_of * window + half
    spread = np.full(int(where[-1]) + 1 + window, np.nan)
    spread[where] = column
    windows = sliding_window_view(spread, 2 * half + 1)  # row k lies around position k + half
    for begin in range(0, column.size, _BLOCK):
        block = windows[where[begin : begin + _BLOCK] - half]
        enough = (~np.isnan(block)).sum(axis=1) >= max(1, least)
        middle = row_medians(block)
        medians[begin : begin + _BLOCK] = np.where(enough, middle, np.nan)
        away = row_medians(np.abs(block - middle[:, None]))
        distances[begin : begin + _BLOCK] = np.where(enough, away, np.nan)
    return medians, distances


def moving_average(panel: Panel, column: npt.NDArray[np.floating], season: int) -> F64:
    """Centred moving average over one whole season: ``(N,)``, NaN where a cell of it is missing.

    Of an even season the two cells at the ends of the window count half, as is usual (a "2 x 12" average).
    """
    half = season // 2
    parts = [shifted(panel, column, k) for k in range(-half, half + 1)]
    weights = np.ones(len(parts))
    if season % 2 == 0:
        weights[[0, -1]] = 0.5
    total = np.zeros(column.size)
    for part, weight in zip(parts, weights, strict=True):
        total += weight * part
    return np.asarray(total / weights.sum())


def rolling_mean(panel: Panel, column: npt.NDArray[np.floating], before: int, after: int) -> F64:
    """Mean of the observed cells from ``before`` cells earlier to ``after`` later: ``(N,)``.

    NaN where none is observed; windows are cut off at the ends of the series.
    """
    seen = ~np.isnan(column)
    total = np.concatenate([[0.0], np.cumsum(np.where(seen, column, 0.0), dtype=np.float64)])
    count = np.concatenate([[0], np.cumsum(seen)])
    cell = np.arange(column.size)
    begin, end = np.repeat(panel.indptr[:-1], panel.lengths), np.repeat(panel.indptr[1:], panel.lengths)
    low, high = np.clip(cell - before, begin, end), np.clip(cell + after + 1, begin, end)
    n = count[high] - count[low]
    return np.where(n > 0, (total[high] - total[low]) / np.maximum(n, 1), np.nan)


def previous(panel: Panel, marked: Bool) -> I64:
    """Index of the nearest marked cell at or before each cell of the same series, -1 if none: ``(N,)``."""
    last = np.maximum.accumulate(np.where(marked, np.arange(marked.size), -1))
    begin = np.repeat(panel.indptr[:-1], panel.lengths)
    return np.where(last >= begin, last, -1)


def following(panel: Panel, marked: Bool) -> I64:
    """Index of the nearest marked cell at or after each cell of the same series, -1 if none: ``(N,)``."""
    size = marked.size
    nearest = np.minimum.accumulate(np.where(marked, np.arange(size), size)[::-1])[::-1]
    end = np.repeat(panel.indptr[1:], panel.lengths)
    return np.where(nearest < end, nearest, -1)


def shifted(panel: Panel, column: npt.NDArray[np.floating], steps: int) -> F64:
    """The value ``steps`` cells earlier in the same series (later if negative), NaN beyond its ends."""
    out = np.full(column.size, np.nan)
    source = np.arange(column.size) - steps
    begin, end = np.repeat(panel.indptr[:-1], panel.lengths), np.repeat(panel.indptr[1:], panel.lengths)
    fits = (source >= begin) & (source < end)
    out[fits] = column[source[fits]]
    return out


def row_medians(matrix: npt.NDArray[np.floating]) -> F64:
    """Median of the observed cells of each row: ``(S,)``, NaN for rows without any."""
    return row_quantiles(matrix, (0.5,))[:, 0]


def row_means(matrix: npt.NDArray[np.floating]) -> F64:
    """Mean of the observed cells of each row: ``(S,)``, NaN for rows without any."""
    count = (~np.isnan(matrix)).sum(axis=1)
    total = np.nansum(matrix, axis=1, dtype=np.float64)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def row_quantiles(matrix: npt.NDArray[np.floating], levels: tuple[float, ...]) -> F64:
    """Quantiles of the observed cells of each row, linear between order statistics: ``(S, L)``.

    Rows without any observed cell are NaN. One sort of the matrix, without numpy's slow NaN path.
    """
    ranked = np.sort(np.asarray(matrix, dtype=np.float64), axis=1)  # NaN goes last
    n = (~np.isnan(ranked)).sum(axis=1)
    out = np.full((matrix.shape[0], len(levels)), np.nan)
    some = np.flatnonzero(n > 0)
    for k, level in enumerate(levels):
        at = level * (n[some] - 1)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, n[some] - 1)
        out[some, k] = ranked[some, low] + (at - low) * (ranked[some, high] - ranked[some, low])
    return out
