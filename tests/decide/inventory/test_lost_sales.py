from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.inventory import (
    BaseStock,
    CappedBaseStock,
    Distribution,
    LostSales,
    best_base_stock,
    best_capped_base_stock,
    best_constant_order,
    constant_order_cost,
    myopic_lost_sales,
    optimal_lost_sales,
)
from skucast.errors import ConfigError

SMALL = Distribution.of_pairs({0: 0.3, 1: 0.3, 2: 0.2, 4: 0.2})


def optimum_by_hand(pmf, holding, shortage, lead_time, most):
    """Value iteration over all states with up to ``most`` units per order and on the shelf, in plain Python."""
    states = list(product(range(most * (lead_time + 1) + 1), *[range(most + 1)] * (lead_time - 1)))
    value = dict.fromkeys(states, 0.0)
    for _ in range(400):
        after = {}
        for x in states:
            cost = sum(p * (holding * max(x[0] - d, 0) + shortage * max(d - x[0], 0)) for d, p in pmf.items())
            after[x] = cost + min(
                sum(
                    p * value[(min(max(x[0] - d, 0) + (*x, z)[1], most * (lead_time + 1)), *(*x, z)[2:])]
                    for d, p in pmf.items()
                )
                for z in range(most + 1)
            )
        gain = after[states[0]] - value[states[0]]
        value = {x: 0.9 * after[x] + 0.1 * value[x] for x in states}
        value = {x: v - value[states[0]] for x, v in value.items()}
    return gain


@pytest.mark.parametrize("lead_time", [1, 2])
def test_optimum_is_that_of_an_unbounded_search(lead_time):
    pmf = {0: 0.5, 1: 0.2, 3: 0.3}
    got = optimal_lost_sales(LostSales(Distribution.of_pairs(pmf), 1, 6, lead_time), tolerance=1e-7)
    assert got.cost == pytest.approx(optimum_by_hand(pmf, 1, 6, lead_time, 4), abs=1e-4)


@settings(deadline=None, max_examples=15)
@given(st.floats(1, 40), st.integers(1, 3))
def test_costs_come_in_the_order_that_they_must(shortage, lead_time):
    system = LostSales(SMALL, 1, shortage, lead_time)
    best = optimal_lost_sales(system)
    assert system.cost_of(best.policy) == pytest.approx(best.cost, abs=1e-4)
    base, capped = best_base_stock(system), best_capped_base_stock(system)
    slack = 1e-4
    assert best.cost <= myopic_lost_sales(system).cost + slack
    assert best.cost <= capped.cost + slack
    assert capped.cost <= base.cost + slack
    assert best.cost <= best_constant_order(system).cost + slack
    for level in (base.policy.level - 1, base.policy.level + 1):
        assert system.cost_of(BaseStock(max(level, 0))) >= base.cost - slack
    assert (best.policy.table >= 0).all()


def test_waiting_longer_and_dearer_shortage_cost_more():
    costs = [[optimal_lost_sales(LostSales(SMALL, 1, p, n)).cost for n in (1, 2, 3)] for p in (2, 5, 20)]
    assert (np.diff(costs, axis=0) > 0).all()
    assert (np.diff(costs, axis=1) > 0).all()


def simulated(system, policy, periods=25_000):
    demand = np.random.default_rng(6).choice(system.pmf.size, periods, p=system.pmf)
    state, cost = np.zeros((1, system.lead_time), dtype=np.int64), 0.0
    for d in demand:
        order = policy.orders(state)[0]
        on_hand = state[0, 0]
        cost += system.holding * max(on_hand - d, 0) + system.shortage * max(d - on_hand, 0)
        pipeline = [*state[0, 1:], order]
        state = np.array([[max(on_hand - d, 0) + pipeline[0], *pipeline[1:]]])
    return cost / periods


@pytest.mark.parametrize("policy", [BaseStock(7), CappedBaseStock(9, 2), CappedBaseStock(6, 3)])
def test_cost_is_what_a_simulation_shows(policy):
    system = LostSales(SMALL, 1, 6, 2)
    assert system.cost_of(policy) == pytest.approx(simulated(system, policy), rel=0.03)


def test_capped_search_finds_the_best_of_all_levels_and_caps():
    system = LostSales(SMALL, 1, 6, 2)
    every = min(system.cost_of(CappedBaseStock(s, r)) for s in range(1, 14) for r in range(1, 6) if r >= 2 or s < 12)
    assert best_capped_base_stock(system).cost == pytest.approx(every, abs=1e-4)


def test_certain_demand_costs_nothing_once_the_pipeline_is_full():
    system = LostSales(Distribution.point(3), 1, 6, 2)
    assert system.cost_of(BaseStock(9)) == pytest.approx(0, abs=1e-5)
    assert optimal_lost_sales(system).cost == pytest.approx(0, abs=1e-4)


def test_ordering_nothing_loses_all_demand():
    system = LostSales(SMALL, 1, 6, 2)
    assert system.cost_of(BaseStock(0)) == pytest.approx(6 * SMALL.mean, abs=1e-5)
    assert constant_order_cost(system, 0) == pytest.approx(6 * SMALL.mean)


def test_myopic_1_costs_more_than_myopic_2():
    system = LostSales(Distribution.poisson(5), 1, 9, 3)
    assert myopic_lost_sales(system, 1).cost > myopic_lost_sales(system, 2).cost > optimal_lost_sales(system).cost


def test_heavy_tails_are_no_obstacle():
    system = LostSales(Distribution.geometric(5), 1, 9, 2)
    best = optimal_lost_sales(system)
    assert best.cost <= myopic_lost_sales(system).cost <= best_base_stock(system).cost


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: LostSales(SMALL, 1, 6, 0), "use `newsvendor`"),
        (lambda: LostSales(SMALL, 0, 6, 1), "Holding must be a number above zero"),
        (lambda: LostSales(Distribution.of_pairs({0: 0.5, 6: 0.5}, step=6), 1, 6, 1), "whole units"),
        (lambda: optimal_lost_sales(LostSales(Distribution.poisson(100), 1, 6, 5)), "Too many states"),
        (lambda: constant_order_cost(LostSales(SMALL, 1, 6, 1), 2), "piles up stock without end"),
        (lambda: myopic_lost_sales(LostSales(SMALL, 1, 6, 1), 3), "1 or 2 periods, not 3"),
    ],
)
def test_what_cannot_be_solved_is_said(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
