"""Reading: windows of a panel as the network wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...features.calendar import quiet_steps, step_days
from ...frequency import Frequency
from ...panel import F32, Panel
from .grid import Grid
from .occasions import none_on, on_days, on_steps
from .roles import Roles
from .window import SLOTS, Window, calendar

LENGTHS = (64, 128, 256, 512)
"""Contexts that are computed; a series takes the shortest that holds what is known of it."""


_CHUNK = 4096


def oldest(panel: Panel) -> npt.NDArray[np.int64]:
    """``(S,)`` how many steps back the first observation lies: 1 is the last step, 0 is none at all."""
    out = np.zeros(len(panel), np.int64)
    for low in range(0, len(panel), _CHUNK):  # a panel may be larger than what one would like to copy
        part = panel.indptr[low : low + _CHUNK + 1]
        cells = slice(int(part[0]), int(part[-1]))
        seen = ~np.isnan(panel.values[cells])
        if panel.available is not None:
            seen &= panel.available[cells]
        at = np.append(np.flatnonzero(seen), seen.size) + part[0]
        first = at[np.searchsorted(at[:-1], part[:-1])]
        out[low : low + _CHUNK] = np.maximum(part[1:] - first, 0)
    return out


def needed(back: npt.NDArray[np.int64], context: int) -> npt.NDArray[np.int64]:
    """``(S,)`` context of each series, from `oldest`: it depends on nothing but the series."""
    choice = np.array([length for length in LENGTHS if length <= context])
    return choice[np.minimum(np.searchsorted(choice, back), choice.size - 1)]


class Reader:
    """Makes windows of some series of a panel; what depends on dates only is computed once per context.

    Args:
        panel: history.
        known: name -> ``(S, horizon)`` of the known covariates ahead.
        roles: of the covariates.
        horizon: steps ahead.
    """

    def __init__(self, panel: Panel, known: Mapping[str, F32], roles: Roles, horizon: int) -> None:
        self.panel, self.known, self.roles, self.horizon = panel, known, roles, horizon
        self.grid = Grid.from_frequency(panel.freq)
        self._dates: dict[int, tuple[F32, F32, npt.NDArray[np.int16]]] = {}

    def window(self, rows: npt.NDArray[np.int64], context: int) -> Window:
        """Window of some series."""
        part = replace(self.panel.take(rows), layout=None)
        observed = part.dense(part.observed, context)
        sold_out = np.zeros(observed.shape, dtype=np.bool_)
        if part.available is not None:
            sold_out = ~part.dense(part.available, context) & ~np.isnan(part.dense(part.values, context))
        days, occasion, ago = self._dated(context)
        slots = np.full((rows.size, context + self.horizon, SLOTS), np.nan, np.float32)
        for k, name in enumerate(self.roles.slots):
            slots[:, :, k] = self._covariate(part, name, rows, context)
        price = self._covariate(part, self.roles.price, rows, context)
        promotion = self._covariate(part, self.roles.promotion, rows, context)
        return Window(self.grid, observed, sold_out, days, price, promotion, occasion, ago, slots)

    def _covariate(self, part: Panel, name: str, rows: npt.NDArray[np.int64], context: int) -> F32:
        out = np.full((len(part), context + self.horizon), np.nan, np.float32)
        column = part.known.get(name) if name in part.known else part.past.get(name)
        if column is None:
            return out
        out[:, :context] = part.dense(column, context)
        if name in self.known:
            out[:, context:] = self.known[name][rows, : self.horizon]
        return out

    def _dated(self, context: int) -> tuple[F32, F32, npt.NDArray[np.int16]]:
        if context not in self._dates:
            first = self.panel.end + 1 - context
            self._dates[context] = dated(self.panel, self.grid, first, self.panel.end + self.horizon)
        return self._dates[context]


def dated(panel: Panel, grid: Grid, first: int, last: int) -> tuple[F32, F32, npt.NDArray[np.int16]]:
    """Calendar ``(1, T, CALENDAR)``, occasions ``(1, T, 7)`` and steps since they were last, of consecutive steps."""
    freq, place = panel.freq, panel.place
    days, offsets = step_days(freq, first, last)
    hour = None
    if not freq.is_calendar:
        hour = _hours(freq, first, last)
        middle = days[offsets]
    else:
        middle = days[offsets[:-1] + np.diff(offsets) // 2]
    found = none_on(middle.size)
    if place:
        daily = on_days(int(days[0]), int(days[-1]), place.country, place.subdivision, place.events)
        found = daily.at(offsets) if hour is not None else on_steps(daily, offsets)
        found = found.without(quiet_steps(freq, first, last, place))
    ago = np.round(found.ago / grid.days).astype(np.int16)
    return calendar(grid, middle, hour)[None], found.channels()[None], ago[None]


def _hours(freq: Frequency, first: int, last: int) -> npt.NDArray[np.int64]:
    stamps = freq.stamp(np.arange(first, last + 1))
    return np.asarray((stamps - stamps.astype("datetime64[D]")).astype("timedelta64[h]").astype(np.int64))
