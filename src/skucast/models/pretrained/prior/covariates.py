"""Covariates without a name: weather, traffic, rivals, flags; some matter, some do not, some end with the history."""

from __future__ import annotations

import numpy as np

from ....panel import F32
from ..window import SLOTS
from .axis import Axis, Rng, autoregression, episodes, normal, some, spread


def covariates(rng: Rng, axis: Axis, surprise: F32, rivals: F32) -> tuple[F32, F32]:
    """Effect in logs ``(B, T)`` and the slots as shown ``(B, T, SLOTS)``, NaN where nothing is known.

    A slot holds at random: a wave of the year with noise (weather), slow noise, sudden flags, the promotions of
    substitutes, or a consequence of demand itself (clicks), which is known in the past only or merely predicted.
    """
    rows, steps, context = axis.rows, axis.steps, axis.context
    log = np.zeros((rows, steps), np.float32)
    slots = np.full((rows, steps, SLOTS), np.nan, np.float32)
    for k in range(SLOTS):
        used = some(rng, rows, (0.4, 0.25, 0.15)[k])
        kind = rng.integers(0, 5, (rows, 1))
        smooth = autoregression(rng, rng.uniform(0.0, 0.98, (rows, 1)).astype(np.float32), steps)
        weather = 1.4 * np.sin(2 * np.pi * (axis.day_of_year - rng.random((rows, 1)))) + 0.6 * smooth
        flags, _ = episodes(rng, rng.uniform(0.5, 20, (rows, 1)) / axis.year, steps, 1, 3)
        clicks = 3.0 * surprise + normal(rng, rows, steps)
        value = np.select(
            [kind == 0, kind == 1, kind == 2, kind == 3], [weather, smooth, flags.astype(np.float32), rivals], clicks
        ).astype(np.float32)
        value[:, context:] = np.where(kind == 4, value[:, context - 1 : context], value[:, context:])
        strength = rng.normal(0, 0.2, (rows, 1)) * some(rng, rows, 0.5) * (kind != 4) * (1 + (kind >= 2))
        log += (strength * value * used).astype(np.float32)
        shown = value + 0.3 * normal(rng, rows, steps) * some(rng, rows, 0.25)
        ahead = some(rng, rows, 0.75) & (kind != 4) | some(rng, rows, 0.2)
        shown[:, context:] = np.where(ahead, shown[:, context:], np.nan)
        shown = shown * spread(rng, rows, 1.0, 2.0) + 3 * normal(rng, rows, 1)
        slots[:, :, k] = np.where(used, shown, np.nan)
    return log, slots
