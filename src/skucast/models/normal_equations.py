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
_RANK = 1e-10  # of the largest eigenvalue: directions below it are taken as not determined


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
        return Terms(x.mean(axis=1), np.where(spread > 1e-9, spread, 1.0), tuple(curved), degree)

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
    """Weighted sums over rows from which least squares follows; sums of several panels can be added.

    Attributes:
        products: ``(..., P, P)`` of the terms with each other.
        targets: ``(..., P)`` of the terms with the target.
        weight: ``(...,)`` sum of the weights.
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
    def empty(count: int) -> Gram:
        """No rows."""
        return Gram(np.zeros((count, count)), np.zeros(count), np.zeros(()))

    def __add__(self, other: Gram) -> Gram:
        return Gram(self.products + other.products, self.targets + other.targets, self.weight + other.weight)


def solve(gram: Gram, penalty: float, terms: npt.NDArray[np.bool_] | None = None) -> F64:
    """Coefficients ``(P,)``; zero for terms that are left out.

    Args:
        gram: sums over rows.
        penalty: times the sum of weights is added to the squares of all terms but the first. Without one, directions
            that the rows do not determine get no coefficient (the shortest solution).
        terms: ``(P,)`` which terms take part; all by default.

    Source: Hoerl & Kennard (1970), Technometrics 12.
    """
    beta = np.zeros(len(gram.targets))
    use = np.flatnonzero(np.ones(len(beta), dtype=np.bool_) if terms is None else terms)
    if gram.weight <= 0:
        return beta
    a = gram.products[np.ix_(use, use)] / gram.weight
    b = gram.targets[use] / gram.weight
    ridge = np.where(use == 0, 0.0, penalty)
    if penalty > 0:
        beta[use] = np.linalg.solve(a + np.diag(ridge + 1e-12), b)
    else:
        beta[use] = np.linalg.lstsq(a, b, rcond=_RANK)[0]
    return beta
