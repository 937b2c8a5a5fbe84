"""Tail: how demand spreads above what was sold, by a formula or by the product-limit estimate of the panel's distances from its rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ..panel import I64, Bool
from .censored import Expected, drawn, expected
from .product_limit import Tails
from .windows import F64

Method = Literal["normal", "poisson", "negbin", "kaplan-meier"]

_PRIOR = 20.0  # observations that the distances of series of the same size are worth
_POOL = 50_000  # distances kept of each size
_NOTHING = 1e-6  # a rate so small says nothing about distances from it
_LOWEST, _HIGHEST = -6, 12  # sizes are powers of two


class Sample(NamedTuple):
    """Distances of demand from its rate, over the root of it: ``group`` of the series, and whether demand was cut off."""

    group: I64
    away: F64
    cut: Bool


@dataclass(frozen=True, eq=False)
class Tail:
    """What lies above a bound.

    Attributes:
        method: formula or estimate.
        kind: ``(S,)`` size of each series, see `mean_class`.
        slack: ``(S,)`` how far below the sales demand may begin: counts that sold out may have been just the sales.
        count: ``(S,)`` distances known of each.
        own: product-limit of each series' distances; None for formulas.
        pool: product-limit of each size's distances.
    """

    method: Method
    kind: I64
    slack: F64
    count: F64
    own: Tails | None = None
    pool: Tails | None = None

    @classmethod
    def start(cls, method: Method, whole: Bool) -> Tail:
        """Nothing is known yet; ``whole`` ``(S,)`` marks the series of whole numbers."""
        return cls(method, np.zeros(whole.size, dtype=np.int64), np.where(whole, 0.5, 0.0), np.zeros(whole.size))

    def expected(self, series: I64, rate: F64, others: F64, bound: F64, phi: F64) -> Expected:
        """Demand of cells given that it was at least ``bound``, all ``(n,)``; see `censored.expected`.

        Args:
            series: of each cell.
            rate: expected of the cell.
            others: expected of it by all other cells.
            bound: least demand.
            phi: variance over mean.
        """
        if self.method != "kaplan-meier":
            return expected(self.method, rate, phi, bound)
        if self.own is None or self.pool is None:  # the first round
            return expected("normal", rate, phi, bound)
        unit = np.sqrt(others)
        low = (bound - self.slack[series] - others) / unit
        mine, mine_total = self.own.above(series, low)
        pooled, pooled_total = self.pool.above(self.kind[series], low)
        n = self.count[series]
        share = n * mine + _PRIOR * pooled
        away = np.where(share > 0, (n * mine_total + _PRIOR * pooled_total) / np.maximum(share, 1e-300), low)
        mean = np.maximum(others + away * unit, bound)
        return Expected(mean, (mean - rate) ** 2)

    def drawn(self, series: I64, rate: F64, others: F64, bound: F64, phi: F64, chance: F64) -> F64:
        """A value from the distribution of demand above ``bound``; ``chance`` ``(n,)`` is uniform."""
        if self.method != "kaplan-meier":
            return drawn(self.method, rate, phi, bound, chance)
        if self.own is None or self.pool is None:
            return bound
        unit = np.sqrt(others)
        low = (bound - self.slack[series] - others) / unit
        mine = self.count[series] * self.own.above(series, low)[0]
        pooled = _PRIOR * self.pool.above(self.kind[series], low)[0]
        part = np.where(mine + pooled > 0, mine / np.maximum(mine + pooled, 1e-300), 1.0)
        from_own = chance < part
        again = np.where(from_own, chance / np.maximum(part, 1e-300), (chance - part) / np.maximum(1 - part, 1e-300))
        again = np.clip(again, 1e-12, 1 - 1e-12)
        away = np.where(from_own, self.own.pick(series, low, again), self.pool.pick(self.kind[series], low, again))
        return np.asarray(np.maximum(others + away * unit, bound))

    def sample(self, rows: I64, exact: Bool, cut: Bool, demand: F64, others: F64) -> Sample | None:
        """The distances of some series, for `learn`; cells ``(R, T)``."""
        if self.method != "kaplan-meier":
            return None
        of, step = np.nonzero((exact | cut) & (others > _NOTHING))
        hidden = cut[of, step]
        least = demand[of, step] - np.where(hidden, self.slack[rows[of]], 0.0)
        rate = others[of, step]
        return Sample(rows[of], (least - rate) / np.sqrt(rate), hidden)

    def learn(self, samples: Sequence[Sample | None], kind: I64) -> Tail:
        """Anew from the distances of all series."""
        known = [s for s in samples if s is not None]
        if not known:
            return replace(self, kind=kind)
        group, away, cut = (np.concatenate(column) for column in zip(*known, strict=True))
        sizes = _HIGHEST - _LOWEST + 1
        size = kind[group]
        step = np.maximum(np.bincount(size, minlength=sizes) // _POOL, 1)[size]
        kept = np.arange(size.size) % step == 0
        pool = Tails.of(away[kept], cut[kept], size[kept], sizes)
        affected = np.bincount(group[cut], minlength=kind.size) > 0
        mine = affected[group]
        own = Tails.of(away[mine], cut[mine], group[mine], kind.size)
        return replace(self, kind=kind, count=np.bincount(group, minlength=kind.size).astype(float), own=own, pool=pool)


def mean_class(mean: npt.NDArray[np.floating]) -> I64:
    """Size of each series: whole powers of two of its mean, from 0."""
    power = np.floor(np.log2(np.maximum(mean, 2.0**_LOWEST)))
    return np.asarray(np.clip(power, _LOWEST, _HIGHEST) - _LOWEST, dtype=np.int64)
