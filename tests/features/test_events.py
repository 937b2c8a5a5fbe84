from __future__ import annotations

import datetime as dt

import pytest

from skucast.config import SaleEvent, make_config
from skucast.errors import ConfigError
from skucast.features.events import any_sale, custom_events, event_key, on_sale, sale_events

EPOCH = dt.date(1970, 1, 1)


def days(first: list[int], last: list[int]) -> list[tuple[str, str]]:
    return [
        (str(EPOCH + dt.timedelta(days=int(a))), str(EPOCH + dt.timedelta(days=int(b))))
        for a, b in zip(first, last, strict=True)
    ]


@pytest.mark.parametrize(
    "key, expected",
    [
        ("sale_618", ["2023-06-18", "2024-06-18"]),
        ("double_11", ["2023-11-11", "2024-11-11"]),
        ("double_12", ["2023-12-12", "2024-12-12"]),
        ("black_friday", ["2023-11-24", "2024-11-29"]),
        ("cyber_monday", ["2023-11-27", "2024-12-02"]),
    ],
)
def test_sale_events_fall_on_their_dates(key: str, expected: list[str]) -> None:
    event = next(e for e in sale_events(2023, 2024) if e.key == key)
    assert days(event.first, event.last) == [(day, day) for day in expected]


def test_black_friday_is_the_day_after_thanksgiving_in_every_year() -> None:
    event = next(e for e in sale_events(1950, 2050) if e.key == "black_friday")
    for year, day in zip(range(1950, 2051), event.first, strict=True):
        date = EPOCH + dt.timedelta(days=int(day))
        assert (date.year, date.month, date.weekday()) == (year, 11, 4)
        assert 23 <= date.day <= 29


def test_campaigns_have_a_run_up() -> None:
    event = next(e for e in sale_events(2024, 2024) if e.key == "double_11")
    assert days(event.before, event.after) == [("2024-11-01", "2024-11-11")]


def test_prime_days_of_the_project_file_become_events() -> None:
    config = make_config(
        {"event": [{"name": "Prime Day", "dates": ["2024-07-16..2024-07-17", "2025-07-08"], "days_before": 3}]}
    )
    (prime,) = custom_events([event_key(e) for e in config.event], 2024, 2025)
    assert prime.key == "event_prime_day"
    assert days(prime.first, prime.last) == [("2024-07-16", "2024-07-17"), ("2025-07-08", "2025-07-08")]
    assert days(prime.before, prime.after) == [("2024-07-13", "2024-07-17"), ("2025-07-05", "2025-07-08")]


def test_yearly_events_come_every_year_and_leap_days_move() -> None:
    (event,) = custom_events([event_key(SaleEvent(name="店庆", dates=["02-29"]))], 2023, 2025)
    assert event.key == "event_店庆"
    assert days(event.first, event.last) == [(d, d) for d in ("2023-02-28", "2024-02-29", "2025-02-28")]
    (span,) = custom_events([event_key(SaleEvent(name="fair", dates=["05-01..05-03"]))], 2024, 2024)
    assert days(span.first, span.last) == [("2024-05-01", "2024-05-03")]


@pytest.mark.parametrize("text", ["16/07/2024", "2024-13-01", "2024-07-17..2024-07-16", "12-31..01-02", "02-30", ""])
def test_unreadable_dates_are_named(text: str) -> None:
    with pytest.raises(ConfigError, match="event 'sale' has the date"):
        custom_events([event_key(SaleEvent(name="sale", dates=[text]))], 2024, 2024)


def test_two_names_for_one_column_are_refused() -> None:
    events = [SaleEvent(name="My Sale", dates=["05-01"]), SaleEvent(name="my-sale", dates=["06-01"])]
    with pytest.raises(ConfigError, match="'My Sale' and 'my-sale' would share the column 'event_my_sale'"):
        custom_events([event_key(e) for e in events], 2024, 2024)


def test_countries_have_the_sales_they_know() -> None:
    assert on_sale("sale_618", "CN")
    assert not on_sale("sale_618", "DE")
    assert not on_sale("black_friday", "CN")
    assert on_sale("event_prime_day", "CN")
    assert on_sale("double_11", "")


def test_all_sales_together_tell_the_next_one() -> None:
    together = any_sale(sale_events(2024, 2024))
    assert len(together.first) == 5
    assert str(EPOCH + dt.timedelta(days=int(together.first[0]))) == "2024-06-18"
