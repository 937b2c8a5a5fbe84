"""Outliers: single cells that no season, promotion or holiday explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ..errors import ConfigError
from ..panel import Bool, Panel
from .baseline import Baseline, On
from .changes import Changes
from .judges import Judge, fit_judge
from .step import FittedStep, Prepared, Step

Method = Literal["iqr", "hampel", "knn", "forest", "tree"]
METHODS: tuple[str, ...] = ("iqr", "hampel", "knn", "forest", "tree")
"""Ways to find outliers; see `Outliers`."""

PEAK = "peak"
"""Covariate that is 1 near holidays and sales, where a peak or a dip has a known reason; see
`skucast.features.marks.with_peaks`."""

_WIDTHS = {"iqr": 3.0, "hampel": 5.0, "knn": 3.0, "forest": 2.0, "tree": 3.0}
_DISCOUNT = 0.05  # a smaller one is rounding, not a promotion
_SHARES = frozenset({"discount", "discount_depth"})
_NO_TEXT = frozenset({"", "none", "no", "false", "无", "否"})
_DONE = {"winsorise": "outlier-winsorised", "remove": "outlier-removed", "note": "note-outlier"}


@dataclass(frozen=True)
class Outliers(Step):
    """Finds cells far from what is usual, and cuts them to its limit, removes them or lists them.

    Known promotions and holidays are not outliers: cells in which a covariate of ``protect`` is on are
    neither judged nor learned from. Of series that are zero most of the time only the sizes of sales are
    judged, by the fences of ``iqr`` whatever the method (``forest`` besides asks its forest). Series with
    fewer than ``least`` ordinary cells are left alone.

    Attributes:
        method: ``iqr``, Tukey's fences on season-adjusted levels, the most cautious; ``hampel``, rolling
            median and MAD, for series whose level moves; ``knn``, unlike what similar windows of the past had in
            their place; ``forest``, an isolation forest over all series, as a second opinion on the
            fences; ``tree``, the residuals of a decision tree on calendar parts and lags.
        treatment: ``winsorise`` to the nearest limit, ``remove`` (the cell becomes missing) or ``note``.
        threshold: interquartile ranges beyond the quartiles (for ``hampel``, scaled MADs from the
            median); 0 takes 3, for ``hampel`` 5 and for ``forest`` 2.
        side: judge ``both`` sides, or only what is too ``high`` or too ``low``.
        on: scale of the judgement: ``root`` evens out the noise of counts, ``log`` that of growth rates.
        window: steps of the rolling window (``hampel``, ``forest``); 0 takes 21 for days, else 13.
        neighbours: windows that are asked (``knn``).
        least: ordinary cells that a series needs.
        protect: covariates that mark cells with a known reason, where the panel has them: on if above 0,
            discounts from 5 %.
        seed: of ``forest`` and ``tree``.
    """

    name: ClassVar[str] = "outliers"
    method: Method = "iqr"
    treatment: Literal["winsorise", "remove", "note"] = "winsorise"
    threshold: float = 0.0
    side: Literal["both", "high", "low"] = "both"
    on: On = "root"
    window: int = 0
    neighbours: int = 10
    least: int = 8
    protect: tuple[str, ...] = ("promotion", "on_promotion", "discount", "discount_depth", PEAK)
    seed: int = 0

    def __post_init__(self) -> None:
        self._one_of("method", METHODS)
        self._one_of("treatment", tuple(_DONE))
        self._one_of("side", ("both", "high", "low"))
        self._one_of("on", ("units", "root", "log"))
        for option, floor in (("threshold", 0), ("window", 0), ("neighbours", 3), ("least", 3)):
            if not getattr(self, option) >= floor:
                raise ConfigError(f"Step 'outliers' needs {option} of at least {floor}, not {getattr(self, option)}.")

    @property
    def width(self) -> float:
        """The threshold in force."""
        return self.threshold or _WIDTHS[self.method]

    def fit(self, panel: Panel) -> FittedOutliers:
        """Learn what is usual for each series."""
        protected = protected_cells(panel, self.protect)
        baseline = Baseline.fit(panel, protected, self.on, self.least)
        levels = baseline.levels(panel, baseline.rows(panel))
        judge = fit_judge(self, baseline, panel, np.where(protected, np.nan, levels))
        return FittedOutliers(self, baseline, judge)


@dataclass(frozen=True, eq=False)
class FittedOutliers(FittedStep):
    """See `Outliers`.

    Attributes:
        spec: what was asked for.
        baseline: what is usual.
        judge: the method, fitted.
    """

    spec: Outliers
    baseline: Baseline
    judge: Judge

    def prepare(self, panel: Panel) -> Prepared:
        """Treat the outliers of a panel; see `FittedStep.prepare`."""
        rows = self.baseline.rows(panel)
        levels = self.baseline.levels(panel, rows)
        levels[protected_cells(panel, self.spec.protect)] = np.nan
        low, high = self.judge.limits(panel, levels, rows)
        outside = (levels > high) & (self.spec.side != "low") | (levels < low) & (self.spec.side != "high")
        rule = f"{_DONE[self.spec.treatment]}-{self.spec.method}"
        cells = np.flatnonzero(outside)
        if self.spec.treatment == "note":
            return Prepared(panel, Changes.of(panel, cells, panel.values[cells], rule))
        values = panel.values.copy()
        if self.spec.treatment == "remove":
            values[cells] = np.nan
        else:
            values[cells] = self.baseline.units(panel, rows, np.clip(levels, low, high))[cells]
            cells = cells[values[cells] != panel.values[cells]]  # float32 may not tell the limit from the value
        return Prepared(panel.with_values(values), Changes.of(panel, cells, values[cells], rule))


def protected_cells(panel: Panel, names: tuple[str, ...]) -> Bool:
    """Cells with a known reason to differ: ``(N,)``, True where one of the covariates named is on."""
    out = np.zeros(panel.values.size, dtype=np.bool_)
    for name in names:
        column = panel.known.get(name, panel.past.get(name))
        if column is None:
            continue
        if name in panel.categories:  # the name of a promotion; empty where there is none
            named = np.array([text.strip().lower() not in _NO_TEXT for text in panel.categories[name]])
            on = ~np.isnan(column) & (column >= 0)
            out[on] |= named[column[on].astype(np.int64)]
        else:
            out |= np.nan_to_num(column) >= _DISCOUNT if name in _SHARES else np.nan_to_num(column) > 0
    return out
