"""Which windows a network learns from, and which it is judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...panel import I64
from .windows import Batch, Windows

_VOLUME = 0.5  # series are drawn in proportion to their demand to this power
_JUDGED = 1024  # series that the network is judged on


@dataclass(frozen=True, eq=False)
class Sampler:
    """Random windows of a panel whose last steps are held out.

    Attributes:
        windows: of the panel, held-out steps included.
        held_out: steps at the end that are never a target in training.
        rows: ``(R,)`` series with something to learn from.
        first: ``(R,)`` first possible origin (flat cell): the first sale.
        last: ``(R,)`` last possible origin: at least one observed target lies ahead.
        share: ``(R,)`` cumulative probabilities of the series.
    """

    windows: Windows
    held_out: int
    rows: I64
    first: I64
    last: I64
    share: npt.NDArray[np.float64]

    @staticmethod
    def of(windows: Windows, held_out: int) -> Sampler:
        """Series are drawn in proportion to their length and, damped, to their demand."""
        first, last = [], []
        for low, high in zip(windows.start.tolist(), (windows.end - held_out).tolist(), strict=True):
            seen, sold = windows.seen[low : max(high, low)], windows.sold[low : max(high, low)]
            first.append(low + int(sold.argmax()) if sold.any() else high)
            last.append(high - 2 - int(seen[::-1].argmax()) if seen.any() else low - 1)
        begin, stop = np.array(first, dtype=np.int64), np.array(last, dtype=np.int64)
        rows = np.flatnonzero(stop >= begin)
        weight = (stop - begin + 1)[rows] * windows.last_scale[rows].astype(np.float64) ** _VOLUME
        total = np.cumsum(weight)
        return Sampler(windows, held_out, rows, begin[rows], stop[rows], total / total[-1:] if rows.size else total)

    @property
    def origins(self) -> int:
        """Number of different windows."""
        return int((self.last - self.first + 1).sum())

    def draw(self, rng: np.random.Generator, size: int, forks: int, ahead: int) -> Batch:
        """A random batch, with the loss at ``ahead`` random steps of the horizon (all if fewer)."""
        k = np.searchsorted(self.share, rng.random(size), side="right").clip(max=self.rows.size - 1)
        length = self.last[k] - self.first[k] + 1
        origin = self.first[k] + (rng.random(size) * length).astype(np.int64)
        horizon = self.windows.inputs.horizon
        steps = np.sort(rng.permutation(horizon)[:ahead]) if ahead < horizon else None
        return self.windows.gather(self.rows[k], origin, forks=forks, hidden=self.held_out, steps=steps)

    def judged(self, rng: np.random.Generator, size: int = 512) -> list[Batch]:
        """Windows right before the held-out steps, of a random choice of series."""
        rows = np.flatnonzero(self.windows.end - self.held_out > self.windows.start)
        if rows.size > _JUDGED:
            rows = np.sort(rng.choice(rows, _JUDGED, replace=False))
        origins = self.windows.end[rows] - 1 - self.held_out
        return [
            self.windows.gather(rows[i : i + size], origins[i : i + size]) for i in range(0, rows.size, size)
        ]
