"""Span: the first and last period of a record that are complete."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..config import Clean
from ..errors import DataError
from ..frequency import Frequency
from .demand import Demand
from .repairs import Repairs
from .trading import I64, Trading, last_complete_day, periods

_MOST = 0.75  # share of its trading days without which a first period would look like a slump
_ENOUGH = 3  # periods that must be left before the first is given up


@dataclass(frozen=True)
class Span:
    """Periods that are counted.

    Attributes:
        freq: the grid of time.
        first: ordinal of the first one.
        last: ordinal of the last one.
    """

    freq: Frequency
    first: int
    last: int


def find_span(demand: Demand, trading: Trading, freq: Frequency, clean: Clean, today: dt.date) -> Span:
    """Leave out a last period that is still going on, and a first one of which most is missing.

    Raises:
        DataError: no complete period is left.
    """
    day = demand.totals["date"].to_physical().to_numpy().astype(np.int64)
    period = periods(freq, day)
    first, last = int(period.min()), int(period.max())
    if not clean.partial_last_day:
        return Span(freq, first, last)
    if demand.native is None:
        last = trading.last_complete(freq, last_complete_day(demand.totals, today))
        if last - first >= _ENOUGH and _begins_late(trading, freq, first):
            first += 1
    else:
        last = _last_native(demand.native, freq, int(day.max()), today)
    if last < first:
        raise DataError(
            f"All sales lie in one period of '{freq.alias}' that is not complete "
            f"({np.datetime64(int(day.min()), 'D')} to {np.datetime64(int(day.max()), 'D')}): "
            "add earlier records, take a finer [demand] freq, or set [clean] partial_last_day = false."
        )
    return Span(freq, first, last)


def reject_outside(
    cells: pl.DataFrame, ordinal: I64, span: Span, demand: Demand, repairs: Repairs
) -> tuple[pl.DataFrame, I64]:
    """Leave out cells before or after the span; what they held is counted.

    Args:
        cells: day cells.
        ordinal: ``(cells,)`` period of each.
        span: what is kept.
        demand: where the cells come from.
        repairs: grows by what was left out.
    """
    early, late = ordinal < span.first, ordinal > span.last
    for rule, mask, what in (
        ("partial-first-period", early, "a first period of which most days are missing"),
        ("partial-last-day", late, "not complete yet"),
    ):
        if not mask.any():
            continue
        out = cells.filter(pl.Series(mask))
        dates = out["date"].unique().sort()
        lines = demand.totals.filter(pl.col("date").is_in(dates.implode()))["lines"]
        rows = int(lines.sum()) if demand.table == "orders" else out.height
        when = f"{dates[0]}" if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        repairs.add(
            "demand", demand.table, rule, "rejected", rows, units=float(out["units"].sum()),
            series=out["sku"].n_unique(), example=f"{when}: {what}",
            remedy="to keep them, set [clean] partial_last_day = false",
        )  # fmt: skip
    if early.any() or late.any():
        inside = ~(early | late)
        return cells.filter(pl.Series(inside)), ordinal[inside]
    return cells, ordinal


def _begins_late(trading: Trading, freq: Frequency, first: int) -> bool:
    """Whether most usual trading days of the first period lie before the record."""
    around = np.arange(trading.first - int(np.ceil(freq.days)) - 31, trading.first + int(np.ceil(freq.days)) + 31)
    days = around[periods(freq, around) == first]
    usual = trading.weekdays[(days + 3) % 7]
    return bool(usual.any()) and float((usual & (days >= trading.first)).sum()) < _MOST * float(usual.sum())


def _last_native(native: Frequency, freq: Frequency, last_day: int, today: dt.date) -> int:
    """Last complete period of a table with a grid of its own, such as weeks."""
    stamp = np.datetime64(last_day, "D").astype("datetime64[us]")
    own = int(native.floor(np.array([stamp]))[0])
    if native.stamp(own).astype("datetime64[D]").astype(dt.date) >= today:
        own -= 1
    here, following = freq.floor(native.stamp(np.array([own, own + 1])))
    return int(here) - 1 if here == following else int(here)
