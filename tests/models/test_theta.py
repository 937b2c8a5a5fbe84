"""The theta method against statsforecast and planted series."""

from __future__ import annotations

import numpy as np
import pytest
from statsforecast.models import AutoTheta
from statsforecast.theta import forecast_theta, thetamodel

from skucast.errors import ConfigError
from skucast.models import theta_recursion
from skucast.models.theta import FittedTheta, Theta
from skucast.models.theta_recursion import Parameters, estimate, lines, project, run

from .series import panel_of, shop
from .test_smoothing import bundled

VARIANTS = [("STM", False), ("OTM", False), ("DSTM", True), ("DOTM", True)]


def drifting(steps: int = 80, seed: int = 0, drift: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 30 + np.cumsum(rng.normal(drift, 1, steps)) + rng.normal(0, 2, steps)


@pytest.mark.parametrize(("variant", "dynamic"), VARIANTS)
@pytest.mark.parametrize(("alpha", "theta"), [(0.35, 3.5), (0.1, 1.2), (0.9, 40.0)])
def test_errors_and_forecasts_equal_those_of_statsforecast_at_the_same_parameters(
    variant: str, dynamic: bool, alpha: float, theta: float
) -> None:
    theta = theta if variant.removeprefix("D")[0] == "O" else 2.0
    y = np.stack([drifting(seed=k) for k in range(3)], axis=1)
    parameters = Parameters(np.full(3, alpha), np.full(3, 1 - 1 / theta), np.full(3, 9.0))
    line = lines(y, dynamic=dynamic)
    last = run(y, parameters, line)
    ahead = project(12, parameters, last, line, dynamic=np.full(3, dynamic))
    for i in range(3):
        theirs = thetamodel(y[:, i], 1, variant, 9.0, alpha, theta, 3)
        np.testing.assert_allclose(last.errors[1:, i], theirs["residuals"][1:], atol=1e-9)
        np.testing.assert_allclose(ahead[:, i], forecast_theta(theirs, 12)["mean"], rtol=1e-9)


@pytest.mark.parametrize(("variant", "dynamic"), VARIANTS)
def test_estimated_parameters_fit_as_well_as_those_of_statsforecast(
    variant: str, dynamic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theta_recursion, "_HOLD", 1e-6)  # a belief about the first level, which theirs has not
    y = np.stack([drifting(seed=k, drift=0.4 * k - 0.2) for k in range(6)], axis=1)
    scale = y.mean(axis=0)
    line = lines(y / scale, dynamic=dynamic)
    found, _ = estimate(y / scale, line, weight=None if "O" in variant else 0.5)
    ours = (run(y / scale, found, line).errors[3:] ** 2).sum(axis=0) * scale**2
    for i in range(y.shape[1]):
        theirs = thetamodel(y[:, i], 1, variant, np.nan, np.nan, np.nan, 3)["residuals"]
        assert ours[i] < 1.01 * (theirs[3:] ** 2).sum()


def test_the_drift_goes_on_over_missing_steps_as_in_a_forecast() -> None:
    y = 10 + 2.0 * np.arange(40)
    holes = y.copy()
    holes[20:30] = np.nan
    block = np.stack([y, holes], axis=1)
    line = lines(block, dynamic=False)
    # first level of a straight line: level + c * (A + B) is the line itself if the level starts on it
    found, sse = estimate(block / 50, lines(block / 50, dynamic=False))
    last = run(block / 50, found, lines(block / 50, dynamic=False))
    ahead = project(5, found, last, lines(block / 50, dynamic=False), dynamic=np.zeros(2, dtype=bool)) * 50
    np.testing.assert_allclose(ahead, (10 + 2.0 * np.arange(40, 45))[:, None].repeat(2, axis=1), rtol=0.01)
    np.testing.assert_allclose(line.slope[0], [2, 2])
    assert (sse < 1e-2).all()


def test_dynamic_lines_are_least_squares_through_what_came_before() -> None:
    y = drifting(30)
    y[[4, 11, 12]] = np.nan
    block = np.concatenate([np.full(5, np.nan), y])[:, None]  # begins later: time counts from its own first step
    found = lines(block, dynamic=True)
    t = np.arange(1, 31)
    for step in (3, 8, 20, 29):
        seen = ~np.isnan(y[:step])
        slope, intercept = np.polyfit(t[:step][seen], y[:step][seen], 1)
        np.testing.assert_allclose(found.slope[5 + step, 0], slope)
        np.testing.assert_allclose(found.intercept[5 + step, 0], intercept)


def test_a_week_is_taken_out_and_put_back() -> None:
    week = np.array([1.0, 1, 1, 1.2, 1.5, 2, 0.5])
    rng = np.random.default_rng(0)
    values = {
        "times": 40 * np.tile(week, 16) * np.exp(rng.normal(0, 0.05, 112)),
        "plus": 5 + 20 * np.tile(week, 16) * (rng.random(112) > 0.1),
        "flat": 40 + rng.normal(0, 4, 112),
    }
    fitted = Theta().fit(panel_of(values))
    assert isinstance(fitted, FittedTheta)
    assert fitted.learned.multiplies.tolist()[:2] == [True, True]
    mean = fitted.predict(7).mean
    np.testing.assert_allclose(mean[0] / mean[0].mean(), week / week.mean(), rtol=0.06)
    assert mean[2].std() < 2
    plain = Theta(season="none").fit(panel_of(values)).predict(7).mean
    assert plain[0].std() < 3


def test_auto_takes_the_variant_with_the_lowest_criterion() -> None:
    t = np.arange(90)
    rng = np.random.default_rng(4)
    bent = np.where(t < 45, 20 + 0.6 * t, 47 - 0.3 * (t - 45)) + rng.normal(0, 1, 90)
    fitted = Theta("auto").fit(panel_of({"line": 20 + 0.5 * t + rng.normal(0, 1, 90), "bent": bent}))
    assert isinstance(fitted, FittedTheta)
    assert not fitted.learned.dynamic[0]
    assert fitted.learned.weight[0] > 0.6  # a straight line keeps all of its slope


def test_on_real_orders_it_is_as_good_as_statsforecast_s_auto_theta() -> None:
    panel = bundled(40)
    horizon = 8
    losses = np.zeros(2)
    for back in (8, 16):
        history = panel.until(panel.end - back)
        actual = panel.dense()[:, panel.n_steps - back :][:, :horizon]
        ours = Theta(season="none").fit(history).predict(horizon).mean
        for i in range(len(history)):
            values = np.nan_to_num(history.series(i)).astype(np.float64)
            theirs = np.maximum(AutoTheta(season_length=1).forecast(values, horizon)["mean"], 0)
            losses += [np.nansum(np.abs(actual[i] - ours[i])), np.nansum(np.abs(actual[i] - theirs))]
    assert losses[0] < 1.05 * losses[1]


def test_update_keeps_parameters_and_seasons() -> None:
    panel = shop()
    longer = panel.append(np.tile([[3.0, 5.0, 2.0]], (len(panel), 1)))
    fitted = Theta().fit(panel)
    moved = fitted.update(longer)
    assert isinstance(fitted, FittedTheta)
    assert isinstance(moved, FittedTheta)
    np.testing.assert_array_equal(moved.learned.level, fitted.learned.level)
    shorter = moved.update(longer.tail(40))  # begins elsewhere: another first level, the same smoothing and season
    assert isinstance(shorter, FittedTheta)
    np.testing.assert_array_equal(shorter.learned.alpha, fitted.learned.alpha)
    np.testing.assert_array_equal(shorter.learned.season, fitted.learned.season)
    np.testing.assert_allclose(shorter.predict(7).mean.sum(), moved.predict(7).mean.sum(), rtol=0.15)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: Theta("best"), "variant must be stm, otm, dstm, dotm or auto, not 'best'"),  # type: ignore[arg-type]
        (lambda: Theta(season="yes"), "season must be auto or none"),  # type: ignore[arg-type]
        (lambda: Theta(season_length=-1), "season_length must be 0 or more"),
    ],
)
def test_options_that_make_no_sense_are_errors(made: object, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        made()  # type: ignore[operator]
