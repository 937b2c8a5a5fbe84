from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from skucast.collect.grid import Grid
from skucast.collect.prices import price_columns, recent_prices, series_prices
from skucast.frequency import Frequency

NAN = float("nan")


def grid(series: int, periods: int) -> Grid:
    return Grid(
        Frequency.parse("D"),
        pl.DataFrame({"sku": [f"s{i}" for i in range(series)]}),
        np.zeros(series, np.int64),
        periods - 1,
    )


def cells(*rows: tuple[int, int, float, float]) -> tuple[pl.DataFrame, np.ndarray]:
    """(series, period, units, price) with a price for all units."""
    frame = pl.DataFrame(rows, schema=["row", "ordinal", "units", "price"], orient="row").with_columns(
        revenue=pl.col("units") * pl.col("price"), priced=pl.col("units")
    )
    return frame.drop("row", "price"), frame["row"].to_numpy()


def test_price_is_what_was_paid_per_unit_and_stays_until_the_next_sale() -> None:
    table, row = cells((0, 0, 2.0, 5.0), (0, 3, 1.0, 4.0), (1, 1, 1.0, 9.0))
    made = price_columns(grid(2, 5), table, row, None)
    np.testing.assert_array_equal(made["price"], np.array([5, 5, 5, 4, 4, NAN, 9, 9, 9, 9], dtype=np.float32))
    assert "list_price" not in made


def test_discount_is_measured_against_the_items_own_earlier_prices_only() -> None:
    prices = [10.0] * 20 + [5.0] + [10.0] * 5 + [20.0]
    table, row = cells(*[(0, t, 1.0, p) for t, p in enumerate(prices)])
    discount = price_columns(grid(1, len(prices)), table, row, None)["discount"]
    assert discount[20] == pytest.approx(0.5)
    assert discount[:20].tolist() == [0.0] * 20
    shorter, first = cells(*[(0, t, 1.0, p) for t, p in enumerate(prices[:22])])
    again = price_columns(grid(1, 22), shorter, first, None)["discount"]
    np.testing.assert_array_equal(again, discount[:22])  # nothing looks ahead


def test_a_list_price_of_the_lines_comes_before_that_of_the_products() -> None:
    table, row = cells((0, 0, 2.0, 8.0), (0, 1, 2.0, 8.0), (1, 1, 1.0, 3.0))
    table = table.with_columns(list_value=pl.Series([20.0, 0.0, 0.0]), listed=pl.Series([2.0, 0.0, 0.0]))
    made = price_columns(grid(2, 2), table, row, np.array([16.0, 6.0]))
    assert made["list_price"].tolist() == [10.0, 10.0, 6.0, 6.0]
    np.testing.assert_allclose(made["discount"], np.array([0.2, 0.2, NAN, 0.5]), rtol=1e-6)


def test_without_money_there_are_no_price_columns() -> None:
    table = pl.DataFrame({"ordinal": [0], "units": [1.0]})
    assert price_columns(grid(1, 1), table, np.array([0]), None) == {}
    unpriced = table.with_columns(revenue=pl.lit(0.0), priced=pl.lit(0.0))
    assert price_columns(grid(1, 1), unpriced, np.array([0]), None) == {}


def days(*rows: tuple[str, int, float, float]) -> pl.DataFrame:
    """(sku, day, units, price) as day cells."""
    frame = pl.DataFrame(rows, schema=["sku", "day", "units", "price"], orient="row")
    return frame.select(
        "sku", pl.lit(dt.date(2024, 1, 1)).dt.offset_by(pl.format("{}d", "day")).alias("date"), "units",
        (pl.col("units") * pl.col("price")).alias("revenue"), pl.col("units").alias("priced"),
    )  # fmt: skip


def test_the_present_price_is_that_of_the_last_ten_days_with_a_sale() -> None:
    table = days(*[("A", d, 1.0, 9.0 if d < 10 else 4.0) for d in range(20)], ("B", 0, 2.0, 3.0), ("B", 9, 6.0, 1.0))
    made = recent_prices(table)
    assert made["sku"].to_list() == ["A", "B"]
    assert made["price"].to_list() == [4.0, 1.5]


def test_an_item_without_a_price_is_unknown_not_free() -> None:
    table = days(("A", 0, 1.0, 2.0), ("B", 0, 1.0, 2.0)).with_columns(
        priced=pl.when(pl.col("sku") == "A").then("priced").otherwise(0.0)
    )
    assert recent_prices(table)["price"].to_list() == [2.0, None]
    assert recent_prices(table.select("sku", "date", "units"))["price"].to_list() == [None, None]


def test_prices_of_series_at_any_level_carry_the_items_cost() -> None:
    table = days(("A", 0, 1.0, 2.0), ("A", 1, 1.0, 4.0), ("B", 0, 1.0, 8.0)).with_columns(
        location=pl.Series(["DE", "FR", "DE"])
    )
    products = pl.DataFrame({"sku": ["A", "B"], "cost": [1.5, -1.0], "category": ["x", "x"]})
    by_place = series_prices(table, ["sku", "location"], products)
    assert by_place.select("unique_id", "price", "cost").rows() == [
        ("A/DE", 2.0, 1.5),
        ("A/FR", 4.0, 1.5),
        ("B/DE", 8.0, None),
    ]
    by_category = series_prices(table, ["category"], products)
    assert by_category.select("unique_id", "price", "cost").rows() == [("x", pytest.approx(14 / 3), None)]
