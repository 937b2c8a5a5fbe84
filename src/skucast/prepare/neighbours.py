"""Library: the windows of each series' past, to find the ones most like what surrounds a cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from ..panel import I64, Bool, Panel
from .changes import rows_of
from .windows import F64, row_medians

_SIZE = 256  # windows kept of a series; more cost time and tell nothing new
_SHARE = 0.5  # of a window's cells that two windows must both know to be compared
_FEWEST = 3


@dataclass(frozen=True, eq=False)
class _Shelf:
    """Windows of one series: ``around`` ``(L, 2 reach)``, ``centre`` ``(L,)``, ``when`` ``(L,)`` ordinals."""

    around: F64
    centre: F64
    when: I64


@dataclass(frozen=True, eq=False)
class Library:
    """Windows of the past of each series.

    A window is what lies within ``reach`` steps before and after a cell, that cell left out.

    Attributes:
        ids: the series.
        shelves: the windows of each.
        reach: steps on either side.
    """

    ids: pl.Series
    shelves: tuple[_Shelf, ...]
    reach: int

    @classmethod
    def of(cls, panel: Panel, column: F64, reach: int) -> Library:
        """Keep the windows of all known cells, or 256 of them spread evenly over the history.

        Args:
            panel: gives the borders of the series.
            column: ``(N,)``; NaN is missing.
            reach: steps on either side.
        """
        ordinals = panel.ordinals
        shelves = []
        for i in range(len(panel)):
            cells = slice(int(panel.indptr[i]), int(panel.indptr[i + 1]))
            mine = column[cells]
            known = np.flatnonzero(~np.isnan(mine))
            if known.size > _SIZE:
                known = known[np.linspace(0, known.size - 1, _SIZE).astype(np.int64)]
            shelves.append(_Shelf(_surroundings(mine, known, reach), mine[known], ordinals[cells][known]))
        return cls(panel.ids, tuple(shelves), reach)

    def expected(self, panel: Panel, column: F64, wanted: Bool, neighbours: int) -> F64:
        """What the most similar windows had in their middle: their median, ``(N,)``.

        Distance is the mean square over the cells that both windows know. A cell's own window is not
        among its neighbours.

        Args:
            panel: the cells to ask for.
            column: ``(N,)`` on the scale that the library was made on.
            wanted: ``(N,)`` cells to answer for; the others are NaN.
            neighbours: how many windows answer.

        Returns:
            NaN also where fewer than three windows can be compared.

        Raises:
            DataError: a series was not there when the library was made.
        """
        out = np.full(column.size, np.nan)
        for cells, near in self._nearest(panel, column, wanted, neighbours):
            out[cells] = np.where((~np.isnan(near)).sum(axis=1) >= _FEWEST, row_medians(near), np.nan)
        return out

    def _nearest(self, panel: Panel, column: F64, wanted: Bool, neighbours: int) -> Iterator[tuple[I64, F64]]:
        """Series by series: the wanted cells, and the middles of the windows nearest to each."""
        places = rows_of(self.ids, panel, "The library of windows")
        ordinals = panel.ordinals
        for i in range(len(panel)):
            begin, end = int(panel.indptr[i]), int(panel.indptr[i + 1])
            at = np.flatnonzero(wanted[begin:end])
            shelf = self.shelves[int(places[i])]
            if not at.size or shelf.centre.size < _FEWEST:
                continue
            distance = _distances(_surroundings(column[begin:end], at, self.reach), shelf.around)
            distance[ordinals[begin + at][:, None] == shelf.when] = np.inf
            k = min(neighbours, shelf.centre.size)
            picked = np.argpartition(distance, k - 1, axis=1)[:, :k]
            far = np.isinf(np.take_along_axis(distance, picked, axis=1))
            yield begin + at, np.where(far, np.nan, shelf.centre[picked])


def _surroundings(series: F64, at: I64, reach: int) -> F64:
    """Windows around cells of one series without the cells themselves: ``(n, 2 reach)``."""
    padded = np.pad(series, reach, constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * reach + 1)[at]
    return np.delete(windows, reach, axis=1)


def _distances(a: F64, b: F64) -> F64:
    """Mean squared distance of each row of ``a`` to each of ``b`` where both are known; inf if too little is."""
    in_a, in_b = (~np.isnan(a)).astype(np.float32), (~np.isnan(b)).astype(np.float32)
    origin = float(np.nanmean(b)) if in_b.any() else 0.0  # near zero, squares lose fewer digits
    unit = float(np.nanmax(np.abs(b - origin))) or 1.0 if in_b.any() else 1.0
    x, y = (np.nan_to_num((c - origin) / unit).astype(np.float32) for c in (a, b))
    shared = in_a @ in_b.T
    total = (x**2) @ in_b.T + in_a @ (y**2).T - 2 * x @ y.T
    enough = shared >= _SHARE * a.shape[1]
    return np.where(enough, np.maximum(total, 0.0) / np.maximum(shared, 1.0), np.inf)
