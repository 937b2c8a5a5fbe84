"""Calibration: intervals cover what they say on what comes later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from skucast.errors import ConfigError
from skucast.forecast import LEVELS
from skucast.models.spec import load_fitted
from skucast.portfolio.calibration import Calibration, Scores
from skucast.portfolio.conformal import Conformal, FittedConformal

from ..models.series import panel_of

CENTRE = LEVELS.index(0.5)


def windows(
    count: int, series: int, spread: float, said: float, seed: int = 0, horizon: int = 8
) -> tuple[list, list, list]:
    """Normal demand of one spread, forecast with another one."""
    rng = np.random.default_rng(seed)
    actual = [(100 + spread * rng.standard_normal((series, horizon))).astype(np.float32) for _ in range(count)]
    quantiles = np.broadcast_to(100 + said * norm.ppf(LEVELS), (series, horizon, len(LEVELS))).astype(np.float32)
    return actual, [np.zeros(series, np.int8)] * count, [quantiles] * count


def covered(actual: np.ndarray, quantiles: np.ndarray, low: float, high: float) -> float:
    inside = (actual >= quantiles[..., LEVELS.index(low)]) & (actual <= quantiles[..., LEVELS.index(high)])
    return float(inside.mean())


@pytest.mark.parametrize("said", [4.0, 10.0, 17.0])
def test_later_actuals_fall_into_intervals_as_often_as_they_say(said: float) -> None:
    actual, classes, quantiles = windows(3, 500, 10.0, said)
    made = Calibration.learn(Scores.of(actual, classes, quantiles, LEVELS))(quantiles[0], classes[0], LEVELS)
    later = windows(1, 4000, 10.0, said, seed=9)[0][0]
    shown = np.broadcast_to(made[:1], (4000, *made.shape[1:]))
    for low, high, wanted in ((0.025, 0.975, 0.95), (0.1, 0.9, 0.8), (0.2, 0.8, 0.6)):
        assert covered(later, shown, low, high) == pytest.approx(wanted, abs=0.02)
    np.testing.assert_allclose(made[..., CENTRE], quantiles[0][..., CENTRE])


def test_the_finite_sample_correction_holds_what_it_promises_on_average() -> None:
    """With 19 scores the 80 % interval must cover at least 80 % over many repetitions; without it, about 76 %."""
    hits, naive = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        scores, new = np.abs(rng.standard_normal(19)), np.abs(rng.standard_normal())
        share = np.ceil(20 * 0.8) / 19
        hits.append(new <= np.quantile(scores, share, method="inverted_cdf"))
        naive.append(new <= np.quantile(scores, 0.75, method="inverted_cdf"))
        actual = [(10 + scores[None, :]).astype(np.float32)]
        quantiles = np.broadcast_to(10 + norm.ppf(LEVELS), (1, 19, len(LEVELS))).astype(np.float32)
        found = Scores.of(actual, [np.zeros(1, np.int8)], [quantiles], LEVELS)
        factor = Calibration.learn(found).factors[list(found.lower).index(0.1)].max()
        limit = np.quantile(scores, share, method="inverted_cdf") / norm.ppf(0.9)
        assert factor == pytest.approx(np.clip(limit, 1 / 3, 3), rel=0.02)
    assert np.mean(hits) > 0.77


def test_classes_and_bands_that_differ_get_factors_of_their_own() -> None:
    rng = np.random.default_rng(1)
    classes = np.repeat([0, 3], 3000).astype(np.int8)
    spread = np.where(classes[:, None] == 0, 5.0, 20.0) * np.where(np.arange(8) < 4, 1.0, 1.5)
    actual = (100 + spread * rng.standard_normal((6000, 8))).astype(np.float32)
    quantiles = np.broadcast_to(100 + 10 * norm.ppf(LEVELS), (6000, 8, len(LEVELS))).astype(np.float32)
    made = Calibration.learn(Scores.of([actual], [classes], [quantiles], LEVELS))(quantiles, classes, LEVELS)
    wide = made[..., LEVELS.index(0.9)] - made[..., CENTRE]
    assert wide[0, 0] < wide[0, 7] < wide[-1, 0] < wide[-1, 7]
    for part in (classes == 0, classes == 3):
        assert covered(actual[part], made[part], 0.1, 0.9) == pytest.approx(0.8, abs=0.06)


def test_few_observations_lean_on_the_whole_panel() -> None:
    actual, classes, quantiles = windows(1, 2000, 10.0, 10.0)
    classes[0] = np.where(np.arange(2000) < 3, 2, 0).astype(np.int8)
    actual[0][:3] = 1000  # three odd series
    factors = Calibration.learn(Scores.of(actual, classes, quantiles, LEVELS)).factors
    pair = 3  # the 80 % interval
    assert factors[pair, 2].max() < 1.2
    assert factors[pair, 1].max() == pytest.approx(factors[pair, 0].mean(), abs=0.1)  # a class never seen


@given(st.integers(0, 1000), st.floats(0.3, 4))
@settings(max_examples=30)
def test_quantiles_stay_ordered_and_not_negative(seed: int, said: float) -> None:
    rng = np.random.default_rng(seed)
    actual = [rng.poisson(1.5, (40, 6)).astype(np.float32) for _ in range(2)]
    quantiles = np.sort(np.maximum(1.5 + said * rng.standard_normal((40, 6, len(LEVELS))), 0), axis=-1).astype(
        np.float32
    )
    classes = rng.integers(0, 5, 40).astype(np.int8)
    made = Calibration.learn(Scores.of(actual, [classes] * 2, [quantiles] * 2, LEVELS))(quantiles, classes, LEVELS)
    assert (np.diff(made, axis=-1) >= 0).all()
    assert (made >= 0).all()


def rough(days: int, spread: np.ndarray | float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.maximum(100 + np.broadcast_to(spread, days) * rng.standard_normal((60, days)), 0)


def panel(values: np.ndarray):
    return panel_of({f"s{k:02d}": row for k, row in enumerate(values)})


def test_an_adaptive_one_learns_from_what_came_since_the_fit_and_a_fixed_one_does_not() -> None:
    values = rough(238, np.where(np.arange(238) < 140, 5.0, 25.0))
    whole = panel(values)
    before = whole.until(whole.end - 98)
    found = {}
    for adaptive in (False, True):
        fitted = Conformal(base="seasonal-naive", adaptive=adaptive).fit(before, horizon=14)
        assert isinstance(fitted, FittedConformal)
        scale = fitted.update(whole.until(whole.end - 14))
        assert scale.calibration is not None
        found[adaptive] = scale
    assert found[True].scores is not None
    assert len(found[True].scores.count) == 3
    later = values[:, -14:]
    share = {k: covered(later, f.predict(14).quantiles, 0.1, 0.9) for k, f in found.items()}
    assert abs(share[True] - 0.8) < 0.06
    at_fit = Conformal(base="seasonal-naive").fit(before, horizon=14)
    np.testing.assert_array_equal(found[False].calibration.factors, at_fit.calibration.factors)  # type: ignore[attr-defined]
    assert not np.array_equal(found[True].calibration.factors, at_fit.calibration.factors)  # type: ignore[attr-defined]


def test_asking_for_few_levels_gives_the_same_numbers() -> None:
    fitted = Conformal(base="ets").fit(panel(rough(120, 10.0)), horizon=7)
    full, few = fitted.predict(7), fitted.predict(7, levels=(0.1, 0.9))
    np.testing.assert_allclose(few.quantiles, full.quantiles[..., [LEVELS.index(0.1), LEVELS.index(0.9)]], rtol=1e-5)
    np.testing.assert_array_equal(few.mean, full.mean)


def test_saved_and_read_it_says_the_same(tmp_path: Path) -> None:
    fitted = Conformal(base="ets", adaptive=True).fit(panel(rough(120, 10.0)), horizon=7)
    fitted.save(tmp_path)
    np.testing.assert_array_equal(load_fitted(tmp_path).predict(7).quantiles, fitted.predict(7).quantiles)


def test_too_short_a_panel_is_said() -> None:
    with pytest.warns(UserWarning, match="too few to calibrate 'seasonal-naive' on"):
        fitted = Conformal(base="seasonal-naive").fit(panel(rough(2, 1.0)), horizon=7)
    assert np.isfinite(fitted.predict(7).quantiles).all()
    with pytest.raises(ConfigError, match="windows must be 1 or more"):
        Conformal(windows=0)
