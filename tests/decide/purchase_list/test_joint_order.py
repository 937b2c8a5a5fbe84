import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.purchase_list import (
    GainCurves,
    Limits,
    Lines,
    SupplierRule,
    gain_curves,
    order_sales,
    purchase_list,
)
from skucast.decide.purchase_list.columns import Columns
from skucast.decide.purchase_list.programme import Programme
from skucast.errors import ConfigError, DataError

from .playing import allowed, best_of_all, expected_gain

SLOW = settings(deadline=None, max_examples=40)


def shop(seed, items=4, strict=True):
    """A small shop with every kind of constraint, and its curves."""
    g = np.random.default_rng(seed)
    paths = g.poisson(g.uniform(0.3, 1.6, items)[:, None, None], (items, 12, 6))
    cost = g.uniform(2, 9, items).round(2)
    rules = {
        "x": SupplierRule(min_value=float(g.choice([0, 25, 60])), order_cost=float(g.choice([0, 3, 12]))),
        "y": SupplierRule(min_units=float(g.choice([0, 6, 12])), order_cost=float(g.choice([0, 4]))),
    }
    lines = Lines(
        [f"i{k}" for k in range(items)], (cost * g.uniform(1.1, 2.5, items)).round(2), cost, position=g.integers(-1, 3, items),
        pack=g.choice([1, 2, 3], items), min_order=g.choice([0, 0, 4, 5], items), salvage=cost * g.uniform(0.2, 0.95, items),
        carrying=g.choice([0.0, 0.1], items), shortage=g.choice([0.0, 1.0], items), lost=g.random(items) < 0.5,
        supplier=[("x", "y", None)[k] for k in g.integers(0, 3, items)], rules=rules if strict else {},
        uses={"m3": g.uniform(0.1, 1, items), "kg": g.uniform(0, 2, items)},
    )  # fmt: skip
    arrival = g.integers(0, 3, (items, 12))
    curves = gain_curves(lines, order_sales(lines, paths, arrival, arrival + 3, moments=3), 0.0)
    return lines, curves, paths, arrival


@pytest.mark.parametrize("seed", range(24))
def test_the_order_gains_what_enumeration_finds(seed):
    lines, curves, paths, arrival = shop(seed)
    g = np.random.default_rng([seed, 1])
    limits = Limits(
        budget=float(g.choice([20, 45, 90, np.inf])),
        capacity={"m3": float(g.choice([4, 9, np.inf])), "kg": float(g.choice([5, 30]))},
    )
    gains = []
    for i in range(len(lines)):
        line = {n: lines.of(n)[i] for n in ("price", "unit_cost", "salvage", "carrying", "shortage")}
        line |= {"position": int(lines.position[i]), "pack": int(lines.pack[i]), "lost": bool(lines.lost[i])}
        most = int(max(14 // lines.pack[i], lines.least[i]))
        gains.append(
            [expected_gain(paths[i], k, arrival[i], arrival[i] + 3, line) if k else 0.0 for k in range(most + 1)]
        )
    best, at = best_of_all(gains, lines, limits)
    order = purchase_list(lines, curves, limits, gap=0.0)
    assert order.gain == pytest.approx(best, abs=1e-4), at
    assert allowed(order.packs, lines, limits)
    assert order.bound == pytest.approx(order.gain, abs=1e-4)
    assert order.listed_gain <= order.gain + 1e-9
    assert allowed(order.table["listed_packs"].to_numpy(), lines, limits)
    assert order.linear >= order.gain - 1e-6


@SLOW
@given(st.integers(0, 10_000), st.floats(0, 150), st.floats(0, 100), st.booleans())
def test_limits_hold_and_more_money_is_never_worse(seed, budget, more, strict):
    lines, curves, *_ = shop(seed, items=6, strict=strict)
    room = {"m3": 8.0}
    poor = purchase_list(lines, curves, Limits(budget, room), gap=0.0)
    rich = purchase_list(lines, curves, Limits(budget + more, room), gap=0.0)
    for order, money in ((poor, budget), (rich, budget + more)):
        units = order.table["units"].to_numpy()
        assert (order.packs >= 0).all()
        np.testing.assert_allclose(units, order.packs * lines.pack)
        assert ((units == 0) | (units >= lines.min_order)).all()
        assert allowed(order.packs, lines, Limits(money, room))
        assert order.spent <= money + 1e-6
        assert 0 <= order.listed_gain <= order.gain + 1e-9
        assert order.gain <= min(order.linear, order.bound) + 1e-6
        assert order.step_gain >= 0
    assert rich.gain >= poor.gain - 1e-6


@SLOW
@given(st.integers(0, 10_000), st.floats(5, 80))
def test_tighter_terms_never_gain_more(seed, budget):
    lines, curves, *_ = shop(seed, items=6)
    free = Lines(**{**vars(lines), "rules": {}})
    assert purchase_list(free, curves, Limits(budget), gap=0.0).gain >= (
        purchase_list(lines, curves, Limits(budget), gap=0.0).gain - 1e-6
    )


VALUES = [
    360, 83, 59, 130, 431, 67, 230, 52, 93, 125, 670, 892, 600, 38, 48, 147, 78, 256, 63, 17, 120, 164, 432, 35, 92, 110, 22,
    42, 50, 323, 514, 28, 87, 73, 78, 15, 26, 78, 210, 36, 85, 189, 274, 43, 33, 10, 19, 389, 276, 312,
]  # fmt: skip
WEIGHTS = [
    7, 0, 30, 22, 80, 94, 11, 81, 70, 64, 59, 18, 0, 36, 3, 8, 15, 42, 9, 0, 42, 47, 52, 32, 26, 48, 55, 6, 29, 84, 2, 4, 18,
    56, 7, 29, 93, 44, 71, 3, 86, 66, 31, 65, 0, 79, 20, 65, 52, 13,
]  # fmt: skip


def single_packs(gain):
    """Curves of one pack each."""
    n = len(gain)
    zero = np.zeros(n)
    return GainCurves(
        np.arange(n + 1), np.ones(n, dtype=np.int64), np.array(gain, dtype=float), zero, zero + np.inf, zero, zero
    )


def test_the_knapsack_of_fifty_orders_is_worth_7534():
    """Google OR-Tools, knapsack example: capacity 850, optimum 7,534."""
    lines = Lines([str(k) for k in range(50)], 1.0, 0.0, uses={"weight": WEIGHTS})
    order = purchase_list(lines, single_packs(VALUES), Limits(capacity={"weight": 850}), gap=0.0)
    assert order.gain == pytest.approx(7534)
    assert order.bound == pytest.approx(7534)
    money = Lines([str(k) for k in range(50)], 1000.0, WEIGHTS)
    assert purchase_list(money, single_packs(VALUES), Limits(850), gap=0.0).gain == pytest.approx(7534)


def test_the_optimum_beats_the_list_where_coins_are_left():
    lines = Lines(["big", "left", "right"], 100, [6, 5, 5])
    order = purchase_list(lines, single_packs([13, 10, 10]), Limits(10), gap=0.0)
    assert (order.gain, order.listed_gain) == (20, 13)
    assert order.packs.tolist() == [0, 1, 1]
    assert order.table["listed_packs"].to_list() == [1, 0, 0]
    assert order.ranking["id"].to_list() == ["big", "left", "right"]
    assert order.linear == pytest.approx(13 + 4 / 5 * 10)
    assert order.money_price == pytest.approx(2)


def test_the_next_money_is_worth_what_the_list_would_buy_with_it():
    lines = Lines(["a", "b", "c"], 100, [10, 10, 10])
    order = purchase_list(lines, single_packs([30, 20, 5]), Limits(10), step=15)
    assert order.gain == 30
    assert order.step_gain == pytest.approx(20 + 2.5)
    assert purchase_list(lines, single_packs([30, 20, 5]), Limits()).step_gain == 0
    assert purchase_list(lines, single_packs([30, 20, 5]), Limits(500)).step_gain == 0


def test_a_minimum_is_filled_with_packs_that_lose_little():
    paths = np.full((2, 1, 4), 2.0)  # 8 of each will sell for certain
    lines = Lines(
        ["dear", "plain"],
        [20, 6],
        [10, 5],
        salvage=[0, 4.5],
        supplier=["x", "x"],
        rules={"x": SupplierRule(min_value=150)},
    )
    curves = gain_curves(lines, order_sales(lines, paths, 0, 4))
    order = purchase_list(lines, curves, gap=0.0, until=[dt.date(2026, 12, 14)] * 2)
    assert order.packs.tolist() == [8, 14]  # 80 + 70 = 150
    assert order.gain == pytest.approx(8 * 10 + 8 * 1 - 6 * 0.5)
    assert order.table["reason"].to_list() == ["order", "filled"]
    assert "more than the 8 units it is worth alone, to reach the minimum of x" in order.table["reason_en"][1]
    assert "以满足供应商 x 的起订要求" in order.table["reason_zh"][1]


def test_an_order_that_does_not_earn_its_cost_is_not_placed():
    paths = np.full((1, 1, 4), 2.0)
    for cost, ordered in ((7.9, 8), (8.1, 0)):
        lines = Lines(["a"], 6, 5, supplier=["x"], rules={"x": SupplierRule(order_cost=cost)}, salvage=1)
        order = purchase_list(lines, gain_curves(lines, order_sales(lines, paths, 0, 4)))
        assert order.packs.tolist() == [ordered]
        assert order.order_cost == (cost if ordered else 0)
        assert order.gain == pytest.approx(max(8 - cost, 0))


def told(limits, until=None, **line):
    paths = np.repeat(np.arange(1, 13)[None, :, None], 4, axis=2) / 1.0
    lines = Lines(["A1"], **{"price": 9, "unit_cost": 4, "salvage": 2} | line)
    sales = order_sales(lines, paths, 1, 4)
    return purchase_list(lines, gain_curves(lines, sales), limits, until=until).table.row(0, named=True)


def test_an_order_says_its_risk_date_and_gain_in_both_languages():
    row = told(Limits(), [dt.date(2026, 12, 14)], position=8, pack=6)
    assert row["reason"] == "order"
    assert row["reason_en"] == (
        f"Order {row['packs']} packs ({row['units']:.0f} units) for €{row['value']:.0f}: 83 % chance of running out before 14 "
        f"Dec, +€{row['gain']:.2f} expected."
    )
    assert row["reason_zh"] == (
        f"补货 {row['packs']} 箱（{row['units']:.0f} 件），金额 €{row['value']:.0f}：12月14日前断货概率 83%，"
        f"预计多赚 €{row['gain']:.2f}。"
    )


@pytest.mark.parametrize(
    ("limits", "line", "code", "says"),
    [
        (Limits(), {"shelf_life": 1.0, "min_order": 20, "lost": True}, "min-order-spoils", "20 units, is more than the 6 units that should"),
        (Limits(30), {"min_order": 10}, "beyond-budget", "10 units, costs €40.00, more than the budget of €30.00"),
        (Limits(capacity={"m3": 2}), {"min_order": 10, "uses": {"m3": 0.5}}, "beyond-capacity", "takes 5 of m3, and there is 2"),
        (
            Limits(100), {"supplier": ["x"], "rules": {"x": SupplierRule(min_value=150, order_cost=5)}}, "supplier-beyond-budget",
            "an order of x takes at least €155, more than the budget of €100",
        ),
        (Limits(), {"min_order": 900}, "not-worth", "even the smallest line, 900 units, is expected to lose €1,"),
        (Limits(), {"price": 3.0, "salvage": 4.0}, "unprofitable", "a unit costs €4.00 and sells for €3.00"),
        (Limits(), {"planned": False}, "unplanned", "as asked"),
        (Limits(2), {"unit_cost": 1.0, "salvage": 0.5, "price": 1.5}, "cut", "instead of"),
    ],
)  # fmt: skip
def test_what_cannot_be_met_is_named_with_what_would_do(limits, line, code, says):
    row = told(limits, **line)
    assert row["reason"] == code
    assert says in row["reason_en"]
    assert (row["packs"] == 0) == (code != "cut")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Lines(["a", "b"], 9, [4, np.nan]), "Item 'b': unit cost must be a number of at least 0, not nan"),
        (lambda: Lines(["a"], 9, 4, pack=0), "Item 'a': pack must be a number above 0, not 0"),
        (lambda: Lines(["a"], 9, 4, salvage=5), "Item 'a': a unit left over is worth 5, more than it costs"),
        (lambda: Lines(["a"], 9, 4, rules={"x": SupplierRule(min_value=-1)}), "Supplier 'x': minimum and order cost"),
        (lambda: Lines(["a"], 9, [4, 5]), "'unit_cost' must be one number or 1"),
        (
            lambda: order_sales(Lines(["a"], 9, 4), np.ones((1, 2, 3)), 0, 2, shelf_quantile=1.5),
            "Shelf quantile must lie between",
        ),
        (lambda: Limits(-5), "budget must be at least zero, not -5"),
        (
            lambda: purchase_list(Lines(["a"], 9, 4), single_packs([1]), Limits(capacity={"kg": 3})),
            "limit on 'kg', but no item says",
        ),
        (lambda: order_sales(Lines(["a"], 9, 4), np.ones((1, 2, 3)), 4, 2), "must arrive between now and"),
    ],
)
def test_bad_input_is_named(make, says):
    with pytest.raises((ConfigError, DataError), match=says):
        make()


def test_nothing_to_order_is_no_error():
    lines = Lines(["a"], 9, 4, position=100)
    order = purchase_list(lines, gain_curves(lines, order_sales(lines, np.ones((1, 2, 3)), 0, 3)), Limits(10))
    assert (order.gain, order.bound, order.gap, order.spent) == (0, 0, 0, 0)
    assert order.table["reason"].to_list() == ["not-worth"]
    assert order.lines().is_empty()
    assert order.summary()["lines"] == 0


@pytest.mark.parametrize("seed", range(0, 24, 4))
def test_lines_tied_to_their_supplier_as_a_whole_make_the_same_order(seed, monkeypatch):
    lines, curves, *_ = shop(seed)
    limits = Limits(60, {"kg": 12})
    single = purchase_list(lines, curves, limits, gap=0.0)
    monkeypatch.setattr("skucast.decide.purchase_list.programme._MANY", 0)
    whole = purchase_list(lines, curves, limits, gap=0.0)
    assert whole.gain == pytest.approx(single.gain)
    assert whole.linear >= single.linear - 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_without_time_for_the_relaxation_the_order_is_the_same(seed, monkeypatch):
    lines, curves, *_ = shop(seed)
    usual = purchase_list(lines, curves, Limits(60), gap=0.0)
    monkeypatch.setattr(Programme, "relaxed", lambda self, seconds: None)
    hasty = purchase_list(lines, curves, Limits(60), gap=0.0)
    assert hasty.gain == pytest.approx(usual.gain)
    assert hasty.bound == pytest.approx(usual.bound)
    assert np.isinf(hasty.linear)
    assert np.isnan(hasty.step_gain)


@pytest.mark.parametrize("seed", range(4))
def test_without_any_time_the_ranked_list_is_ordered_below_a_bound(seed, monkeypatch):
    lines, curves, *_ = shop(seed)
    usual = purchase_list(lines, curves, Limits(60), gap=0.0)
    monkeypatch.setattr(Programme, "relaxed", lambda self, seconds: None)
    hasty = purchase_list(lines, curves, Limits(60), seconds=0.0)
    assert hasty.gain == hasty.listed_gain
    assert hasty.packs.tolist() == hasty.table["listed_packs"].to_list()
    assert hasty.bound >= usual.gain - 1e-9


def test_the_bound_of_coarse_curves_lies_above_the_exact_optimum():
    g = np.random.default_rng(2)
    paths = g.negative_binomial(2, 0.01, (5, 60, 6)).astype(float)
    lines = Lines(list("abcde"), 9, [3, 4, 5, 6, 7], carrying=0.05, salvage=1)
    sales = order_sales(lines, paths, 1, 6)
    fine, coarse = (gain_curves(lines, sales, t) for t in (0.0, 1e-2))
    assert coarse.packs.size < fine.packs.size / 2
    for budget in (500.0, 3000.0, np.inf):
        exact, rough = (purchase_list(lines, c, Limits(budget), gap=0.0) for c in (fine, coarse))
        assert rough.gain <= exact.gain + 1e-6 <= rough.bound + 2e-6
        assert rough.bound <= exact.gain + coarse.error.sum() + 1e-6
        assert rough.spent <= budget


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("budget", [0.0, 30.0, 70.0, np.inf])
def test_the_list_with_its_last_lot_in_part_is_the_linear_optimum(seed, budget):
    lines, curves, *_ = shop(seed, items=7, strict=False)
    programme = Programme.of(lines, Limits(budget), Columns.of(lines, curves))
    listed = programme.relaxed(5.0)
    solved = replace(programme, money_only=False).relaxed(5.0)
    assert programme.money_only
    assert listed.value == pytest.approx(solved.value)
    assert (programme.rows @ listed.x <= programme.right + 1e-9).all()
    # the price of money proves it: nothing gains more within the bounds
    money = budget * listed.money_price if np.isfinite(budget) else 0.0
    assert money + listed.at_most @ programme.most == pytest.approx(solved.value)
