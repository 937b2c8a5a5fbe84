"""Promotions: which items are promoted when, and how deep the planned discount is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from ..frequency import Frequency
from ..panel import F32
from .grid import I64, Grid
from .members import Members
from .repairs import Repairs
from .trading import periods

F64 = npt.NDArray[np.float64]


def clean_promotions(table: pl.DataFrame, repairs: Repairs) -> pl.DataFrame:
    """Promotions that can be used, with ``discount`` as a share; what is wrong is counted."""
    has = set(table.columns)
    wanted = ("sku", "category", "location", "channel")
    rows = table.select(
        *[pl.col(n).cast(pl.String).replace("", None) for n in wanted if n in has],
        pl.col("start", "end").cast(pl.Date),
        *[pl.col(n).cast(pl.Float64).fill_nan(None) for n in ("discount", "price") if n in has],
    )
    undated = pl.col("start").is_null() | pl.col("end").is_null()
    for rule, mask, remedy in (
        ("dates-unknown", undated, "fill in start and end"),
        ("end-before-start", pl.col("end") < pl.col("start"), "exchange start and end"),
    ):
        bad = rows.filter(mask)
        repairs.add(
            "clean", "promotions", rule, "rejected", bad.height, example=_promotion(bad), remedy=remedy,
        )  # fmt: skip
        rows = rows.filter(~mask)
    if "discount" in has:
        depth = pl.col("discount")
        percent, wrong = rows.filter((depth > 1) & (depth <= 100)), rows.filter((depth > 100) | (depth < 0))
        repairs.add(
            "clean", "promotions", "discount-in-percent", "changed", percent.height, example=_promotion(percent),
            remedy="numbers above 1 are taken as percent; write 20 % as 0.2",
        )  # fmt: skip
        repairs.add(
            "clean", "promotions", "discount-impossible", "changed", wrong.height, example=_promotion(wrong),
            remedy="taken as unknown; a discount lies between 0 and 1",
        )  # fmt: skip
        rows = rows.with_columns(
            pl.when(depth.is_between(0, 1))
            .then(depth)
            .when(depth.is_between(1, 100))
            .then(depth / 100)
            .alias("discount")
        )
    if "price" in has:
        rows = rows.with_columns(pl.when(pl.col("price").is_finite() & (pl.col("price") >= 0)).then("price"))
    return rows


def promotion_columns(
    grid: Grid, members: Members, promotions: pl.DataFrame, list_price: Mapping[str, float]
) -> dict[str, F32]:
    """Known covariates: ``promotion`` and, where a discount is planned, ``promotion_discount``.

    Both are shares of the period and of the series: 1 is all of its items on all days, 0 none. The
    discount is the mean depth off the list price, days without promotion counting as 0.

    Args:
        grid: cells, future ones included.
        members: items and places of each series.
        promotions: as `clean_promotions` returns them.
        list_price: of each item, to turn a promotion price into a discount.
    """
    first, last, count = _days(grid.freq, int(grid.start.min()), grid.end)
    table = _depth(promotions, list_price).with_columns(
        pl.col("start").to_physical().cast(pl.Int64).clip(first, last + 1),
        pl.col("end").to_physical().cast(pl.Int64).clip(first - 1, last),
    )
    table = table.filter(pl.col("end") >= pl.col("start"))
    some = members.restricts(table)
    whole, part = table.filter(~some), table.filter(some)
    day = np.arange(first, last + 1)
    ordinal = periods(grid.freq, day)
    everyone = {n: np.zeros(day.size) for n in ("share", "depth")}
    for start, end, depth in whole.select("start", "end", "depth").iter_rows():
        everyone["share"][start - first : end + 1 - first] = 1.0
        np.maximum(
            everyone["depth"][start - first : end + 1 - first],
            depth or 0.0,
            out=everyone["depth"][start - first : end + 1 - first],
        )
    out = {}
    own = _expand(part, members)
    for name, column in (("promotion", "share"), ("promotion_discount", "depth")):
        if column == "depth" and table["depth"].null_count() == table.height:
            continue
        base = np.bincount(ordinal - ordinal[0], everyone[column], count.size) / count
        flat = grid.by_period(base, int(grid.start.min())).astype(np.float64)
        if own.height:
            further = _further(own, column, everyone[column], first, ordinal, count)
            at = grid.scatter(further["row"].to_numpy(), further["ordinal"].to_numpy(), further["more"].to_numpy())
            flat += np.nan_to_num(at)
        out[name] = flat.astype(np.float32)
    return out


def _depth(promotions: pl.DataFrame, list_price: Mapping[str, float]) -> pl.DataFrame:
    """The promotions with ``depth``, the planned share off the list price, null where unknown."""
    depth = pl.col("discount") if "discount" in promotions.columns else pl.lit(None, pl.Float64)
    if "price" in promotions.columns and "sku" in promotions.columns and list_price:
        full = pl.col("sku").replace_strict(list_price, default=None, return_dtype=pl.Float64)
        cut = (1 - pl.col("price") / pl.when(full > 0).then(full)).clip(0, 1)
        depth = pl.coalesce(depth, cut)
    return promotions.with_columns(depth.alias("depth"))


def _expand(part: pl.DataFrame, members: Members) -> pl.DataFrame:
    """``row``, ``day``, ``share`` and ``depth`` of promotions of single items, categories or places."""
    pairs = part.with_row_index("line").join(members.match(part), on="line", maintain_order="left")
    return (
        pairs.select(
            "row",
            pl.int_ranges("start", pl.col("end") + 1).alias("day"),
            "share",
            (pl.col("depth").fill_null(0.0) * pl.col("share")).alias("depth"),
        )
        .explode("day")
        .group_by("row", "day")
        .agg(pl.col("share", "depth").max())
        .sort("row", "day")
    )


def _further(own: pl.DataFrame, column: str, everyone: F64, first: int, ordinal: I64, count: I64) -> pl.DataFrame:
    """What promotions of its own add to a series and period, over those of the whole shop."""
    at = own["day"].to_numpy() - first
    more = np.maximum(own[column].to_numpy() - everyone[at], 0.0) / count[ordinal[at] - ordinal[0]]
    table = pl.DataFrame({"row": own["row"], "ordinal": ordinal[at], "more": more})
    return table.group_by("row", "ordinal", maintain_order=True).agg(pl.col("more").sum())


def _days(freq: Frequency, first: int, last: int) -> tuple[int, int, I64]:
    """First and last day of some periods, and the number of days in each."""
    stamps = freq.stamp(np.array([first - 1, last + 1])).astype("datetime64[D]").astype(np.int64)
    days = np.arange(stamps[0], stamps[1] + 1)
    period = periods(freq, days)
    inside = (period >= first) & (period <= last)
    return int(days[inside][0]), int(days[inside][-1]), np.bincount(period[inside] - first).astype(np.int64)


def _promotion(rows: pl.DataFrame) -> str:
    if rows.is_empty():
        return ""
    first = rows.row(0, named=True)
    what = (
        f"item '{first['sku']}'"
        if first.get("sku")
        else f"category '{first.get('category')}'"
        if first.get("category")
        else "all items"
    )
    given = "".join(f", {n} {first[n]:g}" for n in ("discount", "price") if first.get(n) is not None)
    return f"{what}, {first['start']} to {first['end']}{given}"
