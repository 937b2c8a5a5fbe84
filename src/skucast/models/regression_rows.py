"""Rows that a regression learns from: what series look like at past origins, and what came after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..prepare.windows import row_medians
from .regressors import RegressorMatrix

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_FEWEST_ORIGINS, _MOST_ORIGINS = 40, 120
_LONG_SEASON = 24  # seasons with more steps are not waited for before the first origin
_CAP = 6.0  # demand counts up to so many times the level, or the usual sale if that is more: wild orders bend the fit
_CELLS = 2_000_000  # numbers of a block of columns
_HELD_ROWS = 40_000  # rows that settings are compared on


@dataclass(frozen=True)
class Rows:
    """Rows of a regression.

    Attributes:
        x: ``(K, n)`` regressors.
        y: ``(n,)`` demand over level.
        weight: ``(n,)``.
        series: ``(n,)`` whose they are, rising.
        column: ``(n,)`` of the target.
    """

    x: F64
    y: F64
    weight: F64
    series: I64
    column: I64


@dataclass(frozen=True)
class Draw:
    """Which origins and series a fit looks at.

    Attributes:
        horizon: steps ahead at every origin.
        origins: columns of the last known step, the latest first.
        stride: every so many series take part at an origin, the others at the next ones.
        level: ``(S,)`` level of each series at the end.
        weights: ``(S,)`` of each series' rows; less is given where its level was still below the one at the end.
        usual: ``(S,)`` median of the sales of each series, steps without any left out.
    """

    horizon: int
    origins: tuple[int, ...]
    stride: int
    level: F64
    weights: F64
    usual: F64

    @staticmethod
    def of(matrix: RegressorMatrix, horizon: int, rows: int) -> Draw:
        """As many origins, evenly apart, as rows allow; series take turns where there are too many."""
        count, last, season = len(matrix.values), matrix.n_steps - 1, matrix.regressors.season
        first = min(2 * season if season <= _LONG_SEASON else season // 2, last // 3)
        most = int(np.clip(rows // (count * horizon), _FEWEST_ORIGINS, _MOST_ORIGINS))
        gap = max(1, -(-(last - first) // most))
        gap -= int(gap > 1 and gap % season == 0)  # so that origins fall on all phases
        origins = tuple(range(last - 1, first - 1, -gap))
        level, usual = matrix.level(last), row_medians(np.where(matrix.values > 0, matrix.values, np.nan))
        stride = max(1, -(-count * horizon * len(origins) // rows))
        return Draw(horizon, origins, stride, level, _weights(level), np.nan_to_num(usual))

    def at(self, matrix: RegressorMatrix, origin: int, series: I64 | None = None) -> Iterator[Rows]:
        """Rows at one origin, in blocks; of the given series, else of those whose turn it is."""
        level = matrix.level(origin)
        chosen = np.arange(origin % self.stride, len(level), self.stride) if series is None else series
        chosen = chosen[np.nan_to_num(level[chosen]) > 0]
        width = max(1, _CELLS // (len(matrix.regressors.names) * self.horizon))
        for start in range(0, chosen.size, width):
            part = chosen[start : start + width]
            came = matrix.targets(origin, part, self.horizon)
            seen = ~np.isnan(came)
            if not seen.any():
                continue
            owner, step = np.nonzero(seen)
            most = np.maximum(_CAP, _CAP * self.usual[part] / level[part])
            ratio = np.minimum(came / level[part, None], most[:, None])
            weight = self.weights[part] * np.minimum(level[part] / self.level[part], 1.0)
            x = matrix.block(origin, part, self.horizon, level, self.horizon)
            yield Rows(x[:, seen], ratio[seen], weight[owner], part[owner], origin + 1 + step)

    def glance(self, matrix: RegressorMatrix) -> F64:
        """Regressors ``(K, n)`` at a few origins, which show their usual size."""
        few = self.origins[:: max(1, len(self.origins) // 8)]
        found = [rows.x for origin in few for rows in replace(self, stride=2 * self.stride).at(matrix, origin)]
        return np.concatenate(found, axis=1) if found else np.empty((len(matrix.regressors.names), 0))

    def held(self, matrix: RegressorMatrix, steps: int, series: I64 | None = None) -> Iterator[Rows]:
        """Rows whose targets are the last ``steps`` steps, window by window; of some series evenly apart by default."""
        count, last = len(matrix.values), matrix.n_steps - 1
        some = np.arange(0, count, max(1, count * steps // _HELD_ROWS)) if series is None else series
        horizon = min(self.horizon, steps)
        for window in range(1, steps // horizon + 1):
            yield from replace(self, horizon=horizon).at(matrix, last - window * horizon, some)


def _weights(level: F64) -> F64:
    """Root of the level: money lies in the busy items, regularity in the slow ones; extremes are cut off."""
    known = level[np.nan_to_num(level) > 0]
    if not known.size:
        return np.ones(len(level))
    low, high = np.quantile(known, [0.01, 0.99])
    root = np.sqrt(np.clip(np.nan_to_num(level), low, high))
    return np.asarray(root / root.mean())
