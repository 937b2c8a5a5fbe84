from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from skucast.config import SaleEvent
from skucast.errors import ConfigError
from skucast.features.marks import holiday_marks, near_peaks, with_peaks
from skucast.frequency import Frequency
from skucast.panel import Panel
from tests.prepare.panels import daily

DAY = Frequency.parse("D")


def marks(first: str, last: str, country: str, **more: object) -> list[tuple[str, str, str, str]]:
    low, high = DAY.ordinal(np.array([first, last], "datetime64[us]"))
    return [(str(m.start), str(m.end), m.name_en, m.name_zh) for m in holiday_marks(DAY, low, high, country, **more)]


def test_a_british_december_has_its_sales_and_holidays_once_each() -> None:
    found = marks("2024-11-25", "2025-01-02", "GB")
    assert ("2024-11-29", "2024-11-29", "Black Friday", "黑色星期五") in found
    assert ("2024-12-25", "2024-12-25", "Christmas Day", "圣诞节") in found
    assert ("2024-12-26", "2024-12-26", "Boxing Day", "节礼日") in found
    assert [m[3] for m in found].count("圣诞节") == 1
    assert found == sorted(found)


def test_a_chinese_autumn_has_its_festivals_and_sales() -> None:
    names = {m[3] for m in marks("2024-08-01", "2024-12-31", "CN")}
    assert {"七夕", "中秋节", "国庆节", "双十一", "双十二"} <= names
    assert "黑色星期五" not in names


def test_the_shops_own_events_are_marked() -> None:
    event = SaleEvent(name="Prime Day", dates=["2024-07-16..2024-07-17"])
    assert ("2024-07-16", "2024-07-17", "Prime Day", "Prime Day") in marks(
        "2024-07-01", "2024-07-31", "US", events=[event]
    )


def test_two_spellings_of_a_country_are_one() -> None:
    assert marks("2024-01-01", "2024-12-31", "uk") == marks("2024-01-01", "2024-12-31", "GB")


def test_days_before_and_after_a_holiday_are_near_it() -> None:
    panel = daily([1.0] * 70, start=dt.date(2024, 6, 3))  # until 11 August; no British holiday or sale in it
    event = SaleEvent(name="fair", dates=["2024-07-10"])
    near = near_peaks(panel, "GB", events=[event], before=2, after=1)
    at = (dt.date(2024, 7, 10) - dt.date(2024, 6, 3)).days
    fair = [c for c in np.flatnonzero(near).tolist() if abs(c - at) < 9]
    assert fair == [at - 2, at - 1, at, at + 1]
    np.testing.assert_array_equal(with_peaks(panel, "GB", events=[event], before=2, after=1).known["peak"], near)


def test_holidays_after_the_end_count_as_near() -> None:
    panel = daily([1.0] * 40, start=dt.date(2024, 11, 14))  # ends on 23 December
    assert near_peaks(panel, "GB")[-6:].all()


def test_weeks_that_touch_a_holiday_are_near_it() -> None:
    days = pl.date_range(dt.date(2024, 1, 7), dt.date(2024, 12, 29), "1w", eager=True)
    panel = Panel.from_frame(pl.DataFrame({"unique_id": "a", "ds": days, "y": 1.0}), "W-SUN")
    near = near_peaks(panel, "GB", before=0, after=0)
    assert near[days.to_list().index(dt.date(2024, 12, 29))]
    assert not near[days.to_list().index(dt.date(2024, 10, 20))]


def test_an_empty_panel_has_no_peaks_and_an_unknown_country_is_named() -> None:
    panel = daily([1.0] * 9)
    assert near_peaks(panel.take([]), "GB").size == 0
    with pytest.raises(ConfigError, match="country 'XX'"):
        near_peaks(panel, "XX")
