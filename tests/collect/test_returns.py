from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.collect.returns import match_returns

START = dt.datetime(2024, 1, 1)


def frame(rows: list[tuple[str, int, float]]) -> tuple[pl.DataFrame, np.ndarray]:
    """Lines of (key, day, units)."""
    lines = pl.DataFrame(
        {"sku": [r[0] for r in rows], "at": [START + dt.timedelta(days=r[1]) for r in rows]},
        schema={"sku": pl.String, "at": pl.Datetime("us")},
    )
    return lines, np.array([r[2] for r in rows], dtype=np.float64)


def obvious(rows: list[tuple[str, int, float]]) -> np.ndarray:
    """Line by line: a return takes the units bought last, as a customer's stack of purchases."""
    left = np.array([r[2] for r in rows], dtype=np.float64)
    order = sorted(range(len(rows)), key=lambda i: (rows[i][1], rows[i][2] < 0, i))
    stacks: dict[str, list[int]] = {}
    for i in order:
        stack = stacks.setdefault(rows[i][0], [])
        if rows[i][2] > 0:
            stack.append(i)
        while left[i] < 0 and stack:
            taken = min(-left[i], left[stack[-1]])
            left[i] += taken
            left[stack[-1]] -= taken
            if left[stack[-1]] == 0:
                stack.pop()
    return left


LINES = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 6), st.integers(-9, 9).map(float)), min_size=1, max_size=40
)


@given(LINES)
def test_matching_equals_the_obvious_loop(rows: list[tuple[str, int, float]]) -> None:
    lines, left = frame(rows)
    np.testing.assert_array_equal(match_returns(lines, left, ["sku"], "at").left, obvious(rows))


@given(LINES)
def test_matching_conserves_units_and_never_turns_a_sale_negative(rows: list[tuple[str, int, float]]) -> None:
    lines, left = frame(rows)
    match = match_returns(lines, left, ["sku"], "at")
    assert match.left.sum() == left.sum()
    assert (np.abs(match.left) <= np.abs(left)).all()
    assert (match.left * left >= 0).all()
    assert match.units == left[left > 0].sum() - match.left[left > 0].sum()
    assert match.rows == ((left < 0) & (match.left != left)).sum()


@given(LINES)
def test_categorical_codes_match_as_texts_do(rows: list[tuple[str, int, float]]) -> None:
    lines, left = frame(rows)
    coded = lines.with_columns(pl.col("sku").cast(pl.Categorical).to_physical())
    np.testing.assert_array_equal(
        match_returns(coded, left, ["sku"], "at").left, match_returns(lines, left, ["sku"], "at").left
    )


def test_fractions_leave_no_dust() -> None:
    lines, left = frame([("a", 0, 0.1), ("a", 1, 0.2), ("a", 2, -0.3)])
    assert match_returns(lines, left, ["sku"], "at").left.tolist() == [0.0, 0.0, 0.0]


def test_the_latest_sale_is_taken_back_first() -> None:
    lines, left = frame([("a", 0, 5.0), ("a", 1, 5.0), ("a", 2, -6.0)])
    assert match_returns(lines, left, ["sku"], "at").left.tolist() == [4.0, 0.0, 0.0]


def test_a_return_before_any_sale_finds_none() -> None:
    lines, left = frame([("a", 0, -3.0), ("a", 1, 5.0)])
    match = match_returns(lines, left, ["sku"], "at")
    assert match.left.tolist() == [-3.0, 5.0]
    assert (match.rows, match.units) == (0, 0.0)


def test_a_line_without_a_key_takes_no_part() -> None:
    lines = pl.DataFrame({"sku": ["a", "a"], "customer": [None, None], "at": [START, START + dt.timedelta(days=1)]})
    lines = lines.with_columns(pl.col("customer").cast(pl.String))
    for table in (lines, lines.with_columns(pl.col("sku", "customer").cast(pl.Categorical).to_physical())):
        match = match_returns(table, np.array([5.0, -2.0]), ["sku", "customer"], "at")
        assert match.left.tolist() == [5.0, -2.0]


def test_lines_that_may_not_take_part_do_not() -> None:
    lines, left = frame([("a", 0, 5.0), ("a", 1, 4.0), ("a", 2, -2.0)])
    match = match_returns(lines, left, ["sku"], "at", np.array([True, False, True]))
    assert match.left.tolist() == [3.0, 4.0, 0.0]


@pytest.mark.parametrize("units", [[3.0, 2.0], []])
def test_without_returns_nothing_changes(units: list[float]) -> None:
    lines, left = frame([("a", i, u) for i, u in enumerate(units)])
    assert match_returns(lines, left, ["sku"], "at").left is left
