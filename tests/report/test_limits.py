"""What the limits of an order cost: the figures of the joint order, and what cannot be ordered at all."""

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from skucast.decide.purchase_list.list_reasons import CONFLICTS
from skucast.explain.sentences import money
from skucast.report import render_report
from skucast.report.limits import ROWS, make_limits, nothing_fits
from skucast.report.wording import Text

from .making import Page, shop_content, stocked_content


@pytest.fixture(scope="module")
def content():
    return stocked_content()


@pytest.fixture(scope="module")
def page(content):
    return Page(render_report(content))


def made(content, **changes):
    return make_limits(replace(content.joint, **changes), content.config.plan, "GBP", {"B-05": "红色灯笼"})


def facts(limits) -> dict[str, tuple[Text, Text]]:
    return {label.en: (value, note) for label, value, note in limits.facts}


def pounds(value: float) -> str:
    return money(value, "GBP", "en")


def test_without_limits_nothing_is_said_of_them():
    assert shop_content().joint is None
    assert "What the limits cost" not in Page(render_report(shop_content())).words("en")


def test_the_figures_are_those_of_the_joint_order(content, page):
    joint = content.joint
    rows = {row[0]: row[1] for row in next(r for r in page.tables if r[0][0].startswith("Spent"))}
    starts = {
        "Spent": joint.spent, "Expected gain of this order": joint.gain, "Ranked list cut at the same limits": joint.listed_gain,
        "Without any limit": joint.ranking["gain"].sum(), "Gain of the next £1,000 of budget": joint.step_gain,
    }  # fmt: skip
    assert len(rows) == len(starts)
    for start, value in starts.items():
        assert next(cell for label, cell in rows.items() if label.startswith(start)) == pounds(value)
    assert joint.spent <= content.config.plan.budget
    assert joint.gain > joint.listed_gain, "this shop was made so that the list is beaten"


def test_each_figure_is_seen_beside_another(content):
    joint = content.joint
    found = facts(made(content))
    assert found["Spent"][1].en == f"{pounds(joint.order_cost)} of it on order costs"
    assert (
        found["Ranked list cut at the same limits"][1].en
        == f"{pounds(joint.gain - joint.listed_gain)} less than this order"
    )
    wanted = (content.plan["wanted_qty"] * content.plan["unit_cost"]).sum()
    assert found["Without any limit"][1].en == f"for {pounds(wanted)} of goods"
    equal = facts(made(content, listed_gain=joint.gain, order_cost=0.0))
    assert equal["Ranked list cut at the same limits"][1] == Text("no less than this order", "不低于本方案")
    assert equal["Spent"][1].en in ("", "–")


@pytest.mark.parametrize(
    ("bound", "told"),
    [
        (1.0, "the best that is possible"),
        (1.0 + 1e-9, "within 0.01 % of the best that is possible"),
        (1.25, "within 20.00 % of the best that is possible"),
        (np.inf, "how far from the best is unknown: the search ran out of time"),
    ],
)
def test_the_distance_from_the_best_is_told_as_it_is(content, bound, told):
    gain = content.joint.gain
    assert facts(made(content, bound=gain * bound))["Expected gain of this order"][1].en == told


def test_an_unknown_gain_of_more_budget_is_no_zero(content):
    value, note = facts(made(content, step_gain=float("nan")))["Gain of the next £1,000 of budget"]
    assert value.en == "–"
    assert note.zh == "未知：计算超时"


def test_the_limits_are_named(content):
    assert made(content).kept.en.endswith("a budget of £600, suppliers' minimums and order costs.")
    plan = content.config.plan.model_copy(update={"budget": 0.0, "max_volume_l": 800.0, "max_weight_kg": 50.0})
    limits = make_limits(content.joint, plan, "GBP", {})
    assert "800 litres, 50 kg, suppliers" in limits.kept.en
    assert "体积 800 升、重量 50 千克、供应商" in limits.kept.zh
    assert not any("of budget" in label.en for label, _, _ in limits.facts), "there is no budget to add to"


def test_what_cannot_be_ordered_is_listed_with_the_reason_and_what_would_do(content, page):
    conflicts = content.joint.conflicts()
    assert conflicts["id"].to_list() == ["B-05"]
    _, *rows = page.table("Why, and what would do")
    assert rows == [["红色灯笼B-05", conflicts["reason_en"][0]]]
    assert "A budget of £750 or a smaller minimum would do." in rows[0][1]
    assert conflicts["reason_zh"][0] in page.words("zh-CN")


def test_lines_that_will_not_run_out_are_no_conflict(content):
    table = content.joint.table.with_columns(
        p_out=pl.when(pl.col("reason").is_in(CONFLICTS)).then(0.001).otherwise("p_out")
    )
    assert made(content, table=table).conflicts == []


def test_many_conflicts_are_cut_and_counted(content):
    table = pl.concat([content.joint.table] * (ROWS + 3))
    joint = replace(content.joint, table=table)
    assert len(make_limits(joint, content.config.plan, "GBP", {}).conflicts) == ROWS
    text = Page(render_report(replace(content, joint=joint))).words("en")
    assert "3 more have the same kind of reason in purchase_plan.csv." in text


def test_where_nothing_fits_the_page_does_not_say_that_nothing_is_needed():
    content = stocked_content(budget=5.0)
    assert content.plan["order_qty"].sum() == 0
    assert nothing_fits(content.joint)
    page = Page(render_report(content))
    assert "none can be within the limits given" in page.words("en")
    assert "none of the 8 planned items can be" in page.words("en")
    assert "均无法下单" in page.words("zh-CN")
    assert "Nothing needs to be ordered now" not in page.words("en")
    assert "目前无需补货" not in page.words("zh-CN")


def test_something_ordered_or_nothing_wanted_fits(content):
    assert not nothing_fits(None)
    assert not nothing_fits(content.joint)
    idle = content.joint.table.with_columns(
        packs=pl.lit(0, pl.Int64), wanted_packs=pl.lit(0, pl.Int64), reason=pl.lit("not-worth")
    )
    assert not nothing_fits(replace(content.joint, table=idle))


def test_every_text_is_there_in_both_languages(content):
    limits = made(content)
    for text in (limits.kept, *(part for fact in limits.facts for part in (fact[0], fact[2]) if part.en)):
        assert re.search(r"[\u4e00-\u9fff]", text.zh), text
        assert not re.search(r"[\u4e00-\u9fff]", text.en), text


def test_names_of_suppliers_are_only_text(page):
    assert "to reach the minimum of <b>义乌明光" in page.words("en")
    assert "供应商 <b>义乌明光" in page.words("zh-CN")
