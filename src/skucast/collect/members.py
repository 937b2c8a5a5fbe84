"""Members: which items, at which places, make which series of a panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from .demand import KEYS, Demand
from .grid import I64, Grid

_MATCHED = (*KEYS, "category")


@dataclass(frozen=True)
class Members:
    """Items and places with the series that they belong to.

    Attributes:
        table: key columns of the demand, text columns of its products, ``row`` of the series, and
            ``share`` of the series' units.
    """

    table: pl.DataFrame

    @staticmethod
    def of(grid: Grid, demand: Demand, products: pl.DataFrame | None) -> Members:
        """Find the series of every item and place that was sold."""
        sold = demand.cells.group_by(demand.keys, maintain_order=True).agg(pl.col("units").sum())
        table = with_attributes(sold, products)
        total = pl.col("units").sum().over("row")
        return Members(
            table.with_columns(pl.Series("row", grid.rows(table)))
            .filter(pl.col("row") >= 0)
            .with_columns(
                pl.when(total > 0).then(pl.col("units") / total).otherwise(1 / pl.len().over("row")).alias("share")
            )
            .drop("units")
        )

    def match(self, table: pl.DataFrame) -> pl.DataFrame:
        """Series that each row of a table speaks of.

        A row speaks of the items and places that it names; what it leaves empty it does not restrict.
        Columns that the demand does not have are not looked at.

        Returns:
            ``line`` (number of the table's row), ``row`` (series), ``share`` of the series it speaks of.
            Rows that restrict nothing are left out: see `restricts`.
        """
        names = self._names(table)
        lines = table.select(names).with_row_index("line")
        if "sku" in names and "category" in names:  # the item says it more exactly
            lines = lines.with_columns(pl.when(pl.col("sku").is_null()).then("category"))
        parts = [pl.DataFrame(schema={"line": pl.UInt32, "row": pl.Int64, "share": pl.Float64})]
        for pattern, group in lines.group_by([pl.col(n).is_not_null() for n in names]) if names else ():
            by = [name for name, given in zip(names, pattern, strict=True) if given]
            if by:
                pairs = group.select("line", *by).join(self.table.select(*by, "row", "share"), on=by)
                parts.append(pairs.group_by("line", "row").agg(pl.col("share").sum()))
        return pl.concat(parts).sort("line", "row")

    def restricts(self, table: pl.DataFrame) -> pl.Series:
        """Whether each row of a table names an item, place or category; others speak of the whole shop."""
        names = self._names(table)
        if not names:
            return pl.repeat(False, table.height, dtype=pl.Boolean, eager=True)
        return table.select(pl.any_horizontal(pl.col(n).is_not_null() for n in names).alias("restricts"))["restricts"]

    def _names(self, table: pl.DataFrame) -> list[str]:
        return [n for n in _MATCHED if n in table.columns and n in self.table.columns]


def with_attributes(table: pl.DataFrame, products: pl.DataFrame | None) -> pl.DataFrame:
    """A table with a column ``sku`` and the text columns of its products beside it."""
    if products is None or "sku" not in table.columns:
        return table
    texts = [n for n, t in products.schema.items() if t == pl.String and n not in table.columns and n != "sku"]
    return table.join(products.select("sku", *texts), on="sku", how="left", maintain_order="left") if texts else table


def number_series(table: pl.DataFrame, level: Sequence[str]) -> tuple[pl.DataFrame, I64]:
    """The distinct values of some text columns, sorted, and the number of each row among them."""
    code = np.zeros(table.height, dtype=np.int64)
    size = 1
    texts: list[pl.Series] = []
    for name in level:
        column = table[name].cast(pl.String)
        values = column.drop_nulls().unique().sort()
        number = column.cast(pl.Enum(values)).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
        code, size = code * (len(values) + 1) + number + 1, size * (len(values) + 1)
        texts.append(pl.concat([pl.Series([None], dtype=pl.String), values]))
    if size < table.height + 1_000_000:  # counting is quicker than sorting
        there = np.bincount(code, minlength=size) > 0
        found, row = np.flatnonzero(there), (np.cumsum(there) - 1)[code]
    else:
        found, row = np.unique(code, return_inverse=True)
    columns: dict[str, pl.Series] = {}
    rest = found
    for name, values in zip(reversed(level), reversed(texts), strict=True):
        rest, at = np.divmod(rest, len(values))
        columns[name] = values.gather(at)
    return pl.DataFrame({name: columns[name] for name in level}), row.astype(np.int64)
