"""Combination of several forecasts into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, ModelError
from ..forecast import Forecast
from ..panel import F32

How = Literal["mean", "median"]


def combine(forecasts: Sequence[Forecast], weights: npt.ArrayLike | None = None, how: How = "mean") -> Forecast:
    """One forecast out of several of the same series, steps and levels.

    Quantiles of the same level are averaged (Vincentization), which keeps the shape that members agree on;
    mixing their distributions would be wider than any of them. The weighted median ignores a member that
    is far off.

    Args:
        forecasts: members.
        weights: ``(M,)``, or ``(S, M)`` for weights that differ by series; equal by default.
        how: ``mean`` or ``median``.

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
    return replace(
        lead,
        mean=mix([f.mean for f in forecasts], share, how),
        quantiles=np.maximum.accumulate(mix([f.quantiles for f in forecasts], share, how), axis=2),
        fallback=reasons,
    )


def mix(members: Sequence[F32], weights: npt.NDArray[np.float32], how: How = "mean") -> F32:
    """Weighted mean or median of arrays ``(S, ...)`` with weights ``(S, M)`` that add up to one per row."""
    if how not in ("mean", "median"):
        raise ConfigError(f"Forecasts are combined by 'mean' or 'median', not '{how}'.")
    trailing = (1,) * (members[0].ndim - 1)
    if how == "mean":
        total = np.zeros_like(members[0])
        for k, member in enumerate(members):
            total += weights[:, k].reshape(-1, *trailing) * member
        return total
    stacked = np.stack(members)  # (M, S, ...)
    order = stacked.argsort(axis=0, kind="stable")
    ranked = np.take_along_axis(stacked, order, axis=0)
    share = np.broadcast_to(weights.T.reshape(len(members), -1, *trailing), stacked.shape)
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
