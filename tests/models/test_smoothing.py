"""Exponential smoothing of a whole panel: the recursion, its estimation, and how good it is."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import polars as pl
import pytest
from statsforecast.models import AutoETS, SimpleExponentialSmoothing

from skucast.errors import ConfigError
from skucast.models.ets_recursion import Parameters, States, growth_of_variance, project, smooth
from skucast.models.ets_search import Form, estimate
from skucast.models.smoothing import Ets, FittedEts
from skucast.panel import Panel

from .series import panel_of, shop


def textbook(
    y: np.ndarray, m: int, alpha: float, beta: float, gamma: float, phi: float,
    level: float, slope: float, season: np.ndarray, multiplicative: bool, horizon: int,
) -> tuple[float, np.ndarray]:  # fmt: skip
    """Tables 2.2 and 2.3 of Hyndman et al. (2008), one series and step at a time."""
    season, sse = season.copy(), 0.0
    for t, value in enumerate(y):
        s, q = season[t % m], level + phi * slope
        error = value - (q * s if multiplicative else q + s)
        scaled = error / s if multiplicative else error
        level, slope = q + alpha * scaled, phi * slope + beta * scaled
        season[t % m] = s + gamma * (error / q if multiplicative else error)
        sse += error**2
    out, damping = [], 0.0
    for h in range(1, horizon + 1):
        damping += phi**h
        q, s = level + damping * slope, season[(len(y) + h - 1) % m]
        out.append(q * s if multiplicative else q + s)
    return sse, np.array(out)


def seasonal(count: int = 4, steps: int = 60, m: int = 4, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wave = 1 + 0.4 * np.sin(2 * np.pi * np.arange(steps) / m)
    return (20 + 0.2 * np.arange(steps)) * wave * np.exp(rng.normal(0, 0.1, (count, steps)))


@pytest.mark.parametrize("multiplicative", [False, True])
@pytest.mark.parametrize("phi", [1.0, 0.9])
def test_the_recursion_is_the_textbook_s(multiplicative: bool, phi: float) -> None:
    m, y = 4, seasonal()
    count = len(y)
    alpha, beta, gamma = np.linspace(0.1, 0.8, count), np.full(count, 0.05), np.full(count, 0.15)
    level, slope = np.full(count, 20.0), np.full(count, 0.1)
    season = np.tile(np.array([1.0, 1.4, 1.0, 0.6]) if multiplicative else np.array([0.0, 8, 0, -8]), (count, 1)).T
    parameters = Parameters(alpha, beta, gamma, None if phi == 1 else np.full(count, phi))
    sse, last = smooth(y.T, parameters, States(level, slope, season), multiplicative=multiplicative)
    ahead = project(9, parameters, last, multiplicative=multiplicative, phase=y.shape[1] % m)
    for i in range(count):
        expected_sse, expected = textbook(
            y[i], m, alpha[i], 0.05, 0.15, phi, 20.0, 0.1, season[:, i], multiplicative, 9
        )  # fmt: skip
        assert sse[i] == pytest.approx(expected_sse, rel=1e-9)
        np.testing.assert_allclose(ahead[:, i], expected, rtol=1e-9)


def test_simple_smoothing_equals_that_of_statsforecast() -> None:
    y = seasonal(3)
    for alpha in (0.1, 0.5, 0.9):
        parameters = Parameters(np.full(3, alpha))
        _, last = smooth(y.T, parameters, States(y[:, 0].copy()))
        ahead = project(2, parameters, last)
        for i in range(3):
            theirs = SimpleExponentialSmoothing(alpha=alpha).forecast(y[i], 2)["mean"]
            np.testing.assert_allclose(ahead[:, i], theirs, rtol=1e-8)


@pytest.mark.parametrize(
    ("model", "damped"), [("ANN", None), ("AAN", True), ("AAA", False), ("AAA", True), ("MAM", False), ("MAM", True)]
)
def test_fits_and_forecasts_equal_those_of_statsforecast_at_its_parameters(model: str, damped: bool | None) -> None:
    m, y = 4, seasonal(1)[0]
    theirs = AutoETS(season_length=m, model=model, damped=damped).fit(y)
    alpha, beta, gamma, phi = theirs.model_["par"][:4]
    first = list(theirs.model_["states"][0])
    level = np.array([first.pop(0)])
    slope = np.array([first.pop(0)]) if model[1] == "A" else None
    season = np.array(first[::-1])[:, None] if model[2] != "N" else None  # theirs has the newest first
    parameters = Parameters(
        np.array([alpha]),
        None if slope is None else np.array([beta]),
        None if season is None else np.array([gamma]),
        np.array([phi]) if damped else None,
    )
    errors, multiplicative = np.empty((y.size, 1)), model[2] == "M"
    _, last = smooth(y[:, None], parameters, States(level, slope, season), multiplicative=multiplicative, errors=errors)
    np.testing.assert_allclose(y - errors[:, 0], theirs.model_["fitted"], rtol=1e-7)
    ahead = project(10, parameters, last, multiplicative=multiplicative, phase=y.size % m)
    # statsforecast adds phi again, not phi squared, for the second step of a damped trend: one step is compared
    steps = 1 if damped else 10
    np.testing.assert_allclose(ahead[:steps, 0], theirs.predict(10)["mean"][:steps], rtol=1e-7)


def test_a_missing_step_leaves_level_and_slope_and_the_season_moves_on() -> None:
    m, y = 4, seasonal(2, 32)
    holes = y.copy()
    holes[:, [9, 10, 21]] = np.nan
    alpha, gamma = np.array([0.3, 0.6]), np.array([0.2, 0.1])
    season = np.tile([0.0, 8, 0, -8], (2, 1)).T.astype(np.float64)
    errors = np.empty((32, 2))
    _, last = smooth(holes.T, Parameters(alpha, None, gamma), States(np.full(2, 20.0), None, season), errors=errors)
    level, pattern = np.full(2, 20.0), season.copy()
    for t in range(32):
        seen = ~np.isnan(holes[:, t])
        error = np.where(seen, holes[:, t] - level - pattern[t % m], 0.0)
        np.testing.assert_allclose(errors[t], error, atol=1e-12)
        level = level + alpha * error
        pattern[t % m] += gamma * error
    np.testing.assert_allclose(last.level, level)
    assert last.season is not None
    np.testing.assert_allclose(last.season, pattern)


def test_candidates_run_side_by_side_as_if_alone() -> None:
    y = seasonal(3).T
    alphas = np.array([[0.1] * 3, [0.5] * 3])
    sse, last = smooth(y, Parameters(alphas), States(np.full(3, 20.0)))
    for k in range(2):
        own, own_last = smooth(y, Parameters(alphas[k]), States(np.full(3, 20.0)))
        np.testing.assert_array_equal(sse[k], own)
        np.testing.assert_array_equal(last.level[k], own_last.level)


def test_the_variance_ahead_is_that_of_simulated_paths() -> None:
    rng = np.random.default_rng(0)
    parameters = Parameters(np.array([0.4]), np.array([0.1]), np.array([0.2]), np.array([0.9]))
    growth = growth_of_variance(9, parameters, 4)[:, 0]
    runs, level, slope = 40_000, np.zeros(40_000), np.zeros(40_000)
    season = np.zeros((4, runs))
    for h in range(9):
        error, q = rng.normal(0, 1, runs), level + 0.9 * slope
        value = q + season[h % 4] + error
        assert value.var() == pytest.approx(growth[h], rel=0.04)
        level, slope = q + 0.4 * error, 0.9 * slope + 0.1 * error
        season[h % 4] += 0.2 * error


@pytest.mark.parametrize(
    ("made", "trend", "season"),
    [
        (lambda t, rng: 50 + rng.normal(0, 5, t.size), "none", "none"),
        (lambda t, rng: 50 + 20 * np.sin(2 * np.pi * t / 7) + rng.normal(0, 3, t.size), "none", "additive"),
        (lambda t, rng: (20 + t) * (1 + 0.5 * np.sin(2 * np.pi * t / 7)) * np.exp(rng.normal(0, 0.02, t.size)), None,
         "multiplicative"),
    ],
    ids=["flat", "additive", "multiplicative"],
)  # fmt: skip
def test_the_form_that_made_the_series_is_chosen(made: object, trend: str | None, season: str) -> None:
    t = np.arange(140)
    values = {f"s{k}": made(t, np.random.default_rng(k)) for k in range(10)}  # type: ignore[operator]
    fitted = Ets().fit(panel_of(values))
    assert isinstance(fitted, FittedEts)
    forms = [("none", "additive", "damped")[f % 3] for f in fitted.learned.form]
    seasons = [("none", "additive", "multiplicative")[f // 3] for f in fitted.learned.form]
    assert seasons.count(season) >= 9
    if trend is not None:
        assert forms.count(trend) >= 7


def test_a_planted_trend_and_week_are_continued() -> None:
    t = np.arange(105)
    values = 30 + 0.5 * t + np.tile([0.0, 0, 0, 5, 10, 20, -10], 15)
    made = Ets().fit(panel_of({"a": values})).predict(14).mean[0]
    ahead = np.arange(105, 119)
    np.testing.assert_allclose(made, 30 + 0.5 * ahead + np.tile([0.0, 0, 0, 5, 10, 20, -10], 2), rtol=0.02)


def test_estimated_smoothing_is_nearly_as_good_as_the_best_of_a_fine_grid() -> None:
    rng = np.random.default_rng(0)
    walks = np.cumsum(rng.normal(0, [[0.1], [0.5], [2.0]], (3, 120)), axis=1)
    y = ((50 + walks + rng.normal(0, 1, (3, 120))) / 50).T
    found = estimate(y, [Form("none", "none")], 7, 0)
    alphas = np.repeat(np.linspace(0.01, 0.999, 100), 15)
    for i in range(3):
        levels = np.tile(np.linspace(y[:10, i].min(), y[:10, i].max(), 15), 100)
        sse, _ = smooth(y[:, i : i + 1], Parameters(alphas[:, None]), States(levels[:, None]))
        assert found.sse[i] < 1.01 * sse.min()


def bundled(count: int = 60) -> Panel:
    """Weekly units of the best sold products of the bundled real orders."""
    lines = pl.scan_parquet(str(files("skucast.data").joinpath("online_retail.parquet")))
    sold = (
        lines.filter(pl.col("quantity") > 0, pl.col("price") > 0)
        .group_by(
            pl.col("sku").alias("unique_id"),
            pl.col("ordered_at").dt.date().dt.truncate("1w").dt.offset_by("6d").alias("ds"),
        )
        .agg(pl.col("quantity").sum().cast(pl.Float64).alias("y"))
        .collect()
    )
    most = sold.group_by("unique_id").len().sort("len", "unique_id", descending=True).head(count)["unique_id"]
    return Panel.from_frame(sold.filter(pl.col("unique_id").is_in(most.implode())), "W-SUN")


def test_on_real_orders_it_is_as_good_as_statsforecast_s_auto_ets() -> None:
    panel = bundled()
    horizon = 8
    losses = np.zeros(2)
    for back in (8, 16):
        history = panel.until(panel.end - back)
        assert history.ids.equals(panel.ids)
        actual = panel.dense()[:, panel.n_steps - back :][:, :horizon]
        ours = Ets(season_length=1).fit(history).predict(horizon).mean
        for i in range(len(history)):
            values = np.nan_to_num(history.series(i)).astype(np.float64)
            theirs = np.maximum(AutoETS(season_length=1, model="ZZN").forecast(values, horizon)["mean"], 0)
            losses += [np.nansum(np.abs(actual[i] - ours[i])), np.nansum(np.abs(actual[i] - theirs))]
    assert losses[0] < 1.05 * losses[1]


def test_update_continues_the_recursion_with_the_same_parameters() -> None:
    panel = shop()
    longer = panel.append(np.tile([[3.0, 5.0, 2.0]], (len(panel), 1)))
    fitted = Ets().fit(panel)
    moved = fitted.update(longer)
    assert isinstance(fitted, FittedEts)
    assert isinstance(moved, FittedEts)
    np.testing.assert_array_equal(moved.learned.alpha, fitted.learned.alpha)
    np.testing.assert_array_equal(moved.learned.level, fitted.learned.level)
    shorter = moved.update(longer.tail(40))  # begins elsewhere: new first states, same parameters
    assert isinstance(shorter, FittedEts)
    np.testing.assert_array_equal(shorter.learned.alpha, fitted.learned.alpha)
    np.testing.assert_allclose(
        shorter.predict(7).mean.sum(), moved.predict(7).mean.sum(), rtol=0.1
    )  # the far past matters little


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: Ets(trend="cubic"), "trend must be none, additive, damped or auto, not 'cubic'"),  # type: ignore[arg-type]
        (lambda: Ets(season="lunar"), "season must be none, additive, multiplicative or auto"),  # type: ignore[arg-type]
        (lambda: Ets(season_length=-1), "season_length must be 0 or more"),
    ],
)
def test_options_that_make_no_sense_are_errors(made: object, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        made()  # type: ignore[operator]
