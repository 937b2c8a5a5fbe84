"""How quickly the pretrained model forecasts, what memory it takes, and how soon after an installation it can.

    OMP_NUM_THREADS=1 python benchmarks/pretrained_speed.py DATA_FOLDER            # on an idle machine
    OMP_NUM_THREADS=1 python benchmarks/pretrained_speed.py DATA_FOLDER --install  # a new environment, then no network

Items of M5 with their prices, SNAP days and holidays, 28 days ahead. The hundred thousand series are M5's, repeated.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from record import about, read, write
from sets import TASKS
from skucast.models import registry
from skucast.panel import Panel

HORIZON = 28
LEVELS = tuple(k / 10 for k in range(1, 10))
FIRST = """
import time; begin = time.perf_counter()
import datetime, polars as pl, skucast as sc
days = [datetime.date(2025, 1, 1) + datetime.timedelta(k) for k in range(400)]
sales = pl.DataFrame({"unique_id": ["a"] * 400, "ds": days, "y": [float(5 + k % 7) for k in range(400)]})
found = sc.forecast(sales, 28, model="pretrained")
assert found.height == 28
print(time.perf_counter() - begin)
"""


def known_part(panel: Panel) -> tuple[Panel, dict[str, Any]]:
    """History up to the last days, and the covariates of those."""
    panel = panel.take(np.flatnonzero(panel.lengths > HORIZON))
    known = {name: np.ascontiguousarray(panel.dense(column, HORIZON)) for name, column in panel.known.items()}
    return panel.until(panel.end - HORIZON), known


def seconds(panel: Panel, repeat: int = 1) -> list[float]:
    """Of one core for fitting (which is guessing what covariates mean) and forecasting, several times."""
    history, known = known_part(panel)
    found = []
    for _ in range(repeat):
        begin = time.perf_counter()
        made = registry.make("pretrained").fit(history, horizon=HORIZON).predict(HORIZON, known, levels=LEVELS)
        found.append(time.perf_counter() - begin)
        assert np.isfinite(made.quantiles).all()
    return found


def held(what: str) -> float:
    """Gigabytes of the process: ``VmRSS`` now, ``VmHWM`` at most since that was forgotten. Linux only."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1e6


def large(panel: Panel, series: int) -> dict[str, float]:
    """Seconds and memory of a panel of so many series."""
    history, known = known_part(panel.take(np.arange(series) % len(panel)))
    model = registry.make("pretrained").fit(history, horizon=HORIZON)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the highest memory so far
    before = held("VmRSS")
    begin = time.perf_counter()
    made = model.predict(HORIZON, known, levels=LEVELS)
    took = time.perf_counter() - begin
    answer = (made.quantiles.nbytes + made.mean.nbytes) / 1e9
    about_panel = {"panel_gb": round(sum(c.nbytes for c in (history.values, *history.known.values())) / 1e9, 3)}
    return about_panel | {
        "seconds": round(took, 1),
        "answer_gb": round(answer, 3),
        "more_gb": round(held("VmHWM") - before - answer, 3),
    }


def installed() -> dict[str, Any]:
    """Size of the wheel, seconds of `pip install` in a new environment, and of its first forecast without a network."""
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(root)], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        wheel = next(Path(folder).glob("*.whl"))
        subprocess.run([sys.executable, "-m", "venv", f"{folder}/venv"], check=True)
        python = f"{folder}/venv/bin/python"
        begin = time.perf_counter()
        subprocess.run([python, "-m", "pip", "install", "-q", str(wheel)], check=True)
        took = time.perf_counter() - begin
        packages = subprocess.run([python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True).stdout  # fmt: skip
        alone = ["unshare", "-rn"] if shutil.which("unshare") else []  # a namespace of its own has no network
        first = [
            float(subprocess.run([*alone, python, "-c", FIRST], check=True, capture_output=True, text=True).stdout)
            for _ in range(2)
        ]
        return {
            "wheel_mb": round(wheel.stat().st_size / 1e6, 2),
            "packages": len([line for line in packages.splitlines() if not line.startswith(("pip==", "setuptools=="))]),
            "install_seconds": round(took, 1), "network": not alone,
            "first_forecast_seconds": round(first[0], 2), "second_start_seconds": round(first[1], 2),
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("--series", type=int, default=4000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--install", action="store_true", help="measure an installation instead")
    options = parser.parse_args()
    content = read("pretrained_speed")
    if options.install:
        content["install"] = installed()
    else:
        panel = TASKS["m5_daily"].build(options.data)
        few = panel.take(np.sort(np.random.default_rng(0).choice(len(panel), options.series, replace=False)))
        took = seconds(few, repeat=9)
        rates = sorted(round(len(few) / one) for one in took)
        content["speed"] = {"series": len(few), "series_a_second": rates[4], "slowest": rates[0], "quickest": rates[-1]}
        print(content["speed"])
        content["large"] = {"series": options.many, **large(panel, options.many)}
    content["about"] = about(seed=0)
    write("pretrained_speed", content)
    print({k: v for k, v in content.items() if k != "about"})


if __name__ == "__main__":
    main()
