"""Shelf: units on hand, plain or by the period in which they expire."""

from __future__ import annotations

import numpy as np

from ...forecast import F64
from ...panel import I64


class Shelf:
    """Units on hand ``(I, P)`` that never expire."""

    def __init__(self, on_hand: F64) -> None:
        self.on_hand = on_hand

    def add(self, units: F64, period: int) -> None:
        """Put units received in a period on the shelf."""
        self.on_hand += units

    def serve(self, demand: F64, period: int, out: F64) -> None:
        """Take as much of the demand off the shelf as there is; ``out`` becomes the units taken."""
        np.minimum(self.on_hand, demand, out=out)
        self.on_hand -= out

    def expire(self, period: int) -> F64 | None:
        """Throw away what can be sold no longer after this period; the units thrown away, or nothing."""
        return None

    def counted(self) -> F64:
        """Units on hand, counted anew."""
        return self.on_hand


class AgedShelf(Shelf):
    """Units on hand by the last period in which they can be sold.

    A unit received in period ``t`` with a life of ``m`` can be sold in ``t, ..., t + m - 1`` and is thrown away at the
    count of the last of them. The units of each expiry period lie in a ring of ``M`` layers, ``M`` the longest life;
    one more layer holds items that never expire.

    Args:
        layers: ``(M, I, P)`` opening stock; layer ``k`` is thrown away at the count of period ``k``.
        forever: ``(I, P)`` opening stock that never expires.
        life: ``(I,)`` periods; 0 never expires.
        newest: ``(I,)`` share of the demand that takes the newest units (1 is LIFO, 0 FIFO). These customers come
            first; their number is rounded to whole units.
    """

    def __init__(self, layers: F64, forever: F64, life: I64, newest: F64) -> None:
        super().__init__(layers.sum(axis=0) + forever)
        self._layers = np.concatenate([layers, forever[None]])  # (M + 1, I, P)
        self._depth = len(layers)
        self._life = life
        self._newest = newest[:, None]
        self._any_newest, self._any_oldest = bool((newest > 0).any()), bool((newest < 1).any())
        self._items = np.arange(len(life))

    def layer(self, period: int) -> int:
        """Where units lie that are thrown away at the count of a period."""
        return period % self._depth

    def layers_received(self, period: int) -> I64:
        """Where units received in a period go, per item."""
        return np.where(self._life > 0, (period + self._life - 1) % self._depth, self._depth)

    def add(self, units: F64, period: int) -> None:
        """Put fresh units received in a period on the shelf."""
        self.on_hand += units
        self._layers[self.layers_received(period), self._items] += units

    def add_aged(self, item: int, units: F64) -> None:
        """Put units ``(M + 1, P)`` on the shelf of an item, each in its layer."""
        self._layers[:, item] += units
        self.on_hand[item] += units.sum(axis=0)

    def take_oldest(self, item: int, units: F64, period: int) -> F64:
        """Take units ``(P,)`` off the shelf of an item, oldest first; ``(M + 1, P)`` from which layers."""
        taken = np.zeros((self._depth + 1, units.size))
        left = units.copy()
        for layer in self._oldest_first(period):
            np.minimum(self._layers[layer, item], left, out=taken[layer])
            left -= taken[layer]
        self._layers[:, item] -= taken
        self.on_hand[item] -= taken.sum(axis=0)
        return taken

    def serve(self, demand: F64, period: int, out: F64) -> None:
        """Take as much of the demand off the shelf as there is; ``out`` becomes the units taken."""
        left = demand.copy()
        order = self._oldest_first(period)
        if self._any_newest:
            first = np.minimum(np.floor(demand * self._newest + 0.5), demand) if self._any_oldest else left
            if self._any_oldest:
                left -= first
            self._take(first, order[::-1])
            if self._any_oldest:
                left += first  # whoever found nothing new finds nothing old either, so this only keeps count
        if self._any_oldest:
            self._take(left, order)
        np.subtract(demand, left, out=out)
        self.on_hand -= out

    def _take(self, left: F64, order: list[int]) -> None:
        """Serve ``left`` from the layers in order; what was not served stays in it."""
        for layer in order:
            units = self._layers[layer]
            taken = np.minimum(units, left)
            units -= taken
            left -= taken

    def _oldest_first(self, period: int) -> list[int]:
        return [(period + k) % self._depth for k in range(self._depth)] + [self._depth]

    def expire(self, period: int) -> F64 | None:
        """Throw away what can be sold no longer after this period; the units thrown away."""
        layer = self._layers[self.layer(period)]
        wasted: F64 = layer.copy()
        layer.fill(0.0)
        self.on_hand -= wasted
        return wasted

    def counted(self) -> F64:
        """Units on hand, counted anew over all layers."""
        return np.asarray(self._layers.sum(axis=0))

    def by_life(self, period: int) -> F64:
        """Units ``(M, I, P)`` by remaining life, those that never expire in the last row."""
        layers = self._layers[[(period + k) % self._depth for k in range(self._depth)]]
        layers[-1] += self._layers[self._depth]
        return layers
