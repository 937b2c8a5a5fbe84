"""The tables that skucast understands, column by column.

Only ``orders`` or ``sales`` is required. Every other table sharpens forecasts or decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

Kind = Literal["text", "number", "flag", "date", "moment"]

POLARS_TYPE: dict[str, pl.DataType] = {
    "text": pl.String(),
    "number": pl.Float64(),
    "flag": pl.Boolean(),
    "date": pl.Date(),
    "moment": pl.Datetime("us"),
}
"""Type of each kind after reading. A ``moment`` may carry a time of day; a ``date`` does not."""


@dataclass(frozen=True)
class Column:
    """One column: its name, kind, meaning and unit."""

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    unit: str = ""


@dataclass(frozen=True)
class TableSchema:
    """A table: what a row is, its columns and the columns that identify a row."""

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns without which the table is of no use."""
        return tuple(c.name for c in self.columns if c.required)

    @property
    def kinds(self) -> dict[str, Kind]:
        """Column name -> kind."""
        return {c.name: c.kind for c in self.columns}


_SKU = Column("sku", "text", "code of the item that is bought and sold", required=True)
_PLACE = Column("location", "text", "shop, warehouse or country")
_CHANNEL = Column("channel", "text", "web shop, marketplace, store...")

SCHEMAS: dict[str, TableSchema] = {
    schema.name: schema
    for schema in (
        TableSchema(
            "orders",
            "one line of a customer's order; returns and cancellations have negative quantities",
            (
                Column("order_id", "text", "number of the order or invoice"),
                _SKU,
                Column("quantity", "number", "units, negative for returns", required=True, unit="units"),
                Column("ordered_at", "moment", "when the order was placed", required=True),
                Column("price", "number", "price paid per unit", unit="currency"),
                Column(
                    "line_total", "number", "price of the whole line; price = line_total / quantity", unit="currency"
                ),
                Column("list_price", "number", "price per unit before discount", unit="currency"),
                Column("description", "text", "name of the item as printed on the order"),
                Column("customer", "text", "who bought"),
                Column("status", "text", "paid, cancelled, refunded... (text as exported)"),
                Column("test", "flag", "an order that the shop placed to try things out"),
                _PLACE,
                _CHANNEL,
            ),
        ),
        TableSchema(
            "sales",
            "units sold of one item on one date (already added up)",
            (
                _SKU,
                Column("date", "date", "day, or last or first day of the week or month", required=True),
                Column("quantity", "number", "units sold", required=True, unit="units"),
                Column("price", "number", "average price per unit", unit="currency"),
                Column("revenue", "number", "money taken; price = revenue / quantity", unit="currency"),
                Column("promotion", "flag", "the item was promoted"),
                Column("available", "flag", "the item could be bought; false hides the demand behind a stock-out"),
                _PLACE,
                _CHANNEL,
            ),
            key=("sku", "date", "location", "channel"),
        ),
        TableSchema(
            "products",
            "one item",
            (
                _SKU,
                Column("name", "text", "what a customer calls it"),
                Column("category", "text", "group of like items"),
                Column("brand", "text", "maker's brand"),
                Column("supplier", "text", "who delivers it (key of the suppliers table)"),
                Column("cost", "number", "what one unit costs to buy", unit="currency"),
                Column("price", "number", "list price per unit", unit="currency"),
                Column("launch_date", "date", "first day on sale"),
                Column("end_date", "date", "last day on sale, if discontinued"),
                Column("pack_size", "number", "units per pack that it is bought in", unit="units"),
                Column("min_order", "number", "least units per order line", unit="units"),
                Column(
                    "shortage_cost",
                    "number",
                    "money lost per unit of demand not met; price less cost if empty",
                    unit="currency",
                ),
                Column(
                    "holding_cost",
                    "number",
                    "money per unit and day on the shelf; a share of the cost if empty",
                    unit="currency",
                ),
                Column("shelf_life_days", "number", "days until it spoils", unit="days"),
                Column("return_price", "number", "what its supplier pays back per unit returned", unit="currency"),
                Column("co2e_kg", "number", "greenhouse gases of a unit made and delivered", unit="kg CO2e"),
                Column("weight_kg", "number", "weight of a unit", unit="kg"),
                Column("volume_l", "number", "volume of a unit", unit="l"),
            ),
            key=("sku",),
        ),
        TableSchema(
            "stock",
            "what lies on the shelf and is on its way, of one item on one date",
            (
                _SKU,
                Column("date", "date", "day of the count; absent means now"),
                Column("on_hand", "number", "units on the shelf", required=True, unit="units"),
                Column("on_order", "number", "units ordered and not yet received", unit="units"),
                _PLACE,
            ),
            key=("sku", "date", "location"),
        ),
        TableSchema(
            "suppliers",
            "one supplier",
            (
                Column("supplier", "text", "key", required=True),
                Column("name", "text", "its name"),
                Column("lead_time_days", "number", "from order to shelf", unit="days"),
                Column("lead_time_sd_days", "number", "standard deviation of it", unit="days"),
                Column("review_days", "number", "days between orders", unit="days"),
                Column("min_order_value", "number", "least value of an order", unit="currency"),
                Column("min_order_units", "number", "least units of an order", unit="units"),
                Column(
                    "order_cost", "number", "what an order costs, however much is on it (freight...)", unit="currency"
                ),
            ),
            key=("supplier",),
        ),
        TableSchema(
            "open_orders",
            "one line of an order to a supplier that has not arrived yet",
            (
                _SKU,
                Column("quantity", "number", "units on their way", required=True, unit="units"),
                Column("due", "date", "day on which they should be on the shelf"),
                Column("ordered_at", "date", "day of the order; due is the lead time after it, where due is empty"),
                _PLACE,
            ),
        ),
        TableSchema(
            "deliveries",
            "one line of an order to a supplier, as it was received or is still open",
            (
                Column("supplier", "text", "who delivers it", required=True),
                Column("ordered_at", "date", "day of the order", required=True),
                Column(
                    "received_at", "date", "day on which it reached the shelf; empty while it is open", required=True
                ),
                Column("promised_at", "date", "day for which the supplier promised it"),
                Column("sku", "text", "item"),
                Column("mode", "text", "how it travels: air, sea, truck..."),
                Column("quantity", "number", "units", unit="units"),
            ),
        ),
        TableSchema(
            "promotions",
            "one promotion of one item, category or everything",
            (
                Column("sku", "text", "item; empty means all items of the category, or all"),
                Column("category", "text", "category, where sku is empty"),
                Column("start", "date", "first day", required=True),
                Column("end", "date", "last day, that day included", required=True),
                Column("name", "text", "what it is called"),
                Column("kind", "text", "discount, coupon, feature, display, gift..."),
                Column("discount", "number", "share off the list price, 0.2 is 20 %", unit="share"),
                Column("price", "number", "promotion price per unit", unit="currency"),
                _PLACE,
                _CHANNEL,
            ),
        ),
        TableSchema(
            "events",
            "behaviour: one customer did one thing with one item (or a count of such)",
            (
                _SKU,
                Column("at", "moment", "when", required=True),
                Column("kind", "text", "view, cart, purchase or favourite", required=True),
                Column("count", "number", "how often, if counted; 1 by default"),
                Column("customer", "text", "who"),
                Column("session", "text", "visit"),
            ),
        ),
        TableSchema(
            "signals",
            "a number about the world on one date: weather, search interest, social mentions",
            (
                Column("date", "date", "day", required=True),
                Column("name", "text", "what is measured", required=True),
                Column("value", "number", "the number", required=True),
                Column("known", "flag", "known in the future too (a plan or forecast), false by default"),
                _PLACE,
                Column("sku", "text", "item, if the signal is about one"),
            ),
            key=("date", "name", "location", "sku"),
        ),
    )
}
