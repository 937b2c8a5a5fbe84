"""Closures: on which days ahead the shop will not trade, told from when it did not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..frequency import Frequency
from ..place import Place
from .calendar import step_days
from .feasts import feasts
from .holidays import country_code, public_holidays

Bool = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]


def closed_ahead(days: I64, is_open: Bool, weekdays: Bool, ahead: I64, place: Place) -> Bool:
    """Which days ahead the shop will be closed.

    A weekday on which it does not trade stays closed. A holiday (by its name, wherever it falls) or a day of the
    year is taken as closed if the shop was closed on it every time that the record holds and it would usually
    have traded; ten days or more in the record must say so for the shop to be judged at all.

    Args:
        days: ``(D,)`` days of the record, counted from 1970-01-01, consecutive.
        is_open: ``(D,)`` whether the shop traded.
        weekdays: ``(7,)`` on which weekdays it usually does, Monday first.
        ahead: ``(A,)`` days asked for.
        place: whose holidays.

    Returns:
        ``(A,)`` True where it will be closed.
    """
    usual: Bool = weekdays[(ahead + 3) % 7]
    shut = ~usual
    if days.size < 10 or not ahead.size:
        return shut
    known: Bool = weekdays[(days + 3) % 7]  # days that can tell something
    past, traded = days[known], is_open[known]
    named = np.zeros(past.size, dtype=np.bool_)
    for label_past, label_ahead in _holidays(past, ahead, place):
        shut |= np.isin(label_ahead, _never_open(label_past, traded))
        named |= label_past >= 0
    # a closure that a holiday explains says nothing of the date, which another year is an ordinary day
    shut |= np.isin(_month_day(ahead), _never_open(np.where(named & ~traded, -1, _month_day(past)), traded))
    return shut


def trading_share(
    freq: Frequency, end: int, horizon: int, days: I64, is_open: Bool, weekdays: Bool, place: Place
) -> npt.NDArray[np.float64]:
    """Share of each step ahead on which the shop trades, of what it usually would: ``(horizon,)`` in [0, 1].

    Daily steps are 0 or 1. A week or month that loses days to holidays gets the share of its usual trading days
    that are left, so that two days of Christmas closure take their part of the week.

    Args:
        freq: grid of time.
        end: ordinal of the last known step.
        horizon: steps ahead.
        days: see `closed_ahead`.
        is_open: see `closed_ahead`.
        weekdays: see `closed_ahead`.
        place: see `closed_ahead`.
    """
    covered, offsets = step_days(freq, end + 1, end + horizon)
    trades = ~closed_ahead(days, is_open, weekdays, covered, place)
    if not freq.is_calendar:
        return trades[offsets].astype(np.float64)
    usual = weekdays[(covered + 3) % 7].astype(np.float64)
    left = np.add.reduceat(trades.astype(np.float64), offsets[:-1])
    if freq.days < 2:
        return left
    return np.asarray(left / np.maximum(np.add.reduceat(usual, offsets[:-1]), 1.0))


def _never_open(label: I64, traded: Bool) -> I64:
    """Labels of which every day in the record was closed."""
    never = np.setdiff1d(label[~traded], label[traded])
    return never[never >= 0]


def _holidays(past: I64, ahead: I64, place: Place) -> list[tuple[I64, I64]]:
    """Names of public holidays as numbers, -1 on other days."""
    if not place.country:
        return []
    years = np.concatenate([past, ahead]).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    low, high = int(years.min()), int(years.max())
    country = country_code(place.country)
    found = public_holidays(country, place.subdivision, low, high)
    number = {name: k for k, name in enumerate(dict.fromkeys(found.names))}
    by_name = {int(day): number[name] for day, name in zip(found.days, found.names, strict=True)}
    out = [(_label(past, by_name), _label(ahead, by_name))]
    moving: dict[int, int] = {}
    for k, feast in enumerate(feasts(country, low, high)):
        if feast.key in ("good_friday", "easter"):  # Easter Sunday is no public holiday in many countries
            for first, last in zip(feast.first.tolist(), feast.last.tolist(), strict=True):
                moving |= dict.fromkeys(range(first, last + 1), k)
    return [*out, (_label(past, moving), _label(ahead, moving))]


def _label(days: I64, labels: dict[int, int]) -> I64:
    return np.array([labels.get(int(day), -1) for day in days], dtype=np.int64)


def _month_day(days: I64) -> I64:
    day = days.astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    return np.asarray((month.astype(np.int64) % 12) * 31 + (day - month.astype("datetime64[D]")).astype(np.int64))
