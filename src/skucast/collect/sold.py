"""Sold: demand added up to the series and periods of a panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..config import Clean
from ..errors import DataError
from ..panel import F32
from .demand import MEANS, SUMS, Demand
from .grid import I64, Grid, join_keys
from .members import number_series, with_attributes
from .orders import check_balance
from .repairs import Repairs
from .span import Span, reject_outside
from .trading import Trading, periods


@dataclass(frozen=True)
class Sold:
    """Demand by series and period.

    Attributes:
        grid: the series and their cells.
        cells: one row per series and period with any record: ``row``, ``ordinal``, ``units``...
        days: one row per day cell: ``row``, ``day`` (since 1970-01-01), ``units``.
        ends: ``(S,)`` last period on sale; the grid's end where it still is.
    """

    grid: Grid
    cells: pl.DataFrame
    days: pl.DataFrame
    ends: I64

    @staticmethod
    def of(
        demand: Demand, level: Sequence[str], span: Span, products: pl.DataFrame | None, clean: Clean, repairs: Repairs
    ) -> Sold:
        """Add day cells up to series and periods, and find where each series begins and ends.

        Args:
            demand: day cells.
            level: columns that make a series, of the demand or of the products.
            span: periods that are counted.
            products: the products table, one row per item, or None.
            clean: says after how many days without a sale a series has ended.
            repairs: grows by what was left out or noted.

        Raises:
            DataError: a column of ``level`` does not exist.
        """
        table = demand.cells
        if set(level) - set(demand.keys):
            table = with_attributes(table, products)
        for name in level:
            if name not in table.columns or table.schema[name] != pl.String:
                there = [n for n, t in with_attributes(demand.cells.head(0), products).schema.items() if t == pl.String]
                raise DataError(
                    f"A series cannot be made by '{name}': neither the {demand.table} nor the products have such a column "
                    f"of texts; there are {', '.join(there)}."
                )
        day = table["date"].to_physical().to_numpy().astype(np.int64)
        ordinal = periods(span.freq, day)
        later = table.filter(pl.Series(ordinal > span.last) & (pl.col("units") > 0)).select(level)
        table, ordinal = reject_outside(table, ordinal, span, demand, repairs)
        keys, row = number_series(table, level)
        _note_unknown(table, level, demand, repairs)
        cells = _by_period(table, row, ordinal)
        facts = _facts(table.select(demand.keys), row, len(keys), products)
        start = _starts(cells, facts, span, demand, repairs)
        grid = Grid(span.freq, keys, start, span.last)
        ids = join_keys(keys)
        if ids.n_unique() < len(ids):
            twice = ids.filter(ids.is_duplicated())[0]
            raise DataError(
                f"Two series have the same name '{twice}': the columns {', '.join(level)} are joined by '/', so "
                "take the '/' out of their values."
            )
        days = pl.DataFrame({"row": row, "day": table["date"].to_physical(), "units": table["units"]})
        found = grid.rows(later.unique())
        alive = np.isin(np.arange(len(keys)), found)  # sold after the last complete period
        newest = int(demand.totals["date"].to_physical().max())  # type: ignore[arg-type]
        sold = Sold(grid, cells, days, np.where(alive, grid.end, _ends(days, facts, grid, clean, newest)))
        if sold.ends.size and (sold.ends < grid.end).any():
            _note_ended(sold, repairs)
        return sold

    def values(self, demand: Demand, trading: Trading, measure: str, repairs: Repairs) -> F32:
        """``(N,)`` units or revenue: nothing sold is zero on trading days and missing on closed ones.

        Raises:
            DataError: revenue is asked for but no price is known.
        """
        if measure == "revenue" and "revenue" not in self.cells.columns:
            raise DataError(
                f"Revenue cannot be forecast, since the {demand.table} have no price: map price, line_total or revenue "
                "under [source.columns], or set [demand] measure = 'units'."
            )
        grid = self.grid
        open_periods = self._open(demand, trading)
        if demand.absent == "zero":
            idle = np.where(open_periods, np.float32(0), np.float32(np.nan))
            values = grid.by_period(idle, int(grid.start.min()))
        else:
            values = np.full(grid.size, np.nan, dtype=np.float32)
        row, ordinal = self.cells["row"].to_numpy(), self.cells["ordinal"].to_numpy()
        amount = self.cells["revenue" if measure == "revenue" else "units"].to_numpy()
        inside = ordinal >= grid.start[row]
        shut = ~open_periods[ordinal - int(grid.start.min())] if demand.absent == "missing" else np.zeros(1, np.bool_)
        if shut.any():  # the table's own zeros of days on which the whole shop was closed
            amount = np.where(shut & (amount == 0), np.nan, amount)
        grid.scatter(row, ordinal, amount, values)
        ended = grid.ordinals > np.repeat(self.ends, grid.end - grid.start + 1)
        values[ended] = np.nan
        units = self.cells["units"]
        lost = float(units.filter(pl.Series(~inside)).sum()) if not inside.all() else 0.0
        check_balance(demand.units, float(units.sum()) - lost + repairs.rejected_units("demand"), demand.units)
        if measure == "revenue":
            _note_unpriced(self.cells, demand, repairs)
        return np.asarray(values, dtype=np.float32)

    def open_days(self, demand: Demand, trading: Trading) -> I64:
        """Trading days of each period, from the first of any series on; of a coarser table, 1 for each with rows."""
        first = int(self.grid.start.min())
        if demand.native is None:
            return trading.open_days(self.grid.freq, first, self.grid.end)
        there = periods(self.grid.freq, demand.totals["date"].to_physical().to_numpy().astype(np.int64)) - first
        inside = (there >= 0) & (there <= self.grid.end - first)
        return np.minimum(np.bincount(there[inside], minlength=self.grid.end - first + 1), 1).astype(np.int64)

    def _open(self, demand: Demand, trading: Trading) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return self.open_days(demand, trading) > 0


def _by_period(table: pl.DataFrame, row: I64, ordinal: I64) -> pl.DataFrame:
    """Sums and means per series and period, sorted."""
    sums = [n for n in SUMS if n in table.columns]
    means = [n for n in MEANS if n in table.columns]
    first = int(ordinal.min())
    width = int(ordinal.max()) - first + 1
    cell = row * width + (ordinal - first)  # one key is quicker than two
    added = table.select(pl.Series("cell", cell), *sums, *means)
    if not (np.diff(cell) > 0).all():
        added = (
            added.group_by("cell", maintain_order=bool(means))
            .agg(*[pl.col(n).sum() for n in sums], *[pl.col(n).mean() for n in means])
            .sort("cell")
        )
    return added.select(
        (pl.col("cell") // width).alias("row"), (pl.col("cell") % width + first).alias("ordinal"), *sums, *means
    )


def _facts(keys: pl.DataFrame, row: I64, count: int, products: pl.DataFrame | None) -> pl.DataFrame | None:
    """``launch`` and ``end`` (days since 1970-01-01) of each series, from its products; None without any."""
    dates = [n for n in ("launch_date", "end_date") if products is not None and n in products.columns]
    if products is None or not dates or not any(products[n].null_count() < products.height for n in dates):
        return None
    members = keys.select("sku", pl.Series("row", row)).unique()
    found = members.join(products.select("sku", *dates), on="sku", how="left")
    launch = pl.col("launch_date").min() if "launch_date" in dates else pl.lit(None, pl.Date)
    end = pl.col("end_date") if "end_date" in dates else pl.lit(None, pl.Date)
    last = pl.when(end.is_null().any()).then(None).otherwise(end.max())  # one item without an end goes on
    made = found.group_by("row").agg(launch.alias("launch"), last.alias("end"))
    return pl.DataFrame({"row": np.arange(count)}).join(made, on="row", how="left", maintain_order="left")


def _starts(cells: pl.DataFrame, facts: pl.DataFrame | None, span: Span, demand: Demand, repairs: Repairs) -> I64:
    """First period of each series: its first sale, or its launch if that is earlier."""
    sale = pl.col("ordinal").filter(pl.col("units") > 0).min()
    begins = cells.group_by("row").agg(pl.coalesce(sale, pl.col("ordinal").min()).alias("start")).sort("row")
    start: I64 = begins["start"].to_numpy().astype(np.int64)
    if facts is not None and demand.absent == "zero":
        launch = facts["launch"].cast(pl.Date).to_physical()
        known = launch.is_not_null().to_numpy()
        at = np.maximum(periods(span.freq, launch.fill_null(0).to_numpy().astype(np.int64)), span.first)
        late = known & (at > start)
        if late.any():
            series = int(late.sum())
            repairs.add(
                "demand", "products", "launch-after-first-sale", "noted", series, series=series,
                example="the series begins at the first sale", remedy="correct launch_date in the products table",
            )  # fmt: skip
        start = np.where(known, np.minimum(at, start), start)
    row = cells["row"].to_numpy()
    before = cells["ordinal"].to_numpy() < start[row]
    repairs.add(
        "demand", demand.table, "before-first-sale", "noted", int(before.sum()), series=np.unique(row[before]).size,
        example="rows without units before an item's first sale are left out of its series",
    )  # fmt: skip
    return start


def _ends(days: pl.DataFrame, facts: pl.DataFrame | None, grid: Grid, clean: Clean, newest: int) -> I64:
    """Last period on sale of each series; never before its last sale. ``newest`` is the last day of the record."""
    ends = np.full(grid.start.size, grid.end, dtype=np.int64)
    if facts is None and not clean.discontinued_after_days:
        return ends
    sold = days.filter(pl.col("units") > 0).group_by("row").agg(pl.col("day").max())
    last = np.full(ends.size, np.iinfo(np.int32).max, dtype=np.int64)
    last[sold["row"].to_numpy()] = sold["day"].to_numpy()
    seen = np.where(last < np.iinfo(np.int32).max, periods(grid.freq, np.minimum(last, 2_000_000)), grid.end)
    if facts is not None:
        end = facts["end"].cast(pl.Date).to_physical()
        known = end.is_not_null().to_numpy()
        at = periods(grid.freq, end.fill_null(0).to_numpy().astype(np.int64))
        ends = np.where(known, np.minimum(np.maximum(at, seen), grid.end), ends)
    if clean.discontinued_after_days:
        ends = np.where(newest - last > clean.discontinued_after_days, np.minimum(seen, ends), ends)
    return np.maximum(ends, grid.start)


def _note_ended(sold: Sold, repairs: Repairs) -> None:
    ended = sold.ends < sold.grid.end
    example = sold.grid.ids[int(np.argmax(ended))]
    when = sold.grid.freq.stamp(sold.ends[ended][0]).astype("datetime64[D]")
    repairs.add(
        "demand", "series", "discontinued", "noted", int((sold.grid.end - sold.ends[ended]).sum()),
        series=int(ended.sum()), example=f"'{example}' after {when}: missing from then on, not zero",
        remedy="correct end_date in the products table, or change [clean] discontinued_after_days",
    )  # fmt: skip


def _note_unknown(table: pl.DataFrame, level: Sequence[str], demand: Demand, repairs: Repairs) -> None:
    for name in level:
        empty = table.filter(pl.col(name).is_null())
        repairs.add(
            "demand", demand.table, f"{name.replace('_', '-')}-unknown", "noted", empty.height,
            units=float(empty["units"].sum()), series=empty["sku"].n_unique(),
            example="" if empty.is_empty() else f"item '{empty['sku'].sort()[0]}'",
            remedy=f"these rows make a series of their own, 'unknown'; fill in the column '{name}'",
        )  # fmt: skip


def _note_unpriced(cells: pl.DataFrame, demand: Demand, repairs: Repairs) -> None:
    bare = cells.filter(pl.col("units") > pl.col("priced"))
    repairs.add(
        "demand", demand.table, "price-unknown", "noted", bare.height,
        units=float((bare["units"] - bare["priced"]).sum()), series=bare["row"].n_unique(),
        example="units without a price count as no revenue", remedy="fill in the price, or forecast units",
    )  # fmt: skip
