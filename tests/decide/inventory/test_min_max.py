import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.inventory import Distribution, expected_cost, min_max_cost, min_max_exact, min_max_power, newsvendor
from skucast.errors import ConfigError

LAWS = [
    Distribution.poisson(6),
    Distribution.negative_binomial(4, 16),
    Distribution.of_pairs({0: 0.7, 3: 0.2, 11: 0.1}),
    Distribution.of_pairs({0: 0.4, 12: 0.4, 24: 0.2}, step=12),
]


def by_markov_chain(s, top, law, holding, shortage, fixed):
    """The stationary law of the position after ordering, written as a matrix; lead time 0."""
    levels = np.arange(s + 1, top + 1)
    pmf = law.from_zero()
    move = np.zeros((levels.size, levels.size))
    orders = np.zeros(levels.size)
    for i, y in enumerate(levels):
        for d, p in enumerate(pmf):
            if y - d <= s:
                move[i, -1] += p
                orders[i] += p
            else:
                move[i, y - d - s - 1] += p
    equations = np.vstack([move.T - np.eye(levels.size), np.ones(levels.size)])
    chance = np.linalg.lstsq(equations, np.append(np.zeros(levels.size), 1.0), rcond=None)[0]
    return chance @ (expected_cost(law, levels * law.step, holding, shortage) + fixed * orders)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("s", "top"), [(-3, 4), (2, 3), (5, 21)])
def test_cost_is_that_of_the_markov_chain(law, s, top):
    got = min_max_cost(s * law.step, top * law.step, law, 1, 7, 12)
    assert got == pytest.approx(by_markov_chain(s, top, law, 1, 7, 12))


@pytest.mark.parametrize("law", LAWS)
@settings(deadline=None, max_examples=12)
@given(st.floats(0.2, 4), st.floats(0.5, 40), st.floats(0, 80), st.integers(0, 3))
def test_exact_policy_is_the_best_of_all_on_the_grid(law, holding, shortage, fixed, lead_time):
    best = min_max_exact(law, holding, shortage, fixed, lead_time)
    assert best.s < best.S
    assert best.cost == pytest.approx(min_max_cost(best.s, best.S, law, holding, shortage, fixed, lead_time))
    step = law.step
    for s in range(round(best.s / step) - 5, round(best.s / step) + 6):
        for top in range(max(s + 1, round(best.S / step) - 6), round(best.S / step) + 7):
            cost = min_max_cost(s * step, top * step, law, holding, shortage, fixed, lead_time)
            assert best.cost <= cost + 1e-9


def test_wide_search_finds_nothing_better():
    law = LAWS[2]
    best = min_max_exact(law, 1, 9, 15)
    costs = [min_max_cost(s, top, law, 1, 9, 15) for s in range(-6, 22) for top in range(s + 1, 34)]
    assert best.cost == pytest.approx(min(costs))


def simulated(s, top, lead, review, periods=150_000):
    """(R,s,S) with backorders, Poisson(6), h = 1, p = 7, K = 30; lead times given per order."""
    g = np.random.default_rng(8)
    demand = g.poisson(6, periods)
    lead_times = g.choice(list(lead), periods, p=list(lead.values()))
    due = np.zeros(periods + 20)
    net, on_order, cost, last = float(top), 0.0, 0.0, 0
    for t in range(periods):
        if t % review == 0 and net + on_order <= s:
            lot = top - net - on_order
            last = max(t + lead_times[t], last)  # orders do not overtake each other
            due[last] += lot
            on_order += lot
            cost += 30
        net += due[t]
        on_order -= due[t]
        net -= demand[t]
        cost += max(net, 0.0) + 7 * max(-net, 0.0)
    return cost / periods


@pytest.mark.parametrize(("lead", "review"), [({0: 1.0}, 1), ({2: 1.0}, 1), ({2: 1.0}, 3), ({1: 0.5, 4: 0.5}, 4)])
def test_cost_with_lead_time_and_review_is_what_a_simulation_shows(lead, review):
    """Reviews four periods apart and lead times three apart: no order overtakes another."""
    law = Distribution.poisson(6)
    best = min_max_exact(law, 1, 7, 30, Distribution.of_pairs(lead), review)
    assert simulated(best.s, best.S, lead, review) == pytest.approx(best.cost, rel=0.015)


def test_free_orders_are_a_base_stock():
    law = Distribution.poisson(6)
    best = min_max_exact(law, 1, 7, 0, lead_time=2)
    assert best.S == best.s + 1 == newsvendor(law.times(3), 1, 7).quantity
    assert best.cost == pytest.approx(newsvendor(law.times(3), 1, 7).cost)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.5, 20), st.floats(0, 20), st.floats(0, 60), st.floats(0, 40))
def test_dearer_terms_cost_more(shortage, more, fixed, dearer):
    law = LAWS[1]
    base = min_max_exact(law, 1, shortage, fixed)
    assert min_max_exact(law, 1, shortage + more, fixed).cost >= base.cost - 1e-9
    dear = min_max_exact(law, 1, shortage, fixed + dearer)
    assert dear.cost >= base.cost - 1e-9
    assert dear.S - dear.s >= base.S - base.s


@pytest.mark.parametrize(("mean", "fixed", "lead_time"), [(20, 64, 0), (40, 200, 2), (9, 32, 4)])
def test_power_approximation_costs_little_more_than_the_best(mean, fixed, lead_time):
    law = Distribution.negative_binomial(mean, 3 * mean)
    best = min_max_exact(law, 1, 24, fixed, lead_time)
    near = min_max_power(mean, np.sqrt(3 * mean), 1, 24, fixed, lead_time)
    assert min_max_cost(round(near.s), round(near.S), law, 1, 24, fixed, lead_time) < best.cost * 1.03


def test_small_orders_stay_below_the_newsvendor():
    got = min_max_power(50, 8, 0.18, 0.7, 2.5, small_orders=True)
    assert (got.s, got.S) == (pytest.approx(40.19461695647407), pytest.approx(56.60395592743389))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: min_max_exact(Distribution.point(0), 1, 1, 1), "never any demand"),
        (lambda: min_max_exact(LAWS[0], 0, 1, 1), "Holding must be a number above zero"),
        (lambda: min_max_cost(5, 5, LAWS[0], 1, 1, 1), "s below S"),
        (lambda: min_max_cost(5, 11, LAWS[3], 1, 1, 1), "multiples of the step 12"),
        (lambda: min_max_exact(LAWS[0], 1, 1, 1, lead_time=-1), "Lead time must be a whole number"),
    ],
)
def test_impossible_terms_are_said(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
