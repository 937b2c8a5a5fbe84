"""Many regressions at once, each shrunk towards what all series have in common, as far as the data say.

Effects of a series are normal around the pooled effect, ``beta_i ~ N(beta, diag(v))``; ``beta`` and ``v`` are learned
from all series by expectation and maximisation, so nothing needs tuning: an effect that differs little between series
is taken over from the others, one that differs much is learned from the series itself.

Source: Laird & Ware (1982), Random-effects models for longitudinal data, Biometrics 38.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
_ROUNDS = 8
_LEARNERS = 1000  # series from which the prior is learned
_FIRST_VARIANCE = 0.05
_LEAST_VARIANCE = 1e-6
_RIDGE = 25.0  # variance of pooled effects around zero


@dataclass(frozen=True)
class Gram:
    """Sums of products of each series' regression.

    Attributes:
        xx: ``(S, P, P)``.
        xy: ``(S, P)``.
        yy: ``(S,)``.
        n: ``(S,)`` observations.
    """

    xx: F64
    xy: F64
    yy: F64
    n: F64

    def take(self, rows: npt.NDArray[np.int64]) -> Gram:
        """Those of some series."""
        return Gram(self.xx[rows], self.xy[rows], self.yy[rows], self.n[rows])

    def noise(self, beta: F64) -> F64:
        """Mean squared residual ``(S,)`` of effects ``(S, P)``, shrunk a little towards the spread of the target."""
        fitted = np.einsum("sp,spq,sq->s", beta, self.xx, beta) - 2 * np.einsum("sp,sp->s", beta, self.xy)
        spread = self.yy / np.maximum(self.n, 1)
        left = np.maximum(self.yy + fitted, 0.05 * self.yy)
        return np.asarray(np.maximum((left + 5 * spread) / (self.n + 5), 1e-9))


@dataclass(frozen=True)
class Prior:
    """What series have in common: pooled effects and how much a series' own differ, ``(P,)`` each."""

    mean: F64
    variance: F64


def learners(count: int) -> npt.NDArray[np.int64]:
    """Rows of the series from which a prior is learned: at most a thousand, spread evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, _LEARNERS)).astype(np.int64))


def learn_prior(gram: Gram, own: npt.NDArray[np.bool_] | None = None) -> Prior:
    """Pooled effects and their variance between series.

    Args:
        gram: of the series that teach; `learners` picks enough of many.
        own: ``(P,)`` effects that may differ between series; the others are the same for all. None is all.
    """
    part = gram.take(np.flatnonzero((gram.n > 0) & (gram.yy > 0)))
    width = gram.xy.shape[1]
    free = np.ones(width, dtype=np.bool_) if own is None else own
    variance = np.where(free, _FIRST_VARIANCE, _LEAST_VARIANCE)
    mean = np.zeros(width)
    if not part.n.size:
        return Prior(mean, variance)
    noise = part.noise(np.zeros_like(part.xy))
    mean = _pooled(part, noise)
    for _ in range(_ROUNDS):
        beta, spread = _posterior(part, noise, Prior(mean, variance))
        noise = part.noise(beta)
        count = len(beta)
        mean = beta.sum(axis=0) / (count + variance / _RIDGE)
        found = ((beta - mean) ** 2 + spread).sum(axis=0) + 2 * _LEAST_VARIANCE
        variance = np.where(free, np.maximum(found / (count + 2), _LEAST_VARIANCE), _LEAST_VARIANCE)
    return Prior(mean, variance)


def effects(gram: Gram, prior: Prior) -> F64:
    """Each series' effects ``(S, P)``, shrunk towards the pooled ones."""
    noise = gram.noise(np.broadcast_to(prior.mean, gram.xy.shape))
    return _posterior(gram, noise, prior, spread=False)[0]


def _pooled(gram: Gram, noise: F64) -> F64:
    """Effects as if they were the same for all series."""
    xx = np.einsum("spq,s->pq", gram.xx, 1 / noise) + np.eye(gram.xy.shape[1]) / _RIDGE
    found: F64 = np.linalg.solve(xx, np.einsum("sp,s->p", gram.xy, 1 / noise))
    return found


def _posterior(gram: Gram, noise: F64, prior: Prior, *, spread: bool = True) -> tuple[F64, F64]:
    """Mean ``(S, P)`` of the effects given the data, and their variance ``(S, P)`` if asked for."""
    precision = gram.xx / noise[:, None, None] + np.diag(1 / prior.variance)
    moment = gram.xy / noise[:, None] + prior.mean / prior.variance
    if not spread:
        return np.asarray(np.linalg.solve(precision, moment[..., None])[..., 0]), np.zeros_like(moment)
    inverse = np.linalg.inv(precision)
    return np.asarray(np.einsum("spq,sq->sp", inverse, moment)), np.asarray(np.einsum("spp->sp", inverse))
