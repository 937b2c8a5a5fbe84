"""Series of no shop in particular: autoregressions with seasons, and trend with season and irregular shocks."""

from __future__ import annotations

import numpy as np

from ....panel import F32
from .axis import Axis, Rng, normal, some

_BOUND = 6.0


def generic(rng: Rng, axis: Axis) -> F32:
    """Paths ``(B, T)`` of about unit variance.

    Half are seasonal autoregressions, ``(1 - a B)(1 - b B^2)(1 - c B^s) x = (1 + d B) e``, the others a broken trend
    plus a season plus heavy-tailed shocks.
    """
    rows, steps = axis.rows, axis.steps
    lag = int(rng.choice({"h": [24, 168], "D": [7, 7, 30], "W": [52, 4, 13], "M": [12, 12, 3]}[axis.grid.kind]))
    first = rng.uniform(-0.3, 1.0, rows).astype(np.float32)
    second = rng.uniform(-0.5, 0.5, rows).astype(np.float32) * (rng.random(rows) < 0.5)
    season = rng.uniform(0.2, 1.0, rows).astype(np.float32) * (rng.random(rows) < 0.7)
    moving = rng.uniform(-0.7, 0.7, rows).astype(np.float32)
    warm = 2 * lag + 20
    shock = normal(rng, warm + steps, rows)
    x = np.zeros((warm + steps, rows), np.float32)
    for t in range(lag + 3, warm + steps):
        one = x[t - 1] - season * x[t - 1 - lag]
        two = x[t - 2] - season * x[t - 2 - lag]
        new = season * x[t - lag] + first * one + second * (two - first * one) + shock[t] + moving * shock[t - 1]
        x[t] = np.clip(new, -200, 200)
    path = np.ascontiguousarray(x[warm:].T)
    path = (path - path.mean(axis=1, keepdims=True)) / np.maximum(path.std(axis=1, keepdims=True), 1e-3)
    broken = np.cumsum(
        np.cumsum((rng.random((rows, steps)) < 3.0 / steps) * rng.normal(0, 2.0 / steps, (rows, steps)), 1), 1
    )
    template = normal(rng, rows, lag) * some(rng, rows, 0.8)
    irregular = np.clip(rng.standard_t(4, (rows, steps)), -8, 8) * rng.uniform(0.1, 0.7, (rows, 1))
    parts = broken + np.take(template, np.arange(steps) % lag, axis=1) * rng.uniform(0.3, 1.0, (rows, 1)) + irregular
    return np.clip(np.where(some(rng, rows, 0.5), path, parts), -_BOUND, _BOUND).astype(np.float32)
