"""Window: the raw history and covariates of many series, from which the network's inputs are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...panel import F32, I64
from .grid import Grid

SLOTS = 3
"""Covariates without a meaning that the model knows."""
CALENDAR = 15
"""Channels of `calendar`."""


@dataclass(frozen=True, eq=False)
class Window:
    """``B`` series with ``L`` steps of history and ``H`` steps to forecast.

    Attributes:
        grid: frequency.
        demand: ``(B, L)``; NaN is not observed (missing, out of stock, not yet on sale).
        sold_out: ``(B, L)`` known to have been out of stock.
        calendar: ``(B, L + H, CALENDAR)`` or ``(1, ...)``, see `calendar`.
        price: ``(B, L + H)`` price; NaN is unknown.
        promotion: ``(B, L + H)`` from 0 to 1; NaN is unknown.
        occasion: ``(B, L + H, 7)`` or ``(1, ...)``, see `Occasions.channels`.
        ago: ``(B, L + H)`` or ``(1, ...)`` steps back to the same day of the same occasion; 0 if unknown.
        slots: ``(B, L + H, SLOTS)`` any numbers; NaN is unknown.
    """

    grid: Grid
    demand: F32
    sold_out: npt.NDArray[np.bool_]
    calendar: F32
    price: F32
    promotion: F32
    occasion: F32
    ago: npt.NDArray[np.int16]
    slots: F32

    @property
    def context(self) -> int:
        """Steps of history."""
        return int(self.demand.shape[1])

    @property
    def horizon(self) -> int:
        """Steps to forecast."""
        return int(self.price.shape[1]) - self.context


def calendar(grid: Grid, day: I64, hour: I64 | None = None) -> F32:
    """What the date says: two waves of the year, one of the month, day of the week, hour.

    Args:
        grid: frequency; waves of the month, weekdays and hours are zero where steps are longer.
        day: day number (from 1970-01-01) in the middle of the step, any shape.
        hour: hour of the day for steps shorter than one.

    Returns:
        ``(..., CALENDAR)``
    """
    low = int(day.min()) if day.size else 0
    table = _by_day(low, int(day.max()) if day.size else 0, grid.kind in ("h", "D"))
    out = table[day - low]
    if hour is not None:
        turn = 2 * np.pi * hour / 24
        out[..., 13], out[..., 14] = np.sin(turn), np.cos(turn)
    return out


def _by_day(low: int, high: int, fine: bool) -> F32:
    days = np.arange(low, high + 1)
    date = days.astype("datetime64[D]")
    year = 2 * np.pi * (date - date.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) / 365.2425
    out = np.zeros((days.size, CALENDAR), np.float32)
    out[:, :4] = np.stack([np.sin(year), np.cos(year), np.sin(2 * year), np.cos(2 * year)], axis=1)
    if fine:
        month = 2 * np.pi * (date - date.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) / 30.44
        out[:, 4], out[:, 5] = np.sin(month), np.cos(month)
        out[np.arange(days.size), 6 + (days + 3) % 7] = 1.0
    return out
