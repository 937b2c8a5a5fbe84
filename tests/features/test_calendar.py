from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.config import SaleEvent
from skucast.errors import ConfigError, DataError
from skucast.features.calendar import GROUPS, CalendarFeatures, calendar_features, with_calendar
from skucast.frequency import Frequency
from tests.prepare.panels import daily

PRIME = SaleEvent(name="Prime Day", dates=["2024-07-16..2024-07-17"])
ALIASES = ["D", "W-SUN", "W-WED", "MS", "ME", "QS", "h", "6h", "2W-SUN"]


def features(
    alias: str, first: str, last: str, country: str = "GB", **more: object
) -> tuple[CalendarFeatures, pd.DatetimeIndex]:
    freq = Frequency.parse(alias, np.array([first], "datetime64[us]"))
    low, high = freq.floor(np.array([first, last], "datetime64[us]"))
    found = calendar_features(freq, int(low), int(high), country, events=[PRIME], **more)
    return found, pd.DatetimeIndex(freq.stamp(np.arange(low, high + 1)))


def test_parts_of_the_date_agree_with_pandas() -> None:
    found, days = features("D", "2023-01-01", "2024-12-31")
    assert found.column("day_of_week").tolist() == days.dayofweek.tolist()
    assert found.column("day_of_month").tolist() == days.day.tolist()
    assert found.column("month").tolist() == days.month.tolist()
    assert found.column("weekend").tolist() == (days.dayofweek >= 5).astype(float).tolist()
    assert found.column("week_of_year").tolist() == ((days.dayofyear - 1) // 7 + 1).tolist()
    np.testing.assert_allclose(found.column("year_sin1"), np.sin(2 * np.pi * (days - pd.Timestamp("1970-01-01")).days / 365.2425), atol=1e-5)  # fmt: skip


def test_pay_days_are_near_the_15th_the_25th_and_the_end_of_the_month() -> None:
    found, days = features("D", "2024-02-01", "2024-03-31")
    at = {day: k for k, day in enumerate(days.strftime("%m-%d"))}
    assert found.column("payday_15")[at["02-15"]] == 1
    assert found.column("payday_25")[at["03-25"]] == 1
    end = found.column("payday_month_end")
    assert end[at["02-29"]] == end[at["03-31"]] == 1
    assert end[at["03-01"]] == 0.75
    assert end[at["03-15"]] == 0


def test_distance_to_every_event_counts_down_and_up() -> None:
    found, days = features("D", "2024-07-01", "2024-07-31")
    at = days.get_loc(pd.Timestamp("2024-07-16"))
    assert found.column("event_prime_day")[at : at + 2].tolist() == [1, 1]
    assert found.column("event_prime_day_next")[at - 3 : at + 2].tolist() == [3, 2, 1, 0, 0]
    assert found.column("event_prime_day_since")[at : at + 5].tolist() == [0, 0, 1, 2, 3]
    assert found.column("any_sale_next")[at - 2] == 2


@pytest.mark.parametrize(
    "alias, rule", [("W-SUN", "W-SUN"), ("W-WED", "W-WED"), ("MS", "MS"), ("ME", "ME"), ("QS", "QS")]
)
def test_longer_steps_put_their_days_together(alias: str, rule: str) -> None:
    coarse, stamps = features(alias, "2024-01-01", "2024-11-30")
    fine, days = features("D", "2023-10-01", "2025-04-30")
    table = pd.DataFrame(fine.values, index=days, columns=fine.names)
    for name, how in {
        "holiday": "sum", "black_friday": "sum", "easter": "sum", "spring_festival_before": "sum",
        "holiday_next": "min", "double_11_since": "min", "event_prime_day": "sum",
    }.items():  # fmt: skip
        expected = table[name].resample(rule).agg(how).reindex(stamps)
        np.testing.assert_allclose(coarse.column(name), expected, err_msg=name)


def test_shorter_steps_repeat_their_day() -> None:
    hourly, stamps = features("h", "2024-12-24", "2024-12-26")
    assert hourly.column("christmas").tolist() == (stamps.day == 25).astype(float).tolist()
    assert hourly.column("hour_of_day").tolist() == stamps.hour.tolist()


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("country", ["", "CN", "US"])
def test_features_are_finite_and_distinct(alias: str, country: str) -> None:
    found, stamps = features(alias, "2023-12-01", "2024-03-31" if "h" in alias else "2026-12-31", country)
    assert found.values.shape == (len(stamps), len(found.names))
    assert np.isfinite(found.values).all()
    assert len(set(found.names)) == len(found.names)


@given(
    alias=st.sampled_from(["D", "W-SUN", "MS"]),
    first=st.dates(dt.date(1990, 1, 1), dt.date(2035, 1, 1)),
    cut=st.integers(1, 60),
    more=st.integers(1, 60),
    country=st.sampled_from(["", "GB", "CN", "SA"]),
)
@settings(max_examples=25, deadline=None)
def test_history_and_future_have_the_same_columns_wherever_the_range_ends(
    alias: str, first: dt.date, cut: int, more: int, country: str
) -> None:
    freq = Frequency.parse(alias, np.array([first], "datetime64[us]").astype("datetime64[us]"))
    low = int(freq.floor(np.array([first], "datetime64[us]"))[0])
    whole = calendar_features(freq, low, low + cut + more, country, events=[PRIME])
    past = calendar_features(freq, low, low + cut, country, events=[PRIME])
    future = calendar_features(freq, low + cut + 1, low + cut + more, country, events=[PRIME])
    assert past.names == future.names == whole.names
    np.testing.assert_array_equal(np.concatenate([past.values, future.values]), whole.values)


def test_the_spring_festival_of_two_centuries_is_there() -> None:
    for year in (1901, 1950, 2024, 2099):
        found, _ = features("D", f"{year}-01-01", f"{year}-12-31", "", groups=["lunar"])
        for key in ("spring_festival", "dragon_boat", "qixi", "mid_autumn"):
            assert found.column(key).sum() == 1


def test_only_what_matters_in_the_country_is_kept_if_asked() -> None:
    german, _ = features("D", "2024-01-01", "2024-12-31", "DE", relevant_only=True)
    chinese, _ = features("D", "2024-01-01", "2024-12-31", "CN", relevant_only=True)
    assert not {"sale_618", "spring_festival", "ramadan"} & set(german.names)
    assert {"black_friday", "easter", "event_prime_day"} <= set(german.names)
    assert {"sale_618", "double_11", "double_12", "spring_festival", "qixi"} <= set(chinese.names)
    assert not {"black_friday", "easter", "ramadan"} & set(chinese.names)


def test_a_panel_gets_the_features_and_their_future() -> None:
    panel = daily([1.0] * 100, [2.0] * 40)
    grown, future = with_calendar(panel, 28, "GB")
    assert set(future) == set(grown.known)
    longer, _ = with_calendar(panel.append(np.full((2, 28), np.nan)), 0, "GB", names=list(future))
    for name, block in future.items():
        assert block.shape == (2, 28)
        np.testing.assert_array_equal(longer.dense(longer.known[name], 28), block)
        np.testing.assert_array_equal(longer.until(panel.end).known[name], grown.known[name])


def test_features_do_not_depend_on_demand() -> None:
    panel = daily(np.arange(100.0))
    (one, ahead), (other, later) = (
        with_calendar(p, 14, "GB") for p in (panel, panel.with_values(panel.values * 0 - 7))
    )
    for name in ahead:
        np.testing.assert_array_equal(one.known[name], other.known[name])
        np.testing.assert_array_equal(ahead[name], later[name])


def test_mistakes_are_named() -> None:
    freq = Frequency.parse("D")
    with pytest.raises(
        ConfigError, match="no group of calendar features 'moon'; there are: season, holiday, lunar, sale"
    ):
        calendar_features(freq, 0, 9, groups=["moon"])
    found = calendar_features(freq, 0, 9, groups=GROUPS[:1])
    with pytest.raises(ConfigError, match="no calendar feature 'easter'"):
        found.column("easter")
    with pytest.raises(DataError, match="outside of them"):
        found.at([10])
    panel = daily([1.0] * 10, known={"weekend": [[0.0] * 10]})
    with pytest.raises(DataError, match="already has a covariate 'weekend'"):
        with_calendar(panel, 7)


def test_an_empty_range_has_columns_but_no_rows() -> None:
    found = calendar_features(Frequency.parse("D"), 10, 9)
    assert found.values.shape == (0, len(found.names))
    assert found.varying().names == found.names
