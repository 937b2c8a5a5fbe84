"""Curves of waiting: product limit, prior, spreading, draws, against textbook numbers and invariants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.supply.curve import broad, drawn, kernel, posterior, tally
from skucast.prepare.product_limit import product_limit

FLAT = np.full(40, 1 / 40)


def curve(days, open_, strength=0.0, parent=FLAT):
    day, open_ = np.asarray(days), np.asarray(open_, dtype=bool)
    counts = tally(np.zeros_like(day), day, open_, np.ones(day.size), 1, parent.size)
    return posterior(parent, strength, *counts)[0]


def survival(pmf):
    return 1 - np.cumsum(pmf)


def test_without_a_parent_it_is_the_product_limit_of_a_textbook():
    # remission times of 6-mercaptopurine, Freireich et al. (1963), Blood 21; survival in Kalbfleisch & Prentice, table 1.2
    days = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    open_ = [0, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1]
    left = survival(curve(days, open_))
    known = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert [round(float(left[d]), 3) for d in known] == list(known.values())
    ours = product_limit(days, open_)
    np.testing.assert_allclose(left[ours.value[:-1].astype(int)], ours.survival[:-1], atol=1e-12)


def test_with_a_prior_it_is_the_curve_of_susarla_and_van_ryzin():
    # times of Kaplan & Meier (1958): 0.8, 3.1, 5.4, 9.2 seen and 1.0+, 2.7+, 7.0+, 12.1+, in tenths; by their formula
    # S(u) = (a S0(u) + N(u)) / (a + n) * product over censored c <= u of (a S0(c-) + N(c) + l) / (a S0(c-) + N(c))
    days = np.array([8, 31, 54, 92, 10, 27, 70, 121])
    open_ = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=bool)
    strength, prior = 8.0, np.exp(-0.012 * np.arange(201))
    parent = np.append(prior[:-1] - prior[1:], prior[-1])
    left = survival(curve(days, open_, strength, parent))
    after = np.array([strength * p for p in prior[1:]])  # a S0(u), chance of more than u
    for u in (5, 8, 20, 40, 60, 90, 130):
        expected = (after[u] + (days > u).sum()) / (strength + 8)
        for c in days[open_ & (days <= u)]:
            # a censored wait outlives its own day, as those of the prior that outlive it
            expected *= (after[c] + (days > c).sum() + 1) / (after[c] + (days > c).sum())
        assert left[u] == pytest.approx(expected, rel=1e-9)


def test_more_strength_leads_from_the_data_to_the_parent():
    own = curve([5] * 10, [False] * 10, 0.0)
    assert own[5] == 1
    shares = [curve([5] * 10, [False] * 10, a)[5] for a in (0.1, 1.0, 10.0, 1e9)]
    assert shares == sorted(shares, reverse=True)
    assert shares[2] == pytest.approx((10 + 10 / 40) / 20)  # Dirichlet: (n + a g) / (n + a)
    assert shares[3] == pytest.approx(1 / 40)


@given(
    st.lists(st.tuples(st.integers(0, 38), st.booleans()), min_size=1, max_size=30),
    st.floats(0.01, 100),
    st.floats(0.02, 3),
)
@settings(max_examples=60, deadline=None)
def test_curves_and_their_draws_are_distributions_and_draws_lie_about_the_curve(waits, strength, width):
    day, open_ = np.array([d for d, _ in waits]), np.array([o for _, o in waits])
    ended, going = tally(np.zeros_like(day), day, open_, np.ones(day.size), 1, 40)
    cells = np.flatnonzero(ended[0])
    spread = ended[:, cells] @ kernel(width, cells, 40)
    assert spread.sum() == pytest.approx(ended.sum())
    assert spread[0, 0] == ended[0, 0]  # the same day stays by itself
    parent = broad(day, open_, 40)
    assert parent.sum() == pytest.approx(1)
    assert (parent > 0).all()
    pmf = posterior(parent, strength, spread, going)[0]
    assert (pmf >= 0).all()
    assert pmf.sum() == pytest.approx(1)
    draws = drawn(parent, strength, spread, going, 50, np.random.default_rng(1))
    assert (draws >= 0).all()
    np.testing.assert_allclose(draws.sum(axis=1), 1)


def test_draws_have_the_mean_and_variance_of_a_dirichlet_where_nothing_is_open():
    day = np.repeat([3, 9], [6, 2])
    counts = tally(np.zeros_like(day), day, np.zeros(8, dtype=bool), np.ones(8), 1, 40)
    draws = drawn(FLAT, 4.0, *counts, 20_000, np.random.default_rng(3))
    share = (6 + 0.1) / 12
    assert draws[:, 3].mean() == pytest.approx(share, abs=0.004)
    assert draws[:, 3].var() == pytest.approx(share * (1 - share) / 13, rel=0.05)


def test_an_open_wait_moves_mass_to_longer_ones_and_never_to_shorter():
    without, with_open = survival(curve([5, 9, 12], [0, 0, 0], 1.0)), survival(curve([5, 9, 12, 7], [0, 0, 0, 1], 1.0))
    assert (with_open >= without - 1e-12).all()
    assert with_open[9] > without[9]
