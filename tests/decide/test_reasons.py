"""The sentence of every item: the right code, the right numbers, in both languages, without leftovers."""

import dataclasses
import datetime as dt
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.purchase_list.list_reasons import CONFLICTS
from skucast.decide.reasons import REASONS, SHARED
from skucast.decide.wording import TEXT

from .making import TODAY, certain, plan, poisson, row

CUP = {"sku": ["A"], "price": [10.0], "cost": [6.0]}
TWO = [2.0] * 28


def told(demand=TWO, on_hand=None, fallback=None, on_order=0.0, product=None, **terms):
    """Code and sentences of one item that sells as said; 14 days of lead time and 7 of review."""
    forecast = demand if not isinstance(demand, list) else certain({"A": demand})
    if fallback:
        forecast = dataclasses.replace(forecast, fallback={"A": fallback})
    stock = None if on_hand is None else {"sku": ["A"], "on_hand": [on_hand], "on_order": [on_order]}
    products = {**CUP, **(product or {})}
    got = row(plan(forecast, stock=stock, products={k: v for k, v in products.items() if v is not None}, **terms))
    return got["reason"], got["reason_en"], got["reason_zh"]


def end(days):
    return {"end_date": [TODAY + dt.timedelta(days=days)]}


# 30 Nov + 14 days of lead time = 14 Dec; + 7 days of review = 21 Dec
CASES = {
    "order": (
        {"on_hand": 30.0, "product": {"pack_size": [6.0]}},
        "Order 2 packs (12 units): without it, 100 % chance of running out before 21 Dec; +£47.85 expected.",
        "补货 2 箱（12 件）：不补货则12月21日前有 100% 的概率断货，预计多赚 £47.85。",
    ),
    "too-late": (
        {"on_hand": 8.0},
        "Order 34 units at once: 100 % chance of running out before it arrives on 14 Dec, with £80.00 of margin at "
        "stake until then; +£136 expected.",
        "请尽快补货 34 件：12月14日到货之前断货的概率已达 100%，在此之前约有 £80.00 的毛利难保，预计多赚 £136。",
    ),
    "stock-unknown": (
        {},
        "Order up to 42 units: stock is not known, so this is what an empty shelf needs; 42 units should sell "
        "before 21 Dec. Subtract what you have.",
        "最多补货 42 件：库存未知，按货架为空计算；12月21日前预计售出 42 件，请减去现有库存。",
    ),
    "spoils": (
        {"on_hand": 28.0, "product": {"shelf_life_days": [5.0]}},
        "Order 10 units: without it, 100 % chance of running out before 21 Dec; +£39.92 expected. It keeps for 5 days, "
        "and what is left on 21 Dec is written off.",
        "补货 10 件：不补货则12月21日前有 100% 的概率断货，预计多赚 £39.92。保质期为 5 天，到12月21日仍未售出的部分只能报损。",
    ),
    "ending": (
        {"on_hand": 28.0, "product": end(17)},
        "Order 8 units for the time until 17 Dec, its last day on sale: without it, 100 % chance of running out before "
        "18 Dec; +£31.95 expected. What is left then is written off.",
        "补货 8 件，供12月17日停售前销售：不补货则12月18日前有 100% 的概率断货，预计多赚 £31.95。届时未售出的部分只能报损。",
    ),
    "cut": (
        {"on_hand": 30.0, "budget": 30.0},
        "Order 5 units for £30.00 instead of 12 units, as other lines earn more within the limits: 100 % chance of running "
        "out before 21 Dec, +£19.97 expected.",
        "补货 5 件，金额 £30.00（原需 12 件，因其他商品在限额内收益更高而减量）：12月21日前断货概率 100%，预计多赚 £19.97。",
    ),
    "cost-unknown": (
        {"on_hand": 30.0, "budget": 500.0, "product": {"price": None, "cost": None}},
        "Left out, as without a cost it cannot be weighed against the budget of £500; without a limit 12 units would be "
        "ordered.",
        "本次未列入：成本未知，无法在 £500 的预算内与其他商品比较；若不限预算，应补货 12 件。",
    ),
    "enough": (
        {"on_hand": 40.0, "on_order": 20.0},
        "Enough until about 30 Dec: 60 units (20 on order); <1 % chance of running out before 21 Dec.",
        "库存充足，预计可售至12月30日：现有 60 件（含在途 20 件），12月21日前断货概率 <1%。",
    ),
    "overstocked": (
        {"on_hand": 680.0},
        "Overstocked: 680 units, about 11 months of demand, which is 500 units more than even high demand takes in "
        "3 months (£3,000 at cost).",
        "库存积压：现有 680 件，可售约 11 个月，比未来 3 个月的高位需求还多 500 件（占用资金 £3,000）。",
    ),
    "no-demand": (
        {"demand": [0.0] * 28, "on_hand": 12.0},
        "Next to no demand is expected before 21 Dec; in stock: 12 units.",
        "12月21日前预计几乎没有需求，现有库存 12 件。",
    ),
    "unprofitable": (
        {"on_hand": 3.0, "product": {"cost": [10.5]}},
        "Not worth ordering: a unit costs £10.50 and sells for £10.00.",
        "不建议补货：单位成本 £10.50，售价 £10.00，卖出也不赚钱。",
    ),
    "not-worth": (
        {"demand": [0.01] * 28, "on_hand": 0.0, "product": {"min_order": [100.0]}},
        "Not worth ordering: even the smallest order (100 units) is expected to lose money, as only about 0.2 units "
        "should sell before 21 Dec.",
        "不建议补货：即使只补最小订量（100 件）预计也会亏损，12月21日前预计仅售出约 0.2 件。",
    ),
    "discontinued": (
        {"on_hand": 3.0, "product": end(-2)},
        "Discontinued: 28 Nov was the last day on sale; 3 units left.",
        "已停售，最后销售日为11月28日，尚余 3 件。",
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", CASES)
def test_each_reason_has_its_code_and_its_numbers_in_both_languages(code):
    given_, en, zh = CASES[code]
    assert told(**given_) == (code, en, zh)


MORE = {
    "slow, and stock not known": (
        {"demand": poisson({"A": 0.7 / 365}), "paths": 400},
        "not-worth",
        "Not worth ordering: stock is not known and taken as none; with 1 unit more, the chance of selling out within 12 months is",
    ),
    "slow": ({"demand": poisson({"A": 0.7 / 365}), "on_hand": 0.0, "paths": 400}, "not-worth", "nothing is in stock; with 1 unit more"),
    "years": (
        {"demand": [0.02] * 28, "on_hand": 80.0, "product": {"shelf_life_days": [4000.0]}, "holding_rate": 0.0001, "whole_units": False},
        "overstocked",
        "Overstocked: 80 units, more than 10 years of demand, which is 78 units more than even high demand takes in "
        "3 months (£469 at cost).",
    ),
    "enough for years": (
        {"demand": [5.0] + [0.0] * 27, "on_hand": 5.02},
        "enough",
        "Enough for years: 5 units; <1 % chance of running out before 21 Dec.",
    ),
    "owed": (
        {"on_hand": -5.0},
        "too-late",
        "Order 47 units at once: it is out of stock with 5 units owed to customers, and nothing can arrive before "
        "14 Dec, with £112 of margin at stake until then; +£188 expected.",
    ),
    "out": ({"on_hand": 0.0}, "too-late", "Order 42 units at once: it is out of stock, and nothing can arrive before 14 Dec"),
    "out but next in no time": (
        {"on_hand": 0.0, "lead_time_days": 0},
        "order",
        "Order 14 units: nothing is left, with a 100 % chance of missed sales before 7 Dec; +£55.85 expected.",
    ),
    "left out whole": (
        {"on_hand": 30.0, "budget": 5.0},
        "beyond-budget",
        "Cannot be ordered: its smallest line, 1 unit, costs £6.00, more than the budget of £5.00; without it, 100 % chance",
    ),
    "cut without stock": ({"budget": 30.0}, "cut", "+£20.00 expected. Stock is not known: subtract what you have."),
    "late and spoiling": (
        {"on_hand": 6.0, "product": {"shelf_life_days": [3.0]}},
        "too-late",
        "What is left on 21 Dec is written off.",
    ),
    "stock unknown, with the interval of demand": (
        {"demand": poisson({"A": 4.0}), "paths": 4000},
        "stock-unknown",
        "this is what an empty shelf needs; 73 to 98 units (80 % interval) should sell before 21 Dec.",
    ),
    "no money": (
        {"on_hand": 30.0, "product": {"price": None, "cost": None}},
        "order",
        "Order 12 units: without it, 100 % chance of running out before 21 Dec.",
    ),
    "one pack": ({"on_hand": 30.0, "product": {"pack_size": [12.0]}}, "order", "Order 1 pack (12 units): "),
    "large minimum": (
        {"on_hand": 30.0, "product": {"min_order": [1000.0]}},
        "order",
        "+£19.43 expected. Mind that it lasts for about 17 months.",
    ),
    "ends before it arrives": (
        {"on_hand": 3.0, "product": end(10)},
        "discontinued",
        "Not ordered: 10 Dec is the last day on sale, and an order would arrive on 14 Dec; 3 units left.",
    ),
    "nothing there, nothing asked": (
        {"demand": [0.0] * 28, "on_hand": 0.0},
        "no-demand",
        "Next to no demand is expected before 21 Dec, so nothing is ordered.",
    ),
    "a far date": ({"demand": [2.0] * 28, "on_hand": 690.0, "lead_time_days": 340}, "order", "before 12 Nov 2027"),
    "short history": (
        {"on_hand": 60.0, "fallback": "seasonal-naive (6 observations)"},
        "enough",
        "21 Dec. Doubtful: only 6 days of history.",
    ),
    "one observation": ({"on_hand": 60.0, "fallback": "seasonal-naive (1 observations)"}, "enough", "only 1 day of history."),
    "no history": ({"on_hand": 60.0, "fallback": "zero (no observations)"}, "enough", "there is no history at all."),
    "long but odd history": (
        {"on_hand": 60.0, "fallback": "seasonal-naive (1,400 observations)"},
        "enough",
        "Doubtful: despite 1,400 days of history the chosen model could not forecast it, and a simpler one stands in.",
    ),
    "another cause": ({"on_hand": 60.0, "fallback": "theta: failed"}, "enough", "could not forecast it"),
}  # fmt: skip


@pytest.mark.parametrize("name", MORE)
def test_what_is_special_about_an_item_is_said(name):
    given_, code, part = MORE[name]
    got = told(**given_)
    assert got[0] == code
    assert part in got[1]
    check(*got)


def test_only_six_weeks_of_history_are_called_weeks():
    forecast = dataclasses.replace(
        certain({"A": [2.0] * 9}, "W-SUN"), fallback={"A": "seasonal-naive (6 observations)"}
    )
    _, en, zh = told(forecast, on_hand=60.0)
    assert en.endswith("Doubtful: only 6 weeks of history.")
    assert zh.endswith("注意：仅有 6 周的历史数据，结果仅供参考。")


def test_a_pack_that_spoils_before_it_sells_is_named_with_the_size_that_would_do():
    code, en, zh = told(
        poisson({"A": 0.05}), on_hand=0.0, product={"shelf_life_days": [5.0], "pack_size": [24.0]}, paths=2000
    )
    assert code == "min-order-spoils"
    assert re.search(
        r"its smallest line, 1 pack \(24 units\), is more than the 1 unit that should sell .* A line of at most 1 unit",
        en,
    )
    check(code, en, zh)


def test_a_forecast_that_cannot_be_used_is_said():
    forecast = certain({"A": TWO})
    broken = dataclasses.replace(forecast, quantiles=np.full_like(forecast.quantiles, np.inf))
    code, en, zh = told(broken)
    assert (code, en) == ("no-forecast", "Not planned: its forecast cannot be used; forecast it with another model.")
    check(code, en, zh)


def test_every_code_is_described_and_every_text_belongs_to_a_code():
    joint = {*SHARED, *CONFLICTS}  # their sentences are those of the joint order
    assert {key.split("/")[0] for key in TEXT} | joint == set(REASONS)
    assert set(CASES) | {"no-forecast"} | joint == set(REASONS)


# ---- whatever the numbers -------------------------------------------------------------------
_EN_DATE = r"\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?: \d{4})?"
_ZH_DATE = r"(?:\d{4}年)?\d{1,2}月\d{1,2}日"
_FIGURE = r"\d(?:[\d,]*\d)?(?:\.\d+)?"


def check(code, en, zh):
    """A whole sentence in each language, with the same figures and as many dates."""
    assert code in REASONS
    for text in (en, zh):
        assert not re.search(r"[{}]|None|nan\b|\binf\b|–|  |\.\.|。。", text), text
    assert en[0].isupper()
    assert en.endswith(".")
    assert zh.endswith("。")
    assert sum("\u4e00" <= c <= "\u9fff" for c in zh) >= 6
    assert not re.search(r"[a-z]{3,}", zh), zh
    assert len(re.findall(_EN_DATE, en)) == len(re.findall(_ZH_DATE, zh))
    figures = [re.findall(_FIGURE, re.sub(date, "", text)) for date, text in ((_EN_DATE, en), (_ZH_DATE, zh))]
    assert sorted(figures[0]) == sorted(figures[1]), (en, zh)


_maybe = st.one_of(st.none(), st.floats(0.01, 50))


@given(
    rate=st.sampled_from([0.0, 0.001, 0.05, 0.7, 6.0, 900.0]),
    on_hand=st.one_of(st.none(), st.sampled_from([-7.5, 0.0, 0.02, 3.0, 40.0, 1e5])),
    on_order=st.sampled_from([0.0, 0.01, 12.0]),
    price=_maybe,
    cost=_maybe,
    pack=st.sampled_from([0.5, 1.0, 12.0]),
    least=st.sampled_from([0.0, 48.0]),
    last_day=st.one_of(st.none(), st.sampled_from([-400, -1, 0, 5, 16, 30, 900])),
    life=st.sampled_from([None, 3.0, 90.0]),
    lead=st.sampled_from([0.0, 0.4, 14.0, 400.0]),
    budget=st.sampled_from([0.0, 20.0, 5000.0]),
    fallback=st.sampled_from([None, "seasonal-naive (6 observations)", "zero (no observations)", "naive"]),
    currency=st.sampled_from(["GBP", "JPY", "CHF"]),
)
@settings(max_examples=150, deadline=None)
def test_any_item_gets_a_whole_sentence_in_both_languages_with_the_same_figures(
    rate, on_hand, on_order, price, cost, pack, least, last_day, life, lead, budget, fallback, currency
):  # fmt: skip
    product = {"price": [price], "cost": [cost], "pack_size": [pack], "min_order": [least], "shelf_life_days": [life],
               "end_date": [None if last_day is None else TODAY + dt.timedelta(days=last_day)]}  # fmt: skip
    got = told(poisson({"A": rate}, 14), on_hand, fallback, on_order, {k: v for k, v in product.items() if v != [None]},
               lead_time_days=lead, budget=budget, currency=currency, paths=50)  # fmt: skip
    check(*got)


def test_the_sentence_agrees_with_the_columns_beside_it():
    rng = np.random.default_rng(0)
    ids = [f"S{i:03d}" for i in range(60)]
    made = plan(
        poisson(dict(zip(ids, rng.gamma(1, 3, 60), strict=True))),
        stock={"sku": ids, "on_hand": rng.integers(0, 200, 60)},
        products={"sku": ids, "price": rng.uniform(5, 20, 60), "cost": rng.uniform(1, 4, 60)},
        paths=100,
    )
    for line in made.lines().iter_rows(named=True):
        assert line["reason"] in ("order", "too-late")
        assert line["reason_en"].startswith(f"Order {line['order_qty']:,.0f} unit")
        gain = f"{line['expected_gain']:,.2f}" if line["expected_gain"] < 99.995 else f"{line['expected_gain']:,.0f}"
        assert f"+£{gain} expected" in line["reason_en"]
        assert f"£{gain}" in line["reason_zh"]
    for line in made.frame().filter(pl.col("reason") == "enough").iter_rows(named=True):
        day = line["run_out_date"]
        assert f"{day.day} {day:%b}" in line["reason_en"]
        assert f"{day.month}月{day.day}日" in line["reason_zh"]
