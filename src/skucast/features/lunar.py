"""Festivals of the Chinese lunisolar calendar, for every year from 1900 to 2099.

Dates come from the package ``lunardate`` (tables of the Hong Kong Observatory). It and the package
``holidays`` agree on Spring Festival, Dragon Boat and Mid-Autumn of all these years but two: Spring
Festival 1916 (new moon within minutes of midnight: 3 February by the civil calendar of the time, which
used Beijing's local time, 4 February at UTC+8; the former is taken) and Mid-Autumn 1978 (16 September
in Hong Kong's printed tables, 17 September in the official calendar of the mainland; the latter is
taken).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from .occasion import F64, I64, Occasion, day_number

FIRST_YEAR, LAST_YEAR = 1900, 2099
OFFSET = 20
"""Days before and after Spring Festival that its signed offset counts."""

# key -> (lunar month, lunar day, English, Chinese); Qixi in a year with a leap seventh month is the first one
_FESTIVALS: dict[str, tuple[int, int, str, str]] = {
    "spring_festival": (1, 1, "Spring Festival", "春节"),
    "dragon_boat": (5, 5, "Dragon Boat Festival", "端午节"),
    "qixi": (7, 7, "Qixi Festival", "七夕"),
    "mid_autumn": (8, 15, "Mid-Autumn Festival", "中秋节"),
}
_CORRECTED: dict[tuple[int, str], int] = {(1978, "mid_autumn"): day_number(1978, 9, 17)}


@cache
def festival_days(key: str) -> I64:
    """Day number (from 1970-01-01) of a festival in each year 1900..2099: ``(200,)``.

    Args:
        key: ``spring_festival``, ``dragon_boat``, ``qixi`` or ``mid_autumn``.
    """
    from lunardate import LunarDate

    month, day, _, _ = _FESTIVALS[key]
    solar = {year: LunarDate(year, month, day).to_solar_date() for year in range(FIRST_YEAR, LAST_YEAR + 1)}
    days = [_CORRECTED.get((year, key)) or day_number(d.year, d.month, d.day) for year, d in solar.items()]
    out = np.asarray(days, dtype=np.int64)
    out.setflags(write=False)
    return out


def lunar_occasions(first_year: int, last_year: int) -> list[Occasion]:
    """The festivals of the years given, as far as they are known (1900..2099)."""
    span = slice(max(first_year - FIRST_YEAR, 0), max(last_year - FIRST_YEAR + 1, 0))
    return [
        Occasion.of(key, english, chinese, "lunar", [(int(d), int(d)) for d in festival_days(key)[span]])
        for key, (_, _, english, chinese) in _FESTIVALS.items()
    ]


def spring_festival_offset(days: I64) -> F64:
    """Signed days from the nearest Spring Festival: -20..-1 before it, 0 on it, 1..20 after.

    Further away it stays at -21 (the next one is nearer) or 21 (the last one is).
    """
    feast = festival_days("spring_festival")
    after = np.clip(np.searchsorted(feast, days, side="right") - 1, 0, feast.size - 1)
    ahead = np.minimum(after + 1, feast.size - 1)
    past, coming = days - feast[after], days - feast[ahead]
    nearest = np.where(np.abs(coming) < np.abs(past), coming, past)
    return np.clip(nearest, -OFFSET - 1, OFFSET + 1).astype(np.float64)


def lunar_columns(days: I64, first_year: int, last_year: int) -> dict[str, tuple[F64, str]]:
    """Daily features of all lunar festivals: see `Occasion.columns`; Spring Festival also has its
    signed offset and whether the day lies in the 20 days before or after it."""
    out: dict[str, tuple[F64, str]] = {}
    for occasion in lunar_occasions(first_year, last_year):
        out |= occasion.columns(days)
    offset = spring_festival_offset(days)
    out["spring_festival_offset"] = (offset, "nearest")
    out["spring_festival_before"] = (((offset >= -OFFSET) & (offset < 0)).astype(np.float64), "sum")
    out["spring_festival_after"] = (((offset <= OFFSET) & (offset > 0)).astype(np.float64), "sum")
    return out
