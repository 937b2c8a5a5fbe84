"""Regression around a local level: seasons, covariates and occasions that were planted are found."""

from __future__ import annotations

import numpy as np
import pytest

from skucast.errors import ConfigError
from skucast.models.fourier import FittedFourier, Fourier
from skucast.models.fourier_covariates import Covariates
from skucast.models.fourier_design import Calendar
from skucast.panel import Panel
from skucast.place import Place

from .series import panel_of

WEEK = np.array([-0.4, -0.2, 0, 0, 0.1, 0.6, -0.1])


def promoted(count: int = 30, steps: int = 140, lift: float = 1.5, seed: int = 0) -> tuple[Panel, np.ndarray]:
    """Weekly shape, promotions that lift demand, prices; sizes from 5 to 50. Also the noise-free demand of a week."""
    rng = np.random.default_rng(seed)
    size = np.linspace(5, 50, count)[:, None]
    promotion = rng.random((count, steps)) < 0.1
    shape = 1 + np.tile(WEEK, steps // 7)[None] + lift * promotion
    values = rng.poisson(size * shape)
    panel = panel_of({f"s{i:02d}": row for i, row in enumerate(values)})
    phase = (panel.end + 1) % 7
    first = (panel.end + 1 - steps) % 7
    ahead = size * (1 + np.roll(WEEK, first)[(phase + np.arange(7)) % 7])
    return panel.with_known({"promotion": promotion.ravel().astype(np.float32)}), ahead


def test_a_week_and_a_promotion_are_found() -> None:
    panel, plain = promoted()
    fitted = Fourier().fit(panel)
    none, all_days = np.zeros((len(panel), 7)), np.ones((len(panel), 7))
    off = fitted.predict(7, {"promotion": none}).mean
    on = fitted.predict(7, {"promotion": all_days}).mean
    assert np.abs(off / plain - 1).mean() < 0.12
    size = np.linspace(5, 50, len(panel))
    # size is a series' mean with its promotions in it
    np.testing.assert_allclose(np.median((on - off).mean(axis=1) / size), 1.5, rtol=0.08)


def test_a_short_series_takes_over_what_the_others_taught() -> None:
    panel, _ = promoted()
    values = [panel.series(i) for i in range(len(panel))]
    short = panel_of({**{f"s{i:02d}": v for i, v in enumerate(values)}, "new": values[-1][-9:]})
    mean = Fourier().fit(short).predict(7).mean
    shape = mean[-1] / mean[-1].mean()
    np.testing.assert_allclose(shape, mean[-2] / mean[-2].mean(), atol=0.15)
    assert shape.max() > 1.4


def test_pooled_effects_are_the_same_for_all() -> None:
    panel, _ = promoted()
    fitted = Fourier(pooled=True).fit(panel)
    assert isinstance(fitted, FittedFourier)
    np.testing.assert_allclose(
        fitted.learned.beta, np.broadcast_to(fitted.learned.mean, fitted.learned.beta.shape), atol=0.01
    )


def test_a_level_that_wanders_is_followed_and_not_taken_for_a_season() -> None:
    rng = np.random.default_rng(0)
    walk = 50 + np.cumsum(rng.normal(0, 2, 800))
    mean = Fourier().fit(panel_of({"a": np.maximum(walk, 1)})).predict(28).mean[0]
    np.testing.assert_allclose(mean, walk[-1], atol=0.2 * walk.mean())


def test_a_year_is_learned_from_two_and_not_from_one() -> None:
    t = np.arange(800)
    rng = np.random.default_rng(0)
    values = {f"s{k}": rng.poisson(20 * (1 + 0.6 * np.sin(2 * np.pi * t / 365.25))) for k in range(10)}
    long, short = panel_of(values), panel_of({name: v[-400:] for name, v in values.items()})
    truth = 20 * (1 + 0.6 * np.sin(2 * np.pi * np.arange(800, 890) / 365.25))
    assert np.abs(Fourier().fit(long).predict(90).mean.mean(axis=0) - truth).mean() < 2.5
    assert Fourier().fit(short).calendar.year_waves == 0  # type: ignore[attr-defined]


def test_occasions_of_the_place_are_learned() -> None:
    days = np.arange("2021-04-01", "2023-12-20", dtype="datetime64[D]")
    rng = np.random.default_rng(0)
    text = days.astype(str)
    eve = np.array([d[5:] in {"12-21", "12-22", "12-23", "12-24"} for d in text])
    values = {f"s{k}": rng.poisson(20 * np.where(eve, 3.0, 1.0)) for k in range(12)}
    panel = panel_of(values, end="2023-12-19")
    knows = Panel(**{**vars(panel), "place": Place("GB")})
    without = Fourier(year_waves=0).fit(panel).predict(6).mean.mean(axis=0)
    ahead = Fourier(year_waves=0).fit(knows).predict(6).mean.mean(axis=0)  # 20 to 25 December
    assert without[3:5].mean() < 25
    assert ahead[3:5].mean() > 35


def test_columns_of_the_calendar() -> None:
    panel = panel_of({"a": np.ones(800)})
    columns = Calendar.of(panel, 3, 2, 2, trend=True).columns(panel.end - 13, panel.end)
    assert columns.shape == (14, 6 + 4 + 4 + 1)
    firsts = [np.datetime64("2023-01-01"), np.datetime64("2024-02-01")]  # months of different length begin alike
    found = [Calendar.of(panel, 0, 0, 2, trend=False).columns(int(d.astype(int)), int(d.astype(int))) for d in firsts]
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)
    np.testing.assert_allclose(columns[:7, :6], columns[7:, :6], atol=1e-9)
    np.testing.assert_allclose(np.diff(columns[:, -1]), 1 / 365.2425, rtol=1e-6)
    month = panel_of({"a": np.ones(60)}, "MS")
    assert Calendar.of(month, 3, 5, 2, trend=False).columns(0, 11).shape == (12, 10)  # the year is the season
    hour = panel_of({"a": np.ones(400)}, "h")
    assert Calendar.of(hour, 3, 5, 2, trend=False).columns(0, 23).shape == (24, 6 + 6)  # and the week's three waves


def test_prices_count_by_their_ratio_to_the_usual_price_and_not_beyond_what_was_seen() -> None:
    price = np.array([[10.0, 1.0, np.nan], [10, 1, np.nan], [8, 1.25, np.nan], [12.5, 0.8, np.nan]])
    found = Covariates.of([price], 3)
    assert found.logs.tolist() == [True]
    column = found.column(0, price)
    np.testing.assert_allclose(column[2, 0], -column[2, 1], atol=1e-9)
    assert (column[:, 2] == 0).all()
    ahead = found.column(0, np.array([[1000.0, 1.0, 5.0]]))
    np.testing.assert_allclose(ahead[0], [column.max(), 0, 0], atol=1e-9)


def test_update_keeps_effects_and_runs_the_level_on() -> None:
    panel, _ = promoted()
    fitted = Fourier().fit(panel)
    longer = panel.append(np.full((len(panel), 14), 80.0), {"promotion": np.zeros((len(panel), 14))})
    moved = fitted.update(longer)
    assert isinstance(fitted, FittedFourier)
    assert isinstance(moved, FittedFourier)
    np.testing.assert_array_equal(moved.learned.beta, fitted.learned.beta)
    none = {"promotion": np.zeros((len(panel), 7))}
    assert moved.predict(7, none).mean.sum() > 1.15 * fitted.predict(7, none).mean.sum()


def test_options_that_make_no_sense_are_errors() -> None:
    with pytest.raises(ConfigError, match="year_waves must be 0 or more"):
        Fourier(year_waves=-1)
