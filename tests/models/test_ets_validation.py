"""Choice of smoothing forms by steps that they have not seen."""

from __future__ import annotations

import numpy as np
import pytest

from skucast.errors import ConfigError
from skucast.models.ets_recursion import Parameters, States, project, smooth
from skucast.models.ets_search import Form, estimate
from skucast.models.ets_validation import validation_scores
from skucast.models.smoothing import Ets, FittedEts

from .series import panel_of, shop

FORMS = [Form("none", "none"), Form("additive", "none"), Form("none", "additive")]


def made(steps: int = 84) -> np.ndarray:
    rng = np.random.default_rng(0)
    t = np.arange(steps)
    flat = 30 + rng.normal(0, 3, steps)
    line = 10 + 0.6 * t + rng.normal(0, 1, steps)
    week = 30 + np.tile([0.0, 0, 0, 5, 10, 20, -10], steps // 7) + rng.normal(0, 1, steps)
    return np.stack([flat, line, week], axis=1) / 30


def test_scores_are_mean_squared_errors_of_three_forecasts() -> None:
    y = made()
    scores = validation_scores(y, FORMS, 7, 0, 10)
    found = estimate(y[:64, :1], FORMS[:1], 7, 0)
    expected = []
    for origin in (64, 69, 74):
        _, states = smooth(y[:origin, :1], Parameters(found.parameters.alpha), States(found.states.level))
        ahead = project(10, Parameters(found.parameters.alpha), states)
        expected.append(((y[origin : origin + 10, :1] - ahead) ** 2).mean())
    np.testing.assert_allclose(scores[0, 0], np.mean(expected), rtol=1e-6)


def test_the_form_that_forecasts_best_is_chosen() -> None:
    y = made() * 30
    panel = panel_of({"flat": y[:, 0], "line": y[:, 1], "week": y[:, 2]})
    fitted = Ets(selection="validation").fit(panel, horizon=14)
    assert isinstance(fitted, FittedEts)
    assert fitted.learned.form[1] % 3 != 0  # has a trend
    assert fitted.learned.form[2] >= 3  # has a season


def test_what_does_not_suit_or_is_too_short_has_no_score() -> None:
    y = made()
    y[:-12, 0] = np.nan
    scores = validation_scores(y, [*FORMS, Form("none", "multiplicative")], 7, 0, 14)
    assert np.isinf(scores[:, 0]).all()
    assert np.isfinite(scores[:3, 1:]).all()
    y[5, 1] = 0
    scores = validation_scores(y, [Form("none", "multiplicative")], 7, 0, 14)
    assert np.isinf(scores[0, 1])
    assert np.isfinite(scores[0, 2])
    assert np.isinf(validation_scores(y[:12], FORMS, 7, 0, 14)).all()


def test_short_series_go_by_the_criterion() -> None:
    values = {"short": np.array([3.0, 5, 4, 6, 5, 4, 5, 6, 5, 4, 5])}
    by_error = Ets(selection="validation").fit(panel_of(values)).predict(3).mean
    np.testing.assert_array_equal(by_error, Ets().fit(panel_of(values)).predict(3).mean)


def test_a_saved_choice_is_kept_by_update() -> None:
    fitted = Ets(selection="validation").fit(shop(), horizon=7)
    moved = fitted.update(shop().append(np.ones((len(shop()), 2))))
    assert isinstance(fitted, FittedEts)
    assert isinstance(moved, FittedEts)
    np.testing.assert_array_equal(moved.learned.form, fitted.learned.form)


def test_an_unknown_selection_is_an_error() -> None:
    with pytest.raises(ConfigError, match="selection must be aicc or validation, not 'luck'"):
        Ets(selection="luck")  # type: ignore[arg-type]
