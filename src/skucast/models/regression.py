"""Linear, ridge and polynomial regression of a whole panel, in closed form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..panel import F32, Panel
from .empirical import PastErrors, error_quantiles
from .normal_equations import Gram, Terms, weighted_sum
from .regression_rows import Draw
from .regressors import RegressorMatrix, Regressors
from .rows import match_rows
from .space import OneOf, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Scope = Literal["global", "series"]

_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
_UNTESTED = 1e-2  # penalty where the history is too short to compare several
_WINDOWS = 2  # windows at the end of the history that settings are compared on
_OWN = (3.0, 30.0, 300.0)  # rows of its own that a series needs to move about half-way from the coefficients of all
_OWN_ORIGINS = 40
_OWN_SERIES = 500  # series that those are compared on
_OWN_CELLS = 16_000_000  # numbers of the sums that are held at once
_SERIES = 1024  # series forecast together
_PAST_ORIGINS = 12  # origins whose errors make the quantiles
_REACH_BACK = 6  # horizons back from which those origins are taken
_PEAK = 1.5  # forecasts stay below this times what a series ever sold in a step


@dataclass(frozen=True)
class Linear(Spec):
    """Least squares on lags that are safe for the horizon, waves of the calendar, occasions and known covariates.

    Direct: one regression answers for all steps ahead, as seen from past origins; demand is in units of each
    series' own level, so one set of coefficients serves all items and new ones. Quantiles come from each series'
    errors at the last origins.

    Attributes:
        scope: ``series`` lets every series move away from the coefficients of all, as far as the last windows of
            the history say is good (often not at all); ``global`` does not try.
        rows: most rows of the fit; larger panels are thinned out evenly.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, chapter 7; global models as in
    Montero-Manso & Hyndman (2021), IJF 37.
    """

    name: ClassVar[str] = "linear"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Least squares on safe lags, calendar waves, occasions and known covariates.",
        probabilistic="residuals",
        scope="global",
        known=True,
    )
    space: ClassVar[Space] = {"scope": OneOf("series", "global")}
    scope: Scope = "series"
    rows: int = 300_000

    def __post_init__(self) -> None:
        if self.scope not in get_args(Scope):
            raise ConfigError(f"Model '{self.name}': scope must be {' or '.join(get_args(Scope))}, not '{self.scope}'.")
        if isinstance(self.rows, bool) or not isinstance(self.rows, int) or self.rows < 100:
            raise ConfigError(f"Model '{self.name}': rows must be a whole number from 100, not {self.rows!r}.")

    @property
    def penalties(self) -> tuple[float, ...]:
        """Strengths of the penalty to choose from."""
        return (0.0,)

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of the polynomial to choose from."""
        return (1,)

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        regressors = Regressors.of(panel, horizon)
        matrix = RegressorMatrix(panel, regressors)
        last = matrix.n_steps - 1
        held = _WINDOWS * horizon if last >= 4 * _WINDOWS * horizon else min(horizon, last // 4)
        draw = Draw.of(matrix, horizon, self.rows)
        terms = Terms.learn(draw.glance(matrix), regressors.curved, max(self.degrees))
        early, late = Gram.empty(len(terms.degrees)), Gram.empty(len(terms.degrees))
        for at, origin in enumerate(draw.origins):
            for rows in draw.at(matrix, origin):
                x, before = terms.expand(rows.x), rows.column <= last - held
                early += Gram.of(x[:, before], rows.y[before], rows.weight[before])
                late += Gram.of(x[:, ~before], rows.y[~before], rows.weight[~before])
            if progress:
                progress("rows of the regression", (at + 1) / len(draw.origins))
        trial = _compare(self, draw, matrix, terms, early, held)
        both = early + late
        beta = both.solve(trial.penalty, terms.degrees <= trial.degree)[terms.degrees <= trial.degree]
        terms = replace(terms, degree=trial.degree)
        if both.weight <= 0:
            beta[0] = 1.0  # nothing to learn from: the level
        own = np.zeros((len(panel), 0))
        if self.scope == "series" and trial.tested:
            trial, own = _free(trial, draw, matrix, terms, beta, held)
        return FittedRegression(self, panel, seed, regressors, terms, horizon, beta, own, trial)

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        terms = Terms(arrays["centre"], arrays["scale"], tuple(about["curved"]), about["terms"])
        return FittedRegression(
            spec, panel, 0, Regressors.from_dict(about["regressors"]), terms, about["horizon"], arrays["beta"],
            arrays["own"], Trial(**about["trial"]),
        )  # fmt: skip


@dataclass(frozen=True)
class Ridge(Linear):
    """Least squares with a penalty on large coefficients (ridge regression); regressors as in `Linear`.

    Attributes:
        scope: see `Linear`.
        rows: see `Linear`.
        penalty: on squared coefficients of columns in standard units; 0 chooses the strength by the errors in the
            last windows of the history.

    Source: Hoerl & Kennard (1970), Ridge regression, Technometrics 12.
    """

    name: ClassVar[str] = "ridge"
    capabilities: ClassVar[Capabilities] = replace(
        Linear.capabilities,
        summary="Linear regression whose coefficients are held back, as strongly as past windows say.",
    )
    space: ClassVar[Space] = {**Linear.space, "penalty": OneOf(0.0, *_PENALTIES)}
    penalty: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.penalty < 0:
            raise ConfigError(f"Model '{self.name}': penalty must be 0 or more, not {self.penalty}.")

    @property
    def penalties(self) -> tuple[float, ...]:
        """See `Linear.penalties`."""
        return (self.penalty,) if self.penalty > 0 else _PENALTIES


@dataclass(frozen=True)
class Polynomial(Ridge):
    """Ridge regression on powers and products of the regressors (polynomial regression).

    The second degree adds the squares and the products of two of the quantities among the regressors (past demand,
    step ahead, prices and other known amounts), the third their cubes. Degree and penalty are chosen together by
    the errors in the last windows of the history.

    Attributes:
        scope: see `Linear`.
        rows: see `Linear`.
        penalty: see `Ridge`.
        degree: 1 to 3; 0 chooses it.

    Source: Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, chapters 3 and 5.
    """

    name: ClassVar[str] = "polynomial"
    capabilities: ClassVar[Capabilities] = replace(
        Linear.capabilities,
        summary="Ridge regression on powers and products of the regressors, degree 1 to 3 chosen on past windows.",
    )
    space: ClassVar[Space] = {**Ridge.space, "degree": OneOf(0, 1, 2, 3)}
    degree: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.degree not in (0, 1, 2, 3):
            raise ConfigError(f"Model '{self.name}': degree must be 1, 2 or 3, or 0 to choose, not {self.degree}.")

    @property
    def degrees(self) -> tuple[int, ...]:
        """See `Linear.degrees`."""
        return (self.degree,) if self.degree else (1, 2, 3)


@dataclass(frozen=True)
class Trial:
    """What was chosen on the last windows.

    Attributes:
        penalty: on the coefficients.
        degree: of the polynomial.
        own: rows that hold a series back from moving away from the coefficients of all; 0 where none moves.
        tested: False where the history was too short to compare anything.
    """

    penalty: float
    degree: int
    own: float = 0.0
    tested: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class FittedRegression(Fitted):
    """See `Linear`, `Ridge` and `Polynomial`.

    Attributes:
        regressors: columns.
        terms: of the polynomial.
        horizon: of the fit.
        beta: ``(P,)`` coefficients of all series, of terms in standard units.
        own: ``(S, 1 + K)`` what each series adds to those of the first degree; ``(S, 0)`` for the scope ``global``.
        trial: what was chosen, and how.
    """

    spec: Linear
    regressors: Regressors
    terms: Terms
    horizon: int
    beta: F64
    own: F64
    trial: Trial

    def update(self, panel: Panel) -> FittedRegression:
        """The same coefficients on another history; a series that is new has those of all."""
        rows, new = match_rows(self.panel, panel)
        own = self.own[rows]
        own[new] = 0.0
        return replace(self, panel=panel, own=own)

    @property
    def coefficients(self) -> dict[str, float]:
        """Term of the first degree -> its coefficient, per standard deviation, in units of a series' level."""
        names = ["intercept", *self.regressors.names]
        return {name: float(value) for name, value in zip(names, self.beta, strict=False)}

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        count = len(self.panel)
        mean = np.full((count, horizon), np.nan)
        quantiles = np.full((count, horizon, len(levels)), np.nan)
        for first in range(0, count, _SERIES):
            rows = np.arange(first, min(first + _SERIES, count))
            matrix = RegressorMatrix(self.panel.take(rows), self.regressors, {n: a[rows] for n, a in known.items()})
            mean[rows], quantiles[rows] = self._block(matrix, self.own[rows], horizon, levels)
        return mean, quantiles

    def _block(self, matrix: RegressorMatrix, own: F64, horizon: int, levels: tuple[float, ...]) -> tuple[F64, F64]:
        """Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of some series."""
        count, last = len(matrix.values), matrix.n_steps - 1
        mean, quantiles = np.full((count, horizon), np.nan), np.full((count, horizon, len(levels)), np.nan)
        if last < 0:
            return mean, quantiles
        level = matrix.level(last)
        mean[level == 0], quantiles[level == 0] = 0.0, 0.0  # observed, but never sold
        alive = np.flatnonzero(np.nan_to_num(level) > 0)
        if not alive.size:
            return mean, quantiles
        point = self._said(matrix, last, alive, horizon, own)
        errors, fits = [np.full((alive.size, 1), np.nan)], [np.full((alive.size, 1), np.nan)]
        gap = max(1, _REACH_BACK * self.horizon // _PAST_ORIGINS)
        for k in range(1, _PAST_ORIGINS + 1):
            origin = last - k * gap
            if origin < 0:
                break
            said = self._said(matrix, origin, alive, min(self.horizon, k * gap), own)
            errors.append(matrix.targets(origin, alive, said.shape[1]) - said)
            fits.append(said)
        size = level[alive]
        past = PastErrors(
            np.concatenate(errors, axis=1) / size[:, None], np.concatenate(fits, axis=1) / size[:, None], 1 / size
        )
        found = error_quantiles(past, point / size[:, None], np.ones(point.shape), levels)
        mean[alive], quantiles[alive] = point, found * size[:, None, None]
        return mean, quantiles

    def _said(self, matrix: RegressorMatrix, origin: int, rows: I64, horizon: int, own: F64) -> F64:
        """Forecasts ``(R, horizon)`` in units of demand from one origin; NaN where the level is not known there."""
        level = matrix.level(origin)
        usable = np.nan_to_num(level[rows]) > 0
        out = np.full((rows.size, horizon), np.nan)
        if not usable.any():
            return out
        some = rows[usable]
        x = self.terms.expand(matrix.block(origin, some, horizon, level, self.horizon))
        share = weighted_sum(self.beta, x)
        if own.shape[1]:
            share = share + weighted_sum(own[some].T[:, :, None], x[: own.shape[1]])
        peak = np.nanmax(matrix.values[some, : origin + 1], axis=1)[:, None]
        out[usable] = np.clip(share * level[some, None], 0.0, _PEAK * peak)
        return out

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return {"beta": self.beta, "own": self.own, "centre": self.terms.centre, "scale": self.terms.scale}, {
            "regressors": self.regressors.to_dict(), "curved": list(self.terms.curved), "terms": self.terms.degree,
            "horizon": self.horizon, "trial": vars(self.trial),
        }  # fmt: skip


def _compare(spec: Linear, draw: Draw, matrix: RegressorMatrix, terms: Terms, early: Gram, held: int) -> Trial:
    """The degree and penalty with the smallest absolute errors in the last ``held`` steps."""
    untested = Trial(spec.penalties[0] if len(spec.penalties) == 1 else _UNTESTED, spec.degrees[0])
    if not held or early.weight <= 0:
        return untested
    candidates = {
        (degree, penalty): early.solve(penalty, terms.degrees <= degree)
        for degree in spec.degrees
        for penalty in spec.penalties
    }
    errors = dict.fromkeys(candidates, 0.0)
    for rows in draw.held(matrix, held):
        x = terms.expand(rows.x)
        for key, beta in candidates.items():
            errors[key] += float((rows.weight * np.abs(rows.y - np.maximum(beta @ x, 0))).sum())
    if not any(errors.values()):
        return untested
    degree, penalty = min(errors, key=lambda key: errors[key])
    return Trial(penalty, degree, tested=True)


def _free(trial: Trial, draw: Draw, matrix: RegressorMatrix, terms: Terms, beta: F64, held: int) -> tuple[Trial, F64]:
    """Coefficients ``(S, 1 + K)`` that every series adds to the common ones, if that helps in the last ``held`` steps."""
    draw = replace(draw, origins=draw.origins[:: max(1, len(draw.origins) // _OWN_ORIGINS)])
    count, last = len(matrix.values), matrix.n_steps - 1
    some = np.arange(0, count, max(1, count // _OWN_SERIES))
    sums = _own_sums(draw, matrix, terms, beta, some, last - held)
    moves = {strength: sums.shrunk(strength) for strength in (*_OWN, np.inf)}
    errors = dict.fromkeys(moves, 0.0)
    for rows in draw.held(matrix, held, some):
        x = terms.expand(rows.x)
        base, at = beta @ x, np.searchsorted(some, rows.series)
        for strength, own in moves.items():
            said = base + np.einsum("np,pn->n", own[at], x[: own.shape[1]])
            errors[strength] += float((rows.weight * np.abs(rows.y - np.maximum(said, 0))).sum())
    best = min(errors, key=lambda strength: errors[strength])
    if not np.isfinite(best):
        return trial, np.zeros((count, 0))
    wide = 1 + len(terms.centre)
    own, width = np.zeros((count, wide)), max(1, _OWN_CELLS // wide**2)
    for start in range(0, count, width):
        part = np.arange(start, min(start + width, count))
        own[part] = _own_sums(draw, matrix, terms, beta, part, last).shrunk(best)
    return replace(trial, own=best), own


def _own_sums(draw: Draw, matrix: RegressorMatrix, terms: Terms, beta: F64, series: I64, until: int) -> Gram:
    """Sums over the rows of each series, of what the common coefficients leave over."""
    wide = 1 + len(terms.centre)
    sums = Gram.empty(wide, series.size)
    for origin in draw.origins:
        for rows in draw.at(matrix, origin, series):
            keep = rows.column <= until
            x = terms.expand(rows.x[:, keep])
            left = rows.y[keep] - beta @ x
            for owner, first, past in _runs(rows.series[keep]):
                at, part = int(np.searchsorted(series, owner)), x[:wide, first:past]
                sums.products[at] += part @ part.T
                sums.targets[at] += part @ left[first:past]
                sums.weight[at] += past - first
    return sums


def _runs(owners: I64) -> Iterator[tuple[int, int, int]]:
    """Stretches of equal numbers: the number, its first position and the one after its last."""
    borders = np.flatnonzero(np.diff(owners)) + 1
    for first, past in zip([0, *borders], [*borders, owners.size], strict=True):
        if past > first:
            yield int(owners[first]), int(first), int(past)
