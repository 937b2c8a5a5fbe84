"""ADIDA and IMAPA: intermittent demand added up over several steps until it is smooth, forecast there, shared out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..panel import F32, Panel
from .ets_recursion import Parameters, States, smooth
from .intermittent import demand_quantiles
from .intermittent_recursion import mean_size
from .rows import match_rows
from .space import OneOf, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
_ALPHAS = (0.1, 0.3)  # limits of smoothing, as usual for intermittent demand
_GRID = 9
_NARROWING = (1 / 3, 1 / 9, 1 / 27)
_SERIES = 2048  # series worked on together


@dataclass(frozen=True)
class _Aggregated(Spec):
    """What both methods share: sums of ``k`` steps, counted back from the end, smoothed exponentially.

    Attributes:
        alpha: smoothing of the sums, in (0, 1]; 0 takes the best between 0.1 and 0.3 per series.
    """

    space: ClassVar[Space] = {"alpha": OneOf(0.0, 0.05, 0.1, 0.2, 0.3, 0.5)}
    alpha: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ConfigError(f"Model '{self.name}': alpha must lie in (0, 1], or be 0 to be chosen, not {self.alpha}.")

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        return FittedAggregated(self, panel, seed, _learn(self, panel))

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedAggregated(spec, panel, 0, Learned(**arrays))

    @abstractmethod
    def _smallest(self, largest: I64) -> I64:
        """Fewest steps that are added up, from the most."""


@dataclass(frozen=True)
class Adida(_Aggregated):
    """Aggregate-disaggregate: sums over the mean interval between demands, smoothed and divided by it.

    Source: Nikolopoulos, Syntetos, Boylan, Petropoulos & Assimakopoulos (2011), An aggregate-disaggregate
    intermittent demand approach (ADIDA) to forecasting, JORS 62.
    """

    name: ClassVar[str] = "adida"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Adds demand up over its mean interval, smooths the sums, shares them out; for slow items."
    )

    def _smallest(self, largest: I64) -> I64:
        return largest


@dataclass(frozen=True)
class Imapa(_Aggregated):
    """As `Adida` for every number of steps up to the mean interval; the mean of their forecasts.

    Source: Petropoulos & Kourentzes (2015), Forecast combinations for intermittent demand, JORS 66.
    """

    name: ClassVar[str] = "imapa"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Averages what smoothing says of sums over one step, two steps and so on; for slow items."
    )

    def _smallest(self, largest: I64) -> I64:
        return np.ones_like(largest)


@dataclass(frozen=True)
class Learned:
    """``largest`` ``(S,)`` steps added up at most, and ``alpha`` ``(L, S)`` smoothing of sums over 1 .. L steps."""

    largest: I64
    alpha: F64


@dataclass(frozen=True, eq=False, repr=False)
class FittedAggregated(Fitted):
    """See `Adida` and `Imapa`."""

    spec: _Aggregated
    learned: Learned

    def update(self, panel: Panel) -> FittedAggregated:
        """The same sums and smoothing over another history; series that are new here get their own."""
        rows, new = match_rows(self.panel, panel)
        largest, alpha = self.learned.largest[rows], self.learned.alpha[:, rows]
        if new.any():
            fresh = _learn(self.spec, panel.take(new))
            alpha = np.pad(alpha, ((0, max(len(fresh.alpha) - len(alpha), 0)), (0, 0)))
            largest[new], alpha[: len(fresh.alpha), new] = fresh.largest, fresh.alpha
        return replace(self, panel=panel, learned=Learned(largest, alpha))

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        count = len(self.panel)
        mean, quantiles = np.empty(count), np.empty((count, len(levels)))
        for first in range(0, count, _SERIES):
            part = np.arange(first, min(first + _SERIES, count))
            y = _history(self.panel, part)
            largest = self.learned.largest[part]
            total, number = np.zeros(part.size), np.zeros(part.size)
            for k, rows, sums, start in _sums(y, self.spec._smallest(largest), largest):
                _, last = smooth(sums, Parameters(self.learned.alpha[k - 1, part[rows]]), States(start))
                total[rows] += last.level / k
                number[rows] += 1
            rate = total / np.maximum(number, 1)
            mean[part] = np.where(np.isnan(y).all(axis=0), np.nan, rate)
            size = np.maximum(mean_size(y), rate)  # sizes as they were; what moves is how often they come
            quantiles[part] = demand_quantiles(y, size, rate / np.where(size > 0, size, 1.0), levels)
        shape = (count, horizon, len(levels))
        return np.broadcast_to(mean[:, None], shape[:2]), np.broadcast_to(quantiles[:, None], shape)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return dict(vars(self.learned)), {}


def mean_interval(y: F64) -> F64:
    """Mean number of observed steps from one demand to the next, from the first step on; 1 without demand.

    Args:
        y: ``(T, S)``, missing steps first.
    """
    seen, occurs = ~np.isnan(y), y > 0
    number = occurs.sum(axis=0)
    upto_last = seen.sum(axis=0) - np.where(number > 0, occurs[::-1].argmax(axis=0), 0)
    return np.where(number > 0, upto_last / np.maximum(number, 1), 1.0)


def _learn(spec: _Aggregated, panel: Panel) -> Learned:
    count = len(panel)
    largest = np.ones(count, dtype=np.int64)
    blocks: list[tuple[I64, F64]] = []
    for first in range(0, count, _SERIES):
        part = np.arange(first, min(first + _SERIES, count))
        y = _history(panel, part)
        largest[part] = np.rint(mean_interval(y)).astype(np.int64)
        alpha = np.zeros((int(largest[part].max()), part.size))
        for k, rows, sums, start in _sums(y, spec._smallest(largest[part]), largest[part]):
            alpha[k - 1, rows] = spec.alpha or _search(sums, start)
        blocks.append((part, alpha))
    out = np.zeros((int(largest.max()), count))
    for part, alpha in blocks:
        out[: len(alpha), part] = alpha
    return Learned(largest, out)


def _history(panel: Panel, rows: I64) -> F64:
    """Observed demand ``(T, S)``, missing steps moved to the front: intervals count observed steps only."""
    part = panel.take(rows)
    values = part.dense(part.observed).astype(np.float64)
    seen = ~np.isnan(values)
    gaps = (seen[:, :-1] & ~seen[:, 1:]).any(axis=1)
    if gaps.any():
        order = np.argsort(seen[gaps], axis=1, kind="stable")
        values[gaps] = np.take_along_axis(values[gaps], order, axis=1)
    return np.ascontiguousarray(values.T)


def _sums(y: F64, smallest: I64, largest: I64) -> Iterator[tuple[int, I64, F64, F64]]:
    """Steps ``k``, the series that use them, their sums over ``k`` steps ``(T // k, S)`` and the first sum."""
    n = (~np.isnan(y)).sum(axis=0)
    for k in range(1, int(largest.max(initial=0)) + 1):
        rows = np.flatnonzero((smallest <= k) & (k <= largest) & (n >= k))
        if rows.size:
            chunks = y.shape[0] // k
            sums = y[y.shape[0] - chunks * k :, rows].reshape(chunks, k, rows.size).sum(axis=1)
            first = (~np.isnan(sums)).argmax(axis=0)
            yield k, rows, sums, sums[first, np.arange(rows.size)]


def _search(y: F64, start: F64) -> F64:
    """Smoothing with the least squared errors within the limits, for each series."""
    count = y.shape[1]
    best = np.full(count, sum(_ALPHAS) / 2)
    step = (_ALPHAS[1] - _ALPHAS[0]) / (_GRID - 1)
    offsets = step * (np.arange(_GRID) - (_GRID - 1) / 2)
    for share in (1.0, *_NARROWING):
        candidates = np.clip(best + (offsets if share == 1 else step * share * np.arange(-3, 4))[:, None], *_ALPHAS)
        sse, _ = smooth(y, Parameters(candidates), States(start))
        ties = sse <= sse.min(axis=0) * (1 + 1e-12)
        nearest = np.where(ties, np.abs(candidates - best), np.inf).argmin(axis=0)  # where all do as well, the middle
        best = candidates[nearest, np.arange(count)]
    return best
