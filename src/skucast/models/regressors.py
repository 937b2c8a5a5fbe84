"""Regressors: what a regression sees of a series at a forecast origin, for every step ahead.

Columns depend on the origin and what came before it, on the calendar, and on covariates that are known ahead;
never on demand after the origin, so a lag is as long as the step ahead asks for. Demand is in units of the
series' own level, and every column is finite: what a short history cannot say is said by the next longer view
of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..features.calendar import calendar_features
from ..features.nearness import nearness
from ..frequency import Frequency
from ..panel import F32, Panel
from ..place import Place

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_LAGS = 3
_PHASES = 4  # values of the same phase of the season
_LONG_PHASES = 2  # the same where the season has more than this many steps
_SHORT_SEASON = 24
_SPANS = {"D": (7, 28, 91), "W": (4, 13, 26), "M": (3, 6, 12), "Q": (2, 4, 8), "h": (24, 168, 672)}
_YEAR = {"D": 364, "W": 52, "h": 168}  # the season beyond the short one, in steps
_REACH = {"D": 7, "W": 1, "h": 1}  # half-width of the look-back there
_YEARS_OF_WAVES = 1.25  # years of history that yearly waves are learned from at least
_RUN_UP, _AFTER = 14.0, 7.0  # days before and after an occasion within which demand moves
_LEVELS = 12  # texts of a covariate that get a column each
_FLAG = 0.2  # share of zeros that makes a covariate a flag or an amount, rather than a level such as a price
_BOUND = 4.0  # a covariate may be so many times off its usual size
_FADE = 0.5  # what is left of the last values' own column after one season
_FAR = 2.0  # steps ahead count up to so many times the horizon of the fit
_TINY = 1e-9


@dataclass(frozen=True)
class Regressors:
    """Which columns a regression has; plain values, so that a fitted model can be saved.

    Attributes:
        season: steps of the short season.
        spans: windows of the means, in steps, rising.
        phases: values of the same phase that are looked at.
        year: steps of the long season; 0 for none.
        reach: half-width of the look-back one long season ago.
        waves: calendar columns: waves of the day, week and year, pay-days.
        occasions: columns of holidays and sale days.
        place: whose occasions those are.
        flags: known covariates that are zero often -> their usual size where they are not.
        amounts: known covariates that are seen relative to their own usual value.
        texts: known covariates that are texts -> those that get a column each.
    """

    season: int
    spans: tuple[int, ...]
    phases: int
    year: int
    reach: int
    waves: tuple[str, ...]
    occasions: tuple[str, ...]
    place: Place
    flags: Mapping[str, float]
    amounts: tuple[str, ...]
    texts: Mapping[str, tuple[str, ...]]

    @staticmethod
    def of(panel: Panel, horizon: int) -> Regressors:
        """The columns that suit a panel: its frequency, length, place and known covariates."""
        freq, plain = panel.freq, panel.freq.multiple == 1
        flags, amounts, texts = {}, [], {}
        for name, column in panel.known.items():
            seen = column[~np.isnan(column)]
            if name in panel.categories:
                codes, counts = np.unique(seen.astype(np.int64), return_counts=True)
                often = codes[np.argsort(-counts, kind="stable")][:_LEVELS]
                texts[name] = tuple(panel.categories[name][code] for code in sorted(often))
            elif seen.size and float((seen == 0).mean()) >= _FLAG:
                there = np.abs(seen[seen != 0])
                flags[name] = float(np.median(there)) if there.size else 1.0
            elif seen.size:
                amounts.append(name)
        long = _YEAR.get(freq.unit, 0) if plain else 0
        year = long if panel.n_steps > long + horizon else 0
        return Regressors(
            season=freq.season, spans=_SPANS.get(freq.unit, (4, 12, 48)) if plain else (4, 12, 48),
            phases=0 if freq.season < 2 else _PHASES if freq.season <= _SHORT_SEASON else _LONG_PHASES if not year else 1,
            year=year, reach=_REACH.get(freq.unit, 0), waves=_wave_names(panel), occasions=_occasion_names(panel),
            place=panel.place, flags=flags, amounts=tuple(amounts), texts=texts,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**asdict(self), "place": self.place.to_dict()}

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> Regressors:
        """Read the JSON form."""
        made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        made["place"] = Place.from_dict(fields["place"])
        made["texts"] = {k: tuple(v) for k, v in fields["texts"].items()}
        return Regressors(**made)

    @property
    def of_history(self) -> list[str]:
        """Columns made from past demand."""
        means = [f"mean_{span}" for span in self.spans]
        names = [*means, "mean_all", *(f"lag_{k}" for k in range(1, _LAGS + 1)), "last_fading", "drift"]
        if self.phases:
            names += [*(f"phase_{k}" for k in range(1, self.phases + 1)), "phase_mean"]
        return names + (["year_ago", "year_ago_growth"] if self.year else [])

    @property
    def of_covariates(self) -> list[str]:
        """Columns made from known covariates that are not texts."""
        return [f"{name}{part}" for name in (*self.flags, *self.amounts) for part in ("", "_usual")]

    @property
    def names(self) -> list[str]:
        """All columns, in order."""
        told = [f"{name}={text}" for name, texts in self.texts.items() for text in texts]
        return [*self.of_history, *self.of_covariates, "step", *self.waves, *self.occasions, *told]

    @property
    def curved(self) -> list[int]:
        """Positions of the columns that are quantities, of which powers make sense."""
        steady = {f"{name}_usual" for name in (*self.flags, *self.amounts)} | {f"lag_{k}" for k in range(1, _LAGS + 1)}
        wanted = {*self.of_history, *self.of_covariates, "step"} - steady
        return [k for k, name in enumerate(self.names) if name in wanted]


class RegressorMatrix:
    """Columns of one panel, made on demand for chosen origins.

    Args:
        panel: history.
        regressors: which columns.
        future: known covariates after the panel's end, name -> ``(S, horizon)``.
    """

    def __init__(self, panel: Panel, regressors: Regressors, future: Mapping[str, F32] | None = None) -> None:
        self.regressors, self.freq = regressors, panel.freq
        self.values = np.maximum(panel.dense(panel.observed).astype(np.float64), 0.0)
        self.n_steps = self.values.shape[1]
        self.first_step = panel.end + 1 - self.n_steps
        self._total, self._count = _running(self.values)
        self._known: dict[str, F64] = {}
        self._sums: dict[str, tuple[F64, F64]] = {}
        self._days: dict[int, F64] = {}
        for name in (*regressors.flags, *regressors.amounts, *regressors.texts):
            past = _coded(panel, name, panel.known[name], regressors) if name in panel.known else None
            joined = np.full_like(self.values, np.nan) if past is None else panel.dense(past).astype(np.float64)
            ahead = (future or {}).get(name)
            if ahead is not None:
                coded = _coded(panel, name, np.asarray(ahead).ravel(), regressors).reshape(np.shape(ahead))
                joined = np.concatenate([joined, coded.astype(np.float64)], axis=1)
            self._known[name] = joined
            if name not in regressors.texts:
                self._sums[name] = _running(joined)

    def level(self, origin: int) -> F64:
        """``(S,)`` recent and all-time mean in equal parts: positive where anything was sold, NaN where
        nothing is known."""
        overall = self._mean(self._total, self._count, origin, self.n_steps)
        recent = self._mean(self._total, self._count, origin, self.regressors.spans[1])
        return np.where(np.isnan(recent), overall, 0.5 * (overall + recent))

    def targets(self, origin: int, rows: I64, horizon: int) -> F64:
        """``(R, horizon)`` demand after an origin; NaN where missing or not there yet."""
        out = np.full((rows.size, horizon), np.nan)
        found = self.values[rows, origin + 1 : origin + 1 + horizon]
        out[:, : found.shape[1]] = found
        return out

    def block(self, origin: int, rows: I64, horizon: int, level: F64, reach: int) -> F64:
        """Columns ``(K, R, horizon)`` of some series with a positive ``level`` ``(S,)`` at an origin.

        ``reach`` is the horizon of the fit: the column ``step`` is 1 there.
        """
        names = self.regressors.names
        out = np.empty((len(names), rows.size, horizon))
        size = level[rows, None]
        at = 0

        def put(values: npt.ArrayLike) -> None:
            nonlocal at
            out[at] = values
            at += 1

        for values in self._of_history(origin, rows, horizon, reach, size):
            put(values)
        for values in self._of_covariates(origin, rows, horizon):
            put(values)
        put(np.minimum(np.arange(1, horizon + 1) / reach, _FAR))
        for column in self._of_calendar(origin, horizon):
            put(column)
        for name, texts in self.regressors.texts.items():
            codes = self._ahead(name, origin, rows, horizon)
            for code in range(len(texts)):
                put(codes == code)
        return out

    def _of_history(self, origin: int, rows: I64, horizon: int, reach: int, size: F64) -> list[F64]:
        made, ahead = self.regressors, np.arange(1, horizon + 1)
        share = np.minimum(ahead / reach, _FAR)
        total, count = self._total[rows], self._count[rows]
        overall = self._mean(total, count, origin, self.n_steps)[:, None] / size
        means: list[F64] = []
        longer = overall
        for span in reversed(made.spans):
            longer = _else(self._mean(total, count, origin, span)[:, None] / size, longer)
            means.insert(0, longer)
        lags = [_else(self._at(rows, origin - back)[:, None] / size, means[0]) for back in range(_LAGS)]
        fade = _FADE ** ((ahead - 1) / max(min(made.season, _SHORT_SEASON), 1))
        out = [*means, overall, *lags, (sum(lags) / _LAGS - means[1]) * fade, (means[0] - means[1]) * share]
        if made.phases:
            back = made.season * -(-ahead // made.season)
            found = [self._at(rows, origin + ahead - back - made.season * k) / size for k in range(made.phases)]
            seen = ~np.isnan(np.stack(found))
            mean = np.nan_to_num(np.stack(found)).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
            mean = np.where(seen.any(axis=0), mean, means[1])
            out += [*(_else(values, mean) for values in found), mean]
        if made.year:
            base = origin + ahead - made.year * -(-ahead // made.year)
            last = np.minimum(base + made.reach, origin)
            ago = _between(total, count, base - made.reach, last) / size
            then = self._mean(total, count, origin - made.year, made.spans[1])[:, None] / size
            out += [_else(ago, means[1]), means[1] * (np.clip(_else(ago / (then + 0.1), np.ones(1)), 0, _BOUND) - 1)]
        return out

    def _of_covariates(self, origin: int, rows: I64, horizon: int) -> list[F64]:
        made, out = self.regressors, []
        for name in (*made.flags, *made.amounts):
            now = self._ahead(name, origin, rows, horizon)
            total, count = self._sums[name]
            usual = self._mean(total[rows], count[rows], origin, made.spans[-1])
            usual = _else(usual, self._mean(total[rows], count[rows], origin, self.n_steps))[:, None]
            if name in made.flags:
                unit = made.flags[name]
                shown, before = np.nan_to_num(now) / unit, np.nan_to_num(usual) / unit
            else:
                shown, before = (now - usual) / (np.abs(usual) + _TINY), np.zeros(1)
            out += [np.clip(np.nan_to_num(shown), -_BOUND, _BOUND), np.clip(before, -_BOUND, _BOUND)]
        return out

    def _of_calendar(self, origin: int, horizon: int) -> F64:
        """``(C, horizon)`` columns of the calendar, the same for all series."""
        last = max(self.n_steps - 1, origin) + horizon
        if last not in self._days:  # of all steps at once: most origins ask for parts of one range
            end, made = self.first_step + last, self.regressors
            waves = calendar_features(self.freq, self.first_step, end, groups=("season",))
            near = occasion_columns(self.freq, self.first_step, end, made.place) if made.occasions else {}
            columns = [*(waves.column(name) for name in made.waves), *(near[name] for name in made.occasions)]
            self._days[last] = np.array(columns, dtype=np.float64).reshape(len(columns), last + 1)
        return self._days[last][:, origin + 1 : origin + 1 + horizon]

    def _ahead(self, name: str, origin: int, rows: I64, horizon: int) -> F64:
        return self._pick(self._known[name], rows, origin + np.arange(1, horizon + 1))

    def _at(self, rows: I64, columns: int | I64) -> F64:
        found = self._pick(self.values, rows, np.atleast_1d(columns))
        return found[:, 0] if isinstance(columns, int) else found

    @staticmethod
    def _pick(values: F64, rows: I64, columns: I64) -> F64:
        """``(R, n)`` cells; NaN outside of the matrix."""
        inside = (columns >= 0) & (columns < values.shape[1])
        out = np.full((rows.size, columns.size), np.nan)
        out[:, inside] = values[rows[:, None], columns[inside]]
        return out

    @staticmethod
    def _mean(total: F64, count: F64, origin: int, span: int) -> F64:
        """``(R,)`` mean of the observed among the last ``span`` steps up to an origin."""
        return _between(total, count, np.array([origin - span + 1]), np.array([origin]))[:, 0]


def occasion_columns(freq: Frequency, first: int, last: int, place: Place) -> dict[str, F32]:
    """How far each step is into the run-up to (``to_*``) or the time after (``after_*``) an occasion.

    A run-up rises from 0 two weeks before to 1 on the day; the time after falls to 0 within a week. ``holiday``,
    ``day_off`` and ``worked_weekend`` count days. See `nearness`.
    """
    found = nearness(freq, first, last, place)
    out: dict[str, F32] = {}
    for name in found.names:
        column = found.column(name)
        if not name.startswith("near_"):
            out[name] = column
            continue
        key = name.removeprefix("near_")
        out[f"to_{key}"] = np.where(column <= 0, np.maximum(1 + column / _RUN_UP, 0), 0).astype(np.float32)
        out[f"after_{key}"] = np.where(column > 0, np.maximum(1 - column / _AFTER, 0), 0).astype(np.float32)
    return out


def _wave_names(panel: Panel) -> tuple[str, ...]:
    freq, first = panel.freq, panel.end + 1 - panel.n_steps
    found = calendar_features(freq, first, panel.end, groups=("season",)).varying().names
    years = panel.n_steps * freq.days / 365.25
    wanted = ["day_", "week_sin", "week_cos", "payday_", "days_in_step"]
    if years >= _YEARS_OF_WAVES:
        wanted += [f"year_{wave}{k}" for wave in ("sin", "cos") for k in (1, 2)]
    return tuple(n for n in found if n.startswith(tuple(wanted)) and n not in ("day_of_week", "day_of_month"))


def _occasion_names(panel: Panel) -> tuple[str, ...]:
    """Occasions that took place within a panel's history."""
    found = occasion_columns(panel.freq, panel.end + 1 - panel.n_steps, panel.end, panel.place)
    return tuple(name for name, column in found.items() if column.size and float(np.ptp(column)) > 0)


def _coded(panel: Panel, name: str, flat: F32, regressors: Regressors) -> F32:
    """Codes of this panel's texts turned into those of the fit; unseen is NaN."""
    trained, here = regressors.texts.get(name), panel.categories.get(name)
    if trained is None:
        return flat
    rank = {text: code for code, text in enumerate(trained)}
    table = np.array([rank.get(text, np.nan) for text in here or ()] + [np.nan], dtype=np.float32)
    usable = ~np.isnan(flat) & (flat >= 0) & (flat < len(table) - 1)
    return table[np.where(usable, np.nan_to_num(flat), len(table) - 1).astype(np.int64)]


def _running(values: F64) -> tuple[F64, F64]:
    """Sums and numbers of the observed values before each column, ``(S, T + 1)``."""
    total, count = (np.zeros((len(values), values.shape[1] + 1)) for _ in range(2))
    np.cumsum(np.nan_to_num(values), axis=1, out=total[:, 1:])
    np.cumsum(~np.isnan(values), axis=1, out=count[:, 1:])
    return total, count


def _between(total: F64, count: F64, first: I64, last: I64) -> F64:
    """``(R, n)`` means of the observed from ``first`` to ``last`` ``(n,)``; NaN where there are none."""
    width = total.shape[1] - 1
    low, high = np.clip(first, 0, width), np.clip(last + 1, 0, width)
    high = np.maximum(high, low)
    number = count[:, high] - count[:, low]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number > 0, (total[:, high] - total[:, low]) / number, np.nan)


def _else(values: F64, other: F64) -> F64:
    return np.where(np.isnan(values), other, values)
