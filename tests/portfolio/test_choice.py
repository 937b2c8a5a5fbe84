"""Choice: weights per band and class, what they do beyond the test, and how they are kept."""

import numpy as np
import pytest

from skucast.evaluate.backtest import backtest_panel
from skucast.evaluate.classes import CLASSES
from skucast.portfolio import choice as choice_module
from skucast.portfolio.choice import Choice

from ..evaluate.planted import Around, Broken, Doubled, random_panel

C = len(CLASSES)
SMOOTH = CLASSES.index("smooth")


def two_bands() -> Choice:
    """Member ``a`` for the first two steps, ``b`` after them."""
    return Choice(("a", "b"), (2,), np.stack([np.tile([1.0, 0.0], (C, 1)), np.tile([0.0, 1.0], (C, 1))]))


def test_every_step_takes_the_weights_of_its_band():
    classes = np.array([SMOOTH, SMOOTH])
    assert two_bands().share("a", classes, 4).tolist() == [[1, 1, 0, 0]] * 2
    assert two_bands().share("b", classes, 4).tolist() == [[0, 0, 1, 1]] * 2
    one, two = np.full((2, 4), 10.0, np.float32), np.full((2, 4), 30.0, np.float32)
    mean, quantiles = two_bands().mix({"a": (one, one[..., None]), "b": (two, two[..., None])}, classes, (0.5,))
    assert mean.tolist() == [[10, 10, 30, 30]] * 2
    assert quantiles[..., 0].tolist() == mean.tolist()


def test_weights_add_up_to_one_for_every_band_and_class():
    test = backtest_panel(random_panel(40), 8, 2, {"good": Around(), "bad": Doubled()})
    made = Choice.learn(test, ["good", "bad"])
    assert made.weights.shape == (3, C, 2)  # both halves, and beyond
    assert made.ends == (4, 8)
    assert made.weights.sum(axis=2) == pytest.approx(1.0)
    assert made.weights[:2, SMOOTH, 0] == pytest.approx(1.0)


def test_a_horizon_of_a_step_or_two_has_one_band():
    test = backtest_panel(random_panel(20), 2, 2, {"good": Around(), "bad": Doubled()})
    assert Choice.learn(test, ["good", "bad"]).ends == (2,)


def test_beyond_the_test_trusted_members_share_half(monkeypatch):
    monkeypatch.setattr(choice_module, "TRUSTED", ("far",))
    test = backtest_panel(random_panel(40), 8, 2, {"good": Around(), "far": Doubled()})
    made = Choice.learn(test, ["good", "far"])
    assert made.weights[-1, SMOOTH] == pytest.approx([0.5, 0.5])
    assert made.only(8).weights.shape[0] == 2
    assert made.only(9).weights.shape[0] == 3
    assert made.only(3).ends == ()
    assert np.array_equal(made.only(3).weights[0], made.weights[0])


def test_after_a_single_window_weights_lean_on_trusted_members(monkeypatch):
    monkeypatch.setattr(choice_module, "TRUSTED", ("far",))
    panel, models = random_panel(40), {"good": Around(), "far": Doubled()}
    shares = [Choice.learn(backtest_panel(panel, 8, n, models), list(models)).weights[0, SMOOTH, 1] for n in (1, 2, 3)]
    assert shares == pytest.approx([0.5, 0.125, 0.5 / 9], abs=0.01)


def test_beyond_the_test_intervals_are_less_stretched():
    made = Choice(("a",), (4, 8), np.ones((3, C, 1)), (0.81, 1.44))
    assert made.only(8).stretch == made.only(3).stretch == (0.81, 1.44)
    assert made.only(16).stretch == pytest.approx((0.9, 1.2))


def test_a_trusted_member_that_failed_is_not_trusted(monkeypatch):
    monkeypatch.setattr(choice_module, "TRUSTED", ("far",))
    panel = random_panel(40)
    test = backtest_panel(panel, 8, 2, {"good": Around(), "far": Broken(after=panel.end - 10)})
    assert Choice.learn(test, ["good", "far"]).weights[-1, SMOOTH] == pytest.approx([1.0, 0.0])


def test_members_that_are_left_out_give_their_weight_to_the_others():
    kept = Choice(("a", "b", "c"), (), np.tile([0.5, 0.3, 0.2], (1, C, 1))).kept(["b", "c"])
    assert kept.weights[0, 0] == pytest.approx([0.6, 0.4])
    assert two_bands().kept(["b"]).weights.min() == 1.0


def test_only_series_of_a_class_that_uses_a_member_use_it():
    weights = np.zeros((1, C, 2))
    weights[:, :, 0] = 1.0
    weights[0, SMOOTH] = [0.0, 1.0]
    made = Choice(("a", "b"), (), weights)
    assert made.uses("b", np.array([SMOOTH, SMOOTH + 1])).tolist() == [True, False]
    assert made.mean_share()["smooth"] == {"a": 0.0, "b": 1.0}


def test_it_is_the_same_after_being_written_down():
    made = Choice.learn(backtest_panel(random_panel(20), 8, 2, {"a": Around(), "b": Doubled()}), ["a", "b"])
    again = Choice.from_arrays(made.labels, made.to_arrays())
    assert (again.labels, again.ends, again.stretch) == (made.labels, made.ends, made.stretch)
    assert np.array_equal(again.weights, made.weights)


def test_without_a_test_naive_and_ets_share_alike_or_the_first_takes_all():
    assert Choice.untested(["tsb", "ets", "seasonal-naive"]).weights[0, 0].tolist() == [0, 0.5, 0.5]
    assert Choice.untested(["tsb", "theta"]).weights[0, 0].tolist() == [1, 0]


def test_the_stretch_is_learned_for_the_way_members_are_put_together():
    models = {"low": Around(factor=0.5, spread=0.2), "high": Around(factor=1.5, spread=0.2)}
    test = backtest_panel(random_panel(40), 8, 2, models)
    mean, pool = (Choice.learn(test, list(models), how) for how in ("mean", "pool"))
    assert np.array_equal(mean.weights, pool.weights)
    assert max(pool.stretch) < min(mean.stretch)  # it is wide already where members disagree
    assert pool.kept(["low"]).how == pool.only(3).how == "pool"
