import dataclasses
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from skucast.errors import ConfigError, MissingExtraError, ModelError
from skucast.evaluate.metrics import measure
from skucast.forecast import LEVELS
from skucast.models import registry
from skucast.models.naive import SeasonalNaive
from skucast.models.neural.lstm import Lstm
from skucast.models.neural.options import TrainOptions
from skucast.models.neural.quantiles import at_levels, mean_of, mixture
from skucast.models.spec import load_fitted

from .panels import WEEK, panel_of, weekly_pattern

QUICK = Lstm(hidden=16, width=16, context=42, train=TrainOptions(steps=250, batch=24, learning_rate=1e-2, checks=4))
HORIZON = 7


@pytest.fixture(scope="module")
def panel():
    return weekly_pattern(series=30, steps=180)


@pytest.fixture(scope="module")
def fitted(panel):
    return QUICK.fit(panel.until(panel.end - HORIZON), horizon=HORIZON)


def score(fitted, panel, future=None):
    forecast = fitted.predict(HORIZON, future)
    return measure(panel.dense(steps=HORIZON), forecast.mean, forecast.quantiles, forecast.levels)


def test_it_learns_the_week_better_than_naive(panel, fitted):
    ours = score(fitted, panel)
    naive = score(SeasonalNaive().fit(panel.until(panel.end - HORIZON)), panel)
    assert ours["wql"] < 0.85 * naive["wql"]
    assert 0.7 < ours["coverage_80"] < 0.95
    assert abs(ours["relative_bias"]) < 0.12
    forecast = fitted.predict(HORIZON)
    shape = forecast.mean.sum(axis=0)
    day = (panel.n_steps - HORIZON + np.arange(HORIZON)) % 7
    assert np.corrcoef(shape, WEEK[day])[0, 1] > 0.95


def test_training_tells_how_it_went(fitted):
    assert fitted.about["loss"] < fitted.about["naive_loss"]
    assert fitted.about["held_out"] == HORIZON
    assert fitted.about["steps"] <= QUICK.train.steps
    assert fitted.about["windows"] > 2000


def test_it_learns_what_a_promotion_does():
    panel = weekly_pattern(series=30, steps=180, promotion=True, seed=2)
    history = panel.until(panel.end - HORIZON)
    fitted = QUICK.fit(history, horizon=HORIZON)
    plan = panel.dense(panel.known["promotion"], HORIZON)
    ours = score(fitted, panel, {"promotion": plan})
    naive = score(SeasonalNaive().fit(history), panel)
    assert ours["wql"] < 0.75 * naive["wql"]
    off, on = (fitted.predict(HORIZON, {"promotion": np.full_like(plan, x)}).mean.sum() for x in (0, 1))
    assert 2.0 < on / off < 4.0  # it triples demand


@pytest.mark.filterwarnings("ignore:'lstm' learned from:UserWarning")
def test_progress_is_told_in_rising_shares(panel):
    told = []
    spec = Lstm(hidden=4, width=4, train=TrainOptions(steps=40, batch=8, checks=2))
    spec.fit(panel, horizon=2, progress=lambda what, done: told.append(done))
    assert told == sorted(told)
    assert 0 <= told[0] < told[-1] <= 1


def test_the_held_out_steps_are_learned_in_the_end(panel):
    """With ``finish`` the last steps are targets too: changing them changes the weights."""
    spec = Lstm(hidden=4, width=4, train=TrainOptions(steps=10, batch=8, checks=1, finish=0.5))
    other = panel.with_values(np.where(panel.ordinals > panel.end - 7, panel.values + 50, panel.values))

    def weights(spec, panel):
        return torch.cat([w.flatten() for w in spec.fit(panel, horizon=7).network.parameters()])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert not torch.equal(weights(spec, panel), weights(spec, other))
        without = dataclasses.replace(spec, train=dataclasses.replace(spec.train, finish=0.0))
        assert torch.equal(weights(without, panel), weights(without, other))


@pytest.mark.filterwarnings("ignore:'lstm' learned from:UserWarning")
def test_the_seed_decides_everything(panel):
    short = Lstm(hidden=8, width=8, train=TrainOptions(steps=8, batch=16))
    one, same, other = (short.fit(panel, horizon=HORIZON, seed=s).predict(HORIZON).quantiles for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_forecast_does_not_depend_on_which_other_series_are_there(panel, fitted):
    whole = fitted.predict(HORIZON)
    rows = np.array([17, 3])
    part = fitted.update(fitted.panel.take(rows)).predict(HORIZON)
    np.testing.assert_array_equal(part.quantiles, whole.quantiles[rows])
    np.testing.assert_array_equal(part.mean, whole.mean[rows])


def test_saved_and_loaded_it_says_the_same(fitted, tmp_path):
    fitted.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.json", "model.safetensors", "panel"]
    loaded = load_fitted(tmp_path)
    assert loaded.spec == fitted.spec
    assert loaded.inputs == fitted.inputs
    assert loaded.about == fitted.about
    np.testing.assert_array_equal(loaded.predict(HORIZON).quantiles, fitted.predict(HORIZON).quantiles)


def test_update_goes_on_from_newer_history_with_the_same_weights(panel, fitted):
    moved = fitted.update(panel)
    assert moved.network is fitted.network
    forecast = moved.predict(HORIZON)
    assert forecast.start == panel.end + 1
    doubled = fitted.update(panel.with_values(panel.values * 2)).predict(HORIZON)
    np.testing.assert_allclose(doubled.mean.sum() / forecast.mean.sum(), 2, rtol=0.1)
    with pytest.raises(ModelError, match="frequency 'D' and cannot go on with 'W-SUN'"):
        fitted.update(panel_of(np.ones((2, 60)), "W-SUN"))


def test_beyond_the_trained_horizon_it_keeps_the_week_and_grows_no_surer(fitted):
    near, far = fitted.predict(HORIZON), fitted.predict(3 * HORIZON)
    np.testing.assert_array_equal(far.quantiles[:, :HORIZON], near.quantiles)
    assert np.isfinite(far.quantiles).all()
    weeks = far.mean.sum(axis=0).reshape(3, 7)
    assert min(np.corrcoef(weeks[0], weeks[k])[0, 1] for k in (1, 2)) > 0.9
    np.testing.assert_allclose(weeks.sum(axis=1) / weeks[0].sum(), 1, atol=0.25)
    width = (far.quantile(0.9) - far.quantile(0.1)).sum(axis=0).reshape(3, 7).sum(axis=1)
    assert width[2] > 0.9 * width[0]


def test_missing_and_sold_out_days_do_no_harm():
    panel = weekly_pattern(series=20, steps=150, seed=3)
    rng = np.random.default_rng(0)
    values = np.where(rng.random(panel.values.size) < 0.7, np.nan, panel.values)
    available = rng.random(panel.values.size) > 0.2
    spoilt = panel_of(np.where(available, values, 0.0).reshape(20, 150), available=available.reshape(20, 150))
    history = spoilt.until(spoilt.end - HORIZON)
    forecast = QUICK.fit(history, horizon=HORIZON).predict(HORIZON)
    actual = panel.dense(steps=HORIZON)
    scores = measure(actual, forecast.mean, forecast.quantiles, forecast.levels)
    assert abs(scores["relative_bias"]) < 0.25
    assert 0.6 < scores["coverage_80"] <= 1


def odd_panel(seed):
    rng = np.random.default_rng(seed)
    values = rng.poisson(3.0, (10, 60)).astype(np.float64)
    values[0] = 0
    values[1] = np.nan
    values[2] = 7
    values[3, :-1] = np.nan
    values[4] *= 1e9
    values[5] *= 1e-9
    values[6, rng.random(60) < 0.7] = np.nan
    values[7, :-1] = 0
    values[7, -1] = 1e6
    values[8, 20:] = np.nan
    values[9] *= -1
    return panel_of(values)


@pytest.mark.filterwarnings("ignore:'lstm' learned from:UserWarning")
@pytest.mark.parametrize("scaling", ["mean", "robust"])
def test_odd_series_get_sound_forecasts(scaling):
    spec = Lstm(hidden=8, width=8, scaling=scaling, train=TrainOptions(steps=20, batch=16))
    panel = odd_panel(0)
    forecast = spec.fit(panel, horizon=HORIZON).predict(HORIZON)
    assert np.isfinite(forecast.mean).all()
    assert np.isfinite(forecast.quantiles).all()
    assert (forecast.quantiles >= 0).all()
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()
    level = forecast.mean.mean(axis=1)
    assert (level[[0, 1, 9]] == 0).all()  # nothing was ever sold
    assert set(forecast.fallback) == {"s000", "s001", "s009"}
    assert 1e9 < level[4] < 1e10
    assert 1e-9 < level[5] < 1e-8
    assert 3 < level[2] < 14


def test_too_little_to_learn_from_is_said_and_naive_stands_in():
    panel = weekly_pattern(series=3, steps=20)
    with pytest.warns(UserWarning, match="42 training windows in 3 series, too few to train a network"):
        fitted = Lstm().fit(panel, horizon=HORIZON)
    assert fitted.network is None
    forecast = fitted.predict(HORIZON)
    assert set(forecast.fallback) == {"s000", "s001", "s002"}
    np.testing.assert_array_equal(forecast.quantiles, SeasonalNaive().fit(panel).predict(HORIZON).quantiles)


def test_a_model_that_was_never_trained_can_be_saved(tmp_path):
    with pytest.warns(UserWarning, match="too few"):
        fitted = Lstm().fit(weekly_pattern(series=2, steps=10), horizon=3)
    fitted.save(tmp_path)
    np.testing.assert_array_equal(load_fitted(tmp_path).predict(3).mean, fitted.predict(3).mean)


def test_little_to_learn_from_is_said():
    with pytest.warns(UserWarning, match=r"learned from [\d,]+ windows in 5 series, few for a network"):
        Lstm(hidden=8, train=TrainOptions(steps=10, batch=16)).fit(weekly_pattern(series=5, steps=100), horizon=7)


def test_losing_to_naive_is_said():
    steps = np.arange(180)
    panel = panel_of(np.tile(1000.0 + steps % 7, (30, 1)))  # naive is perfect here
    with pytest.warns(UserWarning, match="on the last 8 steps it did not beat seasonal naive"):
        Lstm(hidden=4, width=4, train=TrainOptions(steps=2, batch=8)).fit(panel, horizon=8)


def test_a_spec_is_json_both_ways_with_its_training_options():
    spec = Lstm(hidden=32, scaling="robust", train=TrainOptions(steps=7, seconds=2.5))
    assert registry.spec_from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert registry.make({"model": "lstm", "train": {"steps": 7}}) == Lstm(train=TrainOptions(steps=7))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden": 0}, "hidden must be"),
        ({"layers": 1.5}, "layers must be"),
        ({"scaling": "log"}, "scaling must be 'mean', 'robust' or 'asinh'"),
        ({"scaling": "asinh", "head": "negbin"}, "'negbin' needs demand as it is"),
        ({"normalise": True, "head": "tweedie"}, "'tweedie' needs demand as it is"),
        ({"embed": "all"}, "embed must be"),
        ({"beside": -1}, "beside must not"),
        ({"weight_drop": 1.0}, "weight_drop must lie"),
        ({"train": {"half_life": -1}}, "'half_life' must be"),
        ({"train": {"balance": 2.0}}, "'balance' must lie"),
        ({"dropout": 1.0}, "dropout must lie"),
        ({"context": -1}, "must not be negative"),
        ({"train": {"epochs": 3}}, "no training option 'epochs'"),
        ({"train": {"steps": 0}}, "'steps' must be"),
    ],
)
def test_an_option_that_makes_no_sense_is_an_error(fields, message):
    with pytest.raises(ConfigError, match=message):
        registry.make({"model": "lstm", **fields})


def test_an_unknown_device_is_an_error(panel):
    with pytest.raises(ConfigError, match="no device 'abacus'"):
        Lstm(train=TrainOptions(device="abacus")).fit(panel)


def test_without_torch_the_extra_is_named(panel, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'skucast\[neural\]'"):
        Lstm().fit(panel)


def test_listing_networks_does_not_import_torch():
    code = (
        "import sys; from skucast.models import registry; registry.spec_class('lstm')(); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.filterwarnings("ignore:'lstm' learned from:UserWarning")
def test_the_number_of_threads_is_left_alone(panel):
    before = torch.get_num_threads()
    Lstm(hidden=4, width=4, train=TrainOptions(steps=2, batch=4)).fit(panel, horizon=2).predict(2)
    assert torch.get_num_threads() == before


@pytest.mark.filterwarnings("ignore:'lstm' learned from:UserWarning")
def test_layers_and_patch_sizes_can_be_chosen(panel):
    spec = Lstm(hidden=8, width=8, layers=2, patch=3, context=30, train=TrainOptions(steps=5, batch=8, patience=9))
    fitted = spec.fit(panel, horizon=4)
    assert (fitted.inputs.patch, fitted.inputs.patches, fitted.network.encoder.memory.num_layers) == (3, 10, 2)
    assert fitted.predict(4).horizon == 4


def exponential(scale):
    return -np.asarray(scale)[..., None] * np.log(1 - np.asarray(LEVELS))


def test_means_follow_from_quantiles():
    np.testing.assert_allclose(mean_of(exponential([1.0, 5.0])), [1.0, 5.0], rtol=0.02)
    np.testing.assert_allclose(mean_of(np.full((2, 3, len(LEVELS)), 4.0)), 4.0)


def test_other_levels_lie_between():
    q = exponential([2.0])[:, None]
    np.testing.assert_array_equal(at_levels(q, LEVELS), q)
    np.testing.assert_allclose(at_levels(q, (0.5, 0.9))[0, 0], q[0, 0, [7, 11]])


def test_a_mixture_has_the_quantiles_of_the_pooled_samples():
    parts = np.stack([exponential([1.0, 1.0]), exponential([1.0, 4.0])])
    mixed = mixture(parts)
    np.testing.assert_allclose(mixed[0], parts[0, 0], rtol=0.15, atol=0.02)
    rng = np.random.default_rng(0)
    pooled = np.concatenate([rng.exponential(1.0, 200_000), rng.exponential(4.0, 200_000)])
    inner = slice(3, 12)  # 0.1 to 0.9
    np.testing.assert_allclose(mixed[1, inner], np.quantile(pooled, LEVELS)[inner], rtol=0.15)
