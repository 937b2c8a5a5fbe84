"""Draws: the empirical distribution of simulated or observed demand, of one item or many at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from ..order_up_to import quantile_of_sorted


@dataclass(frozen=True, eq=False)
class Draws:
    """Equally likely draws, rising along the last axis: ``(n,)`` of one item or ``(S, n)`` of many.

    Methods take a number, or ``(S,)`` numbers, and answer in that shape. Nothing is interpolated: a quantile is a
    draw.
    """

    ordered: F64

    @classmethod
    def of(cls, draws: npt.ArrayLike) -> Draws:
        """From draws in any order.

        Raises:
            ConfigError: there are none, or one is not a finite number.
        """
        x = np.asarray(draws, dtype=np.float64)
        if x.ndim not in (1, 2) or x.shape[-1] == 0:
            raise ConfigError(f"Draws of demand must come as (n,) or (items, n) with n of at least 1, not {x.shape}.")
        if not np.isfinite(x).all():
            raise ConfigError("Draws of demand must be finite numbers; leave missing ones out.")
        return cls(np.sort(x, axis=-1))

    @property
    def mean(self) -> F64:
        """Mean, per item."""
        return np.asarray(self.ordered.mean(axis=-1))[()]

    @property
    def var(self) -> F64:
        """Variance, per item."""
        return np.asarray(self.ordered.var(axis=-1))[()]

    def cdf(self, y: npt.ArrayLike) -> F64:
        """Share of draws at or below ``y``."""
        return np.asarray((self.ordered <= self._level(y)).mean(axis=-1))[()]

    def quantile(self, p: npt.ArrayLike) -> F64:
        """The least draw that a share of at least ``p`` does not exceed; never below it for rounding's sake."""
        level = np.maximum(np.asarray(p, dtype=np.float64), np.finfo(np.float64).tiny)
        if self.ordered.ndim == 2:
            return quantile_of_sorted(self.ordered, level)
        rows = np.broadcast_to(self.ordered, (max(level.size, 1), self.ordered.size))
        return quantile_of_sorted(rows, level.ravel()).reshape(level.shape)[()]

    def loss(self, y: npt.ArrayLike) -> F64:
        """``E(D - y)+``."""
        return np.asarray(np.maximum(self.ordered - self._level(y), 0.0).mean(axis=-1))[()]

    def second_loss(self, y: npt.ArrayLike) -> F64:
        """``E((D - y)+)^2 / 2``."""
        return np.asarray(np.square(np.maximum(self.ordered - self._level(y), 0.0)).mean(axis=-1) / 2)[()]

    def _level(self, y: npt.ArrayLike) -> F64:
        return np.asarray(y, dtype=np.float64)[..., None]
