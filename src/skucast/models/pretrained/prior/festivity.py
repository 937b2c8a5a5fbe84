"""Festivity: what the real holidays and sale days of a country do to synthetic demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....panel import F32
from ..occasions import FAR, WIDTH
from .axis import Axis, Rng, some

_SALES = frozenset({"sale_618", "double_11", "double_12", "black_friday", "cyber_monday"})
_GREAT = frozenset({"christmas", "easter", "spring_festival", "eid_al_fitr", "thanksgiving", "new_year", "ramadan"})


@dataclass(frozen=True, eq=False)
class Festivity:
    """Occasions and their effect.

    Attributes:
        log: ``(B, T)`` effect in logs.
        shut: ``(B, T)`` closed for the holiday.
        channels: ``(B, T, 7)`` what the model is told.
        ago: ``(B, T)`` steps back to the same day of the same occasion; 0 if unknown or not told.
    """

    log: F32
    shut: npt.NDArray[np.bool_]
    channels: F32
    ago: npt.NDArray[np.int16]


def festivity(rng: Rng, axis: Axis, told: float = 0.7) -> Festivity:
    """Effects of occasions: on the day, before it (anticipation), after it (hangover).

    Args:
        rng: source.
        axis: dates and countries.
        told: share of series whose model is told about them; 30 % of all are moved by what nobody tells.
    """
    shape = axis.day.shape
    log, shut = np.zeros(shape, np.float32), np.zeros(shape, dtype=np.bool_)
    channels, ago = np.zeros((*shape, 3 + WIDTH), np.float32), np.zeros(shape, np.int16)
    moved, hidden = some(rng, axis.rows, 0.7), ~some(rng, axis.rows, told)
    damping = {"h": 1.0, "D": 1.0, "W": 0.6, "M": 0.35}[axis.grid.kind]
    for rows, near in axis.occasions():
        count, many = rows.stop - rows.start, len(near.keys)
        lean = np.array([0.35 if k in _SALES else 0.15 if k in _GREAT else 0.0 for k in near.keys])
        wide = np.array([0.5 if k in _SALES else 0.7 if k in _GREAT else 0.35 for k in near.keys])
        active = rng.random((count, many)) < np.where(wide > 0.4, 0.7, 0.4)
        active[:, 0] = False

        def size(mean: npt.NDArray[np.float64], sd: npt.NDArray[np.float64], on: npt.NDArray[np.bool_]) -> F32:
            drawn: F32 = ((mean + sd * rng.standard_normal(on.shape)) * on).astype(np.float32)
            return drawn

        main = size(lean - 0.1, wide, active)
        before = size(lean, 0.6 * wide, active & (rng.random(active.shape) < 0.7))
        after = size(-0.08 + 0 * lean, 0.4 * wide, active & (rng.random(active.shape) < 0.4))
        which = near.which.astype(np.int64)
        d = near.distance.astype(np.float32)
        lead = rng.uniform(1, 8, (count, 1)).astype(np.float32)
        effect = np.where(d == 0, np.take_along_axis(main, which, 1), 0.0)
        effect += np.where(d < 0, np.take_along_axis(before, which, 1) * np.exp(np.minimum(d, 0) / lead), 0.0)
        effect += np.where(
            (d > 0) & (d < FAR), np.take_along_axis(after, which, 1) * np.exp(-np.maximum(d, 0) / 3), 0.0
        )
        log[rows] = damping * effect * moved[rows]
        if axis.grid.kind in ("h", "D"):
            closes = (rng.random((count, many)) < 0.75) & (rng.random((count, 1)) < 0.12) & (lean == 0.0)
            closes[:, 0] = False
            shut[rows] = (d == 0) & np.take_along_axis(closes, which, 1)
        channels[rows] = near.channels(hidden[rows])
        ago[rows] = np.where(hidden[rows], 0, np.round(near.ago / axis.grid.days))
    return Festivity(log, shut, channels, ago)
