"""Product-limit: the distribution of demand without a formula, when some of it was cut off by an empty shelf.

Sources: Kaplan & Meier (1958), Nonparametric estimation from incomplete observations, JASA 53; Efron (1967), The two
sample problem with censored data (mass moves to the right, and the largest observation counts as seen); Greenwood (1926);
Susarla & Van Ryzin (1976), Nonparametric Bayesian estimation of survival curves from incomplete observations, JASA 71
(a prior curve worth so many observations).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..panel import I64, Bool

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """The share of demand above each value.

    Attributes:
        value: ``(K,)`` distinct values, rising.
        at_risk: ``(K,)`` observations not below the value.
        events: ``(K,)`` those seen exactly there.
        survival: ``(K,)`` share of demand above the value.
        error: ``(K,)`` standard error of it (Greenwood).
    """

    value: F64
    at_risk: I64
    events: I64
    survival: F64
    error: F64

    def above(self, value: float) -> float:
        """Share of demand above ``value``."""
        k = int(np.searchsorted(self.value, value, side="right")) - 1
        return 1.0 if k < 0 else float(self.survival[k])


def product_limit(values: npt.ArrayLike, censored: npt.ArrayLike) -> Curve:
    """The product-limit estimate of one sample.

    Args:
        values: ``(n,)`` what was seen.
        censored: ``(n,)`` True where the truth is at least that. Censored values count as a little larger than
            equal values that were seen.
    """
    x, hidden = np.asarray(values, dtype=np.float64), np.asarray(censored, dtype=np.bool_)
    value, which = np.unique(x, return_inverse=True)
    count = np.bincount(which, minlength=value.size)
    events = np.bincount(which[~hidden], minlength=value.size)
    at_risk = x.size - np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64)
    survival = np.asarray(np.cumprod(1 - events / at_risk), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.cumsum(events / (at_risk * (at_risk - events)))
        error = np.where(survival > 0, survival * np.sqrt(total), 0.0)
    return Curve(value, at_risk, events.astype(np.int64), survival, error)


@dataclass(frozen=True, eq=False)
class Tails:
    """Product-limit masses of many samples, ready to be asked what lies above a value.

    Attributes:
        group: ``(n,)`` number of the sample, rising.
        value: ``(n,)`` rising within it.
        mass: ``(n,)`` share of its sample's demand that lies there.
        share: ``(n,)`` mass there and above, within the sample.
        total: ``(n,)`` mass times value there and above.
        begin: ``(G + 1,)`` where each sample starts.
    """

    group: I64
    value: F64
    mass: F64
    share: F64
    total: F64
    begin: I64

    @classmethod
    def of(cls, value: F64, censored: Bool, group: I64, groups: int) -> Tails:
        """Estimate all samples at once; the largest of each counts as seen (Efron), so that masses add to one.

        Args:
            value: ``(n,)``.
            censored: ``(n,)``.
            group: ``(n,)`` sample of each, 0 to ``groups - 1``.
            groups: number of samples.
        """
        rank = np.where(censored, np.nextafter(value, np.inf), value)  # after seen ones of the same value
        order = np.lexsort((rank, group))
        value, group, seen = value[order], group[order], ~censored[order]
        begin = np.searchsorted(group, np.arange(groups + 1)).astype(np.int64)
        number = np.arange(value.size) - begin[group]
        at_risk = (np.diff(begin)[group] - number).astype(np.float64)
        seen = seen | (at_risk == 1)
        stay = np.where(seen, np.log(np.maximum(at_risk - 1, 1e-300) / at_risk), 0.0)
        stay[at_risk == 1] = 0.0
        before = _running(stay, begin, group) - stay  # log of the share above the observations before
        mass = np.where(seen, np.exp(before) / at_risk, 0.0)
        share = _from_right(mass, begin, group)
        return cls(group, value, mass, share, _from_right(mass * value, begin, group), begin)

    def above(self, group: I64, bound: F64) -> tuple[F64, F64]:
        """Share of demand at or above bounds, and its part of the mean (the mean of that demand times the share).

        Args:
            group: ``(m,)`` samples to ask.
            bound: ``(m,)``.
        """
        at = self._first(group, bound)
        inside = at < self.begin[group + 1]
        safe = np.minimum(at, max(self.value.size - 1, 0))
        if not self.value.size:
            return np.zeros(bound.shape), np.zeros(bound.shape)
        return np.where(inside, self.share[safe], 0.0), np.where(inside, self.total[safe], 0.0)

    def pick(self, group: I64, bound: F64, chance: F64) -> F64:
        """The quantile ``chance`` of demand at or above bounds; the bound itself where nothing lies above."""
        share, _ = self.above(group, bound)
        if not self.value.size:
            return bound.copy()
        passed = self.group * 2.0 + (1 - self.share)  # sample, and the share of it that lies before
        at = np.searchsorted(passed, group * 2.0 + (1 - share * (1 - chance)), side="right") - 1
        at = np.clip(at, np.minimum(self._first(group, bound), self.value.size - 1), self.begin[group + 1] - 1)
        at = np.maximum(at, 0)
        return np.where(share > 0, np.maximum(self.value[at], bound), bound)

    def _first(self, group: I64, bound: F64) -> I64:
        """Position of the first value of the sample that is not below the bound."""
        low, high = self.begin[group], self.begin[group + 1]
        while np.any(low < high):
            middle = np.minimum((low + high) // 2, max(self.value.size - 1, 0))
            right = (low < high) & (self.value[middle] < bound)
            low, high = np.where(right, middle + 1, low), np.where(right | (low == high), high, middle)
        return low


def _running(column: F64, begin: I64, group: I64) -> F64:
    """Sum from the start of each sample to each position, that one included."""
    total = np.concatenate([[0.0], np.cumsum(column)])
    return np.asarray(total[1:] - total[begin[group]])


def _from_right(column: F64, begin: I64, group: I64) -> F64:
    """Sum from each position to the end of its sample."""
    total = np.concatenate([[0.0], np.cumsum(column)])
    return np.asarray(total[begin[group + 1]] - total[:-1])
