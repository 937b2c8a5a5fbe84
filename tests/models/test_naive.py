"""The yardstick: last season again, as wide as its own errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from statsforecast.models import Naive
from statsforecast.models import SeasonalNaive as Theirs

from skucast.models.naive import SeasonalNaive, naive_quantiles

from .series import panel_of, shop

LEVELS = (0.1, 0.25, 0.5, 0.9)


def test_the_mean_equals_that_of_statsforecast() -> None:
    values = np.random.default_rng(0).poisson(20, 40).astype(np.float64)
    for season in (1, 5, 7):
        made = SeasonalNaive(season=season).fit(panel_of({"a": values})).predict(20).mean[0]
        np.testing.assert_allclose(made, Theirs(season_length=season).forecast(values, 20)["mean"])


def test_the_season_is_the_frequency_s_own_unless_given() -> None:
    week = np.arange(1.0, 15.0)
    np.testing.assert_array_equal(SeasonalNaive().fit(panel_of({"a": week})).predict(7).mean[0], week[-7:])
    np.testing.assert_array_equal(SeasonalNaive(season=2).fit(panel_of({"a": week})).predict(3).mean[0], [13, 14, 13])


def test_intervals_are_gaussian_with_the_errors_root_mean_square_and_widen_by_season() -> None:
    rng = np.random.default_rng(1)
    values = 100 + rng.normal(0, 5, 35)
    point, quantiles = naive_quantiles(panel_of({"a": values}), 15, LEVELS)
    used = values.astype(np.float32).astype(np.float64)
    sigma = np.sqrt(np.mean((used[7:] - used[:-7]) ** 2))
    for step, seasons in ((0, 1), (6, 1), (7, 2), (14, 3)):
        expected = point[0, step] + norm.ppf(LEVELS) * sigma * np.sqrt(seasons)
        np.testing.assert_allclose(quantiles[0, step], expected, rtol=1e-9)


def test_missing_steps_take_the_last_known_value_of_the_same_phase() -> None:
    values = np.arange(21.0)
    values[[14, 16]] = np.nan  # of the last week
    made = SeasonalNaive().fit(panel_of({"a": values})).predict(7).mean[0]
    np.testing.assert_array_equal(made, [7, 15, 9, 17, 18, 19, 20])


def test_a_series_shorter_than_a_season_repeats_its_last_observation() -> None:
    values = np.array([3.0, 9, 4, np.nan])
    made = SeasonalNaive().fit(panel_of({"a": values})).predict(3)
    np.testing.assert_array_equal(made.mean[0], Naive().forecast(values[:3], 3)["mean"])
    assert (np.diff(made.quantiles[0], axis=1) > 0).any()  # short does not mean certain


def test_a_phase_that_was_never_seen_falls_back_to_the_last_observation() -> None:
    values = np.tile([1.0, 2, 3, 4, 5, 6, np.nan], 3)  # closed on the seventh day
    made = SeasonalNaive().fit(panel_of({"a": values})).predict(7).mean[0]
    assert np.isfinite(made).all()
    assert made[0] == 6


def test_out_of_stock_sales_are_not_repeated() -> None:
    values = np.array([5.0] * 13 + [0.0])
    panel = panel_of({"a": values}, available=values > 0)
    assert SeasonalNaive().fit(panel).predict(7).mean[0].tolist() == [5.0] * 7


@pytest.mark.parametrize("rows", [[0], [3, 1], [7, 6, 5]])
def test_each_series_is_forecast_by_itself(rows: list[int]) -> None:
    whole = naive_quantiles(shop(), 10, LEVELS)
    part = naive_quantiles(shop().take(rows), 10, LEVELS)
    np.testing.assert_array_equal(part[0], whole[0][rows])
    np.testing.assert_array_equal(part[1], whole[1][rows])
