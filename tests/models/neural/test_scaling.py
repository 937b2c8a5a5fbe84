import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.models.neural import scaling
from skucast.models.neural.scaling import STATISTICS, Running

from .panels import panel_of


def columns(running):
    return [running.scale, running.statistics, running.phase]


def noisy(rows=3, steps=60, seed=0, missing=0.2):
    rng = np.random.default_rng(seed)
    values = rng.poisson(3.0, (rows, steps)).astype(float)
    values[rng.random(values.shape) < missing] = np.nan
    return values


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 59), st.sampled_from(["mean", "robust"]))
def test_nothing_at_a_step_depends_on_later_steps(seed, cut, method):
    values = noisy(seed=seed)
    other = values.copy()
    other[:, cut:] = 1e6
    before, after = (Running.of(panel_of(v), 7, 3, method) for v in (values, other))
    for a, b in zip(columns(before), columns(after), strict=True):
        np.testing.assert_array_equal(a.reshape(3, 60, -1)[:, :cut], b.reshape(3, 60, -1)[:, :cut])


def test_scale_is_the_mean_of_two_running_means_of_pandas():
    values = noisy(rows=1)
    series = pd.Series(values[0])
    recent = series.ewm(alpha=1 / 28, adjust=True, ignore_na=False).mean()
    overall = series.expanding().mean()
    expected = (0.5 * (recent.ffill() + overall)).fillna(0.0)
    np.testing.assert_allclose(Running.of(panel_of(values), 7, 3).scale, expected, rtol=1e-5)


def test_looking_back_a_year_averages_the_neighbours():
    values = noisy(rows=1)
    expected = pd.Series(values[0]).rolling(7, center=True, min_periods=1).mean()
    np.testing.assert_allclose(Running.of(panel_of(values), 7, 3).near, expected, rtol=1e-5)


def test_phase_mean_weighs_past_seasons_by_age():
    values = np.array([[8.0, 0, 0, 4, 0, 0, np.nan, 0, 0, 2, 0, 0]])
    phase = Running.of(panel_of(values), 3, 0).phase
    keep = 0.75
    assert phase[3] == pytest.approx((4 + keep * 8) / (1 + keep))
    assert phase[6] == pytest.approx((keep * 4 + keep**2 * 8) / (keep + keep**2))
    assert phase[9] == pytest.approx((2 + keep**2 * 4 + keep**3 * 8) / (1 + keep**2 + keep**3))


@pytest.mark.parametrize("factor", [1e-6, 1e9])
def test_scale_follows_the_unit_and_ratios_do_not(factor):
    values = noisy()
    one, other = Running.of(panel_of(values), 7, 3), Running.of(panel_of(values * factor), 7, 3)
    np.testing.assert_allclose(other.scale, one.scale * factor, rtol=1e-4)
    rest = [k for k, name in enumerate(STATISTICS) if name != "log_scale"]
    np.testing.assert_allclose(other.statistics[:, rest], one.statistics[:, rest], atol=1e-3)


def test_robust_scale_shrugs_at_one_huge_order():
    values = np.full((1, 60), 2.0)
    values[0, 40] = 10_000.0
    plain, robust = (Running.of(panel_of(values), 7, 3, m).scale[-1] for m in ("mean", "robust"))
    assert plain > 80
    assert robust == pytest.approx(2.0, rel=0.25)


def test_series_do_not_touch_each_other_in_chunks_or_alone(monkeypatch):
    panel = panel_of(noisy(rows=7, steps=40), starts=[0, 30, 5, 39, 0, 12, 1])
    together = Running.of(panel, 7, 3)
    monkeypatch.setattr(scaling, "_CHUNK", 50)
    np.testing.assert_array_equal(Running.of(panel, 7, 3).statistics, together.statistics)
    for i in range(7):
        alone = Running.of(panel.take([i]), 7, 3)
        cells = slice(panel.indptr[i], panel.indptr[i + 1])
        for a, b in zip([*columns(alone), alone.near], [*columns(together), together.near], strict=True):
            np.testing.assert_allclose(a, b[cells], rtol=1e-5, atol=1e-6)


def test_all_numbers_are_finite_where_nothing_was_ever_sold_or_seen():
    values = np.stack([np.zeros(30), np.full(30, np.nan)])
    running = Running.of(panel_of(values), 7, 3)
    assert np.isfinite(running.statistics).all()
    np.testing.assert_array_equal(running.scale, 0.0)
    assert np.isnan(running.phase[30:]).all()
