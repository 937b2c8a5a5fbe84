"""STL and MSTL against statsmodels and statsforecast, and what they do with gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsforecast.mstl import mstl as their_mstl
from statsmodels.tsa.seasonal import STL

from skucast.features.decomposition import mstl, stl
from skucast.features.loess import loess


def sales(steps: int = 120, count: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(steps)
    wave = 5 * np.sin(2 * np.pi * t / 7) + 3 * np.cos(2 * np.pi * t / 28)
    made = (20 + 0.1 * t + wave)[:, None] + rng.normal(0, 2, (steps, count))
    made[40, 0] += 60
    return made


@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize(("seasonal", "degree", "steps"), [(7, 1, 120), (11, 0, 101), (101, 0, 60)])
def test_stl_equals_that_of_statsmodels(robust: bool, seasonal: int, degree: int, steps: int) -> None:
    y = sales(steps)
    found = stl(y, 7, seasonal=seasonal, seasonal_degree=degree, robust=robust)
    for i in range(y.shape[1]):
        theirs = STL(y[:, i], period=7, seasonal=seasonal, seasonal_deg=degree, robust=robust).fit()
        np.testing.assert_allclose(found.trend[:, i], theirs.trend, atol=1e-8)
        np.testing.assert_allclose(found.seasons[7][:, i], theirs.seasonal, atol=1e-8)
        np.testing.assert_allclose(found.remainder[:, i], theirs.resid, atol=1e-8)


def test_rounds_and_windows_are_those_of_statsmodels() -> None:
    y = sales()
    found = stl(y, 7, trend=21, low_pass=9, robust=True, inner=3, outer=2)
    theirs = STL(y[:, 0], period=7, trend=21, low_pass=9, robust=True).fit(inner_iter=3, outer_iter=2)
    np.testing.assert_allclose(found.trend[:, 0], theirs.trend, atol=1e-8)


@pytest.mark.parametrize("periods", [[7], [7, 28]])
def test_mstl_equals_that_of_statsforecast(periods: list[int]) -> None:
    y = sales()
    found = mstl(y, periods)
    theirs = their_mstl(y[:, 1], periods)
    np.testing.assert_allclose(found.trend[:, 1], theirs["trend"], atol=1e-8)
    np.testing.assert_allclose(found.remainder[:, 1], theirs["remainder"], atol=1e-8)
    for m in periods:
        name = "seasonal" if len(periods) == 1 else f"seasonal{m}"
        np.testing.assert_allclose(found.seasons[m][:, 1], theirs[name], atol=1e-8)


def textbook(y: np.ndarray, seen: np.ndarray, span: int) -> np.ndarray:
    """Local lines fitted one by one by weighted least squares."""
    out = []
    for x in range(len(y)):
        left = min(max(x - span // 2, 0), len(y) - span)
        j = np.arange(left, left + span)
        reach = max(x - left, left + span - 1 - x)
        w = (1 - np.minimum(np.abs(j - x) / reach, 1) ** 3) ** 3 * seen[j]
        design = np.stack([np.ones(span), j - x], axis=1) * np.sqrt(w)[:, None]
        out.append(np.linalg.lstsq(design, y[j] * np.sqrt(w), rcond=None)[0][0])
    return np.array(out)


def test_loess_with_missing_steps_is_weighted_least_squares() -> None:
    rng = np.random.default_rng(3)
    y = np.cumsum(rng.normal(0, 1, 60))
    seen = np.ones(60)
    seen[[5, 17, 18, 40, 59]] = 0
    found = loess(60, 15, 1).smooth(y[:, None], seen[:, None], seen[:, None])[:, 0]
    np.testing.assert_allclose(found, textbook(y, seen, 15), rtol=1e-6)


def test_parts_add_up_and_gaps_are_bridged() -> None:
    y = sales(140, 4)
    rng = np.random.default_rng(1)
    holes = np.where(rng.random(y.shape) < 0.15, np.nan, y)
    holes[60:90, 1] = np.nan
    holes[0] = y[0]
    whole, found = stl(y, 7), stl(holes, 7)
    assert np.isfinite(found.trend).all()
    assert np.isfinite(found.season).all()
    total = found.trend + found.season + found.remainder
    seen = ~np.isnan(holes)
    np.testing.assert_allclose(total[seen], holes[seen])
    assert np.isnan(found.remainder[~seen]).all()
    assert np.abs(found.trend - whole.trend)[:, 2:].mean() < 0.5
    assert found.trend[60:90, 1].min() > 15  # no wild line through a month without sales
    assert found.trend[60:90, 1].max() < 45


def test_windows_end_where_a_series_begins_and_ends() -> None:
    y = sales(140)
    y[:30, 1] = np.nan
    y[100:, 2] = np.nan
    found = stl(y, 7)
    alone, ended = stl(y[30:, 1:2], 7), stl(y[:100, 2:], 7)
    np.testing.assert_allclose(found.trend[30:, 1], alone.trend[:, 0])
    assert np.isnan(found.trend[:30, 1]).all()
    np.testing.assert_allclose(found.trend[:100, 2], ended.trend[:, 0])
    assert (found.trend[100:, 2] == ended.trend[-1, 0]).all()
    np.testing.assert_allclose(found.season[100:121, 2], np.tile(ended.season[-7:, 0], 3))


def test_a_season_that_was_not_seen_twice_is_left_out() -> None:
    y = sales(60)
    y[:, 1] = np.nan
    y[50:, 1] = 4.0
    found = mstl(y, [7, 28])
    assert (found.seasons[28][50:, 1] == 0).all()
    assert (found.seasons[7][50:, 1] == 0).all()
    np.testing.assert_allclose(found.trend[50:, 1], 4)
    assert found.seasons[28][:, 0].std() > 0.5


def test_a_series_without_numbers_has_no_parts() -> None:
    y = sales(60)
    y[:, 0] = np.nan
    found = stl(y, 7)
    assert np.isnan(found.trend[:, 0]).all()
    assert np.isnan(found.remainder[:, 0]).all()


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000), share=st.floats(0, 0.7), robust=st.booleans(), scale=st.sampled_from([1e-3, 1.0, 1e6])
)
def test_parts_do_not_depend_on_neighbours_and_move_with_scale(
    seed: int, share: float, robust: bool, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.poisson(5, (45, 4)).astype(np.float64)
    y[rng.random(y.shape) < share] = np.nan
    whole = stl(y * scale, 7, robust=robust, outer=2)
    alone = stl(y[:, 2:3], 7, robust=robust, outer=2)
    np.testing.assert_allclose(whole.trend[:, 2] / scale, alone.trend[:, 0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(whole.season[:, 2] / scale, alone.season[:, 0], rtol=1e-6, atol=1e-6)
