"""Gain curves: the expected gain of every number of packs of every item, as few straight pieces.

An order of ``q`` units that is asked for ``N(t)`` units by time ``t`` gains, compared with no order,

    (price + shortage - salvage) E min(q, N(end)) - (cost - salvage) q - carrying * sum over t of E (q - min(q, N(t))) dt

with the sum going on over what later orders would find a use for, if these are looked at,

which is concave in ``q``: each further pack gains at most what the one before gained. Between packs that gain the same
the curve is straight, and where it bends at too many places it is cut to chords that stay within a stated tolerance
below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...forecast import F64
from .lines import Lines
from .order_sales import OrderSales

I64 = npt.NDArray[np.int64]
_GRID = 1024  # pack counts looked at per item
_FEW = 12  # pieces that a curve is cut to at first


@dataclass(frozen=True, eq=False)
class GainCurves:
    """Knots of all curves, item by item; a curve begins at zero packs with no gain and is straight between knots.

    Attributes:
        indptr: ``(S + 1,)`` knots of item ``i`` are ``indptr[i]:indptr[i + 1]``; an item without any cannot be ordered.
        packs: counts that rise; the first is the smallest line.
        gain: expected gain at each, exact.
        error: ``(S,)`` the curve may lie this far below the exact one between knots.
        most: ``(S,)`` packs that sell within the shelf life; infinite where it keeps.
        p_out: ``(S,)`` probability of running out before the next arrival without an order.
        ideal: ``(S,)`` units of greatest gain if they came singly and without a minimum.
    """

    indptr: I64
    packs: I64
    gain: F64
    error: F64
    most: F64
    p_out: F64
    ideal: F64

    def __len__(self) -> int:
        """Items."""
        return int(self.indptr.size - 1)

    def of(self, item: int, packs: npt.ArrayLike) -> F64:
        """Gain of some numbers of packs of one item (between zero and the smallest line it means nothing)."""
        rows = slice(self.indptr[item], self.indptr[item + 1])
        return np.asarray(
            np.interp(
                np.asarray(packs, dtype=np.float64), np.append(0, self.packs[rows]), np.append(0.0, self.gain[rows])
            )
        )

    def gains(self, packs: npt.NDArray[np.integer]) -> F64:
        """``(S,)`` gain of an order."""
        found = np.zeros(len(self))
        for i in np.flatnonzero(packs):
            found[i] = self.of(int(i), packs[i])
        return found

    def best(self) -> I64:
        """``(S,)`` packs of greatest gain, each item on its own; 0 where none gains."""
        found = np.zeros(len(self), dtype=np.int64)
        item = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        order = np.lexsort((self.packs, -self.gain, item))
        first = order[np.flatnonzero(np.diff(item[order], prepend=-1))]
        found[item[first]] = np.where(self.gain[first] > 0, self.packs[first], 0)
        return found

    def capped(self, most: F64) -> GainCurves:
        """The curves cut so that no item gets more than ``(S,)`` packs."""
        most = np.minimum(np.floor(most + 1e-9), self.most)
        packs, gain, size = [], [], np.zeros(len(self), dtype=np.int64)
        for i in range(len(self)):
            rows = slice(self.indptr[i], self.indptr[i + 1])
            own, height = self.packs[rows], self.gain[rows]
            if own.size and own[-1] > most[i]:
                kept = int(np.searchsorted(own, most[i], side="right"))
                if kept and own[kept - 1] < most[i]:
                    height = np.append(height[:kept], self.of(i, most[i]))
                    own = np.append(own[:kept], np.int64(most[i]))
                else:
                    own, height = own[:kept], height[:kept]
            packs.append(own)
            gain.append(height)
            size[i] = own.size
        indptr = np.append(0, np.cumsum(size)).astype(np.int64)
        return replace(self, indptr=indptr, packs=np.concatenate(packs), gain=np.concatenate(gain))

    def take(self, rows: npt.NDArray[np.integer]) -> GainCurves:
        """The curves of some items, in the order given."""
        sizes = np.diff(self.indptr)[rows]
        indptr = np.append(0, np.cumsum(sizes)).astype(np.int64)
        knots = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], sizes)
        each = {name: getattr(self, name)[rows] for name in ("error", "most", "p_out", "ideal")}
        return GainCurves(indptr, self.packs[knots], self.gain[knots], **each)

    @classmethod
    def join(cls, parts: Sequence[GainCurves]) -> GainCurves:
        """The curves of several chunks, one after the other."""
        sizes = np.concatenate([np.diff(p.indptr) for p in parts])
        columns = (
            np.concatenate([getattr(p, n) for p in parts]) for n in ("packs", "gain", "error", "most", "p_out", "ideal")
        )
        return cls(np.append(0, np.cumsum(sizes)).astype(np.int64), *columns)


def gain_curves(lines: Lines, sales: OrderSales, tolerance: float = 1e-4) -> GainCurves:
    """Work out the gain of every pack that may be worth ordering.

    Packs that lose are kept only where they may help to reach their supplier's minimum.

    Args:
        lines: items.
        sales: what an order of each would be asked for.
        tolerance: chords may lie below a curve by this share of its greatest height.
    """
    asked = sales.asked.reshape(len(lines), -1).astype(np.float64)
    shares = _shares(lines, sales)
    order = np.argsort(asked, axis=1)
    asked, shares = np.take_along_axis(asked, order, axis=1), np.take_along_axis(shares, order, axis=1)
    pack, least, filling = lines.of("pack"), lines.least, lines.filling
    most = np.where(np.isfinite(sales.in_life), np.floor(sales.in_life / pack + 1e-6), np.inf)
    # money that each unit of the order loses for certain, were it never asked for
    sunk = lines.of("unit_cost") - lines.of("salvage")
    sunk = sunk + lines.of("carrying") * sales.gap.mean(axis=1).sum(axis=1)
    planned = np.asarray(lines.planned) & (lines.worth >= 0)
    packs, gains, error, ideal = [], [], np.zeros(len(lines)), np.zeros(len(lines))
    for i in range(len(lines)):
        if planned[i]:
            ideal[i] = min(_last_unit(asked[i], shares[i], float(sunk[i])), sales.in_life[i])
        # with a minimum to reach, packs that lose matter too
        top = np.ceil((float(asked[i, -1]) if filling[i] > 0 else ideal[i]) / pack[i])
        top = min(max(top, least[i]), most[i])
        # where a sale loses more than keeping does, no pack gains and the curve is not concave
        if not planned[i] or top < least[i]:
            packs.append(np.zeros(0, dtype=np.int64))
            gains.append(np.zeros(0))
            continue
        counts = _counts(int(least[i]), int(top), int(min(filling[i], most[i])))
        units = counts * pack[i]
        height = _height(asked[i], shares[i], float(sunk[i]), units)
        kept, error[i] = _knots(counts, height, tolerance * float(np.abs(height).max()), float(-sunk[i] * pack[i]))
        packs.append(counts[kept])
        gains.append(height[kept])
    indptr = np.append(0, np.cumsum([p.size for p in packs])).astype(np.int64)
    return GainCurves(indptr, np.concatenate(packs), np.concatenate(gains), error, most, sales.p_out, ideal)


def _shares(lines: Lines, sales: OrderSales) -> F64:
    """``(S, n K)`` money per unit asked for by each moment of each path; rows sum to the expected worth of a sale."""
    n = sales.asked.shape[1]
    shares = lines.of("carrying")[:, None, None] * np.broadcast_to(sales.gap, sales.asked.shape) / n
    shares[:, :, sales.moments - 1] += (lines.worth / n)[:, None]
    return np.asarray(shares.reshape(len(lines), -1))


def _last_unit(asked: F64, share: F64, sunk: float) -> float:
    """The unit at which further ones stop to gain."""
    above = np.cumsum(share[::-1])[::-1]  # worth of one more unit below each draw
    gaining = np.flatnonzero(above > sunk)
    return float(asked[gaining[-1]]) if gaining.size else 0.0


def _counts(least: int, top: int, filling: int) -> I64:
    """Pack counts to look at: all of them, or evenly spaced ones where they are too many."""
    counts = np.unique(np.rint(np.linspace(least, top, min(top - least + 1, _GRID))).astype(np.int64))
    return np.append(counts, filling) if filling > top else counts


def _height(asked: F64, share: F64, sunk: float, units: F64) -> F64:
    """Expected gain of so many units."""
    below = np.searchsorted(asked, units, side="right")
    sold = np.append(0.0, np.cumsum(share * asked))[below]
    above = float(share.sum()) - np.append(0.0, np.cumsum(share))[below]
    return np.asarray(sold + units * above - sunk * units)


def _knots(counts: I64, height: F64, tolerance: float, floor: float) -> tuple[I64, float]:
    """Which counts to keep, and how far the chords then lie below the curve at most.

    Knots are placed where the curve bends: of a concave curve, chords err least if they divide the integral of the
    square root of its curvature evenly.
    """
    if counts.size <= 2:
        return np.arange(counts.size), _between(counts, height, floor)
    slope = np.diff(height) / np.diff(counts)
    bend = np.maximum(slope[:-1] - slope[1:], 0.0)
    bends = np.flatnonzero(bend > 1e-12 * (1 + np.abs(slope[:-1]))) + 1
    every = np.concatenate(([0], bends, [counts.size - 1]))
    unseen = _between(counts, height, floor)
    pieces = _FEW
    path = np.append(0.0, np.cumsum(np.sqrt(bend[bends - 1])))
    while pieces < every.size - 1:
        mark = np.searchsorted(path, np.linspace(0, path[-1], pieces + 1)[1:-1])
        kept = np.unique(np.concatenate(([0], every[np.clip(mark, 1, every.size - 2)], [counts.size - 1])))
        missed = float((height - np.interp(counts, counts[kept], height[kept])).max())
        if missed <= tolerance:
            return kept, missed + unseen
        pieces *= 2
    return every, unseen


def _between(counts: I64, height: F64, floor: float) -> float:
    """How far a concave curve may rise above its chords between counts that are not neighbours.

    Between two counts it stays below the chords before and after, prolonged; no slope is less than ``floor``.
    """
    width = np.diff(counts)
    if (width <= 1).all():
        return 0.0
    slope = np.append(height[0] / counts[0], np.diff(height) / width)
    before = np.maximum(slope[:-1] - slope[1:], 0.0)
    after = np.maximum(slope[1:] - np.append(slope[2:], floor), 0.0)
    both = before + after
    rise = np.divide(width * before * after, both, out=np.zeros(width.size), where=both > 0)
    return float(rise[width > 1].max(initial=0.0))
