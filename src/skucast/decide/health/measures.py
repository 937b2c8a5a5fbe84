"""Measures: what the paths say of each item's stock, in chunks over items."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...forecast import F64, Forecast
from ..draws import sample_paths
from ..order_up_to import quantile_of_sorted
from ..timeline import Timeline
from .classes import expected_error
from .far_demand import demand_until
from .options import HealthOptions
from .projection import Projection, expiring_steps, project_stock
from .value import PARTS

_CELLS = 4_000_000  # numbers of one array in memory at a time


@dataclass(frozen=True, eq=False)
class Stocks:
    """What the measures need of each item, arrays ``(S,)``; unknown stock as 0."""

    on_hand: F64
    on_order: F64
    protect_days: F64  # lead time and review period
    sell_days: F64  # days on sale; infinite unless discontinued
    left_days: F64  # days that units on hand keep; infinite: for ever
    life_days: F64  # days that new units keep
    arrivals: F64  # (S, H) units

    def take(self, rows: slice) -> Stocks:
        """Some items."""
        return Stocks(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def position(self) -> F64:
        """Units on hand and on order."""
        return self.on_hand + self.on_order


@dataclass(frozen=True, eq=False)
class Measures:
    """Columns ``(S,)`` by name, and the projection of all items."""

    columns: dict[str, F64]
    projection: Projection


def measure(forecast: Forecast, timeline: Timeline, stocks: Stocks, options: HealthOptions, seed: int) -> Measures:
    """Draw paths, chunk by chunk, and measure risk, cover and excess; an item does not depend on its chunk."""
    width = forecast.horizon + _blocks(forecast, max(options.cover_days, options.dead_days)) + 4
    size = max(1, _CELLS // (options.paths * width))
    parts = []
    for begin in range(0, max(len(forecast), 1), size):
        end = min(begin + size, len(forecast))
        chunk = forecast.take(np.arange(begin, end))
        parts.append(_chunk(chunk, timeline, stocks.take(slice(begin, end)), options, seed))
    columns = {name: np.concatenate([p.columns[name] for p in parts]) for name in parts[0].columns}
    joined = {
        f.name: np.concatenate([getattr(p.projection, f.name) for p in parts])
        for f in fields(Projection)
        if f.name != "levels"
    }
    return Measures(columns, Projection(parts[0].projection.levels, **joined))


def exit_demand(
    forecast: Forecast, timeline: Timeline, days: F64, protect: F64, options: HealthOptions, seed: int
) -> tuple[F64, F64]:
    """Demand ``(R, n, K + 1)`` until each of the ``PARTS`` of ``days``, and ``(R, n)`` until ``protect``."""
    paths = sample_paths(forecast, options.paths, seed, options.whole_units)
    edges = np.concatenate([days[:, None] * PARTS, protect[:, None]], axis=1)
    demand = demand_until(paths, timeline, edges, forecast.freq.season, seed)
    return demand[:, :, :-1], demand[:, :, -1]


def exit_rows(forecast: Forecast, options: HealthOptions) -> int:
    """Items whose `exit_demand` fits into memory at a time."""
    width = forecast.horizon + _blocks(forecast, options.exit_days) + 3 * PARTS.size
    return max(1, _CELLS // (options.paths * width))


def _blocks(forecast: Forecast, days: float) -> int:
    """Blocks that `demand_until` needs beyond the horizon."""
    block = max(forecast.horizon // forecast.freq.season, 1) * min(forecast.freq.season, forecast.horizon)
    return int(max(days / forecast.freq.days - forecast.horizon, 0) / block) + 1


def _chunk(forecast: Forecast, timeline: Timeline, s: Stocks, options: HealthOptions, seed: int) -> Measures:
    paths = sample_paths(forecast, options.paths, seed, options.whole_units)  # (S, n, H)
    cover = np.maximum(options.cover_days, s.protect_days)
    until = np.stack([s.protect_days, cover, np.minimum(cover, s.left_days), np.full_like(cover, options.dead_days)], 1)
    until[:, 3] = np.minimum(until[:, 3], s.left_days)
    until = np.minimum(until, s.sell_days[:, None])
    demand = demand_until(paths, timeline, until, forecast.freq.season, seed)  # (S, n, 4)
    shelf, position = np.maximum(s.on_hand, 0.0), s.position
    high = quantile_of_sorted(np.sort(demand[:, :, 1], axis=1), options.excess_level)
    spoils = np.maximum(shelf[:, None] - demand[:, :, 2], 0.0).mean(axis=1)
    expires = np.where(s.left_days <= cover, spoils, 0.0)
    sold = np.minimum(demand[:, :, 3], shelf[:, None]).mean(axis=1)
    needed = quantile_of_sorted(np.sort(demand[:, :, 0], axis=1), options.excess_level)

    ends = np.clip(timeline.steps(s.sell_days.clip(max=1e6))[:, None] - np.arange(forecast.horizon), 0.0, 1.0)
    old = expiring_steps(s.on_hand, s.arrivals, s.left_days, s.life_days, timeline.step_days, forecast.horizon)
    projection = project_stock(paths * ends[:, None, :], s.on_hand, s.arrivals, old, backorders=options.backorders)
    columns = {
        "error": expected_error(paths),
        "expected": forecast.mean.sum(axis=1, dtype=np.float64),
        "cover_days": cover,
        "p_protect": (demand[:, :, 0] > np.maximum(position, 0.0)[:, None] + 1e-6).mean(axis=1),
        "lacking": np.maximum(needed - position, 0.0),
        "p_sold": (demand[:, :, 3] >= shelf[:, None] - 1e-6).mean(axis=1),
        "sell_share": np.divide(sold, shelf, out=np.ones_like(sold), where=shelf > 0),
        "expires": expires,
        "beyond": np.maximum(position - high, 0.0),
        "unmet": projection.unmet.sum(axis=1),
        "wasted": projection.wasted.sum(axis=1),
    }
    return Measures(columns, projection)
