"""Covariates of a panel by role: what is known in the future too, and what only in the past."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..config import ForecastSection
from ..errors import ConfigError
from ..panel import F32
from .behaviour import column_name, event_columns
from .demand import Demand
from .grid import Grid
from .items import list_prices
from .members import Members, with_attributes
from .prices import price_columns, recent_prices
from .promotions import promotion_columns
from .signals import signal_columns
from .sold import Sold
from .trading import periods


@dataclass(frozen=True)
class Sources:
    """What covariates are made from; tables are cleaned, None where not given.

    Attributes:
        demand: sales with prices, promotions and further columns.
        products: one row per item.
        promotions: as `clean_promotions` returns them.
        events: as `clean_events` returns them.
        signals: as `clean_signals` returns them.
        wanted: the ``[forecast]`` section: ``known``, ``past``, ``promotions``.
    """

    demand: Demand
    products: pl.DataFrame | None
    promotions: pl.DataFrame | None
    events: pl.DataFrame | None
    signals: pl.DataFrame | None
    wanted: ForecastSection

    def known(self, grid: Grid, members: Members) -> dict[str, F32]:
        """Covariates known in the future too, flat on the grid; NaN where the tables do not say."""
        out = self._promotions(grid, members) if self.wanted.promotions else {}
        asked = [n for n in self.wanted.known if n not in ("promotion", "promotion_discount")]
        given = [n for n in asked if n in self.demand.extras or (n == "price" and "price" in self.demand.cells.columns)]
        out |= self._columns(grid, given)
        for name, column in self._signals(grid, members, known=True).items():
            out[name if name not in out else f"signal_{name}"] = column
        return out

    def past(self, grid: Grid, members: Members, sold: Sold, known: Collection[str]) -> dict[str, F32]:
        """Covariates known only up to the last step, flat on the grid; none that ``known`` has already."""
        listed = self._list_price(grid)
        out = price_columns(grid, sold.cells, sold.cells["row"].to_numpy().astype(np.int64), listed)
        if self.events is not None:
            out |= event_columns(grid, members, self.events)
        out |= self._columns(grid, [n for n in self.wanted.past if n in self.demand.extras])
        for name, column in self._signals(grid, members, known=False).items():
            out[name if name not in out else f"signal_{name}"] = column
        return {name: column for name, column in out.items() if name not in known}

    def check(self) -> None:
        """Raise a `ConfigError` if ``[forecast] known`` or ``past`` names a column that no table has."""
        signals = [] if self.signals is None else self.signals["name"].unique().sort().to_list()
        events = [] if self.events is None else self.events["kind"].unique().sort().to_list()
        priced = ["price"] if "price" in self.demand.cells.columns else []
        there = {
            "known": ["promotion", "promotion_discount", *priced, *self.demand.extras, *signals],
            "past": ["price", "list_price", "discount", *self.demand.extras, *signals, *events],
        }
        for role, names in there.items():
            for name in getattr(self.wanted, role):
                if name not in names and column_name(name) not in names:
                    raise ConfigError(
                        f"[forecast] {role} names '{name}', which no table has: choose among {', '.join(names)}, "
                        "or add the column to the sales or signals table."
                    )

    def _promotions(self, grid: Grid, members: Members) -> dict[str, F32]:
        out: dict[str, F32] = {}
        if self.promotions is not None:
            prices: dict[str, float] = list_prices(self.products)
            if "price" in self.promotions.columns:
                recent = recent_prices(self.demand.cells).filter(pl.col("list_price").is_not_null())
                prices = dict(recent.select("sku", "list_price").iter_rows()) | prices
            out = promotion_columns(grid, members, self.promotions, prices)
        if "promotion" in self.demand.cells.columns:
            flagged = np.nan_to_num(self._columns(grid, ["promotion"])["promotion"])
            out["promotion"] = np.maximum(flagged, out["promotion"]) if "promotion" in out else flagged
        return out

    def _columns(self, grid: Grid, names: list[str]) -> dict[str, F32]:
        """Columns of the sales table, rows beyond the last quantity included: the mean of each cell.

        A column that has one value per date, whatever the item, is one of the date.
        """
        if not names:
            return {}
        demand, ahead = self.demand, self.demand.future
        keys = [*demand.keys, "date"]
        parts = [t.select(*keys, *[n for n in names if n in t.columns]) for t in (demand.cells, ahead) if t is not None]
        table = pl.concat(parts, how="diagonal")
        level = [n for n in grid.keys.columns if n not in table.columns]
        row = grid.rows(with_attributes(table, self.products) if level else table)
        ordinal = periods(grid.freq, table["date"].to_physical().to_numpy().astype(np.int64))
        flat = table.select(pl.Series("row", row), pl.Series("ordinal", ordinal), "date", *names)
        first = int(grid.start.min())
        means = flat.group_by("row", "ordinal", maintain_order=True).agg(pl.col(names).mean())
        dated = flat.group_by("date").agg(
            pl.col("ordinal").first(),
            *[pl.col(n).drop_nulls().n_unique().alias(f"{n} differ") for n in names],
            *[pl.col(n).mean() for n in names],
        )
        out: dict[str, F32] = {}
        for name in names:
            if name not in ("promotion", "price") and (dated[f"{name} differ"] <= 1).all():
                one = (
                    dated.filter(pl.col("ordinal").is_between(first, grid.end))
                    .group_by("ordinal")
                    .agg(pl.col(name).mean())
                )
                axis = np.full(grid.end - first + 1, np.nan, dtype=np.float32)
                axis[one["ordinal"].to_numpy() - first] = one[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
                out[name] = np.asarray(grid.by_period(axis, first), dtype=np.float32)
            else:
                values = means[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
                out[name] = np.asarray(grid.scatter(means["row"].to_numpy(), means["ordinal"].to_numpy(), values))
        return out

    def _signals(self, grid: Grid, members: Members, known: bool) -> Mapping[str, F32]:
        if self.signals is None:
            return {}
        asked = {column_name(n) for n in self.wanted.known}
        left = {column_name(n) for n in self.wanted.past}
        is_known = (pl.col("known") | pl.col("name").is_in(pl.lit(sorted(asked)))) & ~pl.col("name").is_in(
            pl.lit(sorted(left))
        )
        return signal_columns(grid, members, self.signals.filter(is_known if known else ~is_known))

    def _list_price(self, grid: Grid) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
        prices = list_prices(self.products)
        if not prices or "sku" not in grid.keys.columns:
            return None
        listed = grid.keys["sku"].replace_strict(prices, default=None, return_dtype=pl.Float64)
        return listed.fill_null(np.nan).to_numpy()
