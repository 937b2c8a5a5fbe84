"""The Kalman filter of ARIMA models, against statsforecast and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from statsforecast.arima import arima as fit_arima
from statsforecast.arima import arima_like, make_arima, predict_arima

from skucast.models.arima_filter import Arma, Filtered, differencing, filtered


def series(steps: int = 90, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 5 + np.sin(2 * np.pi * np.arange(steps) / 7) + rng.normal(0, 0.5, steps).cumsum() * 0.2


MODELS = {
    "white": ([], [], (0, 0, 1)),
    "ar": ([0.6, 0.2], [], (0, 0, 1)),
    "ma": ([], [0.4, -0.3, 0.2], (0, 0, 1)),
    "arma": ([0.5], [0.3], (0, 0, 1)),
    "arima": ([0.5], [-0.4], (1, 0, 1)),
    "twice": ([], [-0.5], (2, 0, 1)),
    "seasonal": ([0.3, 0, 0, 0, 0, 0, 0.4], [0.2], (0, 1, 7)),
    "airline": ([], [-0.4, 0, 0, 0, 0, 0, -0.5, 0.2], (1, 1, 7)),
}


def ours(y: np.ndarray, name: str, horizon: int = 9) -> Filtered:
    phi, theta, (d, seasonal, m) = MODELS[name]
    y = np.atleast_2d(y)
    arma = Arma(np.tile(phi, (len(y), 1)), np.tile(theta, (len(y), 1)), differencing(d, seasonal, m))
    return filtered(y, arma, horizon)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("gaps", [False, True])
def test_squares_and_logs_are_those_of_statsforecast(name: str, gaps: bool) -> None:
    y = series()
    if gaps:
        y[[30, 31, 50, 64, 65, 66, 89]] = np.nan
    phi, theta, (d, seasonal, m) = MODELS[name]
    delta = np.array(differencing(d, seasonal, m))
    model = make_arima(np.array(phi, dtype=float), np.array(theta, dtype=float), delta)
    squares, logs, count, errors = arima_like(
        y, model["phi"], model["theta"], model["delta"], model["a"], model["P"], model["Pn"], 0, True
    )
    found = ours(y, name)
    assert found.count[0] == count
    assert found.squares[0] == pytest.approx(squares, rel=1e-6)
    assert found.logs[0] == pytest.approx(logs, rel=1e-6, abs=1e-6)
    if not gaps:  # theirs are divided by their standard deviation, which soon is one
        np.testing.assert_allclose(found.errors[0, 40:], errors[40:], rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of their optimisation
@pytest.mark.parametrize(
    ("order", "seasonal"),
    [((1, 0, 1), (0, 0, 0)), ((2, 1, 1), (0, 0, 0)), ((1, 0, 0), (0, 1, 1)), ((0, 1, 1), (1, 0, 0))],
)
def test_likelihood_and_forecasts_are_those_of_statsforecast_at_its_coefficients(
    order: tuple[int, int, int], seasonal: tuple[int, int, int]
) -> None:
    y = series()
    fit = fit_arima(y, order=order, seasonal={"order": seasonal, "period": 7}, include_mean=False, method="ML")
    model = fit["model"]
    arma = Arma(model["phi"][None], model["theta"][None], tuple(model["delta"]))
    found = filtered(y[None], arma, 12)
    assert found.log_likelihood[0] == pytest.approx(fit["loglik"], rel=1e-5)
    mean, spread = predict_arima(fit, 12)
    np.testing.assert_allclose(found.ahead[0], mean, rtol=1e-5)
    np.testing.assert_allclose(found.variance[0] * fit["sigma2"], spread**2, rtol=1e-5)


def test_a_random_walk_repeats_its_last_value_with_a_variance_that_grows_by_one_a_step() -> None:
    arma = Arma(np.zeros((1, 0)), np.zeros((1, 0)), differencing(1, 0, 1))
    found = filtered(np.array([[3.0, 5.0, 4.0, np.nan, np.nan]]), arma, 3)
    np.testing.assert_allclose(found.ahead[0], 4.0, rtol=1e-5)
    np.testing.assert_allclose(found.variance[0], [3.0, 4.0, 5.0], rtol=1e-5)
    assert np.isnan(found.errors[0, 0])  # nothing was known yet
    np.testing.assert_allclose(found.errors[0, 1:3], [2.0, -1.0], rtol=1e-5)


def test_the_forecast_of_an_autoregression_is_the_textbook_s() -> None:
    found = filtered(np.array([[0.0, 1.0, -2.0]]), Arma(np.array([[0.5]]), np.zeros((1, 0)), ()), 3)
    np.testing.assert_allclose(found.ahead[0], [-1.0, -0.5, -0.25])
    np.testing.assert_allclose(found.variance[0], [1.0, 1.25, 1.3125])


@pytest.mark.parametrize("name", ["arma", "airline"])
def test_what_a_series_gets_does_not_depend_on_the_others(name: str) -> None:
    rows = np.stack([series(seed=k) for k in range(5)])
    rows[1, :40] = np.nan
    rows[3, 70:] = np.nan
    whole = ours(rows, name)
    for i in range(5):
        first = int((~np.isnan(rows[i])).argmax())
        alone = ours(rows[i, first:], name)
        np.testing.assert_array_equal(alone.ahead[0], whole.ahead[i])
        np.testing.assert_array_equal(alone.variance[0], whole.variance[i])
        np.testing.assert_array_equal(alone.errors[0], whole.errors[i, first:])


def test_differencing_multiplies_the_polynomials() -> None:
    assert differencing(0, 0, 7) == ()
    assert differencing(1, 0, 7) == (1.0,)
    assert differencing(2, 0, 7) == (2.0, -1.0)
    assert differencing(1, 1, 4) == (1.0, 0.0, 0.0, 1.0, -1.0)
