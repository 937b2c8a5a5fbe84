"""The page on what orders earn, from benchmarks/results: VN2, other sets, the simulator, the joint order, lead times."""

from __future__ import annotations

import json
from typing import Any

from measured import RESULTS, circumstances

_SETS = {"vn2": "VN2", "uci_weekly": "UCI gift shop, weeks", "m5_weekly": "M5, weeks"}


def orders() -> str:
    """Costs of policies and models, and how long decisions take."""
    vn2, simulator, joint, lead = (_read(n) for n in ("vn2", "simulator", "purchase_list", "lead_times"))
    out = ["<!-- Made by scripts/pages from benchmarks/results: measure anew, not this page. -->", "# What orders earn", "",
           "Forecasts are worth what is done with them. Here orders are played against demand that really happened.", "",
           "## The VN2 challenge", "",
           "A public inventory competition (2025): 599 items of a retailer, an order each week that is usable at the start of the",
           "third week after, 0.2 per unit left at the end of a week, 1.0 per unit of demand that is not there. Played are",
           f"{len(vn2['episodes'])} earlier episodes of six orders and eight weeks, from {vn2['episodes'][0]} to {vn2['episodes'][-1]}, each opened with the",
           "stock that the official policy (a seasonal moving average, four weeks of cover) would have left. Ours is `skucast.plan`",
           "with default settings, told history, stock, orders on their way, lead time, review period and the two costs.",
           "Demand of weeks out of stock is guessed from the item's weeks in stock nearby, alike for all.", "",
           f"`python benchmarks/vn2.py DATA_FOLDER`, {circumstances(vn2['about'])}.", "",
           "| orders | mean cost | against official | holding | shortage | better episodes | seconds per order |",
           "|---|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    official = vn2["policies"]["official"]["cost"]
    rows = sorted(vn2["policies"].items(), key=lambda kv: sum(kv[1]["cost"]))
    for name, row in rows:
        if len(row["cost"]) != len(official):
            continue
        better = sum(a < b for a, b in zip(row["cost"], official, strict=True))
        label = "official policy" if name == "official" else f"plan, model `{name}`"
        out.append(
            f"| {label} | {_mean(row['cost']):,.0f} | {_against(row['cost'], official)} | {_mean(row['holding']):,.0f} | "
            f"{_mean(row['shortage']):,.0f} | {'' if name == 'official' else f'{better} of {len(official)}'} | "
            f"{'' if name == 'official' else row['seconds_per_order']} |"
        )
    money = _read("money")
    if money:
        out += ["", "## One policy, several forecasts", "",
                "The same weekly orders on the last weeks of three sets, at most 1,000 series each; costs are money. \"Five to one\": a",
                "unit short costs its price, one left over a fifth of it per week. \"Retailer\": 40 % margin, 25 % of the cost of stock",
                "per year.", "", f"`python benchmarks/money.py DATA_FOLDER`, {circumstances(money['about'])}.", "",
                "| set | shop | orders | cost | against official | holding | shortage |", "|---|---|---|---:|---:|---:|---:|"]  # fmt: skip
        for key, name in _SETS.items():
            for shop, models in money.get(key, {}).items():
                for model, row in sorted(models.items(), key=lambda kv: sum(kv[1]["cost"])):
                    label = "official policy" if model == "official" else f"`{model}`"
                    out.append(
                        f"| {name} | {shop} | {label} | {sum(row['cost']):,.0f} | "
                        f"{_against(row['cost'], models['official']['cost'])} | {sum(row['holding']):,.0f} | {sum(row['shortage']):,.0f} |"
                    )
    year, many, peer = simulator["year"], simulator["many"], simulator["stockcast"]
    out += ["", "## The simulator", "", f"`python benchmarks/simulator.py`, {circumstances(simulator)}.", "",
            f"- 1,000 items, 365 days of daily order-up-to decisions: median {year['seconds_median']:.3f} s, best {year['seconds_best']:.3f} s.",
            f"  stockcast {peer['version']} takes {peer['seconds_best']:.1f} s for the same orders, sales and stock "
            f"({simulator['times_faster']:.0f} times as long).",
            f"- {many['items']:,} items, {many['weeks']} weeks, {many['paths']} futures: {many['seconds']:.1f} s, of which "
            f"{many['seconds_drawing']:.1f} s for drawing demand.",
            "", "## The joint order", "", f"`python benchmarks/purchase_list.py`, {circumstances(joint['about'])}.", "",
            "| items | limits | suppliers with a rule | seconds, curves and order | gap to the best | gain | ranked list |",
            "|---:|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for row in joint["rows"]:
        seconds = row["seconds_curves"] + row["seconds_with_table"]
        out.append(
            f"| {row['items']:,} | {row['case']} | {row['suppliers_with_a_rule']:,} | {seconds:.1f} | {100 * row['gap']:.2g} % | "
            f"{row['gain']:,.0f} | {row['listed_gain']:,.0f} |"
        )
    out += ["", "## Lead times", "",
            f"Learned from delivery records and tested on later ones: {lead['deliveries']:,.0f} deliveries.",
            f"`python benchmarks/lead_times.py DATA_FOLDER`, {circumstances(lead)}.", "",
            "| way | log score per day | CRPS, days | inside 50 % | inside 80 % | inside 95 % |", "|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for way, row in lead["ways"].items():
        inside = " | ".join(f"{100 * row[f'coverage_{k}']:.0f} %" for k in (50, 80, 95))
        out.append(f"| {way} | {row['log_score']:.3f} | {row['crps_days']:.1f} | {inside} |")
    return "\n".join(out) + "\n"


def _read(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _against(cost: list[float], official: list[float]) -> str:
    share = sum(cost) / sum(official) - 1
    return "" if abs(share) < 1e-12 else f"{100 * share:+.1f} %"
