from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.inventory import Normal, PriorityList, fund, marginal_gains, newsvendor_profit
from skucast.errors import ConfigError


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=9),
    st.integers(0, 90),
)
def test_funded_orders_are_worth_what_enumeration_finds(orders, capacity):
    value, weight, volume = (np.array(x) for x in zip(*orders, strict=True))
    one = fund(value, weight, capacity)
    two = fund(value, np.stack([weight, volume]), [capacity, 12])
    every = np.array(list(product((0, 1), repeat=len(orders))))
    fits = every @ weight <= capacity
    assert one.value == (every @ value)[fits].max()
    assert two.value == (every @ value)[fits & (every @ volume <= 12)].max()
    assert weight[one.chosen].sum() <= capacity


def instance(seed, items=12):
    g = np.random.default_rng(seed)
    cost = g.uniform(2, 30, items)
    gains = marginal_gains(
        g.poisson(g.uniform(2, 15, items)[:, None], (items, 300)).astype(float), 25, cost * g.uniform(1.2, 2.5, items), cost,
        salvage=0.6 * cost, shortage=1.0,
    )  # fmt: skip
    return gains, cost


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("budget", [25, 400, 3000])
def test_the_list_stays_within_one_lot_of_the_linear_bound(seed, budget):
    """LP >= MILP >= greedy >= LP less the largest single gain; Lokad's list, the fractional knapsack argument."""
    gains, cost = instance(seed)
    ranked = PriorityList.of(gains, cost)
    taken = ranked.within(budget)
    bounds = ranked.bounds(budget)
    assert bounds.greedy == pytest.approx(ranked.gain[taken].sum())
    assert bounds.greedy <= bounds.integer + 1e-9
    assert bounds.integer <= bounds.linear + 1e-9
    assert bounds.greedy >= bounds.linear - gains.max() - 1e-9
    assert ranked.cost[taken].sum() <= budget + 1e-9
    quantity = ranked.quantities(taken, len(cost))
    assert quantity @ cost == pytest.approx(ranked.cost[taken].sum())
    for i, n in enumerate(quantity):  # the lots of an item are bought in turn
        assert ranked.number[taken & (ranked.item == i)].tolist() == list(range(1, n + 1))


def test_the_list_falls_in_gain_per_money():
    gains, cost = instance(0)
    ranked = PriorityList.of(gains, cost)
    assert (np.diff(ranked.gain / ranked.cost) <= 1e-12).all()
    assert (ranked.gain > 0).all()
    assert len(ranked) == (gains > 0).sum()


def test_more_budget_never_gains_less():
    gains, cost = instance(1)
    ranked = PriorityList.of(gains, cost)
    assert np.diff([ranked.bounds(b).integer for b in (0, 50, 100, 200, 400)]).min() >= -1e-9


def test_gains_add_up_to_the_profit_of_the_newsvendor():
    law = Normal(20, 5)
    gains = marginal_gains(law, 60, price=9, unit_cost=4, salvage=2)
    best = newsvendor_profit(law, 9, 4, 2)
    quantity = int((gains[0] > 0).sum())
    assert quantity in (int(best.quantity), int(best.quantity) + 1)
    assert gains[0, :quantity].sum() == pytest.approx(best.profit, abs=0.2)
    assert (np.diff(gains[0]) <= 1e-12).all()


def test_packs_and_stock_shift_the_gains():
    draws = np.random.default_rng(0).poisson(10, (1, 500)).astype(float)
    terms = {"price": 9, "unit_cost": 4, "salvage": 2, "carrying": 0.5, "shortage": 1}
    single = marginal_gains(draws, 40, **terms)
    np.testing.assert_allclose(marginal_gains(draws, 6, pack=6, **terms)[0], single[0, :36].reshape(6, 6).sum(axis=1))
    np.testing.assert_allclose(marginal_gains(draws, 5, position=7, **terms)[0], single[0, 7:12])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: fund([1, 2], [[1, 2, 3]], [5]), "shape \\(1, 2\\), not \\(1, 3\\)"),
        (lambda: fund([1, 2], [1, -2], 5), "Weights must be a number of at least zero, not -2"),
        (lambda: PriorityList.of([[1.0, 2.0]], [3.0]), "gains more than an earlier one"),
        (lambda: PriorityList.of([[1.0]], [0.0]), "Lot cost must be a number above zero"),
        (lambda: PriorityList.of([[1.0]], [1.0]).within(-5), "Budget must be a number of at least zero"),
    ],
)
def test_impossible_lists_are_said(call, says):
    with pytest.raises(ConfigError, match=says):
        call()


def test_nothing_to_choose_from_is_no_error():
    assert fund([], np.zeros((1, 0)), 5).value == 0
    empty = PriorityList.of(np.zeros((2, 3)), [1.0, 1.0])
    assert tuple(empty.bounds(10)) == (0, 0, 0)
