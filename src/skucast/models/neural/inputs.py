"""What a network sees of a panel: plain values, learned at fit and saved with the weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ...errors import ConfigError
from ...features.calendar import CalendarFeatures, place_calendar
from ...panel import F32, Panel
from .options import Embed
from .scaling import STATISTICS, Scaling
from .statics import Statics
from .told import Base

_PATCH = {"s": 60, "min": 60, "h": 24, "D": 7, "W": 4, "M": 1, "Q": 1, "Y": 1}  # steps that go together
_CONTEXT = {"s": 3600, "min": 2880, "h": 672, "D": 182, "W": 104, "M": 36, "Q": 16, "Y": 10}
_YEAR = {"D": 364, "h": 168}  # second season: a year of days, a week of hours
_REACH = {"D": 3, "W": 1}
_WAVE = re.compile(r"_(sin|cos)\d+$")
_MOST_TEXTS = 32  # a text covariate with more values than this is left out
_NEAR_DAYS = 14  # a holiday casts its shadow so many days ahead
_CODES = {"day_of_week", "day_of_month", "week_of_year", "month", "hour_of_day", "trend", "days_in_step", "weekend"}
_FAR = 8.0  # standardised covariates are cut off here


MEMORY = 7
"""Numbers that describe past seasons at a step ahead: see `skucast.models.neural.windows`."""


@dataclass(frozen=True)
class Covariate:
    """A covariate as the network sees it.

    Attributes:
        name: of the panel's column.
        known: known in the future too.
        centre: subtracted from numbers.
        spread: numbers are divided by it.
        texts: of a text covariate; it becomes one channel per text.
    """

    name: str
    known: bool
    centre: float = 0.0
    spread: float = 1.0
    texts: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Channels that it takes."""
        return len(self.texts) or 1

    @staticmethod
    def of(panel: Panel, name: str) -> Covariate | None:
        """Learn one from a panel; None if it says nothing (constant) or too much (hundreds of texts)."""
        known = name in panel.known
        texts = panel.categories.get(name)
        if texts is not None:
            return Covariate(name, known, texts=texts) if 1 < len(texts) <= _MOST_TEXTS else None
        column = (panel.known if known else panel.past)[name].astype(np.float64)
        seen = column[np.isfinite(column)]
        if seen.size == 0 or float(np.ptp(seen)) == 0.0:
            return None
        return Covariate(name, known, float(seen.mean()), float(seen.std()))

    def channels(self, panel: Panel) -> F32:
        """``(N, width)`` channels; 0 where the value is missing or a text is new."""
        column = (panel.known if self.known else panel.past).get(self.name)
        if column is None:
            return np.zeros((panel.values.size, self.width), np.float32)
        if not self.texts:
            scaled = np.clip((column.astype(np.float64) - self.centre) / self.spread, -_FAR, _FAR)
            return np.nan_to_num(scaled).astype(np.float32)[:, None]
        rank = {text: code for code, text in enumerate(self.texts)}
        here = panel.categories.get(self.name, ())
        table = np.zeros((len(here) + 1, self.width), np.float32)  # last row: missing
        for code, text in enumerate(here):
            if text in rank:
                table[code, rank[text]] = 1.0
        usable = (column >= 0) & (column < len(here))  # NaN compares as False
        return np.asarray(table[np.where(usable, np.nan_to_num(column), len(here)).astype(np.int64)])


@dataclass(frozen=True)
class Inputs:
    """The shape and meaning of a network's inputs.

    Attributes:
        horizon: steps ahead that the network answers for at once.
        patch: steps that make one recurrent step.
        patches: recurrent steps of context.
        season: steps of the short season.
        year: steps of the long season; 0 for none.
        reach: half-width of the look-back one long season ago.
        covariates: the panel's own, known ones first.
        calendar: names of the calendar features of each step: waves of week and year and pay-days, and where
            the panel says where it sells also that country's holidays, feasts and sale days.
        scaling: how demand is brought to one size.
        normalise: demand is brought to the mean and deviation of the context before the network sees it.
        seasonal: demand is freed of each series' season before the network sees it.
        statics: what is known of series that does not change.
        targets: past covariates that are forecast beside demand.
        base: the pretrained forecast that it starts from, if any.
    """

    horizon: int
    patch: int
    patches: int
    season: int
    year: int
    reach: int
    covariates: tuple[Covariate, ...]
    calendar: tuple[str, ...]
    scaling: Scaling
    normalise: bool = False
    seasonal: bool = False
    statics: Statics = field(default_factory=Statics)
    targets: tuple[str, ...] = ()
    base: Base | None = None

    @staticmethod
    def of(
        panel: Panel, horizon: int, patch: int = 0, context: int = 0, scaling: Scaling = "mean", *,
        normalise: bool = False, seasonal: bool = False, embed: Embed = "none", targets: tuple[str, ...] = (),
    ) -> Inputs:  # fmt: skip
        """Inputs that suit a panel.

        Args:
            panel: history.
            horizon: steps ahead.
            patch: steps per patch; 0 takes a week of days, a day of hours, a month of weeks.
            context: steps looked at; 0 takes half a year of days, two years of weeks.
                (The same days of last year are seen besides.)
            scaling: ``mean``, ``robust`` or ``asinh``.
            normalise: see the attribute.
            seasonal: see the attribute.
            embed: which static columns it sees: ``none``, ``static``, or ``series`` (names of items too).
            targets: see the attribute.

        Raises:
            ConfigError: a target is no past covariate of numbers.
        """
        for name in targets:
            if name not in panel.past or name in panel.categories:
                some = [n for n in panel.past if n not in panel.categories]
                raise ConfigError(
                    f"'{name}' cannot be forecast beside demand: it is no past covariate of numbers; "
                    f"there are: {', '.join(some) or 'none'}."
                )
        freq = panel.freq
        plain = freq.multiple == 1
        size = patch or (_PATCH[freq.unit] if plain else 1)
        span = context or (_CONTEXT[freq.unit] if plain else 64)
        span = min(span, max(panel.n_steps, size))
        season = min(freq.season, 366)
        year = _YEAR.get(freq.unit, 0) if plain else 0
        found = [Covariate.of(panel, name) for name in (*panel.known, *panel.past)]
        return Inputs(
            horizon=horizon, patch=size, patches=-(-span // size), season=season, year=year,
            reach=_REACH.get(freq.unit, 0) if plain else 0, covariates=tuple(c for c in found if c is not None),
            calendar=_calendar_names(panel), scaling=scaling, normalise=normalise, seasonal=seasonal,
            statics=Statics.of(panel, embed), targets=targets,
        )  # fmt: skip

    @property
    def context(self) -> int:
        """Steps of context."""
        return self.patch * self.patches

    @property
    def framed(self) -> bool:
        """True if heads speak of something else than demand over its scale."""
        return self.normalise or self.seasonal

    @property
    def known_width(self) -> int:
        """Channels of the future-known covariates; they stand first."""
        return sum(c.width for c in self.covariates if c.known)

    @property
    def width(self) -> int:
        """Channels of all covariates."""
        return sum(c.width for c in self.covariates)

    @property
    def patch_width(self) -> int:
        """Numbers that describe one patch: its steps, then the series' state and the calendar at its end."""
        return self.patch * (2 + self.width + len(self.targets)) + len(STATISTICS) + len(self.calendar)

    @property
    def ahead_width(self) -> int:
        """Numbers that describe one step ahead: known covariates, calendar, and memory of past seasons."""
        return self.known_width + len(self.calendar) + MEMORY

    def calendar_table(self, panel: Panel, first: int, last: int) -> F32:
        """``(T, K)`` calendar of the steps from the first to the last; zeros for dates that its place lacks."""
        features = _calendar(panel, first, last)
        out = np.zeros((last - first + 1, len(self.calendar)), np.float32)
        for k, name in enumerate(self.calendar):
            if name in features.names:
                column = features.column(name)
                if name.endswith("_next"):
                    out[:, k] = np.maximum(1 - column / _NEAR_DAYS, 0)
                else:
                    waves = is_wave(name)
                    out[:, k] = column if waves else column / max(1.0, min(panel.freq.days, 7.0))
        return out

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> Inputs:
        """Read the JSON form."""
        covariates = tuple(Covariate(**{**c, "texts": tuple(c["texts"])}) for c in fields["covariates"])
        statics = Statics.from_dict(fields.get("statics", {}))
        lists = {name: tuple(fields.get(name, ())) for name in ("calendar", "targets")}
        base = Base.from_dict(fields["base"]) if fields.get("base") else None
        return Inputs(**{**fields, **lists, "covariates": covariates, "statics": statics, "base": base})


def is_wave(name: str) -> bool:
    """True for calendar features within [-1, 1] that vary all the time: waves of week and year, pay-days."""
    return _WAVE.search(name) is not None or name.startswith("payday")


def _calendar(panel: Panel, first: int, last: int) -> CalendarFeatures:
    place = panel.place
    groups = ("season", "holiday", "lunar", "sale") if place else ("season",)
    return place_calendar(panel.freq, first, last, place, groups)


def _calendar_names(panel: Panel) -> tuple[str, ...]:
    """Features that a network can use as they are: waves, flags that occurred, and nearness to what is ahead."""
    varying = set(_calendar(panel, panel.end + 1 - max(panel.n_steps, 2), panel.end).varying().names)
    names = []
    for name in _calendar(panel, panel.end - 1, panel.end).names:
        wave = is_wave(name)
        code = name in _CODES or name.endswith(("_since", "_offset"))
        if wave or (name in varying and not code):
            names.append(name)
    return tuple(names)
