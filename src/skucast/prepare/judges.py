"""Judges: the methods that say within which limits a cell is ordinary."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..panel import I64, Bool, Panel
from .baseline import IQR, Baseline
from .neighbours import Library
from .windows import F64, rolling_median, rolling_spread, row_medians, row_quantiles, shifted

if TYPE_CHECKING:
    from .outliers import Outliers

_LEAST_IN_WINDOW = 5
_LEAST_RESIDUALS = 20
_CLIP = 4.0  # robust standard deviations; beyond, a cell would drag its neighbours' expectations along
_FLOOR = 0.5  # share of the usual spread around the rolling median below which a local one is taken for luck
_MAD = 1.4826  # standard deviation of a normal distribution, in median absolute deviations
_REACH = 7
_ISOLATED = 0.6  # anomaly score above which Liu et al. speak of anomalies
_SAMPLE = 20_000


class Judge(ABC):
    """A method that has learned."""

    @abstractmethod
    def limits(self, panel: Panel, levels: F64, rows: I64) -> tuple[F64, F64]:
        """Lowest and highest ordinary level of each cell, ``(N,)`` each; infinite where nothing is extreme.

        Args:
            panel: the cells.
            levels: ``(N,)`` see `Baseline.levels`; NaN also in protected cells.
            rows: ``(N,)`` see `Baseline.rows`.
        """


@dataclass(frozen=True, eq=False)
class Fences(Judge):
    """Tukey's fences around the quartiles of the season-adjusted levels (median/IQR)."""

    baseline: Baseline
    width: float

    def limits(self, panel: Panel, levels: F64, rows: I64) -> tuple[F64, F64]:
        """See `Judge.limits`; the same for all cells of a series."""
        return self.baseline.fences(rows, self.width)


@dataclass(frozen=True, eq=False)
class Hampel(Judge):
    """Rolling median and MAD: follows trends and changes of level.

    Source: Hampel (1974), JASA 69; Pearson et al. (2016), Generalized Hampel filters.
    """

    baseline: Baseline
    width: float
    window: int
    floor: F64

    @classmethod
    def fit(cls, baseline: Baseline, panel: Panel, levels: F64, width: float, window: int) -> Hampel:
        """Learn how far cells usually lie from their rolling median, for windows that happen to be calm."""
        median, _ = rolling_spread(panel, levels, window, _LEAST_IN_WINDOW)
        usual = np.nan_to_num(row_medians(panel.dense(np.abs(levels - median))))
        return cls(baseline, width, window, np.maximum(_FLOOR * _MAD * usual, baseline.noise))

    def limits(self, panel: Panel, levels: F64, rows: I64) -> tuple[F64, F64]:
        """See `Judge.limits`; the fences of the series where too little is known nearby, and for sparse series."""
        median, distance = rolling_spread(panel, levels, self.window, _LEAST_IN_WINDOW)
        reach = self.width * np.maximum(_MAD * distance, self.floor[rows])
        return _or_fences(self.baseline, rows, median - reach, median + reach)


@dataclass(frozen=True, eq=False)
class Neighbours(Judge):
    """What followed and preceded tells what to expect: the middles of the most similar windows of the past.

    A k-nearest-neighbour regression on windows; its residuals are fenced. Catches a value that is ordinary
    in itself but not where it stands.
    """

    baseline: Baseline
    width: float
    library: Library
    neighbours: int
    residuals: F64

    @classmethod
    def fit(cls, baseline: Baseline, panel: Panel, levels: F64, width: float, neighbours: int) -> Neighbours:
        """Keep the windows of the past and the quartiles of what they leave unexplained."""
        rows = baseline.rows(panel)
        scaled = _clipped(baseline, levels, rows)
        library = Library.of(panel, scaled, _REACH)
        expected = library.expected(panel, scaled, _dense_cells(baseline, scaled, rows), neighbours)
        left = levels - _unscaled(baseline, expected, rows)
        return cls(baseline, width, library, neighbours, _quartiles(baseline, panel, left))

    def limits(self, panel: Panel, levels: F64, rows: I64) -> tuple[F64, F64]:
        """See `Judge.limits`; the fences of the series where no windows compare, and for sparse series."""
        scaled = _clipped(self.baseline, levels, rows)
        wanted = ~self.baseline.sparse[rows] & ~np.isnan(panel.observed)
        expected = _unscaled(self.baseline, self.library.expected(panel, scaled, wanted, self.neighbours), rows)
        return _around(self.baseline, rows, expected, self.residuals, self.width)


@dataclass(frozen=True, eq=False)
class Tree(Judge):
    """A regression tree per series on calendar parts and lags; its residuals are fenced.

    Source of the tree: Breiman et al. (1984), Classification and Regression Trees.
    """

    baseline: Baseline
    width: float
    trees: tuple[Any, ...]
    residuals: F64

    @classmethod
    def fit(cls, baseline: Baseline, panel: Panel, levels: F64, width: float, seed: int) -> Tree:
        """Grow the trees on clipped levels, so that no leaf is made for a single extreme."""
        from sklearn.tree import DecisionTreeRegressor

        rows = baseline.rows(panel)
        target = _clipped(baseline, levels, rows)
        usable = _dense_cells(baseline, target, rows)
        features = _parts(panel, target)
        expected = np.full(levels.size, np.nan)
        trees: list[Any] = []
        for i in range(len(panel)):
            cells = np.flatnonzero(usable[panel.indptr[i] : panel.indptr[i + 1]]) + panel.indptr[i]
            if cells.size < _LEAST_RESIDUALS:
                trees.append(None)
                continue
            leaf = max(5, cells.size // 50)
            tree = DecisionTreeRegressor(max_depth=6, min_samples_leaf=leaf, random_state=seed)
            expected[cells] = tree.fit(features[cells], target[cells]).predict(features[cells])
            trees.append(tree)
        left = levels - _unscaled(baseline, expected, rows)
        return cls(baseline, width, tuple(trees), _quartiles(baseline, panel, left))

    def limits(self, panel: Panel, levels: F64, rows: I64) -> tuple[F64, F64]:
        """See `Judge.limits`; the fences of the series where it is too short for a tree, and for sparse series."""
        features = _parts(panel, _clipped(self.baseline, levels, rows))
        expected = np.full(levels.size, np.nan)
        for i in range(len(panel)):
            cells = slice(int(panel.indptr[i]), int(panel.indptr[i + 1]))
            tree = self.trees[int(rows[cells.start])] if cells.stop > cells.start else None
            if tree is not None:
                expected[cells] = tree.predict(features[cells])
        expected = _unscaled(self.baseline, expected, rows)
        return _around(self.baseline, rows, expected, self.residuals, self.width)


@dataclass(frozen=True, eq=False)
class Forest(Judge):
    """Isolation forest over all series: a cell must be isolated by it and lie beyond its series' fences.

    The forest sees each cell's level, its steps from the cells before and after and its distance from the
    median nearby, in spreads of its series. It is one for the whole panel, so what it says of a series
    depends on the others.

    Source: Liu, Ting and Zhou (2008), Isolation Forest, ICDM.
    """

    baseline: Baseline
    width: float
    window: int
    forest: Any

    @classmethod
    def fit(cls, baseline: Baseline, panel: Panel, levels: F64, width: float, window: int, seed: int) -> Forest:
        """Grow the forest on a sample of at most 20,000 cells."""
        from sklearn.ensemble import IsolationForest

        features, known = _steps(baseline, panel, levels, baseline.rows(panel), window)
        cells = np.flatnonzero(known)
        if cells.size > _SAMPLE:
            cells = np.sort(np.random.default_rng(seed).choice(cells, _SAMPLE, replace=False))
        forest = IsolationForest(random_state=seed).fit(features[cells]) if cells.size > 1 else None
        return cls(baseline, width, window, forest)

    def limits(self, panel: Panel, levels: F64, rows: I64) -> tuple[F64, F64]:
        """See `Judge.limits`; infinite for cells that the forest does not isolate."""
        low, high = self.baseline.fences(rows, self.width)
        features, known = _steps(self.baseline, panel, levels, rows, self.window)
        beyond = np.flatnonzero(known & ((levels < low) | (levels > high)))
        isolated = np.zeros(levels.size, dtype=np.bool_)
        if beyond.size and self.forest is not None:
            isolated[beyond] = -self.forest.score_samples(features[beyond]) > _ISOLATED
        return np.where(isolated, low, -np.inf), np.where(isolated, high, np.inf)


def fit_judge(spec: Outliers, baseline: Baseline, panel: Panel, levels: F64) -> Judge:
    """The judge that a step asks for, fitted on the levels of a panel (NaN where protected)."""
    width = spec.width
    if spec.method == "iqr":
        return Fences(baseline, width)
    window = spec.window or usual_window(panel)
    if spec.method == "hampel":
        return Hampel.fit(baseline, panel, levels, width, window)
    if spec.method == "knn":
        return Neighbours.fit(baseline, panel, levels, width, spec.neighbours)
    if spec.method == "tree":
        return Tree.fit(baseline, panel, levels, width, spec.seed)
    return Forest.fit(baseline, panel, levels, width, window, spec.seed)


def usual_window(panel: Panel) -> int:
    """Steps of the rolling window: three short seasons (21 days), else 13 (weeks, months, hours)."""
    season = panel.freq.season
    return 3 * season if 3 < season <= 8 else 13


def _clipped(baseline: Baseline, levels: F64, rows: I64) -> F64:
    """Levels in spreads from the median, extremes cut off."""
    spread = np.where(baseline.spread > 0, baseline.spread, 1.0)
    return np.clip((levels - baseline.median[rows]) / spread[rows], -_CLIP, _CLIP)


def _unscaled(baseline: Baseline, scaled: F64, rows: I64) -> F64:
    spread = np.where(baseline.spread > 0, baseline.spread, 1.0)
    return scaled * spread[rows] + baseline.median[rows]


def _dense_cells(baseline: Baseline, levels: F64, rows: I64) -> Bool:
    return ~np.isnan(levels) & ~baseline.sparse[rows]


def _quartiles(baseline: Baseline, panel: Panel, residuals: F64) -> F64:
    """Quartiles of each series' residuals, ``(S, 2)``, not closer than noise alone makes them; NaN if few."""
    dense = panel.dense(residuals)
    quartiles = row_quantiles(dense, (0.25, 0.75))
    middle, half = quartiles.mean(axis=1), np.diff(quartiles, axis=1)[:, 0] / 2
    half = np.maximum(half, baseline.noise * IQR / 2)
    few = (~np.isnan(dense)).sum(axis=1) < _LEAST_RESIDUALS
    return np.where(few[:, None], np.nan, np.stack([middle - half, middle + half], axis=1))


def _around(baseline: Baseline, rows: I64, expected: F64, quartiles: F64, width: float) -> tuple[F64, F64]:
    reach = width * (quartiles[:, 1] - quartiles[:, 0])
    low, high = expected + (quartiles[:, 0] - reach)[rows], expected + (quartiles[:, 1] + reach)[rows]
    return _or_fences(baseline, rows, low, high)


def _or_fences(baseline: Baseline, rows: I64, low: F64, high: F64) -> tuple[F64, F64]:
    """Fences of three interquartile ranges where the limits are unknown or the series is sparse."""
    other = np.isnan(low) | np.isnan(high) | baseline.sparse[rows]
    outer = baseline.fences(rows, 3.0)
    return np.where(other, outer[0], low), np.where(other, outer[1], high)


def _parts(panel: Panel, levels: F64) -> F64:
    """What the tree sees of each cell: calendar parts, the trend, lags of a step and a season, levels nearby."""
    stamps = panel.freq.stamp(panel.ordinals)
    date = stamps.astype("datetime64[D]")
    month = stamps.astype("datetime64[M]")
    season = max(panel.freq.season, 2)
    nearby = usual_window(panel)
    columns = [
        (date.astype(np.int64) + 3) % 7,
        (date - month.astype("datetime64[D]")).astype(np.int64),
        month.astype(np.int64) % 12,
        panel.ordinals % season,
        panel.ordinals,
        shifted(panel, levels, 1),
        shifted(panel, levels, season),
        shifted(panel, rolling_median(panel, levels, nearby, 1, centred=False), 1),
        shifted(panel, rolling_median(panel, levels, nearby, 1, centred=False), -nearby),
    ]
    return np.stack([np.asarray(c, dtype=np.float64) for c in columns], axis=1)


def _steps(baseline: Baseline, panel: Panel, levels: F64, rows: I64, window: int) -> tuple[F64, Bool]:
    """What the forest sees of each cell, ``(N, 4)``, and which cells have a level."""
    spread = np.where(baseline.spread > 0, baseline.spread, 1.0)
    level = (levels - baseline.median[rows]) / spread[rows]
    nearby = rolling_median(panel, level, window, 1, centred=True)
    columns = [level, level - shifted(panel, level, 1), level - shifted(panel, level, -1), level - nearby]
    return np.nan_to_num(np.stack(columns, axis=1)), ~np.isnan(level)
