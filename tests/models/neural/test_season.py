"""The season that hybrids take out: found by STL, known only as far as it had been seen."""

import numpy as np
import pytest
import torch

from skucast.evaluate.metrics import measure
from skucast.models import registry
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.season import Seasons, indices
from skucast.models.neural.windows import Windows

from .panels import WEEK, panel_of

INDEX = WEEK / WEEK.mean()


def seasonal(series=6, steps=182, level=50.0, seed=0, shape=WEEK):
    rng = np.random.default_rng(seed)
    size = level * np.exp(rng.normal(0, 0.3, (series, 1)))
    return rng.poisson(size * (shape / shape.mean())[np.arange(steps) % 7]).astype(float)


def test_indices_are_the_planted_season_from_the_first_step_ahead():
    for steps in (182, 185):
        found = indices(panel_of(seasonal(steps=steps)), 7)
        np.testing.assert_allclose(found, np.tile(INDEX[(steps + np.arange(7)) % 7], (6, 1)), atol=0.08)
        np.testing.assert_allclose(found.mean(axis=1), 1, atol=1e-5)


def test_what_chance_alone_explains_is_no_season():
    flat = np.random.default_rng(0).poisson(0.3, (200, 84)).astype(float)
    found = indices(panel_of(flat), 7)
    raw = flat.reshape(200, 12, 7).mean(axis=1) / flat.mean(axis=1, keepdims=True)
    assert np.abs(found - 1).mean() < 0.35 * np.abs(raw - 1).mean()


@pytest.mark.parametrize(
    "values", [np.zeros((2, 60)), np.full((2, 60), np.nan), np.ones((2, 8)), np.full((2, 60), 1e9)]
)
def test_where_there_is_no_season_the_index_is_one(values):
    np.testing.assert_allclose(indices(panel_of(values), 7), 1.0, atol=1e-4)


def test_a_season_scales_with_demand_and_does_not_depend_on_neighbours():
    values = seasonal()
    one = indices(panel_of(values), 7)
    np.testing.assert_allclose(indices(panel_of(values * 1e6), 7), one, rtol=1e-4)
    np.testing.assert_allclose(indices(panel_of(values[[4]]), 7)[0], one[4], rtol=1e-6)


@pytest.mark.parametrize("cut", [60, 100, 150])
def test_what_comes_later_does_not_change_what_a_window_knows(cut):
    """The whole input of a window, its season included, is the same whatever follows its first origin."""
    values = seasonal(steps=182)
    other = values.copy()
    other[:, cut + 1 :] = seasonal(steps=182, seed=9, shape=WEEK[::-1])[:, cut + 1 :] * 30
    batches = []
    for v in (values, other):
        panel = panel_of(v)
        windows = Windows(panel, Inputs.of(panel, 7, context=28, seasonal=True))
        batches.append(windows.gather(np.arange(6), windows.start + cut + 14, forks=3))
    one, two = batches
    assert torch.equal(one.season, two.season)
    assert torch.equal(one.patches[:, :-2], two.patches[:, :-2])  # up to the first of three origins
    assert torch.equal(one.ahead[:, 0], two.ahead[:, 0])


def test_dates_lie_within_history_and_the_last_one_before_is_taken():
    panel = panel_of(seasonal(steps=180, shape=np.ones(7)))
    seasons = Seasons(panel, 7)
    assert seasons.dates[0] == 0
    assert (np.diff(seasons.dates) > 0).all()
    assert seasons.dates.max() < panel.n_steps
    assert 7 in seasons.dates
    for before in (0, 1, 7, 30):
        k = np.searchsorted(seasons.dates, before)
        past = panel.until(panel.end - int(seasons.dates[k]))
        expected = np.roll(indices(past, 7), -int(seasons.dates[k]), axis=1)
        np.testing.assert_array_equal(seasons.known(np.arange(6), np.full(6, before)), expected)
    assert (seasons.known(np.arange(6), np.full(6, 179)) == 1).all()


def test_the_context_is_freed_of_its_season_and_the_steps_ahead_know_theirs():
    values = 100 * np.tile(INDEX, 26)[None, :].repeat(3, axis=0)
    panel = panel_of(values)
    windows = Windows(panel, Inputs.of(panel, 10, context=28, seasonal=True))
    batch = windows.gather(np.arange(3), windows.end - 1)
    within = torch.sinh(batch.patches[:, :, :7])
    np.testing.assert_allclose(within / within.mean(dim=-1, keepdim=True), 1, atol=0.02)
    np.testing.assert_allclose(batch.season[0, 0], INDEX[np.arange(10) % 7], rtol=0.02)


def test_weeks_have_the_season_of_a_year():
    shape = 1 + 0.5 * np.sin(2 * np.pi * np.arange(52) / 52)
    weeks = np.random.default_rng(0).poisson(80 * np.tile(shape, 4), (3, 208))
    found = indices(panel_of(weeks, "W-SUN"), 52)
    assert np.corrcoef(found.mean(axis=0), shape)[0, 1] > 0.95


@pytest.mark.parametrize("name", ["stl-lstm", "stl-gru"])
def test_each_series_has_its_own_week_and_intervals_cover(name):
    """Half of the items sell on weekends, half on Mondays; the hybrid is told by STL, not by all the others."""
    values = np.concatenate([seasonal(16, 182, 8.0, 1), seasonal(16, 182, 8.0, 2, np.roll(WEEK, 3))])
    panel = panel_of(values)
    history = panel.until(panel.end - 7)
    train = {"steps": 200, "batch": 24, "learning_rate": 1e-2, "checks": 2}
    spec = registry.make({"model": name, "hidden": 12, "width": 12, "context": 42, "train": train})
    fitted = spec.fit(history, horizon=7)
    forecast = fitted.predict(7)
    scores = measure(panel.dense(steps=7), forecast.mean, forecast.quantiles, forecast.levels)
    assert 0.65 < scores["coverage_80"] < 0.95
    assert abs(scores["relative_bias"]) < 0.1
    assert fitted.about["loss"] < 0.8 * fitted.about["naive_loss"]
    day = (175 + np.arange(7)) % 7
    assert np.corrcoef(forecast.mean[:16].sum(axis=0), WEEK[day])[0, 1] > 0.95
    assert np.corrcoef(forecast.mean[16:].sum(axis=0), np.roll(WEEK, 3)[day])[0, 1] > 0.95
    width = forecast.quantile(0.9) - forecast.quantile(0.1)
    assert np.corrcoef(width[:16].mean(axis=0), WEEK[day])[0, 1] > 0.7  # busy days are less sure in units
