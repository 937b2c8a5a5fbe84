"""Several memories on top of each other, both ways of reading, and dropout that respects time."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skucast.models import registry
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.network import SingleNetwork
from skucast.models.neural.recurrent import Recurrent, Stacked
from skucast.models.neural.windows import Windows

from .panels import weekly_pattern

CELLS = ("lstm", "gru", "elman")
KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "elman": nn.RNN}


@pytest.mark.parametrize("cell", CELLS)
def test_without_options_it_is_the_plain_encoder(cell):
    torch.manual_seed(0)
    plain = Recurrent(cell, 5, 6, 2, 0.0).eval()
    stacked = Stacked(cell, 5, 6, 2, 0.0).eval()
    stacked.embed.load_state_dict(plain.embed.state_dict())
    for k, memory in enumerate(stacked.memory):
        weights = {n.replace("l0", f"l{k}"): n for n, _ in memory.named_parameters()}
        memory.load_state_dict({ours: plain.memory.state_dict()[theirs] for theirs, ours in weights.items()})
    x = torch.randn(3, 9, 5)
    torch.testing.assert_close(stacked(x, 4), plain(x, 4))


def test_residual_layers_add_what_they_take_in_and_norm_it_before():
    torch.manual_seed(0)
    encoder = Stacked("gru", 5, 6, 3, 0.0, residual=True, norm=True).eval()
    x = torch.randn(2, 7, 5)
    h = F.silu(encoder.embed(x))
    for memory in encoder.memory:
        h = h + memory(F.layer_norm(h, (6,)))[0]
    torch.testing.assert_close(encoder(x, 7), h)


@pytest.mark.parametrize("cell", CELLS)
def test_both_ways_reads_like_torch(cell):
    torch.manual_seed(0)
    encoder = Stacked(cell, 5, 6, 1, 0.0, both_ways=True).eval()
    x = torch.randn(3, 9, 5)
    first = F.silu(encoder.embed(x))
    torch.manual_seed(1)
    theirs = KINDS[cell](6, 6, batch_first=True, bidirectional=True)
    theirs.load_state_dict(encoder.memory[0].state_dict())
    h = first + encoder.join[0](theirs(first)[0])
    torch.testing.assert_close(encoder(x, 1)[:, 0], h[:, 0] + h[:, -1])


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(
    "options", [{"both_ways": True}, {"both_ways": True, "residual": True, "norm": True}, {"norm": True}]
)
def test_no_fork_sees_what_comes_after_it(layers, options):
    torch.manual_seed(0)
    encoder = Stacked("lstm", 5, 6, layers, 0.0, **options).eval()
    x = torch.randn(3, 9, 5)
    for fork in range(4):
        later = x.clone()
        later[:, 9 - 3 + fork :] += 10
        before, after = encoder(x, 4), encoder(later, 4)
        torch.testing.assert_close(before[:, : fork + 1], after[:, : fork + 1])
        if fork < 3:
            assert not torch.allclose(before[:, fork + 1], after[:, fork + 1])


def test_both_ways_sees_the_whole_context_of_each_fork():
    torch.manual_seed(0)
    encoder = Stacked("gru", 5, 6, 1, 0.0, both_ways=True).eval()
    x = torch.randn(1, 9, 5, requires_grad=True)
    encoder(x, 3)[:, 0].sum().backward()
    felt = x.grad.abs().sum(dim=-1)[0] > 0
    assert felt.tolist() == [True] * 7 + [False] * 2


def test_a_network_that_reads_both_ways_trains_on_one_origin_a_window():
    panel = weekly_pattern(series=4, steps=140)
    inputs = Inputs.of(panel, 7)
    for name in ("lstm", "gru", "rnn", "stl-lstm"):
        network = registry.make({"model": name, "bidirectional": True, "hidden": 8}).build(inputs)
        assert isinstance(network, SingleNetwork)
        assert network.single
    assert not registry.make("lstm").build(inputs).single


def test_dropped_recurrent_weights_are_the_same_at_all_patches():
    """Training with dropped weights is running a memory whose weights are some zero, the others larger."""
    torch.manual_seed(0)
    encoder = Stacked("lstm", 5, 16, 1, 0.0, weight_drop=0.5).train()
    x = torch.randn(2, 8, 16)
    torch.manual_seed(3)
    ours = encoder.run(encoder.memory[0], x)
    torch.manual_seed(3)
    kept = F.dropout(encoder.memory[0].weight_hh_l0, 0.5)
    assert 0.4 < (kept == 0).float().mean() < 0.6
    theirs = nn.LSTM(16, 16, batch_first=True)
    theirs.load_state_dict({**encoder.memory[0].state_dict(), "weight_hh_l0": kept.detach()})
    torch.testing.assert_close(ours, theirs(x)[0])
    ours.sum().backward()
    gradient = encoder.memory[0].weight_hh_l0.grad
    assert ((gradient == 0) == (kept == 0)).float().mean() > 0.99
    encoder.eval()
    torch.testing.assert_close(encoder.run(encoder.memory[0], x), encoder.memory[0](x)[0])


def test_locked_units_are_left_out_at_all_patches():
    torch.manual_seed(0)
    encoder = Stacked("gru", 5, 8, 1, 0.5, locked=True).train()
    taken = []
    encoder.memory[0].register_forward_pre_hook(lambda _, args: taken.append(args[0]))
    encoder(torch.randn(4, 9, 5), 1)
    silent = taken[0] == 0  # (B, P, D)
    assert (silent == silent[:, :1]).all()
    assert 0.2 < silent.float().mean() < 0.8


@pytest.mark.parametrize("fields", [
    {"layers": 5, "residual": True, "norm": True},
    {"layers": 2, "locked": True, "weight_drop": 0.2, "dropout": 0.1},
    {"bidirectional": True},
])  # fmt: skip
def test_deep_dropped_and_bidirectional_networks_learn(fields):
    panel = weekly_pattern(series=24, steps=160, promotion=True, seed=2)
    train = {"steps": 150, "batch": 24, "learning_rate": 1e-2, "checks": 2}
    spec = registry.make({"model": "gru", "hidden": 16, "width": 16, "context": 42, "train": train, **fields})
    fitted = spec.fit(panel.until(panel.end - 7), horizon=7)
    assert fitted.about["loss"] < 0.5 * fitted.about["naive_loss"]
    alone = fitted.update(fitted.panel.take([3])).predict(7, {"promotion": np.ones((1, 7))})
    every = fitted.predict(7, {"promotion": np.ones((24, 7))})
    np.testing.assert_array_equal(alone.quantiles[0], every.quantiles[3])


def test_every_weight_learns():
    panel = weekly_pattern(series=8, steps=140)
    for fields in ({"residual": True, "norm": True, "layers": 2}, {"bidirectional": True, "layers": 2}):
        spec = registry.make({"model": "lstm", "hidden": 8, "width": 8, **fields})
        inputs = spec._inputs(panel, 7)
        network, windows = spec.build(inputs), Windows(panel, inputs)
        network.loss(windows.gather(np.arange(8), windows.end - 8)).backward()
        silent = [n for n, w in network.named_parameters() if w.grad is None or not w.grad.abs().sum() > 0]
        assert not silent
