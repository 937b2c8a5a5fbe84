from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from skucast.collect.demand import Demand
from skucast.collect.orders import clean_orders
from skucast.collect.repairs import Repairs
from skucast.config import Clean
from skucast.errors import DataError

from .typed import TODAY, bundled, orders, rule, table

SORTED = ["sku", "location", "date"]


def test_lines_of_a_day_are_added_up_with_their_money() -> None:
    lines = orders(
        ("A", 2.0, "2024-03-01T09:00", 5.0, 6.0), ("A", 3.0, "2024-03-01T17:30", 4.0, None),
        ("A", 1.0, "2024-03-02T10:00", None, None), columns="sku quantity ordered_at price list_price",
    )  # fmt: skip
    demand = Demand.from_lines(lines, Repairs())
    assert demand.cells.sort("date").select("units", "revenue", "priced", "list_value", "listed").rows() == [
        (5.0, 22.0, 5.0, 12.0, 2.0),
        (1.0, 0.0, 0.0, 0.0, 0.0),
    ]
    assert demand.units == 6.0
    assert demand.totals["lines"].to_list() == [2, 1]
    assert str(demand.totals["last_at"][0]) == "17:30:00"


def test_the_name_is_the_one_printed_most_often() -> None:
    lines = orders(
        ("A", 1.0, "2024-03-01", "lamp"), ("A", 1.0, "2024-03-01", " Lamp "), ("A", 1.0, "2024-03-01", " Lamp "),
        ("B", 1.0, "2024-03-01", None), columns="sku quantity ordered_at description",
    )  # fmt: skip
    assert Demand.from_lines(lines, Repairs()).names.rows() == [("A", "Lamp")]


def test_money_is_exact_in_any_order_of_lines() -> None:
    lines = orders(*[("A", float(q), "2024-03-01", 0.1 * q) for q in range(1, 200)])
    sums = {
        Demand.from_lines(lines.sample(fraction=1, shuffle=True, seed=s), Repairs()).cells["revenue"][0]
        for s in range(5)
    }
    assert len(sums) == 1
    assert sums.pop() == pytest.approx(sum(0.1 * q * q for q in range(1, 200)), rel=1e-6)


def test_partitions_by_item_give_what_the_whole_gives() -> None:
    lines = bundled().head(120_000)
    whole, done = clean_orders(lines, Clean(), today=TODAY)
    at_once = Demand.from_lines(whole, done)
    parts = [part for _, part in lines.group_by(pl.col("sku").hash() % 5)]
    in_parts = Demand.from_parts(parts, Clean(), today=TODAY)
    assert_frame_equal(
        in_parts.cells.sort(SORTED), at_once.cells.sort(SORTED), check_row_order=False, check_column_order=False
    )
    assert_frame_equal(in_parts.totals, at_once.totals, check_dtypes=False)
    assert_frame_equal(in_parts.names.sort("sku"), at_once.names.sort("sku"))
    for name in ("duplicates", "non-products", "cancellations"):
        mine, theirs = rule(in_parts.repairs, name), rule(at_once.repairs, name)
        assert [mine[k] for k in ("rows", "units", "series")] == [theirs[k] for k in ("rows", "units", "series")]


def test_no_line_left_says_which_rule_took_them() -> None:
    kept, repairs = clean_orders(
        orders(("A", 1.0, "2024-03-01", 0.0), ("A", 0.0, "2024-03-01", 2.0), ("A", 2.0, "2024-03-01", 0.0)),
        Clean(),
        today=TODAY,
    )
    with pytest.raises(
        DataError, match="All 3 rows of 'orders' were rejected, most of them \\(2\\) by the rule 'non-positive-prices'"
    ):
        Demand.from_lines(kept, repairs)


def test_an_empty_table_says_so() -> None:
    empty = orders(("A", 1.0, "2024-03-01", 1.0)).clear()
    with pytest.raises(DataError, match="no rows"):
        Demand.from_lines(*clean_orders(empty, Clean(), today=TODAY))


def test_a_sales_table_keeps_its_facts() -> None:
    rows = [
        {"sku": "A", "date": f"2024-01-{7 * k + 3:02d}", "quantity": float(k), "promotion": k == 2} for k in range(4)
    ]
    demand = Demand.from_sales(table("sales", rows), Clean(), today=TODAY)
    assert demand.native is not None
    assert (demand.table, demand.absent, demand.native.alias) == ("sales", "missing", "W-WED")
    assert demand.totals["lines"].to_list() == [0, 1, 1, 1]
    assert demand.keys == ("sku",)
    assert demand.units == 6.0


def test_further_columns_become_keys() -> None:
    lines = orders(("A", 1.0, "2024-03-01", 1.0), ("A", 2.0, "2024-03-01", 1.0)).with_columns(
        pl.Series("size", ["S", "L"])
    )
    demand = Demand.from_lines(lines, Repairs(), ["sku", "size", "nothing"])
    assert demand.keys == ("sku", "size")
    assert demand.cells.sort("size").select("size", "units").rows() == [("L", 2.0), ("S", 1.0)]
