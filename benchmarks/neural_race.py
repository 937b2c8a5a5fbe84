"""Networks against neuralforecast's: seconds until the peer's best score is reached, and windows per second.

    OMP_NUM_THREADS=1 python benchmarks/neural_race.py DATA_FOLDER --peer /path/to/its/venv/bin/python
    python benchmarks/neural_race.py DATA_FOLDER --speed

neuralforecast lives in an environment of its own (`pip install torch==2.13.0 neuralforecast`), on the same machine, with
the same threads, data, context and horizon. Neither side sees covariates or holidays. The peer trains with its makers'
defaults but for 2 x 64 units and 256 windows a batch; its weights are kept at every mark, and its best is the lowest
weighted quantile loss on the test window at any of them. Our side trains from scratch with ever more steps, each a whole
training with a schedule of its own, until one is at least as good; its seconds are those of that whole fit. Forecasts are
off the clock on both sides. Each (set, pair, seed) is written as soon as it is done.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from neural_accuracy import NETWORKS
from record import about, note_option, read, write
from sets import TASKS
from skucast.forecast import SHOWN
from skucast.models import registry
from skucast.panel import Panel
from skucast.place import Place
from yardstick import wql

HORIZON, CONTEXT, MARK, MOST = 28, 56, 100, 1000
PAIRS = {"lstm": "LSTM", "gru": "GRU", "cnn": "TCN", "mlp": "NHITS"}
STEPS = (25, 50, 100, 200, 400, 800, 1600)
SIZES = {"hidden": 64, "layers": 2}


def plain(panel: Panel) -> Panel:
    """Demand alone."""
    return replace(panel, known={}, past={}, place=Place(""))


def peer(python: str, history: Panel, model: str, threads: int, seed: int) -> dict[str, Any]:
    """The other side: its marks and its forecasts at each."""
    with tempfile.TemporaryDirectory() as place:
        np.savez(f"{place}/series.npz", values=history.observed, indptr=history.indptr)
        given = {
            "data": f"{place}/series.npz", "out": f"{place}/said.npz", "model": model, "levels": SHOWN, "every": MARK,
            "steps": MOST, "horizon": HORIZON, "context": CONTEXT, "threads": threads, "seed": seed,
        }  # fmt: skip
        script = Path(__file__).with_name("neural_peer.py")
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        subprocess.run([python, str(script), json.dumps(given)], check=True, env=environment)
        told: dict[str, Any] = json.loads(Path(f"{place}/said.npz.json").read_text())
        return {**told, "quantiles": np.load(f"{place}/said.npz")["quantiles"]}


def race(panel: Panel, ours: str, theirs: str, python: str, threads: int, seed: int) -> dict[str, Any]:
    """One pair on one set."""
    history = panel.until(panel.end - HORIZON)
    panel = panel.take(np.flatnonzero(panel.lengths > HORIZON))  # that were on sale before the test window
    actual = panel.dense(panel.observed, HORIZON).astype(np.float64)
    told = peer(python, history, theirs, threads, seed)
    curve = [wql(actual, q.astype(np.float64)) for q in told.pop("quantiles")]
    best = int(np.argmin(curve))
    result: dict[str, Any] = {
        "peer": theirs, "peer_steps": told["steps"], "peer_seconds": rounded(told["seconds"], 1),
        "peer_wql": rounded(curve, 5), "peer_best": round(curve[best], 5),
        "peer_best_seconds": round(told["seconds"][best], 1), "peer_gb": round(told["peak_gb"], 2),
        "peer_windows_per_second": round(256 * told["steps"][-1] / told["seconds"][-1]) if theirs != "NHITS" else None,
        "ours": ours, "steps": [], "seconds": [], "wql": [],
    }  # fmt: skip
    for steps in STEPS:
        spec = registry.make({"model": ours, "context": CONTEXT, "train": {"steps": steps}})
        begin = time.perf_counter()
        fitted = spec.fit(history, horizon=HORIZON, seed=seed)
        seconds = time.perf_counter() - begin
        said = fitted.predict(HORIZON, levels=SHOWN).quantiles.astype(np.float64)
        result["steps"].append(steps)
        result["seconds"].append(round(seconds, 1))
        result["wql"].append(round(wql(actual, said), 5))
        if result["wql"][-1] <= result["peer_best"]:
            result["reached_seconds"] = result["seconds"][-1]
            result["times_faster"] = round(result["peer_best_seconds"] / result["reached_seconds"], 1)
            break
    return result


def rounded(numbers: list[float], digits: int) -> list[float]:
    """Numbers for the file."""
    return [round(x, digits) for x in numbers]


def speed(name: str, precision: str, threads: int, seconds: float) -> dict[str, Any]:
    """Windows per second of a network in training, 256 a batch, each with the loss at its end, and peak memory."""
    import torch

    from skucast.frequency import Frequency
    from skucast.models.neural.inputs import Inputs
    from skucast.models.neural.options import TrainOptions
    from skucast.models.neural.sampler import Sampler
    from skucast.models.neural.train import train
    from skucast.models.neural.windows import Windows

    torch.set_num_threads(threads)
    import polars as pl

    series, days = 300, 447
    demand = np.random.default_rng(0).poisson(3.0, series * days).astype(np.float32)
    stamps = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-01") + days)
    grid = Frequency.parse("D", stamps)
    panel = Panel(
        freq=grid, end=int(grid.ordinal(stamps[-1:])[0]), values=demand,
        indptr=np.arange(0, series * days + 1, days, dtype=np.int64), static=pl.DataFrame({"id": np.arange(series)}),
    )  # fmt: skip
    spec = registry.make({"model": name, **SIZES, "context": CONTEXT})
    inputs = Inputs.of(panel, HORIZON, 0, CONTEXT)
    sampler = Sampler.of(Windows(panel, inputs), HORIZON)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6

    def run(steps: int, budget: float) -> float:
        options = TrainOptions(steps=steps, batch=256, forks=1, ahead=HORIZON, seconds=budget, precision=precision)
        begin = time.perf_counter()
        state = train(
            lambda: spec.build(inputs), lambda rng, network: sampler.draw(rng, 256, 1, HORIZON), None, options, 0
        )
        return 256 * state.step / (time.perf_counter() - begin)

    run(5, 0.0)  # warm-up
    windows = run(10**6, seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    weights = sum(p.numel() for p in spec.build(inputs).parameters())
    return {"windows_per_second": round(windows), "extra_gb": round(peak - before, 3), "weights": weights}


def speeds(seconds: float) -> dict[str, Any]:
    """All networks, each measurement in a process of its own."""
    found: dict[str, Any] = {}
    for name in NETWORKS:
        for precision in ("fp32", "bf16"):
            for threads in (1, 2):
                call = [sys.executable, __file__, ".", "--one", name, precision, str(threads), str(seconds)]
                environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
                done = subprocess.run(call, check=True, env=environment, capture_output=True, text=True)
                found.setdefault(name, {})[f"{precision}, {threads} threads"] = row = json.loads(done.stdout)
                print(f"{name:<10} {precision} {threads} threads  {row['windows_per_second']:>7} windows/s", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("--peer", help="Python of an environment with neuralforecast")
    parser.add_argument("--speed", action="store_true", help="windows per second instead of the race")
    parser.add_argument("--sets", nargs="+", default=["hierarchical_daily", "m5_daily"])
    parser.add_argument("--pairs", nargs="+", default=list(PAIRS), choices=list(PAIRS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement of speed")
    parser.add_argument("--again", action="store_true", help="measure anew what is there already")
    note_option(parser)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, precision, threads, seconds = given.one
        print(json.dumps(speed(name, precision, int(threads), float(seconds))))
        return
    content = read("neural_race")
    if given.speed:
        content["speed"] = {
            "about": about(),
            "networks": speeds(given.seconds),
            **SIZES,
            "context": CONTEXT,
            "batch": 256,
        }
        print(f"Wrote {write('neural_race', content)}")
        return
    import torch

    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    torch.set_num_threads(threads)
    for key in given.sets:
        panel = plain(TASKS[key].build(given.data))
        for ours in given.pairs:
            rows = content.setdefault("race", {}).setdefault(key, {}).setdefault(ours, {})
            if str(given.seed) in rows and not given.again:
                continue
            rows[str(given.seed)] = row = race(panel, ours, PAIRS[ours], given.peer, threads, given.seed)
            content["about"] = about(horizon=HORIZON, context=CONTEXT, note=given.note)
            write("neural_race", content)
            reached, factor = row.get("reached_seconds"), row.get("times_faster")
            told = f"there after {reached} s ({factor} x)" if reached else "not there"
            best = f"{row['peer']} best {row['peer_best']:.4f} after {row['peer_best_seconds']} s"
            print(f"{key:<20} {best}; {ours} {told}: {row['wql']}", flush=True)


if __name__ == "__main__":
    main()
