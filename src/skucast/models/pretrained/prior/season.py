"""Season: weekdays, hours, months and the course of the year, in logs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....panel import F32
from .axis import Axis, Rng, normal, some

_CLOSED = -12.0


def season(rng: Rng, axis: Axis) -> tuple[F32, npt.NDArray[np.bool_]]:
    """Seasonal effect ``(B, T)``, and steps on which the shop is closed every week."""
    rows = axis.rows
    log = _year(rng, axis)
    shut = np.zeros(log.shape, dtype=np.bool_)
    if axis.grid.kind in ("h", "D"):
        profile = normal(rng, rows, 7) * rng.exponential(0.16, (rows, 1)) * some(rng, rows, 0.85)
        bump = rng.uniform(-0.3, 0.9, (rows, 1)) * np.array([0, 0, 0, 0, 0.4, 1, 0.8]) * some(rng, rows, 0.4)
        closed = np.zeros((rows, 7), dtype=np.bool_)
        closed[:, 6:7] = some(rng, rows, 0.1)
        closed[:, 5:6] = closed[:, 6:7] & some(rng, rows, 0.35) | some(rng, rows, 0.03)
        drift = np.linspace(0, 1, axis.steps) * some(rng, rows, 0.15)  # some weeks change their shape
        late = normal(rng, rows, 7) * 0.25
        at = axis.weekday
        log += np.take_along_axis(profile + bump, at, 1) + drift * np.take_along_axis(late, at, 1)
        shut = np.take_along_axis(closed, at, 1)
        log += _CLOSED * shut
        log += _month(rng, axis)
    if axis.hour is not None:
        log += _hours(rng, axis)
    return log.astype(np.float32), shut


def _year(rng: Rng, axis: Axis) -> F32:
    """Four harmonics and a rough profile that comes back every year."""
    rows = axis.rows
    phase = axis.day_of_year
    amplitude = rng.exponential(0.2, (rows, 1)) * some(rng, rows, 0.7)
    turn = 2 * np.pi * phase
    out = np.zeros(phase.shape, np.float32)
    for k in range(1, 5):
        size = amplitude / k**1.3
        out += size * (normal(rng, rows, 1) * np.sin(k * turn) + normal(rng, rows, 1) * np.cos(k * turn))
    cells = {"h": 366, "D": 366, "W": 53, "M": 12}[axis.grid.kind]
    rough = normal(rng, rows, cells)
    width = int(rng.integers(0, {"h": 15, "D": 15, "W": 4, "M": 2}[axis.grid.kind]))
    if width:
        rough = sum((np.roll(rough, j, axis=1) for j in range(-width, width + 1)), np.zeros_like(rough))
        rough /= np.float32(np.sqrt(2 * width + 1))
    peaked = np.sign(rough) * rough**2
    rough = np.where(some(rng, rows, 0.3), peaked, rough)
    size = np.abs(rng.normal(0, 0.22, (rows, 1))) * some(rng, rows, 0.6)
    cell = np.minimum((phase * cells).astype(np.int64), cells - 1)
    out += size * np.take_along_axis(rough, cell, 1)
    return _gift(rng, axis, out)


def _gift(rng: Rng, axis: Axis, out: F32) -> F32:
    """Items of one part of the year: a peak before it, next to nothing otherwise."""
    rows = axis.rows
    centre = np.where(some(rng, rows, 0.5), rng.normal(0.9, 0.03, (rows, 1)), rng.random((rows, 1)))
    away = np.abs((axis.day_of_year - centre + 0.5) % 1 - 0.5) / rng.uniform(0.03, 0.15, (rows, 1))
    height = rng.uniform(0.3, 3.0, (rows, 1)) * some(rng, rows, 0.1)
    return np.asarray(out + height * np.exp(-0.5 * away**2), dtype=np.float32)


def _month(rng: Rng, axis: Axis) -> F32:
    """Pay-days: more in the days after the turn of the month, less before it."""
    date = axis.day.astype("datetime64[D]")
    day = (date - date.astype("datetime64[M]").astype("datetime64[D]")).astype(np.float32)
    size = rng.normal(0.03, 0.12, (axis.rows, 1)) * some(rng, axis.rows, 0.35)
    return np.asarray(size * (np.exp(-day / 5) - np.exp(-(30 - np.minimum(day, 30)) / 5)), dtype=np.float32)


def _hours(rng: Rng, axis: Axis) -> F32:
    if axis.hour is None:
        return np.zeros(axis.day.shape, np.float32)
    rows = axis.rows
    hour = np.arange(24)
    peak = rng.uniform(9, 21, (rows, 1))
    bell = np.exp(-0.5 * (np.abs((hour - peak + 12) % 24 - 12) / rng.uniform(2, 6, (rows, 1))) ** 2)
    profile = rng.uniform(0.5, 4, (rows, 1)) * (bell - 0.5) + 0.15 * normal(rng, rows, 24)
    open_at, hours = rng.integers(5, 11, (rows, 1)), rng.integers(8, 15, (rows, 1))
    night = ((hour - open_at) % 24 >= hours) & some(rng, rows, 0.4)
    return np.asarray(np.take_along_axis(np.where(night, _CLOSED, profile), axis.hour, 1), dtype=np.float32)
