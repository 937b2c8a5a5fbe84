"""Worth: whether what is ordered is expected to earn its money back, so that dead items stay off the list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ...forecast import F64, Forecast
from ..outlook import Bool
from ..terms import DAYS_PER_YEAR
from ..timeline import Timeline
from .measures import exit_demand, exit_rows
from .options import HealthOptions
from .value import Prospects

_SHARES = tuple(k / 10 for k in range(1, 10))  # of an order that is too much


@dataclass(frozen=True, eq=False)
class Worth:
    """What an order is expected to come to; arrays ``(R,)``.

    Attributes:
        p_sold: chance that the stock and all that is ordered is sold within the time given.
        net: money: takings of the units ordered, less their cost, holding and the cost of the order line; what has not
            been sold by then is written off to its salvage.
        worth: ``net`` is above zero.
    """

    p_sold: F64
    net: F64

    @property
    def worth(self) -> Bool:
        """Items that earn their money back."""
        return np.asarray(self.net > 0)


def worth_ordering(prospects: Prospects, position: F64, quantity: F64, unit_cost: F64, line_cost: float = 0.0) -> Worth:
    """Judge an order by its own units: what they bring within a time of patience against what they cost.

    The newsvendor weighs a unit that is left over at the cost of holding it until the next order only, as it may
    be sold then. For an item that hardly sells that is wrong: one unit on an empty shelf would be ordered even if it
    sells once in ten years. Here the unit has until the end of ``prospects.days`` (a year, say) to be sold; then it is
    written off. A unit bought at ``c`` and sold at ``p`` without salvage must sell with a chance above about ``c / p``.

    Args:
        prospects: of the items, with ``margin`` 0: an order is judged alone.
        position: ``(R,)`` units on hand and on order; 0 where unknown.
        quantity: ``(R,)`` units ordered.
        unit_cost: ``(R,)`` money per unit.
        line_cost: money per order line (handling, receiving).

    Source: whether an item should be stocked at all, Silver, Pyke & Thomas (2017), Inventory and Production Management in
        Supply Chains, chapter 8 (class C items); here on sample paths.
    """
    have = np.maximum(position, 0.0)
    owed = np.maximum(-position, 0.0)  # sold as soon as it arrives
    stays = np.maximum(quantity - owed, 0.0)
    net = prospects.value(have + stays) - prospects.value(have) + prospects.price * (quantity - stays)
    net -= unit_cost * quantity + line_cost * (quantity > 0)
    sold = prospects.demand[:, :, -1] >= (have + stays)[:, None] - 1e-6
    return Worth(sold.mean(axis=1), np.where(quantity > 0, net, 0.0))


def plan_worth(
    forecast: Forecast, plan: pl.DataFrame, options: HealthOptions | None = None, line_cost: float = 0.0, seed: int = 0
) -> pl.DataFrame:
    """Which lines of a purchase plan earn their money back within ``options.exit_days``.

    Args:
        forecast: that the plan was made from.
        plan: ``unique_id, order_qty, pack_size, unit_cost, unit_price, position, lead_days, review_days`` as in
            `skucast.decide.plan_table.COLUMNS`; only rows with an order and money are judged.
            Optional ``unit_holding``: money per unit and day, in place of ``holding_rate``.
        options: ``exit_days``, ``salvage``, ``holding_rate``, ``paths``, ``whole_units``.
        line_cost: money per order line.
        seed: of the paths.

    Returns:
        ``unique_id``, ``p_sold`` (chance that the stock and the whole order are sold in that time), ``net`` (money, of the
        whole order), ``worth_qty`` (the order where it earns its money back, else the number of packs, of tenths of
        it, that does best, else 0) and ``worth`` (that is above 0), one row per line judged, in the order of the plan.
    """
    wanted = options or HealthOptions()
    place = pl.DataFrame({"unique_id": forecast.ids.cast(pl.String), "_row": np.arange(len(forecast))})
    lines = plan.filter((pl.col("order_qty") > 0) & pl.col("unit_cost").is_not_null()).join(
        place, on="unique_id", how="inner", maintain_order="left"
    )
    if "unit_holding" not in lines.columns:
        lines = lines.with_columns(unit_holding=pl.col("unit_cost") * wanted.holding_rate / DAYS_PER_YEAR)
    timeline, parts = Timeline.of(forecast), []
    for part in lines.iter_slices(exit_rows(forecast, wanted)):
        cost, price = part["unit_cost"].to_numpy(), part["unit_price"].to_numpy()
        days = np.full(part.height, wanted.exit_days)
        protect = np.minimum((part["lead_days"] + part["review_days"]).to_numpy(), days)
        rows = part["_row"].to_numpy()
        demand, early = exit_demand(forecast.take(rows), timeline, days, protect, wanted, seed)
        prospects = Prospects(
            demand, early, days, price, np.zeros(part.height), part["unit_holding"].to_numpy(), cost * wanted.salvage,
        )  # fmt: skip
        position, order = part["position"].fill_null(0.0).to_numpy(), part["order_qty"].to_numpy()
        found = worth_ordering(prospects, position, order, cost, line_cost)
        best, most = np.where(found.worth, order, 0.0), np.maximum(found.net, 0.0)
        poor = np.flatnonzero(~found.worth)  # perhaps fewer packs do
        packs = np.round(order[poor] / part["pack_size"].to_numpy()[poor])
        some = prospects.take(poor)
        for share in _SHARES:
            less = np.ceil(share * packs - 1e-9) * part["pack_size"].to_numpy()[poor]
            net = worth_ordering(some, position[poor], less, cost[poor], line_cost).net
            better = (net > most[poor]) & (less < order[poor])
            best[poor], most[poor] = np.where(better, less, best[poor]), np.where(better, net, most[poor])
        parts.append(
            pl.DataFrame(
                {
                    "unique_id": part["unique_id"],
                    "p_sold": found.p_sold,
                    "net": found.net,
                    "worth_qty": best,
                    "worth": best > 0,
                }
            )
        )
    empty = {
        "unique_id": pl.String,
        "p_sold": pl.Float64,
        "net": pl.Float64,
        "worth_qty": pl.Float64,
        "worth": pl.Boolean,
    }
    return pl.concat(parts) if lines.height else pl.DataFrame(schema=empty)
