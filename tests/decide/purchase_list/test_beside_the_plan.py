"""The list and `skucast.decide.purchase` on the same forecast, drawn alike: two ways to the same order."""

import numpy as np
import polars as pl
import pytest

from skucast.config import Plan
from skucast.decide.lead_time import draw_lead_times
from skucast.decide.purchase import purchase_plan
from skucast.decide.purchase_list import Limits, Lines, gain_curves, order_sales, purchase_list
from skucast.decide.timeline import Timeline

from ..making import poisson

RATES = {"A": 0.4, "B": 3.0, "C": 1.2, "D": 8.0}
PRODUCTS = {
    "sku": list("ABCD"), "cost": [4.0, 2.0, 9.0, 1.5], "price": [9.0, 2.6, 10.0, 4.0], "pack_size": [1.0, 6.0, 1.0, 12.0],
    "min_order": [0.0, 0.0, 10.0, 30.0],
}  # fmt: skip
STOCK = {"sku": list("ABCD"), "on_hand": [2.0, 5.0, 0.0, 40.0]}


def both(budget):
    """The plan's table and the list, from the same paths and lead times."""
    forecast = poisson(RATES)
    terms = Plan(paths=200, budget=budget, lead_time_days=4, lead_time_sd_days=2, review_days=7, holding_rate=0.9)
    plan = purchase_plan(forecast, plan=terms, stock=pl.DataFrame(STOCK), products=pl.DataFrame(PRODUCTS), seed=3)
    table = plan.table.sort("unique_id")
    cost = np.array(PRODUCTS["cost"])
    lines = Lines(
        forecast.ids.to_list(), PRODUCTS["price"], cost, position=STOCK["on_hand"], pack=PRODUCTS["pack_size"],
        min_order=PRODUCTS["min_order"], salvage=cost - cost * 0.9 * 7 / 365,
    )  # fmt: skip
    timeline = Timeline.of(forecast)
    lead = draw_lead_times(np.full(4, 4.0), np.full(4, 2.0), 200, 3)
    sales = order_sales(
        lines, forecast.paths(200, 3), timeline.steps(lead), timeline.steps(lead + 7), forecast.freq.season
    )
    return table, purchase_list(lines, gain_curves(lines, sales, 0.0), Limits(budget or np.inf), gap=0.0)


def test_without_a_budget_both_order_the_same():
    table, order = both(0.0)
    assert (order.packs > 0).sum() >= 3
    np.testing.assert_allclose(order.table["units"], table["order_qty"])
    np.testing.assert_allclose(order.table["gain"], table["expected_gain"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(order.table["p_out"], table["p_out_without_order"])


@pytest.mark.parametrize("budget", [40.0, 90.0, 150.0])
def test_within_a_budget_the_optimum_gains_at_least_what_the_plan_gains(budget):
    table, order = both(budget)
    assert table["order_value"].sum() <= budget
    assert order.spent <= budget + 1e-9
    assert order.gain >= table["expected_gain"].sum() - 1e-4
