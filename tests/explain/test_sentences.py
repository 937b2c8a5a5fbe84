"""Numbers, money, shares, dates and spans as people read them."""

import datetime as dt
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.errors import ConfigError
from skucast.explain.sentences import UNKNOWN, date, money, number, percent, span, units


@pytest.mark.parametrize(
    ("x", "text"),
    [(0, "0"), (1234567, "1,234,567"), (12.5, "12"), (9.94, "9.9"), (9.96, "10"), (3.04, "3"), (3.06, "3.1"), (-0.01, "0"),
     (-1234.4, "-1,234"), (0.3, "0.3")],
)  # fmt: skip
def test_numbers_are_grouped_and_show_a_decimal_only_when_small(x, text):
    assert number(x, "en") == number(x, "zh") == text


def test_decimals_can_be_asked_for():
    assert number(1234.567, decimals=2) == "1,234.57"
    assert number(-0.001, decimals=2) == "0.00"


@pytest.mark.parametrize(
    ("x", "currency", "text"),
    [(1234, "GBP", "£1,234"), (12.5, "EUR", "€12.50"), (99.994, "USD", "$99.99"), (99.995, "USD", "$100"), (0, "EUR", "€0"),
     (1234, "CNY", "¥1,234"), (50.4, "JPY", "¥50"), (1234, "CHF", "1,234 CHF"), (-12.5, "gbp", "-£12.50"),
     (-0.001, "GBP", "£0.00"), (7, "HKD", "HK$7.00"), (-1234, "SEK", "-1,234 SEK")],
)  # fmt: skip
def test_money_carries_its_symbol_or_code_and_cents_only_when_small(x, currency, text):
    assert money(x, currency, "en") == money(x, currency, "zh") == text


def test_cents_can_be_asked_for():
    assert money(1234.5, "GBP", decimals=2) == "£1,234.50"


@pytest.mark.parametrize(
    ("p", "en", "zh"),
    [(0.83, "83 %", "83%"), (0, "0 %", "0%"), (1, "100 %", "100%"), (0.004, "<1 %", "<1%"), (0.005, "<1 %", "<1%"),
     (0.995, ">99 %", ">99%"), (0.9999, ">99 %", ">99%"), (1.2, "120 %", "120%"), (-0.3, "-30 %", "-30%")],
)  # fmt: skip
def test_shares_never_claim_certainty_that_is_not_there(p, en, zh):
    assert (percent(p, "en"), percent(p, "zh")) == (en, zh)


def test_shares_with_decimals_keep_that_promise():
    assert percent(0.1234, decimals=1) == "12.3 %"
    assert percent(0.0004, decimals=1) == "<0.1 %"
    assert percent(0.99996, decimals=1) == ">99.9 %"


@settings(deadline=None)
@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(0, 3))
def test_no_share_strictly_between_reads_as_none_or_all(p, decimals):
    text = percent(p, "en", decimals)
    value = float(re.sub(r"[<>% ]", "", text))
    assert text[0] in "<>" or 0 < value < 100


def test_dates():
    day = dt.date(2026, 12, 4)
    assert (date(day, "en"), date(day, "zh")) == ("4 Dec 2026", "2026年12月4日")
    assert (date(day, "en", year=False), date(day, "zh", year=False)) == ("4 Dec", "12月4日")


def test_units():
    assert [units(x, "en") for x in (1, 0, 288, 0.4)] == ["1 unit", "0 units", "288 units", "0.4 units"]
    assert units(1288, "zh") == "1,288 件"


@pytest.mark.parametrize(
    ("days", "en", "zh"),
    [(1, "1 day", "1 天"), (9, "9 days", "9 天"), (60, "60 days", "60 天"), (61, "2 months", "2 个月"),
     (106, "3.5 months", "3.5 个月"), (700, "23 months", "23 个月"), (731, "2 years", "2 年"), (4000, "11 years", "11 年")],
)  # fmt: skip
def test_spans_are_days_then_months_then_years(days, en, zh):
    assert (span(days, "en"), span(days, "zh")) == (en, zh)


@pytest.mark.parametrize("write", [number, money, percent, units, span])
@pytest.mark.parametrize("x", [None, math.nan, math.inf])
def test_what_is_not_known_is_a_dash(write, x):
    assert write(x).startswith(UNKNOWN)
    assert "nan" not in write(x)


def test_no_date_is_a_dash():
    assert date(None) == UNKNOWN


@pytest.mark.parametrize("write", [number, percent, span])
def test_a_language_that_is_not_there_is_refused(write):
    with pytest.raises(ConfigError, match="no language 'fr'"):
        write(1.0, "fr")
