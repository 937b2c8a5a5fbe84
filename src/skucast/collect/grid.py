"""The grid of a panel in the making: which cell a series and a period have in the flat arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..frequency import Frequency
from ..panel import F32

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """Series, each from its own first period to the common last one.

    Attributes:
        freq: the grid of time.
        keys: ``S`` rows: the level columns of each series, sorted.
        start: ``(S,)`` ordinal of each series' first period.
        end: ordinal of the last period of all.
    """

    freq: Frequency
    keys: pl.DataFrame
    start: I64
    end: int

    @property
    def indptr(self) -> I64:
        """``(S + 1,)`` offsets of the series in flat arrays."""
        return np.concatenate([[0], np.cumsum(self.end - self.start + 1)]).astype(np.int64)

    @property
    def size(self) -> int:
        """Number of cells."""
        return int((self.end - self.start + 1).sum())

    @property
    def ids(self) -> pl.Series:
        """``(S,)`` names of the series: level values joined by ``/``."""
        return join_keys(self.keys)

    @property
    def row_of(self) -> I64:
        """``(N,)`` series of each cell."""
        return np.repeat(np.arange(self.start.size), self.end - self.start + 1)

    @property
    def ordinals(self) -> I64:
        """``(N,)`` period of each cell."""
        return np.arange(self.size) - np.repeat(self.indptr[:-1] - self.start, self.end - self.start + 1)

    def rows(self, table: pl.DataFrame) -> I64:
        """``(rows,)`` series of each row of a table that has the level columns; -1 for none."""
        names = self.keys.columns
        numbered = self.keys.with_row_index("row")
        found = table.select(names).join(numbered, on=names, how="left", maintain_order="left", nulls_equal=True)
        return found["row"].cast(pl.Int64).fill_null(-1).to_numpy()

    def scatter(
        self, row: I64, ordinal: I64, values: npt.NDArray[Any], into: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Put values into flat cells; rows that lie on no cell are left out.

        Args:
            row: ``(rows,)`` series; -1 is none.
            ordinal: ``(rows,)`` period.
            values: ``(rows,)``; each cell at most once.
            into: flat array to fill (changed in place); NaN everywhere by default.
        """
        out: npt.NDArray[Any] = np.full(self.size, np.nan, dtype=np.float32) if into is None else into
        inside = (row >= 0) & (ordinal <= self.end) & (ordinal >= self.start[row])
        if inside.all():
            out[self.indptr[row] + ordinal - self.start[row]] = values
        else:
            at = row[inside]
            out[self.indptr[at] + ordinal[inside] - self.start[at]] = values[inside]
        return out

    def by_period(self, values: npt.NDArray[Any], first: int) -> npt.NDArray[Any]:
        """``(N,)`` flat column from one value per period, beginning at period ``first``."""
        return np.asarray(values[np.maximum(self.ordinals - first, 0)])

    def fill_forward(self, column: F32, limit: int | None = None) -> F32:
        """Last value known, within each series and not older than ``limit`` periods."""
        cell = np.arange(column.size)
        at = np.maximum.accumulate(np.where(np.isnan(column), -1, cell))
        oldest = np.repeat(self.indptr[:-1], self.end - self.start + 1)
        if limit is not None:
            oldest = np.maximum(oldest, cell - limit)
        return np.where(at >= oldest, column[np.maximum(at, 0)], np.float32(np.nan)).astype(np.float32)

    def ahead(self, steps: int) -> Grid:
        """The same series, ``steps`` periods longer."""
        return replace(self, end=self.end + steps)

    def last(self, column: F32, steps: int) -> F32:
        """``(S, steps)`` the last periods of a flat column; every series has at least so many."""
        return np.ascontiguousarray(column[self.indptr[1:, None] - steps + np.arange(steps)])


def join_keys(keys: pl.DataFrame) -> pl.Series:
    """Level columns as one name per row, joined by ``/``; an unknown value is ``unknown``."""
    texts = [pl.col(name).cast(pl.String).fill_null("unknown") for name in keys.columns]
    return keys.select(pl.concat_str(texts, separator="/").alias("unique_id"))["unique_id"]
