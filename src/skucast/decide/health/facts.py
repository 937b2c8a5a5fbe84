"""Facts: what is known of each item's stock, money and terms, one row per series of the forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ...collect.repairs import Repairs
from ...errors import DataError
from ...forecast import F64, Forecast
from ...panel import Panel

_TEXT, _NUMBER, _DATE = pl.String(), pl.Float64(), pl.Date()

ITEM_COLUMNS: dict[str, pl.DataType] = {
    "unique_id": _TEXT,  # series of the forecast
    "sku": _TEXT,  # null: the series itself
    "location": _TEXT,  # null: all
    "name": _TEXT,
    "on_hand": _NUMBER,  # units; null: unknown; negative: owed to customers
    "on_order": _NUMBER,  # units
    "unit_cost": _NUMBER,  # currency
    "unit_price": _NUMBER,  # currency
    "lead_days": _NUMBER,  # days from order to shelf
    "review_days": _NUMBER,  # days between orders
    "end_date": _DATE,  # last day on sale, if discontinued
    "days_left": _NUMBER,  # days that the units on hand still keep; null: as long as new ones
    "shelf_life_days": _NUMBER,  # days that new units keep; null: for ever
    "last_sale": _DATE,  # null: never sold
    "margin": _NUMBER,  # currency, for ABC; null: price less cost, times the demand expected over the horizon
    "error": _NUMBER,  # WAPE of the backtest; null: of the forecast's own spread
    "elasticity": _NUMBER,  # null: the option
    "return_price": _NUMBER,  # refund per unit; null: the option return_share
    "return_fee": _NUMBER,  # currency per return
    "return_max": _NUMBER,  # units; null: any number
    "return_until": _DATE,  # last day of returns; null: always
    "co2e_kg": _NUMBER,  # kg CO2e per unit; null: no factor
}
"""Columns of the items that `stock_health` reads; all but ``unique_id`` may be absent, others are ignored."""

_FROM_ZERO = (
    "on_order", "unit_cost", "unit_price", "lead_days", "review_days", "days_left", "shelf_life_days", "error",
    "return_price", "return_fee", "return_max", "co2e_kg",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Facts:
    """The items in the order of the forecast.

    Attributes:
        table: all of ``ITEM_COLUMNS``.
        given: columns that the caller gave.
    """

    table: pl.DataFrame
    given: frozenset[str]

    def of(self, name: str, default: float = np.nan) -> F64:
        """A column of numbers, with a default where it is not known."""
        return np.asarray(self.table[name].fill_null(default).to_numpy(), dtype=np.float64)


def read_facts(forecast: Forecast, items: pl.DataFrame, repairs: Repairs) -> Facts:
    """The items as they are known, conformed; impossible numbers become unknown and are counted.

    Raises:
        DataError: there is no ``unique_id``, or an item or series is there twice.
    """
    if "unique_id" not in items.columns:
        raise DataError("The items have no column 'unique_id': it must name the series of the forecast.")
    ids = forecast.ids.cast(pl.String)
    typed = items.select(
        (pl.col(name).cast(kind, strict=False) if name in items.columns else pl.lit(None, kind)).alias(name)
        for name, kind in ITEM_COLUMNS.items()
    )
    for what, names in (("The items hold", typed["unique_id"]), ("The forecast holds", ids)):
        if names.n_unique() != len(names):
            raise DataError(
                f"{what} '{names.filter(names.is_duplicated())[0]}' more than once: give one row per series."
            )
    for name in (n for n, kind in ITEM_COLUMNS.items() if kind == _NUMBER):
        fine = pl.col(name).is_finite() & ((pl.col(name) >= 0) if name in _FROM_ZERO else pl.lit(True))
        if name == "elasticity":
            fine &= pl.col(name) < 0
        wrong = typed.filter(pl.col(name).is_not_null() & ~fine)
        repairs.add(
            "plan", "items", f"{name.replace('_', '-')}-impossible", "changed", wrong.height, series=wrong.height,
            example="" if wrong.is_empty() else f"{wrong['unique_id'][0]}: {wrong[name][0]:g}",
            remedy=f"Taken as unknown; correct '{name}'.",
        )  # fmt: skip
        typed = typed.with_columns(pl.when(fine).then(pl.col(name)).alias(name))
    extra = typed.filter(~pl.col("unique_id").is_in(ids.implode()))
    repairs.add(
        "plan", "items", "unknown-series", "noted", extra.height, units=float(extra["on_hand"].sum()),
        example="" if extra.is_empty() else f"{extra['unique_id'][0]}",
        remedy="The item has no forecast; check the code, or ignore this.",
    )  # fmt: skip
    table = (
        pl.DataFrame({"unique_id": ids})
        .join(typed, on="unique_id", how="left", maintain_order="left")
        .with_columns(sku=pl.coalesce("sku", "unique_id"))
    )
    return Facts(table, frozenset(items.columns) & frozenset(ITEM_COLUMNS))


def last_sales(panel: Panel) -> pl.DataFrame:
    """The date of each series' last step with a sale: ``unique_id``, ``last_sale`` (null: none in the history)."""
    sold = np.flatnonzero(np.nan_to_num(panel.values) > 0)
    last = np.full(len(panel), -1, dtype=np.int64)
    np.maximum.at(last, panel.row_of[sold], sold)
    back = panel.indptr[1:] - 1 - last  # steps before the end, which all series share
    dates = panel.freq.stamp(panel.end - np.where(last < 0, 0, back)).astype("datetime64[D]")
    return pl.DataFrame({"unique_id": panel.ids.cast(pl.String), "last_sale": dates}).with_columns(
        pl.when(pl.Series(last >= 0)).then(pl.col("last_sale").cast(pl.Date))
    )
