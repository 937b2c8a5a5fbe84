"""The classical decomposition and the test of season, against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.tsa.seasonal import seasonal_decompose
from statsmodels.tsa.stattools import acf

from skucast.features.seasonal_filter import centred_mean, is_seasonal, seasonal_means, seasonal_pattern


def wavy(steps: int = 150, count: int = 5, m: int = 7, strength: float = 5.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(steps)
    return (30 + 0.1 * t + strength * np.sin(2 * np.pi * t / m))[:, None] + rng.normal(0, 2, (steps, count))


@pytest.mark.parametrize("m", [7, 12, 2])
@pytest.mark.parametrize("multiplicative", [False, True])
def test_seasonal_means_equal_those_of_statsmodels(m: int, multiplicative: bool) -> None:
    y, phase = wavy(), 3 % m
    found = seasonal_means(y, m, phase, multiplicative=multiplicative)
    for i in range(y.shape[1]):
        theirs = seasonal_decompose(y[:, i], period=m, model="multiplicative" if multiplicative else "additive")
        np.testing.assert_allclose(found[(phase + np.arange(len(y))) % m, i], theirs.seasonal, rtol=1e-9)


@pytest.mark.parametrize("m", [7, 12])
def test_the_centred_mean_equals_the_trend_of_statsmodels(m: int) -> None:
    y = wavy()
    for i in range(y.shape[1]):
        np.testing.assert_allclose(centred_mean(y, m)[:, i], seasonal_decompose(y[:, i], period=m).trend, rtol=1e-9)


def test_a_series_that_begins_later_is_treated_as_if_alone() -> None:
    y = wavy(count=2)
    y[:31, 1] = np.nan
    alone = seasonal_means(y[31:, 1:], 7, 31 % 7)
    np.testing.assert_allclose(seasonal_means(y, 7)[:, 1], alone[:, 0])
    np.testing.assert_allclose(centred_mean(y, 7)[31:, 1], centred_mean(y[31:, 1:], 7)[:, 0])


def test_missing_steps_hardly_change_a_clear_season() -> None:
    y = wavy(300)
    holes = np.where(np.random.default_rng(1).random(y.shape) < 0.2, np.nan, y)
    np.testing.assert_allclose(seasonal_means(holes, 7), seasonal_means(y, 7), atol=1.0)


def test_a_season_multiplies_only_where_all_demand_is_positive() -> None:
    y = wavy(140, 3)
    y[5, 1] = 0
    y[:, 2] = np.tile([0.01, 20, 20, 20, 20, 20, 20], 20)  # nearly closed on one day: no share to divide by
    pattern, multiplies = seasonal_pattern(y, 7)
    assert multiplies.tolist() == [True, False, False]
    np.testing.assert_allclose(pattern[:, 0].mean(), 1)
    np.testing.assert_allclose(pattern[:, 1:].mean(axis=0), 0, atol=1e-9)


def test_the_test_of_season_is_that_of_statsforecast_s_theta() -> None:
    rng = np.random.default_rng(0)
    trend = 0.1 * np.arange(150)[:, None]
    y = np.concatenate([wavy(), wavy(strength=0.8, count=40) - trend + rng.normal(0, 1, (150, 40))], axis=1)
    expected = []
    for column in y.T:
        r = acf(column, nlags=7, fft=False)[1:]
        expected.append(abs(r[-1]) / np.sqrt((1 + 2 * np.sum(r[:-1] ** 2)) / len(column)) > norm.ppf(0.95))
    assert 5 < sum(expected) < len(expected)
    assert is_seasonal(y, 7).tolist() == expected


def test_constant_short_and_unknown_series_have_no_season() -> None:
    y = wavy(60, 4)
    y[:, 0] = 7
    y[:50, 1] = np.nan
    y[:, 2] = np.nan
    assert is_seasonal(y, 7).tolist() == [False, False, False, True]
    assert not is_seasonal(y, 40).any()
    assert (seasonal_means(y, 7)[:, 2] == 0).all()
