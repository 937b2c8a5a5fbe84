"""Decomposition, smoothing and putting back, on planted seasons."""

from __future__ import annotations

import numpy as np
import pytest

from skucast.errors import ConfigError
from skucast.features.decomposition import mstl
from skucast.models.stl_ets import FittedStlEts, Mstl, StlEts

from .series import panel_of, shop


def weekly(steps: int = 105, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 30 + np.tile([0.0, 0, 0, 5, 10, 20, -10], steps // 7) + rng.normal(0, noise, steps)


def test_a_planted_trend_and_week_are_continued() -> None:
    t = np.arange(105)
    made = StlEts().fit(panel_of({"a": weekly(noise=0.1) + 0.5 * t})).predict(14).mean[0]
    expected = 30 + 0.5 * np.arange(105, 119) + np.tile([0.0, 0, 0, 5, 10, 20, -10], 2)
    np.testing.assert_allclose(made, expected, rtol=0.04)


def smoothed(y: np.ndarray, alpha: float) -> float:
    """Last level of exponential smoothing whose first level makes the least squared errors."""

    def run(level: float) -> tuple[np.ndarray, float]:
        errors = []
        for value in y:
            errors.append(value - level)
            level += alpha * errors[-1]
        return np.array(errors), level

    (zero, end), (one, other) = run(0.0), run(1.0)
    first = -(zero @ (one - zero)) / ((one - zero) @ (one - zero))
    return end + first * (other - end)


def test_it_is_smoothing_of_the_seasonally_adjusted_series_plus_the_last_season() -> None:
    values = weekly(noise=3.0)
    fitted = StlEts(trend="none", window=11, robust=False).fit(panel_of({"a": values}))
    assert isinstance(fitted, FittedStlEts)
    parts = mstl(values[:, None], [7], windows=[11])
    level = smoothed(values - parts.season[:, 0], float(fitted.learned.alpha[0]))
    np.testing.assert_allclose(fitted.predict(7).mean[0], level + parts.season[-7:, 0], rtol=1e-4)


def test_one_unusual_week_does_not_shape_a_robust_season() -> None:
    values = weekly()
    values[-5] += 200
    panel = panel_of({"a": values})
    truth = np.array([0.0, 0, 0, 5, 10, 20, -10])

    def wrong(spec: StlEts) -> float:
        mean = spec.fit(panel).predict(7).mean[0]
        return float(np.abs(mean - mean.mean() - (truth - truth.mean())).max())

    assert wrong(StlEts(trend="none")) < 3
    assert wrong(StlEts(trend="none", robust=False)) > 2 * wrong(StlEts(trend="none"))


def test_mstl_knows_the_year_of_days_from_two_of_them_on() -> None:
    t = np.arange(800)
    rng = np.random.default_rng(0)
    yearly = 20 * np.sin(2 * np.pi * t / 365)
    values = 60 + yearly + np.tile([0.0, 0, 0, 5, 10, 20, -10], 115)[:800] + rng.normal(0, 3, 800)
    panel = panel_of({"long": values, "short": values[-500:]})
    ahead = np.arange(800, 870)
    truth = 60 + 20 * np.sin(2 * np.pi * ahead / 365) + np.tile([0.0, 0, 0, 5, 10, 20, -10], 125)[800:870]

    def wrong(spec: StlEts, row: int) -> float:
        return float(np.abs(spec.fit(panel).predict(70).mean[row] - truth).mean())

    assert wrong(Mstl(), 0) < 5
    assert wrong(Mstl(), 0) < 0.6 * wrong(StlEts(), 0)
    np.testing.assert_allclose(
        Mstl().fit(panel).predict(70).mean[1], StlEts().fit(panel).predict(70).mean[1], rtol=1e-5
    )  # the short one has not seen the year twice


def test_seasons_can_be_named() -> None:
    t = np.arange(120)
    values = 40 + 10 * np.sin(2 * np.pi * t / 10) + np.random.default_rng(0).normal(0, 1, 120)
    mean = StlEts(seasons=(10,)).fit(panel_of({"a": values})).predict(10).mean[0]
    np.testing.assert_allclose(mean, 40 + 10 * np.sin(2 * np.pi * np.arange(120, 130) / 10), atol=2)


def test_update_keeps_the_smoothing_and_takes_the_new_history_apart() -> None:
    fitted = StlEts().fit(shop())
    longer = shop().append(np.full((len(shop()), 7), 30.0))
    moved = fitted.update(longer)
    assert isinstance(fitted, FittedStlEts)
    assert isinstance(moved, FittedStlEts)
    np.testing.assert_array_equal(moved.learned.alpha, fitted.learned.alpha)
    assert moved.parts.adjusted.shape[0] == longer.n_steps


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: StlEts(trend="cubic"), "'stl-ets': trend must be none, additive, damped or auto"),  # type: ignore[arg-type]
        (lambda: Mstl(seasons=(7, 1)), "'mstl': a season must have at least 2 steps, not 1"),
        (lambda: StlEts(window=4), "window must be odd and at least 3, or 0, not 4"),
    ],
)
def test_options_that_make_no_sense_are_errors(made: object, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        made()  # type: ignore[operator]
