"""Deliveries: what was ordered when, promised when and received when; errors taken out and counted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from ...collect.repairs import Repairs
from ...collect.tables import SCHEMAS
from ...errors import ConfigError, DataError
from ..terms import conform, example

DELIVERIES = SCHEMAS["deliveries"]
"""The table of delivery records."""

_TIMES_MEDIAN = 10.0  # a lead time that many times the median is absurd,
_TIMES_HIGH = 2.0  # unless orders as long as this part of it are among the 5 % of longest
_FEW = 3  # deliveries from which a supplier's own median counts


@dataclass(frozen=True, eq=False)
class Deliveries:
    """Delivery records that can be believed.

    Attributes:
        frame: columns of ``DELIVERIES``; every row has a supplier and an order day, ``received_at`` is null where the
            order is open on ``as_of``.
        as_of: the day on which the records were looked at.
        repairs: what was left out or changed, and why (stage ``plan``, table ``deliveries``).
    """

    frame: pl.DataFrame
    as_of: dt.date
    repairs: Repairs

    @classmethod
    def clean(cls, table: pl.DataFrame, as_of: dt.date | None = None, longest_days: float | None = None) -> Deliveries:
        """Take out what cannot be true.

        Rejected are records without a supplier or a readable order day, ordered after ``as_of``, received before they
        were ordered, with a day of receipt that cannot be read, with a quantity of zero or less, and those whose lead
        time (or, while open, age) is absurd. A receipt after ``as_of`` is a plan: the order counts as open. A promise
        before the order is forgotten.

        Args:
            table: columns of ``DELIVERIES``; only the required ones must be there.
            as_of: what is not received by this day is open; None takes the last day of order or receipt in the table, but
                no day later than today.
            longest_days: longest lead time that is believed. None takes ten times the median or twice what one order in
                twenty exceeds, whichever is longer; a supplier with three records or more may be as slow as ten times
                its own median.

        Raises:
            DataError: a required column is absent, or no record is left.
            ConfigError: ``longest_days`` is not above zero.
        """
        if longest_days is not None and not longest_days > 0:
            raise ConfigError(f"longest_days must be above zero, not {longest_days:g}.")
        repairs = Repairs()
        typed = conform(table, DELIVERIES, repairs).with_columns(pl.col("supplier", "sku", "mode").str.strip_chars())
        typed = typed.with_columns(
            _blurred=typed["received_at"].is_null() & _written(table["received_at"]),
            supplier=pl.when(pl.col("supplier") != "").then("supplier"),
        )
        if as_of is None:
            last = typed.select(pl.max_horizontal(pl.col("ordered_at").max(), pl.col("received_at").max())).item()
            as_of = min(last, dt.date.today()) if isinstance(last, dt.date) else dt.date.today()
        ordered, received = pl.col("ordered_at"), pl.col("received_at")
        typed = _reject(typed, pl.col("supplier").is_null(), "supplier-missing", "Say who delivers it.", repairs)
        typed = _reject(
            typed, ordered.is_null(), "order-date-missing", "Fill in 'ordered_at' like 2025-01-31.", repairs
        )
        typed = _reject(
            typed, pl.col("_blurred"), "receipt-unreadable",
            "Write 'received_at' like 2025-01-31, or leave it empty while the order is open.", repairs,
        )  # fmt: skip
        typed = _reject(
            typed, ordered > as_of, "ordered-in-future", f"The records end on {as_of}; correct the day.", repairs
        )
        typed = _reject(typed, received < ordered, "received-before-ordered", "Correct one of the two days.", repairs)
        typed = _reject(
            typed, (pl.col("quantity") <= 0).fill_null(False), "quantity-not-positive",
            "Returns and cancelled orders say nothing about lead times.", repairs,
        )  # fmt: skip
        typed = _forget(
            typed, "received_at", received > as_of, "received-in-future",
            f"Taken as still open on {as_of}; a planned day belongs into 'promised_at'.", repairs,
        )  # fmt: skip
        typed = _forget(
            typed, "promised_at", pl.col("promised_at") < ordered, "promised-before-ordered",
            "The promise was not used; correct it.", repairs,
        )  # fmt: skip
        waited = pl.coalesce(received, pl.lit(as_of)) - ordered
        typed = typed.with_columns(_days=waited.dt.total_days())
        absurd = _absurd(typed, longest_days)
        open_ = pl.col("received_at").is_null()
        typed = typed.with_columns(_absurd=absurd)
        typed = _reject(
            typed, pl.col("_absurd") & ~open_, "lead-time-absurd",
            "Correct its days, or give a longer 'longest_days'.", repairs,
        )  # fmt: skip
        typed = _reject(
            typed, pl.col("_absurd"), "open-too-long", "Close the order: it was cancelled, or its receipt was not booked.",
            repairs,
        )  # fmt: skip
        if typed["received_at"].null_count() == typed.height:
            raise DataError(
                "The table 'deliveries' holds no order that was received: "
                + (
                    f"{table.height} records were read, the repairs say what is wrong with them."
                    if table.height
                    else "it is empty."
                )
            )
        return cls(typed.drop("_blurred", "_days", "_absurd"), as_of, repairs)


def _written(column: pl.Series) -> pl.Series:
    """Whether something stands in a cell."""
    if column.dtype == pl.String:
        return column.str.strip_chars().fill_null("") != ""
    return column.is_not_null()


def _reject(table: pl.DataFrame, wrong: pl.Expr, rule: str, remedy: str, repairs: Repairs) -> pl.DataFrame:
    bad = table.filter(wrong)
    if bad.is_empty():
        return table
    repairs.add(
        "plan", "deliveries", rule, "rejected", bad.height, units=float(bad["quantity"].sum() or 0.0),
        series=bad["supplier"].n_unique(), example=example(bad, "supplier", "sku", "ordered_at", "received_at"),
        remedy=remedy,
    )  # fmt: skip
    return table.filter(~wrong)


def _forget(table: pl.DataFrame, column: str, wrong: pl.Expr, rule: str, remedy: str, repairs: Repairs) -> pl.DataFrame:
    bad = table.filter(wrong)
    repairs.add(
        "plan", "deliveries", rule, "changed", bad.height, series=bad["supplier"].n_unique(),
        example=example(bad, "supplier", "sku", "ordered_at", column), remedy=remedy,
    )  # fmt: skip
    return table.with_columns(pl.when(~wrong.fill_null(False)).then(column).alias(column))


def _absurd(table: pl.DataFrame, longest_days: float | None) -> pl.Series:
    """Whether each record has waited longer than can be."""
    days = table["_days"].cast(pl.Float64)
    if longest_days is not None:
        return days > longest_days
    seen = table.filter(pl.col("received_at").is_not_null())
    done = np.asarray(seen["_days"].to_numpy(), dtype=np.float64)
    if done.size == 0:
        return pl.Series([False] * table.height, dtype=pl.Boolean)
    fence = max(
        _TIMES_MEDIAN * float(np.median(done)), _TIMES_HIGH * float(np.quantile(done, 0.95, method="lower")), 1.0
    )
    own = seen.group_by("supplier").agg(_own=pl.when(pl.len() >= _FEW).then(pl.col("_days").median() * _TIMES_MEDIAN))
    limit = table.select("supplier").join(own, on="supplier", how="left", maintain_order="left")["_own"].fill_null(0.0)
    return (days > fence) & (days > limit)
