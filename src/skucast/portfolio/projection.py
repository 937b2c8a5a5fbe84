"""Projection: the coherent numbers nearest to given ones, for hierarchies of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import splu

from ..errors import ModelError
from .hierarchy import F64, Hierarchy

_ROUNDS = 25  # of exchanging which series are held at zero
_TINY = 1e-9


class Projection:
    """Nearest coherent values in the metric of a covariance ``diag(variance) + factors @ factors.T``.

    What is solved is the small dual problem in the upper nodes, ``C W C' x = C y`` with ``C = [I, -A]``. It is sparse
    and factorised once for any number of values; low-rank factors enter by the Woodbury identity.

    Sources:
        Wickramasuriya, Athanasopoulos, Hyndman (2019), J. American Statistical Association 114 (minimum trace);
        Panagiotelis et al. (2021), Int. J. Forecasting 37 (projections); Kim, Park (2011), SIAM J. Scientific
        Computing 33 (block pivoting).
    """

    def __init__(self, hierarchy: Hierarchy, variance: F64, factors: F64 | None = None) -> None:
        """Prepare.

        Args:
            hierarchy: of ``U`` groups and ``B`` bottom series.
            variance: ``(U + B,)`` positive: how far each node may be moved, relative to the others.
            factors: ``(U + B, T)`` common movements.
        """
        self.hierarchy = hierarchy
        self.above, self.below = variance[: hierarchy.n_upper, None], variance[hierarchy.n_upper :, None]
        self._factor = splu(hierarchy.gram(variance).tocsc()) if hierarchy.n_upper else None
        self._loads: F64 | None = None
        if factors is not None and hierarchy.n_upper:
            self._loads = factors[hierarchy.n_upper :]
            self._common = factors[: hierarchy.n_upper] - hierarchy.up(self._loads)  # C V, (U, T)
            self._turned = self._solve(self._common)
            self._inner = np.eye(self._common.shape[1]) + self._common.T @ self._turned

    def __call__(self, base: F64, nonnegative: bool = True) -> F64:
        """Reconcile ``(U + B, K)`` values, ``K`` at once.

        Values below zero are held at zero and the rest solved again until nothing changes (block pivoting); with
        factors that second problem is taken in the metric of ``variance`` alone.

        Returns:
            ``(B, K)`` bottom values; `Hierarchy.all` gives the rest.

        Raises:
            ModelError: variances differ so much that the problem cannot be solved.
        """
        hierarchy = self.hierarchy
        upper, bottom = base[: hierarchy.n_upper], base[hierarchy.n_upper :]
        if not hierarchy.n_upper:
            return np.maximum(bottom, 0.0) if nonnegative else bottom
        dual = self._solve(upper - hierarchy.up(bottom))
        if self._loads is None:
            found: F64 = bottom + self.below * hierarchy.down(dual)
            start = base
        else:
            dual -= self._turned @ np.linalg.solve(self._inner, self._common.T @ dual)
            found = bottom + self.below * hierarchy.down(dual) - self._loads @ (self._common.T @ dual)
            start = hierarchy.all(found)
        if not nonnegative:
            return found
        columns = np.flatnonzero((found < 0).any(axis=0))
        if columns.size:
            found[:, columns] = self._held_at_zero(start[:, columns], found[:, columns])
        return np.asarray(np.maximum(found, 0.0))

    def _solve(self, right: F64) -> F64:
        assert self._factor is not None
        return np.asarray(self._factor.solve(np.ascontiguousarray(right)))

    def _held_at_zero(self, base: F64, found: F64) -> F64:
        """Non-negative solution by exchanging the series that are held at zero."""
        hierarchy = self.hierarchy
        upper, bottom = base[: hierarchy.n_upper], base[hierarchy.n_upper :]
        scale = np.abs(base).max(axis=0) + _TINY
        held = found < 0
        dual = np.zeros_like(upper)
        for _ in range(_ROUNDS):
            free = np.where(held, 0.0, bottom)
            dual = self._masked(upper - hierarchy.up(free), self.below * ~held, dual)
            pull = hierarchy.down(dual)
            found = np.where(held, 0.0, free + self.below * pull)
            release = held & (bottom + self.below * pull > _TINY * scale)  # would rather be above zero
            breach = found < -_TINY * scale
            if not release.any() and not breach.any():
                break
            held = (held & ~release) | breach
        return found

    def _masked(self, right: F64, below: npt.NDArray[Any], start: F64, tolerance: float = 1e-8) -> F64:
        """Solve with other bottom variances in each column: conjugate gradients, preconditioned by the common ones."""
        up, down = self.hierarchy.up, self.hierarchy.down
        x = start.copy()
        rest = right - (self.above * x + up(below * down(x)))
        step = self._solve(rest)
        direction = step.copy()
        energy = (rest * step).sum(axis=0)
        goal = tolerance**2 * np.maximum((right * self._solve(right)).sum(axis=0), _TINY)
        for _ in range(500):
            if (energy <= goal).all():
                return x
            turned = self.above * direction + up(below * down(direction))
            length = (direction * turned).sum(axis=0)
            going = (energy > goal) & (length > 0)  # a column that is done stays as it is, whatever others need
            pace = np.where(going, energy / np.where(going, length, 1.0), 0.0)
            x += pace * direction
            rest -= pace * turned
            step = self._solve(rest)
            fresh = (rest * step).sum(axis=0)
            direction = step + np.where(going, fresh / np.where(going, energy, 1.0), 0.0) * direction
            energy = fresh
        raise ModelError("The forecasts could not be reconciled: the variances of the series differ too much in scale.")
