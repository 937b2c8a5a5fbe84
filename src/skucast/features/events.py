"""Sale events: 618, Singles' Day, 12.12, Black Friday, Cyber Monday and the shop's own."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from ..config import SaleEvent
from ..errors import ConfigError
from .occasion import Occasion, day_number, nth_weekday

_ASIA = frozenset({"CN", "HK", "ID", "MO", "MY", "PH", "SG", "TH", "TW", "VN"})

EventKey = tuple[str, tuple[str, ...], int, int]
"""A `SaleEvent` as plain values, so that it can be a key of a cache."""


def event_key(event: SaleEvent) -> EventKey:
    """The event as hashable values."""
    return event.name, tuple(event.dates), event.days_before, event.days_after


def sale_events(first_year: int, last_year: int) -> list[Occasion]:
    """The sale events that everybody has; ``_period`` columns mark the whole campaign.

    618 runs from 1 to 20 June, 11.11 from 1 to 11 November, 12.12 from 10 to 12 December, Black Friday
    from the Monday before to Cyber Monday.
    """
    years = range(first_year, last_year + 1)

    def fixed(month: int, day: int) -> list[tuple[int, int]]:
        return [(day_number(y, month, day),) * 2 for y in years]

    friday = [nth_weekday(y, 11, 3, 4) + 1 for y in years]
    return [
        Occasion.of("sale_618", "618", "618", "sale", fixed(6, 18), (17, 2)),
        Occasion.of("double_11", "Singles' Day (11.11)", "双十一", "sale", fixed(11, 11), (10, 0)),
        Occasion.of("double_12", "12.12", "双十二", "sale", fixed(12, 12), (2, 0)),
        Occasion.of("black_friday", "Black Friday", "黑色星期五", "sale", [(d, d) for d in friday], (4, 3)),
        Occasion.of("cyber_monday", "Cyber Monday", "网络星期一", "sale", [(d + 3, d + 3) for d in friday]),
    ]


def any_sale(events: Iterable[Occasion]) -> Occasion:
    """All sale events as one, ``any_sale``: the distance to the next and since the last of them."""
    ranges = [pair for e in events for pair in zip(e.first.tolist(), e.last.tolist(), strict=True)]
    return Occasion.of("any_sale", "Sale", "大促", "sale", ranges)


def on_sale(key: str, country: str) -> bool:
    """Whether a sale event takes place in a country; all do where no country is named."""
    if not country or key.startswith("event_"):
        return True
    return country in _ASIA if key in ("sale_618", "double_11", "double_12") else country != "CN"


def custom_events(events: Iterable[EventKey], first_year: int, last_year: int) -> list[Occasion]:
    """The shop's own events; those of one name are one occasion.

    A date is ``2026-07-16``, a range ``2026-07-16..2026-07-17``, or ``07-16`` for every year.

    Raises:
        ConfigError: a date cannot be read, or two names give the same column.
    """
    ranges: dict[str, list[tuple[int, int]]] = {}
    stretch: dict[str, tuple[int, int]] = {}
    for name, dates, before, after in events:
        found = [day for text in dates for day in _days(name, text, first_year, last_year)]
        ranges.setdefault(name, []).extend(found)
        low, high = stretch.get(name, (0, 0))
        stretch[name] = (max(low, before), max(high, after))
    taken: dict[str, str] = {}
    out = []
    for name, found in ranges.items():
        key = "event_" + re.sub(r"\W+", "_", name.strip().lower()).strip("_")
        if key in taken:
            raise ConfigError(f"The events '{taken[key]}' and '{name}' would share the column '{key}': rename one.")
        taken[key] = name
        around = stretch[name]
        out.append(Occasion.of(key, name, name, "sale", found, around if any(around) else None))
    return out


def _days(name: str, text: str, first_year: int, last_year: int) -> list[tuple[int, int]]:
    begin, _, end = text.strip().partition("..")
    try:
        if re.fullmatch(r"\d\d-\d\d", begin):
            if end and (not re.fullmatch(r"\d\d-\d\d", end) or end < begin):
                raise ValueError
            np.datetime64(f"2024-{begin}", "D"), np.datetime64(f"2024-{end or begin}", "D")
            return [(_clamped(year, begin), _clamped(year, end or begin)) for year in range(first_year, last_year + 1)]
        if not all(re.fullmatch(r"\d{4}-\d\d-\d\d", part) for part in (begin, end or begin)):
            raise ValueError
        first, last = (int(np.datetime64(part, "D").astype(np.int64)) for part in (begin, end or begin))
        if last < first:
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"The event '{name}' has the date '{text}', which cannot be read: "
            "write 2026-07-16, 2026-07-16..2026-07-17, or 07-16 for every year."
        ) from None
    return [(first, last)]


def _clamped(year: int, month_day: str) -> int:
    """Day number of MM-DD in a year; 29 February is the 28th where there is none."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    month, day = int(month_day[:2]), int(month_day[3:])
    return day_number(year, month, 28 if (month, day) == (2, 29) and not leap else day)
