"""Which windows a network learns from, and which it is judged on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...forecast import LEVELS
from ...panel import I64
from ..counts import demand_class
from ..volume import POWER, volume
from .heads import pinball
from .windows import Batch, Windows

_JUDGED = 1024  # series of an exam
_AT_ONCE = 512
_LEADS = 3  # times between the origin and the held-out steps, where there are several
_COLD = 0.15  # share of windows without a history, where static columns are seen


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
        fading: natural logarithm of how much rarer an origin is drawn than the next one; 0 draws all alike.
    """

    windows: Windows
    held_out: int
    rows: I64
    first: I64
    last: I64
    share: npt.NDArray[np.float64]
    volume: npt.NDArray[np.float64]
    fading: float = 0.0

    @staticmethod
    def of(windows: Windows, held_out: int, half_life: int = 0, balance: float = 0.0) -> Sampler:
        """Series are drawn in proportion to their length and, damped, to their demand.

        Args:
            windows: of the panel, held-out steps included.
            held_out: steps at the end that are never a target.
            half_life: steps after which an origin is drawn half as often; the length of a series counts likewise.
            balance: 0 leaves classes of demand as frequent as they are, 1 makes them equally frequent.
        """
        first, last = [], []
        for low, high in zip(windows.start.tolist(), (windows.end - held_out).tolist(), strict=True):
            seen, sold = windows.seen[low : max(high, low)], windows.sold[low : max(high, low)]
            first.append(low + int(sold.argmax()) if sold.any() else high)
            last.append(high - 2 - int(seen[::-1].argmax()) if seen.any() else low - 1)
        begin, stop = np.array(first, dtype=np.int64), np.array(last, dtype=np.int64)
        rows = np.flatnonzero(stop >= begin)
        known = np.maximum(windows.end - held_out - 1, windows.start)
        size = volume(windows.scale[known].astype(np.float64))
        fading = math.log(2) / half_life if half_life else 0.0
        length: npt.NDArray[np.float64] = (stop - begin + 1)[rows].astype(np.float64)
        if fading:
            age = (windows.end - held_out - 1 - stop)[rows]  # of the last origin
            length = np.exp(-fading * age) * -np.expm1(-fading * length) / -math.expm1(-fading)
        weight = length * size[rows] ** POWER
        if balance:
            kind = _classes(windows, rows, held_out)
            weight *= (np.bincount(kind, weight, 4)[kind] / weight.sum()) ** -balance
        total = np.cumsum(weight)
        return Sampler(windows, held_out, rows, begin[rows], stop[rows], total / total[-1:], size, fading)

    @property
    def origins(self) -> int:
        """Number of different windows."""
        return int((self.last - self.first + 1).sum())

    def draw(self, rng: np.random.Generator, size: int, forks: int, ahead: int) -> Batch:
        """A random batch, with the loss at ``ahead`` random steps of the horizon (all if that is fewer)."""
        rows, origin = self.origins_of(rng, size)
        if self.windows.prior.any():  # as if nothing were known yet but static columns
            cold = (rng.random(size) < _COLD) & (self.windows.prior[rows] > 0)
            origin = np.where(cold, self.windows.start[rows] - 1, origin)
        horizon, forks = self.windows.inputs.horizon, min(forks, self.windows.inputs.patches)
        steps = np.sort(rng.permutation(horizon)[:ahead]) if ahead < horizon else None
        return self.windows.gather(rows, origin, forks=forks, hidden=self.held_out, steps=steps)

    def origins_of(self, rng: np.random.Generator, size: int) -> tuple[I64, I64]:
        """Random series ``(B,)``, and a random origin in each (flat cells)."""
        k = np.searchsorted(self.share, rng.random(size), side="right").clip(max=self.rows.size - 1)
        return self.rows[k], self.first[k] + self._within(rng.random(size), self.last[k] - self.first[k] + 1)

    def _within(self, chance: npt.NDArray[np.float64], length: I64) -> I64:
        """Origins ``(B,)`` counted from the first one, of so many each."""
        if not self.fading:
            return (chance * length).astype(np.int64)
        # ages have a geometric distribution that is cut off at the first origin
        age = np.floor(-np.log1p(chance * np.expm1(-self.fading * length)) / self.fading).astype(np.int64)
        return np.asarray(np.clip(length - 1 - age, 0, length - 1))

    def exam(self, rng: np.random.Generator) -> Exam:
        """Windows of a random choice of series before the held-out steps.

        Where fewer steps are held out than are forecast, some windows end earlier, so that late steps ahead are judged too.
        """
        windows = self.windows
        end = windows.end - self.held_out
        rows = np.flatnonzero(end > windows.start)
        if rows.size > _JUDGED:
            rows = np.sort(rng.choice(rows, _JUDGED, replace=False))
        longest = max(windows.inputs.horizon - self.held_out, 0)
        lags = np.unique(np.linspace(0, longest, _LEADS).astype(np.int64))
        each = lags[np.arange(rows.size) % lags.size]
        each[end[rows] - each <= windows.start[rows]] = 0
        papers = []
        for lag in lags.tolist():
            some = rows[each == lag]
            for part in np.split(some, range(_AT_ONCE, some.size, _AT_ONCE)):
                if part.size:
                    batch = windows.gather(part, end[part] - 1 - lag)
                    weight = batch.weight * (batch.steps >= lag)
                    units = torch.from_numpy(self.volume[part]).float().to(windows.device)
                    papers.append(Paper(part, lag, dataclasses.replace(batch, weight=weight), units[:, None, None]))
        return Exam(tuple(papers))


def _classes(windows: Windows, rows: I64, held_out: int) -> I64:
    """``(R,)`` class of each series' demand, see `skucast.models.counts.demand_class`."""
    out = np.empty(rows.size, np.int64)
    for k, row in enumerate(rows.tolist()):
        cells = slice(windows.start[row], windows.end[row] - held_out)
        out[k] = demand_class(np.where(windows.seen[cells], windows.demand[cells], np.nan)[:, None])[0]
    return out


@dataclass(frozen=True, eq=False)
class Paper:
    """Some windows of an exam.

    Attributes:
        rows: ``(B,)`` series, one window each.
        lag: steps from the origin to the first one that was held out.
        batch: of one fork; what was not held out does not count.
        size: ``(B, 1, 1)`` of the series.
    """

    rows: I64
    lag: int
    batch: Batch
    size: Tensor


@dataclass(frozen=True, eq=False)
class Exam:
    """Windows with answers that training does not see."""

    papers: tuple[Paper, ...]

    def loss(self, answer: Callable[[Batch], Tensor]) -> float:
        """Weighted quantile loss of answers ``(B, 1, H, Q)`` in scaled units, one paper after the other."""
        top = bottom = 0.0
        for paper in self.papers:
            counts = paper.batch.weight * paper.size
            top += float((pinball(answer(paper.batch), paper.batch.target, LEVELS) * counts).sum())
            bottom += float((paper.batch.target * counts).sum())
        return top / bottom if bottom > 0 else top
