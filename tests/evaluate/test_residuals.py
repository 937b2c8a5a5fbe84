"""Probability transforms and residual pools."""

import numpy as np
import pytest
from scipy.stats import kstest, norm, poisson, spearmanr

from skucast.errors import ConfigError
from skucast.evaluate.backtest import backtest_panel
from skucast.evaluate.residuals import probability_transform
from skucast.forecast import LEVELS

from .planted import Around, panel_of, random_panel


def rng():
    return np.random.default_rng(0)


def test_transform_is_uniform_for_a_calibrated_forecast():
    y = np.random.default_rng(4).normal(20, 3, (300, 4)).astype(np.float32)
    quantiles = np.broadcast_to(norm.ppf(LEVELS, 20, 3), (*y.shape, len(LEVELS))).astype(np.float32)
    u = probability_transform(y, quantiles, LEVELS, rng())
    assert kstest(u.ravel(), "uniform").pvalue > 0.01


def test_transform_is_uniform_for_calibrated_counts_with_many_zeros():
    y = np.random.default_rng(5).poisson(0.7, (500, 4)).astype(np.float32)
    levels = tuple(np.arange(1, 200) / 200)
    quantiles = np.broadcast_to(poisson.ppf(levels, 0.7), (*y.shape, len(levels))).astype(np.float32)
    u = probability_transform(y, quantiles, levels, rng())
    assert np.mean(y == 0) > 0.4
    assert kstest(u.ravel(), "uniform").statistic < 0.03


def test_transform_worked_by_hand():
    levels = (0.1, 0.5, 0.9)
    quantiles = np.array([[[0.0, 10.0, 30.0]]], dtype=np.float32)

    def at(y):
        return float(probability_transform(np.array([[y]], np.float32), quantiles, levels, rng())[0, 0])

    assert at(5.0) == pytest.approx(0.3)
    assert at(10.0) == pytest.approx(0.5)
    assert at(20.0) == pytest.approx(0.7)
    assert 0.9 <= at(99.0) <= 1.0
    assert 0.0 <= at(0.0) <= 0.1
    assert np.isnan(at(np.nan))


def test_pool_carries_how_errors_persist():
    """Series whose level jumps at the start of a window are wrong in the same direction at all its steps."""
    r = np.random.default_rng(6)
    rows = {}
    for i in range(60):
        blocks = r.uniform(5, 50, 12)
        rows[f"s{i:02d}"] = np.repeat(blocks, 10) + r.normal(0, 0.3, 120)
    test = backtest_panel(panel_of(rows), 10, 4, [Around()], seed=0)
    pool = test.residual_pool("around")
    assert pool.shape == (240, 10)
    assert spearmanr(pool[:, 0], pool[:, 9]).statistic > 0.8


def test_pool_of_independent_errors_is_independent():
    r = np.random.default_rng(7)
    panel = panel_of({f"s{i:02d}": r.normal(20, 3, 160) for i in range(60)})
    pool = backtest_panel(panel, 10, 4, [Around(span=100)]).residual_pool("around")
    assert abs(spearmanr(pool[:, 0], pool[:, 9]).statistic) < 0.2


def test_pool_may_be_shorter_than_the_test_but_not_longer():
    test = backtest_panel(random_panel(), 7, 2, [Around()])
    assert test.residual_pool("around", 3).shape == (24, 3)
    with pytest.raises(ConfigError, match="reaches 7 steps, so it has no residuals for 8"):
        test.residual_pool("around", 8)
    with pytest.raises(ConfigError, match="no forecasts of 'ets'"):
        test.residual_pool("ets")


def test_pool_is_seeded_and_bounded():
    test = backtest_panel(random_panel(700, 60), 7, 3, [Around()])
    one, again, other = (test.residual_pool("around", seed=s) for s in (1, 1, 2))
    assert one.shape == (1000, 7)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_windows_with_too_few_actuals_give_no_trajectories():
    values = [4.0] * 60 + [float("nan")] * 20
    test = backtest_panel(panel_of({"a": values}), 10, 1, [Around(span=80)])
    assert test.residual_pool("around") is None
