"""Rows that the boosting model learns from: pairs (series, step ahead) drawn at past origins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..panel import F32
from .boosting_matrix import Matrix

_CAP = 1000.0  # demand over level; more is a slip of the keyboard and would move the forecasts of all items
_GROWTH = 1.25  # each gap between origins is this times the one after it, until they are evenly apart
EVEN = 0.6  # share of the origins that lie evenly apart, roughly


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of features with what came.

    Attributes:
        x: ``(R, F)`` features.
        y: ``(R,)`` demand in units.
        level: ``(R,)`` of the series at the origin, by which demand is divided.
    """

    x: F32
    y: F32
    level: F32

    def __len__(self) -> int:
        return len(self.y)

    @property
    def target(self) -> F32:
        """``(R,)`` demand over level, at most a thousand."""
        return np.asarray(np.minimum(self.y / self.level, _CAP), dtype=np.float32)

    @property
    def weight(self) -> F32:
        """``(R,)`` weight of each row in training: the root of the level.

        Money lies in the busy items, regularity in the slow ones; the extremes are cut off so that one
        item of a billion units does not drown all others.
        """
        if not len(self):
            return self.level
        low, high = np.quantile(self.level, [0.01, 0.99])
        root = np.sqrt(np.clip(self.level, low, high))
        return np.asarray(root / root.mean(), dtype=np.float32)


def past_origins(first: int, last: int, count: int) -> list[int]:
    """At most ``count`` origins from ``last`` back to ``first``: dense near the end, evenly apart far back.

    The even distance is such that all of the history is reached, so that a short horizon does not lose sight of the
    year before.
    """
    found: list[int] = []
    at, gap, far = float(last), 1.0, max(1.0, (last - first) / (EVEN * count))
    while at >= first and len(found) < count:
        found.append(int(at))
        at -= gap
        gap = min(gap * _GROWTH, far)
    return found


def draw(
    matrix: Matrix, origins: Sequence[int], horizon: int, until: int, rows: int, rng: np.random.Generator
) -> Sample:
    """Rows at the given origins whose targets lie at or before the step ``until``.

    Each origin gives the same number of rows at most, drawn without replacement from its pairs of series
    and step ahead; a series takes part once something was sold. Missing targets are left out.

    Args:
        matrix: features of the panel.
        origins: columns of the last known step.
        horizon: steps ahead.
        until: last column that may be looked at.
        rows: at most so many rows in total.
        rng: of the draw.
    """
    share = max(1, rows // max(len(origins), 1))
    columns = len(matrix.columns.names)
    x, y, level = [np.empty((0, columns), np.float32)], [np.empty(0, np.float32)], [np.empty(0, np.float32)]
    for origin in origins:
        size = matrix.level(origin)
        alive = np.flatnonzero(np.nan_to_num(size) > 0)
        reach = min(horizon, until - origin)
        pairs = alive.size * max(reach, 0)
        if not pairs:
            continue
        picked = np.sort(rng.choice(pairs, share, replace=False)) if pairs > share else np.arange(pairs)
        series, steps = alive[picked // reach], picked % reach + 1
        came = matrix.targets(origin, series, steps)
        seen = ~np.isnan(came)
        series, steps, came = series[seen], steps[seen], came[seen]
        if not series.size:
            continue
        block = np.empty((series.size, columns), dtype=np.float32)
        drawn = np.unique(series)  # features are made for these only: a large panel has few rows at each origin
        part = matrix if drawn.size == size.size else matrix.take(drawn)
        part.rows(origin, np.searchsorted(drawn, series), steps, horizon, size[drawn], block)
        x.append(block)
        y.append(came)
        level.append(size[series])
    return Sample(np.concatenate(x), np.concatenate(y), np.concatenate(level))
