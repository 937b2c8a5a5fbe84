import numpy as np
import pytest
from scipy import stats

from skucast.decide.lead_time import draw_lead_times


def test_draws_have_the_mean_the_spread_and_the_shape_that_were_asked_for():
    mean, sd = np.array([14.0, 30.0, 5.0]), np.array([4.0, 3.0, 0.0])
    got = draw_lead_times(mean, sd, 2000, seed=1)
    assert got.shape == (3, 2000)
    np.testing.assert_allclose(got.mean(axis=1), mean, rtol=0.01)
    np.testing.assert_allclose(got.std(axis=1), sd, rtol=0.03)
    shape = np.sqrt(np.log1p((4 / 14) ** 2))
    oracle = stats.lognorm(shape, scale=14 * np.exp(-(shape**2) / 2))
    assert np.quantile(got[0], 0.95) == pytest.approx(oracle.ppf(0.95), rel=0.01)


def test_constant_lead_times_are_one_column():
    np.testing.assert_array_equal(draw_lead_times(np.array([7.0, 0.0]), np.zeros(2), 50, 0), [[7.0], [0.0]])


def test_zero_stays_zero_even_with_a_spread():
    got = draw_lead_times(np.array([0.0, 10.0]), np.array([3.0, 3.0]), 50, 0)
    assert np.all(got[0] == 0)
    assert np.all(got[1] > 0)


def test_draws_of_an_item_do_not_depend_on_the_others():
    both = draw_lead_times(np.array([14.0, 30.0]), np.array([4.0, 9.0]), 100, 5)
    np.testing.assert_array_equal(both[1], draw_lead_times(np.array([30.0]), np.array([9.0]), 100, 5)[0])


def test_draws_are_not_in_order_of_size_and_repeat_with_the_seed():
    a, b, c = (draw_lead_times(np.array([14.0]), np.array([4.0]), 200, seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    assert abs(np.corrcoef(a, np.arange(200))[0, 1]) < 0.3
