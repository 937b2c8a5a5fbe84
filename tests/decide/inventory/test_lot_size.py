from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.inventory import rolling_lot_sizes, wagner_whitin
from skucast.errors import ConfigError

N = 6
demand = st.lists(st.one_of(st.just(0), st.integers(1, 90)), min_size=N, max_size=N)
row = st.lists(st.floats(0, 200), min_size=N, max_size=N)
small = st.lists(st.floats(0, 4), min_size=N, max_size=N)


def by_enumeration(d, fixed, holding, unit_cost, opening):
    """Every choice of order periods, each order lasting to the next."""
    best = np.inf
    for chosen in product((False, True), repeat=N):
        stock, cost = opening, 0.0
        for t in range(N):
            if chosen[t]:
                end = next((k for k in range(t + 1, N) if chosen[k]), N)
                lot = max(sum(d[t:end]) - stock, 0.0)
                cost += fixed[t] + unit_cost[t] * lot
                stock += lot
            stock -= d[t]
            if stock < 0:
                break
            cost += holding[t] * stock
        else:
            best = min(best, cost)
    return best


@settings(deadline=None, max_examples=60)
@given(demand, row, small, small, st.integers(0, 60))
def test_lot_sizes_cost_what_enumeration_finds(d, fixed, holding, unit_cost, opening):
    got = wagner_whitin(d, fixed, holding, unit_cost, opening)
    assert got.cost == pytest.approx(by_enumeration(d, fixed, holding, unit_cost, opening))
    stock = opening + np.cumsum(got.orders) - np.cumsum(d)
    assert (stock >= -1e-9).all()
    assert (got.orders >= 0).all()
    bought = got.orders > 0
    written = np.dot(fixed, bought) + np.dot(unit_cost, got.orders) + np.dot(holding, stock)
    assert written == pytest.approx(got.cost)


@settings(deadline=None, max_examples=60)
@given(demand, st.floats(0, 200), st.floats(0, 4), st.integers(0, 60), st.integers(1, N))
def test_seeing_less_far_never_costs_less(d, fixed, holding, opening, window):
    best = wagner_whitin(d, fixed, holding, opening=opening).cost
    rolled = rolling_lot_sizes(d, window, fixed, holding, opening=opening)
    assert rolled.cost >= best - 1e-9
    assert (opening + np.cumsum(rolled.orders) - np.cumsum(d) >= -1e-9).all()
    assert rolling_lot_sizes(d, N, fixed, holding, opening=opening).cost == pytest.approx(best)


def test_a_buyer_who_sees_one_period_orders_for_one():
    got = rolling_lot_sizes([90, 120, 80, 70], 1, fixed=500, holding=2)
    assert got.orders.tolist() == [90, 120, 80, 70]
    assert got.cost == 2000


@given(demand, st.floats(0, 200), st.floats(0, 200), st.floats(0, 4))
def test_dearer_orders_never_make_the_plan_cheaper(d, fixed, more, holding):
    assert wagner_whitin(d, fixed + more, holding).cost >= wagner_whitin(d, fixed, holding).cost - 1e-9


def test_no_demand_is_no_order():
    got = wagner_whitin([0, 0, 0], 50, 1)
    assert got.orders.tolist() == [0, 0, 0]
    assert got.cost == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: wagner_whitin([], 5, 1), "at least one period"),
        (lambda: wagner_whitin([3, -1], 5, 1), "Demand must be a number of at least zero, not -1"),
        (lambda: wagner_whitin([3, 1], [5, 5, 5], 1), "fixed cost must be one number or one per period: 3 given, 2"),
        (lambda: rolling_lot_sizes([3, 1], 0, 5, 1), "Window must be a whole number of at least 1"),
    ],
)
def test_impossible_plans_are_said(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
