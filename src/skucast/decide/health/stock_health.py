"""Stock health: classes, risks by date, dead and excess stock with its way out, and what is wasted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from ...collect.repairs import Repairs
from ...explain.sentences import number, percent, span
from ...forecast import F64, Forecast
from ...panel_frame import to_polars
from ..arrivals import arrival_steps, series_arrivals, undated_arrivals
from ..assumptions import Assumption
from ..outlook import Bool
from ..timeline import Timeline
from .classes import abc_classes, nine_cells, xyz_classes
from .exit_table import exit_table
from .facts import Facts, read_facts
from .measures import Measures, Stocks, measure
from .options import HealthOptions
from .projection import Projection
from .result import StockHealth
from .words import assume


def stock_health(
    forecast: Forecast,
    items: Any,
    *,
    open_orders: Any = None,
    options: HealthOptions | None = None,
    currency: str = "EUR",
    seed: int = 0,
) -> StockHealth:
    """Look at the stock of every item through the sample paths of its forecast.

    Args:
        forecast: demand in units; its first step begins today.
        items: one row per series with the columns of ``ITEM_COLUMNS`` (all but ``unique_id`` may be absent). The
            frame of a purchase plan will do; join ``last_sale`` (see `last_sales`), ``error``, terms of return and
            CO2e factors to it.
        open_orders: ``unique_id, quantity, due``; without it ``on_order`` arrives after the lead time.
        options: thresholds and assumptions.
        currency: ISO code of all money.
        seed: of the paths.

    Returns:
        Classes, risks, exits, assumptions; see `StockHealth`.

    Raises:
        DataError: a table lacks a required column, or holds an item twice.
    """
    wanted, repairs = options or HealthOptions(), Repairs()
    table, kind = to_polars(items)
    facts, timeline = read_facts(forecast, table, repairs), Timeline.of(forecast)
    stocks, known, undated = _stocks(forecast, timeline, facts, open_orders, wanted, repairs)
    seen = measure(forecast, timeline, stocks, wanted, seed)
    rows = _items(facts, stocks, known, seen, timeline, forecast, wanted)
    exits = exit_table(rows, facts, stocks, forecast, timeline, wanted, currency, seed)
    shown = rows.drop("_p_protect", "_lacking", "_exit_units", "_cover_days", "_money", "_never_sold")
    return StockHealth(
        items=shown,
        cells=nine_cells(rows),
        exits=exits,
        sustainability=_sustainability(rows, facts),
        projection=_masked(seen.projection, known),
        forecast=forecast,
        assumptions=tuple(_assumptions(rows, exits, facts, stocks, forecast, timeline, wanted, undated)),
        repairs=repairs,
        currency=currency,
        today=timeline.today,
        kind=kind,
    )


def _stocks(
    forecast: Forecast, timeline: Timeline, facts: Facts, orders: Any, options: HealthOptions, repairs: Repairs
) -> tuple[Stocks, Bool, int]:
    """Stock and its terms; which stock is known; how many items have units on order without a date."""
    on_hand = facts.of("on_hand")
    known: Bool = np.asarray(np.isfinite(on_hand))
    lead, review = facts.of("lead_days", 14.0), facts.of("review_days", 7.0)
    on_order, undated = facts.of("on_order", 0.0), 0
    if orders is not None:
        dated = series_arrivals(forecast, timeline.today, to_polars(orders)[0], repairs)
    else:
        undated = int((on_order > 0).sum())
        dated = undated_arrivals(on_order, lead, timeline.today)
    arrivals = arrival_steps(timeline, dated, len(forecast))
    on_order = arrivals.sum(axis=1)
    last_day = (facts.table["end_date"] - timeline.today).dt.total_days().cast(pl.Float64).fill_null(np.inf).to_numpy()
    life = facts.of("shelf_life_days", np.inf)
    left = facts.of("days_left")
    stocks = Stocks(
        on_hand=np.where(known, on_hand, 0.0),
        on_order=on_order,
        protect_days=lead + review,
        sell_days=np.maximum(last_day + 1.0, 0.0),
        left_days=np.where(np.isnan(left), life, left),
        life_days=life,
        arrivals=arrivals[:, :-1],
    )
    return stocks, known, undated


def _items(
    facts: Facts, s: Stocks, known: Bool, seen: Measures, timeline: Timeline, forecast: Forecast, options: HealthOptions
) -> pl.DataFrame:
    c = seen.columns
    cost, price = facts.of("unit_cost"), facts.of("unit_price")
    own = facts.of("margin")
    margin = np.where(np.isnan(own), (price - cost) * c["expected"], own)
    letters, shares = abc_classes(margin, options.abc)
    tested = facts.of("error")
    error = np.where(np.isnan(tested), c["error"], tested)
    idle, never = _idle(facts, timeline.today)
    dead = known & (s.on_hand > 0) & (idle >= options.idle_days)
    dead &= (c["p_sold"] < options.dead_chance) & (c["sell_share"] < options.dead_chance)
    excess = np.where(known & ~dead, np.maximum(c["beyond"], np.minimum(c["expires"], np.maximum(s.on_hand, 0))), 0.0)
    cancel = np.minimum(np.where(dead, s.on_order, excess), s.on_order)
    cancel = np.where(known, cancel, 0.0)
    # what expires lies on the shelf already and cannot be cancelled
    out = np.where(dead, s.on_hand, np.maximum(excess - cancel, np.minimum(c["expires"], excess)))
    if options.whole_units:
        out = np.where(dead, out, np.floor(out + 0.5))
    risky = seen.projection.p_short >= options.risk
    first = np.where(risky.any(axis=1), risky.argmax(axis=1), -1)
    days = pl.Series(forecast.stamps).cast(pl.Date).gather(np.maximum(first, 0))
    stock_known = pl.Series(known)

    def shown(values: F64) -> pl.Expr:
        """Where stock is known, and the number is."""
        return pl.when(stock_known).then(pl.Series(values).fill_nan(None))

    unit_margin = np.maximum(price - cost, 0.0)
    dead_units = np.where(dead, s.on_hand, 0.0)
    return facts.table.select("unique_id", "sku", "location", "name", "on_hand", "last_sale").with_columns(
        on_order=pl.Series(s.on_order),
        abc=pl.Series(letters, dtype=pl.String),
        xyz=pl.Series(xyz_classes(error, options.xyz), dtype=pl.String),
        margin=pl.Series(margin).fill_nan(None),
        margin_share=pl.Series(shares).fill_nan(None),
        error=pl.Series(error).fill_nan(None),
        error_from=pl.Series(np.where(np.isnan(tested), "forecast", "backtest")),
        stock_value=shown(np.maximum(s.on_hand, 0.0) * cost),
        p_short=shown(seen.projection.p_short[:, -1]),
        risk_date=pl.when(stock_known & pl.Series(first >= 0)).then(days),
        lost_units=shown(c["unmet"]),
        lost_margin=shown(c["unmet"] * unit_margin),
        p_sold=shown(c["p_sold"]),
        sell_share=shown(c["sell_share"]),
        idle_days=pl.Series(np.where(np.isfinite(idle), idle, np.nan)).fill_nan(None),
        dead=pl.Series(dead),
        dead_units=shown(dead_units),
        dead_value=shown(dead_units * cost),
        excess_units=shown(excess),
        excess_value=shown(excess * cost),
        cancel_units=shown(cancel),
        expires_units=shown(c["expires"]),
        waste_units=shown(c["wasted"]),
        waste_value=shown(c["wasted"] * cost),
        _p_protect=shown(c["p_protect"]),
        _lacking=shown(c["lacking"]),
        _exit_units=shown(out),
        _cover_days=pl.Series(c["cover_days"]),
        _money=pl.Series(np.isfinite(cost) & np.isfinite(price)),
        _never_sold=pl.Series(never),
    )


def _idle(facts: Facts, today: dt.date) -> tuple[F64, Bool]:
    """Days without a sale (infinite where none is known), and which items have never sold."""
    days = (pl.lit(today) - pl.col("last_sale")).dt.total_days().cast(pl.Float64)
    idle = facts.table.select(days.fill_null(np.inf)).to_series().to_numpy()
    never: Bool = np.asarray(np.isinf(idle) & ("last_sale" in facts.given))
    return idle, never


def _masked(projection: Projection, known: Bool) -> Projection:
    """The projection with items of unknown stock taken out."""

    def shown(array: F64) -> F64:
        return np.where(known.reshape(-1, *[1] * (array.ndim - 1)), array, np.nan)

    arrays = {name: shown(array) for name, array in vars(projection).items() if name != "levels"}
    return Projection(projection.levels, **arrays)


def _sustainability(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Waste, excess and dead stock as units, money and kg CO2e."""
    factor = facts.table["co2e_kg"]
    out = []
    for name in ("waste", "excess", "dead"):
        units, money = rows[f"{name}_units"].fill_null(0.0), rows[f"{name}_value"]
        burden = (units * factor).drop_nulls()
        out.append({
            "measure": name,
            "items": int((units > 1e-6).sum()),
            "units": float(units.sum()),
            "money": float(money.sum() or 0.0),
            "co2e_kg": float(burden.sum()) if len(burden) else None,
            "units_without_factor": float(units.filter(factor.is_null()).sum()),
        })  # fmt: skip
    types = {"measure": pl.String, "items": pl.Int64, "units": pl.Float64, "money": pl.Float64, "co2e_kg": pl.Float64}
    return pl.DataFrame(out, schema={**types, "units_without_factor": pl.Float64})


def _assumptions(
    rows: pl.DataFrame, exits: pl.DataFrame, facts: Facts, s: Stocks, forecast: Forecast, timeline: Timeline,
    options: HealthOptions, undated: int,
) -> list[Assumption]:  # fmt: skip
    judged = exits.filter(pl.col("action").is_not_null())
    said = assume("stock-unknown", rows["on_hand"].null_count())
    said += assume("money-unknown", int((~rows["_money"]).sum()))
    said += assume("error-of-forecast", int((rows["error_from"] == "forecast").sum()))
    said += assume("idle-unknown", 0 if "last_sale" in facts.given else rows.height)
    said += assume("on-order-arrives", undated)
    fresh = np.isfinite(s.life_days) & np.isnan(facts.of("days_left")) & (s.on_hand > 0)
    said += assume("fresh", int(fresh.sum()))
    with_own = judged.filter(pl.col("elasticity").is_not_null()).height
    if options.elasticity is not None:
        lift = 0.9**options.elasticity - 1
        word = number(options.elasticity, "en", 1)
        said += assume(
            "elasticity", judged.height - with_own,
            {"elasticity": (word, word), "lift": (percent(lift, "en"), percent(lift, "zh"))},
        )  # fmt: skip
    else:
        said += assume("no-elasticity", judged.height - with_own)
    said += assume("no-return-terms", int((~judged["_terms"]).sum()))
    horizon = {"days": (span(options.exit_days, "en"), span(options.exit_days, "zh"))}
    share = {"share": (percent(options.salvage, "en"), percent(options.salvage, "zh"))}
    said += assume("salvage", judged.height, {**horizon, **share})
    far = max(options.cover_days, options.dead_days, options.exit_days if judged.height else 0.0) > timeline.days
    steps = {"horizon": (number(forecast.horizon), number(forecast.horizon, "zh"))}
    said += assume("beyond-horizon", rows.height if far else 0, steps)
    return said
