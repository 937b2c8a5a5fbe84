"""Speed and quality of the statistical models beside statsforecast: M5 days, one process, one thread.

    OMP_NUM_THREADS=1 python benchmarks/statistical.py DATA_FOLDER [--series 300]

Both sides forecast 28 days from two origins at the end of the file, windows on which nothing was chosen. statsforecast
runs on a sample of series drawn with a stated seed, series after series without its frames, and with its quick models
on all 30,490 too, from frame to frame; skucast runs on the same sample and on all. Seconds are wall time
of fit and forecast; those of skucast include fifteen quantiles of every step, those of statsforecast the nine asked for
(none for Croston and TSB, which have no native ones; their quality is told by the error of the mean alone).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))
from record import about, write
from sets import TASKS
from skucast.models.registry import make
from skucast.panel import Panel

F64 = npt.NDArray[np.float64]
LEVELS = np.arange(1, 10) / 10
SEASON = 7
OURS: dict[str, str | dict[str, Any]] = {
    **{
        n: n
        for n in ("seasonal-naive", "ets", "theta", "stl-ets", "fourier", "croston", "sba", "tsb", "adida", "imapa")
    },
    "negbin": "negbin",
    "croston at .1": {"model": "croston", "alpha_size": 0.1, "alpha_interval": 0.1, "start": "first"},
    "tsb at .1": {"model": "tsb", "alpha_size": 0.1, "alpha_probability": 0.1, "start": "first"},
}
PAIRS = (  # ours and theirs that do the same work
    ("ets", "AutoETS"), ("theta", "AutoTheta"), ("theta", "DynamicOptimizedTheta"), ("croston at .1", "CrostonClassic"),
    ("croston", "CrostonOptimized"), ("tsb at .1", "TSB"), ("adida", "ADIDA"), ("imapa", "IMAPA"),
)  # fmt: skip


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
    forecast = make(OURS[name]).fit(history, horizon=horizon).predict(horizon, known or None)
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
        "CrostonOptimized": (sf.CrostonOptimized, False),
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


def theirs_together(make_model: Callable[[], Any], history: Panel, horizon: int) -> tuple[F64, F64 | None, float]:
    """Mean and seconds of one of statsforecast's models for all series at once, from its frame to its frame."""
    from statsforecast import StatsForecast

    frame = pl.DataFrame({
        "unique_id": history.row_of, "ds": history.ordinals, "y": np.nan_to_num(history.values).astype(np.float64)
    })  # fmt: skip
    begin = time.perf_counter()
    found = StatsForecast(models=[make_model()], freq=1, n_jobs=1).forecast(df=frame, h=horizon)
    seconds = time.perf_counter() - begin
    mean = found.sort("unique_id", "ds").to_series(2).to_numpy().astype(np.float64).reshape(len(history), horizon)
    return np.maximum(mean, 0), None, seconds


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
    parser.add_argument("--name", default="statistical", help="of the file under benchmarks/results")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    task = TASKS["m5_daily"]
    panel = task.build(options.data)
    rows = np.sort(np.random.default_rng(options.seed).choice(len(panel), options.series, replace=False))
    sample = panel.take(rows)
    results: dict[str, dict[str, Any]] = {
        "statsforecast": {},
        "statsforecast_all": {},
        "skucast_sample": {},
        "skucast_all": {},
    }

    def tell(side: str, name: str, found: dict[str, Any]) -> None:
        results[side][name] = found
        figures = "  ".join(f"{k} {v:.4f}" for k, v in found.items() if isinstance(v, float) and "second" not in k)
        print(f"{side:<17} {name:<22} {found['series_per_second']:>9,.1f} series/s  {figures}", flush=True)

    for history, _, _ in windows(sample, task.horizon, 1):  # what is compiled or loaded once is not counted
        for name in OURS:
            make(OURS[name]).fit(history.take([0, 1]), horizon=task.horizon)
    for name, (made, native) in peers().items():
        tell("statsforecast", name, measure(
            sample, task.horizon, task.windows, lambda h, n, _, m=made, q=native: theirs(m, q, h, n)
        ))  # fmt: skip
    for name, (made, native) in peers().items():
        if not native and not options.sample_only:  # those that are quick enough
            tell("statsforecast_all", name, measure(
                panel, task.horizon, task.windows, lambda h, n, _, m=made: theirs_together(m, h, n)
            ))  # fmt: skip
    for side, part in (("skucast_sample", sample), ("skucast_all", panel)):
        for name in OURS if side == "skucast_sample" or not options.sample_only else ():
            tell(side, name, measure(part, task.horizon, task.windows, lambda h, n, k, m=name: ours(m, h, n, k)))
    side = "skucast_sample" if options.sample_only else "skucast_all"
    compared = {}
    for mine, peer in PAIRS:
        a, b, speed = results["skucast_sample"][mine], results["statsforecast"][peer], results[side][mine]
        together = results["statsforecast_all"].get(peer)
        compared[f"{mine} / {peer}"] = {
            "speed_ratio": round(speed["series_per_second"] / b["series_per_second"], 2),
            "speed_ratio_same_sample": round(a["series_per_second"] / b["series_per_second"], 1),
            **(
                {"speed_ratio_all": round(speed["series_per_second"] / together["series_per_second"], 2)}
                if together
                else {}
            ),
            **{f"{m}_ratio": round(a[m] / b[m], 4) for m in ("wql", "mase", "mase_of_mean") if a[m] and b[m]},
        }
        print(f"{mine} / {peer}: {compared[f'{mine} / {peer}']}")
    circumstances = about(
        task="m5_daily", horizon=task.horizon, windows=task.windows, season=SEASON, sample=options.series,
        seed=options.seed, load_average_at_the_end=round(os.getloadavg()[0], 1),
    )  # fmt: skip
    print(f"Written to {write(options.name, {'about': circumstances, 'compared': compared, **results})}")


if __name__ == "__main__":
    main()
