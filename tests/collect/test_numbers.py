"""Numbers, flags and texts as people and programs write them."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.collect.numbers import decimal_mark, decimal_votes, read_flags, read_numbers, read_texts


def number(text: str, decimal: str = ".") -> float | None:
    values, _ = read_numbers(pl.Series([text]), decimal)
    return values[0]


@pytest.mark.parametrize(
    "text, value",
    [
        ("12", 12), (" 12.50 ", 12.5), ("1,234.50", 1234.5), ("$1,234.50", 1234.5), ("-$4.00", -4), ("($4.00)", -4),
        ("(12.00)", -12), ("12-", -12), ("−12", -12), ("¥1２", 12), ("￥99.9", 99.9), ("99.9元", 99.9), ("20 %", 0.2),
        ("1e3", 1000), ("1,00,000", 100_000), ("1 234", 1234), ("1'234.5", 1234.5), ("USD 5", 5), ("5 pcs", 5),
        ('="007"', 7), ("+3", 3), (".5", 0.5),
    ],
)  # fmt: skip
def test_numbers_with_a_decimal_point(text: str, value: float) -> None:
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text, value",
    [
        ("12,50", 12.5), ("1.234,50", 1234.5), ("1.234,50 €", 1234.5), ("€ 3,5", 3.5), ("1 234,5", 1234.5), ("12", 12),
        ("1.234", 1234), ("-0,5", -0.5), ("1\u202f234,5", 1234.5), ("12,5 %", 0.125), ("1.234.567", 1_234_567),
    ],
)  # fmt: skip
def test_numbers_with_a_decimal_comma(text: str, value: float) -> None:
    assert number(text, ",") == pytest.approx(value)


@pytest.mark.parametrize("text", ["abc", "12 apples", "1.2.3", "--5", "NaN", "inf", "-Infinity", "1,2,3"])
def test_what_is_no_number_is_empty_and_marked(text: str) -> None:
    values, bad = read_numbers(pl.Series([text, "1"]))
    assert values.to_list() == [None, 1.0]
    assert bad.to_list() == [True, False]


@pytest.mark.parametrize("text", ["", "  ", "n/a", "NULL", "-", "—", "无"])
def test_empty_words_are_empty_and_not_marked(text: str) -> None:
    values, bad = read_numbers(pl.Series([text, None]))
    assert values.to_list() == [None, None]
    assert not bad.any()


def test_numeric_columns_lose_only_nan_and_infinity() -> None:
    values, bad = read_numbers(pl.Series([1.5, math.nan, math.inf, None, -2.0]))
    assert values.to_list() == [1.5, None, None, None, -2.0]
    assert bad.to_list() == [False, True, True, False, False]


@settings(deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20), st.sampled_from([".", ","]))
def test_formatted_money_reads_back(cents: list[int], mark: str) -> None:
    texts = [f"{c / 100:,.2f} €" for c in cents]
    if mark == ",":
        texts = [t.translate(str.maketrans(",.", ".,")) for t in texts]
    values, bad = read_numbers(pl.Series(texts), mark)
    assert not bad.any()
    assert values.to_list() == pytest.approx([c / 100 for c in cents])


@pytest.mark.parametrize(
    "texts, mark",
    [
        (["1.50", "2.25"], "."), (["1,50", "2,25"], ","), (["1.234,50"], ","), (["1,234.50"], "."), (["1.234", "3,5"], ","),
        (["1,234", "3.5"], "."), (["1", "2"], "."), (["0,125"], ","), (["1.234.567"], ","), (["12,50 €", "1.000,00 €"], ","),
    ],
)  # fmt: skip
def test_decimal_mark_is_voted_for(texts: list[str], mark: str) -> None:
    assert decimal_mark([decimal_votes(pl.Series(texts))]) == mark


def test_flags_in_several_languages() -> None:
    values, bad = read_flags(pl.Series(["Yes", "nein", "是", "否", "1", "0", "", None, "2", "maybe"]))
    assert values.to_list() == [True, False, True, False, True, False, False, None, True, None]
    assert bad.to_list() == [False] * 9 + [True]


def test_numbers_are_flags_unless_zero() -> None:
    values, _ = read_flags(pl.Series([0, 1, 5, None]))
    assert values.to_list() == [False, True, True, None]


def test_texts_lose_blanks_and_spreadsheet_wrapping_and_are_counted() -> None:
    values, changed = read_texts(pl.Series([" A1 ", '="007"', "\ufeffB", "C\t", "plain", "", None, "\u3000茶"]))
    assert values.to_list() == ["A1", "007", "B", "C", "plain", None, None, "茶"]
    assert changed.to_list() == [True, True, True, True, False, False, False, True]


@pytest.mark.parametrize("code", ["=cmd()", "../x", "@SUM(A1)", "-1", "'; drop table", "007", "1e5", "NA", "A B"])
def test_strange_codes_are_kept_as_they_are(code: str) -> None:
    values, changed = read_texts(pl.Series([code]))
    assert values.to_list() == [code]
    assert not changed.any()


def test_whole_floats_become_codes_without_a_point() -> None:
    assert read_texts(pl.Series([13085.0, None, math.nan]))[0].to_list() == ["13085", None, None]
    assert read_texts(pl.Series([1, 2]))[0].to_list() == ["1", "2"]


@pytest.mark.parametrize("nothing", ["NULL", "nan", "<NA>", "#N/A", "\\N", "None"])
def test_what_programs_write_for_nothing_is_no_text(nothing: str) -> None:
    assert read_texts(pl.Series([nothing]))[0].to_list() == [None]
