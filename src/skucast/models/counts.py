"""Negative binomial counts: quantiles, and how much series vary beyond chance, shrunk by demand class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .empirical import gamma_quantiles

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
_LARGE = 30.0  # mean from which a gamma distribution, rounded, stands in
_MOST = 600  # values looked at below it
_CHECK = 16
_POISSON = 1e-6  # dispersion below which counts are taken as Poisson
_CUTS = (1.32, 0.49)  # mean interval and squared variation that part the demand classes (Syntetos & Boylan 2005)
_PRIOR = 30.0  # observations that the class's dispersion counts for
_DISPERSION = (0.0, 8.0)  # limits


def count_quantiles(mean: F64, dispersion: F64, levels: npt.NDArray[np.float64]) -> F64:
    """Quantiles ``(N, Q)`` of negative binomial counts with variance ``mean + dispersion * mean^2``.

    Args:
        mean: ``(N,)``.
        dispersion: ``(N,)``; zero is Poisson.
        levels: ``(Q,)``, or ``(N, Q)`` for levels of each row's own, in (0, 1); at zero or less the quantile is zero.
    """
    wanted = np.broadcast_to(levels, (mean.size, levels.shape[-1]))
    out = np.zeros(wanted.shape)
    large = mean > _LARGE
    if large.any():
        m, d = mean[large], dispersion[large]
        out[large] = np.rint(gamma_quantiles(m, m + d * m**2, np.maximum(wanted[large], 1e-12)))
    rows = np.flatnonzero(~large & (mean > 0))
    m, size = mean[rows], 1 / np.maximum(dispersion[rows], _POISSON)
    chance = m / (size + m)
    mass = np.exp(-size * np.log1p(m / size))
    below, mine = mass.copy(), wanted[rows]
    most = mine.max(axis=1, initial=0.0)
    count = np.zeros(mine.shape)
    for k in range(1, _MOST):
        count += below[:, None] < mine
        if k % _CHECK == 0:
            done = below >= most
            out[rows[done]] = count[done]
            rows, size, chance, mass, below, count, mine, most = (
                a[~done] for a in (rows, size, chance, mass, below, count, mine, most)
            )
            if not rows.size:
                break
        mass = mass * ((size + k - 1) / k * chance)
        below = below + mass
    out[rows] = count
    return out


def count_cdf(k: F64, mean: F64, dispersion: F64) -> F64:
    """Probability of at most ``k`` negative binomial counts; zero below zero."""
    from scipy.special import betainc

    size = 1 / np.maximum(dispersion, _POISSON)
    chance = size / (size + mean)
    return np.where(k < 0, 0.0, betainc(size, np.maximum(np.floor(k), 0.0) + 1, chance))


def demand_class(y: F64) -> I64:
    """0 smooth, 1 intermittent, 2 erratic, 3 lumpy, for each series of ``(T, S)``."""
    occurs = y > 0
    n = np.maximum(occurs.sum(axis=0), 1)
    interval = np.maximum((~np.isnan(y)).sum(axis=0), 1) / n
    size = np.where(occurs, y, 0.0).sum(axis=0) / n
    variation = np.where(occurs, (y - size) ** 2, 0.0).sum(axis=0) / n / np.maximum(size, 1e-12) ** 2
    return np.asarray((interval > _CUTS[0]) + 2 * (variation > _CUTS[1]), dtype=np.int64)


def dispersion_sums(errors: F64, means: F64) -> tuple[F64, F64]:
    """Excess of squared errors over a Poisson's variance, and squared means, summed over ``(T, S)``."""
    seen = ~np.isnan(errors)
    return np.where(seen, errors**2 - means, 0.0).sum(axis=0), np.where(seen, means**2, 0.0).sum(axis=0)


def class_dispersion(excess: F64, squares: F64, kind: I64) -> F64:
    """Dispersion of each demand class ``(4,)``, series weighing by observation rather than by size."""
    some = squares > 0
    own = np.clip(excess[some] / squares[some], *_DISPERSION)
    usual = float(np.median(own)) if own.size else 0.5
    groups = [own[kind[some] == c] for c in range(4)]
    return np.array([(g.sum() + 5 * usual) / (g.size + 5) for g in groups])


def shrunk_dispersion(excess: F64, squares: F64, n: I64, kind: I64, pooled: F64) -> F64:
    """Each series' dispersion, drawn towards its class's; the class counts for thirty observations."""
    typical = squares / np.maximum(n, 1)
    weight = _PRIOR * typical
    found = (excess + weight * pooled[kind]) / np.maximum(squares + weight, 1e-12)
    return np.where(squares > 0, np.clip(found, *_DISPERSION), pooled[kind])
