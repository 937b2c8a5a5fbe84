"""The section on stock: there where stock is known, with the numbers of the look at the stock, in both languages."""

import json
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from skucast.decide.health import HealthOptions, stock_health
from skucast.explain.sentences import date, money, number, percent
from skucast.report import render_report
from skucast.report.stock import CHARTS, ROWS, make_stock

from .making import HOSTILE, Page, bare_content, shop_content, stocked_content


@pytest.fixture(scope="module")
def content():
    return stocked_content()


@pytest.fixture(scope="module")
def made(content):
    return make_stock(content.health, content.plan_table(), {"B-05": "never used: the item has a name"})


@pytest.fixture(scope="module")
def page(content):
    return Page(render_report(content))


def pounds(value: float) -> str:
    return money(value, "GBP", "en")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


# ---- whether it is there ------------------------------------------------------------------------
@pytest.mark.parametrize("without", [bare_content, shop_content, lambda: shop_content(stock=False)])
def test_without_a_look_at_the_stock_there_is_no_section_and_no_link_to_it(without):
    page = Page(render_report(without()))
    assert "stock" not in page.ids
    assert "#stock" not in [attrs.get("href") for _, attrs in page.tags]
    assert "As things stand" not in page.words("en")


def test_with_it_the_section_stands_between_purchases_and_changes_and_the_navigation_leads_there(page):
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections[:4] == ["money", "buy", "stock", "changes"]
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert links[links.index("#buy") : links.index("#changes")] == ["#buy", "#stock"]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_no_word_is_missing_in_either_language(page, language):
    text = page.words(language)
    assert not re.search(r"\b(None|nan|NaN|inf|null)\b|[{}]", text)


def test_every_text_of_the_section_is_there_in_both_languages(content):
    stock = render_report(content).split('<section id="stock"')[1].split("</section>")[0]
    page = Page(f'<section id="stock"{stock}</section>')
    english = [text for _, lang, text in page.texts if lang == "en"]
    chinese = [text for _, lang, text in page.texts if lang == "zh-CN"]
    assert len(english) == len(chinese) > 60
    assert all(re.search(r"[\u4e00-\u9fff%]", text) for text in chinese)
    names = [n for n in content.panel.static["name"] if n]
    bare = " ".join(english)
    for name in names:
        bare = bare.replace(name, "")
    assert not re.search(r"[\u4e00-\u9fff]", bare)


# ---- figures ------------------------------------------------------------------------------------
def test_the_figures_are_the_totals_of_the_items(content, made):
    items, exits = content.health.items, content.health.exits
    found = {figure.label.en: figure for figure in made.figures}
    assert found["Stock at cost"].value.en == pounds(items["stock_value"].sum())
    assert found["Items that may run short"].value.en == str(items["risk_date"].count())
    assert found["Margin at risk, next 8 weeks"].value.en == pounds(items["lost_margin"].sum())
    assert found["Margin at risk, next 8 weeks"].tone == "risk"
    assert found["Dead stock"].value.en == pounds(items["dead_value"].sum())
    assert found["Excess stock"].value.en == pounds(items["excess_value"].sum())
    assert found["To be gained from dead and excess stock"].value.en == pounds(exits["gain"].sum())
    dead = items.filter("dead")
    assert found["Dead stock"].lines[0].en == f"{dead.height} of 8 items, {dead['on_hand'].sum():,.0f} units"
    counts = dict(exits.group_by("action").len().iter_rows())
    words = {"markdown": "to mark down", "return": "to return", "keep": "to keep"}
    told = ", ".join(f"{counts[name]} {word}" for name, word in words.items() if name in counts)
    assert found["To be gained from dead and excess stock"].lines[0].en == told


def test_the_next_item_to_run_short_is_named_with_its_date(content, made):
    first = content.health.items.sort("risk_date", "lost_margin", descending=[False, True], nulls_last=True).row(
        0, named=True
    )
    line = made.figures[1].lines[0]
    assert line.en == f"Next: {date(first['risk_date'], 'en')}, {first['name']}"
    assert line.zh == f"最早：{date(first['risk_date'], 'zh')}，{first['name']}"


def test_unknown_costs_are_not_shown_as_zero(content):
    bare = content.health.items.select("unique_id", "sku", "on_hand", "on_order")
    health = stock_health(content.health.forecast, bare, options=HealthOptions(paths=50), currency="GBP")
    made = make_stock(health, content.plan_table().clear(), {})
    assert [figure.value.en for figure in made.figures if figure.label.en != "Items that may run short"] == ["–"] * 5
    assert {figure.tone for figure in made.figures} == {"", "muted"}
    assert made.groups[-1].meaning.en == "margin unknown"
    assert {row.margin.en for row in made.risks} == {"–"}
    assert {row.action.en for row in made.exits} == {"–"}
    assert all("units at stake" in chart.text.en for chart in made.charts)


def test_items_of_unknown_stock_are_counted_and_left_out(content):
    items = content.health.items.with_columns(on_hand=pl.when(pl.col("unique_id") != "A-02").then("on_hand"))
    health = stock_health(content.health.forecast, items, options=HealthOptions(paths=50), currency="GBP")
    made = make_stock(health, content.plan_table(), {})
    assert "Stock unknown, left out here: 1 items" in [line.en for line in made.figures[0].lines]
    assert "A-02" not in [row.code for row in made.risks]
    assert "A-02" not in [chart.code for chart in made.charts]


# ---- tables -------------------------------------------------------------------------------------
def test_the_nine_cells_hold_every_item_once(content, page):
    rows = page.table("Items, stock at cost")
    assert [row[0][0] for row in rows[1:]] == ["A", "B", "C"]
    for row, letter in zip(rows[1:], "ABC", strict=True):
        group = content.health.cells.filter(abc=letter)
        for cell, items, value in zip(row[1:4], group["items"], group["stock_value"], strict=True):
            assert cell == (f"{items}{pounds(value) if value else '–'}" if items else "0")
    share = [int(row[4].removesuffix(" %")) for row in rows[1:]]
    assert sum(share) == pytest.approx(100, abs=1.5)


def test_items_that_run_short_are_listed_soonest_first_with_what_is_ordered(content, page):
    rows = page.table("May run short from")[1:]
    wanted = content.health.items.filter(pl.col("risk_date").is_not_null()).sort(
        "risk_date", "lost_margin", descending=[False, True]
    )
    ordered = dict(content.plan.select("unique_id", "order_qty").iter_rows())
    assert len(rows) == min(wanted.height, ROWS)
    for row, item in zip(rows, wanted.iter_rows(named=True), strict=True):
        assert row[0].startswith(item["name"] or item["sku"])
        assert row[1:] == [
            date(item["risk_date"], "en"), percent(item["p_short"], "en"), number(item["on_hand"]), number(item["on_order"]),
            number(ordered[item["unique_id"]]), pounds(item["lost_margin"]),
        ]  # fmt: skip
    assert "reaches 10 %" in plain(page.words("en"))


def test_every_dead_or_excess_item_has_its_way_out_and_its_reason(content, page):
    rows = page.table("Way out")[1:]
    lines, reasons = rows[::2], rows[1::2]
    assert content.health.exits.height == len(lines) > 2
    kinds = set()
    for line, why, item in zip(lines, reasons, content.health.exits.iter_rows(named=True), strict=True):
        assert line[0].startswith(item["name"] or item["sku"])
        assert line[1] == item["kind"]
        action = {
            "markdown": f"Mark down {percent(item['markdown'], 'en')}", "return": f"Return {item['exit_units']:,.0f}", "keep": "Keep",
        }[item["action"]]  # fmt: skip
        assert line[2:] == [
            action, number(item["units"]), pounds(item["value"]), pounds(item["gain"]) if item["action"] != "keep" else "–",
        ]  # fmt: skip
        assert why == [item["reason_en"]]
        kinds.add(item["kind"])
    assert kinds == {"dead", "excess"}
    for reason in content.health.exits["reason_zh"]:
        assert reason in page.words("zh-CN")


def test_moving_units_names_the_place_and_how_many(content):
    one = content.health.exits.head(1).with_columns(
        action=pl.lit("transfer"), to=pl.lit("<b>Lille</b>"), exit_units=pl.lit(12.0)
    )
    made = make_stock(replace(content.health, exits=one), content.plan_table(), {})
    assert made.exits[0].action.en == "Move 12 to <b>Lille</b>"
    assert made.exits[0].action.zh == "调拨 12 件到<b>Lille</b>"
    text = Page(render_report(replace(content, health=replace(content.health, exits=one)))).words("en")
    assert "Move 12 to <b>Lille</b>" in text


def test_long_lists_are_cut_and_say_where_the_rest_is(content):
    health = content.health
    exits = pl.concat([health.exits] * 5)
    risky = health.items.filter(pl.col("risk_date").is_not_null())
    items = pl.concat([health.items, *[risky.with_columns(lost_units=0.0)] * 3])
    many = replace(health, exits=exits, items=items)
    made = make_stock(many, content.plan_table(), {})
    assert len(made.exits) == len(made.risks) == ROWS
    assert made.risks_more == 4 * risky.height - ROWS
    rest = exits.slice(ROWS)
    assert made.exits_more == (rest.height, made.exits_more[1])
    assert made.exits_more[1].en == pounds(rest["value"].sum())
    text = Page(render_report(replace(content, health=many))).words("en")
    assert f"{rest.height} more items, {pounds(rest['value'].sum())} at cost, are in stock_exits.csv." in text
    assert f"{made.risks_more} more are in stock_health.parquet." in text


def test_nothing_short_and_nothing_too_much_is_said(content):
    health = content.health
    calm = replace(
        health, exits=health.exits.clear(),
        items=health.items.with_columns(
            risk_date=pl.lit(None, pl.Date), lost_units=0.0, lost_margin=0.0, excess_units=0.0, excess_value=0.0, dead=False
        ),
    )  # fmt: skip
    text = plain(Page(render_report(replace(content, health=calm))).words("en"))
    assert "No item has a chance of 10 % or more to run short within 8 weeks." in text
    assert "No stock is dead or in excess." in text
    assert "Where the stock is heading" not in text


def test_waste_and_surplus_are_in_units_money_and_kg_where_factors_are_known(content, page):
    rows = page.table("Stock that")
    table = content.health.sustainability
    assert rows[0] == ["Stock that", "Items", "Units", "At cost", "kg CO2e"]
    for row, seen in zip(rows[1:], table.iter_rows(named=True), strict=True):
        assert row[1:4] == [number(seen["items"]), number(seen["units"]), pounds(seen["money"])]
    by_name = dict(zip(table["measure"], rows[1:], strict=True))
    dead = table.filter(measure="dead").row(0, named=True)
    assert by_name["dead"][4] == number(dead["co2e_kg"]) != "0"
    assert by_name["waste"][4] == "–", "waste of items without a factor is not nothing"
    without = table.filter(measure="excess")["units_without_factor"].item()
    assert f"{number(without)} in excess" in page.words("en")
    assert f"过量 {number(without)} 件" in page.words("zh-CN")


def test_without_any_factor_there_is_no_column_of_kg():
    page = Page(render_report(stocked_content(co2e=False)))
    assert page.table("Stock that")[0] == ["Stock that", "Items", "Units", "At cost"]
    assert "CO2e" not in page.words("en")


def test_what_was_taken_for_granted_is_told_in_full(content, page):
    assert len(content.health.assumptions) > 2
    for assumption in content.health.assumptions:
        assert assumption.en in page.words("en").replace("\u00a0%", " %")
        assert assumption.zh in page.words("zh-CN")


# ---- charts -------------------------------------------------------------------------------------
def test_charts_are_those_of_most_margin_at_stake_and_carry_the_projection(content, made):
    items, p = content.health.items, content.health.projection
    there = items.with_row_index().filter(
        (pl.col("lost_units") > 0.05) & ((pl.col("on_hand") > 0) | (pl.col("on_order") > 0))
    )
    wanted = there.sort("lost_margin", descending=True).head(CHARTS)
    assert len(made.charts) == wanted.height > 1
    for chart, data, item in zip(made.charts, made.data, wanted.iter_rows(named=True), strict=True):
        k = item["index"]
        assert item["unique_id"] in (chart.code, chart.name)
        assert pounds(item["lost_margin"]) in chart.text.en
        assert data["b"] == pytest.approx(item["on_hand"], abs=0.5)
        for j, level in enumerate((0.1, 0.25, 0.5, 0.75, 0.9)):
            expected = p.fan[k, :, p.levels.index(level)]
            assert data["q"][j] == pytest.approx(expected, rel=0.01, abs=0.5)
        assert sum(units for _, units in data["a"]) == pytest.approx(item["on_order"], abs=0.5)
        assert [h for h, _ in data["a"]] == np.flatnonzero(p.arrived[k]).tolist()
        assert data["p"] == pytest.approx(p.p_short[k], abs=0.006)
        assert p.p_short[k, data["r"]] >= 0.1
        assert data["r"] == 0 or p.p_short[k, data["r"] - 1] < 0.1
    assert any(data["a"] for data in made.data)


def test_the_page_carries_the_numbers_of_its_charts(content, made):
    html = render_report(content)
    carried = json.loads(re.search(r'<script type="application/json" id="report-data">(.*?)</script>', html, re.S)[1])
    assert carried["stock"] == json.loads(json.dumps(made.data))
    places = [attrs["data-stock"] for _, attrs in Page(html).tags if "data-stock" in attrs]
    assert places == [str(k) for k in range(len(made.charts))]


# ---- method -------------------------------------------------------------------------------------
def test_the_stage_and_the_method_are_named_in_both_languages(page):
    rows = page.table("Stage")
    assert rows[-1] == ["Stock", "8", "0.3"]
    assert "库存分析" in [text for _, _, text in page.texts]
    assert "Stock is looked at through the same forecast" in page.words("en")
    assert "Stock is looked at" not in Page(render_report(shop_content())).words("en")


# ---- names --------------------------------------------------------------------------------------
def test_hostile_names_are_only_text():
    html = render_report(stocked_content(ids=tuple(sorted(HOSTILE))))
    page = Page(html)
    assert [tag for tag, _ in page.tags].count("script") == 3
    assert not {"img", "b"} & {tag for tag, attrs in page.tags if not attrs}
    assert not any("hacked" in name or "onerror" in name for _, attrs in page.tags for name in attrs)
    assert "<script>window.hacked" not in html
    section = html.split('<section id="stock"')[1].split("</section>")[0]
    assert "&lt;/script&gt;&lt;script&gt;window.hacked=2" in section
    assert "L" * 200 not in section, "long names are cut"
