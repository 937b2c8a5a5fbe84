"""Arrivals: open orders laid on the steps of the forecast."""

from __future__ import annotations

import numpy as np
import polars as pl

from ...collect.repairs import Repairs
from ...errors import DataError
from ...forecast import F64, Forecast
from ..timeline import Timeline


def arrival_steps(
    forecast: Forecast, timeline: Timeline, open_orders: pl.DataFrame, repairs: Repairs
) -> tuple[F64, F64]:
    """Units of open orders per item and step.

    Orders due before today are taken to arrive today, and counted. Lines that cannot be read are left out, and
    counted.

    Args:
        forecast: of the items.
        timeline: its steps.
        open_orders: ``unique_id``, ``quantity`` (units) and ``due`` (date of arrival); several lines per item add up.
        repairs: grows by what was wrong.

    Returns:
        ``(S, H)`` units that arrive in each step and ``(S,)`` units that arrive beyond the horizon.

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
    fine = pl.col("quantity").is_finite().fill_null(False) & (pl.col("quantity") >= 0) & pl.col("due").is_not_null()
    wrong = lines.filter(~fine)
    repairs.add(
        "plan", "open_orders", "open-order-unreadable", "rejected", wrong.height,
        example="" if wrong.is_empty() else f"{wrong['unique_id'][0]}",
        remedy="Give 'quantity' as units from 0 on and 'due' as a date; until then the line does not count.",
    )  # fmt: skip
    known = lines.filter(fine).join(place, on="unique_id", how="left", maintain_order="left")
    lost = known.filter(pl.col("row").is_null())
    repairs.add(
        "plan", "open_orders", "unknown-series", "noted", lost.height, units=float(lost["quantity"].sum()),
        example="" if lost.is_empty() else f"{lost['unique_id'][0]}",
        remedy="The item has no forecast; check the code, or ignore this.",
    )  # fmt: skip
    known = known.filter(pl.col("row").is_not_null())
    late = known.filter(pl.col("due") < timeline.today)
    repairs.add(
        "plan", "open_orders", "overdue", "noted", late.height, units=float(late["quantity"].sum()),
        example="" if late.is_empty() else f"{late['unique_id'][0]}, due {late['due'][0]}",
        remedy="Taken to arrive today; ask the supplier for a date.",
    )  # fmt: skip
    ahead = (known["due"] - timeline.today).dt.total_days().cast(pl.Float64).to_numpy()
    step = np.searchsorted(timeline.edges, np.maximum(ahead, 0.0), side="right") - 1
    rows, units = known["row"].to_numpy(), known["quantity"].to_numpy()
    out, beyond = np.zeros((len(forecast), forecast.horizon)), np.zeros(len(forecast))
    inside = step < forecast.horizon
    np.add.at(out, (rows[inside], step[inside]), units[inside])
    np.add.at(beyond, rows[~inside], units[~inside])
    return out, beyond


def arrive_after(timeline: Timeline, on_order: F64, lead_days: F64) -> tuple[F64, F64]:
    """Units on order without a date: all arrive when the lead time has passed; as `arrival_steps`."""
    step = np.searchsorted(timeline.edges, lead_days, side="right") - 1
    out, beyond = np.zeros((on_order.size, timeline.horizon)), np.zeros(on_order.size)
    inside = step < timeline.horizon
    out[np.flatnonzero(inside), step[inside]] = on_order[inside]
    beyond[~inside] = on_order[~inside]
    return out, beyond
