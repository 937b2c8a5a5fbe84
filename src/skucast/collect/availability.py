"""Availability: where an item could not be bought, so that its sales hide demand."""

from __future__ import annotations

import numpy as np
import polars as pl

from .grid import I64, Bool, Grid
from .members import Members
from .sold import Sold
from .trading import periods

_HALF = 0.5  # of its trading days out of stock make a week or month censored
_MONTH = 31  # days that a count can speak for at most


def availability(grid: Grid, sold: Sold, stock: pl.DataFrame | None, members: Members, open_days: I64) -> Bool | None:
    """``(N,)`` False where an item was out of stock, from the sales table and from counts of zero.

    A count of zero speaks for the days until the next count of the item, at most for the usual distance
    between counts, and only for days without a sale. Where places are added up, the item is out of stock
    only where all places counted that day have none.

    Args:
        grid: the panel's cells.
        sold: demand on them.
        stock: the stock table, or None.
        members: items and places of each series.
        open_days: trading days per period, from the first of any series on.

    Returns:
        None if nothing is known.
    """
    available = np.ones(grid.size, dtype=np.bool_)
    known = False
    if "available" in sold.cells.columns and sold.cells["available"].null_count() < sold.cells.height:
        known = True
        said = sold.cells.filter(pl.col("available") < _HALF)
        grid.scatter(said["row"].to_numpy(), said["ordinal"].to_numpy(), np.zeros(said.height, np.bool_), available)
    empty = None if stock is None else _empty_days(grid, stock, members)
    if empty is None:
        return available if known else None
    traded = sold.days.filter(pl.col("units") > 0).select("row", "day").unique()
    out = empty.join(traded, on=["row", "day"], how="anti")
    days = out["day"].to_numpy().astype(np.int64)
    counted = (
        out.with_columns(pl.Series("ordinal", periods(grid.freq, days)))
        .filter(pl.col("ordinal").is_between(int(grid.start.min()), grid.end))
        .group_by("row", "ordinal")
        .len()
    )
    row, ordinal = counted["row"].to_numpy(), counted["ordinal"].to_numpy()
    usual = np.maximum(open_days[ordinal - int(grid.start.min())], 1)
    censored = counted["len"].to_numpy() > _HALF * usual
    grid.scatter(row[censored], ordinal[censored], np.zeros(int(censored.sum()), np.bool_), available)
    return available


def _empty_days(grid: Grid, stock: pl.DataFrame, members: Members) -> pl.DataFrame | None:
    """Series and days on which counts found nothing; None if the stock table holds no history."""
    if "sku" not in grid.keys.columns or not {"date", "on_hand"} <= set(stock.columns):
        return None
    places = [n for n in ("location",) if n in grid.keys.columns and n in stock.columns]
    counts = (
        stock.filter(pl.col("date").is_not_null() & pl.col("on_hand").is_finite() & pl.col("sku").is_not_null())
        .group_by("sku", *places, "date")
        .agg((pl.col("on_hand") == 0).all().alias("none"))
        .sort("sku", *places, "date")
    )
    days = counts["date"].unique().sort().to_physical().to_numpy()
    edges = (
        grid.freq.stamp(np.array([int(grid.start.min()) - 1, grid.end + 1])).astype("datetime64[D]").astype(np.int64)
    )
    if not days.size or days[0] >= edges[1] or days[-1] <= edges[0]:
        return None
    usual = int(np.clip(np.median(np.diff(days)), 1, _MONTH)) if days.size > 1 else 1
    day = pl.col("date").to_physical().cast(pl.Int64)
    zero = counts.with_columns(
        day.alias("from"), pl.min_horizontal(day + usual, day.shift(-1).over("sku", *places)).alias("until")
    ).filter("none")
    pairs = members.match(zero.select("sku", *places))
    return (
        zero.with_row_index("line")
        .join(pairs, on="line")
        .select("row", pl.int_ranges("from", "until").alias("day"))
        .explode("day")
        .unique()
    )
