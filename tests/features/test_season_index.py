"""The season index: the year that all series share, and nothing where there is none."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from skucast.features.season_index import season_index
from skucast.panel import Panel


def weekly(values, first=dt.date(2022, 1, 9)):
    """Series of weeks; one list each."""
    rows = [
        (f"s{k:03d}", first + dt.timedelta(weeks=t), float(v)) for k, series in enumerate(values) for t, v in enumerate(series)
    ]  # fmt: skip
    return Panel.from_frame(pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row"), freq="W-SUN")


def shape(weeks):
    """A season with a peak in early December and a dip in summer."""
    day = (np.arange(weeks) * 7 + 8) % 365.25
    return 1 + 1.5 * np.exp(-(((day - 340) / 12) ** 2)) - 0.3 * np.exp(-(((day - 200) / 30) ** 2))


def shop(weeks, items=150, rate=2.0, seed=0, season=True):
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2, rate / 2, items)[:, None]
    return rng.poisson(rates * (shape(weeks) if season else np.ones(weeks)))


def test_the_season_of_many_slow_items_is_found_and_goes_on():
    index, ahead = season_index(weekly(shop(130)), 26)
    truth = shape(156) / np.exp(np.log(shape(52)).mean())
    assert np.corrcoef(np.log(index), np.log(truth[:130]))[0, 1] > 0.95
    assert np.abs(np.log(ahead) - np.log(truth[130:])).mean() < 0.1
    assert ahead.max() < truth[130:].max()  # drawn towards one


def test_without_a_season_little_is_made_of_noise():
    index, ahead = season_index(weekly(shop(130, items=40, season=False)), 26)
    assert np.abs(np.log(np.concatenate([index, ahead]))).max() < 0.03


def test_less_than_a_year_has_no_season():
    index, ahead = season_index(weekly(shop(50)), 8)
    assert (index == 1).all()
    assert (ahead == 1).all()


def test_a_part_of_the_year_that_was_never_seen_stays_as_it_is():
    values = shop(60).astype(float)
    values[:, 20:30] = np.nan
    _, ahead = season_index(weekly(values), 30)
    assert (ahead[14:20] == 1).all()
    assert (ahead[:6] != 1).any()


def test_years_that_differ_say_less_than_years_that_agree():
    rng = np.random.default_rng(1)
    rates = rng.gamma(2, 1, 150)[:, None]
    ups = [np.exp(0.4 * rng.normal(size=52)) for _ in range(3)]
    agree = rng.poisson(rates * np.concatenate([ups[0]] * 3)[None])
    differ = rng.poisson(rates * np.concatenate(ups)[None])
    spread = [np.log(season_index(weekly(v), 1)[0]).std() for v in (agree, differ)]
    assert spread[1] < 0.4 * spread[0]


def test_months_have_a_season_of_twelve_and_scale_does_not_matter():
    months = [dt.date(2020 + k // 12, k % 12 + 1, 1) for k in range(40)]
    rng = np.random.default_rng(0)
    values = rng.poisson(30 * (1 + 0.5 * np.sin(np.arange(40) * np.pi / 6)), (30, 40)).astype(float)

    def panel(factor):
        rows = [(f"s{i:02d}", d, v * factor) for i, s in enumerate(values) for d, v in zip(months, s, strict=True)]
        return Panel.from_frame(pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row"), freq="MS")

    index, ahead = season_index(panel(1.0), 12)
    assert np.corrcoef(np.log(ahead), np.sin((40 + np.arange(12)) * np.pi / 6))[0, 1] > 0.9
    np.testing.assert_allclose(season_index(panel(7.0), 12)[1], ahead, rtol=1e-5)
    assert index.size == 40


@pytest.mark.parametrize("values", [np.zeros((3, 120)), np.full((3, 120), np.nan), np.ones((1, 120))])
def test_nothing_to_see_is_no_season(values):
    index, ahead = season_index(weekly(values), 4)
    np.testing.assert_allclose(index, 1)
    np.testing.assert_allclose(ahead, 1)
