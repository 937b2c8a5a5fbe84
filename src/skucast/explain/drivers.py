"""Drivers: each forecast taken apart into level, season, holidays, promotion, price, weather and other, in units.

The parts add up to the forecast's mean, in every series and step, for any model. What lies ahead (prices, promotions,
weather, other known covariates, holidays of the place) is taken back to what is usual, part by part in all
combinations, and the model asked each time; a part gets its Shapley value of these answers. What the model forecasts
with everything as usual is split into level and season (see `skucast.explain.season`).

The boosting model could tell contributions of its own (TreeSHAP). They are not used: they are of its scaled and
logarithmic output, against the average row of all items instead of this item's usual price, and mostly of lags, so
that turned into units they would neither add up to the forecast in one way only nor answer what a planner asks. The
same question to all models makes their answers comparable, and the answer of a combination is that of its members.

What past covariates say, known up to now only, is in the level: nothing is planned with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ConfigError
from ..frequency import Frequency, Stamps
from ..models.spec import Fitted, Progress
from ..panel import F32, Bool, Panel
from ..panel_frame import Layout, from_polars, stamp_series
from .asked import Ahead, Oracle, oracle
from .circumstances import Circumstances, circumstances
from .parts import EFFECTS, HOLIDAYS, PARTS, part_of
from .season import level_and_season, short_season
from .sentences import Lang
from .shapley import Coalition, shapley
from .usual import promoted, usual_values

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Drivers:
    """What drives each forecast.

    Attributes:
        static: ``S`` rows, first column the identifier (as in the panel).
        freq: grid of time.
        start: ordinal of the first forecast step.
        mean: ``(S, H)`` the forecast's mean, in units.
        parts: ``(S, H, 7)`` units of each of `PARTS`; they add up to the mean.
        about: what the sentences tell besides: how prices and promotions differ, which holidays, what is doubtful.
        layout: how the user's frame looked.
    """

    static: pl.DataFrame
    freq: Frequency
    start: int
    mean: F32
    parts: F64
    about: Circumstances = field(default_factory=Circumstances)
    layout: Layout | None = None

    def __len__(self) -> int:
        return self.static.height

    @property
    def ids(self) -> pl.Series:
        """Identifiers of the series, in order."""
        return self.static.to_series(0)

    @property
    def horizon(self) -> int:
        """Number of steps ahead."""
        return int(self.mean.shape[1])

    @property
    def stamps(self) -> Stamps:
        """``(H,)`` stamps of the forecast steps."""
        return self.freq.stamp(np.arange(self.start, self.start + self.horizon))

    def part(self, name: str) -> F64:
        """``(S, H)`` units of one of `PARTS`."""
        return self.parts[:, :, PARTS.index(name)]

    def take(self, rows: npt.ArrayLike) -> Drivers:
        """Those of some series (indices or boolean mask)."""
        index = np.asarray(rows)
        index = np.flatnonzero(index) if index.dtype == np.bool_ else index.astype(np.int64)
        return replace(
            self,
            static=self.static[index],
            mean=self.mean[index],
            parts=self.parts[index],
            about=self.about.take(index),
        )

    def to_polars(self, total: bool = False) -> pl.DataFrame:
        """Polars frame: identifier, stamp, ``mean`` and a column per part; sums over the horizon if ``total``."""
        layout = self.layout or Layout(id=self.static.columns[0])
        if total:
            columns: dict[str, Any] = {layout.id: self.ids, "mean": self.mean.sum(axis=1, dtype=np.float64)}
            return pl.DataFrame(columns | {n: self.part(n).sum(axis=1) for n in PARTS})
        stamps = stamp_series(self.stamps, layout.time_dtype)
        columns = {
            layout.id: self.ids.gather(np.repeat(np.arange(len(self)), self.horizon)),
            layout.time: pl.concat([stamps] * len(self)) if len(self) else stamps.clear(),
            "mean": self.mean.ravel().astype(np.float64),
        }
        return pl.DataFrame(columns | {n: self.part(n).ravel() for n in PARTS})

    def frame(self, total: bool = False) -> Any:
        """As `to_polars`, in the kind of frame that the user gave."""
        return from_polars(self.to_polars(total), (self.layout or Layout()).kind)

    def sentences(self, language: Lang = "en") -> list[str]:
        """What drives the forecast of each series over the whole horizon, in words, in the order of the series.

        Args:
            language: ``en`` or ``zh``.

        Raises:
            ConfigError: there is no such language.
        """
        from .driver_sentences import say

        if language not in get_args(Lang):
            raise ConfigError(f"There is no language '{language}': use 'en' or 'zh'.")
        return [say(self, row, language) for row in range(len(self))]

    def __repr__(self) -> str:
        total = self.parts.sum(axis=(0, 1))
        said = ", ".join(f"{n} {v:+,.0f}" for n, v in zip(PARTS, total, strict=True) if round(v))
        return f"Drivers({len(self):,} series x {self.horizon} steps ({self.freq.alias}): {said or 'nothing'})"


def drivers(
    fitted: Fitted,
    horizon: int,
    future: Any = None,
    *,
    groups: Mapping[str, Sequence[str] | str] | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Drivers:
    """Take the forecasts of a fitted model apart.

    The model is asked ``2 ** K`` times, for ``K`` parts that make a difference to it (of holidays, promotion, price,
    weather, other), and a few times more to find out which do.

    Args:
        fitted: the model; its panel is the history.
        horizon: steps ahead.
        future: known covariates, as in `Fitted.predict`.
        groups: part -> its known covariates, where their names do not tell (see `skucast.explain.parts`).
        seed: as in `Fitted.predict`.
        progress: hook ``progress(what, fraction_done)``.

    Raises:
        ConfigError: horizon or groups make no sense.
        DataError: known covariates are missing in the future.
    """
    panel = fitted.panel
    parts = part_of(panel, groups)
    known = future
    if panel.known and not isinstance(future, Mapping) and fitted.spec.capabilities.known and horizon >= 1:
        known = panel.future(future, horizon)
    forecast = fitted.predict(horizon, known, levels=(0.5,), seed=seed)
    promotions = promoted(panel, parts)
    ahead = _ahead(panel, parts, known, horizon, seed, promotions)
    players = frozenset(ahead.moved() | ({HOLIDAYS} if panel.place else set()))
    model = oracle(fitted, ahead, players, forecast.mean)
    used = model.used()
    asked = sorted(used, key=EFFECTS.index)
    effects = shapley(asked, _told(model, progress, 2 ** len(asked)))
    everything, plain = forecast.mean.astype(np.float64), model.mean(frozenset()).astype(np.float64)
    longer = _longer(model, panel, ahead, plain)
    made = np.zeros((*everything.shape, len(PARTS)))
    for name, values in effects.items():
        made[:, :, PARTS.index(name)] = values
    made[:, :, PARTS.index("season")] = level_and_season(panel, plain, longer, promotions)[1]
    made[:, :, 0] = everything - made[:, :, 1:].sum(axis=2)
    about = circumstances(fitted, forecast, ahead, made, used, promotions)
    return Drivers(panel.static, panel.freq, forecast.start, forecast.mean, made, about, panel.layout)


def _ahead(
    panel: Panel, parts: Mapping[str, str], known: Any, horizon: int, seed: int | None, promotions: Bool
) -> Ahead:
    """What is planned and what is usual; where nothing is said about a covariate, or nothing is known, that is one."""
    planned, usual = {}, {}
    for name, part in parts.items():
        said = usual_values(panel, name, part, promotions, horizon)
        given = np.asarray(known[name], dtype=np.float32) if isinstance(known, Mapping) and name in known else said
        planned[name] = given
        usual[name] = given if part == "season" else np.where(np.isnan(said), given, said)
    return Ahead(horizon, planned, usual, dict(parts), seed)


def _longer(model: Oracle, panel: Panel, ahead: Ahead, plain: F64) -> F64:
    """The ordinary forecast ``(S, H')`` over whole short seasons."""
    period = short_season(panel)
    total = -(-ahead.horizon // period) * period
    if total == ahead.horizon:
        return plain
    usual = {}
    for name, values in ahead.usual.items():
        more = np.repeat(values[:, -1:], total - ahead.horizon, axis=1)
        usual[name] = np.concatenate([values, more], axis=1)
        if ahead.parts[name] == "season":  # goes on as one short season before
            known = np.concatenate([panel.dense(panel.known[name]), values], axis=1)
            for step in range(known.shape[1], known.shape[1] + total - ahead.horizon):
                column = known[:, step - period] if step >= period else known[:, -1]
                known = np.concatenate([known, column[:, None]], axis=1)
            usual[name] = known[:, -total:]
    made = model.plain(replace(ahead, horizon=total, planned=usual, usual=usual)).astype(np.float64)
    return np.asarray(np.concatenate([plain, made[:, ahead.horizon :]], axis=1))


def _told(model: Oracle, progress: Progress | None, total: int) -> Callable[[Coalition], F64]:
    """The worth of a coalition, with a word to whoever waits."""
    done = 0

    def worth(present: Coalition) -> F64:
        nonlocal done
        done += 1
        if progress:
            progress("explanations", done / total)
        return model.mean(present).astype(np.float64)

    return worth
