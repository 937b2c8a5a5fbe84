"""Shop: the records of a shop, cleaned, ready to become panels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from ..config import Config, load_config, make_config
from ..errors import ConfigError, DataError
from ..frequency import Frequency
from ..panel import F32, Panel
from ..panel_frame import Layout, to_polars
from .availability import availability
from .behaviour import clean_events
from .covariates import Sources
from .demand import Demand
from .grid import Grid, join_keys
from .items import clean_products, note_unknown_items
from .members import Members
from .orders import clean_orders, shop_date
from .prices import series_prices
from .promotions import clean_promotions
from .repairs import Repairs
from .signals import clean_signals
from .sold import Sold
from .span import find_span
from .tables import SCHEMAS
from .trading import Trading, find_trading

_AT_LOADING = ("closed-weekdays", "closed-dates", "closed-days-given", "orders-on-closed-days")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ATTRIBUTES = ("category", "brand")
_SHOWN = 3  # series named in an error


@dataclass(frozen=True, eq=False, repr=False)
class Shop:
    """The records of a shop. Make one with `skucast.load`.

    Attributes:
        config: the project.
        tables: the tables as they were read, by name.
        demand: what was sold of each item on each day, after cleaning.
        trading: the days on which the shop trades.
        sources: cleaned tables that covariates are made from.
        repairs: everything that was rejected, changed or noted while reading, cleaning and making the
            latest panel.
        today: the day it is at the shop.
        kind: kind of the frames that the shop was made from, and that its panels turn into.
    """

    config: Config
    tables: Mapping[str, pl.DataFrame]
    demand: Demand
    trading: Trading
    sources: Sources
    repairs: Repairs
    today: dt.date
    kind: str = "polars"

    @staticmethod
    def of(
        tables: Mapping[str, pl.DataFrame],
        config: Config | None = None,
        *,
        repairs: Repairs | None = None,
        parts: Iterable[pl.DataFrame] | None = None,
        today: dt.date | None = None,
        kind: str = "polars",
    ) -> Shop:
        """Clean typed tables.

        Args:
            tables: by name, with the columns and types of `tables.SCHEMAS`.
            config: the project; all defaults without one.
            repairs: of reading; grows.
            parts: order lines in partitions by item, in place of ``tables["orders"]``.
            today: the day it is now, at the shop, by default.
            kind: kind of frames that results should be.

        Raises:
            DataError: there are no orders or sales, or none that can be used.
        """
        project, found = config or Config(), repairs or Repairs()
        day = shop_date(project.project.timezone) if today is None else today
        demand = _demand(tables, parts, project, day, found)
        found.extend(demand.repairs)
        trading = _trading(demand, project, found)
        sources = _sources(tables, demand, project, found)
        note_unknown_items(tables, demand, found)
        sources.check()
        return Shop(project, dict(tables), demand, trading, sources, found, day, kind)

    # ---- panels -----------------------------------------------------------------------------
    def panel(
        self,
        level: Sequence[str] | str | None = None,
        freq: str | None = None,
        measure: Literal["units", "revenue"] | None = None,
    ) -> Panel:
        """Make a panel: one series per value of ``level``, one step per period of ``freq``.

        Args:
            level: columns of the orders, sales or products that make a series, such as ``("sku",)``,
                ``("sku", "location")`` or ``("category",)``; the project's by default.
            freq: pandas offset alias or polars duration of a day or more; the project's by default, or
                the sales table's own where neither says.
            measure: ``units`` or ``revenue``; the project's by default.

        Returns:
            Values are zero where nothing was sold on a trading day, and missing where the shop was closed
            or nothing is known. What was left out is in ``repairs``.

        Raises:
            DataError: a column does not exist, no complete period is left, or there is no price.
            ConfigError: the frequency or measure makes no sense.
        """
        wanted = self.config.demand
        columns = (level,) if isinstance(level, str) else tuple(level or wanted.level)
        what = measure or wanted.measure
        if what not in ("units", "revenue"):
            raise ConfigError(f"The measure must be 'units' or 'revenue', not {what!r}.")
        found, demand = Repairs(), self.demand
        span = find_span(demand, self.trading, self._freq(freq), self.config.clean, self.today)
        sold = Sold.of(demand, columns, span, self.sources.products, self.config.clean, found)
        grid = sold.grid
        members = Members.of(grid, demand, self.sources.products)
        values = sold.values(demand, self.trading, what, found)
        known = self.sources.known(grid, members)
        panel = Panel(
            freq=grid.freq, end=grid.end, values=values, indptr=grid.indptr, static=self._static(grid),
            available=availability(
                grid, sold, self.tables.get("stock"), members, sold.open_days(demand, self.trading)
            ),
            past=self.sources.past(grid, members, sold, known), known=known, layout=Layout(kind=self.kind),
        )  # fmt: skip
        self._replace_repairs(found)
        return panel

    def future(self, panel: Panel, horizon: int) -> dict[str, F32]:
        """Known covariates of the steps after a panel's end: name -> ``(S, horizon)``.

        Promotions that no table plans are taken as none, and that is noted.

        Args:
            panel: made by `panel`; some of its series are enough.
            horizon: steps ahead.

        Raises:
            DataError: a value is not given; the first gaps are named.
        """
        grid = _grid(panel)
        longer = grid.ahead(horizon)
        made = self.sources.known(longer, Members.of(grid, self.demand, self.sources.products)) if panel.known else {}
        out: dict[str, F32] = {}
        for name in (n for n in panel.known if n in made):
            block = longer.last(made[name], horizon)
            gaps = np.argwhere(np.isnan(block))
            if gaps.size:
                first = "; ".join(
                    f"'{grid.ids[int(i)]}' on {str(panel.freq.stamp(panel.end + 1 + int(s)))[:10]}"
                    for i, s in gaps[:_SHOWN]
                )
                raise DataError(
                    f"Known covariate '{name}' is not given in {len(gaps):,} of {block.size:,} steps ahead, the first: {first}. "
                    f"Add rows for these dates to its table, or list '{name}' under [forecast] past."
                )
            out[name] = block
        if "promotion" in out and not out["promotion"].any() and (panel.known["promotion"] > 0).any():
            self._note_no_promotions(panel, horizon)
        return out

    def item_prices(self, panel: Panel | None = None) -> pl.DataFrame:
        """Present price per unit of each series: money per unit over its last ten days with a sale.

        Args:
            panel: whose series; those of the project's level by default.

        Returns:
            ``unique_id``, ``price``, ``list_price``, ``cost``; null where unknown.
        """
        level = tuple(self.config.demand.level) if panel is None else tuple(_grid(panel).keys.columns)
        out = series_prices(self.demand.cells, level, self.sources.products)
        return out if panel is None else out.filter(pl.col("unique_id").is_in(panel.ids.implode()))

    # ---- facts ------------------------------------------------------------------------------
    @property
    def closed(self) -> tuple[str, ...]:
        """Weekdays and days (or stretches of days) on which the shop does not trade."""
        trading = self.trading
        words = [_WEEKDAYS[i] for i in np.flatnonzero(~trading.weekdays)]
        shut = trading.days[~trading.open & trading.weekdays[(trading.days + 3) % 7]]
        if not shut.size:
            return tuple(words)
        breaks = np.flatnonzero(np.diff(shut) > 1)
        for a, b in zip(shut[np.r_[0, breaks + 1]].tolist(), shut[np.r_[breaks, shut.size - 1]].tolist(), strict=True):
            first, last = np.datetime64(a, "D"), np.datetime64(b, "D")
            words.append(f"{first}" if a == b else f"{first}..{last}")
        return tuple(words)

    @property
    def names(self) -> pl.DataFrame:
        """``sku`` and ``name``: from the products, else the one printed most often on orders."""
        products = self.sources.products
        printed = self.demand.names
        if products is None or "name" not in products.columns:
            return printed
        own = products.select("sku", "name").filter(pl.col("name").is_not_null())
        return pl.concat([own, printed.join(own, on="sku", how="anti")]).sort("sku")

    def __repr__(self) -> str:
        dates = self.demand.totals["date"].sort()
        rows = ", ".join(f"{table.height:,} {name}" for name, table in self.tables.items())
        lost = sum(int(str(r["rows"])) for r in self.repairs.rows if r["action"] == "rejected")
        parts = [
            rows or f"{self.demand.table} in parts",
            f"{self.demand.cells['sku'].n_unique():,} items, {self.demand.units:,.0f} units",
            f"{dates[0]}..{dates[-1]}",
            f"{lost:,} rows rejected",
        ]
        closed = self.closed
        if closed:
            parts.append(f"closed: {', '.join(closed[:_SHOWN])}{'...' if len(closed) > _SHOWN else ''}")
        return f"Shop({self.config.project.name}: {'; '.join(parts)})"

    # ---- steps ------------------------------------------------------------------------------
    def _freq(self, freq: str | None) -> Frequency:
        native, section = self.demand.native, self.config.demand
        if freq is None and native is not None and "freq" not in section.model_fields_set:
            return native
        wanted = Frequency.parse(freq or section.freq)
        if not wanted.is_calendar:
            raise ConfigError(
                f"Demand is added up to days, so the frequency must be a day or longer, not '{wanted.alias}'."
            )
        if native is None:
            return wanted
        if wanted.days < 0.9 * native.days:
            raise DataError(
                f"The sales table has rows of '{native.alias}', so '{wanted.alias}' series cannot be made from it: "
                f"set [demand] freq = '{native.alias}' or a longer one."
            )
        if wanted.unit == native.unit:  # keep the anchor of the table where the alias leaves it open
            return Frequency.parse(freq or section.freq, self.demand.totals["date"].to_numpy().astype("datetime64[us]"))
        return wanted

    def _static(self, grid: Grid) -> pl.DataFrame:
        """Identifier, level columns (where they are more than the item) and what is known of the items."""
        level = grid.keys.columns
        static = pl.DataFrame({"unique_id": grid.ids})
        if level != ["sku"]:
            static = static.hstack(grid.keys)
        if "sku" not in level:
            return static
        sku = grid.keys.select("sku")
        products = self.sources.products
        for name in (n for n in _ATTRIBUTES if products is not None and n in products.columns and n not in level):
            column = sku.join(products.select("sku", name), on="sku", how="left", maintain_order="left")[name]  # type: ignore[union-attr]
            if column.null_count() < len(column):
                static = static.with_columns(column.cast(pl.String))
        called = sku.join(self.names, on="sku", how="left", maintain_order="left")["name"]
        return static.with_columns(called) if called.null_count() < len(called) else static

    def _note_no_promotions(self, panel: Panel, horizon: int) -> None:
        note = Repairs()
        note.add(
            "forecast", "promotions", "none-planned", "noted", len(panel) * horizon, series=len(panel),
            example=f"no promotion is given after {str(panel.stamps[-1])[:10]}; taken as none",
            remedy="add the promotions that are planned to the promotions table",
        )  # fmt: skip
        self.repairs.rows[:] = [r for r in self.repairs.rows if r["rule"] != "none-planned"] + note.rows

    def _replace_repairs(self, found: Repairs) -> None:
        """Repairs of the latest panel take the place of those of the one before."""
        kept = [r for r in self.repairs.rows if r["stage"] != "demand" or r["rule"] in _AT_LOADING]
        self.repairs.rows[:] = [*kept, *found.rows]


def load_shop(what: Any, config: Config | Mapping[str, Any] | None = None) -> Shop:
    """Read a shop's records.

    Args:
        what: a project (`Config`), the path of a project file or of the folder that holds one, or a
            mapping of frames by table name, such as ``{"orders": df, "stock": df2}`` (pandas, polars or
            pyarrow; headers are recognised as in files).
        config: with frames, the project, or a mapping of its sections, such as
            ``{"clean": {"duplicates": False}}``.

    Raises:
        ConfigError: the project file cannot be used.
        DataError: the records cannot be used; the sentence says why and what to do.
    """
    from .sources import read_frames, read_order_parts, read_tables

    repairs = Repairs()
    if isinstance(what, Mapping):
        project = config if isinstance(config, Config) else make_config(dict(config or {}), where="config=")
        unknown = [str(name) for name in what if name not in SCHEMAS]
        if unknown or not what:
            problem = f"'{unknown[0]}' is no table" if unknown else "There are no frames"
            raise DataError(f"{problem}: give frames by the names {', '.join(SCHEMAS)}.")
        kind = to_polars(next(iter(what.values())))[1]
        return Shop.of(read_frames(what, project, repairs), project, repairs=repairs, kind=kind)
    if config is not None:
        raise ConfigError("config= goes with frames; a project file has its own sections.")
    if isinstance(what, Config):
        project = what
    elif isinstance(what, str | Path):
        project = load_config(_project_file(Path(what)))
    else:
        raise DataError(
            f"Expected a project file, its folder or frames by table name, got {type(what).__name__}: "
            "for one frame write load({'orders': df}) or load({'sales': df})."
        )
    if not project.source:
        raise ConfigError("The project has no [[source]]: add one with table = 'orders' or 'sales' and its path.")
    parts = read_order_parts(project, repairs)
    tables = read_tables(project, repairs)
    return Shop.of(tables, project, repairs=repairs, parts=parts)


def _project_file(path: Path) -> Path:
    if path.is_file() and path.suffix.lower() not in (".toml", ""):
        raise ConfigError(
            f"'{path}' is no project file: run 'skucast init {path.parent}' and load what it writes, "
            "or read it into a frame and load({'orders': frame})."
        )
    return path


def _demand(
    tables: Mapping[str, pl.DataFrame],
    parts: Iterable[pl.DataFrame] | None,
    config: Config,
    today: dt.date,
    repairs: Repairs,
) -> Demand:
    zone, further = config.project.timezone, config.demand.level
    if parts is not None:
        return Demand.from_parts(parts, config.clean, timezone=zone, today=today, further=further)
    if "orders" in tables:
        lines, done = clean_orders(tables["orders"], config.clean, timezone=zone, today=today)
        if "sales" in tables:
            repairs.add(
                "clean", "sales", "orders-are-used", "noted", tables["sales"].height,
                example="orders and sales are both given; demand is taken from the orders",
                remedy="leave one of them out",
            )  # fmt: skip
        return Demand.from_lines(lines, done, further)
    if "sales" in tables:
        return Demand.from_sales(tables["sales"], config.clean, timezone=zone, today=today, further=further)
    raise DataError(
        f"There are no orders and no sales, only {', '.join(tables) or 'nothing'}: one of the two tables is needed."
    )


def _trading(demand: Demand, config: Config, repairs: Repairs) -> Trading:
    """The trading calendar; a table that has weeks or months of its own has no closed days."""
    if demand.native is not None or not (demand.totals["lines"] > 0).any():
        trading, _ = find_trading(demand.totals, "none")
        return trading
    trading, notes = find_trading(demand.totals, config.clean.closed_days)
    for row in notes.rows:
        row["table"] = demand.table
    repairs.extend(notes)
    return trading


def _sources(tables: Mapping[str, pl.DataFrame], demand: Demand, config: Config, repairs: Repairs) -> Sources:
    wanted = config.forecast
    given = tables.get
    products, promotions, events, signals = given("products"), given("promotions"), given("events"), given("signals")
    return Sources(
        demand,
        None if products is None else clean_products(products, repairs),
        None if promotions is None else clean_promotions(promotions, repairs),
        None if events is None else clean_events(events, repairs),
        None if signals is None else clean_signals(signals, (*wanted.known, *wanted.past), repairs),
        wanted,
    )


def _grid(panel: Panel) -> Grid:
    """The grid that a panel's series lie on; its level columns come first among the static ones."""
    ids = panel.ids.cast(pl.String)
    keys = pl.DataFrame({"sku": ids})
    columns = panel.static.columns[1:]
    for count in range(1, len(columns) + 1):
        level = panel.static.select(columns[:count])
        if level.schema.dtypes()[-1] == pl.String and columns[0] != "name" and (join_keys(level) == ids).all():
            keys = level
            break
    return Grid(panel.freq, keys, panel.end + 1 - panel.lengths, panel.end)
