"""Metrics against scikit-learn, utilsforecast, scipy and numbers worked by hand."""

import numpy as np
import polars as pl
import pytest
import utilsforecast.losses as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_pinball_loss,
    mean_squared_error,
    root_mean_squared_error,
)

from skucast.errors import ConfigError
from skucast.evaluate.metrics import (
    METRICS,
    SCORED,
    Cells,
    Scale,
    history_scale,
    measure,
    named_metrics,
    pinball_metric,
    ratio,
    sums,
)
from skucast.forecast import SHOWN

from .planted import panel_of

NO_SCALE = Scale(np.full(1, np.nan), np.full(1, np.nan))


@pytest.fixture(scope="module")
def case():
    """Four series of nine steps with positive actuals, and quantiles at the scored levels."""
    rng = np.random.default_rng(1)
    y = rng.gamma(2.0, 5.0, (4, 9)).astype(np.float32) + 0.5
    mean = (y * rng.uniform(0.5, 1.6, y.shape)).astype(np.float32)
    spread = 1 + 0.4 * norm.ppf(SCORED)
    return y, mean, np.sort(np.maximum(mean[..., None] * spread, 0), axis=2).astype(np.float32)


def test_point_metrics_equal_scikit_learn(case):
    y, mean, _ = case
    found = measure(y, mean)
    flat = y.ravel(), mean.ravel()
    assert found["mae"] == pytest.approx(mean_absolute_error(*flat), rel=1e-5)
    assert found["mse"] == pytest.approx(mean_squared_error(*flat), rel=1e-5)
    assert found["rmse"] == pytest.approx(root_mean_squared_error(*flat), rel=1e-5)
    assert found["mape"] == pytest.approx(mean_absolute_percentage_error(*flat), rel=1e-5)


@pytest.mark.parametrize("level", [0.025, 0.1, 0.5, 0.9])
def test_pinball_equals_scikit_learn(case, level):
    y, mean, quantiles = case
    at = quantiles[..., SCORED.index(level)]
    top, bottom = sums(pinball_metric(level), Cells(y, mean, quantiles, SCORED, NO_SCALE), np.zeros(4, int), 1, False)
    assert top / bottom == pytest.approx(mean_pinball_loss(y.ravel(), at.ravel(), alpha=level), rel=1e-5)


def test_wql_is_that_of_fev_bench(case):
    """Mean over levels of twice the summed quantile loss, over the summed demand (fev, Shchur et al. 2025)."""
    y, mean, quantiles = case
    total = 0.0
    for level in SHOWN:
        for i in range(y.shape[0]):
            for h in range(y.shape[1]):
                miss = float(y[i, h]) - float(quantiles[i, h, SCORED.index(level)])
                total += 2 * (level * miss if miss >= 0 else (level - 1) * miss)
    assert measure(y, mean, quantiles)["wql"] == pytest.approx(total / len(SHOWN) / float(y.sum()), rel=1e-5)


def test_wql_of_one_series_is_the_scaled_crps_of_utilsforecast(case):
    y, mean, quantiles = (a[:1] for a in case)
    names = [f"q{q}" for q in SHOWN]
    frame = pl.DataFrame(
        {
            "unique_id": ["a"] * 9,
            "y": y[0].astype(float),
            **{n: quantiles[0, :, SCORED.index(q)].astype(float) for n, q in zip(names, SHOWN, strict=True)},
        }
    )
    expected = oracle.scaled_crps(frame, {"m": names}, np.asarray(SHOWN))["m"][0]
    assert measure(y, mean, quantiles)["wql"] == pytest.approx(expected, rel=1e-5)


def test_wql_worked_by_hand():
    """Actual 10, all quantiles 8: twice 0.5 x 2 on average over levels symmetric about one half."""
    assert measure([10.0], [8.0], np.full((1, 1, 9), 8.0), SHOWN, metrics=["wql"])["wql"] == pytest.approx(0.2)


def test_mean_pinball_over_many_levels_is_half_the_crps_of_the_normal():
    levels = tuple(np.arange(1, 2000) / 2000)
    mu, sigma, y = 5.0, 2.0, 6.5
    z = (y - mu) / sigma
    crps = sigma * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))  # Gneiting & Raftery 2007
    cells = Cells(
        np.array([[y]], np.float32),
        np.array([[mu]], np.float32),
        norm.ppf(levels, mu, sigma)[None, None, :],
        levels,
        NO_SCALE,
    )
    mean_loss = np.mean([cells.pinball(q)[0, 0] for q in levels])
    assert 2 * mean_loss == pytest.approx(crps, rel=2e-3)


def test_coverage_and_width_of_the_true_normal_are_as_scipy_says():
    rng = np.random.default_rng(2)
    y = rng.normal(50, 5, (400, 50))
    quantiles = np.broadcast_to(norm.ppf(SCORED, 50, 5), (*y.shape, len(SCORED)))
    found = measure(y, np.full(y.shape, 50.0), quantiles)
    for percent in (50, 80, 95):
        assert found[f"coverage_{percent}"] == pytest.approx(percent / 100, abs=0.01)
        low, high = norm.interval(percent / 100, 50, 5)
        assert found[f"width_{percent}"] == pytest.approx(high - low, rel=1e-5)


def test_coverage_equals_utilsforecast(case):
    y, mean, quantiles = case
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat(["a", "b", "c", "d"], 9),
            "y": y.ravel(),
            "m-lo-80": quantiles[..., SCORED.index(0.1)].ravel(),
            "m-hi-80": quantiles[..., SCORED.index(0.9)].ravel(),
        }
    )
    expected = oracle.coverage(frame, ["m"], 80)["m"].mean()
    assert measure(y, mean, quantiles)["coverage_80"] == pytest.approx(expected)


def test_mase_and_rmsse_equal_utilsforecast():
    rng = np.random.default_rng(3)
    history = {name: rng.gamma(2, 4, 60) + 1 for name in ("a", "b", "c")}
    y = rng.gamma(2, 4, (3, 10))
    mean = y * rng.uniform(0.5, 1.5, y.shape)
    train = pl.DataFrame(
        {
            "unique_id": np.repeat(["a", "b", "c"], 60),
            "ds": np.tile(np.arange(60), 3),
            "y": np.concatenate([*history.values()]),
        }
    )
    test = pl.DataFrame(
        {
            "unique_id": np.repeat(["a", "b", "c"], 10),
            "ds": np.tile(np.arange(60, 70), 3),
            "y": y.ravel(),
            "m": mean.ravel(),
        }
    )
    found = measure(y, mean, scale=history_scale(panel_of(history)))
    assert found["mase"] == pytest.approx(oracle.mase(test, ["m"], 7, train)["m"].mean(), rel=1e-5)
    assert found["rmsse"] == pytest.approx(oracle.rmsse(test, ["m"], 7, train)["m"].mean(), rel=1e-5)


def test_mase_scale_comes_from_the_history_alone():
    scale = history_scale(panel_of({"a": [5, 1, 2, 3, 4, 5, 6, 8, 4, 2, 3, 4, 5, 6]}))
    assert scale.absolute[0] == pytest.approx((3 + 3) / 7)  # |8 - 5|, |4 - 1|, then five repeats
    assert scale.squared[0] == pytest.approx((9 + 9) / 7)


def test_scale_leaves_out_zeros_before_the_first_sale():
    tail = [5, 1, 2, 3, 4, 5, 6, 8, 4, 2, 3, 4, 5, 6]
    scale = history_scale(panel_of({"plain": tail, "waiting": [0] * 30 + tail}))
    assert scale.absolute[1] == pytest.approx(scale.absolute[0])


def test_scale_leaves_out_pairs_with_a_missing_or_sold_out_end():
    values = [float(v) for v in (5, 1, 2, 3, 4, 5, 6, 8, 4, 2, 3, 4, 5, 6)]
    missing = [*values[:7], float("nan"), *values[8:]]
    sold_out = {"a": [True] * 7 + [False] + [True] * 6}
    assert history_scale(panel_of({"a": missing})).absolute[0] == pytest.approx(3 / 6)
    assert history_scale(panel_of({"a": values}, available=sold_out)).absolute[0] == pytest.approx(3 / 6)


def test_scale_of_a_series_shorter_than_a_season_uses_neighbours():
    assert history_scale(panel_of({"a": [2, 4, 3, 7]})).absolute[0] == pytest.approx((2 + 1 + 4) / 3)


def test_series_without_a_scale_are_left_out_of_mase():
    scale = history_scale(panel_of({"flat": [3] * 20, "moving": [1, 2] * 10}))
    assert np.isnan(scale.absolute[0])
    found = measure([[4.0], [2.0]], [[40.0], [1.0]], scale=scale, metrics=["mase"])
    assert found["mase"] == pytest.approx(1.0 / scale.absolute[1])


def test_mape_judges_only_steps_with_sales_and_smape_counts_every_missed_zero():
    found = measure([[0.0, 10.0]], [[1.0, 8.0]])
    assert found["mape"] == pytest.approx(0.2)
    assert found["smape"] == pytest.approx((2.0 + 2 * 2 / 18) / 2)
    assert measure([[0.0]], [[0.0]])["smape"] == 0.0
    assert np.isnan(measure([[0.0, 0.0]], [[1.0, 2.0]])["mape"])


def test_their_meanings_warn_of_mape_and_smape():
    assert "misleads on slow items" in METRICS["mape"].meaning
    assert "missed zero" in METRICS["smape"].meaning


def test_bias_is_positive_when_too_much_is_forecast():
    found = measure([[10.0, 10.0]], [[12.0, 10.0]])
    assert found["bias"] == pytest.approx(1.0)
    assert found["relative_bias"] == pytest.approx(0.1)


def test_missing_actuals_count_nowhere(case):
    y, mean, quantiles = case
    holes = y.copy()
    holes[:, 4:] = np.nan
    full, cut = measure(holes, mean, quantiles), measure(y[:, :4], mean[:, :4], quantiles[:, :4])
    assert full == pytest.approx(cut, rel=1e-5)


def test_huge_sales_do_not_overflow():
    y = np.full((1, 5), 1e12)
    found = measure(y, y * 1.5, np.repeat((y * 1.5)[..., None], len(SCORED), axis=2))
    assert all(np.isfinite(v) for v in found.values())
    assert found["wape"] == pytest.approx(0.5, rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float32, (3, 4), elements=st.integers(0, 1000)),
    arrays(np.float32, (3, 4, len(SCORED)), elements=st.integers(0, 1000)),
    st.sampled_from([0.5, 4.0, 16.0]),
)
def test_relative_metrics_do_not_depend_on_the_unit_of_demand(y, raw, unit):
    quantiles = np.sort(raw, axis=2)
    mean = quantiles[..., 5]
    one, other = measure(y, mean, quantiles), measure(y * unit, mean * unit, quantiles * unit)
    for name in ("wql", "wape", "smape", "coverage_80", "relative_bias"):
        assert other[name] == pytest.approx(one[name], rel=1e-4, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float32, (5, 4), elements=st.floats(0, 100, width=32)),
    arrays(np.float32, (5, 4), elements=st.floats(0, 100, width=32)),
    arrays(np.int64, 5, elements=st.integers(0, 2)),
)
def test_groups_and_steps_add_up_to_the_whole(y, mean, codes):
    cells = Cells(y, mean, np.repeat(mean[..., None], len(SCORED), axis=2), SCORED, Scale(np.ones(5), np.ones(5)))
    for metric in METRICS.values():
        if metric.per_series:
            continue
        whole = sums(metric, cells, np.zeros(5, int), 1, False)
        for by_step in (False, True):
            parts = sums(metric, cells, codes, 3, by_step)
            assert [p.sum() for p in parts] == pytest.approx([w[0] for w in whole], rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("by_step", [False, True])
@pytest.mark.parametrize("name", ["wql", "mase", "rmsse", "coverage_80", "rmse"])
def test_a_series_with_weight_three_counts_like_three_copies_of_it(case, name, by_step):
    y, mean, quantiles = (a[:2] for a in case)
    thrice = [0, 0, 0, 1]
    scale = Scale(np.array([2.0, 3.0]), np.array([5.0, 7.0]))
    copied = Scale(scale.absolute[thrice], scale.squared[thrice])
    metric = METRICS[name]
    weighted = sums(
        metric, Cells(y, mean, quantiles, SCORED, scale), np.zeros(2, int), 1, by_step, np.array([3.0, 1.0])
    )
    copies = sums(
        metric, Cells(y[thrice], mean[thrice], quantiles[thrice], SCORED, copied), np.zeros(4, int), 1, by_step
    )
    assert ratio(metric, *weighted) == pytest.approx(ratio(metric, *copies), rel=1e-6)


def test_levels_between_the_given_ones_are_interpolated_and_those_beyond_are_refused():
    cells = Cells(
        np.zeros((1, 1), np.float32),
        np.zeros((1, 1), np.float32),
        np.array([[[1.0, 3.0]]], np.float32),
        (0.2, 0.4),
        NO_SCALE,
    )
    assert cells.at(0.3)[0, 0] == pytest.approx(2.0)
    with pytest.raises(ConfigError, match=r"Level 0\.5 cannot be scored"):
        cells.at(0.5)


def test_metrics_that_lack_their_inputs_say_what_they_need():
    with pytest.raises(ConfigError, match="'wql' needs quantiles="):
        measure([1.0], [1.0], metrics=["wql"])
    with pytest.raises(ConfigError, match="'mase' needs scale="):
        measure([1.0], [1.0], metrics=["mase"])
    with pytest.raises(ConfigError, match="There is no metric 'mda'"):
        measure([1.0], [1.0], metrics=["mda"])


def test_names_of_user_metrics_are_checked():
    def worst(y, mean, quantiles, levels, history):
        return np.nanmax(np.abs(y - mean))

    assert list(named_metrics(worst)) == ["worst"]
    assert list(named_metrics({"largest error": worst})) == ["largest error"]
    assert named_metrics(["mase"]) == {}
    with pytest.raises(ConfigError, match="Two metrics are called 'worst'"):
        named_metrics([worst, worst])
    for taken in ("wql", "cells", "cutoff"):
        with pytest.raises(ConfigError, match=f"'{taken}' is a column of every score table"):
            named_metrics({taken: worst})
    with pytest.raises(ConfigError, match="There is no metric 'mda'"):
        named_metrics(["mda"])
    with pytest.raises(ConfigError, match="'best' is no function"):
        named_metrics({"best": 3})
