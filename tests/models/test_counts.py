"""Negative binomial counts against scipy; dispersion that was planted is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from skucast.forecast import LEVELS
from skucast.models.count_profile import pooled_profile, profiles
from skucast.models.counts import (
    class_dispersion,
    count_cdf,
    count_quantiles,
    demand_class,
    dispersion_sums,
    shrunk_dispersion,
)

LEVEL = np.asarray(LEVELS)


@settings(max_examples=60, deadline=None)
@given(mean=st.floats(0.001, 29.9), dispersion=st.floats(0.001, 8))
def test_quantiles_and_distribution_equal_those_of_scipy(mean: float, dispersion: float) -> None:
    size, chance = 1 / dispersion, 1 / (1 + dispersion * mean)
    found = count_quantiles(np.array([mean]), np.array([dispersion]), LEVEL)[0]
    theirs = nbinom.ppf(LEVEL, size, chance)
    cdf = nbinom.cdf(theirs, size, chance)
    close = np.abs(cdf - LEVEL) < 1e-9  # there rounding decides
    np.testing.assert_array_equal(found[~close], theirs[~close])
    k = np.arange(12.0)
    np.testing.assert_allclose(
        count_cdf(k, np.full(12, mean), np.full(12, dispersion)), nbinom.cdf(k, size, chance), rtol=1e-8
    )


def test_without_dispersion_counts_are_poisson() -> None:
    mean = np.array([0.2, 3.0, 25.0])
    np.testing.assert_array_equal(count_quantiles(mean, np.zeros(3), LEVEL), poisson.ppf(LEVEL, mean[:, None]))


def test_large_counts_are_within_a_few_percent() -> None:
    mean, dispersion = np.array([40.0, 500.0, 1e6]), np.array([0.3, 0.05, 0.5])
    theirs = nbinom.ppf(LEVEL[2:], (1 / dispersion)[:, None], (1 / (1 + dispersion * mean))[:, None])
    np.testing.assert_allclose(count_quantiles(mean, dispersion, LEVEL[2:]), theirs, rtol=0.06)


def test_levels_of_each_row_s_own_and_zero_means() -> None:
    mean, dispersion = np.array([2.0, 5.0, 0.0]), np.array([0.5, 0.1, 0.5])
    own = np.array([[-0.3, 0.5], [0.2, 0.95], [0.5, 0.9]])
    found = count_quantiles(mean, dispersion, own)
    np.testing.assert_array_equal(found[0], [0, nbinom.ppf(0.5, 2, 0.5)])
    np.testing.assert_array_equal(found[1], nbinom.ppf(own[1], 10, 1 / 1.5))
    np.testing.assert_array_equal(found[2], 0)


def test_no_count_is_below_zero() -> None:
    np.testing.assert_array_equal(count_cdf(np.array([-1.0, -0.5]), np.ones(2), np.ones(2)), 0)


def test_planted_dispersion_is_found_and_short_series_lean_on_their_class() -> None:
    rng = np.random.default_rng(0)
    size, mean = 2.0, 6.0
    y = rng.negative_binomial(size, size / (size + mean), (200, 60)).astype(float)
    y[5:, :30] = np.nan  # only five observations
    means = np.where(np.isnan(y), np.nan, mean)
    excess, squares = dispersion_sums(y - means, means)
    kind, n = demand_class(y), (~np.isnan(y)).sum(axis=0)
    pooled = class_dispersion(excess, squares, kind)
    found = shrunk_dispersion(excess, squares, n, kind, pooled)
    np.testing.assert_allclose(found[30:].mean(), 0.5, rtol=0.15)
    own = excess / squares
    assert found[:30].std() < 0.5 * own[:30].std()
    assert (found >= 0).all()


def test_demand_classes_are_those_of_syntetos_and_boylan() -> None:
    y = np.zeros((40, 4))
    y[:, 0] = 5
    y[::4, 1] = 5
    y[:, 2] = np.where(np.arange(40) % 5 == 0, 50, 2)
    y[::4, 3] = [1, 40, 1, 1, 2, 60, 1, 1, 3, 1]
    assert demand_class(y).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("phase", [0, 3])
def test_profiles_of_busy_series_are_their_own_and_of_slow_ones_the_panel_s(phase: int) -> None:
    rng = np.random.default_rng(0)
    week = np.array([0.5, 0.5, 1, 1, 1, 1.5, 1.5])
    other = week[::-1]
    shape = np.tile(np.roll(week, -phase), 20)
    y = rng.poisson(shape[:, None] * np.full(60, 3.0)).astype(float)
    busy = rng.poisson(np.tile(np.roll(other, -phase), 20) * 400).astype(float)
    slow = (rng.random(140) < 0.02).astype(float)
    block = np.concatenate([y, busy[:, None], slow[:, None]], axis=1)
    pooled = pooled_profile(block, 7, phase)
    np.testing.assert_allclose(pooled, week, atol=0.08)
    found = profiles(block, 7, phase, pooled)
    np.testing.assert_allclose(found[:, -2], other, atol=0.05)
    np.testing.assert_allclose(found[:, -1], pooled, atol=0.15)
    np.testing.assert_allclose(found.mean(axis=0), 1)
