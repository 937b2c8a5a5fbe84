"""StockHealth: the finished look at the stock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ...collect.repairs import Repairs
from ...errors import DataError
from ...forecast import Forecast
from ...panel import I64
from ...panel_frame import from_polars
from ...plotting import SHOWN
from ..assumptions import Assumption
from .projection import Projection


@dataclass(frozen=True, eq=False, repr=False)
class StockHealth:
    """What the stock is like and what to do about it.

    Attributes:
        items: one row per series, in the order of the forecast. ``abc, xyz`` (classes; ``abc`` null: money unknown),
            ``margin`` (currency), ``margin_share``, ``error`` (WAPE), ``error_from`` (``backtest`` or ``forecast``),
            ``stock_value``; ``p_short`` (chance of turning a customer away within the horizon if nothing more is
            ordered), ``risk_date`` (first date by which that chance reaches the option ``risk``), ``lost_units,
            lost_margin`` (expected within the horizon); ``p_sold`` and ``sell_share`` (chance that the stock on hand is
            sold within ``dead_days``, expected share of it), ``idle_days``, ``dead``, ``dead_units, dead_value``,
            ``excess_units, excess_value`` (of items that are not dead), ``cancel_units`` (of the excess, what is still on
            order), ``expires_units`` (within the cover), ``waste_units, waste_value`` (within the horizon).
        cells: the nine cells of ABC and XYZ with items and money in each, see `nine_cells`.
        exits: one row per dead or excess item, most money gained first: ``kind`` (``dead`` or ``excess``), ``units``,
            ``value`` (at cost), ``action`` (``keep, markdown, transfer, return``; null: money unknown), ``exit_units``,
            ``markdown`` (share off the price), ``to`` (location), ``exit_value`` and ``keep_value`` and one
            ``..._value`` per action (money expected from the units; null: not possible), ``gain`` (over keeping),
            ``reason_en, reason_zh``.
        sustainability: ``measure`` (``waste``, ``excess``, ``dead``), ``items``, ``units``, ``money`` (at cost),
            ``co2e_kg`` (null: no factor at all), ``units_without_factor``.
        projection: the stock of all items, see `project_stock`; rows with unknown stock are NaN.
        forecast: that it rests on.
        assumptions: what was taken for granted.
        repairs: what was wrong in the tables (stage ``plan``).
        currency: ISO code of all money.
        today: day of the first step.
        kind: of frames given.
    """

    items: pl.DataFrame
    cells: pl.DataFrame
    exits: pl.DataFrame
    sustainability: pl.DataFrame
    projection: Projection
    forecast: Forecast
    assumptions: tuple[Assumption, ...]
    repairs: Repairs
    currency: str
    today: dt.date
    kind: str = "polars"

    def frame(self) -> Any:
        """The items, in the kind of frame that was given."""
        return from_polars(self.items, self.kind)

    def risk(self, ids: Sequence[Any] | None = None) -> pl.DataFrame:
        """Shortage risk and projected stock by date, long.

        Args:
            ids: series, in this order; all of known stock by default.

        Returns:
            ``unique_id, ds, p_short`` (chance of having turned a customer away by the end of the date), ``p_empty``
            (chance of an empty shelf then), ``arrivals, sold, unmet, wasted`` (units), ``stock`` (mean) and one column
            per quantile of the stock.

        Raises:
            DataError: a series is not there.
        """
        p, rows = self.projection, self._rows(ids)
        steps = self.forecast.horizon
        stamps = pl.Series("ds", self.forecast.stamps)
        if self.forecast.freq.is_calendar:
            stamps = stamps.cast(pl.Date)
        names = self.items["unique_id"]
        table = {"unique_id": names.gather(np.repeat(rows, steps)), "ds": pl.concat([stamps] * len(rows))} if rows.size else {
            "unique_id": names.clear(), "ds": stamps.clear()
        }  # fmt: skip
        for name, array in (
            ("p_short", p.p_short), ("p_empty", p.p_empty), ("arrivals", p.arrived), ("sold", p.sold),
            ("unmet", p.unmet), ("wasted", p.wasted), ("stock", p.mean),
        ):  # fmt: skip
            table[name] = pl.Series(name, array[rows].ravel())
        for k, level in enumerate(p.levels):
            table[f"{level:g}"] = pl.Series(f"{level:g}", p.fan[rows, :, k].ravel())
        return pl.DataFrame(table)

    def summary(self) -> dict[str, float]:
        """Totals: counts of items, money in the currency of the items."""
        items = self.items

        def total(name: str) -> float:
            return float(items[name].sum() or 0.0)

        return {
            "items": float(items.height),
            "stock_unknown": float(items["on_hand"].null_count()),
            "stock_value": total("stock_value"),
            "risky_items": float(items["risk_date"].is_not_null().sum()),
            "lost_margin": total("lost_margin"),
            "dead_items": total("dead"),
            "dead_value": total("dead_value"),
            "excess_items": float((items["excess_units"] > 0).sum()),
            "excess_value": total("excess_value"),
            "waste_value": total("waste_value"),
            "exit_gain": float(self.exits["gain"].sum() or 0.0),
        }

    def plot(self, ids: Sequence[Any] | None = None, **options: Any) -> Any:
        """Fans of the projected stock with arrivals and the chance of a shortage (extra ``plot``); the figure.

        Without ``ids`` the items with the most margin at stake.
        """
        from .chart import plot_stock

        rows = self._most_at_stake()[:SHOWN] if ids is None else self._rows(ids)
        p = self.projection
        return plot_stock(
            self.items["unique_id"].gather(rows).to_list(), self.forecast.freq, self.forecast.start, p.levels, p.fan[rows],
            p.arrived[rows], p.p_short[rows], **options,
        )  # fmt: skip

    def _most_at_stake(self) -> I64:
        weight = (
            self.items["lost_margin"].fill_null(0.0).to_numpy()
            + 1e-9 * self.items["lost_units"].fill_null(0.0).to_numpy()
        )
        known = self._rows(None)
        return known[np.argsort(-weight[known], kind="stable")]

    def _rows(self, ids: Sequence[Any] | None) -> I64:
        if ids is None:
            return np.flatnonzero(self.items["on_hand"].is_not_null().to_numpy())
        place = {name: k for k, name in enumerate(self.items["unique_id"].to_list())}
        wanted = [str(name) for name in ([ids] if isinstance(ids, str) else ids)]
        for name in wanted:
            if name not in place:
                raise DataError(f"There is no series '{name}' in this look at the stock.")
        return np.array([place[name] for name in wanted], dtype=np.int64)

    def __repr__(self) -> str:
        s = self.summary()
        return (
            f"StockHealth({s['items']:,.0f} items on {self.today}; {s['risky_items']:,.0f} may run short, "
            f"{s['dead_items']:,.0f} dead ({s['dead_value']:,.0f} {self.currency}), {s['excess_items']:,.0f} in excess "
            f"({s['excess_value']:,.0f} {self.currency}))"
        )
