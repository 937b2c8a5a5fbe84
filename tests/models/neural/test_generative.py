"""Networks that draw futures: their forecasts are mixtures, their paths hang together as the futures do."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import norm, spearmanr
from torch.distributions import Normal, kl_divergence

from skucast.errors import ConfigError, ModelError
from skucast.forecast import LEVELS
from skucast.models import registry
from skucast.models.copula import history_copula
from skucast.models.neural import variational
from skucast.models.neural.blocks import fold, unfold
from skucast.models.neural.generative import mixed, normals, uniforms
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.likelihoods import head_of
from skucast.models.neural.variational import divergence
from skucast.models.neural.windows import Windows
from skucast.models.spec import load_fitted

from .panels import panel_of, weekly_pattern

HEADS = ("quantiles", "gaussian", "student-t", "poisson", "tweedie", "negbin", "zero-inflated")
GENERATIVE = ({"model": "vae"}, {"model": "seq2seq", "decoder": "autoregressive"})
HORIZON = 14


def network_of(panel, horizon=HORIZON, **fields):
    torch.manual_seed(0)
    spec = registry.make({"hidden": 8, "width": 8, "head": "quantiles", **fields})
    return spec.build(Inputs.of(panel, horizon)).double().eval()


def batch_of(panel, horizon=HORIZON, rows=None, forks=1, back=0):
    windows = Windows(panel, Inputs.of(panel, horizon))
    rows = np.arange(len(panel)) if rows is None else np.asarray(rows)
    return windows.gather(rows, windows.end[rows] - 1 - back, forks=forks).to(torch.float64)


# ---- blocks, noise, mixtures ------------------------------------------------------------------------
def test_folding_steps_into_blocks_and_back_changes_nothing():
    x = torch.randn(2, 3, 10, 4)
    blocks = fold(x, 7)
    assert blocks.shape == (2, 3, 2, 28)
    torch.testing.assert_close(blocks[..., 0, :], x[..., :7, :].flatten(-2))
    assert (blocks[..., 1, 12:] == 0).all()
    torch.testing.assert_close(unfold(blocks, 7, 10), x)


def test_chances_are_evenly_spread_over_futures_and_unrelated_over_steps():
    chance = uniforms(64, 20)
    np.testing.assert_array_equal(np.sort(np.floor(chance * 64), axis=0), np.arange(64)[:, None].repeat(20, axis=1))
    assert np.abs(np.corrcoef(chance.T) - np.eye(20)).max() < 0.5
    np.testing.assert_array_equal(chance, uniforms(64, 20))


def test_noise_is_standard_normal_and_zero_on_average():
    noise = normals(1000, 3, 5)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(noise.std(axis=0), 1, atol=0.1)
    assert normals(7, 2).shape == (7, 2)


@pytest.mark.parametrize("name", HEADS)
def test_a_mixture_of_equal_distributions_is_that_distribution(name):
    torch.manual_seed(0)
    head = head_of(name, 6).double()
    parameters = head(torch.randn(5, 4, 6, dtype=torch.float64) * 8)
    unit = torch.tensor([0.5, 3.0, 20.0, 1.0, 7.0], dtype=torch.float64)[:, None]
    mean, quantiles = mixed(head, parameters.expand(32, *parameters.shape), unit)
    theirs = head.quantiles(parameters, LEVELS, unit)
    if name == "quantiles":
        theirs = theirs.clamp(min=0)
    far = 0.06 * (theirs[..., -1:] - theirs[..., :1])  # each of 256 levels is off by up to half of one
    piece = 1.001 / unit[..., None] if name in ("poisson", "negbin", "zero-inflated") else torch.tensor(1e-6)
    assert ((quantiles - theirs).abs() <= torch.maximum(far, piece)).all()
    torch.testing.assert_close(mean, head.mean(parameters, unit))


def test_a_mixture_of_two_normal_distributions_has_their_mean_cdf():
    head = head_of("gaussian", 1).double()
    raw = torch.tensor([[2.0, 0.0], [9.0, 1.5]], dtype=torch.float64)
    parameters = raw.repeat(16, 1)[:, None]  # (32, 1, 2)
    mean, quantiles = mixed(head, parameters, torch.ones(1, dtype=torch.float64))
    deviation = np.log1p(np.exp(raw[:, 1].numpy()))
    reached = norm.cdf(quantiles[0, :, None].numpy(), raw[:, 0].numpy(), deviation).mean(axis=1)
    np.testing.assert_allclose(reached, LEVELS, atol=0.007)
    assert mean.item() == pytest.approx(5.5)


@pytest.mark.parametrize("name", HEADS)
def test_every_cell_can_be_asked_for_a_level_of_its_own(name):
    torch.manual_seed(1)
    head = head_of(name, 6).double()
    parameters = head(torch.randn(3, 4, 6, dtype=torch.float64) * 5)
    unit = torch.tensor([2.0, 5.0, 11.0], dtype=torch.float64)[:, None]
    chance = np.random.default_rng(0).random((3, 4, 1))
    found = head.quantiles(parameters, chance, unit)
    for i in range(3):
        for j in range(4):
            alone = head.quantiles(parameters[i, j : j + 1], chance[i, j].tolist(), unit[i])
            torch.testing.assert_close(found[i, j], alone[0], rtol=1e-5, atol=1e-6)


def test_divergence_is_that_of_kullback_and_leibler():
    torch.manual_seed(0)
    m1, m0 = torch.randn(2, 50)
    s1, s0 = torch.rand(2, 50) + 0.1
    torch.testing.assert_close(divergence(m1, s1, m0, s0), kl_divergence(Normal(m1, s1), Normal(m0, s0)))


# ---- the networks -------------------------------------------------------------------------------------
@pytest.mark.parametrize("spec", GENERATIVE)
@pytest.mark.parametrize("head", ["quantiles", "negbin"])
def test_a_path_meets_the_quantiles_of_the_forecast_at_every_step(spec, head):
    panel = weekly_pattern(series=4, steps=140)
    network, batch = network_of(panel, **spec, head=head), batch_of(panel)
    with torch.no_grad():
        paths = network.paths(batch, 600)
        mean, quantiles = network.describe(batch)
    assert paths.shape == (600, 4, 1, HORIZON)
    torch.testing.assert_close(paths.mean(dim=0), mean, rtol=0.05, atol=0.05)
    scale = batch.scale[..., None]
    for level in (0.1, 0.5, 0.9):
        theirs = quantiles[..., LEVELS.index(level)]
        off = (paths.quantile(level, dim=0) - theirs) * (scale if head == "negbin" else 1)
        assert off.abs().max() < (1.01 if head == "negbin" else 0.15)  # one piece


@pytest.mark.parametrize("spec", GENERATIVE)
def test_what_is_said_of_a_series_does_not_depend_on_its_neighbours(spec):
    panel = weekly_pattern(series=80, steps=100)
    network = network_of(panel, **spec)
    with torch.no_grad():
        whole, alone = network.describe(batch_of(panel)), network.describe(batch_of(panel, rows=[73]))
        paths, path = network.paths(batch_of(panel), 40), network.paths(batch_of(panel, rows=[73]), 40)
    for one, other in zip(whole, alone, strict=True):
        torch.testing.assert_close(one[73:74], other)
    torch.testing.assert_close(paths[:, 73:74], path)


@pytest.mark.parametrize("spec", GENERATIVE)
def test_what_happens_after_a_fork_does_not_change_what_was_said_there(spec):
    panel = weekly_pattern(series=3, steps=140)
    other = panel.with_values(np.where(panel.ordinals > panel.end - 14, panel.values + 30, panel.values))
    with torch.no_grad():
        before = network_of(panel, **spec).describe(batch_of(panel, forks=3))[1]
        after = network_of(panel, **spec).describe(batch_of(other, forks=3))[1]
    torch.testing.assert_close(before[:, 0], after[:, 0])
    assert not torch.allclose(before[:, 2], after[:, 2])


@pytest.mark.parametrize("week", [0, 1, 2])
def test_latents_of_a_week_reach_that_week_and_later_ones(week, monkeypatch):
    panel = weekly_pattern(series=2, steps=140)
    network, batch = network_of(panel, horizon=21, model="vae"), batch_of(panel, horizon=21)

    def other(count, *shape):
        noise = normals(count, *shape)
        noise[:, week] += 1.0
        return noise

    with torch.no_grad():
        before = network.imagine(batch, 4)  # (K, B, F, H, W)
        monkeypatch.setattr(variational, "normals", other)
        moved = (network.imagine(batch, 4) - before).abs().amax(dim=(0, 1, 2, 4))
    assert (moved[: 7 * week] == 0).all()
    assert (moved[7 * week :] > 0).all()


def test_where_nothing_was_sold_latents_are_those_of_the_prior():
    panel = weekly_pattern(series=4, steps=140)
    network, batch = network_of(panel, model="vae"), batch_of(panel, back=0)  # nothing ahead is known
    assert batch.weight.sum() == 0
    network.at(1.0)
    assert network.loss(batch).item() == 0.0


def test_the_price_of_latents_rises_and_stays_up():
    network = network_of(weekly_pattern(series=2, steps=80), model="vae", anneal=0.5)
    assert network.price == 1.0  # as long as it is not told of a training
    prices = []
    for done in (0.0, 0.25, 0.5, 1.0, 0.0):
        network.at(done)
        prices.append(network.price)
    assert prices == [0.0, 0.5, 1.0, 1.0, 1.0]


def test_latents_cost_what_the_posterior_knows_beyond_the_prior():
    panel = weekly_pattern(series=6, steps=140)
    network, batch = network_of(panel, model="vae", head="negbin"), batch_of(panel, back=HORIZON)
    losses = []
    for done in (0.0, 0.15, 0.3):
        network.done = done
        torch.manual_seed(3)
        losses.append(network.loss(batch).item())
    cost, half, full = losses
    assert full > cost
    assert half - cost == pytest.approx((full - cost) / 2)
    dear = network_of(panel, model="vae", head="negbin", free=50.0)  # nats of a block, of which there are two
    torch.manual_seed(3)
    assert dear.loss(batch).item() == pytest.approx(cost + 50 * 2 / HORIZON, rel=1e-6)


# ---- fitted ---------------------------------------------------------------------------------------------
def shifting(series=60, steps=168, every=28, seed=0):
    """Every so many days, each series on its own date, demand moves to another level: neighbouring weeks hang together."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(1.0, 1.0, (series, steps // every + 2)))
    stretch = (np.arange(steps) + rng.integers(0, every, (series, 1))) // every
    return panel_of(rng.poisson(8 * np.take_along_axis(level, stretch, axis=1)))


@pytest.fixture(scope="module", params=GENERATIVE, ids=lambda spec: spec["model"])
def fitted(request):
    train = {"steps": 250, "batch": 24, "learning_rate": 1e-2, "checks": 4}
    spec = registry.make({**request.param, "hidden": 16, "width": 16, "context": 42, "head": "negbin", "train": train})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return spec.fit(shifting(), horizon=HORIZON)


def together(paths):
    """Mean rank correlation over series of the first and the second week of paths ``(S, n, 14)``."""
    weeks = paths.reshape(*paths.shape[:2], 2, 7).sum(axis=3)
    return np.mean([spearmanr(*w.T).statistic for w in weeks if (w.std(axis=0) > 0).all()])


def test_paths_hang_together_as_the_networks_own_futures_do(fitted):
    forecast = fitted.predict(HORIZON)
    theirs = together(fitted.futures(HORIZON, 100))
    assert theirs > 0.25
    assert together(forecast.paths(400)) == pytest.approx(theirs, abs=0.12)
    assert abs(together(dataclasses.replace(forecast, copula=None).paths(400))) < 0.1


def test_paths_keep_what_can_be_done_with_a_forecast(fitted):
    forecast = fitted.predict(HORIZON)
    assert forecast.copula.shape[1] == HORIZON
    rows = np.array([5, 2])
    np.testing.assert_array_equal(forecast.take(rows).paths(50), forecast.paths(50)[rows])
    np.testing.assert_allclose(forecast.times(np.full(60, 2.0)).paths(50), 2 * forecast.paths(50), rtol=1e-5)
    assert together(fitted.predict(HORIZON).take(np.arange(20)).paths(200)) > 0.1


def test_futures_have_the_mean_of_the_forecast(fitted):
    futures = fitted.futures(7, 200)
    assert futures.shape == (60, 200, 7)
    assert (futures >= 0).all()
    np.testing.assert_allclose(futures.mean(axis=1).sum(), fitted.predict(7).mean.sum(), rtol=0.05)
    np.testing.assert_array_equal(futures, fitted.futures(7, 200))


def test_beyond_the_trained_horizon_paths_hang_together_as_history_does(fitted):
    longer = fitted.predict(2 * HORIZON)
    np.testing.assert_array_equal(longer.copula, history_copula(fitted.panel, 2 * HORIZON))
    with pytest.raises(ConfigError, match="trained for 14 steps ahead and cannot be asked about 20"):
        fitted.futures(20)


def test_saved_and_loaded_it_draws_the_same_futures(fitted, tmp_path):
    fitted.save(tmp_path)
    loaded = load_fitted(tmp_path)
    np.testing.assert_array_equal(loaded.futures(HORIZON, 20), fitted.futures(HORIZON, 20))
    np.testing.assert_array_equal(loaded.predict(HORIZON).paths(20), fitted.predict(HORIZON).paths(20))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_without_a_network_or_without_sampling_there_are_no_futures():
    small = registry.make("vae").fit(weekly_pattern(series=2, steps=20), horizon=7)
    with pytest.raises(ModelError, match="too little to learn from"):
        small.futures(7)
    assert small.predict(7).paths(10).shape == (2, 10, 7)
    direct = registry.make({"model": "seq2seq", "hidden": 8, "train": {"steps": 5}})
    panel = weekly_pattern(series=10, steps=100)
    fitted = direct.fit(panel, horizon=7)
    with pytest.raises(ModelError, match="draws no futures"):
        fitted.futures(7)
    np.testing.assert_array_equal(fitted.predict(7).copula, history_copula(panel, 7))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "vae", "latent": 0}, "latent must be a whole number"),
        ({"model": "vae", "draws": 1.5}, "draws must be a whole number"),
        ({"model": "vae", "anneal": 2.0}, "anneal must lie in"),
        ({"model": "vae", "free": -1.0}, "free must not be negative"),
        ({"model": "seq2seq", "decoder": "both"}, "decoder must be 'direct' or 'autoregressive'"),
        ({"model": "seq2seq", "truth": 1.5}, "truth must lie in"),
        ({"model": "seq2seq", "draws": True}, "draws must be a whole number"),
    ],
)
def test_an_option_that_makes_no_sense_is_an_error(fields, message):
    with pytest.raises(ConfigError, match=message):
        registry.make(fields)
