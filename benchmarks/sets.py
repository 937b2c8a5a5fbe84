"""The public data sets that models are measured on, each as a panel with its task.

Horizons and seasons follow fev-bench where it has the set. A data folder is always an argument: only the two
UCI sets may be copied, so nothing but the demo's orders lies in this project.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from skucast.frequency import Frequency
from skucast.panel import Panel
from skucast.place import Place

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """A panel and how it is tested.

    Attributes:
        build: data folder -> panel, all history at hand.
        horizon: steps ahead.
        windows: held-out windows at the end of the file; nothing may be chosen on them.
        season: of the yardstick, as fev-bench takes it (weekly sets: the last value).
    """

    build: Callable[[Path], Panel]
    horizon: int
    windows: int
    season: int


def aligned(
    static: pl.DataFrame,
    stamps: npt.NDArray[np.datetime64],
    values: F64,
    freq: str,
    known: dict[str, F64] | None = None,
    past: dict[str, F64] | None = None,
    available: npt.NDArray[np.bool_] | None = None,
    country: str = "",
) -> Panel:
    """Panel from matrices ``(S, T)``; each series begins at its first number. ``country`` says which holidays count."""
    grid = Frequency.parse(freq, stamps)
    steps = values.shape[1]
    first = np.argmax(~np.isnan(values), axis=1)
    inside = np.arange(steps) >= first[:, None]

    def flat(columns: dict[str, F64] | None) -> dict[str, npt.NDArray[np.float32]]:
        return {n: np.broadcast_to(c, values.shape)[inside].astype(np.float32) for n, c in (columns or {}).items()}

    return Panel(
        freq=grid,
        end=int(grid.ordinal(stamps[-1:])[0]),
        values=values[inside].astype(np.float32),
        indptr=np.concatenate([[0], np.cumsum(steps - first)]).astype(np.int64),
        static=static,
        available=None if available is None else available[inside],
        known=flat(known),
        past=flat(past),
        place=Place(country),
    )


def weekly(panel: Panel, anchor: str, least: int = 1, known: str = "mean") -> Panel:
    """The panel added up to whole weeks that end on ``anchor``; a week without any observation is missing.

    Args:
        panel: daily.
        anchor: such as ``W-SUN``.
        least: observed days that a week needs (of those on which it was on sale).
        known: how known covariates are put together.
    """
    stamps = panel.stamps
    grid = Frequency.parse(anchor, stamps)
    week = grid.floor(stamps)
    length = np.bincount(week - week[0])
    whole = np.flatnonzero(length == 7)
    first, last = int(whole[0]), int(whole[-1])
    slot = week - week[0] - first
    keep = (slot >= 0) & (slot <= last - first)
    matrix = panel.dense(panel.observed).astype(np.float64)
    size = last - first + 1

    def gather(cells: F64) -> F64:
        out = np.zeros((len(panel), size))
        for column in np.flatnonzero(keep):
            out[:, slot[column]] += cells[:, column]
        return out

    seen = gather((~np.isnan(matrix)).astype(np.float64))
    total = gather(np.nan_to_num(matrix))
    total[seen < least] = np.nan
    alive = ~np.isnan(total).all(axis=1)
    covariates = {}
    for name, column in panel.known.items():
        dense = panel.dense(column).astype(np.float64)
        have = gather((~np.isnan(dense)).astype(np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            covariates[name] = (gather(np.nan_to_num(dense)) / np.where(have > 0, have, np.nan))[alive]
    ends = grid.stamp(np.arange(int(week[0]) + first, int(week[0]) + last + 1))
    static = panel.static.filter(pl.Series(alive))
    return aligned(static, ends, total[alive], anchor, covariates, country=panel.place.country)


def uci(folder: Path, every: str) -> Panel:
    """Units sold per product and day or week; a day without any sale of the shop is closed, not zero."""
    lines = pl.scan_parquet(folder / "online_retail/online_retail_ii.parquet").filter(
        pl.col("Quantity") > 0, pl.col("UnitPrice") > 0, pl.col("StockCode").str.contains(r"^\d{5}")
    )
    day = pl.col("InvoiceDate").dt.date()
    sold = lines.group_by(pl.col("StockCode").str.to_uppercase().alias("unique_id"), day.alias("ds")).agg(
        pl.col("Quantity").sum().cast(pl.Float64).alias("y")
    )
    table = sold.collect()
    table = table.filter(pl.col("ds") < table["ds"].max())  # the last day is not complete
    axis = pl.select(pl.date_range(table["ds"].min(), table["ds"].max(), "1d")).to_series()
    wide = table.pivot(on="ds", index="unique_id", values="y").sort("unique_id")
    traded = set(wide.columns)
    is_open = np.array([str(d) in traded for d in axis])
    values = np.full((wide.height, len(axis)), np.nan)
    values[:, is_open] = wide.select([str(d) for d in axis if str(d) in traded]).to_numpy()
    on_sale = np.cumsum(np.nan_to_num(values), axis=1) > 0
    values = np.where(np.isnan(values) & on_sale & is_open, 0.0, values)
    panel = aligned(wide.select("unique_id"), axis.to_numpy().astype("datetime64[us]"), values, "D", country="GB")
    return panel if every == "D" else weekly(panel, every)


def hierarchical(folder: Path, every: str = "D") -> Panel:
    """Pasta per item and trading day, promotions known ahead; closed days are missing."""
    table = pl.read_csv(folder / "hierarchical_sales/hierarchical_sales.csv", try_parse_dates=True).sort("DATE")
    axis = pl.select(pl.date_range(table["DATE"].min(), table["DATE"].max(), "1d").alias("DATE"))
    table = axis.join(table, on="DATE", how="left", maintain_order="left")
    items = [c.removeprefix("QTY_") for c in table.columns if c.startswith("QTY_")]
    values = table.select(f"QTY_{i}" for i in items).cast(pl.Float64).to_numpy().T
    promotion = np.nan_to_num(table.select(f"PROMO_{i}" for i in items).cast(pl.Float64).to_numpy().T)
    static = pl.DataFrame({"unique_id": items, "brand": [i.split("_")[0] for i in items]})
    stamps = table["DATE"].to_numpy().astype("datetime64[us]")
    panel = aligned(static, stamps, values, "D", {"promotion": promotion}, country="IT")
    return panel if every == "D" else weekly(panel, every)


def m5(folder: Path, every: str = "D") -> Panel:
    """Units per item, store and day of the M5 competition; a series begins with its first sale.

    Known ahead, as in the competition: weekly prices, SNAP days of the state.
    """
    wide = pl.read_parquet(folder / "m5/daily_item_store.parquet")
    days = wide.columns[1:]
    values = wide.select(pl.col(days).cast(pl.Float64)).to_numpy()
    values = np.where(values < 0, np.nan, values)
    parts = wide["id"].str.replace("_evaluation", "").str.split("_")
    static = pl.DataFrame(
        {
            "unique_id": wide["id"].str.replace("_evaluation", ""),
            "item": parts.list.slice(0, 3).list.join("_"),
            "dept": parts.list.slice(0, 2).list.join("_"),
            "cat": parts.list.get(0),
            "store": parts.list.slice(3, 2).list.join("_"),
            "state": parts.list.get(3),
        }
    )
    calendar = (
        pl.read_parquet(folder / "m5/calendar.parquet").filter(pl.col("date").cast(pl.String).is_in(days)).sort("date")
    )
    snap = np.stack([calendar[f"snap_{state}"].to_numpy() for state in static["state"]]).astype(np.float64)
    weeks = calendar["wm_yr_wk"].unique().sort()
    prices = (
        pl.scan_parquet(folder / "m5/sell_prices.parquet")
        .filter(pl.col("wm_yr_wk").is_between(weeks[0], weeks[-1]))
        .collect()
        .pivot(on="wm_yr_wk", index=["item_id", "store_id"], values="sell_price")
    )
    keyed = static.select(pl.col("item").alias("item_id"), pl.col("store").alias("store_id")).join(
        prices, on=["item_id", "store_id"], how="left", maintain_order="left"
    )
    by_week = keyed.select([str(w) for w in weeks]).to_numpy().astype(np.float64)
    slot = np.searchsorted(weeks.to_numpy(), calendar["wm_yr_wk"].to_numpy())
    stamps = np.array(days, dtype="datetime64[us]")
    panel = aligned(static, stamps, values, "D", {"price": by_week[:, slot], "snap": snap}, country="US")
    return panel if every == "D" else weekly(panel, every, least=7)


def walmart(folder: Path) -> Panel:
    """Weekly sales in dollars per store and department; holidays and markdowns are planned ahead, weather is not."""
    sales = pl.read_parquet(folder / "walmart/sales.parquet").sort("Store", "Dept", "Date")
    stores = pl.read_csv(folder / "walmart/stores.csv", eol_char="\r")  # line ends of an old Macintosh
    marks = [f"MarkDown{k}" for k in range(1, 6)]
    features = pl.read_csv(folder / "walmart/features.csv", null_values="NA", try_parse_dates=True)
    dates = sales["Date"].unique().sort()
    keys = sales.select("Store", "Dept").unique().sort("Store", "Dept")
    grid = keys.join(dates.to_frame(), how="cross").join(sales, on=["Store", "Dept", "Date"], how="left")
    grid = grid.drop("IsHoliday").join(features, on=["Store", "Date"], how="left").sort("Store", "Dept", "Date")
    shape = (keys.height, len(dates))

    def matrix(name: str) -> F64:
        return grid[name].cast(pl.Float64).fill_null(np.nan).to_numpy().reshape(shape)

    static = keys.join(stores, on="Store", how="left", maintain_order="left").select(
        pl.format("{}_{}", "Store", "Dept").alias("unique_id"), pl.col("Dept").cast(pl.String).alias("dept"),
        pl.col("Type").alias("type"), pl.col("Size").cast(pl.Float64).alias("size"),
    )  # fmt: skip
    known = {"holiday": matrix("IsHoliday")} | {m.lower(): np.nan_to_num(matrix(m)) for m in marks}
    past = {n.lower(): matrix(n) for n in ("Temperature", "Fuel_Price", "CPI", "Unemployment")}
    values = matrix("Weekly_Sales")
    some = ~np.isnan(values).all(axis=1)
    return aligned(
        static.filter(pl.Series(some)), dates.to_numpy().astype("datetime64[us]"), values[some], "W-FRI",
        {n: c[some] for n, c in known.items()}, {n: c[some] for n, c in past.items()}, country="US",
    )  # fmt: skip


def orange_juice(folder: Path) -> Panel:
    """Weekly units per store and brand (Dominick's), price, deal and feature advertisement planned ahead."""
    sales = pl.read_parquet(folder / "promotion/orange_juice/sales.parquet")
    price = pl.concat_list([f"price{k}" for k in range(1, 12)]).list.get(pl.col("brand") - 1)
    sales = sales.select(
        "store", "brand", "week", pl.col("logmove").exp().alias("y"), price.alias("price"), "deal", "feat"
    )
    keys = sales.select("store", "brand").unique().sort("store", "brand")
    weeks = pl.int_range(sales["week"].min(), sales["week"].max() + 1, eager=True).alias("week").cast(pl.Int32)
    grid = keys.join(weeks.to_frame(), how="cross").join(sales, on=["store", "brand", "week"], how="left")
    grid = grid.sort("store", "brand", "week")
    shape = (keys.height, len(weeks))

    def matrix(name: str) -> F64:
        return grid[name].cast(pl.Float64).fill_null(np.nan).to_numpy().reshape(shape)

    start = np.datetime64("1990-06-14", "D")
    stamps = (start + 7 * np.arange(len(weeks))).astype("datetime64[us]")
    static = keys.select(
        pl.format("{}_{}", "store", "brand").alias("unique_id"), pl.col("brand").cast(pl.String),
        pl.col("store").cast(pl.String),
    )  # fmt: skip
    known = {name: matrix(name) for name in ("price", "deal", "feat")}
    return aligned(static, stamps, matrix("y"), "W-THU", known, country="US")


def vn2(folder: Path) -> Panel:
    """Weekly sales per store and product of the VN2 challenge; sales of weeks out of stock are censored."""
    sales = pl.read_csv(folder / "vn2/sales.csv", infer_schema_length=None)
    stock = pl.read_csv(folder / "vn2/in_stock.csv", infer_schema_length=None)
    master = pl.read_csv(folder / "vn2/master.csv")
    keys = ["Store", "Product"]
    weeks = [c for c in sales.columns if c not in keys]
    joined = sales.select(keys).join(stock, on=keys, how="left", maintain_order="left")
    static = sales.select(keys).join(master, on=keys, how="left", maintain_order="left").select(
        pl.format("{}_{}", *keys).alias("unique_id"),
        *[pl.col(c).cast(pl.String) for c in ("Store", "ProductGroup", "Department", "Division", "StoreFormat")],
    )  # fmt: skip
    values = sales.select(pl.col(weeks).cast(pl.Float64)).to_numpy()
    available = joined.select(weeks).to_numpy().astype(bool)
    return aligned(static, np.array(weeks, dtype="datetime64[us]"), values, "W-MON", available=available)


TASKS: dict[str, Task] = {
    "hierarchical_daily": Task(hierarchical, 28, 3, 7),
    "hierarchical_weekly": Task(lambda folder: hierarchical(folder, "W-WED"), 13, 3, 1),
    "m5_daily": Task(m5, 28, 2, 7),
    "m5_weekly": Task(lambda folder: m5(folder, "W-SUN"), 13, 1, 1),
    "walmart": Task(walmart, 39, 1, 1),
    "uci_daily": Task(lambda folder: uci(folder, "D"), 28, 2, 7),
    "uci_weekly": Task(lambda folder: uci(folder, "W-SUN"), 8, 2, 1),
    "orange_juice": Task(orange_juice, 8, 3, 1),
    "vn2": Task(vn2, 8, 3, 1),
}
"""Name -> task."""
