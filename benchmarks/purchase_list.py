"""The purchase list: the joint order of 1,000 and 10,000 items by HiGHS, its seconds and its proven gap, beside the ranked list.

    OMP_NUM_THREADS=1 python benchmarks/purchase_list.py
    python benchmarks/purchase_list.py --items 10000 --cases budget all

Shops are simulated: demand per day is Poisson with a mean that differs between items (lognormal) and futures (gamma), 100
paths over 14 days; lead times of 2 to 5 days are drawn per path, the next order comes 7 days later. Packs hold 1, 6, 12 or
24 units, a quarter of the lines have a minimum, a tenth spoils, and carrying costs a quarter of the cost a year. The
cases: `budget` alone; `all`: budget, volume, and suppliers (100 items each) of which many ask for a minimum value or charge
for an order; `tight`: the same with five items to a supplier, so that minimums and charges decide. The budget is two
fifths of what all items would like. The gap is that of the bound proven by HiGHS, the error of the curves added.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from record import about, read, write
from skucast.decide.purchase_list import Limits, Lines, SupplierRule, gain_curves, order_sales, purchase_list

SEED, PATHS, DAYS, REVIEW = 11, 100, 14, 7
CASES = ["budget", "all", "tight"]


def shop(items: int, per_supplier: int) -> tuple[Lines, Any, Any]:
    """Lines, sample paths and drawn lead times."""
    g = np.random.default_rng([SEED, items, per_supplier])
    mean = g.lognormal(1, 1.2, items)
    level = g.gamma(2, mean[:, None] / 6, (items, PATHS))
    paths = g.poisson(np.repeat(level[:, :, None], DAYS, axis=2)).astype(np.float32)
    cost = g.lognormal(2, 1, items)
    makers = [f"s{k}" for k in g.integers(0, max(2, items // max(per_supplier, 1)), items)]
    names = sorted(set(makers)) if per_supplier else []
    rules = {
        name: SupplierRule(min_value=float(g.choice([0, 300, 1000, 3000])), order_cost=float(g.choice([0, 20, 60])))
        for name in names
    }
    lines = Lines(
        [f"i{k}" for k in range(items)], cost * g.uniform(1.2, 2.5, items), cost, position=g.poisson(2 * mean),
        pack=g.choice([1, 1, 6, 12, 24], items), min_order=g.choice([0, 0, 0, 30], items), carrying=cost * 0.25 / 365,
        supplier=makers, rules=rules, uses={"m3": g.uniform(0.001, 0.02, items)},
        shelf_life=np.where(g.random(items) < 0.1, 8.0, np.inf),
    )  # fmt: skip
    return lines, paths, g.integers(2, 6, (items, PATHS))


def measure(items: int, case: str, seconds: float) -> dict[str, Any]:
    """One shop: seconds of each part, what is gained, and the gap."""
    lines, paths, arrival = shop(items, {"budget": 0, "all": 100, "tight": 5}[case])
    begin = time.perf_counter()
    curves = gain_curves(lines, order_sales(lines, paths, arrival, arrival + REVIEW, season=7))
    looked = time.perf_counter() - begin
    wish = curves.best() * lines.of("pack")
    room = {} if case == "budget" else {"m3": 0.5 * float(wish @ lines.uses["m3"])}
    limits = Limits(budget=0.4 * float(wish @ lines.of("unit_cost")), capacity=room)
    begin, cpu = time.perf_counter(), time.process_time()
    order = purchase_list(lines, curves, limits, seconds=seconds)
    wall, busy = time.perf_counter() - begin, time.process_time() - cpu
    return {
        "items": items, "case": case, "suppliers_with_a_rule": sum(not r.free for r in lines.rules.values()),
        "knots": int(curves.packs.size), "seconds_curves": looked, "seconds_solved": order.seconds,
        "seconds_with_table": wall, "cpu_seconds_with_table": busy, "time_limit": seconds, "budget": limits.budget,
        **order.summary(), "listed_below_order": 1 - order.listed_gain / order.gain if order.gain > 0 else 0.0,
    }  # fmt: skip


def main() -> None:
    """Measure and write benchmarks/results/purchase_list.json; rows of other cases stay as they were measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--cases", nargs="+", default=CASES, choices=CASES)
    parser.add_argument("--seconds", type=float, default=30.0)
    args = parser.parse_args()
    rows = []
    for items in args.items:
        for case in args.cases:
            rows.append(measure(items, case, args.seconds))
            print({k: round(v, 6) if isinstance(v, float) else v for k, v in rows[-1].items()}, flush=True)
    done = {(r["items"], r["case"]) for r in rows}
    kept = [r for r in read("purchase_list").get("rows", []) if (r["items"], r["case"]) not in done]
    every = sorted(kept + rows, key=lambda r: (r["items"], CASES.index(r["case"])))
    write("purchase_list", {"about": about(seed=SEED, paths=PATHS), "rows": every})


if __name__ == "__main__":
    main()
