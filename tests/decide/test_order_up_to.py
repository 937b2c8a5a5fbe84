import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from skucast.decide.order_up_to import critical_ratio, order_up_to

U = (np.arange(20_000) + 0.5) / 20_000  # evenly spread probabilities


@pytest.mark.parametrize("ratio", [0.05, 0.5, 0.8, 0.95, 0.993])
def test_normal_demand_gives_the_textbook_newsvendor_quantity(ratio):
    demand = stats.norm.ppf(U, 100, 20)[None]
    assert order_up_to(demand, ratio)[0] == pytest.approx(stats.norm.ppf(ratio, 100, 20), abs=0.05)


@pytest.mark.parametrize("ratio", [0.05, 0.5, 0.8, 0.95, 0.993])
def test_poisson_demand_gives_the_least_quantity_that_reaches_the_ratio(ratio):
    demand = stats.poisson.ppf(U, 7.3)[None]
    assert order_up_to(demand, ratio)[0] == stats.poisson.ppf(ratio, 7.3)


def test_quantile_is_a_draw_and_never_interpolated():
    demand = np.array([[5.0, 1.0, 3.0, 9.0]])
    got = [float(order_up_to(demand, p)[0]) for p in (0.0, 0.01, 0.25, 0.26, 0.5, 0.75, 0.76, 1.0)]
    assert got == [0.0, 1.0, 1.0, 3.0, 3.0, 5.0, 9.0, 9.0]


def test_rounding_of_the_ratio_does_not_skip_a_draw():
    assert order_up_to(np.arange(1.0, 11.0)[None], 0.1 + 0.2 + 0.4)[0] == 7.0


def test_critical_ratio_is_zero_where_nothing_is_earned_and_one_where_nothing_is_risked():
    np.testing.assert_allclose(critical_ratio([4.0, -1.0, 0.0, 3.0], [1.0, 2.0, 0.0, 0.0]), [0.8, 0.0, 0.0, 1.0])


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), min_size=5, max_size=40), st.floats(0.01, 20), st.floats(0.01, 20))
def test_no_other_quantity_costs_less_than_the_order_up_to_quantity(draws, under, over):
    demand = np.array([draws], dtype=float)
    best = order_up_to(demand, critical_ratio(under, over))[0]
    assert _cost(demand[0], best, under, over) <= min(_cost(demand[0], q, under, over) for q in range(62)) + 1e-9


def _cost(draws, quantity, under, over):
    """Expected newsvendor cost, written out."""
    return float(np.mean(under * np.maximum(draws - quantity, 0) + over * np.maximum(quantity - draws, 0)))
