"""What distributions say of demand above a bound, against sums over their probabilities and numerical integrals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from skucast.prepare.censored import at_least, drawn, expected

MEANS = (0.05, 0.7, 3.0, 40.0)


def distribution(family: str, mean: float, phi: float):
    if family == "normal":
        return stats.norm(mean, np.sqrt(phi * mean))
    return stats.poisson(mean) if family == "poisson" or phi <= 1 else stats.nbinom(mean / (phi - 1), 1 / phi)


def summed(family: str, mean: float, phi: float, bound: int) -> tuple[float, float]:
    """Mean and spread of counts from ``bound`` on, by adding up."""
    x = np.arange(bound, bound + 4000)
    chance = distribution(family, mean, phi).pmf(x)
    chance = chance / chance.sum()
    return float(chance @ x), float(chance @ (x - mean) ** 2)


@pytest.mark.parametrize("family", ["poisson", "negbin"])
@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("phi", [1.0, 1.4, 6.0])
def test_counts_above_a_bound_agree_with_the_sum_over_their_probabilities(family: str, mean: float, phi: float) -> None:
    for bound in (0, 1, 2, round(mean + 2 * np.sqrt(phi * mean))):
        told = expected(family, np.array([mean]), np.array([phi]), np.array([bound]))
        right = summed(family, mean, 1.0 if family == "poisson" else phi, bound)
        np.testing.assert_allclose([told.mean[0], told.square[0]], right, rtol=1e-6)


@pytest.mark.parametrize("bound", [-20.0, 0.0, 30.0, 50.0, 75.0])
def test_normal_demand_above_a_bound_agrees_with_scipy_and_with_an_integral(bound: float) -> None:
    mean, phi = 40.0, 4.0
    sd = np.sqrt(mean * phi)
    told = expected("normal", np.array([mean]), np.array([phi]), np.array([bound]))
    cut = stats.truncnorm((bound - mean) / sd, np.inf, mean, sd)
    spread = integrate.quad(lambda x: (x - mean) ** 2 * cut.pdf(x), bound, mean + 12 * sd)[0]
    np.testing.assert_allclose([told.mean[0], told.square[0]], [cut.mean(), spread], rtol=1e-6)


@pytest.mark.parametrize("family", ["normal", "poisson", "negbin"])
def test_the_chance_of_a_bound_is_that_of_scipy(family: str) -> None:
    for mean in MEANS:
        known = distribution(family, mean, 2.5)
        for bound in (0.0, 1.0, 5.0):
            right = known.sf(bound) if family == "normal" else known.sf(bound - 1)
            np.testing.assert_allclose(at_least(family, mean, 2.5, bound), right, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("family", ["normal", "poisson", "negbin"])
def test_drawn_values_are_quantiles_of_demand_above_the_bound(family: str) -> None:
    mean, phi, bound = 6.0, 2.5, 8.0
    chance = np.array([0.001, 0.1, 0.5, 0.9, 0.999])
    known = distribution(family, mean, phi)
    below = known.cdf(bound) if family == "normal" else known.cdf(bound - 1)
    right = known.ppf(below + chance * (1 - below))
    np.testing.assert_allclose(drawn(family, mean, phi, bound, chance), right, rtol=1e-9)


def test_drawn_counts_have_the_mean_that_is_expected() -> None:
    chance = (np.arange(20_000) + 0.5) / 20_000
    for mean, phi, bound in ((0.3, 1.0, 1.0), (5.0, 3.0, 7.0), (200.0, 9.0, 230.0)):
        told = expected("negbin", np.array([mean]), np.array([phi]), np.array([bound])).mean[0]
        assert drawn("negbin", mean, phi, bound, chance).mean() == pytest.approx(told, rel=2e-3)


@given(
    family=st.sampled_from(["normal", "poisson", "negbin"]), mean=st.floats(1e-9, 1e6), phi=st.floats(1e-6, 1e4),
    bound=st.floats(0, 1e7), chance=st.floats(1e-9, 1 - 1e-9),
)  # fmt: skip
def test_demand_is_never_below_the_bound_nor_without_end(family, mean, phi, bound, chance) -> None:
    told = expected(family, np.array([mean]), np.array([phi]), np.array([bound]))
    value = drawn(family, mean, phi, bound, np.array([chance]))
    assert np.isfinite([told.mean[0], told.square[0], value[0]]).all()
    assert told.mean[0] >= bound
    assert told.square[0] >= 0
    assert value[0] >= bound


@given(mean=st.floats(0.01, 1e3), phi=st.floats(1.1, 50), low=st.floats(0, 1e3), more=st.floats(1, 100))
def test_a_higher_bound_raises_what_is_expected(mean: float, phi: float, low: float, more: float) -> None:
    for family in ("normal", "negbin"):
        told = expected(family, np.array([mean, mean]), np.array([phi, phi]), np.array([low, low + more])).mean
        assert told[1] >= told[0] * (1 - 1e-6)
