from __future__ import annotations

import datetime as dt

import pytest
from dateutil.easter import EASTER_ORTHODOX, EASTER_WESTERN
from dateutil.easter import easter as dateutil_easter

from skucast.features.feasts import celebrated, easter, feasts

EPOCH = dt.date(1970, 1, 1)


def dates(country: str, key: str, first: int, last: int) -> list[tuple[str, str]]:
    found = next(f for f in feasts(country, first, last) if f.key == key)
    return [
        tuple(str(EPOCH + dt.timedelta(days=int(d))) for d in pair)
        for pair in zip(found.first, found.last, strict=True)
    ]


@pytest.mark.parametrize("orthodox, method", [(False, EASTER_WESTERN), (True, EASTER_ORTHODOX)])
def test_easter_agrees_with_dateutil_in_every_year(orthodox: bool, method: int) -> None:
    for year in range(1900, 2101):
        assert EPOCH + dt.timedelta(days=easter(year, orthodox)) == dateutil_easter(year, method)


def test_feasts_move_with_easter() -> None:
    assert dates("DE", "good_friday", 2024, 2024) == [("2024-03-29", "2024-03-29")]
    assert dates("DE", "easter", 2024, 2025) == [("2024-03-31", "2024-03-31"), ("2025-04-20", "2025-04-20")]
    assert dates("DE", "ascension", 2024, 2024) == [("2024-05-09", "2024-05-09")]
    assert dates("DE", "pentecost", 2024, 2024) == [("2024-05-19", "2024-05-19")]
    assert dates("DE", "corpus_christi", 2024, 2024) == [("2024-05-30", "2024-05-30")]
    assert dates("BR", "carnival", 2024, 2024) == [("2024-02-08", "2024-02-13")]  # Shrove Tuesday ends it
    assert dates("GR", "easter", 2024, 2024) == [("2024-05-05", "2024-05-05")]


@pytest.mark.parametrize(
    "country, key, day",
    [
        ("US", "thanksgiving", "2024-11-28"),
        ("CA", "thanksgiving", "2024-10-14"),
        ("US", "mothers_day", "2024-05-12"),
        ("GB", "mothers_day", "2024-03-10"),
        ("GB", "valentines_day", "2024-02-14"),
        ("GB", "christmas", "2024-12-25"),
    ],
)
def test_feasts_take_the_countrys_own_date(country: str, key: str, day: str) -> None:
    assert dates(country, key, 2024, 2024) == [(day, day)]


def test_islamic_feasts_follow_the_published_calendar() -> None:
    assert ("2024-03-11", "2024-04-09") in dates("SA", "ramadan", 2024, 2024)
    assert ("2024-04-10", "2024-04-12") in dates("SA", "eid_al_fitr", 2024, 2024)
    assert ("2025-06-06", "2025-06-09") in dates("SA", "eid_al_adha", 2025, 2025)


def test_what_moves_demand_depends_on_the_country() -> None:
    assert celebrated("easter", "GB")
    assert not celebrated("easter", "CN")
    assert celebrated("ramadan", "TR")
    assert not celebrated("ramadan", "DE")
    assert not celebrated("thanksgiving", "FR")
    assert celebrated("ramadan", "")
