"""The pretrained model without any fitting, beside models that were fitted, on windows at the end of public sets.

    OMP_NUM_THREADS=1 python benchmarks/zero_shot.py DATA_FOLDER --seeds FOLDER FOLDER FOLDER

FOLDER holds weights of one more training each (`pretrain.py --export`), the same recipe with another seed. Protocol,
sets and yardstick are the league's, all series; the interval behind a figure is a bootstrap over series (95 %).
fracast takes part where it is installed, on a sample: it forecasts some twenty series a second, and it was trained on
sets of this kind. Each (set, model) is written as soon as it is done, so the benchmark can be stopped and goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))
from peers import PEERS
from record import about, read, write
from sets import TASKS, Task
from skucast.evaluate.backtest import backtest_panel
from skucast.models import registry
from skucast.models.pretrained.shipped import FOLDER, manifest
from skucast.panel import Panel
from yardstick import LEVELS, answers, losses

SETS = (
    "hierarchical_daily", "hierarchical_weekly", "m5_daily", "m5_weekly", "walmart", "uci_daily", "uci_weekly",
    "orange_juice",
)  # fmt: skip
BESIDE = ("seasonal-naive", "ets", "theta", "croston", "lightgbm")
METRICS = ("wql", "mase", "relative_bias", "coverage_80")
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """Losses and demand of each series in each window, of which WQL is made.

    Attributes:
        loss: window -> ``(S,)``
        demand: window -> ``(S,)``
    """

    loss: list[F64]
    demand: list[F64]

    def wql(self, drawn: npt.NDArray[np.int64] | None = None) -> float:
        """WQL, averaged over windows; of series that were drawn, if any are given."""
        pick = slice(None) if drawn is None else drawn
        return float(np.mean([a[pick].sum() / b[pick].sum() for a, b in zip(self.loss, self.demand, strict=True)]))


def sums(panel: Panel, windows: Iterable[tuple[npt.NDArray[np.int64], F64, F64]]) -> Sums:
    """From ``(rows, actual, quantiles)`` of each window."""
    loss, demand = [], []
    for rows, actual, quantiles in windows:
        parts = np.zeros((2, len(panel)))
        parts[:, rows] = losses(actual, quantiles)
        loss.append(parts[0])
        demand.append(parts[1])
    return Sums(loss, demand)


def measure(panel: Panel, task: Task, label: str, spec: Any, base: Sums, seed: int) -> dict[str, Any]:
    """Scores of one model on one set, and WQL relative to the yardstick with its interval."""
    begin = time.perf_counter()
    result = backtest_panel(panel, task.horizon, task.windows, {label: spec}, seed=seed, refit=False)
    seconds = time.perf_counter() - begin
    row = result.scores().filter(pl.col("model") == label).row(0, named=True)
    at = [int(np.flatnonzero(np.isclose(result.levels, q))[0]) for q in LEVELS]
    windows = [
        (w.rows, w.actual.astype(np.float64), result.outcomes[label, k].quantiles[:, :, at].astype(np.float64))
        for k, w in enumerate(result.windows)
    ]
    mine = sums(panel, windows)
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(0, len(panel), len(panel)) for _ in range(400))
    ratios = [mine.wql(rows) / base.wql(rows) for rows in drawn]
    low, high = np.quantile(ratios, [0.025, 0.975])
    seen = [~np.isnan(actual) for _, actual, _ in windows]
    above = [(actual > said[:, :, -1])[ok] for (_, actual, said), ok in zip(windows, seen, strict=True)]
    return {
        **{m: None if row[m] is None else round(row[m], 5) for m in METRICS},
        "relative": round(mine.wql() / base.wql(), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "above_90": round(float(np.concatenate(above).mean()), 4),
        "seconds": round(seconds, 1),
        "notes": list(result.notes),
    }


def entrants(options: argparse.Namespace) -> dict[str, tuple[Any, bool]]:
    """Label -> model, and whether covariates are taken away from it."""
    found: dict[str, tuple[Any, bool]] = {"pretrained": (registry.make("pretrained"), False)}
    found["pretrained without covariates"] = (registry.make("pretrained"), True)
    for how, label in {"always": "recalibrated", "tested": "recalibrated if tested"}.items():
        found[f"pretrained {label}"] = (registry.make({"model": "pretrained", "recalibrate": how}), False)
    found["conformal around pretrained"] = (registry.make({"model": "conformal", "base": "pretrained"}), False)
    for folder in options.seeds:
        for file in sorted(folder.glob("*.safetensors")):
            seed = manifest(str(file))["recipe"]["seed"]
            found[f"pretrained, seed {seed}"] = (registry.make({"model": "pretrained", "weights": str(file)}), False)
    return found | {name: (registry.make(name), False) for name in BESIDE}


def evaluate(content: dict[str, Any]) -> None:
    """Figures of the shipped weights into their manifest."""
    about_weights = manifest("small")
    assert content["weights"]["sha256"] == about_weights["sha256"], "other weights were measured"
    rows = {name: one["models"]["pretrained"] for name, one in content["sets"].items()}
    about_weights["evaluation"] = {
        "what": "WQL relative to fev-bench's seasonal naive, MASE, 80 % coverage; benchmarks/zero_shot.py",
        "made": content["about"]["made"],
        **{name: {k: row[k] for k in ("relative", "interval", "mase", "coverage_80")} for name, row in rows.items()},
    }
    (FOLDER / "small.json").write_text(json.dumps(about_weights, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("--sets", nargs="+", choices=list(TASKS), default=list(SETS))
    parser.add_argument("--seeds", type=Path, nargs="*", default=[], help="folders of weights of other seeds")
    parser.add_argument("--sample", type=int, default=200, help="series per set that fracast forecasts")
    parser.add_argument("--only", nargs="*", default=[], help="labels to measure, others not")
    parser.add_argument("--again", nargs="*", default=[], help="labels to measure anew")
    parser.add_argument(
        "--manifest", action="store_true", help="write what was measured into the manifest of the weights"
    )
    options = parser.parse_args()
    content = read("zero_shot")
    if options.manifest:
        evaluate(content)
        return
    content.setdefault("sets", {})
    shipped = manifest("small")
    content["weights"] = {k: shipped.get(k) for k in ("sha256", "parameters", "steps", "core_hours", "began_with")}
    for key in options.sets:
        task = TASKS[key]
        whole = task.build(options.data)
        one = content["sets"].setdefault(key, {"panel": repr(whole), "horizon": task.horizon, "models": {}})
        few = whole.take(np.sort(np.random.default_rng(0).choice(len(whole), min(options.sample, len(whole)), False)))
        todo = [(label, spec, replace(whole, known={}, past={}) if bare else whole) for label, (spec, bare) in entrants(options).items()]  # fmt: skip
        peer = "fracast (has seen the sets)"
        if peer in PEERS:
            todo += [(peer, PEERS[peer](task.season), few), (f"pretrained on fracast's {len(few)}", registry.make("pretrained"), few)]  # fmt: skip
        bases: dict[int, Sums] = {}
        for label, spec, panel in todo:
            if (label in one["models"] and label not in options.again) or label not in (options.only or [label]):
                continue
            base = bases.setdefault(len(panel), sums(panel, answers(panel, task)))
            one["models"][label] = found = measure(panel, task, label, spec, base, 0)
            content["about"] = about(seed=0, sample=options.sample)
            write("zero_shot", content)
            print(
                f"{key:<20} {label:<32} {found['relative']:.4f} {found['interval']} WQL {found['wql']:.4f} "
                f"80 %: {found['coverage_80']:.3f}  {found['seconds']:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
