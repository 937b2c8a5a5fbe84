"""Feasts that move with Easter, the moon or the week, and a few fixed days that move demand everywhere."""

from __future__ import annotations

from functools import cache

from .occasion import Occasion, day_number, nth_weekday

_ORTHODOX = frozenset({"BG", "BY", "CY", "ET", "GE", "GR", "MD", "ME", "MK", "RO", "RS", "RU", "UA"})
_ISLAMIC = frozenset(
    {"AE", "AF", "AZ", "BD", "BH", "BN", "DJ", "DZ", "EG", "ID", "IQ", "IR", "JO", "KW", "LY", "MA", "MR", "MV", "MY",
     "NE", "OM", "PK", "PS", "QA", "SA", "SD", "SN", "SO", "SY", "TJ", "TM", "TN", "TR", "UZ", "YE"}
)  # fmt: skip
_NO_EASTER = frozenset({"CN", "IL", "JP", "KH", "KR", "LA", "MM", "MN", "NP", "TH", "TW", "VN"}) | (_ISLAMIC - {"ID"})
_THANKSGIVING = frozenset({"US", "CA"})
_CATHOLIC_DAYS = {"carnival", "ascension", "pentecost", "corpus_christi"}
_EASTER_DAYS = _CATHOLIC_DAYS | {"good_friday", "easter"}
_FEW_CATHOLIC = frozenset({"AU", "CA", "GB", "HK", "IE", "IN", "NZ", "SG", "US", "ZA"})


def easter(year: int, orthodox: bool = False) -> int:
    """Day number (from 1970-01-01) of Easter Sunday in the Gregorian calendar, 1583..4099.

    Source: Meeus, Astronomical Algorithms, chapter 8 (Gregorian and Julian Easter).
    """
    if orthodox:
        d = (19 * (year % 19) + 15) % 30
        e = (2 * (year % 4) + 4 * (year % 7) - d + 34) % 7
        month, day = divmod(d + e + 114, 31)
        drift = year // 100 - year // 400 - 2  # days that the Julian calendar lags behind
        return day_number(year, month, day + 1) + drift
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return day_number(year, month, day + 1)


def feasts(country: str, first_year: int, last_year: int) -> list[Occasion]:
    """Feasts of the years given, with the dates that hold in ``country`` (Orthodox Easter, Canada's
    Thanksgiving, Mothering Sunday)."""
    years = range(first_year, last_year + 1)
    sunday = {y: easter(y, country in _ORTHODOX) for y in years}
    moved = {y: [sunday[y] + k for k in (-52, -47, -2, 39, 49, 60)] for y in years}

    def fixed(month: int, day: int) -> list[tuple[int, int]]:
        return [(day_number(y, month, day),) * 2 for y in years]

    thanks = (10, 0, 2) if country == "CA" else (11, 3, 4)
    mothering = country in ("GB", "IE")
    mothers = [sunday[y] - 21 if mothering else nth_weekday(y, 5, 6, 2) for y in years]
    out = [
        Occasion.of("new_year", "New Year's Day", "元旦", "holiday", fixed(1, 1)),
        Occasion.of("valentines_day", "Valentine's Day", "情人节", "holiday", fixed(2, 14)),
        Occasion.of("carnival", "Carnival", "狂欢节", "holiday", [(moved[y][0], moved[y][1]) for y in years]),
        Occasion.of("mothers_day", "Mother's Day", "母亲节", "holiday", [(d, d) for d in mothers]),
        Occasion.of("good_friday", "Good Friday", "耶稣受难日", "holiday", [(moved[y][2],) * 2 for y in years]),
        Occasion.of("easter", "Easter", "复活节", "holiday", [(sunday[y],) * 2 for y in years]),
        Occasion.of("ascension", "Ascension Day", "耶稣升天节", "holiday", [(moved[y][3],) * 2 for y in years]),
        Occasion.of("pentecost", "Pentecost", "圣灵降临节", "holiday", [(moved[y][4],) * 2 for y in years]),
        Occasion.of("corpus_christi", "Corpus Christi", "基督圣体节", "holiday", [(moved[y][5],) * 2 for y in years]),
        Occasion.of(
            "thanksgiving", "Thanksgiving", "感恩节", "holiday",
            [(nth_weekday(y, *thanks),) * 2 for y in years],
        ),
        Occasion.of("christmas", "Christmas", "圣诞节", "holiday", fixed(12, 25)),
    ]  # fmt: skip
    return [*out, *_islamic(first_year, last_year)]


def celebrated(key: str, country: str) -> bool:
    """Whether a feast moves demand in a country; everything does where no country is named."""
    if not country:
        return True
    if key in ("ramadan", "eid_al_fitr", "eid_al_adha"):
        return country in _ISLAMIC
    if key == "thanksgiving":
        return country in _THANKSGIVING
    if key in _CATHOLIC_DAYS and country in _FEW_CATHOLIC:
        return False
    return key not in _EASTER_DAYS or country not in _NO_EASTER


@cache
def _islamic(first_year: int, last_year: int) -> tuple[Occasion, ...]:
    """Ramadan and the two Eids by the Umm al-Qura calendar, from the package ``holidays``.

    The Maldives' list is the calendar itself, without a country's own sightings of the moon, which
    may differ by a day.
    """
    import holidays

    listed = holidays.country_holidays("MV", years=range(first_year - 1, last_year + 2), language="en_US")
    begins: dict[str, list[int]] = {"First Day of Ramadan": [], "Eid al-Fitr": [], "Eid al-Adha": []}
    for date, names in sorted(listed.items()):
        for name in names.split("; "):
            plain = name.split(" (")[0]
            if plain in begins:
                begins[plain].append(day_number(date.year, date.month, date.day))
    fitr = begins["Eid al-Fitr"]
    ramadan = []
    for first in begins["First Day of Ramadan"]:
        ends = [day - 1 for day in fitr if 28 <= day - first <= 31]
        ramadan.append((first, ends[0] if ends else first + 29))
    return (
        Occasion.of("ramadan", "Ramadan", "斋月", "holiday", ramadan),
        Occasion.of("eid_al_fitr", "Eid al-Fitr", "开斋节", "holiday", [(d, d + 2) for d in fitr]),
        Occasion.of("eid_al_adha", "Eid al-Adha", "宰牲节", "holiday", [(d, d + 3) for d in begins["Eid al-Adha"]]),
    )
