"""The order of a plan: lost sales, costs given outright, patience, room, learned lead times."""

import dataclasses
import datetime as dt

import numpy as np
import polars as pl
import pytest

from skucast.decide.draws import sample_paths
from skucast.decide.inventory import order_through_lead_time

from .making import TODAY, certain, noted, plan, poisson, row, said

PRICED = {"sku": ["A"], "price": [10.0], "cost": [6.0]}
TWO = {"A": [2.0] * 28}


def test_lost_sales_are_not_ordered_again():
    stock = {"sku": ["A"], "on_hand": [8.0]}
    lost, waits = (row(plan(certain(TWO), stock=stock, products=PRICED, unmet=u)) for u in ("lost", "wait"))
    assert (lost["order_qty"], waits["order_qty"]) == (14, 34)
    assert lost["lost_units_with"] == 28 - 8
    assert waits["lost_units_with"] == 0
    assert said(plan(certain(TWO), stock=stock, unmet="lost"))["unmet-lost"] == 1


def test_an_unknown_shelf_loses_nothing_that_is_only_assumed():
    assert row(plan(certain(TWO), products=PRICED, unmet="lost"))["order_qty"] == 42


def test_a_weekly_order_is_that_of_the_game_played_through_the_lead_time_or_a_little_less():
    ids = [f"S{k}" for k in range(8)]
    rng = np.random.default_rng(3)
    forecast = poisson(dict(zip(ids, rng.uniform(0.3, 9, 8), strict=True)), steps=4, freq="W-SUN")
    on_hand, coming = rng.integers(0, 12, 8).astype(float), rng.integers(0, 6, (8, 2)).astype(float)
    orders = pl.DataFrame(
        [(s, coming[i, k], TODAY + dt.timedelta(weeks=k)) for i, s in enumerate(ids) for k in range(2)],
        schema=["sku", "quantity", "due"], orient="row",
    )  # fmt: skip
    made = plan(
        forecast, stock={"sku": ids, "on_hand": on_hand}, open_orders=orders, unmet="lost", lead_time_days=14,
        review_days=7, holding_cost=0.2 / 7, shortage_cost=1.0, paths=400, seed=5,
    )  # fmt: skip
    # the myopic order is an upper bound of the best (Morton 1971); the plan also sees the order after this one
    myopic = order_through_lead_time(sample_paths(forecast, 400, 5), on_hand, coming, 0.2, 1.0, lead_time=2)
    got = made.frame().sort("unique_id")["order_qty"].to_numpy()
    assert (got <= myopic).all()
    assert (got >= myopic - 1).all()
    assert got.sum() > 0


def test_before_demand_falls_less_is_ordered():
    steady, falling = certain({"A": [4.0] * 5}, freq="W-SUN"), certain({"A": [4.0] * 3 + [0.0] * 2}, freq="W-SUN")
    terms = {"stock": {"sku": ["A"], "on_hand": [0.0]}, "unmet": "lost", "lead_time_days": 14, "review_days": 7,
             "shortage_cost": 1.0, "holding_cost": 0.2 / 7}  # fmt: skip
    assert row(plan(steady, **terms))["order_qty"] == row(plan(falling, **terms))["order_qty"] == 4
    unsure = poisson({"A": 4.0}, steps=5, freq="W-SUN")
    mean = unsure.mean.copy()
    mean[:, 3:] = 0.0
    quantiles = unsure.quantiles.copy()
    quantiles[:, 3:] = 0.0
    ends = dataclasses.replace(unsure, mean=mean, quantiles=quantiles)
    assert row(plan(ends, **terms, paths=1000))["order_qty"] < row(plan(unsure, **terms, paths=1000))["order_qty"]


def test_costs_given_outright_come_before_price_and_cost():
    def got(**more):
        return row(plan(poisson({"A": 4.0}), stock={"sku": ["A"], "on_hand": [0.0]}, paths=2000, **more))

    # a unit short costs 1, one left over .0286 a day for a week: the ratio is 1 / 1.2
    assert got(shortage_cost=1.0, holding_cost=0.2 / 7)["service_target"] == pytest.approx(1 / 1.2)
    own = got(shortage_cost=9.0, products={**PRICED, "shortage_cost": [1.0], "holding_cost": [0.2 / 7]})
    assert own["service_target"] == pytest.approx(1 / 1.2)
    assert got(shortage_cost=0.0, products=PRICED)["order_qty"] == 0


def test_what_would_not_be_sold_in_time_is_ordered_less_or_not_at_all():
    terms = {"products": PRICED, "stock": {"sku": ["A"], "on_hand": [0.0]}, "paths": 400}
    slow = plan(poisson({"A": 0.7 / 365}), **terms)
    assert (row(slow)["order_qty"], row(slow)["reason"], said(slow)["slow"]) == (0, "not-worth", 1)
    assert "chance of selling out within 12 months" in row(slow)["reason_en"]
    patient = plan(poisson({"A": 0.7 / 365}), **terms, patience_days=3650, holding_rate=0.01)
    assert row(patient)["order_qty"] >= 1
    dear = plan(poisson({"A": 0.1}), **terms, line_cost=1e6)
    assert row(dear)["order_qty"] == 0


def test_what_is_slow_is_called_slow_within_a_budget_too():
    made = plan(
        poisson({"A": 0.7 / 365, "B": 3.0}), budget=100.0, paths=400, stock={"sku": ["A", "B"], "on_hand": [0.0, 0.0]},
        products={"sku": ["A", "B"], "price": [10.0, 10.0], "cost": [6.0, 6.0]},
    )  # fmt: skip
    assert row(made)["reason"] == "not-worth"
    assert "chance of selling out within 12 months" in row(made)["reason_en"]
    assert row(made, "B")["reason"] == "cut"


def test_a_smallest_line_that_spoils_is_named_with_the_line_that_would_do():
    made = plan(
        certain(TWO), products={**PRICED, "shelf_life_days": [30.0], "min_order": [100.0]},
        stock={"sku": ["A"], "on_hand": [0.0]}, unmet="lost",
    )  # fmt: skip
    assert (row(made)["order_qty"], row(made)["reason"]) == (0, "min-order-spoils")
    assert "A line of at most 60 units would do" in row(made)["reason_en"]
    assert made.joint is None


def test_room_is_shared_by_what_gains_most_in_it():
    products = {
        "sku": ["A", "B"],
        "price": [10.0, 10.0],
        "cost": [6.0, 6.0],
        "volume_l": [1.0, 4.0],
        "weight_kg": [2.0, None],
    }
    stock = {"sku": ["A", "B"], "on_hand": [0.0, 0.0]}
    made = plan(certain({"A": [2.0] * 28, "B": [2.0] * 28}), products=products, stock=stock, max_volume_l=50)
    assert (row(made)["order_qty"], row(made, "B")["order_qty"]) == (42, 2)
    assert row(made, "B")["reason"] == "cut"
    assert made.joint is not None
    assert made.joint.gap < 1e-4
    heavy = plan(certain({"A": [2.0] * 28, "B": [2.0] * 28}), products=products, stock=stock, max_weight_kg=20)
    assert (row(heavy)["order_qty"], row(heavy, "B")["order_qty"]) == (10, 42)
    assert said(heavy)["room-unknown"] == 1


def test_lead_times_are_learned_from_deliveries():
    days = [TODAY - dt.timedelta(days=200 - 4 * k) for k in range(40)]
    records = pl.DataFrame({
        "supplier": ["Kiln"] * 40, "ordered_at": days, "received_at": [d + dt.timedelta(days=21 + k % 3) for k, d in enumerate(days)],
    })  # fmt: skip
    made = plan(
        certain({"A": [2.0] * 60, "B": [2.0] * 60}), deliveries=records, suppliers={"supplier": ["Kiln"], "review_days": [7.0]},
        products={"sku": ["A", "B"], "price": [10.0, 10.0], "cost": [6.0, 6.0], "supplier": ["Kiln", "Loom"]},
    )  # fmt: skip
    assert row(made)["lead_days"] == pytest.approx(22, abs=1)
    assert row(made, "B")["lead_days"] == 14
    assert row(made)["demand_lead_mean"] == pytest.approx(2 * row(made)["lead_days"], rel=0.02)
    assert said(made)["lead-time-learned"] == 1
    assert "deliveries" not in {r["table"] for r in made.repairs.rows}


def test_a_budget_beside_a_minimum_that_it_does_not_reach_names_both():
    made = plan(
        certain(TWO), products={**PRICED, "supplier": ["Kiln"]}, stock={"sku": ["A"], "on_hand": [0.0]}, budget=100.0,
        suppliers={"supplier": ["Kiln"], "min_order_value": [240.0], "order_cost": [10.0]},
    )  # fmt: skip
    assert row(made)["reason"] == "supplier-beyond-budget"
    assert "at least €250" in row(plan(
        certain(TWO), products={**PRICED, "supplier": ["Kiln"]}, stock={"sku": ["A"], "on_hand": [0.0]}, budget=100.0,
        suppliers={"supplier": ["Kiln"], "min_order_value": [240.0], "order_cost": [10.0]}, currency="EUR",
    ))["reason_en"]  # fmt: skip
    assert noted(made)["supplier-minimum-not-met"] == 1
    assert row(made)["order_qty"] == 0
