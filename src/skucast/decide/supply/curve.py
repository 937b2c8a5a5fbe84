"""Curves of waiting: the share received on each day, from waits that are over and waits that still go on.

A curve is the posterior mean under a beta-Stacy process about a parent curve that is worth ``strength`` deliveries: the
hazard of day ``t`` is ``(strength g(t) + received(t)) / (strength G(t) + waiting(t))``, where ``g`` is the parent's
probability of that day, ``G`` that of this day or a later one. Without a parent it is the product-limit estimate, with
no data the parent itself.

Sources: Kaplan & Meier (1958), JASA 53; Susarla & Van Ryzin (1976), JASA 71 (a prior curve worth so many observations);
Walker & Muliere (1997), Beta-Stacy processes, Annals of Statistics 25 (the posterior, from which curves are drawn).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ...forecast import F64
from ...panel import I64, Bool

_LEAST = 1e-12


def kernel(width: float, seen: I64, days: int) -> F64:
    """How waits that were seen are spread over their neighbours, rows sum to one.

    Args:
        width: standard deviation of the logarithm of days, above 0. The same day (0) always stays by itself, as what is
            taken along, or on time, is another matter than what is sent.
        seen: ``(m,)`` days.
        days: cells 0 to ``days - 1``.

    Returns:
        ``(m, days)``.
    """
    spread = np.zeros((seen.size, days))
    spread[seen == 0, 0] = 1.0
    later = seen > 0
    edges = np.log(np.arange(1, days) + 0.5)
    upto = ndtr((edges - np.log(seen[later])[:, None]) / width)
    upto[:, -1] = 1.0
    spread[later, 1:] = np.diff(upto, axis=1, prepend=0.0)
    return spread


def broad(day: I64, open_: Bool, days: int) -> F64:
    """A smooth curve ``(days,)`` about the waits of a sample: a share of the same day, else lognormal and wide."""
    seen = day[~open_]
    later = np.log(seen[seen > 0])
    zero = ((seen == 0).sum() + 0.5) / (seen.size + 1)
    middle = float(np.median(later)) if later.size else 0.0
    width = max(1.4826 * float(np.median(np.abs(later - middle))), 0.5) if later.size else 0.5
    edges = np.log(np.arange(1, days) + 0.5)
    upto = ndtr((edges - middle) / width)
    upto[-1] = 1.0
    curve = np.concatenate([[zero], (1 - zero) * np.diff(upto, prepend=0.0)]) + _LEAST
    return np.asarray(curve / curve.sum())


def tally(node: I64, day: I64, open_: Bool, weight: F64, nodes: int, days: int) -> tuple[F64, F64]:
    """Weights ``(nodes, days)`` of waits that ended on each day, and of those that went on after it."""
    cell = node * days + day
    ended = np.bincount(cell[~open_], weight[~open_], nodes * days).reshape(nodes, days)
    going = np.bincount(cell[open_], weight[open_], nodes * days).reshape(nodes, days)
    return np.asarray(ended, dtype=np.float64), np.asarray(going, dtype=np.float64)


def _and_later(x: F64) -> F64:
    return np.asarray(np.cumsum(x[..., ::-1], axis=-1)[..., ::-1])


def posterior(parent: F64, strength: float, ended: F64, going: F64) -> F64:
    """Probabilities of each day; the last cell holds all later ones.

    Args:
        parent: ``(days,)`` or ``(nodes, days)`` probabilities.
        strength: deliveries that the parent is worth.
        ended: ``(nodes, days)`` weight of waits that ended on the day.
        going: ``(nodes, days)`` weight of waits last seen going on that day.
    """
    hit, stay = _shapes(parent, strength, ended, going)
    hazard = hit / np.maximum(hit + stay, _LEAST)
    return _of_hazard(hazard)


def drawn(parent: F64, strength: float, ended: F64, going: F64, n: int, rng: np.random.Generator) -> F64:
    """Curves ``(n, days)`` of one node that its data leave possible."""
    hit, stay = _shapes(parent, strength, ended, going)
    return _of_hazard(rng.beta(np.maximum(hit, _LEAST), np.maximum(stay, _LEAST), (n, hit.shape[-1])))


def _shapes(parent: F64, strength: float, ended: F64, going: F64) -> tuple[F64, F64]:
    hit = strength * parent + ended
    reached = strength * _and_later(parent) + _and_later(ended + going)
    return hit, np.maximum(reached - hit, 0.0)


def _of_hazard(hazard: npt.NDArray[np.float64]) -> F64:
    hazard[..., -1] = 1.0
    left = np.cumprod(1 - hazard, axis=-1)
    before = np.concatenate([np.ones((*hazard.shape[:-1], 1)), left[..., :-1]], axis=-1)
    return np.asarray(hazard * before)
