"""Explanations: do the parts add up, do they find planted effects again, what do they cost, and how do they read?

    OMP_NUM_THREADS=1 python benchmarks/explanations.py DATA_FOLDER

Planted shops are those of tests/explain/planted.py: promotions, prices and holidays whose effects are known, for
regressions effects that add up and public holidays, for all others factors and holidays marked by a column; a part's
share is its units over the true ones, summed over items and steps. Cost is wall time on 1,000 items of M5 (days, 28
ahead, prices and food stamp days known, holidays of the US) and of the UCI gift shop (weeks, 8 ahead, holidays of
Great Britain), the model fitted before. Sentences are of windows of the past.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).parent))
from tests.explain.planted import HORIZON, planted

from record import about, write
from sets import TASKS
from skucast.explain.drivers import Drivers, drivers
from skucast.models.registry import make
from skucast.models.spec import Fitted
from skucast.panel import F32, Panel
from skucast.place import Place

SEEDS = (3, 4, 5)
ADDING = ("linear", "ridge", "fourier")
FACTORS: dict[str, Any] = {"lightgbm": {"model": "lightgbm", "objective": "tweedie"}, "pretrained": "pretrained"}
MEMBERS = ("ets", "fourier", "ridge", "lightgbm", "pretrained")
MIXED = {"model": "ensemble", "members": list(MEMBERS), "weights": "equal"}
ITEMS = 1000
QUICK = {"lightgbm": {"model": "lightgbm", "objective": "tweedie"}}  # one booster for the mean: what is explained
TOLD = (  # set, country, steps before the end, model, items told
    ("hierarchical_daily", "IT", 112, "fourier", 4),
    ("orange_juice", "US", 32, "ridge", 3),
    ("uci_weekly", "GB", 8, "fourier", 3),
)


def cut(panel: Panel, back: int, horizon: int) -> tuple[Panel, dict[str, F32]]:
    """History up to ``back`` steps before the end, and the known covariates of the ``horizon`` steps after it."""
    born = panel.take(np.flatnonzero(panel.lengths > back + 2 * horizon))
    return born.until(panel.end - back), {n: born.dense(c, back)[:, :horizon] for n, c in born.known.items()}


def gap(found: Drivers) -> float:
    """Largest difference between the sum of parts and the forecast, relative to it."""
    off = np.abs(found.parts.sum(axis=2) - found.mean)
    return float((off / np.maximum(found.mean, 1e-6)).max())


def recovery() -> list[dict[str, Any]]:
    """Shares of the planted effects that are found, per model and part, over several shops."""
    rows = []
    for label, model, adding in [*((n, n, True) for n in ADDING), *((n, m, False) for n, m in FACTORS.items())]:
        shares: dict[str, list[float]] = {}
        for seed in SEEDS:
            made = planted(100, 1100, seed, adding)
            found = drivers(make(model).fit(made.panel, horizon=HORIZON), HORIZON, made.known)
            for part, units in made.truth.items():
                shares.setdefault(part, []).append(float(found.part(part).sum() / units.sum()))
        for part, some in shares.items():
            row = {"model": label, "effects": "add up" if adding else "multiply", "part": part}
            rows.append(row | {"mean": float(np.mean(some)), "least": min(some), "most": max(some)})
            print(rows[-1], flush=True)
    return rows


def seconds(fitted: Fitted, horizon: int, known: Mapping[str, F32]) -> dict[str, float]:
    """Wall time of a forecast and of its explanation, and how well the parts add up."""
    fitted.predict(horizon, known)  # calendars and weights are read
    begun = time.perf_counter()
    fitted.predict(horizon, known)
    forecast = time.perf_counter() - begun
    begun = time.perf_counter()
    found = drivers(fitted, horizon, known)
    explained = time.perf_counter() - begun
    begun = time.perf_counter()
    found.sentences("en"), found.sentences("zh")
    return {
        "forecast_seconds": forecast, "explanation_seconds": explained, "sentences_seconds": time.perf_counter() - begun,
        "largest_gap": gap(found),
    }  # fmt: skip


def cost(folder: Path) -> list[dict[str, Any]]:
    """What explanations of 1,000 items cost, model by model."""
    rows = []
    for name, country in (("m5_daily", "US"), ("uci_weekly", "GB")):
        task = TASKS[name]
        panel, known = cut(task.build(folder), task.horizon * task.windows, task.horizon)
        chosen = np.sort(np.random.default_rng(0).choice(len(panel), min(ITEMS, len(panel)), replace=False))
        panel, known = replace(panel.take(chosen), place=Place(country)), {n: a[chosen] for n, a in known.items()}
        for label in (*MEMBERS, "ensemble"):
            model: Any = MIXED if label == "ensemble" else QUICK.get(label, label)
            fitted = make(model).fit(panel, horizon=task.horizon)
            rows.append({"set": name, "items": len(panel), "model": label, **seconds(fitted, task.horizon, known)})
            print(rows[-1], flush=True)
    return rows


def told(folder: Path) -> list[dict[str, str]]:
    """Sentences of items of public sets, from the busiest down."""
    out = []
    for name, country, back, model, count in TOLD:
        task = TASKS[name]
        panel, known = cut(task.build(folder), back, task.horizon)
        some = np.arange(0, len(panel), max(1, len(panel) // 300))
        panel, known = replace(panel.take(some), place=Place(country)), {n: a[some] for n, a in known.items()}
        found = drivers(make(model).fit(panel, horizon=task.horizon), task.horizon, known)
        order = np.argsort(-found.mean.sum(axis=1), kind="stable")
        chosen = found.take(order[np.linspace(0, 0.6 * len(order), count).astype(np.int64)])
        for key, en, zh in zip(chosen.ids.to_list(), chosen.sentences("en"), chosen.sentences("zh"), strict=True):
            out.append({"set": name, "model": model, "item": str(key), "en": en, "zh": zh})
            print(key, en, zh, sep="\n  ", flush=True)
    return out


def main() -> None:
    """Measure and write benchmarks/results/explanations.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    warnings.simplefilter("ignore", UserWarning)
    content = {
        "about": about(seed=", ".join(map(str, SEEDS)), items=ITEMS), "recovery": recovery(), "cost": cost(folder), "sentences": told(folder),
    }  # fmt: skip
    print(write("explanations", content))


if __name__ == "__main__":
    main()
