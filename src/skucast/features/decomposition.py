"""STL and MSTL: trend, seasons and remainder of many series at once, missing steps allowed.

Sources: Cleveland et al. (1990), STL, Journal of Official Statistics 6; Bandara, Hyndman & Bergmeir (2021), MSTL: a
seasonal-trend decomposition algorithm for time series with multiple seasonal patterns, arXiv:2107.13462. On complete
series the numbers are those of statsmodels (STL) and of statsforecast and R's forecast (MSTL).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .loess import loess
from .seasonal_filter import ends

F64 = npt.NDArray[np.float64]
_CELLS = 2_000_000  # steps times series that are worked on together


@dataclass(frozen=True)
class Decomposition:
    """Parts that add up to the series where it is known.

    Attributes:
        trend: ``(T, S)``; NaN before a series begins.
        seasons: period -> ``(T, S)``; NaN before a series begins, zero for series that span less than two periods.
        remainder: ``(T, S)``; NaN where missing.
    """

    trend: F64
    seasons: dict[int, F64]
    remainder: F64

    @property
    def season(self) -> F64:
        """All seasons together, ``(T, S)``."""
        return np.asarray(sum(self.seasons.values(), np.zeros_like(self.trend)))


def stl(
    y: F64,
    period: int,
    *,
    seasonal: int = 7,
    trend: int = 0,
    low_pass: int = 0,
    seasonal_degree: int = 1,
    robust: bool = False,
    inner: int = 0,
    outer: int = 0,
) -> Decomposition:
    """Seasonal-trend decomposition by Loess.

    Args:
        y: ``(T, S)``, time first; NaN is missing. Steps before a series' first number do not belong to it.
        period: steps per season.
        seasonal: cycles in the window of the season, odd; small lets the season change fast.
        trend: steps in the window of the trend, odd; 0 takes 1.5 periods over ``1 - 1.5 / seasonal``.
        low_pass: steps in the window that keeps the season free of level; 0 takes the next odd above the period.
        seasonal_degree: 0 for local means, 1 for local lines.
        robust: weigh unusual steps down.
        inner: passes; 0 takes 2 if robust, else 5.
        outer: rounds of new weights if robust; 0 takes 15.

    Returns:
        Parts of the shape of ``y``.
    """
    trend = trend or _odd(math.ceil(1.5 * period / (1 - 1.5 / seasonal)))
    plan = _Plan(
        period, seasonal, trend, low_pass or _odd(period + 1), seasonal_degree, inner or (2 if robust else 5),
        (outer or 15) if robust else 0,
    )  # fmt: skip
    return _per_span(y, [plan], 1)


def mstl(
    y: F64,
    periods: Sequence[int],
    *,
    windows: Sequence[int] = (),
    iterate: int = 2,
    robust: bool = False,
    outer: int = 0,
) -> Decomposition:
    """Decomposition with several seasons: each in turn is found by STL in what the others leave.

    Args:
        y: ``(T, S)``, time first; NaN is missing.
        periods: steps per season.
        windows: cycles in the window of each season, from the shortest period on; 11, 15, 19, ... by default.
        iterate: passes over all seasons (one if there is only one).
        robust: weigh unusual steps down.
        outer: rounds of new weights if robust; 0 takes 15.
    """
    ordered = sorted(set(periods))
    spans = list(windows) or [7 + 4 * (k + 1) for k in range(len(ordered))]
    plans = [
        _Plan(
            m,
            w,
            _odd(math.ceil(1.5 * m / (1 - 1.5 / w))),
            _odd(m + 1),
            0,
            2 if robust else 5,
            (outer or 15) if robust else 0,
        )
        for m, w in zip(ordered, spans, strict=True)
    ]
    return _per_span(y, plans, iterate if len(plans) > 1 else 1)


@dataclass(frozen=True)
class _Plan:
    """Windows and rounds of one season."""

    period: int
    seasonal: int
    trend: int
    low_pass: int
    degree: int
    inner: int
    outer: int


def _odd(n: int) -> int:
    return n if n % 2 else n + 1


def _per_span(y: F64, plans: Sequence[_Plan], iterate: int) -> Decomposition:
    """Decompose series of one span together, because windows end where a series does; parts go on after its end."""
    trend, remainder = np.full(y.shape, np.nan), np.full(y.shape, np.nan)
    seasons = {plan.period: np.full(y.shape, np.nan) for plan in plans}
    first, last = ends(y)
    ranges, which = np.unique(np.stack([first, last]), axis=1, return_inverse=True)
    order = np.argsort(which, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(which[order])) + 1)
    for (start, stop), rows in zip(ranges.T, groups, strict=True):
        if stop < start:
            continue
        steps, after = int(stop - start + 1), y.shape[0] - 1 - int(stop)
        size = max(1, _CELLS // steps)
        enough = [plan for plan in plans if steps >= 2 * plan.period]
        for begin in range(0, rows.size, size):
            part = rows[begin : begin + size]
            found = _block(np.ascontiguousarray(y[start : stop + 1, part]), enough, plans, iterate)
            at = np.ix_(np.arange(start, y.shape[0]), part)
            trend[at] = np.concatenate([found.trend, found.trend[-1:].repeat(after, axis=0)])
            remainder[start : stop + 1, part] = found.remainder
            for plan in plans:
                again = np.arange(after) % plan.period - plan.period  # the last cycle goes on
                season = found.seasons.get(plan.period)
                whole = 0.0 if season is None else np.concatenate([season, season[again]])
                seasons[plan.period][at] = whole
    return Decomposition(trend, seasons, remainder)


def _block(y: F64, plans: Sequence[_Plan], asked: Sequence[_Plan], iterate: int) -> Decomposition:
    """Series of one length ``(T, S)`` with the seasons that they are long enough for."""
    known = ~np.isnan(y)
    rest, seen = (y, None) if known.all() else (np.where(known, y, 0.0), known.astype(np.float64))
    if not plans:
        smoother = loess(y.shape[0], asked[0].trend, 1)
        level = smoother.smooth(rest, seen, seen)
        return Decomposition(level, {}, y - level)
    seasons = {plan.period: np.zeros_like(y) for plan in plans}
    level = rest
    for _ in range(iterate if len(plans) > 1 else 1):
        for plan in plans:
            rest = rest + seasons[plan.period]
            level, seasons[plan.period] = _stl(rest, seen, plan)
            rest = rest - seasons[plan.period]
    remainder = np.where(known, rest - level, np.nan)
    return Decomposition(level, seasons, remainder)


def _stl(y: F64, seen: F64 | None, plan: _Plan) -> tuple[F64, F64]:
    """Trend and season of series of one length ``(T, S)``; missing steps hold any number."""
    weight = seen
    trend = np.zeros_like(y)
    season = np.zeros_like(y)
    for turn in range(plan.outer + 1):
        for _ in range(plan.inner):
            cycles = _cycles(y - trend, weight, seen, plan)  # (T + 2 m, S)
            low = _mean(_mean(_mean(cycles, plan.period), plan.period), 3)
            season = cycles[plan.period : -plan.period] - loess(y.shape[0], plan.low_pass, 1).smooth(low)
            trend = loess(y.shape[0], plan.trend, 1).smooth(y - season, weight, seen)
        if turn < plan.outer:
            weight = _robustness(np.abs(y - season - trend), seen)
    return trend, season


def _cycles(y: F64, weight: F64 | None, seen: F64 | None, plan: _Plan) -> F64:
    """Each phase smoothed over its own cycles, and carried on by one cycle on both sides, ``(T + 2 m, S)``."""
    steps, count = y.shape
    m = plan.period
    out = np.empty((steps + 2 * m, count))
    longer = steps % m  # phases with one cycle more than the others
    for phases, n in ((slice(0, longer), steps // m + 1), (slice(longer, m), steps // m)):
        width = phases.stop - phases.start
        if not width:
            continue

        def by_cycle(a: F64, phases: slice = phases, n: int = n, width: int = width) -> F64:
            padded = np.concatenate([a, np.zeros((-steps % m, count))]) if steps % m else a
            return np.ascontiguousarray(padded.reshape(-1, m, count)[:n, phases]).reshape(n, width * count)

        smooth = loess(n, plan.seasonal, plan.degree, around=True).smooth(
            by_cycle(y), None if weight is None else by_cycle(weight), None if seen is None else by_cycle(seen)
        )
        cube = smooth.reshape(n + 2, width, count)
        for k in range(n + 2):
            out[k * m + phases.start : k * m + phases.stop] = cube[k]
    return out


def _mean(values: F64, span: int) -> F64:
    """Moving average over ``span`` steps, ``(T - span + 1, S)``."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray((total[span:] - total[:-span]) / span)


def _robustness(size: F64, seen: F64 | None) -> F64:
    """Bisquare weights of remainders: zero from six times their median on, one everywhere if that is zero."""
    middle = np.median(size, axis=0) if seen is None else np.nanmedian(np.where(seen > 0, size, np.nan), axis=0)
    limit = 6 * middle
    ratio = size / np.where(limit > 0, limit, 1.0)
    weight = np.where(ratio <= 0.001, 1.0, np.where(ratio <= 0.999, (1 - np.minimum(ratio, 1.0) ** 2) ** 2, 0.0))
    weight = np.where(limit > 0, weight, 1.0)
    return np.asarray(weight if seen is None else weight * seen)
