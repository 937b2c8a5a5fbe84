"""Baseline: what is usual for each series, on a scale on which its noise is about even."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ..panel import I64, Bool, Panel
from .changes import rows_of
from .windows import F64, rolling_median, row_quantiles

On = Literal["units", "root", "log"]

IQR = 1.349
"""Interquartile range of a normal distribution, in standard deviations."""

_LONGEST_SEASON = 31  # longer ones (52 weeks) are too seldom seen for a median per phase
_CYCLES = 4
_LEAST_SHARE = 0.05  # of the median: a spread below it says that little was seen, not that nothing varies


@dataclass(frozen=True, eq=False)
class Baseline:
    """The usual level, season and spread of each series, by medians and quartiles.

    A *level* is a value on the chosen scale less the season. Only ordinary cells take part: observed,
    in stock, not protected. Of series that are zero most of the time only the other cells do: zeros are
    what is usual there, and sizes are compared with sizes.

    Attributes:
        ids: the series.
        on: scale: ``units``, their signed ``root`` (evens out counts) or ``log`` of 1 + units.
        season: ``(S, P)`` what each phase of the season adds to the level around it; zeros where unknown.
        sparse: ``(S,)`` series that are zero in more than half of their cells.
        judged: ``(S,)`` series with enough ordinary cells.
        median: ``(S,)`` of the levels.
        low: ``(S,)`` their lower quartile.
        high: ``(S,)`` their upper quartile. Both are moved apart to what ``noise`` alone would give.
        noise: ``(S,)`` standard deviation that chance alone gives: Poisson noise for whole numbers, 5 % of
            the median for others.
    """

    ids: pl.Series
    on: On
    season: F64
    sparse: Bool
    judged: Bool
    median: F64
    low: F64
    high: F64
    noise: F64

    @classmethod
    def fit(cls, panel: Panel, protected: Bool, on: On, least: int) -> Baseline:
        """Learn from a panel.

        Args:
            panel: history.
            protected: ``(N,)`` cells with a known reason to differ.
            on: scale.
            least: ordinary cells that a series must have to be judged.
        """
        observed = panel.observed.astype(np.float64)
        row, seen = panel.row_of, ~np.isnan(observed)
        zeros = np.bincount(row[seen & (observed == 0)], minlength=len(panel))
        fractions = np.bincount(row[seen & (observed % 1 != 0)], minlength=len(panel))
        sparse, whole = zeros > 0.5 * np.bincount(row[seen], minlength=len(panel)), fractions == 0
        ordinary = seen & ~protected & ~(sparse[row] & (observed == 0))
        flat = to_scale(np.where(ordinary, observed, np.nan), on)
        season = _season(panel, flat)
        season[sparse] = 0.0
        level = panel.dense(flat - season[row, panel.ordinals % season.shape[1]])
        quartiles = row_quantiles(level, (0.25, 0.5, 0.75))
        low, median, high = np.nan_to_num(quartiles).T
        away = np.nan_to_num(np.abs(level - median[:, None])).sum(axis=1) / np.maximum(
            (~np.isnan(level)).sum(axis=1), 1
        )
        noise = np.maximum(_LEAST_SHARE * np.abs(median), np.where(high > low, 0.0, away))
        noise = np.maximum(noise, np.where(whole, _poisson(median, on), 0.0))
        low, high = np.minimum(low, median - noise * IQR / 2), np.maximum(high, median + noise * IQR / 2)
        judged = (~np.isnan(level)).sum(axis=1) >= max(least, 1)
        return cls(panel.ids, on, season, sparse, judged, median, low, high, noise)

    @property
    def spread(self) -> F64:
        """``(S,)`` robust standard deviation of the levels, positive where the series is judged."""
        return np.asarray((self.high - self.low) / IQR)

    def rows(self, panel: Panel) -> I64:
        """``(N,)`` for each cell of a panel, which series of the baseline it belongs to.

        Raises:
            DataError: a series was not there at the fit.
        """
        return rows_of(self.ids, panel, "The search for outliers")[panel.row_of]

    def levels(self, panel: Panel, rows: I64) -> F64:
        """``(N,)`` levels of a panel's cells; NaN where there is nothing to judge."""
        level = to_scale(panel.observed.astype(np.float64), self.on) - self._added(panel, rows)
        return np.where(~self.judged[rows] | (self.sparse[rows] & (panel.values == 0)), np.nan, level)

    def units(self, panel: Panel, rows: I64, levels: F64) -> F64:
        """Levels of a panel's cells back in units: ``(N,)``."""
        return from_scale(levels + self._added(panel, rows), self.on)

    def fences(self, rows: I64, width: float) -> tuple[F64, F64]:
        """Tukey's fences: ``width`` interquartile ranges beyond the quartiles, ``(N,)`` each.

        Source: Tukey (1977), Exploratory Data Analysis, chapter 2.
        """
        reach = width * (self.high - self.low)
        return (self.low - reach)[rows], (self.high + reach)[rows]

    def _added(self, panel: Panel, rows: I64) -> F64:
        return np.asarray(self.season[rows, panel.ordinals % self.season.shape[1]])


def to_scale(units: F64, on: On) -> F64:
    """Units on the scale that levels are measured on."""
    if on == "units":
        return units.copy()
    size = np.abs(units)
    return np.asarray(np.copysign(np.sqrt(size) if on == "root" else np.log1p(size), units))


def from_scale(values: F64, on: On) -> F64:
    """The inverse of `to_scale`."""
    if on == "units":
        return values.copy()
    size = np.abs(values)
    return np.asarray(np.copysign(size**2 if on == "root" else np.expm1(size), values))


def _season(panel: Panel, levels: F64) -> F64:
    """Median of each phase's distance from a rolling median, ``(S, P)``; zero where it was seen too seldom."""
    phases = panel.freq.season
    if not (1 < phases <= _LONGEST_SEASON and panel.n_steps >= _CYCLES * phases):
        return np.zeros((len(panel), 1))
    smooth = rolling_median(panel, levels, 3 * phases, phases // 2, centred=True)
    away = panel.dense(levels - smooth)
    phase = (panel.end - panel.n_steps + 1 + np.arange(panel.n_steps)) % phases
    out = np.zeros((len(panel), phases))
    for p in range(phases):
        mine = away[:, phase == p]
        often = (~np.isnan(mine)).sum(axis=1) >= _CYCLES
        out[:, p] = np.where(often, row_quantiles(mine, (0.5,))[:, 0], 0.0)
    return out


def _poisson(median: F64, on: On) -> npt.NDArray[np.float64]:
    """Standard deviation of Poisson counts around a level, on the scale (delta method)."""
    count = np.maximum(from_scale(np.abs(median), on), 1.0)
    if on == "units":
        return np.sqrt(count)
    return np.full(median.shape, 0.5) if on == "root" else np.asarray(np.sqrt(count) / (1 + count))
