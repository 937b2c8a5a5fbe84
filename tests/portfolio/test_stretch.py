"""Stretch: intervals that were too narrow are widened, others left alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.evaluate.backtest import backtest_panel
from skucast.forecast import SHOWN
from skucast.portfolio.choice import Choice
from skucast.portfolio.stretch import learn_stretch, stretched

from ..evaluate.planted import Around, random_panel


def factors(spread: float) -> tuple[float, float]:
    """What is learned of a member whose 80 % interval reaches ``spread`` times the mean to each side."""
    test = backtest_panel(random_panel(80, seed=2), 7, 3, {"m": Around(spread=spread)})
    return learn_stretch(test, Choice(("m",), (), np.ones((1, 5, 1))).combined(test))


def test_narrow_intervals_are_widened_and_wide_ones_narrowed():
    narrow, wide = factors(0.05), factors(3.0)
    assert min(narrow) > 1.2
    assert max(wide) < 0.8


def test_it_never_makes_the_tested_windows_worse():
    test = backtest_panel(random_panel(60, seed=3), 7, 3, {"m": Around(spread=0.05)})
    plain = Choice(("m",), (), np.ones((1, 5, 1)))
    found = learn_stretch(test, plain.combined(test))

    def loss(pair):
        total = 0.0
        for window, made in zip(test.windows, plain.combined(test), strict=True):
            levels = np.asarray(SHOWN)
            at = [test.levels.index(q) for q in SHOWN]
            moved = stretched(made[1], test.levels, pair)[..., at]
            error = window.actual[..., None] - moved
            total += np.nansum(np.maximum(levels * error, (levels - 1) * error)) / np.nansum(window.actual)
        return total

    assert loss(found) <= loss((1.0, 1.0))


@given(
    st.lists(st.floats(0, 1e6, width=32), min_size=9, max_size=9).map(sorted),
    st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)),
)
def test_stretched_quantiles_are_ordered_and_never_negative(values, pair):
    made = stretched(np.array([values], np.float32), SHOWN, pair)
    assert (np.diff(made, axis=-1) >= 0).all()
    assert made.min() >= 0
    assert made[0, 4] == np.float32(values[4])


def test_nothing_to_learn_from_changes_nothing():
    test = backtest_panel(random_panel(20), 7, 2, {"m": Around()})
    assert learn_stretch(test, [None, None]) == (1.0, 1.0)
    assert stretched(np.ones((2, 3), np.float32), (0.1, 0.5, 0.9), (1.0, 1.0)) == pytest.approx(1.0)
