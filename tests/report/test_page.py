"""The page is one well-formed file in two languages that fetches nothing and runs nothing but its own script."""

import base64
import hashlib
import json
import re
from dataclasses import replace

import polars as pl
import pytest

from skucast.errors import DataError
from skucast.report import render_report, write_report
from skucast.report.page import script_json

from .making import HOSTILE, NAMES, Page, bare_content, shop_content, stocked_content

MISSING = re.compile(r"\b(None|nan|NaN|inf|Infinity|undefined|null)\b")


def data_of(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="report-data">(.*?)</script>', html, re.S)[1])


@pytest.fixture(scope="module", params=[shop_content, stocked_content], ids=["full", "stocked"])
def html(request):
    return render_report(request.param())


def test_the_page_is_well_formed(html):
    assert html.startswith("<!doctype html>")
    page = Page(html)
    assert {"money", "buy", "changes", "charts", "accuracy", "data", "method"} <= set(page.ids)


def test_links_lead_to_places_within_the_page(html):
    page = Page(html)
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert links
    assert {link.removeprefix("#") for link in links} <= set(page.ids)


def test_labels_and_descriptions_point_to_elements_that_exist(html):
    page = Page(html)
    for name in ("for", "aria-labelledby", "data-filters", "data-count-for"):
        pointed = [attrs[name] for _, attrs in page.tags if name in attrs]
        assert set(pointed) <= set(page.ids), name


def test_nothing_is_fetched_from_anywhere(html):
    page = Page(html)
    for tag, attrs in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "img", "form")
        assert not {"src", "action", "srcset", "formaction", "ping"} & set(attrs)
        assert not any(name.startswith("on") for name in attrs), f"<{tag}> has a handler that the policy forbids"
    style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_allows_exactly_the_scripts_inside(html):
    policy = next(
        a["content"] for t, a in Page(html).tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    scripts = re.findall(r"<script>(.*?)</script>", html, re.S)
    assert len(scripts) == 2
    for script in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    "content",
    [shop_content, bare_content, lambda: shop_content(stock=False), stocked_content],
    ids=["full", "bare", "no stock", "stocked"],
)
def test_no_word_is_missing_in_either_language(content, language):
    text = Page(render_report(content())).words(language)
    assert not MISSING.search(text), MISSING.search(text)
    assert not re.search(r"[{}]", text), "a placeholder was not filled in"


def test_every_sentence_of_the_page_exists_in_both_languages(html):
    page = Page(html)
    english = [text for _, lang, text in page.texts if lang == "en"]
    chinese = [text for _, lang, text in page.texts if lang == "zh-CN"]
    assert len(chinese) > 150
    assert len(chinese) == len(english) - len(shop_content().notes)  # notes of the test come in English only
    assert all(re.search(r"[\u4e00-\u9fff%\d]", text) for text in chinese)
    given = re.compile("|".join(filter(None, ("义乌明光", *NAMES.values()))))
    assert not any(re.search(r"[\u4e00-\u9fff]", given.sub("", text)) for text in english)


def test_the_language_of_the_project_comes_first():
    assert '<html lang="en"' in render_report(shop_content())
    chinese = render_report(shop_content(language="zh"))
    assert '<html lang="zh-CN"' in chinese
    assert "<title>Tea &amp; Cups &lt;Ltd&gt;：需求预测与补货报告</title>" in chinese
    assert data_of(chinese)["lang"] == "zh"


def test_a_number_and_its_percent_sign_stay_on_one_line(html):
    assert not re.search(r"\d %", Page(html).words("en"))


def test_hostile_names_are_only_text():
    content = shop_content(ids=tuple(sorted(HOSTILE)))
    html = render_report(content)
    page = Page(html)
    assert [tag for tag, _ in page.tags].count("script") == 3
    assert not any("hacked" in name or "onerror" in name for _, attrs in page.tags for name in attrs)
    assert "<script>window.hacked" not in html
    assert "</script><script>window" not in html
    carried = {item["i"]: item.get("n") for item in data_of(html)["items"]}
    assert carried == {i: (n if len(n) < 160 else n[:159] + "…") if n != i else None for i, n in HOSTILE.items()}
    assert "49" not in [text for _, _, text in page.texts], "a template in a name was run"


def test_enormous_quantities_are_written_in_full():
    text = Page(render_report(shop_content(scale=1e10))).words("en")
    assert not MISSING.search(text)
    assert not re.search(r"\de[+-]?\d", text)


def test_script_data_cannot_end_its_element():
    text = str(script_json({"a": "</script><!--\u2028&"}))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--\u2028&"}


def test_without_a_plan_scores_or_repairs_the_page_says_so():
    text = Page(render_report(bare_content())).words("en")
    for sentence in (
        "There is no purchase plan in this run",
        "This run was not tested on the past",
        "This run kept no repair report.",
        "No assumptions had to be made",
        "Prices are not known",
    ):
        assert sentence in text


def test_empty_tables_are_said_too():
    full = shop_content()
    content = replace(full, plan=full.plan.clear(), scores=full.scores.clear(), repairs=full.repairs.clear())
    text = Page(render_report(content)).words("en")
    assert "There is no purchase plan in this run" in text
    assert "Nothing had to be rejected or changed." in text
    idle = replace(full, plan=full.plan.with_columns(order_qty=pl.lit(0.0), rank=pl.lit(None, pl.Int64)))
    assert "Nothing needs to be ordered now" in Page(render_report(idle)).words("en")


def test_one_series_and_one_step_make_a_page():
    content = shop_content(horizon=1, ids=("A-01",))
    page = Page(render_report(content))
    assert "item-list" not in page.ids
    assert "1 week" in page.words("en")


def test_chart_data_stay_within_their_budget_and_the_page_says_what_is_left_out():
    small = render_report(shop_content(), chart_budget=2000)
    assert 1 <= len(data_of(small)["items"]) < 8
    assert "forecast.parquet" in Page(small).words("en")
    assert "forecast.parquet" not in Page(render_report(shop_content())).words("en")


def test_the_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    write_report(tmp_path / "report.html", shop_content())
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render_report(shop_content())
    before = (tmp_path / "report.html").read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(tmp_path / "report.html", shop_content())
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_bytes() == before


def test_panel_and_forecast_of_different_series_are_refused():
    content = shop_content()
    with pytest.raises(DataError, match="same series in the same order"):
        replace(content, forecast=content.forecast.take([1, 0]))


def test_light_and_dark_have_the_same_colours_defined():
    style = re.search(r"<style>(.*?)</style>", render_report(bare_content()), re.S)[1]
    light, *dark = (
        dict(re.findall(r"(--[\w-]+):\s*(#\w+);", block))
        for block in re.findall(r":root[^{]*\{(.*?)\}", style, re.S)[:3]
    )
    assert len(dark) == 2
    assert dark[0] == dark[1]
    assert set(dark[0]) == set(light)
    assert all(light[name] != dark[0][name] for name in light)
