"""Outcome: what a policy cost and how well it served, per item and per path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ...forecast import F64
from .setting import Setting
from .supply import of_items
from .tally import Trace

MONEY = ("holding", "shortage", "ordering", "waste", "transfer", "purchase", "revenue", "salvage")
_COST = ("holding", "shortage", "ordering", "waste", "transfer")


@dataclass(frozen=True)
class Outcome:
    """Money and service of a policy over the counted periods.

    Attributes:
        items: how many.
        paths: how many.
        periods: how many were counted.
        units: per name ``(I,)``, the mean over paths of sums over periods: ``demand, served`` (at once), ``short,
            cleared`` (backorders served later)``, ordered, wasted, left`` (on the shelf and on its way at the end),
            ``stock`` (the mean units on which holding is paid), ``lines`` (orders), ``short_periods, cycles,
            clean_cycles``, ``co2e`` (kg, of waste).
        by_item: money per name ``(I,)``, mean over paths.
        by_path: money per name ``(P,)``, summed over items.
        setting: the world it happened in.
        totals: sums over periods per item and path ``(I, P)``, if kept.
        trace: every period, if kept.
    """

    items: int
    paths: int
    periods: int
    units: dict[str, F64]
    by_item: dict[str, F64]
    by_path: dict[str, F64]
    setting: Setting
    totals: dict[str, F64] | None = None
    trace: Trace | None = None

    @property
    def cost(self) -> F64:
        """Holding, shortage, ordering, waste and transfers of each path ``(P,)``."""
        return np.asarray(sum(self.by_path[n] for n in _COST))

    @property
    def profit(self) -> F64:
        """Revenue and worth of what is left, less purchases and all costs, of each path ``(P,)``."""
        return self.by_path["revenue"] + self.by_path["salvage"] - self.by_path["purchase"] - self.cost

    @property
    def fill_rate(self) -> float:
        """Share of demand served from the shelf at once (type 2 service); NaN without demand."""
        return _ratio(self.units["served"], self.units["demand"])

    @property
    def cycle_service(self) -> float:
        """Share of replenishment cycles (receipt to receipt) with nothing short (type 1 service)."""
        return _ratio(self.units["clean_cycles"], self.units["cycles"])

    @property
    def period_service(self) -> float:
        """Share of periods with nothing short."""
        return 1.0 - float(self.units["short_periods"].sum()) / (self.items * self.periods)

    @property
    def capital(self) -> float:
        """Mean worth at cost of the stock on which holding is paid."""
        return float((self._unit_cost * self.units["stock"]).sum())

    @property
    def turns(self) -> float:
        """Units sold per year over mean stock, both at cost (in units where costs are not given)."""
        weight = self._unit_cost if self._unit_cost.any() else np.ones(self.items)
        sold = weight * (self.units["served"] + self.units["cleared"])
        return _ratio(sold, weight * self.units["stock"]) * self.setting.periods_per_year / self.periods

    @property
    def _unit_cost(self) -> F64:
        return of_items(self.setting.costs.unit_cost, self.items, "unit_cost")

    def summary(self) -> dict[str, float]:
        """Money (means over paths, of all items) and service in one row."""
        row = {"cost": float(self.cost.mean()), "profit": float(self.profit.mean())}
        row |= {name: float(self.by_path[name].mean()) for name in MONEY}
        row |= {
            "fill_rate": self.fill_rate, "cycle_service": self.cycle_service, "period_service": self.period_service,
            "turns": self.turns, "capital": self.capital, "demand": float(self.units["demand"].sum()),
            "short": float(self.units["short"].sum()), "wasted": float(self.units["wasted"].sum()),
            "co2e": float(self.units["co2e"].sum()), "orders": float(self.units["lines"].sum()),
        }  # fmt: skip
        return row

    def frame(self) -> pl.DataFrame:
        """One row per item: units and money (mean over paths), ``fill_rate`` and ``cycle_service``."""
        names: Any = self.setting.names if self.setting.names is not None else np.arange(self.items)
        demand, cycles = self.units["demand"], self.units["cycles"]
        return pl.DataFrame(
            {
                "item": names,
                "cost": sum(self.by_item[n] for n in _COST),
                **{n: self.by_item[n] for n in MONEY},
                **{f"units_{n}": self.units[n] for n in ("demand", "served", "short", "ordered", "wasted", "left")},
                "stock": self.units["stock"],
                "fill_rate": np.divide(self.units["served"], demand, out=np.full(self.items, np.nan), where=demand > 0),
                "cycle_service": self.units["clean_cycles"] / cycles,
                "orders": self.units["lines"],
                "co2e": self.units["co2e"],
            }
        )


class Sums:
    """Totals of blocks turned into money and means."""

    def __init__(self, setting: Setting, items: int, paths: int, periods: int, totals: bool) -> None:
        self._setting, self._items, self._paths = setting, items, paths
        self._periods = periods - setting.warm_up
        self._by_path = {name: np.zeros(paths) for name in MONEY}
        self._by_item = {name: np.zeros(items) for name in MONEY}
        self._units: dict[str, F64] = {}
        self._totals: dict[str, F64] | None = {} if totals else None

    def add(self, rows: slice, totals: dict[str, F64]) -> None:
        """Take in the totals ``(i, P)`` of a block."""
        costs, none = self._setting.costs, np.zeros((1, 1))

        def each(field: str) -> F64:
            return of_items(getattr(costs, field), self._items, field)[rows, None]

        totals["short"] = totals["demand"] - totals["served"]
        cleared, wasted, waiting = (totals.get(n, none) for n in ("cleared", "wasted", "waiting"))
        totals["co2e"] = each("co2e") * wasted
        totals["cleared"], totals["wasted"] = totals["served"] * 0 + cleared, totals["served"] * 0 + wasted
        money = {
            "holding": each("holding") * totals["stock"],
            "shortage": each("shortage") * totals["short"] + each("waiting") * waiting,
            "ordering": each("per_line") * totals["lines"]
            + each("per_order") * totals.get("deliveries", totals["lines"]),
            "waste": each("waste") * totals["wasted"],
            "transfer": totals.get("moving", none),
            "purchase": each("unit_cost") * totals["ordered"],
            "revenue": each("price") * (totals["served"] + cleared),
            "salvage": each("salvage") * totals["left"],
        }
        for name, amount in money.items():
            full = np.broadcast_to(amount, totals["served"].shape)
            self._by_path[name] += full.sum(axis=0)
            self._by_item[name][rows] = full.mean(axis=1)
        totals["stock"] = totals["stock"] / self._periods
        for name, total in totals.items():
            full = np.broadcast_to(total, totals["served"].shape)
            self._units.setdefault(name, np.zeros(self._items))[rows] = full.mean(axis=1)
            if self._totals is not None:
                self._totals.setdefault(name, np.zeros((self._items, self._paths)))[rows] = full

    def outcome(self, trace: Trace | None) -> Outcome:
        """All of it."""
        return Outcome(
            self._items, self._paths, self._periods, self._units, self._by_item, self._by_path, self._setting,
            self._totals, trace,
        )  # fmt: skip


def _ratio(part: F64, whole: F64) -> float:
    total = float(whole.sum())
    return float(part.sum()) / total if total > 0 else float("nan")
