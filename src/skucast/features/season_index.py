"""Season index: how much more or less a whole panel sells in each part of the year."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..panel import Panel

F64 = npt.NDArray[np.float64]
_YEAR = 365.25  # days
_REACH = 8.5  # days on either side of the same date in other years that bear witness, ever less
_USUAL = 0.77  # correlation of one year's index with another's, where two cannot be compared yet
_LIKE_STEPS = 0.25  # years of comparison that this is worth
_SEEN = 0.2  # of a year's weight; with less a part of the year counts as never seen
_LEAST = 1e-9


def season_index(panel: Panel, ahead: int) -> tuple[F64, F64]:
    """The yearly season that all series share, as factors about one.

    The mean sale per series on offer is set against its own moving mean over a year; the logarithms of these ratios are
    averaged over dates within about a week of each other in different years (feasts and campaigns move a little), and
    drawn towards one: by how far two halves of the series agree on the season, by how alike the years are, and by how
    many have been seen. An item's own season is mostly noise: it sells too little. What all items share is not.

    Args:
        panel: history; steps hidden by stock-outs do not count.
        ahead: steps after it.

    Returns:
        ``(T,)`` factors of the panel's steps and ``(ahead,)`` of those that follow; all one where less than a year
        has been seen, and for dates whose part of the year never was.

    Source: ratio to moving average and group seasonal indices, Dalhart (1974), Class seasonality, a new approach, in
    Forecasting, American Production and Inventory Control Society; shrinkage as in Miller & Williams (2003), Shrinkage
    estimators of time series seasonal factors, International J. of Forecasting 19.
    """
    steps = panel.n_steps
    year = round(_YEAR / panel.freq.days)
    if steps <= year or year < 2:
        return np.ones(steps), np.ones(ahead)
    days = _day_of_year(panel, steps + ahead)
    apart = np.abs(days[:, None] - days[None, :steps])
    near = np.maximum(1.0 - np.minimum(apart, _YEAR - apart) / _REACH, 0.0)
    values = panel.dense(panel.observed).astype(np.float64)
    ratio, fine = _ratios(values, year)
    found = _log_index(ratio, fine, near, year)
    seen = (near * fine).sum(axis=1)
    years = seen / max(seen[:steps].max() / (steps / year), _LEAST)
    alike = _between_years(ratio, fine, near, year)
    strength = _between_halves(values, near, year) * years * alike / (1.0 + (years - 1.0) * alike)
    index = np.exp(np.where(seen >= _SEEN, strength * found, 0.0))
    return index[:steps], index[steps:]


def _ratios(values: F64, year: int) -> tuple[F64, npt.NDArray[np.bool_]]:
    """Logarithm of the mean sale at each step less its moving mean, and where there is one."""
    seen = ~np.isnan(values)
    count = seen.sum(axis=0)
    level = np.divide(np.where(seen, values, 0.0).sum(axis=0), count, out=np.zeros(count.size), where=count > 0)
    fine = level > 0
    logs = np.log(np.where(fine, level, 1.0))
    return np.where(fine, logs - _moving_mean(logs, fine, year), 0.0), fine


def _log_index(ratio: F64, fine: npt.NDArray[np.bool_], near: F64, year: int) -> F64:
    """Smoothed logarithms of sales against their level, for every row of ``near``."""
    weight = near * fine
    found = (weight @ ratio) / np.maximum(weight.sum(axis=1), _LEAST)
    return np.asarray(found - found[ratio.size - year : ratio.size].mean())


def _moving_mean(logs: F64, fine: npt.NDArray[np.bool_], year: int) -> F64:
    """Mean over the year about each step; at the ends the first and last whole year's."""
    total, count = (np.concatenate([[0.0], np.cumsum(x)]) for x in (np.where(fine, logs, 0.0), fine.astype(np.float64)))
    mean = (total[year:] - total[:-year]) / np.maximum(count[year:] - count[:-year], 1.0)
    middle = np.clip(np.arange(logs.size) - year // 2, 0, mean.size - 1)
    return np.asarray(mean[middle])


def _between_halves(values: F64, near: F64, year: int) -> float:
    """Share of the index's variance that two halves of the series have in common (Spearman-Brown), 0 to 1."""
    if len(values) < 2:
        return 1.0
    order = np.argsort(-np.nansum(values, axis=1), kind="stable")  # alike in size
    one, other = (_log_index(*_ratios(values[order[k::2]], year), near[: values.shape[1]], year) for k in range(2))
    both = _correlation(one, other)
    return 2 * both / (1 + both)


def _between_years(ratio: F64, fine: npt.NDArray[np.bool_], near: F64, year: int) -> float:
    """Share of one year's index that another year has in common, 0 to 1: as far as two years can be compared, else as usual."""
    steps = ratio.size
    common, compared = 0.0, 0
    block = (steps - 1 - np.arange(steps)) // year
    rows = near[steps - year : steps]
    made = []
    for k in range(int(block.max()) + 1):
        weight = rows * (fine & (block == k))
        total = weight.sum(axis=1)
        made.append((weight @ ratio / np.maximum(total, _LEAST), total >= _SEEN))
    for (one, seen), (other, also) in pairwise(made):
        both = seen & also
        if both.sum() > 2:
            common += float(both.sum()) * _correlation(one[both], other[both])
            compared += int(both.sum())
    return (common + _USUAL * _LIKE_STEPS * year) / (compared + _LIKE_STEPS * year)


def _correlation(one: F64, other: F64) -> float:
    """From 0 to 1; 0 where one of them is flat."""
    if one.std() < _LEAST or other.std() < _LEAST:
        return 0.0
    return max(float(np.corrcoef(one, other)[0, 1]), 0.0)


def _day_of_year(panel: Panel, steps: int) -> F64:
    """Days since the beginning of the year of each step, leap days spread."""
    stamps = panel.freq.stamp(panel.end - panel.n_steps + 1 + np.arange(steps)).astype("datetime64[D]")
    return np.asarray((stamps - stamps.astype("datetime64[Y]")).astype(np.float64))
