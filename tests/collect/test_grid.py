from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from skucast.collect.grid import Grid, join_keys
from skucast.frequency import Frequency

NAN = float("nan")
DAYS = Frequency.parse("D")


def grid(start: list[int], end: int) -> Grid:
    return Grid(DAYS, pl.DataFrame({"sku": [f"s{i}" for i in range(len(start))]}), np.array(start), end)


STARTS = st.lists(st.integers(0, 9), min_size=1, max_size=6)


@given(STARTS)
def test_rows_and_ordinals_name_every_cell_once(start: list[int]) -> None:
    made = grid(start, 9)
    cells = list(zip(made.row_of.tolist(), made.ordinals.tolist(), strict=True))
    assert cells == [(i, t) for i, s in enumerate(start) for t in range(s, 10)]
    assert made.size == len(cells) == made.indptr[-1]


@given(STARTS)
def test_what_is_scattered_is_found_at_its_cell(start: list[int]) -> None:
    made = grid(start, 9)
    flat = made.scatter(made.row_of, made.ordinals, np.arange(made.size))
    assert flat.tolist() == list(range(made.size))


def test_rows_on_no_cell_are_left_out() -> None:
    made = grid([2, 0], 3)
    flat = made.scatter(np.array([0, 0, 0, -1, 1]), np.array([1, 2, 4, 2, 0]), np.array([9.0, 1.0, 9.0, 9.0, 2.0]))
    np.testing.assert_array_equal(flat, np.array([1, NAN, 2, NAN, NAN, NAN], dtype=np.float32))


def test_fill_forward_stays_in_the_series_and_ends_at_the_limit() -> None:
    made = grid([0, 1], 3)
    column = np.array([1, NAN, NAN, NAN, NAN, 2, NAN], dtype=np.float32)
    np.testing.assert_array_equal(made.fill_forward(column), np.array([1, 1, 1, 1, NAN, 2, 2], dtype=np.float32))
    np.testing.assert_array_equal(made.fill_forward(column, 1), np.array([1, 1, NAN, NAN, NAN, 2, 2], dtype=np.float32))
    np.testing.assert_array_equal(made.fill_forward(column, 0), column)


def test_by_period_gives_each_cell_its_periods_value() -> None:
    assert grid([1, 2], 3).by_period(np.array([10, 11, 12, 13]), 0).tolist() == [11, 12, 13, 12, 13]


def test_the_last_periods_of_a_longer_grid_are_the_future() -> None:
    longer = grid([1, 3], 3).ahead(2)
    assert longer.last(longer.ordinals.astype(np.float32), 2).tolist() == [[4, 5], [4, 5]]


def test_rows_of_a_table_are_found_by_all_level_columns_nulls_too() -> None:
    keys = pl.DataFrame(
        {"sku": ["A", "A", None], "location": ["DE", None, "DE"]}, schema={"sku": pl.String, "location": pl.String}
    )
    made = Grid(DAYS, keys, np.zeros(3, np.int64), 0)
    table = pl.DataFrame({"location": [None, "DE", "FR", "DE"], "sku": ["A", None, "A", "A"], "units": [1, 2, 3, 4]})
    assert made.rows(table).tolist() == [1, 2, -1, 0]
    assert made.ids.to_list() == ["A/DE", "A/unknown", "unknown/DE"]


def test_keys_are_joined_by_a_slash() -> None:
    assert join_keys(pl.DataFrame({"a": ["x", None], "b": ["y", "z"]})).to_list() == ["x/y", "unknown/z"]
