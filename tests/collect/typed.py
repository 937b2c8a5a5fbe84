"""Tables as they are after reading, typed by hand, and the bundled orders."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import skucast as sc
from skucast.collect.repairs import Repairs
from skucast.collect.shop import Shop
from skucast.collect.tables import POLARS_TYPE, SCHEMAS
from skucast.config import Config, make_config

TODAY = dt.date(2030, 1, 1)


def table(name: str, rows: list[dict[str, Any]], **further: pl.DataType) -> pl.DataFrame:
    """Rows of a table with the columns that occur in them; dates may be ISO texts."""
    kinds = {n: POLARS_TYPE[k] for n, k in SCHEMAS[name].kinds.items()} | further
    used = [n for n in kinds if any(n in row for row in rows)]
    columns = {}
    for column in used:
        kind = kinds[column]
        values = [row.get(column) for row in rows]
        if kind == pl.Date():
            values = [dt.date.fromisoformat(v) if isinstance(v, str) else v for v in values]
        elif kind == pl.Datetime("us"):
            values = [dt.datetime.fromisoformat(v) if isinstance(v, str) else v for v in values]
        columns[column] = pl.Series(column, values, dtype=kind)
    return pl.DataFrame(columns)


def orders(*rows: tuple[Any, ...], columns: str = "sku quantity ordered_at price") -> pl.DataFrame:
    """Order lines from tuples."""
    return table("orders", [dict(zip(columns.split(), row, strict=False)) for row in rows])


def every_day(sku: str, first: str, units: list[float], **same: Any) -> list[dict[str, Any]]:
    """One order line per day from a date on, for the days with units."""
    start = dt.date.fromisoformat(first)
    return [
        {"sku": sku, "quantity": float(u), "ordered_at": (start + dt.timedelta(days=i)).isoformat(), **same}
        for i, u in enumerate(units)
        if u
    ]


def config(**sections: Any) -> Config:
    """A project with some sections."""
    return make_config(sections)


def shop(tables: dict[str, pl.DataFrame], today: dt.date = TODAY, **sections: Any) -> Shop:
    """A shop made of typed tables."""
    return Shop.of(tables, config(**sections), today=today)


def rule(repairs: Repairs, name: str) -> dict[str, Any]:
    """The one row of a rule."""
    found = [row for row in repairs.rows if row["rule"] == name]
    assert len(found) == 1, f"{name}: {[row['rule'] for row in repairs.rows]}"
    return found[0]


def rules(repairs: Repairs) -> set[str]:
    """Names of the rules that did something."""
    return {str(row["rule"]) for row in repairs.rows}


@cache
def bundled() -> pl.DataFrame:
    """The 1,044,847 order lines that travel with the package."""
    return pl.read_parquet(Path(sc.__file__).parent / "data" / "online_retail.parquet")


@cache
def bundled_shop() -> Shop:
    """The shop of the bundled orders."""
    return Shop.of({"orders": bundled()}, today=TODAY)


def series(panel: sc.Panel, name: str) -> np.ndarray:
    """Values of one series."""
    return panel.series(panel.ids.to_list().index(name))


def column(panel: sc.Panel, flat: Any, name: str) -> list[float]:
    """A flat column's cells of one series."""
    i = panel.ids.to_list().index(name)
    return [float(v) for v in flat[panel.indptr[i] : panel.indptr[i + 1]]]


def lines(*rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Order lines, item after item."""
    return table("orders", [line for part in rows for line in part])


def counts(*rows: tuple[Any, ...], columns: str = "sku date on_hand") -> pl.DataFrame:
    """Counts of stock from tuples."""
    return table("stock", [dict(zip(columns.split(), row, strict=False)) for row in rows])


def promoted(*rows: dict[str, Any], **sections: Any) -> Shop:
    """A shop of the items A (category x) and B (y), ten days each, with promotions."""
    days = [
        every_day("A", "2024-01-01", [1.0] * 10, price=10.0), every_day("B", "2024-01-01", [1.0] * 10, price=20.0)
    ]  # fmt: skip
    products = table("products", [{"sku": "A", "category": "x", "price": 10.0}, {"sku": "B", "category": "y"}])
    return shop(
        {"orders": lines(*days), "products": products, "promotions": table("promotions", list(rows))}, **sections
    )


def signals(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Signals from tuples."""
    names = ("date", "name", "value", "known", "location", "sku")
    return table("signals", [dict(zip(names, row, strict=False)) for row in rows])
