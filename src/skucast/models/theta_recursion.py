"""The recursion of the theta method for many series and smoothing candidates at once, and its estimation.

State space form of Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler (2016), Models for optimising the theta
method and their relationship to state space models, IJF 32, with ``c = 1 - 1 / theta``::

    forecast  = level + c * (g * A + k * B)
    level    <- level + alpha * (y - level)
    g        <- (1 - alpha) * g                  what is left of the first level
    k        <- 1 + (1 - alpha) * k              how far smoothing lags behind a straight line

``A + B t`` is the line through all steps, or in the dynamic form through the steps so far. Given alpha the errors are
linear in the first level and in ``c``, so both come from least squares and alpha alone is searched. At a missing
step level and ``g`` stay and ``k`` grows by one: the drift goes on, as it does in a forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
F64 = npt.NDArray[np.float64]

_ROOTS = (0.1, 0.2, 0.316, 0.45, 0.62, 0.8, 0.95)  # of alpha
_ROOT_LIMITS = (0.05, 0.995)
_NARROWING = (1 / 3, 1 / 9)  # two finer looks around the best root
_SKIP = 3  # first observations whose errors do not count, as in the authors' own implementation
_HOLD = 1e-2  # weight of the belief that the first level is the mean of the first observations


@dataclass(frozen=True)
class Sums:
    """Running sums of a least squares line: number, time, time squared, value, time times value; each ``(S,)``."""

    n: F64
    j: F64
    jj: F64
    y: F64
    jy: F64

    def line(self) -> tuple[F64, F64]:
        """Intercept and slope, the slope zero for fewer than two observations."""
        determinant = self.n * self.jj - self.j**2
        solvable = determinant > 1e-9
        slope = np.where(solvable, (self.n * self.jy - self.j * self.y) / np.where(solvable, determinant, 1.0), 0.0)
        return (self.y - slope * self.j) / np.maximum(self.n, 1), slope

    def add(self, j: F64, y: F64) -> Sums:
        """With one more observation of every series."""
        return Sums(self.n + 1, self.j + j, self.jj + j * j, self.y + y, self.jy + j * y)


@dataclass(frozen=True)
class Lines:
    """The line that each step's forecast uses, and the sums at the end of the history.

    Attributes:
        intercept, slope: ``(T, S)``; time is counted from 1 at each series' first observation.
        last: sums over the whole history.
        age: ``(S,)`` steps from the first observation to the end of the history.
    """

    intercept: F64
    slope: F64
    last: Sums
    age: F64


def lines(y: F64, *, dynamic: bool) -> Lines:
    """Least squares lines through all of the history, or (dynamic) through what came before each step.

    Args:
        y: ``(T, S)``, time first; NaN is missing.
        dynamic: the line is learned anew at each step.
    """
    seen = ~np.isnan(y)
    begun = seen.any(axis=0)
    first = np.where(begun, seen.argmax(axis=0), y.shape[0])
    time = np.maximum(np.arange(1, y.shape[0] + 1)[:, None] - first, 0).astype(np.float64)
    here, value = seen.astype(np.float64), np.where(seen, y, 0.0)
    j = time * here
    terms = (here, j, j * time, value, j * value)
    last = Sums(*(term.sum(axis=0) for term in terms))
    if not dynamic:
        intercept, slope = last.line()
        return Lines(np.broadcast_to(intercept, y.shape), np.broadcast_to(slope, y.shape), last, time[-1])
    before = Sums(*(np.concatenate([np.zeros((1, y.shape[1])), term[:-1].cumsum(axis=0)]) for term in terms))
    intercept, slope = before.line()
    return Lines(intercept, slope, last, time[-1])


@dataclass(frozen=True)
class Parameters:
    """Of each series, ``(S,)``: smoothing ``alpha``, weight ``c`` of the line and the first level."""

    alpha: F64
    weight: F64
    level: F64


@dataclass(frozen=True)
class Run:
    """A pass over the history: one-step errors ``(T, S)`` (0 where missing) and the last states ``(S,)``."""

    errors: F64
    level: F64
    rest: F64
    lag: F64


def run(y: F64, parameters: Parameters, line: Lines) -> Run:
    """Run the recursion at given parameters."""
    alpha, level = parameters.alpha, parameters.level.copy()
    rest, lag = np.ones_like(level), np.ones_like(level)
    seen = ~np.isnan(y)
    filled, keep, begun = np.where(seen, y, 0.0), seen.astype(np.float64), np.logical_or.accumulate(seen, axis=0)
    errors = np.empty_like(y)
    for t in range(y.shape[0]):
        gap = (filled[t] - level) * keep[t]
        errors[t] = gap - parameters.weight * (rest * line.intercept[t] + lag * line.slope[t]) * keep[t]
        left = 1 - alpha * keep[t]
        level += alpha * gap
        rest *= left
        lag = begun[t] + left * lag
    return Run(errors, level, rest, lag)


def project(horizon: int, parameters: Parameters, last: Run, line: Lines, *, dynamic: npt.NDArray[np.bool_]) -> F64:
    """Point forecasts ``(H, S)``; a dynamic line goes on learning from its own forecasts, as its authors have it."""
    out: F64 = np.empty((horizon, last.level.size))
    level, rest, lag, sums, age = last.level, last.rest, last.lag, line.last, line.age
    intercept, slope = sums.line()
    for h in range(horizon):
        out[h] = level + parameters.weight * (rest * intercept + lag * slope)
        level = level + parameters.alpha * (out[h] - level)
        rest = rest * (1 - parameters.alpha)
        lag = 1 + (1 - parameters.alpha) * lag
        if dynamic.any():
            age = age + 1
            sums = sums.add(age, out[h])
            moved = sums.line()
            intercept, slope = np.where(dynamic, moved[0], intercept), np.where(dynamic, moved[1], slope)
    return out


def estimate(y: F64, line: Lines, *, weight: float | None = None) -> tuple[Parameters, F64]:
    """Parameters with the least squared errors, and those errors' sum ``(S,)``.

    Args:
        y: ``(T, S)``, time first, scaled to a mean of about one; NaN is missing.
        line: as `lines` gave it.
        weight: of the line; None learns it in [0, 1].
    """
    count = y.shape[1]
    every = np.arange(count)
    moments = _Moments.of(y, line)
    roots = np.repeat(np.asarray(_ROOTS, dtype=np.float32)[:, None], count, axis=1)
    sse, level, c = moments.solve(roots**2, weight)
    pick = sse.argmin(axis=0)
    best = [a[pick, every] for a in (roots.astype(np.float64), sse, level, c)]
    edges = np.array([_ROOT_LIMITS[0], *_ROOTS, _ROOT_LIMITS[1]])
    below, above = best[0] - edges[pick], edges[pick + 2] - best[0]
    for share in _NARROWING:
        offsets = np.stack([-2 * below * share, -below * share, above * share, 2 * above * share])
        roots = np.clip(best[0] + offsets, *_ROOT_LIMITS).astype(np.float32)
        sse, level, c = moments.solve(roots**2, weight)
        pick = sse.argmin(axis=0)
        better = sse[pick, every] < best[1]
        found = [a[pick, every] for a in (roots.astype(np.float64), sse, level, c)]
        best = [np.where(better, new, old) for new, old in zip(found, best, strict=True)]
    return Parameters(best[0] ** 2, best[3], best[2]), best[1]


def first_level(y: F64, line: Lines, alpha: F64, weight: F64) -> F64:
    """First level of a history that begins elsewhere than the one learned from, by least squares."""
    moments = _Moments.of(y, line)
    level: F64 = moments.solve(alpha[None].astype(np.float32), weight)[1][0]
    return level


@dataclass(frozen=True)
class _Moments:
    """What the search needs of the history, in single precision (twice the speed)."""

    filled: Array
    keep: Array
    count: Array
    begun: Array
    intercept: Array
    slope: Array
    start: Array

    @classmethod
    def of(cls, y: F64, line: Lines) -> _Moments:
        seen = ~np.isnan(y)
        rank = np.cumsum(seen, axis=0)
        early = seen & (rank <= 10)
        start = np.where(early, y, 0.0).sum(axis=0) / np.maximum(early.sum(axis=0), 1)
        narrow = [
            np.ascontiguousarray(a, dtype=np.float32)
            for a in (np.where(seen, y, 0.0), seen, seen & (rank > _SKIP), rank > 0, line.intercept, line.slope, start)
        ]
        return cls(*narrow)

    def solve(self, alpha: Array, weight: float | F64 | None) -> tuple[F64, F64, F64]:
        """Least squared errors, first level and line's weight for candidates ``(K, S)``; each ``(K, S)``."""
        shape = alpha.shape
        level = np.broadcast_to(self.start, shape).copy()
        rest, lag = np.ones(shape, np.float32), np.ones(shape, np.float32)
        error, line, counted, work = (np.empty(shape, np.float32) for _ in range(4))
        # sums of products of errors without the line (e), response to the first level (r) and to the line (l)
        sums = {name: np.zeros(shape, np.float32) for name in ("ee", "er", "el", "rr", "rl", "ll")}
        factors = {"e": error, "r": counted, "l": line}
        for t in range(self.filled.shape[0]):
            keep, count = self.keep[t], self.count[t]
            if keep.any():
                np.subtract(self.filled[t], level, out=error)
                error *= keep
                np.multiply(rest, self.intercept[t], out=line)
                np.multiply(lag, self.slope[t], out=work)
                line += work
                np.multiply(alpha, error, out=work)
                level += work
                np.multiply(rest, count, out=counted)
                error *= count
                line *= count
                for name, total in sums.items():
                    np.multiply(factors[name[0]], factors[name[1]], out=work)
                    np.add(total, work, out=total)
                np.multiply(alpha, keep, out=work)
                np.subtract(1, work, out=work)
                rest *= work
                lag *= work
            lag += self.begun[t]
        ee, er, el, rr, rl, ll = (total.astype(np.float64) for total in sums.values())
        return _least_squares(ee, er, el, rr, rl, ll, weight, self.start)


def _least_squares(
    ee: F64, er: F64, el: F64, rr: F64, rl: F64, ll: F64, weight: float | F64 | None, start: Array
) -> tuple[F64, F64, F64]:
    """Change of the first level and weight of the line within [0, 1], from sums of products."""
    rr = rr + _HOLD
    if weight is None:
        determinant = rr * ll - rl**2
        solvable = determinant > 1e-6 * rr * np.maximum(ll, 1e-12)
        c = np.where(solvable, (rr * el - rl * er) / np.where(solvable, determinant, 1.0), 0.0)
        c = np.clip(c, 0.0, 1.0)
    else:
        c = np.broadcast_to(np.asarray(weight, dtype=np.float64), ee.shape)
    change = (er - c * rl) / rr
    sse = ee - 2 * change * er - 2 * c * el + change**2 * rr + 2 * change * c * rl + c**2 * ll
    return np.maximum(sse, 0.0), start + change, np.asarray(c)
