"""Purchases: the list to act on, best use of money first, with a sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from .wording import DASH, Text, day, decimals, known, money, number, percent, plain, say, shorten, span

ROWS = 100
"""Purchases shown in the report; the purchase plan holds them all."""
_SUPPLIERS = 12
_SUM = pl.when(pl.col("order_value").count() > 0).then(pl.col("order_value").sum())  # null where nothing is known


@dataclass(frozen=True)
class Cell:
    """A cell of a sortable table: what is read, and the number by which it is sorted (None comes last)."""

    text: Text
    sort: float | None = None


@dataclass(frozen=True)
class Head:
    """A column of figures: its heading, ``wide`` if only wide screens show it, and whether the soonest comes first."""

    label: Text
    wide: bool = True
    soonest: bool = False


@dataclass(frozen=True)
class Purchase:
    """One line of the purchase list."""

    rank: int
    name: str
    code: str
    supplier: str
    reason: Text
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Purchases:
    """The purchase list: its columns, its rows, how many more the plan holds, and what goes to whom."""

    heads: Sequence[Head]
    rows: Sequence[Purchase]
    more: int
    more_value: Text
    suppliers: Sequence[tuple[Text, Text, Text]]
    planned: int


def make_purchases(plan: pl.DataFrame, currency: str, names: dict[str, str]) -> Purchases:
    """The purchases of a plan in the order of their rank; of a long plan those that gain most.

    Args:
        plan: all columns of ``PLAN_COLUMNS``.
        currency: of the money columns.
        names: series -> name, where the plan has none.
    """
    ordered = plan.filter(pl.col("order_qty") > 0).sort(
        ["rank", "expected_gain"], descending=[False, True], nulls_last=True, maintain_order=True
    )
    # of a long plan, the lines that gain most: many small ones gain more per unit of money and hardly matter
    gain = ordered["expected_gain"].fill_null(0.0).rank("ordinal", descending=True)
    shown, rest = ordered.filter(gain <= ROWS), ordered.filter(gain > ROWS)
    heads, rows = _without_empty(
        _heads(currency), [_purchase(row, k, names) for k, row in enumerate(shown.iter_rows(named=True), 1)]
    )
    return Purchases(
        heads=heads,
        rows=rows,
        more=rest.height,
        more_value=money(rest.select(_SUM).item(), currency),
        suppliers=_suppliers(ordered, currency),
        planned=plan.height,
    )


def _heads(currency: str) -> list[Head]:
    return [
        Head(say("buy.quantity"), wide=False),
        Head(say("buy.value", currency=currency), wide=False),
        Head(say("buy.position")),
        Head(say("buy.demand")),
        Head(say("buy.p_out")),
        Head(say("buy.run_out"), soonest=True),
        Head(say("buy.saved", currency=currency)),
        Head(say("buy.gain", currency=currency)),
    ]


def _without_empty(heads: list[Head], rows: list[Purchase]) -> tuple[list[Head], list[Purchase]]:
    """Columns in which something is known: without stock or prices, dashes would only take room."""
    kept = [k for k in range(len(heads)) if any(row.cells[k].sort is not None for row in rows)]
    return [heads[k] for k in kept], [replace(row, cells=[row.cells[k] for k in kept]) for row in rows]


def _purchase(row: dict[str, Any], place_in_list: int, names: dict[str, str]) -> Purchase:
    code = str(row["sku"] or row["unique_id"] or DASH)
    place = f" · {row['location']}" if row["location"] else ""
    saved = None
    if known(row["lost_margin_without"]):
        saved = row["lost_margin_without"] - (row["lost_margin_with"] or 0.0)
    run_out = row["run_out_date"]
    cells = (
        Cell(number(row["order_qty"]), row["order_qty"]),
        Cell(number(row["order_value"]), row["order_value"]),
        Cell(number(row["position"]), row["position"]),
        Cell(span(row["demand_protect_p10"], row["demand_protect_p90"]), row["demand_protect_mean"]),
        Cell(percent(row["p_out_without_order"]), row["p_out_without_order"]),
        Cell(day(run_out), float(run_out.toordinal()) if run_out else None),
        Cell(number(saved), saved),
        Cell(decimals(row["gain_per_money"], 2), row["gain_per_money"]),
    )
    reason = Text(row["reason_en"] or row["reason_zh"] or DASH, row["reason_zh"] or row["reason_en"] or DASH)
    name = shorten(str(row["name"] or "")) or (names.get(str(row["unique_id"]), "") or code)
    rank = int(row["rank"]) if known(row["rank"]) else place_in_list
    return Purchase(
        rank, name, code + place if name != code or place else "", str(row["supplier"] or ""), reason, cells
    )


def _suppliers(ordered: pl.DataFrame, currency: str) -> list[tuple[Text, Text, Text]]:
    """Supplier, items and value of the largest orders, the others added up."""
    table = (
        ordered.filter(pl.col("supplier").is_not_null())
        .group_by("supplier", maintain_order=True)
        .agg(pl.len().alias("items"), _SUM)
        .sort("order_value", descending=True, maintain_order=True)
    )
    rows = [(plain(s), number(n), money(v, currency)) for s, n, v in table.head(_SUPPLIERS).iter_rows()]
    rest = table.slice(_SUPPLIERS)
    if rest.height:
        label = say("buy.other_suppliers", n=number(rest.height))
        rows.append((label, number(float(rest["items"].sum())), money(rest.select(_SUM).item(), currency)))
    return rows
