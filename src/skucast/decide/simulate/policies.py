"""Simple policies. Parameters: a number, one per item ``(I,)``, or one per item and period ``(I, T)``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...forecast import F64
from .state import State


@dataclass(frozen=True)
class OrderUpTo:
    """Base stock: raise the inventory position to ``level``.

    Attributes:
        level: units; with a review period this is (R, S).
        cap: greatest order of a period: the capped base-stock policy of Xin (2021), Operations Research 69(1).
    """

    level: npt.ArrayLike
    cap: npt.ArrayLike | None = None

    def order(self, state: State) -> F64:
        """Units missing to the level, at most the cap."""
        units = state.position
        np.subtract(state.read(self.level), units, out=units)
        np.maximum(units, 0.0, out=units)
        return units if self.cap is None else np.minimum(units, state.read(self.cap), out=units)


@dataclass(frozen=True)
class MinMax:
    """(s, S), or (R, s, S) with a review period: at ``s`` or below raise the inventory position to ``S``.

    Attributes:
        low: units, s.
        high: units, S.
    """

    low: npt.ArrayLike
    high: npt.ArrayLike

    def order(self, state: State) -> F64:
        """Units missing to S where the position is at s or below."""
        position = state.position
        missing = np.maximum(state.read(self.high) - position, 0.0)
        return np.where(position <= state.read(self.low), missing, 0.0)


@dataclass(frozen=True)
class ReorderPoint:
    """(s, Q): at ``point`` or below order the fewest lots of ``lot`` that bring the position above it.

    Attributes:
        point: units, s (also called r).
        lot: units, Q, above 0.
    """

    point: npt.ArrayLike
    lot: npt.ArrayLike

    def order(self, state: State) -> F64:
        """Whole lots."""
        lot = state.read(self.lot)
        lots = np.floor((state.read(self.point) - state.position) / lot + 1e-9) + 1.0
        return np.maximum(lots, 0.0) * lot


@dataclass(frozen=True)
class Constant:
    """The same order every time.

    Attributes:
        units: per order.
    """

    units: npt.ArrayLike

    def order(self, state: State) -> F64:
        """The units."""
        return state.read(self.units)


@dataclass(frozen=True)
class GivenOrders:
    """Orders decided elsewhere.

    Attributes:
        units: ``(I, T)``, or ``(I, P, T)`` with one plan per path.
    """

    units: npt.ArrayLike

    def order(self, state: State) -> F64:
        """The plan's units of this period."""
        return state.read(self.units)


@dataclass(frozen=True)
class TopUp:
    """Transfers that raise the position of each lane's target to a level; one lane leads to each target.

    Attributes:
        target: ``(K,)`` rows, as in the lanes.
        level: units, a number or ``(K,)``.
    """

    target: npt.ArrayLike
    level: npt.ArrayLike

    def transfer(self, state: State) -> F64:
        """Units missing at each target."""
        level = np.asarray(self.level, dtype=np.float64)
        missing = (level[:, None] if level.ndim else level) - state.position[np.asarray(self.target, dtype=np.int64)]
        return np.maximum(missing, 0.0)
