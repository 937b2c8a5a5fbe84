import numpy as np
import pytest

from skucast.decide.inventory import marginal_gains
from skucast.decide.purchase_list import GainCurves, Lines, gain_curves, order_sales

from .playing import expected_gain


def curve_of(lines, paths, arrival, until, tolerance=0.0, **more):
    return gain_curves(lines, order_sales(lines, paths, arrival, until, **more), tolerance)


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("position", [-3, 0, 4, 30])
@pytest.mark.parametrize("pack", [1, 4])
@pytest.mark.parametrize("shelf_life", [np.inf, 2])
def test_every_pack_gains_what_playing_it_out_gains(lost, position, pack, shelf_life):
    g = np.random.default_rng(pack + position + 3)
    paths = g.poisson(2.5, (1, 25, 9))
    arrival = g.integers(0, 4, (1, 25))
    until = arrival + 4
    line = {
        "position": position, "lost": lost, "pack": pack, "price": 9.0, "unit_cost": 4.0, "salvage": 3.2, "carrying": 0.15,
        "shortage": 1.0,
    }  # fmt: skip
    curve = curve_of(Lines(["a"], shelf_life=shelf_life, **line), paths, arrival, until, moments=4)
    best = int(curve.best()[0])
    for packs in range(1, best + 1):
        if np.isinf(shelf_life):
            assert curve.of(0, packs) == pytest.approx(
                expected_gain(paths[0], packs, arrival[0], until[0], line), abs=1e-5
            )
    if np.isfinite(shelf_life):  # two moments of two steps
        curve = curve_of(Lines(["a"], shelf_life=shelf_life, **line), paths, arrival, until, moments=2)
        for packs in curve.packs.tolist():
            played = expected_gain(paths[0], packs, arrival[0], until[0], line | {"shelf_life": shelf_life})
            assert curve.of(0, packs) == pytest.approx(played, abs=1e-5)


def test_without_carrying_the_curve_is_the_newsvendors():
    g = np.random.default_rng(3)
    paths = g.poisson(4.0, (3, 200, 6)).astype(float)
    lines = Lines(
        ["a", "b", "c"],
        [9, 5, 20],
        [4, 4, 4],
        position=[0, 3, 8],
        pack=[1, 1, 3],
        salvage=[1, 2, 3],
        shortage=[0, 1, 2],
    )
    curve = curve_of(lines, paths, 0, 5)
    gains = marginal_gains(
        paths[:, :, :5].sum(axis=2), 40, lines.price, lines.unit_cost, lines.salvage, shortage=lines.shortage,
        position=lines.position, pack=lines.pack,
    )  # fmt: skip
    best = curve.best()
    for i in range(3):
        for packs in range(1, best[i] + 1):
            assert curve.of(i, packs) == pytest.approx(gains[i, :packs].sum(), abs=1e-6)
    assert best.tolist() == (gains > 1e-9).sum(axis=1).tolist()


def test_chords_stay_within_their_stated_error_below_the_curve():
    g = np.random.default_rng(0)
    paths = g.negative_binomial(2, 0.004, (4, 150, 6)).astype(float)
    lines = Lines(
        list("abcd"),
        [9, 9, 9, 30],
        4,
        salvage=[3, 0, 3.9, 3],
        carrying=0.01,
        pack=[1, 1, 7, 1],
        min_order=[0, 50, 0, 0],
    )
    sales = order_sales(lines, paths, 2, 6)
    fine, coarse = gain_curves(lines, sales, 0.0), gain_curves(lines, sales, 1e-3)
    assert coarse.packs.size < fine.packs.size / 5
    for i in range(4):
        most = int(fine.packs[fine.indptr[i + 1] - 1])
        counts = np.arange(max(1, lines.least[i]), most + 1)
        # exact: straight from the draws
        asked, gap = sales.asked[i].astype(float), sales.gap[i, :, 0].mean()
        units = counts * lines.pack[i]
        sold = np.minimum(asked[:, :, None], units).mean(axis=0)
        exact = (lines.price[i] - lines.salvage[i]) * sold[-1] - (lines.unit_cost[i] - lines.salvage[i]) * units
        exact -= lines.carrying[i] * gap * (units - sold).sum(axis=0)
        for curve in (fine, coarse):
            below = exact - curve.of(i, counts)
            assert below.min() > -1e-6 * exact.max()
            assert below.max() <= curve.error[i] + 1e-6 * exact.max()
        assert coarse.error[i] <= 1e-3 * exact.max() + fine.error[i]
        slope = np.diff(np.append(0, coarse.gain[coarse.indptr[i] : coarse.indptr[i + 1]])) / np.diff(
            np.append(0, coarse.packs[coarse.indptr[i] : coarse.indptr[i + 1]])
        )
        assert (np.diff(slope) <= 1e-9).all()


def test_chunks_joined_are_the_whole():
    g = np.random.default_rng(1)
    paths = g.poisson(3.0, (5, 30, 8))
    lines = Lines(list("abcde"), 9, [3, 4, 5, 6, 7], carrying=0.1, supplier=["x", None, "x", "y", "y"])
    whole = curve_of(lines, paths, 2, 7)
    parts = [curve_of(lines.take(rows), paths[rows], 2, 7) for rows in (slice(0, 2), slice(2, 5))]
    joined = GainCurves.join(parts)
    for name in ("indptr", "packs", "gain", "error", "most", "p_out"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))


def test_risk_is_the_share_of_futures_that_run_out():
    paths = np.array([[[1, 1, 1], [1, 0, 1], [3, 0, 0], [0, 0, 0]]])
    lines = Lines(["a"], 9, 4, position=2)
    assert order_sales(lines, paths, 1, 3).p_out.tolist() == [0.5]


def test_no_more_is_ordered_than_sells_in_its_life_at_the_quantile():
    paths = np.arange(1, 21)[None, :, None] * np.ones((1, 1, 4))
    for quantile, sells in ((0.5, 20), (0.1, 4)):
        lines = Lines(["a"], 100, 1, shelf_life=2, salvage=0, pack=3, lost=True)
        curve = curve_of(lines, paths, 1, 4, shelf_quantile=quantile)
        assert curve.most[0] == sells // 3
        assert curve.packs.max() == sells // 3


def test_curves_are_taken_in_any_order_and_capped():
    rng = np.random.default_rng(0)
    lines = Lines(list("abcd"), 9.0, 4.0, min_order=[0, 3, 0, 0], planned=[True, True, False, True])
    whole = gain_curves(lines, order_sales(lines, rng.poisson(2.0, (4, 50, 5)).astype(float), 0, 5), 0.0)
    some = whole.take(np.array([3, 2, 1]))
    assert some.best().tolist() == whole.best()[[3, 2, 1]].tolist()
    assert some.ideal.tolist() == whole.ideal[[3, 2, 1]].tolist()
    most = np.array([2.5, 2.0, 9.0, np.inf])
    cut = whole.capped(most)
    assert cut.best().tolist() == [2, 0, 0, whole.best()[3]]  # below its minimum of three nothing is left of b
    assert cut.of(0, 2) == pytest.approx(whole.of(0, 2))
    assert cut.most.tolist() == whole.most.tolist()  # what sells in its life is another matter
