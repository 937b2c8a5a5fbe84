"""Likelihood heads against scipy."""

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch.nn import functional as F

from skucast.errors import ConfigError
from skucast.evaluate.metrics import measure
from skucast.forecast import LEVELS
from skucast.models import registry
from skucast.models.neural.likelihoods import head_of
from skucast.models.neural.lstm import Lstm
from skucast.models.neural.options import HeadName, TrainOptions

from .panels import weekly_pattern

COUNTS = ("negbin", "zero-inflated", "poisson")
NUMBERS = ("student-t", "gaussian")
NAMES = HeadName.__args__
SCALE = np.array([0.2, 1.0, 7.0, 3.0, 0.05])


def parameters(name, cells=5, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(0.5, 1.0, (cells, head_of(name, 3).out.out_features)))


def softplus(x):
    return np.logaddexp(0, x)


def negbin(raw):
    size = 1 / (softplus(raw[:, 1]) + 1e-4)
    return stats.nbinom(size, size / (size + softplus(raw[:, 0]) * SCALE))


def log_probability(name, raw, demand):
    """What scipy says."""
    if name == "gaussian":
        return stats.norm(raw[:, 0] * SCALE, (softplus(raw[:, 1]) + 1e-3) * SCALE).logpdf(demand)
    if name == "student-t":
        spread = (softplus(raw[:, 1]) + 1e-3) * SCALE
        return stats.t(2 + softplus(raw[:, 2]), raw[:, 0] * SCALE, spread).logpdf(demand)
    if name == "poisson":
        return stats.poisson(softplus(raw[:, 0]) * SCALE).logpmf(demand)
    if name == "negbin":
        return negbin(raw).logpmf(demand)
    silent = special.expit(raw[:, 2])
    return np.log(silent * (demand == 0) + (1 - silent) * negbin(raw).pmf(demand))


@pytest.mark.parametrize("name", COUNTS + NUMBERS)
@pytest.mark.parametrize("seed", range(3))
def test_log_likelihoods_equal_scipy(name, seed):
    raw = parameters(name, seed=seed)
    for demand in (np.zeros(5), np.arange(5.0), np.full(5, 30.0)):
        ours = head_of(name, 3).log_likelihood(raw, torch.from_numpy(demand), torch.from_numpy(SCALE))
        np.testing.assert_allclose(ours.numpy(), log_probability(name, raw.numpy(), demand), rtol=1e-6)


@pytest.mark.parametrize("name", COUNTS)
def test_probabilities_of_counts_add_up_to_one(name):
    k = torch.arange(4000.0, dtype=torch.float64)
    raw = parameters(name, 1).expand(4000, -1)
    chance = head_of(name, 3).log_likelihood(raw, k, torch.tensor(2.0, dtype=torch.float64)).exp()
    np.testing.assert_allclose(chance.sum().item(), 1, rtol=1e-6)
    mean = head_of(name, 3).mean(raw[:1], torch.tensor(2.0)).item() * 2
    np.testing.assert_allclose((chance * k).sum().item(), mean, rtol=1e-6)


@pytest.mark.parametrize("name", ["student-t", "gaussian", "poisson", "negbin"])
def test_quantiles_equal_scipy(name):
    raw = parameters(name)
    ours = head_of(name, 3).quantiles(raw, LEVELS, torch.from_numpy(SCALE)).numpy() * SCALE[:, None]
    x = raw.numpy()
    for i in range(5):
        if name == "gaussian":
            truth = stats.norm(x[i, 0], softplus(x[i, 1]) + 1e-3).ppf(LEVELS) * SCALE[i]
        elif name == "student-t":
            truth = stats.t(2 + softplus(x[i, 2]), x[i, 0], softplus(x[i, 1]) + 1e-3).ppf(LEVELS) * SCALE[i]
        elif name == "poisson":
            truth = stats.poisson(softplus(x[i, 0]) * SCALE[i]).ppf(LEVELS)
        else:
            size = 1 / (softplus(x[i, 1]) + 1e-4)
            truth = stats.nbinom(size, size / (size + softplus(x[i, 0]) * SCALE[i])).ppf(LEVELS)
        np.testing.assert_allclose(ours[i], truth, rtol=1e-6, atol=1e-9)


def test_quantiles_of_zero_inflated_counts_are_those_of_a_sample():
    raw = torch.tensor([[2.0, 0.5, -0.5]], dtype=torch.float64)
    scale = torch.ones(1, dtype=torch.float64)
    rng = np.random.default_rng(0)
    size = 1 / (softplus(0.5) + 1e-4)
    awake = rng.random(400_000) >= special.expit(-0.5)
    sample = np.where(awake, rng.negative_binomial(size, size / (size + softplus(2.0)), 400_000), 0)
    head = head_of("zero-inflated", 3)
    ours = head.quantiles(raw, LEVELS, scale)[0].numpy()
    np.testing.assert_allclose(ours[:-2], np.quantile(sample, LEVELS[:-2], method="inverted_cdf"))
    np.testing.assert_allclose(ours[-2:], np.quantile(sample, LEVELS[-2:]), atol=1)
    assert head.mean(raw, scale).item() == pytest.approx(sample.mean(), rel=0.02)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("demand", "size"), [(0, 1e-9), (0, 1), (0, 1e9), (1e-9, 1e-9), (3, 1), (1e9, 1), (1e9, 1e9)])
@pytest.mark.parametrize("raw", [-30.0, 0.0, 30.0])
def test_loss_and_gradients_are_finite_for_nothing_and_for_billions(name, demand, size, raw):
    head = head_of(name, 3)
    said = torch.full((2, head.out.out_features), raw, requires_grad=True)
    scale, target = torch.full((2,), float(size)), torch.full((2,), demand / size)
    loss = head.loss(said, target, torch.ones(2), scale)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(said.grad).all()
    levels = head.quantiles(said, LEVELS, scale)
    assert torch.isfinite(levels).all()
    assert (levels.diff(dim=-1) >= 0).all()
    assert torch.isfinite(head.mean(said, scale)).all()


@pytest.mark.parametrize("name", NAMES)
def test_targets_that_do_not_count_do_not_matter(name):
    head = head_of(name, 3)
    said = head(torch.randn(4, 3))
    weight = torch.tensor([1.0, 0.0, 1.0, 0.0])
    target = torch.tensor([1.0, 5.0, 2.0, 9.0])
    ours = head.loss(said, target, weight, torch.ones(4))
    torch.testing.assert_close(ours, head.loss(said[::2], target[::2], torch.ones(2), torch.ones(2)))
    assert head.loss(said, target, torch.zeros(4), torch.ones(4)) == 0


@pytest.mark.parametrize("name", COUNTS)
def test_pieces_stay_pieces_whatever_the_scale(name):
    """The likelihood is that of the count, not of the count over the scale."""
    head, raw = head_of(name, 3), torch.full((1, 3), 0.3)[:, : head_of(name, 3).out.out_features]
    unit = torch.tensor([2.0])
    twice = raw.clone()
    twice[:, 0] = torch.log(torch.expm1(F.softplus(raw[:, 0]) * 2))  # the same mean in units half as large
    one, other = (head.log_likelihood(r, torch.tensor([3.0]), s) for r, s in ((raw, unit), (twice, unit / 2)))
    torch.testing.assert_close(one, other)
    levels = head.quantiles(raw, LEVELS, unit) * unit
    torch.testing.assert_close(levels, levels.round())


def test_large_series_do_not_drown_small_ones():
    """A doubled mean costs a series of a million about as much gradient as a series of ten."""
    for name in NAMES:
        head = head_of(name, 3)
        said = head(torch.zeros(2, 3)).detach().requires_grad_(True)
        scale, target = torch.tensor([10.0, 1e6]), torch.full((2,), 2.0)
        head.loss(said, target, torch.ones(2), scale).backward()
        small, large = said.grad.norm(dim=-1)
        assert 0.3 < large / small < 3, name


def test_most_likely_parameters_are_those_that_made_the_sample():
    rng = np.random.default_rng(1)
    sample = torch.from_numpy(rng.negative_binomial(2.0, 2 / (2 + 6.0), 4000)).float() / 3  # mean 6, dispersion 0.5
    head, scale, nothing = head_of("negbin", 1), torch.full((4000,), 3.0), torch.zeros(1, 1)
    torch.nn.init.zeros_(head.out.weight)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        head.loss(head(nothing).expand(4000, -1), sample, torch.ones(4000), scale).backward()
        optimiser.step()
    mean, spread = (F.softplus(x).item() for x in head(nothing)[0])
    assert mean * 3 == pytest.approx(sample.mean().item() * 3, rel=0.01)
    assert spread == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_learns_with_every_head(name):
    panel = weekly_pattern(series=20, steps=150)
    history = panel.until(panel.end - 7)
    train = TrainOptions(steps=200, batch=24, learning_rate=1e-2, checks=2)
    fitted = Lstm(hidden=12, width=12, context=28, head=name, train=train).fit(history, horizon=7)
    assert fitted.about["loss"] < 0.9 * fitted.about["naive_loss"]
    forecast = fitted.predict(7)
    scores = measure(panel.dense(steps=7), forecast.mean, forecast.quantiles, forecast.levels)
    assert abs(scores["relative_bias"]) < 0.15
    assert 0.65 < scores["coverage_80"] < 0.97
    further = fitted.predict(14)
    assert np.isfinite(further.mean).all()
    np.testing.assert_array_equal(further.mean[:, :7], forecast.mean)


def test_an_unknown_head_is_an_error():
    with pytest.raises(ConfigError, match=r"head must be one of auto, quantiles, negbin, .*, not 'cauchy'"):
        registry.make({"model": "lstm", "head": "cauchy"})
