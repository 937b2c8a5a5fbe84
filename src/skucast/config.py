"""The project file ``skucast.toml``: what a run reads, how it cleans, forecasts, plans and reports."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer, field_validator, model_validator

from .errors import ConfigError

TableName = Literal[
    "orders", "sales", "products", "stock", "suppliers", "open_orders", "deliveries", "promotions", "events", "signals"
]
TABLES: tuple[TableName, ...] = get_args(TableName)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Project(_Section):
    """``[project]``: the shop."""

    name: str = Field("my shop", description="shown in the report")
    language: Literal["en", "zh"] = Field("en", description="in which the report opens; it holds both")
    currency: str = Field("EUR", description="ISO code of all money")
    country: str = Field("", description="ISO country code of public holidays, such as GB or CN; empty for none")
    subdivision: str = Field("", description="state or province with holidays of its own, such as BY or CA")
    timezone: str = Field("", description="of the shop; stamps with a zone are moved to it")


class Melt(_Section):
    """``[source.melt]``: how a wide table becomes a long one.

    Two shapes exist: dates run across as columns (``dates``), or items do (``items``), in which case
    ``prefixes`` maps the start of a column's name to what it measures (``QTY_ = "quantity"``).
    """

    across: Literal["dates", "items"]
    prefixes: dict[str, str] = {}
    missing: list[float] = Field([], description="numbers that mean 'no value', such as -1")


class Source(_Section):
    """``[[source]]``: one table to read."""

    table: TableName = Field(description="what a row is; see the tables page")
    path: str = Field(description="file, glob, folder, database file, or postgresql:// address; relative to this file")
    preset: str = Field("", description="shop system or marketplace whose export it is; see the tables page")
    sheet: str = Field("", description="of an Excel file; the first by default")
    sql: str = Field("", description="query or table name, for databases")
    encoding: str = Field("", description="such as utf-8, gb18030 or latin-1; found out if empty")
    delimiter: str = Field("", description="between fields of a text file; found out if empty")
    decimal: Literal["", ".", ","] = Field("", description="decimal mark; found out if empty")
    date_format: str = Field("", description="such as %d.%m.%Y; found out if empty")
    skip_rows: int = Field(0, ge=0, description="lines above the header")
    columns: dict[str, str | list[str]] = Field({}, description="skucast's column = the file's column")
    constants: dict[str, str | float | bool] = Field({}, description="skucast's column = a fixed value")
    melt: Melt | None = Field(None, description="for wide tables: across = 'dates' or 'items', prefixes, missing")

    @field_serializer("path")
    def _without_password(self, path: str) -> str:
        """The manifest of a run tells where the data came from, but no secret."""
        return re.sub(r"(?i)(?<=://)[^?]*@|(?<=[?&])password=[^&]*&?", "", path) if "://" in path else path


class Clean(_Section):
    """``[clean]``: rules from order lines to demand; each can be switched off."""

    duplicates: bool = Field(True, description="drop exact repeats of an order line")
    cancellations: bool = Field(True, description="net cancelled and returned units against their own sale")
    non_products: bool = Field(True, description="drop postage, fees, manual entries, samples")
    non_product_codes: list[str] = Field([], description="further codes (or patterns with *) that are no products")
    non_positive_prices: bool = Field(True, description="drop lines with price zero or below")
    test_orders: bool = Field(True, description="drop orders marked as tests")
    impossible_dates: bool = Field(True, description="drop dates before first_date or in the future")
    first_date: str = Field("1990-01-01", description="earlier dates are impossible")
    extreme_quantities: bool = Field(True, description="drop quantities above max_quantity")
    max_quantity: float = Field(1_000_000, description="units in one order line")
    partial_last_day: bool = Field(True, description="drop a last day (or week, month) that is not complete")
    closed_days: Literal["auto", "none"] | list[str] = Field(
        "auto", description="'auto' finds them; 'none'; or weekdays and dates such as ['sat', '2011-12-25']"
    )
    discontinued_after_days: int = Field(0, ge=0, description="no sale for so long ends a series; 0 never")


class Demand(_Section):
    """``[demand]``: the series to forecast."""

    level: list[str] = Field(["sku"], description="columns that make a series: sku, location, channel, category...")
    freq: str = Field("D", description="D, W-SUN, MS... (pandas alias or polars duration)")
    min_observations: int = Field(1, ge=0, description="series with fewer are left out and counted")
    measure: Literal["units", "revenue"] = Field("units", description="what is forecast")


class Prepare(_Section):
    """``[prepare]``: what is done to the series before models see them; every change is recorded."""

    stockouts: Literal["negbin", "normal", "poisson", "kaplan-meier", "mask"] = Field(
        "negbin", description="how demand above the sales of out-of-stock steps is estimated; 'mask' leaves them out"
    )
    before_stockouts: bool = Field(
        False, description="the last sales before a stock-out are a lower bound of demand too: the stock ran out then"
    )
    outliers: Literal["none", "iqr", "hampel", "knn", "forest", "tree"] = Field(
        "none", description="rule that finds them; known promotion and holiday peaks are left alone"
    )
    treatment: Literal["winsorise", "remove"] = Field("winsorise", description="to the rule's limit, or missing")
    impute: Literal["none", "seasonal", "linear", "knn"] = Field(
        "none", description="models handle missing steps themselves; impute only if you must"
    )


class ForecastSection(_Section):
    """``[forecast]``: model, horizon and the honest test of it."""

    model: str | dict[str, Any] = Field(
        "auto", description="name, or table of model and its options; see the models page"
    )
    horizon: int = Field(0, ge=0, description="steps ahead; 0 takes the frequency's usual one")
    windows: int = Field(3, ge=1, description="past windows that the forecast is judged on")
    quantiles: list[float] = Field(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], description="columns of forecast.parquet"
    )
    known: list[str] = Field([], description="further columns known in the future too")
    past: list[str] = Field([], description="further columns known only in the past")
    holidays: bool = Field(True, description="public holidays, feasts and sale events of the country as features")
    promotions: bool = Field(True, description="promotions as a feature, where they are given")
    seed: int = Field(0, description="makes a run repeatable")

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, value: list[float]) -> list[float]:
        if not value or any(not 0 < q < 1 for q in value) or sorted(set(value)) != value:
            raise ValueError("must rise within (0, 1)")
        return value


class SaleEvent(_Section):
    """``[[event]]``: a sale day of the shop's own, such as an anniversary or Prime Day."""

    name: str = Field(description="what charts call it")
    dates: list[str] = Field(description="days such as 2026-07-08, ranges 2026-07-08..2026-07-09, or 07-08 every year")
    days_before: int = Field(0, ge=0, description="run-up in which demand already moves")
    days_after: int = Field(0, ge=0, description="days after it that still differ")


class Plan(_Section):
    """``[plan]``: purchasing assumptions, used where the tables say nothing."""

    lead_time_days: float = Field(14, ge=0, description="from order to shelf")
    lead_time_sd_days: float = Field(0, ge=0, description="standard deviation of it")
    review_days: float = Field(7, gt=0, description="days between orders")
    margin: float = Field(0.4, gt=0, lt=1, description="share of the price, where unit costs are unknown")
    holding_rate: float = Field(0.25, ge=0, description="cost of holding stock, share of its cost per year")
    stock: Literal["none", "given"] = Field("given", description="'none' plans as if shelves were empty")
    unmet: Literal["lost", "wait"] = Field(
        "lost", description="what becomes of demand that finds an empty shelf: 'lost', or customers 'wait' for it"
    )
    shortage_cost: float | None = Field(
        None, ge=0, description="money lost per unit of demand not met; without it price less cost"
    )
    holding_cost: float | None = Field(
        None, ge=0, description="money per unit and day on the shelf; without it holding_rate of the cost"
    )
    patience_days: float = Field(
        365,
        gt=0,
        le=3650,
        description="what an order has not earned back by then, stock counted as lost, is not worth it",
    )
    line_cost: float = Field(
        0, ge=0, description="money per order line (handling, receiving), weighed against its gain"
    )
    budget: float = Field(0, ge=0, description="money for this order; 0 is no limit")
    max_volume_l: float = Field(0, ge=0, description="litres that this order may take; 0 is no limit")
    max_weight_kg: float = Field(0, ge=0, description="kilograms that this order may weigh; 0 is no limit")
    seconds: float = Field(30, gt=0, description="time for the search of the best order within the limits")
    whole_units: bool = Field(True, description="demand comes in whole units; false for goods by weight or length")
    paths: int = Field(500, ge=50, description="sample paths that decisions are made from")


class ReportSection(_Section):
    """``[report]``: the page of the run."""

    top: int = Field(30, ge=1, description="items with a chart of their own")


class Store(_Section):
    """``[store]``: where runs are kept."""

    path: str = Field("runs", description="folder, relative to the project file")


class Config(_Section):
    """The whole project file. ``root`` is the folder that relative paths start from."""

    project: Project = Project()
    source: list[Source] = []
    clean: Clean = Clean()
    demand: Demand = Demand()
    prepare: Prepare = Prepare()
    forecast: ForecastSection = ForecastSection()
    event: list[SaleEvent] = []
    plan: Plan = Plan()
    report: ReportSection = ReportSection()
    store: Store = Store()
    root: Path = Field(Path(), exclude=True)

    @model_validator(mode="after")
    def _has_sales(self) -> Config:
        if self.source and not any(s.table in ("orders", "sales") for s in self.source):
            raise ValueError("no [[source]] has table = 'orders' or 'sales'; one of them is required")
        return self

    def resolve(self, path: str) -> Path:
        """A path of the file, made absolute."""
        return (self.root / path).resolve() if not Path(path).is_absolute() else Path(path)


def load_config(path: str | Path) -> Config:
    """Read and check a project file.

    Raises:
        ConfigError: the file is missing, is no TOML, or has a wrong value; the sentence names the
            section and key.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "skucast.toml"
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"There is no project file '{file}': make one with 'skucast init {file.parent}'.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"'{file}' is no valid TOML: {error}.") from None
    return make_config(raw, root=file.parent, where=str(file))


def parse_terms(pairs: Sequence[str]) -> dict[str, Any]:
    """``["budget=5000"]`` as a mapping; values are read as their key asks when the section is checked.

    Raises:
        ConfigError: a text without an equals sign.
    """
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"'{pair}' is no setting: write KEY=VALUE, such as budget=5000.")
        found[key.strip()] = value.strip()
    return found


def make_config(raw: dict[str, Any], root: Path | None = None, where: str = "the configuration") -> Config:
    """Check a mapping of sections.

    Raises:
        ConfigError: see `load_config`.
    """
    try:
        return Config(**raw, root=(root or Path()).resolve())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            what = "there is no such key"
        raise ConfigError(f"In {where}, '{place}': {what}{more}.") from None
