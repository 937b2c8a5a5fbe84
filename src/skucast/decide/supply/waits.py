"""Waits: how long from a day (of the order, or the promise) to the receipt, of names in one another (supplier, item)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from ...forecast import F64
from ...panel import I64, Bool


@dataclass(frozen=True, eq=False)
class Waits:
    """Distinct waits. Lines of one supplier that were ordered and received together are one wait, not many.

    Attributes:
        frame: columns ``by``, ``start`` (days since 1970), ``days`` (whole, from 0 on), ``open`` (it goes on), ``share`` (the
            part of its supplier's delivery that the wait stands for: 1 where it is the delivery).
        by: names of the columns from the coarsest to the finest; the frame is sorted by them.
        as_of: the day on which they were looked at, days since 1970.
    """

    frame: pl.DataFrame
    by: tuple[str, ...]
    as_of: int

    @classmethod
    def of(cls, lines: pl.DataFrame, by: tuple[str, ...], as_of: int) -> Waits:
        """From order lines with ``by, start, days, open``; lines without a name at some depth count above it only."""
        named = lines.select(*by, "start", "days", "open").filter(pl.all_horizontal(pl.col(by).is_not_null()))
        distinct = named.unique(maintain_order=True)
        together = pl.len().over(by[0], "start", "days", "open")
        return cls(distinct.with_columns(share=1 / together).sort(*by, "start", "days", "open"), by, as_of)

    @cached_property
    def start(self) -> I64:
        """``(n,)``."""
        return np.asarray(self.frame["start"].to_numpy(), dtype=np.int64)

    @cached_property
    def days(self) -> I64:
        """``(n,)``."""
        return np.asarray(self.frame["days"].to_numpy(), dtype=np.int64)

    @cached_property
    def open(self) -> Bool:
        """``(n,)``."""
        return np.asarray(self.frame["open"].to_numpy(), dtype=np.bool_)

    @cached_property
    def share(self) -> F64:
        """``(n,)``."""
        return np.asarray(self.frame["share"].to_numpy(), dtype=np.float64)

    @cached_property
    def _codes(self) -> tuple[dict[tuple[str, ...], int], I64]:
        runs = self.frame.select(_node=pl.struct(self.by).rle_id()).to_series()  # the frame is sorted
        node = np.asarray(runs.to_numpy(), dtype=np.int64)
        keys = self.frame.select(self.by).unique(maintain_order=True).rows()
        return {tuple(key): k for k, key in enumerate(keys)}, node

    @property
    def nodes(self) -> dict[tuple[str, ...], int]:
        """Names -> number of the node."""
        return self._codes[0]

    @property
    def node(self) -> I64:
        """``(n,)`` number of each wait's node, rising."""
        return self._codes[1]

    def rows(self, names: tuple[str, ...]) -> slice:
        """Where the waits of a node stand; an empty slice where it is not known."""
        code = self.nodes.get(names)
        if code is None:
            return slice(0, 0)
        begin, end = np.searchsorted(self.node, [code, code + 1])
        return slice(int(begin), int(end))

    def seen_on(self, day: int) -> Waits:
        """The waits as they looked on an earlier day: later ones are not there, and what ended later goes on."""
        then = self.frame.filter(pl.col("start") < day).with_columns(
            days=pl.min_horizontal("days", day - pl.col("start")),
            open=pl.col("open") | (pl.col("start") + pl.col("days") > day),
        )
        return Waits(then.unique([*self.by, "start", "days", "open"], maintain_order=True), self.by, day)

    def between(self, first: int, end: int) -> Waits:
        """Waits that began from a day on and before another."""
        return Waits(self.frame.filter(pl.col("start").is_between(first, end, closed="left")), self.by, self.as_of)
