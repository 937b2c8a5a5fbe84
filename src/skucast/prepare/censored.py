"""Censored demand: what a distribution says of demand when only a lower bound of it, the sales, was seen.

Each family has the variance ``phi`` times the mean. All functions work on whole arrays of cells, in closed form.

Sources: Tobin (1958), Estimation of relationships for limited dependent variables, Econometrica 26 (normal); Nahmias
(1994), Demand estimation in lost sales inventory systems, Naval Research Logistics 41; Talluri & van Ryzin (2004), The
Theory and Practice of Revenue Management, section 9.4 (EM); Agrawal & Smith (1996), Estimating negative binomial demand
for retail inventory management with unobservable lost sales, Naval Research Logistics 43.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Family = Literal["normal", "poisson", "negbin"]

_LEAST = 1e-12  # probabilities below it lose their digits; the tail is taken as geometric there
_FAR = 1e3  # standard deviations from where on the tail is that of its limit
_POISSON = 1.0 + 1e-6  # a variance so near the mean is that of Poisson counts


class Expected(NamedTuple):
    """What is expected of demand above a bound.

    Attributes:
        mean: ``E[D | D >= bound]``.
        square: ``E[(D - mean of all)^2 | D >= bound]``, for the spread.
    """

    mean: F64
    square: F64


def expected(family: Family, mean: F64, phi: F64, bound: F64) -> Expected:
    """Mean and spread of demand that was at least ``bound``.

    Args:
        family: of the distribution.
        mean: of all demand, above 0.
        phi: variance over mean (``poisson`` takes 1; ``negbin`` is Poisson where it is not above 1).
        bound: least demand, as a rule what was sold. Counts take the next whole number.

    Returns:
        Arrays of the common shape; means are never below the bound.
    """
    mean, phi, bound = np.broadcast_arrays(mean, phi, bound)
    if family == "normal":
        return _normal(mean, phi, bound)
    if family == "poisson":
        return _poisson(mean, np.ceil(bound))
    out = Expected(np.empty(mean.shape), np.empty(mean.shape))
    counts = phi <= _POISSON
    for mask, some in ((counts, counts.any()), (~counts, not counts.all())):
        if some:
            m, low = mean[mask], np.ceil(bound[mask])
            told = _poisson(m, low) if mask is counts else _negbin(m, phi[mask], low)
            out.mean[mask], out.square[mask] = told
    return out


def drawn(family: Family, mean: F64, phi: F64, bound: F64, chance: F64) -> F64:
    """The quantile ``chance`` of demand that was at least ``bound``: with uniform chances, a sample of it.

    Args are those of `expected`; ``chance`` lies within (0, 1).
    """
    from scipy.special import log_ndtr, ndtri_exp

    mean, phi, bound, chance = np.broadcast_arrays(mean, phi, bound, chance)
    if family == "normal":
        sd = np.sqrt(phi * mean)
        z = (bound - mean) / np.maximum(sd, 1e-300)
        return np.asarray(np.maximum(mean - sd * ndtri_exp(log_ndtr(-z) + np.log1p(-chance)), bound))
    low = np.ceil(bound)
    counts = (phi <= _POISSON) | (family == "poisson")
    out = np.empty(mean.shape)
    for mask, spread in ((counts, None), (~counts, phi)):
        if mask.any():
            out[mask] = _search(mean[mask], None if spread is None else spread[mask], low[mask], chance[mask])
    return np.asarray(np.maximum(out, bound))


def at_least(family: Family, mean: F64, phi: F64, bound: F64) -> F64:
    """Probability that demand is at least ``bound``."""
    from scipy.special import ndtr

    mean, phi, bound = np.broadcast_arrays(mean, phi, bound)
    if family == "normal":
        return np.asarray(ndtr((mean - bound) / np.sqrt(np.maximum(phi * mean, 1e-300))))
    counts = (phi <= _POISSON) | (family == "poisson")
    low = np.ceil(bound)
    wide = np.where(counts, 2.0, phi)
    return np.where(counts, _tail_poisson(mean, low), _tail_negbin(mean / (wide - 1), wide, low))


def _normal(mean: F64, phi: F64, bound: F64) -> Expected:
    from scipy.special import log_ndtr

    sd = np.sqrt(np.maximum(phi * mean, 1e-300))
    z = (bound - mean) / sd
    near = np.minimum(z, _FAR)
    mills = np.exp(-0.5 * near**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(-near))  # density over tail
    hazard = np.where(z > _FAR, z + 1 / np.maximum(z, 1.0), mills)
    return Expected(np.maximum(mean + sd * hazard, bound), sd**2 * (1 + z * hazard))


def _poisson(mean: F64, low: F64) -> Expected:
    """``x f(x; m) = m f(x - 1; m)`` turns moments of the tail into tails."""
    tail = _tail_poisson(mean, low)
    first = mean * _tail_poisson(mean, low - 1)
    second = mean**2 * _tail_poisson(mean, low - 2)
    return _of_tail(mean, low, tail, first, second, mean / (low + 1))


def _negbin(mean: F64, phi: F64, low: F64) -> Expected:
    """``x f(x; r) = m f(x - 1; r + 1)``, with ``r = mean / (phi - 1)`` and chance of success ``1 / phi``."""
    r = mean / (phi - 1)
    tail = _tail_negbin(r, phi, low)
    first = mean * _tail_negbin(r + 1, phi, low - 1)
    second = mean**2 * (r + 1) / r * _tail_negbin(r + 2, phi, low - 2)
    return _of_tail(mean, low, tail, first, second, (low + r) / (low + 1) * (1 - 1 / phi))


def _of_tail(mean: F64, low: F64, tail: F64, first: F64, second: F64, ratio: F64) -> Expected:
    """Moments given the tail; far out, where the tail has no digits left, it falls by ``ratio`` at each unit."""
    far = tail < _LEAST
    safe = np.where(far, 1.0, tail)
    more = np.minimum(ratio, 0.999) / (1 - np.minimum(ratio, 0.999))
    given = np.where(far, low + more, first / safe)
    factorial = np.where(far, given * (given - 1), second / safe)  # E[D (D - 1)]
    given = np.maximum(given, np.maximum(low, 0.0))
    return Expected(given, np.maximum(factorial + given - 2 * mean * given + mean**2, 0.0))


def _tail_poisson(mean: F64, low: F64) -> F64:
    """``P(D >= low)`` of counts."""
    from scipy.special import gammainc

    return np.where(low <= 0, 1.0, gammainc(np.maximum(low, 1.0), mean))


def _tail_negbin(r: F64, phi: F64, low: F64) -> F64:
    from scipy.special import betainc

    return np.where(low <= 0, 1.0, betainc(np.maximum(low, 1.0), r, 1 - 1 / phi))


def _search(mean: F64, phi: F64 | None, low: F64, chance: F64) -> F64:
    """Smallest count whose tail, as a share of the tail at ``low``, is at most ``1 - chance``: bisection."""

    def tail(x: F64) -> F64:
        return _tail_poisson(mean, x) if phi is None else _tail_negbin(mean / (phi - 1), phi, x)

    goal = tail(low) * (1 - chance)
    spread = np.sqrt(mean * (1.0 if phi is None else phi))
    below, above = low.copy(), np.ceil(np.maximum(low, mean) + 12 * spread + 30 * (1.0 if phi is None else phi) + 10)
    while np.any(above - below > 1):
        middle = np.floor((below + above) / 2)
        right = tail(middle + 1) > goal  # the answer lies above the middle
        below, above = np.where(right, middle, below), np.where(right, above, middle)
    return np.where(tail(below + 1) <= goal, below, above)
