"""Finding ARIMA models of single series, against statsforecast called directly."""

from __future__ import annotations

import numpy as np
import pytest
from statsforecast.arima import Arima

from skucast.models.arima_search import Search, filled, find, fitted, stable, usable


def autoregression(steps: int = 300, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = np.zeros(steps)
    for t in range(2, steps):
        y[t] = 0.9 * y[t - 1] - 0.3 * y[t - 2] + rng.normal(0, 0.1)
    return 1 + y


def no_columns(y: np.ndarray) -> np.ndarray:
    return np.empty((y.size, 0))


def search(**options: object) -> Search:
    return Search(**{"season": 1, "orders": None, "models": 20, "seconds": 0.0, **options})  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore")  # of their own call
@pytest.mark.parametrize("orders", [(1, 0, 1, 0, 0, 0), (0, 1, 1, 0, 0, 0), (1, 0, 0, 1, 0, 1), (0, 1, 1, 0, 1, 1)])
def test_at_fixed_orders_coefficients_and_likelihood_are_those_of_statsforecast(orders: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    y = autoregression(150)
    x = rng.normal(size=(150, 2))
    y += x @ [0.3, -0.2]
    p, d, q, seasonal_p, seasonal_d, seasonal_q = orders
    theirs = Arima(
        y, order=(p, d, q), seasonal={"order": (seasonal_p, seasonal_d, seasonal_q), "period": 7}, xreg=x, method="CSS-ML",
        optim_control={"maxiter": 60},
    )  # fmt: skip
    found = find(y, x, search(season=7, orders=orders))
    assert found is not None
    assert found.orders == orders
    assert found.log_likelihood == pytest.approx(theirs["loglik"], abs=1e-3)
    np.testing.assert_allclose(found.beta, list(theirs["coef"].values())[-2:], atol=1e-3)
    np.testing.assert_allclose(found.phi, theirs["model"]["phi"][: found.phi.size], atol=2e-3)
    if d + seasonal_d == 0:
        assert found.intercept == pytest.approx(theirs["coef"]["intercept"], abs=1e-3)


def test_an_autoregression_is_recognised() -> None:
    found = find(autoregression(), no_columns(autoregression()), search())
    assert found is not None
    assert found.orders[1] == 0
    assert found.intercept == pytest.approx(1.0, abs=0.05)
    impulse = [1.0]  # what is left of a shock, by hand: 1, .9, .51, .19
    for t in range(1, 4):
        past = sum(w * impulse[t - 1 - k] for k, w in enumerate(found.phi[:t]))
        impulse.append(past + (found.theta[t - 1] if t <= found.theta.size else 0.0))
    np.testing.assert_allclose(impulse, [1, 0.9, 0.51, 0.19], atol=0.15)


def test_a_walk_is_differenced_and_a_steady_rise_becomes_a_drift() -> None:
    rng = np.random.default_rng(3)
    found = find(1 + np.cumsum(0.05 + rng.normal(0, 0.02, 200)), np.empty((200, 0)), search())
    assert found is not None
    assert found.orders[1] == 1
    assert found.drift == pytest.approx(0.05, abs=0.01)


def test_a_strong_season_gets_a_seasonal_part() -> None:
    rng = np.random.default_rng(0)
    y = 1 + 0.5 * np.sin(2 * np.pi * np.arange(200) / 7) + rng.normal(0, 0.1, 200)
    found = find(y, np.empty((200, 0)), search(season=7))
    assert found is not None
    assert sum(found.orders[3:]) > 0


def test_a_constant_is_its_own_model() -> None:
    found = find(np.full(50, 1.0), np.ones((50, 2)), search())
    assert found is not None
    assert found.orders == (0, 0, 0, 0, 0, 0)
    assert (found.intercept, found.drift, found.beta.tolist()) == (1.0, 0.0, [0.0, 0.0])


def test_the_search_ends_after_as_many_models_or_seconds_as_allowed() -> None:
    y = autoregression()
    few = find(y, no_columns(y), search(models=3))
    assert few is not None
    assert few.tried == 3
    assert find(y, no_columns(y), search(seconds=1e-9)) is None  # the time is over before the first candidate


def test_columns_that_say_nothing_new_are_left_out() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 100))
    x = np.column_stack([a, np.full(100, 3.0), b, a - b, np.arange(100.0), a * 2])
    assert usable(x, 100).tolist() == [0, 2]  # a line is a drift once differenced
    assert usable(x, 15).tolist() == [0]  # too few observations for two
    assert usable(x[:1], 1).size == 0


def test_gaps_are_filled_with_what_regression_season_and_neighbours_say() -> None:
    steps = np.arange(70)
    promotion = (steps % 10 == 3).astype(float)
    whole = 5 + np.sin(2 * np.pi * steps / 7) + 2 * promotion
    y = whole.copy()
    y[[13, 20, 21, 43]] = np.nan
    made = filled(y, promotion[:, None], 7)
    np.testing.assert_allclose(made, whole, atol=0.06)
    np.testing.assert_array_equal(made[~np.isnan(y)], y[~np.isnan(y)])


@pytest.mark.filterwarnings("ignore")  # of the optimisation, which `find` keeps silent
def test_a_model_near_the_unit_circle_is_not_stable() -> None:
    rng = np.random.default_rng(0)
    walk = rng.normal(size=3000).cumsum()
    fit = fitted(walk, no_columns(walk), (1, 0, 0, 0, 0, 0), False, 1, "CSS")
    assert fit is None or not stable(fit)
    y = autoregression()
    good = fitted(y, no_columns(y), (1, 0, 0, 0, 0, 0), True, 1, "CSS")
    assert good is not None
    assert stable(good)
