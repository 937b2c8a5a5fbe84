"""What an order sells: for every path, the units of a boundless order that are asked for by certain moments.

Units there already sell first. An order of ``q`` units sells ``min(q, N)`` by a moment at which ``N`` units have been
asked for beyond them, so all that an order earns and costs is made of such minima, and is concave in ``q``.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """Draws per item and path.

    Attributes:
        asked: ``(S, n, K)`` units asked of the order by each of ``K`` moments from its arrival to the next arrival,
            or its expiry if that comes first, evenly spaced; the last moment is the end.
        gap: ``(S, n)`` or ``(S, 1)`` steps between moments.
        in_life: ``(S,)`` units that sell before expiry, at the quantile asked for; infinite where it keeps.
        p_out: ``(S,)`` probability of running out before the next arrival if nothing is ordered.
    """

    asked: F32
    gap: F64
    in_life: F64
    p_out: F64


def order_sales(
    lines: Lines,
    paths: npt.NDArray[np.floating],
    arrival: npt.ArrayLike,
    until: npt.ArrayLike,
    season: int = 1,
    moments: int | None = None,
    shelf_quantile: float = 0.5,
) -> OrderSales:
    """Look at all paths from the arrival of the order to that of the next.

    Args:
        lines: items.
        paths: ``(S, n, H)`` demand per step; the first step is now.
        arrival: steps until the order is there: a number, ``(S,)``, or ``(S, n)`` drawn per path; fractions pro rata.
        until: steps until the next order could be there, likewise.
        season: beyond the horizon each path goes on at the mean of its own last ``season`` steps.
        moments: at which stock is counted for its carrying cost; by default one per step of the longest wait, at
            most 12, and just one where nothing is charged for carrying.
        shelf_quantile: of items that spoil, no more is to be ordered than this quantile of what sells before it
            expires: 0.5 sells out in time in half of the futures, 0.1 in nine of ten.

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
    expiry = begin + lines.of("shelf_life")[:, None]
    last = np.minimum(end, expiry)
    if moments is None:
        wait = float((last - begin).max())
        moments = max(1, min(12, int(np.ceil(wait - 1e-9)))) if (lines.of("carrying") > 0).any() else 1
    season = min(season, x.shape[2])
    have = np.maximum(lines.of("position"), 0.0)[:, None]
    owed = np.maximum(-lines.of("position"), 0.0)[:, None]
    early = demand_within(x, begin, season)
    # stock left at the arrival; below zero where customers wait for it
    left = np.where(np.asarray(lines.lost)[:, None], np.maximum(have - early, 0.0), have - early)

    def asked(moment: F64) -> F64:
        return owed + np.maximum(demand_within(x, moment, season) - early - left, 0.0)

    gap = (last - begin) / moments
    found = np.stack([asked(begin + (k + 1) * gap) for k in range(moments)], axis=2).astype(np.float32)
    in_life = np.full(len(lines), np.inf)
    spoils = np.flatnonzero(np.isfinite(lines.of("shelf_life")))
    if spoils.size:
        shown = np.broadcast_to(expiry, x.shape[:2])[spoils] if expiry.shape[1] > 1 else expiry[spoils]
        sold = owed[spoils] + np.maximum(demand_within(x[spoils], shown, season) - (early + left)[spoils], 0.0)
        in_life[spoils] = quantile_of_sorted(np.sort(sold, axis=1), shelf_quantile)
    return OrderSales(found, gap, in_life, np.asarray((demand_within(x, end, season) > have - owed).mean(axis=1)))


def _per_path(value: npt.ArrayLike, shape: tuple[int, ...]) -> F64:
    """``(S, 1)`` or ``(S, n)``."""
    v = np.asarray(value, dtype=np.float64)
    if v.ndim < 2:
        v = np.broadcast_to(v, shape[:1])[:, None]
    if v.shape not in ((shape[0], 1), shape[:2]) or not np.isfinite(v).all():
        raise ConfigError(f"Times must be one finite number per item ({shape[0]}) or per path ({shape[1]}).")
    return v
