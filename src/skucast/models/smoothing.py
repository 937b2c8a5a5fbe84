"""Exponential smoothing (ETS) of a whole panel at once, with the spread of its own past errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..panel import F32, Panel
from .empirical import PastErrors, error_quantiles, sellable
from .ets_recursion import Parameters, States, growth_of_variance, project, smooth
from .ets_search import Form, Season, Trend, adjust, estimate, initial_states
from .ets_validation import validation_scores
from .rows import match_rows
from .space import OneOf, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
_FORMS = tuple(Form(trend, season) for season in get_args(Season) for trend in get_args(Trend))
_SERIES = 2048  # series smoothed together


@dataclass(frozen=True)
class Ets(Spec):
    """Exponential smoothing with additive errors; each series takes its own form.

    Attributes:
        trend: ``none``, ``additive``, ``damped``, or ``auto`` to choose per series.
        season: ``none``, ``additive``, ``multiplicative`` (series that are always positive), or ``auto``.
            Series that span less than two seasons get none.
        season_length: steps per season; 0 takes the frequency's own (7 for days, 52 for weeks...).
        selection: ``aicc`` takes the form with the lowest criterion on all history; ``validation`` the one that
            forecast the last steps best after learning from those before (twice the work; series too short for
            that go by AICc).

    Source: Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing.
    """

    name: ClassVar[str] = "ets"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Exponential smoothing of level, trend and season, chosen per series, the whole panel at once.",
        probabilistic="residuals",
    )
    space: ClassVar[Space] = {
        "trend": OneOf("auto", "none", "additive", "damped"),
        "season": OneOf("auto", "none", "additive", "multiplicative"),
        "selection": OneOf("aicc", "validation"),
    }
    trend: Literal["none", "additive", "damped", "auto"] = "auto"
    season: Literal["none", "additive", "multiplicative", "auto"] = "auto"
    season_length: int = 0
    selection: Literal["aicc", "validation"] = "aicc"

    def __post_init__(self) -> None:
        for option, value, choices in (
            ("trend", self.trend, get_args(Trend)),
            ("season", self.season, get_args(Season)),
        ):
            if value not in (*choices, "auto"):
                raise ConfigError(f"Model 'ets': {option} must be {', '.join(choices)} or auto, not '{value}'.")
        if self.selection not in ("aicc", "validation"):
            raise ConfigError(f"Model 'ets': selection must be aicc or validation, not '{self.selection}'.")
        if self.season_length < 0:
            raise ConfigError(f"Model 'ets': season_length must be 0 or more, not {self.season_length}.")

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        return FittedEts(self, panel, seed, _learn(self, panel, horizon))

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedEts(spec, panel, 0, Learned(**arrays))


@dataclass(frozen=True)
class Learned:
    """What smoothing knows of each series, row by row as in the panel; states are in units of ``scale``.

    Attributes:
        form: ``(S,)`` index into the nine forms.
        alpha, beta, gamma, phi: ``(S,)`` smoothing parameters.
        level, slope: ``(S,)`` before the series' first step.
        season: ``(m, S)`` by phase (step number modulo ``m``).
        scale: ``(S,)`` mean size of the series.
        start: ``(S,)`` step number of the series' first cell.
    """

    form: I64
    alpha: F64
    beta: F64
    gamma: F64
    phi: F64
    level: F64
    slope: F64
    season: F64
    scale: F64
    start: I64

    def take(self, rows: npt.NDArray[Any]) -> Learned:
        """What is known of some series."""
        return Learned(**{name: array[..., rows] for name, array in vars(self).items()})

    def put(self, rows: npt.NDArray[Any], other: Learned) -> Learned:
        """The same with some rows replaced."""
        out = {name: array.copy() for name, array in vars(self).items()}
        for name, array in vars(other).items():
            out[name][..., rows] = array
        return Learned(**out)


@dataclass(frozen=True, eq=False, repr=False)
class FittedEts(Fitted):
    """See `Ets`. Parameters and first states are kept; the recursion runs when a forecast is asked for."""

    spec: Ets
    learned: Learned

    def update(self, panel: Panel) -> FittedEts:
        """The same parameters run over another history; series that are new here are fitted.

        A series whose history begins elsewhere than at the fit gets new first states.
        """
        rows, new = match_rows(self.panel, panel)
        learned = self.learned.take(rows)
        starts = panel.end + 1 - panel.lengths
        moved = np.flatnonzero((learned.start != starts) & ~new)
        if moved.size:
            learned = learned.put(moved, _restart(learned.take(moved), panel.take(moved)))
        if new.any():
            fresh = np.flatnonzero(new)
            learned = learned.put(
                fresh, _learn(self.spec, panel.take(fresh), panel.freq.default_horizon, learned.season.shape[0])
            )
        return replace(self, panel=panel, learned=learned)

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        panel, count = self.panel, len(self.panel)
        values = panel.dense(panel.observed)  # (S, T)
        mean = np.empty((count, horizon))
        quantiles = np.empty((count, horizon, len(levels)))
        multiplicative = np.array([form.season == "multiplicative" for form in _FORMS])[self.learned.form]
        for kind in (False, True):
            rows = np.flatnonzero(multiplicative == kind)
            for first in range(0, rows.size, _SERIES):
                part = rows[first : first + _SERIES]
                learned = self.learned.take(part)
                y = values[part].T / learned.scale
                mean[part], quantiles[part] = _forecast(learned, y, panel.end, horizon, levels, kind)
        return mean, quantiles

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return dict(vars(self.learned)), {}


def _forms(spec: Ets, m: int) -> tuple[list[Form], bool]:
    """Forms that a spec allows, and whether the first one is only a stopgap for short series."""
    trends = get_args(Trend) if spec.trend == "auto" else (spec.trend,)
    seasons = ("none",) if m < 2 else get_args(Season) if spec.season == "auto" else (spec.season,)
    wanted = [form for form in _FORMS if form.trend in trends and form.season in seasons]
    plain = Form("none", "none")
    return (wanted, False) if plain in wanted else ([plain, *wanted], True)


def _learn(spec: Ets, panel: Panel, horizon: int, season_length: int = 0) -> Learned:
    m = season_length or spec.season_length or panel.freq.season
    y, scale, phase = _prepare(panel, m)
    forms, stopgap = _forms(spec, m)
    scores = validation_scores(y, forms, m, phase, horizon) if spec.selection == "validation" else None
    found = estimate(y, forms, m, phase, stopgap=stopgap, scores=scores)
    index = np.array([_FORMS.index(form) for form in forms], dtype=np.int64)
    parameters, states = found.parameters, found.states
    assert parameters.beta is not None
    assert parameters.gamma is not None
    assert parameters.phi is not None
    assert states.slope is not None
    assert states.season is not None
    return Learned(
        form=index[found.form], alpha=parameters.alpha, beta=parameters.beta, gamma=parameters.gamma,
        phi=parameters.phi, level=states.level, slope=states.slope, season=states.season, scale=scale,
        start=np.asarray(panel.end + 1 - panel.lengths, dtype=np.int64),
    )  # fmt: skip


def _prepare(panel: Panel, m: int) -> tuple[F64, F64, int]:
    """Observed demand ``(T, S)`` in units of each series' mean size, that size, and the first row's phase."""
    values = panel.dense(panel.observed).astype(np.float64)
    seen = ~np.isnan(values)
    size = np.where(seen, np.abs(values), 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    scale = np.where(size > 0, size, 1.0)
    return np.ascontiguousarray(values.T) / scale, scale, (panel.end + 1 - values.shape[1]) % m


def _restart(learned: Learned, panel: Panel) -> Learned:
    """First states of histories that begin elsewhere than the ones learned from."""
    m = learned.season.shape[0]
    y, scale, phase = _prepare(panel, m)
    level, slope, season = learned.level.copy(), learned.slope.copy(), learned.season.copy()
    for index, form in enumerate(_FORMS):
        rows = np.flatnonzero(learned.form == index)
        if not rows.size:
            continue
        part = learned.take(rows)
        parameters = Parameters(
            part.alpha,
            None if form.trend == "none" else part.beta,
            None if form.season == "none" else part.gamma,
            part.phi if form.trend == "damped" else None,
        )
        mine = np.ascontiguousarray(y[:, rows])
        states = adjust(mine, form, parameters, initial_states(mine, form, m, phase), phase)
        level[rows] = states.level
        slope[rows] = 0.0 if states.slope is None else states.slope
        if states.season is not None:
            season[:, rows] = states.season
    starts = np.asarray(panel.end + 1 - panel.lengths, dtype=np.int64)
    return replace(learned, level=level, slope=slope, season=season, scale=scale, start=starts)


def _forecast(
    learned: Learned, y: F64, end: int, horizon: int, levels: tuple[float, ...], multiplicative: bool
) -> tuple[F64, F64]:
    """Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of series whose seasons are all of one kind."""
    m = learned.season.shape[0]
    trended, seasonal = bool(learned.beta.any()), bool((learned.form >= len(get_args(Trend))).any())
    parameters = Parameters(
        learned.alpha,
        learned.beta if trended else None,
        learned.gamma if seasonal else None,
        learned.phi if trended else None,
    )
    states = States(learned.level, learned.slope if trended else None, learned.season if seasonal else None)
    errors = np.empty_like(y)
    _, last = smooth(
        y, parameters, states, multiplicative=multiplicative, phase=(end + 1 - y.shape[0]) % m, errors=errors
    )
    point = project(horizon, parameters, last, multiplicative=multiplicative, phase=(end + 1) % m).T
    growth = growth_of_variance(horizon, parameters, m).T
    seen: npt.NDArray[np.bool_] = ~np.isnan(y)
    point = sellable(point, seen)
    past = PastErrors(np.where(seen, errors, np.nan).T, (y - errors).T, 1 / learned.scale)
    scale = learned.scale[:, None]
    return point * scale, error_quantiles(past, point, growth, levels) * scale[..., None]
