"""Decompose, smooth what is left exponentially, add the seasons back: one season or several, the whole panel at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..features.decomposition import mstl
from ..features.loess import loess
from ..features.seasonal_filter import ends
from ..panel import F32, Panel
from .empirical import PastErrors, error_quantiles, sellable
from .ets_recursion import Parameters, States, growth_of_variance, project, smooth
from .ets_search import Form, Trend, adjust, estimate, initial_states
from .rows import match_rows
from .space import OneOf, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
_TRENDS: tuple[Trend, ...] = get_args(Trend)
_FORMS = tuple(Form(trend, "none") for trend in _TRENDS)
_SERIES = 2048  # series worked on together
_LONG_SEASON = 24  # beyond it two or three cycles cannot tell the steps apart, and the season is smoothed
_SMOOTHING = 1 / 12  # share of such a season that the window spans
_LEAST_WINDOW = 9
_DAYS_A_YEAR = 365
_ROUNDS = 2  # of robustness weights; more were no better on retail panels
_STEADY = 1001  # cycles in a window so wide that the season stays the same


@dataclass(frozen=True)
class StlEts(Spec):
    """The season by STL, the rest by exponential smoothing without season.

    Attributes:
        trend: of the seasonally adjusted series: ``none``, ``additive``, ``damped``, or ``auto`` (lowest AICc).
        seasons: steps per season, one or several; none given takes the frequency's own (7 for days, 52 for weeks...).
            A season that a series has not seen twice is left out for that series.
        window: cycles in the window over which a season may change, odd; 0 keeps the season the same throughout,
            which was best on daily and weekly retail panels.
        robust: unusual steps do not shape the season.

    Sources: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, section 5.7; Bandara, Hyndman &
    Bergmeir (2021), MSTL, arXiv:2107.13462.
    """

    name: ClassVar[str] = "stl-ets"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Takes the season out by STL, smooths the rest exponentially, puts the last season back.",
        probabilistic="residuals",
    )
    space: ClassVar[Space] = {
        "trend": OneOf("auto", "none", "additive", "damped"),
        "window": OneOf(0, 7, 13, 25),
        "robust": OneOf(True, False),
    }
    trend: Literal["none", "additive", "damped", "auto"] = "auto"
    seasons: tuple[int, ...] = ()
    window: int = 0
    robust: bool = True

    def __post_init__(self) -> None:
        if self.window and (self.window < 3 or self.window % 2 == 0):
            raise ConfigError(f"Model '{self.name}': window must be odd and at least 3, or 0, not {self.window}.")
        if self.trend not in (*_TRENDS, "auto"):
            raise ConfigError(f"Model '{self.name}': trend must be {', '.join(_TRENDS)} or auto, not '{self.trend}'.")
        wrong = [m for m in self.seasons if m < 2]
        if wrong:
            raise ConfigError(f"Model '{self.name}': a season must have at least 2 steps, not {wrong[0]}.")

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        parts = decompose(self, panel)
        return FittedStlEts(self, panel, seed, _learn(self, parts), parts)

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedStlEts(spec, panel, 0, Learned(**arrays), decompose(spec, panel))

    def _periods(self, panel: Panel) -> tuple[int, ...]:
        """Seasons looked for."""
        return self.seasons or ((panel.freq.season,) if panel.freq.season > 1 else ())


@dataclass(frozen=True)
class Mstl(StlEts):
    """As `StlEts` with several seasons: by default the frequency's own and, for days, the year.

    The year takes part in series that span at least two.
    """

    name: ClassVar[str] = "mstl"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Takes several seasons out by MSTL (week and year for days), smooths the rest exponentially.",
        probabilistic="residuals",
    )

    def _periods(self, panel: Panel) -> tuple[int, ...]:
        own = super()._periods(panel)
        if self.seasons:
            return own
        steps = {7: _DAYS_A_YEAR, 24: 24 * 7}.get(panel.freq.season)
        return own if steps is None else (*own, steps)


@dataclass(frozen=True)
class Learned:
    """Smoothing of each series' adjusted history, ``(S,)`` each; ``form`` is an index into none, additive, damped."""

    form: I64
    alpha: F64
    beta: F64
    phi: F64


@dataclass(frozen=True)
class Parts:
    """A panel's history taken apart, in units of ``scale``.

    Attributes:
        adjusted: ``(T, S)`` without seasons; NaN where missing.
        season: ``(T, S)`` all seasons together.
        ahead: one whole cycle of each season after the history, ``(m, S)`` each.
        scale: ``(S,)`` mean size.
    """

    adjusted: F64
    season: F64
    ahead: tuple[F64, ...]
    scale: F64


@dataclass(frozen=True, eq=False, repr=False)
class FittedStlEts(Fitted):
    """See `StlEts`. Smoothing parameters are kept; each history is taken apart anew."""

    spec: StlEts
    learned: Learned
    parts: Parts

    def update(self, panel: Panel) -> FittedStlEts:
        """The same smoothing of another history; series that are new here learn their own."""
        rows, new = match_rows(self.panel, panel)
        parts = decompose(self.spec, panel)
        learned = {name: array[rows] for name, array in vars(self.learned).items()}
        if new.any():
            fresh = replace(parts, adjusted=np.ascontiguousarray(parts.adjusted[:, new]))
            for name, array in vars(_learn(self.spec, fresh)).items():
                learned[name][new] = array
        return replace(self, panel=panel, learned=Learned(**learned), parts=parts)

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        count = len(self.panel)
        mean, quantiles = np.empty((count, horizon)), np.empty((count, horizon, len(levels)))
        for form in range(len(_FORMS)):
            rows = np.flatnonzero(self.learned.form == form)
            for first in range(0, rows.size, _SERIES):
                part = rows[first : first + _SERIES]
                mean[part], quantiles[part] = _forecast(self.learned, self.parts, part, form, horizon, levels)
        return mean, quantiles

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return dict(vars(self.learned)), {}


def decompose(spec: StlEts, panel: Panel) -> Parts:
    """Seasons, trend and remainder of every series of a panel, each in units of its mean."""
    values = panel.dense(panel.observed).astype(np.float64)
    seen = ~np.isnan(values)
    size = np.where(seen, np.abs(values), 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    scale = np.where(size > 0, size, 1.0)
    y = np.ascontiguousarray(values.T) / scale
    periods = [m for m in spec._periods(panel) if 2 * m <= y.shape[0]]
    season, ahead = np.zeros_like(y), []
    if periods:
        for m, found in mstl(
            y, periods, windows=[spec.window or _STEADY] * len(periods), robust=spec.robust, outer=_ROUNDS
        ).seasons.items():
            pattern = _smoothed(np.nan_to_num(found), y, m) if m > _LONG_SEASON else np.nan_to_num(found)
            season += pattern
            ahead.append(pattern[-m:])
    return Parts(y - season, season, tuple(ahead), scale)


def _smoothed(season: F64, y: F64, m: int) -> F64:
    """A long season without what changes from one step to the next."""
    out = np.zeros_like(season)
    first, _ = ends(y)
    span = max(int(m * _SMOOTHING), _LEAST_WINDOW) | 1
    for start in np.unique(first):
        rows = np.flatnonzero(first == start)
        out[start:, rows] = loess(y.shape[0] - int(start), span, 1).smooth(np.ascontiguousarray(season[start:, rows]))
    return out


def _learn(spec: StlEts, parts: Parts) -> Learned:
    trends: Sequence[Trend] = _TRENDS if spec.trend == "auto" else (spec.trend,)
    forms = [Form(trend, "none") for trend in trends]
    found = estimate(parts.adjusted, forms, 1, 0)
    index = np.array([_FORMS.index(form) for form in forms], dtype=np.int64)
    learned = found.parameters
    assert learned.beta is not None
    assert learned.phi is not None
    return Learned(index[found.form], learned.alpha, learned.beta, learned.phi)


def _forecast(
    learned: Learned, parts: Parts, rows: I64, form: int, horizon: int, levels: tuple[float, ...]
) -> tuple[F64, F64]:
    """Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of series that are smoothed in one form."""
    kind = _FORMS[form]
    parameters = Parameters(
        learned.alpha[rows],
        None if kind.trend == "none" else learned.beta[rows],
        None,
        learned.phi[rows] if kind.trend == "damped" else None,
    )
    y = np.ascontiguousarray(parts.adjusted[:, rows])
    states: States = adjust(y, kind, parameters, initial_states(y, kind, 1, 0), 0)
    errors = np.empty_like(y)
    _, last = smooth(y, parameters, states, errors=errors)
    point = project(horizon, parameters, last).T
    for pattern in parts.ahead:
        point = point + pattern[np.arange(horizon) % len(pattern)][:, rows].T
    growth = growth_of_variance(horizon, parameters).T
    seen: npt.NDArray[np.bool_] = ~np.isnan(y)
    point = sellable(point, seen)
    fits = np.where(seen, y - errors, 0.0) + parts.season[:, rows]
    scale = parts.scale[rows]
    past = PastErrors(np.where(seen, errors, np.nan).T, fits.T, 1 / scale)
    return point * scale[:, None], error_quantiles(past, point, growth, levels) * scale[:, None, None]
