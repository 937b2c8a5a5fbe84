"""Known covariates as columns of a regression: relative to each series' own mean, on a scale that series share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Covariates:
    """How ``K`` covariates are turned into columns.

    A covariate that is positive throughout (a price) counts by its logarithm. Ahead, a value beyond all that any
    series has seen relative to its mean is taken as the furthest seen.

    Attributes:
        centre: ``(S, K)`` each series' mean; NaN where it was never known.
        logs: ``(K,)`` the logarithm is taken.
        lowest, highest, spread: ``(K,)`` limits and root mean square over all series of what is left.
    """

    centre: F64
    logs: npt.NDArray[np.bool_]
    lowest: F64
    highest: F64
    spread: F64

    @classmethod
    def of(cls, columns: Sequence[F64], count: int, like: Covariates | None = None) -> Covariates:
        """Learn from history.

        Args:
            columns: ``(T, S)`` each, NaN where unknown.
            count: number of series.
            like: scales already learned; only the series' means are new.
        """
        size = len(columns)
        logs = np.zeros(size, dtype=np.bool_) if like is None else like.logs
        lowest, highest, spread = np.zeros(size), np.zeros(size), np.ones(size)
        centre = np.full((count, size), np.nan)
        for k, column in enumerate(columns):
            known = ~np.isnan(column)
            if like is None and known.any():
                logs[k] = bool((column[known] > 0).all())
            values = _logged(column) if logs[k] else column
            n = known.sum(axis=0)
            centre[:, k] = np.where(n > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)
            moved = (values - centre[:, k])[known]
            if moved.size:
                lowest[k], highest[k] = moved.min(), moved.max()
                size_of = float(np.sqrt((moved**2).mean()))
                spread[k] = size_of if size_of > 1e-9 * max(abs(highest[k]), 1e-9) else 1.0
        if like is not None:
            return cls(centre, like.logs, like.lowest, like.highest, like.spread)
        return cls(centre, logs, lowest, highest, spread)

    def column(self, k: int, values: F64, rows: npt.NDArray[np.int64] | slice = slice(None)) -> F64:
        """Column ``(T, S)`` of covariate ``k`` from its values ``(T, S)``; zero, its mean, where unknown."""
        moved = (_logged(values) if self.logs[k] else values) - self.centre[rows, k]
        return np.asarray(np.nan_to_num(np.clip(moved, self.lowest[k], self.highest[k]) / self.spread[k]))


def _logged(values: F64) -> F64:
    return np.asarray(np.log(np.maximum(values, 1e-12)))
