"""The numbers in the page are the numbers in the data."""

import json
import re

import numpy as np
import polars as pl
import pytest

from skucast.report import outlook as outlook_module
from skucast.report import render_report
from skucast.report.charts import make_charts
from skucast.report.headline import make_headline
from skucast.report.outlook import make_outlook
from skucast.report.wording import Text

from .making import Page, bare_content, scores, shop_content


@pytest.fixture(scope="module")
def content():
    return shop_content()


@pytest.fixture(scope="module")
def page(content):
    return Page(render_report(content))


def figure(text: str) -> float:
    return float(re.sub(r"[£,%\s+]", "", text).replace("−", "-"))


# ---- money ----------------------------------------------------------------------------------
def test_the_headline_adds_up_the_plan_and_the_forecast(content, page):
    plan, prices = content.plan, content.prices["price"].to_numpy()
    values = [figure(text) for tags, _, text in page.texts if tags[-1] == "p" and re.fullmatch(r"£[\d,]+", text)]
    revenue = float(content.forecast.mean.astype(float).sum(axis=1) @ prices)
    expected = [revenue, plan["lost_margin_without"].sum(), plan["order_value"].sum(), plan["overstock_value"].sum()]
    assert values == pytest.approx(expected, abs=0.5)


def test_last_year_is_the_same_weeks_at_todays_prices(content):
    outlook = make_outlook(content)
    panel, prices = content.panel, content.prices["price"].to_numpy()
    frame = panel.to_frame().sort("unique_id", "ds")
    weeks = sorted(frame["ds"].unique().to_list())[-52 : -52 + 8]
    sums = (
        frame.filter(pl.col("ds").is_in(weeks))
        .group_by("unique_id")
        .agg(pl.col("y").sum(), pl.len())
        .filter(pl.col("len") == 8)
    )
    by_id = dict(zip(sums["unique_id"], sums["y"], strict=True))
    ids = panel.ids.to_list()
    assert outlook.last_year == pytest.approx(sum(by_id.get(i, 0.0) * p for i, p in zip(ids, prices, strict=True)))
    assert [np.isnan(v) for v in outlook.year_ago] == [i not in by_id for i in ids]
    latest = frame.group_by("unique_id").agg(pl.col("y").tail(8).sum()).sort("unique_id")["y"].to_numpy()
    assert outlook.before == pytest.approx(latest)


def test_totals_lie_between_independent_and_shared_errors(content):
    outlook = make_outlook(content)
    assert (
        outlook.comonotone[0] <= outlook.total.low <= outlook.total.mean <= outlook.total.high <= outlook.comonotone[1]
    )
    assert outlook.independent[0] >= outlook.total.low - 1e-6
    assert outlook.independent[1] <= outlook.total.high + 1e-6
    assert 0.05 <= outlook.dependence <= 1.0
    assert (outlook.low <= outlook.high).all()
    steps = outlook.steps
    assert (np.diff(np.stack([steps.p10, steps.p25, steps.p75, steps.p90]), axis=0) >= 0).all()
    assert steps.mean == pytest.approx(content.forecast.mean.sum(axis=0), rel=1e-5)


def test_intervals_of_items_are_those_of_sample_paths(content):
    outlook = make_outlook(content)
    totals = content.forecast.paths(outlook_module._DRAWS, outlook_module._SEED).sum(axis=2)
    low, high = np.quantile(totals, (0.1, 0.9), axis=1)
    assert outlook.low == pytest.approx(low, rel=5e-3)
    assert outlook.high == pytest.approx(high, rel=5e-3)


def test_without_prices_totals_are_units():
    content = bare_content()
    outlook = make_outlook(content)
    assert outlook.measure == "units"
    assert outlook.total.mean == pytest.approx(float(content.forecast.mean.sum()), rel=1e-6)
    first = make_headline(content, outlook, content.plan_table()).figures[0]
    assert first.label.en == "Units, next 4 weeks"
    assert "£" not in first.value.en


def test_unknown_stock_is_neither_risk_nor_overstock():
    content = shop_content(stock=False)
    plan = content.plan_table()
    headline = make_headline(content, make_outlook(content), plan)
    risk, order, overstock = headline.figures[1:]
    assert "No stock is known" in headline.verdict.en
    assert risk.tone == ""
    blind = Text(
        "Counted as empty shelves: 8 of 8 items, whose stock is unknown", "8 个商品中有 8 个库存未知，按货架为空计算"
    )
    assert blind in risk.lines
    assert blind in order.lines
    assert overstock.value.en == "–"
    heads = Page(render_report(content)).table("Item and reason")[0]
    assert not any("Stock" in head or "Runs out" in head for head in heads), "columns of dashes take room"


def test_known_stock_at_risk_is_marked(content):
    headline = make_headline(content, make_outlook(content), content.plan_table())
    assert headline.figures[1].tone == "risk"
    assert "should be ordered now" in headline.verdict.en
    assert "建议立即为" in headline.verdict.zh


# ---- tables ---------------------------------------------------------------------------------
def test_the_purchase_list_shows_the_plan_by_rank(content, page):
    plan = content.plan.filter(pl.col("order_qty") > 0).sort("rank")
    heads, *rows = page.table("Item and reason")
    lines, reasons = rows[::2], rows[1::2]
    assert len(lines) == plan.height
    at = {name: next(k for k, head in enumerate(heads) if head.startswith(start)) for name, start in (
        ("order_qty", "Order"), ("order_value", "Value"), ("position", "Stock"), ("gain_per_money", "Gain"))}  # fmt: skip
    for line, why, row in zip(lines, reasons, plan.iter_rows(named=True), strict=True):
        assert line[1].startswith(row["name"] or row["sku"])
        assert (row["supplier"] or "") in line[1]
        assert why == [row["reason_en"]]
        for column, k in at.items():
            assert figure(line[k]) == pytest.approx(row[column], abs=0.5 if row[column] >= 10 else 0.06)


def test_of_a_long_plan_the_orders_that_gain_most_are_shown_in_rank_order(monkeypatch):
    from skucast.report import purchases

    monkeypatch.setattr(purchases, "ROWS", 3)
    plan = shop_content().plan
    made = purchases.make_purchases(plan, "GBP", {})
    ordered = plan.filter(pl.col("order_qty") > 0)
    best = ordered.sort("expected_gain", descending=True).head(3)
    assert [row.rank for row in made.rows] == sorted(best["rank"].to_list())
    assert made.more == ordered.height - 3
    rest = ordered["order_value"].sum() - best["order_value"].sum()
    assert figure(made.more_value.en) == pytest.approx(rest, abs=0.5)


def test_orders_by_supplier_add_up_to_the_order(content, page):
    _, *rows = page.table("Supplier")
    assert sum(figure(row[2]) for row in rows) == pytest.approx(content.plan["order_value"].sum(), abs=1.0)
    assert sum(figure(row[1]) for row in rows) == content.plan.filter(pl.col("order_qty") > 0).height


def test_suppliers_of_unknown_cost_get_no_sum():
    from skucast.report.purchases import make_purchases

    full = shop_content()
    plan = full.plan.with_columns(pl.lit(None, pl.Float64).alias("order_value"))
    made = make_purchases(plan, "GBP", {})
    assert {value.en for _, _, value in made.suppliers} == {"–"}
    assert "Value (GBP)" not in [head.label.en for head in made.heads]


def test_changes_compare_with_last_year(content, page):
    outlook = make_outlook(content)
    difference = dict(zip(content.panel.ids.to_list(), outlook.mean - outlook.year_ago, strict=True))
    shown = [row for rows in page.tables if rows[0][0] == "Item" for row in rows[1:] if len(row) == 5]
    assert shown
    for row in shown:
        code = next(
            i for i in difference if i in row[0] or (content.panel.static.filter(unique_id=i)["name"][0] or i) in row[0]
        )
        assert abs(figure(re.match(r"[+−][\d,.]+?(?=[+−±]|f|$)", row[4])[0])) == pytest.approx(
            abs(difference[code]), abs=0.5
        )
    young = content.panel.ids.to_list()[-1]
    assert all(young not in row[0] for row in shown), "an item without a last year cannot be compared"


def test_accuracy_shows_the_scores_and_says_where_the_model_is_worse(page):
    heads, *rows = page.table("Kind of demand")
    smooth = scores().filter(model="auto", **{"class": "smooth"}).row(0, named=True)
    row = next(r for r in rows if r[0].startswith("Smooth"))
    assert row[heads.index("WQL")] == f"{smooth['wql']:.3f}"
    assert row[heads.index("MASE")] == f"{smooth['mase']:.2f}"
    assert row[3] == "+20 %"
    text = page.words("en").replace("\u00a0", " ")
    assert "better than repeating last season by 25 %" in text
    assert 'On the class "Lumpy" they are worse than that, by 10 %.' in text
    assert "Tested by forecasting 3 past stretches of 8 weeks" in text
    assert "12 sold-out cells are not scored." in text


def test_repairs_are_all_listed_with_their_sum(content, page):
    repairs = content.repairs
    rows = [row for row in page.table("Rule and remedy")[1:] if len(row) > 1]
    assert len(rows) == repairs.height
    assert sum(figure(row[2]) for row in rows) == repairs["rows"].sum()
    text = page.words("en")
    assert "1,200 rows were left out (3,400 units net)" in text
    assert "Sundays, 3 Apr 2026 to 6 Apr 2026, 4 May 2026." in text
    assert "每周日、2026年4月3日至2026年4月6日、2026年5月4日。" in page.words("zh-CN")


# ---- charts ---------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def charts(content):
    return make_charts(content, make_outlook(content), {"A-01": "Tea pot, blue"})


def test_a_forecast_equal_to_last_year_is_no_change():
    text = Page(render_report(bare_content())).words("en")  # seasonal naive on weeks
    assert "No item is expected to sell more or less than in the same period last year; 7 of 8 can be compared." in text


def test_charts_carry_history_and_forecast(content, charts):
    data = json.loads(json.dumps(charts.data, allow_nan=False))
    assert data["axis"][data["now"] - 1] == "2026-11-29"
    assert len(data["axis"]) == data["now"] + 8
    ids = content.panel.ids.to_list()
    for item in data["items"]:
        i = ids.index(item["i"])
        own = content.panel.series(i)[-data["now"] :]
        assert item["h"] == pytest.approx(own.tolist(), rel=0.006)
        assert item["m"] == pytest.approx(content.forecast.mean[i].tolist(), rel=0.006, abs=0.006)
        assert item["q"][0] == pytest.approx(content.forecast.quantile(0.1)[i].tolist(), rel=0.006, abs=0.006)
        assert len(item["q"]) == 4
    assert data["total"]["h"] == pytest.approx(
        np.nansum(content.panel.dense(steps=data["now"]), axis=0).tolist(), rel=0.006
    )


def test_items_come_by_expected_value(content, charts):
    value = content.forecast.mean.sum(axis=1) * content.prices["price"].to_numpy()
    order = [content.panel.ids.to_list()[i] for i in np.argsort(-value)]
    assert [item["i"] for item in charts.data["items"]] == order
    assert charts.shown == content.config.report.top


def test_marks_stand_where_the_data_has_them(content, charts):
    now, panel = charts.data["now"], content.panel
    items = {item["i"]: item for item in charts.data["items"]}
    for i, sku in enumerate(panel.ids.to_list()):
        inside = slice(int(panel.indptr[i + 1]) - min(now, int(panel.lengths[i])), int(panel.indptr[i + 1]))
        offset = now - min(now, int(panel.lengths[i]))
        for key, flags in (("o", ~panel.available[inside]), ("p", panel.known["promotion"][inside] > 0)):
            covered = {k for a, b in items[sku].get(key, []) for k in range(a, b + 1)}
            ahead = set(range(now + 2, now + 8)) if key == "p" and i == 0 else set()
            assert covered == {offset + int(k) for k in np.flatnonzero(flags)} | ahead


def test_holidays_and_own_events_are_bands_on_their_week(charts):
    axis, bands = charts.data["axis"], charts.data["bands"]
    christmas = [axis[a] for a, _, name, _ in bands if name == "Christmas Day"]
    assert "2026-12-27" in christmas
    assert all(stamp[5:7] in ("12", "01") for stamp in christmas)
    assert ["Anniversary", "Anniversary"] in [band[2:] for band in bands]
    assert all(0 <= a <= b < len(axis) for a, b, _, _ in bands)


def test_chart_numbers_are_short_and_keep_three_digits():
    from skucast.report.charts import rounded

    found = rounded(np.array([1234.56, 99.96, 12.34, 1.234, 5.0, 0.0, np.nan, np.inf, 1e12, 1e20]))
    assert found == [1235, 100, 12.3, 1.23, 5, 0, None, None, 10**12, 1e20]
    assert json.dumps(found[:9]) == "[1235, 100, 12.3, 1.23, 5, 0, null, null, 1000000000000]"


def test_missing_steps_are_null_never_zero():
    content = bare_content()
    values = content.panel.values.copy()
    values[5:9] = np.nan
    from dataclasses import replace

    holed = replace(content, panel=content.panel.with_values(values))
    made = make_charts(holed, make_outlook(holed), {})
    first = next(item for item in made.data["items"] if item["i"] == "A-01")
    offset = 120 - len(first["h"])
    assert [first["h"][k - offset] for k in range(max(5, offset), 9)] == [None] * (9 - max(5, offset))
