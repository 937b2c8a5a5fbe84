"""What the pretrained model says of a window: networks start from it and learn the difference."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.errors import ConfigError
from skucast.evaluate.metrics import measure
from skucast.forecast import LEVELS
from skucast.models import registry
from skucast.models.naive import SeasonalNaive
from skucast.models.neural import told as module
from skucast.models.neural.heads import QuantileHead
from skucast.models.neural.inputs import Inputs
from skucast.models.neural.told import Base, Told
from skucast.models.neural.windows import Windows
from skucast.models.spec import load_fitted

from .panels import panel_of, weekly_pattern, yearly

pytestmark = pytest.mark.filterwarnings("ignore:'.*' learned from:UserWarning")
UNTRAINED = {"steps": 1, "batch": 4, "learning_rate": 1e-12, "finish": 0.0}
HORIZON = 6
LIKELIHOODS = ("negbin", "zero-inflated", "poisson", "tweedie", "student-t", "gaussian")


def shop(series=7, steps=90):
    """Weeks of items that differ in age, price and stock, in amounts (which are not rounded)."""
    rng = np.random.default_rng(2)
    values = rng.gamma(4, np.exp(rng.normal(2, 1, (series, 1))), (series, steps)) + 0.123
    price = rng.choice([1.0, 0.8], (series, steps))
    values[3, 40:50] = np.nan
    return panel_of(
        values, "W-SUN", known={"price": price}, past={"visits": rng.poisson(9, (series, steps))},
        available=rng.random((series, steps)) > 0.1, starts=[0, 0, 30, 0, 75, 0, 88],
    )  # fmt: skip


def quick(name="gru", **fields):
    sizes = {"hidden": 8, "width": 8, "train": {"steps": 60, "batch": 16, "learning_rate": 1e-2, "checks": 3}}
    return registry.make({"model": name, **sizes, **fields})


def pretrained(panel, horizon, ahead=None):
    return registry.make("pretrained").fit(panel, horizon=horizon).predict(horizon, ahead)


def said_by(panel, rows, back, horizon=HORIZON):
    """Quantiles ``(B, H, Q)`` at steps before the panel's end."""
    longer = panel.append(np.full((len(panel), horizon), np.nan, np.float32), {})
    origins = longer.indptr[1:][rows] - horizon - 1 - back
    return Told(longer, horizon, Base.of(panel, horizon)).at(rows, origins)


@pytest.mark.parametrize("back", [6, 20])
def test_it_is_what_the_pretrained_model_would_have_forecast_then(back):
    panel = shop()
    history = panel.until(panel.end - back)
    price = panel.dense(panel.known["price"], back)[:, :HORIZON]
    wanted = pretrained(history, HORIZON, {"price": price[np.isin(panel.ids, history.ids)]})
    rows = np.flatnonzero(panel.lengths > back)
    np.testing.assert_allclose(said_by(panel, rows, back), wanted.quantiles, rtol=1e-4, atol=1e-3)


def test_at_the_end_known_covariates_ahead_count():
    panel = shop()
    ahead = {"price": np.full((7, HORIZON), 0.8, np.float32)}
    windows = Windows(panel, dataclasses.replace(Inputs.of(panel, HORIZON), base=Base.of(panel, HORIZON)), ahead)
    batch = windows.gather(np.arange(7), windows.end - 1)
    demand = (batch.told * batch.scale[..., None, None])[:, 0].numpy()
    np.testing.assert_allclose(demand, pretrained(panel, HORIZON, ahead).quantiles, rtol=1e-4, atol=1e-3)


def test_before_anything_was_observed_it_says_nothing():
    values = np.full((2, 60), np.nan)
    values[0, 20:] = 5.0
    panel = panel_of(values, "W-SUN")
    assert np.isnan(said_by(panel, np.array([0, 1]), np.array([40, 0]))).all()
    assert np.isfinite(said_by(panel, np.array([0]), np.array([39]))).all()


def test_it_says_the_same_whatever_else_is_asked_and_remembered(monkeypatch):
    panel = shop()
    longer = panel.append(np.full((7, HORIZON), np.nan, np.float32), {})
    rng = np.random.default_rng(0)
    rows = rng.choice([0, 1, 3, 5], 300)
    origins = longer.indptr[rows] + rng.integers(10, 90, 300)
    whole = Told(longer, HORIZON, Base.of(panel, HORIZON)).at(rows, origins)
    monkeypatch.setattr(module, "_KEPT", 40)
    forgetful = Told(longer, HORIZON, Base.of(panel, HORIZON))
    parts = [forgetful.at(rows[k : k + 23], origins[k : k + 23]) for k in range(0, 300, 23)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert forgetful._count == 40


@pytest.mark.parametrize("name", [n for n in registry.names() if registry.spec_class(n).capabilities.extra == "neural"])
def test_every_network_begins_with_it(name):
    panel = shop()
    ahead = {"price": np.ones((7, HORIZON), np.float32)}
    fields = {"draws": 64} if name == "vae" else {}
    found = quick(name, train=UNTRAINED, **fields).fit(panel, horizon=HORIZON).predict(HORIZON, ahead)
    wanted = pretrained(panel, HORIZON, ahead)
    near = 0.02 if name == "vae" else 2e-3  # the mixture over futures has atoms
    inner = slice(2, -2)  # where they are too few in the tails
    scale = wanted.quantiles.mean(axis=(1, 2))[:, None, None]
    np.testing.assert_allclose((found.quantiles / scale)[..., inner], (wanted.quantiles / scale)[..., inner], atol=near)


@pytest.mark.parametrize("fields", [{"scaling": "asinh"}, {"scaling": "robust"}, {"dropout": 0.0}])
def test_it_begins_so_whatever_the_scale(fields):
    panel = shop()
    ahead = {"price": np.ones((7, HORIZON), np.float32)}
    found = quick("lstm", train=UNTRAINED, **fields).fit(panel, horizon=HORIZON).predict(HORIZON, ahead)
    wanted = pretrained(panel, HORIZON, ahead).quantiles
    np.testing.assert_allclose(found.quantiles / wanted.mean(), wanted / wanted.mean(), rtol=5e-3, atol=2e-3)


@pytest.mark.parametrize("head", LIKELIHOODS)
def test_a_likelihood_begins_with_its_mean_or_median(head):
    panel = panel_of(np.random.default_rng(3).poisson(20, (9, 90)), "W-SUN")
    found = quick("mlp", head=head, train=UNTRAINED).fit(panel, horizon=HORIZON).predict(HORIZON)
    wanted = pretrained(panel, HORIZON)
    middle = wanted.quantile(0.5) if head in ("gaussian", "student-t") else wanted.mean
    np.testing.assert_allclose(found.mean, middle, rtol=0.02)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 100), st.booleans())
def test_what_is_told_is_said_until_something_is_learned(seed, size, ties):
    rng = np.random.default_rng(seed)
    quantiles = np.sort(rng.exponential(size, (5, len(LEVELS))), axis=-1)
    if ties:
        quantiles[:, :9] = quantiles[:, 8:9]
    head = QuantileHead(3)
    head.begin_with_told(0.5)
    with torch.no_grad():
        said = head(torch.randn(5, 3), torch.from_numpy(quantiles).float()).numpy()
    assert (np.diff(said, axis=-1) > 0).all() or size > 50
    np.testing.assert_allclose(said, quantiles, rtol=1e-3, atol=0.02)


def test_a_forecast_goes_a_part_of_the_way_from_what_is_told():
    torch.manual_seed(0)
    head = QuantileHead(3)
    head.begin_with_told(0.25)
    torch.nn.init.normal_(head.out.weight)
    torch.nn.init.normal_(head.out.bias)
    told = torch.arange(15.0).expand(4, 15) / 3 + 1
    hidden = torch.randn(4, 3)
    m = head.middle
    learned = (head(hidden, told) - told)[:, m]
    head.eval()
    assert torch.allclose((head(hidden, told) - told)[:, m], learned / 4, atol=1e-5)
    assert torch.equal(head(hidden, torch.full_like(told, torch.nan)), head(hidden))  # all of it where nothing is told
    assert (head(hidden, told).diff(dim=-1) > 0).all()


def test_a_longer_history_is_followed_further():
    shares = [quick(train=UNTRAINED).fit(yearly(steps=steps), horizon=8).inputs.base.share for steps in (70, 150, 300)]
    assert shares == [8 / 16, 18 / 26, 37 / 45]


def test_where_nothing_is_told_a_head_begins_as_ever():
    torch.manual_seed(0)
    head = QuantileHead(3)
    hidden, told = torch.randn(4, 3), torch.full((4, len(LEVELS)), torch.nan)
    assert torch.equal(head(hidden, told), head(hidden))


def test_weeks_and_months_begin_with_it_and_days_do_not():
    days = weekly_pattern(series=8, steps=120)
    months = panel_of(np.random.default_rng(0).poisson(9, (12, 40)), "ME", end="2025-03-31")
    for panel, fields, horizon, base in (
        (shop(), {}, 6, True), (months, {}, 3, True), (days, {}, 7, False), (shop(), {"base": "none"}, 6, False),
        (shop(), {"head": "student-t"}, 6, True), (days, {"base": "pretrained"}, 7, True), (yearly(steps=200), {}, 65, False),
    ):  # fmt: skip
        assert bool(quick(train=UNTRAINED, **fields).fit(panel, horizon=horizon).inputs.base) == base


def test_what_it_cannot_begin_with_is_said():
    with pytest.raises(ConfigError, match="base must be one of auto, none, pretrained, not 'ets'"):
        quick(base="ets")
    with pytest.raises(ConfigError, match="64 steps ahead at once, not for 65"):
        quick(base="pretrained").fit(yearly(steps=200), horizon=65)


def test_training_takes_it_further_or_leaves_it():
    """Weeks of eight kinds, whose effect the pretrained model cannot read from a text."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 8, 180)
    effect = np.array([1.0, 3.0, 0.5, 2.0, 0.3, 4.0, 1.5, 0.2])[kind]
    values = np.exp(rng.normal(3, 0.5, (30, 1))) * effect * rng.gamma(50, 1 / 50, (30, 180))
    texts = {"kind": tuple("abcdefgh")}
    panel = panel_of(values, "W-SUN", known={"kind": np.broadcast_to(kind, (30, 180))}, categories=texts)
    history = panel.until(panel.end - HORIZON)
    ahead = {n: panel.dense(c, HORIZON) for n, c in panel.known.items()}
    actual = panel.dense(steps=HORIZON)
    fitted = quick("mlp", train={"steps": 300, "batch": 16}).fit(history, horizon=HORIZON)
    learned = np.abs(fitted.predict(HORIZON, ahead).quantile(0.5) - actual).mean()
    shipped = np.abs(pretrained(history, HORIZON, ahead).quantile(0.5) - actual).mean()
    assert learned < 0.5 * shipped
    noise = panel_of(rng.poisson(3, (20, 90)), "W-SUN")
    left = quick("mlp", train={"steps": 40, "batch": 8, "learning_rate": 0.5}).fit(noise, horizon=HORIZON)
    np.testing.assert_allclose(left.predict(HORIZON).quantiles, pretrained(noise, HORIZON).quantiles, atol=1.01)


def test_covariates_mean_to_it_what_they_meant_at_the_fit():
    """So a forecast of some items does not depend on whether others are there, in which a covariate varies."""
    panel = shop()
    price = panel.known["price"].copy()
    price[panel.row_of == 0] = 1.0
    panel = dataclasses.replace(panel, known={"price": price})
    fitted = quick(train=UNTRAINED).fit(panel, horizon=HORIZON)
    ahead = {"price": np.full((7, HORIZON), 0.8, np.float32)}
    alone = fitted.update(panel.take(np.array([0]))).predict(HORIZON, {"price": ahead["price"][:1]})
    np.testing.assert_allclose(alone.quantiles[0], fitted.predict(HORIZON, ahead).quantiles[0], rtol=1e-5)


def test_a_saved_network_goes_on_from_it(tmp_path):
    panel = yearly(steps=80)
    fitted = quick().fit(panel.until(panel.end - 4), horizon=8)
    fitted.save(tmp_path / "model")
    loaded = load_fitted(tmp_path / "model")
    assert loaded.inputs == fitted.inputs
    assert loaded.inputs.base.weights == "small"
    np.testing.assert_allclose(
        loaded.update(panel).predict(20).quantiles, fitted.update(panel).predict(20).quantiles, rtol=1e-5
    )


def test_a_network_that_starts_from_another_keeps_its_terms():
    old = quick().fit(yearly(), horizon=8)
    new = quick(base="none").fit(yearly(seed=5, steps=70), horizon=8, start_from=old)
    assert new.inputs.base is not None
    assert new.inputs.base == old.inputs.base
    plain = quick(base="none").fit(yearly(steps=80), horizon=8)
    assert quick().fit(yearly(seed=5, steps=80), horizon=8, start_from=plain).inputs.base is None


@pytest.mark.parametrize("name", ["gru", "mlp", "vae", "attention", "seq2seq", "stl-lstm"])
def test_a_quarter_beyond_a_year_is_enough_to_repeat_it(name):
    panel = yearly(series=40, steps=91)
    history = panel.until(panel.end - 26)
    fitted = quick(name).fit(history, horizon=26)
    scores = []
    for model in (fitted, SeasonalNaive().fit(history)):
        said = model.predict(26)
        scores.append(measure(panel.dense(steps=26), said.mean, said.quantiles, said.levels)["wql"])
    assert scores[0] < scores[1]


@pytest.mark.parametrize("head", LIKELIHOODS)
def test_heads_of_all_kinds_learn_what_last_year_was_like(head):
    panel = yearly(series=24, steps=84)
    fitted = quick("mlp", head=head).fit(panel.until(panel.end - 13), horizon=13)
    said, actual = fitted.predict(13), panel.dense(steps=13)
    assert np.corrcoef(np.log(said.mean).ravel(), np.log(actual).ravel())[0, 1] > 0.9
    assert (actual <= said.quantile(0.9)).mean() > 0.5
    assert (np.diff(said.quantiles, axis=-1) >= 0).all()


@pytest.mark.filterwarnings("ignore:'mlp' finds 0 training windows:UserWarning")
@pytest.mark.parametrize("values", [np.zeros((4, 80)), np.full((4, 80), 1e9), np.ones((60, 8)), np.eye(4, 80)])
def test_whatever_was_sold_a_forecast_comes_of_it(values):
    panel = panel_of(values, "W-SUN")
    found = quick("mlp", train={"steps": 5, "batch": 8}).fit(panel, horizon=13).predict(13)
    assert np.isfinite(found.quantiles).all()
    assert (np.diff(found.quantiles, axis=-1) >= 0).all()
    assert (found.quantiles >= 0).all()
