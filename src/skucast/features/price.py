"""Price and promotion features, made only from what is known at the time.

Where ``price`` (or ``list_price``, ``discount``, ``promotion``) is a future-known covariate, a step's
features may use that step's own price: the plan is known. Where it is a past covariate, a step's
features use the steps before it only, so they can stand beside the demand of the same step without
leaking. Features never use the demand itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from ..panel import F32, Panel
from ..prepare.windows import F64, following, previous, rolling_median, shifted

_WINDOW_DAYS = 56
_SINCE_CAP = 60.0
_DEEP = 0.05
_SOURCES = ("price", "list_price", "discount", "promotion")


@dataclass(frozen=True, eq=False, repr=False)
class PriceFeatures:
    """Price features by role, each name -> ``(N,)``.

    Attributes:
        known: features whose future can be computed from the plan.
        past: features that are known up to the last step only.
    """

    known: Mapping[str, F32]
    past: Mapping[str, F32]

    def __repr__(self) -> str:
        return f"PriceFeatures(known: {', '.join(self.known) or 'none'}; past: {', '.join(self.past) or 'none'})"


def price_features(panel: Panel, *, category: str = "category", lookahead: int = 0) -> PriceFeatures:
    """Price and promotion features of every cell, from those sources that the panel has.

    ``price_relative``: price over its own median of the eight weeks before; ``price_change``: log of the
    price over the one before; ``discount_depth``: share off the list price (from ``discount`` or
    ``list_price``, else off the highest price of eight weeks); ``on_promotion``: 0 or 1 (from
    ``promotion``, else where the discount is 5 % or more); ``promotion_run``: days that the promotion has
    been going on, its first step included, 0 outside of one, at most 60; ``promotion_since``: days since
    the last promotion, 0 during one, at most 60; ``price_rank``: where the price stands among the prices of the
    same category and step, 0 the cheapest, 1 the dearest; ``promotion_next``: days to the next
    promotion, only with ``lookahead``.

    Args:
        panel: with covariates named ``price``, ``list_price``, ``discount`` (share) or ``promotion``.
        category: static column to rank within; no rank if the panel does not have it.
        lookahead: steps ahead that promotions are announced. 0 leaves ``promotion_next`` out, since the
            distance to a promotion not yet planned would leak.

    Returns:
        Features by role; a feature is known only if all that it is made from is. Cells without a price
        so far are neutral (relative price 1, rank 0.5, no change, no discount).
    """
    sources = {name: _source(panel, name) for name in _SOURCES}
    role = {name: name in panel.known for name in _SOURCES if sources[name] is not None}
    known: dict[str, F32] = {}
    past: dict[str, F32] = {}

    def put(name: str, values: npt.NDArray[np.floating], *made_from: str) -> None:
        (known if all(role[n] for n in made_from) else past)[name] = values.astype(np.float32)

    price, listed, discount, promotion = (sources[name] for name in _SOURCES)
    window = max(4, round(_WINDOW_DAYS / panel.freq.days))
    depth: F64 | None = None
    depth_from: tuple[str, ...] = ()
    if price is not None:
        held = _held(panel, price)
        before = shifted(panel, held, 1)
        usual = shifted(panel, rolling_median(panel, price, window, 1, centred=False), 1)
        put("price_relative", _neutral(held / np.where(usual > 0, usual, np.nan), 1.0), "price")
        change = np.log(np.where(held > 0, held, np.nan)) - np.log(np.where(before > 0, before, np.nan))
        put("price_change", _neutral(change, 0.0), "price")
        if category in panel.static.columns[1:]:
            put("price_rank", _rank(panel, held, category), "price")
        depth, depth_from = 1 - held / _rolling_max(panel, held, window), ("price",)
        if listed is not None:
            full = _held(panel, listed)
            depth, depth_from = 1 - held / np.where(full > 0, full, np.nan), ("price", "list_price")
    if discount is not None:
        depth, depth_from = discount, ("discount",)
    if depth is not None:
        depth = np.clip(_neutral(depth, 0.0), 0.0, 1.0)
        put("discount_depth", depth, *depth_from)
    if promotion is None and depth is None:
        return PriceFeatures(known, past)
    made_from = ("promotion",) if promotion is not None else depth_from
    on = np.nan_to_num(promotion) > 0 if promotion is not None else np.asarray(depth) >= _DEEP
    put("on_promotion", on.astype(np.float64), *made_from)
    cell = np.arange(on.size)
    off = previous(panel, ~on)
    begun = np.where(off >= 0, off, np.repeat(panel.indptr[:-1], panel.lengths) - 1)
    put("promotion_run", np.where(on, np.minimum((cell - begun) * panel.freq.days, _SINCE_CAP), 0.0), *made_from)
    ago = previous(panel, on)
    since = np.where(ago >= 0, (cell - ago) * panel.freq.days, _SINCE_CAP)
    put("promotion_since", np.minimum(since, _SINCE_CAP), *made_from)
    if lookahead > 0 and all(role[n] for n in made_from):
        ahead = following(panel, on)
        steps = np.where(ahead >= 0, ahead - cell, lookahead + 1)
        put("promotion_next", np.minimum(steps, lookahead + 1) * panel.freq.days, *made_from)
    return PriceFeatures(known, past)


def with_price_features(
    panel: Panel, future: Mapping[str, F32] | None = None, *, category: str = "category", lookahead: int = 0
) -> tuple[Panel, dict[str, F32]]:
    """Add price features to a panel, and to the future values of its known covariates.

    Args:
        panel: history.
        future: name -> ``(S, H)`` of the panel's known covariates.
        category: see `price_features`.
        lookahead: see `price_features`.

    Returns:
        The panel with the features in their roles, and ``future`` with the known ones added.
    """
    here = price_features(panel, category=category, lookahead=lookahead)
    grown = replace(panel.with_known(here.known), past={**panel.past, **here.past})
    ahead: dict[str, F32] = dict(future or {})
    if future and here.known:
        steps = next(iter(future.values())).shape[1]
        longer = panel.append(np.full((len(panel), steps), np.nan), known=future)
        made = price_features(longer, category=category, lookahead=lookahead)
        ahead |= {name: longer.dense(made.known[name], steps).astype(np.float32) for name in here.known}
    return grown, ahead


def _source(panel: Panel, name: str) -> F64 | None:
    """A covariate as known at each step: its own value if it is known ahead, else the step before's."""
    if name in panel.known:
        return panel.known[name].astype(np.float64)
    return shifted(panel, panel.past[name], 1) if name in panel.past else None


def _held(panel: Panel, column: F64) -> F64:
    """The last value so far; NaN before the first."""
    at = previous(panel, ~np.isnan(column))
    return np.where(at >= 0, column[np.maximum(at, 0)], np.nan)


def _rolling_max(panel: Panel, column: F64, window: int) -> F64:
    """Highest value of the window that ends at each cell; ``column`` is missing only at series' starts."""
    where = np.arange(column.size) + panel.row_of * window
    spread = np.full(int(where[-1]) + 1 if where.size else 0, np.nan)
    spread[where] = column
    rolled = pl.Series(spread).fill_nan(None).rolling_max(window, min_samples=1)
    best = rolled.fill_null(np.nan).to_numpy()[where]
    return np.where(best > 0, best, np.nan)


def _neutral(values: F64, otherwise: float) -> F64:
    return np.where(np.isfinite(values), values, otherwise)


def _rank(panel: Panel, price: F64, category: str) -> F64:
    """Mid-rank of each price among those of its category and step, scaled to 0..1; 0.5 alone or unknown."""
    codes = panel.static[category].cast(pl.String).fill_null("").rank("dense")
    table = pl.DataFrame(
        {"group": codes.to_numpy()[panel.row_of], "step": panel.ordinals, "price": pl.Series(price).fill_nan(None)}
    )
    place = pl.col("price").rank("average").over("group", "step")
    many = pl.col("price").count().over("group", "step")
    ranked = table.select(pl.when(many > 1).then((place - 1) / (many - 1)).otherwise(0.5).fill_null(0.5).alias("rank"))
    return ranked["rank"].to_numpy().astype(np.float64)
