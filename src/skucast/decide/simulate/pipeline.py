"""Pipeline: orders on their way, in a ring of the periods in which they will be received."""

from __future__ import annotations

import numpy as np

from ...forecast import F64
from ...panel import I64
from .supply import Delays


class Pipeline:
    """Units on their way to each item on each path.

    Args:
        delays: how long the orders of each period take.
        opening: ``(K, I, P)`` units on their way at the beginning; layer ``k`` is received in period ``k``.
        crossing: whether a later order may arrive before an earlier one.
    """

    def __init__(self, delays: Delays, opening: F64, crossing: bool) -> None:
        depth = max(delays.longest + 1, len(opening))
        self._ring = np.zeros((depth, *opening.shape[1:]))
        self._ring[: len(opening)] = opening
        self._flat = self._ring.reshape(-1)
        self._cells = np.arange(opening[0].size if len(opening) else self._ring[0].size).reshape(self._ring.shape[1:])
        self._delays = delays
        self.certain = delays.certain
        self._at_once = delays.shortest == 0
        self._received: F64 | None = None  # a layer that was received and is not yet empty
        self._last = None if crossing or delays.constant is not None else _last_arrival(opening)

    def receive(self, period: int) -> F64:
        """Units received now; the array holds them until the next call."""
        self._empty()
        layer: F64 = self._ring[period % len(self._ring)]
        if self._at_once:  # more can come in the same period
            got = layer.copy()
            layer.fill(0.0)
            return got
        self._received = layer
        return layer

    def _empty(self) -> None:
        if self._received is not None:
            self._received.fill(0.0)
            self._received = None

    def add(self, units: F64, period: int) -> None:
        """Send units ordered in a period on their way."""
        if self._delays.constant is not None:
            self._ring[(period + self._delays.constant) % len(self._ring)] += units
            return
        arrival = np.broadcast_to(period + self._delays.at(period), units.shape)
        if self._last is not None:
            arrival = np.maximum(arrival, self._last)
            self._last = np.where(units > 0, arrival, self._last)
        self._flat[(arrival % len(self._ring)) * self._cells.size + self._cells] += units

    def due(self, period: int, ahead: int) -> F64:
        """Units that will be received so many periods from now."""
        if ahead < 1 or ahead >= len(self._ring):
            return np.zeros(self._ring.shape[1:])
        layer: F64 = self._ring[(period + ahead) % len(self._ring)]
        return layer.copy()

    def counted(self) -> F64:
        """Units on their way, counted anew."""
        self._empty()
        return np.asarray(self._ring.sum(axis=0))


def _last_arrival(opening: F64) -> I64:
    """The last period in which something of the opening pipeline is received, 0 if nothing is."""
    last = np.zeros(opening.shape[1:], dtype=np.int64)
    for k in range(len(opening)):
        last = np.where(opening[k] > 0, k, last)
    return last
