"""Stock: what it is worth, what runs short when, what is too much and what to do with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..decide.health.options import HealthOptions
from ..plotting import at_level
from .charts import rounded
from .headline import Figure
from .wording import DASH, Text, day, known, money, number, percent, period, plain, say, shorten

if TYPE_CHECKING:
    from ..decide.health import StockHealth

ROWS = 10
"""Items shown in each table; the files of the run hold them all."""
CHARTS = 6
_RISK = HealthOptions().risk  # no run asks for another
_FAN = (0.1, 0.25, 0.5, 0.75, 0.9)
_NIL = 0.05  # units that are written as 0
_ACTIONS = {
    "markdown": ("stock.markdown", "stock.n_markdown"),
    "transfer": ("stock.transfer", "stock.n_transfer"),
    "return": ("stock.return", "stock.n_return"),
    "keep": ("stock.keep", "stock.n_keep"),
}
_KINDS = {"dead": "stock.is_dead", "excess": "stock.is_excess"}
_BURDENS = {"waste": "stock.waste", "excess": "stock.too_much", "dead": "stock.hardly_sells"}
_NO_FACTOR = {"waste": "stock.no_factor_waste", "excess": "stock.no_factor_excess", "dead": "stock.no_factor_dead"}
_MARGINS = {"A": "stock.class_a", "B": "stock.class_b", "C": "stock.class_c"}


@dataclass(frozen=True)
class Group:
    """A row of the nine cells: its letter, what that means, items and money of X, Y and Z, share of the margin."""

    letter: str
    meaning: Text
    cells: Sequence[tuple[Text, Text]]
    share: Text


@dataclass(frozen=True)
class Risk:
    """An item that may run short; ``ordered`` is what this run orders of it."""

    name: str
    code: str
    since: Text
    chance: Text
    on_hand: Text
    on_order: Text
    ordered: Text
    margin: Text


@dataclass(frozen=True)
class Exit:
    """An item with too much stock and its way out."""

    name: str
    code: str
    kind: Text
    units: Text
    value: Text
    action: Text
    gain: Text
    reason: Text


@dataclass(frozen=True)
class Burden:
    """Waste, excess or dead stock in items, units, money and kg CO2e."""

    label: Text
    items: Text
    units: Text
    money: Text
    co2e: Text


@dataclass(frozen=True)
class StockChart:
    """A small chart of the projected stock; its numbers are in `Stock.data`."""

    name: str
    code: str
    text: Text
    label: Text


@dataclass(frozen=True)
class Stock:
    """The section on stock.

    Attributes:
        figures: of its top.
        groups: the nine cells, and what could not be ranked.
        risks: items that run short first.
        risks_more: how many more may.
        risk: chance from which an item counts as one that may run short.
        exits: dead and excess items, most money gained first.
        exits_more: how many more there are, and their value at cost.
        gains: whether any way out among them gains.
        burdens: what is wasted or too much.
        has_co2e: whether any item has a factor.
        no_factor: what is left out of the kg CO2e, or None.
        charts: items with the most margin at stake.
        data: JSON-ready numbers of the charts.
        assumptions: what was taken for granted.
    """

    figures: Sequence[Figure]
    groups: Sequence[Group]
    risks: Sequence[Risk]
    risks_more: int
    risk: Text
    exits: Sequence[Exit]
    exits_more: tuple[int, Text]
    gains: bool
    burdens: Sequence[Burden]
    has_co2e: bool
    no_factor: Text | None
    charts: Sequence[StockChart]
    data: Sequence[dict[str, Any]]
    assumptions: Sequence[Text]


def make_stock(health: StockHealth, plan: pl.DataFrame, names: Mapping[str, str]) -> Stock:
    """Put the section together.

    Args:
        health: the look at the stock.
        plan: all columns of ``PLAN_COLUMNS``, for what is ordered; may be empty.
        names: series -> name, where the items have none.
    """
    risky = health.items.filter(pl.col("risk_date").is_not_null()).sort(
        ["risk_date", "lost_margin", "lost_units"], descending=[False, True, True], nulls_last=True, maintain_order=True
    )
    ordered = dict(plan.select("unique_id", "order_qty").iter_rows())
    rest = health.exits.slice(ROWS)
    burdens, no_factor = _burdens(health)
    charts = _charts(health, names)
    return Stock(
        figures=_figures(health, risky, names),
        groups=_groups(health.cells, health.currency),
        risks=[_risk(row, ordered, names, health.currency) for row in risky.head(ROWS).iter_rows(named=True)],
        risks_more=max(risky.height - ROWS, 0),
        risk=percent(_RISK),
        exits=[_exit(row, names, health.currency) for row in health.exits.head(ROWS).iter_rows(named=True)],
        exits_more=(rest.height, money(_total(rest, "value"), health.currency)),
        gains=bool(health.exits.head(ROWS)["gain"].fill_null(0.0).gt(0).any()),
        burdens=burdens,
        has_co2e=bool(health.sustainability["co2e_kg"].is_not_null().any()),
        no_factor=no_factor,
        charts=[chart for chart, _ in charts],
        data=[numbers for _, numbers in charts],
        assumptions=[Text(a.en, a.zh) for a in health.assumptions],
    )


# ---- figures ----------------------------------------------------------------------------------
def _figures(health: StockHealth, risky: pl.DataFrame, names: Mapping[str, str]) -> list[Figure]:
    items, currency = health.items, health.currency
    seen = items.filter(pl.col("on_hand").is_not_null())
    span = period(health.forecast.freq, health.forecast.horizon)

    def worth(label: Text, column: str, lines: Iterable[Text], unknown: str, tone: bool = False) -> Figure:
        value = _total(seen, column)
        if value is None:
            return Figure(label, plain(None), [*lines, say(unknown)], "muted")
        return Figure(label, money(value, currency), list(lines), "risk" if tone and value > 0 else "")

    def count(column: str, also: pl.Expr | None = None) -> Text:
        there = seen.filter(pl.col(column) > _NIL if also is None else also)
        return say(
            "stock.size", n=number(there.height), total=number(seen.height), units=number(float(there[column].sum()))
        )

    stocked = [count("on_hand")]
    if seen.height < items.height:
        stocked.append(say("stock.unknown", n=number(items.height - seen.height)))
    soonest = []
    if risky.height:
        first = risky.row(0, named=True)
        soonest = [say("stock.next", date=day(first["risk_date"]), name=_called(first, names)[0])]
    soonest.append(say("stock.of_known", total=number(seen.height), period=span))
    excess = [count("excess_units")]
    cancel = float(seen["cancel_units"].sum())
    if cancel > _NIL:
        excess.append(say("stock.on_its_way", units=number(cancel)))
    return [
        worth(say("stock.value"), "stock_value", stocked, "money.no_cost"),
        Figure(say("stock.short"), number(risky.height), soonest),
        worth(
            say("stock.at_risk", period=span), "lost_margin",
            [say("stock.turned_away", units=number(float(seen["lost_units"].sum())))], "money.no_risk", tone=True,
        ),
        worth(say("stock.dead"), "dead_value", [count("dead_units", pl.col("dead"))], "money.no_cost"),
        worth(say("stock.excess"), "excess_value", excess, "money.no_cost"),
        _gained(health.exits, currency),
    ]  # fmt: skip


def _gained(exits: pl.DataFrame, currency: str) -> Figure:
    """What the ways out bring beyond keeping all."""
    label = say("stock.gained")
    counts = dict(exits.group_by("action").len().iter_rows())
    parts = [say(told, n=number(counts[name])) for name, (_, told) in _ACTIONS.items() if counts.get(name)]
    if not parts:
        unknown = exits.height > 0
        return Figure(label, plain(None), [say("stock.no_money" if unknown else "stock.no_exits")], "muted")
    return Figure(label, money(_total(exits, "gain"), currency), [_listed(parts)])


# ---- tables -----------------------------------------------------------------------------------
def _groups(cells: pl.DataFrame, currency: str) -> list[Group]:
    whole = float(cells["margin"].sum())
    out = []
    for letter in (*_MARGINS, None):
        row = cells.filter(pl.col("abc").eq_missing(letter))
        if not row.height:
            continue
        found = {xyz: (items, value) for xyz, items, value in row.select("xyz", "items", "stock_value").iter_rows()}
        pairs = [found.get(xyz, (0, 0.0)) for xyz in "XYZ"]
        earned = float(row["margin"].sum())
        out.append(
            Group(
                letter or DASH,
                say(_MARGINS[letter] if letter else "stock.class_none"),
                [(number(n), money(value, currency) if value else plain("")) for n, value in pairs],
                percent(earned / whole) if letter and whole > 0 else plain(None),
            )
        )
    return out


def _risk(row: dict[str, Any], ordered: Mapping[str, float], names: Mapping[str, str], currency: str) -> Risk:
    quantity = ordered.get(row["unique_id"])
    return Risk(
        *_called(row, names),
        since=day(row["risk_date"]),
        chance=percent(row["p_short"]),
        on_hand=number(row["on_hand"]),
        on_order=number(row["on_order"]),
        ordered=number(quantity),
        margin=money(row["lost_margin"], currency),
    )


def _exit(row: dict[str, Any], names: Mapping[str, str], currency: str) -> Exit:
    action = plain(None)
    if row["action"] is not None:
        action = say(
            _ACTIONS[row["action"]][0],
            share=percent(row["markdown"]),
            n=number(row["exit_units"]),
            to=shorten(row["to"] or DASH, 40),
        )
    return Exit(
        *_called(row, names),
        kind=say(_KINDS[row["kind"]]),
        units=number(row["units"]),
        value=money(row["value"], currency),
        action=action,
        gain=money(row["gain"], currency) if row["action"] != "keep" else plain(None),
        reason=Text(row["reason_en"], row["reason_zh"]),
    )


def _burdens(health: StockHealth) -> tuple[list[Burden], Text | None]:
    span = period(health.forecast.freq, health.forecast.horizon)
    table = health.sustainability
    rows = [
        Burden(
            say(_BURDENS[row["measure"]], period=span),
            number(row["items"]),
            number(row["units"]),
            money(row["money"], health.currency),
            number(
                row["co2e_kg"] if row["units"] - row["units_without_factor"] > _NIL or row["units"] <= _NIL else None
            ),
        )
        for row in table.iter_rows(named=True)
    ]
    without = table.filter(pl.col("units_without_factor") > _NIL)
    if table["co2e_kg"].null_count() == table.height or not without.height:
        return rows, None
    parts = [
        say(_NO_FACTOR[measure], units=number(units))
        for measure, units in without.select("measure", "units_without_factor").iter_rows()
    ]
    return rows, say("stock.no_factor", parts=_listed(parts))


def _listed(parts: Sequence[Text]) -> Text:
    return Text(", ".join(p.en for p in parts), "、".join(p.zh for p in parts))


# ---- charts -----------------------------------------------------------------------------------
def _charts(health: StockHealth, names: Mapping[str, str]) -> list[tuple[StockChart, dict[str, Any]]]:
    """The items with the most margin at stake (units, where money is unknown); empty shelves show nothing to see."""
    there = (pl.col("on_hand") > 0) | (pl.col("on_order") > 0)
    items = health.items.with_row_index("_row").filter((pl.col("lost_units") > _NIL) & there)
    chosen = items.sort(
        ["lost_margin", "lost_units"], descending=True, nulls_last=True, maintain_order=True
    ).head(CHARTS)  # fmt: skip
    return [_chart(health, row, names) for row in chosen.iter_rows(named=True)]


def _chart(health: StockHealth, row: dict[str, Any], names: Mapping[str, str]) -> tuple[StockChart, dict[str, Any]]:
    p, k = health.projection, int(row["_row"])
    fan = [at_level(np.asarray(p.levels), p.fan[k], level) for level in _FAN]
    came = np.flatnonzero(p.arrived[k] > 0)
    days = health.forecast.stamps.astype("datetime64[D]")
    likely = np.flatnonzero(days >= np.datetime64(row["risk_date"])) if row["risk_date"] else came[:0]
    numbers: dict[str, Any] = {
        "b": rounded(np.array([row["on_hand"]]))[0],
        "q": [rounded(quantile) for quantile in fan],
        "p": rounded(p.p_short[k]),
        "a": [[int(h), amount] for h, amount in zip(came, rounded(p.arrived[k][came]), strict=True)],
    }
    if likely.size:
        numbers["r"] = int(likely[0])
    name, code = _called(row, names)
    chance = percent(row["p_short"])
    if known(row["lost_margin"]):
        text = say("stock.chart_money", margin=money(row["lost_margin"], health.currency), chance=chance)
    else:
        text = say("stock.chart_units", units=number(row["lost_units"]), chance=chance)
    return StockChart(name, code, text, say("stock.chart_label", name=name)), numbers


# ---- small parts ------------------------------------------------------------------------------
def _called(row: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, str]:
    """The name of an item, and its code and place where the name does not say them."""
    code = str(row["sku"] or row["unique_id"])
    place = f" · {row['location']}" if row["location"] else ""
    name = shorten(str(row["name"] or "")) or names.get(str(row["unique_id"]), "") or shorten(code)
    return name, shorten(code) + place if name != shorten(code) or place else ""


def _total(frame: pl.DataFrame, column: str) -> float | None:
    """Sum of a column, None if nothing in it is known."""
    return float(frame[column].sum()) if frame[column].count() else None
