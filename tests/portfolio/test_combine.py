"""Combination of forecasts by weighted mean and median."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skucast.errors import ConfigError, ModelError
from skucast.forecast import Forecast
from skucast.portfolio.combine import combine, mix, series_weights
from skucast.portfolio.pool import linear_pool

from ..evaluate.planted import random_panel

LEVELS = (0.1, 0.5, 0.9)
PANEL = random_panel(series=3, steps=20)
SHARE = np.array([0.25, 0.75])


def said(level: float, **more) -> Forecast:
    """A forecast of ``level``, between half and twice of it."""
    quantiles = np.broadcast_to(level * np.array([0.5, 1.0, 2.0]), (3, 4, 3))
    return Forecast.of(PANEL, np.full((3, 4), level), quantiles, LEVELS, **more)


def test_equal_weights_average_each_quantile():
    both = combine([said(10), said(20)])
    assert both.mean == pytest.approx(np.full((3, 4), 15.0))
    assert both.quantiles[0, 0] == pytest.approx([7.5, 15.0, 30.0])


def test_weights_need_not_add_up_to_one():
    assert combine([said(10), said(20)], [3, 1]).mean[0, 0] == pytest.approx(12.5)


def test_weights_may_differ_by_series():
    both = combine([said(10), said(20)], [[1, 0], [0, 1], [1, 1]])
    assert both.mean[:, 0] == pytest.approx([10, 20, 15])


def test_the_median_ignores_a_member_that_is_far_off():
    assert combine([said(10), said(11), said(9999)], how="median").mean[0, 0] == pytest.approx(11)


def test_the_median_of_an_even_number_lies_between_the_two_in_the_middle():
    assert combine([said(1), said(10), said(20), said(999)], how="median").mean[0, 0] == pytest.approx(15)


def test_a_member_with_more_than_half_the_weight_is_the_median():
    assert combine([said(10), said(20), said(30)], [0.1, 0.3, 0.6], how="median").mean[0, 0] == pytest.approx(30)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float32, (4, 2, 3), elements=st.floats(0, 1000, width=32)),
    arrays(np.int64, 4, elements=st.integers(0, 5)).filter(lambda w: w.sum() > 0),
)
def test_whole_weights_count_like_copies(values, counts):
    members = list(values)
    copies = np.repeat(values, counts, axis=0)
    share = series_weights(counts, 2, 4)
    assert mix(members, share, "median") == pytest.approx(np.median(copies, axis=0), rel=1e-5, abs=1e-5)
    assert mix(members, share, "mean") == pytest.approx(copies.mean(axis=0), rel=1e-4, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float32, (3, 3, 4, 3), elements=st.floats(0, 100, width=32)),
    arrays(np.float64, (3, 3), elements=st.floats(0, 1)).filter(lambda w: (w.sum(axis=1) > 1e-3).all()),
    st.sampled_from(["mean", "median", "pool"]),
)
def test_a_combination_is_ordered_and_lies_within_its_members(values, weights, how):
    members = [Forecast.of(PANEL, v[..., 1], np.sort(v, axis=2), LEVELS) for v in values]
    both = combine(members, weights, how)
    stacked = np.stack([m.quantiles for m in members])
    assert (np.diff(both.quantiles, axis=2) >= 0).all()
    assert (both.quantiles >= stacked.min(axis=0) - 1e-3).all()
    assert (both.quantiles <= stacked.max(axis=0) + 1e-3).all()


def test_dependence_over_time_is_that_of_the_heaviest_member():
    pool = np.arange(8, dtype=np.float32).reshape(2, 4)
    both = combine([said(10, copula=pool), said(20, copula=-pool)], [1, 2])
    assert np.array_equal(both.copula, -pool)


def test_fallbacks_of_members_in_use_are_kept():
    members = [said(10, fallback={"s000": "a"}), said(20, fallback={"s000": "b", "s001": "b"})]
    assert combine(members, [1, 1]).fallback == {"s000": "a", "s001": "b"}
    assert combine(members, [1, 0]).fallback == {"s000": "a"}


def test_forecasts_that_do_not_fit_together_are_refused():
    other_levels = Forecast.of(PANEL, np.ones((3, 4)), np.ones((3, 4, 2)), (0.1, 0.9))
    for other in (replace(said(1), start=0), other_levels, said(1).take([0, 1])):
        with pytest.raises(ModelError, match="Only forecasts of the same series, steps and quantile levels"):
            combine([said(10), other])
    with pytest.raises(ModelError, match="no forecast to combine"):
        combine([])


@pytest.mark.parametrize("weights", [[1, -1], [0, 0], [1, 2, 3], [np.nan, 1], [[1, 1], [0, 0], [1, 1]]])
def test_weights_that_make_no_sense_are_refused(weights):
    with pytest.raises(ConfigError, match="Weights must"):
        combine([said(10), said(20)], weights)


def test_the_pool_mixes_distributions():
    both = combine([said(0), said(20)], [1, 3], how="pool")
    assert both.mean == pytest.approx(np.full((3, 4), 15.0))
    assert both.quantiles[0, 0] == pytest.approx(
        linear_pool([said(0).quantiles, said(20).quantiles], SHARE, LEVELS)[0, 0]
    )
    assert both.quantiles[0, 0, 0] == 0  # a quarter of it is nothing


def test_another_way_to_combine_is_refused():
    with pytest.raises(ConfigError, match="by 'mean', 'median' or 'pool', not 'mode'"):
        combine([said(10)], how="mode")
