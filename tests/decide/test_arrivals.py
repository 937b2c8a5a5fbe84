"""Open orders on the steps of the forecast: dated, halfway, overdue, shared, unknown."""

import datetime as dt

import polars as pl
import pytest

from skucast.errors import DataError

from .making import TODAY, certain, noted, plan, row, said

TWO = {"A": [2.0] * 28}
PRICED = {"sku": ["A"], "price": [10.0], "cost": [6.0]}
EMPTY = {"sku": ["A"], "on_hand": [0.0]}


def day(k):
    return TODAY + dt.timedelta(days=k)


def arriving(made):
    return [(r["unique_id"], r["quantity"], r["due"]) for r in made.arriving.iter_rows(named=True)]


def test_an_order_counts_from_the_day_on_which_it_is_due():
    def got(due):
        orders = {"sku": ["A"], "quantity": [20.0], "due": [due]}
        return row(plan(certain(TWO), stock=EMPTY, products=PRICED, open_orders=orders, unmet="lost"))

    assert got(day(0))["lost_units_without"] == 42 - 20
    assert got(day(9))["lost_units_with"] == pytest.approx(18)  # nothing is there for nine days
    assert (got(day(9))["order_qty"], got(day(0))["order_qty"]) == (4, 14)  # of 20 units, 10 are left on day 14
    assert got(day(20))["order_qty"] == 12  # the last day's demand is served by what comes then
    assert got(day(40))["order_qty"] == 14


def test_orders_without_a_date_come_the_lead_time_after_they_were_placed_or_half_of_it_from_now():
    orders = {"sku": ["A", "A"], "quantity": [3.0, 4.0], "due": [None, None], "ordered_at": [day(-10), None]}
    made = plan(
        certain(TWO), stock=EMPTY, products=PRICED, open_orders=pl.DataFrame(orders, schema_overrides={"due": pl.Date})
    )
    assert arriving(made) == [("A", 3.0, day(4)), ("A", 4.0, day(7))]
    assert row(made)["on_order"] == 7
    undated = plan(certain(TWO), stock={**EMPTY, "on_order": [5.0]}, products=PRICED)
    assert arriving(undated) == [("A", 5.0, day(7))]
    assert said(undated)["on-order-arrives"] == 1


def test_open_orders_take_the_place_of_the_column_on_order():
    made = plan(
        certain(TWO), stock={**EMPTY, "on_order": [99.0]}, products=PRICED,
        open_orders={"sku": ["A"], "quantity": [5.0], "due": [day(2)]},
    )  # fmt: skip
    assert row(made)["on_order"] == 5
    assert "on-order-arrives" not in said(made)


def test_what_is_wrong_with_open_orders_is_counted():
    orders = {"sku": ["A", "A", "Z", None], "quantity": [5.0, -1.0, 2.0, 2.0], "due": [day(-3), day(1), day(1), day(1)]}
    made = plan(certain(TWO), stock=EMPTY, products=PRICED, open_orders=orders)
    assert arriving(made) == [("A", 5.0, TODAY)]
    assert {k: noted(made)[k] for k in ("open-order-unreadable", "unknown-sku", "overdue")} == {
        "open-order-unreadable": 2, "unknown-sku": 1, "overdue": 1,
    }  # fmt: skip
    with pytest.raises(DataError, match="'open_orders' has no column 'quantity'"):
        plan(certain(TWO), open_orders={"sku": ["A"]})


def test_an_order_of_a_sku_is_divided_among_its_places_by_demand():
    forecast = certain({"A/x": [3.0] * 28, "A/y": [1.0] * 28}, sku=["A", "A"], location=["x", "y"])
    made = plan(
        forecast, stock={"sku": ["A", "A"], "location": ["x", "y"], "on_hand": [0.0, 0.0]},
        open_orders={"sku": ["A"], "quantity": [40.0], "due": [day(1)]},
    )  # fmt: skip
    assert arriving(made) == [("A/x", 30.0, day(1)), ("A/y", 10.0, day(1))]
    placed = plan(forecast, open_orders={"sku": ["A"], "quantity": [40.0], "due": [day(1)], "location": ["y"]})
    assert arriving(placed) == [("A/y", 40.0, day(1))]
