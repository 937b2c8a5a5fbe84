"""Linear, ridge and polynomial regression of a panel, against scikit-learn on the same rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as TheirRidge

from skucast.errors import ConfigError
from skucast.models.regression import FittedRegression, Linear, Polynomial, Ridge
from skucast.models.regression_rows import Draw
from skucast.models.regressors import RegressorMatrix
from skucast.panel import Panel

from .series import panel_of, shop

HORIZON = 7


def promoted(curve: float = 0.0, count: int = 12, steps: int = 160, seed: int = 0) -> tuple[Panel, np.ndarray]:
    """Demand that a discount known ahead multiplies by ``1 + 2 d + curve d^2``; and the discounts that follow."""
    rng = np.random.default_rng(seed)
    discount = np.where(rng.random((count, steps + HORIZON)) < 0.5, rng.uniform(0, 1, (count, steps + HORIZON)), 0.0)
    effect = 1 + 2 * discount + curve * discount**2
    level = rng.uniform(20, 200, (count, 1))
    demand = rng.poisson(level * effect[:, :steps])
    panel = panel_of({f"item{i}": demand[i] for i in range(count)})
    return panel.with_known({"discount": discount[:, :steps].ravel()}), discount[:, steps:]


def rows_of(fitted: FittedRegression) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    matrix = RegressorMatrix(fitted.panel, fitted.regressors)
    draw = Draw.of(matrix, fitted.horizon, fitted.spec.rows)
    found = [rows for origin in draw.origins for rows in draw.at(matrix, origin)]
    x = np.concatenate([fitted.terms.expand(rows.x) for rows in found], axis=1)
    return x, np.concatenate([rows.y for rows in found]), np.concatenate([rows.weight for rows in found])


def test_linear_is_least_squares_on_its_rows() -> None:
    fitted = Linear(scope="global").fit(shop(), horizon=HORIZON)
    x, y, weight = rows_of(fitted)
    theirs = LinearRegression(fit_intercept=False).fit(x.T, y, weight)
    np.testing.assert_allclose(fitted.beta @ x, theirs.predict(x.T), rtol=1e-5, atol=1e-6)


def test_ridge_is_that_of_scikit_learn_at_the_same_penalty() -> None:
    fitted = Ridge(scope="global", penalty=0.05).fit(shop(), horizon=HORIZON)
    x, y, weight = rows_of(fitted)
    theirs = TheirRidge(alpha=0.05 * weight.sum(), solver="svd").fit(x[1:].T, y, weight)
    np.testing.assert_allclose(fitted.beta, [theirs.intercept_, *theirs.coef_], rtol=1e-6, atol=1e-9)


def test_a_polynomial_of_the_first_degree_is_a_ridge_regression() -> None:
    ridge = Ridge(penalty=0.1).fit(shop(), horizon=HORIZON).predict(HORIZON)
    polynomial = Polynomial(penalty=0.1, degree=1).fit(shop(), horizon=HORIZON).predict(HORIZON)
    np.testing.assert_allclose(polynomial.mean, ridge.mean, rtol=1e-6)


@pytest.mark.parametrize("spec", [Linear(), Ridge(), Polynomial()])
def test_the_effect_of_a_covariate_that_is_known_ahead_is_learned(spec: Linear) -> None:
    panel, ahead = promoted()
    fitted = spec.fit(panel, horizon=HORIZON)
    none = fitted.predict(HORIZON, {"discount": np.zeros_like(ahead)}).mean
    half = fitted.predict(HORIZON, {"discount": np.full_like(ahead, 0.5)}).mean
    assert np.median(half / none) == pytest.approx(2.0, rel=0.12)


def test_a_curved_effect_is_seen_and_needs_a_higher_degree() -> None:
    panel, ahead = promoted(curve=6.0)
    fitted = Polynomial().fit(panel, horizon=HORIZON)
    assert fitted.trial.tested
    assert fitted.trial.degree >= 2
    none = fitted.predict(HORIZON, {"discount": np.zeros_like(ahead)}).mean
    for size, factor in ((0.5, 1 + 1 + 1.5), (0.9, 1 + 1.8 + 6 * 0.81)):
        more = fitted.predict(HORIZON, {"discount": np.full_like(ahead, size)}).mean
        assert np.median(more / none) == pytest.approx(factor, rel=0.15)


def test_the_penalty_is_strong_where_there_is_little_to_learn_from_and_much_noise() -> None:
    rng = np.random.default_rng(0)
    noise = panel_of({f"a{i}": rng.poisson(2, 70) for i in range(2)})
    assert Ridge().fit(noise, horizon=HORIZON).trial.penalty > 0.01


def test_series_move_away_from_the_common_coefficients_only_where_that_helps() -> None:
    rng = np.random.default_rng(0)
    steps = 240
    promotion = (rng.random((10, steps)) < 0.3).astype(float)
    effect = np.where(np.arange(10) % 2 == 0, 3.0, 0.4)[:, None]  # helps half of the items, hurts the others
    demand = rng.poisson(50 * np.where(promotion > 0, effect, 1.0))
    panel = panel_of({f"item{i}": demand[i] for i in range(10)}).with_known({"promotion": promotion.ravel()})
    ahead = {"promotion": np.ones((10, HORIZON))}
    own = Ridge().fit(panel, horizon=HORIZON)
    assert own.trial.own > 0
    assert own.own.shape[0] == 10
    mean = own.predict(HORIZON, ahead).mean.mean(axis=1)
    np.testing.assert_allclose(mean / 50, effect[:, 0], rtol=0.1, atol=0.12)
    common = Ridge(scope="global").fit(panel, horizon=HORIZON)
    assert np.ptp(common.predict(HORIZON, ahead).mean.mean(axis=1)) < 0.5 * np.ptp(mean)
    alike, _ = promoted(count=30)
    assert Ridge().fit(alike, horizon=HORIZON).own.shape[1] == 0


def test_a_new_series_is_forecast_with_the_common_coefficients() -> None:
    panel, ahead = promoted()
    fitted = Ridge().fit(panel, horizon=HORIZON)
    renamed = dataclasses.replace(panel, static=panel.static.with_columns(unique_id="new_" + panel.static["unique_id"]))
    np.testing.assert_array_equal(
        Ridge(scope="global").fit(panel, horizon=HORIZON).update(renamed).predict(HORIZON, {"discount": ahead}).mean,
        dataclasses.replace(fitted, own=np.zeros((12, 0))).update(renamed).predict(HORIZON, {"discount": ahead}).mean,
    )
    assert fitted.update(renamed).predict(HORIZON, {"discount": ahead}).mean.min() > 0


def test_quantiles_cover_what_comes() -> None:
    panel, ahead = promoted(count=60, steps=160 + HORIZON, seed=3)
    past = panel.until(panel.end - HORIZON)
    came = panel.dense()[:, -HORIZON:]
    known = {"discount": panel.dense(panel.known["discount"])[:, -HORIZON:]}
    forecast = Ridge().fit(past, horizon=HORIZON).predict(HORIZON, known, levels=(0.1, 0.9))
    inside = (came >= forecast.quantiles[..., 0]) & (came <= forecast.quantiles[..., 1])
    assert 0.7 < inside.mean() < 0.92
    assert ahead.shape == (60, HORIZON)


def test_a_larger_panel_is_thinned_out_to_the_rows_asked_for() -> None:
    panel = shop(40, 120)
    matrix = RegressorMatrix(panel, Linear().fit(panel, horizon=HORIZON).regressors)
    draw = Draw.of(matrix, HORIZON, 2000)
    seen = [rows for origin in draw.origins for rows in draw.at(matrix, origin)]
    total = sum(rows.y.size for rows in seen)
    assert 1000 < total <= 2200
    assert set(np.concatenate([rows.series for rows in seen])) == set(range(40))


def test_coefficients_are_named() -> None:
    panel, _ = promoted()
    fitted = Linear(scope="global").fit(panel, horizon=HORIZON)
    named = fitted.coefficients
    assert next(iter(named)) == "intercept"
    assert named["discount"] > 0.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(scope="each"), "scope must be global or series, not 'each'"),  # type: ignore[arg-type]
        (lambda: Linear(rows=5), "rows must be a whole number from 100, not 5"),
        (lambda: Ridge(penalty=-1), "penalty must be 0 or more, not -1"),
        (lambda: Polynomial(degree=4), "degree must be 1, 2 or 3, or 0 to choose, not 4"),
    ],
)
def test_an_option_that_makes_no_sense_is_an_error(make: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()  # type: ignore[operator]
