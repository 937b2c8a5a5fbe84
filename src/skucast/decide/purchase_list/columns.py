"""Columns: the straight pieces of all gain curves, as lots that may be bought; what the list ranks and the programme picks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...forecast import F64
from .gain_curves import I64, GainCurves
from .lines import Bool, Lines


@dataclass(frozen=True, eq=False)
class Columns:
    """Pieces ``(m,)``, those of an item together and in the order in which they are bought.

    Attributes:
        item: index of the item.
        first: whether it is the item's first piece.
        lot: packs that are bought at a time; more than one only where a first piece is a minimum order.
        most: lots.
        gain: expected gain per lot.
        money: per lot.
    """

    item: I64
    first: Bool
    lot: I64
    most: I64
    gain: F64
    money: F64

    @classmethod
    def of(cls, lines: Lines, curves: GainCurves) -> Columns:
        """All pieces that gain, and those that lose where they may help to reach a supplier's minimum."""
        item = np.repeat(np.arange(len(curves)), np.diff(curves.indptr))
        first = np.diff(item, prepend=-1) > 0
        width = np.where(first, curves.packs, np.diff(curves.packs, prepend=0))
        rise = np.where(first, curves.gain, np.diff(curves.gain, prepend=0.0))
        whole = first & (lines.least[item] > 1)  # a minimum order is bought as one lot
        lot = np.where(whole, width, 1)
        fine = (width > 0) & ((rise > 0) | (lines.filling[item] > 0))
        lost = np.zeros(len(curves), dtype=np.bool_)
        lost[item[first & ~fine]] = True  # what does not gain at first gains nothing later
        fine &= ~lost[item]
        gain = np.divide(rise * lot, width, out=np.zeros(rise.size), where=width > 0)
        # rounding must not put a later piece before an equal one
        gain = np.where(first, gain, np.minimum(gain, np.append(np.inf, (gain / lot)[:-1])))
        money = lot * lines.pack_cost[item]
        return cls(item[fine], first[fine], lot[fine], (width // lot)[fine], gain[fine], money[fine])

    def __len__(self) -> int:
        """Pieces."""
        return int(self.item.size)

    def packs(self, lots: F64, items: int) -> I64:
        """``(items,)`` packs of so many lots."""
        return np.bincount(self.item, np.rint(lots) * self.lot, minlength=items).astype(np.int64)

    def ranked(self) -> I64:
        """Pieces that gain, the best gain per unit of money first, those of an item in turn."""
        each = np.divide(self.gain, self.money, out=np.full(len(self), np.inf), where=self.money > 0)
        order = np.lexsort((np.arange(len(self)), self.item, -each))
        return order[self.gain[order] > 0]
