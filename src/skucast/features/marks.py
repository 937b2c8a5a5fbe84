"""Holidays and sales as charts show them, and as peaks that cleaning must leave alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..config import SaleEvent
from ..frequency import Frequency
from ..panel import Bool, Panel
from ..prepare.outliers import PEAK
from .calendar import LUNAR_COUNTRIES, step_days
from .events import custom_events, event_key, on_sale, sale_events
from .feasts import celebrated, feasts
from .holidays import chinese_name, country_code, public_holidays
from .lunar import lunar_occasions
from .occasion import I64, inside, merge

_QUIET = frozenset({"ascension", "pentecost", "corpus_christi", "new_year"})  # shown only where they are days off


class HolidayMark(NamedTuple):
    """A stretch of days to mark on a chart, first and last day included."""

    start: dt.date
    end: dt.date
    name_en: str
    name_zh: str


def holiday_marks(
    freq: Frequency,
    first_ordinal: int,
    last_ordinal: int,
    country: str = "",
    subdivision: str = "",
    events: Sequence[SaleEvent] = (),
) -> list[HolidayMark]:
    """What to mark between two steps: the country's public holidays, the feasts and festivals that move
    demand there, sale events and the shop's own; sorted, each name once per stretch of days.

    Without a country, the feasts, festivals and sale events of everywhere.

    Raises:
        ConfigError: unknown country or subdivision, or an event's date cannot be read.
    """
    days, _ = step_days(freq, int(first_ordinal), int(last_ordinal))
    if not days.size:
        return []
    found = _named(days, country_code(country), subdivision, events)
    shown = [row for row in found if row[1] >= days[0] and row[0] <= days[-1]]
    return [HolidayMark(_date(a), _date(b), english, chinese) for a, b, english, chinese in sorted(shown)]


def with_peaks(
    panel: Panel,
    country: str = "",
    subdivision: str = "",
    events: Sequence[SaleEvent] = (),
    *,
    before: int = 7,
    after: int = 3,
) -> Panel:
    """Add the covariate ``peak``: 1 in the cells that `near_peaks` finds. The outlier rules of
    ``skucast.prepare`` leave these cells alone.

    Raises:
        ConfigError: see `holiday_marks`.
    """
    return panel.with_known({PEAK: near_peaks(panel, country, subdivision, events, before=before, after=after)})


def near_peaks(
    panel: Panel,
    country: str = "",
    subdivision: str = "",
    events: Sequence[SaleEvent] = (),
    *,
    before: int = 7,
    after: int = 3,
) -> Bool:
    """Cells near a holiday or sale, where a peak or a dip has a known reason: ``(N,)``.

    Args:
        panel: history.
        country: see `holiday_marks`.
        subdivision: see `holiday_marks`.
        events: the shop's own sale events.
        before: days before that belong to it too.
        after: days after.

    Raises:
        ConfigError: see `holiday_marks`.
    """
    if not panel.values.size:
        return np.zeros(0, dtype=np.bool_)
    first = panel.end + 1 - panel.n_steps
    days, step = step_days(panel.freq, first, panel.end)
    around = np.concatenate([np.arange(days[0] - after, days[0]), days, np.arange(days[-1] + 1, days[-1] + before + 1)])
    marked = _named(around, country_code(country), subdivision, events)
    low, high = merge((a - before, b + after) for a, b, _, _ in marked)
    near = inside(days, low, high)
    by_step = np.maximum.reduceat(near, step[:-1]) if panel.freq.is_calendar else near[step]
    return np.asarray(by_step[panel.ordinals - first] > 0)


def _named(days: I64, country: str, subdivision: str, events: Sequence[SaleEvent]) -> list[tuple[int, int, str, str]]:
    """All marks of the years that the days lie in, each name once per stretch."""
    years = days[[0, -1]].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    low, high = int(years[0]) - 1, int(years[1]) + 1
    out: dict[tuple[int, str], tuple[int, int, str, str]] = {}
    covered: set[tuple[int, str]] = set()
    for first, last, name in public_holidays(country, subdivision, low, high).runs():
        row = (first, last, name, chinese_name(name))
        out[first, row[3]] = row
        covered |= {(day, row[3]) for day in range(first, last + 1)}
    occasions = [f for f in feasts(country, low, high) if celebrated(f.key, country)]
    if country:
        occasions = [f for f in occasions if f.key not in _QUIET]
    if not country or country in LUNAR_COUNTRIES:
        occasions += lunar_occasions(low, high)
    occasions += [s for s in sale_events(low, high) if on_sale(s.key, country)]
    occasions += custom_events([event_key(e) for e in events], low, high)
    for occasion in occasions:
        for first, last in zip(occasion.first.tolist(), occasion.last.tolist(), strict=True):
            if not any((day, occasion.name_zh) in covered for day in range(first - 1, last + 2)):
                out[first, occasion.name_zh] = (first, last, occasion.name_en, occasion.name_zh)
    return list(out.values())


def _date(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)
