"""Outlook: what the sample paths say about each item, and what it should order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..forecast import F64, Forecast
from .lead_time import draw_lead_times
from .order_up_to import critical_ratio, expected_shortage, quantile_of_sorted
from .packs import round_order
from .timeline import Timeline, demand_within

OVERSTOCK_DAYS = 90.0
"""Stock beyond the 99 % demand of so many days (or of the protection interval, if longer) is excess."""
_OVERSTOCK_LEVEL = 0.99
_CELLS = 6_000_000  # path cells in memory at a time
_LONGEST_COVER = 3650.0  # days; beyond, a run-out date means nothing

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Terms:
    """Arrays ``(S,)`` that an order depends on; see `skucast.decide.terms` for units."""

    position: F64  # on hand + on order; 0 where unknown
    stock_known: Bool
    underage: F64  # margin per unit
    overage: F64  # holding per unit over the review period, plus cost where leftovers are written off
    lead_days: F64
    lead_sd_days: F64
    review_days: F64
    sell_days: F64  # days from today on which it may still be sold; infinite unless discontinued
    pack: F64
    min_order: F64
    written_off: Bool
    buyable: Bool

    def take(self, rows: slice) -> Terms:
        """Terms of some items."""
        return Terms(**{name: column[rows] for name, column in vars(self).items()})


@dataclass(frozen=True)
class Outlook:
    """Results per item; ``need`` is ``(S, n)`` rising along rows, kept only when asked for."""

    columns: Mapping[str, F64]
    need: npt.NDArray[np.float32] | None


def look_ahead(
    forecast: Forecast, timeline: Timeline, terms: Terms, n: int, seed: int, keep_need: bool = False
) -> Outlook:
    """Draw paths, chunk by chunk over items, and measure demand, risk and the ideal order.

    The result of an item does not depend on the chunk it is in.

    Args:
        forecast: of all items.
        timeline: its steps in days.
        terms: of all items.
        n: paths per item.
        seed: of paths and lead times.
        keep_need: keep the draws of unmet need, ``4 S n`` bytes, for a budget cut.
    """
    size = max(1, _CELLS // max(1, n * forecast.horizon))
    parts, needs = [], []
    for begin in range(0, len(forecast), size):
        rows = slice(begin, begin + size)
        chunk = forecast.take(np.arange(begin, min(begin + size, len(forecast))))
        columns, need = _chunk(chunk, timeline, terms.take(rows), n, seed)
        parts.append(columns)
        if keep_need:
            needs.append(need)
    joined = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    return Outlook(joined, np.concatenate(needs) if keep_need else None)


def _chunk(
    forecast: Forecast, timeline: Timeline, t: Terms, n: int, seed: int
) -> tuple[dict[str, F64], npt.NDArray[np.float32]]:
    paths = forecast.paths(n, seed)  # (S, n, H)
    season = min(forecast.freq.season, forecast.horizon)
    lead = draw_lead_times(t.lead_days, t.lead_sd_days, n, seed)
    until = t.sell_days[:, None]  # nobody buys a discontinued item after its last day
    protect = np.minimum(lead + t.review_days[:, None], until)
    lead = np.minimum(lead, until)
    demand_lead = demand_within(paths, timeline.steps(lead), season)
    demand_protect = demand_within(paths, timeline.steps(protect), season)

    shelf = np.maximum(t.position, 0.0)[:, None]  # what can still be sold
    owed = np.maximum(-t.position, 0.0)[:, None]  # what customers wait for
    lost_early = np.maximum(demand_lead - shelf, 0.0)
    # Leftovers that spoil are not there for the next cycle, so nothing is ordered for demand that
    # passes before arrival; elsewhere an order also restores the position (order-up-to).
    passed = np.where(t.written_off & t.stock_known, 1.0, 0.0)[:, None] * lost_early
    need = (demand_protect - shelf + owed - passed).astype(np.float32)

    ordered = np.sort(demand_protect, axis=1)
    ratio = np.where(t.buyable, critical_ratio(t.underage, t.overage), 0.0)
    level = quantile_of_sorted(ordered, ratio)
    need.sort(axis=1)
    ideal = np.where(
        t.written_off, np.maximum(quantile_of_sorted(need, ratio), 0.0), np.maximum(level - t.position, 0.0)
    )
    ideal = np.where(ratio > 0, ideal, 0.0)
    quantity = round_order(ideal, need, t.underage, t.overage, t.pack, t.min_order)
    cover = _cover_days(paths, timeline, t.position, season)
    far = np.minimum(np.maximum(OVERSTOCK_DAYS, protect.max(axis=1))[:, None], until)
    over = t.stock_known & (quantity <= 0)  # what is worth ordering is no overstock
    enough = quantile_of_sorted(np.sort(demand_within(paths, timeline.steps(far), season), axis=1), _OVERSTOCK_LEVEL)
    columns = {
        "demand_lead_mean": demand_lead.mean(axis=1),
        "demand_protect_mean": demand_protect.mean(axis=1),
        "demand_protect_p10": quantile_of_sorted(ordered, 0.1),
        "demand_protect_p90": quantile_of_sorted(ordered, 0.9),
        "order_up_to": level,
        "service_target": ratio,
        "p_out_before_arrival": (demand_lead > shelf).mean(axis=1),
        "p_out_without_order": (demand_protect > shelf).mean(axis=1),
        "early_units": lost_early.mean(axis=1),
        "passed_units": passed.mean(axis=1),
        "need_mean": need.mean(axis=1, dtype=np.float64),
        "short_without": expected_shortage(need, np.zeros(len(forecast))),
        "ideal_qty": ideal,
        "wanted_qty": quantity,
        "short_with": expected_shortage(need, quantity),
        "cover_days": cover,
        "excess_units": np.where(over, np.maximum(t.position - enough, 0.0), 0.0),
        "extended": (protect.max(axis=1) > timeline.days + 1e-9).astype(np.float64),
    }
    return columns, need


def _cover_days(paths: npt.NDArray[np.float32], timeline: Timeline, position: F64, season: int) -> F64:
    """Days until expected demand has used up the position; infinite where it never does."""
    mean = paths.mean(axis=1, dtype=np.float64)  # (S, H)
    total = np.cumsum(mean, axis=1)
    tail = mean[:, -season:].mean(axis=1)
    stock = np.maximum(position, 0.0)
    step = (total < stock[:, None]).sum(axis=1)  # steps that pass in full
    inside = np.minimum(step, paths.shape[2] - 1)
    rows = np.arange(len(position))
    before = total[rows, inside] - mean[rows, inside]
    part = np.divide(stock - before, mean[rows, inside], out=np.zeros_like(stock), where=mean[rows, inside] > 0)
    width = np.diff(timeline.edges)
    within = timeline.edges[inside] + np.clip(part, 0.0, 1.0) * width[inside]
    rest = np.maximum(stock - total[:, -1], 0.0)
    beyond = np.divide(rest, tail, out=np.full_like(stock, np.inf), where=tail > 0) * timeline.step_days
    days = np.where(step < paths.shape[2], within, timeline.days + beyond)
    days = np.where((stock > 0) & (total[:, -1] <= 0), np.inf, days)
    return np.where(days > _LONGEST_COVER, np.inf, days)
