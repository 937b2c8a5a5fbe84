import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skucast.decide.health import HealthOptions, plan_worth, worth_ordering
from tests.decide.health.test_exits import prospects
from tests.decide.making import plan, poisson


def test_one_unit_must_sell_with_a_chance_above_cost_over_price():
    # sells in 5 of 10 futures; nothing held: 10 x 0.5 = 5
    p = prospects([[1.0] * 5 + [0.0] * 5], margin=0.0)
    for cost, net in ((4.0, 1.0), (6.0, -1.0)):
        found = worth_ordering(p, np.zeros(1), np.ones(1), np.array([cost]))
        assert found.net == pytest.approx([net])
        assert found.worth.tolist() == [net > 0]
        assert found.p_sold == pytest.approx([0.5])
    assert worth_ordering(p, np.zeros(1), np.ones(1), np.array([4.0]), line_cost=2.0).net == pytest.approx([-1.0])


def test_what_is_there_is_sold_first_and_what_is_owed_is_sold_at_once():
    p = prospects([[3.0]], margin=0.0)
    # 3 asked for, 2 there: one of 2 ordered units sells; with 1 owed, 2 ordered: 1 at once and 1 later
    assert worth_ordering(p, np.array([2.0]), np.array([2.0]), np.array([4.0])).net == pytest.approx([10 - 8])
    assert worth_ordering(p, np.array([-1.0]), np.array([2.0]), np.array([4.0])).net == pytest.approx([20 - 8])


@given(st.integers(0, 999))
def test_a_dearer_unit_or_a_fuller_shelf_is_never_worth_more(seed):
    rng = np.random.default_rng(seed)
    p = prospects(rng.poisson(3, (1, 30)), margin=0.0, holding=0.005)
    quantity, have, cost = np.array([float(rng.integers(1, 6))]), np.array([float(rng.integers(0, 5))]), np.array([3.0])
    net = worth_ordering(p, have, quantity, cost).net
    assert (worth_ordering(p, have, quantity, cost + 1).net <= net).all()
    assert (worth_ordering(p, have + 1, quantity, cost).net <= net + 1e-9).all()


def test_the_newsvendor_orders_a_unit_that_hardly_sells_and_this_keeps_it_off_the_list():
    # demand per year: A 0.2, B 0.7, C 6, D 700; the margin is 40 %, so a unit must sell with a chance above 60 %
    rates = {"A": 0.2 / 365, "B": 0.7 / 365, "C": 6 / 365, "D": 700 / 365}
    forecast = poisson(rates, steps=28)
    made = plan(
        forecast, stock={"sku": list(rates), "on_hand": [0.0] * 4},
        products={"sku": list(rates), "cost": [6.0] * 4, "price": [10.0] * 4}, paths=400,
    )  # fmt: skip
    table = made.frame().with_columns(order_qty=pl.max_horizontal("order_qty", pl.lit(1.0)))  # a unit each at least
    found = plan_worth(forecast, table, HealthOptions(paths=2000, holding_rate=0.0)).sort("unique_id")
    assert found["unique_id"].to_list() == list(rates)
    for row, yearly in zip(found.iter_rows(named=True), (0.2, 0.7), strict=False):
        chance = stats.poisson.sf(0, yearly)
        assert row["p_sold"] == pytest.approx(chance, abs=0.05)
        assert row["net"] == pytest.approx(10 * chance - 6, abs=0.5)
    assert found["worth"].to_list() == [False, False, True, True]
    assert found["worth_qty"].to_list()[:2] == [0, 0]


def test_an_order_that_is_too_much_shrinks_to_the_packs_that_pay():
    forecast = poisson({"A": 10 / 365}, steps=28)
    line = {
        "unique_id": ["A"], "order_qty": [60.0], "pack_size": [6.0], "unit_cost": [7.0], "unit_price": [10.0],
        "position": [None], "lead_days": [14.0], "review_days": [7.0],
    }  # fmt: skip
    table = pl.DataFrame(line, schema_overrides={"position": pl.Float64})
    found = plan_worth(forecast, table, HealthOptions(paths=1000, holding_rate=0.0)).row(0, named=True)
    # 60 units: about 10 sell: 100 - 420 < 0. E min(Poisson(10), 6) = 5.9: 59 - 42; E min(., 12) = 9.4: 94 - 84
    assert found["net"] == pytest.approx(100 - 420, abs=8)
    assert found["worth_qty"] == 6
    assert plan_worth(forecast, table.with_columns(order_qty=0.0)).is_empty()
