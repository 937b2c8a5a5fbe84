"""Whole numbers, and the head that suits them."""

import dataclasses

import numpy as np
import pytest

from skucast.evaluate.metrics import measure
from skucast.models.neural import pilot
from skucast.models.neural.lstm import Lstm
from skucast.models.neural.options import TrainOptions
from skucast.models.spec import load_fitted
from skucast.models.whole_demand import slow_counts, snapped, whole

from .neural.panels import panel_of

QUICK = Lstm(hidden=8, width=8, context=28, train=TrainOptions(steps=60, batch=16, learning_rate=1e-2, checks=2))
pytestmark = pytest.mark.filterwarnings("ignore:'lstm' learned from:UserWarning")


def slow(series=20, steps=120, level=0.4, seed=0):
    return panel_of(np.random.default_rng(seed).poisson(level, (series, steps)))


def test_whole_is_said_of_each_series_by_what_is_known_of_it():
    values = np.array([[1.0, 2.0, np.nan], [1.0, 2.5, 3.0], [0.0, 0.0, 1e9], [4.0, 0.5, 2.0]])
    available = np.ones(values.shape, bool)
    available[3, 1] = False
    assert whole(panel_of(values, available=available)).tolist() == [True, False, True, True]


def test_only_quantiles_of_whole_numbers_are_rounded():
    q = np.array([[[0.2, 0.7, 3.4]], [[0.2, 0.7, 3.4]]])
    np.testing.assert_array_equal(snapped(q, np.array([True, False])), [[[0, 1, 3]], [[0.2, 0.7, 3.4]]])


def test_quantiles_of_counts_are_counts_and_cover_days_without_a_sale():
    panel = slow(steps=127)
    history = panel.until(panel.end - 7)
    forecast = QUICK.fit(history, horizon=7).predict(7)
    np.testing.assert_array_equal(forecast.quantiles, np.rint(forecast.quantiles))
    assert measure(panel.dense(steps=7), forecast.mean, forecast.quantiles, forecast.levels)["coverage_80"] > 0.75
    kilos = panel.with_values(panel.values * 1.37)
    said = QUICK.fit(kilos, horizon=7).predict(7).quantiles
    assert (said != np.rint(said)).any()


def test_slow_counts_are_whole_and_few():
    assert slow_counts(slow())
    assert not slow_counts(slow(level=30))
    assert not slow_counts(slow().with_values(slow().values * 0.5))
    assert not slow_counts(panel_of(np.zeros((3, 30))))


def test_auto_is_decided_by_the_panel_and_kept(tmp_path, monkeypatch):
    spec = dataclasses.replace(QUICK, head="auto")
    assert spec.fit(slow(level=30), horizon=7).head == "quantiles"
    asked = []

    class Told:
        def __init__(self, head):
            self.head = head

        def predict(self, horizon, known):
            q = np.zeros((20, horizon, 15)) if self.head == "negbin" else np.full((20, horizon, 15), 50.0)
            return type("Said", (), {"quantiles": q})

    def fit(self, panel, *, horizon, seed):
        asked.append((self.head, self.train.steps, panel.n_steps))
        return Told(self.head)

    with monkeypatch.context() as patch:
        patch.setattr(Lstm, "fit", fit)
        assert pilot.suitable_head(spec, slow(), 7, 0) == "negbin"
    assert asked == [("quantiles", 15, 113), ("negbin", 15, 113)]

    monkeypatch.setattr(pilot, "suitable_head", lambda *_: "negbin")
    fitted = spec.fit(slow(), horizon=7)
    assert fitted.spec.head == "auto"
    assert fitted.head == fitted.about["head"] == "negbin"
    fitted.save(tmp_path)
    loaded = load_fitted(tmp_path)
    assert (loaded.spec, loaded.head) == (fitted.spec, "negbin")
    np.testing.assert_array_equal(loaded.predict(7).quantiles, fitted.predict(7).quantiles)


def test_auto_really_tries_the_heads():
    fitted = dataclasses.replace(QUICK, head="auto").fit(slow(), horizon=7)
    assert fitted.head in pilot._HEADS
    assert np.isfinite(fitted.predict(7).mean).all()
