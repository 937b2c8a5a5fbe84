from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from holidays.calendars import _ChineseLunisolar
from lunardate import LunarDate

from skucast.features.lunar import FIRST_YEAR, LAST_YEAR, festival_days, lunar_columns, spring_festival_offset

EPOCH = dt.date(1970, 1, 1)
LUNAR = {"spring_festival": (1, 1), "dragon_boat": (5, 5), "qixi": (7, 7), "mid_autumn": (8, 15)}
MAINLAND_1978 = ("mid_autumn", 1978)  # a day later in the official calendar than in lunardate's tables


def date(day: int) -> dt.date:
    return EPOCH + dt.timedelta(days=int(day))


def number(year: int, month: int, day: int) -> int:
    return (dt.date(year, month, day) - EPOCH).days


@pytest.mark.parametrize("key", LUNAR)
def test_every_year_has_its_festival_on_the_right_lunar_day(key: str) -> None:
    days = festival_days(key)
    assert days.size == LAST_YEAR - FIRST_YEAR + 1 == 200
    for year, day in zip(range(FIRST_YEAR, LAST_YEAR + 1), days, strict=True):
        if (key, year) == MAINLAND_1978:
            assert date(day) == dt.date(1978, 9, 17)
            continue
        assert LunarDate.from_solar_date(*date(day).timetuple()[:3]) == LunarDate(year, *LUNAR[key])


@pytest.mark.parametrize(
    "key, method",
    [
        ("spring_festival", "lunar_new_year_date"),
        ("dragon_boat", "dragon_boat_date"),
        ("mid_autumn", "mid_autumn_date"),
    ],
)
def test_dates_agree_with_the_tables_of_another_package(key: str, method: str) -> None:
    other = _ChineseLunisolar()
    apart = []
    for year, day in zip(range(1901, LAST_YEAR + 1), festival_days(key)[1:], strict=True):  # theirs begin in 1901
        theirs, exact = getattr(other, method)(year)
        if exact and theirs != date(day):
            apart.append(year)
    assert apart == ([1916] if key == "spring_festival" else [])


@pytest.mark.parametrize(
    "year, month, day",
    [
        (1900, 1, 31), (1949, 1, 29), (1985, 2, 20), (2000, 2, 5), (2008, 2, 7), (2015, 2, 19), (2020, 1, 25),
        (2021, 2, 12), (2022, 2, 1), (2023, 1, 22), (2024, 2, 10), (2025, 1, 29), (2026, 2, 17), (2027, 2, 6),
        (2033, 1, 31), (2034, 2, 19),
    ],
)  # fmt: skip
def test_spring_festival_falls_on_the_published_dates(year: int, month: int, day: int) -> None:
    assert number(year, month, day) in festival_days("spring_festival")


@pytest.mark.parametrize(
    "key, published",
    [
        ("dragon_boat", [(2023, 6, 22), (2024, 6, 10), (2025, 5, 31), (2026, 6, 19)]),
        ("qixi", [(2023, 8, 22), (2024, 8, 10), (2025, 8, 29), (2026, 8, 19)]),
        ("mid_autumn", [(2023, 9, 29), (2024, 9, 17), (2025, 10, 6), (2026, 9, 25)]),
    ],
)
def test_other_festivals_fall_on_the_published_dates(key: str, published: list[tuple[int, int, int]]) -> None:
    assert {number(*day) for day in published} <= set(festival_days(key).tolist())


def test_the_offset_counts_days_before_and_after() -> None:
    feast = number(2024, 2, 10)
    days = feast + np.array([-60, -21, -20, -1, 0, 1, 15, 20, 21, 60])
    assert spring_festival_offset(days).tolist() == [-21, -21, -20, -1, 0, 1, 15, 20, 21, 21]


def test_before_and_after_are_twenty_days_each() -> None:
    days = np.arange(number(2024, 1, 1), number(2024, 12, 31) + 1)
    columns = lunar_columns(days, 2023, 2025)
    assert columns["spring_festival_before"][0].sum() == 20
    assert columns["spring_festival_after"][0].sum() == 20
    assert columns["spring_festival"][0].sum() == 1
    assert days[columns["qixi"][0] == 1].tolist() == [number(2024, 8, 10)]
