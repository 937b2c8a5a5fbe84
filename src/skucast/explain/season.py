"""Season: how much of an ordinary forecast is due to the hour, the weekday or the time of year, and what is level.

The short season is read off the forecast itself: how a step differs from the mean of the whole season (a week of days)
that it lies in. The time of year cannot be, since the horizon is shorter than a year, and asking a model for a whole
year would mix in whatever it thinks of the trend. It is told by the past years instead, but only as far as the forecast
really moves away from what the item sold lately: a model that does not follow the year is not said to.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..frequency import Frequency
from ..panel import Bool, Panel
from ..prepare.windows import row_means
from .usual import lately

F64 = npt.NDArray[np.float64]

_SHORT = {"s": 60, "min": 60, "h": 168, "D": 7}  # steps after which an ordinary forecast repeats itself
_DAY = 24
_YEAR = {"D": 364, "W": 52, "M": 12, "Q": 4}
_REACH = {"D": 10, "W": 2}  # half-width of the look at past years, in steps: whole weeks of days
_FEWEST_YEARS = 1.5  # of history, so that a time of year can be held against a whole year around it
_SPREAD = 0.5  # of times of year around one, usually: what a few noisy figures of an item are doubted against
_LEAST_NOISE = 0.2  # of a step's demand, where few steps look more even than they are; counts are Poisson at least
_KNOWN_SHARE = 0.7  # of the year around a time of year that must have been observed
_CAP = 5.0  # a time of year does not count for more than this times the mean


def short_season(panel: Panel) -> int:
    """Steps of the short season; 1 for none. A week of hours needs two weeks of history."""
    freq = panel.freq
    if freq.multiple > 1:
        return freq.season if freq.unit in _SHORT and freq.season <= _SHORT[freq.unit] else 1
    period = _SHORT.get(freq.unit, 1)
    return _DAY if freq.unit == "h" and panel.n_steps < 2 * period else period


def level_and_season(panel: Panel, plain: F64, longer: F64, promotions: Bool) -> tuple[F64, F64]:
    """Level and season of an ordinary forecast, ``(S, H)`` each; they add up to it.

    Args:
        panel: history.
        plain: ``(S, H)`` forecast with nothing special ahead.
        longer: the same over whole short seasons, ``(S, H')`` with ``H' >= H``.
        promotions: ``(N,)`` cells of the history in which a promotion ran; they do not tell what is usual.
    """
    horizon, period = plain.shape[1], short_season(panel)
    smooth = plain
    if period > 1:
        whole = longer[:, : longer.shape[1] // period * period]
        means = whole.reshape(len(plain), -1, period).mean(axis=2)
        smooth = np.repeat(means, period, axis=1)[:, :horizon]
    yearly = _yearly(panel, smooth, promotions)
    season = plain - smooth + yearly
    return plain - season, season


def _yearly(panel: Panel, smooth: F64, promotions: Bool) -> F64:
    """What the time of year adds to forecasts without a short season, ``(S, H)``."""
    freq, horizon = panel.freq, smooth.shape[1]
    year, recent = _YEAR.get(freq.unit, 0), min(lately(panel), panel.n_steps)
    if freq.multiple > 1 or not year or panel.n_steps < _FEWEST_YEARS * year or horizon < 1:
        return np.zeros_like(smooth)
    cells = np.where(promotions, np.float32(np.nan), panel.observed)
    values = panel.dense(cells).astype(np.float64)
    steps = values.shape[1]
    index = _index(values, freq, np.arange(steps - recent, steps + horizon))  # (S, recent + H)
    past, ahead = index[:, :recent], index[:, recent:]
    now = values[:, steps - recent :]
    seen = ~np.isnan(now)
    there = np.where(seen, past, 0).sum(axis=1)
    # what it sold lately, the time of year taken off
    usual = np.divide(np.where(seen, now, 0).sum(axis=1), there, out=np.zeros(len(now)), where=there > 0)
    expected = usual[:, None] * (ahead - 1)
    moved = smooth - usual[:, None]
    return np.asarray(np.clip(moved, np.minimum(expected, 0), np.maximum(expected, 0)))


def _index(values: F64, freq: Frequency, at: npt.NDArray[np.int64]) -> F64:
    """How a time of year compares with a whole year, ``(S, n)``, drawn towards one as far as that is uncertain.

    It depends on the series alone.

    Args:
        values: ``(S, T)`` history; NaN is missing.
        freq: grid of time.
        at: ``(n,)`` columns that are asked about, after the history too; only years before them are looked at.
    """
    year, reach = _YEAR[freq.unit], _REACH.get(freq.unit, 0)
    steps = values.shape[1]
    seen, size = ~np.isnan(values), np.nan_to_num(row_means(values))
    scaled = np.where(seen, values, 0.0) / np.where(size > 0, size, 1.0)[:, None]
    total, square, count = (_cumulated(a) for a in (scaled, scaled**2, seen.astype(np.float64)))
    above, below, n, spread = (np.zeros((len(values), at.size)) for _ in range(4))
    for back in range(1, steps // year + 2):
        middle = at - year * back
        first = np.minimum(middle + year // 2, steps - 1) - year + 1  # of the year around it
        usable = (first >= 0) & (middle - reach >= 0)
        if not usable.any():
            continue
        near = (np.maximum(middle - reach, 0), np.clip(np.minimum(middle + reach, steps - 1) + 1, 0, steps))
        around = (np.maximum(first, 0), np.clip(first + year, 0, steps))
        alive = usable & (_between(count, *around) >= _KNOWN_SHARE * year) & (_between(count, *near) >= 1)
        mine = np.where(alive, _between(count, *near), 0.0)
        sums = np.where(alive, _between(total, *near), 0.0)
        above, n = above + sums, n + mine
        # the year around it, weighed as the time of year is
        below += mine * np.where(alive, _between(total, *around) / np.maximum(_between(count, *around), 1), 0.0)
        spread += np.where(alive, _between(square, *near), 0.0)
    ratio = np.divide(above, below, out=np.ones_like(above), where=below > 0)
    mean = above / np.maximum(n, 1)
    variance = spread / np.maximum(n, 1) - mean**2
    variance = np.maximum(variance, np.maximum(mean / np.maximum(size, 1e-9)[:, None], (_LEAST_NOISE * mean) ** 2))
    error = variance / np.maximum(n, 1) / np.maximum(mean, 1e-9) ** 2
    trust = np.where(above > 0, _SPREAD**2 / (_SPREAD**2 + error), 0.0)
    return np.asarray(np.clip(1 + trust * (ratio - 1), 0.0, _CAP))


def _cumulated(values: F64) -> F64:
    out = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=out[:, 1:])
    return out


def _between(total: F64, first: npt.NDArray[np.int64], past: npt.NDArray[np.int64]) -> F64:
    """Sums of the columns ``first <= t < past`` of each row, ``(S, n)``."""
    return np.asarray(total[:, np.maximum(past, first)] - total[:, first])
