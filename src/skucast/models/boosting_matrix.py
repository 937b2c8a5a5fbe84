"""The feature matrix of the boosting model: one row per (series, origin, step ahead).

Everything in a row is known at its origin, or is known of the future by its nature (calendar, known
covariates). Demand is divided by the series' own level at the origin, so items that sell a billion
and items that sell one share the same trees.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..features.lags import History
from ..features.nearness import nearness
from ..frequency import Frequency
from ..panel import F32, Panel
from ..place import Place
from .boosting_groups import ALL, MOST_GROUPS, Groups, group_parts, text_codes

I64 = npt.NDArray[np.int64]

_TINY = 1e-9
_FEW_TEXTS, _MOST_TEXTS = 50, 0.2  # distinct texts of a static column that are groups of series, not their names
_REACH = {"D": 3, "W": 1, "M": 0, "Q": 0, "h": 1}  # half-width of the yearly look-back, in steps


@dataclass(frozen=True)
class Columns:
    """Which features the matrix has; plain values, so that a fitted model can be saved.

    Attributes:
        lags: number of last values.
        spans: windows of the rolling statistics, in steps, rising.
        season: steps of the short season.
        seasons: values of the same phase that are looked at.
        year: steps of the long season (a year of days, a week of hours); 0 for none.
        reach: half-width of the look-back one long season ago.
        clock: calendar parts of the target step.
        occasions: features of holidays and sale events of the target step.
        place: whose holidays those are.
        known: future-known covariates.
        past: past covariates.
        numbers: numeric static covariates.
        texts: text static covariates -> the texts that codes 0, 1, ... stand for.
        codes: text covariates among ``known`` and ``past`` -> likewise.
        groups: how groups of items behave: of all items, and of which text static columns; empty for no such features.
    """

    lags: int
    spans: tuple[int, ...]
    season: int
    seasons: int
    year: int
    reach: int
    clock: tuple[str, ...]
    occasions: tuple[str, ...]
    place: Place
    known: tuple[str, ...]
    past: tuple[str, ...]
    numbers: tuple[str, ...]
    texts: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, tuple[str, ...]]
    groups: tuple[str, ...] = ()

    @staticmethod
    def of(panel: Panel, groups: bool = False) -> Columns:
        """The features that suit a panel: its frequency, covariates, static columns and the holidays of its place.

        Args:
            panel: history.
            groups: take the text static columns with the most groups as groups that items behave like.
        """
        freq = panel.freq
        season = freq.season
        year = {"D": 364, "h": 168}.get(freq.unit, 0) if freq.multiple == 1 else 0
        spans = {
            "D": (7, 28, 91, 364), "W": (4, 13, 26, 52), "M": (3, 6, 12, 24), "Q": (2, 4, 8), "h": (24, 168, 672)
        }.get(freq.unit, (4, 12, 48))  # fmt: skip
        numbers, texts = [], {}
        for name in panel.static.columns[1:]:
            column = panel.static[name]
            if column.dtype.is_numeric() or column.dtype == pl.Boolean:
                numbers.append(name)
            elif column.dtype in (pl.String, pl.Categorical, pl.Enum):
                found = column.cast(pl.String).drop_nulls().unique().sort()
                if 1 < len(found) <= max(_FEW_TEXTS, len(panel) * _MOST_TEXTS):  # more are names, not groups
                    texts[name] = tuple(found)
        finest = sorted(texts, key=lambda name: -len(texts[name]))[:MOST_GROUPS]
        coded = {n: c for n, c in panel.categories.items() if n in panel.known or n in panel.past}
        return Columns(
            lags=min(7, max(3, season)), spans=spans, season=season, seasons=4 if season <= 24 else 2,
            year=year, reach=_REACH.get(freq.unit, 0) if year or season > 24 else 0, clock=_clock_names(freq),
            occasions=_occasion_names(panel), place=panel.place, known=tuple(panel.known), past=tuple(panel.past), numbers=tuple(numbers), texts=texts, codes=coded,
            groups=(ALL, *finest) if groups else (),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        fields = {name: value for name, value in vars(self).items() if name != "place"}
        return {**fields, "place": self.place.to_dict()}

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> Columns:
        """Read the JSON form."""
        made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        for name in ("texts", "codes"):
            made[name] = {k: tuple(v) for k, v in fields[name].items()}
        return Columns(**{**made, "place": Place.from_dict(fields["place"])})

    @property
    def at_origin(self) -> list[str]:
        """Names of the features that depend on series and origin."""
        names = [f"lag_{k}" for k in range(1, self.lags + 1)]
        for span in self.spans:
            names += [f"mean_{span}", f"std_{span}", f"zeros_{span}", f"max_{span}"]
        names += ["mean_all", "trend", "age", "since_sale", "sales_share", "sale_size", "log_level"]
        for name in self.past:
            names += [f"past_{name}", f"past_{name}_change"]
        return names + [f"static_{name}" for name in (*self.numbers, *self.texts)]

    @property
    def at_step(self) -> list[str]:
        """Names of the features that depend on the step ahead too."""
        names = ["step", *self.clock, *self.occasions]
        if self.season > 1:
            names += [f"phase_{k}" for k in range(1, self.seasons + 1)] + ["phase_mean"]
        if self.reach:
            names += ["year_ago", "year_ago_growth"]
        for name in self.known:
            names += [f"known_{name}"] + ([] if name in self.codes else [f"known_{name}_change"])
        for name in self.groups:
            names += [f"group_{name}_{part}" if name else f"all_items_{part}" for part in self.group_parts]
        return names

    @property
    def group_parts(self) -> list[str]:
        """Names of the features that each group has."""
        return group_parts(*self.group_seasons)

    @property
    def group_seasons(self) -> tuple[int, int]:
        """Steps of the short and of the long season of groups; 0 for none."""
        short = self.season if 1 < self.season <= 24 else 0
        return short, self.year or (self.season if self.reach else 0)

    @property
    def names(self) -> list[str]:
        """Names of all columns, in order."""
        return self.at_origin + self.at_step

    @property
    def categorical(self) -> list[int]:
        """Positions of the columns that hold codes."""
        coded = {f"static_{n}" for n in self.texts} | {f"{r}_{n}" for n in self.codes for r in ("known", "past")}
        return [i for i, name in enumerate(self.names) if name in coded]


class Matrix:
    """Rows of features of one panel, made on demand for chosen origins.

    Args:
        panel: history.
        columns: which features.
        future: known covariates after the panel's end, name -> ``(S, horizon)``.
        groups: how groups of items behave, needed where ``columns`` ask for it.
    """

    def __init__(
        self, panel: Panel, columns: Columns, future: Mapping[str, F32] | None = None, groups: Groups | None = None
    ) -> None:
        if columns.groups and groups is None:
            raise ValueError("These columns ask how groups behave: give the groups that were learned.")
        self.panel, self.columns = panel, columns
        self.history = History(np.maximum(panel.dense(panel.observed), np.float32(0)))
        self.first_step = panel.end - self.history.n_steps + 1
        self._total, self._count = self.history.running()
        self._first, _ = self.history.since(lambda v: ~np.isnan(v))
        _, self._sold = self.history.since(lambda v: v > 0)
        self._sales = np.cumsum(self.history.values > 0, axis=1, dtype=np.int32)
        self._static = self._static_block()
        self._groups = groups if columns.groups else None
        self._group_rows = self._groups.rows(panel) if self._groups else {}
        self._past = {n: History(self._coded(n, panel.past[n])) for n in columns.past if n in panel.past}
        self._known: dict[str, History] = {}
        for name in columns.known:
            if name in panel.known:
                dense = self._coded(name, panel.known[name])
                ahead = None if future is None else future.get(name)
                joined = dense if ahead is None else np.concatenate([dense, self._recode(name, ahead)], axis=1)
                self._known[name] = History(joined)

    def take(self, series: I64) -> Matrix:
        """The matrix of some series; what holds for all of them (groups, calendar) stays as it is."""
        part = copy.copy(self)
        part.history = History(self.history.values[series])
        for name in ("_total", "_count", "_first", "_sold", "_sales"):
            setattr(part, name, getattr(self, name)[series])
        part._static = [column[series] for column in self._static]
        part._group_rows = {name: rows[series] for name, rows in self._group_rows.items()}
        part._past = {name: History(column.values[series]) for name, column in self._past.items()}
        part._known = {name: History(column.values[series]) for name, column in self._known.items()}
        return part

    @property
    def n_steps(self) -> int:
        """Columns of history."""
        return self.history.n_steps

    def level(self, origin: int) -> F32:
        """``(S,)`` level by which demand is divided: recent and all-time mean in equal parts.

        Positive wherever anything was ever sold, NaN or zero elsewhere.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            overall = self._total[:, origin] / self._count[:, origin]
        recent = self.history.mean(origin, self.columns.spans[1])
        return np.asarray(np.where(np.isnan(recent), overall, 0.5 * (overall + recent)), dtype=np.float32)

    def rows(self, origin: int, series: I64, steps: I64, horizon: int, level: F32, out: F32) -> None:
        """Fill ``out`` ``(R, F)`` with the features of pairs (series, step ahead, from 1) at one origin.

        Series must rise; ``level`` is what `level` gave for the origin.
        """
        columns = self.columns
        n_origin = len(columns.at_origin)
        block = self._origin_block(origin, level)
        np.take(block, series, axis=0, out=out[:, :n_origin])
        scale = level[series]
        at = n_origin

        def put(values: npt.NDArray[Any]) -> None:
            nonlocal at
            out[:, at] = values
            at += 1

        put(steps)
        for part in clock(self.panel.freq, self.first_step + origin + np.arange(1, horizon + 1), columns.clock):
            put(part[steps - 1])
        for occasion in self._occasions(origin, horizon):
            put(occasion[steps - 1])
        pick = (series, steps - 1)
        history = self.history
        if columns.season > 1:
            for back in range(columns.seasons):
                put(history.same_phase(origin, horizon, columns.season, back)[pick] / scale)
            put(history.same_phase_mean(origin, horizon, columns.season, columns.seasons)[pick] / scale)
        if columns.reach:
            year = columns.year or columns.season
            ago = history.around_phase(origin, horizon, year, columns.reach)[pick]
            put(ago / scale)
            then = history.mean(origin - year, columns.spans[1])[series] if origin >= year else np.nan
            put(ago / (then + 0.1 * scale))
        for name in columns.known:
            column = self._known.get(name)
            found = np.full(len(series), np.nan, dtype=np.float32)
            target = origin + steps
            if column is not None:
                inside = target < column.n_steps
                found[inside] = column.values[series[inside], target[inside]]
            put(found)
            if name not in columns.codes:
                usual = column.mean(origin, columns.spans[-1])[series] if column is not None else np.nan
                put((found - usual) / (np.abs(usual) + _TINY))
        if self._groups is not None:
            short, year = columns.group_seasons
            parts = self._groups.ahead(self.first_step + origin, horizon, short, year, columns.reach, columns.spans)
            for name in columns.groups:
                row = self._group_rows[name][series]
                for ratio in parts:
                    put(ratio[row, steps - 1])

    def targets(self, origin: int, series: I64, steps: I64) -> F32:
        """``(R,)`` demand of pairs (series, step ahead) at one origin; NaN where it is missing."""
        found: F32 = self.history.values[series, origin + steps]
        return found

    def _occasions(self, origin: int, horizon: int) -> list[F32]:
        """Holiday features of the steps ahead of an origin, each ``(horizon,)``."""
        columns, freq = self.columns, self.panel.freq
        if not columns.occasions:
            return []
        last = max(self.panel.end, self.first_step + origin) + horizon  # one range for all origins: it is kept
        found = nearness(freq, self.first_step, last, columns.place)
        ahead = slice(origin + 1, origin + 1 + horizon)
        return [found.column(name)[ahead] for name in columns.occasions]

    def _origin_block(self, origin: int, level: F32) -> F32:
        columns, history = self.columns, self.history
        out = np.empty((len(level), len(columns.at_origin)), dtype=np.float32)
        parts = self._origin_parts(origin, level, columns, history)
        for at, part in enumerate(parts):
            out[:, at] = part
        return out

    def _origin_parts(self, origin: int, level: F32, columns: Columns, history: History) -> Iterator[npt.NDArray[Any]]:
        with np.errstate(invalid="ignore", divide="ignore"):
            for back in range(columns.lags):
                yield history.at(origin, back) / level
            means = []
            for span in columns.spans:
                summary = history.summary(origin, span)
                means.append(summary.mean / level)
                yield means[-1]
                yield summary.std / level
                yield summary.zeros
                yield summary.top / level
            overall = self._total[:, origin] / self._count[:, origin]
            yield overall / level
            yield (means[0] - means[1]) / (means[1] + 0.1)
            yield np.where(self._first <= origin, origin - self._first, np.nan)
            sold = self._sold[:, origin]
            yield np.where(sold >= 0, origin - sold, np.nan)
            sales = self._sales[:, origin]
            yield sales / self._count[:, origin]
            yield np.log1p(self._total[:, origin] / np.maximum(sales, 1))
            yield np.log(level + _TINY)
            for name in columns.past:
                column = self._past.get(name)
                now = column.at(origin) if column is not None else np.full(len(level), np.nan)
                usual = column.mean(origin, columns.spans[-1]) if column is not None else now
                yield now
                yield (now - usual) / (np.abs(usual) + _TINY)
        yield from self._static

    def _static_block(self) -> list[F32]:
        table = self.panel.static
        nothing = np.full(len(self.panel), np.nan, dtype=np.float32)
        out = []
        for name in self.columns.numbers:
            column = table[name].cast(pl.Float32, strict=False) if name in table.columns else None
            out.append(nothing if column is None else column.fill_null(np.nan).to_numpy().astype(np.float32))
        for name, texts in self.columns.texts.items():
            code = text_codes(self.panel, name, texts)
            out.append(np.where(code >= 0, code, np.nan).astype(np.float32))
        return out

    def _coded(self, name: str, flat: F32) -> F32:
        return self._recode(name, self.panel.dense(flat))

    def _recode(self, name: str, values: F32) -> F32:
        """Codes of this panel's texts turned into those the model was trained with; unseen is missing."""
        trained, here = self.columns.codes.get(name), self.panel.categories.get(name)
        if trained is None:
            return values.astype(np.float32, copy=False)
        rank = {text: code for code, text in enumerate(trained)}
        table = np.array([rank.get(text, np.nan) for text in here or ()] + [np.nan], dtype=np.float32)
        usable = ~np.isnan(values) & (values >= 0) & (values < len(table) - 1)
        return table[np.where(usable, np.nan_to_num(values), len(table) - 1).astype(np.int64)]


def clock(freq: Frequency, ordinals: I64, parts: tuple[str, ...]) -> list[F32]:
    """Calendar parts of steps, each ``(len(ordinals),)``."""
    stamps = freq.stamp(ordinals)
    day = stamps.astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    number = day.astype(np.int64)
    made = {
        "weekday": (number + 3) % 7,
        "month": month.astype(np.int64) % 12,
        "day": (day - month.astype("datetime64[D]")).astype(np.int64),
        "week": (day - day.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) // 7,
        "hour": (stamps - day).astype("timedelta64[h]").astype(np.int64),
        "minute": (stamps - day).astype("timedelta64[m]").astype(np.int64) % 60,
    }
    return [made[name].astype(np.float32) for name in parts]


def _occasion_names(panel: Panel) -> tuple[str, ...]:
    """Holiday features that differ between the steps of a panel; none where its place is not known."""
    return nearness(panel.freq, panel.end + 1 - panel.n_steps, panel.end, panel.place).varying().names


def _clock_names(freq: Frequency) -> tuple[str, ...]:
    if freq.unit in ("s", "min"):
        return ("weekday", "hour", "minute")
    return {
        "h": ("weekday", "hour", "month"), "D": ("weekday", "day", "week", "month"), "W": ("week", "month", "day")
    }.get(freq.unit, ("month",))  # fmt: skip
