"""What static columns tell a network, and items that nothing else is known of."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.linear_model import Ridge

from skucast.models.neural.lstm import Lstm
from skucast.models.neural.network import Still
from skucast.models.neural.options import TrainOptions
from skucast.models.neural.statics import Statics

from .panels import WEEK, panel_of

HORIZON = 7
LEVEL = {"books": 2.0, "bread": 20.0, "milk": 60.0}


def shop(series=36, steps=126, cold=(), seed=0, **more):
    """Groups of items of different size; of cold ones nothing was seen yet."""
    rng = np.random.default_rng(seed)
    group = [list(LEVEL)[i % 3] for i in range(series)]
    level = np.array([LEVEL[g] for g in group])[:, None]
    values = rng.poisson(level * WEEK[np.arange(steps) % 7] / WEEK.mean()).astype(float)
    values[list(cold)] = np.nan
    panel = panel_of(values)
    weight = pl.Series("weight", np.log(level[:, 0]) + rng.normal(0, 0.1, series))
    return dataclasses.replace(panel, static=panel.static.with_columns(pl.Series("group", group), weight, **more))


def test_groups_and_numbers_are_told_from_names():
    panel = shop(series=120, name=pl.format("item {}", pl.int_range(120)), flat=pl.lit("x"))
    groups = Statics.of(panel, "static")
    assert [g.name for g in groups.groups] == ["group"]
    assert [n.name for n in groups.numbers] == ["weight"]
    every = Statics.of(panel, "series")
    assert [g.name for g in every.groups] == ["group", "unique_id", "name"]
    assert not Statics.of(panel, "none")


def test_unknown_and_missing_texts_have_the_code_zero():
    statics = Statics.of(shop(), "static")
    other = shop(4)
    columns = pl.Series("group", ["bread", "cheese", None, "milk"])
    other = dataclasses.replace(
        other, static=other.static.with_columns(columns, weight=pl.Series([None, 1.0, 2.0, 3.0]))
    )
    assert statics.codes(other)[:, 0].tolist() == [2, 0, 0, 3]
    assert statics.values(other)[0, 0] == 0
    bare = dataclasses.replace(other, static=other.static.select("unique_id"))
    assert not statics.codes(bare).any()
    assert (statics.sizes(bare) == 0).all()


def test_sizes_are_those_of_ridge_regression():
    panel = shop()
    statics = Statics.of(panel, "static")
    x = np.concatenate([np.eye(3)[statics.codes(panel)[:, 0] - 1], statics.values(panel)], axis=1)
    y = np.log(np.nanmean(panel.dense(), axis=1))
    theirs = Ridge(alpha=3.0, fit_intercept=False).fit(x, y - y.mean()).predict(x) + y.mean()
    np.testing.assert_allclose(statics.sizes(panel), np.exp(theirs), rtol=1e-4)


def test_json_both_ways():
    for embed in ("none", "static", "series"):
        statics = Statics.of(shop(), embed)
        fields = json.loads(json.dumps(dataclasses.asdict(statics)))
        assert Statics.from_dict(fields) == statics


def test_unknown_texts_add_nothing_and_known_ones_their_vectors():
    statics = Statics.of(shop(), "static")
    still = Still(statics, 5).eval()
    nothing = still(torch.zeros(2, 1, dtype=torch.int64), torch.zeros(2, 1))
    assert (nothing == 0).all()
    known = still(torch.tensor([[2]]), torch.tensor([[0.5]]))
    torch.testing.assert_close(known[0], still.texts[0].weight[2] + 0.5 * still.numbers.weight[:, 0])


def test_training_leaves_out_texts_now_and_then():
    torch.manual_seed(0)
    still = Still(Statics.of(shop(), "static"), 4)
    with torch.no_grad():
        said = still(torch.full((4000, 1), 2), torch.zeros(4000, 1))
    assert (said == 0).all(dim=1).float().mean().item() == pytest.approx(0.1, abs=0.02)


@pytest.fixture(scope="module")
def fitted():
    cold = (33, 34, 35)
    train = TrainOptions(steps=250, batch=32, learning_rate=1e-2, checks=4)
    return Lstm(hidden=16, width=16, context=28, embed="static", train=train).fit(shop(cold=cold), horizon=HORIZON)


def test_a_cold_item_is_forecast_from_its_static_columns(fitted):
    forecast = fitted.predict(HORIZON)
    assert not forecast.fallback
    level = forecast.mean.mean(axis=1)
    for row, group in zip((33, 34, 35), LEVEL, strict=True):
        assert 0.5 < level[row] / LEVEL[group] < 1.6, group
    assert (
        forecast.quantiles[33:] != np.rint(forecast.quantiles[33:])
    ).any()  # nobody knows yet that it sells in pieces
    shape = forecast.mean[35] / forecast.mean[35].mean()
    day = (126 + np.arange(HORIZON)) % 7
    assert np.corrcoef(shape, WEEK[day])[0, 1] > 0.8


def test_a_cold_item_of_which_nothing_is_known_is_zero_and_said(fitted):
    panel = fitted.panel
    static = panel.static.with_columns(
        group=pl.when(pl.col("unique_id") == "s035").then(pl.lit("cheese")).otherwise("group"),
        weight=pl.when(pl.col("unique_id") == "s035").then(None).otherwise("weight"),
    )
    forecast = fitted.update(dataclasses.replace(panel, static=static)).predict(HORIZON)
    assert forecast.fallback == {"s035": "zero (no observations)"}
    assert not forecast.mean[35].any()


def test_an_item_with_history_hardly_needs_its_text(fitted):
    panel = fitted.panel.take(np.arange(33))
    other = dataclasses.replace(panel, static=panel.static.with_columns(group=pl.lit("cheese")))
    ratio = fitted.update(other).predict(HORIZON).mean.sum() / fitted.update(panel).predict(HORIZON).mean.sum()
    assert 0.8 < ratio < 1.25


def test_a_forecast_does_not_depend_on_which_other_items_are_there(fitted):
    whole, rows = fitted.predict(HORIZON), np.array([35, 2])
    part = fitted.update(fitted.panel.take(rows)).predict(HORIZON)
    np.testing.assert_array_equal(part.quantiles, whole.quantiles[rows])


@pytest.mark.filterwarnings("ignore:'lstm' learned from:UserWarning")
def test_vectors_of_names_are_learned():
    """Two kinds of items that only their names tell apart: one doubles on the last day of the horizon."""
    rng = np.random.default_rng(0)
    values = rng.poisson(20.0, (20, 98)).astype(float)
    values[:10, 6::7] *= 3
    spec = Lstm(
        hidden=8, width=8, context=7, embed="series", train=TrainOptions(steps=30, batch=16, finish=0.0, patience=9)
    )
    network = spec.fit(panel_of(values), horizon=HORIZON).network
    table = network.still.texts[0].weight
    assert table.shape == (21, 8)
    assert (table[0] == 0).all()
    assert (table[1:].norm(dim=1) > 0).all()
