"""What an order sells: for every path, the units of a boundless order that are asked for by certain moments.

Stock is played through the lead time on every path, what is on its way received and, where customers do not wait, sales
lost while the shelf is empty. Units there already sell first, those that arrive later too. An order of ``q`` units that is
asked for ``N`` units by a moment has sold ``min(q, N)`` by then, so all that an order earns and costs is made of such
minima, and is concave in ``q``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from ..inventory.checks import share
from ..order_up_to import quantile_of_sorted
from ..timeline import demand_within
from .lines import Lines

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class OrderSales:
    """Draws per item and path, and what comes of them if nothing is ordered.

    Attributes:
        asked: ``(S, n, K + M)`` units asked of the order by each of ``K`` moments from its arrival to the next arrival,
            or its expiry if that comes first, evenly spaced; then units that ``M`` later orders would find a use for:
            what exceeds them lies there for nothing.
        gap: ``(S, n, K + M)`` or ``(S, 1, K + M)`` steps that each moment stands for.
        moments: ``K``.
        in_life: ``(S,)`` units that sell before expiry, at the quantile asked for; infinite where it keeps.
        p_out: ``(S,)`` probability of running out before the next arrival.
        p_early: ``(S,)`` probability of running out before the order arrives.
        early: ``(S,)`` mean units not served before the order arrives.
        unmet: ``(S,)`` mean units not served before the next arrival, those included that are owed.
        kept: ``(S,)`` mean units on the shelf, added up over the steps from the order's arrival on.
        left: ``(S,)`` mean units on the shelf at the end.
    """

    asked: F32
    gap: F64
    moments: int
    in_life: F64
    p_out: F64
    p_early: F64
    early: F64
    unmet: F64
    kept: F64
    left: F64

    def sold(self, quantity: F64) -> F64:
        """``(S,)`` mean units that an order of ``(S,)`` units sells."""
        last = np.minimum(self.asked[:, :, self.moments - 1], quantity[:, None].astype(np.float32))
        return np.asarray(last.mean(axis=1, dtype=np.float64))

    def carried(self, quantity: F64) -> F64:
        """``(S,)`` mean units of the order on the shelf, added up over steps: from its arrival to the next, then those that
        later orders have no use for.
        """
        size = quantity[:, None].astype(np.float32)
        total = np.zeros(quantity.size)
        for k in range(self.asked.shape[2]):
            total += (self.gap[:, :, k] * (size - np.minimum(self.asked[:, :, k], size))).mean(axis=1, dtype=np.float64)
        return total


def order_sales(
    lines: Lines,
    paths: npt.NDArray[np.floating],
    arrival: npt.ArrayLike,
    until: npt.ArrayLike,
    season: int = 1,
    moments: int | None = None,
    shelf_quantile: npt.ArrayLike = 0.5,
    arrivals: npt.ArrayLike | None = None,
    later: int = 0,
    target: npt.ArrayLike = 0.5,
) -> OrderSales:
    """Look at all paths from now to the arrival of the order, and on to that of the next.

    Args:
        lines: items; ``position`` is what is on the shelf, and what is on its way too unless ``arrivals`` tells when.
        paths: ``(S, n, H)`` demand per step; the first step is now.
        arrival: steps until the order is there: a number, ``(S,)``, or ``(S, n)`` drawn per path; fractions pro rata.
        until: steps until the next order could be there, likewise.
        season: beyond the horizon each path goes on at the mean of its own last ``season`` steps.
        moments: at which stock is counted for its carrying cost; by default one per step of the longest wait, at
            most 12, and just one where nothing is charged for carrying.
        shelf_quantile: of items that spoil, no more is to be ordered than this quantile of what sells before it
            expires: 0.5 sells out in time in half of the futures, 0.1 in nine of ten; a number or ``(S,)``.
        arrivals: ``(S, A)`` units on their way, column ``k`` received at the beginning of step ``k``.
        later: further orders that are looked at. Each finds stock of today's order and fills it up to a target, at
            least by its smallest line; stock beyond cannot be sent back and goes on to cost. So little is ordered before
            demand falls, and for futures in which less will have been sold than expected.
        target: of the later orders: quantile of demand until the one after them, ``(S,)`` or a number.

    Raises:
        ConfigError: shapes that do not match, or an order that arrives after the next one.
    """
    x = np.asarray(paths)
    if x.ndim != 3 or x.shape[0] != len(lines) or x.size == 0 or not np.isfinite(x).all():
        raise ConfigError(f"Sample paths must be finite numbers ({len(lines)}, paths, steps), not {x.shape}.")
    share(shelf_quantile=shelf_quantile)
    begin, end = (_per_path(v, x.shape) for v in (arrival, until))
    if (begin < 0).any() or (end < begin - 1e-9).any():
        raise ConfigError("An order must arrive between now and the arrival of the next one.")
    coming = _coming(arrivals, len(lines))
    expiry = begin + lines.of("shelf_life")[:, None]
    last = np.minimum(end, expiry)
    if moments is None:
        wait = float((last - begin).max())
        moments = max(1, min(12, int(np.ceil(wait - 1e-9)))) if (lines.of("carrying") > 0).any() else 1
    season = min(season, x.shape[2])
    played = _play(lines, x, begin, coming, season)
    early = demand_within(x, begin, season)
    gap = (last - begin) / moments
    asked = np.empty((*x.shape[:2], moments + later), dtype=np.float32)
    gaps = np.repeat(gap[:, :, None], moments + later, axis=2)
    most = np.maximum(-played.left, 0.0)  # that customers wait for already
    kept, stock = np.zeros(len(lines)), np.maximum(played.left, 0.0)

    def there_by(moment: F64) -> F64:
        """Units on the shelf without the order, below zero what was asked for beyond them."""
        return np.asarray(played.left + _between(coming, begin, moment) - (demand_within(x, moment, season) - early))

    def after(moment: F64) -> tuple[F64, F64]:
        """Units asked of the order by then and units on the shelf without it."""
        there = there_by(moment)
        # what an earlier unit has served needs no second one, and what was lost does not come back
        asked = np.maximum(most, -there)
        return asked, np.where(np.asarray(lines.lost)[:, None], there + asked, np.maximum(there, 0.0))

    for k in range(moments):
        most, stock = after(begin + (k + 1) * gap)
        asked[:, :, k] = most
        kept += (gap * stock).mean(axis=1)
    lot = lines.least * lines.of("pack")
    review, goal = end - begin, np.broadcast_to(np.asarray(target, dtype=np.float64), (len(lines),))
    for k in range(later):
        moment = end + k * review
        use = demand_within(x, moment + review, season) - demand_within(x, moment, season)
        # where a lot is more than that, a later order would bring the lot as well
        level = np.maximum(quantile_of_sorted(np.sort(use, axis=1), goal), lot)[:, None]
        asked[:, :, moments + k] = np.maximum(level - there_by(moment), 0.0)
        gaps[:, :, moments + k] = review
    in_life = np.full(len(lines), np.inf)
    spoils = np.flatnonzero(np.isfinite(lines.of("shelf_life")))
    if spoils.size:
        level = np.broadcast_to(np.asarray(shelf_quantile, dtype=np.float64), (len(lines),))[spoils]
        sold = demand_within(x[spoils], expiry[spoils], season) - early[spoils]
        sold = np.maximum(sold - played.left[spoils] - _between(coming[spoils], begin[spoils], expiry[spoils]), 0.0)
        in_life[spoils] = quantile_of_sorted(np.sort(sold, axis=1), level)
    if (last < end - 1e-9).any():  # those that expire before the next order arrives
        most, stock = after(end)
    gone = np.where(lines.lost, played.unmet.mean(axis=1), 0.0)
    return OrderSales(
        asked, gaps, moments, in_life,
        p_out=np.asarray((played.short | (most > 1e-9)).mean(axis=1)),
        p_early=np.asarray(played.short.mean(axis=1)),
        early=played.unmet.mean(axis=1),
        unmet=gone + most.mean(axis=1),
        kept=kept,
        left=stock.mean(axis=1),
    )  # fmt: skip


class _Played(NamedTuple):
    """Stock of each path when the order arrives (below zero: owed), units not served until then, whether there were any."""

    left: F64
    unmet: F64
    short: npt.NDArray[np.bool_]


def _play(lines: Lines, x: npt.NDArray[np.floating], begin: F64, coming: F64, season: int) -> _Played:
    """From now to the arrival of the order, step by step."""
    lost = np.asarray(lines.lost)[:, None]
    left = np.broadcast_to(lines.of("position")[:, None], x.shape[:2]).astype(np.float64)
    unmet = np.zeros(x.shape[:2])
    tail = x[:, :, -season:].mean(axis=2, dtype=np.float64)
    for step in range(int(np.floor(begin.max(initial=0.0) + 1e-9)) + 1):
        part = np.clip(begin - step, 0.0, 1.0)
        if step < coming.shape[1]:
            left += np.where(begin >= step - 1e-9, coming[:, step, None], 0.0)
        asked = part * (x[:, :, step] if step < x.shape[2] else tail)
        missed = np.maximum(asked - np.maximum(left, 0.0), 0.0)
        unmet += missed
        left -= np.where(lost, asked - missed, asked)
    return _Played(left, unmet, unmet > 1e-9)


def _coming(arrivals: npt.ArrayLike | None, items: int) -> F64:
    """``(S, A)`` units on their way."""
    coming = np.zeros((items, 0)) if arrivals is None else np.asarray(arrivals, dtype=np.float64)
    if coming.ndim != 2 or len(coming) != items or not (np.isfinite(coming) & (coming >= 0)).all():
        raise ConfigError(f"Arrivals must be units per item ({items}) and step, zero or more, not {coming.shape}.")
    return coming


def _between(coming: F64, begin: F64, end: F64) -> F64 | float:
    """Units that come after ``begin``, those of that very moment being there already, and before ``end``."""
    if not coming.any():
        return 0.0
    total = np.concatenate([np.zeros((len(coming), 1)), np.cumsum(coming, axis=1)], axis=1)

    def first(steps: F64) -> F64:
        """Units of so many first steps."""
        return np.take_along_axis(total, np.minimum(steps.astype(np.int64), coming.shape[1]), axis=1)

    return np.maximum(first(np.ceil(end - 1e-9)) - first(np.floor(begin + 1e-9) + 1), 0.0)


def _per_path(value: npt.ArrayLike, shape: tuple[int, ...]) -> F64:
    """``(S, 1)`` or ``(S, n)``."""
    v = np.asarray(value, dtype=np.float64)
    if v.ndim < 2:
        v = np.broadcast_to(v, shape[:1])[:, None]
    if v.shape not in ((shape[0], 1), shape[:2]) or not np.isfinite(v).all():
        raise ConfigError(f"Times must be one finite number per item ({shape[0]}) or per path ({shape[1]}).")
    return v
