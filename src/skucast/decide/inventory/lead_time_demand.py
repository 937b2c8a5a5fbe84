"""Demand over lead time and review period, from sample paths: a lead time drawn per path, demand summed over it.

Never ``z * sigma * sqrt(L)``: paths carry their own dependence between periods, and a late delivery meets whatever
demand those periods really had.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .checks import not_negative, whole
from .distribution import Distribution


class Moments(NamedTuple):
    """Mean and standard deviation."""

    mean: F64
    sd: F64


class ProtectionDemand(NamedTuple):
    """Draws of demand around one order, item by path.

    Attributes:
        before: ``(S, n)`` units from now until the order arrives.
        protected: ``(S, n)`` units from now until the next order arrives, lead time and review period.
        lead_time: ``(S, n)`` or ``(1, n)`` periods drawn.
    """

    before: F64
    protected: F64
    lead_time: npt.NDArray[np.int64]


def lead_time_demand(
    paths: npt.NDArray[np.floating],
    lead_time: Distribution | npt.NDArray[np.integer] | int,
    review: int = 0,
    seed: int = 0,
) -> ProtectionDemand:
    """Demand before the order arrives, and over the whole protection interval.

    Args:
        paths: ``(S, n, H)`` sample paths of demand (or ``(n, H)`` of one item), the first step is now.
        lead_time: periods: one number, ``(S,)`` numbers, ``(S, n)`` draws, or their distribution. Draws of a
            distribution come in its own shares as exactly as ``n`` allows, in an order of their own, the same
            for every item: an item's draws do not depend on which others are there.
        review: periods between orders; 0 for continuous review.
        seed: of the order of the draws.

    Raises:
        ConfigError: the paths end before the longest lead time and review period are over.
    """
    x = np.asarray(paths, dtype=np.float64)
    if x.ndim == 2:
        x = x[None]
    if x.ndim != 3 or x.size == 0:
        raise ConfigError(f"Sample paths must come as (items, paths, steps), not {x.shape}.")
    whole(0, review=review)
    lead = _draw(lead_time, x.shape[0], x.shape[1], seed)
    if (lead < 0).any():
        raise ConfigError("A lead time must not be negative.")
    longest = int(lead.max()) + review
    if longest > x.shape[2]:
        raise ConfigError(
            f"The paths end after {x.shape[2]} periods, but lead time and review period take up to {longest}: "
            "forecast further ahead."
        )
    total = np.zeros((*x.shape[:2], longest + 1))
    np.cumsum(x[:, :, :longest], axis=2, out=total[:, :, 1:])
    until = np.broadcast_to(lead, x.shape[:2])[:, :, None]
    before = np.take_along_axis(total, until, axis=2)[:, :, 0]
    protected = np.take_along_axis(total, until + review, axis=2)[:, :, 0]
    return ProtectionDemand(before, protected, lead)


def lead_time_demand_moments(
    mean: npt.ArrayLike, sd: npt.ArrayLike, lead_mean: npt.ArrayLike, lead_sd: npt.ArrayLike = 0.0
) -> Moments:
    """Mean ``E(L) m`` and variance ``E(L) s^2 + m^2 var(L)`` of independent demand over a random lead time.

    Args:
        mean: demand per period, ``m``.
        sd: its standard deviation, ``s``.
        lead_mean: periods.
        lead_sd: their standard deviation.

    Source: law of total variance; Silver, Pyke & Thomas (2017), section 6.9.
    """
    not_negative(sd=sd, lead_mean=lead_mean, lead_sd=lead_sd)
    m, s, n, v = (np.asarray(x, dtype=np.float64) for x in (mean, sd, lead_mean, lead_sd))
    return Moments(np.asarray(n * m)[()], np.sqrt(n * s**2 + (m * v) ** 2)[()])


def _draw(
    lead_time: Distribution | npt.NDArray[np.integer] | int, items: int, n: int, seed: int
) -> npt.NDArray[np.int64]:
    """Whole periods, broadcast to ``(items, n)``."""
    if isinstance(lead_time, Distribution):
        even = (np.arange(n) + 0.5) / n
        found = lead_time.quantile(np.random.default_rng([seed, 0x1EAD]).permutation(even))
        return _whole(found)[None]
    x = _whole(np.asarray(lead_time))
    if x.ndim == 1:
        x = x[:, None]
    if x.ndim and (x.shape[0] not in (1, items) or x.shape[1] not in (1, n)):
        raise ConfigError(
            f"Lead times must be one number, one per item ({items}) or one per path ({n}), not {x.shape}."
        )
    return x if x.ndim else x.reshape(1, 1)


def _whole(x: npt.ArrayLike) -> npt.NDArray[np.int64]:
    found = np.asarray(x, dtype=np.float64)
    periods = np.rint(found)
    if not np.allclose(found, periods):
        raise ConfigError("Lead times must be whole periods: round them up, or forecast on shorter periods.")
    return periods.astype(np.int64)
