"""Demand behind stock-outs: what each treatment does to bias and to the quality of forecasts.

    OMP_NUM_THREADS=1 python benchmarks/censoring.py DATA_FOLDER [--parts simulated,slow,judging,vn2,speed]

Simulated shops with known demand (`shortage.py`): bias of the history's mean and of forecasts, and their weighted
quantile loss against demand, not sales. VN2: weekly sales of which a tenth were out of stock; each history is treated
as it was known at the origin, and the loss is taken on weeks in stock. Methods and defaults were chosen on seed 1 and
on the windows called early; the seeds and windows called held out were looked at once.
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from record import about, read, write
from sets import TASKS
from shortage import KINDS, Shortage
from skucast.forecast import Forecast
from skucast.models import registry
from skucast.panel import Panel
from skucast.prepare.unconstrain import Unconstrain

DAYS, HORIZON, SERIES = 300, 28, 200
SEEDS = list(range(11, 21))
LEVELS = np.arange(1, 10) / 10
Way = Callable[[Panel], Panel]


def step(**options: Any) -> Way:
    """A treatment by `Unconstrain`."""
    return lambda panel: Unconstrain(**options).fit_apply(panel).panel


def same(panel: Panel) -> Panel:
    """No treatment."""
    return panel


SIMULATED: dict[str, tuple[str, Way]] = {
    "true demand": ("truth", same),
    "raw sales": ("none", same),
    "mask": ("sold_out", same),
    "normal": ("sold_out", step(method="normal")),
    "poisson": ("sold_out", step(method="poisson")),
    "negbin": ("sold_out", step()),
    "kaplan-meier": ("sold_out", step(method="kaplan-meier")),
    "negbin, drawn": ("sold_out", step(fill="drawn")),
    "negbin, unsold filled": ("sold_out", step(unsold="fill")),
    "empty days flagged: mask": ("empty", same),
    "empty days flagged: negbin, before": ("empty", step(before=True)),
}
"""Name -> flags of the panel, treatment."""

VN2: dict[str, Way] = {
    "raw sales": lambda panel: replace(panel, available=None),
    "mask": same,
    "negbin": step(),
    "negbin, unsold filled": step(unsold="fill"),
    "negbin, unsold drawn": step(unsold="fill", fill="drawn"),
    "negbin, before": step(before=True),
    "kaplan-meier, before": step(method="kaplan-meier", before=True),
}

SLOW = ("true demand", "raw sales", "mask", "negbin", "negbin, drawn")
"""Treatments that models which take long see."""


def forecast(panel: Panel, model: str, horizon: int) -> Forecast:
    """The forecast of one model; ``auto`` with its fast preset."""
    spec = registry.make({"model": "auto", "preset": "fast"} if model == "auto" else model)
    return spec.fit(panel, horizon=horizon, seed=0).predict(horizon)


def losses(forecast: Forecast, actual: np.ndarray) -> np.ndarray:
    """Twice the mean pinball loss of each cell."""
    at = [int(np.argmin(np.abs(np.array(forecast.levels) - q))) for q in LEVELS]
    error = actual[:, :, None] - forecast.quantiles[:, :, at]
    return 2 * np.maximum(LEVELS * error, (LEVELS - 1) * error).mean(axis=2)


def simulated(kinds: tuple[str, ...], ways: tuple[str, ...], models: list[str], seeds: list[int]) -> dict[str, Any]:
    """Bias and loss against true demand, mean of the seeds.

    How far forecasts of true demand itself are off is the luck of the days ahead; biases are to be compared with theirs.
    """
    out: dict[str, Any] = {}
    for kind in kinds:
        rows: dict[str, dict[str, list[float]]] = {}
        for seed in seeds:
            shop = Shortage.simulate(kind, SERIES, DAYS + HORIZON, seed)
            past, truth = shop.demand[:, :DAYS], shop.demand[:, DAYS:].astype(float)
            head = rows.setdefault("about", {})
            head.setdefault("sold_out", []).append(float(shop.sold_out[:, :DAYS].mean()))
            head.setdefault("lost", []).append(float(1 - shop.sales[:, :DAYS].sum() / past.sum()))
            for name in ways:
                flags, treat = SIMULATED[name]
                panel = treat(shop.panel(DAYS, flags))
                row = rows.setdefault(name, {})
                mean = np.nanmean(panel.dense(panel.observed), axis=1, dtype=np.float64).sum()
                row.setdefault("history_bias", []).append(float(mean / past.mean(axis=1).sum() - 1))
                for model in models:
                    made = forecast(panel, model, HORIZON)
                    row.setdefault(f"{model}_bias", []).append(float(made.mean.sum() / truth.sum() - 1))
                    row.setdefault(f"{model}_wql", []).append(float(losses(made, truth).sum() / truth.sum()))
                    below = truth <= made.quantiles[:, :, int(np.argmin(np.abs(np.array(made.levels) - 0.9)))]
                    row.setdefault(f"{model}_below_90", []).append(float(below.mean()))
            print(kind, seed, "done", flush=True)
        out[kind] = {name: {k: round(float(np.mean(v)), 5) for k, v in row.items()} for name, row in rows.items()}
    return out


def judging(seeds: list[int]) -> dict[str, Any]:
    """How good forecasts look when judged on days in stock, on filled days as well, and on true demand.

    One and the same forecast (ETS on the treated history) is judged in several ways over three windows of four weeks.
    """
    out: dict[str, Any] = {}
    for kind in KINDS:
        found: dict[str, list[float]] = {
            name: [] for name in ("days in stock", "mean filled in", "drawn filled in", "true demand")
        }
        bias: dict[str, list[float]] = {name: [] for name in found}
        for seed in seeds:
            shop = Shortage.simulate(kind, SERIES, DAYS, seed)
            panel = shop.panel(DAYS, "sold_out")
            mean, drawn = step()(panel), step(fill="drawn")(panel)
            for k in range(3):
                cut = DAYS - HORIZON * (3 - k)
                made = forecast(step()(panel.until(panel.end - DAYS + cut)), "ets", HORIZON)
                span = slice(cut, cut + HORIZON)
                for name, actual in (
                    ("days in stock", panel.dense(panel.observed)[:, span]),
                    ("mean filled in", mean.dense(mean.observed)[:, span]),
                    ("drawn filled in", drawn.dense(drawn.observed)[:, span]),
                    ("true demand", shop.demand[:, span].astype(float)),
                ):
                    seen = ~np.isnan(actual)
                    loss = losses(made, np.nan_to_num(actual))
                    found[name].append(float(loss[seen].sum() / actual[seen].sum()))
                    bias[name].append(float(made.mean[seen].sum() / actual[seen].sum() - 1))
        out[kind] = {
            name: {"wql": round(float(np.mean(found[name])), 5), "bias": round(float(np.mean(bias[name])), 5)}
            for name in found
        }
    return out


def vn2(folder: Path, models: list[str], slow: list[str]) -> dict[str, Any]:
    """Loss on weeks in stock, early windows and those held out."""
    task = TASKS["vn2"]
    whole = task.build(folder)
    out: dict[str, Any] = {}
    for name, last in (("early", whole.end - task.horizon * task.windows), ("held_out", whole.end)):
        panel = whole.until(last)
        rows: dict[str, dict[str, list[float]]] = {way: {} for way in VN2}
        for k in range(task.windows):
            cut = last - task.horizon * (task.windows - k)
            history = panel.until(cut)
            tested = panel.take(np.flatnonzero(panel.lengths > last - cut))
            actual = tested.dense(tested.observed, last - cut)[:, : task.horizon].astype(float)
            seen = ~np.isnan(actual)
            for way, treat in VN2.items():
                treated = treat(history)
                if way == "negbin":  # nothing was sold in weeks out of stock, so it changes nothing
                    assert treated.fingerprint() == history.fingerprint()
                for model in models:
                    if model in slow and way not in ("raw sales", "mask", "negbin, unsold filled", "negbin, before"):
                        continue
                    if way == "negbin":
                        copied = rows["mask"]
                        rows[way] = {key: list(v) for key, v in copied.items()}
                        continue
                    made = forecast(treated, model, task.horizon)
                    loss = losses(made, np.nan_to_num(actual))
                    rows[way].setdefault(f"{model}_wql", []).append(float(loss[seen].sum() / actual[seen].sum()))
                    rows[way].setdefault(f"{model}_bias", []).append(
                        float(made.mean[seen].sum() / actual[seen].sum() - 1)
                    )
            print("vn2", name, k, "done", flush=True)
        out[name] = {way: {k: round(float(np.mean(v)), 5) for k, v in row.items()} for way, row in rows.items()}
    return out


def speed() -> dict[str, float]:
    """Processor seconds for 30,000 series of 450 days, one day in thirteen sold out."""
    rng = np.random.default_rng(0)
    shape = (30_000, 450)
    rate = np.exp(rng.normal(0.3, 1, (shape[0], 1)))
    demand = rng.negative_binomial(rate, 0.5, shape)
    stock = np.ceil(rate * rng.uniform(1, 4, shape)).astype(np.int64)
    sold_out = (demand >= stock) & (rng.random(shape) < 0.6)
    panel = Shortage(demand, np.where(sold_out, stock, demand), sold_out, sold_out).panel(shape[1], "sold_out")
    out = {"sold_out": float(sold_out.mean())}
    for method in ("negbin", "normal", "kaplan-meier"):
        begin = time.process_time()
        step(method=method)(panel)
        out[f"{method}_seconds"] = round(time.process_time() - begin, 1)
        out[f"{method}_peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return out


def main() -> None:
    """Measure the parts asked for; parts of an earlier run stay."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parts", default="simulated,slow,judging,vn2,speed")
    asked = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    made = read("censoring")
    made["about"] = about(seed=0, series=SERIES, days=DAYS, horizon=HORIZON, held_out_seeds=SEEDS, chosen_on_seed=1)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "simulated": lambda: simulated(KINDS, tuple(SIMULATED), ["ets", "negbin", "pretrained"], SEEDS),
        "slow": lambda: simulated(("seasonal",), SLOW, ["lightgbm", "auto"], SEEDS[:3]),
        "judging": lambda: judging(SEEDS[:3]),
        "vn2": lambda: vn2(asked.folder, ["ets", "negbin", "pretrained", "lightgbm"], ["lightgbm"]),
        "speed": speed,
    }
    for part in asked.parts.split(","):
        found = parts[part]()
        made = read("censoring") | {"about": made["about"], part: found}
        print(write("censoring", made))


if __name__ == "__main__":
    main()
