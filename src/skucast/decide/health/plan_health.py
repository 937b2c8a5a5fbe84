"""Stock health of a purchase plan: the same items, terms and arrivals, with the history's last sales."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...config import Plan
from ...forecast import Forecast
from ..plan_table import PurchasePlan, safe_for_spreadsheets
from .options import HealthOptions
from .result import StockHealth
from .stock_health import stock_health

_OF_PRODUCTS = ("end_date", "shelf_life_days", "return_price", "co2e_kg")


def plan_health(
    forecast: Forecast, made: PurchasePlan, plan: Plan, facts: pl.DataFrame | None = None,
    products: pl.DataFrame | None = None, seed: int = 0,
) -> StockHealth:  # fmt: skip
    """Look at the stock that a purchase plan was made for, as if nothing were ordered.

    Args:
        forecast: that the plan was made from, in units.
        made: the plan.
        plan: ``[plan]`` of the project file.
        facts: ``unique_id`` and further columns of ``ITEM_COLUMNS``, such as ``last_sale`` and ``error``.
        products: table ``products``, for what keeps how long, is sold until when, can be returned, and burdens the climate.
        seed: of the paths.
    """
    items = made.table
    if facts is not None:
        items = items.join(facts, on="unique_id", how="left", maintain_order="left")
    if products is not None:
        own = products.select("sku", *(c for c in _OF_PRODUCTS if c in products.columns)).unique("sku", keep="first")
        items = items.join(own, on="sku", how="left", maintain_order="left")
    options = HealthOptions(
        holding_rate=plan.holding_rate, backorders=plan.unmet == "wait", whole_units=plan.whole_units,
        exit_days=plan.patience_days,
    )  # fmt: skip
    return stock_health(forecast, items, open_orders=made.arriving, options=options, currency=made.currency, seed=seed)


def write_stock(health: StockHealth, folder: Path) -> None:
    """``stock_health.parquet`` (a row per item), ``stock_exits.csv`` (for spreadsheets) and ``stock_risk.parquet`` (by date)."""
    health.items.write_parquet(folder / "stock_health.parquet")
    exits = safe_for_spreadsheets(health.exits).with_columns(pl.col(pl.Float64).round(4))
    exits.write_csv(folder / "stock_exits.csv", include_bom=True)
    health.risk().write_parquet(folder / "stock_risk.parquet")
