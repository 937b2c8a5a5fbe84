"""A shop with promotions, stock-outs, holidays and names in two languages, and the report made from it."""

import datetime as dt
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import polars as pl

from skucast.collect.repairs import Repairs
from skucast.config import make_config
from skucast.decide.health import HealthOptions, last_sales, stock_health
from skucast.decide.purchase import purchase_plan
from skucast.features.marks import holiday_marks
from skucast.models.naive import SeasonalNaive
from skucast.models.smoothing import Ets
from skucast.panel import Panel
from skucast.report import ReportContent

NAMES = {
    "A-01": "Tea pot, blue",
    "A-02": "陶瓷茶杯（白色）",
    "A-03": "Wicker basket & lid",
    "A-04": "Bird ornament 'Robin'",
    "B-05": "红色灯笼",
    "B-06": "Cake stand",
    "B-07": "",
    "B-08": "Paper chain kit",
}
HOSTILE = {
    "<script>window.hacked=1</script>": "</script><script>window.hacked=2</script>",
    "=cmd()": '=HYPERLINK("javascript:window.hacked=3")',
    "\"quoted' & <b>bold</b>": "<img src=x onerror=window.hacked=4>",
    "{{ 7*7 }}": "{name} {0} %s \\u2028\u2028<!--",
    "L" * 3000: "长" * 3000,
    "1e12": "1e12",
}


@cache
def shop_panel(weeks: int = 120, ids: tuple[str, ...] = tuple(NAMES), scale: float = 1.0) -> Panel:
    """Weekly demand that has a Christmas peak; the last item is young."""
    rng = np.random.default_rng(7)
    last = dt.date(2026, 11, 29)
    rows = []
    for k, sku in enumerate(ids):
        known = weeks if k < len(ids) - 1 else min(weeks, 30)
        for back in range(known - 1, -1, -1):
            day = last - dt.timedelta(weeks=back)
            promoted = k % 3 == 0 and back % 17 == 4
            out = k % 4 == 1 and 20 <= back < 24
            level = (20 + 15 * k) * (2.2 if day.month == 12 else 1.0) * (1.8 if promoted else 1.0) * scale
            sold = 0.0 if out else float(rng.poisson(level)) if level < 1e6 else level
            rows.append((sku, day, sold, float(promoted), not out))
    frame = pl.DataFrame(rows, schema=["unique_id", "ds", "y", "promotion", "available"], orient="row")
    given = {**NAMES, **HOSTILE}
    names = pl.DataFrame(
        {"unique_id": list(ids), "name": [given.get(i) or None for i in ids]}, schema_overrides={"name": pl.String}
    )
    return Panel.from_frame(frame, "W-SUN", static=names, known=("promotion",), availability="available")


@cache
def shop_content(
    weeks: int = 120, horizon: int = 8, stock: bool = True, language: str = "en", **options: object
) -> ReportContent:
    """All that a report can show; ``options`` go to `shop_panel`."""
    panel = shop_panel(weeks, **options)  # type: ignore[arg-type]
    ids = panel.ids.to_list()
    config = make_config(
        {
            "project": {"name": "Tea & Cups <Ltd>", "language": language, "currency": "GBP", "country": "GB"},
            "forecast": {"model": "auto", "windows": 2},
            "event": [{"name": "Anniversary", "dates": ["12-12"]}],
            "report": {"top": 5},
        }
    )
    ahead = np.zeros((len(panel), horizon), np.float32)
    ahead[0, 2:] = 1.0
    forecast = Ets(season="additive").fit(panel, horizon=horizon).predict(horizon)
    weekly = forecast.mean.mean(axis=1)
    prices = pl.DataFrame({"unique_id": ids, "price": [5.0 + k for k in range(len(ids))]})
    tables = {}
    if stock:
        tables = {
            "stock": pl.DataFrame(
                {
                    "sku": ids,
                    "on_hand": [float(round(m * (k % 4) * 1.5)) for k, m in enumerate(weekly)],
                    "on_order": 0.0,
                }
            ),
            "products": pl.DataFrame(
                {
                    "sku": ids,
                    "cost": [3.0 + 0.5 * k for k in range(len(ids))],
                    "supplier": ["North & Sons", "义乌明光"] * (len(ids) // 2) + ["North & Sons"] * (len(ids) % 2),
                }
            ),
        }
    plan = purchase_plan(forecast, plan=config.plan, prices=prices, currency="GBP", **tables)
    repairs = Repairs()
    repairs.add(
        "clean",
        "orders",
        "duplicates",
        "rejected",
        1200,
        units=3400,
        series=7,
        example="order 17, A-01",
        remedy="if they are real, set [clean] duplicates = false",
    )
    repairs.add("demand", "orders", "closed-weekdays", "noted", 52, example="Sundays")
    repairs.add(
        "plan", "products", "pack-size-impossible", "changed", 3, remedy="Taken as unknown; correct 'pack_size'."
    )
    repairs.extend(plan.repairs)
    return ReportContent(
        config=config,
        run_id="20261130T080000Z-abc123",
        created=dt.datetime(2026, 11, 30, 8, 0, tzinfo=dt.UTC),
        version="0.1.0",
        panel=panel,
        forecast=forecast,
        marks=holiday_marks(panel.freq, panel.end - panel.n_steps + 1, panel.end + horizon, "GB", "", config.event),
        plan=plan.frame(),
        assumptions=plan.assumptions,
        scores=scores(),
        model="auto",
        tested=(3, horizon),
        notes=("12 sold-out cells are not scored.",),
        choices={"smooth": "70 % ets + 30 % lightgbm"},
        repairs=repairs.frame(),
        prices=prices,
        closed=("Sunday", "2026-04-03..2026-04-06", "2026-05-04"),
        timings=(("read", 1.2, 45_000), ("forecast", 3.4, 64)),
        future={"promotion": ahead},
    )


@cache
def stocked_content(ids: tuple[str, ...] = tuple(NAMES), budget: float = 600.0, co2e: bool = True) -> ReportContent:
    """A shop with stock in all states, open orders, a budget and suppliers' minimums.

    The items in turn: nothing there, a little and a delivery to come, four months' worth, four years' worth.
    """
    content = shop_content(ids=ids)
    forecast, names = content.forecast, content.panel.static["name"]
    count = len(ids)
    config = content.config.model_copy(
        update={"plan": content.config.plan.model_copy(update={"budget": budget, "paths": 200})}
    )
    weekly = forecast.mean.mean(axis=1)
    weeks = (0.0, 1.5, 17.0, 200.0)
    stock = pl.DataFrame({"sku": ids, "on_hand": [float(round(m * weeks[k % 4])) for k, m in enumerate(weekly)]})
    today = forecast.freq.stamp(forecast.start).astype("datetime64[D]").item() - dt.timedelta(days=6)
    due = [k for k in range(count) if k % 4 == 1]
    orders = pl.DataFrame({
        "sku": [ids[k] for k in due],
        "quantity": [float(round(2 * weekly[k])) for k in due],
        "due": [today + dt.timedelta(days=16)] * len(due),
    }, schema={"sku": pl.String, "quantity": pl.Float64, "due": pl.Date})  # fmt: skip
    products = pl.DataFrame({
        "sku": ids, "name": names, "cost": [3.0 + 0.5 * k for k in range(count)], "pack_size": [6.0] * count,
        "min_order": [150.0 if k == 4 else 6.0 for k in range(count)],  # worth it, and more than the budget
        "supplier": ["North & Sons" if k % 2 else "<b>义乌明光" for k in range(count)],
    })  # fmt: skip
    suppliers = pl.DataFrame({
        "supplier": ["North & Sons", "<b>义乌明光"], "lead_time_days": [10.0, 14.0], "lead_time_sd_days": [2.0, 3.0],
        "min_order_value": [400.0, 400.0], "order_cost": [20.0, 30.0],
    })  # fmt: skip
    made = purchase_plan(
        forecast, plan=config.plan, stock=stock, products=products, suppliers=suppliers, prices=content.prices,
        open_orders=orders, currency="GBP",
    )  # fmt: skip
    idle = pl.int_range(pl.len()) % 8 == 3  # dead, as it has not sold for long
    facts = last_sales(content.panel).with_columns(
        last_sale=pl.when(idle).then(dt.date(2026, 1, 4)).otherwise("last_sale"),
        co2e_kg=pl.Series([2.0 if co2e and k % 8 == 3 else None for k in range(count)], dtype=pl.Float64),
        return_price=pl.Series([6.0 if k % 8 == 7 else None for k in range(count)], dtype=pl.Float64),
        shelf_life_days=pl.Series([42.0 if k % 8 == 2 else None for k in range(count)], dtype=pl.Float64),
    )
    health = stock_health(
        forecast, made.table.join(facts, on="unique_id", how="left", maintain_order="left"), open_orders=made.arriving,
        options=HealthOptions(paths=200), currency="GBP",
    )  # fmt: skip
    timings = (*content.timings, ("stock", 0.3, count))
    return replace(
        content, config=config, plan=made.frame(), assumptions=made.assumptions, health=health, joint=made.joint,
        timings=timings,
    )  # fmt: skip


def scores() -> pl.DataFrame:
    """Scores as `skucast.portfolio.judged` gives them; auto is worse than naive on one class."""
    rows = [
        ("auto", "smooth", 5, 0.20, 0.80, 0.30, 0.81, 0.2),
        ("auto", "lumpy", 3, 0.66, 1.10, 0.90, 0.70, -0.1),
        ("auto", "all", 8, 0.30, 0.90, 0.45, 0.80, 0.25),
        ("ets", "all", 8, 0.32, 0.91, 0.46, 0.79, 0.2),
        ("seasonal-naive", "smooth", 5, 0.25, 1.0, 0.40, 0.80, 0.0),
        ("seasonal-naive", "lumpy", 3, 0.60, 1.0, 0.80, 0.80, 0.0),
        ("seasonal-naive", "all", 8, 0.40, 1.0, 0.55, 0.80, 0.0),
    ]
    return pl.DataFrame(
        rows, schema=["model", "class", "n_series", "wql", "mase", "wape", "coverage_80", "skill"], orient="row"
    )


def bare_content() -> ReportContent:
    """The least that a report can be made from: no names, prices, plan, scores, repairs or marks."""
    panel = replace(shop_panel(), static=shop_panel().static.select("unique_id"), available=None, known={})
    forecast = SeasonalNaive().fit(panel, horizon=4).predict(4)
    return ReportContent(
        config=make_config({}),
        run_id="bare",
        created=dt.datetime(2026, 11, 30, 8, 0),
        version="0.1.0",
        panel=panel,
        forecast=forecast,
    )


class Page(HTMLParser):
    """A strict reader: every element is closed where it should be, identifiers and attributes are unique."""

    VOID = frozenset({"meta", "link", "input", "br", "hr", "img", "circle", "line"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[tuple[str, ...], str, str]] = []  # (open tags, language, text)
        self.tables: list[list[list[str]]] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs), f"an attribute of <{tag}> occurs twice"
        if given.get("id"):
            assert given["id"] not in self.ids, f"two elements are called {given['id']}"
            self.ids.append(str(given["id"]))
        self.tags.append((tag, given))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in self.VOID:
            self.open.append((tag, given))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1][0] == tag, f"</{tag}> closes <{self.open[-1][0]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        tags = tuple(tag for tag, _ in self.open)
        if not data.strip() or {"script", "style"} & set(tags):
            return
        language = next((str(a["lang"]) for t, a in reversed(self.open) if t in ("span", "li") and a.get("lang")), "")
        self.texts.append((tags, language, data.strip()))
        if ("td" in tags or "th" in tags) and language != "zh-CN":
            self.tables[-1][-1][-1] += data.replace("\u00a0", " ").strip()

    def words(self, language: str) -> str:
        """All that a reader of one language sees."""
        return " ".join(text for _, lang, text in self.texts if lang in ("", language))

    def table(self, caption: str) -> list[list[str]]:
        """The rows (heads first) of the table whose first heading row holds a text."""
        return next(rows for rows in self.tables if any(caption in cell for cell in rows[0]))
