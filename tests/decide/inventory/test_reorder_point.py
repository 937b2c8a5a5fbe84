import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.inventory import (
    Distribution,
    Gamma,
    Normal,
    eoq_backorders,
    reorder_point_for_cycle_service,
    reorder_point_for_fill_rate,
    rq_best_r,
    rq_continuous,
    rq_cost,
    rq_exact,
    rq_normal,
)
from skucast.errors import ConfigError

LAWS = [
    Distribution.poisson(3),
    Distribution.negative_binomial(6, 20),
    Distribution.empirical([0, 0, 4, 9, 9, 17]),
    Distribution.of_pairs({0: 0.5, 6: 0.3, 24: 0.2}, step=6),
]


@pytest.mark.parametrize("law", LAWS)
@settings(deadline=None, max_examples=15)
@given(st.floats(0.5, 5), st.floats(1, 40), st.floats(0, 60), st.floats(0.5, 5))
def test_exact_policy_is_the_best_of_all_on_the_grid(law, holding, shortage, fixed, rate):
    best = rq_exact(law, rate, holding, shortage, fixed)
    assert best.cost == pytest.approx(rq_cost(best.r, best.Q, law, rate, holding, shortage, fixed))
    step = law.step
    others = [
        rq_cost(r * step, q * step, law, rate, holding, shortage, fixed)
        for r in range(-8, 40, 2)
        for q in range(1, 30, 2)
    ]
    assert best.cost <= min(others) + 1e-9
    assert best.r == rq_best_r(best.Q, law, holding, shortage) or best.cost == pytest.approx(
        rq_cost(rq_best_r(best.Q, law, holding, shortage), best.Q, law, rate, holding, shortage, fixed)
    )


def test_cost_is_what_a_simulation_of_single_sales_shows():
    """Poisson sales one by one, lead time 2, a reorder point of 3 and orders of 5."""
    g = np.random.default_rng(4)
    sales = np.cumsum(g.exponential(1 / 1.5, 60_000))
    # order when the position falls to r: with single sales at every fifth sale; it arrives 2 later
    arrivals = sales[4::5] + 2
    moments = np.concatenate([sales, arrivals])
    change = np.concatenate([-np.ones(sales.size), np.full(arrivals.size, 5.0)])
    order = np.argsort(moments)
    level, time = 8 + np.cumsum(change[order])[:-1], np.diff(moments[order])
    held, waiting = np.maximum(level, 0) @ time, np.maximum(-level, 0) @ time
    cost = (20 * held + 150 * waiting) / time.sum() + 100 * 1.5 / 5
    assert rq_cost(3, 5, Distribution.poisson(3), 1.5, 20, 150, 100) == pytest.approx(cost, rel=0.02)


@settings(deadline=None, max_examples=10)
@given(st.floats(0.1, 3), st.floats(1, 30), st.floats(5, 400))
def test_no_neighbour_of_the_continuous_policy_is_cheaper(holding, shortage, fixed):
    for law in (Normal(100, 30), Gamma(100, 60)):
        best = rq_continuous(law, 400, holding, shortage, fixed)
        for dr in (-2, 0, 2):
            for dq in (-2, 0, 2):
                cost = rq_cost(best.r + dr, max(best.Q + dq, 1), law, 400, holding, shortage, fixed)
                assert cost >= best.cost * (1 - 1e-9)
        assert best.cost >= eoq_backorders(fixed, holding, shortage, 400).cost - 1e-9


@pytest.mark.parametrize("method", ["loss-function", "eoqb", "eoq+ss"])
def test_approximations_never_beat_the_exact_policy(method):
    exact = rq_normal(500, 80, 0.1, 0.4, 6, 20)
    assert exact.cost <= rq_normal(500, 80, 0.1, 0.4, 6, 20, method).cost + 1e-9
    assert rq_normal(500, 80, 0.1, 0.4, 6, 20, method).cost < exact.cost * 1.3


def test_a_fine_grid_comes_to_the_continuous_answer():
    law = Normal(100, 20)
    grid = rq_exact(Distribution.rounded(law), 400, 0.5, 6, 30)
    smooth = rq_continuous(law, 400, 0.5, 6, 30)
    assert grid.cost == pytest.approx(smooth.cost, rel=0.002)
    assert (grid.r, grid.Q) == (pytest.approx(smooth.r, abs=1.5), pytest.approx(smooth.Q, abs=2))


@given(st.floats(0.4, 0.999), st.floats(1, 300))
def test_fill_rate_is_met_exactly(target, quantity):
    law = Normal(100, 25)
    r = reorder_point_for_fill_rate(law, quantity, target)
    assert (law.loss(r) - law.loss(r + quantity)) / quantity == pytest.approx(1 - target, abs=1e-9)
    table = reorder_point_for_fill_rate(law, quantity, target, whole_cycle=False)
    assert law.loss(table) / quantity == pytest.approx(1 - target, abs=1e-9)
    assert table >= r - 1e-6


@given(st.floats(0.3, 0.98), st.floats(0, 0.01))
def test_more_service_never_takes_a_lower_reorder_point(target, more):
    law = Distribution.negative_binomial(6, 20)
    assert reorder_point_for_fill_rate(law, 10, target + more) >= reorder_point_for_fill_rate(law, 10, target) - 1e-9
    assert reorder_point_for_cycle_service(law, target + more) >= reorder_point_for_cycle_service(law, target)


@settings(deadline=None)
@given(st.floats(1, 40), st.floats(0, 20))
def test_dearer_shortage_costs_more_and_orders_no_later(shortage, more):
    law = LAWS[1]
    cheap, dear = rq_exact(law, 3, 1, shortage, 10), rq_exact(law, 3, 1, shortage + more, 10)
    assert dear.cost >= cheap.cost - 1e-9
    assert dear.r >= cheap.r


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: rq_cost(3, 4, LAWS[3], 1, 1, 1, 1), "multiple of the step 6"),
        (lambda: rq_normal(100, 10, 1, 5, 0.1, 80, "expected-level"), "Take 'exact'"),
        (lambda: rq_normal(100, 10, 1, 1, 1, 1, "best"), "No method 'best'"),
        (lambda: rq_exact(LAWS[0], 0, 1, 1, 1), "Rate must be a number above zero"),
    ],
)
def test_impossible_terms_are_said(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
