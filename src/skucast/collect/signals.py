"""Signals: numbers about the world (weather, search interest, social mentions) as covariates."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl

from ..panel import F32
from .behaviour import column_name
from .grid import Grid
from .members import Members
from .repairs import Repairs
from .trading import periods

_MOST = 50  # names used without being asked for
_LONGEST = 92  # days that one value can speak for: a quarter


def clean_signals(table: pl.DataFrame, wanted: Collection[str], repairs: Repairs) -> pl.DataFrame:
    """Signals that can be used; what cannot is counted.

    Args:
        table: the ``signals`` table.
        wanted: names under ``[forecast] known`` and ``past``; needed if the table has very many.
        repairs: grows by what was left out.

    Returns:
        ``date``, ``name`` (as a column name), ``value``, ``known`` and, where given, ``location`` and ``sku``.
    """
    has = set(table.columns)
    name = pl.col("name").cast(pl.String)
    rows = table.select(
        pl.col("date").cast(pl.Date), name.replace("", None), pl.col("value").cast(pl.Float64).fill_nan(None),
        (pl.col("known").cast(pl.Boolean).fill_null(False) if "known" in has else pl.lit(False).alias("known")),
        *[pl.col(n).cast(pl.String).replace("", None) for n in ("location", "sku") if n in has],
    )  # fmt: skip
    bad = rows.filter(~_usable())
    repairs.add(
        "clean", "signals", "incomplete", "rejected", bad.height,
        example="" if bad.is_empty() else f"'{bad['name'][0]}' on {bad['date'][0]}",
        remedy="fill in date, name and value",
    )  # fmt: skip
    names = rows["name"].drop_nulls().unique().sort()
    rows = rows.filter(_usable()).with_columns(pl.col("name").replace({n: column_name(n) for n in names.to_list()}))
    if rows["name"].n_unique() > _MOST:
        asked = {column_name(n) for n in wanted}
        spare = rows.filter(~pl.col("name").is_in(pl.lit(sorted(asked))))
        repairs.add(
            "clean", "signals", "too-many-names", "rejected", spare.height,
            example=f"'{spare['name'][0]}' and {spare['name'].n_unique() - 1} more",
            remedy=f"of more than {_MOST} signals only those named under [forecast] known or past are used",
        )  # fmt: skip
        rows = rows.filter(pl.col("name").is_in(pl.lit(sorted(asked))))
    return rows.with_columns(pl.col("known").any().over("name"))


def signal_columns(grid: Grid, members: Members, signals: pl.DataFrame) -> dict[str, F32]:
    """One flat column per signal name: the mean of its values over the days of a period.

    A signal about one place or item reaches the series in the measure of their units there. A value
    speaks for the days until the next one is due, as the signal's own dates go.

    Args:
        grid: cells, future ones included.
        members: items and places of each series.
        signals: as `clean_signals` returns them.
    """
    first = int(grid.start.min())
    out: dict[str, F32] = {}
    for (name,), rows in signals.sort("name", "date").group_by("name", maintain_order=True):
        days = rows["date"].unique().sort().to_physical().to_numpy().astype(np.int64)
        table = rows.with_columns(
            pl.Series("ordinal", periods(grid.freq, rows["date"].to_physical().to_numpy().astype(np.int64)))
        )
        some = members.restricts(table)
        column = np.full(grid.size, np.nan, dtype=np.float32)
        shared = table.filter(~some)
        if shared.height:
            inside = (
                shared.filter(pl.col("ordinal").is_between(first, grid.end))
                .group_by("ordinal")
                .agg(pl.col("value").mean())
            )
            axis = np.full(grid.end - first + 1, np.nan, dtype=np.float32)
            axis[inside["ordinal"].to_numpy() - first] = inside["value"].to_numpy()
            column = np.asarray(grid.by_period(axis, first), dtype=np.float32)
        own = table.filter(some)
        if own.height:
            share, value = pl.col("share"), pl.col("value")
            means = (
                own.with_row_index("line")
                .join(members.match(own), on="line", maintain_order="left")
                .group_by("row", "ordinal", maintain_order=True)
                .agg(
                    ((share * value).sum() / pl.when(share.sum() > 0).then(share.sum()))
                    .fill_null(value.mean())
                    .alias("value")
                )
            )
            grid.scatter(means["row"].to_numpy(), means["ordinal"].to_numpy(), means["value"].to_numpy(), column)
        usual = min(float(np.median(np.diff(days))), _LONGEST) if days.size > 1 else 1.0
        out[str(name)] = grid.fill_forward(column, max(0, int(np.ceil(usual / grid.freq.days)) - 1))
    return out


def _usable() -> pl.Expr:
    value = pl.col("value")
    return pl.col("date").is_not_null() & pl.col("name").is_not_null() & value.is_finite().fill_null(False)
