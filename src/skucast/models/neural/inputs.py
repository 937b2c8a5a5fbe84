"""What a network sees of a panel: plain values, learned at fit and saved with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...features.calendar import calendar_features
from ...frequency import Frequency
from ...panel import F32, Panel
from .scaling import STATISTICS, Scaling

_PATCH = {"s": 60, "min": 60, "h": 24, "D": 7, "W": 4, "M": 1, "Q": 1, "Y": 1}  # steps that go together
_CONTEXT = {"s": 3600, "min": 2880, "h": 672, "D": 364, "W": 104, "M": 36, "Q": 16, "Y": 10}
_YEAR = {"D": 364, "h": 168}  # second season: a year of days, a week of hours
_REACH = {"D": 3, "W": 1}
_MOST_TEXTS = 32  # a text covariate with more values than this is left out
_FAR = 8.0  # standardised covariates are cut off here


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
        calendar: names of the season features of each step.
        scaling: how demand is brought to one size.
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

    @staticmethod
    def of(panel: Panel, horizon: int, patch: int = 0, context: int = 0, scaling: Scaling = "mean") -> Inputs:
        """Inputs that suit a panel.

        Args:
            panel: history.
            horizon: steps ahead.
            patch: steps per patch; 0 takes a week of days, a day of hours, a month of weeks.
            context: steps looked at; 0 takes a year of days, two years of weeks.
            scaling: ``mean`` or ``robust``.
        """
        freq = panel.freq
        plain = freq.multiple == 1
        size = patch or (_PATCH[freq.unit] if plain else 1)
        span = context or (_CONTEXT[freq.unit] if plain else 64)
        span = min(span, max(panel.n_steps, size))
        season = min(freq.season, 366)
        year = _YEAR.get(freq.unit, 0) if plain else 0
        found = [Covariate.of(panel, name) for name in (*panel.known, *panel.past)]
        features = calendar_features(freq, panel.end - 1, panel.end, groups=("season",))
        waves = tuple(n for n in features.names if "_sin" in n or "_cos" in n or n.startswith("payday"))
        return Inputs(
            horizon=horizon, patch=size, patches=-(-span // size), season=season, year=year,
            reach=_REACH.get(freq.unit, 0) if plain else 0, covariates=tuple(c for c in found if c is not None),
            calendar=waves, scaling=scaling,
        )  # fmt: skip

    @property
    def context(self) -> int:
        """Steps of context."""
        return self.patch * self.patches

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
        return self.patch * (2 + self.width) + len(STATISTICS) + len(self.calendar)

    @property
    def ahead_width(self) -> int:
        """Numbers that describe one step ahead: known covariates, calendar, and memory of past seasons."""
        return self.known_width + len(self.calendar) + MEMORY

    def calendar_table(self, freq: Frequency, first: int, last: int) -> F32:
        """``(T, K)`` calendar of the steps from the first to the last."""
        features = calendar_features(freq, first, last, groups=("season",))
        columns: list[npt.NDArray[Any]] = [features.column(name) for name in self.calendar]
        return np.stack(columns, axis=1) if columns else np.zeros((last - first + 1, 0), np.float32)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> Inputs:
        """Read the JSON form."""
        covariates = tuple(Covariate(**{**c, "texts": tuple(c["texts"])}) for c in fields["covariates"])
        return Inputs(**{**fields, "covariates": covariates, "calendar": tuple(fields["calendar"])})


MEMORY = 7
"""Numbers that describe past seasons at a step ahead: see `skucast.models.neural.windows`."""
