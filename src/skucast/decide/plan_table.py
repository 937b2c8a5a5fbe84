"""PurchasePlan: the finished list, its assumptions and its totals."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..collect.repairs import Repairs
from ..explain.sentences import DAYS_PER_MONTH
from .assumptions import Assumption
from .purchase_list import PurchaseList

_TEXT, _NUMBER = pl.String(), pl.Float64()

COLUMNS: dict[str, pl.DataType] = {
    "unique_id": _TEXT,  # series of the forecast
    "sku": _TEXT,
    "location": _TEXT,  # null: all
    "name": _TEXT,
    "supplier": _TEXT,
    "order_qty": _NUMBER,  # units to order now
    "packs": _NUMBER,  # order_qty in packs
    "pack_size": _NUMBER,  # units per pack
    "wanted_qty": _NUMBER,  # units that would be ordered without limits that items share
    "unit_cost": _NUMBER,  # currency per unit
    "unit_price": _NUMBER,  # currency per unit
    "order_value": _NUMBER,  # currency: unit_cost x order_qty
    "on_hand": _NUMBER,  # units; null: unknown; negative: owed to customers
    "on_order": _NUMBER,  # units
    "position": _NUMBER,  # units: on_hand + on_order; null: unknown
    "lead_days": _NUMBER,  # days from order to shelf, mean
    "review_days": _NUMBER,  # days until the next order
    "demand_lead_mean": _NUMBER,  # units, until the order arrives
    "demand_protect_mean": _NUMBER,  # units, until the next order could arrive
    "demand_protect_p10": _NUMBER,  # units: as little in one of ten futures
    "demand_protect_p90": _NUMBER,  # units: as much in one of ten futures
    "order_up_to": _NUMBER,  # units: quantile service_target of demand until the next order could arrive
    "service_target": _NUMBER,  # probability: underage / (underage + overage)
    "p_out_before_arrival": _NUMBER,  # probability; null where stock is unknown
    "p_out_without_order": _NUMBER,  # probability of running out before the next order could arrive
    "run_out_date": pl.Date(),  # when expected demand has used up the position; null: unknown or beyond 10 years
    "cover_days": _NUMBER,  # days until then
    "lost_units_without": _NUMBER,  # units, until the next order could arrive, if nothing is ordered
    "lost_units_with": _NUMBER,  # units, with the order
    "lost_margin_without": _NUMBER,  # currency
    "lost_margin_with": _NUMBER,  # currency
    "lost_margin_before_arrival": _NUMBER,  # currency; no order can save it unless customers wait; null: stock unknown
    "leftover_units": _NUMBER,  # units expected to be left when the next order could arrive, with the order
    "holding_cost_without": _NUMBER,  # currency
    "holding_cost": _NUMBER,  # currency, with the order
    "expected_gain": _NUMBER,  # currency: lost margin avoided less holding cost added
    "gain_per_money": _NUMBER,  # expected_gain / order_value
    "rank": pl.Int64(),  # 1 is bought first; null: not ordered
    "overstock_value": _NUMBER,  # currency tied up beyond a long cover
    "reason": _TEXT,  # code of the sentence, see `skucast.decide.reasons`
    "reason_en": _TEXT,  # the sentence
    "reason_zh": _TEXT,
}
"""Columns of `PurchasePlan.frame` and ``purchase_plan.csv``; the comments give units."""

ARRIVING: dict[str, pl.DataType] = {"unique_id": _TEXT, "quantity": _NUMBER, "due": pl.Date()}
"""Columns of `PurchasePlan.arriving`: units of a series that were ordered before, and when they are expected."""

_DANGEROUS = r"^[=+\-@＝＋－＠\t\r\n]"


@dataclass(frozen=True, eq=False, repr=False)
class PurchasePlan:
    """What to order today.

    Attributes:
        table: one row per series, lines to order first; see ``COLUMNS``.
        assumptions: what was taken for granted, with counts and sentences.
        repairs: what was wrong in the tables (stage ``plan``).
        currency: ISO code of all money.
        today: the day on which the order is placed.
        arriving: what is on its way, see ``ARRIVING``.
        budget: money; 0 is no limit.
        joint: the choice of all lines together, where a budget, room or suppliers' minimums were to be kept: what the
            next 1,000 of budget would bring, how far the order may be from the best, the ranked list beside it.
    """

    table: pl.DataFrame
    assumptions: tuple[Assumption, ...]
    repairs: Repairs
    currency: str
    today: dt.date
    arriving: pl.DataFrame
    budget: float = 0.0
    joint: PurchaseList | None = None

    def frame(self) -> pl.DataFrame:
        """The plan as a table with the columns of ``COLUMNS``."""
        return self.table

    def lines(self) -> pl.DataFrame:
        """Only what is to be ordered, by rank."""
        return self.table.filter(pl.col("order_qty") > 0)

    def left_out(self) -> pl.DataFrame:
        """What shared limits cut: rows with ``cut_qty`` (units) and ``cut_value`` (currency), most money first."""
        return (
            self.table.filter(pl.col("wanted_qty") > pl.col("order_qty") + 1e-9)
            .with_columns(cut_qty=pl.col("wanted_qty") - pl.col("order_qty"))
            .with_columns(cut_value=pl.col("cut_qty") * pl.col("unit_cost"))
            .sort("cut_value", descending=True, nulls_last=True)
        )

    def overstock(self) -> pl.DataFrame:
        """Items whose position exceeds the 99 % demand of a long cover, most money first.

        Returns:
            ``unique_id, sku, location, name, position`` (units), ``excess_units``, ``overstock_value``
            (currency), ``cover_days``, ``months_of_cover`` (null: no demand expected), ``reason_en,
            reason_zh``.
        """
        excess = pl.col("overstock_value") / pl.col("unit_cost")
        return (
            self.table.filter(pl.col("overstock_value") > 0)
            .sort("overstock_value", descending=True)
            .select(
                "unique_id", "sku", "location", "name", "position", excess.alias("excess_units"), "overstock_value",
                "cover_days", (pl.col("cover_days") / DAYS_PER_MONTH).alias("months_of_cover"),
                "reason_en", "reason_zh",
            )
        )  # fmt: skip

    def summary(self) -> dict[str, float]:
        """Totals, in currency unless said.

        Returns:
            ``items`` and ``lines`` (counts), ``order_units``, ``order_value``, ``expected_gain``,
            ``lost_margin_avoided`` (lost margin without less with the order), ``lost_margin_before_arrival``
            (of items with known stock), ``lost_margin_with``, ``holding_cost_added``, ``overstock_value``,
            ``overstock_items`` (count), ``left_out_value``, ``out_now`` (items with known stock and nothing
            left), ``stock_unknown`` (count), ``budget``.
        """
        lines, table = self.lines(), self.table

        def total(frame: pl.DataFrame, column: str) -> float:
            return float(frame[column].sum() or 0.0)

        known = table.filter(pl.col("on_hand").is_not_null())
        return {
            "items": float(table.height),
            "lines": float(lines.height),
            "order_units": total(lines, "order_qty"),
            "order_value": total(lines, "order_value"),
            "expected_gain": total(lines, "expected_gain"),
            "lost_margin_avoided": total(lines, "lost_margin_without") - total(lines, "lost_margin_with"),
            "lost_margin_before_arrival": total(known, "lost_margin_before_arrival"),
            "lost_margin_with": total(table, "lost_margin_with"),
            "holding_cost_added": total(lines, "holding_cost") - total(lines, "holding_cost_without"),
            "overstock_value": total(table, "overstock_value"),
            "overstock_items": float((table["overstock_value"] > 0).sum()),
            "left_out_value": total(self.left_out(), "cut_value"),
            "out_now": float((known["position"] <= 0).sum()),
            "stock_unknown": float(table.height - known.height),
            "budget": self.budget,
        }

    def write_csv(self, path: str | Path) -> None:
        """Write the table for spreadsheets: UTF-8 with byte order mark, four decimals.

        A text that a spreadsheet would run as a formula (it begins with ``= + - @``, their full-width
        forms or a control character) gets an apostrophe before it; the frame itself is not changed.

        Source: OWASP, CSV Injection.
        """
        safe_for_spreadsheets(self.table).with_columns(pl.col(pl.Float64).round(4)).write_csv(path, include_bom=True)

    def __repr__(self) -> str:
        s = self.summary()
        return (
            f"PurchasePlan({s['lines']:,.0f} of {s['items']:,.0f} items to order on {self.today}; "
            f"{s['order_value']:,.0f} {self.currency}, expected gain {s['expected_gain']:,.0f} {self.currency})"
        )


def safe_for_spreadsheets(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before texts (first spaces ignored) that would run as formulas."""
    cell = pl.col(pl.String)
    risky = cell.str.strip_chars_start(" ").str.contains(_DANGEROUS)
    return frame.with_columns(pl.when(risky).then(pl.lit("'") + cell).otherwise(cell).name.keep())
