"""Order: which packs of all items are bought, from what each is worth alone to what all may cost together."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ..config import Plan
from ..forecast import F64, Forecast
from .health import HealthOptions, plan_worth
from .outlook import Bool, Outlook, Terms
from .purchase_list import Limits, PurchaseList, purchase_list, spoiling
from .timeline import Timeline


@dataclass(frozen=True)
class Order:
    """What is ordered; arrays ``(S,)``.

    Attributes:
        quantity: units.
        wanted: units that each item is worth alone.
        wanted_gain: expected gain of those.
        hoped: units that pay if all that is left over will be sold some day.
        p_sold: chance that the stock and ``hoped`` units are sold in time to be worth it; NaN where that was not judged.
        listed: the joint order, where there are limits, else None.
        told: its table of lines and reasons, also where only a line's own constraints cannot be met; else None.
    """

    quantity: F64
    wanted: F64
    wanted_gain: F64
    hoped: F64
    p_sold: F64
    listed: PurchaseList | None
    told: pl.DataFrame | None


def choose_order(
    forecast: Forecast, timeline: Timeline, terms: Terms, outlook: Outlook, plan: Plan, has_money: Bool, currency: str, seed: int
) -> Order:  # fmt: skip
    """Choose the packs of every item.

    First alone: the packs of greatest expected gain until the next order, less what would not be sold in
    ``plan.patience_days``. Then, if there is a budget, little room or a supplier's minimum, together.

    Args:
        forecast: of the items.
        timeline: its steps in days.
        terms: of the items.
        outlook: their gain curves.
        plan: limits and patience.
        has_money: items whose cost or price is known; with a budget only they can be ordered.
        currency: ISO code, for sentences.
        seed: of the paths.
    """
    lines, pack = terms.lines, terms.lines.of("pack")
    hoped = outlook.curves.best() * pack
    most, p_sold = _worth(forecast, terms, hoped, plan, has_money, seed)
    curves = outlook.curves.capped(most / pack)
    wanted = curves.best()
    gain = curves.gains(wanted)
    room = {"litres": plan.max_volume_l, "kg": plan.max_weight_kg}
    limits = Limits(plan.budget or np.inf, {name: size for name, size in room.items() if size > 0})
    bound = plan.budget > 0 or limits.capacity or not all(rule.free for rule in lines.rules.values())
    if not bound and not spoiling(lines, curves).any():
        return Order(wanted * pack, wanted * pack, gain, hoped, p_sold, None, None)
    if plan.budget > 0:
        lines = replace(lines, planned=np.asarray(lines.planned) & has_money)
        curves = curves.capped(np.where(has_money, np.inf, 0.0))
    days = np.minimum(terms.lead_days + terms.review_days, terms.sell_days)
    until: list[dt.date | None] = [timeline.date_after(d) for d in days]
    listed = purchase_list(lines, curves, limits, seconds=plan.seconds, until=until, currency=currency)
    return Order(listed.packs * pack, wanted * pack, gain, hoped, p_sold, listed if bound else None, listed.table)


def _worth(forecast: Forecast, terms: Terms, hoped: F64, plan: Plan, has_money: Bool, seed: int) -> tuple[F64, F64]:
    """Most units that earn their money back in time, and the chance that all hoped for are sold by then.

    What is written off soon anyhow has been weighed so already, and without money there is nothing to weigh.
    """
    most, p_sold = np.full(hoped.size, np.inf), np.full(hoped.size, np.nan)
    rows = np.flatnonzero((hoped > 0) & has_money & ~terms.written_off)
    if not rows.size:
        return most, p_sold
    cost = terms.lines.of("unit_cost")
    table = pl.DataFrame({
        "unique_id": forecast.ids.cast(pl.String).gather(rows),
        "order_qty": hoped[rows], "pack_size": terms.lines.of("pack")[rows], "unit_cost": cost[rows],
        "unit_price": (cost + terms.underage)[rows], "position": terms.position[rows], "unit_holding": terms.holding[rows],
        "lead_days": terms.lead_days[rows], "review_days": terms.review_days[rows],
    })  # fmt: skip
    options = HealthOptions(exit_days=plan.patience_days, whole_units=plan.whole_units)
    found = plan_worth(forecast, table, options, plan.line_cost, seed)
    worth = found["worth_qty"].to_numpy()
    most[rows] = np.where(worth < hoped[rows], worth, np.inf)
    p_sold[rows] = found["p_sold"].to_numpy()
    return most, p_sold
