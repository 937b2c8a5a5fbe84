"""What better forecasts are worth: the same orders by the same policy from different forecasts, in money.

    OMP_NUM_THREADS=1 python benchmarks/money.py DATA_FOLDER [--sets vn2 uci_weekly m5_weekly] [--models ets auto]

Weekly orders with two weeks of lead time, unmet demand lost, episodes as in `episodes.py` on the last weeks of each set; of
large sets 1,000 series. Two shops: one where a unit short costs five times what one left over costs per week (the costs of
VN2, times the price), and a retailer with a margin of 40 % who pays 25 % of the cost of stock per year for holding it.
Recorded sales are the demand; where the shelf was empty it is guessed as in VN2.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent))
from episodes import APART, WEEKS, Money, demand_of, episode
from record import about, read, write
from sets import TASKS, vn2
from skucast.panel import Panel

F64 = npt.NDArray[np.float64]
MOST, EPISODES = 1000, {"vn2": 4, "uci_weekly": 3, "m5_weekly": 2}
MODELS = ("seasonal-naive", "ets", "pretrained", "auto")


def prices_of(panel: Panel) -> F64:
    """``(S,)`` mean price of each series; 1 where none is known."""
    for columns in (panel.known, panel.past):
        if "price" in columns:
            found = np.nanmean(
                np.where(panel.dense(columns["price"]) > 0, panel.dense(columns["price"]), np.nan), axis=1
            )
            return np.nan_to_num(found, nan=1.0).astype(np.float64)
    return np.ones(len(panel))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("--sets", nargs="+", default=list(EPISODES), choices=list(EPISODES))
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    options = parser.parse_args()
    content = read("money")
    for key in options.sets:
        panel = vn2(options.data) if key == "vn2" else TASKS[key].build(options.data)
        old = panel.lengths >= panel.n_steps // 2  # that were on sale for half of the history
        rows = np.flatnonzero(old)
        if rows.size > MOST:
            rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
        panel = panel.take(rows)
        demand, price = demand_of(panel), prices_of(panel)
        panel = replace(panel, known={}, past={})  # nobody knows the prices of weeks to come
        starts = [demand.shape[1] - WEEKS - APART * k for k in range(EPISODES[key])][::-1]
        fits: dict[Any, Any] = {}
        shops = {"five to one": Money(0.2 * price, price), "retailer": Money(0.6 * price * 0.25 / 52, 0.4 * price)}
        for shop, money in shops.items():
            for name in ("official", *options.models):
                made = [
                    episode(panel, demand, start, None if name == "official" else name, money, fits) for start in starts
                ]
                content.setdefault(key, {}).setdefault(shop, {})[name] = {
                    "cost": [round(h + s, 1) for h, s, _ in made], "holding": [round(h, 1) for h, _, _ in made],
                    "shortage": [round(s, 1) for _, s, _ in made],
                }  # fmt: skip
                costs = content[key][shop][name]["cost"]
                base = sum(content[key][shop]["official"]["cost"])
                print(
                    f"{key:<12} {shop:<12} {name:<16} {sum(costs):12,.0f}  {100 * (sum(costs) / base - 1):+.1f} %",
                    flush=True,
                )
                content["about"] = about(seed=0, series=MOST)
                write("money", content)


if __name__ == "__main__":
    main()
