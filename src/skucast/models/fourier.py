"""Regression on seasonal waves, occasions and known covariates around a local level, the whole panel at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..panel import F32, Panel
from .empirical import PastErrors, error_quantiles, sellable
from .ets_recursion import Parameters, States, growth_of_variance, smooth
from .ets_search import Form, adjust, estimate, initial_states
from .fourier_covariates import Covariates
from .fourier_design import Calendar
from .rows import match_rows
from .shrinkage import Gram, Prior, effects, learn_prior, learners
from .space import OneOf, Range, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
_LEVEL = Form("none", "none")
_SERIES = 1024  # series worked on together
_SAMPLE = 400  # series that tell how fast the level moves
_ALPHAS = (0.02, 0.95)  # limits of that


@dataclass(frozen=True)
class Fourier(Spec):
    """Linear regression with local level: waves of the week and the year, occasions, known covariates.

    Effects are relative to a series' mean size and shrunk towards those of all series, as far as series turn out to
    be alike. The level is smoothed exponentially; the regression knows that (it is fitted to one-step errors), so that
    slow wandering is not taken for a season.

    Attributes:
        season_waves: pairs of sine and cosine of the frequency's own season (three hold any weekly shape).
        year_waves: pairs of the year, for histories of nearly two years or more.
        month_waves: pairs of the calendar month, for steps of a day or less and histories of four months or more.
        trend: a straight line goes on; retail panels were better forecast without.
        pooled: series share all effects; each has only its size and its level.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, sections 7.4 and 10.5; shrinkage as in
    Laird & Ware (1982), Biometrics 38.
    """

    name: ClassVar[str] = "fourier"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Regression on waves of week and year, holidays and known covariates, shrunk towards all series.",
        probabilistic="residuals",
        scope="global",
        known=True,
    )
    space: ClassVar[Space] = {
        "season_waves": Range(0, 3),
        "year_waves": Range(0, 10),
        "month_waves": Range(0, 6),
        "trend": OneOf(False, True),
        "pooled": OneOf(False, True),
    }
    season_waves: int = 3
    year_waves: int = 5
    month_waves: int = 2
    trend: bool = False
    pooled: bool = False

    def __post_init__(self) -> None:
        for option, value in (
            ("season_waves", self.season_waves),
            ("year_waves", self.year_waves),
            ("month_waves", self.month_waves),
        ):
            if value < 0:
                raise ConfigError(f"Model 'fourier': {option} must be 0 or more, not {value}.")

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        calendar = Calendar.of(panel, self.season_waves, self.year_waves, self.month_waves, trend=self.trend)
        data = _Data.of(panel, calendar, tuple(n for n in panel.known if n not in panel.categories))
        speed = _speed(data.y)
        gram = data.gram(speed, learners(len(panel)))
        prior = learn_prior(gram, np.zeros(gram.xy.shape[1], dtype=np.bool_) if self.pooled else None)
        beta = _effects(data, speed, prior)
        learned = Learned(
            beta, _alpha(data, beta), data.scale, prior.mean, prior.variance, np.array([speed]), **vars(data.covariates)
        )
        return FittedFourier(self, panel, seed, calendar, data.names, learned)

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        calendar = Calendar(
            panel.freq,
            panel.place,
            about["season"],
            about["season_waves"],
            about["year_waves"],
            about["month_waves"],
            spec.trend,
        )
        return FittedFourier(spec, panel, 0, calendar, tuple(about["covariates"]), Learned(**arrays))


@dataclass(frozen=True)
class Learned:
    """What is known of each series, row by row as in the panel, and of all.

    Attributes:
        beta: ``(S, P)`` effects, relative to ``scale``.
        alpha: ``(S,)`` smoothing of the level.
        scale: ``(S,)`` mean size.
        mean, variance: ``(P,)`` pooled effects and their variance between series.
        speed: ``(1,)`` smoothing of the level that the regression assumed.
        centre, logs, lowest, highest, spread: see `Covariates`.
    """

    beta: F64
    alpha: F64
    scale: F64
    mean: F64
    variance: F64
    speed: F64
    centre: F64
    logs: npt.NDArray[np.bool_]
    lowest: F64
    highest: F64
    spread: F64

    @property
    def covariates(self) -> Covariates:
        """How covariates are turned into columns."""
        return Covariates(self.centre, self.logs, self.lowest, self.highest, self.spread)


@dataclass(frozen=True, eq=False, repr=False)
class FittedFourier(Fitted):
    """See `Fourier`. Effects are kept; the level runs over the history when a forecast is asked for."""

    spec: Fourier
    calendar: Calendar
    covariates: tuple[str, ...]
    learned: Learned

    def update(self, panel: Panel) -> FittedFourier:
        """The same effects on another history; series that are new here get theirs from it and the pooled ones."""
        rows, new = match_rows(self.panel, panel)
        old = self.learned
        beta, alpha, scale, centre = old.beta[rows], old.alpha[rows], old.scale[rows], old.centre[rows]
        if new.any():
            part = panel.take(np.flatnonzero(new))
            data = _Data.of(part, self.calendar, self.covariates, like=old.covariates)
            beta[new] = _effects(data, float(old.speed[0]), Prior(old.mean, old.variance))
            alpha[new], scale[new], centre[new] = _alpha(data, beta[new]), data.scale, data.covariates.centre
        learned = replace(old, beta=beta, alpha=alpha, scale=scale, centre=centre)
        return replace(self, panel=panel, learned=learned)

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        panel, learned, count = self.panel, self.learned, len(self.panel)
        covariates = learned.covariates
        data = _Data.of(panel, self.calendar, self.covariates, learned.scale, covariates)
        ahead = self.calendar.columns(panel.end + 1, panel.end + horizon)  # (H, P')
        mean, quantiles = np.empty((count, horizon)), np.empty((count, horizon, len(levels)))
        for first in range(0, count, _SERIES):
            part = np.arange(first, min(first + _SERIES, count))
            beta, alpha = learned.beta[part], learned.alpha[part]
            explained = data.explained(beta, part)
            y = data.y[:, part]
            parameters, rest = Parameters(alpha), np.ascontiguousarray(y - explained)
            errors = np.empty_like(rest)
            states: States = adjust(rest, _LEVEL, parameters, initial_states(rest, _LEVEL, 1, 0), 0)
            _, last = smooth(rest, parameters, states, errors=errors)
            point = last.level[:, None] + beta[:, : ahead.shape[1]] @ ahead.T
            for k, name in enumerate(self.covariates):
                if name in known:
                    moved = covariates.column(k, known[name][part].T.astype(np.float64), part)
                    point = point + (beta[:, ahead.shape[1] + k] * moved).T
            seen: npt.NDArray[np.bool_] = ~np.isnan(y)
            point = sellable(point, seen)
            past = PastErrors(np.where(seen, errors, np.nan).T, np.where(seen, y - errors, 0.0).T, 1 / data.scale[part])
            growth = growth_of_variance(horizon, parameters).T
            scale = data.scale[part, None]
            mean[part] = point * scale
            quantiles[part] = error_quantiles(past, point, growth, levels) * scale[..., None]
        return mean, quantiles

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        about = {
            "season": self.calendar.season, "season_waves": self.calendar.season_waves,
            "year_waves": self.calendar.year_waves, "month_waves": self.calendar.month_waves, "covariates": list(self.covariates),
        }  # fmt: skip
        return dict(vars(self.learned)), about


@dataclass(frozen=True)
class _Data:
    """A panel as a regression: ``y`` ``(T, S)`` in units of ``scale``, shared columns ``(T, P')``, covariates
    ``(T, S)`` each, less their mean."""

    y: F64
    x: F64
    own: tuple[F64, ...]
    names: tuple[str, ...]
    scale: F64
    covariates: Covariates

    @classmethod
    def of(
        cls,
        panel: Panel,
        calendar: Calendar,
        names: tuple[str, ...],
        scale: F64 | None = None,
        covariates: Covariates | None = None,
        like: Covariates | None = None,
    ) -> _Data:
        values = panel.dense(panel.observed).astype(np.float64).T
        seen = ~np.isnan(values)
        if scale is None:
            size = np.where(seen, np.abs(values), 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
            scale = np.where(size > 0, size, 1.0)
        names = tuple(name for name in names if name in panel.known)
        columns = [panel.dense(panel.known[name]).astype(np.float64).T for name in names]
        covariates = Covariates.of(columns, len(panel), like) if covariates is None else covariates
        own = tuple(covariates.column(k, c) for k, c in enumerate(columns))
        x = calendar.columns(panel.end + 1 - values.shape[0], panel.end)
        return cls(np.ascontiguousarray(values) / scale, x, own, names, scale, covariates)

    def explained(self, beta: F64, rows: npt.NDArray[np.int64]) -> F64:
        """What the effects ``(S, P)`` of some series explain, ``(T, S)``."""
        width = self.x.shape[1]
        out = self.x @ beta[:, :width].T
        for k, column in enumerate(self.own):
            out += beta[:, width + k] * column[:, rows]
        return np.asarray(out)

    def gram(self, speed: float, rows: npt.NDArray[np.int64]) -> Gram:
        """Sums of products of what exponential smoothing with ``speed`` leaves of target and columns."""
        steps, width = self.x.shape
        total = width + len(self.own)
        x = _innovations(self.x, speed, start=self.x[0])
        products = (x[:, :, None] * x[:, None, :]).reshape(steps, width * width)
        y = np.ascontiguousarray(self.y[:, rows])
        seen = (~np.isnan(y)).astype(np.float64)
        error = _innovations(y, speed, start=initial_states(y, _LEVEL, 1, 0).level)
        xx, xy = np.empty((rows.size, total, total)), np.empty((rows.size, total))
        xx[:, :width, :width] = (seen.T @ products).reshape(rows.size, width, width)
        xy[:, :width] = error.T @ x
        own = [_innovations(np.ascontiguousarray(c[:, rows]), speed, start=c[0, rows]) * seen for c in self.own]
        for k, column in enumerate(own):
            cross = column.T @ x
            xx[:, width + k, :width], xx[:, :width, width + k] = cross, cross
            xy[:, width + k] = (column * error).sum(axis=0)
            for j, other in enumerate(own):
                xx[:, width + k, width + j] = (column * other).sum(axis=0)
        return Gram(xx, xy, (error**2).sum(axis=0), seen.sum(axis=0))


def _innovations(y: F64, speed: float, start: F64) -> F64:
    """One-step errors ``(T, S)`` of exponential smoothing, zero where missing."""
    errors = np.empty_like(y)
    smooth(y, Parameters(np.full(y.shape[1], speed)), States(start), errors=errors)
    return errors


def _speed(y: F64) -> float:
    """How fast levels move in a panel: the median smoothing parameter of some series."""
    chosen = np.unique(np.linspace(0, y.shape[1] - 1, min(y.shape[1], _SAMPLE)).astype(np.int64))
    found = estimate(np.ascontiguousarray(y[:, chosen]), [_LEVEL], 1, 0)
    return float(np.clip(np.median(found.parameters.alpha), *_ALPHAS))


def _effects(data: _Data, speed: float, prior: Prior) -> F64:
    """Each series' effects; none where nothing was ever sold, since effects are relative to size."""
    count = data.y.shape[1]
    parts = [np.arange(first, min(first + _SERIES, count)) for first in range(0, count, _SERIES)]
    found = np.concatenate([effects(data.gram(speed, rows), prior) for rows in parts])
    sold = (np.nan_to_num(data.y) != 0).any(axis=0)
    return np.asarray(found * sold[:, None])


def _alpha(data: _Data, beta: F64) -> F64:
    """Smoothing of each series' level, the regression's part taken off."""
    return estimate(data.y - data.explained(beta, np.arange(len(beta))), [_LEVEL], 1, 0).parameters.alpha
