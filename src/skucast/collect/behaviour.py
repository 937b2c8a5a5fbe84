"""Behaviour: what visitors did with an item, as past covariates by kind of event."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from ..panel import F32
from .grid import Grid
from .members import Members
from .repairs import Repairs
from .trading import periods

_KINDS = {
    "views": "view|views|pv|click|clicks|page view|pageview|product view|view item|detail|impression|浏览|点击|查看|访问",
    "carts": "cart|carts|add to cart|addtocart|basket|add|加购|加购物车|加入购物车",
    "purchases": "purchase|purchases|buy|bought|order|transaction|checkout|购买|下单|支付|成交",
    "favourites": "favourite|favourites|favorite|favorites|fav|like|wishlist|add to wishlist|collect|收藏|关注",
}
_MEANING = {word.replace(" ", ""): kind for kind, words in _KINDS.items() for word in words.split("|")}
_MOST = 8  # kinds that become covariates; a file with more has its columns mixed up


def clean_events(table: pl.DataFrame, repairs: Repairs) -> pl.DataFrame:
    """Events per item, day and kind; what cannot be used is counted.

    Returns:
        ``sku``, ``date``, ``kind``, ``count``, sorted.
    """
    count = pl.col("count").cast(pl.Float64) if "count" in table.columns else pl.lit(1.0)
    word = pl.col("kind").cast(pl.String).str.to_lowercase().str.replace_all(r"[\s_\-]+", "")
    rows = table.select(
        pl.col("sku").cast(pl.String).replace("", None), pl.col("at").cast(pl.Date).alias("date"),
        word.replace(_MEANING).replace("", None).alias("kind"), count.fill_null(1.0).alias("count"),
    )  # fmt: skip
    incomplete = pl.col("sku").is_null() | pl.col("date").is_null() | pl.col("kind").is_null()
    for rule, mask, remedy in (
        ("incomplete", incomplete, "fill in sku, at and kind"),
        ("impossible-counts", ~(pl.col("count").is_finite() & (pl.col("count") >= 0)), "counts are numbers from 0 up"),
    ):
        bad = rows.filter(mask)
        example = "" if bad.is_empty() else f"item '{bad['sku'][0]}' on {bad['date'][0]}"
        repairs.add("clean", "events", rule, "rejected", bad.height, example=example, remedy=remedy)
        rows = rows.filter(~mask)
    kinds = rows.group_by("kind").agg(pl.col("count").sum()).sort("count", "kind", descending=[True, False])["kind"]
    if len(kinds) > _MOST:
        rare = rows.filter(pl.col("kind").is_in(kinds[_MOST:].implode()))
        repairs.add(
            "clean", "events", "rare-kinds", "rejected", rare.height,
            example=f"'{kinds[_MOST]}' and {len(kinds) - _MOST - 1} more kinds",
            remedy=f"the {_MOST} most frequent kinds are used; map kind to the right column",
        )  # fmt: skip
        rows = rows.filter(pl.col("kind").is_in(kinds[:_MOST].implode()))
    return rows.group_by("sku", "date", "kind").agg(pl.col("count").sum()).sort("sku", "date", "kind")


def event_columns(grid: Grid, members: Members, events: pl.DataFrame) -> dict[str, F32]:
    """Past covariates: number of events per period, by kind.

    Between the first and the last date of the table a period without an event counts 0; outside it is
    missing, since nobody counted.

    Args:
        grid: the panel's cells.
        members: items of each series.
        events: as `clean_events` returns them.
    """
    if events.is_empty():
        return {}
    ordinal = periods(grid.freq, events["date"].to_physical().to_numpy().astype(np.int64))
    pairs = members.match(events.select("sku")).select("line", "row")
    table = events.with_columns(pl.Series("ordinal", ordinal)).with_row_index("line").join(pairs, on="line")
    sums = table.group_by("row", "ordinal", "kind").agg(pl.col("count").sum()).sort("kind", "row", "ordinal")
    counted = (grid.ordinals >= int(ordinal.min())) & (grid.ordinals <= int(ordinal.max()))
    out: dict[str, F32] = {}
    for (kind,), rows in sums.group_by("kind", maintain_order=True):
        column = np.where(counted, np.float32(0), np.float32(np.nan))
        grid.scatter(rows["row"].to_numpy(), rows["ordinal"].to_numpy(), rows["count"].to_numpy(), column)
        out[column_name(str(kind))] = column
    return out


def column_name(text: str) -> str:
    """A name that can stand in a header: ``Search interest (web)`` -> ``search_interest_web``."""
    return re.sub(r"[^\w]+", "_", text.strip().lower()).strip("_") or "unnamed"
