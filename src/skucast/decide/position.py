"""Inventory position: what is on the shelf and on its way, of every series, from the stock table."""

from __future__ import annotations

import datetime as dt

import polars as pl

from ..collect.repairs import Repairs
from ..collect.tables import SCHEMAS
from .assumptions import Assumptions
from .terms import conform, example

_STALE_DAYS = 14
_SEPARATOR = "\x1f"  # cannot occur in a code


def inventory_position(
    series: pl.DataFrame, stock: pl.DataFrame, today: dt.date, repairs: Repairs, assumptions: Assumptions
) -> pl.DataFrame:
    """Stock of every series: the latest count of each SKU and location.

    A count dated after ``today`` is used only where there is no earlier one. Negative stock on hand is
    kept: it is what customers have paid for and still wait for (backorders). Where several series sell
    from the same stock it is divided by their expected demand.

    Args:
        series: ``row`` (0, 1, ...), ``sku``, ``location`` (null for all), ``weight`` (expected demand).
        stock: the stock table.
        today: day of the decision.
        repairs: grows by what was wrong.
        assumptions: grows by what was taken for granted.

    Returns:
        ``on_hand`` and ``on_order`` in units, one row per series in order; null where unknown.
    """
    counts, whose = shares(series, _latest(_checked(stock, repairs), today, repairs), repairs, "stock")
    held = counts.group_by("key", maintain_order=True).agg(pl.col("on_hand", "on_order").sum(), pl.col("age").max())
    found = (
        series.select("row")
        .join(whose, on="row", how="left", maintain_order="left")
        .join(held, on="key", how="left", maintain_order="left")
    )
    has = found["on_hand"].is_not_null()
    assumptions.add("stock-shared", int((has & (found["users"] > 1)).sum()))
    assumptions.add("stock-stale", int((has & (found["age"] > _STALE_DAYS)).sum()), days=str(_STALE_DAYS))
    return found.select(on_hand=pl.col("on_hand") * pl.col("share"), on_order=pl.col("on_order") * pl.col("share"))


def shares(series: pl.DataFrame, table: pl.DataFrame, repairs: Repairs, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Which series each row of a table about SKUs (and their places) is for, and what share of it each gets.

    Rows without a place serve the series that have none of their own; where several series use the same rows, they are
    divided by expected demand.

    Args:
        series: as in `inventory_position`.
        table: ``sku, location``, and the units in ``on_hand`` or ``quantity``.
        repairs: grows by rows that belong to no series.
        name: of the table, for the repairs.

    Returns:
        The table with a ``key``, and ``row, key, share, users`` (series with the same rows) for series with any.
    """
    # what a series and a row have in common: the SKU, and its place where both tell it
    by_place = bool(series["location"].is_not_null().any()) and bool(table["location"].is_not_null().any())
    placed = pl.col("sku") + _SEPARATOR + pl.col("location")
    common = pl.when(pl.lit(by_place) & pl.col("location").is_not_null()).then(placed).otherwise(pl.col("sku"))
    rows = table.with_columns(key=common)
    wanted = series.select("row", "sku", "weight", key=common)
    known = wanted["key"].is_in(rows["key"].unique().implode())
    wanted = wanted.with_columns(key=pl.when(known).then(pl.col("key")).otherwise(pl.col("sku")))
    _note_unused(rows, wanted, repairs, name)
    total = pl.col("weight").sum().over("key")
    share = pl.when(total > 0).then(pl.col("weight") / total).otherwise(1.0 / pl.len().over("key"))
    whose = wanted.select("row", "key", share=share, users=pl.len().over("key"))
    return rows, whose.filter(pl.col("key").is_in(rows["key"].unique().implode()))


def _checked(stock: pl.DataFrame, repairs: Repairs) -> pl.DataFrame:
    """The stock table with its declared types, wrong cells taken out and counted."""
    table = conform(stock, SCHEMAS["stock"], repairs)
    nameless = table.filter(pl.col("sku").is_null())
    repairs.add("plan", "stock", "sku-missing", "rejected", nameless.height, remedy="Fill in the column 'sku'.")
    table = table.filter(pl.col("sku").is_not_null())

    unreadable = table.filter(pl.col("on_hand").is_null() | ~pl.col("on_hand").is_finite())
    repairs.add(
        "plan", "stock", "stock-not-a-number", "rejected", unreadable.height, series=unreadable["sku"].n_unique(),
        example=example(unreadable, "sku"), remedy="Fill in 'on_hand'; until then the stock counts as unknown.",
    )  # fmt: skip
    table = table.filter(pl.col("on_hand").is_finite())

    wrong = pl.col("on_order").is_not_null() & ~(pl.col("on_order").is_finite() & (pl.col("on_order") >= 0))
    odd = table.filter(wrong)
    repairs.add(
        "plan", "stock", "on-order-impossible", "changed", odd.height, series=odd["sku"].n_unique(),
        example=example(odd, "sku", "on_order"), remedy="Taken as 0; correct 'on_order'.",
    )  # fmt: skip
    return table.with_columns(on_order=pl.when(wrong).then(0.0).otherwise(pl.col("on_order").fill_null(0.0)))


def _latest(table: pl.DataFrame, today: dt.date, repairs: Repairs) -> pl.DataFrame:
    """One row per SKU and location, with its ``age`` in days."""
    dated = table.with_columns(day=pl.col("date").fill_null(today)).with_columns(later=pl.col("day") > today)
    best = (
        dated.with_row_index("line")
        # counts up to today, newest first; then later ones, earliest first; then the last line of a tie
        .with_columns(distance=(pl.col("day") - today).dt.total_days().abs())
        .sort("later", "distance", "line", descending=[False, False, True])
        .unique(subset=["sku", "location"], keep="first", maintain_order=True)
        .sort("line")
    )
    twice = dated.height - dated.unique(subset=["sku", "location", "day"]).height
    repairs.add(
        "plan", "stock", "counted-twice", "rejected", twice,
        remedy="Give one row per SKU, location and date; the last one was used.",
    )  # fmt: skip
    later = best.filter(pl.col("later"))
    repairs.add(
        "plan", "stock", "counted-after-today", "noted", later.height, series=later["sku"].n_unique(),
        example=example(later, "sku", "date"), remedy="Give the stock of the day on which the forecast begins.",
    )  # fmt: skip
    negative = best.filter(pl.col("on_hand") < 0)
    repairs.add(
        "plan", "stock", "negative-stock", "noted", negative.height,
        units=float(negative["on_hand"].sum()), series=negative["sku"].n_unique(),
        example=example(negative, "sku", "on_hand"),
        remedy="Taken as units owed to customers (backorders); if it is a counting error, correct the stock.",
    )  # fmt: skip
    return best.with_columns(age=(today - pl.col("day")).dt.total_days())


def _note_unused(rows: pl.DataFrame, wanted: pl.DataFrame, repairs: Repairs, name: str) -> None:
    """Rows that belong to no forecast series."""
    units = "on_hand" if name == "stock" else "quantity"
    unused = rows.filter(~pl.col("key").is_in(wanted["key"].implode()))
    known = pl.col("sku").is_in(wanted["sku"].unique().implode())
    for rule, lost, what in (
        ("unknown-sku", unused.filter(~known), "SKU has no forecast (never sold, or another spelling)"),
        ("unknown-location", unused.filter(known), "location has no forecast for this SKU"),
    ):
        repairs.add(
            "plan", name, rule, "noted", lost["key"].n_unique(),
            units=float(lost[units].sum()), series=lost["sku"].n_unique(), example=example(lost, "sku", "location"),
            remedy=f"The {what}; check the code, or ignore this.",
        )  # fmt: skip
