"""Least squares by its normal equations: terms of a polynomial, sums over rows, and their solution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_BOUND = 5.0  # standard deviations from the mean beyond which a column counts no further
_RANK = 1e-10  # of the largest singular value: directions below it are taken as not determined
_FLAT = 1e-9  # standard deviation below which a column is constant


@dataclass(frozen=True, eq=False)
class Terms:
    """From columns to the terms of a polynomial: an intercept, the columns in standard units, powers, products.

    Attributes:
        centre: ``(K,)`` means of the columns.
        scale: ``(K,)`` their standard deviations; 1 for constant ones.
        curved: columns of which powers and products are taken.
        degree: highest power; products of two columns belong to the second degree.
    """

    centre: F64
    scale: F64
    curved: tuple[int, ...]
    degree: int

    @staticmethod
    def learn(x: F64, curved: Sequence[int], degree: int) -> Terms:
        """Terms in the units of some rows ``(K, n)``."""
        if not x.shape[1]:
            return Terms(np.zeros(len(x)), np.ones(len(x)), tuple(curved), degree)
        spread = x.std(axis=1)
        return Terms(x.mean(axis=1), np.where(spread > _FLAT, spread, 1.0), tuple(curved), degree)

    @property
    def degrees(self) -> I64:
        """``(P,)`` degree of every term, in order."""
        found = [0] + [1] * len(self.centre)
        if self.degree > 1:
            found += [2] * (len(self.curved) * (len(self.curved) + 1) // 2)
        for power in range(3, self.degree + 1):
            found += [power] * len(self.curved)
        return np.array(found, dtype=np.int64)

    def expand(self, x: F64) -> F64:
        """Terms ``(P, ...)`` of columns ``(K, ...)``."""
        shape = (-1, *[1] * (x.ndim - 1))
        z = np.clip((x - self.centre.reshape(shape)) / self.scale.reshape(shape), -_BOUND, _BOUND)
        parts = [np.ones((1, *x.shape[1:])), z]
        bent = z[list(self.curved)]
        if self.degree > 1:
            parts.append(bent**2)
            pairs = list(combinations(range(len(bent)), 2))
            if pairs:
                left, right = np.array(pairs).T
                parts.append(bent[left] * bent[right])
        parts += [bent**power for power in range(3, self.degree + 1)]
        return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class Gram:
    """Weighted sums over rows from which least squares follows. Sums of two sets of rows can be added.

    Attributes:
        products: ``(..., P, P)`` of the terms with each other.
        targets: ``(..., P)`` of the terms with the target.
        weight: ``(...,)`` of all rows.
    """

    products: F64
    targets: F64
    weight: F64

    @staticmethod
    def of(x: F64, y: F64, weight: F64) -> Gram:
        """Sums over rows: terms ``(P, n)``, target and weight ``(n,)``."""
        heavy = x * weight
        return Gram(heavy @ x.T, heavy @ y, np.asarray(weight.sum()))

    @staticmethod
    def empty(terms: int, *shape: int) -> Gram:
        """No rows."""
        return Gram(np.zeros((*shape, terms, terms)), np.zeros((*shape, terms)), np.zeros(shape))

    def __add__(self, other: Gram) -> Gram:
        return Gram(self.products + other.products, self.targets + other.targets, self.weight + other.weight)

    def solve(self, penalty: float, terms: npt.NDArray[np.bool_] | None = None) -> F64:
        """Coefficients ``(P,)`` of one set of rows; zero for terms that are left out.

        Args:
            penalty: this times the mean weight of a row is added to the squares of all terms but the first.
                Without one, directions that the rows do not determine get no coefficient (the shortest solution).
            terms: ``(P,)`` which terms take part; all by default.

        Source: Hoerl & Kennard (1970), Ridge regression, Technometrics 12.
        """
        beta = np.zeros(len(self.targets))
        use = np.flatnonzero(np.ones(len(beta), dtype=np.bool_) if terms is None else terms)
        if self.weight <= 0:
            return beta
        products, targets = self.products[np.ix_(use, use)] / self.weight, self.targets[use] / self.weight
        if penalty > 0:
            products[np.diag_indices(use.size)] += np.where(use == 0, 0.0, penalty)
        beta[use] = np.linalg.lstsq(products, targets, rcond=_RANK)[0]
        return beta

    def shrunk(self, strength: float) -> F64:
        """Coefficients ``(S, P)`` of many sets of rows, as if ``strength`` rows of each had said that they are zero."""
        if not np.isfinite(strength):
            return np.zeros(self.targets.shape)
        ridge = strength * np.eye(self.targets.shape[-1])
        return np.asarray(np.linalg.solve(self.products + ridge, self.targets[..., None])[..., 0])


def weighted_sum(beta: F64, terms: F64) -> F64:
    """Sum over the first axis of coefficients ``(P, ...)`` times terms ``(P, ...)``.

    Term by term: what a series gets must not depend, to the last bit, on which others it is computed with, as it
    does where a library picks its kernel by the size of the matrix.
    """
    out = np.zeros(terms.shape[1:])
    for coefficient, term in zip(beta, terms, strict=True):
        out += coefficient * term
    return out
