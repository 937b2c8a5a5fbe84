"""Speed and quality of the statistical models beside statsforecast: M5 days, one process, one thread.

    OMP_NUM_THREADS=1 python benchmarks/statistical.py DATA_FOLDER [--series 300]

Both sides forecast 28 days from two origins at the end of the file, windows on which nothing was chosen. statsforecast
runs on a sample of series drawn with a stated seed, skucast on the same sample and on all 30,490. Seconds are wall time
of fit and forecast; those of skucast include fifteen quantiles of every step, those of statsforecast the nine asked for
(none for Croston and TSB, which have no native ones; their quality is told by the error of the mean alone).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent))
from first_windows import machine
from sets import TASKS
from skucast.models.registry import make
from skucast.panel import Panel

F64 = npt.NDArray[np.float64]
LEVELS = np.arange(1, 10) / 10
SEASON = 7
OURS = ("seasonal-naive", "ets", "theta", "stl-ets", "fourier", "croston", "sba", "tsb", "adida", "imapa", "negbin")
PAIRS = {
    "ets": "AutoETS", "theta": "AutoTheta", "croston": "CrostonClassic", "tsb": "TSB", "adida": "ADIDA",
    "imapa": "IMAPA",
}  # fmt: skip
VERSIONS = ("skucast", "statsforecast", "numpy", "scipy", "polars")


def windows(panel: Panel, horizon: int, count: int) -> list[tuple[Panel, F64, dict[str, F64]]]:
    """History, what came ``(S, H)`` and the covariates known ahead, for each origin, oldest first."""
    out = []
    for back in range(count, 0, -1):
        cut = panel.end - back * horizon
        history = panel.until(cut)
        born = panel.take(np.flatnonzero(panel.lengths > back * horizon))
        part = slice(born.n_steps - back * horizon, born.n_steps - (back - 1) * horizon)
        known = {name: born.dense(column)[:, part].astype(np.float64) for name, column in born.known.items()}
        out.append((history, born.dense()[:, part].astype(np.float64), known))
    return out


def quality(came: F64, mean: F64, quantiles: F64 | None, history: Panel) -> dict[str, float | None]:
    """WQL pooled over series, MASE of median and of mean; series whose past never changed have no MASE."""
    seen = ~np.isnan(came)
    values = history.dense().astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        scale = np.nanmean(np.abs(values[:, SEASON:] - values[:, :-SEASON]), axis=1)

        def mase(point: F64) -> float:
            errors = np.nanmean(np.abs(came - point), axis=1) / scale
            return float(np.mean(errors[np.isfinite(errors)]))

        out: dict[str, float | None] = {"mase_of_mean": mase(mean), "mase": None, "wql": None}
        if quantiles is not None:
            gap = np.where(seen[..., None], came[..., None] - quantiles, 0.0)
            pinball = np.maximum(LEVELS * gap, (LEVELS - 1) * gap).sum(axis=(0, 1))
            out["wql"] = float(2 * pinball.mean() / np.where(seen, np.abs(came), 0.0).sum())
            out["mase"] = mase(quantiles[..., len(LEVELS) // 2])
    return out


def ours(name: str, history: Panel, horizon: int, known: dict[str, F64]) -> tuple[F64, F64, float]:
    """Mean, quantiles and seconds of one of this project's models."""
    begin = time.perf_counter()
    forecast = make(name).fit(history, horizon=horizon).predict(horizon, known or None)
    seconds = time.perf_counter() - begin
    return forecast.mean.astype(np.float64), forecast.quantile(list(LEVELS)).astype(np.float64), seconds


def peers() -> dict[str, tuple[Callable[[], Any], bool]]:
    """statsforecast's models with the season, and whether they have quantiles of their own."""
    from statsforecast import models as sf

    return {
        "AutoETS": (lambda: sf.AutoETS(season_length=SEASON), True),
        "AutoTheta": (lambda: sf.AutoTheta(season_length=SEASON), True),
        "DynamicOptimizedTheta": (lambda: sf.DynamicOptimizedTheta(season_length=SEASON), True),
        "CrostonClassic": (sf.CrostonClassic, False),
        "TSB": (lambda: sf.TSB(alpha_d=0.1, alpha_p=0.1), False),
        "ADIDA": (sf.ADIDA, False),
        "IMAPA": (sf.IMAPA, False),
    }


def theirs(make_model: Callable[[], Any], native: bool, history: Panel, horizon: int) -> tuple[F64, F64 | None, float]:
    """Mean, quantiles and seconds of one of statsforecast's models, series after series without its frames."""
    series = [np.nan_to_num(history.series(i)).astype(np.float64) for i in range(len(history))]
    levels = [20, 40, 60, 80]
    options: dict[str, Any] = {"level": levels} if native else {}
    model = make_model()
    model.forecast(series[0], horizon, **options)  # anything that is compiled or loaded once is not counted
    mean = np.empty((len(series), horizon))
    quantiles = np.empty((len(series), horizon, len(LEVELS))) if native else None
    begin = time.perf_counter()
    for i, values in enumerate(series):
        found = model.forecast(values, horizon, **options)
        mean[i] = found["mean"]
        if quantiles is not None:
            below = [found[f"lo-{level}"] for level in reversed(levels)]
            above = [found[f"hi-{level}"] for level in levels]
            quantiles[i] = np.stack([*below, found["mean"], *above], axis=1)
    seconds = time.perf_counter() - begin
    return np.maximum(mean, 0), None if quantiles is None else np.maximum(quantiles, 0), seconds


def mean_of(rows: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Mean over windows, rounded; None where undefined."""
    out: dict[str, float | None] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        known = [v for v in values if v is not None]
        out[name] = round(float(np.mean(known)), 4) if len(known) == len(values) else None
    return out


def measure(
    panel: Panel, horizon: int, count: int, run: Callable[..., tuple[F64, F64 | None, float]]
) -> dict[str, Any]:
    """Quality averaged over windows, and series per second."""
    rows, seconds, series = [], 0.0, 0
    for history, came, known in windows(panel, horizon, count):
        mean, quantiles, spent = run(history, horizon, known)
        rows.append(quality(came, mean, quantiles, history))
        seconds, series = seconds + spent, series + len(history)
    return {
        "series": series, "seconds": round(seconds, 2), "series_per_second": round(series / seconds, 1), **mean_of(rows)
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("--series", type=int, default=300, help="series that statsforecast runs on")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--sample-only", action="store_true", help="leave out the run on all series")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "statistical.json")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    task = TASKS["m5_daily"]
    panel = task.build(options.data)
    rows = np.sort(np.random.default_rng(options.seed).choice(len(panel), options.series, replace=False))
    sample = panel.take(rows)
    results: dict[str, dict[str, Any]] = {"statsforecast": {}, "skucast_sample": {}, "skucast_all": {}}

    def tell(side: str, name: str, found: dict[str, Any]) -> None:
        results[side][name] = found
        figures = "  ".join(f"{k} {v:.4f}" for k, v in found.items() if isinstance(v, float) and "second" not in k)
        print(f"{side:<15} {name:<22} {found['series_per_second']:>9,.1f} series/s  {figures}", flush=True)

    for name, (made, native) in peers().items():
        tell("statsforecast", name, measure(
            sample, task.horizon, task.windows, lambda h, n, _, m=made, q=native: theirs(m, q, h, n)
        ))  # fmt: skip
    for side, part in (("skucast_sample", sample), ("skucast_all", panel)):
        for name in OURS if side == "skucast_sample" or not options.sample_only else ():
            tell(side, name, measure(part, task.horizon, task.windows, lambda h, n, k, m=name: ours(m, h, n, k)))
    side = "skucast_sample" if options.sample_only else "skucast_all"
    compared = {}
    for mine, peer in PAIRS.items():
        a, b, speed = results["skucast_sample"][mine], results["statsforecast"][peer], results[side][mine]
        compared[f"{mine} / {peer}"] = {
            "speed_ratio": round(speed["series_per_second"] / b["series_per_second"], 1),
            "speed_ratio_same_sample": round(a["series_per_second"] / b["series_per_second"], 1),
            **{f"{m}_ratio": round(a[m] / b[m], 4) for m in ("wql", "mase", "mase_of_mean") if a[m] and b[m]},
        }
        print(f"{mine} / {peer}: {compared[f'{mine} / {peer}']}")
    about = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"), "task": "m5_daily", "horizon": task.horizon,
        "windows": task.windows, "season": SEASON, "sample": options.series, "seed": options.seed,
        "threads": os.environ.get("OMP_NUM_THREADS", "not set"), "machine": machine(),
        "load_average_at_the_end": round(os.getloadavg()[0], 1),
        "versions": {name: version(name) for name in VERSIONS},
    }  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"about": about, "compared": compared, **results}, indent=1) + "\n")
    print(f"Written to {options.out}")


if __name__ == "__main__":
    main()
