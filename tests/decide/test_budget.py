import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.budget import cut_to_budget
from skucast.decide.order_up_to import critical_ratio, expected_gain, quantile_of_sorted
from skucast.decide.packs import least_lot, round_order


def shop(seed, items, draws=20, highest=12, packs=(1.0, 2.0, 3.0), least=0.0):
    """Random items and what each would order without a budget."""
    rng = np.random.default_rng(seed)
    need = np.sort(rng.integers(0, highest, (items, draws)), axis=1).astype(np.float32)
    cost = rng.uniform(1, 9, items)
    under, over = cost * rng.uniform(0.2, 2, items), cost * rng.uniform(0.01, 0.3, items)
    pack = rng.choice(packs, items)
    minimum = np.full(items, least)
    ideal = quantile_of_sorted(need, critical_ratio(under, over))
    wanted = round_order(ideal, need, under, over, pack, minimum)
    return need, cost, under, over, pack, minimum, wanted


def cut(parts, budget):
    need, cost, under, over, pack, minimum, wanted = parts
    return cut_to_budget(wanted, need, under, over, cost, pack, least_lot(pack, minimum), budget)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0, 1.2), st.sampled_from([0.0, 5.0]))
def test_the_budget_is_never_exceeded_and_lines_stay_orderable(seed, items, share, least):
    parts = shop(seed, items, least=least)
    _, cost, _, _, pack, minimum, wanted = parts
    budget = float(wanted @ cost) * share
    got = cut(parts, budget)
    assert float(got @ cost) <= budget * (1 + 1e-12)
    assert np.all(got <= wanted)
    assert np.all((got == 0) | (got >= least_lot(pack, minimum)))
    np.testing.assert_allclose(got / pack, np.round(got / pack))


@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_lots_are_bought_in_order_of_marginal_gain_per_unit_of_money(seed, share):
    parts = shop(seed, 8)
    cost, wanted = parts[1], parts[-1]
    budget = float(wanted @ cost) * share
    got = cut(parts, budget)
    assert _gain(parts, got).sum() == pytest.approx(_gain(parts, _greedy(parts, budget)).sum(), rel=1e-4)


def _gain(parts, quantity):
    need, _, under, over, *_ = parts
    return expected_gain(need.astype(float), quantity, under, over)


def _greedy(parts, budget):
    """One pack at a time, the best first; what does not fit is skipped for good."""
    _, cost, _, _, pack, _, wanted = parts
    got, left, shut = np.zeros_like(wanted), budget, np.zeros(wanted.size, dtype=bool)
    while True:
        more = got + pack
        value = (_gain(parts, more) - _gain(parts, got)) / (pack * cost)
        value[shut | (more > wanted + 1e-9) | (value <= 0)] = -1
        best = int(np.argmax(value))
        if value[best] <= 0:
            return got
        if pack[best] * cost[best] > left:
            shut[best] = True
            continue
        got[best] += pack[best]
        left -= pack[best] * cost[best]


@pytest.mark.parametrize("seed", range(6))
def test_the_gain_is_within_one_lot_of_the_best_possible(seed):
    parts = shop(seed, 4, highest=6)
    cost, pack, wanted = parts[1], parts[4], parts[-1]
    budget = float(wanted @ cost) * 0.5
    choices = [np.arange(0, w + 1e-9, p) for w, p in zip(wanted, pack, strict=True)]
    tried = [np.array(q) for q in itertools.product(*choices) if np.array(q) @ cost <= budget]
    best = max(_gain(parts, q).sum() for q in tried)
    got = _gain(parts, cut(parts, budget)).sum()
    assert got <= best + 1e-6
    assert got >= best - _gain(parts, np.minimum(pack, wanted)).max()


def test_a_budget_that_reaches_for_all_changes_nothing():
    parts = shop(3, 5)
    np.testing.assert_array_equal(cut(parts, 1e9), parts[-1])


def test_millions_of_units_are_cut_to_the_last_affordable_one():
    need = np.linspace(0, 4e6, 500, dtype=np.float32)[None]
    one = np.ones(1)
    assert cut_to_budget(np.array([4e6]), need, one, one * 1e-3, one, one, one, 2_000_000.5)[0] == 2_000_000


def test_a_minimum_order_is_bought_as_a_whole_or_not_at_all():
    need, one = np.full((1, 10), 20.0, dtype=np.float32), np.ones(1)
    for budget, units in ((9.0, 0.0), (10.0, 10.0), (13.0, 13.0)):
        got = cut_to_budget(np.array([20.0]), need, one, one * 0.1, one, one, np.array([10.0]), budget)
        assert got[0] == units
