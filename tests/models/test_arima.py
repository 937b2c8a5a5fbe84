"""ARIMA with regressors over a panel, against statsforecast called directly."""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest
from statsforecast.arima import Arima, forecast_arima

from skucast.errors import ConfigError, MissingExtraError
from skucast.models import arima as module
from skucast.models.arima import Arimax, FittedArima, Sarimax
from skucast.models.arima_learn import FITTED, SHORT
from skucast.models.arima_regressors import ArimaRegressors, preferred
from skucast.models.smoothing import Ets
from skucast.panel import Panel
from skucast.place import Place

from .series import panel_of, shop

HORIZON = 6


def promoted(count: int = 3, steps: int = 120, freq: str = "D") -> tuple[Panel, np.ndarray]:
    """Autocorrelated demand that doubles on promotion, and the promotions that follow."""
    rng = np.random.default_rng(0)
    promotion = (rng.random((count, steps + HORIZON)) < 0.25).astype(float)
    noise = np.zeros((count, steps))
    for t in range(1, steps):
        noise[:, t] = 0.6 * noise[:, t - 1] + rng.normal(0, 2, count)
    demand = 30 + noise + 30 * promotion[:, :steps]
    panel = panel_of({f"item{i}": demand[i] for i in range(count)}, freq)
    return panel.with_known({"promotion": promotion[:, :steps].ravel()}), promotion[:, steps:]


def fit(spec: Arimax, panel: Panel) -> FittedArima:
    fitted = spec.fit(panel, horizon=HORIZON)
    assert isinstance(fitted, FittedArima)
    return fitted


@pytest.mark.parametrize("order", [(1, 0, 1), (0, 1, 1)])
def test_at_a_fixed_order_forecasts_and_likelihood_are_those_of_statsforecast(order: tuple[int, int, int]) -> None:
    panel, ahead = promoted(freq="2D")  # a grid without a season
    fitted = fit(Arimax(order=order), panel)
    mean = fitted.predict(HORIZON, {"promotion": ahead}).mean
    for i in range(3):
        y, x = panel.dense()[i].astype(float), panel.dense(panel.known["promotion"])[i].astype(float)[:, None]
        theirs = Arima(y, order=order, xreg=x, method="CSS-ML")
        expected = forecast_arima(theirs, xreg=ahead[i][:, None], level=[80])["mean"]
        np.testing.assert_allclose(mean[i], expected, rtol=5e-3)
        scaled = theirs["loglik"] + (y.size - order[1]) * np.log(np.abs(y).mean())
        assert fitted.learned.log_likelihood[i] == pytest.approx(scaled, abs=0.02)


@pytest.mark.parametrize("spec", [Arimax(models=8), Sarimax(models=8)])
def test_the_effect_of_a_covariate_that_is_known_ahead_is_learned(spec: Arimax) -> None:
    panel, ahead = promoted()
    fitted = fit(spec, panel)
    on = fitted.predict(HORIZON, {"promotion": np.ones_like(ahead)}).mean
    off = fitted.predict(HORIZON, {"promotion": np.zeros_like(ahead)}).mean
    np.testing.assert_allclose(on - off, 30, rtol=0.1)


def test_missing_steps_are_skipped_and_not_taken_as_zero() -> None:
    panel, ahead = promoted()
    values = panel.values.copy()
    values[np.arange(values.size) % 7 == 6] = np.nan
    gaps = fit(Arimax(models=6), panel.with_values(values)).predict(HORIZON, {"promotion": ahead * 0}).mean
    np.testing.assert_allclose(gaps.mean(), 30, rtol=0.15)


def test_the_season_is_a_wave_in_arimax_and_a_part_of_sarimax() -> None:
    steps = np.arange(140)
    rng = np.random.default_rng(0)
    panel = panel_of({"a": 20 + 10 * np.sin(2 * np.pi * steps / 7) + rng.normal(0, 1, 140)})
    coming = 20 + 10 * np.sin(2 * np.pi * np.arange(140, 140 + HORIZON) / 7)
    waves, part = fit(Arimax(models=6), panel), fit(Sarimax(models=6), panel)
    assert waves.regressors.waves == 3
    assert part.regressors.waves == 0
    assert part.learned.orders[0, 3:6].sum() > 0
    for fitted in (waves, part):
        np.testing.assert_allclose(fitted.predict(HORIZON).mean[0], coming, atol=2.5)


def test_a_season_of_weeks_in_a_year_is_a_wave_in_both() -> None:
    panel = shop(2, 120, "W-SUN")
    for spec in (Arimax(models=2), Sarimax(models=2)):
        fitted = fit(spec, panel)
        assert fitted.regressors.waves == 2
        assert not fitted.learned.orders[:, 3:6].any()
        assert fitted.regressors.wave == pytest.approx(52.18, abs=0.01)


def test_series_without_a_model_are_forecast_by_exponential_smoothing_and_named() -> None:
    rng = np.random.default_rng(0)
    panel = panel_of({"short": rng.poisson(9, 10), "long": rng.poisson(9, 60), "none": np.full(20, np.nan)})
    fitted = fit(Arimax(models=3), panel)
    assert fitted.learned.why.tolist() == [SHORT, FITTED, SHORT]
    forecast = fitted.predict(HORIZON)
    assert dict(forecast.fallback) == {
        "short": "ets (10 observations, 'arimax' needs 16)", "none": "zero (no observations)"
    }  # fmt: skip
    np.testing.assert_array_equal(forecast.mean[0], Ets().fit(panel.take([0])).predict(HORIZON).mean[0])


def test_a_search_that_finds_nothing_in_time_falls_back_and_says_so() -> None:
    forecast = fit(Arimax(seconds=1e-9), shop(2)).predict(HORIZON)
    assert set(forecast.fallback.values()) == {"ets (no model of 'arimax' within 1e-09 s)"}


def test_several_processes_find_what_one_finds() -> None:
    panel = shop(5, 60)
    one, two = fit(Arimax(models=3, workers=1), panel), fit(Arimax(models=3, workers=2), panel)
    for name, array in vars(one.learned).items():
        np.testing.assert_array_equal(vars(two.learned)[name], array)


def test_the_spread_grows_with_the_horizon_where_demand_wanders() -> None:
    rng = np.random.default_rng(0)
    panel = panel_of({"a": 100 + rng.normal(0, 1, 150).cumsum()}, "2D")
    forecast = fit(Arimax(order=(0, 1, 0)), panel).predict(20, levels=(0.1, 0.9))
    width = forecast.quantiles[0, :, 1] - forecast.quantiles[0, :, 0]
    assert (np.diff(width) > 0).all()


def test_occasions_that_go_along_with_demand_are_chosen() -> None:
    rng = np.random.default_rng(0)
    x = np.zeros((400, 3))
    x[[50, 150, 250, 350], 0] = 1  # moves demand
    x[[20, 120, 220, 320], 1] = 1  # does not
    x[200, 2] = 1  # took place once only
    y = 5 + rng.normal(0, 0.3, 400) + 6 * x[:, 0] + 6 * x[:, 2]
    assert preferred(x, y, (0, 0, 3), 7, 3).tolist() == [0]
    assert preferred(x, y, (0, 0, 3), 7, 0).tolist() == []
    assert preferred(x, y, (1, 2, 0), 7, 3).tolist() == [0, 1, 2]
    assert preferred(x[:10], y[:10], (1, 2, 0), 7, 3).tolist() == [0]  # waves need two seasons


def test_holidays_of_the_place_are_learned() -> None:
    rng = np.random.default_rng(0)
    made = panel_of({"a": rng.normal(10, 1, 800)}, end="2024-12-21", place=Place("GB"))
    day = made.stamps.astype("datetime64[D]")
    before = np.isin(
        day.astype(str), ["2022-12-22", "2022-12-23", "2022-12-24", "2023-12-22", "2023-12-23", "2023-12-24"]
    )
    made = made.with_values(made.values + 90 * before)
    assert before.sum() >= 3
    with_place = fit(Arimax(models=4), made).predict(HORIZON).mean[0]
    without = fit(Arimax(models=4), dataclasses.replace(made, place=Place())).predict(HORIZON).mean[0]
    assert with_place[:3].mean() > 1.3 * without[:3].mean()  # the three days before Christmas come next


def test_regressors_are_json_both_ways() -> None:
    panel = dataclasses.replace(shop(2, 84), place=Place("CN"))
    panel = panel.with_known({"price": np.ones(panel.values.size), "weather": np.zeros(panel.values.size)})
    panel = dataclasses.replace(panel, categories={"weather": ("rain", "sun")})
    made = ArimaRegressors.of(panel, seasonal=False)
    assert ArimaRegressors.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert {"price", "weather=rain", "sin1", "cos3"} <= set(made.names)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"Model 'sarimax' needs the extra 'stats': pip install 'skucast\[stats\]'"
    ):
        Sarimax().fit(shop(1))


def test_a_saved_model_predicts_without_the_extra(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from skucast.models.spec import load_fitted

    fitted = fit(Arimax(models=3), shop(2))
    fitted.save(str(tmp_path))
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    loaded = load_fitted(str(tmp_path))
    np.testing.assert_array_equal(loaded.predict(HORIZON).mean, fitted.predict(HORIZON).mean)
    longer = shop(2).append(np.full((2, 3), 50.0))
    assert loaded.update(longer).predict(HORIZON).mean.sum() > fitted.predict(HORIZON).mean.sum()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Arimax(order=(1, 0)), "order must be three whole numbers"),
        (lambda: Arimax(order=(1, -1, 0)), "order must be three whole numbers"),
        (lambda: Sarimax(seasonal_order=(1, 0, 0)), "seasonal_order needs order too"),
        (lambda: Arimax(models=0), "models must be a whole number from 1, not 0"),
        (lambda: Arimax(seconds=-1), "seconds must be 0 or more, not -1"),
    ],
)
def test_an_option_that_makes_no_sense_is_an_error(make: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()  # type: ignore[operator]
