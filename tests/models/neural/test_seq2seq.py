"""Encoder and decoder: attention between them, and blocks that are told of the one before."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch.nn import functional as F

from skucast.evaluate.metrics import measure
from skucast.models import registry
from skucast.models.naive import SeasonalNaive
from skucast.models.neural.blocks import fold, unfold
from skucast.models.neural.decoder import Attention, Past
from skucast.models.neural.generative import uniforms
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.windows import Windows

from .panels import weekly_pattern

HORIZON = 21


def network_of(panel, **fields):
    torch.manual_seed(0)
    spec = registry.make({"model": "seq2seq", "hidden": 8, "width": 8, "head": "quantiles", **fields})
    return spec.build(Inputs.of(panel, HORIZON)).double().eval()


def batch_of(panel, forks=1, back=0):
    windows = Windows(panel, Inputs.of(panel, HORIZON))
    return windows.gather(np.arange(len(panel)), windows.end - 1 - back, forks=forks).to(torch.float64)


def test_attention_is_luongs():
    torch.manual_seed(0)
    attention = Attention(4).double()
    state, memory = torch.randn(2, 1, 3, 4).double(), torch.randn(2, 5, 4).double()
    sight = torch.zeros(2, 1, 5).double()
    sight[1, 0, :2] = -torch.inf
    joined, weights = attention(state, Past(state[:, :, 0], memory, attention.score(memory), sight))
    for b in range(2):
        for t in range(3):
            scores = [state[b, 0, t] @ attention.score.weight @ memory[b, p] / 2 for p in range(5)]
            expected = torch.softmax(torch.stack(scores) + sight[b, 0], dim=0)
            torch.testing.assert_close(weights[b, 0, t], expected)
            context = (expected[:, None] * memory[b]).sum(dim=0)
            by_hand = torch.tanh(attention.join(torch.cat([context, state[b, 0, t]])))
            torch.testing.assert_close(joined[b, 0, t], by_hand)


def test_the_decoder_is_a_gru_that_starts_from_the_encoders_state():
    panel = weekly_pattern(series=3, steps=140)
    network, batch = network_of(panel), batch_of(panel, forks=2)
    with torch.no_grad():
        past, _, plan = network.read(batch)
        written = network.write(past, plan)
        cell = torch.nn.GRUCell(8, 8).double()
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(cell, name).copy_(getattr(network.memory, f"{name}_l0"))
        state = network.encoder(batch.patches, 2).flatten(0, 1)
        for t in range(3):
            state = cell(F.silu(plan[:, :, t]).flatten(0, 1), state)
            torch.testing.assert_close(written[:, :, t].flatten(0, 1), state)


def told(network, batch):
    """What an autoregressive network answers with the truth: of one block after the other."""
    network.truth = 1.0
    with torch.no_grad():
        return network.decoded(batch)


def test_a_block_is_told_of_those_before_it_only():
    panel = weekly_pattern(series=3, steps=160)
    network, batch = network_of(panel, decoder="autoregressive"), batch_of(panel, back=HORIZON)
    target = batch.target.clone()
    target[:, :, 7:14] += 3
    before, after = told(network, batch), told(network, dataclasses.replace(batch, target=target))
    torch.testing.assert_close(before[:, :, :14], after[:, :, :14])
    assert not torch.allclose(before[:, :, 14:], after[:, :, 14:])


def test_what_was_not_seen_is_not_told():
    panel = weekly_pattern(series=3, steps=160)
    network, batch = network_of(panel, decoder="autoregressive"), batch_of(panel, back=HORIZON)
    weight = batch.weight.clone()
    weight[:, :, 3] = 0
    target = batch.target.clone()
    target[:, :, 3] = 99
    hidden = dataclasses.replace(batch, weight=weight)
    torch.testing.assert_close(told(network, hidden), told(network, dataclasses.replace(hidden, target=target)))


def test_following_a_future_is_being_told_its_draws():
    """Block by block through the samples, or all blocks at once with these samples as the truth: the same."""
    panel = weekly_pattern(series=4, steps=140)
    network, batch = network_of(panel, decoder="autoregressive"), batch_of(panel)
    with torch.no_grad():
        followed = network.imagine(batch, 6)  # (K, B, F, H, W)
        drawn = network.drawn(network.head(followed), uniforms(6, HORIZON)[:, None, None], batch)
        torch.testing.assert_close(drawn, network.paths(batch, 6))
        for k in range(6):
            truth = dataclasses.replace(batch, target=drawn[k], weight=torch.ones_like(batch.weight))
            torch.testing.assert_close(told(network, truth), followed[k])


def test_the_share_of_truth_falls_and_stays_down():
    network = network_of(weekly_pattern(series=2, steps=80), decoder="autoregressive", truth=0.2)
    shares = []
    for done in (0.0, 0.5, 1.0, 0.0):
        network.at(done)
        shares.append(network.truth)
    np.testing.assert_allclose(shares, [1.0, 0.6, 0.2, 0.2])


def test_without_truth_what_was_sold_is_not_told():
    panel = weekly_pattern(series=3, steps=160)
    network, batch = network_of(panel, decoder="autoregressive", truth=0.0), batch_of(panel, back=HORIZON)
    other = dataclasses.replace(batch, target=batch.target + 5)
    network.at(1.0)
    answers = []
    for given in (batch, other):
        torch.manual_seed(0)
        with torch.no_grad():
            answers.append(network.decoded(given)[:, :, :14])
    torch.testing.assert_close(*answers)  # the third block's sample follows from what the second was told


def test_blocks_fold_over_an_odd_horizon():
    x = torch.arange(10.0)[:, None]
    torch.testing.assert_close(unfold(fold(x, 7), 7, 10), x)


def test_the_autoregressive_decoder_learns_the_week():
    panel = weekly_pattern(series=30, steps=180, promotion=True, seed=2)
    history = panel.until(panel.end - 14)
    train = {"steps": 200, "batch": 24, "learning_rate": 1e-2, "checks": 4}
    spec = registry.make({
        "model": "seq2seq", "decoder": "autoregressive", "hidden": 16, "width": 16, "context": 42, "head": "negbin",
        "train": train,
    })  # fmt: skip
    forecast = spec.fit(history, horizon=14).predict(14, {"promotion": panel.dense(panel.known["promotion"], 14)})
    naive = SeasonalNaive().fit(history).predict(14)
    ours, theirs = (measure(panel.dense(steps=14), f.mean, f.quantiles, f.levels) for f in (forecast, naive))
    assert ours["wql"] < 0.75 * theirs["wql"]
    assert 0.65 < ours["coverage_80"] < 0.95
    assert abs(ours["relative_bias"]) < 0.15
