import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skucast.decide.health import demand_until, sample_paths
from skucast.decide.timeline import Timeline
from tests.decide.making import certain, poisson


def test_within_the_horizon_it_is_the_sum_of_the_steps_pro_rata():
    f = certain({"A": [1.0, 2, 3, 4]})
    paths = np.array([[[1, 2, 3, 4], [4, 3, 2, 1]]], np.float32)
    found = demand_until(paths, Timeline.of(f), [0, 1, 2.5, 4], season=7)
    assert found[0].tolist() == [[0, 1, 4.5, 10], [0, 4, 8, 10]]


def test_beyond_the_horizon_certain_demand_goes_on_with_its_last_seasons():
    f = certain({"A": [5.0, 5, 1, 3]})
    paths = sample_paths(f, 12)
    # blocks of two whole seasons of 2: 5, 5, 1, 3 | 5, 5, 1, 3 ...
    found = demand_until(paths, Timeline.of(f), [4, 5, 8, 8.5, 40], season=2)
    assert found[0, 0].tolist() == pytest.approx([14, 19, 28, 30.5, 140])
    assert found.std(axis=1).max() == pytest.approx(0, abs=1e-6)


def test_a_rare_sale_is_not_taken_to_come_back_every_week():
    f = poisson({"A": 0.01}, steps=28)  # 3.65 a year
    year = demand_until(sample_paths(f, 2000, seed=3), Timeline.of(f), [365.0], season=7)[0, :, 0]
    assert year.mean() == pytest.approx(3.65, rel=0.1)
    assert (year == 0).mean() == pytest.approx(stats.poisson.pmf(0, 3.65), abs=0.015)
    assert year.var() == pytest.approx(3.65, rel=0.25)


def test_paths_of_items_that_hardly_sell_keep_their_mean():
    rates = {"A": 0.002, "B": 0.02, "C": 0.3, "D": 4.0}
    f = poisson(rates, steps=28)
    for whole in (True, False):
        paths = sample_paths(f, 1000, whole_units=whole)
        assert paths.mean(axis=(1, 2))[:2] == pytest.approx([0.002, 0.02], rel=0.15)
        assert paths.mean(axis=(1, 2))[2:] == pytest.approx([0.3, 4.0], rel=0.05)
    assert (sample_paths(f, 50) % 1 == 0).all()


@given(st.integers(0, 99), st.lists(st.floats(0, 200), min_size=2, max_size=5))
def test_more_time_never_sells_less_and_items_do_not_depend_on_each_other(seed, days):
    f = poisson({"A": 0.3, "B": 2.0}, steps=9)
    paths, t = sample_paths(f, 20, seed), Timeline.of(f)
    found = demand_until(paths, t, sorted(days), season=7, seed=seed)
    assert (np.diff(found, axis=2) >= -1e-6).all()
    alone = demand_until(sample_paths(f.take([1]), 20, seed), t, sorted(days), season=7, seed=seed)
    assert np.array_equal(found[1:], alone)
