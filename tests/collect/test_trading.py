from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from skucast.collect.trading import Trading, find_trading, last_complete_day, periods
from skucast.errors import ConfigError
from skucast.frequency import Frequency

from .typed import bundled_shop, rule, rules

MONDAY = dt.date(2024, 1, 1)


def totals(lines: list[int], first: dt.date = MONDAY, last_at: list[dt.time] | None = None) -> pl.DataFrame:
    """Days with lines, from a date on."""
    frame = pl.DataFrame(
        {"date": [first + dt.timedelta(days=i) for i in range(len(lines))], "lines": lines},
        schema={"date": pl.Date, "lines": pl.UInt32},
    )
    if last_at is not None:
        frame = frame.with_columns(pl.Series("last_at", last_at, dtype=pl.Time))
    return frame.filter(pl.col("lines") > 0)


def day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(int))


def test_a_weekday_without_orders_is_closed_and_said() -> None:
    trading, repairs = find_trading(totals([5, 5, 5, 5, 5, 0, 5] * 20), "auto")
    assert trading.weekdays.tolist() == [True] * 5 + [False, True]
    assert not trading.is_open(day("2024-01-06"))
    assert rule(repairs, "closed-weekdays")["example"] == "Saturday"


def test_a_special_opening_of_a_closed_weekday_is_open() -> None:
    lines = [5, 5, 5, 5, 5, 0, 5] * 20
    lines[5 + 7 * 9] = 6
    trading, _ = find_trading(totals(lines), "auto")
    assert trading.open.sum() == 121
    assert trading.is_open(day("2024-01-01") + 5 + 7 * 9)


def test_a_few_weeks_do_not_prove_a_closed_weekday() -> None:
    trading, _ = find_trading(totals([1, 0, 1, 0, 0, 0, 1] * 2), "auto")
    assert trading.weekdays.all()


def test_a_busy_shop_without_any_order_was_closed_that_day() -> None:
    lines = [40] * 90
    lines[30] = lines[31] = 0
    trading, repairs = find_trading(totals(lines), "auto")
    assert (~trading.open).nonzero()[0].tolist() == [30, 31]
    assert rule(repairs, "closed-dates")["example"] == "2024-01-31..2024-02-01"


def test_a_quiet_shop_without_any_order_just_sold_nothing() -> None:
    lines = [2] * 90
    lines[30] = 0
    trading, repairs = find_trading(totals(lines), "auto")
    assert trading.open.all()
    assert not rules(repairs)


def test_closed_days_can_be_given_as_weekdays_dates_and_stretches() -> None:
    given = ["Sat", "周日", "2024-01-03", "02-01", "2024-01-10..2024-01-12"]
    trading, repairs = find_trading(totals([5] * 60), given)
    shut = [str(np.datetime64(int(d), "D")) for d in trading.days[~trading.open]]
    assert [d for d in shut if np.is_busday(d)] == [
        "2024-01-03",
        "2024-01-10",
        "2024-01-11",
        "2024-01-12",
        "2024-02-01",
    ]
    assert len(shut) == 5 + 16
    assert rule(repairs, "orders-on-closed-days")["rows"] == len(shut)


def test_none_keeps_every_day_open() -> None:
    trading, repairs = find_trading(totals([40, 0, 40] * 30), "none")
    assert trading.open.all()
    assert not rules(repairs)


def test_a_word_that_is_no_day_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="'someday' is no weekday or date"):
        find_trading(totals([5] * 9), ["someday"])


def test_days_beyond_the_record_follow_the_weekdays() -> None:
    trading, _ = find_trading(totals([5, 5, 5, 5, 5, 0, 5] * 20), "auto")
    assert trading.is_open([day("2025-01-04"), day("2025-01-05"), day("2020-01-04")]).tolist() == [False, True, False]


def test_open_days_are_counted_per_period() -> None:
    trading, _ = find_trading(totals([5, 5, 5, 5, 5, 0, 5] * 20), "auto")
    weeks = Frequency.parse("W-SUN")
    first = int(periods(weeks, np.array([day("2024-01-01")]))[0])
    assert trading.open_days(weeks, first, first + 2).tolist() == [6, 6, 6]


def test_a_week_is_complete_once_no_trading_day_is_left_in_it() -> None:
    weeks = Frequency.parse("W-SUN")
    open_all = Trading(day("2024-01-01"), np.ones(12, np.bool_), np.ones(7, np.bool_))
    office = Trading(day("2024-01-01"), np.ones(12, np.bool_), np.array([True] * 5 + [False, False]))
    friday = day("2024-01-12")
    second = int(periods(weeks, np.array([friday]))[0])
    assert open_all.last_complete(weeks, friday) == second - 1
    assert open_all.last_complete(weeks, friday + 2) == second
    assert office.last_complete(weeks, friday) == second


def test_a_last_day_that_ends_hours_early_is_not_complete() -> None:
    usual = [dt.time(18, 30)] * 30
    assert last_complete_day(totals([5] * 31, last_at=[*usual, dt.time(12, 50)]), dt.date(2030, 1, 1)) == day(
        "2024-01-30"
    )
    assert last_complete_day(totals([5] * 31, last_at=[*usual, dt.time(18, 0)]), dt.date(2030, 1, 1)) == day(
        "2024-01-31"
    )


def test_today_is_never_complete() -> None:
    assert last_complete_day(totals([5] * 31), dt.date(2024, 1, 31)) == day("2024-01-30")
    assert last_complete_day(totals([5] * 31), dt.date(2024, 2, 1)) == day("2024-01-31")


def test_orders_without_a_time_of_day_tell_nothing_about_the_last_day() -> None:
    midnight = [dt.time(0, 0)] * 31
    assert last_complete_day(totals([5] * 31, last_at=midnight), dt.date(2030, 1, 1)) == day("2024-01-31")


def test_the_bundled_shop_does_not_trade_on_saturdays() -> None:
    shop = bundled_shop()
    assert shop.trading.weekdays.tolist() == [True] * 5 + [False, True]
    assert shop.closed[0] == "Saturday"
    panel = shop.panel()
    dense = panel.dense()
    saturday = (panel.stamps.astype("datetime64[D]").astype(int) + 3) % 7 == 5
    sold = np.nansum(dense[:, saturday], axis=0)
    quiet = dense[:, saturday][:, sold == 0]
    assert np.isnan(quiet).all()
    assert quiet.shape[1] > 90
    tuesday = (panel.stamps.astype("datetime64[D]").astype(int) + 3) % 7 == 1
    assert (dense[:, tuesday] == 0).mean() > 0.3
    assert "2010-12-25" in " ".join(shop.closed) or np.isnan(dense[:, day("2010-12-25") - day("2009-12-01")]).all()
