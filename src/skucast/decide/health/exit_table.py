"""Exit table: dead and excess items with the ways out in money, and a sentence for each."""

from __future__ import annotations

import numpy as np
import polars as pl

from ...forecast import Forecast
from ...panel import I64
from ..outlook import Bool
from ..terms import DAYS_PER_YEAR
from ..timeline import Timeline
from .exits import ACTIONS, Exits, Returns, best_exits
from .facts import Facts
from .measures import Stocks, exit_demand, exit_rows
from .options import HealthOptions
from .value import Prospects
from .words import exit_sentence

_VALUES = tuple(f"{name}_value" for name in ACTIONS)


def exit_table(
    rows: pl.DataFrame,
    facts: Facts,
    stocks: Stocks,
    forecast: Forecast,
    timeline: Timeline,
    options: HealthOptions,
    currency: str,
    seed: int,
) -> pl.DataFrame:
    """The table `StockHealth.exits`; ``rows`` are the items with their measures."""
    units = rows["_exit_units"].fill_null(0.0).to_numpy()
    cancel = rows["cancel_units"].fill_null(0.0).to_numpy()
    flagged = (units > 0) | (cancel > 0)
    has_money = rows["_money"].to_numpy()
    groups = rows["sku"].rank("dense").cast(pl.Int64).to_numpy()
    placed = rows["location"].is_not_null().to_numpy()
    short = placed & has_money & ~flagged & (rows["_p_protect"].fill_null(0.0).to_numpy() >= options.risk)
    short &= np.isin(groups, groups[flagged & placed])
    needs = np.where(short, rows["_lacking"].fill_null(0.0).to_numpy(), 0.0)
    if options.whole_units:
        needs = np.ceil(needs - 1e-6)
    chosen = np.flatnonzero((flagged & has_money) | (needs > 0))

    base = rows.filter(pl.Series(flagged)).select(
        "unique_id", "sku", "location", "name", "last_sale", "idle_days", "p_sold", "sell_share", "expires_units",
        "cancel_units", cover_days="_cover_days", never_sold="_never_sold", units="_exit_units",
        kind=pl.when("dead").then(pl.lit("dead")).otherwise(pl.lit("excess")),
    )  # fmt: skip
    where = np.flatnonzero(flagged)
    life = pl.Series(stocks.left_days[where])
    base = base.with_columns(
        value=pl.Series(units[where] * facts.of("unit_cost")[where]).fill_nan(None),
        life_days=pl.when(life.is_finite()).then(life),
        elasticity=facts.table["elasticity"].gather(where),
    )
    parts = []
    for part in _whole_groups(chosen, groups, exit_rows(forecast, options)):
        prospects, returns = _prospects(part, facts, stocks, forecast, timeline, options, seed)
        slope = facts.of("elasticity", np.nan if options.elasticity is None else options.elasticity)[part]
        exits = best_exits(
            prospects, np.maximum(stocks.position, 0.0)[part], np.where(flagged, units, 0.0)[part], needs[part],
            groups[part], returns, slope, options.markdowns, options.transfer_cost,
        )  # fmt: skip
        parts.append(_rows(exits, part, rows, ~np.isnan(returns.price)).filter(pl.Series(flagged[part])))
    done = pl.concat(parts) if parts else _rows(_none(), np.zeros(0, np.int64), rows, np.zeros(0, np.bool_))
    table = base.join(done, on="unique_id", how="left", maintain_order="left")
    table = table.with_columns(_terms=pl.col("_terms").fill_null(False)).sort(
        pl.col("gain"), pl.col("value"), descending=True, nulls_last=True, maintain_order=True
    )
    return _with_reasons(table, currency, options)


def _prospects(
    part: I64, facts: Facts, s: Stocks, forecast: Forecast,
    timeline: Timeline, options: HealthOptions, seed: int,
) -> tuple[Prospects, Returns]:  # fmt: skip
    cost, price = facts.of("unit_cost")[part], facts.of("unit_price")[part]
    sell = s.sell_days[part]
    days = np.minimum(np.minimum(options.exit_days, sell), np.maximum(s.left_days[part], 1.0))
    protect = np.minimum(s.protect_days[part], days)
    demand, early = exit_demand(forecast.take(part), timeline, days, protect, options, seed)
    again = sell > s.protect_days[part]  # else no order could arrive before the end of sale
    prospects = Prospects(
        demand, early, days, price, np.where(again, np.maximum(price - cost, 0.0), 0.0),
        cost * options.holding_rate / DAYS_PER_YEAR, cost * options.salvage,
    )  # fmt: skip
    refund = facts.of("return_price")[part]
    if options.return_share is not None:
        refund = np.where(np.isnan(refund), cost * options.return_share, refund)
    closed = (facts.table["return_until"] < timeline.today).fill_null(False).to_numpy()[part]
    refund = np.where(closed, np.nan, refund)
    return prospects, Returns(refund, facts.of("return_fee", 0.0)[part], facts.of("return_max", np.inf)[part])


def _rows(
    e: Exits,
    part: I64,
    rows: pl.DataFrame,
    terms: Bool,
) -> pl.DataFrame:
    goes = pl.Series(e.to >= 0, dtype=pl.Boolean)
    there = rows["location"].gather(part[np.maximum(e.to, 0)] if part.size else part)
    return pl.DataFrame(
        {
            "unique_id": rows["unique_id"].gather(part),
            "action": pl.Series([ACTIONS[a] for a in e.action], dtype=pl.String),
            "exit_units": e.units,
            "markdown": pl.Series(e.markdown, dtype=pl.Float64).fill_nan(None),
            "to": there,
            "exit_value": e.keep + e.gain,
            **{name: pl.Series(e.keep + e.gains[a], dtype=pl.Float64).fill_nan(None) for name, a in zip(_VALUES, ACTIONS, strict=True)},
            "gain": e.gain,
            "_terms": pl.Series(terms, dtype=pl.Boolean),
        }
    ).with_columns(to=pl.when(goes).then("to"))  # fmt: skip


def _none() -> Exits:
    empty, row = np.zeros(0), np.zeros(0, dtype=np.int64)
    return Exits(row, empty, empty, row, empty, empty, empty, dict.fromkeys(ACTIONS, empty))


def _whole_groups(
    chosen: I64, groups: I64, size: int
) -> list[I64]:  # fmt: skip
    """Rows in parts of about ``size``, all locations of a product in one part."""
    order = chosen[np.argsort(groups[chosen], kind="stable")]
    parts, begin = [], 0
    for end in range(1, order.size + 1):
        last = end == order.size
        if last or (end - begin >= size and groups[order[end]] != groups[order[end - 1]]):
            parts.append(order[begin:end])
            begin = end
    return parts


def _with_reasons(table: pl.DataFrame, currency: str, options: HealthOptions) -> pl.DataFrame:
    said = list(table.iter_rows(named=True))
    return table.with_columns(
        reason_en=pl.Series([exit_sentence(r, "en", currency, options) for r in said], dtype=pl.String),
        reason_zh=pl.Series([exit_sentence(r, "zh", currency, options) for r in said], dtype=pl.String),
    )
