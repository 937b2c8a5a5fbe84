"""Combination of several forecasts into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, ModelError
from ..forecast import Forecast
from ..panel import F32
from .pool import linear_pool

How = Literal["mean", "median", "pool"]
HOWS: tuple[How, ...] = get_args(How)
Weights = npt.NDArray[np.float32]


def combine(forecasts: Sequence[Forecast], weights: npt.ArrayLike | None = None, how: How = "mean") -> Forecast:
    """One forecast out of several of the same series, steps and levels.

    Quantiles of the same level are averaged (Vincentization), which keeps the shape that members agree on. The
    weighted median ignores a member that is far off. The pool mixes their distributions (see `linear_pool`): it is
    wider than they are where they disagree.

    Args:
        forecasts: members.
        weights: ``(M,)``, or ``(S, M)`` for weights that differ by series; equal by default.
        how: ``mean``, ``median`` or ``pool``.

    Returns:
        A forecast whose dependence over time is that of the member with the most weight.

    Raises:
        ModelError: the members do not fit together.
        ConfigError: the weights do not fit, or are negative, or all zero.

    Source: Lichtendahl, Grushka-Cockayne & Winkler (2013), Is it better to average probabilities or
    quantiles?, Management Science 59.
    """
    if not forecasts:
        raise ModelError("There is no forecast to combine.")
    first = forecasts[0]
    for other in forecasts[1:]:
        if (other.start, other.levels, other.mean.shape) != (first.start, first.levels, first.mean.shape) or not (
            other.ids.equals(first.ids)
        ):
            raise ModelError("Only forecasts of the same series, steps and quantile levels can be combined.")
    share = series_weights(weights, len(first), len(forecasts))
    lead = forecasts[int(np.argmax(share.sum(axis=0)))]
    reasons: dict[Any, str] = {}
    for k, member in enumerate(forecasts):
        if member.fallback and share[:, k].any():
            reasons |= {i: why for i, why in member.fallback.items() if i not in reasons}
    mean, quantiles = blend(
        [f.mean for f in forecasts], [f.quantiles for f in forecasts], share[:, None], first.levels, how
    )
    return replace(lead, mean=mean, quantiles=np.maximum.accumulate(quantiles, axis=2), fallback=reasons)


def blend(
    means: Sequence[F32], quantiles: Sequence[F32], weights: Weights, levels: Sequence[float], how: How = "mean"
) -> tuple[F32, F32]:
    """Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of members put together.

    Args:
        means: ``(S, H)`` of each of the ``M`` members.
        quantiles: ``(S, H, Q)`` of each.
        weights: ``(S, H, M)`` or of a shape that stretches to it, adding up to one over members.
        levels: ``(Q,)`` of the quantiles, rising.
        how: ``mean``, ``median`` or ``pool``; the mean of a pool is the mean of its members' means.

    Raises:
        ConfigError: there is no such way.
    """
    if how == "pool":
        return mix(means, weights), linear_pool(quantiles, weights, levels)
    return mix(means, weights, how), mix(quantiles, weights, how)


def mix(members: Sequence[F32], weights: Weights, how: How = "mean") -> F32:
    """Weighted mean or median of arrays, number by number.

    Args:
        members: ``M`` arrays ``(S, ...)``.
        weights: ``(S, M)``, or with more of the axes of the members between the two; they add up to one over members.
        how: ``mean`` or ``median``.
    """
    if how not in ("mean", "median"):
        raise ConfigError(f"Forecasts are combined by 'mean', 'median' or 'pool', not '{how}'.")
    between = (1,) * (members[0].ndim - weights.ndim + 1)
    weights = weights.reshape(*weights.shape[:-1], *between, len(members))
    if how == "mean":
        total = np.zeros_like(members[0])
        for k, member in enumerate(members):
            total += weights[..., k] * member
        return total
    stacked = np.stack(members)  # (M, S, ...)
    order = stacked.argsort(axis=0, kind="stable")
    ranked = np.take_along_axis(stacked, order, axis=0)
    share = np.broadcast_to(np.moveaxis(weights, -1, 0), stacked.shape)
    reached = np.take_along_axis(share, order, axis=0).cumsum(axis=0)
    low = np.take_along_axis(ranked, (reached < 0.5 - 1e-6).sum(axis=0, keepdims=True), axis=0)[0]
    high = np.take_along_axis(ranked, (reached < 0.5 + 1e-6).sum(axis=0, keepdims=True), axis=0)[0]
    return np.asarray((low + high) / 2, dtype=np.float32)  # they differ only where half the weight lies on each side


def series_weights(weights: npt.ArrayLike | None, rows: int, members: int) -> npt.NDArray[np.float32]:
    """``(S, M)`` weights that add up to one per series.

    Raises:
        ConfigError: they do not fit, or are negative, or all zero in a row.
    """
    given = np.ones(members) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape not in ((members,), (rows, members)):
        raise ConfigError(f"Weights must have shape ({members},) or ({rows}, {members}), not {given.shape}.")
    total = given.sum(axis=-1, keepdims=True)
    if not np.isfinite(given).all() or (given < 0).any() or (total <= 0).any():
        raise ConfigError("Weights must not be negative, and some must be above zero.")
    return np.broadcast_to(given / total, (rows, members)).astype(np.float32)
