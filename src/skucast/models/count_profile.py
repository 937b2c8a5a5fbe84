"""How demand is spread over the phases of a season (days of the week), each series drawn towards the panel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
_WORTH = 40.0  # units of expected demand that the panel's profile counts for (more where demand is erratic)
_LIMITS = (0.05, 8.0)


def pooled_profile(y: F64, m: int, phase: int) -> F64:
    """Share of demand at each phase over its mean, all series alike, ``(m,)``; averages one.

    Args:
        y: ``(T, S)``, time first; NaN is missing.
        m: season's length.
        phase: of the first row.
    """
    sold, n = _by_phase(y, m, phase)
    size = sold.sum(axis=0) / np.maximum(n.sum(axis=0), 1)
    busy = size > 0
    ratio = (sold[:, busy] / size[busy]).sum(axis=1) / np.maximum(n[:, busy].sum(axis=1), 1)
    found = np.where(n[:, busy].sum(axis=1) > 0, ratio, 1.0)
    return _level(found[:, None])[:, 0]


def profiles(y: F64, m: int, phase: int, pooled: F64) -> F64:
    """Profile of each series ``(m, S)``: a gamma-Poisson mean of its own and the panel's."""
    sold, n = _by_phase(y, m, phase)
    seen = n.sum(axis=0)
    size = sold.sum(axis=0) / np.maximum(seen, 1)
    within = np.nan_to_num(y**2).sum(axis=0) - (sold**2 / np.maximum(n, 1)).sum(axis=0)  # squares around each phase
    worth = _WORTH * np.maximum(within / np.maximum(seen - m, 1) / np.maximum(size, 1e-12), 1.0)
    own = (sold + worth * pooled[:, None]) / np.maximum(size * n + worth, 1e-12)
    return _level(np.where(size > 0, own, pooled[:, None]))


def _by_phase(y: F64, m: int, phase: int) -> tuple[F64, F64]:
    """Sums and numbers of observations by phase, ``(m, S)`` each."""
    steps, count = y.shape
    seen = ~np.isnan(y)
    cube = np.zeros((2, -(-steps // m) * m, count))
    cube[0, :steps], cube[1, :steps] = np.where(seen, y, 0.0), seen
    sold, n = cube.reshape(2, -1, m, count).sum(axis=1)
    return np.roll(sold, phase, axis=0), np.roll(n, phase, axis=0)


def _level(profile: F64) -> F64:
    bounded = np.clip(profile, *_LIMITS)
    return np.asarray(bounded / bounded.mean(axis=0))
