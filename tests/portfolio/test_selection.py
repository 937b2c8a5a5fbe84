"""Weights per demand class: planted winners are found, small classes lean on the whole."""

import numpy as np
import pytest

from skucast.evaluate.backtest import backtest_panel
from skucast.evaluate.classes import CLASSES
from skucast.evaluate.metrics import METRICS, Cells, sums
from skucast.portfolio.choice import Choice
from skucast.portfolio.selection import class_weights
from skucast.portfolio.trial import with_combination

from ..evaluate.planted import Around, Broken, Doubled, panel_of, random_panel

SMOOTH, LUMPY = CLASSES.index("smooth"), CLASSES.index("lumpy")
GOOD_AND_BAD = {"good": Around(), "bad": Doubled()}


def fixed(labels: tuple[str, ...], weights: list[float]) -> Choice:
    """The same weights for every class and step."""
    return Choice(labels, (), np.tile(weights, (1, len(CLASSES), 1)))


def growing(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Smooth series that double from one half of the history to the other: recent values tell more."""
    rng = np.random.default_rng(seed)
    return {f"smooth{i:03d}": rng.poisson(np.where(np.arange(120) < 80, 20, 60)) for i in range(n)}


def lumps(n: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Lumpy series without any change: a long look back tells more."""
    rng = np.random.default_rng(seed)
    return {f"lumpy{i:03d}": rng.binomial(1, 0.3, 120) * rng.geometric(0.1, 120) for i in range(n)}


def test_the_better_member_takes_all():
    panel = random_panel(40)
    weights = class_weights(backtest_panel(panel, 7, 3, GOOD_AND_BAD), ["good", "bad"])
    assert weights[SMOOTH] == pytest.approx([1.0, 0.0])


def test_rows_add_up_to_one_for_every_class():
    weights = class_weights(backtest_panel(panel_of(growing(20) | lumps(20)), 7, 2, GOOD_AND_BAD), ["good", "bad"])
    assert weights.shape == (len(CLASSES), 2)
    assert weights.sum(axis=1) == pytest.approx(1.0)
    assert (weights >= 0).all()


def test_errors_in_opposite_directions_are_averaged_out():
    test = backtest_panel(random_panel(60), 7, 3, {"low": Around(factor=0.5), "high": Around(factor=1.5)})
    weights = class_weights(test, ["low", "high"])
    assert weights[SMOOTH] == pytest.approx([0.5, 0.5], abs=0.1)
    scores = with_combination(test, Choice(("low", "high"), (), weights[None]), "both").leaderboard()
    assert scores["model"][0] == "both"


def test_classes_may_choose_differently():
    models = {"short": Around(span=7), "long": Around(span=200)}
    test = backtest_panel(panel_of(growing(150) | lumps(150)), 7, 3, models)
    weights = class_weights(test, ["short", "long"])
    assert weights[SMOOTH, 0] > 0.8
    assert weights[LUMPY, 1] > weights[SMOOTH, 1] + 0.3


def test_a_class_with_few_series_leans_on_the_choice_for_the_whole():
    models = {"short": Around(span=7), "long": Around(span=200)}

    def long_share(n):
        test = backtest_panel(panel_of(growing(150) | lumps(n)), 7, 3, models)
        return class_weights(test, ["short", "long"])[LUMPY, 1]

    assert long_share(3) < long_share(40) <= long_share(150)


def test_a_class_that_was_not_tested_takes_the_choice_for_the_whole():
    weights = class_weights(backtest_panel(random_panel(40), 7, 3, GOOD_AND_BAD), ["good", "bad"])
    assert weights[LUMPY] == pytest.approx([1.0, 0.0])


def test_members_that_failed_in_a_window_get_nothing():
    panel = random_panel(20)
    test = backtest_panel(panel, 7, 3, {"good": Doubled(), "broken": Broken(after=panel.end - 10)})
    assert class_weights(test, ["good", "broken"])[SMOOTH] == pytest.approx([1.0, 0.0])


def test_without_any_usable_member_all_weigh_alike():
    panel = random_panel(20)
    test = backtest_panel(panel, 7, 2, {"good": Around(), "b1": Broken(after=panel.end - 10)})
    assert class_weights(test, ["b1", "absent"])[SMOOTH] == pytest.approx([0.5, 0.5])


def test_series_weigh_as_many_as_they_stand_for():
    """One series whose demand halves stands for five hundred of them, against twenty that stay."""
    rng = np.random.default_rng(0)
    rows = {f"stays{i:02d}": rng.poisson(20, 120) for i in range(20)}
    rows["halves"] = rng.poisson(np.where(np.arange(120) < 106, 20, 10))
    panel = panel_of(rows)
    models = {"half": Around(span=60, factor=0.5), "full": Around(span=60)}
    heavy = np.where(panel.ids.to_numpy() == "halves", 500.0, 1.0)
    plain = class_weights(backtest_panel(panel, 7, 2, models), ["half", "full"])
    weighted = class_weights(backtest_panel(panel, 7, 2, models, weights=heavy), ["half", "full"])
    assert plain[SMOOTH, 1] > 0.8
    assert weighted[SMOOTH, 0] > 0.5


def test_the_chosen_weights_are_as_good_as_a_fine_grid():
    """Greedy selection against every mix of two members in steps of one hundredth."""
    test = backtest_panel(
        random_panel(200, seed=5), 7, 3, {"a": Around(factor=0.7), "b": Around(factor=1.2, spread=0.2)}
    )

    def wql(share):
        made = with_combination(test, fixed(("a", "b"), [share, 1 - share]), "mix")
        tops, bottoms = zip(
            *(
                sums(
                    METRICS["wql"],
                    Cells(
                        w.actual, made.outcomes["mix", k].mean, made.outcomes["mix", k].quantiles, test.levels, w.scale
                    ),
                    np.zeros(w.rows.size, int),
                    1,
                    False,
                )
                for k, w in enumerate(test.windows)
            ),
            strict=True,
        )
        return np.mean([t[0] / b[0] for t, b in zip(tops, bottoms, strict=True)])

    best = min(wql(s) for s in np.linspace(0, 1, 101))
    chosen = class_weights(test, ["a", "b"])[SMOOTH, 0]
    assert wql(chosen) <= best * 1.005
    assert 0 < chosen < 1


def test_combination_gives_a_failed_members_weight_to_the_others():
    panel = random_panel(10)
    test = backtest_panel(panel, 7, 2, {"good": Around(), "broken": Broken(after=panel.end - 10)})
    mixed = with_combination(test, fixed(("good", "broken"), [0.5, 0.5]), "both")
    assert np.array_equal(mixed.outcomes["both", 1].mean, test.outcomes["good", 1].mean)
    alone = with_combination(test, fixed(("good", "broken"), [0.0, 1.0]), "both")
    assert ("both", 0) in alone.outcomes
    assert ("both", 1) not in alone.outcomes
