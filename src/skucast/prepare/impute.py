"""Imputation: numbers for cells that are not known, where a model or a chart must have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import polars as pl

from ..errors import ConfigError
from ..panel import Bool, Panel
from .changes import FILLED_STOCK_OUT, Changes, rows_of
from .gaps import closed_steps
from .neighbours import Library
from .step import FittedStep, Prepared, Step
from .windows import F64, following, moving_average, previous, row_means, row_quantiles

_LONGEST_SEASON = 366
_CYCLES = 2
_ROUNDS = 4


@dataclass(frozen=True)
class Impute(Step):
    """Fills missing cells between the first and the last observation of a series.

    What lies before or after is never filled: the item may not have been on offer. Steps on which the
    shop was closed and cells that were out of stock are filled only if asked for, since nothing is
    missing there: demand was zero by decision, or hidden. An estimate is never below zero in a series
    that never is, nor below what was sold before the stock ran out.

    Attributes:
        method: ``linear`` between the neighbours; ``seasonal``, linear after the season was taken out,
            then put back (series too short for a season get ``linear``); ``knn``, the median of what
            stood in the middle of the most similar windows of the series' past (where nothing compares,
            ``seasonal``).
        closed: fill steps on which the shop was closed.
        stock_outs: fill out-of-stock cells with an estimate of demand, and count them as available.
        longest: gaps of more missing cells in a row stay missing; 0 fills all.
        neighbours: windows that are asked (``knn``).
    """

    name: ClassVar[str] = "impute"
    method: Literal["seasonal", "linear", "knn"] = "seasonal"
    closed: bool = False
    stock_outs: bool = False
    longest: int = 0
    neighbours: int = 5

    def __post_init__(self) -> None:
        self._one_of("method", ("seasonal", "linear", "knn"))
        if self.longest < 0 or self.neighbours < 3:
            raise ConfigError(
                f"Step 'impute' needs longest of at least 0 and neighbours of at least 3, "
                f"not {self.longest} and {self.neighbours}."
            )

    def fit(self, panel: Panel) -> FittedImpute:
        """Learn season and windows of each series."""
        observed = panel.observed.astype(np.float64)
        season = None if self.method == "linear" else _season(panel, observed)
        reach = panel.freq.season if 3 <= panel.freq.season <= 13 else 6
        library = Library.of(panel, observed, reach) if self.method == "knn" else None
        lowest = np.fmin.reduceat(np.append(observed, np.nan), panel.indptr[:-1]) if len(panel) else np.empty(0)
        return FittedImpute(self, panel.ids, season, library, ~(lowest < 0))


@dataclass(frozen=True, eq=False)
class FittedImpute(FittedStep):
    """See `Impute`.

    Attributes:
        spec: what was asked for.
        ids: the series.
        season: ``(S, P)`` units that each phase adds to the level, NaN rows where unknown; None for ``linear``.
        library: windows of the past, for ``knn``.
        positive: ``(S,)`` series that were never below zero.
    """

    spec: Impute
    ids: pl.Series
    season: F64 | None
    library: Library | None
    positive: Bool

    def prepare(self, panel: Panel) -> Prepared:
        """Fill the gaps of a panel; see `FittedStep.prepare`."""
        rows = rows_of(self.ids, panel, "The imputation")[panel.row_of]
        observed = panel.observed.astype(np.float64)
        hidden = ~np.isnan(panel.values) & np.isnan(observed)
        if panel.available is not None:
            hidden |= ~panel.available
        wanted = self._wanted(panel, observed, hidden)
        filled, how = self._filled(panel, observed, wanted, rows)
        filled = np.where(self.positive[rows], np.maximum(filled, 0.0), filled)
        filled = np.where(hidden, np.fmax(filled, panel.values), filled)
        values = np.where(wanted, filled, panel.values).astype(np.float32)
        parts = []
        for number, name in enumerate(_METHODS):
            for sold_out, suffix in ((False, ""), (True, FILLED_STOCK_OUT)):
                cells = np.flatnonzero(wanted & (how == number) & (hidden == sold_out))
                parts.append(Changes.of(panel, cells, values[cells], f"impute-{name}{suffix}"))
        available = panel.available
        if available is not None and self.spec.stock_outs:
            available = available | (wanted & hidden)
        return Prepared(panel.with_values(values, available), Changes.concat(parts))

    def _wanted(self, panel: Panel, observed: F64, hidden: Bool) -> Bool:
        """Cells to fill."""
        seen = ~np.isnan(observed)
        wanted = ~seen & (previous(panel, seen) >= 0) & (following(panel, seen) >= 0)
        if not self.spec.stock_outs:
            wanted &= ~hidden
        if not self.spec.closed and panel.values.size:
            wanted &= ~closed_steps(panel)[panel.ordinals - (panel.end - panel.n_steps + 1)] | hidden
        if self.spec.longest:
            gap = np.cumsum(wanted)  # counts fillable cells, so closed days do not lengthen a gap
            before, after = previous(panel, seen), following(panel, seen)
            wanted &= (gap[after] - gap[before] <= self.spec.longest) & (before >= 0)
        return wanted

    def _filled(self, panel: Panel, observed: F64, wanted: Bool, rows: np.ndarray) -> tuple[F64, np.ndarray]:
        """Estimates ``(N,)``, and the method behind each as a position in `_METHODS`."""
        filled = _interpolated(panel, observed)
        how = np.full(observed.size, _METHODS.index("linear"))
        if self.season is not None:
            added = self.season[rows, panel.ordinals % self.season.shape[1]]
            seasonal = _interpolated(panel, observed - added) + added
            known = ~np.isnan(seasonal)
            filled, how = np.where(known, seasonal, filled), np.where(known, _METHODS.index("seasonal"), how)
        if self.library is not None:
            near = self.library.expected(panel, observed, wanted, self.spec.neighbours)
            known = ~np.isnan(near)
            filled, how = np.where(known, near, filled), np.where(known, _METHODS.index("knn"), how)
        return filled, how


_METHODS: tuple[str, ...] = ("linear", "seasonal", "knn")


def _interpolated(panel: Panel, column: F64) -> F64:
    """A straight line between the known cells on either side, ``(N,)``; NaN outside of them."""
    known = ~np.isnan(column)
    before, after = previous(panel, known), following(panel, known)
    between = (before >= 0) & (after >= 0)
    span = np.maximum(after - before, 1)
    share = (np.arange(column.size) - before) / span
    line = column[before] + share * (column[after] - column[before])
    return np.asarray(np.where(between, line, np.nan))


def _season(panel: Panel, observed: F64) -> F64:
    """What each phase of the season adds: median distance from a centred moving average, ``(S, P)``.

    The average needs every cell, so gaps are filled on the way with the season found so far; a few rounds
    settle it. Rows of NaN where there is no season or less than two whole cycles of it. Where a phase has
    no two averages, distances are taken from the series' median instead.

    Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3.4 (classical decomposition).
    """
    phases = panel.freq.season
    if not (1 < phases <= _LONGEST_SEASON and panel.n_steps >= _CYCLES * phases):
        return np.full((len(panel), 1), np.nan)
    row, at = panel.row_of, panel.ordinals % phases
    centred = _by_phase(panel, observed - row_quantiles(panel.dense(observed), (0.5,))[row, 0], phases)
    season = np.zeros((len(panel), phases))
    for _ in range(_ROUNDS):
        added = np.nan_to_num(season)[row, at]
        filled = np.where(np.isnan(observed), _interpolated(panel, observed - added) + added, observed)
        season = _by_phase(panel, observed - moving_average(panel, filled, phases), phases)
        season -= row_means(season)[:, None]
    partly = np.any(np.isnan(season) & ~np.isnan(centred), axis=1, keepdims=True)
    season = np.where(partly, centred, season)
    # a phase never seen (a weekday without trade) adds nothing; a season of which little was seen is none
    known = ~np.isnan(season)
    enough = known.sum(axis=1) > phases / 2
    return np.where(enough[:, None], np.nan_to_num(season), np.nan)


def _by_phase(panel: Panel, column: F64, phases: int) -> F64:
    """Median of a column in each phase, ``(S, P)``; NaN where fewer than two cycles have it."""
    dense = panel.dense(column)
    phase = (panel.end - panel.n_steps + 1 + np.arange(panel.n_steps)) % phases
    out = np.full((len(panel), phases), np.nan)
    for p in range(phases):
        mine = dense[:, phase == p]
        often = (~np.isnan(mine)).sum(axis=1) >= _CYCLES
        out[:, p] = np.where(often, row_quantiles(mine, (0.5,))[:, 0], np.nan)
    return out
