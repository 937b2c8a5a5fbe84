"""How groups of items behave, for the boosting model: their season, their year and where they are heading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..features.lags import History
from ..panel import F32, Panel
from .spec import Arrays

I64 = npt.NDArray[np.int64]

ALL = ""
"""Stands for all items together where a group column is named."""
MOST_GROUPS = 3  # static columns that are taken as groups, beside all items together
_SEASONS = 8  # short seasons that a profile is the mean of


@dataclass(frozen=True, eq=False)
class Groups:
    """Mean demand of the items of each group, step by step, as it was at the fit.

    A forecast looks a group up here and does not ask which other items the panel holds, so that it is
    independent of them; after an update the groups are those of the fit.

    Attributes:
        start: ordinal of the first column.
        texts: static column -> the texts that are its groups.
        means: ``(1 + G, T)`` mean over the items with an observation; the first row is all items together, then
            the groups of one column after the other. NaN where nothing was observed.
    """

    start: int
    texts: Mapping[str, tuple[str, ...]]
    means: F32

    @staticmethod
    def learn(panel: Panel, texts: Mapping[str, tuple[str, ...]]) -> Groups:
        """Means of all items and of the groups of some static columns."""
        from scipy.sparse import csr_array

        values = np.maximum(panel.dense(panel.observed), np.float32(0))
        seen = (~np.isnan(values)).astype(np.float32)
        filled = np.where(seen > 0, values, np.float32(0))
        totals, counts = [filled.sum(axis=0, dtype=np.float64)[None]], [seen.sum(axis=0, dtype=np.float64)[None]]
        for name, known in texts.items():
            code = text_codes(panel, name, known)
            member = np.flatnonzero(code >= 0)
            belongs = csr_array((np.ones(member.size), (code[member], member)), shape=(len(known), len(panel)))
            totals.append(belongs @ filled)
            counts.append(belongs @ seen)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (np.concatenate(totals) / np.concatenate(counts)).astype(np.float32)
        return Groups(panel.end - values.shape[1] + 1, dict(texts), means)

    def rows(self, panel: Panel) -> dict[str, I64]:
        """For all items and each group column: ``(S,)`` rows of `means`; an unknown group is all items."""
        found, first = {ALL: np.zeros(len(panel), dtype=np.int64)}, 1
        for name, known in self.texts.items():
            code = text_codes(panel, name, known)
            found[name] = np.where(code >= 0, first + code, 0)
            first += len(known)
        return found

    def ahead(self, origin: int, horizon: int, season: int, year: int, reach: int, spans: tuple[int, ...]) -> list[F32]:
        """Features of every group at one origin, each ``(1 + G, horizon)``; nothing after the origin is looked at.

        Args:
            origin: ordinal of the last known step; where the groups end before, they are asked at their end.
            horizon: steps ahead.
            season: steps of the short season, 0 to leave its profile out.
            year: steps of the long season, 0 to leave out what needs it.
            reach: half-width of the look-back one long season ago.
            spans: windows of the means, in steps, rising.

        Returns:
            As `group_parts` says.
        """
        late = max(0, origin - (self.start + self.means.shape[1] - 1))
        at, steps = origin - self.start - late, late + horizon
        history = History(self.means)
        if at < 0:
            return [np.full((len(self.means), horizon), np.nan, np.float32) for _ in group_parts(season, year)]

        def flat(values: F32) -> F32:
            return np.repeat(values[:, None], horizon, axis=1)

        def before(column: int) -> F32:
            return history.mean(column, spans[1]) if 0 <= column <= at else np.full(len(self.means), np.nan, np.float32)

        out = []
        with np.errstate(invalid="ignore", divide="ignore"):
            recent = history.mean(at, spans[1])
            if season:
                profile = history.same_phase_mean(at, steps, season, _SEASONS)[:, late:]
                out.append(profile / history.mean(at, season * _SEASONS)[:, None])
            if year:
                out.append(history.around_phase(at, steps, year, reach)[:, late:] / before(at + late - year)[:, None])
                out.append(flat(recent / before(at - year)))
            out.append(flat(history.mean(at, spans[0]) / recent))
        return [np.where(np.isfinite(part), part, np.float32(np.nan)) for part in out]

    def to_arrays(self) -> Arrays:
        """The arrays that `from_state` reads."""
        return {"group_means": self.means}

    def to_dict(self) -> dict[str, Any]:
        """The plain values that `from_state` reads."""
        return {"start": self.start, "texts": dict(self.texts)}

    @staticmethod
    def from_state(arrays: Arrays, fields: Mapping[str, Any]) -> Groups:
        """Read what `to_arrays` and `to_dict` gave."""
        texts = {name: tuple(found) for name, found in fields["texts"].items()}
        return Groups(fields["start"], texts, arrays["group_means"])


def group_parts(season: int, year: int) -> list[str]:
    """What `Groups.ahead` gives: season profile, yearly index, growth within a year and lately, all of them ratios."""
    return ["season"] * bool(season) + ["year", "growth"] * bool(year) + ["trend"]


def text_codes(panel: Panel, name: str, known: Sequence[str]) -> I64:
    """``(S,)`` number of each series' text in a static column among those known; -1 where it is another or missing."""
    if name not in panel.static.columns or not known:
        return np.full(len(panel), -1, dtype=np.int64)
    code = panel.static[name].cast(pl.String).replace_strict(
        list(known), list(range(len(known))), default=-1, return_dtype=pl.Int64
    )  # fmt: skip
    return code.fill_null(-1).to_numpy().astype(np.int64)
