"""Tuning within a stated budget: one set, one model, before and after on later windows; killed and resumed.

    OMP_NUM_THREADS=1 python benchmarks/tuning.py DATA_FOLDER [--task uci_weekly] [--model lightgbm] [--budget 300]

The search sees nothing of the held-out windows: it runs on the panel as it was before them. What it chose and what was
there before are then fitted to the whole panel before each held-out window. A shorter search of a quick model is run
once straight and once killed (SIGKILL, at a random moment of its third trial) and resumed; both must end alike.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from record import about, note_option, read, write
from sets import TASKS
from skucast.evaluate.backtest import backtest_panel
from skucast.panel import Panel
from skucast.portfolio.tune import tune_panel
from skucast.portfolio.tuned import Tuned, brief

SEED = 0
QUICK, QUICK_TRIALS, QUICK_WINDOWS, QUICK_SERIES = "negbin", 10, 2, 400


def held_out(panel: Panel, horizon: int, windows: int) -> Panel:
    """The panel as it was before the held-out windows."""
    return panel.until(panel.end - horizon * windows)


def measure(folder: Path, name: str, model: str, budget: float) -> dict[str, Any]:
    """Tune on what came before the held-out windows and score both settings on them."""
    task = TASKS[name]
    panel = task.build(folder)
    before = held_out(panel, task.horizon, task.windows)
    begun = time.perf_counter()
    tuned = tune_panel(before, task.horizon, model, budget=budget, seed=SEED)
    wall = time.perf_counter() - begun
    print(tuned.sentence(), flush=True)
    settings = {"before": tuned.start, **({"after": tuned.spec} if tuned.improved else {})}
    test = backtest_panel(panel, task.horizon, task.windows, settings, seed=SEED)
    scores = {row["model"]: row for row in test.scores().iter_rows(named=True)}
    by_window = {
        label: [round(r["wql"], 5) for r in test.scores(("model", "window")).iter_rows(named=True) if r["model"] == label]
        for label in settings
    }  # fmt: skip
    later = {
        label: {
            **{k: round(scores[label][k], 5) for k in ("wql", "mase", "coverage_80")},
            "seconds": round(test.seconds[label], 1),
            "windows": by_window[label],
        }
        for label in scores
        if label in settings
    }
    return {
        "panel": repr(panel), "horizon": task.horizon, "held_out_windows": task.windows, "model": model,
        "budget_seconds": budget, "wall_seconds": round(wall, 1), "search": found(tuned), "later": later,
        "seasonal_naive_later": round(scores["seasonal-naive"]["wql"], 5),
    }  # fmt: skip


def found(tuned: Tuned) -> dict[str, Any]:
    """What a search came to."""
    outcomes = tuned.trials["outcome"]
    return {
        "trials": tuned.trials.height, "tested": int((outcomes == "tested").sum()),
        "stopped_early": int((outcomes == "stopped early").sum()), "seconds": round(tuned.seconds, 1),
        "windows": tuned.windows, "steps": tuned.steps, "wql_before": round(tuned.before, 5),
        "wql_after": round(tuned.after, 5), "standard_error": round(tuned.error, 5), "improved": tuned.improved,
        "spec": brief(tuned.spec), "changed": tuned.changed, "notes": list(tuned.notes),
    }  # fmt: skip


def quick(folder: Path, name: str, storage: Path | None) -> Tuned:
    """The shorter search."""
    task = TASKS[name]
    before = held_out(task.build(folder), task.horizon, task.windows)
    some = before.take(range(0, len(before), max(len(before) // QUICK_SERIES, 1)))
    return tune_panel(
        some, task.horizon, QUICK, budget=0, trials=QUICK_TRIALS, windows=QUICK_WINDOWS, storage=storage, seed=SEED
    )


def killed_and_resumed(folder: Path, name: str) -> dict[str, Any]:
    """Does a search that was killed end like one that was not?"""
    straight = quick(folder, name, None)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "search.jsonl"
        running = subprocess.Popen([sys.executable, __file__, str(folder), "--task", name, "--into", str(file)])
        while running.poll() is None and not (file.exists() and file.read_bytes().count(b'"ended"') >= 2):
            time.sleep(0.05)
        time.sleep(0.3)
        running.kill()
        killed = running.wait() == -signal.SIGKILL
        kept = file.read_bytes().count(b'"ended"')
        resumed = quick(folder, name, file)
    same = straight.trials.drop("seconds").equals(resumed.trials.drop("seconds"))
    return {
        "model": QUICK, "trials": straight.trials.height, "killed": killed, "finished_before_the_kill": kept,
        "all_trials_alike": same, "same_choice": straight.spec == resumed.spec, "choice": brief(resumed.spec),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--task", default="uci_weekly", choices=sorted(TASKS))
    parser.add_argument("--model", default="lightgbm")
    parser.add_argument("--budget", type=float, default=300.0)
    parser.add_argument("--as", dest="name", default="tuning", help="name of the result")
    note_option(parser)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.into:
        quick(given.folder, given.task, given.into)
        return
    content = read(given.name) or {"tasks": {}}
    content["tasks"][f"{given.task} / {given.model}"] = measure(given.folder, given.task, given.model, given.budget)
    if given.name == "tuning":
        content["killed_and_resumed"] = {"task": given.task, **killed_and_resumed(given.folder, given.task)}
    content["about"] = about(seed=SEED, note=given.note)
    print(f"Wrote {write(given.name, content)}")


if __name__ == "__main__":
    main()
