"""Occasion: something that comes back and moves demand (a feast, a sale, a festival), as days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

CAP = 60
"""Days beyond which the distance to or since an occasion says nothing more."""


@dataclass(frozen=True, eq=False)
class Occasion:
    """A recurring occasion as ranges of days.

    Days are counted from 1970-01-01. Ranges are sorted and do not overlap; use `Occasion.of`.

    Attributes:
        key: name of its columns.
        name_en: what charts call it.
        name_zh: the same in Chinese.
        group: ``holiday``, ``lunar`` or ``sale``.
        first: ``(n,)`` first day of each time it takes place.
        last: ``(n,)`` last day, that day included.
        before: ``(n,)`` first day of the stretch around it (run-up) in which demand already moves, or
            None if it has none.
        after: ``(n,)`` last day of that stretch.
    """

    key: str
    name_en: str
    name_zh: str
    group: str
    first: I64
    last: I64
    before: I64 | None = None
    after: I64 | None = None

    @classmethod
    def of(
        cls,
        key: str,
        name_en: str,
        name_zh: str,
        group: str,
        ranges: Iterable[tuple[int, int]],
        stretch: tuple[int, int] | None = None,
    ) -> Occasion:
        """Occasion from inclusive day ranges in any order.

        Args:
            key: name of its columns.
            name_en: English name.
            name_zh: Chinese name.
            group: group of features it belongs to.
            ranges: ``(first, last)`` days; overlapping ones become one.
            stretch: days before the first and after the last that belong to its run-up.
        """
        first, last = merge(ranges)
        before = after = None
        if stretch is not None:
            before, after = merge(zip((first - stretch[0]).tolist(), (last + stretch[1]).tolist(), strict=True))
        return cls(key, name_en, name_zh, group, first, last, before, after)

    def columns(self, days: I64) -> dict[str, tuple[F64, str]]:
        """Daily features: name -> (``(D,)`` values, how days are put together into longer steps).

        ``key`` is 1 on its days, ``key_period`` 1 in the run-up (if it has one), ``key_next`` and
        ``key_since`` the days to the next and since the last time, 0 on the days themselves, at most
        `CAP`.
        """
        out = {self.key: (inside(days, self.first, self.last), "sum")}
        if self.before is not None and self.after is not None:
            out[f"{self.key}_period"] = (inside(days, self.before, self.after), "sum")
        out[f"{self.key}_next"] = (distance_next(days, self.first, self.last), "min")
        out[f"{self.key}_since"] = (distance_since(days, self.first, self.last), "min")
        return out


def merge(ranges: Iterable[tuple[int, int]]) -> tuple[I64, I64]:
    """Inclusive ranges, sorted, with overlapping ones joined."""
    firsts: list[int] = []
    lasts: list[int] = []
    for low, high in sorted(ranges):
        if lasts and low <= lasts[-1]:
            lasts[-1] = max(lasts[-1], high)
        else:
            firsts.append(low)
            lasts.append(high)
    return np.asarray(firsts, dtype=np.int64), np.asarray(lasts, dtype=np.int64)


def inside(days: I64, first: I64, last: I64) -> F64:
    """1.0 for the days that lie in one of the ranges."""
    at = np.searchsorted(first, days, side="right") - 1
    if first.size == 0:
        return np.zeros(days.size)
    return ((at >= 0) & (days <= last[np.maximum(at, 0)])).astype(np.float64)


def distance_next(days: I64, first: I64, last: I64) -> F64:
    """Days until the next range begins, 0 inside one, at most `CAP`."""
    if first.size == 0:
        return np.full(days.size, float(CAP))
    at = np.searchsorted(first, days, side="left")
    ahead = np.where(at < first.size, first[np.minimum(at, first.size - 1)] - days, CAP)
    return np.where(inside(days, first, last) > 0, 0, np.minimum(ahead, CAP)).astype(np.float64)


def distance_since(days: I64, first: I64, last: I64) -> F64:
    """Days since the last range ended, 0 inside one, at most `CAP`."""
    if first.size == 0:
        return np.full(days.size, float(CAP))
    at = np.searchsorted(first, days, side="right") - 1
    ago = np.where(at >= 0, days - last[np.maximum(at, 0)], CAP)
    return np.clip(ago, 0, CAP).astype(np.float64)


def day_number(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date."""
    return int(np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "D").astype(np.int64))


def nth_weekday(year: int, month: int, weekday: int, n: int) -> int:
    """Day number of the n-th (1-based) weekday (Monday is 0) of a month."""
    begin = day_number(year, month, 1)
    return begin + (weekday - (begin + 3)) % 7 + 7 * (n - 1)
