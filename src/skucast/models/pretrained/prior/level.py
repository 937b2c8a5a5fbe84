"""Level: how much a synthetic item sells apart from seasons and events, in logs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....panel import F32, I64
from .axis import Axis, Rng, episodes, normal, some, spread

NEVER = 10**6
_WANDER = {"h": 0.004, "D": 0.008, "W": 0.02, "M": 0.04}
_ASLEEP = {"h": (24, 1000), "D": (14, 240), "W": (4, 52), "M": (2, 18)}  # steps, shortest and longest
_USUAL = {"h": (0.0, 1.6), "D": (0.5, 1.6), "W": (2.0, 1.8), "M": (2.4, 2.0)}  # of the logarithm: mean and spread


@dataclass(frozen=True, eq=False)
class Level:
    """Level paths.

    Attributes:
        log: ``(B, T)`` logarithm of the level.
        base: ``(B, 1)`` its size around the origin.
        launch: ``(B, 1)`` step of the first sale, -`NEVER` if it lies before the window.
    """

    log: F32
    base: F32
    launch: I64


def level(rng: Rng, axis: Axis) -> Level:
    """Size, trend, random walk, steps, spells with hardly any demand, launches with a ramp, and ends of life."""
    rows, steps, context = axis.rows, axis.steps, axis.context
    t = np.arange(steps)
    wide = rng.uniform(3, 10, (rows, 1))
    usual = np.clip(rng.normal(*_USUAL[axis.grid.kind], (rows, 1)), -3.5, 8)
    base = np.where(some(rng, rows, 0.22), wide, usual).astype(np.float32)
    slope = rng.standard_t(3, (rows, 1)) * 0.22 / axis.year * some(rng, rows, 0.6)
    log: npt.NDArray[np.floating] = base + np.clip(slope * np.clip(t - context, -2 * axis.year, None), -3, 3)
    walk = spread(rng, rows, _WANDER[axis.grid.kind], 1.0) * some(rng, rows, 0.8)
    rare = max(1.6 / axis.year, 1.5 / context)
    jump = rng.random((rows, steps), dtype=np.float32) < rng.uniform(0, rare, (rows, 1)) * some(rng, rows, 0.5)
    height = np.where(some(rng, rows, 0.25), rng.uniform(1.0, 2.5, (rows, 1)), rng.uniform(0.1, 1.0, (rows, 1)))
    moves = normal(rng, rows, steps) * walk + jump * normal(rng, rows, steps) * height
    path = np.cumsum(moves, axis=1)
    log = log + path - path[:, context - 1 : context]
    # delisted, out of fashion, and back again; or discovered only now
    often = rng.uniform(0, 3, (rows, 1)) / context * some(rng, rows, 0.2)
    asleep, _ = episodes(rng, often, steps, *_ASLEEP[axis.grid.kind])
    log = log - asleep * rng.uniform(1, 8, (rows, 1))
    launch = np.where(some(rng, rows, 0.22), rng.integers(0, context, (rows, 1)), -NEVER)
    ramp = rng.uniform(2, 60 if axis.grid.kind in ("h", "D") else 12, (rows, 1))
    # most begin near what they come to, some from hardly anything, some with a hype
    kinds = rng.random((rows, 1))
    begun = np.select(
        [kinds < 0.5, kinds < 0.75], [rng.uniform(0.1, 1.9, (rows, 1)), rng.uniform(0.02, 0.3, (rows, 1))],
        np.exp(rng.uniform(0.5, 2.5, (rows, 1))),
    )  # fmt: skip
    grown = 1 + (begun - 1) * np.exp(-np.clip((t - launch) / ramp, 0, 30))
    end = np.where(some(rng, rows, 0.09), rng.integers(context // 2, steps, (rows, 1)), NEVER)
    fade = np.clip(t - end, 0, 300) / rng.uniform(2, 90, (rows, 1))
    return Level((log + np.log(grown) - fade).astype(np.float32), base, launch)
