"""Lags and rolling statistics over a panel, NaN-aware and without a look ahead.

Two views of the same numbers. The *batch* view (`lag`, `rolling`) gives one number per cell of the
panel, for frames and plots. The *origin* view (`History`) answers for all series at one forecast
origin, which is what direct multi-horizon models are trained on: there everything up to and
including the origin is known and nothing after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..panel import F32, Panel

Statistic = Literal["mean", "std", "min", "max"]
F64 = npt.NDArray[np.float64]


def lag(panel: Panel, steps: int, column: F32 | None = None) -> F32:
    """The column ``steps`` (at least 1) steps earlier in the same series, ``(N,)``; NaN before it begins.

    Args:
        panel: the series.
        steps: how far back.
        column: a flat column ``(N,)`` of the panel; observed demand by default.
    """
    if steps < 1:
        raise ConfigError(f"A lag must be at least 1 step, not {steps}: lag 0 is the value itself.")
    flat = panel.observed if column is None else column
    out = np.full_like(flat, np.nan)
    out[steps:] = flat[:-steps] if steps < flat.size else flat[:0]
    position = np.arange(flat.size) - np.repeat(panel.indptr[:-1], panel.lengths)
    out[position < steps] = np.nan
    return out


def rolling(
    panel: Panel,
    window: int,
    statistic: Statistic = "mean",
    *,
    lag: int = 1,
    season: int = 1,
    min_samples: int = 1,
    column: F32 | None = None,
) -> F32:
    """Statistic of the ``window`` steps that end ``lag`` steps before each cell, ``(N,)``.

    Missing steps are skipped; fewer than ``min_samples`` observed ones give NaN. The computation is
    done in double precision by coreforecast's kernels.

    Args:
        panel: the series.
        window: steps in the window.
        statistic: ``mean``, ``std`` (with n - 1), ``min`` or ``max``.
        lag: 1 leaves the cell itself out, so that the feature is known before the cell is.
        season: look at every so many steps only: with 7, ``window=4`` and ``lag=7`` at the same weekday of
            the four weeks before.
        min_samples: observed steps needed.
        column: a flat column ``(N,)`` of the panel; observed demand by default.
    """
    if window < 1 or lag < 0 or season < 1:
        raise ConfigError(
            f"A rolling window needs window >= 1, lag >= 0 and season >= 1, not window={window}, lag={lag}, season={season}."
        )
    need = min(max(min_samples, 2) if statistic == "std" else min_samples, window)
    kind, options = ("SeasonalRolling", [lag, season, window]) if season > 1 else ("Rolling", [lag, window])
    out = _transform(panel, column, f"{kind}{statistic.capitalize()}", *options, 1)
    if need > 1:  # the kernels count missing steps as samples
        seen = (~np.isnan(panel.observed if column is None else column)).astype(np.float32)
        share = _transform(panel, seen, f"{kind}Mean", *options, 1)
        position = np.arange(seen.size) - np.repeat(panel.indptr[:-1], panel.lengths)
        there = np.clip((position - lag) // season + 1, 0, window)
        out[~(np.rint(share * there) >= need)] = np.nan
    return out


def expanding(panel: Panel, statistic: Statistic = "mean", *, lag: int = 1, column: F32 | None = None) -> F32:
    """Statistic of all steps up to ``lag`` steps before each cell, ``(N,)``; see `rolling`."""
    if lag < 0:
        raise ConfigError(f"An expanding window needs lag >= 0, not {lag}.")
    return _transform(panel, column, f"Expanding{statistic.capitalize()}", lag)


def ewm(panel: Panel, alpha: float, *, lag: int = 1, column: F32 | None = None) -> F32:
    """Exponentially weighted mean of all steps up to ``lag`` steps before each cell, ``(N,)``.

    ``m <- alpha y + (1 - alpha) m`` from the first observation on; missing steps leave it as it is.

    Args:
        panel: the series.
        alpha: weight of the latest step, in (0, 1].
        lag: see `rolling`.
        column: see `rolling`.
    """
    if not 0 < alpha <= 1 or lag < 0:
        raise ConfigError(f"An exponentially weighted mean needs alpha in (0, 1] and lag >= 0, not {alpha} and {lag}.")
    return _transform(panel, column, "ExponentiallyWeightedMean", lag, alpha)


def _transform(panel: Panel, column: F32 | None, kernel: str, *options: float) -> F32:
    """Run one of coreforecast's kernels over the series, in double precision, skipping missing steps."""
    from coreforecast import lag_transforms
    from coreforecast.grouped_array import GroupedArray

    flat = panel.observed if column is None else column
    grouped = GroupedArray(flat.astype(np.float64), panel.indptr.astype(np.int32))
    out = getattr(lag_transforms, kernel)(*options, skipna=True).transform(grouped)
    return np.asarray(out, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Summary:
    """Statistics of one window of every series, each ``(S,)``; NaN where nothing was observed.

    Attributes:
        count: observed steps.
        mean: their mean.
        std: their standard deviation (n in the denominator).
        zeros: share of them that are zero.
        top: the largest.
    """

    count: F32
    mean: F32
    std: F32
    zeros: F32
    top: F32


@dataclass(frozen=True, eq=False)
class History:
    """Right-aligned history of all series, asked at forecast origins.

    An *origin* is the column of the last known step. Every method looks at columns up to and
    including it only. A series' answers depend on that series alone.

    Attributes:
        values: ``(S, T)``; NaN is missing or before the series begins.
    """

    values: F32

    @classmethod
    def of(cls, panel: Panel, column: npt.NDArray[Any] | None = None) -> History:
        """History of a flat column of a panel; observed demand by default."""
        return cls(panel.dense(panel.observed if column is None else column))

    @property
    def n_steps(self) -> int:
        """Columns of the matrix."""
        return int(self.values.shape[1])

    def at(self, origin: int, back: int = 0) -> F32:
        """``(S,)`` values ``back`` steps before the origin; NaN if that is before the first column."""
        column = origin - back
        return self.values[:, column] if column >= 0 else self._nothing()

    def window(self, origin: int, span: int) -> F32:
        """``(S, span)`` last values up to the origin, padded with NaN on the left."""
        found = self.values[:, max(origin + 1 - span, 0) : origin + 1]
        if found.shape[1] == span:
            return found
        out = np.full((len(self.values), span), np.nan, dtype=np.float32)
        out[:, span - found.shape[1] :] = found
        return out

    def summary(self, origin: int, span: int) -> Summary:
        """Mean, spread, share of zeros and maximum of the last ``span`` steps."""
        window = self.window(origin, span)
        seen = ~np.isnan(window)
        count = seen.sum(axis=1)
        filled = np.where(seen, window, np.float32(0))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = filled.sum(axis=1, dtype=np.float64) / count
            off = np.where(seen, filled - mean[:, None], 0.0)
            std = np.sqrt(np.einsum("ij,ij->i", off, off) / count)
            zeros = ((filled == 0) & seen).sum(axis=1) / count
        top = np.where(count > 0, np.where(seen, window, -np.inf).max(axis=1), np.nan)
        return Summary(*(np.asarray(part, dtype=np.float32) for part in (count, mean, std, zeros, top)))

    def mean(self, origin: int, span: int) -> F32:
        """``(S,)`` mean of the observed among the last ``span`` steps."""
        window = self.window(origin, span)
        seen = ~np.isnan(window)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = np.where(seen, window, np.float32(0)).sum(axis=1, dtype=np.float64)
            return np.asarray(total / seen.sum(axis=1), dtype=np.float32)

    def same_phase(self, origin: int, horizon: int, season: int, back: int = 0) -> F32:
        """``(S, horizon)``: for each step ahead, the latest value of the same phase of the season.

        The lag is the smallest multiple of ``season`` that reaches back to the origin or before it,
        plus ``back`` further seasons, so it is known for every step of the horizon.
        """
        ahead = np.arange(1, horizon + 1)
        column = origin + ahead - season * (-(-ahead // season) + back)
        out = np.full((len(self.values), horizon), np.nan, dtype=np.float32)
        out[:, column >= 0] = self.values[:, column[column >= 0]]
        return out

    def same_phase_mean(self, origin: int, horizon: int, season: int, seasons: int) -> F32:
        """``(S, horizon)``: mean of the observed among the last ``seasons`` values of the same phase."""
        total = np.zeros((len(self.values), horizon), dtype=np.float64)
        count = np.zeros_like(total)
        for back in range(seasons):
            found = self.same_phase(origin, horizon, season, back)
            seen = ~np.isnan(found)
            total += np.where(seen, found, np.float32(0))
            count += seen
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / count, dtype=np.float32)

    def around_phase(self, origin: int, horizon: int, season: int, reach: int) -> F32:
        """``(S, horizon)``: mean of the steps at most ``reach`` away from one season before each target.

        Steps after the origin are left out. Used for the yearly season, where a single day or week of
        last year is too noisy to copy.
        """
        total = np.zeros((len(self.values), horizon), dtype=np.float64)
        count = np.zeros_like(total)
        ahead = np.arange(1, horizon + 1)
        base = origin + ahead - season * -(-ahead // season)
        for shift in range(-reach, reach + 1):
            column = base + shift
            usable = (column >= 0) & (column <= origin)
            found = self.values[:, column[usable]]
            seen = ~np.isnan(found)
            total[:, usable] += np.where(seen, found, np.float32(0))
            count[:, usable] += seen
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / count, dtype=np.float32)

    def since(
        self, test: Callable[[F32], npt.NDArray[np.bool_]]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Columns of the first and of the latest cell for which ``test`` holds, ``(S,)`` and ``(S, T)``.

        The first is ``T`` where there is none; the latest up to each column is -1 where there is none.
        """
        holds = test(self.values)
        steps = self.n_steps
        index = np.arange(steps, dtype=np.int32)
        first = np.where(holds.any(axis=1), holds.argmax(axis=1), steps).astype(np.int32) if steps else self._first0()
        latest = np.maximum.accumulate(np.where(holds, index, np.int32(-1)), axis=1)
        return first, latest

    def running(self) -> tuple[F64, npt.NDArray[np.int32]]:
        """Sum and number of all observed values up to each column, both ``(S, T)``."""
        seen = ~np.isnan(self.values)
        filled = np.where(seen, self.values, np.float32(0))
        return np.cumsum(filled, axis=1, dtype=np.float64), np.cumsum(seen, axis=1, dtype=np.int32)

    def _nothing(self) -> F32:
        return np.full(len(self.values), np.nan, dtype=np.float32)

    def _first0(self) -> npt.NDArray[np.int32]:
        return np.zeros(len(self.values), dtype=np.int32)
