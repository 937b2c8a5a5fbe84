"""Items: one row per product, and rows of other tables that speak of items nobody sold."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from .demand import Demand
from .repairs import Repairs


def clean_products(table: pl.DataFrame, repairs: Repairs) -> pl.DataFrame:
    """One row per item, the first of each; texts without blanks around them."""
    texts = [n for n, t in table.schema.items() if t == pl.String]
    rows = table.with_columns(pl.col(texts).str.strip_chars().replace("", None)) if texts else table
    nameless = rows.filter(pl.col("sku").is_null())
    repairs.add("clean", "products", "no-sku", "rejected", nameless.height, remedy="fill in the item code")
    rows = rows.filter(pl.col("sku").is_not_null())
    again = rows.filter(~pl.col("sku").is_first_distinct())
    repairs.add(
        "clean", "products", "duplicate-keys", "rejected", again.height, series=again["sku"].n_unique(),
        example="" if again.is_empty() else f"item '{again['sku'][0]}'",
        remedy="give each item one row; the first one is used",
    )  # fmt: skip
    ended = {"launch_date", "end_date"} <= set(rows.columns)
    wrong = rows.filter(pl.col("end_date") < pl.col("launch_date")) if ended else rows.clear()
    repairs.add(
        "clean", "products", "end-before-launch", "changed", wrong.height, series=wrong.height,
        example="" if wrong.is_empty() else f"item '{wrong['sku'][0]}'",
        remedy="end_date is taken as unknown; correct launch_date or end_date",
    )  # fmt: skip
    if wrong.height:
        fine = (pl.col("end_date") >= pl.col("launch_date")).fill_null(True)
        rows = rows.with_columns(pl.when(fine).then(pl.col("end_date")))
    return rows.filter(pl.col("sku").is_first_distinct())


def note_unknown_items(tables: Mapping[str, pl.DataFrame], demand: Demand, repairs: Repairs) -> None:
    """Count the rows of each table about items that the demand does not know, and items never sold."""
    sold = demand.cells["sku"].unique()
    for name, table in tables.items():
        if "sku" not in table.columns or name in ("orders", "sales"):
            continue
        code = pl.col("sku").cast(pl.String).str.strip_chars()
        stray = table.filter((code != "") & ~code.is_in(sold.implode()))
        if stray.is_empty():
            continue
        if name == "products":
            rule, what = "never-sold", "these items have no series; nothing can be learned from sales that never were"
        else:
            rule, what = "unknown-sku", "no order or sale has this code; check its spelling"
        repairs.add(
            "clean", name, rule, "noted", stray.height, series=stray["sku"].n_unique(),
            example=f"item '{stray['sku'][0]}'", remedy=what,
        )  # fmt: skip


def list_prices(products: pl.DataFrame | None) -> dict[str, float]:
    """List price of the items that have one."""
    if products is None or "price" not in products.columns:
        return {}
    known = products.filter(pl.col("price").is_finite() & (pl.col("price") > 0))
    return dict(known.select("sku", pl.col("price").cast(pl.Float64)).iter_rows())
