"""Reconciliation: forecasts of items, groups and the company made to add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from .hierarchy import F64, Hierarchy
from .projection import Projection

Method = Literal["bottom-up", "top-down", "middle-out", "ols", "wls-struct", "wls-level", "wls-var", "mint-shrink"]
METHODS: tuple[str, ...] = get_args(Method)
"""``bottom-up`` takes the items' forecasts and adds; ``top-down`` and ``middle-out`` take one level's and distribute
them as the items' forecasts stand to one another; the others take a weighted compromise of all levels: each forecast
counts alike (``ols``), less the more items it stands for (``wls-struct``), less the more demand it stands for
(``wls-level``, so that items are corrected in proportion to what they sell), less the more it has erred
(``wls-var``), and with errors that go together as well (``mint-shrink``)."""
_RIDGE = 1e-8  # of the mean variance, so that a node without any error does not divide by zero


def reconcile(
    hierarchy: Hierarchy,
    base: npt.NDArray[Any],
    method: Method = "wls-struct",
    *,
    residuals: npt.NDArray[Any] | None = None,
    level: str | None = None,
    nonnegative: bool = True,
) -> F64:
    """Make forecasts of all nodes coherent.

    Args:
        hierarchy: how the bottom series add up.
        base: ``(U + B, ...)`` forecasts of every node, groups first; further axes are steps, paths or both.
        method: one of `METHODS`.
        residuals: ``(U + B, T)`` past errors of the base forecasts, for ``wls-var`` and ``mint-shrink``; NaN is unknown.
        level: for ``middle-out``, which level's forecasts are kept (its columns joined by ``/``).
        nonnegative: no forecast below zero.

    Returns:
        ``(U + B, ...)`` that add up.

    Raises:
        ConfigError: no such method or level, residuals are missing, or shapes do not fit.

    Sources:
        Hyndman et al. (2011), Computational Statistics & Data Analysis 55 (OLS); Athanasopoulos et al. (2017),
        European J. Operational Research 262 (structural weights); Wickramasuriya et al. (2019), J. American
        Statistical Association 114 (MinT); Gross, Sohl (1990), J. Forecasting 9 (top-down).
    """
    if method not in METHODS:
        raise ConfigError(f"There is no reconciliation '{method}'; there are: {', '.join(METHODS)}.")
    if base.shape[0] != len(hierarchy):
        raise ConfigError(
            f"The hierarchy has {len(hierarchy):,} nodes ({hierarchy.n_upper:,} groups first, then "
            f"{len(hierarchy.bottom):,} series), but there are forecasts of {base.shape[0]:,}."
        )
    flat = np.asarray(base, dtype=np.float64).reshape(len(hierarchy), -1)
    bottom = reconciler(hierarchy, method, residuals, level, flat)(flat, nonnegative)
    return hierarchy.all(bottom).reshape(base.shape)


def reconciler(
    hierarchy: Hierarchy, method: Method, residuals: Any = None, level: str | None = None, base: Any = None
) -> Callable[[F64, bool], F64]:
    """A method made ready for one hierarchy: base values ``(U + B, K)`` to bottom values ``(B, K)``.

    See `reconcile` for the arguments; of ``base`` only ``wls-level`` makes use. The second argument of what is returned
    says whether values below zero are avoided.
    """
    if method == "bottom-up":
        return lambda base, nonnegative: _own(hierarchy, base, nonnegative)
    if method in ("top-down", "middle-out"):
        kept = _kept_level(hierarchy, method, level)
        return lambda base, nonnegative: _distributed(hierarchy, base, _own(hierarchy, base, nonnegative), kept)
    return Projection(hierarchy, *error_covariance(hierarchy, method, residuals, base))


def _own(hierarchy: Hierarchy, base: F64, nonnegative: bool) -> F64:
    own = base[hierarchy.n_upper :]
    return np.maximum(own, 0.0) if nonnegative else own


def _kept_level(hierarchy: Hierarchy, method: Method, level: str | None) -> int:
    names = hierarchy.names
    wanted = "total" if method == "top-down" else level
    if wanted is None:
        raise ConfigError(f"middle-out needs the level whose forecasts are kept; there are: {', '.join(names)}.")
    if wanted not in names:
        raise ConfigError(f"{method} needs the level '{wanted}'; the hierarchy has: {', '.join(names) or 'none'}.")
    return names.index(wanted)


def _distributed(hierarchy: Hierarchy, base: F64, own: F64, level: int) -> F64:
    """Forecasts of one level, distributed over its series as their own forecasts stand to one another."""
    member, size = hierarchy.members[level], hierarchy.sizes[level]
    wanted = base[hierarchy.rows(level)]
    total = np.zeros((size, own.shape[1]))
    np.add.at(total, member, own)
    count = np.bincount(member, minlength=size)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(total > 0, wanted / total, 0.0)
    alike = np.where(total > 0, 0.0, wanted / count)  # a group of which no series expects anything
    return own * ratio[member] + alike[member]


def error_covariance(
    hierarchy: Hierarchy, method: Method, residuals: Any = None, base: Any = None
) -> tuple[F64, F64 | None]:
    """Covariance of the base forecasts' errors, as variances ``(U + B,)`` and common factors ``(U + B, T)`` or None.

    ``mint-shrink`` shrinks correlations towards none by the intensity that Schäfer and Strimmer derive; it is worked
    out from products over time, so the matrix of all nodes by all nodes is never made.

    Raises:
        ConfigError: the method needs residuals.

    Source: Schäfer, Strimmer (2005), Statistical Applications in Genetics and Molecular Biology 4.
    """
    if method == "ols":
        return np.ones(len(hierarchy)), None
    if method == "wls-struct":
        return np.concatenate([hierarchy.count, np.ones(len(hierarchy.bottom))]).astype(np.float64), None
    if method == "wls-level":
        own = (
            np.abs(np.asarray(base, dtype=np.float64)[hierarchy.n_upper :])
            .reshape(len(hierarchy.bottom), -1)
            .mean(axis=1)
        )
        variance = hierarchy.all(own)  # a series that sells nothing stays at nothing
        variance[: hierarchy.n_upper] += _RIDGE * max(float(own.mean()), 1e-12)
        return variance, None
    if residuals is None:
        raise ConfigError(f"{method} needs residuals: past errors of the forecasts, one row per node.")
    errors = np.asarray(residuals, dtype=np.float64)
    if errors.shape[0] != len(hierarchy):
        raise ConfigError(f"{method}: residuals of {len(hierarchy):,} nodes are needed, not of {errors.shape[0]:,}.")
    seen = ~np.isnan(errors)
    count = seen.sum(axis=1)
    filled = np.where(seen, errors, 0.0)
    if method == "wls-var":
        variance = (filled**2).sum(axis=1) / np.maximum(count, 1)
        return variance + _RIDGE * max(float(variance.mean()), 1e-12), None
    centred = np.where(seen, filled - (filled.sum(axis=1) / np.maximum(count, 1))[:, None], 0.0)
    variance = (centred**2).sum(axis=1) / np.maximum(count - 1, 1)
    ridge = _RIDGE * max(float(variance.mean()), 1e-12)
    standard = centred / np.sqrt(np.where(variance > 0, variance, 1.0))[:, None]
    shrink = shrinkage(standard)
    factors = centred * np.sqrt((1 - shrink) / np.maximum(count - 1, 1))[:, None]
    return shrink * variance + ridge, factors


def shrinkage(standard: F64) -> float:
    """Best share of the diagonal in a shrunk correlation matrix, from standardised errors ``(N, T)``.

    Source: Schäfer, Strimmer (2005).
    """
    nodes, steps = standard.shape
    if steps < 3 or nodes < 2:
        return 1.0
    # sums over all pairs i != j of r_ij^2 and of Var(r_ij), by products of (T, T) only
    products = standard.T @ standard  # (T, T): sum over nodes of x_it x_is
    squares = standard**2
    fourth = squares.T @ squares
    all_r2 = float((products**2).sum()) / (steps - 1) ** 2
    own = squares.sum(axis=1) / (steps - 1)
    off_r2 = all_r2 - float((own**2).sum())
    second = float((np.diagonal(products) ** 2).sum()) - float(np.trace(fourth))  # sum over t, i != j of (x_it x_jt)^2
    # sum over pairs of (sum over t of x_it x_jt)^2 / T, the square of the mean product
    mean_part = (float((products**2).sum()) - float((squares.sum(axis=1) ** 2).sum())) / steps
    variance = steps / (steps - 1) ** 3 * (second - mean_part)
    return float(np.clip(variance / off_r2, 0.0, 1.0)) if off_r2 > 0 else 1.0
