"""Usual: what a covariate would be if nothing special lay ahead."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ..panel import F32, Bool, Panel
from ..prepare.windows import row_means, row_medians

F64 = npt.NDArray[np.float64]

_LATELY = {"D": 91, "W": 13, "M": 6, "Q": 4, "h": 672}  # steps that "usual" is told from
_LATELY_ELSE = 48
_YEAR = {"D": 365.2425, "W": 365.2425 / 7, "M": 12.0, "Q": 4.0, "h": 24 * 365.2425}
_NEAR_DAYS = 15.0  # weather of the same time of year: so many days before and after


def lately(panel: Panel) -> int:
    """Steps of the recent past: a quarter of days, weeks or hours, half a year of months."""
    plain = panel.freq.multiple == 1
    return _LATELY.get(panel.freq.unit, _LATELY_ELSE) if plain else _LATELY_ELSE


def promoted(panel: Panel, parts: Mapping[str, str]) -> Bool:
    """``(N,)`` cells of the history in which a promotion ran."""
    out = np.zeros(panel.values.size, dtype=np.bool_)
    for name, part in parts.items():
        if part == "promotion":
            none = usual_values(panel, name, part, out, 1)[:, 0]
            column = panel.known[name]
            out |= ~np.isnan(column) & (column != none[panel.row_of])
    return out


def usual_values(panel: Panel, name: str, part: str, promotions: Bool, horizon: int) -> F32:
    """What a known covariate would be ahead if nothing special were planned, ``(S, horizon)``.

    A promotion or a holiday: none, which is zero (or the least that was ever seen, where that is above one). The
    weather: its mean at the same time of year, as far as one year at least is known, else its mean. A text: the most
    frequent lately. A price and all others: the median of the recent steps without a promotion. NaN where nothing is
    known. It depends on the series alone.

    Args:
        panel: history.
        name: of the covariate.
        part: that it belongs to.
        promotions: ``(N,)`` cells with a promotion, see `promoted`.
        horizon: steps ahead.
    """
    column = panel.known[name]
    if name in panel.categories:
        return _repeated(_mode(panel, column), horizon)
    if part in ("promotion", "holidays"):
        dense = panel.dense(column).astype(np.float64)
        least = np.where(np.isnan(dense), np.inf, dense).min(axis=1, initial=np.inf)
        return _repeated(np.where(np.isfinite(least) & (least > 1), least, 0.0), horizon)
    if part == "weather":
        return _time_of_year(panel, column, horizon)
    recent = panel.dense(column, lately(panel)).astype(np.float64)
    plain = np.where(panel.dense(promotions, lately(panel)), np.nan, recent)
    out = row_medians(plain)
    for other in (recent, panel.dense(column).astype(np.float64)):
        out = np.where(np.isnan(out), row_medians(other), out)
    return _repeated(out, horizon)


def _repeated(values: F64, horizon: int) -> F32:
    return np.repeat(values[:, None], horizon, axis=1).astype(np.float32)


def _mode(panel: Panel, column: F32) -> F64:
    """``(S,)`` most frequent value lately, else of all time; NaN where nothing is known."""
    out = np.full(len(panel), np.nan)
    values = np.unique(column[~np.isnan(column)])
    for steps in (panel.n_steps, lately(panel)):
        dense = panel.dense(column, steps)
        known = ~np.isnan(dense)
        if not known.any():
            continue
        rows = np.repeat(np.arange(len(panel)), known.sum(axis=1))
        keys, number = np.unique(rows * values.size + np.searchsorted(values, dense[known]), return_counts=True)
        order = np.lexsort((-number, keys // values.size))
        first = order[np.unique(keys[order] // values.size, return_index=True)[1]]
        out[keys[first] // values.size] = values[keys[first] % values.size]
    return out


def _time_of_year(panel: Panel, column: F32, horizon: int) -> F32:
    """Mean of the steps around each step ahead in all past years; the mean of all steps where there are none."""
    dense = panel.dense(column).astype(np.float64)
    steps, year = dense.shape[1], _YEAR.get(panel.freq.unit, 0.0) / panel.freq.multiple
    out = np.empty((len(panel), horizon))
    out[:] = row_means(dense)[:, None]
    if year < 2 or steps < year:
        return out.astype(np.float32)
    reach = round(_NEAR_DAYS / panel.freq.days) if panel.freq.days < _NEAR_DAYS else 0
    for h in range(horizon):
        near: list[npt.NDArray[np.int64]] = []
        for back in range(1, int((steps + horizon) // year) + 1):
            middle = steps + h - round(back * year)
            near.append(np.arange(max(middle - reach, 0), min(middle + reach + 1, steps)))
        found = row_means(dense[:, np.concatenate(near)])
        out[:, h] = np.where(np.isnan(found), out[:, h], found)
    return out.astype(np.float32)
