"""The VN2 inventory challenge on earlier episodes: six orders, eight weeks, what they cost.

    OMP_NUM_THREADS=1 python benchmarks/vn2.py DATA_FOLDER [--models negbin pretrained] [--episodes 12]

Each week an order is placed at the end of the week and usable at the start of the third week after; a unit left at the end
of a week costs 0.2, a unit of demand that is not there 1.0 and is lost. Episodes begin every eight weeks in the last two
years of the history given. Each opens with the stock that the official policy would have left after eight weeks of warm-up.

The official benchmark policy: a moving average over 13 weeks, adjusted for the season of the year, ordered up to the demand
of four weeks. Ours: what `skucast.plan` orders with default settings, given history, stock and orders on their way week by week;
only lead time, days between orders, holding and shortage cost are told.

Demand of weeks out of stock is not known. It is taken as the mean of the item's weeks in stock within eight weeks of it,
as a whole number drawn at random with that mean (the same for all policies), and nothing where there are none. Policies
see what a shop would see: what they sold, and that they were sold out; never the demand behind it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from episodes import APART, WEEKS, Money, demand_of, episode
from record import about, note_option, read, write
from sets import vn2

HOLDING, SHORTAGE = 0.2, 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("--models", nargs="+", default=["seasonal-naive", "ets", "negbin", "pretrained", "auto"])
    parser.add_argument("--episodes", type=int, default=12)
    note_option(parser)
    options = parser.parse_args()
    panel = vn2(options.data)
    demand, money = demand_of(panel), Money(HOLDING, SHORTAGE)
    starts = [demand.shape[1] - WEEKS - APART * k for k in range(options.episodes)][::-1]
    content = read("vn2")
    content["episodes"] = [
        str(panel.freq.stamp(np.array([panel.end - demand.shape[1] + 1 + s]))[0])[:10] for s in starts
    ]
    for name in ["official", *options.models]:
        rows = [episode(panel, demand, start, None if name == "official" else name, money) for start in starts]
        content.setdefault("policies", {})[name] = {
            "cost": [round(h + s, 1) for h, s, _ in rows], "holding": [round(h, 1) for h, _, _ in rows],
            "shortage": [round(s, 1) for _, s, _ in rows], "seconds_per_order": round(float(np.mean([t for *_, t in rows])), 2),
        }  # fmt: skip
        mean = float(np.mean(content["policies"][name]["cost"]))
        base = float(np.mean(content["policies"]["official"]["cost"]))
        print(
            f"{name:<16} {mean:8.0f}  {100 * (mean / base - 1):+.1f} %  {content['policies'][name]['cost']}", flush=True
        )
    content["about"] = about(seed=0, episodes=options.episodes, note=options.note)
    write("vn2", content)


if __name__ == "__main__":
    main()
