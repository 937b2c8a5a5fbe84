"""Small shops on disk for tests of the whole job."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

CONFIG = """
[project]
name = "Tea & Cups"
currency = "EUR"
country = "DE"

[[source]]
table = "orders"
path = "orders.csv"

[[source]]
table = "products"
path = "products.csv"

[[source]]
table = "stock"
path = "stock.csv"

[forecast]
model = "{model}"
horizon = 14
windows = 2

[plan]
lead_time_days = 5
paths = 100
"""


def write_shop(folder: Path, days: int = 150, items: int = 8, model: str = "auto", seed: int = 3) -> Path:
    """Write orders, products, stock and a project file; returns the path of the latter.

    Every item sells on weekdays with a weekly rhythm; orders have times of day and returns.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    first = dt.date(2025, 1, 6)
    rows = []
    for day in range(days):
        date = first + dt.timedelta(days=day)
        if date.weekday() == 6:
            continue
        for item in range(items):
            for _ in range(rng.poisson(0.3 + 0.25 * item * (1.5 if date.weekday() >= 4 else 1.0))):
                at = dt.datetime.combine(date, dt.time(8 + int(rng.integers(0, 11)), int(rng.integers(0, 60))))
                price = round(3.5 + item * (0.9 if day % 40 < 5 else 1.0), 2)
                rows.append((f"O{len(rows) + 1:06d}", f"SKU-{item}", int(rng.integers(1, 4)), at, price))
    returned = rows[len(rows) // 2]
    rows.append((returned[0], returned[1], -1, returned[3] + dt.timedelta(hours=30), returned[4]))
    pl.DataFrame(rows, schema=["order_id", "sku", "quantity", "ordered_at", "price"], orient="row").write_csv(
        folder / "orders.csv", datetime_format="%Y-%m-%d %H:%M:%S"
    )
    skus = [f"SKU-{item}" for item in range(items)]
    pl.DataFrame(
        {"sku": skus, "name": [f"Cup no. {item}" for item in range(items)], "cost": [2.0 + item / 2 for item in range(items)],
         "pack_size": [6] * items}
    ).write_csv(folder / "products.csv")  # fmt: skip
    pl.DataFrame({"sku": skus, "on_hand": [5 * item for item in range(items)], "on_order": [0] * items}).write_csv(
        folder / "stock.csv"
    )
    config = folder / "skucast.toml"
    config.write_text(CONFIG.format(model=model), encoding="utf-8")
    return config
