"""Closures ahead: usual weekdays, holidays wherever they fall, dates that were always closed, and nothing else."""

import numpy as np
import pytest

from skucast.features.closures import closed_ahead, trading_share
from skucast.frequency import Frequency
from skucast.place import Place

NOWHERE = Place()
ALL = np.ones(7, dtype=bool)
NO_SATURDAY = np.array([True] * 5 + [False, True])


def days(first, last):
    return np.arange(np.datetime64(first), np.datetime64(last) + 1).astype("datetime64[D]").astype(np.int64)


def day(text):
    return int(np.datetime64(text, "D").astype(np.int64))


def closed(record, shut, ahead, place=NOWHERE, weekdays=ALL):
    is_open = weekdays[(record + 3) % 7] & ~np.isin(record, [day(d) for d in shut])
    found = closed_ahead(record, is_open, weekdays, ahead, place)
    return [str(d) for d in ahead[found].astype("datetime64[D]")]


def test_the_usual_weekday_stays_closed():
    assert closed(days("2010-01-01", "2010-12-20"), [], days("2010-12-21", "2010-12-31"), weekdays=NO_SATURDAY) == [
        "2010-12-25"
    ]


def test_a_moving_holiday_is_closed_on_its_new_date_and_open_on_its_old_one():
    record = days("2010-01-01", "2011-12-31")
    shut = ["2010-04-02", "2011-04-22"]  # Good Friday
    assert closed(record, shut, days("2012-03-20", "2012-04-30"), Place("GB")) == ["2012-04-06"]


def test_a_date_closed_every_year_is_closed_again():
    record = days("2009-12-01", "2011-12-08")
    shut = ["2009-12-28", "2010-12-28", "2010-12-29"]
    assert closed(record, shut, days("2011-12-20", "2011-12-31")) == ["2011-12-28"]


def test_a_single_odd_closure_on_a_date_open_in_another_year_means_nothing():
    record = days("2009-01-01", "2010-12-31")
    assert closed(record, ["2010-02-03"], days("2011-01-01", "2011-03-01")) == []


def test_a_holiday_on_which_the_shop_traded_once_is_open():
    record = days("2009-01-01", "2010-12-31")
    assert closed(record, ["2009-12-25"], days("2011-12-20", "2011-12-31"), Place("GB")) == []


def test_weeks_get_the_share_of_their_trading_days():
    record = days("2009-01-01", "2010-12-12")
    is_open = NO_SATURDAY[(record + 3) % 7] & ~np.isin(record, [day("2009-12-25"), day("2009-12-28")])
    freq = Frequency.parse("W-SUN")
    end = int(freq.floor(np.array(["2010-12-12"], "datetime64[us]"))[0])
    share = trading_share(freq, end, 4, record, is_open, NO_SATURDAY, Place("GB"))
    # Boxing Day 2010 is a Sunday; both days of Christmas are made up for on Monday and Tuesday, 27 and 28 December
    np.testing.assert_allclose(share, [1, 5 / 6, 4 / 6, 1])


def test_days_are_all_or_nothing():
    record = days("2010-01-01", "2010-12-31")
    freq = Frequency.parse("D")
    end = int(freq.floor(np.array(["2010-12-31"], "datetime64[us]"))[0])
    share = trading_share(freq, end, 9, record, NO_SATURDAY[(record + 3) % 7], NO_SATURDAY, Place())
    assert share.tolist() == [0, 1, 1, 1, 1, 1, 1, 0, 1]  # 1 January 2011 is a Saturday


@pytest.mark.parametrize("record", [days("2010-01-01", "2010-01-05"), np.empty(0, dtype=np.int64)])
def test_a_short_record_tells_only_the_weekday(record):
    is_open = np.zeros(record.size, dtype=bool)
    found = closed_ahead(record, is_open, NO_SATURDAY, days("2011-01-01", "2011-01-02"), Place("GB"))
    assert found.tolist() == [True, False]
