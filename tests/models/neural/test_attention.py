"""Transformer and variable selection: their equations, and what they say of where they look."""

from __future__ import annotations

import dataclasses
from itertools import chain

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skucast.errors import ConfigError, ModelError
from skucast.models import registry
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.selection import Gated, Selection, past_variables, variables_ahead
from skucast.models.neural.sight import begun, mask, visible
from skucast.models.neural.transformer import Look, rotated
from skucast.models.neural.windows import Windows

from .panels import panel_of, weekly_pattern

HORIZON = 10


def network_of(panel, model="attention", **fields):
    torch.manual_seed(0)
    spec = registry.make({"model": model, "hidden": 16, "width": 16, "head": "quantiles", **fields})
    return spec.build(Inputs.of(panel, HORIZON)).double().eval()


def batch_of(panel, forks=1):
    windows = Windows(panel, Inputs.of(panel, HORIZON))
    return windows.gather(np.arange(len(panel)), windows.end - 1, forks=forks).to(torch.float64)


def ragged():
    """The second series begins ten weeks before the end."""
    values = np.random.default_rng(0).poisson(5.0, (3, 140))
    return panel_of(values, starts=[0, 70, 0], known={"price": np.random.default_rng(1).random((3, 140))})


# ---- attention -----------------------------------------------------------------------------------------
def test_attention_is_that_of_torch_where_nothing_is_turned():
    torch.manual_seed(0)
    look, theirs = Look(8, 8, 2), nn.MultiheadAttention(8, 2, batch_first=True)
    halves = torch.arange(8).view(2, 2, 2).transpose(0, 1).flatten()  # a head has a part of both halves
    with torch.no_grad():
        maps = (look.question, look.key, look.value)
        theirs.in_proj_weight.copy_(torch.cat([m.weight[halves] for m in maps]))
        theirs.in_proj_bias.copy_(torch.cat([m.bias[halves] for m in maps]))
        theirs.out_proj.weight.copy_(look.answer.weight)
        theirs.out_proj.bias.copy_(look.answer.bias)
    x, memory = torch.randn(3, 5, 8), torch.randn(3, 7, 8)
    sight = torch.rand(3, 5, 7) < 0.7
    sight[..., 0] = True
    when, at = torch.zeros(5), torch.zeros(7)
    found = look(x, memory, mask(sight, x), when, at)
    expected, weights = theirs(x, memory, memory, attn_mask=~sight.repeat_interleave(2, dim=0))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(look.weights(x, memory, mask(sight, x), when, at), weights)


def test_turned_questions_and_keys_know_only_how_far_they_are_apart():
    torch.manual_seed(0)
    q, k = torch.randn(2, 1, 1, 8, dtype=torch.float64)
    times = torch.tensor([3.0], dtype=torch.float64)

    def score(when, at):
        return (rotated(q, torch.tensor([when]), 1) * rotated(k, torch.tensor([at]), 1)).sum().item()

    assert score(3.5, 1.0) == pytest.approx(score(22.5, 20.0))
    assert score(3.5, 1.0) != pytest.approx(score(4.5, 1.0), rel=1e-3)
    torch.testing.assert_close(rotated(q, times, 1).norm(), q.norm())
    torch.testing.assert_close(rotated(q, 0 * times, 1), q)


def test_a_fork_sees_itself_and_what_came_before_from_the_first_observation_on():
    patches = batch_of(ragged()).patches
    there = begun(patches, 7)
    assert there.sum(dim=1).tolist() == [20, 10, 20]
    seen = visible(there, 3)
    assert seen.shape == (3, 3, 20)
    assert seen[0].sum(dim=-1).tolist() == [18, 19, 20]
    assert seen[1].sum(dim=-1).tolist() == [8, 9, 10]
    assert not seen[1, :, :10].any()
    assert visible(torch.zeros(1, 4, dtype=torch.bool), 4)[0].equal(torch.eye(4, dtype=torch.bool))


@pytest.mark.parametrize("fields", [
    {}, {"selection": True}, {"model": "seq2seq"}, {"model": "seq2seq", "decoder": "autoregressive", "draws": 8},
])  # fmt: skip
def test_weights_sum_to_one_over_the_patches_that_may_be_seen(fields):
    panel = ragged()
    batch = batch_of(panel, forks=3)
    with torch.no_grad():
        weights = network_of(panel, **fields).attention(batch)
    assert weights.shape == (3, 3, HORIZON, 20)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 3, HORIZON, dtype=torch.float64))
    seen = visible(begun(batch.patches, 7), 3)[:, :, None].expand_as(weights)
    assert (weights[~seen] == 0).all()
    assert (weights[seen] > 0).all()


@pytest.mark.parametrize("selection", [False, True])
def test_what_comes_before_a_series_begins_does_not_matter(selection):
    """Half of the context of the second series is empty: whatever stood there, the answer is the same."""
    panel = ragged()
    network, batch = network_of(panel, selection=selection), batch_of(panel)
    other = batch.patches.clone()
    other[1, :10, :14] = 3.0
    other[1, :10, -1] = 1.0
    with torch.no_grad():
        one, two = network(batch), network(dataclasses.replace(batch, patches=other))
    torch.testing.assert_close(one, two)


# ---- variable selection ----------------------------------------------------------------------------------
def test_every_number_of_the_input_belongs_to_one_variable():
    panel = weekly_pattern(series=3, steps=100, promotion=True)
    inputs = Inputs.of(panel, HORIZON)
    past, ahead = past_variables(inputs), variables_ahead(inputs)
    assert sorted(chain(*past.values())) == list(range(inputs.patch_width))
    assert sorted(chain(*ahead.values())) == list(range(inputs.ahead_width))
    assert set(past) == {"demand", "state", "calendar", "pay days", "promotion"}
    assert set(ahead) == {"calendar", "pay days", "promotion", "past seasons"}


def test_the_numbers_of_a_variable_are_those_that_change_with_it():
    rng = np.random.default_rng(0)
    values, price, stock = rng.poisson(5.0, (2, 140)), rng.random((2, 140)), rng.random((2, 140))
    panel = panel_of(values, known={"price": price}, past={"stock": stock})
    inputs = Inputs.of(panel, HORIZON)
    windows = Windows(panel, inputs)

    def patches(windows):
        return windows.gather(np.arange(2), windows.end - 1).patches

    for name in ("price", "stock"):
        columns = {"known": dict(panel.known), "past": dict(panel.past)}
        side = columns["known" if name == "price" else "past"]
        side[name] = side[name] + 0.5
        changed = patches(Windows(dataclasses.replace(panel, **columns), inputs)) != patches(windows)
        assert changed.any(dim=0).any(dim=0).nonzero()[:, 0].tolist() == past_variables(inputs)[name]


def test_a_gated_residual_network_is_that_of_lim():
    torch.manual_seed(0)
    gated, x = Gated(5, 3).double(), torch.randn(7, 5, dtype=torch.float64)
    eta = F.elu(gated.into(x)) @ gated.out.weight.T + gated.out.bias
    glu = eta[:, :3] * torch.sigmoid(eta[:, 3:])
    both = gated.skip(x) + glu
    norm = (both - both.mean(-1, keepdim=True)) / torch.sqrt(both.var(-1, unbiased=False, keepdim=True) + 1e-5)
    torch.testing.assert_close(gated(x), norm)


def test_selection_is_the_weighted_sum_of_refined_variables():
    torch.manual_seed(0)
    groups = {"a": [0, 3], "b": [1], "c": [2, 4, 5]}
    selection, x = Selection(groups, 4).double(), torch.randn(6, 6, dtype=torch.float64)
    raw = [embed(x[:, places]) for embed, places in zip(selection.embed, groups.values(), strict=True)]
    weights = torch.softmax(selection.weigh(torch.cat(raw, dim=-1)), dim=-1)
    by_hand = sum(weights[:, k, None] * selection.refine[k](raw[k]) for k in range(3))
    torch.testing.assert_close(selection(x), by_hand)
    torch.testing.assert_close(selection.weights(x), weights)


# ---- fitted --------------------------------------------------------------------------------------------------
def trained(panel, **fields):
    train = {"steps": 150, "batch": 24, "learning_rate": 1e-2, "checks": 3}
    spec = registry.make({"model": "attention", "hidden": 16, "width": 16, "layers": 1, "train": train, **fields})
    return spec.fit(panel, horizon=HORIZON)


@pytest.fixture(scope="module")
def chooser():
    """Demand trebles under a promotion; the weather is noise."""
    panel = weekly_pattern(series=30, steps=180, promotion=True, seed=2)
    weather = np.random.default_rng(5).standard_normal(panel.values.size).astype(np.float32)
    return trained(panel.with_known({"weather": weather}), selection=True)


def ahead_of(fitted, steps=HORIZON):
    rng = np.random.default_rng(1)
    shape = (len(fitted.panel), steps)
    return {"promotion": (rng.random(shape) < 0.3).astype(np.float32), "weather": rng.standard_normal(shape)}


def test_selection_tells_what_counts_from_noise(chooser):
    table = chooser.selection(HORIZON, ahead_of(chooser))
    assert table.columns == ["unique_id", "ds", "side", "variable", "weight"]
    sums = table.group_by("unique_id", "ds", "side").agg(pl.col("weight").sum())["weight"]
    np.testing.assert_allclose(sums, 1.0)
    mean = dict(table.filter(side="ahead").group_by("variable").agg(pl.col("weight").mean()).iter_rows())
    assert set(mean) == {"calendar", "pay days", "promotion", "weather", "past seasons"}
    assert mean["promotion"] > 2 * mean["weather"]
    ahead, past = table.filter(side="ahead"), table.filter(side="past")
    assert ahead["ds"].n_unique() == HORIZON
    assert str(ahead["ds"].min()) == "2025-03-31"
    assert str(past["ds"].max()) == "2025-03-30"
    assert past["ds"].n_unique() == 26


def test_attention_is_told_by_series_step_and_patch(chooser):
    table = chooser.attention(5, ahead_of(chooser, 5))
    assert table.columns == ["unique_id", "ds", "patch", "weight"]
    assert len(table) == 30 * 5 * 26
    sums = table.group_by("unique_id", "ds").agg(pl.col("weight").sum())["weight"]
    np.testing.assert_allclose(sums, 1.0)
    assert str(table["patch"].max()) == "2025-03-30"
    part = chooser.update(chooser.panel.take([7])).attention(5, {n: c[[7]] for n, c in ahead_of(chooser, 5).items()})
    np.testing.assert_allclose(part["weight"], table.filter(unique_id="s007")["weight"])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_patches_before_a_series_began_are_not_listed():
    values = np.random.default_rng(0).poisson(5.0, (20, 140))
    fitted = trained(panel_of(values, starts=[0] * 19 + [70]), train={"steps": 5})
    count = dict(fitted.attention(1).group_by("unique_id").len().iter_rows())
    assert count["s000"] == 20
    assert count["s019"] == 10


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_networks_that_cannot_be_asked_say_so(chooser):
    panel = weekly_pattern(series=20, steps=100)
    plain = trained(panel, train={"steps": 5})
    with pytest.raises(ModelError, match="does not weigh variables: fit an 'attention' with selection=True"):
        plain.selection(HORIZON)
    with pytest.raises(ConfigError, match="trained for 10 steps ahead and cannot be asked about 11"):
        plain.attention(11)
    with pytest.raises(ModelError, match="too little to learn from: there is no network to ask"):
        trained(weekly_pattern(series=2, steps=20)).attention(1)
    reader = registry.make({"model": "seq2seq", "hidden": 8, "train": {"steps": 5}}).fit(panel, horizon=HORIZON)
    assert reader.attention(3)["weight"].is_between(0, 1).all()
    with pytest.raises(ModelError, match="does not weigh variables"):
        reader.selection(3)


@pytest.mark.parametrize("fields", [{"heads": 0}, {"hidden": 20}, {"width": 12}, {"heads": True}])
def test_heads_must_divide_the_units(fields):
    with pytest.raises(ConfigError, match=r"heads must be a whole number|must be a multiple of twice its heads"):
        registry.make({"model": "attention", **fields})
