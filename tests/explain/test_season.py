"""Level and season of a forecast in which nothing is special."""

from __future__ import annotations

import numpy as np
import pytest

from skucast.explain.season import level_and_season, short_season

from ..models.series import panel_of

WEEK = np.array([0.7, 0.8, 0.9, 1.0, 1.1, 1.4, 1.1])


def parts(history, plain, freq="D", longer=None):
    panel = panel_of({f"s{i}": row for i, row in enumerate(np.atleast_2d(history))}, freq)
    plain = np.atleast_2d(plain).astype(float)
    none = np.zeros(panel.values.size, dtype=bool)
    return level_and_season(panel, plain, plain if longer is None else np.atleast_2d(longer), none)


def test_days_differ_from_the_mean_of_their_week():
    level, season = parts(np.ones(60), np.tile(20 * WEEK, 2))
    np.testing.assert_allclose(level, np.full((1, 14), 20.0))
    np.testing.assert_allclose(season[0], np.tile(20 * (WEEK - 1), 2))


def test_a_part_of_a_week_is_held_against_all_of_it():
    whole = 20 * WEEK
    level, season = parts(np.ones(60), whole[:3], longer=whole)
    np.testing.assert_allclose(level, np.full((1, 3), 20.0))
    np.testing.assert_allclose(season[0], whole[:3] - 20)


def test_the_level_follows_a_trend_from_week_to_week():
    level, _ = parts(np.ones(60), np.concatenate([20 * WEEK, 26 * WEEK]))
    np.testing.assert_allclose(level[0], np.repeat([20.0, 26.0], 7))


def test_a_flat_forecast_without_a_year_of_history_has_no_season():
    for freq in ("D", "W", "MS", "h"):
        level, season = parts(np.ones(20), np.full(6, 5.0), freq, np.full(168, 5.0))
        np.testing.assert_array_equal(season, np.zeros((1, 6)))
        np.testing.assert_array_equal(level, np.full((1, 6), 5.0))


def yearly(weeks: int, base: float = 100.0, size: float = 0.4) -> np.ndarray:
    return base * (1 + size * np.sin(2 * np.pi * np.arange(weeks) / 52))


def test_a_forecast_that_follows_the_year_is_level_and_time_of_year():
    wave = yearly(3 * 52 + 13)
    level, season = parts(wave[: 3 * 52], wave[3 * 52 :], "W")
    assert season.sum() == pytest.approx((wave[3 * 52 :] - 100).sum(), rel=0.15)
    np.testing.assert_allclose(level + season, wave[None, 3 * 52 :])


def test_a_model_that_does_not_follow_the_year_is_not_said_to():
    wave = yearly(3 * 52 + 13)
    usual = wave[3 * 52 - 13 : 3 * 52].mean() / (wave[2 * 52 - 13 : 2 * 52].mean() / wave[52 : 2 * 52].mean())
    _, season = parts(wave[: 3 * 52], np.full(13, usual), "W")
    assert np.abs(season).max() < 3  # the year would add up to 40


def test_growth_beyond_the_time_of_year_is_level():
    wave = yearly(3 * 52 + 13)
    grown = wave[3 * 52 :] + 80
    level, season = parts(wave[: 3 * 52], grown, "W")
    assert season.sum() == pytest.approx((wave[3 * 52 :] - 100).sum(), rel=0.15)
    assert level.sum() == pytest.approx(13 * 180, rel=0.05)


def test_the_level_is_never_negative_and_the_season_never_more_than_what_moved():
    rng = np.random.default_rng(5)
    history, plain = rng.poisson(3, (20, 130)).astype(float), rng.gamma(1, 3, (20, 13))
    level, season = parts(history, plain, "W")
    assert (level >= 0).all()
    np.testing.assert_allclose(level + season, plain)


def test_a_time_of_year_that_few_sales_tell_is_doubted():
    rng = np.random.default_rng(6)
    wave = yearly(104 + 6, 1.0)
    slow, busy = (rng.poisson(size * wave[:104], (40, 104)).astype(float) for size in (0.2, 200))
    plain = np.concatenate([0.2 * wave[None, 104:], 200 * wave[None, 104:]]).repeat(40, axis=0)
    _, season = parts(np.concatenate([slow, busy]), plain, "W")
    told = [season[:40].sum() / plain[:40].sum(), season[40:].sum() / plain[40:].sum()]
    assert told[1] == pytest.approx((wave[104:] - 1).sum() / wave[104:].sum(), rel=0.2)
    assert 0 < told[0] < 0.8 * told[1]


def test_time_of_year_of_months():
    year = np.array([80, 80, 90, 90, 100, 100, 100, 90, 100, 110, 120, 140.0])
    level, season = parts(np.tile(year, 4), year[:6], "MS")
    assert season[0, 0] == pytest.approx(-20, abs=6)
    assert level.mean() == pytest.approx(100, rel=0.06)


@pytest.mark.parametrize(
    ("freq", "steps", "period"),
    [("D", 10, 7), ("W", 200, 1), ("MS", 40, 1), ("h", 200, 24), ("h", 400, 168), ("2D", 50, 1), ("YS", 9, 1)],
)
def test_the_short_season(freq, steps, period):
    assert short_season(panel_of({"a": np.ones(steps)}, freq)) == period
