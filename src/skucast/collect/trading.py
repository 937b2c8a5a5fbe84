"""The trading calendar: which days the shop was open. A closed day is missing, not zero."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ConfigError
from ..frequency import Frequency
from .repairs import Repairs

Bool = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]

_DAY = np.timedelta64(1, "D")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CHINESE = "一二三四五六日"
_RARE = 0.1  # a closed weekday may have had a few special openings
_CHANCE = 1e-3  # that an ordinary weekday would look closed
_BUSY = 20.0  # lines a day; a shop this busy has no day without any by chance (Poisson: 2e-9)
_NEAR = 57  # days over which "busy" is judged: four weeks on either side


@dataclass(frozen=True)
class Trading:
    """Days on which the shop trades.

    Attributes:
        first: first day, as days since 1970-01-01.
        open: ``(days,)`` from the first day on: the shop traded.
        weekdays: ``(7,)`` weekdays, Monday first, on which it usually trades; for days beyond ``open``.
    """

    first: int
    open: Bool
    weekdays: Bool

    @property
    def last(self) -> int:
        """Last day of the record, as days since 1970-01-01."""
        return self.first + self.open.size - 1

    @property
    def days(self) -> I64:
        """``(days,)`` of the record."""
        return np.arange(self.first, self.last + 1)

    def is_open(self, days: npt.ArrayLike) -> Bool:
        """Whether the shop traded on the given days; outside the record, whether it usually would."""
        day = np.asarray(days, dtype=np.int64)
        usual = self.weekdays[(day + 3) % 7]  # 1970-01-01 was a Thursday
        inside = (day >= self.first) & (day <= self.last)
        recorded: Bool = self.open[np.clip(day - self.first, 0, self.open.size - 1)]
        return np.where(inside, recorded, usual)

    def open_days(self, freq: Frequency, start: int, end: int) -> I64:
        """``(end - start + 1,)`` number of recorded trading days in each period from ``start`` to ``end``."""
        days = self.days[self.open]
        step = periods(freq, days) - start
        inside = (step >= 0) & (step <= end - start)
        return np.bincount(step[inside], minlength=end - start + 1).astype(np.int64)

    def last_complete(self, freq: Frequency, until: int) -> int:
        """Last period (ordinal) of which no trading day lies after day ``until``."""
        period = int(periods(freq, np.array([until]))[0])
        ahead = np.arange(until + 1, until + 1 + int(np.ceil(freq.days)) + 31)
        rest = ahead[periods(freq, ahead) == period]
        return period - 1 if bool(self.is_open(rest).any()) else period


def periods(freq: Frequency, days: I64) -> I64:
    """Ordinal of the period that holds each day (days since 1970-01-01)."""
    if days.size:
        first, last = int(days.min()), int(days.max())
        if last - first < days.size:  # each distinct day is looked at once
            every = freq.floor(np.arange(first, last + 1).astype("datetime64[D]").astype("datetime64[us]"))
            return np.asarray(every[days - first], dtype=np.int64)
    return freq.floor(days.astype("datetime64[D]").astype("datetime64[us]"))


def find_trading(totals: pl.DataFrame, closed: str | Sequence[str]) -> tuple[Trading, Repairs]:
    """Find the days on which the shop trades.

    With ``auto``, a weekday is closed if at most a tenth of its dates have orders and an ordinary weekday
    would hardly ever look so; a date is closed if it has no orders although the weeks around it are
    busy. A date of a closed weekday with orders worth a tenth of a usual day was a special opening.

    Args:
        totals: ``date`` and ``lines`` of the days that have any.
        closed: the ``[clean] closed_days`` setting.

    Raises:
        ConfigError: an entry of ``closed`` is no weekday or date.
    """
    day = totals["date"].to_physical().to_numpy().astype(np.int64)
    first = int(day.min())
    lines = np.zeros(int(day.max()) - first + 1)
    lines[day - first] = totals["lines"].to_numpy()
    days = np.arange(first, first + lines.size)
    repairs = Repairs()
    if isinstance(closed, str) and closed == "none":
        return Trading(first, np.ones(lines.size, dtype=np.bool_), np.ones(7, dtype=np.bool_)), repairs
    if not isinstance(closed, str):
        return _given(days, lines, closed, repairs), repairs
    weekdays = _usual_weekdays(days, lines)
    weekday = (days + 3) % 7
    some = lines[(lines > 0) & weekdays[weekday]]
    special = lines >= max(1.0, _RARE * float(np.median(some)))
    is_open = weekdays[weekday] | special
    silent = is_open & (lines == 0) & (_usual_lines(lines) >= _BUSY)
    _note(repairs, "closed-weekdays", days[~is_open], lines[~is_open], weekdays)
    _note(repairs, "closed-dates", days[silent], lines[silent], None)
    return Trading(first, is_open & ~silent, weekdays), repairs


def last_complete_day(totals: pl.DataFrame, today: dt.date) -> int:
    """Last day (since 1970-01-01) whose orders are all there.

    The last day is not complete if it is today, or if its last order came more than an hour before the
    earliest tenth of the usual closing times of the eight weeks before. Orders without a time of day
    tell nothing.

    Args:
        totals: ``date`` and, if times of day are known, ``last_at`` (time of the last order).
        today: the day it is now.
    """
    ordered = totals.sort("date")
    day = ordered["date"].to_physical().to_numpy().astype(np.int64)
    last = int(day[-1])
    if ordered["date"][-1] >= today:
        return last - 1
    if "last_at" not in ordered.columns or ordered.height < 8:
        return last
    hours = ordered["last_at"].tail(57).to_physical().to_numpy() / 3.6e12
    if np.all(hours == hours[-1]):
        return last
    return last - 1 if hours[-1] < float(np.quantile(hours[:-1], 0.1)) - 1.0 else last


def _usual_weekdays(days: I64, lines: npt.NDArray[np.float64]) -> Bool:
    weekday = (days + 3) % 7
    count = np.bincount(weekday, minlength=7)
    share = np.bincount(weekday, weights=lines > 0, minlength=7) / np.maximum(count, 1)
    usual = np.ones(7, dtype=np.bool_)
    rare = share <= _RARE
    if not rare.any() or rare.all():
        return usual
    # Laplace's rule of succession: a few weeks without a gap do not make gaps impossible
    ordinary = min(0.99, float(((share * count)[~rare].sum() + 1) / (count[~rare].sum() + 2)))
    usual[rare] = (1 - ordinary) ** count[rare] > _CHANCE
    return usual


def _usual_lines(lines: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Median lines of the trading days around each day."""
    traded = pl.Series(lines).replace(0.0, None)
    around = traded.rolling_median(_NEAR, min_samples=1, center=True).fill_null(0.0)
    return np.asarray(around.to_numpy())


def _given(days: I64, lines: npt.NDArray[np.float64], closed: Sequence[str], repairs: Repairs) -> Trading:
    weekdays = np.ones(7, dtype=np.bool_)
    shut = np.zeros(days.size, dtype=np.bool_)
    dates = days.astype("datetime64[D]")
    month_day = np.array([str(d)[5:] for d in dates])
    for entry in closed:
        text = entry.strip().lower()
        named = [i for i, name in enumerate(_WEEKDAYS) if len(text) >= 3 and name.startswith(text)]
        chinese = re.fullmatch(rf"(?:周|星期|礼拜)([{_CHINESE}天])", text)
        if chinese:
            named = [_CHINESE.index(chinese[1].replace("天", "日"))]
        if named:
            weekdays[named[0]] = False
        elif re.fullmatch(r"\d\d-\d\d", text):
            shut |= month_day == text
        else:
            start, _, end = text.partition("..")
            try:
                a, b = np.datetime64(start.strip(), "D"), np.datetime64((end or start).strip(), "D")
            except ValueError:
                raise ConfigError(
                    f"[clean] closed_days: '{entry}' is no weekday or date; write 'sat', '2011-12-25', '12-25' "
                    "or '2011-12-24..2012-01-02'."
                ) from None
            shut |= (dates >= a) & (dates <= b)
    shut |= ~weekdays[(days + 3) % 7]
    traded = shut & (lines > 0)
    if traded.any():
        repairs.add(
            "demand", "orders", "orders-on-closed-days", "noted", int(traded.sum()),
            example=f"{int(lines[traded].sum()):,} lines, the first on {dates[traded][0]}",
            remedy="these sales are kept; check [clean] closed_days",
        )  # fmt: skip
    _note(repairs, "closed-days-given", days[shut], lines[shut], None)
    return Trading(int(days[0]), ~shut, weekdays)


def _note(repairs: Repairs, rule: str, days: I64, lines: npt.NDArray[np.float64], weekdays: Bool | None) -> None:
    if not days.size:
        return
    names = ", ".join(_WEEKDAYS[i].capitalize() for i in np.flatnonzero(~weekdays)) if weekdays is not None else ""
    breaks = np.flatnonzero(np.diff(days) > 1)
    starts, ends = days[np.r_[0, breaks + 1]], days[np.r_[breaks, days.size - 1]]
    spans = [
        f"{np.datetime64(int(a), 'D')}" + (f"..{np.datetime64(int(b), 'D')}" if b > a else "")
        for a, b in zip(starts[:4].tolist(), ends[:4].tolist(), strict=True)
    ]
    listed = ", ".join(spans) + (f" and {starts.size - 4} more" if starts.size > 4 else "")
    few = f"; {int(lines.sum()):,} lines on them are kept" if lines.sum() else ""
    repairs.add(
        "demand", "orders", rule, "noted", days.size, example=(names or listed) + few,
        remedy="these days are missing, not zero; if the shop was open, set [clean] closed_days = 'none' or list them",
    )  # fmt: skip
