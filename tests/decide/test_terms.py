"""Prices, costs, lead times and packs, and what is assumed where they are unknown."""

import datetime as dt

import polars as pl
import pytest

from skucast.decide.assumptions import _TEXT
from skucast.errors import DataError

from .making import TODAY, certain, noted, plan, poisson, row, said

ONE = {"A": [2.0] * 28}


def test_a_recent_price_comes_before_the_list_price_and_a_cost_before_the_margin():
    made = plan(
        certain(ONE),
        products={"sku": ["A"], "price": [10.0], "cost": [4.0]},
        prices={"unique_id": ["A"], "price": [9.0]},
    )
    assert (row(made)["unit_price"], row(made)["unit_cost"]) == (9.0, 4.0)
    assert not {"price-list", "price-default", "cost-default", "money-unknown"} & said(made).keys()


def test_the_list_price_stands_in_for_a_price_and_the_margin_for_a_cost_and_both_are_said():
    made = plan(certain(ONE), products={"sku": ["A"], "price": [10.0]}, margin=0.3)
    assert (row(made)["unit_price"], row(made)["unit_cost"]) == (10.0, pytest.approx(7.0))
    assert said(made)["price-list"] == said(made)["cost-default"] == 1
    told = next(a for a in made.assumptions if a.key == "cost-default")
    assert told.en == "The unit cost of 1 item is not known and taken as 70 % of the price (margin 30 %)."
    assert told.zh == "1 个商品成本未知，按售价的 70% 估算（毛利率 30%）。"


def test_a_price_is_derived_from_the_cost_where_only_that_is_known():
    made = plan(certain(ONE), products={"sku": ["A"], "cost": [6.0]}, margin=0.4)
    assert row(made)["unit_price"] == pytest.approx(10.0)
    assert said(made)["price-default"] == 1


def test_without_price_and_cost_there_is_a_quantity_but_no_money():
    both = plan(certain({**ONE, "B": [2.0] * 28}), products={"sku": ["B"], "price": [10.0]})
    a, b = row(both), row(both, "B")
    assert said(both)["money-unknown"] == 1
    assert a["order_qty"] == b["order_qty"] > 0
    money = ["unit_cost", "unit_price", "order_value", "lost_margin_without", "lost_margin_with", "expected_gain",
             "holding_cost", "holding_cost_without", "overstock_value"]  # fmt: skip
    assert [a[name] for name in money] == [None] * len(money)
    assert None not in [b[name] for name in money]
    assert a["gain_per_money"] == pytest.approx(b["gain_per_money"])


def test_static_columns_of_the_forecast_fill_what_no_table_says():
    made = plan(
        certain(ONE, name=["Cup"], cost=[3.0], supplier=["Kiln"]),
        suppliers={"supplier": ["Kiln"], "review_days": [10.0]},
    )
    assert (row(made)["name"], row(made)["unit_cost"], row(made)["review_days"]) == ("Cup", 3.0, 10.0)


def test_lead_and_review_times_come_from_the_supplier_and_else_from_the_project():
    made = plan(
        certain({"A": [1.0] * 28, "B": [1.0] * 28}),
        products={"sku": ["A", "B"], "supplier": ["Kiln", None]},
        suppliers={"supplier": ["Kiln"], "lead_time_days": [21.0], "review_days": [10.0]},
        lead_time_days=5,
        review_days=3,
    )
    assert (row(made)["lead_days"], row(made)["review_days"]) == (21.0, 10.0)
    assert (row(made, "B")["lead_days"], row(made, "B")["review_days"]) == (5.0, 3.0)
    assert said(made)["lead-time-default"] == said(made)["review-default"] == 1
    assert said(made)["horizon-extended"] == 1
    assert row(made)["demand_protect_mean"] == pytest.approx(31.0)


def test_a_supplier_with_a_lead_time_but_no_spread_is_taken_at_its_word():
    def spread(**supplier):
        made = plan(
            certain(ONE),
            products={"sku": ["A"], "supplier": ["Kiln"]},
            suppliers={"supplier": ["Kiln"], **supplier},
            lead_time_sd_days=5,
        )
        return row(made)["demand_protect_p90"] - row(made)["demand_protect_p10"]

    assert spread(lead_time_days=[14.0]) == 0
    assert spread(lead_time_days=[14.0], lead_time_sd_days=[4.0]) > 5
    assert spread() > 5


def test_impossible_numbers_are_taken_as_unknown_and_counted():
    made = plan(
        certain(ONE),
        products={"sku": ["A"], "price": [-1.0], "cost": [float("nan")], "pack_size": [0.0], "min_order": [-2.0],
                  "supplier": ["Kiln"]},
        suppliers={"supplier": ["Kiln"], "lead_time_days": [float("inf")], "review_days": [0.0]},
        prices={"unique_id": ["A"], "price": [0.0]},
    )  # fmt: skip
    rules = ("cost", "price", "pack-size", "min-order", "lead-time-days", "review-days")
    assert {f"{r}-impossible" for r in rules} <= noted(made).keys()
    assert said(made)["money-unknown"] == said(made)["lead-time-default"] == 1
    assert row(made)["pack_size"] == 1


def test_texts_among_the_numbers_are_counted():
    made = plan(certain(ONE), products={"sku": ["A"], "cost": ["cheap"], "price": ["10.5"], "end_date": ["soon"]})
    assert noted(made)["cost-unreadable"] == noted(made)["end-date-unreadable"] == 1
    assert row(made)["unit_price"] == 10.5


def test_a_key_given_twice_counts_once_and_a_row_without_a_key_not_at_all():
    made = plan(certain(ONE), products={"sku": ["A", "A", None], "cost": [1.0, 2.0, 3.0]})
    assert row(made)["unit_cost"] == 1.0
    assert (noted(made)["sku-twice"], noted(made)["sku-missing"]) == (1, 1)


def test_products_of_other_skus_and_extra_columns_change_nothing():
    bare = plan(certain(ONE), products={"sku": ["A"], "cost": [1.0]})
    more = plan(certain(ONE), products={"sku": ["Z", "A"], "cost": [9.0, 1.0], "weight": [1, 2], "row": ["x", "y"]})
    assert bare.frame().equals(more.frame())


@pytest.mark.parametrize("table", ["products", "suppliers", "prices"])
def test_a_table_without_its_key_is_refused_by_name(table):
    with pytest.raises(DataError, match=f"'{table}' has no column"):
        plan(certain(ONE), **{table: {"cost": [1.0]}})


def test_an_identifier_with_a_place_is_taken_apart_only_where_its_head_is_a_sku():
    made = plan(certain({"A/west": [2.0], "B/C": [2.0]}), stock={"sku": ["A", "B/C"], "on_hand": [5.0, 6.0]})
    assert [row(made, "A/west")[k] for k in ("sku", "location", "on_hand")] == ["A", "west", 5.0]
    assert [row(made, "B/C")[k] for k in ("sku", "location", "on_hand")] == ["B/C", None, 6.0]


def test_sku_and_place_come_from_the_static_columns_where_there_are_any():
    made = plan(
        certain({"x1": [2.0], "x2": [2.0]}, sku=["A", "A"], location=["east", "west"]),
        stock={"sku": ["A", "A"], "location": ["west", "east"], "on_hand": [1.0, 2.0]},
    )
    assert [row(made, k)["on_hand"] for k in ("x1", "x2")] == [2.0, 1.0]


def test_empty_tables_are_as_good_as_none():
    empty = {
        "products": pl.DataFrame(schema={"sku": pl.String}),
        "suppliers": pl.DataFrame(schema={"supplier": pl.String}),
        "prices": pl.DataFrame(schema={"unique_id": pl.String}),
    }
    assert plan(poisson({"A": 3.0}), **empty).frame().equals(plan(poisson({"A": 3.0})).frame())


def test_every_assumption_is_written_in_both_languages_without_leftovers():
    words = {
        "days": "14",
        "share": "60 %",
        "margin": "40 %",
        "rate": "25 %",
        "horizon": "28",
        "season": "7",
        "count": "31",
        "room": "kg",
    }
    for en, zh in _TEXT.values():
        for text in (en.format(n="3 items", **words), zh.format(zh="3", **words)):
            assert "{" not in text
        assert any("\u4e00" <= c <= "\u9fff" for c in zh)
        assert zh.endswith("。")
        assert en.endswith(".")


def test_the_last_day_on_sale_may_be_a_text():
    made = plan(certain(ONE), products={"sku": ["A"], "end_date": [str(TODAY - dt.timedelta(days=1))]})
    assert row(made)["reason"] == "discontinued"
