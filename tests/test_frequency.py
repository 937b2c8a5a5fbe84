from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.errors import ConfigError, DataError
from skucast.frequency import Frequency

ALIASES = [
    "D",
    "W-SUN",
    "W-WED",
    "W-FRI",
    "MS",
    "ME",
    "QS",
    "QE",
    "YS",
    "YE",
    "h",
    "min",
    "2D",
    "15min",
    "2W-THU",
    "6h",
]
DAYS = st.integers(-20_000, 40_000)


def us(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


def pandas_range(alias: str, periods: int = 30) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # aliases that pandas renames
        return pd.date_range("2023-11-07", periods=periods, freq=alias).to_numpy().astype("datetime64[us]")


@pytest.mark.parametrize("alias", ALIASES)
def test_a_pandas_range_is_a_run_of_ordinals_and_back(alias: str) -> None:
    stamps = pandas_range(alias)
    freq = Frequency.parse(alias, stamps)
    ordinals = freq.ordinal(stamps)
    assert np.diff(ordinals).tolist() == [1] * (len(stamps) - 1)
    np.testing.assert_array_equal(freq.stamp(ordinals), stamps)


@pytest.mark.parametrize("alias", [a for a in ALIASES if a not in ("2D", "15min", "6h", "2W-THU")])
def test_the_next_steps_are_those_of_pandas(alias: str) -> None:
    stamps = pandas_range(alias, 40)
    freq = Frequency.parse(alias, stamps[:30])
    last = int(freq.ordinal(stamps[29:30])[0])
    np.testing.assert_array_equal(freq.stamp(np.arange(last + 1, last + 11)), stamps[30:])


@pytest.mark.parametrize("alias", ["W-MON", "W-WED", "W-SUN", "ME", "MS", "QS", "QE", "YS", "YE"])
@given(day=DAYS)
def test_the_period_of_a_day_is_that_of_pandas(alias: str, day: int) -> None:
    stamp = np.datetime64(day, "D")
    freq = Frequency.parse(alias)
    code = {"MS": "M", "ME": "M", "QS": "Q-DEC", "QE": "Q-DEC", "YS": "Y-DEC", "YE": "Y-DEC"}.get(alias, alias)
    period = pd.Period(pd.Timestamp(stamp), freq=code)
    edge = period.start_time if alias.endswith("S") else period.end_time
    found = freq.stamp(freq.floor(np.array([stamp], "datetime64[us]")))[0]
    assert str(found)[:10] == str(edge)[:10]


@given(day=DAYS, alias=st.sampled_from(["D", "W-WED", "MS", "ME", "QS", "YE"]))
def test_floor_of_a_stamp_on_the_grid_is_its_own_ordinal(day: int, alias: str) -> None:
    freq = Frequency.parse(alias)
    stamp = freq.stamp(np.array([day]))
    assert freq.floor(stamp)[0] == freq.ordinal(stamp)[0] == day


@pytest.mark.parametrize(
    ("polars", "pandas"),
    [("1d", "D"), ("1w", "W-SUN"), ("1mo", "MS"), ("1h", "h"), ("1q", "QS"), ("1y", "YS"), ("2w", "2W-SUN")],
)
def test_polars_durations_mean_the_same(polars: str, pandas: str) -> None:
    assert Frequency.parse(polars).alias == Frequency.parse(pandas).alias


@pytest.mark.parametrize(
    ("alias", "stamps", "expected"),
    [
        ("W", us("2024-01-03", "2024-01-10"), "W-WED"),
        ("1w", us("2024-01-05", "2024-01-12"), "W-FRI"),
        ("M", us("2024-01-31", "2024-02-29", "2024-03-31"), "ME"),
        ("M", us("2024-01-01", "2024-02-01"), "MS"),
        ("Q", us("2024-02-01", "2024-05-01"), "QS"),
        ("W-SUN", us("2024-01-03", "2024-01-10"), "W-SUN"),
    ],
)
def test_an_anchor_that_the_alias_leaves_open_is_that_of_the_history(
    alias: str, stamps: np.ndarray, expected: str
) -> None:
    freq = Frequency.parse(alias, stamps)
    assert freq.alias == expected
    if alias != "W-SUN":
        np.testing.assert_array_equal(freq.stamp(freq.ordinal(stamps)), stamps)


def test_months_on_a_day_of_their_own_keep_it() -> None:
    stamps = us("2024-01-15", "2024-02-15", "2024-03-15")
    freq = Frequency.parse("1mo", stamps)
    np.testing.assert_array_equal(freq.stamp(freq.ordinal(stamps)), stamps)
    assert str(freq.stamp(freq.floor(us("2024-03-14")))[0])[:10] == "2024-02-15"


def test_month_ends_are_the_last_days_in_leap_years_too() -> None:
    freq = Frequency.parse("ME")
    first = freq.ordinal(us("2024-01-31"))[0]
    assert [str(s)[:10] for s in freq.stamp(np.arange(first, first + 3))] == ["2024-01-31", "2024-02-29", "2024-03-31"]


def test_a_week_ends_with_its_stamp() -> None:
    freq = Frequency.parse("W-SUN")
    week = freq.floor(us("2024-01-01", "2024-01-07", "2024-01-08"))
    assert (week - week[0]).tolist() == [0, 0, 1]
    assert str(freq.stamp(week)[0])[:10] == "2024-01-07"


def test_stamps_off_the_grid_are_counted_and_shown() -> None:
    with pytest.raises(DataError, match=r"1 of 3 dates do not fit the frequency 'W-SUN', for example 2024-01-09"):
        Frequency.parse("W-SUN").ordinal(us("2024-01-07", "2024-01-09", "2024-01-14"))


@pytest.mark.parametrize("alias", ["", "fortnight", "0D", "D-SUN", "W-XYZ", "-1D", "1.5D", "B"])
def test_an_unknown_alias_is_one_sentence(alias: str) -> None:
    with pytest.raises(ConfigError, match="Unknown frequency"):
        Frequency.parse(alias)


def test_business_days_get_a_hint() -> None:
    with pytest.raises(ConfigError, match="use 'D' and leave closed days out"):
        Frequency.parse("B")


@pytest.mark.parametrize(
    ("alias", "season", "days"),
    [("D", 7, 1.0), ("W", 52, 7.0), ("MS", 12, 30.436875), ("h", 24, 1 / 24), ("2D", 1, 2.0), ("QS", 4, 91.310625)],
)
def test_season_and_length(alias: str, season: int, days: float) -> None:
    freq = Frequency.parse(alias)
    assert freq.season == season
    assert freq.days == pytest.approx(days)
    assert freq.default_horizon >= 1


def test_json_form_is_the_fields() -> None:
    freq = Frequency.parse("2W-THU", us("2024-01-04", "2024-01-18"))
    assert Frequency(**freq.to_dict()) == freq
