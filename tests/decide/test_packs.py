import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.order_up_to import critical_ratio, expected_gain, quantile_of_sorted
from skucast.decide.packs import least_lot, round_order


def ordered(draws, under=1.0, over=0.1, pack=1.0, least=0.0):
    need = np.sort(np.array([draws], dtype=float))
    u, o = np.array([under]), np.array([over])
    ideal = np.maximum(quantile_of_sorted(need, critical_ratio(u, o)), 0.0)
    return float(round_order(ideal, need, u, o, np.array([pack]), np.array([least]))[0])


def test_a_fraction_of_a_unit_is_rounded_up():
    assert ordered([3.2] * 10) == 4.0


def test_whole_packs_are_bought_up_or_down_by_what_gains_more():
    assert ordered([14.0] * 10, under=1.0, over=0.01, pack=12) == 24.0  # a second pack saves 2 and costs 10 * 0.01
    assert ordered([14.0] * 10, under=1.0, over=0.5, pack=12) == 12.0  # it would cost 10 * 0.5


def test_a_minimum_is_taken_where_it_still_gains_and_else_nothing_is_bought():
    assert ordered([10.0] * 10, under=1.0, over=0.05, least=48) == 48.0
    assert ordered([10.0] * 10, under=1.0, over=0.5, least=48) == 0.0


def test_the_smallest_lot_is_the_minimum_in_whole_packs():
    np.testing.assert_allclose(
        least_lot(np.array([12.0, 12.0, 1.0, 5.0]), np.array([0.0, 25.0, 7.0, 10.0])), [12, 36, 7, 10]
    )


def test_nothing_is_bought_where_stock_covers_every_future():
    assert ordered([-5.0, -1.0, 0.0], pack=6) == 0.0


@settings(deadline=None)
@given(
    st.lists(st.integers(-20, 80), min_size=3, max_size=30),
    st.floats(0.05, 10),
    st.floats(0.01, 10),
    st.sampled_from([1.0, 2.0, 6.0, 12.0]),
    st.sampled_from([0.0, 5.0, 30.0]),
)
def test_no_allowed_quantity_gains_more(draws, under, over, pack, least):
    got = ordered(draws, under, over, pack, least)
    need = np.array([draws], dtype=float)
    u, o = np.array([under]), np.array([over])
    smallest = float(least_lot(np.array([pack]), np.array([least]))[0])
    allowed = [0.0, *np.arange(smallest, 160, pack)]
    gains = {q: expected_gain(need, np.array([q]), u, o)[0] for q in allowed}
    assert got in gains
    assert gains[got] == pytest.approx(max(gains.values()), abs=1e-9)
