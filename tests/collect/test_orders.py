from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.collect.orders import check_balance, clean_orders
from skucast.config import Clean
from skucast.errors import ConfigError, DataError, SkucastError

from .typed import TODAY, bundled, bundled_shop, orders, rule, rules, table

COLUMNS = "sku quantity ordered_at price"
GOOD = ("A100", 3.0, "2024-03-01T10:00", 2.5)


def clean(lines: pl.DataFrame, **switches: Any) -> tuple[pl.DataFrame, Any]:
    return clean_orders(lines, Clean(**switches), today=TODAY)


# one line per rule that breaks it and no other, and the switch that lets it pass
BROKEN: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "zero-or-unreadable-quantities": ({"quantity": 0.0}, None),
    "no-sku": ({"sku": " "}, None),
    "impossible-dates": ({"ordered_at": "1970-01-01"}, {"impossible_dates": False}),
    "duplicates": ({}, {"duplicates": False}),
    "test-orders": ({"sku": "TEST001"}, {"test_orders": False}),
    "non-products": ({"sku": "POST"}, {"non_products": False}),
    "non-positive-prices": ({"price": 0.0}, {"non_positive_prices": False}),
    "extreme-quantities": ({"quantity": 1e12}, {"extreme_quantities": False}),
    "returns-without-sale": ({"sku": "B200", "quantity": -4.0}, None),
    "cancelled-orders": ({"order_id": "9", "status": "Cancelled"}, {"cancellations": False}),
    "returns-left-out": ({"order_id": "9", "quantity": -1.0}, None),
    "write-offs": ({"sku": "B200", "quantity": -7.0, "price": 0.0}, None),
}
FINE = {
    "order_id": "1",
    "sku": "A100",
    "quantity": 3.0,
    "ordered_at": "2024-03-01T10:00",
    "price": 2.5,
    "status": "paid",
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_rejects_its_line_and_counts_it(name: str) -> None:
    change, switch = BROKEN[name]
    lines = table("orders", [FINE, {**FINE, **change}])
    off = {"cancellations": False} if name == "returns-left-out" else {}
    kept, repairs = clean(lines, **off)
    assert rules(repairs) == {name}
    row = rule(repairs, name)
    assert (row["rows"], row["action"], row["series"]) == (1, "rejected", 1)
    units = lines["quantity"][1]
    assert row["units"] == units
    assert row["remedy"]
    assert kept["quantity"].to_list() == [3.0]
    if switch is not None:
        kept, repairs = clean(lines, **switch)
        assert not rules(repairs)
        assert kept.height == 2


def test_good_lines_pass_unchanged_and_in_order() -> None:
    lines = orders(("B", 2.0, "2024-03-02", 1.0), ("A", 1.0, "2024-03-01", 1.0), ("B", 5.0, "2024-03-01", 1.0))
    kept, repairs = clean(lines)
    assert kept.equals(lines)
    assert repairs.rows == []


@pytest.mark.parametrize("quantity", [float("nan"), float("inf"), float("-inf"), None, 1e300, 0.0])
def test_quantities_that_are_no_number_are_rejected_and_do_not_spoil_the_sum(quantity: float | None) -> None:
    kept, repairs = clean(orders(GOOD, ("A100", quantity, "2024-03-01", 2.5)))
    row = rule(repairs, "zero-or-unreadable-quantities")
    assert (row["rows"], row["units"]) == (1, 0.0)
    assert kept["quantity"].sum() == 3.0


def test_a_huge_quantity_is_rejected_with_its_units() -> None:
    _, repairs = clean(orders(GOOD, ("A100", 1e12, "2024-03-01", 2.5)))
    assert rule(repairs, "extreme-quantities")["units"] == 1e12
    assert "1,000,000,000,000" in rule(repairs, "extreme-quantities")["example"]


def test_a_huge_sale_and_its_cancellation_annul_each_other() -> None:
    lines = orders(
        ("1", "A100", 74215.0, "2024-03-01T10:00", "x"), ("C2", "A100", -74215.0, "2024-03-01T10:16", "x"),
        columns="order_id sku quantity ordered_at customer",
    )  # fmt: skip
    kept, repairs = clean(lines, max_quantity=1000)
    assert kept.is_empty()
    assert rules(repairs) == {"cancellations"}


def test_a_cancellation_is_taken_off_the_customers_own_sale_on_its_day() -> None:
    lines = orders(
        ("1", "A100", 5.0, "2024-03-01", "x"), ("2", "A100", 4.0, "2024-03-05", "y"), ("C3", "A100", -2.0, "2024-03-09", "x"),
        columns="order_id sku quantity ordered_at customer",
    )  # fmt: skip
    kept, repairs = clean(lines)
    assert kept.select("order_id", "quantity").rows() == [("1", 3.0), ("2", 4.0)]
    assert rule(repairs, "cancellations")["action"] == "changed"
    assert rule(repairs, "cancellations")["units"] == -2.0


def test_a_cancellation_prefers_the_sale_at_its_own_price() -> None:
    lines = orders(
        ("1", "A100", 5.0, "2024-03-01", "x", 9.0), ("2", "A100", 5.0, "2024-03-02", "x", 4.0),
        ("C3", "A100", -5.0, "2024-03-09", "x", 9.0), columns="order_id sku quantity ordered_at customer price",
    )  # fmt: skip
    assert clean(lines)[0]["order_id"].to_list() == ["2"]


def test_a_return_without_customer_is_taken_off_the_same_date_then_earlier_ones() -> None:
    lines = orders(GOOD, ("A100", 2.0, "2024-03-04", 2.5), ("A100", -4.0, "2024-03-04", 2.5))
    kept, repairs = clean(lines)
    assert kept["quantity"].to_list() == [1.0]
    assert rule(repairs, "returns-own-date")["units"] == -2.0
    assert rule(repairs, "returns-carried-back")["units"] == -2.0


def test_a_return_stays_in_its_own_place() -> None:
    lines = orders(
        ("A100", 3.0, "2024-03-01", "UK"), ("A100", 3.0, "2024-03-01", "FR"), ("A100", -2.0, "2024-03-01", "FR"),
        columns="sku quantity ordered_at location",
    )  # fmt: skip
    assert clean(lines)[0]["quantity"].to_list() == [3.0, 1.0]


def test_refunded_orders_are_no_demand_whatever_the_case_of_the_word() -> None:
    lines = orders(
        ("A", 1.0, "2024-03-01", "REFUNDED"), ("A", 2.0, "2024-03-01", None), ("A", 4.0, "2024-03-01", "Shipped"),
        columns="sku quantity ordered_at status",
    )  # fmt: skip
    kept, repairs = clean(lines)
    assert kept["quantity"].sum() == 6.0
    assert rule(repairs, "cancelled-orders")["units"] == 1.0


def test_repeats_count_only_within_a_numbered_order() -> None:
    assert clean(orders(GOOD, GOOD))[0].height == 2


def test_price_comes_from_the_line_total_where_it_is_missing() -> None:
    lines = orders(
        ("A", 4.0, "2024-03-01", None, 10.0), ("A", 4.0, "2024-03-01", 3.0, 10.0),
        columns="sku quantity ordered_at price line_total",
    )  # fmt: skip
    assert clean(lines)[0]["price"].to_list() == [2.5, 3.0]


def test_orders_of_tomorrow_are_impossible_and_those_of_today_are_not() -> None:
    lines = orders(("A", 1.0, "2024-03-01T23:59", 1.0), ("A", 2.0, "2024-03-02T00:00", 1.0))
    kept, repairs = clean_orders(lines, Clean(), today=dt.date(2024, 3, 1))
    assert kept["quantity"].to_list() == [1.0]
    assert rule(repairs, "impossible-dates")["rows"] == 1


def test_the_day_it_is_depends_on_the_shops_zone() -> None:
    now = dt.datetime.now(dt.UTC)
    ahead = (now + dt.timedelta(hours=13)).replace(tzinfo=None)  # Auckland is at most 13 hours ahead of UTC
    lines = orders(("A", 1.0, (now - dt.timedelta(days=3)).replace(tzinfo=None), 1.0), ("A", 1.0, ahead, 1.0))
    honolulu = clean_orders(lines, Clean(), timezone="Pacific/Honolulu")[0].height
    kiritimati = clean_orders(lines, Clean(), timezone="Pacific/Kiritimati")[0].height
    assert kiritimati == 2
    assert honolulu <= kiritimati


def test_wrong_settings_are_one_sentence() -> None:
    with pytest.raises(ConfigError, match="first_date"):
        clean(orders(GOOD), first_date="soon")
    with pytest.raises(ConfigError, match="Mars"):
        clean_orders(orders(GOOD), Clean(), timezone="Mars/Olympus")
    with pytest.raises(DataError, match="quantity"):
        clean(orders(GOOD).drop("quantity"))


def test_balance_is_exact_for_whole_numbers_and_to_rounding_for_fractions() -> None:
    check_balance(3.0, 3.0, 10.0)
    check_balance(0.1 + 0.2, 0.3, 1.0)
    with pytest.raises(SkucastError, match="do not balance"):
        check_balance(3.0, 4.0, 1e9)


LINE = st.fixed_dictionaries(
    {
        "order_id": st.sampled_from(["1", "2", "C1", "C3", None]),
        "sku": st.sampled_from(["A100", "B200", "POST", "TEST1", "", None]),
        "quantity": st.sampled_from([1.0, 2.0, 7.0, -1.0, -3.0, -20.0, 0.0, 1e12, float("nan"), None]),
        "ordered_at": st.sampled_from(["2024-03-01", "2024-03-02T09:00", "1900-01-01", "2999-01-01", None]),
        "price": st.sampled_from([1.0, 2.0, 0.0, -1.0, None]),
        "customer": st.sampled_from(["x", "y", None]),
        "status": st.sampled_from(["paid", "cancelled", "test", None]),
    }
)
SWITCHES = st.fixed_dictionaries(
    {
        name: st.booleans()
        for name in (
            "duplicates", "cancellations", "non_products", "non_positive_prices", "test_orders", "impossible_dates",
            "extreme_quantities",
        )
    }
)  # fmt: skip


@given(st.lists(LINE, min_size=1, max_size=25), SWITCHES)
def test_units_in_are_units_out_plus_units_rejected_whatever_the_lines(
    rows: list[dict[str, Any]], switches: dict[str, bool]
) -> None:
    lines = table("orders", rows)
    kept, repairs = clean(lines, **switches)
    came = lines["quantity"].fill_nan(None).drop_nulls().sum()
    assert kept["quantity"].sum() + repairs.rejected_units() == came
    assert (kept["quantity"] > 0).all()
    assert kept.columns == lines.columns


# ---- the bundled orders -----------------------------------------------------------------------


def test_the_bundled_orders_are_the_known_ones() -> None:
    lines = bundled()
    assert lines.height == 1_044_847
    assert lines["quantity"].sum() == 10_441_843
    assert lines["order_id"].str.starts_with("C").sum() == 19_165
    assert (lines["price"] <= 0).sum() == 6_029


def test_every_unit_of_the_bundled_orders_is_accounted_for_exactly() -> None:
    shop = bundled_shop()
    panel = shop.panel()
    in_panel = float(panel.values[~(panel.values != panel.values)].astype("float64").sum())
    assert in_panel + shop.repairs.rejected_units() == 10_441_843


def test_no_line_of_a_cancelled_invoice_is_left_as_demand() -> None:
    kept, repairs = clean_orders(bundled(), Clean(), today=TODAY)
    assert not kept["order_id"].str.starts_with("C").any()
    assert kept["quantity"].min() > 0
    netted = sum(rule(repairs, n)["units"] for n in ("cancellations", "returns-own-date", "returns-carried-back"))
    gross, counted = clean_orders(bundled(), Clean(cancellations=False), today=TODAY)
    assert gross["quantity"].sum() - kept["quantity"].sum() == -netted
    assert rule(counted, "returns-left-out")["units"] == netted + rule(repairs, "returns-without-sale")["units"]
