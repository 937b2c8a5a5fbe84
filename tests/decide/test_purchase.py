"""The purchase plan: quantities, risks and money of every item."""

import dataclasses
import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from skucast.config import Plan
from skucast.decide.purchase import purchase_plan
from skucast.errors import DataError
from skucast.forecast import Forecast
from skucast.models.naive import SeasonalNaive
from skucast.panel import Panel

from .making import TODAY, certain, normal, noted, plan, poisson, row, said

PRICED = {"sku": ["A"], "price": [10.0], "cost": [6.0]}
RATIO_08 = 365 / 7 / 6  # holding a unit of cost 6 over a week of 7 days costs 1: the ratio is 4 / (4 + 1)


def test_the_order_is_the_newsvendor_quantity_of_normal_demand():
    made = plan(normal(200, 30), stock={"sku": ["A"], "on_hand": [50.0]}, products=PRICED,
                lead_time_days=0, review_days=7, holding_rate=RATIO_08, paths=4000)  # fmt: skip
    got = row(made)
    level = stats.norm.ppf(0.8, 200, 30)
    loss = 30 * (stats.norm.pdf(stats.norm.ppf(0.8)) - stats.norm.ppf(0.8) * 0.2)
    assert got["service_target"] == pytest.approx(0.8)
    assert got["order_up_to"] == pytest.approx(level, abs=0.5)
    assert got["order_qty"] == np.ceil(got["order_up_to"] - 50 - 1e-6)
    assert got["lost_units_with"] == pytest.approx(loss, abs=0.5)
    assert got["lost_margin_with"] == pytest.approx(4 * loss, abs=2)
    assert got["p_out_without_order"] == 1.0
    assert got["demand_protect_p10"] == pytest.approx(stats.norm.ppf(0.1, 200, 30), abs=1)


def test_the_order_covers_lead_time_and_review_of_poisson_demand_not_a_multiple_of_one_step():
    made = plan(poisson({"A": 4.0}), stock={"sku": ["A"], "on_hand": [0.0]}, products=PRICED,
                lead_time_days=14, review_days=7, holding_rate=RATIO_08, paths=4000)  # fmt: skip
    assert row(made)["order_up_to"] == pytest.approx(stats.poisson.ppf(0.8, 4 * 21), abs=1.5)
    assert row(made)["demand_lead_mean"] == pytest.approx(4 * 14, rel=0.03)


def test_dependence_over_time_raises_the_order_and_is_taken_from_the_paths():
    steps = 21
    forecast = poisson({"A": 4.0}, steps)
    rng = np.random.default_rng(0)
    together = dataclasses.replace(
        forecast, copula=(rng.normal(size=(500, 1)) + 0.05 * rng.normal(size=(500, steps))).astype(np.float32)
    )
    terms = {"lead_time_days": 14, "review_days": 7, "products": PRICED, "stock": {"sku": ["A"], "on_hand": [0.0]}}
    apart, joint = (row(plan(f, **terms)) for f in (forecast, together))
    assert joint["demand_protect_mean"] == pytest.approx(apart["demand_protect_mean"], rel=0.02)
    assert joint["order_up_to"] > 1.3 * apart["order_up_to"]


def test_known_demand_is_ordered_exactly_and_in_whole_packs():
    made = plan(
        certain({"A": [2.0] * 28, "B": [2.0] * 28}),
        products={"sku": ["A", "B"], "price": [10.0] * 2, "cost": [6.0] * 2, "pack_size": [1.0, 12.0]},
        stock={"sku": ["A", "B"], "on_hand": [5.0, 5.0], "on_order": [3.0, 3.0]},
    )
    assert row(made)["order_qty"] == 42 - 8
    assert (row(made, "B")["order_qty"], row(made, "B")["packs"]) == (36.0, 3.0)
    assert row(made)["order_value"] == 34 * 6
    # 34 units earn 4 each; the 14 of the last week lie there for half of it, at a quarter of their cost per year
    assert row(made)["expected_gain"] == pytest.approx(34 * 4 - 14 / 2 * 7 * 6 * 0.25 / 365, rel=0.01)
    assert row(made)["run_out_date"] == TODAY + dt.timedelta(days=4)


def test_units_owed_to_customers_are_ordered_on_top():
    made = plan(certain({"A": [2.0] * 28}), products=PRICED, stock={"sku": ["A"], "on_hand": [-5.0]})
    assert row(made)["order_qty"] == 47
    assert row(made)["cover_days"] == 0
    assert noted(made)["negative-stock"] == 1


def test_a_zero_lead_time_covers_the_review_period_alone():
    made = plan(certain({"A": [2.0] * 28}), products=PRICED, stock={"sku": ["A"], "on_hand": [0.0]}, lead_time_days=0)
    assert row(made)["order_qty"] == 14
    assert row(made)["demand_lead_mean"] == row(made)["p_out_before_arrival"] == 0
    assert "unmet-demand" not in said(made)


def test_a_minimum_above_demand_is_noted_and_ordered_only_where_it_gains():
    made = plan(
        certain({"A": [0.5] * 28, "B": [0.001] * 28}),
        products={"sku": ["A", "B"], "price": [10.0] * 2, "cost": [6.0] * 2, "min_order": [100.0, 100.0]},
        stock={"sku": ["A", "B"], "on_hand": [0.0, 0.0]},
    )
    assert (row(made)["order_qty"], row(made, "B")["order_qty"]) == (100.0, 0.0)
    assert noted(made)["min-order-above-demand"] == 2


def test_unknown_stock_is_an_empty_shelf_said_counted_and_without_risks():
    made = plan(certain({"A": [2.0] * 28, "B": [2.0] * 28}), stock={"sku": ["A", "Z"], "on_hand": [4.0, 9.0]})
    assert said(made)["stock-unknown"] == 1
    assert noted(made)["unknown-sku"] == 1
    unknown = row(made, "B")
    assert unknown["order_qty"] == row(made)["order_qty"] + 4
    for name in ("on_hand", "position", "p_out_before_arrival", "p_out_without_order", "cover_days", "run_out_date"):
        assert unknown[name] is None
    assert made.summary()["stock_unknown"] == 1


def test_stock_is_left_aside_on_request():
    forecast, stock = certain({"A": [2.0] * 28}), pl.DataFrame({"sku": ["A"], "on_hand": [400.0]})
    assert row(purchase_plan(forecast, plan=Plan(), stock=stock))["order_qty"] == 0
    aside = purchase_plan(forecast, plan=Plan(stock="none"), stock=stock)
    assert row(aside)["order_qty"] == 42
    assert said(aside)["stock-ignored"] == 1


def test_nothing_is_ordered_at_a_loss():
    made = plan(certain({"A": [2.0] * 28}), products={"sku": ["A"], "price": [5.0], "cost": [5.0]})
    assert row(made)["order_qty"] == 0
    assert noted(made)["cost-above-price"] == 1


def test_leftovers_that_spoil_are_paid_for_and_so_less_is_ordered():
    life = {"sku": ["A"], "price": [10.0], "cost": [6.0]}
    terms = {"stock": {"sku": ["A"], "on_hand": [0.0]}, "lead_time_days": 0, "paths": 4000, "holding_rate": 0.0001}
    made = plan(poisson({"A": 4.0}), products={**life, "shelf_life_days": [5.0]}, **terms)
    assert row(made)["service_target"] == pytest.approx(4 / (4 + 6), rel=1e-3)
    assert row(made)["order_up_to"] == pytest.approx(stats.poisson.ppf(0.4, 28), abs=1.01)
    assert said(made)["spoils"] == 1
    keeps = plan(poisson({"A": 4.0}), products={**life, "shelf_life_days": [50.0]}, **terms)
    assert row(keeps)["order_qty"] > row(made)["order_qty"]


def test_what_spoils_is_not_ordered_for_demand_that_passes_before_it_arrives():
    made = plan(
        certain({"A": [2.0] * 28}),
        stock={"sku": ["A"], "on_hand": [6.0]},
        products={**PRICED, "shelf_life_days": [3.0]}, unmet="lost",
    )  # fmt: skip
    assert row(made)["order_qty"] == 6
    assert row(made)["lost_units_without"] == pytest.approx(42 - 6)
    assert row(made)["lost_units_with"] == pytest.approx(42 - 6 - 6)


def ending(days, **terms):
    end = TODAY + dt.timedelta(days=days)
    return row(plan(certain({"A": [2.0] * 28}), products={**PRICED, "end_date": [end]}, **terms))


def test_an_item_about_to_end_is_ordered_for_its_last_days_only():
    stock = {"sku": ["A"], "on_hand": [28.0]}
    assert ending(60, stock=stock)["order_qty"] == 14
    assert ending(17, stock=stock)["order_qty"] == 8  # days 14, 15, 16 and 17
    assert ending(14, stock=stock)["order_qty"] == 2
    assert ending(13, stock=stock)["order_qty"] == 0  # an order would arrive on the day after
    assert ending(-5, stock=stock)["order_qty"] == 0
    assert ending(-5, stock=stock)["overstock_value"] == 28 * 6
    assert ending(13)["order_qty"] == 0  # stock unknown


def test_an_item_that_does_not_sell_is_not_ordered_and_what_lies_there_is_overstock():
    got = row(plan(certain({"A": [0.0] * 28}), products=PRICED, stock={"sku": ["A"], "on_hand": [30.0]}))
    assert (got["order_qty"], got["overstock_value"], got["cover_days"], got["run_out_date"]) == (0, 180, None, None)


def test_overstock_begins_beyond_ninety_days_of_high_demand():
    def over(units):
        return row(plan(certain({"A": [2.0] * 28}), products=PRICED, stock={"sku": ["A"], "on_hand": [units]}))

    assert over(180.0)["overstock_value"] == 0
    assert over(200.0)["overstock_value"] == pytest.approx(20 * 6)
    assert over(200.0)["cover_days"] == pytest.approx(100)


def test_lead_times_that_vary_raise_the_order():
    terms = {"stock": {"sku": ["A"], "on_hand": [0.0]}, "products": PRICED}
    sure, varied = (row(plan(poisson({"A": 4.0}), lead_time_sd_days=sd, **terms)) for sd in (0, 6))
    assert varied["order_up_to"] > sure["order_up_to"] + 20


def test_a_forecast_that_is_not_finite_orders_nothing_and_is_counted():
    forecast = certain({"A": [2.0] * 28, "B": [2.0] * 28})
    mean = forecast.mean.copy()
    mean[0, 3] = np.nan
    made = plan(dataclasses.replace(forecast, mean=mean))
    assert (row(made)["order_qty"], row(made)["reason"]) == (0, "no-forecast")
    assert row(made, "B")["order_qty"] == 42
    assert noted(made)["forecast-not-finite"] == 1


def test_a_series_forecast_twice_is_refused_by_name():
    forecast = certain({"A": [2.0], "B": [1.0]})
    with pytest.raises(DataError, match="'A' more than once"):
        plan(forecast.take([0, 0]))


def test_no_series_is_an_empty_plan_with_all_columns_and_totals():
    made = plan(certain({"A": [2.0]}).take(np.array([], dtype=int)), stock={"sku": ["A"], "on_hand": [1.0]})
    assert made.frame().height == 0
    assert made.frame().columns == plan(certain({"A": [2.0]})).frame().columns
    assert made.today == TODAY
    assert all(value == 0 for value in made.summary().values())
    assert (made.overstock().height, made.left_out().height) == (0, 0)


def test_lines_are_ranked_by_gain_per_unit_of_money():
    made = plan(
        poisson(dict.fromkeys("ABCDEF", 3.0)),
        products={"sku": list("ABCDEF"), "price": [10, 12, 9, 30, 5, 8], "cost": [6.0, 6, 6, 6, 4, 7]},
        stock={"sku": list("ABCDEF"), "on_hand": [0.0, 10, 20, 30, 40, 500]},
    )
    lines = made.lines()
    assert lines["rank"].to_list() == list(range(1, lines.height + 1))
    assert lines["gain_per_money"].is_sorted(descending=True)
    np.testing.assert_allclose(lines["gain_per_money"], lines["expected_gain"] / lines["order_value"])
    assert made.frame()["rank"].null_count() == made.frame().height - lines.height > 0


def test_a_suppliers_minimum_value_is_reached_where_that_is_worth_it_and_else_nothing_is_ordered():
    terms = {"products": {**PRICED, "supplier": ["Kiln"]}, "stock": {"sku": ["A"], "on_hand": [0.0]}}

    def ordered(least, budget=0):
        made = plan(
            certain({"A": [2.0] * 28}), suppliers={"supplier": ["Kiln"], "min_order_value": [least]}, budget=budget, **terms
        )  # fmt: skip
        return row(made)["order_qty"], row(made)["reason"], noted(made).get("supplier-minimum-not-met", 0)

    assert ordered(100.0) == (42, "too-late", 0)
    assert ordered(300.0) == (50, "filled", 0)  # eight more keep for a while at little cost
    assert ordered(1e5) == (0, "supplier-minimum", 1)
    assert ordered(300.0, budget=200) == (0, "supplier-beyond-budget", 1)


def shop(seed, items=12):
    rng = np.random.default_rng(seed)
    ids = [f"S{i:02d}" for i in range(items)]
    return {
        "forecast": poisson(dict(zip(ids, rng.gamma(1, 3, items), strict=True))),
        "products": {"sku": ids[:-1], "cost": rng.uniform(1, 9, items - 1), "price": rng.uniform(4, 14, items - 1),
                     "pack_size": rng.choice([1.0, 6.0, 12.0], items - 1), "min_order": rng.choice([0.0, 20.0], items - 1)},
        "stock": {"sku": ids[1:], "on_hand": rng.integers(-5, 150, items - 1).astype(float)},
    }  # fmt: skip


@pytest.mark.parametrize("budget", [0, 400.0])
def test_totals_add_up(budget):
    made = plan(**shop(1), paths=100, budget=budget)
    table, total = made.frame(), made.summary()
    lines = table.filter(pl.col("order_qty") > 0)
    assert total["lines"] == lines.height
    assert total["items"] == table.height
    assert total["order_value"] == pytest.approx((lines["order_qty"] * lines["unit_cost"]).sum())
    assert total["expected_gain"] == pytest.approx(total["lost_margin_avoided"] - total["holding_cost_added"])
    assert total["expected_gain"] == pytest.approx(table["expected_gain"].sum())
    assert total["overstock_value"] == pytest.approx(made.overstock()["overstock_value"].sum())
    assert total["overstock_items"] == made.overstock().height
    if budget:
        assert 0 < total["order_value"] <= budget
        free = plan(**shop(1), paths=100).summary()
        priced = free["order_value"]
        assert total["order_value"] + total["left_out_value"] == pytest.approx(priced)
        assert total["expected_gain"] <= free["expected_gain"]
    else:
        assert total["left_out_value"] == 0


def test_a_budget_buys_what_gains_most_per_unit_of_money_first():
    terms = {"products": {"sku": ["A", "B"], "price": [10.0, 20.0], "cost": [6.0, 6.0]},
             "stock": {"sku": ["A", "B"], "on_hand": [0.0, 0.0]}}  # fmt: skip
    made = plan(certain({"A": [2.0] * 28, "B": [2.0] * 28}), budget=300, **terms)
    assert (row(made, "B")["order_qty"], row(made)["order_qty"]) == (42.0, 8.0)
    assert made.left_out()["unique_id"].to_list() == ["A"]
    assert made.left_out()["cut_qty"].to_list() == [34.0]


@given(st.integers(0, 1000), st.floats(0, 80), st.floats(0, 60))
@settings(max_examples=25, deadline=None)
def test_more_stock_never_orders_more(seed, some, more):
    low, high = shop(seed, 6), shop(seed, 6)
    low["stock"]["on_hand"] = low["stock"]["on_hand"] + some
    high["stock"]["on_hand"] = low["stock"]["on_hand"] + more
    a, b = (plan(**s, paths=60).frame().sort("unique_id") for s in (low, high))
    assert (b["order_qty"] <= a["order_qty"] + 1e-9).all()


@given(st.integers(0, 1000), st.floats(0, 5))
@settings(max_examples=25, deadline=None)
def test_a_higher_margin_never_orders_less(seed, more):
    low, high = shop(seed, 6), shop(seed, 6)
    high["products"]["price"] = low["products"]["price"] + more
    a, b = (plan(**s, paths=60).frame().sort("unique_id") for s in (low, high))
    assert (b["order_qty"] >= a["order_qty"] - 1e-9).all()


@given(st.integers(0, 1000), st.floats(10, 2000))
@settings(max_examples=20, deadline=None)
def test_orders_respect_packs_minimum_and_budget_and_always_gain(seed, budget):
    got = plan(**shop(seed, 8), paths=60, budget=budget).frame()
    assert float(got["order_value"].sum()) <= budget * (1 + 1e-9)
    lines = got.filter(pl.col("order_qty") > 0)
    np.testing.assert_allclose(lines["packs"], lines["packs"].round())
    assert (lines["order_qty"] >= 1).all()
    assert (lines["expected_gain"] > 0).all()


def test_no_number_of_a_plan_is_nan_or_infinite():
    made = plan(**shop(3), lead_time_sd_days=4, budget=200)
    for column in made.frame().select(pl.col(pl.Float64)):
        assert column.drop_nulls().is_finite().all(), column.name


def test_an_item_gets_the_same_order_alone_and_among_others():
    parts = shop(5)
    together = plan(**parts, lead_time_sd_days=3).frame()
    forecast: Forecast = parts.pop("forecast")
    alone = plan(forecast.take([4]), **parts, lead_time_sd_days=3).frame()
    key = alone["unique_id"][0]
    assert alone.drop("rank").equals(together.filter(pl.col("unique_id") == key).drop("rank"))


def test_the_result_does_not_depend_on_how_many_items_are_looked_at_together(monkeypatch):
    parts = shop(6)
    whole = plan(**parts).frame()
    monkeypatch.setattr("skucast.decide.outlook._CELLS", 3 * 500 * 28)
    assert plan(**parts).frame().equals(whole)


def test_the_same_seed_gives_the_same_plan_and_another_one_a_similar_plan():
    parts = shop(7)
    a, b, c = (plan(**parts, seed=s) for s in (1, 1, 2))
    assert a.frame().equals(b.frame())
    assert not a.frame().equals(c.frame())
    assert c.summary()["order_value"] == pytest.approx(a.summary()["order_value"], rel=0.1)


@pytest.mark.parametrize("freq", ["h", "D", "W-WED", "ME", "QS"])
def test_any_frequency_plans_about_the_same_stock_for_the_same_demand(freq):
    steps = {"h": 24 * 28, "D": 28, "W-WED": 13, "ME": 6, "QS": 4}[freq]
    last = {"QS": dt.datetime(2026, 7, 1), "ME": dt.datetime(2026, 11, 30)}.get(freq, dt.datetime(2026, 11, 25))
    panel = Panel.from_frame(pl.DataFrame({"unique_id": ["A"], "ds": [last], "y": [1.0]}), freq=freq)
    level = 3.0 * panel.freq.days
    forecast = Forecast.of(panel, np.full((1, steps), level), np.full((1, steps, 2), level), [0.1, 0.9])
    got = row(plan(forecast, products=PRICED, stock={"sku": ["A"], "on_hand": [0.0]}, paths=50, whole_units=False))
    assert got["order_qty"] == pytest.approx(63, abs=3)


def test_a_plan_from_a_real_model_orders_about_what_will_sell():
    rng = np.random.default_rng(1)
    first = TODAY - dt.timedelta(days=140)
    frame = pl.DataFrame(
        [(k, first + dt.timedelta(days=d), float(rng.poisson(m))) for k, m in (("A", 5), ("B", 0.3)) for d in range(140)],
        schema=["unique_id", "ds", "y"], orient="row",
    )  # fmt: skip
    forecast = SeasonalNaive().fit(Panel.from_frame(frame)).predict(28)
    made = plan(forecast, products=PRICED, stock={"sku": ["A", "B"], "on_hand": [0.0, 0.0]})
    assert 21 * 5 < row(made)["order_qty"] < 21 * 5 * 2
    assert row(made, "B")["order_qty"] < 40
