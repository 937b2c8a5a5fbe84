"""Lanes: transfers between locations, each a row of the panel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .shelf import AgedShelf, Shelf
from .supply import Naming


@dataclass(frozen=True)
class Lanes:
    """Ways along which units move from one location to another: ``K`` lanes between rows of the panel.

    Attributes:
        source: ``(K,)`` rows from which units are taken.
        target: ``(K,)`` rows to which they go.
        lead_time: periods on the way, a number or ``(K,)``; 0 is at once.
        cost: money per unit moved, a number or ``(K,)``.
        whole: move whole units only.
    """

    source: npt.ArrayLike
    target: npt.ArrayLike
    lead_time: npt.ArrayLike = 1
    cost: npt.ArrayLike = 0.0
    whole: bool = True

    def check(self, items: int, name: Naming) -> None:
        """Refuse what cannot be.

        Raises:
            ConfigError: a lane leads nowhere, to itself, or has an impossible number.
        """
        source, target = np.asarray(self.source), np.asarray(self.target)
        for ends in (source, target):
            if ends.ndim != 1 or ends.shape != source.shape or not ((ends >= 0) & (ends < items)).all():
                raise ConfigError(f"Lanes need one source and one target each, rows from 0 to {items - 1}.")
        if (source == target).any():
            raise ConfigError(f"A lane leads from {name(int(source[source == target][0]))} to itself: take it out.")
        for field in ("lead_time", "cost"):
            value = np.asarray(getattr(self, field), dtype=np.float64)
            if value.shape not in ((), source.shape) or not (value >= 0).all():
                raise ConfigError(f"{field} of the lanes must be numbers from 0 on: one, or one for each lane.")


class Transit:
    """Units on their way between locations: where there is not enough for all lanes of a source, all get the same share.

    Units keep their age: on arrival they lie with those that expire in the same period, and what expires on the way is
    waste of the target.
    """

    def __init__(self, lanes: Lanes, shelf: Shelf, periods: int) -> None:
        self.source, self.target = np.asarray(lanes.source, dtype=np.int64), np.asarray(lanes.target, dtype=np.int64)
        count, paths = len(self.source), shelf.on_hand.shape[1]
        self._lead = np.broadcast_to(np.asarray(lanes.lead_time, dtype=np.int64), (count,)).clip(max=periods)
        self._whole, self._shelf = lanes.whole, shelf
        layers = len(shelf.by_life(0)) + 1 if isinstance(shelf, AgedShelf) else 1
        self._ring = np.zeros((int(self._lead.max(initial=0)) + 1, count, layers, paths))

    def send(self, asked: npt.NDArray[np.floating], period: int) -> F64:
        """Take units ``(K, P)`` off the shelves of the sources; the units that left."""
        stock = self._shelf.on_hand
        moved = np.broadcast_to(asked, (len(self.source), stock.shape[1])).astype(np.float64)
        if not (moved >= 0).all():
            raise ConfigError(f"The policy moves units below 0, or not a number, in period {period}: correct it.")
        total = np.zeros_like(stock)
        np.add.at(total, self.source, moved)
        share = np.minimum(np.divide(stock, total, out=np.ones_like(stock), where=total > 0), 1.0)
        moved *= share[self.source]
        if self._whole:
            np.floor(moved + 1e-9, out=moved)
        for k, (row, lead) in enumerate(zip(self.source, self._lead, strict=True)):
            units = np.minimum(moved[k], stock[row])  # a last digit may be missing
            moved[k] = units
            if isinstance(self._shelf, AgedShelf):
                self._ring[(period + lead) % len(self._ring), k] += self._shelf.take_oldest(int(row), units, period)
            else:
                stock[row] -= units
                self._ring[(period + lead) % len(self._ring), k, 0] += units
        return moved

    def receive(self, period: int) -> F64:
        """Put what arrives now on the shelves of the targets; units ``(K, P)``."""
        arriving = self._ring[period % len(self._ring)]
        units = np.asarray(arriving.sum(axis=1))
        for k, row in enumerate(self.target):
            if isinstance(self._shelf, AgedShelf):
                self._shelf.add_aged(int(row), arriving[k])
            else:
                self._shelf.on_hand[row] += units[k]
        arriving.fill(0.0)
        return units

    def expire(self, period: int) -> F64 | None:
        """Throw away what expires on the way; units ``(K, P)``."""
        if not isinstance(self._shelf, AgedShelf):
            return None
        layer = self._ring[:, :, self._shelf.layer(period)]
        lost = np.asarray(layer.sum(axis=0))
        layer[...] = 0.0
        return lost

    def counted(self, items: int) -> F64:
        """Units on their way to each row ``(I, P)``, counted anew."""
        total = np.zeros((items, self._ring.shape[-1]))
        np.add.at(total, self.target, self._ring.sum(axis=(0, 2)))
        return total
