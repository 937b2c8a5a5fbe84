"""Outlook: what the sample paths say about each item, and what further packs of it would gain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..forecast import F64, Forecast
from .draws import sample_paths
from .lead_time import draw_lead_times
from .order_up_to import critical_ratio, quantile_of_sorted
from .purchase_list import GainCurves, Lines, OrderSales, gain_curves, order_sales
from .timeline import Timeline, demand_within

OVERSTOCK_DAYS = 90.0
"""Stock beyond the 99 % demand of so many days (or of the protection interval, if longer) is excess."""
_OVERSTOCK_LEVEL = 0.99
_CELLS = 6_000_000  # path cells in memory at a time
_LONGEST_COVER = 3650.0  # days; beyond, a run-out date means nothing
_LATER = 1  # further orders whose use for what is left over is looked at; more were no better on VN2
_MOST_MOMENTS = 14
_MOMENTS = 4  # between two arrivals at which the shelf is counted for what it costs to hold

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Terms:
    """What an order depends on; arrays ``(S,)`` unless said.

    Attributes:
        lines: items as the purchase list knows them, with what is on the shelf as their position; times in steps.
        arrivals: ``(S, A)`` units on their way, by the step at whose beginning they are received.
        underage: money lost per unit of demand not met.
        holding: money per unit and day on the shelf.
        lead_days: mean days from order to shelf.
        lead_sd_days: their standard deviation.
        lead_draws: ``(S, n)`` lead times in days, one per path, in place of these two, or None.
        review_days: days until the next order.
        sell_days: days from today on which it may still be sold; infinite unless discontinued.
        stock_known: whether the shelf has been counted; otherwise it is taken as empty.
        written_off: what is left when the next order arrives can no longer be sold.
    """

    lines: Lines
    arrivals: F64
    underage: F64
    holding: F64
    lead_days: F64
    lead_sd_days: F64
    lead_draws: F64 | None
    review_days: F64
    sell_days: F64
    stock_known: Bool
    written_off: Bool

    @property
    def position(self) -> F64:
        """Units on hand and on order; 0 where unknown."""
        return np.asarray(self.lines.of("position") + self.arrivals.sum(axis=1))

    @property
    def overage(self) -> F64:
        """Money per unit left over when the next order arrives: holding, and what it is written off by."""
        written = self.lines.of("unit_cost") - self.lines.of("salvage")
        return np.asarray(self.holding * self.review_days + written)

    @property
    def service_target(self) -> F64:
        """Critical ratio of demand until the next order arrives; 0 where nothing may be ordered."""
        return np.where(self.lines.planned, critical_ratio(self.underage, self.overage), 0.0)

    def take(self, rows: slice | npt.NDArray[np.integer]) -> Terms:
        """Terms of some items."""
        columns = {
            name: None if column is None else column[rows] for name, column in vars(self).items() if name != "lines"
        }
        return Terms(lines=self.lines.take(rows), **columns)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Outlook:
    """Results per item.

    Attributes:
        columns: name -> ``(S,)``; see `skucast.decide.plan_table`.
        curves: gain of further packs.
    """

    columns: Mapping[str, F64]
    curves: GainCurves


def look_ahead(forecast: Forecast, timeline: Timeline, terms: Terms, n: int, seed: int, whole: bool = True) -> Outlook:
    """Draw paths, chunk by chunk over items, and measure demand, risk and the gain of every pack.

    The result of an item does not depend on the chunk it is in.

    Args:
        forecast: of all items.
        timeline: its steps in days.
        terms: of all items.
        n: paths per item.
        seed: of paths and lead times.
        whole: demand comes in whole units.
    """
    columns, curves, order = [], [], []
    for rows, moments in _chunks(forecast, timeline, terms, n):
        chunk = _Chunk.of(forecast.take(rows), timeline, terms.take(rows), moments, n, seed, whole)
        found = gain_curves(chunk.terms.lines, chunk.sales)
        best = found.best() * chunk.terms.lines.of("pack")
        columns.append(chunk.measures() | {f"best_{name}": effect for name, effect in chunk.effects(best).items()})
        curves.append(found)
        order.append(rows)
    back = np.argsort(np.concatenate(order))
    joined = {name: np.concatenate([c[name] for c in columns])[back] for name in columns[0]}
    return Outlook(joined, GainCurves.join(curves).take(back))


def order_effects(
    forecast: Forecast, timeline: Timeline, terms: Terms, outlook: Outlook, quantity: F64, n: int, seed: int, whole: bool = True
) -> dict[str, F64]:  # fmt: skip
    """What an order of ``(S,)`` units changes, on the same paths as `look_ahead`, which saw what is best for each item alone.

    Returns:
        ``sold`` (units of it until the next order arrives) and ``carried`` (its units on the shelf times days).
    """
    as_seen = quantity == outlook.curves.best() * terms.lines.of("pack")
    out = {name: np.where(as_seen, outlook.columns[f"best_{name}"], 0.0) for name in ("sold", "carried")}
    others = np.flatnonzero(~as_seen & (quantity > 0))
    for part, moments in _chunks(forecast.take(others), timeline, terms.take(others), n):
        rows = others[part]
        chunk = _Chunk.of(forecast.take(rows), timeline, terms.take(rows), moments, n, seed, whole)
        for name, effect in chunk.effects(quantity[rows]).items():
            out[name][rows] = effect
    return out


def _chunks(forecast: Forecast, timeline: Timeline, terms: Terms, n: int) -> list[tuple[npt.NDArray[np.int64], int]]:
    """Items to look at together, and at how many moments between two arrivals their shelves are counted.

    At each step, though at four at most; where open orders come in between, at fourteen.
    """
    size = max(1, _CELLS // max(1, n * forecast.horizon))
    later = np.arange(terms.arrivals.shape[1]) > timeline.steps(terms.lead_days)[:, None]
    most = np.where((later & (terms.arrivals > 0)).any(axis=1), _MOST_MOMENTS, _MOMENTS)
    moments = np.clip(np.ceil(terms.review_days / timeline.step_days - 1e-9), 1, most).astype(np.int64)
    found = []
    for count in np.unique(moments):
        rows = np.flatnonzero(moments == count)
        found += [(rows[begin : begin + size], int(count)) for begin in range(0, rows.size, size)]
    return found


@dataclass(frozen=True)
class _Chunk:
    """Some items with their paths.

    Attributes:
        terms: of the items.
        timeline: steps in days.
        paths: ``(S, n, H)``.
        season: steps that stand for what lies beyond the horizon.
        lead: ``(S, n)`` or ``(S, 1)`` days until the order arrives.
        protect: days until the next order could arrive.
        sales: what an order would sell.
    """

    terms: Terms
    timeline: Timeline
    paths: npt.NDArray[np.float32]
    season: int
    lead: F64
    protect: F64
    sales: OrderSales

    @classmethod
    def of(
        cls, forecast: Forecast, timeline: Timeline, terms: Terms, moments: int, n: int, seed: int, whole: bool
    ) -> _Chunk:
        paths = sample_paths(forecast, n, seed, whole)
        season = min(forecast.freq.season, forecast.horizon)
        lead = terms.lead_draws
        if lead is None:
            lead = draw_lead_times(terms.lead_days, terms.lead_sd_days, n, seed)
        until = terms.sell_days[:, None]  # nobody buys a discontinued item after its last day
        protect = np.minimum(lead + terms.review_days[:, None], until)
        lead = np.minimum(lead, until)
        # of what spoils, as much as pays if what has not been sold by then is lost
        spoiling = critical_ratio(terms.underage, terms.lines.of("unit_cost"))
        begin, end = timeline.steps(lead), timeline.steps(protect)
        sales = order_sales(
            terms.lines, paths, begin, end, season, moments,
            np.clip(spoiling, 1e-6, 1 - 1e-6), terms.arrivals, _LATER, terms.service_target,
        )  # fmt: skip
        return cls(terms, timeline, paths, season, lead, protect, sales)

    def measures(self) -> dict[str, F64]:
        """Demand, risk, and cover of every item."""
        t, sales = self.terms, self.sales
        demand_lead, demand_protect = (self._demand(days) for days in (self.lead, self.protect))
        ordered, ratio = np.sort(demand_protect, axis=1), t.service_target
        longest = self.protect.max(axis=1)
        far = np.minimum(np.maximum(OVERSTOCK_DAYS, longest)[:, None], t.sell_days[:, None])
        enough = quantile_of_sorted(np.sort(self._demand(far), axis=1), _OVERSTOCK_LEVEL)
        position = t.position
        return {
            "demand_lead_mean": demand_lead.mean(axis=1),
            "demand_protect_mean": demand_protect.mean(axis=1),
            "demand_protect_p10": quantile_of_sorted(ordered, 0.1),
            "demand_protect_p90": quantile_of_sorted(ordered, 0.9),
            "order_up_to": quantile_of_sorted(ordered, ratio),
            "service_target": ratio,
            "p_out_before_arrival": sales.p_early,
            "p_out_without_order": sales.p_out,
            "early_units": sales.early,
            "unmet_units": sales.unmet,
            "left_units": sales.left,
            "kept_unit_days": sales.kept * self.timeline.step_days,
            "cover_days": _cover_days(self.paths, self.timeline, position, self.season),
            "beyond_units": np.where(t.stock_known, np.maximum(position - enough, 0.0), 0.0),
            "extended": (longest > self.timeline.days + 1e-9).astype(np.float64),
        }

    def effects(self, quantity: F64) -> dict[str, F64]:
        """Units that an order sells until the next one arrives, and its units on the shelf times days."""
        return {"sold": self.sales.sold(quantity), "carried": self.sales.carried(quantity) * self.timeline.step_days}

    def _demand(self, days: F64) -> F64:
        return demand_within(self.paths, self.timeline.steps(days), self.season)


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
