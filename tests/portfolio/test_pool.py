"""The linear pool against mixtures inverted by scipy, and what it promises for any numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import brentq
from scipy.stats import expon, gamma, norm

from skucast.forecast import LEVELS
from skucast.portfolio import pool as pool_module
from skucast.portfolio.pool import linear_pool

DENSE = tuple(np.linspace(0.004, 0.996, 249))
WEIGHTS = np.array([0.3, 0.7])


def quantiles_of(distribution, levels=LEVELS):
    return distribution.ppf(levels).astype(np.float32)


def mixture_quantiles(cdfs, weights, levels, low=-1e3, high=1e4):
    """Quantiles of a mixture by root finding."""
    return [
        brentq(lambda x, p=p: sum(w * f(x) for w, f in zip(weights, cdfs, strict=True)) - p, low, high) for p in levels
    ]


@pytest.mark.parametrize(
    "pair",
    [
        (gamma(4, scale=2.5), gamma(9, scale=3)),  # they overlap
        (norm(100, 5), norm(140, 20)),  # one reaches beyond the other on both sides
        (norm(50, 1), norm(90, 1)),  # far apart: each sees the other's quantiles in its tails only
    ],
)
def test_quantiles_are_those_of_the_mixture(pair):
    found = linear_pool([quantiles_of(d, DENSE) for d in pair], WEIGHTS, DENSE)
    expected = np.array(mixture_quantiles([d.cdf for d in pair], WEIGHTS, DENSE))
    reached = WEIGHTS[0] * pair[0].cdf(found) + WEIGHTS[1] * pair[1].cdf(found)
    assert reached == pytest.approx(DENSE, abs=4e-4)
    smooth = np.abs(np.array(DENSE) - WEIGHTS[0]) > 0.01  # between far-apart members any number is as good
    assert found[smooth] == pytest.approx(expected[smooth], rel=1e-2)


def test_the_few_levels_of_forecasts_are_enough():
    pair = gamma(4, scale=2.5), gamma(9, scale=3)
    found = linear_pool([quantiles_of(d) for d in pair], WEIGHTS, LEVELS)
    assert WEIGHTS[0] * pair[0].cdf(found) + WEIGHTS[1] * pair[1].cdf(found) == pytest.approx(LEVELS, abs=6e-3)


def test_a_mass_at_zero_is_shared_in_proportion_to_the_weights():
    at = np.array(DENSE)
    demand = [(0.6, expon(scale=4)), (0.2, expon(scale=10))]  # chance of none, and how much there is else
    members = [np.where(at <= none, 0.0, some.ppf((at - none) / (1 - none))) for none, some in demand]
    found = linear_pool([m.astype(np.float32) for m in members], WEIGHTS, DENSE)
    together = 0.3 * 0.6 + 0.7 * 0.2
    assert not found[at < together - 0.003].any()
    something = at > together + 0.003
    assert (found[something] > 0).all()
    cdfs = [lambda x, none=none, some=some: none + (1 - none) * some.cdf(x) for none, some in demand]
    reached = sum(w * f(found[something]) for w, f in zip(WEIGHTS, cdfs, strict=True))
    assert reached == pytest.approx(at[something], abs=4e-4)
    inner = something & (at < 0.99)
    assert found[inner] == pytest.approx(mixture_quantiles(cdfs, WEIGHTS, at[inner], low=0.0), rel=1e-2, abs=2e-2)


def test_two_certain_members_give_two_masses():
    at = np.array([0.1, 0.29, 0.31, 0.5, 0.9])
    found = linear_pool([np.zeros(5, np.float32), np.full(5, 10, np.float32)], WEIGHTS, at)
    assert found.tolist() == [0, 0, 10, 10, 10]


def test_it_is_wider_than_the_mean_of_quantiles_where_members_disagree():
    one, two = quantiles_of(norm(50, 5)), quantiles_of(norm(80, 5))
    pooled, averaged = linear_pool([one, two], np.array([0.5, 0.5]), LEVELS), (one + two) / 2
    at = [LEVELS.index(0.1), LEVELS.index(0.9)]
    assert np.diff(pooled[at])[0] > 2 * np.diff(averaged[at])[0]


def test_weights_may_differ_from_number_to_number_and_those_without_count_for_nothing():
    one, two = (np.broadcast_to(quantiles_of(d), (2, 3, len(LEVELS))) for d in (norm(50, 5), norm(80, 9)))
    weights = np.zeros((2, 3, 2))
    weights[0, :, 0] = weights[1, :, 1] = 1.0
    weights[1, 2] = 0.5
    found = linear_pool([one, two], weights, LEVELS)
    assert np.array_equal(found[0], one[0])
    assert np.array_equal(found[1, :2], two[1, :2])
    assert np.array_equal(found[1, 2], linear_pool([one[0, 0], two[0, 0]], np.array([0.5, 0.5]), LEVELS))


def test_numbers_do_not_depend_on_how_many_are_worked_on_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    members = [np.sort(rng.gamma(1, 5, (7, 5, len(LEVELS))).astype(np.float32), axis=2) for _ in range(3)]
    weights = rng.dirichlet(np.ones(3), (7, 5))
    whole = linear_pool(members, weights, LEVELS)
    monkeypatch.setattr(pool_module, "_NUMBERS", 200)
    assert np.array_equal(linear_pool(members, weights, LEVELS), whole)


ANY = st.one_of(st.just(0.0), st.floats(0, 1e6, width=32), st.integers(0, 3).map(float))
LEVEL_SETS = st.sampled_from([LEVELS, (0.1, 0.5, 0.9), (0.5,), (0.9, 0.99, 0.99999)])


@settings(max_examples=150, deadline=None)
@given(st.data(), LEVEL_SETS, st.integers(1, 4))
def test_a_pool_is_ordered_and_lies_within_its_members(data, levels, count):
    values = data.draw(arrays(np.float32, (count, 3, len(levels)), elements=ANY))
    raw = data.draw(
        arrays(np.float64, (3, count), elements=st.floats(0, 1)).filter(lambda w: (w.sum(axis=1) > 1e-3).all())
    )
    weights = raw / raw.sum(axis=1, keepdims=True)
    members = np.sort(values, axis=2)
    found = linear_pool(list(members), weights, levels)
    used = (weights.T > 0)[:, :, None]
    assert (np.diff(found, axis=1) >= 0).all()
    assert (found >= np.where(used, members, np.inf).min(axis=0)).all()
    assert (found <= np.where(used, members, -np.inf).max(axis=0)).all()


@settings(max_examples=60, deadline=None)
@given(st.data(), LEVEL_SETS)
def test_equal_members_give_themselves(data, levels):
    one = np.sort(data.draw(arrays(np.float32, (2, len(levels)), elements=ANY)), axis=1)
    assert np.array_equal(linear_pool([one, one, one], np.array([0.2, 0.3, 0.5]), levels), one)
