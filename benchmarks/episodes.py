"""Episodes of weekly orders: what a policy sees, the official benchmark policy of VN2, skucast's, and what they cost.

Each week an order is placed at the end of the week and usable at the start of the third week after. Six orders, eight
weeks; each episode opens with the stock that the official policy would have left after eight weeks of warm-up. Unmet
demand is lost.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

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
WEEKS, ORDERS, WAIT, APART, WARM = 8, 6, 3, 8, 8
NEAR = 8
YEAR, WINDOW, COVER = 52, 13, 4
TERMS = Plan(lead_time_days=7 * (WAIT - 1), review_days=7, unmet="lost")


@dataclass(frozen=True)
class Money:
    """What a unit costs per week on the shelf, and if it is not there; a number or one per item."""

    holding: F64 | float
    shortage: F64 | float

    def products(self, ids: pl.Series) -> pl.DataFrame:
        """As `skucast.plan` takes it."""
        each = {
            "holding_cost": np.broadcast_to(np.asarray(self.holding, dtype=np.float64) / 7, len(ids)),
            "shortage_cost": np.broadcast_to(np.asarray(self.shortage, dtype=np.float64), len(ids)),
        }
        return pl.DataFrame({"sku": ids, **each})


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
        money: what holding and shortage cost.
        fits: (model, first week) -> what was fitted, for episodes that begin alike.
    """

    world: World
    model: Any
    money: Money
    fits: dict[Any, Any] = field(default_factory=dict)
    fitted: Any = None

    def order(self, state: State) -> F64:
        """Stock, orders on their way and history in; units out."""
        self.world.see(state)
        history = self.world.history()
        if self.fitted is None:
            key = str(self.model), self.world.start
            if key not in self.fits:
                self.fits[key] = self._fit(history)
            self.fitted = self.fits[key]
        elif registry.spec_class(self.fitted.spec.name).capabilities.scope == "local":
            self.fitted = self._fit(history)
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
            self.fitted.predict(WEEKS), plan=TERMS, stock=stock, products=self.money.products(ids),
            open_orders=pl.concat(coming), seed=state.period,
        )  # fmt: skip
        order = pl.DataFrame({"unique_id": ids}).join(made.frame(), on="unique_id", how="left", maintain_order="left")
        return order["order_qty"].to_numpy()[:, None]

    def _fit(self, history: Panel) -> Any:
        return registry.make(self.model).fit(history, horizon=WEEKS, seed=0)


def episode(
    panel: Panel, demand: F64, start: int, model: Any | None, money: Money, fits: dict[Any, Any] | None = None
) -> tuple[float, float, float]:
    """Cost of holding, of shortage, and seconds of an order, of one episode that begins with week ``start``."""
    costs, before = Costs(holding=money.holding, shortage=money.shortage), start - WARM
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
    policy = Official(world) if model is None else Ours(world, model, money, {} if fits is None else fits)
    begin = time.perf_counter()
    weeks = np.concatenate([nothing, demand[:, start : start + WEEKS]], axis=1)
    played = simulate(weeks, policy, rules, keep=("closing", "short"))
    seconds = (time.perf_counter() - begin) / ORDERS
    left, short = (_trace(played, name)[:, 1:].sum(axis=1) for name in ("closing", "short"))
    return float((money.holding * left).sum()), float((money.shortage * short).sum()), seconds


def _trace(outcome: Outcome, name: str) -> F64:
    """``(S, T)`` of the one path."""
    if outcome.trace is None:
        raise RuntimeError("nothing was kept")
    return outcome.trace[name][:, 0]
