"""Regressors of ARIMA models: known covariates, waves of the season and occasions, few enough for one series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..frequency import Frequency
from ..panel import F32, Panel
from ..place import Place
from .regressors import occasion_columns

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_WAVES, _LONG_WAVES = 3, 2  # pairs of sine and cosine; the same for seasons with more than 24 steps
_LONG_SEASON = 24
_YEAR = 365.2425
_TEXTS = 6  # of a covariate, that get a column each


@dataclass(frozen=True)
class ArimaRegressors:
    """Columns that a series' regression may use; plain values, so that a fitted model can be saved.

    Attributes:
        covariates: known numeric covariates.
        texts: known text covariates -> texts that get a column each.
        wave: steps of the season whose waves are columns; 0 for none.
        waves: pairs of sine and cosine.
        occasions: columns of holidays and sale days.
        place: whose occasions those are.
    """

    covariates: tuple[str, ...]
    texts: Mapping[str, tuple[str, ...]]
    wave: float
    waves: int
    occasions: tuple[str, ...]
    place: Place

    @staticmethod
    def of(panel: Panel, *, seasonal: bool) -> ArimaRegressors:
        """Columns that suit a panel. ``seasonal`` models of short seasons need no waves of them."""
        m, first = panel.freq.season, panel.end + 1 - panel.n_steps
        texts = {}
        for name in panel.known:
            if name in panel.categories:
                texts[name] = panel.categories[name][:_TEXTS]
        waved = m > _LONG_SEASON or (m > 1 and not seasonal)
        wave = _YEAR / panel.freq.days if panel.freq.unit == "W" else float(m)
        near = occasion_columns(panel.freq, first, panel.end, panel.place)
        return ArimaRegressors(
            covariates=tuple(name for name in panel.known if name not in texts), texts=texts,
            wave=wave if waved else 0.0, waves=0 if not waved else _LONG_WAVES if m > _LONG_SEASON else min(_WAVES, m // 2),
            occasions=tuple(name for name, column in near.items() if column.size and float(np.ptp(column)) > 0),
            place=panel.place,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**asdict(self), "place": self.place.to_dict()}

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> ArimaRegressors:
        """Read the JSON form."""
        made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        made["place"] = Place.from_dict(fields["place"])
        made["texts"] = {k: tuple(v) for k, v in fields["texts"].items()}
        return ArimaRegressors(**made)

    @property
    def names(self) -> list[str]:
        """All columns: those of covariates, waves, occasions."""
        told = [f"{name}={text}" for name, texts in self.texts.items() for text in texts]
        waves = [f"{wave}{k}" for k in range(1, self.waves + 1) for wave in ("sin", "cos")]
        return [*self.covariates, *told, *waves, *self.occasions]

    def calendar(self, freq: Frequency, first: int, last: int) -> F64:
        """Waves and occasions of all steps from the first to the last, ``(C, T)``: the same for all series."""
        steps = np.arange(first, last + 1)
        columns = [
            shape(2 * np.pi * k * steps / self.wave) for k in range(1, self.waves + 1) for shape in (np.sin, np.cos)
        ]
        near = occasion_columns(freq, first, last, self.place) if self.occasions else {}
        columns += [near[name].astype(np.float64) for name in self.occasions]
        return np.array(columns).reshape(len(columns), steps.size)

    def covariate_columns(self, panel: Panel, future: Mapping[str, F32] | None, horizon: int) -> F64:
        """Covariates of history and future, ``(X, S, T + horizon)``; NaN where unknown."""
        columns = []
        for name in (*self.covariates, *self.texts):
            past = (
                panel.dense(panel.known[name]) if name in panel.known else np.full((len(panel), panel.n_steps), np.nan)
            )
            ahead = (future or {}).get(name)
            block = np.full((len(panel), horizon), np.nan) if ahead is None else np.asarray(ahead)
            joined = np.concatenate([past, block], axis=1).astype(np.float64)
            if name not in self.texts:
                columns.append(joined)
                continue
            here = {text: code for code, text in enumerate(panel.categories.get(name, ()))}
            columns += [(joined == here.get(text, -1)).astype(np.float64) for text in self.texts[name]]
        return np.array(columns).reshape(len(columns), len(panel), panel.n_steps + horizon)


def preferred(x: F64, y: F64, groups: tuple[int, int, int], season: int, most: int) -> I64:
    """Columns that one series' regression should try, in order of preference.

    Covariates first, then waves (if two seasons were seen), then those occasions, ``most`` at the most, that took
    place twice and go along best with what demand does beside its season.

    Args:
        x: ``(T, K)`` columns.
        y: ``(T,)`` the series; NaN is missing.
        groups: number of columns of covariates, waves and occasions.
        season: steps per season.
        most: occasions.
    """
    n_covariates, n_waves, n_occasions = groups
    known = ~np.isnan(y)
    chosen = [np.arange(n_covariates), n_covariates + np.arange(n_waves if y.size >= 2 * season else 0)]
    if n_occasions and most and int(known.sum()) > 2:
        phase = (np.arange(y.size) % season)[known]
        number = np.maximum(np.bincount(phase, minlength=season), 1)
        rest = y[known] - (np.bincount(phase, y[known], season) / number)[phase]
        columns = x[:, n_covariates + n_waves :][known]
        centred = columns - columns.mean(axis=0)
        size = np.sqrt((centred**2).sum(axis=0) * (rest**2).sum())
        along = np.abs(rest @ centred) / np.where(size > 0, size, np.inf)
        begun = ((columns[1:] > 0) & (columns[:-1] <= 0)).sum(axis=0) + (columns[0] > 0)
        along = np.where((begun >= 2) & (along > 2 / np.sqrt(rest.size)), along, 0.0)
        best = np.argsort(-along, kind="stable")[:most]
        chosen.append(n_covariates + n_waves + best[along[best] > 0])
    return np.concatenate(chosen).astype(np.int64)
