"""Fine-tuning of the pretrained model: zero-shot against 60 seconds of learning, on held-out windows.

    OMP_NUM_THREADS=1 python benchmarks/fine_tuning.py DATA_FOLDER [TASK ...] [--way full] [--seconds 60]

The network learns once, before the first held-out window, and then follows the history. Whether what it learned is
taken is decided by its own gate on windows before the held-out ones; nothing here is chosen on those.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from record import about, note_option, read, write
from sets import TASKS
from skucast.evaluate.backtest import Backtest, run_windows
from skucast.evaluate.metrics import METRICS, Cells
from skucast.forecast import SHOWN
from skucast.models.gain import Gain
from skucast.models.pretrained.model import FittedPretrained, Pretrained
from skucast.models.spec import Progress
from skucast.panel import Panel

SEED = 0
SETS = (
    "hierarchical_daily", "hierarchical_weekly", "m5_daily", "m5_weekly", "walmart", "uci_daily", "uci_weekly",
    "orange_juice",
)  # fmt: skip
ZERO, TUNED = "zero-shot", "fine-tuned"


@dataclass(frozen=True)
class Told(Pretrained):
    """`Pretrained` that keeps what it noted at its last fit."""

    notes: ClassVar[list[str]] = []

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> FittedPretrained:
        fitted = super()._fit(panel, horizon, seed, progress)
        self.notes[:] = fitted.notes
        return fitted


def measure(folder: Path, name: str, way: str, seconds: float, recalibrate: str) -> dict[str, Any]:
    """Both on the held-out windows of a set."""
    task = TASKS[name]
    panel = task.build(folder)
    specs = {ZERO: Pretrained(), TUNED: Told(fine_tune=way, seconds=seconds, recalibrate=recalibrate)}  # type: ignore[arg-type]
    test = run_windows(panel, task.horizon, task.windows, specs, refit=False, seed=SEED)
    scores = {row["model"]: row for row in test.scores().iter_rows(named=True)}
    gain = Gain.of(losses(test, len(panel), ZERO) - losses(test, len(panel), TUNED))
    accepted = any("was accepted" in note for note in Told.notes)
    out: dict[str, Any] = {
        "panel": repr(panel), "horizon": task.horizon, "windows": task.windows, "accepted": accepted,
        "notes": list(Told.notes), "wql_saved": round(gain.mean, 5), "standard_error": round(gain.error, 5),
        "change": round(-gain.mean / scores[ZERO]["wql"], 5),
    }  # fmt: skip
    for label in specs:
        row = scores[label]
        out[label] = {k: round(row[k], 5) for k in ("wql", "mase", "coverage_80", "relative_bias")}
        out[label]["seconds"] = round(test.seconds[label], 1)
    print(name, f"{out['change']:+.2%}", *Told.notes, flush=True)
    return out


def losses(test: Backtest, series: int, label: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """``(K, S)`` of a model; those of a window add up to its WQL."""
    out = np.zeros((len(test.windows), series))
    for k, window in enumerate(test.windows):
        said = test.outcomes[label, k]
        cells = Cells(window.actual, said.mean, said.quantiles, test.levels, window.scale)
        each = METRICS["wql"].parts(cells)[0].sum(axis=1, dtype=np.float64) / len(SHOWN)
        out[k, window.rows] = each / np.nansum(np.abs(window.actual), dtype=np.float64)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("tasks", nargs="*", default=SETS)
    parser.add_argument("--way", default="full", choices=("last", "low-rank", "full"))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--recalibrate", default="never", choices=("never", "tested"))
    parser.add_argument("--as", dest="name", default="fine_tuning", help="name of the result")
    note_option(parser)
    given = parser.parse_args()
    content = read(given.name) or {"tasks": {}}
    for name in given.tasks:
        content["tasks"][name] = measure(given.folder, name, given.way, given.seconds, given.recalibrate)
        done = content["tasks"].values()
        content["summary"] = {
            "sets": len(done),
            "accepted": sum(row["accepted"] for row in done),
            "improved": sum(row["wql_saved"] > 0 for row in done),
            "accepted_but_worse": sum(row["accepted"] and row["wql_saved"] < 0 for row in done),
            "wql_ratio_geometric_mean": round(math.exp(np.mean([math.log1p(row["change"]) for row in done])), 4),
        }
        options = {"way": given.way, "budget_seconds": given.seconds, "recalibrate": given.recalibrate}
        content["about"] = about(seed=SEED, **options, note=given.note)
        print(f"Wrote {write(given.name, content)}", flush=True)


if __name__ == "__main__":
    main()
