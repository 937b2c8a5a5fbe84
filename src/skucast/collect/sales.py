"""Sales that are added up already: bad rows out, the table's own grid and the meaning of gaps found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from ..config import Clean
from ..errors import DataError
from ..frequency import Frequency
from ..panel_frame import infer_frequency
from .orders import REMEDIES, first_date, shop_date
from .repairs import Repairs
from .tables import SCHEMAS

_UNCOUNTABLE = 1e15


@dataclass(frozen=True)
class SalesFacts:
    """What was found out about a sales table.

    Attributes:
        absent: ``zero`` if the table lists only sales, ``missing`` if it holds zeros of its own.
        native: its grid if coarser than days, else None.
        extras: further columns with numbers.
        repairs: what was rejected or noted.
    """

    absent: Literal["zero", "missing"]
    native: Frequency | None
    extras: tuple[str, ...]
    repairs: Repairs


def clean_sales(
    sales: pl.DataFrame,
    clean: Clean,
    *,
    timezone: str = "",
    today: dt.date | None = None,
    further: Sequence[str] = (),
) -> tuple[pl.DataFrame, pl.DataFrame, SalesFacts]:
    """Reject impossible rows of a sales table and name its columns as demand.

    Args:
        sales: the ``sales`` table.
        clean: the switches of the rules.
        timezone: of the shop.
        today: sales after this day are impossible; the day it is now by default.
        further: columns that make series besides item, place and channel.

    Returns:
        One row per key and date (see `Demand.cells`), the rows beyond the last quantity (covariates
        known ahead), and the facts.

    Raises:
        DataError: a needed column is missing.
    """
    for name in ("sku", "date", "quantity"):
        if name not in sales.columns:
            raise DataError(f"The sales table has no column '{name}': map one to it under [source.columns].")
    repairs = Repairs()
    usual = ("sku", "location", "channel")
    keys = [k for k in (*usual, *further) if k in sales.columns and sales[k].null_count() < sales.height]
    rows = sales.with_columns(
        pl.col("quantity").cast(pl.Float64), pl.col("date").cast(pl.Date), *[pl.col(k).cast(pl.String) for k in keys]
    )
    rows = _reject(rows, clean, shop_date(timezone) if today is None else today, repairs)
    sold = rows.filter(pl.col("quantity").is_not_null())
    last = sold["date"].max()
    ahead = rows.filter(pl.col("quantity").is_null() & (pl.col("date") > last)) if last is not None else rows.clear()
    unknown = rows.height - sold.height - ahead.height
    repairs.add(
        "clean", "sales", "quantity-unknown", "noted", unknown, example="rows without a quantity are missing, not zero"
    )
    known = SCHEMAS["sales"].kinds
    extras = tuple(
        n
        for n in sales.columns
        if n not in (*known, *keys) and (sales.schema[n].is_numeric() or sales.schema[n] == pl.Boolean)
    )
    cells = _cells(sold, keys, extras, repairs)
    absent: Literal["zero", "missing"] = "missing" if (cells["units"] == 0).any() else "zero"
    native = _native(cells, keys, repairs)
    return cells, _cells(ahead, keys, extras, None), SalesFacts(absent, native, extras, repairs)


def _reject(rows: pl.DataFrame, clean: Clean, today: dt.date, repairs: Repairs) -> pl.DataFrame:
    quantity, date, sku = pl.col("quantity"), pl.col("date"), pl.col("sku")
    rules: list[tuple[str, pl.Expr]] = [
        ("no-sku", (sku.str.strip_chars() == "").fill_null(True)),
        ("impossible-dates", date.is_null()),
        ("zero-or-unreadable-quantities", ~quantity.is_finite() | (quantity.abs() > _UNCOUNTABLE)),
    ]
    if clean.impossible_dates:
        rules.append(("impossible-dates", (date < first_date(clean)) | ((date > today) & quantity.is_not_null())))
    if clean.extreme_quantities:
        rules.append(("extreme-quantities", quantity.abs() > clean.max_quantity))
    rules.append(("negative-sales", quantity < 0))
    remedies = {**REMEDIES, "negative-sales": "days with more returns than sales count as missing; give order lines"}
    for rule, mask in rules:
        bad = rows.filter(mask)
        if bad.height:
            units = bad["quantity"].filter(bad["quantity"].is_finite() & (bad["quantity"].abs() <= _UNCOUNTABLE))
            first = bad.row(0, named=True)
            repairs.add(
                "clean", "sales", rule, "rejected", bad.height, units=float(units.sum()), series=bad["sku"].n_unique(),
                example=f"item '{first['sku']}' on {first['date']}, quantity {first['quantity']}", remedy=remedies[rule],
            )  # fmt: skip
            rows = rows.filter(~mask.fill_null(False))
    return rows


def _cells(rows: pl.DataFrame, keys: list[str], extras: tuple[str, ...], repairs: Repairs | None) -> pl.DataFrame:
    has, quantity = set(rows.columns), pl.col("quantity")
    columns: list[pl.Expr] = [pl.col(k) for k in keys] + [pl.col("date"), quantity.alias("units")]
    if {"price", "revenue"} & has:
        price = pl.col("price").cast(pl.Float64) if "price" in has else pl.lit(None, pl.Float64)
        revenue = pl.col("revenue").cast(pl.Float64) if "revenue" in has else pl.lit(None, pl.Float64)
        money = pl.coalesce(revenue, price * quantity)
        columns += [
            money.fill_null(0.0).alias("revenue"),
            pl.when(money.is_not_null()).then(quantity).otherwise(0.0).alias("priced"),
            pl.coalesce(price, revenue / pl.when(quantity != 0).then(quantity)).alias("price"),
        ]
    columns += [pl.col(n).cast(pl.Float64) for n in ("promotion", "available", *extras) if n in has]
    flat = rows.select(columns)
    digest = np.sort(flat.select(*keys, "date").hash_rows().to_numpy())
    if not (digest[1:] == digest[:-1]).any():  # a quick look that is enough for most tables
        return flat
    twice = flat.select(pl.struct(*keys, "date").is_duplicated().alias("twice"))["twice"]
    if not twice.any():
        return flat
    if repairs is not None:
        first = flat.filter(twice).row(0, named=True)
        repairs.add(
            "clean", "sales", "duplicate-keys", "changed", int(twice.sum()),
            series=flat.filter(twice)["sku"].n_unique(), example=f"item '{first['sku']}' on {first['date']}",
            remedy="rows of one item and date were added up; map location or channel if they differ in it",
        )  # fmt: skip
    added = {"units", "revenue", "priced"}
    return flat.group_by([*keys, "date"], maintain_order=True).agg(
        pl.col(n).sum() if n in added else pl.col(n).mean() for n in flat.columns if n not in (*keys, "date")
    )


def _native(cells: pl.DataFrame, keys: list[str], repairs: Repairs) -> Frequency | None:
    """The table's grid if it is coarser than days; series on another grid are noted."""
    dates = cells["date"].unique().sort()
    if len(dates) < 2:
        return None
    gaps = (
        cells.sort([*keys, "date"])
        .select(*keys, pl.col("date").diff().over(keys).dt.total_days().alias("gap"))
        .drop_nulls("gap")
        .group_by(keys)
        .agg(
            pl.len().alias("n"), (pl.col("gap") == 7).mean().alias("weekly"), (pl.col("gap") >= 28).mean().alias("long")
        )
    )
    try:
        grid = infer_frequency(dates.to_numpy().astype("datetime64[us]"))
    except DataError:
        return None
    if grid.unit in ("W", "M", "Q", "Y"):
        return grid
    odd = gaps.filter((pl.col("n") >= 4) & ((pl.col("weekly") > 0.9) | (pl.col("long") > 0.9)))
    if odd.height and odd.height < gaps.height:
        repairs.add(
            "clean", "sales", "mixed-frequencies", "noted", int(odd["n"].sum()) + odd.height, series=odd.height,
            example=f"item '{odd.sort(keys)['sku'][0]}' has rows weekly or more rarely in a daily table",
            remedy="give these items daily rows, or set [demand] freq to the coarsest one",
        )  # fmt: skip
    return None
