"""Tweedie demand against what it is: a Poisson number of gamma-distributed orders."""

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from skucast.forecast import LEVELS
from skucast.models.neural.tweedie import Tweedie, cdf, quantiles

CASES = [(1.0, 1.0, 1.5), (0.05, 2.0, 1.3), (6.0, 0.5, 1.7), (5.0, 0.05, 1.85), (40.0, 0.05, 1.15), (2.0, 0.02, 1.5)]


def orders_and_sizes(mean, dispersion, power):
    """Expected orders, shape and scale of their sizes."""
    return (
        mean ** (2 - power) / (dispersion * (2 - power)), (2 - power) / (power - 1),
        dispersion * (power - 1) * mean ** (power - 1),
    )  # fmt: skip


def raw(mean, dispersion, power):
    """What the head must be told."""
    inverse = np.log(np.expm1([mean - 1e-6, dispersion - 1e-2]))
    return torch.tensor([[*inverse, special.logit((power - 1.1) / 0.8)]], dtype=torch.float64)


def density(y, case):
    return Tweedie(1).log_likelihood(raw(*case), torch.tensor([y], dtype=torch.float64), torch.ones(1)).item()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("share", [0.01, 0.5, 1.0, 3.0])
def test_the_density_is_that_of_a_sum_of_orders(case, share):
    orders, shape, scale = orders_and_sizes(*case)
    y, j = share * case[0], np.arange(1, 20_000)
    expected = special.logsumexp(stats.poisson.logpmf(j, orders) + stats.gamma.logpdf(y, j * shape, scale=scale))
    assert density(y, case) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_sold_when_nobody_orders(case):
    assert density(0.0, case) == pytest.approx(-orders_and_sizes(*case)[0], rel=1e-6)


@pytest.mark.parametrize("case", CASES[:4])
def test_all_probability_adds_up_to_one_with_the_right_mean_and_variance(case):
    mean, dispersion, power = case
    y = np.geomspace(1e-9, mean + 60 * np.sqrt(dispersion * mean**power), 40_000)
    cells = raw(*case).expand(y.size, -1)
    chance = Tweedie(1).log_likelihood(cells, torch.from_numpy(y), torch.ones(1)).exp().numpy()
    moments = [integrate.simpson(chance * y**k * y, x=np.log(y)) for k in range(3)]
    assert moments[0] + np.exp(-orders_and_sizes(*case)[0]) == pytest.approx(1, abs=2e-3)
    assert moments[1] == pytest.approx(mean, rel=1e-4)
    assert moments[2] - moments[1] ** 2 == pytest.approx(dispersion * mean**power, rel=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_quantiles_are_those_of_simulated_orders(case):
    orders, shape, scale = orders_and_sizes(*case)
    rng = np.random.default_rng(0)
    number = rng.poisson(orders, 400_000)
    sample = np.where(number > 0, rng.gamma(np.maximum(number, 1) * shape, scale), 0.0)
    ours = Tweedie(1).quantiles(raw(*case), LEVELS, torch.ones(1))[0].numpy()
    spread = np.sqrt(case[1] * case[0] ** case[2])
    np.testing.assert_allclose(ours, np.quantile(sample, LEVELS), rtol=0.02, atol=0.02 * spread)


def test_quantiles_invert_the_cdf():
    rng = np.random.default_rng(1)
    orders = np.exp(rng.uniform(np.log(0.02), np.log(3000), 200))[:, None]
    shape = np.exp(rng.uniform(np.log(0.12), np.log(8.5), 200))[:, None]
    levels = np.array([0.05, 0.3, 0.5, 0.8, 0.95, 0.99])
    found = quantiles(levels, orders, shape)
    reached = cdf(found * orders * shape, orders, shape)
    some = levels > np.exp(-orders)
    np.testing.assert_allclose(reached[some], np.broadcast_to(levels, reached.shape)[some], atol=5e-3)
    assert (found[~some] == 0).all()


@pytest.mark.parametrize("orders", [1e-7, 1e7])
def test_hardly_any_and_countless_orders_keep_their_mean(orders):
    levels = (np.arange(20_000) + 0.5) / 20_000
    q = quantiles(levels, np.array(orders), np.array(1.0))
    if orders < 1:
        assert (q == 0).all()
    else:
        assert q.mean() == pytest.approx(1, abs=1e-3)
        assert q.std() == pytest.approx(np.sqrt(2 / orders), rel=0.05)


def test_the_unit_of_demand_does_not_matter():
    """The same demand in half the unit has the same likelihood, beside that of the unit itself."""
    case = (1.5, 0.7, 1.4)
    head, demand = Tweedie(1), torch.tensor([3.0], dtype=torch.float64)
    one, other = (head.log_likelihood(raw(*case), demand * u, torch.tensor([u])) for u in (1.0, 100.0))
    assert one.item() - other.item() == pytest.approx(np.log(100), rel=1e-6)
