"""Terms: what buying and selling each series costs, earns and takes, with defaults where unknown."""

from __future__ import annotations

import datetime as dt

import polars as pl

from ..collect.repairs import Repairs
from ..collect.tables import POLARS_TYPE, SCHEMAS, Column, TableSchema
from ..config import Plan
from ..errors import DataError
from ..explain.sentences import number
from ..forecast import Forecast
from .assumptions import Assumptions

DAYS_PER_YEAR = 365.0


def conform(table: pl.DataFrame, schema: TableSchema, repairs: Repairs) -> pl.DataFrame:
    """Exactly the columns of a schema with their types; absent ones are null, unreadable cells too.

    Cells that cannot be read are counted, except in required columns, whose gaps have rules of their own.

    Raises:
        DataError: a required column is absent.
    """
    absent = [name for name in schema.required if name not in table.columns]
    if absent:
        raise DataError(f"The table '{schema.name}' has no column '{absent[0]}': add it or leave the table out.")
    typed = table.select(_typed(table, c).alias(c.name) for c in schema.columns)
    for c in schema.columns:
        if c.name in table.columns and not c.required:
            lost = table.filter(table[c.name].is_not_null() & typed[c.name].is_null())
            repairs.add(
                "plan", schema.name, f"{c.name.replace('_', '-')}-unreadable", "changed", lost.height,
                example=example(lost, *(n for n in (*schema.key[:1], c.name) if n in lost.columns)),
                remedy=f"Taken as unknown; '{c.name}' must be a {'date like 2025-01-31' if c.kind == 'date' else c.kind}.",
            )  # fmt: skip
    return typed


def _typed(table: pl.DataFrame, column: Column) -> pl.Expr:
    if column.name not in table.columns:
        return pl.lit(None, POLARS_TYPE[column.kind])
    cell = pl.col(column.name)
    if column.kind == "date" and table.schema[column.name] == pl.String:
        return cell.str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return cell.cast(POLARS_TYPE[column.kind], strict=False)


def example(rows: pl.DataFrame, *columns: str) -> str:
    """The first row in words: ``sku A1, on_hand -3``."""
    if rows.is_empty():
        return ""
    first = rows.row(0, named=True)
    return ", ".join(f"{name} {first[name]}" for name in columns if first[name] is not None)


def match_skus(forecast: Forecast, *tables: pl.DataFrame | None) -> pl.DataFrame:
    """Which SKU and location each series is about.

    The forecast's static columns ``sku`` and ``location`` say so; without them the identifier is the
    SKU, or ``sku/location`` where only the part before the first slash is a SKU of the tables.

    Returns:
        ``row, unique_id, sku, location, weight``; weight is the expected demand over the horizon.
    """
    ids = forecast.ids.cast(pl.String)
    base = pl.DataFrame(
        {"row": pl.int_range(len(forecast), eager=True), "unique_id": ids, "weight": forecast.mean.sum(axis=1)}
    )
    static = forecast.static
    if "sku" in static.columns:
        place = static["location"] if "location" in static.columns else pl.lit(None)
        return base.with_columns(sku=static["sku"].cast(pl.String).fill_null(ids), location=place).with_columns(
            pl.col("location").cast(pl.String), pl.col("weight").cast(pl.Float64).fill_nan(0.0)
        )
    known = [t["sku"].cast(pl.String) for t in tables if t is not None and "sku" in t.columns]
    codes = pl.concat(known).drop_nulls().unique() if known else pl.Series("sku", [], dtype=pl.String)
    head = pl.col("unique_id").str.split("/").list.first()
    tail = pl.col("unique_id").str.slice(head.str.len_chars() + 1)
    split = ~pl.col("unique_id").is_in(codes.implode()) & head.is_in(codes.implode()) & (tail != "")
    return base.with_columns(
        sku=pl.when(split).then(head).otherwise(pl.col("unique_id")),
        location=pl.when(split).then(tail).otherwise(None),
        weight=pl.col("weight").cast(pl.Float64).fill_nan(0.0),
    )


def read_terms(
    series: pl.DataFrame,
    forecast: Forecast,
    plan: Plan,
    products: pl.DataFrame | None,
    suppliers: pl.DataFrame | None,
    prices: pl.DataFrame | None,
    today: dt.date,
    repairs: Repairs,
    assumptions: Assumptions,
) -> pl.DataFrame:
    """Terms of every series, in order, none of them null unless said.

    Returns:
        ``name, supplier`` (text or null), ``price, cost`` (currency per unit; on a scale of price = 1
        where ``has_money`` is false), ``has_money``, ``lead_days, lead_sd_days, review_days``,
        ``pack`` (units), ``has_packs``, ``min_order`` (units), ``end_date`` (or null), ``shelf_life_days`` (or
        null), ``shortage_cost`` (currency per unit not served), ``holding_cost`` (currency per unit and day),
        ``weight_kg, volume_l`` (of a unit; 0 where unknown), ``min_order_value, min_order_units, order_cost`` (of an
        order of the supplier; 0 is none).
    """
    items = conform(_empty("products") if products is None else products, SCHEMAS["products"], repairs)
    makers = conform(_empty("suppliers") if suppliers is None else suppliers, SCHEMAS["suppliers"], repairs)
    items = _once(items, "sku", "products", repairs)
    makers = _once(makers, "supplier", "suppliers", repairs)
    # (column, least allowed, whether the least itself is allowed)
    for column, least, closed in (
        ("cost", 0, False), ("price", 0, False), ("pack_size", 0, False), ("min_order", 0, True),
        ("shelf_life_days", 0, False), ("shortage_cost", 0, True), ("holding_cost", 0, True), ("weight_kg", 0, True),
        ("volume_l", 0, True),
    ):  # fmt: skip
        items = _checked(items, "products", column, "sku", least, closed, repairs)
    for column, closed in (("lead_time_days", True), ("lead_time_sd_days", True), ("review_days", False), ("min_order_value", True),
        ("min_order_units", True), ("order_cost", True),
    ):  # fmt: skip
        makers = _checked(makers, "suppliers", column, "supplier", 0, closed, repairs)
    paid = _prices(prices, repairs)

    own = _static(forecast)
    joined = (
        pl.concat([series, own], how="horizontal")
        .join(items, on="sku", how="left", maintain_order="left")
        .join(paid, on="unique_id", how="left", maintain_order="left")
        .with_columns(
            name=pl.coalesce("name", "own_name"),
            supplier=pl.coalesce("supplier", "own_supplier"),
            cost=pl.coalesce("cost", "paid_cost", "own_cost"),
            realised=pl.coalesce("paid_price", "own_price"),
            listed=pl.coalesce("paid_list_price", "price"),
        )
        .join(makers.drop("name"), on="supplier", how="left", maintain_order="left")
        .sort("row")
    )
    table = joined.with_columns(price=pl.coalesce("realised", "listed"))
    _state(table, plan, assumptions)
    kept = 1.0 - plan.margin
    return table.with_columns(
        has_money=pl.col("price").is_not_null() | pl.col("cost").is_not_null(),
        price=pl.coalesce(pl.col("price"), pl.col("cost") / kept, pl.lit(1.0)),
        cost=pl.coalesce(pl.col("cost"), pl.col("price") * kept, pl.lit(kept)),
        lead_days=pl.col("lead_time_days").fill_null(plan.lead_time_days),
        # a supplier with a lead time of its own but no spread is taken at its word
        lead_sd_days=pl.when(pl.col("lead_time_days").is_not_null())
        .then(pl.col("lead_time_sd_days").fill_null(0.0))
        .otherwise(pl.col("lead_time_sd_days").fill_null(plan.lead_time_sd_days)),
        review_days=pl.col("review_days").fill_null(plan.review_days),
        pack=pl.col("pack_size").fill_null(1.0),
        has_packs=pl.col("pack_size").fill_null(1.0) > 1,
        # a given number, for one item or for all, comes before what follows from price and cost
        shortage_cost=pl.coalesce("shortage_cost", pl.lit(plan.shortage_cost, pl.Float64)),
        holding_cost=pl.coalesce("holding_cost", pl.lit(plan.holding_cost, pl.Float64)),
        **{name: pl.col(name).fill_null(0.0) for name in _NOTHING},
    ).with_columns(
        shortage_cost=pl.col("shortage_cost").fill_null((pl.col("price") - pl.col("cost")).clip(0.0)),
        holding_cost=pl.col("holding_cost").fill_null(pl.col("cost") * plan.holding_rate / DAYS_PER_YEAR),
    ).select(
        "name", "supplier", "price", "cost", "has_money", "lead_days", "lead_sd_days", "review_days", "pack",
        "has_packs", "end_date", "shelf_life_days", "shortage_cost", "holding_cost", *_NOTHING,
    )  # fmt: skip


_NOTHING = ("min_order", "weight_kg", "volume_l", "min_order_value", "min_order_units", "order_cost")
"""Columns in which an empty cell is zero."""


def _state(table: pl.DataFrame, plan: Plan, assumptions: Assumptions) -> None:
    """Say which defaults were used, before they are filled in."""

    def count(condition: pl.Expr) -> int:
        return int(table.select(condition.sum()).item() or 0)

    margin, share = f"{100 * plan.margin:.0f} %", f"{100 * (1 - plan.margin):.0f} %"
    no_price, no_cost = pl.col("price").is_null(), pl.col("cost").is_null()
    assumptions.add("lead-time-default", count(pl.col("lead_time_days").is_null()), days=number(plan.lead_time_days))
    assumptions.add("review-default", count(pl.col("review_days").is_null()), days=number(plan.review_days))
    assumptions.add("cost-default", count(no_cost & ~no_price), share=share, margin=margin)
    assumptions.add("price-list", count(pl.col("realised").is_null() & ~no_price))
    assumptions.add("price-default", count(no_price & ~no_cost), margin=margin)
    assumptions.add("money-unknown", count(no_price & no_cost), margin=margin)
    assumptions.add("holding-rate", table.height, rate=f"{100 * plan.holding_rate:.0f} %")


def _prices(prices: pl.DataFrame | None, repairs: Repairs) -> pl.DataFrame:
    """``unique_id, paid_price, paid_list_price, paid_cost`` with wrong numbers taken out."""
    names = ("price", "list_price", "cost")
    if prices is None:
        return pl.DataFrame(schema={"unique_id": pl.String, **{f"paid_{n}": pl.Float64 for n in names}})
    if "unique_id" not in prices.columns:
        raise DataError("The table 'prices' has no column 'unique_id': it must name the series of the forecast.")
    table = prices.select(
        pl.col("unique_id").cast(pl.String),
        *((pl.col(n) if n in prices.columns else pl.lit(None)).cast(pl.Float64, strict=False).alias(n) for n in names),
    )
    for name in names:
        table = _checked(table, "prices", name, "unique_id", 0, False, repairs)
    return _once(table, "unique_id", "prices", repairs).rename({n: f"paid_{n}" for n in names})


def _static(forecast: Forecast) -> pl.DataFrame:
    """What the forecast itself knows of its series, in columns ``own_...``."""
    kinds = {"name": pl.String, "supplier": pl.String, "cost": pl.Float64, "price": pl.Float64}
    static = forecast.static
    columns = []
    for name, kind in kinds.items():
        column = static[name] if name in static.columns[1:] else pl.Series(name, [None] * static.height)
        column = column.cast(kind, strict=False)
        if kind == pl.Float64:
            column = (
                column.to_frame().select(pl.when(pl.col(name).is_finite() & (pl.col(name) > 0)).then(name)).to_series()
            )
        columns.append(column.alias(f"own_{name}"))
    return pl.DataFrame(columns)


def _checked(
    table: pl.DataFrame, name: str, column: str, key: str, least: float, closed: bool, repairs: Repairs
) -> pl.DataFrame:
    """The table with impossible numbers of one column made null (unknown), counted."""
    cell = pl.col(column)
    allowed = cell.is_finite() & ((cell >= least) if closed else (cell > least))
    wrong = table.filter(cell.is_not_null() & ~allowed)
    repairs.add(
        "plan", name, f"{column.replace('_', '-')}-impossible", "changed", wrong.height, series=wrong[key].n_unique(),
        example=example(wrong, key, column), remedy=f"Taken as unknown; correct '{column}' in the table '{name}'.",
    )  # fmt: skip
    return table.with_columns(pl.when(allowed).then(cell).otherwise(None).alias(column))


def _once(table: pl.DataFrame, key: str, name: str, repairs: Repairs) -> pl.DataFrame:
    """One row per key: the first."""
    named = table.filter(pl.col(key).is_not_null())
    repairs.add(
        "plan", name, f"{key.replace('_', '-')}-missing", "rejected", table.height - named.height,
        remedy=f"Fill in the column '{key}'.",
    )  # fmt: skip
    first = named.unique(subset=[key], keep="first", maintain_order=True)
    again = named.filter(~pl.col(key).is_first_distinct())
    repairs.add(
        "plan", name, f"{key.replace('_', '-')}-twice", "rejected", again.height, series=again[key].n_unique(),
        example=example(again, key), remedy=f"Keep one row per {key}; the first one was used.",
    )  # fmt: skip
    return first


def _empty(table: str) -> pl.DataFrame:
    return pl.DataFrame(schema={c.name: POLARS_TYPE[c.kind] for c in SCHEMAS[table].columns})
