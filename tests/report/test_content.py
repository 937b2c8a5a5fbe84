"""ReportContent.of gathers what the rooms of the main job made."""

import pytest

from skucast.collect.shop import load_shop
from skucast.config import load_config
from skucast.decide.purchase import purchase_plan
from skucast.portfolio.judged import judge
from skucast.report import ReportContent, render_report
from skucast.store.journal import Stage

from ..shops import write_shop
from .making import Page


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    config = load_config(write_shop(tmp_path_factory.mktemp("shop"), days=100, items=4, model="seasonal-naive"))
    shop = load_shop(config)
    panel = shop.panel()
    forecast, judged = judge(panel, 14, "seasonal-naive", shop.future(panel, 14), windows=2)
    plan = purchase_plan(
        forecast,
        plan=config.plan,
        stock=shop.tables["stock"],
        products=shop.tables["products"],
        prices=shop.item_prices(),
    )
    about = {"id": "20260101T000000Z-aaaaaa", "skucast": "0.1.0", "created": "2026-01-01T10:00:00+00:00"}
    content = ReportContent.of(
        config=config, about=about, shop=shop, panel=panel, forecast=forecast, judged=judged, plan=plan,
        stages=[Stage("read", "", 12, 0.5)],
    )  # fmt: skip
    return content, shop, judged, plan


def test_it_holds_what_the_rooms_made(made):
    content, shop, judged, plan = made
    assert content.run_id == "20260101T000000Z-aaaaaa"
    assert content.version == "0.1.0"
    assert content.created.isoformat() == "2026-01-01T10:00:00+00:00"
    assert content.plan.equals(plan.frame())
    assert content.assumptions == plan.assumptions
    assert content.scores.equals(judged.scores)
    assert content.model == judged.model
    assert content.tested == (len(judged.backtest.windows), judged.backtest.horizon)
    assert content.repairs.equals(shop.repairs.frame())
    assert content.prices.equals(shop.item_prices())
    assert content.closed == shop.closed
    assert content.timings == [("read", 0.5, 12)]
    assert set(content.future) == set(content.panel.known)


def test_holidays_of_the_country_reach_from_history_to_the_end_of_the_forecast(made):
    content = made[0]
    first, last = (str(content.panel.stamps[0])[:10], str(content.forecast.stamps[-1])[:10])
    names = {mark[2] for mark in content.marks}
    assert "Good Friday" in names  # Germany, spring 2025
    assert all(str(mark[1]) >= first and str(mark[0]) <= last for mark in content.marks)


def test_the_page_of_a_real_shop_has_no_gap(made):
    page = Page(render_report(made[0]))
    for language in ("en", "zh-CN"):
        text = page.words(language)
        assert not any(word in text.split() for word in ("None", "nan", "null"))
    assert "Sundays" in page.words("en")
    assert "每周日" in page.words("zh-CN")
