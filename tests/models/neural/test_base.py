"""Last year in closed form: what heads speak of, where a history is little longer than a year."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from skucast.evaluate.metrics import measure
from skucast.models import registry
from skucast.models.naive import SeasonalNaive
from skucast.models.neural.base import _RIDGE, expected, fit_base, regressors
from skucast.models.neural.inputs import MEMORY, Inputs
from skucast.models.neural.sampler import Sampler
from skucast.models.neural.windows import Windows
from skucast.models.spec import load_fitted

from .panels import panel_of, yearly

pytestmark = pytest.mark.filterwarnings("ignore:'.*' learned from:UserWarning")


def sampler_of(panel, horizon=13, held_out=4):
    return Sampler.of(Windows(panel, Inputs.of(panel, horizon)), held_out)


def quick(name="gru", **fields):
    train = {"steps": 60, "batch": 16, "learning_rate": 1e-2, "checks": 3}
    return registry.make({"model": name, "hidden": 8, "width": 8, "train": train, **fields})


def test_regressors_are_last_year_in_units_of_the_level_now_and_then():
    panel = yearly(series=3, steps=80)
    values = panel.dense().astype(float)
    windows = Windows(panel, Inputs.of(panel, 6))
    batch = windows.gather(np.arange(3), windows.end - 1 - 6)
    found = regressors(batch.ahead[..., -MEMORY:], batch.season)[:, 0].numpy()
    scale = windows.scale.reshape(3, -1)
    for step in range(6):
        ago = 74 + step - 52
        near = values[:, ago - 1 : ago + 2].mean(axis=1)
        now, then = scale[:, 73], scale[:, ago]
        wanted = np.stack([values[:, ago] / now, near / now, values[:, ago] / then, near / then], axis=1) - 1
        np.testing.assert_allclose(found[:, step], wanted, rtol=1e-3, atol=1e-4)


def test_weights_are_those_of_a_ridge_regression_over_the_windows_of_training():
    sampler = sampler_of(yearly())
    rows, origins = sampler.origins_of(np.random.default_rng(3), 4096)
    batch = sampler.windows.gather(rows, origins, hidden=4)
    x = regressors(batch.ahead[..., -MEMORY:], batch.season).flatten(0, -2).numpy().astype(float)
    weight = (batch.weight * batch.ahead[..., -1]).flatten().numpy().astype(float)
    y = np.minimum((batch.target / batch.season).flatten().numpy().astype(float), 8) - 1
    oracle = Ridge(alpha=_RIDGE * weight.sum(), fit_intercept=False).fit(x, y, sample_weight=weight)
    np.testing.assert_allclose(fit_base(sampler, 3), oracle.coef_, rtol=1e-3, atol=1e-5)


def test_where_years_look_alike_last_year_is_expected_and_where_they_do_not_the_level():
    alike, noise = yearly(noise=0.02), panel_of(np.random.default_rng(0).poisson(20, (24, 78)), "W-SUN")
    error = []
    for panel in (alike, noise):
        sampler = sampler_of(panel)
        windows = sampler.windows.seen_with(fit_base(sampler, 0))
        batch = windows.gather(np.arange(24), windows.end - 14)
        base, flat = (batch.season - batch.target).abs().mean(), (1 - batch.target).abs().mean()
        error.append(float(base / flat))
        assert (batch.season - 1).abs().mean() < 0.1 or panel is alike
    assert error[0] < 0.5
    assert error[1] < 1.05


def test_what_is_not_known_of_last_year_leaves_the_level():
    memory = torch.zeros(2, 3, MEMORY)
    assert torch.equal(expected(memory, torch.ones(2, 3), (0.5, 0.5, 0.5, 0.5)), torch.ones(2, 3))
    memory[..., [1, 3, 6]] = 1.0  # known, and nothing was sold
    assert torch.allclose(expected(memory, torch.ones(2, 3), (9.0, 9.0, 9.0, 9.0)), torch.tensor(0.1))
    memory[..., [0, 2, 4, 5]] = 20.0  # known, and beyond all measure
    assert torch.allclose(expected(memory, torch.ones(2, 3), (9.0, 9.0, 9.0, 9.0)), torch.tensor(10.0))


@pytest.mark.parametrize(
    "values", [np.zeros((4, 80)), np.full((4, 80), np.nan), np.full((4, 80), 1e9), np.ones((1, 80))]
)
def test_weights_are_finite_whatever_was_sold(values):
    panel = panel_of(values, "W-SUN")
    windows = Windows(panel, Inputs.of(panel, 13))
    sampler = Sampler.of(windows, 4)
    base = fit_base(sampler, 0) if sampler.origins else ()
    assert np.isfinite(base).all()
    batch = windows.seen_with(base).gather(np.arange(len(panel)), windows.end - 1)
    assert torch.isfinite(batch.season).all()


@pytest.mark.parametrize(
    ("steps", "held_out", "based"), [(50, 12, False), (60, 15, False), (65, 4, True), (72, 6, True), (104, 26, False)]
)
def test_most_of_the_weeks_with_a_year_behind_them_are_left_to_learn_from(steps, held_out, based):
    fitted = quick(train={"steps": 1, "batch": 4}).fit(yearly(steps=steps), horizon=26)
    assert fitted.about["held_out"] == held_out
    assert len(fitted.inputs.base) == 4 * based


def test_days_are_learned_as_ever():
    panel = panel_of(np.random.default_rng(0).poisson(5, (3, 400)))
    fitted = quick(train={"steps": 1, "batch": 4}, context=28).fit(panel, horizon=28)
    assert (fitted.about["held_out"], fitted.inputs.base) == (28, ())


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


@pytest.mark.parametrize("head", ["negbin", "poisson", "tweedie", "student-t", "gaussian"])
def test_every_head_speaks_of_what_last_year_lets_expect(head):
    panel = yearly(series=24, steps=84)
    fitted = quick("mlp", head=head).fit(panel.until(panel.end - 13), horizon=13)
    assert fitted.inputs.base
    said, actual = fitted.predict(13), panel.dense(steps=13)
    assert np.corrcoef(np.log(said.mean).ravel(), np.log(actual).ravel())[0, 1] > 0.9
    assert (actual <= said.quantile(0.9)).mean() > 0.5
    assert (np.diff(said.quantiles, axis=-1) >= 0).all()


def test_a_saved_network_remembers_what_last_year_counts_for(tmp_path):
    panel = yearly()
    fitted = quick().fit(panel.until(panel.end - 4), horizon=8)
    assert len(fitted.inputs.base) == 4
    fitted.save(tmp_path / "model")
    loaded = load_fitted(tmp_path / "model")
    assert loaded.inputs == fitted.inputs
    np.testing.assert_allclose(
        loaded.update(panel).predict(8).quantiles, fitted.update(panel).predict(8).quantiles, rtol=1e-5
    )


def test_a_network_that_starts_from_another_keeps_its_terms():
    old = quick().fit(yearly(), horizon=8)
    new = quick().fit(yearly(seed=5, steps=70), horizon=8, start_from=old)
    assert new.inputs.base == old.inputs.base != ()
    short = quick().fit(yearly(steps=50), horizon=8)
    assert quick().fit(yearly(seed=5, steps=80), horizon=8, start_from=short).inputs.base == ()


def test_steps_without_last_year_count_as_often_as_a_forecast_meets_them():
    panel = yearly(series=20, steps=80)
    starts = np.where(np.arange(20) < 5, 60, 0)  # a quarter is young
    panel = panel_of(panel.dense(), "W-SUN", starts=starts)
    plain = sampler_of(panel, held_out=0)
    sampler = plain.based((0.0, 0.0, 0.0, 0.0))
    assert plain.blind == 1.0
    told, untold = 15 * (80 - 53), 15 * 53 + 5 * 20
    assert sampler.blind == pytest.approx(told / untold / 3)
    batch = sampler.draw(np.random.default_rng(0), 4000, 1, 13)
    whole = plain.draw(np.random.default_rng(0), 4000, 1, 13)
    known = batch.ahead[..., -1] > 0
    assert torch.equal(batch.weight[known], whole.weight[known])
    assert float(batch.weight[~known].sum() / whole.weight[~known].sum()) == pytest.approx(sampler.blind, abs=0.02)


def test_where_fewer_steps_are_held_out_than_are_forecast_late_steps_are_judged_too():
    panel = yearly(series=30, steps=80)
    sampler = sampler_of(panel, horizon=20, held_out=4)
    exam = sampler.exam(np.random.default_rng(0))
    assert [paper.lag for paper in exam.papers] == [0, 8, 16]
    assert sorted(row for paper in exam.papers for row in paper.rows) == list(range(30))
    for paper in exam.papers:
        counts = paper.batch.weight[:, 0] > 0
        assert counts.any(dim=0).nonzero().flatten().tolist() == list(range(paper.lag, paper.lag + 4))
        held = paper.batch.target[:, 0, paper.lag : paper.lag + 4] * paper.batch.scale
        np.testing.assert_allclose(held, panel.dense()[paper.rows, -4:], rtol=1e-5)
    zero = exam.loss(lambda batch: torch.zeros(*batch.target.shape, 15))
    np.testing.assert_allclose(zero, 1.0, rtol=1e-5)


def test_short_series_are_judged_right_before_the_held_out_steps():
    panel = panel_of(np.ones((3, 80)), "W-SUN", starts=[0, 0, 74])
    exam = sampler_of(panel, horizon=20, held_out=4).exam(np.random.default_rng(0))
    assert {(int(row), paper.lag) for paper in exam.papers for row in paper.rows} == {(0, 0), (1, 8), (2, 0)}
