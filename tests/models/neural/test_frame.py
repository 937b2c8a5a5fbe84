"""Demand brought to another frame before the network sees it, and answers brought back."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from skucast.evaluate.metrics import measure
from skucast.models import registry
from skucast.models.neural.heads import Asinh, pinball
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.likelihoods import head_of
from skucast.models.neural.scaling import Running
from skucast.models.neural.windows import Windows

from .panels import panel_of, weekly_pattern

HORIZON = 7
TRAIN = {"steps": 200, "batch": 24, "learning_rate": 1e-2, "checks": 2}


def build(name="lstm", **fields):
    """A network with a panel's windows at the end of every series."""
    panel = weekly_pattern(series=6, steps=140, seed=4)
    spec = registry.make({"model": name, "hidden": 8, "width": 8, **fields})
    inputs = spec._inputs(panel, HORIZON)
    torch.manual_seed(0)
    windows = Windows(panel, inputs)
    return spec.build(inputs).eval(), windows.gather(np.arange(6), windows.end - 8, forks=3)


def test_asinh_quantiles_are_the_hyperbolic_sine_of_what_was_learned():
    inner = head_of("gaussian", 3)
    said = torch.tensor([[0.5, 0.2], [2.0, -1.0]], dtype=torch.float64)
    ours = Asinh(inner).quantiles(said, (0.1, 0.5, 0.9), torch.ones(2))
    spread = np.logaddexp(0, said[:, 1].numpy()) + 1e-3
    for i in range(2):
        truth = np.sinh(stats.norm(said[i, 0].item(), spread[i]).ppf([0.1, 0.5, 0.9]))
        np.testing.assert_allclose(ours[i], truth, rtol=1e-6)


def test_asinh_quantiles_learned_are_those_of_demand_itself():
    """The median of the arcsine is the arcsine of the median."""
    rng = np.random.default_rng(0)
    sample = torch.from_numpy(rng.lognormal(0, 1, 4000)).float()
    head = head_of("quantiles", 1, "asinh")
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    nothing, one = torch.zeros(1, 1), torch.ones(4000)
    for _ in range(250):
        optimiser.zero_grad()
        head.loss(head(nothing).expand(4000, -1), sample, one, one).backward()
        optimiser.step()
    levels = (0.1, 0.5, 0.9)
    np.testing.assert_allclose(head.quantiles(head(nothing), levels, one[:1])[0].detach(), np.quantile(sample, levels), rtol=0.1)  # fmt: skip
    assert head.mean(head(nothing), one[:1]).item() == pytest.approx(sample.mean().item(), rel=0.15)


def test_level_and_spread_are_those_of_the_last_steps():
    rng = np.random.default_rng(0)
    values = rng.poisson(6.0, (3, 80)).astype(float)
    values[rng.random(values.shape) < 0.2] = np.nan
    running = Running.of(panel_of(values), 7, 3, window=28)
    rolled = pd.DataFrame(values.T).rolling(28, min_periods=1)
    scale = running.scale.reshape(3, 80)
    level = rolled.mean().to_numpy().T / np.where(scale > 0, scale, 1)
    np.testing.assert_allclose(running.level.reshape(3, 80), np.nan_to_num(level), rtol=1e-4, atol=1e-5)
    spread = rolled.std(ddof=0).to_numpy().T / np.where(scale > 0, scale, 1)
    np.testing.assert_allclose(running.spread.reshape(3, 80), np.maximum(np.nan_to_num(spread), 0.1), rtol=1e-3)


def test_what_comes_later_does_not_change_level_and_spread():
    values = np.random.default_rng(1).poisson(5.0, (3, 60)).astype(float)
    other = values.copy()
    other[:, 40:] = 1e6
    one, two = (Running.of(panel_of(v), 7, 3, window=21) for v in (values, other))
    for name in ("level", "spread"):
        a, b = (getattr(r, name).reshape(3, 60)[:, :40] for r in (one, two))
        np.testing.assert_array_equal(a, b)


def test_a_normalised_context_has_mean_zero_and_deviation_one():
    panel = panel_of(np.random.default_rng(2).poisson(50.0, (4, 140)))
    inputs = Inputs.of(panel, HORIZON, context=140, normalise=True)
    batch = Windows(panel, inputs).gather(np.arange(4), panel.indptr[1:] - 1 + HORIZON * np.arange(1, 5) - HORIZON)
    seen = torch.sinh(batch.patches[:, -1, :7]).numpy()  # the last week, in its own frame
    values = panel.dense()
    z = (values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, keepdims=True)
    np.testing.assert_allclose(seen, z[:, -7:], atol=2e-3)


@pytest.mark.parametrize("fields", [{"normalise": True}, {"name": "stl-lstm"}, {"name": "stl-gru", "normalise": True}])
def test_what_is_brought_into_a_frame_is_brought_back(fields):
    network, batch = build(**fields)
    there = network.into(batch.target, batch)
    assert not torch.allclose(there, batch.target)
    torch.testing.assert_close(network.out(there[..., None], batch)[..., 0], batch.target)


@pytest.mark.parametrize("fields", [{}, {"normalise": True}, {"name": "stl-lstm"}])
def test_quantiles_cost_what_they_cost_in_units_of_the_scale(fields):
    network, batch = build(**fields)
    cost = pinball(network.quantiles(batch), batch.target, network.head.levels)
    weight = batch.weight * (network.size(batch) if network.framed else 1)
    expected = (cost * batch.weight).sum() / weight.sum()
    torch.testing.assert_close(network.loss(batch), expected)


@pytest.mark.parametrize(
    "fields", [{"scaling": "asinh"}, {"normalise": True}, {"normalise": True, "head": "student-t"}]
)
def test_networks_learn_in_every_frame(fields):
    panel = weekly_pattern(series=24, steps=160, seed=2)
    history = panel.until(panel.end - HORIZON)
    spec = registry.make({"model": "gru", "hidden": 12, "width": 12, "context": 42, "train": TRAIN, **fields})
    fitted = spec.fit(history, horizon=HORIZON)
    assert fitted.about["loss"] < 0.85 * fitted.about["naive_loss"]
    forecast = fitted.predict(HORIZON)
    scores = measure(panel.dense(steps=HORIZON), forecast.mean, forecast.quantiles, forecast.levels)
    assert abs(scores["relative_bias"]) < 0.15
    assert 0.65 < scores["coverage_80"] < 0.97


@pytest.mark.filterwarnings("ignore:'lstm' learned from:UserWarning")
@pytest.mark.parametrize("fields", [{"scaling": "asinh"}, {"normalise": True}])
def test_odd_series_are_sound_in_every_frame(fields):
    rng = np.random.default_rng(0)
    values = rng.poisson(3.0, (6, 60)).astype(float)
    values[1] = 7
    values[2] *= 1e9
    values[3] *= 1e-9
    values[4, :-1] = 0
    values[4, -1] = 1e6
    values[5, 20:] = np.nan
    panel = panel_of(values)
    spec = registry.make({"model": "lstm", "hidden": 8, "train": {"steps": 20, "batch": 16}, **fields})
    forecast = spec.fit(panel, horizon=HORIZON).predict(HORIZON)
    assert np.isfinite(forecast.mean).all()
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()
    level = forecast.mean.mean(axis=1)
    assert 1e8 < level[2] < 3e10
    assert 1e-10 < level[3] < 3e-8
    assert 2 < level[1] < 21
