"""Prices: what was paid, what the list says, how deep the discount was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from ..panel import F32
from .grid import Grid, join_keys
from .members import number_series, with_attributes

_LIST_QUANTILE = 0.9  # of the item's own recent prices: the usual price, not the odd dear sale
_LIST_SALES = 28  # periods with a sale that "recent" spans
_RECENT_SALES = 10  # periods with a sale that make an item's present price


def price_columns(
    grid: Grid, cells: pl.DataFrame, row: npt.NDArray[np.int64], list_price: npt.NDArray[np.float64] | None
) -> dict[str, F32]:
    """Past covariates of price: ``price``, ``list_price`` where it is known, ``discount``.

    ``price`` is the money taken per unit, carried forward over periods without a sale. Where no list
    price is given, the discount is measured against the 0.9 quantile of the item's own last 28 prices;
    both look backward only.

    Args:
        grid: the panel's cells.
        cells: ``ordinal``, ``units``, ``revenue``, ``priced`` and perhaps ``list_value``, ``listed`` or
            ``price``.
        row: ``(cells,)`` series of each cell.
        list_price: ``(S,)`` from the products table, NaN where unknown; None if there is none.
    """
    if "revenue" not in cells.columns:
        return {}
    paid: pl.Expr = pl.when(pl.col("priced") > 0).then(pl.col("revenue") / pl.col("priced"))
    if "price" in cells.columns:  # a sales table names a price on days without a sale too
        paid = pl.coalesce(paid, pl.col("price"))
    listed = (
        pl.when(pl.col("listed") > 0).then(pl.col("list_value") / pl.col("listed"))
        if "listed" in cells.columns
        else pl.lit(None, pl.Float64)
    )
    seen = (
        cells.select("ordinal", pl.Series("row", row), paid.alias("price"), listed.alias("listed"))
        .filter(pl.col("price").is_not_null() & (pl.col("row") >= 0))
        .sort("row", "ordinal")
    )
    if not seen.height:
        return {}
    usual = pl.col("price").rolling_quantile(
        _LIST_QUANTILE, interpolation="linear", window_size=_LIST_SALES, min_samples=1
    )
    seen = seen.with_columns(usual.over("row").alias("usual"))
    at, when = seen["row"].to_numpy(), seen["ordinal"].to_numpy()

    def column(name: str) -> F32:
        return grid.fill_forward(grid.scatter(at, when, seen[name].cast(pl.Float64).fill_null(np.nan).to_numpy()))

    price = column("price")
    known: F32 | None = column("listed") if seen["listed"].null_count() < seen.height else None
    if list_price is not None:
        from_products = list_price[grid.row_of].astype(np.float32)
        known = from_products if known is None else np.where(np.isnan(known), from_products, known)
    reference = column("usual") if known is None else np.where(np.isnan(known), column("usual"), known)
    with np.errstate(divide="ignore", invalid="ignore"):
        discount = np.clip(1 - price / reference, 0.0, 1.0).astype(np.float32)
    discount[~np.isfinite(discount)] = np.nan
    out: dict[str, F32] = {"price": price}
    if known is not None:
        out["list_price"] = known.astype(np.float32)
    return {**out, "discount": discount}


def recent_prices(cells: pl.DataFrame) -> pl.DataFrame:
    """Present price of each item: money per unit over its last ten days with a priced sale.

    Returns:
        ``sku``, ``price``, ``list_price``; the latter as given, else the 0.9 quantile of its prices.
    """
    if "revenue" not in cells.columns:
        schema = {"sku": pl.String, "price": pl.Float64, "list_price": pl.Float64}
        return cells.select(pl.col("sku").unique().sort()).with_columns(
            [pl.lit(None, t).alias(n) for n, t in schema.items() if n != "sku"]
        )
    listed = ["list_value", "listed"] if "listed" in cells.columns else []
    days = (
        cells.filter(pl.col("priced") > 0)
        .group_by("sku", "date")
        .agg(pl.col("revenue", "priced", *listed).sum())
        .sort("sku", "date")
        .with_columns((pl.col("revenue") / pl.col("priced")).alias("paid"))
        .group_by("sku", maintain_order=True)
        .tail(_RECENT_SALES)
    )
    own = pl.col("paid").quantile(_LIST_QUANTILE, interpolation="linear")
    given = (
        pl.when(pl.col("listed").sum() > 0).then(pl.col("list_value").sum() / pl.col("listed").sum())
        if listed
        else pl.lit(None, pl.Float64)
    )
    found = days.group_by("sku").agg(
        (pl.col("revenue").sum() / pl.col("priced").sum()).alias("price"), pl.coalesce(given, own).alias("list_price")
    )
    return cells.select(pl.col("sku").unique().sort()).join(found, on="sku", how="left", maintain_order="left")


def series_prices(cells: pl.DataFrame, level: Sequence[str], products: pl.DataFrame | None) -> pl.DataFrame:
    """Present price, list price and cost per unit of each series; see `Shop.item_prices`."""
    table = with_attributes(cells, products) if set(level) - set(cells.columns) else cells
    keys, row = number_series(table, level)
    ids = join_keys(keys)
    found = recent_prices(table.with_columns(ids.gather(row).alias("sku"))).rename({"sku": "unique_id"})
    costs: dict[str, float] = {}
    if products is not None and "cost" in products.columns and "sku" in level:
        known = products.filter(pl.col("cost").is_finite() & (pl.col("cost") > 0))
        costs = dict(known.select("sku", pl.col("cost").cast(pl.Float64)).iter_rows())
    own = keys["sku"] if "sku" in level else pl.Series([None] * len(keys), dtype=pl.String)
    cost = pl.DataFrame({"unique_id": ids, "cost": own.replace_strict(costs, default=None, return_dtype=pl.Float64)})
    return found.join(cost, on="unique_id", how="left", maintain_order="left")
