"""The page in a real headless Chromium, opened from a file: it draws, switches, sorts, prints and asks nobody."""

import base64
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skucast.report import write_report

from .making import HOSTILE, bare_content, shop_content, stocked_content

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (extra 'dev')")
CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome")) if p), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="no Chromium with chromedriver on this machine; the page was not opened"
)
MISSING = re.compile(r"\b(None|NaN|nan|undefined|null|Infinity|\[object)\b")


class Browser:
    """A page in Chromium, with what it logged and asked for."""

    def __init__(self, driver, folder: Path) -> None:
        self.driver, self.folder = driver, folder

    def open(self, name: str, query: str = "", width: int = 1280) -> None:
        self.resize(width)
        self.driver.get("about:blank")
        self.requests(), self.errors()  # what was logged before is not this page's
        self.driver.get(f"{(self.folder / name).as_uri()}{query}")
        self.wait(lambda: self.js("return document.querySelectorAll('#chart-total svg path').length > 10"))

    def resize(self, width: int, height: int = 900) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.wait(lambda: self.js("return innerWidth") >= width)

    def js(self, script: str, *arguments: object):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the page did not get there in time"
            time.sleep(0.02)

    def text(self, selector: str = "body") -> str:
        return str(self.js("return document.querySelector(arguments[0]).innerText", selector))

    def click(self, selector: str) -> None:
        self.js("document.querySelector(arguments[0]).click()", selector)

    def type(self, selector: str, text: str) -> None:
        self.js(
            "const e = document.querySelector(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('input'))",
            selector,
            text,
        )

    def column(self, k: int) -> list[str]:
        return list(
            self.js(
                "return [...document.querySelectorAll('#buy-table tbody:not([hidden]) tr:first-child')].map(r => r.cells[arguments[0]].innerText.trim())",
                k,
            )
        )

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    folder = tmp_path_factory.mktemp("pages")
    write_report(folder / "full.html", shop_content())
    write_report(folder / "bare.html", bare_content())
    write_report(folder / "hostile.html", shop_content(ids=tuple(sorted(HOSTILE)), scale=1e9))
    write_report(folder / "single.html", shop_content(horizon=1))
    write_report(folder / "stock.html", stocked_content())
    write_report(folder / "hostile-stock.html", stocked_content(ids=tuple(sorted(HOSTILE))))
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (
        "--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--disable-dev-shm-usage", "--force-color-profile=srgb", f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ):  # fmt: skip
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    try:
        yield Browser(driver, folder)
    finally:
        driver.quit()


@pytest.mark.parametrize(
    "name", ["full.html", "bare.html", "hostile.html", "single.html", "stock.html", "hostile-stock.html"]
)
def test_a_page_opens_without_errors_and_fetches_nothing(browser, name):
    browser.open(name)
    browser.js("scrollTo(0, document.body.scrollHeight)")
    assert browser.errors() == []
    asked = [url for url in browser.requests() if not url.startswith(("data:", "about:"))]
    assert asked
    assert all(url.startswith("file://") and name in url for url in asked), asked
    assert browser.js("return window.hacked") is None
    assert browser.js("return document.scripts.length") == 3


@pytest.mark.parametrize("query", ["?lang=en", "?lang=zh", "#zh"])
@pytest.mark.parametrize("name", ["full.html", "bare.html", "stock.html"])
def test_each_language_can_be_asked_for_and_has_no_gap(browser, name, query):
    browser.open(name, query)
    text = browser.text()
    assert not MISSING.search(text), MISSING.search(text)
    chinese = "zh" in query
    assert ("Money and risk" in text) != chinese
    assert ("资金与风险" in text) == chinese
    assert browser.js("return document.documentElement.lang") == ("zh-CN" if chinese else "en")


def test_the_language_switch_changes_all_words_labels_and_charts(browser):
    browser.open("full.html", "?lang=en")
    assert "Tea & Cups <Ltd>: demand" in browser.driver.title
    assert "Expected" in browser.text("#chart-total")
    browser.click("[data-lang=zh]")
    assert browser.driver.title.endswith("需求预测与补货报告")
    assert "预测均值" in browser.text("#chart-total")
    assert "圣诞节" in browser.text("#chart-total")
    assert browser.js("return document.querySelector('#buy-filter').placeholder") == "商品、编码或供应商"
    assert "较去年同期" in browser.text("#multiples")
    english = set(re.findall(r"[A-Za-z]{4,}", browser.text("#money")))
    assert english == set()
    browser.click("[data-lang=en]")
    assert "Money and risk" in browser.text()
    assert browser.js("return document.querySelector('[data-lang=en]').ariaPressed") == "true"


def test_the_theme_switch_changes_page_and_charts(browser):
    browser.open("full.html", "?theme=light")
    colours = "return [getComputedStyle(document.body).backgroundColor, document.querySelector('#chart-total svg text').getAttribute('fill')]"
    light = browser.js(colours)
    browser.click("[data-theme-choice=dark]")
    dark = browser.js(colours)
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    browser.driver.refresh()
    assert browser.js("return document.documentElement.dataset.theme") == "light", (
        "the address decides before what is remembered"
    )


def test_charts_show_every_kind_of_mark(browser):
    browser.open("full.html", "?theme=light&lang=en")
    browser.type("#item-filter", "B-06")
    chart = browser.js("return document.querySelector('#chart-item').innerHTML")
    colour = {
        name: browser.js(
            "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0]).trim()", f"--{name}"
        )
        for name in ("history", "model", "fan50", "fan80", "band")
    }
    drawn = {name: f'"{c}"' in chart or f"{c}" in chart for name, c in colour.items()}
    assert all(drawn.values()), drawn
    assert "<pattern" in chart, "stock-outs are hatched"
    browser.type("#item-filter", "A-01")
    promo = browser.js("return getComputedStyle(document.documentElement).getPropertyValue('--promo').trim()")
    assert promo in browser.js("return document.querySelector('#chart-item').innerHTML")
    assert "Christmas Day" in browser.text("#chart-item")


def test_one_step_ahead_is_drawn_as_a_stroke(browser):
    browser.open("single.html", "?theme=light")
    fan = browser.js("return getComputedStyle(document.documentElement).getPropertyValue('--fan80').trim()")
    assert f'stroke="{fan}"' in browser.js("return document.querySelector('#chart-total').innerHTML")


def test_small_charts_appear_when_they_come_into_view(browser):
    browser.open("full.html")
    browser.js("document.querySelector('#multiples').scrollIntoView()")
    count = "return document.querySelectorAll('#multiples svg').length"
    browser.wait(lambda: browser.js(count) == 5)
    assert browser.js("return document.querySelectorAll('#multiples .multiple').length") == 5


def test_charts_of_stock_show_the_fan_what_arrives_and_when_it_runs_short(browser):
    browser.open("stock.html", "?theme=light&lang=en")
    browser.js("document.querySelector('#stock .multiples').scrollIntoView()")
    browser.wait(lambda: browser.js("return document.querySelectorAll('#stock .chart svg').length") >= 2)
    first = browser.js("return document.querySelector('[data-stock]').innerHTML")
    for name in ("model", "fan50", "fan80", "promo", "risk"):
        colour = browser.js(f"return getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()")
        assert colour in first, name
    arriving = stocked_content().health.items.filter(unique_id="B-06")["on_order"].item()
    assert f"+{arriving:,.0f}" in browser.text("[data-stock]")
    browser.click("[data-lang=zh]")
    assert "12月" in browser.text("[data-stock]")
    assert browser.js("return document.querySelector('[data-stock]').ariaLabel").endswith("在途到货、断货风险日")


def test_the_pointer_reads_the_stock_and_the_chance_of_a_shortage(browser):
    browser.open("stock.html", "?lang=en")
    browser.js("document.querySelector('[data-stock]').scrollIntoView({block: 'center'})")
    browser.wait(lambda: browser.js("return !!document.querySelector('[data-stock] svg')"))
    left, top, width = browser.js(
        "const r = document.querySelector('[data-stock]').getBoundingClientRect(); return [r.left, r.top, r.width]"
    )

    def tip_at(x: float, word: str) -> str:
        browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": top + 60})
        browser.wait(lambda: word in str(browser.js("return document.querySelector('[data-stock] .tip')?.innerText")))
        return str(browser.js("return document.querySelector('[data-stock] .tip').innerText"))

    health = stocked_content().health
    k = health.items["unique_id"].to_list().index("B-06")
    assert f"Stock (median)\n{health.items['on_hand'][k]:,.0f}" in tip_at(left + 32, "29 Nov 2026")
    last = tip_at(left + width - 14, "2027")
    assert "Chance of a shortage by then\n100\u00a0%" in last
    assert "80 % interval\n0–0" in last
    step = next(h for h in range(health.forecast.horizon) if health.projection.arrived[k, h] > 0)
    share = (step + 1) / health.forecast.horizon
    arrival = tip_at(left + 36 + (width - 46) * share, "Arrives")
    assert f"+{health.projection.arrived[k, step]:,.0f}" in arrival


def test_the_pointer_reads_numbers_off_a_chart(browser):
    browser.open("full.html", "?lang=en")
    browser.js("document.querySelector('#chart-total').scrollIntoView()")
    left, top, width = browser.js(
        "const r = document.querySelector('#chart-total').getBoundingClientRect(); return [r.left, r.top, r.width]"
    )

    def tip_at(x: float) -> str:
        browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": top + 120})
        browser.wait(lambda: browser.js("return !!document.querySelector('#chart-total .tip')"))
        return str(browser.js("return document.querySelector('#chart-total .tip').innerText"))

    assert re.search(r"2025|2026", tip_at(left + width / 2))
    assert "Sold" in tip_at(left + width / 2 + 5)
    ahead = tip_at(left + width - 110)
    assert "2027" in ahead
    forecast = shop_content().forecast
    step = next(
        k
        for k, stamp in enumerate(forecast.stamps)
        if f"{stamp.item().day} Jan 2027" in ahead and stamp.item().month == 1
    )
    assert f"{forecast.mean[:, step].sum():,.0f}" in ahead
    assert "80 % interval" in ahead


def test_the_purchase_list_sorts_and_filters(browser):
    browser.open("full.html", "?lang=en")
    names = browser.column(1)
    assert len(names) > 3
    numbers = lambda: [float(cell.replace(",", "")) for cell in browser.column(2)]  # noqa: E731
    assert browser.column(0) == [str(k + 1) for k in range(len(names))]
    browser.click("#buy-table thead th:nth-child(3) button")
    assert numbers() == sorted(numbers(), reverse=True)
    browser.click("#buy-table thead th:nth-child(3) button")
    assert numbers() == sorted(numbers())
    assert browser.js("return document.querySelector('#buy-table thead th:nth-child(3)').ariaSort") == "ascending"
    browser.click("#buy-table thead th:nth-child(2) button")
    assert sorted(browser.column(1)) == sorted(names)
    browser.type("#buy-filter", "义乌")
    shown = browser.column(1)
    assert 0 < len(shown) < len(names)
    assert all("义乌明光" in name for name in shown)
    assert browser.text("[data-count-for=buy-table]") == f"{len(shown)} of {len(names)} shown"
    browser.type("#buy-filter", "ＴＥＡ")  # full-width letters, other case
    assert all("tea" in name.lower() for name in browser.column(1))
    browser.type("#buy-filter", "nothing like it")
    assert browser.column(1) == []


def test_items_are_found_by_name_in_either_script(browser):
    browser.open("full.html", "?lang=en")
    browser.type("#item-filter", "陶瓷")
    assert browser.js("return [...document.querySelector('#item-list').options].map(o => o.text)") == [
        "陶瓷茶杯（白色） · A-02"
    ]
    assert "陶瓷茶杯（白色）" in browser.text("#item-title")
    browser.type("#item-filter", "b-0")
    assert "and 3 more below; type to narrow" in browser.text("#item-title")
    browser.type("#item-filter", "zzz")
    assert browser.text("#item-title") == "No item matches"


def test_hostile_names_are_read_as_text(browser):
    browser.open("hostile.html", "?lang=en")
    options = browser.js("return [...document.querySelector('#item-list').options].map(o => o.text)")
    assert any("<img src=x onerror=window.hacked=4>" in text for text in options)
    for k in range(len(options)):
        browser.js(
            "const l = document.querySelector('#item-list'); l.selectedIndex = arguments[0]; l.dispatchEvent(new Event('change'))",
            k,
        )
    assert browser.js("return window.hacked") is None
    assert browser.js("return document.querySelectorAll('img, iframe').length") == 0
    assert browser.errors() == []


@pytest.mark.parametrize("name", ["full.html", "hostile.html", "stock.html", "hostile-stock.html"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_width_makes_the_page_scroll_sideways(browser, name, language):
    browser.open(name, f"?lang={language}", width=1280)
    for width in (1024, 768, 390, 360):
        browser.resize(width)
        # the charts are redrawn for the new width a moment later
        browser.wait(lambda w=width: browser.js("return document.documentElement.scrollWidth") <= w)
        wide = browser.js(
            "return [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .chart, select, h4') "
            "&& e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
        )
        assert wide == []


def test_a_narrower_window_redraws_the_charts(browser):
    browser.open("full.html", width=1280)
    width = "return Math.round(document.querySelector('#chart-total svg').getBoundingClientRect().width)"
    before = browser.js(width)
    browser.resize(700)
    browser.wait(lambda: browser.js(width) < 700 < before)


def test_it_prints_on_a4_in_light_colours_and_comes_back(browser):
    browser.open("full.html", "?theme=dark")
    seen = "addEventListener('beforeprint', () => { window.printed = [document.documentElement.dataset.theme, document.querySelector('#chart-total svg').getAttribute('width')] })"
    browser.js(seen)
    made = browser.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    pdf = base64.b64decode(made["data"])
    boxes = {tuple(round(float(v)) for v in box.split()) for box in re.findall(rb"/MediaBox \[([\d. ]+)\]", pdf)}
    assert boxes == {(0, 0, 595, 842)} or boxes == {(0, 0, 596, 842)}
    assert browser.js("return window.printed") == ["light", "688"]
    assert browser.js("return document.documentElement.dataset.theme") == "dark"
    assert browser.errors() == []


def test_charts_of_stock_are_printed_though_nobody_scrolled_to_them(browser):
    browser.open("stock.html")
    seen = "addEventListener('beforeprint', () => { window.printed = [...document.querySelectorAll('#stock .chart')].map(e => e.querySelectorAll('svg').length) })"
    browser.js(seen)
    browser.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    assert browser.js("return window.printed") == [1, 1, 1]


@pytest.mark.parametrize("name", ["full.html", "bare.html", "single.html"])
def test_labels_at_the_ends_of_lines_do_not_cover_each_other(browser, name):
    browser.open(name, "?lang=en")
    for chart in ("#chart-total", "#chart-item"):
        rows = browser.js(
            "return [...document.querySelectorAll(arguments[0] + ' svg text')].filter(t => ['Expected', 'A year earlier'].includes(t.textContent))"
            ".map(t => t.getBoundingClientRect().top)",
            chart,
        )
        assert rows
        assert len(rows) == 1 or abs(rows[0] - rows[1]) >= 12
