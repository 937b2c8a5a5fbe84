"""Quantiles from a model's own past errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gamma

from skucast.models.empirical import PastErrors, error_quantiles, gamma_quantiles, sorted_quantiles

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def past(errors: np.ndarray, fits: np.ndarray | float) -> PastErrors:
    errors = np.atleast_2d(errors)
    return PastErrors(errors, np.broadcast_to(fits, errors.shape).astype(np.float64), np.ones(len(errors)))


def test_sample_quantiles_are_numpy_s_median_unbiased_ones() -> None:
    rng = np.random.default_rng(0)
    values = rng.gamma(2, 3, (5, 40))
    values[1, 7:] = np.nan
    values[2, ::3] = np.nan
    n = (~np.isnan(values)).sum(axis=1)
    found = sorted_quantiles(values, n, np.asarray(LEVELS))
    for row, got in zip(values, found, strict=True):
        np.testing.assert_allclose(got, np.quantile(row[~np.isnan(row)], LEVELS, method="median_unbiased"))


def test_each_row_may_have_its_own_levels_and_rows_without_values_are_zero() -> None:
    values = np.array([[1.0, 2, 3, 4], [5.0, 6, 7, 8], [np.nan] * 4])
    levels = np.array([[0.5, 0.9], [0.1, 0.2], [0.5, 0.9]])
    found = sorted_quantiles(values, np.array([4, 4, 0]), levels)
    for k in (0, 1):
        np.testing.assert_allclose(found[k], np.quantile(values[k], levels[k], method="median_unbiased"))
    assert found[2].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("mean", "cv"), [(10.0, 0.2), (3.0, 0.5), (200.0, 0.6)])
def test_gamma_quantiles_agree_with_scipy(mean: float, cv: float) -> None:
    found = gamma_quantiles(np.array([mean]), np.array([(cv * mean) ** 2]), LEVELS)[0]
    shape = 1 / cv**2
    np.testing.assert_allclose(found, gamma.ppf(LEVELS, shape, scale=mean / shape), rtol=0.03)


def test_long_histories_keep_the_shape_of_their_errors() -> None:
    rng = np.random.default_rng(1)
    errors = rng.exponential(5, 4000) - 5  # skewed, and never below -5
    found = error_quantiles(past(errors, 20.0), np.array([[20.0]]), np.ones((1, 1)), LEVELS)[0, 0]
    np.testing.assert_allclose(found, 20 + np.quantile(errors, LEVELS), atol=0.6)
    assert found[2] - found[0] < found[4] - found[2]


def test_errors_are_taken_in_proportion_to_the_level_at_their_time() -> None:
    rng = np.random.default_rng(2)
    fits = np.tile([10.0, 40.0], 600)
    errors = rng.normal(0, 0.2, 1200) * fits
    found = error_quantiles(past(errors, fits), np.array([[10.0, 40.0]]), np.ones((1, 2)), LEVELS)[0]
    width = found[:, -1] - found[:, 0]
    assert 2 < width[1] / width[0] < 4


def test_spread_grows_with_the_variance_ahead() -> None:
    errors = np.random.default_rng(3).normal(0, 3, 500)
    growth = np.array([[1.0, 4.0, 16.0]])
    found = error_quantiles(past(errors, 50.0), np.full((1, 3), 50.0), growth, LEVELS)[0]
    width = found[:, -1] - found[:, 0]
    np.testing.assert_allclose(width[1:] / width[:-1], np.sqrt(2), rtol=0.05)


def test_few_errors_do_not_make_a_forecast_certain() -> None:
    found = error_quantiles(past(np.zeros(4), 9.0), np.array([[9.0]]), np.ones((1, 1)), LEVELS)[0, 0]
    assert found[-1] - found[0] > 4  # counts of nine spread by about three either way
    many = error_quantiles(past(np.zeros(5000), 9.0), np.array([[9.0]]), np.ones((1, 1)), LEVELS)[0, 0]
    assert many[-1] - many[0] < 0.2


def test_missing_steps_are_left_out_and_nothing_is_negative() -> None:
    rng = np.random.default_rng(4)
    errors = rng.normal(0, 2, 300)
    holes = np.insert(errors, np.arange(0, 300, 3), np.nan)
    point, growth = np.array([[1.0, 0.0]]), np.ones((1, 2))
    dense, gappy = (error_quantiles(past(e, 1.0), point, growth, LEVELS) for e in (errors, holes))
    np.testing.assert_allclose(gappy, dense, rtol=1e-9)
    assert (dense >= 0).all()
