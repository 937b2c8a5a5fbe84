"""Shapley values against textbook games and their axioms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.explain.shapley import Coalition, shapley

NAMES = ("a", "b", "c", "d")


def test_the_glove_game_of_the_textbooks():
    # a owns a left glove, b and c a right one each; a pair is worth 1 (Osborne & Rubinstein, A Course in Game Theory)
    found = shapley(["a", "b", "c"], lambda some: np.array(float("a" in some and len(some) > 1)))
    assert [float(found[n]) for n in "abc"] == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_the_airport_game_of_the_textbooks():
    # runways of cost 12, 18 and 33: the common part is shared by all who need it (Littlechild & Owen 1973)
    cost = {"a": 12.0, "b": 18.0, "c": 33.0}
    found = shapley(list(cost), lambda some: np.array(max((cost[n] for n in some), default=0.0)))
    assert [float(found[n]) for n in "abc"] == pytest.approx([4.0, 7.0, 22.0])


def test_two_factors_share_what_only_both_bring():
    # 100 units, times 1.5 and times 1.2: alone 50 and 20, together 80
    worth = lambda some: np.array(100 * (1.5 if "a" in some else 1) * (1.2 if "b" in some else 1))  # noqa: E731
    found = shapley(["a", "b"], worth)
    assert (float(found["a"]), float(found["b"])) == pytest.approx((55.0, 25.0))


@given(st.lists(st.floats(-1e3, 1e3), min_size=16, max_size=16), st.integers(0, 4))
def test_players_together_add_what_all_have_over_none(values, count):
    table = {}

    def worth(some: Coalition) -> np.ndarray:
        at = sum(1 << NAMES.index(n) for n in some)
        table[some] = table.get(some, 0) + 1
        return np.array([values[at], 2 * values[at]])

    players = NAMES[:count]
    found = shapley(players, worth)
    gain = np.array([values[2**count - 1] - values[0]] * 2) * [1, 2]
    np.testing.assert_allclose(sum(found.values(), np.zeros(2)), gain, atol=1e-9)
    assert len(table) == 2**count
    assert set(table.values()) == {1}  # each coalition is asked once


@given(st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4))
def test_who_adds_the_same_in_any_company_gets_that_and_who_adds_nothing_gets_nothing(adds):
    table = dict(zip(NAMES, [*adds[:3], 0.0], strict=True))
    found = shapley(NAMES, lambda some: np.array(sum(table[n] for n in sorted(some))))
    for name in NAMES:
        assert float(found[name]) == pytest.approx(table[name], abs=1e-8)
