"""Yardstick: a plain forecast and the size of a series' noise, in which the network's answers are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...panel import F32

_NOISE = 0.4
_TRUST = 3.0
"""Observations that weigh as much as the belief that noise is `_NOISE`."""
_FAR = 10.0


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What the network corrects.

    Attributes:
        base: ``(B, H)`` recent level, plus the short season, plus what the covariates did so far.
        spread: ``(B,)`` standard deviation of what they do not explain.
    """

    base: F32
    spread: F32

    @staticmethod
    def of(a: F32, ok: F32, flat: F32, added: F32, width: int) -> Yardstick:
        """From the history.

        Args:
            a: ``(B, L)`` demand in the network's space.
            ok: ``(B, L)`` 1 where observed.
            flat: ``(B, L)`` what is left of it without level, season and covariates.
            added: ``(B, H)`` season and effects ahead.
            width: last steps that make the level.
        """
        n = ok.sum(axis=1)
        whole = a.sum(axis=1) / np.maximum(n, 1)
        late = ok[:, -width:].sum(axis=1)
        level = (a[:, -width:].sum(axis=1) + whole) / (late + 1)
        # the local level has eaten a part of the noise of short histories
        left = np.maximum(n - np.ceil(n / width), 0)
        spread = np.sqrt(((flat**2).sum(axis=1) + _TRUST * _NOISE**2) / (left + _TRUST))
        return Yardstick((level[:, None] + added).astype(np.float32), spread.astype(np.float32))

    def measure(self, space: F32) -> F32:
        """Values ``(B, H, ...)`` of the network's space as multiples of the spread from the base."""
        more = (1,) * (space.ndim - 2)
        away = (space - self.base.reshape(*self.base.shape, *more)) / self.spread.reshape(-1, 1, *more)
        return np.asarray(np.clip(away, -_FAR, _FAR), dtype=np.float32)

    def undo(self, answer: F32) -> F32:
        """Back to the network's space: ``(B, H, Q)``."""
        return np.asarray(self.base[:, :, None] + self.spread[:, None, None] * answer, dtype=np.float32)
