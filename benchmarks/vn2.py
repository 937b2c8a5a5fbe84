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
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))
from record import about, read, write
from sets import vn2
from skucast.config import Plan
from skucast.decide.purchase import purchase_plan
from skucast.decide.simulate.costs import Costs
from skucast.decide.simulate.outcome import Outcome
from skucast.decide.simulate.setting import Opening, Setting
from skucast.decide.simulate.simulator import simulate
from skucast.decide.simulate.state import State
from skucast.decide.simulate.supply import Supply
from skucast.models import registry
from skucast.panel import Panel

F64 = npt.NDArray[np.float64]
HOLDING, SHORTAGE, WEEKS, ORDERS, WAIT, APART, WARM = 0.2, 1.0, 8, 6, 3, 8, 8
NEAR = 8
YEAR, WINDOW, COVER = 52, 13, 4
TERMS = Plan(
    lead_time_days=7 * (WAIT - 1), review_days=7, holding_cost=HOLDING / 7, shortage_cost=SHORTAGE, unmet="lost"
)  # fmt: skip


def demand_of(panel: Panel, seed: int = 0) -> F64:
    """``(S, T)`` demand, guessed where the shelf was empty; 0 before the history of an item."""
    sales = np.nan_to_num(panel.dense(panel.values).astype(np.float64))
    stocked = (
        np.nan_to_num(panel.dense(panel.available.astype(np.float32))) > 0
        if panel.available is not None
        else sales >= 0
    )
    window = np.ones(2 * NEAR + 1)
    total = np.apply_along_axis(np.convolve, 1, np.where(stocked, sales, 0.0), window, "same")
    count = np.apply_along_axis(np.convolve, 1, stocked.astype(np.float64), window, "same")
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    guess = np.floor(mean + np.random.default_rng(seed).random(mean.shape))
    return np.where(stocked, sales, np.maximum(guess, sales))


@dataclass
class World:
    """What a policy sees of an episode: the history before it, and what was sold in it so far.

    Attributes:
        demand: ``(S, T)``, of which policies see what they sold.
        panel: the real history.
        start: first week of the episode, a column of ``demand``.
        skip: first periods of the play that are no weeks: the moment of the first order.
        sold: ``(S, weeks so far)`` sales.
        short: whether the shelf ran empty.
    """

    demand: F64
    panel: Panel
    start: int
    skip: int = 0
    sold: list[F64] = field(default_factory=list)
    short: list[npt.NDArray[np.bool_]] = field(default_factory=list)

    def see(self, state: State) -> None:
        """Note the week that is over (orders are decided after the count)."""
        if state.period < self.skip:
            return
        self.sold.append(state.sold[:, 0].copy())
        self.short.append(state.short[:, 0] > 0)

    def history(self) -> Panel:
        """Sales and stock-outs up to now."""
        steps = self.panel.n_steps
        past = self.panel.until(self.panel.end - (steps - self.start))
        if not self.sold:
            return past
        later = past.append(np.stack(self.sold, axis=1).astype(np.float32), {})
        available = np.ones(later.values.size, np.bool_) if later.available is None else later.available.copy()
        for back, short in enumerate(reversed(self.short), start=1):
            available[later.indptr[1:] - back] = ~short
        return replace(later, available=available)


@dataclass
class Official:
    """The organisers' policy."""

    world: World

    def order(self, state: State) -> F64:
        """Units up to four weeks of the seasonal moving average."""
        self.world.see(state)
        panel = self.world.history()
        sales = np.nan_to_num(panel.dense(panel.values).astype(np.float64))
        seen = ~np.isnan(panel.dense(panel.observed))
        now = sales.shape[1]
        total, weight = np.where(seen, sales, 0.0).sum(axis=0), seen.sum(axis=0)
        level = total / np.maximum(weight, 1)
        phase = np.arange(now) % YEAR
        index = (
            np.array([level[phase == p].mean() if (phase == p).any() else level.mean() for p in range(YEAR)])
            / level.mean()
        )
        index = np.maximum(index, 0.1)
        recent = slice(max(now - WINDOW, 0), now)
        plain = np.where(seen[:, recent], sales[:, recent] / index[phase[recent]], 0.0)
        average = plain.sum(axis=1) / np.maximum(seen[:, recent].sum(axis=1), 1)
        ahead = index[(now + np.arange(COVER)) % YEAR].sum()
        return np.rint(np.maximum(average[:, None] * ahead - state.position, 0.0))


@dataclass
class Ours:
    """What `skucast.plan` orders: the same calls, week by week, on the panel instead of a frame.

    Attributes:
        world: what it sees.
        model: name or options; fitted at the first order of an episode, then moved on to newer weeks.
    """

    world: World
    model: Any
    fitted: Any = None

    def order(self, state: State) -> F64:
        """Stock, orders on their way and history in; units out."""
        self.world.see(state)
        history = self.world.history()
        if self.fitted is None or registry.spec_class(self.fitted.spec.name).capabilities.scope == "local":
            self.fitted = registry.make(self.model).fit(history, horizon=WEEKS, seed=0)
        else:
            self.fitted = self.fitted.update(history)
        ids = history.ids.cast(pl.String)
        weeks = history.freq.stamp(history.end + 1 + np.arange(WAIT - 1)).astype("datetime64[D]").tolist()
        coming = [
            pl.DataFrame({"sku": ids, "quantity": state.due(k + 1)[:, 0], "due": [week] * len(ids)})
            for k, week in enumerate(weeks)
        ]
        stock = pl.DataFrame({"sku": ids, "on_hand": state.on_hand[:, 0]})
        made = purchase_plan(
            self.fitted.predict(WAIT), plan=TERMS, stock=stock, open_orders=pl.concat(coming), seed=state.period
        )  # fmt: skip
        order = pl.DataFrame({"unique_id": ids}).join(made.frame(), on="unique_id", how="left", maintain_order="left")
        return order["order_qty"].to_numpy()[:, None]


def episode(panel: Panel, demand: F64, start: int, model: Any | None) -> tuple[float, float, float]:
    """Cost of holding, of shortage, and seconds of an order, of one episode that begins with week ``start``."""
    costs, before = Costs(holding=HOLDING, shortage=SHORTAGE), start - WARM
    full = np.rint(demand[:, before - WINDOW : before].mean(axis=1) * COVER)
    rules = Setting(supply=Supply(lead_time=WAIT, pack=1), costs=costs, opening=Opening(full), decide="after-count")
    warm = simulate(demand[:, before:start], Official(World(demand, panel, before)), rules, keep=("closing", "ordered"))
    closing, ordered = (_trace(warm, name) for name in ("closing", "ordered"))
    # the first order is placed at the end of the week before the episode: a period 0 in which nothing happens
    nothing = np.zeros((len(demand), 1))
    pipeline = np.concatenate([nothing, ordered[:, -WAIT:-1]], axis=1)
    supply = Supply(lead_time=WAIT, pack=1, order_days=np.arange(WEEKS + 1) < ORDERS)
    rules = replace(rules, supply=supply, opening=Opening(closing[:, -1], pipeline=pipeline))
    world = World(demand, panel, start, skip=1)
    policy = Official(world) if model is None else Ours(world, model)
    begin = time.perf_counter()
    weeks = np.concatenate([nothing, demand[:, start : start + WEEKS]], axis=1)
    played = simulate(weeks, policy, rules, keep=("closing", "short"))
    seconds = (time.perf_counter() - begin) / ORDERS
    left, short = (_trace(played, name)[:, 1:].sum() for name in ("closing", "short"))
    return float(HOLDING * left), float(SHORTAGE * short), seconds


def _trace(outcome: Outcome, name: str) -> F64:
    """``(S, T)`` of the one path."""
    if outcome.trace is None:
        raise RuntimeError("nothing was kept")
    return outcome.trace[name][:, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the public data sets")
    parser.add_argument("--models", nargs="+", default=["seasonal-naive", "ets", "negbin", "pretrained", "auto"])
    parser.add_argument("--episodes", type=int, default=12)
    options = parser.parse_args()
    panel = vn2(options.data)
    demand = demand_of(panel)
    starts = [demand.shape[1] - WEEKS - APART * k for k in range(options.episodes)][::-1]
    content = read("vn2")
    content["episodes"] = [
        str(panel.freq.stamp(np.array([panel.end - demand.shape[1] + 1 + s]))[0])[:10] for s in starts
    ]
    for name in ["official", *options.models]:
        rows = [episode(panel, demand, start, None if name == "official" else name) for start in starts]
        content.setdefault("policies", {})[name] = {
            "cost": [round(h + s, 1) for h, s, _ in rows], "holding": [round(h, 1) for h, _, _ in rows],
            "shortage": [round(s, 1) for _, s, _ in rows], "seconds_per_order": round(float(np.mean([t for *_, t in rows])), 2),
        }  # fmt: skip
        mean = float(np.mean(content["policies"][name]["cost"]))
        base = float(np.mean(content["policies"]["official"]["cost"]))
        print(
            f"{name:<16} {mean:8.0f}  {100 * (mean / base - 1):+.1f} %  {content['policies'][name]['cost']}", flush=True
        )
    content["about"] = about(episodes=options.episodes)
    write("vn2", content)


if __name__ == "__main__":
    main()
