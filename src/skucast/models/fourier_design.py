"""Columns of a regression on the calendar: waves of the season and the year, the trend and a place's occasions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..features.nearness import nearness
from ..features.season import YEAR
from ..frequency import Frequency
from ..panel import Panel
from ..place import Place

F64 = npt.NDArray[np.float64]
_YEARS = 1.8  # with less, what happened once would be taken for a yearly habit
_MONTHS = 4
_WEEK_WAVES = 3  # for steps shorter than a day
_LEAD = 8.0  # days before an occasion in which demand may already move


@dataclass(frozen=True)
class Calendar:
    """Which columns there are; the same for all series, and told by the calendar alone.

    Attributes:
        freq: grid of time.
        place: decides the occasions.
        season: steps of the frequency's own season; 0 leaves it out.
        season_waves: pairs of sine and cosine of it.
        year_waves: pairs of the year.
        month_waves: pairs of the calendar month (pay days, rent), for steps of a day or less.
        trend: a straight line.
    """

    freq: Frequency
    place: Place
    season: int
    season_waves: int
    year_waves: int
    month_waves: int
    trend: bool

    @classmethod
    def of(cls, panel: Panel, season_waves: int, year_waves: int, month_waves: int, *, trend: bool) -> Calendar:
        """Columns that a panel's history can tell apart: the year needs nearly two of it, the month four."""
        days, own = panel.freq.days, panel.freq.season
        yearly = own * days > YEAR / 2  # the season is the year itself
        season = 0 if yearly or panel.n_steps < 2 * own or own < 2 else own
        fast_enough = int(YEAR / (2 * days))
        waves = min(year_waves, fast_enough) if panel.n_steps * days > _YEARS * YEAR else 0
        months = month_waves if days <= 1 and panel.n_steps * days >= _MONTHS * YEAR / 12 else 0
        return cls(panel.freq, panel.place, season, min(season_waves, season // 2), waves, months, trend)

    def columns(self, first: int, last: int) -> F64:
        """Values ``(last - first + 1, P)`` from the first to the last step, that one included."""
        steps = np.arange(first, last + 1)
        out: list[F64] = []
        for k in range(1, self.season_waves + 1):
            out.extend(_wave(2 * np.pi * k * steps / self.season, both=2 * k < self.season))
        days = self.freq.stamp(steps).astype("datetime64[s]").astype(np.int64) / 86_400
        for k in range(1, _WEEK_WAVES + 1 if self.freq.days < 1 else 1):
            out.extend(_wave(2 * np.pi * k * days / 7))
        for k in range(1, self.year_waves + 1):
            out.extend(_wave(2 * np.pi * k * days / YEAR))
        if self.month_waves:
            month = self.freq.stamp(steps).astype("datetime64[M]")
            begin, end = (m.astype("datetime64[s]").astype(np.int64) / 86_400 for m in (month, month + 1))
            for k in range(1, self.month_waves + 1):
                out.extend(_wave(2 * np.pi * k * (days - begin) / (end - begin)))
        if self.trend:
            out.append(days / YEAR - 50)  # years since 2020, about
        if self.place:
            found = nearness(self.freq, first, last, self.place)
            step = self.freq.days
            for name in found.names:
                near = found.column(name).astype(np.float64)
                if not name.startswith("near_"):
                    out.append(near)
                    continue
                out.append(np.maximum(1 - np.abs(near) / max(step, 1.0), 0.0))
                if step < _LEAD:
                    out.append(np.where(near < 0, np.maximum(1 + near / _LEAD, 0.0), 0.0))
        return np.stack(out, axis=1) if out else np.empty((steps.size, 0))


def _wave(angle: F64, both: bool = True) -> list[F64]:
    """Cosine and sine; of the shortest wave of an even season only the cosine differs from zero."""
    return [np.cos(angle), np.sin(angle)] if both else [np.cos(angle)]
