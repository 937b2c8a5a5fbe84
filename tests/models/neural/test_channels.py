"""Other columns that are forecast beside demand."""

import dataclasses

import numpy as np
import pytest

from skucast.errors import ConfigError
from skucast.evaluate.metrics import measure
from skucast.models import registry
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.lstm import Lstm
from skucast.models.neural.options import TrainOptions
from skucast.models.neural.windows import Windows
from skucast.models.spec import load_fitted

from .panels import weekly_pattern

HORIZON = 7


def visited(series=24, steps=160, unseen=()):
    """Demand and the views that go with it; a view costs nothing, so there are ten times as many."""
    panel = weekly_pattern(series=series, steps=steps, promotion=True, seed=3)
    views = np.random.default_rng(0).poisson(10 * panel.values + 2).astype(np.float32)
    views[np.isin(panel.row_of, unseen)] = np.nan
    return dataclasses.replace(panel, past={"views": views})


@pytest.fixture(scope="module")
def fitted():
    panel = visited()
    train = TrainOptions(steps=250, batch=24, learning_rate=1e-2, checks=4)
    spec = Lstm(hidden=16, width=16, context=42, targets=("views",), train=train)
    return spec.fit(panel.until(panel.end - HORIZON), horizon=HORIZON)


def plan(panel):
    return {"promotion": panel.dense(panel.known["promotion"], HORIZON)}


def test_every_channel_is_forecast_well(fitted):
    panel = visited()
    said = fitted.channels(HORIZON, plan(panel))
    assert list(said) == ["demand", "views"]
    for name, column in (("demand", panel.values), ("views", panel.past["views"])):
        scores = measure(panel.dense(column, HORIZON), said[name].mean, said[name].quantiles, said[name].levels)
        assert scores["wql"] < 0.3, name
        assert 0.65 < scores["coverage_80"] < 0.97, name
        assert abs(scores["relative_bias"]) < 0.15, name


def test_demand_is_what_predict_says(fitted):
    future = plan(visited())
    np.testing.assert_array_equal(
        fitted.channels(HORIZON, future)["demand"].quantiles, fitted.predict(HORIZON, future).quantiles
    )


def test_channels_hold_for_shorter_horizons_other_levels_and_after_loading(fitted, tmp_path):
    future = plan(visited())
    whole = fitted.channels(HORIZON, future)["views"]
    other = fitted.channels(HORIZON, future, levels=(0.1, 0.5))["views"]
    np.testing.assert_allclose(other.quantiles, whole.quantiles[..., [3, 7]], rtol=1e-5)
    short = fitted.channels(3, {"promotion": future["promotion"][:, :3]})["views"]
    np.testing.assert_allclose(short.mean, whole.mean[:, :3], rtol=0.2)  # it knows less of the week
    fitted.save(tmp_path)
    loaded = load_fitted(tmp_path)
    assert loaded.spec.targets == ("views",)
    np.testing.assert_array_equal(loaded.channels(HORIZON, future)["views"].mean, whole.mean)


def test_a_channel_that_was_never_seen_is_zero_and_said(fitted):
    panel = visited(unseen=(4,)).until(visited().end - HORIZON)
    views = fitted.update(panel).channels(HORIZON, plan(visited()))["views"]
    assert views.fallback == {"s004": "zero (no observations)"}
    assert not views.mean[4].any()
    assert views.mean[5].all()


def test_further_than_trained_is_an_error(fitted):
    with pytest.raises(ConfigError, match="'lstm' forecasts views up to 7 steps ahead, not 8"):
        fitted.channels(8, {"promotion": np.zeros((24, 8))})


@pytest.mark.filterwarnings("ignore:'lstm' learned from:UserWarning")
def test_without_other_targets_there_is_only_demand():
    panel = weekly_pattern(series=8, steps=80)
    fitted = Lstm(hidden=4, width=4, train=TrainOptions(steps=5, batch=8)).fit(panel, horizon=HORIZON)
    assert list(fitted.channels(3)) == ["demand"]


def test_a_target_that_is_no_past_covariate_is_an_error():
    spec = registry.make({"model": "gru", "targets": ["carts"]})
    with pytest.raises(ConfigError, match=r"'carts' cannot be forecast beside demand: .* there are: views"):
        spec.fit(visited(), horizon=HORIZON)


def test_targets_are_in_units_of_their_own_scale_and_masked_where_missing():
    panel = visited(series=4, steps=80)
    views = panel.past["views"].copy()
    views[70] = np.nan
    panel = dataclasses.replace(panel, past={"views": views})
    windows = Windows(panel, Inputs.of(panel, HORIZON, targets=("views",)))
    batch = windows.gather(np.arange(4), windows.start + 65)
    np.testing.assert_allclose(
        (batch.others[0, 0, :, 0] * batch.others_scale[0, 0, 0])[[0, 1, 2]], views[66:69], rtol=1e-4
    )
    assert batch.others_weight[0, 0, :, 0].tolist() == [1, 1, 1, 1, 0, 1, 1]
    assert (windows.gather(np.arange(4), windows.start + 65, hidden=10).others_weight[..., 4:, :] == 0).all()


def test_the_share_of_other_targets_weighs_their_cost():
    panel = visited(series=6, steps=120)
    spec = Lstm(hidden=8, width=8, targets=("views",), beside=0.0)
    inputs = spec._inputs(panel, HORIZON)
    network = spec.build(inputs).eval()
    windows = Windows(panel, inputs)
    batch = windows.gather(np.arange(6), windows.end - 8)
    losses = []
    for share in (0.0, 1.0, 2.0):
        network.beside = share
        losses.append(network.loss(batch).item())
    assert losses[1] > losses[0]
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-4)
