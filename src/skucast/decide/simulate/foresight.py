"""Perfect foresight: the cheapest orders had demand and lead times been known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .outcome import Outcome
from .policies import Constant, GivenOrders
from .setting import Setting
from .simulator import simulate
from .supply import of_items


@dataclass(frozen=True)
class Foresight:
    """What nobody can beat.

    Attributes:
        orders: units ``(I, P, T)``.
        outcome: what they cost.
        exact: whether they are the cheapest that the setting allows. Otherwise (packs, least or greatest quantities,
            limits, fixed costs of orders, newest units sold first, orders that must not cross) the outcome leaves
            these out, and its profit is an upper bound.
    """

    orders: F64
    outcome: Outcome
    exact: bool


def perfect_foresight(demand: npt.NDArray[Any], setting: Setting, seed: int = 0) -> Foresight:
    """Orders of the greatest profit for lost sales, each path's demand and lead times known in advance.

    Without fixed costs every unit stands for itself. A unit short without any orders is best covered by the latest
    receipt at or before its period, and covered if price + shortage - unit cost is at least the holding paid in between,
    and if it can still be sold then. Units on hand and on their way are sold as they would be without orders: units are
    alike, so an earlier customer who takes a new unit leaves an old one to a later customer.

    Args:
        demand: as for `simulate`.
        setting: as for `simulate`, without backorders, lanes and warm-up.
        seed: the one that `simulate` is given, so that lead times are the same.

    Raises:
        ConfigError: backorders, lanes or a warm-up, or units on their way at the beginning of items that expire.
    """
    for wrong, what in (
        (setting.backorders, "backorders"), (setting.lanes is not None, "transfers"), (setting.warm_up > 0, "a warm-up"),
    ):  # fmt: skip
        if wrong:
            raise ConfigError(f"Perfect foresight is worked out for lost sales, not with {what}: leave it out.")
    _refuse_aging_pipeline(setting, len(np.asarray(demand)))
    supply, costs = setting.supply, setting.costs
    easy = replace(
        setting, limits=(), supplier=None, newest=0.0, costs=replace(costs, per_line=0.0, per_order=0.0),
        supply=replace(supply, pack=0.0, min_order=0.0, max_order=np.inf, crossing=True),
    )  # fmt: skip
    given = np.asarray(demand)
    without = simulate(given, Constant(0.0), easy, seed=seed, keep=("short",))
    assert without.trace is not None
    short = without.trace["short"]  # (I, P, T)
    orders = _orders(short, easy, seed)
    perishes = setting.life(without.items) is not None
    exact = not (
        setting.limits
        or any(np.any(np.asarray(v)) for v in (costs.per_line, costs.per_order, supply.pack, supply.min_order))
        or np.isfinite(np.asarray(supply.max_order)).any()
        or (perishes and np.any(np.asarray(setting.newest)))
        or not (supply.crossing or (supply.lead_pmf is None and np.ndim(supply.lead_time) < 2))
    )
    return Foresight(orders, simulate(given, GivenOrders(orders), easy, seed=seed), exact)


def _refuse_aging_pipeline(setting: Setting, items: int) -> None:
    """Units alike in all but their age, received after new ones, are not alike."""
    life = setting.life(items)
    if setting.opening.pipeline is None or life is None:
        return
    late = (np.asarray(setting.opening.pipeline)[:, 1:] > 0).any(axis=1) & (life > 0)
    if late.any():
        raise ConfigError(
            f"Perfect foresight is not worked out for item {setting.name(int(late.argmax()))}: it expires and has units "
            "on their way at the beginning. Leave the pipeline or the shelf life out."
        )


def _orders(short: F64, setting: Setting, seed: int) -> F64:
    """Orders ``(I, P, T)`` that cover units short ``(I, P, T)`` where it pays."""
    items, paths, periods = short.shape
    everything, shape = slice(0, items), (items, paths)
    delays = setting.supply.delays(everything, items, paths, periods, seed)
    openings = setting.supply.openings(everything, items, periods)
    life = setting.life(items)
    lives = np.full(items, periods + 1) if life is None else np.where(life > 0, life, periods + 1)
    gain, holding = (
        sum(sign * of_items(getattr(setting.costs, f), items, f) for sign, f in terms)
        for terms in (((1, "price"), (1, "shortage"), (-1, "unit_cost")), ((1, "holding"),))
    )
    extra = 0.5 if setting.count == "average" else 0.0  # what is sold in the period of its receipt

    placed = np.full((periods + 1, *shape), -1, dtype=np.int32)  # by receipt: when to order for it
    grid = np.ogrid[:items, :paths]
    for period in range(periods):
        arrival = np.broadcast_to(np.minimum(period + delays.at(period), periods), shape)
        at = (arrival, grid[0], grid[1])
        placed[at] = np.where(openings[period][:, None], period, placed[at])
    orders = np.zeros((periods, *shape))
    receipt = np.full(shape, -1)
    for period in range(periods):
        receipt = np.where(placed[period] >= 0, period, receipt)
        wait = period - receipt
        pays = np.asarray(gain)[:, None] >= np.asarray(holding)[:, None] * (wait + extra) - 1e-12
        covered = (receipt >= 0) & pays & (wait < lives[:, None])
        order = np.maximum(placed[np.maximum(receipt, 0), grid[0], grid[1]], 0)
        orders[order, grid[0], grid[1]] += np.where(covered, short[:, :, period], 0.0)
    return np.ascontiguousarray(orders.transpose(1, 2, 0))
