"""The inventory simulator: seconds beside stockcast on the same shop, and 100,000 items x 52 weeks x 100 paths.

    OMP_NUM_THREADS=1 python benchmarks/simulator.py --peer /path/to/its/venv/bin/python
    python benchmarks/simulator.py --items 10000

stockcast lives in an environment of its own (`pip install stockcast`). Both sides play the same demand, order-up-to levels
and opening stock of 1,000 items over 365 days, decide daily, with a lead time of three days and lost sales; the time is
that of the policy and the run, with data and imports ready, ours the median of 20 runs after one to warm up (seconds on
the clock and of the processor), the peer's the best of its runs. That both keep the same books is checked: units ordered,
sold and lost, and stock summed over days must be equal. The large case draws its demand (256 equally likely values of a
Poisson distribution per item) block by block inside the clock; the seconds of drawing are told too.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from record import about, read, write
from skucast.decide.simulate.costs import Costs
from skucast.decide.simulate.policies import OrderUpTo
from skucast.decide.simulate.setting import Opening, Setting
from skucast.decide.simulate.simulator import simulate
from skucast.decide.simulate.supply import Supply

SEED, LEAD = 7, 3


def shop(items: int, days: int) -> tuple[Any, Any]:
    """Poisson demand ``(I, T)`` with means from 1 to 20, and levels that last five days in nineteen cases of twenty."""
    rng = np.random.default_rng(SEED)
    mean = rng.uniform(1, 20, items)
    cover = mean * (LEAD + 1)
    return rng.poisson(mean[:, None], (items, days)).astype(float), np.ceil(cover + 1.645 * np.sqrt(cover))


def year(repeats: int) -> dict[str, Any]:
    """1,000 items over 365 days on our side."""
    demand, level = shop(1000, 365)
    setting = Setting(Supply(lead_time=LEAD), Costs(holding=0.01, shortage=1.0), Opening(on_hand=level))
    policy = OrderUpTo(level)
    outcome = simulate(demand, policy, setting)
    seconds, busy = [], []
    for _ in range(repeats):
        begin, cpu = time.perf_counter(), time.process_time()
        outcome = simulate(demand, policy, setting)
        seconds.append(time.perf_counter() - begin)
        busy.append(time.process_time() - cpu)
    return {
        "seconds_median": statistics.median(seconds), "seconds_best": min(seconds), "seconds": seconds,
        "cpu_seconds_median": statistics.median(busy),
        "books": {
            "ordered": float(outcome.units["ordered"].sum()), "sold": float(outcome.units["served"].sum()),
            "lost": float(outcome.units["short"].sum()), "stock": round(float(outcome.units["stock"].sum() * 365), 3),
        },
    }  # fmt: skip


def peer_year(python: Path, repeats: int) -> dict[str, Any]:
    """The same shop, played by stockcast."""
    demand, level = shop(1000, 365)
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder) / "shop.npz", Path(folder) / "out.json"
        np.savez(data, demand=demand, level=level, on_hand=level)
        given = json.dumps({"data": str(data), "out": str(out), "lead_time": LEAD, "repeats": repeats})
        subprocess.run([str(python), str(Path(__file__).with_name("simulator_peer.py")), given], check=True)
        told: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    sums = told["totals"]
    return {
        "version": told["version"], "seconds_best": min(told["seconds"]), "seconds": told["seconds"],
        "peak_gb": told["peak_gb"],
        "books": {
            "ordered": sums["order_quantity"], "sold": sums["fulfilled_units"], "lost": sums["lost_sales_units"],
            "stock": sums["ending_on_hand"],
        },
    }  # fmt: skip


def many(items: int, paths: int = 100, weeks: int = 52) -> dict[str, Any]:
    """Weekly orders of many items on many paths, a block at a time."""
    means = np.linspace(1, 20, 200)
    chances = (np.arange(256) + 0.5) / 256
    table = stats.poisson.ppf(chances, means[:, None]).astype(np.float32)  # 256 equally likely demands per mean
    kind = np.random.default_rng(SEED).integers(0, len(means), items)
    cover = means[kind] * (LEAD + 1)
    level = np.ceil(cover + 1.645 * np.sqrt(cover))
    setting = Setting(Supply(lead_time=LEAD, pack=1), Costs(holding=0.01, shortage=1.0), Opening(on_hand=level))
    drawing = 0.0

    def draw(rows: slice) -> Any:
        nonlocal drawing
        begin = time.perf_counter()
        rng = np.random.default_rng([SEED, rows.start])
        count = rows.stop - rows.start
        picked = rng.integers(0, 256, (count, paths * weeks), dtype=np.uint8)
        units = np.stack([table[kind[rows.start + i]].take(picked[i]) for i in range(count)])
        drawing += time.perf_counter() - begin
        return units.reshape(count, paths, weeks)

    begin, cpu = time.perf_counter(), time.process_time()
    outcome = simulate(draw, OrderUpTo(level), setting, shape=(items, paths, weeks))
    return {
        "items": items, "paths": paths, "weeks": weeks, "seconds": time.perf_counter() - begin,
        "seconds_drawing": drawing, "cpu_seconds": time.process_time() - cpu,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "fill_rate": outcome.fill_rate, "cost_mean": float(outcome.cost.mean()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, help="Python of the environment with stockcast")
    parser.add_argument("--items", type=int, default=100_000, help="items of the large case")
    parser.add_argument("--repeats", type=int, default=20)
    chosen = parser.parse_args()
    result = read("simulator") | about(seed=SEED)
    result["year"] = year(chosen.repeats)
    print(f"1,000 items x 365 days: {result['year']['seconds_median']:.4f} s (median of {chosen.repeats})")
    if chosen.peer is not None:
        result["stockcast"] = peer_year(chosen.peer, 2)
        print(f"stockcast {result['stockcast']['version']}: {result['stockcast']['seconds_best']:.2f} s")
    if "stockcast" in result:
        if result["stockcast"]["books"] != result["year"]["books"]:
            raise SystemExit(f"The books differ: {result['year']['books']} and {result['stockcast']['books']}.")
        result["times_faster"] = result["stockcast"]["seconds_best"] / result["year"]["seconds_median"]
        print(f"the same books; {result['times_faster']:,.0f} times faster")
    result["many"] = big = many(chosen.items)
    print(
        f"{big['items']:,} items x {big['weeks']} weeks x {big['paths']} paths: {big['seconds']:.1f} s, of which "
        f"{big['seconds_drawing']:.1f} s drawing demand; peak {big['peak_gb']:.2f} GB"
    )
    print(write("simulator", result))


if __name__ == "__main__":
    main()
