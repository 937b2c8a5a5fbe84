"""Purchase plan: what to order today, how much, why, and what first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from ..collect.repairs import Repairs
from ..config import Plan
from ..errors import DataError
from ..explain.sentences import number
from ..forecast import F64, Forecast
from .assumptions import Assumptions
from .budget import cut_to_budget
from .order_up_to import expected_shortage
from .outlook import Bool, Outlook, Terms, look_ahead
from .packs import least_lot
from .plan_table import COLUMNS, PurchasePlan
from .position import inventory_position
from .reasons import explain
from .terms import DAYS_PER_YEAR, match_skus, read_terms
from .timeline import Timeline


def purchase_plan(
    forecast: Forecast,
    *,
    plan: Plan,
    stock: pl.DataFrame | None = None,
    products: pl.DataFrame | None = None,
    suppliers: pl.DataFrame | None = None,
    prices: pl.DataFrame | None = None,
    currency: str = "EUR",
    seed: int = 0,
) -> PurchasePlan:
    """Decide what to order at the beginning of the forecast, from its sample paths.

    Every item is ordered up to the newsvendor quantile of its demand over lead time plus review
    period, less its inventory position, in whole packs; lines are ranked by expected gain per unit of
    money and, if ``plan.budget`` is set, bought in that order until it is spent. See docs/purchasing.md.

    Args:
        forecast: demand in units; its first step is when the order is placed.
        plan: ``[plan]`` of the project file: defaults where the tables say nothing, budget, paths.
        stock: table ``stock``; None treats shelves as empty and says so.
        products: table ``products`` (cost, pack_size, min_order, supplier...).
        suppliers: table ``suppliers`` (lead times, review period...).
        prices: ``unique_id, price`` (recent selling price per unit) and optionally ``list_price, cost``.
        currency: ISO code of all money.
        seed: of paths and lead times.

    Returns:
        The plan with its assumptions and the repairs (stage ``plan``) of what was wrong.

    Raises:
        DataError: a table lacks a required column, or two series have the same identifier.
    """
    repairs, assumptions = Repairs(), Assumptions()
    ids = forecast.ids.cast(pl.String)
    if ids.n_unique() != len(ids):
        twice = ids.filter(ids.is_duplicated())[0]
        raise DataError(f"The forecast holds the series '{twice}' more than once: give each series one forecast.")
    if len(forecast) == 0:
        today = Timeline.of(forecast).today
        return PurchasePlan(pl.DataFrame(schema=COLUMNS), (), repairs, currency, today, plan.budget)
    forecast, broken = _finite(forecast, repairs)
    timeline = Timeline.of(forecast)

    series = match_skus(forecast, products, stock)
    terms = read_terms(series, forecast, plan, products, suppliers, prices, timeline.today, repairs, assumptions)
    if stock is None or plan.stock == "none":
        held = pl.DataFrame({"on_hand": [None] * len(forecast), "on_order": None}, schema_overrides=_STOCK_TYPES)
    else:
        held = inventory_position(series, stock, timeline.today, repairs, assumptions)
    known = held["on_hand"].is_not_null()
    unknown = int((~known).sum())
    assumptions.add("stock-ignored" if plan.stock == "none" else "stock-unknown", unknown)
    assumptions.add("on-order-arrives", int((held["on_order"] > 0).sum()))

    arrays = _terms(terms, held, timeline.today, plan, broken)
    keep = plan.budget > 0
    outlook = look_ahead(forecast, timeline, arrays, plan.paths, seed, keep_need=keep)
    seen = outlook.columns
    early = np.asarray(arrays.stock_known & (seen["early_units"] > 1e-6) & ~arrays.written_off)
    assumptions.add("unmet-demand", int(early.sum()))
    assumptions.add("spoils", int(arrays.written_off.sum()))
    assumptions.add(
        "horizon-extended", int(seen["extended"].sum()), horizon=number(forecast.horizon),
        season=number(min(forecast.freq.season, forecast.horizon)),
    )  # fmt: skip

    cost, has_money = _float(terms["cost"]), terms["has_money"].to_numpy()
    order, short = seen["wanted_qty"], seen["short_with"]
    if keep:
        order, short = _cut(outlook, arrays, cost, has_money, plan.budget)
    table = _table(forecast, timeline, series, terms, held, arrays, seen, order, short)
    table = _ranked(table.with_columns(planned=pl.Series(~broken)))
    _check_lines(table, terms, repairs, currency)
    table = explain(table, forecast.fallback, timeline, currency, plan.budget)
    return PurchasePlan(
        table.select(list(COLUMNS)).cast(COLUMNS),  # type: ignore[arg-type]
        tuple(assumptions.rows), repairs, currency, timeline.today, plan.budget,
    )  # fmt: skip


_STOCK_TYPES = {"on_hand": pl.Float64(), "on_order": pl.Float64()}


def _finite(forecast: Forecast, repairs: Repairs) -> tuple[Forecast, Bool]:
    """The forecast with rows of NaN or infinity set to zero, and which those are (nothing is ordered)."""
    fine: Bool = np.asarray(np.isfinite(forecast.mean).all(axis=1))
    fine &= np.isfinite(forecast.quantiles).all(axis=(1, 2))
    if fine.all():
        return forecast, ~fine
    first = forecast.ids.to_list()[int(np.argmin(fine))]
    repairs.add(
        "plan", "forecast", "forecast-not-finite", "rejected", int((~fine).sum()), series=int((~fine).sum()),
        example=f"series {first}", remedy="Nothing is ordered for these series; forecast them with another model.",
    )  # fmt: skip
    mean = np.where(fine[:, None], forecast.mean, 0).astype(np.float32)
    quantiles = np.where(fine[:, None, None], forecast.quantiles, 0).astype(np.float32)
    return replace(forecast, mean=mean, quantiles=quantiles), ~fine


def _terms(terms: pl.DataFrame, held: pl.DataFrame, today: dt.date, plan: Plan, broken: Bool) -> Terms:
    cost, price = _float(terms["cost"]), _float(terms["price"])
    lead, review = _float(terms["lead_days"]), _float(terms["review_days"])
    shelf_life = _float(terms["shelf_life_days"].fill_null(np.inf))
    last_day = _float((terms["end_date"] - today).dt.total_days().fill_null(np.inf))
    sell_days = np.maximum(last_day + 1, 0.0)  # the last day is a day of sale
    # left over when the next order arrives, and by then too old or withdrawn from sale
    written_off = (shelf_life <= review) | (sell_days <= lead + review)
    holding = cost * plan.holding_rate * review / DAYS_PER_YEAR
    return Terms(
        position=_float((held["on_hand"] + held["on_order"]).fill_null(0.0)),
        stock_known=held["on_hand"].is_not_null().to_numpy(),
        underage=np.maximum(price - cost, 0.0),
        overage=holding + np.where(written_off, cost, 0.0),
        lead_days=lead,
        lead_sd_days=_float(terms["lead_sd_days"]),
        review_days=review,
        sell_days=sell_days,
        pack=_float(terms["pack"]),
        min_order=_float(terms["min_order"]),
        written_off=written_off,
        buyable=(price > cost) & (sell_days > lead) & ~broken,
    )


def _cut(outlook: Outlook, t: Terms, cost: F64, has_money: Bool, budget: float) -> tuple[F64, F64]:
    """Quantities within the budget and the expected shortage then; lines without a cost are left out."""
    if outlook.need is None:
        raise ValueError("a budget needs the draws of unmet need")
    wanted = np.where(has_money, outlook.columns["wanted_qty"], 0.0)
    least = least_lot(t.pack, t.min_order)
    order = cut_to_budget(wanted, outlook.need, t.underage, t.overage, cost, t.pack, least, budget)
    return order, expected_shortage(outlook.need, order)


def _gain(seen: Mapping[str, F64], short: F64, order: F64, t: Terms) -> F64:
    avoided = seen["short_without"] - short
    return np.where(order > 0, (t.underage + t.overage) * avoided - t.overage * order, 0.0)


def _table(
    forecast: Forecast,
    timeline: Timeline,
    series: pl.DataFrame,
    terms: pl.DataFrame,
    held: pl.DataFrame,
    t: Terms,
    seen: Mapping[str, F64],
    order: F64,
    short: F64,
) -> pl.DataFrame:
    """All numbers of the plan, one row per series in the forecast's order, and what the reasons need."""
    gain = _gain(seen, short, order, t)
    cost, has_money = _float(terms["cost"]), terms["has_money"].to_numpy()
    # money is shown only where a price or cost is known; stock figures only where stock is
    money = pl.Series(has_money)
    passed = t.underage * seen["passed_units"]
    left_without = seen["short_without"] - seen["need_mean"]
    columns: dict[str, F64] = {
        "order_qty": order,
        "wanted_qty": seen["wanted_qty"],
        "packs": order / t.pack,
        "pack_size": t.pack,
        "min_order": t.min_order,
        "unit_cost": cost,
        "unit_price": _float(terms["price"]),
        "order_value": order * cost,
        "position": t.position,
        "lead_days": t.lead_days,
        "review_days": t.review_days,
        **{name: seen[name] for name in (
            "demand_lead_mean", "demand_protect_mean", "demand_protect_p10", "demand_protect_p90", "order_up_to",
            "service_target", "p_out_before_arrival", "p_out_without_order", "cover_days", "excess_units", "ideal_qty",
        )},
        "lost_units_without": seen["short_without"] + seen["passed_units"],
        "lost_units_with": short + seen["passed_units"],
        "lost_margin_without": t.underage * seen["short_without"] + passed,
        "lost_margin_with": t.underage * short + passed,
        "lost_margin_before_arrival": t.underage * seen["early_units"],
        "leftover_units": order - seen["need_mean"] + short,
        "holding_cost_without": t.overage * left_without,
        "holding_cost": t.overage * (order - seen["need_mean"] + short),
        "expected_gain": gain,
        "wanted_gain": _gain(seen, seen["short_with"], seen["wanted_qty"], t),
        "gain_per_money": np.divide(gain, order * cost, out=np.full(order.size, np.nan), where=order > 0),
        "overstock_value": seen["excess_units"] * cost,
    }  # fmt: skip
    table = pl.DataFrame(columns).with_columns(
        pl.col("cover_days", "gain_per_money").fill_nan(None),
        unique_id=forecast.ids.cast(pl.String),
        sku=series["sku"],
        location=series["location"],
        name=terms["name"],
        supplier=terms["supplier"],
        has_packs=terms["has_packs"],
        on_hand=held["on_hand"],
        on_order=held["on_order"],
        stock_known=held["on_hand"].is_not_null(),
        has_money=terms["has_money"],
        written_off=pl.Series(t.written_off),
        end_date=terms["end_date"],
        shelf_life_days=terms["shelf_life_days"],
    )
    shown = pl.lit(money)
    out = pl.when(pl.col("stock_known"))
    run_out = pl.lit(timeline.today) + pl.duration(days=pl.col("cover_days").floor())
    return table.with_columns(
        pl.when(pl.col("cover_days").is_finite()).then(pl.col("cover_days")).alias("cover_days"),
        pl.when(shown).then(pl.col(*MONEY)),
    ).with_columns(
        out.then(
            pl.col(
                "position", "p_out_before_arrival", "p_out_without_order", "cover_days", "lost_margin_before_arrival"
            )
        ),
        run_out_date=out.then(run_out).cast(pl.Date),
    )


MONEY = (
    "unit_cost", "unit_price", "order_value", "lost_margin_without", "lost_margin_with",
    "lost_margin_before_arrival", "holding_cost_without", "holding_cost", "expected_gain", "wanted_gain", "overstock_value",
)  # fmt: skip
"""Columns in currency, null where neither price nor cost of an item is known."""


def _ranked(table: pl.DataFrame) -> pl.DataFrame:
    """Lines to order first, by gain per unit of money; then the others, the most urgent first."""
    ordered = table.sort(
        pl.col("order_qty") <= 0,
        pl.when(pl.col("order_qty") > 0).then(-pl.col("gain_per_money")),
        -pl.col("wanted_qty"),
        -pl.col("p_out_without_order").fill_null(-1.0),
        pl.col("unique_id"),
        nulls_last=True,
    )
    place = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    return ordered.with_columns(rank=pl.when(pl.col("order_qty") > 0).then(place))


def _check_lines(table: pl.DataFrame, terms: pl.DataFrame, repairs: Repairs, currency: str) -> None:
    """Note what a buyer should know before sending the order."""
    loss = table.filter(pl.col("unit_price") <= pl.col("unit_cost"))
    repairs.add(
        "plan", "products", "cost-above-price", "noted", loss.height, series=loss.height,
        example="" if loss.is_empty() else f"sku {loss['sku'][0]}: cost {loss['unit_cost'][0]:g}, price {loss['unit_price'][0]:g}",
        remedy="Nothing is ordered for profit at a loss; correct the cost or the price.",
    )  # fmt: skip
    small = table.filter((pl.col("min_order") > pl.col("demand_protect_p90")) & (pl.col("ideal_qty") > 0))
    repairs.add(
        "plan", "products", "min-order-above-demand", "noted", small.height, series=small.height,
        example="" if small.is_empty() else f"sku {small['sku'][0]}: minimum {small['min_order'][0]:g}",
        remedy="Ordered only where the minimum still gains; ask the supplier for a smaller minimum.",
    )  # fmt: skip
    least = terms.group_by("supplier").agg(least=pl.col("min_order_value").max()).filter(pl.col("least") > 0)
    sums = table.group_by("supplier").agg(value=pl.col("order_value").sum()).join(least, on="supplier")
    below = sums.filter((pl.col("value") > 0) & (pl.col("value") < pl.col("least"))).sort("supplier")
    repairs.add(
        "plan", "suppliers", "below-min-order-value", "noted", below.height,
        example="" if below.is_empty() else
        f"supplier {below['supplier'][0]}: {below['value'][0]:,.0f} of at least {below['least'][0]:,.0f} {currency}",
        remedy="Add items of this supplier, or wait with the order.",
    )  # fmt: skip


def _float(column: pl.Series) -> F64:
    return np.asarray(column.cast(pl.Float64).to_numpy(), dtype=np.float64)
