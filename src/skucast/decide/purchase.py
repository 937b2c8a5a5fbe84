"""Purchase plan: what to order today, how much, why, and what first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from ..collect.repairs import Repairs
from ..config import Plan
from ..errors import DataError
from ..explain.sentences import number
from ..forecast import F64, Forecast
from .arrivals import arrival_steps, open_arrivals, undated_arrivals
from .assumptions import Assumptions
from .lead_time import learned_draws
from .order import Order, choose_order
from .outlook import Bool, Outlook, Terms, look_ahead, order_effects
from .plan_table import ARRIVING, COLUMNS, PurchasePlan
from .position import inventory_position
from .purchase_list import Lines, SupplierRule
from .reasons import explain
from .supply import LeadTimes, learned_lead_times
from .terms import match_skus, read_terms
from .timeline import Timeline


def purchase_plan(
    forecast: Forecast,
    *,
    plan: Plan,
    stock: pl.DataFrame | None = None,
    products: pl.DataFrame | None = None,
    suppliers: pl.DataFrame | None = None,
    prices: pl.DataFrame | None = None,
    open_orders: pl.DataFrame | None = None,
    deliveries: pl.DataFrame | None = None,
    currency: str = "EUR",
    seed: int = 0,
) -> PurchasePlan:
    """Decide what to order at the beginning of the forecast, from its sample paths.

    Stock is played through the lead time on every path, what is on its way received as it comes. Then every further
    pack is weighed by what it is expected to gain until the next order could arrive; where a budget, room or a
    supplier's minimum binds, packs of all items are chosen together. See docs/purchasing.md.

    Args:
        forecast: demand in units; its first step is when the order is placed.
        plan: ``[plan]`` of the project file: defaults where the tables say nothing, limits, paths.
        stock: table ``stock``; None treats shelves as empty and says so.
        products: table ``products`` (cost, pack_size, min_order, supplier...).
        suppliers: table ``suppliers`` (lead times, review period, minimum...).
        prices: ``unique_id, price`` (recent selling price per unit) and optionally ``list_price, cost``.
        open_orders: table ``open_orders``; in its presence the column ``on_order`` of the stock is not used.
        deliveries: table ``deliveries``, from which suppliers' lead times are learned.
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
        empty = pl.DataFrame(schema=COLUMNS)
        return PurchasePlan(empty, (), repairs, currency, today, pl.DataFrame(schema=ARRIVING), plan.budget)
    forecast, broken = _finite(forecast, repairs)
    timeline = Timeline.of(forecast)

    series = match_skus(forecast, products, stock, open_orders)
    learned = None
    if deliveries is not None and deliveries.height:
        learned = learned_lead_times(deliveries, as_of=timeline.today, seed=seed)
        repairs.extend(learned.repairs)
        suppliers = learned.fill_suppliers(suppliers)
    terms = read_terms(series, forecast, plan, products, suppliers, prices, timeline.today, repairs, assumptions)
    if stock is None or plan.stock == "none":
        held = pl.DataFrame({"on_hand": [None] * len(forecast), "on_order": None}, schema_overrides=_STOCK_TYPES)
    else:
        held = inventory_position(series, stock, timeline.today, repairs, assumptions)
    coming = _coming(series, held, open_orders, terms, plan, timeline, repairs, assumptions)
    held = held.with_columns(on_order=pl.Series(coming[1].sum(axis=1)))
    known = held["on_hand"].is_not_null()
    assumptions.add("stock-ignored" if plan.stock == "none" else "stock-unknown", int((~known).sum()))

    arrays = _terms(forecast, timeline, series, terms, held, coming[1], plan, broken, learned, seed)
    if learned is not None:
        assumptions.add(
            "lead-time-learned", int(terms["supplier"].is_in(learned.suppliers).sum()),
            count=number(float(deliveries.height)) if deliveries is not None else "",
        )  # fmt: skip
    outlook = look_ahead(forecast, timeline, arrays, plan.paths, seed, plan.whole_units)
    money = terms["has_money"].to_numpy()
    order = choose_order(forecast, timeline, arrays, outlook, plan, money, currency, seed)
    effects = order_effects(forecast, timeline, arrays, outlook, order.quantity, plan.paths, seed, plan.whole_units)
    _assume(assumptions, forecast, arrays, outlook, order, terms, plan)
    table = _table(forecast, timeline, series, terms, held, arrays, outlook, order, effects)
    table = _ranked(table.with_columns(planned=pl.Series(~broken)))
    _check_lines(table, repairs)
    table = explain(table, forecast.fallback, timeline, currency, plan)
    ids_of = pl.DataFrame({"row": np.arange(len(forecast)), "unique_id": ids})
    arriving = coming[0].join(ids_of, on="row", how="inner", maintain_order="left").select(list(ARRIVING))
    return PurchasePlan(
        table.select(list(COLUMNS)).cast(COLUMNS),  # type: ignore[arg-type]
        tuple(assumptions.rows), repairs, currency, timeline.today, arriving, plan.budget, order.listed,
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


def _coming(
    series: pl.DataFrame, held: pl.DataFrame, open_orders: pl.DataFrame | None, terms: pl.DataFrame, plan: Plan,
    timeline: Timeline, repairs: Repairs, assumptions: Assumptions,
) -> tuple[pl.DataFrame, F64]:  # fmt: skip
    """What is on its way: rows of series, units and dates, and the same by step."""
    lead = _float(terms["lead_days"])
    if plan.stock == "none":
        dated = undated_arrivals(np.zeros(lead.size), lead, timeline.today)
    elif open_orders is not None:
        dated = open_arrivals(series, open_orders, lead, timeline.today, repairs)
    else:
        dated = undated_arrivals(_float(held["on_order"].fill_null(0.0)), lead, timeline.today)
        assumptions.add("on-order-arrives", dated.height)
    return dated, arrival_steps(timeline, dated, lead.size)


def _terms(
    forecast: Forecast, timeline: Timeline, series: pl.DataFrame, terms: pl.DataFrame, held: pl.DataFrame, coming: F64,
    plan: Plan, broken: Bool, learned: LeadTimes | None, seed: int,
) -> Terms:  # fmt: skip
    cost, under = _float(terms["cost"]), _float(terms["shortage_cost"])
    lead, review = _float(terms["lead_days"]), _float(terms["review_days"])
    shelf_life = _float(terms["shelf_life_days"].fill_null(np.inf))
    last_day = _float((terms["end_date"] - timeline.today).dt.total_days().fill_null(np.inf))
    sell_days = np.maximum(last_day + 1, 0.0)  # the last day is a day of sale
    # left over when the next order arrives, and by then too old or withdrawn from sale
    written_off = (shelf_life <= review) | (sell_days <= lead + review)
    known = held["on_hand"].is_not_null().to_numpy()
    holding = _float(terms["holding_cost"])
    makers = terms["supplier"].to_list()
    rules = {
        row["supplier"]: SupplierRule(row["min_order_value"], row["min_order_units"], row["order_cost"])
        for row in terms.filter(pl.col("supplier").is_not_null()).unique("supplier", keep="first").iter_rows(named=True)
    }
    if not terms["has_money"].all():  # what nobody knows the cost of counts for no minimum of money
        makers = [m if fine else None for m, fine in zip(makers, terms["has_money"].to_list(), strict=True)]
    lines = Lines(
        forecast.ids.cast(pl.String).to_list(), cost + under, cost,
        position=_float(held["on_hand"].fill_null(0.0)),
        pack=_float(terms["pack"]),
        min_order=_float(terms["min_order"]),
        salvage=np.where(written_off, 0.0, cost),
        carrying=holding * timeline.step_days,
        shelf_life=shelf_life / timeline.step_days,
        # of an empty shelf that is only an assumption nothing is known to be lost
        lost=known if plan.unmet == "lost" else False,
        supplier=makers,
        rules={name: rule for name, rule in rules.items() if not rule.free},
        uses={"litres": _float(terms["volume_l"]), "kg": _float(terms["weight_kg"])},
        planned=(under > 0) & (sell_days > lead) & ~broken,
    )  # fmt: skip
    draws = None
    if learned is not None:
        names = list(zip(terms["supplier"].to_list(), series["sku"].to_list(), strict=True))
        draws = learned_draws(learned, names, lead, _float(terms["lead_sd_days"]), plan.paths, seed)
    return Terms(
        lines=lines, arrivals=coming, underage=under, holding=holding, lead_days=lead,
        lead_sd_days=_float(terms["lead_sd_days"]), lead_draws=draws, review_days=review, sell_days=sell_days,
        stock_known=known, written_off=written_off,
    )  # fmt: skip


def _assume(
    assumptions: Assumptions, forecast: Forecast, t: Terms, outlook: Outlook, order: Order, terms: pl.DataFrame, plan: Plan
) -> None:  # fmt: skip
    """What the numbers took for granted."""
    seen = outlook.columns
    early = t.stock_known & (seen["early_units"] > 1e-6) & ~t.written_off
    assumptions.add("unmet-waits" if plan.unmet == "wait" else "unmet-lost", int(early.sum()))
    assumptions.add("spoils", int(t.written_off.sum()))
    assumptions.add("slow", int((order.wanted < order.hoped - 1e-9).sum()), days=number(plan.patience_days))
    for limit, column, room in ((plan.max_volume_l, "volume_l", "litres"), (plan.max_weight_kg, "weight_kg", "kg")):
        assumptions.add("room-unknown", int((terms[column] <= 0).sum()) if limit else 0, room=room)
    assumptions.add(
        "horizon-extended", int(seen["extended"].sum()), horizon=number(forecast.horizon),
        season=number(min(forecast.freq.season, forecast.horizon)),
    )  # fmt: skip


def _table(
    forecast: Forecast, timeline: Timeline, series: pl.DataFrame, terms: pl.DataFrame, held: pl.DataFrame, t: Terms,
    outlook: Outlook, order: Order, effects: Mapping[str, F64],
) -> pl.DataFrame:  # fmt: skip
    """All numbers of the plan, one row per series in the forecast's order, and what the reasons need."""
    seen, lines, quantity = outlook.columns, t.lines, order.quantity
    cost, has_money = _float(terms["cost"]), terms["has_money"].to_numpy()
    written = cost - lines.of("salvage")
    held_without = t.holding * seen["kept_unit_days"] + written * seen["left_units"]
    held_more = t.holding * effects["carried"] + written * (quantity - effects["sold"])
    gain = t.underage * effects["sold"] - held_more
    excess = np.where(order.hoped > 0, 0.0, seen["beyond_units"])  # what is worth ordering is no overstock
    columns: dict[str, F64] = {
        "order_qty": quantity,
        "wanted_qty": order.wanted,
        "packs": quantity / lines.of("pack"),
        "pack_size": lines.of("pack"),
        "unit_cost": cost,
        "unit_price": _float(terms["price"]),
        "order_value": quantity * cost,
        "position": t.position,
        "lead_days": t.lead_days,
        "review_days": t.review_days,
        **{name: seen[name] for name in (
            "demand_lead_mean", "demand_protect_mean", "demand_protect_p10", "demand_protect_p90", "order_up_to",
            "service_target", "p_out_before_arrival", "p_out_without_order", "cover_days",
        )},
        "lost_units_without": seen["unmet_units"],
        "lost_units_with": seen["unmet_units"] - effects["sold"],
        "lost_margin_without": t.underage * seen["unmet_units"],
        "lost_margin_with": t.underage * (seen["unmet_units"] - effects["sold"]),
        "lost_margin_before_arrival": t.underage * seen["early_units"],
        "leftover_units": seen["left_units"] + quantity - effects["sold"],
        "holding_cost_without": held_without,
        "holding_cost": held_without + held_more,
        "expected_gain": gain,
        "wanted_gain": order.wanted_gain,
        "gain_per_money": np.divide(gain, quantity * cost, out=np.full(gain.size, np.nan), where=quantity * cost > 0),
        "overstock_value": excess * cost,
        "_excess": excess,
        "_hoped": order.hoped,
        "_p_sold": order.p_sold,
        "_ideal": outlook.curves.ideal,
        "_least": lines.least * lines.of("pack"),
    }  # fmt: skip
    listed = order.told
    nothing = pl.Series([None] * len(forecast), dtype=pl.String)
    table = pl.DataFrame(columns).with_columns(
        pl.col("cover_days", "gain_per_money", "_p_sold").fill_nan(None),
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
        _min_order=terms["min_order"],
        **{
            f"_list_{name}": nothing if listed is None else listed[column]
            for name, column in (("code", "reason"), ("en", "reason_en"), ("zh", "reason_zh"))
        },
    )
    # money is shown only where a price or cost is known; stock figures only where stock is
    out = pl.when(pl.col("stock_known"))
    run_out = pl.lit(timeline.today) + pl.duration(days=pl.col("cover_days").floor())
    return table.with_columns(
        pl.when(pl.col("cover_days").is_finite()).then(pl.col("cover_days")).alias("cover_days"),
        pl.when(pl.lit(pl.Series(has_money))).then(pl.col(*MONEY)),
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


def _check_lines(table: pl.DataFrame, repairs: Repairs) -> None:
    """Note what a buyer should know before sending the order."""
    loss = table.filter(pl.col("unit_price") <= pl.col("unit_cost"))
    repairs.add(
        "plan", "products", "cost-above-price", "noted", loss.height, series=loss.height,
        example="" if loss.is_empty() else f"sku {loss['sku'][0]}: cost {loss['unit_cost'][0]:g}, price {loss['unit_price'][0]:g}",
        remedy="Nothing is ordered for profit at a loss; correct the cost or the price.",
    )  # fmt: skip
    small = table.filter((pl.col("_min_order") > pl.col("demand_protect_p90")) & (pl.col("_ideal") > 0))
    repairs.add(
        "plan", "products", "min-order-above-demand", "noted", small.height, series=small.height,
        example="" if small.is_empty() else f"sku {small['sku'][0]}: minimum {small['_min_order'][0]:g}",
        remedy="Ordered only where the minimum still gains; ask the supplier for a smaller minimum.",
    )  # fmt: skip
    under = table.filter(pl.col("_list_code").is_in(("supplier-minimum", "supplier-beyond-budget")))
    repairs.add(
        "plan", "suppliers", "supplier-minimum-not-met", "noted", under["supplier"].n_unique(), series=under.height,
        example="" if under.is_empty() else f"supplier {under['supplier'][0]}",
        remedy="Nothing is ordered there: its minimum is not worth reaching now, or the budget does not reach for it.",
    )  # fmt: skip


def _float(column: pl.Series) -> F64:
    return np.asarray(column.cast(pl.Float64).to_numpy(), dtype=np.float64)
