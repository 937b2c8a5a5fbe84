"""What a network makes of the past, as columns for other models."""

import dataclasses

import numpy as np
import polars as pl
import pytest
import torch

from skucast.errors import ConfigError, ModelError
from skucast.models import registry
from skucast.models.neural.windows import Windows
from skucast.panel import Panel

from .panels import panel_of, weekly_pattern

pytestmark = pytest.mark.filterwarnings("ignore:'.*' learned from:UserWarning")
HORIZON = 7
NETWORKS = [n for n in registry.names() if registry.spec_class(n).capabilities.extra == "neural"]


def fitted(name="lstm", panel=None, steps=5):
    spec = registry.make({"model": name, "hidden": 8, "width": 8, "context": 28, "train": {"steps": steps, "batch": 8}})
    return spec.fit(weekly_pattern(series=10, steps=100, promotion=True) if panel is None else panel, horizon=HORIZON)


@pytest.fixture(scope="module")
def lstm():
    return fitted()


def columns(frame):
    return frame.select(pl.selectors.starts_with("h_")).to_numpy()


@pytest.mark.parametrize("name", NETWORKS)
def test_there_is_a_row_of_numbers_for_every_series_and_date(name):
    model = fitted(name)
    frame = model.encode()
    assert frame.columns == ["unique_id", "ds", *(f"h_{k}" for k in range(8))]
    assert frame.height == model.panel.values.size
    asked = model.panel.to_frame()
    assert frame["unique_id"].to_list() == asked["unique_id"].to_list()
    assert frame["ds"].to_list() == asked["ds"].to_list()
    assert np.isfinite(columns(frame)).all()
    assert columns(frame).std(axis=0).min() > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_a_date_knows_nothing_of_what_comes_after_it(name):
    model = fitted(name)
    panel = model.panel
    changed = panel.with_values(np.where(panel.ordinals > panel.end - 10, panel.values * 9 + 50, panel.values))
    before, after = columns(model.encode()), columns(model.encode(changed))
    late = panel.ordinals > panel.end - 10
    np.testing.assert_array_equal(before[~late], after[~late])
    assert (before[late] != after[late]).any(axis=1).all()


def test_a_date_is_described_alike_whatever_history_follows(lstm):
    """With more dates, and for each series by itself."""
    panel = lstm.panel
    whole = lstm.encode().with_columns(pl.col("ds").cast(pl.Datetime("us")))
    part = lstm.encode(panel.until(panel.end - 13).take([4, 2])).with_columns(pl.col("ds").cast(pl.Datetime("us")))
    both = part.join(whole, on=["unique_id", "ds"], how="left", suffix="_whole")
    assert both.null_count().to_numpy().sum() == 0
    for k in range(8):
        np.testing.assert_allclose(both[f"h_{k}"], both[f"h_{k}_whole"], atol=1e-5)


def test_it_is_the_state_that_the_forecast_is_made_from(lstm):
    windows = Windows(lstm.panel, lstm.inputs)
    batch = windows.gather(np.arange(10), windows.end - 1)
    with torch.no_grad():
        state = lstm.network.encoder(batch.patches, 1)[:, 0].numpy()
    last = columns(lstm.encode())[lstm.panel.indptr[1:] - 1]
    np.testing.assert_allclose(last, state, atol=1e-6)


def test_fewer_dates_are_counted_back_from_the_end(lstm):
    every = lstm.encode(every=7)
    daily = lstm.encode()
    kept = np.concatenate([np.arange(p - 1, q - 1, -7)[::-1] for p, q in zip(lstm.panel.indptr[1:], lstm.panel.indptr[:-1], strict=True)])  # fmt: skip
    assert every.equals(daily[kept])


def test_series_of_different_length_and_names_keep_their_own():
    panel = weekly_pattern(series=10, steps=100)
    frame = panel.to_frame().rename({"unique_id": "sku", "ds": "day", "y": "sold"}).filter(
        ~((pl.col("sku") == "s001") & (pl.col("day") < pl.lit("2025-02-01").str.to_date()))
    )  # fmt: skip
    other = Panel.from_frame(frame, freq="D", id="sku", time="day", target="sold")
    said = fitted(panel=other).encode()
    assert said.columns[:2] == ["sku", "day"]
    assert said.filter(pl.col("sku") == "s001").height == 58
    assert said.height == 9 * 100 + 58


def test_lightgbm_learns_from_it_as_past_covariates():
    """What decides tomorrow is in the past as the network sees it, and the tree is told."""
    panel = weekly_pattern(series=12, steps=120)
    network = fitted(panel=panel, steps=40)
    hidden = columns(network.encode()).T
    past = {f"h_{k}": column.astype(np.float32) for k, column in enumerate(hidden)}
    richer = dataclasses.replace(panel, past=past)
    spec = registry.make({"model": "lightgbm", "trees": 12, "rows": 4000})
    plain, told = (spec.fit(p, horizon=HORIZON).predict(HORIZON) for p in (panel, richer))
    assert np.isfinite(told.quantiles).all()
    assert not np.array_equal(told.quantiles, plain.quantiles)
    shuffled = {name: np.random.default_rng(0).permutation(column) for name, column in past.items()}
    other = spec.fit(dataclasses.replace(panel, past=shuffled), horizon=HORIZON).predict(HORIZON)
    assert not np.array_equal(told.quantiles, other.quantiles)


def test_without_a_network_there_is_nothing_to_show():
    with pytest.warns(UserWarning, match="too few"):
        model = registry.make("lstm").fit(panel_of(np.ones((2, 20))), horizon=HORIZON)
    with pytest.raises(ModelError, match="'lstm' had too little to learn from: it has no representation to show"):
        model.encode()


def test_what_makes_no_sense_is_an_error(lstm):
    for every in (0, -7, True):
        with pytest.raises(ConfigError, match="not every"):
            lstm.encode(every=every)
    with pytest.raises(ModelError, match="cannot go on with 'W-SUN'"):
        lstm.encode(panel_of(np.ones((2, 60)), "W-SUN"))
