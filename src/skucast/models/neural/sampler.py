"""Which windows a network learns from, and which it is judged on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...forecast import LEVELS
from ...panel import I64
from .heads import pinball
from .windows import Batch, Windows

_VOLUME = 0.5  # series are drawn in proportion to their demand to this power
_MOST = 1e3  # a series counts for at most so many typical ones, and at least for one part in so many
_JUDGED = 1024  # series of an exam
_AT_ONCE = 512


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
        volume: ``(S,)`` demand of each series in units of the typical one, cut off at both ends.
    """

    windows: Windows
    held_out: int
    rows: I64
    first: I64
    last: I64
    share: npt.NDArray[np.float64]
    volume: npt.NDArray[np.float64]

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
        known = np.maximum(windows.end - held_out - 1, windows.start)
        scale = windows.scale[known].astype(np.float64)
        typical = float(np.median(scale[scale > 0])) if (scale > 0).any() else 1.0
        volume = np.clip(scale / typical, 1 / _MOST, _MOST)
        total = np.cumsum((stop - begin + 1)[rows] * volume[rows] ** _VOLUME)
        return Sampler(windows, held_out, rows, begin[rows], stop[rows], total / total[-1:], volume)

    @property
    def origins(self) -> int:
        """Number of different windows."""
        return int((self.last - self.first + 1).sum())

    def draw(self, rng: np.random.Generator, size: int, forks: int, ahead: int) -> Batch:
        """A random batch, with the loss at ``ahead`` random steps of the horizon (all if that is fewer)."""
        k = np.searchsorted(self.share, rng.random(size), side="right").clip(max=self.rows.size - 1)
        length = self.last[k] - self.first[k] + 1
        origin = self.first[k] + (rng.random(size) * length).astype(np.int64)
        horizon, forks = self.windows.inputs.horizon, min(forks, self.windows.inputs.patches)
        steps = np.sort(rng.permutation(horizon)[:ahead]) if ahead < horizon else None
        return self.windows.gather(self.rows[k], origin, forks=forks, hidden=self.held_out, steps=steps)

    def exam(self, rng: np.random.Generator) -> Exam:
        """The windows right before the held-out steps, of a random choice of series."""
        rows = np.flatnonzero(self.windows.end - self.held_out > self.windows.start)
        if rows.size > _JUDGED:
            rows = np.sort(rng.choice(rows, _JUDGED, replace=False))
        origins = self.windows.end[rows] - 1 - self.held_out
        parts = [slice(i, i + _AT_ONCE) for i in range(0, rows.size, _AT_ONCE)]
        units = torch.from_numpy(self.volume[rows]).float().to(self.windows.device)
        return Exam(rows, tuple((self.windows.gather(rows[p], origins[p]), units[p, None, None]) for p in parts))


@dataclass(frozen=True, eq=False)
class Exam:
    """Windows with answers that training does not see.

    Attributes:
        rows: ``(R,)`` series, one window each.
        papers: batches of one fork, each with the size of its series ``(B, 1, 1)``.
    """

    rows: I64
    papers: tuple[tuple[Batch, Tensor], ...]

    def loss(self, answer: Callable[[Batch], Tensor]) -> float:
        """Weighted quantile loss of answers ``(B, 1, H, Q)`` in scaled units, one batch after the other."""
        top = bottom = 0.0
        for batch, size in self.papers:
            counts = batch.weight * size
            top += float((pinball(answer(batch), batch.target, LEVELS) * counts).sum())
            bottom += float((batch.target * counts).sum())
        return top / bottom if bottom > 0 else top
