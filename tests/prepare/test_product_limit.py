"""The product-limit estimator against textbook values and scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skucast.prepare.product_limit import Tails, product_limit

# Freireich et al. (1963), remission of acute leukaemia under 6-mercaptopurine, weeks; the curve and its Greenwood errors
# are those of Kleinbaum & Klein, Survival Analysis, chapter 2, and of Cox & Oakes (1984), table 1.1.
WEEKS = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
STILL = [False] * 9 + [True] * 12
CURVE = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
ERRORS = {6: 0.0764, 7: 0.0869, 10: 0.0963, 13: 0.1068, 16: 0.1141, 22: 0.1282, 23: 0.1346}
AT_RISK = {6: 21, 7: 17, 10: 15, 13: 12, 16: 11, 22: 7, 23: 6}


def test_the_remission_times_give_the_curve_of_the_textbooks() -> None:
    curve = product_limit(WEEKS, STILL)
    for week, share in CURVE.items():
        k = int(np.searchsorted(curve.value, week))
        assert curve.above(week) == pytest.approx(share, abs=5e-5)
        assert curve.error[k] == pytest.approx(ERRORS[week], abs=5e-5)
        assert curve.at_risk[k] == AT_RISK[week]
    assert curve.above(5.9) == 1
    assert curve.above(40) == curve.above(23)  # the last were still in remission


SAMPLES = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=40).filter(
    lambda pairs: any(not cut for _, cut in pairs)
)


@given(SAMPLES)
def test_the_curve_is_that_of_scipy(pairs: list[tuple[int, bool]]) -> None:
    x, cut = np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs])
    known = stats.ecdf(stats.CensoredData.right_censored(x, cut)).sf
    curve = product_limit(x, cut)
    np.testing.assert_array_equal(curve.value, known.quantiles)
    np.testing.assert_allclose(curve.survival, known.probabilities, atol=1e-12)


def efron(x: np.ndarray, cut: np.ndarray) -> dict[float, float]:
    """Masses by Efron's own words: from the left, what is censored gives its mass to all that lie to its right."""
    order = np.lexsort((cut, x))
    x, cut = x[order], cut[order].copy()
    cut[-1] = False
    mass = np.full(x.size, 1 / x.size)
    for k in range(x.size):
        if cut[k]:
            mass[k + 1 :] += mass[k] / (x.size - k - 1)
            mass[k] = 0
    out: dict[float, float] = {}
    for value, share in zip(x, mass, strict=True):
        out[float(value)] = out.get(float(value), 0.0) + share
    return out


@given(st.lists(SAMPLES, min_size=1, max_size=5), st.integers(0, 13))
def test_tails_of_many_samples_are_those_of_mass_moved_to_the_right(samples, bound: int) -> None:
    value = np.array([float(v) for s in samples for v, _ in s])
    cut = np.array([c for s in samples for _, c in s])
    group = np.repeat(np.arange(len(samples)), [len(s) for s in samples])
    tails = Tails.of(value, cut, group, len(samples) + 1)  # the last sample is empty
    asked = np.arange(len(samples) + 1)
    share, total = tails.above(asked, np.full(asked.size, float(bound)))
    for k in range(len(samples)):
        mass = {v: m for v, m in efron(value[group == k], cut[group == k]).items() if v >= bound}
        assert share[k] == pytest.approx(sum(mass.values()), abs=1e-9)
        assert total[k] == pytest.approx(sum(v * m for v, m in mass.items()), abs=1e-8)
    assert share[-1] == total[-1] == 0


def test_picked_values_follow_the_masses() -> None:
    tails = Tails.of(np.array(WEEKS, float), np.array(STILL), np.zeros(21, np.int64), 1)
    chance = (np.arange(40_000) + 0.5) / 40_000
    picked = tails.pick(np.zeros(chance.size, np.int64), np.full(chance.size, 9.0), chance)
    mass = {v: m for v, m in efron(np.array(WEEKS, float), np.array(STILL)).items() if v >= 9 and m > 0}
    share = sum(mass.values())
    for week, m in mass.items():
        assert (picked == week).mean() == pytest.approx(m / share, abs=1e-3)
    assert tails.pick(np.array([0]), np.array([99.0]), np.array([0.5]))[0] == 99
