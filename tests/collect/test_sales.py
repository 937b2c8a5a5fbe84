from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from skucast.collect.sales import clean_sales
from skucast.config import Clean
from skucast.errors import DataError

from .typed import TODAY, rule, rules, table

GOOD = {"sku": "A", "date": "2024-03-01", "quantity": 3.0}


def clean(rows: list[dict[str, Any]], **switches: Any) -> tuple[pl.DataFrame, pl.DataFrame, Any]:
    return clean_sales(table("sales", rows), Clean(**switches), today=TODAY)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("no-sku", {"sku": ""}),
        ("impossible-dates", {"date": "1950-01-01"}),
        ("impossible-dates", {"date": None}),
        ("impossible-dates", {"date": "2031-01-01"}),
        ("zero-or-unreadable-quantities", {"quantity": float("nan")}),
        ("zero-or-unreadable-quantities", {"quantity": float("inf")}),
        ("extreme-quantities", {"quantity": 1e12}),
        ("negative-sales", {"quantity": -2.0}),
    ],
)
def test_each_rule_rejects_its_row_and_counts_it(name: str, change: dict[str, Any]) -> None:
    cells, ahead, facts = clean([GOOD, {**GOOD, "date": "2024-03-02", **change}])
    assert rules(facts.repairs) == {name}
    assert rule(facts.repairs, name)["rows"] == 1
    assert cells["units"].to_list() == [3.0]
    assert ahead.is_empty()


def test_rows_without_a_quantity_are_missing_before_and_plans_after_the_last_one() -> None:
    rows = [
        {**GOOD, "promotion": False},
        {"sku": "A", "date": "2024-03-02", "quantity": None, "promotion": True},
        {"sku": "A", "date": "2024-03-03", "quantity": 1.0, "promotion": False},
        {"sku": "A", "date": "2024-03-04", "quantity": None, "promotion": True},
    ]
    cells, ahead, facts = clean(rows)
    assert cells["date"].to_list() == [dt.date(2024, 3, 1), dt.date(2024, 3, 3)]
    assert ahead.select("date", "promotion").rows() == [(dt.date(2024, 3, 4), 1.0)]
    assert rule(facts.repairs, "quantity-unknown")["rows"] == 1


def test_zeros_of_its_own_say_that_absent_rows_are_missing() -> None:
    assert clean([GOOD])[2].absent == "zero"
    assert clean([GOOD, {**GOOD, "date": "2024-03-02", "quantity": 0.0}])[2].absent == "missing"


def test_rows_with_the_same_key_are_added_up_and_counted() -> None:
    cells, _, facts = clean([{**GOOD, "price": 2.0}, {**GOOD, "price": 4.0}])
    assert cells.select("units", "revenue", "price").rows() == [(6.0, 18.0, 3.0)]
    assert rule(facts.repairs, "duplicate-keys")["rows"] == 2


def test_revenue_and_price_complete_each_other() -> None:
    cells, _, _ = clean([{**GOOD, "revenue": 12.0}, {**GOOD, "date": "2024-03-02", "price": 5.0}])
    assert cells.select("revenue", "priced", "price").rows() == [(12.0, 3.0, 4.0), (15.0, 3.0, 5.0)]


@pytest.mark.parametrize(
    ("dates", "alias"),
    [
        (["2024-01-03", "2024-01-10", "2024-01-17", "2024-01-24"], "W-WED"),
        (["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"], "ME"),
        (["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"], "MS"),
        (["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"], None),
    ],
)
def test_the_tables_own_grid_is_found(dates: list[str], alias: str | None) -> None:
    native = clean([{"sku": "A", "date": d, "quantity": 1.0} for d in dates])[2].native
    assert (native and native.alias) == alias


def test_items_on_a_coarser_grid_than_the_others_are_noted() -> None:
    first = dt.date(2024, 1, 1)
    rows = [{"sku": "daily", "date": str(first + dt.timedelta(days=i)), "quantity": 1.0} for i in range(60)]
    rows += [{"sku": "weekly", "date": str(first + dt.timedelta(days=7 * i)), "quantity": 9.0} for i in range(8)]
    row = rule(clean(rows)[2].repairs, "mixed-frequencies")
    assert (row["rows"], row["series"]) == (8, 1)
    assert "weekly" in row["example"]


def test_further_numbers_are_extras_and_texts_are_not() -> None:
    rows = table("sales", [GOOD]).with_columns(temperature=pl.lit(7.5), note=pl.lit("x"), shape=pl.lit("round"))
    cells, _, facts = clean_sales(rows, Clean(), today=TODAY, further=["shape"])
    assert facts.extras == ("temperature",)
    assert cells.columns == ["sku", "shape", "date", "units", "temperature"]


def test_a_missing_column_is_one_sentence() -> None:
    with pytest.raises(DataError, match="no column 'date'"):
        clean_sales(table("sales", [GOOD]).drop("date"), Clean())
