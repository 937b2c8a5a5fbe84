"""Stock on hand and on order of every series, read from the stock table."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.collect.repairs import Repairs
from skucast.decide.assumptions import Assumptions
from skucast.decide.position import inventory_position
from skucast.errors import DataError

from .making import TODAY


def held(series, **stock):
    """Positions as (on hand, on order) pairs, with the repairs and assumptions made on the way."""
    rows = [(i, *s, 1.0) if len(s) == 2 else (i, *s) for i, s in enumerate(series)]
    kinds = {"row": pl.Int64, "sku": pl.String, "location": pl.String, "weight": pl.Float64}
    table = pl.DataFrame(rows, schema=kinds, orient="row")
    repairs, assumptions = Repairs(), Assumptions()
    found = inventory_position(table, pl.DataFrame(stock), TODAY, repairs, assumptions)
    rules = {str(r["rule"]): (int(r["rows"]), float(r["units"])) for r in repairs.rows}
    return found.rows(), rules, {a.key: a.items for a in assumptions.rows}


def days(*back):
    return [None if b is None else TODAY - dt.timedelta(days=b) for b in back]


def test_the_latest_count_up_to_today_is_used():
    found, rules, _ = held(
        [("A", None)],
        sku=["A"] * 4,
        on_hand=[1.0, 2.0, 3.0, 4.0],
        on_order=[0.0, 9.0, 0.0, 0.0],
        date=days(30, 2, 5, -1),
    )
    assert found == [(2.0, 9.0)]
    assert rules == {}


def test_a_count_after_today_is_used_only_where_there_is_no_earlier_one_and_noted():
    found, rules, _ = held([("A", None)], sku=["A", "A"], on_hand=[4.0, 7.0], date=days(-5, -2))
    assert found == [(7.0, 0.0)]
    assert rules["counted-after-today"][0] == 1


def test_a_count_without_a_date_is_one_of_today_and_the_last_of_two_wins():
    found, rules, _ = held([("A", None)], sku=["A", "A"], on_hand=[4.0, 7.0], date=days(None, 0))
    assert found == [(7.0, 0.0)]
    assert rules["counted-twice"][0] == 1


def test_dates_given_as_text_are_read_and_unreadable_ones_counted():
    found, rules, _ = held(
        [("A", None), ("B", None)],
        sku=["A", "A", "B"],
        on_hand=[1.0, 2.0, 3.0],
        date=["2026-11-28 08:00", "2026-11-29", "yesterday"],
    )
    assert found == [(2.0, 0.0), (3.0, 0.0)]
    assert rules["date-unreadable"][0] == 1


def test_an_old_count_is_said_to_be_stale():
    assert held([("A", None)], sku=["A"], on_hand=[4.0], date=days(15))[2] == {"stock-stale": 1}
    assert held([("A", None)], sku=["A"], on_hand=[4.0], date=days(14))[2] == {}


def test_places_are_added_up_where_series_have_none():
    found, _, _ = held(
        [("A", None)], sku=["A", "A"], location=["east", "west"], on_hand=[4.0, 7.0], on_order=[1.0, None]
    )
    assert found == [(11.0, 1.0)]


def test_each_place_has_its_own_stock_where_series_have_places():
    found, rules, _ = held(
        [("A", "east"), ("A", "north"), ("A", "west")],
        sku=["A", "A", "A"],
        location=["west", "east", "south"],
        on_hand=[7.0, 4.0, 2.0],
    )
    assert found == [(4.0, 0.0), (None, None), (7.0, 0.0)]
    assert rules["unknown-location"] == (1, 2.0)


def test_stock_without_a_place_is_divided_by_expected_demand_among_the_places_that_have_none():
    found, _, said = held(
        [("A", "east", 1.0), ("A", "north", 3.0), ("A", "west", 9.0)],
        sku=["A", "A"],
        location=[None, "west"],
        on_hand=[8.0, 5.0],
    )
    assert found == [(2.0, 0.0), (6.0, 0.0), (5.0, 0.0)]
    assert said["stock-shared"] == 2


def test_shared_stock_is_divided_evenly_where_nothing_is_expected_to_sell():
    found, _, _ = held([("A", "east", 0.0), ("A", "west", 0.0)], sku=["A"], on_hand=[8.0])
    assert found == [(4.0, 0.0), (4.0, 0.0)]


def test_negative_stock_is_kept_as_owed_and_only_the_current_count_is_noted():
    found, rules, _ = held(
        [("A", None), ("B", None)],
        sku=["A", "A", "B", "B"],
        on_hand=[-1.0, -6.0, -9.0, 3.0],
        date=days(3, 0, 3, 0),
    )
    assert found == [(-6.0, 0.0), (3.0, 0.0)]
    assert rules["negative-stock"] == (1, -6.0)


def test_stock_of_a_sku_without_forecast_is_counted():
    found, rules, _ = held([("A", None)], sku=["A", "X", "Y"], on_hand=[1.0, 5.0, 7.0])
    assert found == [(1.0, 0.0)]
    assert rules == {"unknown-sku": (2, 12.0)}


def test_cells_that_are_no_numbers_are_counted_and_leave_the_stock_unknown():
    found, rules, _ = held(
        [("A", None), ("B", None), ("C", None)],
        sku=["A", "B", None, "C"],
        on_hand=["many", "inf", "4", "5"],
        on_order=["1", "1", "1", "-3"],
    )
    assert found == [(None, None), (None, None), (5.0, 0.0)]
    assert {name: rows for name, (rows, _) in rules.items()} == {
        "sku-missing": 1,
        "stock-not-a-number": 2,
        "on-order-impossible": 1,
    }


def test_an_empty_stock_table_leaves_everything_unknown():
    empty = {"sku": pl.Series([], dtype=pl.String), "on_hand": pl.Series([], dtype=pl.Float64)}
    found, rules, said = held([("A", None), ("B", "west")], **empty)
    assert found == [(None, None), (None, None)]
    assert (rules, said) == ({}, {})


def test_a_table_without_stock_is_refused_with_the_column_named():
    with pytest.raises(DataError, match="'stock' has no column 'on_hand'"):
        held([("A", None)], sku=["A"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from([None, "e", "w"]), st.integers(-5, 50)), min_size=1))
def test_no_unit_is_made_or_lost(rows):
    series = [("A", "e", 1.0), ("A", "w", 2.0), ("B", "e", 0.0)]
    skus, places, units = zip(*rows, strict=True)
    stock = pl.DataFrame({"sku": skus, "location": pl.Series(places, dtype=pl.String), "on_hand": units}).unique(
        ["sku", "location"], keep="last", maintain_order=True
    )
    found, rules, _ = held(series, **stock.to_dict())
    unused = sum(rules.get(name, (0, 0.0))[1] for name in ("unknown-sku", "unknown-location"))
    total = sum(hand for hand, _ in found if hand is not None)
    assert total + unused == pytest.approx(float(stock["on_hand"].sum()))
