"""Reading: windows of a panel as the network wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from ...features.calendar import quiet_steps, step_days
from ...frequency import Frequency
from ...panel import F32, I64, Panel
from .grid import Grid
from .occasions import none_on, on_days, on_steps
from .roles import Roles
from .window import SLOTS, Window, calendar

LENGTHS = (64, 128, 256, 512)
"""Contexts that are computed; a series takes the shortest that holds what is known of it."""
BLOCK = 32
"""Series that are computed together in a forecast, always so many."""

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


def blocks(context: I64, most: Callable[[int], int]) -> Iterator[tuple[int, I64]]:
    """Series that are computed together: their context, and which they are.

    Args:
        context: ``(S,)`` of each series; those of 0 are left out.
        most: series of a block, by the context.
    """
    for length in np.unique(context[context > 0]).tolist():
        which, size = np.flatnonzero(context == length), most(length)
        for first in range(0, which.size, size):
            yield length, which[first : first + size]


def filled(part: I64, size: int) -> I64:
    """Series of a block and the last of them again, up to a size: then results do not depend on how many there are."""
    return np.concatenate([part, np.repeat(part[-1:], size - part.size)])


class Reader:
    """Makes windows of some series of a panel, at its end or at any earlier step; what depends on dates only is
    computed once.

    Args:
        panel: history.
        known: name -> ``(S, horizon)`` of the known covariates ahead.
        roles: of the covariates.
        horizon: steps ahead.
    """

    def __init__(self, panel: Panel, known: Mapping[str, F32], roles: Roles, horizon: int) -> None:
        self.panel, self.known, self.roles, self.horizon = panel, known, roles, horizon
        self.grid = Grid.from_frequency(panel.freq)
        self._dates: dict[tuple[int, int], tuple[F32, F32, npt.NDArray[np.int16]]] = {}

    def window(self, rows: I64, context: int) -> Window:
        """Window of some series at the panel's end."""
        cells, inside = self._cells(rows, np.arange(-context, 0))
        days, occasion, ago = self._dated(self.panel.end + 1 - context, self.panel.end + self.horizon)

        def covariate(name: str) -> F32:
            out = np.full((rows.size, context + self.horizon), np.nan, np.float32)
            column = self._column(name)
            if column is None:
                return out
            out[:, :context] = np.where(inside, column[cells], np.float32(np.nan))
            if name in self.known:
                out[:, context:] = self.known[name][rows, : self.horizon]
            return out

        return self._window(cells, inside, (days[None], occasion[None], ago[None]), covariate)

    def window_at(self, rows: I64, back: I64, context: int) -> tuple[Window, F32]:
        """Windows of some series as they were some steps before the panel's end, and the demand that followed.

        Args:
            rows: ``(B,)`` series; one may come several times.
            back: ``(B,)`` steps between the last of the history and the panel's end, at least the horizon.
            context: steps of history.

        Returns:
            The window, and ``(B, H)`` observed demand; NaN does not count.
        """
        cells, inside = self._cells(rows, np.arange(-context, self.horizon) - back[:, None])
        past = slice(0, context)
        first = self.panel.end + 1 - int(self.panel.n_steps) - context
        days, occasion, ago = self._dated(first, self.panel.end)
        at = self.panel.end + 1 - first - back[:, None] + np.arange(-context, self.horizon)

        def covariate(name: str) -> F32:
            column = self._column(name)
            if column is None:
                return np.full(cells.shape, np.nan, np.float32)
            out = np.where(inside, column[cells], np.float32(np.nan))
            if name not in self.panel.known:
                out[:, context:] = np.nan
            return out

        dates = (days[at], occasion[at], ago[at])
        window = self._window(cells[:, past], inside[:, past], dates, covariate)
        return window, self._observed(cells[:, context:], inside[:, context:])

    def year_before(self, rows: I64, back: I64) -> F32:
        """``(B, H)`` observed demand a year before each step ahead, or before that as many years as it takes.

        Args:
            rows: ``(B,)`` series.
            back: ``(B,)`` steps between the last of the history and the panel's end.

        Returns:
            NaN for what is not known, and everywhere at frequencies without a year (`Frequency.year`).
        """
        year = self.panel.freq.year
        if not year:
            return np.full((rows.size, self.horizon), np.nan, np.float32)
        ahead = np.arange(self.horizon)
        return self._observed(*self._cells(rows, ahead % year - year - back[:, None]))

    def _window(
        self,
        cells: I64,
        inside: npt.NDArray[np.bool_],
        dates: tuple[F32, F32, npt.NDArray[np.int16]],
        covariate: Callable[[str], F32],
    ) -> Window:
        sold_out = np.zeros(cells.shape, dtype=np.bool_)
        if self.panel.available is not None:
            sold_out = inside & ~self.panel.available[cells] & ~np.isnan(self.panel.values[cells])
        price, promotion = covariate(self.roles.price), covariate(self.roles.promotion)
        slots = np.full((*price.shape, SLOTS), np.nan, np.float32)
        for k, name in enumerate(self.roles.slots):
            slots[:, :, k] = covariate(name)
        days, occasion, ago = dates
        observed = self._observed(cells, inside)
        return Window(self.grid, observed, sold_out, days, price, promotion, occasion, ago, slots)

    def _cells(self, rows: I64, steps: I64) -> tuple[I64, npt.NDArray[np.bool_]]:
        """Where steps (0 is the first after the panel's end) of series lie in the flat arrays, and whether they do."""
        begin, end = self.panel.indptr[rows][:, None], self.panel.indptr[rows + 1][:, None]
        at = end + steps
        inside = (at >= begin) & (at < end)
        return np.where(inside, at, 0), inside

    def _observed(self, cells: I64, inside: npt.NDArray[np.bool_]) -> F32:
        if self.panel.available is not None:
            inside = inside & self.panel.available[cells]
        return np.where(inside, self.panel.values[cells], np.float32(np.nan))

    def _column(self, name: str) -> F32 | None:
        return self.panel.known.get(name) if name in self.panel.known else self.panel.past.get(name)

    def _dated(self, first: int, last: int) -> tuple[F32, F32, npt.NDArray[np.int16]]:
        """Calendar, occasions and steps since they were last, of consecutive steps: ``(T, ...)``."""
        if (first, last) not in self._dates:
            days, occasion, ago = dated(self.panel, self.grid, first, last)
            self._dates[first, last] = days[0], occasion[0], ago[0]
        return self._dates[first, last]


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
