"""The main job: from a project file to a finished run with forecast, scores, purchase list and report."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from . import __version__
from .collect.repairs import Repairs
from .collect.shop import Shop, load_shop
from .config import Config, load_config
from .decide.health import StockHealth, last_sales, plan_health, write_stock
from .decide.plan_table import PurchasePlan
from .decide.purchase import purchase_plan
from .errors import DataError
from .features.closures import trading_share
from .features.marks import near_peaks
from .forecast import Forecast
from .panel import F32, Bool, Panel
from .place import Place
from .portfolio.judged import Judged, judge
from .prepare.apply import prepare_panel
from .store.journal import Journal
from .store.runs import Run, writing_run

_VERSIONS = ("numpy", "polars", "scipy", "scikit-learn", "lightgbm", "torch")


def run(
    config: Config | str | Path,
    *,
    store: str | Path | None = None,
    journal: Journal | None = None,
) -> Run:
    """Do the whole job of a project file.

    Args:
        config: a project, or the path of its file.
        store: folder of runs, instead of the project's own.
        journal: records stages and tells a listener; a silent one by default.

    Returns:
        The finished run. Twice on the same input gives the same forecasts.

    Raises:
        ConfigError: the project file cannot be used.
        DataError: the records cannot be used; the sentence says why and what to do.
    """
    project = config if isinstance(config, Config) else load_config(config)
    keeper = journal or Journal()
    home = Path(store) if store is not None else project.resolve(project.store.path)
    about: dict[str, Any] = {
        "skucast": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": project.model_dump(mode="json"),
        "versions": _versions(),
    }
    with writing_run(home, about) as folder:
        Job(project, keeper, about).work(folder)
        about["stages"] = [vars(stage) for stage in keeper.stages]
        (folder / "log.txt").write_text(keeper.text(), encoding="utf-8")
    return Run(home / str(about["id"]))


def read_panel(config: Config, journal: Journal | None = None) -> Panel:
    """The series of a project as a run forecasts them: read, cleaned and prepared.

    Raises:
        ConfigError: the project file cannot be used.
        DataError: the records cannot be used; the sentence says why and what to do.
    """
    job = Job(config, journal or Journal(), {})
    return job._demand(job._read())


@dataclass(frozen=True)
class Job:
    """One run's way through the rooms; each method is a stage."""

    config: Config
    journal: Journal
    about: dict[str, Any]

    def work(self, folder: Path) -> None:
        """All stages in order, each writing what it made."""
        shop = self._read()
        panel = self._demand(shop)
        forecast, judged = self._forecast(shop, panel)
        forecast.to_polars(self.config.forecast.quantiles).write_parquet(folder / "forecast.parquet")
        judged.scores.write_parquet(folder / "scores.parquet")
        units, plan = self._plan(shop, forecast)
        plan.write_csv(folder / "purchase_plan.csv")
        shop.repairs.extend(plan.repairs)
        health = self._stock(shop, panel, units, plan)
        if health is not None:
            write_stock(health, folder)
            shop.repairs.extend(health.repairs)
        shop.repairs.frame().write_parquet(folder / "repairs.parquet")
        self.about["inputs"] = panel.fingerprint()
        self.about["headline"] = _headline(panel, forecast, judged, plan, self.config.demand.measure)
        self._report(folder, shop, panel, forecast, judged, plan, health)

    def _read(self) -> Shop:
        with self.journal.stage("read") as stage:
            shop = load_shop(self.config)
            stage.count = sum(table.height for table in shop.tables.values())
            stage.note = ", ".join(f"{table.height:,} {name}" for name, table in shop.tables.items())
        return shop

    def _demand(self, shop: Shop) -> Panel:
        wanted = self.config.demand
        with self.journal.stage("demand") as stage:
            panel = shop.panel(level=tuple(wanted.level), freq=wanted.freq, measure=wanted.measure)
            if self.config.forecast.holidays:
                panel = replace(panel, place=Place.of(self.config))
            panel = _long_enough(panel, wanted.min_observations, shop.repairs)
            panel = prepare_panel(panel, self.config.prepare, shop.repairs, self._peaks(panel))
            stage.count = len(panel)
            stage.note = repr(panel).removeprefix("Panel(").removesuffix(")")
        return panel

    def _peaks(self, panel: Panel) -> Bool | None:
        """Cells near holidays and sales, which are no outliers."""
        if self.config.prepare.outliers == "none":
            return None
        shop = self.config.project
        return near_peaks(panel, shop.country, shop.subdivision, self.config.event)

    def _forecast(self, shop: Shop, panel: Panel) -> tuple[Forecast, Judged]:
        wanted = self.config.forecast
        horizon = wanted.horizon or panel.freq.default_horizon
        known: Mapping[str, F32] = shop.future(panel, horizon) if panel.known else {}
        with self.journal.stage("forecast") as stage:
            forecast, judged = judge(
                panel,
                horizon,
                wanted.model,
                known,
                windows=wanted.windows,
                seed=wanted.seed,
                progress=self.journal.progress,
            )
            forecast = self._without_closed(shop, forecast)
            stage.count = forecast.mean.size
            stage.note = f"{len(forecast):,} series x {horizon} steps; {judged.verdict}"
            if forecast.fallback:
                names = [str(name) for name in list(forecast.fallback)[:3]]
                shop.repairs.add(
                    "forecast", "series", "fallback", "noted", len(forecast.fallback), series=len(forecast.fallback),
                    example=f"{', '.join(names)}: {next(iter(forecast.fallback.values()))}",
                    remedy="these series have too little history for the chosen model; their intervals are wide",
                )  # fmt: skip
        return forecast, judged

    def _without_closed(self, shop: Shop, forecast: Forecast) -> Forecast:
        """No demand in steps in which the shop will be closed; models leave open what never has a value."""
        trading = shop.trading
        share = trading_share(
            forecast.freq, forecast.start - 1, forecast.horizon, trading.days, trading.open, trading.weekdays,
            Place.of(self.config),
        )  # fmt: skip
        shut = share == 0
        if not shut.any():
            return forecast
        dates = [str(stamp)[:10] for stamp in forecast.stamps[shut]]
        shop.repairs.add(
            "forecast", "series", "closed-ahead", "noted", len(dates), series=len(forecast),
            example=f"no demand is forecast on {', '.join(dates[:6])}{' ...' if len(dates) > 6 else ''}",
            remedy="if the shop will be open then, set [clean] closed_days",
        )  # fmt: skip
        return forecast.closed(shut)

    def _plan(self, shop: Shop, forecast: Forecast) -> tuple[Forecast, PurchasePlan]:
        """The forecast in units, and what to order."""
        with self.journal.stage("plan") as stage:
            prices = shop.item_prices()
            if self.config.demand.measure == "revenue":
                forecast = _in_units(forecast, prices, shop.repairs)
            plan = purchase_plan(
                forecast,
                plan=self.config.plan,
                stock=shop.tables.get("stock"),
                products=shop.tables.get("products"),
                suppliers=shop.tables.get("suppliers"),
                prices=prices,
                open_orders=shop.tables.get("open_orders"),
                deliveries=shop.tables.get("deliveries"),
                currency=self.config.project.currency,
                seed=self.config.forecast.seed,
            )
            stage.count = int(plan.summary()["lines"])
            stage.note = f"{stage.count:,} items to order"
        return forecast, plan

    def _stock(self, shop: Shop, panel: Panel, forecast: Forecast, plan: PurchasePlan) -> StockHealth | None:
        """A look at the stock, where it is known."""
        if not plan.table["on_hand"].is_not_null().any():
            return None
        with self.journal.stage("stock") as stage:
            products, seed = shop.tables.get("products"), self.config.forecast.seed
            health = plan_health(forecast, plan, self.config.plan, last_sales(panel), products, seed)
            stage.count = len(health.items)
            totals = health.summary()
            stage.note = (
                f"{totals['risky_items']:,.0f} items may run short, {totals['dead_items']:,.0f} dead, "
                f"{totals['excess_items']:,.0f} in excess"
            )
        return health

    def _report(
        self, folder: Path, shop: Shop, panel: Panel, forecast: Forecast, judged: Judged, plan: PurchasePlan,
        health: StockHealth | None,
    ) -> None:  # fmt: skip
        from .report.content import ReportContent
        from .report.page import write_report

        with self.journal.stage("report") as stage:
            content = ReportContent.of(
                config=self.config, about=self.about, shop=shop, panel=panel, forecast=forecast, judged=judged, plan=plan,
                health=health, stages=self.journal.stages,
            )  # fmt: skip
            write_report(folder / "report.html", content)
            stage.count = (folder / "report.html").stat().st_size
            stage.note = f"{stage.count / 1e6:.1f} MB, English and Chinese"


def _long_enough(panel: Panel, least: int, repairs: Repairs) -> Panel:
    """Leave out series with fewer observations than asked for, and say so."""
    seen = np.add.reduceat(~np.isnan(panel.values), panel.indptr[:-1])
    keep = seen >= least
    if keep.all():
        return panel
    if not keep.any():
        raise DataError(
            f"No series has the {least} observations that [demand] min_observations asks for; the longest has {seen.max()}."
        )
    left = panel.take(~keep)
    repairs.add(
        "demand", "series", "min-observations", "rejected", left.values.size, units=float(np.nansum(left.values)),
        series=len(left), example=str(left.ids[0]), remedy="lower [demand] min_observations to forecast them",
    )  # fmt: skip
    return panel.take(keep)


def _in_units(forecast: Forecast, prices: pl.DataFrame, repairs: Repairs) -> Forecast:
    """A forecast of money as one of units, by each item's present price; orders are placed in units."""
    wanted = pl.DataFrame({"unique_id": forecast.ids.cast(pl.String)})
    known = prices.select(pl.col("unique_id").cast(pl.String), "price").unique("unique_id", keep="last")
    price = wanted.join(known, on="unique_id", how="left", maintain_order="left")["price"].fill_null(0.0).to_numpy()
    unpriced = price <= 0
    if unpriced.any():
        repairs.add(
            "plan", "forecast", "revenue-without-price", "rejected", int(unpriced.sum()), series=int(unpriced.sum()),
            example=f"series {forecast.ids.to_list()[int(np.argmax(unpriced))]}: money cannot be turned into units",
            remedy="give these items a price, or forecast units ([demand] measure)",
        )  # fmt: skip
    return forecast.times(np.divide(1.0, price, out=np.zeros_like(price), where=~unpriced))


def _headline(panel: Panel, forecast: Forecast, judged: Judged, plan: PurchasePlan, measure: str) -> dict[str, Any]:
    """The run in a few numbers, for machines."""
    return {
        "series": len(panel),
        "horizon": forecast.horizon,
        "freq": panel.freq.alias,
        "last_date": str(panel.stamps[-1])[:10],
        f"expected_{measure}": round(float(forecast.mean.sum()), 1),
        "verdict": judged.verdict,
        **plan.summary(),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
