"""What all networks promise, and the equations of each."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from skucast.errors import ConfigError
from skucast.evaluate.metrics import measure
from skucast.forecast import LEVELS
from skucast.models import registry
from skucast.models.naive import SeasonalNaive
from skucast.models.neural.convolution import Block, Convolutional
from skucast.models.neural.decomposition import Decomposed
from skucast.models.neural.dropout import LockedDropout
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.windows import Windows

from .panels import WEEK, panel_of, weekly_pattern

NAMES = ("lstm", "gru", "rnn", "cnn", "mlp", "vae", "attention", "seq2seq", "stl-lstm", "stl-gru")
HORIZON = 7


def make(name, **fields):
    return registry.make({"model": name, **fields})


def quick(name, **fields):
    train = {"steps": 250, "batch": 24, "learning_rate": 1e-2, "checks": 4}
    return make(name, hidden=16, width=16, context=42, train=train, **fields)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_the_week_and_what_a_promotion_does(name):
    panel = weekly_pattern(series=30, steps=180, promotion=True, seed=2)
    history = panel.until(panel.end - HORIZON)
    fitted = quick(name).fit(history, horizon=HORIZON)
    plan = panel.dense(panel.known["promotion"], HORIZON)
    forecast = fitted.predict(HORIZON, {"promotion": plan})
    ours = measure(panel.dense(steps=HORIZON), forecast.mean, forecast.quantiles, forecast.levels)
    naive = SeasonalNaive().fit(history).predict(HORIZON)
    theirs = measure(panel.dense(steps=HORIZON), naive.mean, naive.quantiles, naive.levels)
    assert ours["wql"] < 0.75 * theirs["wql"]
    assert 0.65 < ours["coverage_80"] < 0.95
    assert abs(ours["relative_bias"]) < 0.15
    off, on = (fitted.predict(HORIZON, {"promotion": np.full_like(plan, x)}).mean for x in (0, 1))
    assert 2.0 < on.sum() / off.sum() < 4.0  # it triples demand
    day = (panel.n_steps - HORIZON + np.arange(HORIZON)) % 7
    assert np.corrcoef(off.sum(axis=0), WEEK[day])[0, 1] > 0.95


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layers", [1, 3])
def test_what_comes_later_does_not_change_what_was_said_before(name, layers):
    panel = weekly_pattern(series=6, steps=140, promotion=True)
    torch.manual_seed(0)
    network = make(name, hidden=8, width=8, layers=layers).build(Inputs.of(panel, HORIZON)).eval()
    patches = Windows(panel, Inputs.of(panel, HORIZON)).gather(np.arange(6), panel.indptr[1:] - 1).patches
    later = patches.clone()
    later[:, -1] += 5
    with torch.no_grad():
        before, after = network.encoder(patches, 4), network.encoder(later, 4)
    assert before.shape == (6, 4, 8)
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3], after[:, 3])


@pytest.mark.parametrize("name", NAMES)
def test_asking_for_fewer_forks_gives_the_last_ones(name):
    panel = weekly_pattern(series=4, steps=140)
    torch.manual_seed(1)
    network = make(name, hidden=8, width=8).build(Inputs.of(panel, HORIZON)).eval()
    patches = Windows(panel, Inputs.of(panel, HORIZON)).gather(np.arange(4), panel.indptr[1:] - 1).patches
    with torch.no_grad():
        torch.testing.assert_close(network.encoder(patches, 5)[:, 3:], network.encoder(patches, 2))


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_learns(name):
    panel = weekly_pattern(series=8, steps=140, promotion=True)
    inputs = Inputs.of(panel, HORIZON)
    torch.manual_seed(0)
    network = make(name, hidden=8, width=8, layers=2).build(inputs)
    windows = Windows(panel, inputs)
    network.loss(windows.gather(np.arange(8), windows.end - 1 - HORIZON, forks=3)).backward()
    silent = [n for n, w in network.named_parameters() if w.grad is None or not w.grad.abs().sum() > 0]
    assert not silent


@pytest.mark.parametrize("name", NAMES)
def test_double_demand_is_forecast_as_double(name):
    panel = weekly_pattern(series=8, steps=140)
    spec = make(name, hidden=8, width=8, train={"steps": 30, "batch": 16})
    with pytest.warns(UserWarning, match=f"'{name}' learned from"):
        fitted = spec.fit(panel, horizon=HORIZON)
    one = fitted.predict(HORIZON).mean.sum()
    two = fitted.update(panel.with_values(panel.values * 2)).predict(HORIZON).mean.sum()
    assert two / one == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("name", NAMES)
def test_too_little_to_learn_from_is_said_and_naive_stands_in(name):
    panel = weekly_pattern(series=3, steps=20)
    with pytest.warns(UserWarning, match=f"'{name}' finds 42 training windows in 3 series, too few"):
        fitted = make(name).fit(panel, horizon=HORIZON)
    np.testing.assert_array_equal(fitted.predict(HORIZON).mean, SeasonalNaive().fit(panel).predict(HORIZON).mean)


@pytest.mark.parametrize("name", NAMES)
def test_options_survive_json_and_nonsense_is_an_error(name):
    spec = make(name, hidden=24, head="negbin", train={"steps": 7})
    assert registry.spec_from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    for fields in ({"hidden": 0}, {"layers": -1}, {"width": 2.5}, {"layers": True}):
        option = next(iter(fields))
        with pytest.raises(ConfigError, match=f"Model '{name}': {option} must be a whole number of at least"):
            make(name, **fields)


def test_listing_networks_does_not_import_torch():
    code = "import sys; from skucast.models import registry; "
    code += "; ".join(f"registry.spec_class({name!r})()" for name in NAMES) + "; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- equations ------------------------------------------------------------------------------------
def recurrent(name):
    """A recurrent encoder, its input to the memory and what the memory shows, ``(B, P, D)`` each."""
    panel = weekly_pattern(series=3, steps=70)
    torch.manual_seed(0)
    inputs = Inputs.of(panel, HORIZON)
    encoder = make(name, hidden=6).build(inputs).encoder.double().eval()
    patches = Windows(panel, inputs).gather(np.arange(3), panel.indptr[1:] - 1).patches.double()
    x = F.silu(encoder.embed(patches))
    with torch.no_grad():
        return encoder.memory, x.detach(), (encoder(patches, patches.shape[1]) - x).detach()


def test_rnn_follows_elman():
    memory, x, shown = recurrent("rnn")
    h = torch.zeros(3, 6, dtype=torch.float64)
    for t in range(x.shape[1]):
        h = torch.tanh(
            x[:, t] @ memory.weight_ih_l0.T + memory.bias_ih_l0 + h @ memory.weight_hh_l0.T + memory.bias_hh_l0
        )
        torch.testing.assert_close(shown[:, t], h.detach())


def test_gru_follows_cho():
    memory, x, shown = recurrent("gru")
    h = torch.zeros(3, 6, dtype=torch.float64)
    for t in range(x.shape[1]):
        r1, z1, n1 = (x[:, t] @ memory.weight_ih_l0.T + memory.bias_ih_l0).chunk(3, dim=-1)
        r2, z2, n2 = (h @ memory.weight_hh_l0.T + memory.bias_hh_l0).chunk(3, dim=-1)
        reset, keep = torch.sigmoid(r1 + r2), torch.sigmoid(z1 + z2)
        h = (1 - keep) * torch.tanh(n1 + reset * n2) + keep * h
        torch.testing.assert_close(shown[:, t], h.detach())


@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_a_block_is_a_dilated_causal_convolution(dilation):
    torch.manual_seed(0)
    block, x = Block(5, dilation, 0.0), torch.randn(2, 11, 5)
    kernel = block.convolve.weight.view(10, 3, 5).transpose(1, 2)  # (2 D, D, taps)
    padded = F.pad(x.transpose(1, 2), (2 * dilation, 0))
    theirs = F.conv1d(padded, kernel, block.convolve.bias, dilation=dilation).transpose(1, 2)
    torch.testing.assert_close(block.convolve(block.taps(x, 11)), theirs)
    torch.testing.assert_close(block.taps(x, 4), block.taps(x, 11)[:, -4:])


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_reach_of_convolutions_doubles_with_every_layer(layers):
    torch.manual_seed(0)
    patches = torch.randn(1, 30, 4, requires_grad=True)
    Convolutional(4, 8, layers, 0.0)(patches, 1).sum().backward()
    felt = patches.grad.abs().sum(dim=-1)[0] > 0
    assert felt.nonzero().min().item() == 30 - (1 + 2 * (2**layers - 1))


def test_there_are_no_more_convolutions_than_the_context_has_room_for():
    panel = weekly_pattern(series=3, steps=182)
    for context, blocks in ((7, 1), (14, 1), (21, 2), (56, 3), (182, 4)):
        assert len(make("cnn").build(Inputs.of(panel, HORIZON, context=context)).encoder.blocks) == blocks


def test_locked_dropout_leaves_out_the_same_units_at_all_steps():
    torch.manual_seed(0)
    drop, x = LockedDropout(0.25), torch.ones(200, 9, 16)
    out = drop(x)
    torch.testing.assert_close(out, out[:, :1].expand_as(out))
    np.testing.assert_allclose(out.unique(), [0, 4 / 3], rtol=1e-6)
    assert (out[:, 0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert drop.eval()(x) is x


def decomposed(values):
    """Demand, whether it was seen, and the trend, ``(S, C)`` each, as the encoder has them at the last step."""
    panel = panel_of(values)
    inputs = Inputs.of(panel, HORIZON)
    encoder = Decomposed(inputs, 4, 0).double()
    windows = Windows(panel, inputs)
    batch = windows.gather(np.arange(len(panel)), windows.end - 1).to(torch.float64)
    demand, seen = encoder.history(batch.patches, 1)
    return demand[:, 0].numpy(), seen[:, 0].numpy(), encoder.smooth(demand, seen)[:, 0].numpy(), batch.scale.numpy()


def test_the_context_is_brought_to_the_scale_of_its_end():
    values = np.random.default_rng(0).poisson(np.linspace(2, 60, 182), (4, 182))
    demand, seen, _, scale = decomposed(values)
    np.testing.assert_allclose(np.sinh(demand) * scale, values, rtol=1e-4, atol=1e-4)
    assert seen.all()


def test_the_trend_is_the_moving_average_of_what_was_seen():
    rng = np.random.default_rng(1)
    values = rng.poisson(5.0, (3, 182)).astype(float)
    values[rng.random(values.shape) < 0.3] = np.nan
    demand, seen, trend, _ = decomposed(values)
    hidden = pd.DataFrame(np.where(seen > 0, demand, np.nan).T)
    theirs = hidden.rolling(7, center=True, min_periods=1).mean().to_numpy().T
    np.testing.assert_allclose(trend, np.nan_to_num(theirs), atol=1e-9)


def test_without_perceptrons_the_maps_of_trend_and_remainder_are_linear():
    panel = weekly_pattern(series=3, steps=182)
    inputs = Inputs.of(panel, HORIZON)
    torch.manual_seed(0)
    encoder = make("mlp", layers=0, hidden=5).build(inputs).encoder.double()
    assert len(encoder.blocks) == 0
    windows = Windows(panel, inputs)
    patches = windows.gather(np.arange(3), windows.end - 1).to(torch.float64).patches
    demand, seen = encoder.history(patches, 1)
    trend = encoder.smooth(demand, seen)
    state = encoder.state(patches[:, -1:, 2 * inputs.patch :])
    by_hand = trend @ encoder.trend.weight.T + (demand - trend) @ encoder.rest.weight.T
    torch.testing.assert_close(encoder(patches, 1), by_hand + encoder.trend.bias + encoder.rest.bias + state)


def test_answers_are_quantiles_in_units_of_the_scale():
    panel = weekly_pattern(series=3, steps=100)
    inputs = Inputs.of(panel, HORIZON)
    network = make("cnn", hidden=8, width=8, head="negbin").build(inputs).eval()
    windows = Windows(panel, inputs)
    batch = windows.gather(np.arange(3), windows.end - 1, forks=2).to(torch.float32)
    with torch.no_grad():
        mean, quantiles = network.describe(batch)
    assert mean.shape == (3, 2, HORIZON)
    assert quantiles.shape == (3, 2, HORIZON, len(LEVELS))
    pieces = quantiles * batch.scale[:, :, None, None]
    torch.testing.assert_close(pieces, pieces.round())
