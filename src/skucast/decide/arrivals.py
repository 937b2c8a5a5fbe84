"""Arrivals: open orders laid on the steps of the forecast."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from ..collect.repairs import Repairs
from ..collect.tables import SCHEMAS
from ..errors import DataError
from ..forecast import F64, Forecast
from .position import shares
from .terms import conform, example
from .timeline import Timeline

HALFWAY = 0.5
"""Units on order without a date arrive after this part of the lead time: orders under way were placed at all times of it."""


def open_arrivals(
    series: pl.DataFrame, open_orders: pl.DataFrame, lead_days: F64, today: dt.date, repairs: Repairs
) -> pl.DataFrame:
    """Open orders of every series, dated.

    Where several series sell the SKU of an order it is divided by their expected demand. An order without a day of
    arrival is due the lead time after it was placed, or half of it from now where even that is unknown.

    Args:
        series: ``row, sku, location, weight``, as of `skucast.decide.terms.match_skus`.
        open_orders: table ``open_orders``.
        lead_days: ``(S,)`` mean days from order to shelf.
        today: day of the decision.
        repairs: grows by what was wrong.

    Returns:
        ``row, quantity, due``; an order due before today is due today.

    Raises:
        DataError: a required column is absent.
    """
    lines = conform(open_orders, SCHEMAS["open_orders"], repairs)
    lines = _readable(lines, "sku", repairs)
    keyed, whose = shares(series, lines, repairs, "open_orders")
    found = keyed.join(whose, on="key", how="inner", maintain_order="left")
    found = found.with_columns(wait=pl.Series(lead_days).gather(found["row"].cast(pl.Int64)))
    half = pl.lit(today) + pl.duration(days=(pl.col("wait") * HALFWAY).round().cast(pl.Int64))
    placed = pl.col("ordered_at") + pl.duration(days=pl.col("wait").round().cast(pl.Int64))
    return _not_before(
        found.select("row", "sku", quantity=pl.col("quantity") * pl.col("share"), due=pl.coalesce("due", placed, half)),
        "sku", today, repairs,
    ).select("row", "quantity", "due")  # fmt: skip


def undated_arrivals(on_order: F64, lead_days: F64, today: dt.date) -> pl.DataFrame:
    """Units on order of which no date is known, as `open_arrivals` gives them: due half of the lead time from now."""
    rows = np.flatnonzero(on_order > 0)
    days = np.round(lead_days[rows] * HALFWAY).astype(np.int64)
    due = np.datetime64(today, "D") + days
    return pl.DataFrame({"row": rows, "quantity": on_order[rows], "due": due}, schema_overrides={"due": pl.Date})


def series_arrivals(forecast: Forecast, today: dt.date, open_orders: pl.DataFrame, repairs: Repairs) -> pl.DataFrame:
    """Open orders that name the series itself, as `open_arrivals` gives them.

    Args:
        forecast: of the items.
        today: day of the decision.
        open_orders: ``unique_id``, ``quantity`` (units) and ``due`` (date of arrival); several lines per item add up.
        repairs: grows by what was wrong.

    Raises:
        DataError: a column is absent.
    """
    absent = [name for name in ("unique_id", "quantity", "due") if name not in open_orders.columns]
    if absent:
        raise DataError(f"The table of open orders has no column '{absent[0]}': it needs unique_id, quantity and due.")
    lines = open_orders.select(
        pl.col("unique_id").cast(pl.String),
        pl.col("quantity").cast(pl.Float64, strict=False),
        pl.col("due").cast(pl.Date, strict=False),
    )
    place = pl.DataFrame({"unique_id": forecast.ids.cast(pl.String), "row": np.arange(len(forecast))})
    lines = _readable(lines, "unique_id", repairs, dated=True)
    known = lines.join(place, on="unique_id", how="left", maintain_order="left")
    lost = known.filter(pl.col("row").is_null())
    repairs.add(
        "plan", "open_orders", "unknown-series", "noted", lost.height, units=float(lost["quantity"].sum()),
        example=example(lost, "unique_id"), remedy="The item has no forecast; check the code, or ignore this.",
    )  # fmt: skip
    known = known.filter(pl.col("row").is_not_null())
    return _not_before(known, "unique_id", today, repairs).select("row", "quantity", "due")


def arrival_steps(timeline: Timeline, arrivals: pl.DataFrame, series: int) -> F64:
    """``(S, H + 1)`` units that arrive in each step, the last column beyond the forecast.

    Args:
        timeline: steps in days.
        arrivals: ``row, quantity, due``, not before today.
        series: how many there are.
    """
    ahead = (arrivals["due"] - timeline.today).dt.total_days().cast(pl.Float64).to_numpy()
    step = np.minimum(np.searchsorted(timeline.edges, ahead, side="right") - 1, timeline.horizon)
    out = np.zeros((series, timeline.horizon + 1))
    np.add.at(out, (arrivals["row"].to_numpy(), step), arrivals["quantity"].to_numpy())
    return out


def _readable(lines: pl.DataFrame, key: str, repairs: Repairs, dated: bool = False) -> pl.DataFrame:
    """Lines with an item, a number of units and, where asked for, a date."""
    fine = pl.col("quantity").is_finite().fill_null(False) & (pl.col("quantity") >= 0) & pl.col(key).is_not_null()
    if dated:
        fine = fine & pl.col("due").is_not_null()
    wrong = lines.filter(~fine)
    repairs.add(
        "plan", "open_orders", "open-order-unreadable", "rejected", wrong.height, example=example(wrong, key, "quantity"),
        remedy="Give 'quantity' as units from 0 on"
        + (" and 'due' as a date" if dated else " and the item") + "; until then the line does not count.",
    )  # fmt: skip
    return lines.filter(fine)


def _not_before(lines: pl.DataFrame, key: str, today: dt.date, repairs: Repairs) -> pl.DataFrame:
    """Overdue orders are due today."""
    late = lines.filter(pl.col("due") < today)
    repairs.add(
        "plan", "open_orders", "overdue", "noted", late.height, units=float(late["quantity"].sum()),
        example=example(late, key, "due"), remedy="Taken to arrive today; ask the supplier for a date.",
    )  # fmt: skip
    return lines.with_columns(due=pl.max_horizontal("due", pl.lit(today)))
