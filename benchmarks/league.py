"""The league: every model on every public set, on windows that nobody chose anything on.

The protocol is fev-bench's: WQL over the levels .1 to .9, pooled over series within a window, windows averaged; closed
days are missing; figures are relative to fev-bench's seasonal naive (see yardstick.py; 7 days, or the last week), and
skucast's own `seasonal-naive`, which is harder to beat, stands among the models.
Each (set, model) is written as soon as it is done, so the league can be stopped and goes on where it was.

    python benchmarks/league.py DATA_FOLDER                      # the held-out windows at the end of the files
    python benchmarks/league.py DATA_FOLDER --earlier            # the windows before them, for choosing
    python benchmarks/league.py DATA_FOLDER --series 300 --peers # beside peers, on a sample of series

Peers (statsforecast, mlforecast, fracast) take part where they are installed: pip install -r benchmarks/requirements.txt
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from peers import PEERS
from record import about, note_option, read, write
from sets import TASKS, Task
from skucast.evaluate.backtest import backtest_panel
from skucast.models import registry
from skucast.models.spec import Progress, Spec
from skucast.panel import Panel
from skucast.portfolio.auto import Auto
from yardstick import yardstick

SETS = ("hierarchical_daily", "hierarchical_weekly", "m5_daily", "m5_weekly", "walmart", "uci_weekly")
METRICS = ("wql", "mase", "wape", "relative_bias", "coverage_50", "coverage_80", "coverage_95")


def models(task: Task, names: list[str], peers: bool) -> dict[str, Any]:
    """Label -> spec of all that take part."""
    found: dict[str, Any] = {}
    for name in names:
        label, _, preset = name.partition(":")
        if label == "auto":
            preset, _, missing = preset.partition(" without ")
            made = Without(preset=preset, missing=missing) if missing else Auto(preset=preset or "balanced")  # type: ignore[arg-type]
            found[name] = shared = Shared(made)
            found[f"{name} uncalibrated"] = Uncalibrated(shared)
        elif label == "conformal":
            found[name] = registry.make({"model": "conformal", "base": preset})
        else:
            found[name] = registry.make(label)
    if peers:
        found |= {label: make(task.season) for label, make in PEERS.items()}
    return found


@dataclass(frozen=True)
class Without(Auto):
    """`Auto` without one of its members, alone or around another: what is that member worth?"""

    missing: str = ""

    def candidates(self, panel: Panel | None = None) -> dict[str, Spec]:
        """See `Auto.candidates`."""
        found = super().candidates(panel)
        return {label: spec for label, spec in found.items() if self.missing not in str(spec.to_dict())}


@dataclass(frozen=True)
class Shared(Spec):
    """A model whose fits are kept, so that another can use them."""

    name: ClassVar[str] = "shared"
    base: Spec
    kept: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "capabilities", self.base.capabilities)

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Any:
        self.kept[panel.end] = self.base.fit(panel, horizon=horizon, seed=seed, progress=progress)
        return self.kept[panel.end]


@dataclass(frozen=True)
class Uncalibrated(Spec):
    """The same combination before its intervals are calibrated."""

    name: ClassVar[str] = "uncalibrated"
    shared: Shared

    def __post_init__(self) -> None:
        object.__setattr__(self, "capabilities", self.shared.capabilities)

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Any:
        fitted = self.shared.kept.pop(panel.end)
        return replace(fitted, choice=replace(fitted.choice, calibration=None))


def measure(panel: Panel, task: Task, label: str, spec: Any, seed: int) -> dict[str, Any]:
    """Scores of one model on one set."""
    begin = time.perf_counter()
    result = backtest_panel(panel, task.horizon, task.windows, {label: spec}, seed=seed)
    row = result.scores().filter(pl.col("model") == label).row(0, named=True)
    classes = result.scores("class").filter(pl.col("model") == label)
    steps = result.scores("step").filter(pl.col("model") == label)
    covered = [m for m in METRICS if m.startswith("coverage")]
    return {
        **{m: round(row[m], 5) if row[m] is not None else None for m in METRICS},
        "seconds": round(time.perf_counter() - begin, 1),
        "windows": [str(result.cutoff_stamp(k))[:10] for k in range(task.windows)],
        "classes": {r["class"]: round(r["wql"], 5) for r in classes.iter_rows(named=True) if r["wql"] is not None},
        "coverage": {r["class"]: [r[m] and round(r[m], 4) for m in covered] for r in classes.iter_rows(named=True)},
        "by_step": [[r[m] and round(r[m], 4) for m in covered] for r in steps.iter_rows(named=True)],
        "notes": list(result.notes),
    }


def table(sets: dict[str, Any]) -> pl.DataFrame:
    """Relative WQL per model and set, and the geometric mean over the sets that all models have."""
    rows = []
    labels = list(dict.fromkeys(label for one in sets.values() for label in one["models"]))
    for label in labels:
        row: dict[str, Any] = {"model": label}
        for name, one in sets.items():
            mine = one["models"].get(label, {})
            row[name] = mine["wql"] / one["yardstick"] if "wql" in mine else None
        known = [v for v in row.values() if isinstance(v, float)]
        row["geometric_mean"] = float(np.exp(np.mean(np.log(known)))) if len(known) == len(sets) else None
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None).sort("geometric_mean", nulls_last=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("--sets", nargs="+", choices=list(TASKS), default=list(SETS))
    parser.add_argument(
        "--models", nargs="+", default=["auto:balanced", "auto:balanced without pretrained", *(n for n in registry.names() if n != "auto")],
        help="names; auto:fast, auto:best, 'auto:balanced without pretrained', conformal:ets and so on",
    )  # fmt: skip
    parser.add_argument("--series", type=int, default=0, help="a sample of so many series per set; 0 takes all")
    parser.add_argument("--earlier", action="store_true", help="the windows before the held-out ones")
    parser.add_argument("--peers", action="store_true", help="other packages too")
    parser.add_argument("--again", action="store_true", help="measure anew what is there already")
    parser.add_argument("--seed", type=int, default=0)
    note_option(parser)
    options = parser.parse_args()
    name = "league" + ("_earlier" if options.earlier else "") + (f"_{options.series}" if options.series else "")
    content = {} if options.again else read(name)
    content.setdefault("sets", {})
    for key in options.sets:
        task = TASKS[key]
        panel = task.build(options.data)
        if options.earlier:
            panel = panel.until(panel.end - task.horizon * task.windows)
        if 0 < options.series < len(panel):
            panel = panel.take(
                np.sort(np.random.default_rng(options.seed).choice(len(panel), options.series, replace=False))
            )
        one = content["sets"].setdefault(key, {"panel": repr(panel), "horizon": task.horizon, "models": {}})
        one["yardstick"] = round(yardstick(panel, task), 5)
        for label, spec in models(task, options.models, options.peers).items():
            if label in one["models"]:
                continue
            try:
                found = measure(panel, task, label, spec, options.seed)
            except Exception as error:
                found = {"failed": f"{type(error).__name__}: {error}"}
            one["models"][label] = found
            content["about"] = about(
                seed=options.seed, series=options.series, earlier=options.earlier, note=options.note
            )
            write(name, content)
            said = (
                found.get("failed")
                or f"WQL {found['wql']:.4f}  MASE {found['mase']:.3f}  80 %: {found['coverage_80']:.3f}"
            )
            print(f"{key:<20} {label:<18} {said}  {found.get('seconds', 0):.1f} s", flush=True)
    content["relative_wql"] = table({k: content["sets"][k] for k in options.sets}).to_dicts()
    write(name, content)
    with pl.Config(tbl_rows=60, tbl_cols=20, float_precision=3):
        print(table({k: content["sets"][k] for k in options.sets}))


if __name__ == "__main__":
    main()
