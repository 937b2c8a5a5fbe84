"""Delivery records with known truths."""

import datetime as dt

import numpy as np
import polars as pl

START = dt.date(2015, 1, 1)


def records(rows, names=("supplier", "ordered", "days")) -> pl.DataFrame:
    """Records from rows of ``supplier, day of the order, days to receipt (None is open)`` and more columns."""
    table = pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows], infer_schema_length=None)
    ordered = pl.lit(START) + pl.duration(days=pl.col("ordered"))
    days = pl.col("days").cast(pl.Int64)
    table = table.with_columns(ordered_at=ordered, received_at=ordered + pl.duration(days=days))
    if "promised" in names:
        table = table.with_columns(promised_at=ordered + pl.duration(days=pl.col("promised"))).drop("promised")
    return table.drop("ordered", "days")


def shop(suppliers=6, each=60, seed=0, spread=0.3, log_sd=0.25) -> tuple[pl.DataFrame, dict[str, float]]:
    """Lognormal lead times about medians that differ between suppliers, and those medians."""
    rng = np.random.default_rng(seed)
    medians = {f"S{k}": float(20 * np.exp(spread * rng.standard_normal())) for k in range(suppliers)}
    rows = [
        (name, int(rng.integers(0, 700)), round(float(median * np.exp(log_sd * rng.standard_normal()))))
        for name, median in medians.items()
        for _ in range(each)
    ]
    return records(rows), medians
