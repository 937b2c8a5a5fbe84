"""Held out: the last windows of a panel, on which new weights and intervals are judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...panel import F32, I64
from .answer import F64, losses, units
from .forward import Forward
from .inputs import Inputs, inputs
from .last_year import LastYear
from .reading import Reader, blocks, needed, oldest
from .size import LEVELS

_BLOCK = 128  # series that are computed together
_LOW, _HIGH = LEVELS.index(0.1), LEVELS.index(0.9)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The last windows of some series of a panel, oldest first.

    Attributes:
        papers: what an answer is made of, in blocks: the window, the series, the network's inputs, demand a year before.
        actual: ``(K, S, H)`` what came; NaN does not count.
    """

    papers: tuple[tuple[int, I64, Inputs, F32], ...]
    actual: F32

    @staticmethod
    def of(reader: Reader, windows: int, most: int) -> HeldOut:
        """The windows of a reader's horizon at the panel's end, of a few series at regular distances.

        Args:
            reader: of the panel.
            windows: how many.
            most: series.
        """
        panel, steps = reader.panel, reader.horizon
        rows = np.linspace(0, len(panel) - 1, min(len(panel), most)).astype(np.int64)
        first = oldest(panel)[rows]
        actual = np.full((windows, rows.size, steps), np.nan, np.float32)
        papers = []
        for k in range(windows):
            back = (windows - k) * steps
            context = np.where(first > back, needed(first - back, reader.grid.context), 0)
            for length, part in blocks(context, lambda _: _BLOCK):
                which = rows[part], np.full(part.size, back)
                window, came = reader.window_at(*which, length)
                actual[k, part] = came
                papers.append((k, part, inputs(window), reader.year_before(*which)))
        return HeldOut(tuple(papers), actual)

    def part(self, first: int, last: int | None = None) -> HeldOut:
        """Some of the windows, as scores of answers need them: without what the network is given."""
        return HeldOut((), self.actual[first:last])

    def answers(self, network: Forward, last_year: LastYear) -> F32:
        """``(K, S, H, len(LEVELS))`` in units; NaN for a series that had not begun."""
        out = np.full((*self.actual.shape, len(LEVELS)), np.nan, np.float32)
        for k, part, made, before in self.papers:
            out[k, part] = last_year.mixed(units(network, made), before)
        return out

    def losses(self, quantiles: F32) -> F64:
        """``(K, S)`` of answers; those of a window add up to its WQL, or to 0 where nothing was sold."""
        each = losses(quantiles, self.actual)
        demand = np.nan_to_num(np.abs(self.actual)).sum(axis=(1, 2), dtype=np.float64)[:, None]
        return np.asarray(np.where(demand > 0, each / np.where(demand > 0, demand, 1.0), 0.0))

    def coverage(self, quantiles: F32) -> float:
        """Share of what came that lay within the interval of 80 %."""
        seen = ~np.isnan(self.actual) & np.isfinite(quantiles[..., _LOW])
        inside = (self.actual >= quantiles[..., _LOW]) & (self.actual <= quantiles[..., _HIGH])
        return float(inside[seen].mean()) if seen.any() else float("nan")
