"""Does `auto` beat seasonal naive on windows that it did not choose on?

Four real panels; the last windows of each are held out. `auto` chooses and weighs its members on earlier windows
only (inside each training panel), then it, every member and the seasonal naive are scored on the held-out windows.

    python benchmarks/first_windows.py DATA_FOLDER [--series 1000] [--sets uci_weekly m5_daily] [--preset fast]

Sets may be run one at a time: each replaces its own part of the results file.

DATA_FOLDER holds `online_retail/online_retail_ii.parquet`, `hierarchical_sales/hierarchical_sales.csv` and
`m5/daily_item_store.parquet`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from skucast.evaluate.backtest import backtest_panel
from skucast.evaluate.candidates import YARDSTICK
from skucast.frequency import Frequency
from skucast.panel import Panel
from skucast.portfolio.auto import Auto

METRICS = ("wql", "skill", "mase", "rmsse", "wape", "relative_bias", "coverage_50", "coverage_80", "coverage_95")
VERSIONS = ("skucast", "numpy", "polars", "scipy", "lightgbm", "torch")


def aligned(ids: list[str], stamps: np.ndarray, values: np.ndarray, freq: str, known: dict[str, np.ndarray]) -> Panel:
    """Panel from a matrix ``(S, T)``; each series begins at its first number."""
    grid = Frequency.parse(freq, stamps)
    steps = values.shape[1]
    first = np.argmax(~np.isnan(values), axis=1)
    inside = np.arange(steps) >= first[:, None]
    return Panel(
        freq=grid,
        end=int(grid.ordinal(stamps[-1:])[0]),
        values=values[inside].astype(np.float32),
        indptr=np.concatenate([[0], np.cumsum(steps - first)]).astype(np.int64),
        static=pl.DataFrame({"unique_id": ids}),
        known={name: column[inside].astype(np.float32) for name, column in known.items()},
    )


def uci(folder: Path, every: str) -> Panel:
    """Units sold per product and week or day; a day without any sale of the shop is closed, not zero."""
    lines = pl.scan_parquet(folder / "online_retail/online_retail_ii.parquet").filter(
        pl.col("Quantity") > 0, pl.col("UnitPrice") > 0, pl.col("StockCode").str.contains(r"^\d{5}")
    )
    day = pl.col("InvoiceDate").dt.date()
    stamp = day.dt.truncate("1w").dt.offset_by("6d") if every == "W-SUN" else day
    sold = lines.group_by(pl.col("StockCode").str.to_uppercase().alias("id"), stamp.alias("ds")).agg(
        pl.col("Quantity").sum().cast(pl.Float64).alias("y")
    )
    table = sold.collect()
    last = table["ds"].max()  # the last period is not complete
    table = table.filter(pl.col("ds") < last)
    axis = pl.select(
        pl.date_range(table["ds"].min(), table["ds"].max(), "1w" if every == "W-SUN" else "1d")
    ).to_series()
    wide = table.pivot(on="ds", index="id", values="y").sort("id")
    open_days = [str(d) in set(wide.columns) for d in axis]
    values = np.full((wide.height, len(axis)), np.nan)
    values[:, open_days] = wide.select(
        [str(d) for d, is_open in zip(axis, open_days, strict=True) if is_open]
    ).to_numpy()
    sold_once = np.cumsum(np.nan_to_num(values), axis=1) > 0
    values = np.where(np.isnan(values) & sold_once & np.asarray(open_days), 0.0, values)
    return aligned(wide["id"].to_list(), axis.to_numpy().astype("datetime64[us]"), values, every, {})


def hierarchical(folder: Path) -> Panel:
    """Pasta per item and trading day, promotions known ahead; closed days are missing."""
    table = pl.read_csv(folder / "hierarchical_sales/hierarchical_sales.csv", try_parse_dates=True).sort("DATE")
    axis = pl.select(pl.date_range(table["DATE"].min(), table["DATE"].max(), "1d").alias("DATE"))
    table = axis.join(table, on="DATE", how="left", maintain_order="left")
    items = [c.removeprefix("QTY_") for c in table.columns if c.startswith("QTY_")]
    values = table.select(f"QTY_{i}" for i in items).cast(pl.Float64).to_numpy().T
    promotion = np.nan_to_num(table.select(f"PROMO_{i}" for i in items).cast(pl.Float64).to_numpy().T)
    return aligned(items, table["DATE"].to_numpy().astype("datetime64[us]"), values, "D", {"promotion": promotion})


def m5(folder: Path) -> Panel:
    """Units per item, store and day of the M5 competition; a series begins with its first sale."""
    wide = pl.read_parquet(folder / "m5/daily_item_store.parquet")
    days = wide.columns[1:]
    values = wide.select(pl.col(days).cast(pl.Float64)).to_numpy()
    values = np.where(values < 0, np.nan, values)
    return aligned(wide["id"].to_list(), np.array(days, dtype="datetime64[us]"), values, "D", {})


@dataclass(frozen=True)
class Task:
    """A panel and how it is tested."""

    panel: Callable[[Path], Panel]
    horizon: int
    windows: int


TASKS = {
    "uci_weekly": Task(lambda folder: uci(folder, "W-SUN"), 8, 2),
    "uci_daily": Task(lambda folder: uci(folder, "D"), 28, 2),
    "hierarchical_daily": Task(hierarchical, 28, 3),
    "m5_daily": Task(m5, 28, 2),
}


def run(name: str, folder: Path, series: int, preset: str, seed: int) -> dict[str, Any]:
    """Scores of one task, overall and per demand class."""
    task = TASKS[name]
    panel = task.panel(folder)
    if 0 < series < len(panel):
        panel = panel.take(np.sort(np.random.default_rng(seed).choice(len(panel), series, replace=False)))
    auto = Auto(preset=preset)
    begin = time.perf_counter()
    models = {"auto": auto, **auto.candidates()}
    result = backtest_panel(panel, task.horizon, task.windows, models, seed=seed)
    overall, per_class, per_window = result.scores(), result.scores("class"), result.scores("window")
    return {
        "panel": repr(panel),
        "series": len(panel),
        "horizon": task.horizon,
        "held_out_windows": [str(result.cutoff_stamp(k))[:10] for k in range(task.windows)],
        "seconds": round(time.perf_counter() - begin, 1),
        "seconds_per_model": {m: round(s, 1) for m, s in result.seconds.items()},
        "failures": {f"{m}, window {w + 1}": why for (m, w), why in result.failures.items()},
        "notes": list(result.notes),
        "auto_beats_seasonal_naive": bool(overall.filter(pl.col("model") == "auto")["skill"][0] > 0),
        "skill_of_auto_by_window": {
            str(r["cutoff"])[:10]: round(r["skill"], 4)
            for r in per_window.filter(pl.col("model") == "auto").iter_rows(named=True)
        },
        "models": [{"model": r["model"], **rounded(r)} for r in overall.sort("wql").iter_rows(named=True)],
        "per_class": [
            {"class": r["class"], "model": r["model"], "cells": r["cells"], **rounded(r)}
            for r in per_class.sort("class", "wql").iter_rows(named=True)
        ],
    }


def rounded(row: dict[str, Any]) -> dict[str, float | None]:
    return {m: None if row[m] is None else round(row[m], 4) for m in METRICS}


def machine() -> str:
    """Processor, cores, system and Python."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor()
    return f"{processor}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def versions() -> dict[str, str]:
    found = {}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("--series", type=int, default=0, help="at most so many series per panel; 0 takes all")
    parser.add_argument("--sets", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--preset", choices=["fast", "balanced", "best"], default="balanced")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "first_windows.json")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    results = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.sets:
        made = {"about": about(options), **run(name, options.data, options.series, options.preset, options.seed)}
        made["about"]["peak_memory_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
        results[name] = made
        options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        print(f"\n{name}: {made['panel']} ({made['seconds']} s)", flush=True)
        for row in made["models"]:
            mark = "  <- yardstick" if row["model"] == YARDSTICK else ""
            print(
                f"  {row['model']:<16} WQL {row['wql']:.4f}  skill {row['skill']:+.3f}  MASE {row['mase']:.3f}  "
                f"WAPE {row['wape']:.3f}  coverage of 80 %: {row['coverage_80']:.3f}{mark}",
                flush=True,
            )
    print(f"\nWritten to {options.out}")


def about(options: argparse.Namespace) -> dict[str, Any]:
    """Under which circumstances a set was run."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": options.seed,
        "preset": options.preset,
        "series_limit": options.series,
        "machine": machine(),
        "threads": os.environ.get("OMP_NUM_THREADS", "not set"),
        "versions": versions(),
    }


if __name__ == "__main__":
    main()
