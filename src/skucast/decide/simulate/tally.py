"""Tally: what is counted in every period, added up over periods or kept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...forecast import F64

KEPT = (
    "opening", "received", "moved_in", "cleared", "moved_out", "ordered", "demand", "served", "short", "wasted",
    "closing", "backorders",
)  # fmt: skip


class Count:
    """How often something was so, ``(I, P)``: counted in bytes, which is fast, and moved on before they are full."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._bytes, self._total, self._adds = np.zeros(shape, dtype=np.uint8), np.zeros(shape), 0

    def add(self, flags: npt.NDArray[np.uint8]) -> None:
        """Count where it is so (1) and not where it is not (0)."""
        self._bytes += flags
        self._adds += 1
        if self._adds == 255:
            self.close()

    def close(self) -> F64:
        """The counts."""
        self._total += self._bytes
        self._bytes.fill(0)
        self._adds = 0
        return self._total


class Tally:
    """Sums over the counted periods, ``(I, P)`` each, of a block of items.

    ``totals`` holds: ``served`` (units sold from the shelf at once), ``cleared`` (backorders served later), ``ordered``
    and ``wasted`` units; ``stock``, the sum over periods of units on which holding is paid; ``waiting``, the sum of units
    owed at the end of periods; ``lines`` (orders of an item), ``deliveries`` (its shares of orders of its supplier);
    ``short_periods``; ``cycles`` and ``clean_cycles`` (between receipts, and those of them with nothing short);
    ``moved`` (units that arrived from other locations) and ``moving`` (money paid for them).
    """

    def __init__(self, shape: tuple[int, int], warm_up: int, basis: str) -> None:
        self.totals: dict[str, F64] = {n: np.zeros(shape) for n in ("served", "ordered", "stock")}
        self._counts = {n: Count(shape) for n in ("lines", "short_periods", "cycles", "clean_cycles")}
        self._shape, self._warm_up, self._basis = shape, warm_up, basis
        self._broken = np.zeros(shape, dtype=bool)  # something was short since the last receipt
        self._began = np.zeros(shape, dtype=bool)  # something was received in this period
        self._flags = np.empty(shape, dtype=bool)
        self._began_bytes, self._flag_bytes = self._began.view(np.uint8), self._flags.view(np.uint8)
        self._counting = False

    def begin(self, period: int) -> None:
        """A period begins."""
        self._counting = period >= self._warm_up

    def add(self, name: str, amount: npt.NDArray[np.floating]) -> None:
        """Add an amount ``(I, P)`` of this period to a total."""
        if self._counting:
            self.totals.setdefault(name, np.zeros(self._shape))
            self.totals[name] += amount

    def received(self, units: F64) -> None:
        """Units were received: where there are any, a cycle ends."""
        ended = np.greater(units, 0.0, out=self._began)
        if self._counting:
            self._counts["cycles"].add(self._began_bytes)
            np.greater(ended, self._broken, out=self._flags)  # ended and not broken
            self._counts["clean_cycles"].add(self._flag_bytes)
        np.greater(self._broken, ended, out=self._broken)  # broken and not ended

    def ordered(self, units: F64) -> None:
        """Orders were placed."""
        if self._counting:
            self.totals["ordered"] += units
            np.greater(units, 0.0, out=self._flags)
            self._counts["lines"].add(self._flag_bytes)

    def counted(self, served: F64, short: F64, wasted: F64 | None, available: F64 | None, closing: F64) -> None:
        """A period ends.

        Args:
            served: units sold at once.
            short: units asked for and not there.
            wasted: units thrown away, None for none.
            available: units on the shelf before demand, where holding is paid on the average.
            closing: units left.
        """
        flags = np.greater(short, 0.0, out=self._flags)
        np.logical_or(self._broken, flags, out=self._broken)
        if not self._counting:
            return
        self._counts["short_periods"].add(self._flag_bytes)
        self.totals["served"] += served
        stock = self.totals["stock"]
        if available is not None:
            stock += 0.5 * (available + closing)
        else:
            stock += closing
            if wasted is not None and self._basis == "before-waste":
                stock += wasted
        if wasted is not None:
            self.add("wasted", wasted)

    def close(self) -> dict[str, F64]:
        """The totals; the cycle that is not over counts as well."""
        self.totals |= {name: count.close() for name, count in self._counts.items()}
        self.totals["cycles"] += 1.0
        self.totals["clean_cycles"] += ~self._broken
        return self.totals


class Trace:
    """Every period of every item and path: ``trace["closing"]`` is ``(I, P, T)``, in units.

    Names: ``opening`` (before anything is received), ``received`` (ordered earlier), ``moved_in`` and ``moved_out``
    (transfers), ``cleared`` (backorders served on receipt), ``ordered``, ``demand``, ``served``, ``short``, ``wasted``,
    ``closing``, ``backorders`` (owed at the end). Always
    ``opening + received + moved_in - cleared - moved_out - served - wasted = closing``, except that waste on the way
    between locations is in ``wasted`` of its target without having been on its shelf.
    """

    def __init__(self, names: tuple[str, ...], items: int, paths: int, periods: int) -> None:
        self._arrays = {name: np.zeros((periods, items, paths)) for name in names}

    def write(self, name: str, rows: slice, period: int, amount: F64) -> None:
        """Note an amount of a period; amounts of one name and period add up."""
        if name in self._arrays:
            self._arrays[name][period, rows] += amount

    def __getitem__(self, name: str) -> F64:
        """Units of one kind ``(I, P, T)``."""
        return self._arrays[name].transpose(1, 2, 0)
