"""The catalogue is complete in both languages and every text in it is used."""

import re
from datetime import date
from pathlib import Path
from string import Formatter

import pytest

import skucast
from skucast.frequency import Frequency
from skucast.report import wording
from skucast.report.wording import LANGUAGES, Text, catalogue, remedy, rule_name, say

SOURCE = Path(skucast.__file__).parent
REPORT = SOURCE / "report"


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_texts_with_the_same_placeholders():
    english, chinese = (catalogue(lang) for lang in LANGUAGES)
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert fields(text) == fields(chinese[key]), key


def test_no_text_is_empty_and_chinese_is_chinese():
    for key, text in catalogue("zh").items():
        assert text.strip(), key
        assert re.search(r"[\u4e00-\u9fff]", text) or not re.search(r"[a-z]{2}", fields_out(text)), key
    assert all(text.strip() for text in catalogue("en").values())
    assert not any(re.search(r"[\u4e00-\u9fff]", text) for text in catalogue("en").values())


def fields_out(text: str) -> str:
    return re.sub(r"\{\w+\}", "", text)


def test_every_text_is_used_and_every_text_used_exists():
    sources = "".join(
        p.read_text(encoding="utf-8") for p in [*REPORT.glob("*.py"), *(REPORT / "templates").glob("*.j2")]
    )
    script = "".join(
        (REPORT / "assets" / name).read_text(encoding="utf-8") for name in ("page.js", "stock.js", "charts.js")
    )
    keys = set(catalogue("en"))
    named = set(re.findall(r'"([a-z]+\.\w+)"', sources)) & keys
    client = {f"client.{key}" for key in re.findall(r'(?:say|name)\("(\w+)"', script)}
    rules = {key for key in keys if key.startswith("rule.")}
    assert keys - rules == named | client
    assert set(re.findall(r'say\("([^"]+)"', sources)) <= keys


def test_rules_that_have_a_name_exist_in_the_code():
    text = "".join(
        p.read_text(encoding="utf-8")
        for room in ("collect", "prepare", "decide")
        for p in (SOURCE / room).rglob("*.py")
    )
    text += (SOURCE / "run.py").read_text(encoding="utf-8")
    for key in catalogue("en"):
        section, name = key.split(".", 1)
        kebab = name.replace("_", "-")
        if section == "rule" and f'"{kebab}"' not in text:
            made = [kebab.removeprefix("returns-"), kebab.rpartition("-")[0]]  # returns-{rule}, {column}-missing
            assert any(f'"{part}"' in text or f'"{part.replace("-", "_")}"' in text for part in made), key


def test_names_and_remedies_of_repairs():
    assert rule_name("non-products").zh == "非商品行（运费、手续费等）"
    assert rule_name("pack-size-impossible").en == "pack size impossible"
    assert remedy("duplicates", "x").zh.startswith("若确为真实订单")
    assert remedy("pack-size-impossible", "Taken as unknown.") == Text("Taken as unknown.", "按未知处理；请更正该列")
    assert remedy("something-else", "Do this.") == Text("Do this.", "Do this.")
    assert remedy("duplicates", "") == Text("", "")


def test_unknown_numbers_are_dashes():
    nothing = (None, float("nan"), float("inf"))
    for unknown in nothing:
        for text in (
            wording.money(unknown, "EUR"), wording.number(unknown), wording.percent(unknown), wording.signed_percent(unknown),
            wording.decimals(unknown, 2), wording.span(unknown, 1.0),
        ):  # fmt: skip
            assert text == Text("–", "–")
    assert wording.plain(None) == wording.plain("") == wording.day(None) == Text("–", "–")


@pytest.mark.parametrize(
    ("share", "en"),
    [(0.124, "+12 %"), (-0.071, "−7 %"), (0.004, "±0 %"), (-0.004, "±0 %"), (0.0, "±0 %"), (8.29, "+829 %")],
)
def test_changes_carry_their_sign(share, en):
    assert wording.signed_percent(share) == Text(en, en.replace(" ", ""))


@pytest.mark.parametrize(
    ("alias", "steps", "period", "unit"),
    [
        ("W-SUN", 13, Text("13 weeks", "13 周"), Text("week", "周")),
        ("D", 1, Text("1 day", "1 天"), Text("day", "天")),
        ("2W-SUN", 3, Text("6 weeks", "6 周"), Text("2 weeks", "2 周")),
        ("MS", 6, Text("6 months", "6 个月"), Text("month", "月")),
        ("h", 48, Text("48 hours", "48 小时"), Text("hour", "小时")),
    ],
)
def test_periods_are_written_as_people_say_them(alias, steps, period, unit):
    freq = Frequency.parse(alias)
    assert wording.period(freq, steps) == period
    assert wording.period_unit(freq) == unit


def test_texts_are_escaped_and_marked_with_their_language():
    html = Text("<b> 5 %", "<乙>").__html__()
    assert html == '<span lang="en">&lt;b&gt; 5\u00a0%</span><span lang="zh-CN">&lt;乙&gt;</span>'
    assert Text('a"b', "c").attribute("title") == 'title="a&#34;b" data-title-en="a&#34;b" data-title-zh="c"'
    assert wording.day(date(2026, 11, 30)) == Text("30 Nov 2026", "2026年11月30日")


def test_a_text_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError):
        say("money.nothing")
