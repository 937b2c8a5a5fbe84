"""Demand: units per item (and place) and day, from order lines, partitions of them, or sales tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from ..config import Clean
from ..errors import DataError
from ..frequency import Frequency
from .orders import clean_orders
from .repairs import Repairs, merged
from .sales import clean_sales

KEYS = ("sku", "location", "channel")
SUMS = ("units", "revenue", "priced", "list_value", "listed")
MEANS = ("promotion", "available", "price")
_GRAIN = 2.0**16  # money is added up in such parts, so that sums are exact and do not depend on the order


@dataclass(frozen=True)
class Demand:
    """What was sold of each item (per place and channel, where known) on each day.

    Attributes:
        cells: one row per key and ``date``: ``units``; ``revenue`` of the ``priced`` units;
            ``list_value`` of the ``listed`` units; ``promotion`` and ``available`` as shares, and further
            columns of a sales table.
        totals: one row per date: ``lines`` with units, and ``last_at``, the time of the last order, if known.
        names: ``sku`` and the ``name`` printed most often.
        absent: what no row on a trading day means.
        table: ``orders`` or ``sales``.
        native: the grid of a sales table that is coarser than days, else None.
        future: rows of a sales table beyond its last quantity, for covariates that are known ahead.
        extras: names of further columns in ``cells``.
        further: names of further key columns in ``cells``.
        repairs: what was done to the rows on the way.
    """

    cells: pl.DataFrame
    totals: pl.DataFrame
    names: pl.DataFrame
    absent: Literal["zero", "missing"] = "zero"
    table: Literal["orders", "sales"] = "orders"
    native: Frequency | None = None
    future: pl.DataFrame | None = None
    extras: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    repairs: Repairs = field(default_factory=Repairs)

    @property
    def keys(self) -> tuple[str, ...]:
        """The key columns of ``cells``."""
        return tuple(name for name in (*KEYS, *self.further) if name in self.cells.columns)

    @property
    def units(self) -> float:
        """All units."""
        return float(self.cells["units"].sum())

    @staticmethod
    def from_lines(lines: pl.DataFrame, repairs: Repairs, further: Sequence[str] = ()) -> Demand:
        """Add clean order lines up to days.

        Args:
            lines: what `clean_orders` returned.
            repairs: likewise.
            further: columns that make series besides item, place and channel.

        Raises:
            DataError: there are no lines left; the sentence says which rule took most.
        """
        _require_lines(lines.height, repairs)
        also = _further(lines, further)
        cells, totals, names = _add_up(lines, also)
        return Demand(cells, totals, names, further=also, repairs=repairs)

    @staticmethod
    def from_parts(
        parts: Iterable[pl.DataFrame],
        clean: Clean,
        *,
        timezone: str = "",
        today: dt.date | None = None,
        further: Sequence[str] = (),
    ) -> Demand:
        """Clean and add up order lines part by part, so that only one part is in memory at a time.

        Args:
            parts: order lines; all lines of an item are in the same part.
            clean: the switches of the rules.
            timezone: of the shop.
            today: see `clean_orders`.
            further: see `from_lines`.

        Raises:
            DataError: see `from_lines`.
        """
        repairs, also = Repairs(), tuple(further)
        cells: list[pl.DataFrame] = []
        totals: list[pl.DataFrame] = []
        names: list[pl.DataFrame] = []
        for part in parts:
            lines, done = clean_orders(part, clean, timezone=timezone, today=today)
            repairs.extend(done)
            if lines.height:
                also = _further(lines, further)
                for found, into in zip(_add_up(lines, also), (cells, totals, names), strict=True):
                    into.append(found)
        repairs = merged(repairs)
        _require_lines(sum(c.height for c in cells), repairs)
        all_totals = (
            pl.concat(totals, how="vertical").group_by("date").agg(pl.col("lines").sum(), pl.col("last_at").max())
        )
        return Demand(
            pl.concat(cells, how="diagonal"), all_totals.sort("date"), pl.concat(names, how="diagonal"), further=also,
            repairs=repairs,
        )  # fmt: skip

    @staticmethod
    def from_sales(
        sales: pl.DataFrame,
        clean: Clean,
        *,
        timezone: str = "",
        today: dt.date | None = None,
        further: Sequence[str] = (),
    ) -> Demand:
        """Read a table that is added up already.

        Args:
            sales: the ``sales`` table.
            clean: the switches of the rules.
            timezone: of the shop.
            today: sales after this day are impossible; the day it is now by default.
            further: see `from_lines`.

        Raises:
            DataError: there are no rows left.
        """
        also = _further(sales, further)
        rows, ahead, found = clean_sales(sales, clean, timezone=timezone, today=today, further=also)
        _require_lines(rows.height, found.repairs)
        lines = (pl.col("units") != 0).sum().cast(pl.UInt32).alias("lines")
        totals = rows.group_by("date").agg(lines).sort("date")
        names = pl.DataFrame(schema={"sku": pl.String, "name": pl.String})
        return Demand(
            rows, totals, names, found.absent, "sales", found.native, ahead if ahead.height else None, found.extras,
            also, found.repairs,
        )  # fmt: skip


def _further(table: pl.DataFrame, wanted: Sequence[str]) -> tuple[str, ...]:
    """The wanted key columns that a table has, the usual ones left out."""
    return tuple(n for n in dict.fromkeys(wanted) if n in table.columns and n not in (*KEYS, "date", "quantity"))


def _add_up(lines: pl.DataFrame, further: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Cells, totals and names of clean lines."""
    keys = [name for name in (*KEYS, *further) if name in lines.columns]
    quantity = pl.col("quantity")
    columns = [
        *[pl.col(name).cast(pl.String) for name in keys],
        pl.col("ordered_at").cast(pl.Date).alias("date"),
        pl.col("ordered_at").dt.time().alias("last_at"),
        quantity.alias("units"),
    ]
    sums = ["units"]
    for price, value, count in (("price", "revenue", "priced"), ("list_price", "list_value", "listed")):
        if price in lines.columns:
            money = (quantity * pl.col(price)).fill_null(0.0)
            columns.append(((money * _GRAIN).round() / _GRAIN).alias(value))
            columns.append(pl.when(pl.col(price).is_not_null()).then(quantity).otherwise(0.0).alias(count))
            sums += [value, count]
    flat = lines.select(columns)
    fractions = not (lines["quantity"].floor() == lines["quantity"]).all()
    cells = flat.group_by([*keys, "date"], maintain_order=fractions).agg([pl.col(name).sum() for name in sums])
    totals = flat.group_by("date").agg(pl.len().alias("lines"), pl.col("last_at").max()).sort("date")
    return cells, totals, _names(lines)


def _names(lines: pl.DataFrame) -> pl.DataFrame:
    if "description" not in lines.columns:
        return pl.DataFrame(schema={"sku": pl.String, "name": pl.String})
    return (
        lines.group_by("sku", "description")
        .len()
        .filter(pl.col("description").is_not_null() & (pl.col("description") != "nan"))
        .sort(["sku", "len", "description"], descending=[False, True, False])
        .unique("sku", keep="first", maintain_order=True)
        .select("sku", pl.col("description").str.strip_chars().alias("name"))
    )


def _require_lines(rows: int, repairs: Repairs) -> None:
    if rows:
        return
    lost = [row for row in repairs.rows if row["action"] == "rejected"]
    if not lost:
        raise DataError("There are no rows of orders or sales: nothing to forecast.")
    worst = max(lost, key=lambda row: int(str(row["rows"])))
    total = sum(int(str(row["rows"])) for row in lost)
    raise DataError(
        f"All {total:,} rows of '{worst['table']}' were rejected, most of them ({int(str(worst['rows'])):,}) by the "
        f"rule '{worst['rule']}', for example {worst['example']}: {worst['remedy']}."
    )
