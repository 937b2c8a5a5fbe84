"""What a covariate would be if nothing special lay ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skucast.explain.usual import promoted, usual_values

from ..models.series import panel_of


def usual(values, part, name="x", freq="D", horizon=3, promotions=None):
    flat = panel_of({f"s{i}": np.ones(len(row)) for i, row in enumerate(values)}, freq)
    panel = flat.with_known({name: np.concatenate([np.asarray(row, dtype=float) for row in values])})
    mask = np.zeros(panel.values.size, dtype=bool) if promotions is None else np.concatenate(promotions)
    return usual_values(panel, name, part, mask, horizon)


def test_a_usual_price_is_the_recent_median_without_promotions():
    price = np.r_[np.full(200, 9.0), np.full(60, 10.0), np.full(30, 7.0)]
    promotions = [np.r_[np.zeros(260), np.ones(30)].astype(bool)]
    np.testing.assert_array_equal(usual([price], "price", promotions=promotions), [[10, 10, 10]])
    # of the last 91 days, 60 cost 10
    np.testing.assert_array_equal(usual([price], "price"), [[10, 10, 10]])


def test_a_price_that_was_always_promoted_is_its_own_usual_one():
    assert usual([np.full(40, 5.0)], "price", promotions=[np.ones(40, dtype=bool)])[0, 0] == 5


def test_a_price_that_was_known_long_ago_only_counts_still():
    price = np.r_[np.full(100, 4.0), np.full(120, np.nan)]
    assert usual([price], "price")[0, 0] == 4


def test_what_was_never_known_is_not_known():
    for part in ("price", "weather", "other"):
        assert np.isnan(usual([np.full(30, np.nan)], part)).all()


def test_the_usual_promotion_and_holiday_is_none():
    for part in ("promotion", "holidays"):
        np.testing.assert_array_equal(usual([[0, 1, 0, 0], [1, 1, 1, 1], [2, 5, 2, 7]], part)[:, 0], [0, 0, 2])


def test_usual_weather_is_that_of_the_time_of_year():
    t = np.arange(3 * 365 + 200)
    wave = 15 + 10 * np.sin(2 * np.pi * t / 365.2425)
    ahead = 15 + 10 * np.sin(2 * np.pi * (t.size + np.arange(28)) / 365.2425)
    np.testing.assert_allclose(usual([wave], "weather", horizon=28)[0], ahead, atol=0.6)


def test_usual_weather_of_less_than_a_year_is_its_mean():
    np.testing.assert_allclose(usual([[1.0, 2.0, 6.0, 3.0]], "weather"), np.full((1, 3), 3.0))


def test_the_usual_text_is_the_most_frequent_lately():
    codes = np.r_[np.zeros(300), np.ones(50), np.full(41, 2.0)]
    flat = panel_of({"a": np.ones(391), "b": np.ones(391)})
    panel = flat.with_known({"kind": np.r_[codes, np.full(391, np.nan)]})
    panel = replace(panel, categories={"kind": ("none", "flyer", "display")})
    found = usual_values(panel, "kind", "promotion", np.zeros(782, dtype=bool), 2)
    np.testing.assert_array_equal(found, [[1, 1], [np.nan, np.nan]])


def test_what_is_usual_depends_on_the_series_alone():
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 4, 120).astype(float) for _ in range(5)]
    for part in ("promotion", "holidays", "price", "weather", "other"):
        together = usual(rows, part)
        for i, row in enumerate(rows):
            np.testing.assert_array_equal(usual([row], part), together[i : i + 1])


def test_promoted_cells_are_those_with_any_promotion():
    flat = panel_of({"a": np.ones(4), "b": np.ones(3)})
    panel = flat.with_known({"deal": np.array([0, 1, 0, 0, 0, 0, 0]), "feat": np.array([0, 0, 0, 2, 1, 0, np.nan])})
    found = promoted(panel, {"deal": "promotion", "feat": "promotion"})
    np.testing.assert_array_equal(found, [False, True, False, True, True, False, False])
