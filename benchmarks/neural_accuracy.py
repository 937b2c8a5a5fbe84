"""All networks on the league's sets, held-out windows, three seeds, beside seasonal naive, ets, lightgbm and the
pretrained model.

    OMP_NUM_THREADS=1 python benchmarks/neural_accuracy.py DATA_FOLDER

Protocol and metrics are the league's. Of M5 and UCI a sample of series is taken (the same for all models), and
networks are fitted once, before the first held-out window, and then updated, as the others are. Each (set, model, seed)
is written as soon as it is done, so the benchmark can be stopped and goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))
from record import about, read, write
from sets import TASKS, Task
from skucast.evaluate.backtest import backtest_panel
from skucast.models import registry
from skucast.panel import Panel
from yardstick import yardstick

SETS = ("hierarchical_daily", "hierarchical_weekly", "uci_weekly", "m5_weekly", "walmart", "m5_daily")
BESIDE = ("seasonal-naive", "ets", "lightgbm", "pretrained")
NETWORKS = tuple(n for n in registry.names() if registry.spec_class(n).capabilities.extra == "neural")
WHOLE = ("walmart",)  # its departments are few enough to take all
METRICS = ("wql", "mase", "relative_bias", "coverage_80")


def measure(panel: Panel, task: Task, name: str, seed: int) -> dict[str, Any]:
    """Scores of one model with one seed."""
    begin = time.perf_counter()
    result = backtest_panel(panel, task.horizon, task.windows, [name], refit=False, seed=seed)
    row = result.scores().filter(pl.col("model") == name).row(0, named=True)
    return {**{m: round(row[m], 5) for m in METRICS}, "seconds": round(time.perf_counter() - begin, 1)}


PUBLISHED = {
    "hierarchical_daily": "hierarchical_sales_1D", "hierarchical_weekly": "hierarchical_sales_1W", "m5_daily": "m5_1D",
    "m5_weekly": "m5_1W", "walmart": "walmart",
}  # fmt: skip


def published(file: Path) -> dict[str, dict[str, float]]:
    """WQL of networks in fev-bench's published table, relative to its seasonal naive, on its own windows."""
    table = {row["file"]: row for row in pl.read_csv(file).iter_rows(named=True)}
    return {
        name: {
            key: round(table[name][column] / table["seasonal_naive"][column], 4) for key, column in PUBLISHED.items()
        }
        for name in ("deepar", "tft", "patchtst")
    }


def sample(key: str, folder: Path, most: int) -> Panel:
    """A set, or a random choice of its series."""
    panel = TASKS[key].build(folder)
    if key in WHOLE or not 0 < most < len(panel):
        return panel
    return panel.take(np.sort(np.random.default_rng(0).choice(len(panel), most, replace=False)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(TASKS))
    parser.add_argument("--models", nargs="+", default=[*BESIDE, *NETWORKS])
    parser.add_argument("--series", type=int, default=1000, help="most series of a set (but Walmart); 0 takes all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--published", type=Path, help="fev-bench's table of WQL, for its networks")
    options = parser.parse_args()
    content = read("neural_accuracy")
    if options.published:
        content["published"] = published(options.published)
        write("neural_accuracy", content)
    for seed in options.seeds:
        for key in options.sets:
            task, panel = TASKS[key], sample(key, options.data, options.series)
            one = content.setdefault("sets", {}).setdefault(key, {"models": {}})
            one |= {"panel": repr(panel), "horizon": task.horizon, "yardstick": round(yardstick(panel, task), 5)}
            for name in options.models:
                seeds = one["models"].setdefault(name, {})
                once = seeds and not registry.spec_class(name).capabilities.stochastic
                if once or str(seed) in seeds:
                    continue
                seeds[str(seed)] = found = measure(panel, task, name, seed)
                content["about"] = about(series=options.series, seeds=options.seeds)
                write("neural_accuracy", content)
                print(f"{key:<20} {name:<15} seed {seed}  WQL {found['wql']:.4f}  {found['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
