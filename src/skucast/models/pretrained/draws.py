"""Draws: random windows of a panel that a network learns from."""

from __future__ import annotations

import numpy as np

from ...panel import I64, Panel
from ..volume import F64, POWER, volume
from .inputs import inputs
from .reading import Reader, needed, oldest
from .training import Batch, batch_of

_TRIES = 3  # windows drawn for each that is taken, so that those of a batch have the same context


class Draws:
    """Windows of all series at all origins that have enough behind them and all steps ahead known.

    Args:
        reader: of the panel.
        held_out: steps at the end that are never a target.
    """

    def __init__(self, reader: Reader, held_out: int) -> None:
        self.reader = reader
        self.latest = held_out + reader.horizon
        self.first = oldest(reader.panel)
        self.origins: I64 = np.maximum(self.first - 2 * reader.grid.half - self.latest + 1, 0)
        weight = self.origins * volume(_mean(reader.panel)) ** POWER
        self._share = np.cumsum(weight) / max(weight.sum(), 1e-12)

    @property
    def apart(self) -> int:
        """Windows of any series that have no step ahead in common."""
        return int((-(-self.origins // self.reader.horizon)).sum())

    @property
    def periods(self) -> int:
        """Windows one after another in the longest history."""
        return int(self.origins.max() // self.reader.horizon)

    def draw(self, rng: np.random.Generator, count: int, ahead: int) -> Batch:
        """A batch of at most ``count`` windows and ``ahead`` random steps ahead."""
        many = _TRIES * count
        rows = np.minimum(np.searchsorted(self._share, rng.random(many), side="right"), len(self.origins) - 1)
        back = self.latest + (self.origins[rows] * rng.random(many)).astype(np.int64)
        context = needed(self.first[rows] - back, self.reader.grid.context)
        same = np.flatnonzero(context == context[0])[:count]
        window, came = self.reader.window_at(rows[same], back[same], int(context[0]))
        steps = np.sort(rng.permutation(self.reader.horizon)[:ahead])
        return batch_of(inputs(window), came, steps)


def _mean(panel: Panel) -> F64:
    """Mean demand of each series; 0 where none was observed."""
    seen = ~np.isnan(panel.observed)
    total = np.bincount(panel.row_of, np.where(seen, np.abs(panel.values), 0.0), len(panel))
    return np.asarray(total / np.maximum(np.bincount(panel.row_of, seen, len(panel)), 1))
