"""Metrics of point and quantile forecasts, each written once as a ratio of sums.

A metric maps cells (series x step) to a numerator and a denominator; a score is the sum of one over
the sum of the other, within any group of cells. Cells whose actual value is missing or was sold out
are NaN in ``y`` and count nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..forecast import SHOWN
from ..panel import F32, Panel
from .classes import since_first_sale

F64 = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]

INTERVALS: dict[int, tuple[float, float]] = {50: (0.25, 0.75), 80: (0.1, 0.9), 95: (0.025, 0.975)}
"""Central intervals whose coverage and width are scored: per cent -> quantile levels."""
SCORED: tuple[float, ...] = tuple(sorted({*SHOWN, *(q for pair in INTERVALS.values() for q in pair)}))
"""Quantile levels that scoring needs."""


@dataclass(frozen=True, eq=False)
class Scale:
    """Error of the seasonal naive method on the history, by which MASE and RMSSE divide.

    Attributes:
        absolute: ``(S,)`` mean absolute seasonal difference; NaN where it is zero or unknown.
        squared: ``(S,)`` mean squared seasonal difference; NaN likewise.
    """

    absolute: F64
    squared: F64


def history_scale(panel: Panel, season: int | None = None) -> Scale:
    """Scale of each series from its history.

    As in the M5 competition, zeros before the first sale do not count and a series whose scale is zero
    (constant, or never sold) gets none, so it is left out of MASE and RMSSE. Pairs with a missing or
    sold-out end are left out; a series without any pair one season apart uses neighbouring steps.

    Args:
        panel: training history.
        season: lag of the differences; the frequency's season by default. M5 itself used 1.

    Source: Hyndman & Koehler (2006), Another look at measures of forecast accuracy, IJF 22;
    Makridakis et al. (2022), The M5 accuracy competition, IJF 38.
    """
    lag = season or panel.freq.season
    absolute, squared = _differences(panel, lag)
    if lag > 1:
        unknown = np.isnan(absolute)
        if unknown.any():
            near_absolute, near_squared = _differences(panel, 1)
            absolute = np.where(unknown, near_absolute, absolute)
            squared = np.where(unknown, near_squared, squared)
    return Scale(np.where(absolute > 0, absolute, np.nan), np.where(squared > 0, squared, np.nan))


def _differences(panel: Panel, lag: int) -> tuple[F64, F64]:
    """Mean absolute and squared difference ``lag`` steps apart, NaN without pairs."""
    count, row = len(panel), panel.row_of
    values = np.where(since_first_sale(panel), panel.observed, np.nan).astype(np.float64)
    step = values[lag:] - values[:-lag]
    usable = (row[lag:] == row[:-lag]) & ~np.isnan(step)
    step, owner = step[usable], row[lag:][usable]
    pairs = np.bincount(owner, minlength=count)
    with np.errstate(invalid="ignore"):
        return (
            np.bincount(owner, weights=np.abs(step), minlength=count) / pairs,
            np.bincount(owner, weights=step**2, minlength=count) / pairs,
        )


@dataclass(frozen=True, eq=False)
class Cells:
    """What one model said about one window, and what came.

    Attributes:
        y: ``(S, H)`` actual values; NaN is not scored.
        mean: ``(S, H)`` point forecasts.
        quantiles: ``(S, H, Q)``.
        levels: ``(Q,)`` rising.
        scale: of the series' histories.
    """

    y: F32
    mean: F32
    quantiles: F32
    levels: tuple[float, ...]
    scale: Scale

    @cached_property
    def seen(self) -> F32:
        """``(S, H)`` 1 where an actual value is known, else 0."""
        return (~np.isnan(self.y)).astype(np.float32)

    @cached_property
    def error(self) -> F32:
        """``(S, H)`` forecast minus actual; 0 where unknown."""
        return np.asarray(np.nan_to_num(self.mean - self.y))

    @cached_property
    def size(self) -> F32:
        """``(S, H)`` absolute actual value; 0 where unknown."""
        return np.asarray(np.nan_to_num(np.abs(self.y)))

    def at(self, level: float) -> F32:
        """``(S, H)`` quantile at a level, linear between those given.

        Raises:
            ConfigError: the level lies outside those given.
        """
        known = np.asarray(self.levels)
        if not known[0] - 1e-9 <= level <= known[-1] + 1e-9:
            raise ConfigError(f"Level {level:g} cannot be scored: the forecast reaches from {known[0]} to {known[-1]}.")
        above = min(int(np.searchsorted(known, level - 1e-9)), known.size - 1)
        if abs(known[above] - level) < 1e-9:
            return np.asarray(self.quantiles[..., above])
        share = np.float32((level - known[above - 1]) / (known[above] - known[above - 1]))
        return np.asarray((1 - share) * self.quantiles[..., above - 1] + share * self.quantiles[..., above])

    def pinball(self, level: float) -> F32:
        """``(S, H)`` quantile loss at a level: ``max(q (y - f), (q - 1) (y - f))``; 0 where unknown."""
        miss = np.nan_to_num(self.y - self.at(level))
        return np.asarray(np.maximum(level * miss, (level - 1) * miss), dtype=np.float32)


Parts = tuple[Floats, Floats]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: column of the score table.
        parts: cells -> numerator and denominator, ``(S, H)`` each.
        meaning: what it says, in a sentence.
        better: which direction is good; ``target`` means near a given value.
        root: the square root of the ratio is the score.
        per_series: the ratio is taken within each series first, and series are averaged.
    """

    name: str
    parts: Callable[[Cells], Parts]
    meaning: str
    better: Literal["low", "zero", "target"] = "low"
    root: bool = False
    per_series: bool = False


def _mape(c: Cells) -> Parts:
    counts = c.size > 0
    error = np.abs(c.error, dtype=np.float64)  # over a tiny actual value it leaves float32
    return np.divide(error, c.size, out=np.zeros_like(error), where=counts), counts.astype(np.float32)


def _smape(c: Cells) -> Parts:
    both = (c.size + np.abs(c.mean)) * c.seen
    return np.divide(2 * np.abs(c.error), both, out=np.zeros_like(both), where=both > 0), c.seen


def _mase(c: Cells) -> Parts:
    known = ~np.isnan(c.scale.absolute)[:, None]
    return np.where(known, np.abs(c.error) / np.where(known, c.scale.absolute[:, None], 1.0), 0.0), c.seen * known


def _rmsse(c: Cells) -> Parts:
    known = ~np.isnan(c.scale.squared)[:, None]
    squared = c.error.astype(np.float64) ** 2
    return np.where(known, squared / np.where(known, c.scale.squared[:, None], 1.0), 0.0), c.seen * known


def _wql(c: Cells) -> Parts:
    total = np.zeros_like(c.error)
    for level in SHOWN:
        total += c.pinball(level)
    return 2.0 * total, len(SHOWN) * c.size


def _coverage(percent: int) -> Callable[[Cells], Parts]:
    low, high = INTERVALS[percent]

    def parts(c: Cells) -> Parts:
        inside = (c.y >= c.at(low)) & (c.y <= c.at(high))  # NaN compares as False
        return inside.astype(np.float32), c.seen

    return parts


def _width(percent: int) -> Callable[[Cells], Parts]:
    low, high = INTERVALS[percent]
    return lambda c: ((c.at(high) - c.at(low)) * c.seen, c.seen)


def _all() -> dict[str, Metric]:
    listed = [
        Metric("wql", _wql, "weighted quantile loss: twice the pinball loss at 0.1 to 0.9 over the demand"),
        Metric("mase", _mase, "absolute error over that of the seasonal naive on the history", per_series=True),
        Metric("rmsse", _rmsse, "the same with squared errors", root=True, per_series=True),
        Metric("wape", lambda c: (np.abs(c.error), c.size), "absolute error over demand"),
        Metric("mae", lambda c: (np.abs(c.error), c.seen), "mean absolute error, in units"),
        Metric("mse", lambda c: (c.error.astype(np.float64) ** 2, c.seen), "mean squared error"),
        Metric("rmse", lambda c: (c.error.astype(np.float64) ** 2, c.seen), "its square root, in units", root=True),
        Metric("mape", _mape, "mean of error over actual, where the actual is not zero; misleads on slow items"),
        Metric("smape", _smape, "mean of 2 |f - y| / (|f| + |y|); 2 on every missed zero"),
        Metric("bias", lambda c: (c.error, c.seen), "mean of forecast minus actual, in units", "zero"),
        Metric("relative_bias", lambda c: (c.error, np.nan_to_num(c.y)), "forecast minus actual over demand", "zero"),
    ]
    listed.extend(
        Metric(f"coverage_{p}", _coverage(p), f"share of actuals in the {p} % interval", "target") for p in INTERVALS
    )
    listed.extend(Metric(f"width_{p}", _width(p), f"mean width of the {p} % interval, in units") for p in INTERVALS)
    return {metric.name: metric for metric in listed}


METRICS: dict[str, Metric] = _all()
"""All built-in metrics by name.

MAPE is undefined where the actual is zero; such cells are left out, so on slow-moving items it judges only
the steps with sales. sMAPE is 2 on every zero that was not forecast as exactly zero (and 0 on one that was),
so it favours forecasts of nothing. Score tables carry the count of zeros (column ``zeros``); prefer WAPE,
MASE or WQL there.
"""


def pinball_metric(level: float) -> Metric:
    """Mean pinball (quantile) loss at one level, in units."""
    return Metric(f"pinball_{level:g}", lambda c: (c.pinball(level), c.seen), f"mean pinball loss at {level:g}")


def sums(
    metric: Metric,
    cells: Cells,
    codes: npt.NDArray[np.integer[Any]],
    count: int,
    by_step: bool,
    weight: F64 | None = None,
) -> tuple[F64, F64]:
    """Numerator and denominator of a metric in groups of cells.

    Args:
        metric: which.
        cells: one window of one model.
        codes: ``(S,)`` group of each series, below ``count``.
        count: number of groups.
        by_step: keep steps apart.
        weight: ``(S,)`` how often each series counts; once by default.

    Returns:
        ``(count,)`` each, or ``(count * H,)`` with steps running fastest. Sums of several windows may be
        added before the ratio is taken by `ratio`.
    """
    top, bottom = metric.parts(cells)
    steps = top.shape[1]
    if by_step:
        codes = (codes[:, None] * steps + np.arange(steps)).ravel()
        count *= steps
        top, bottom = top.ravel(), bottom.ravel()
        weight = None if weight is None else np.repeat(weight, steps)
    else:
        top, bottom = top.sum(axis=1, dtype=np.float64), bottom.sum(axis=1, dtype=np.float64)
    if metric.per_series:
        known = bottom > 0
        within = np.divide(top, bottom, out=np.zeros(top.shape), where=known)
        top, bottom = (np.sqrt(within) if metric.root else within), known.astype(np.float64)
    if weight is not None:
        top, bottom = top * weight, bottom * weight
    return add_up(top, codes, count), add_up(bottom, codes, count)


def add_up(values: npt.NDArray[Any], codes: npt.NDArray[np.integer[Any]], count: int) -> F64:
    """``(count,)`` sums of values with the same code."""
    return np.bincount(codes, weights=values, minlength=count).astype(np.float64)


def ratio(metric: Metric, top: F64, bottom: F64) -> F64:
    """Scores from the sums of `sums`; NaN where nothing counts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.where(bottom != 0, top / bottom, np.nan)
        return np.sqrt(out) if metric.root and not metric.per_series else out


def measure(
    y: npt.ArrayLike,
    mean: npt.ArrayLike,
    quantiles: npt.ArrayLike | None = None,
    levels: Sequence[float] = SCORED,
    scale: Scale | None = None,
    metrics: Sequence[str] | None = None,
) -> dict[str, float]:
    """Score one block of forecasts.

    Args:
        y: ``(S, H)`` or ``(H,)`` actual values; NaN is left out.
        mean: point forecasts of the same shape.
        quantiles: ``(S, H, Q)`` or ``(H, Q)``; without them only point metrics are given.
        levels: ``(Q,)`` levels of the quantiles.
        scale: from `history_scale`; without it MASE and RMSSE are not given.
        metrics: names; all that can be computed by default.

    Raises:
        ConfigError: a metric is unknown or cannot be computed from what is given.
    """
    actual = np.atleast_2d(np.asarray(y, dtype=np.float32))
    point = np.atleast_2d(np.asarray(mean, dtype=np.float32))
    if quantiles is None:
        spread = np.empty((*actual.shape, 0), dtype=np.float32)
    else:
        spread = np.asarray(quantiles, dtype=np.float32).reshape(*actual.shape, len(levels))
    nothing = np.full(len(actual), np.nan)
    cells = Cells(actual, point, spread, tuple(levels), scale or Scale(nothing, nothing))
    spread_only = tuple(n for n in METRICS if n == "wql" or n.startswith(("coverage_", "width_")))
    lacking = {**dict.fromkeys(() if quantiles is not None else spread_only, "quantiles")}
    lacking |= dict.fromkeys(() if scale is not None else ("mase", "rmsse"), "scale")
    wanted = [n for n in METRICS if n not in lacking] if metrics is None else list(metrics)
    out = {}
    for name in wanted:
        if name not in METRICS:
            raise ConfigError(f"There is no metric '{name}'; there are: {', '.join(METRICS)}.")
        if name in lacking:
            raise ConfigError(f"Metric '{name}' needs {lacking[name]}=.")
        top, bottom = sums(METRICS[name], cells, np.zeros(len(actual), dtype=np.int64), 1, by_step=False)
        out[name] = float(ratio(METRICS[name], top, bottom)[0])
    return out


UserMetric = Callable[[F32, F32, F32, tuple[float, ...], F32], Any]
"""A metric of the user's: ``f(y, mean, quantiles, levels, history) -> float or (S,)``.

``y`` and ``mean`` are ``(S, H)`` (NaN in ``y`` is not to be scored), ``quantiles`` ``(S, H, Q)``,
``history`` the right-aligned ``(S, T)`` training values.
"""


_TAKEN = frozenset(
    {"model", "class", "cutoff", "step", "windows", "cells", "missing", "hidden", "zeros", "skill", "rank", "seconds"}
)


def named_metrics(metrics: Sequence[UserMetric | str] | Mapping[str, UserMetric]) -> dict[str, UserMetric]:
    """User metrics by name, from a mapping or a list of functions.

    Names of built-in metrics may stand in the list too: they are always scored.

    Raises:
        ConfigError: something is neither, or a name is taken.
    """
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    pairs: list[tuple[str, Any]] = []
    for item in metrics.items() if isinstance(metrics, Mapping) else metrics:
        if isinstance(item, tuple):
            pairs.append((str(item[0]), item[1]))
        elif isinstance(item, str):
            if item not in METRICS:
                raise ConfigError(f"There is no metric '{item}'; there are: {', '.join(METRICS)}; or pass a function.")
        else:
            pairs.append((str(getattr(item, "__name__", "metric")).strip("<>"), item))
    found: dict[str, UserMetric] = {}
    for name, function in pairs:
        if not callable(function):
            raise ConfigError(f"Metric '{name}' is no function: pass f(y, mean, quantiles, levels, history).")
        if name in found:
            raise ConfigError(f"Two metrics are called '{name}': pass a mapping of names to functions.")
        if name in METRICS or name in _TAKEN:
            raise ConfigError(f"'{name}' is a column of every score table: give your metric another name.")
        found[name] = function
    return found
