"""Linear, ridge and polynomial regression of a whole panel, in closed form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..panel import F32, Panel
from ..prepare.windows import row_medians
from .empirical import PastErrors, error_quantiles
from .normal_equations import Gram, Terms, solve
from .regressors import RegressorMatrix, Regressors
from .rows import match_rows
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Scope = Literal["global", "series"]

_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
_UNTESTED = 1e-2  # penalty where the history is too short to compare several
_OWN = (3.0, 30.0, 300.0)  # rows of its own that a series needs to move half-way from the coefficients of all
_MOST_ORIGINS = 120
_HELD_ROWS = 40_000  # rows that penalties and degrees are compared on
_HELD_SERIES = 500  # series that the freedom of single series is compared on
_WINDOWS = 2  # windows at the end of the history that both come from
_CAP = 6.0  # demand counts up to so many times the level or the median sale in the fit: wild orders would bend all forecasts
_CELLS = 2_000_000  # numbers of a block of columns
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
        scope: ``global`` learns one set of coefficients; ``series`` lets every series move away from it, as far
            as the last windows of the history say is good.
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
    scope: Scope = "global"
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
        trial = _compare(self, draw, matrix, terms, early, last, held)
        beta = solve(early + late, trial.penalty, terms.degrees <= trial.degree)
        if early.weight + late.weight <= 0:
            beta[0] = 1.0  # nothing to learn from: the level
        fitted = FittedRegression(self, panel, seed, regressors, terms, horizon, beta, np.zeros((len(panel), 0)), trial)
        return fitted.freed(matrix, draw, last, held) if self.scope == "series" else fitted

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


@dataclass(frozen=True)
class Rows:
    """Rows of a regression: regressors ``(K, n)``, demand over level, weight, series and column of the target."""

    x: F64
    y: F64
    weight: F64
    series: I64
    column: I64


@dataclass(frozen=True)
class Draw:
    """Which pairs of origin and series a fit looks at.

    Attributes:
        horizon: steps ahead at every origin.
        origins: columns of the last known step.
        stride: every so many series take part at an origin, others at the next one.
        final: ``(S,)`` level of each series at the end.
        weights: ``(S,)`` weight of each series' rows; less where its level was still below the final one.
        top: ``(S,)`` demand that counts in full even where it is many times the level.
    """

    horizon: int
    origins: tuple[int, ...]
    stride: int
    final: F64
    weights: F64
    top: F64

    @staticmethod
    def of(matrix: RegressorMatrix, horizon: int, rows: int) -> Draw:
        """As many origins, evenly apart, as rows allow, the last one first."""
        count, last = len(matrix.values), matrix.n_steps - 1
        season = matrix.regressors.season
        first = min(2 * season if season <= 24 else season // 2, last // 3)
        fit = int(np.clip(rows // max(count * horizon, 1), min(_MOST_ORIGINS, 40), _MOST_ORIGINS))
        gap = max(1, -(-(last - first) // fit))
        gap -= int(gap > 1 and gap % season == 0)  # so that origins fall on all weekdays
        origins = tuple(range(last - 1, first - 1, -gap))
        stride = max(1, -(-count * horizon * len(origins) // rows))
        sold = np.where(matrix.values > 0, matrix.values, np.nan)
        final = matrix.level(last)
        return Draw(horizon, origins, stride, final, _weights(final), _CAP * row_medians(sold))

    def glance(self, matrix: RegressorMatrix) -> F64:
        """Regressors ``(K, n)`` at a few origins, from which their usual size is seen."""
        few = self.origins[:: max(1, len(self.origins) // 8)]
        found = [rows.x for origin in few for rows in replace(self, stride=self.stride * 2).at(matrix, origin)]
        return np.concatenate(found, axis=1) if found else np.empty((len(matrix.regressors.names), 0))

    def at(self, matrix: RegressorMatrix, origin: int, series: I64 | None = None) -> Iterator[Rows]:
        """Rows at one origin, in blocks; of the given series, else of those whose turn it is."""
        level = matrix.level(origin)
        chosen = np.arange(origin % self.stride, len(level), self.stride) if series is None else series
        chosen = chosen[np.nan_to_num(level[chosen]) > 0]
        width = max(1, _CELLS // (len(matrix.regressors.names) * self.horizon))
        for start in range(0, chosen.size, width):
            part = chosen[start : start + width]
            came = matrix.targets(origin, part, self.horizon)
            seen = ~np.isnan(came)
            if not seen.any():
                continue
            x = matrix.block(origin, part, self.horizon, level, self.horizon)
            owner, step = np.nonzero(seen)
            most = np.maximum(_CAP, self.top[part] / level[part])
            ratio = np.minimum(came / level[part, None], most[:, None])[seen]
            weight = self.weights[part] * np.minimum(level[part] / self.final[part], 1.0)
            yield Rows(x[:, seen], ratio, weight[owner], part[owner], origin + 1 + step)


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

    def freed(self, matrix: RegressorMatrix, draw: Draw, last: int, held: int) -> FittedRegression:
        """With coefficients of their own for all series, shrunk towards the common ones."""
        own = self.trial.own
        count = len(matrix.values)
        draw = replace(draw, origins=draw.origins[:: max(1, len(draw.origins) // 40)])
        if held and self.trial.tested:
            some = np.arange(0, count, max(1, count // _HELD_SERIES))
            early = self._own_sums(matrix, draw, some, last - held)
            errors = {strength: 0.0 for strength in (*_OWN, np.inf)}
            place = np.zeros(count, dtype=np.int64)
            place[some] = np.arange(some.size)
            for rows in _held(draw, matrix, last, held, some):
                x = self.terms.expand(rows.x)
                base = _apply(self.beta, x)
                for strength in errors:
                    moved = base + _apply(_shift(early, strength)[place[rows.series]].T, x[: 1 + len(rows.x)])
                    errors[strength] += float((rows.weight * np.abs(rows.y - np.maximum(moved, 0))).sum())
            own = min(errors, key=lambda strength: errors[strength])
        elif own == 0:
            own = _OWN[-1]
        out = np.zeros((count, 1 + len(self.regressors.names)))
        if np.isfinite(own):
            width = max(1, _CELLS * 8 // out.shape[1] ** 2)
            for start in range(0, count, width):
                part = np.arange(start, min(start + width, count))
                out[part] = _shift(self._own_sums(matrix, draw, part, last), own)
        return replace(self, own=out, trial=replace(self.trial, own=float(own) if np.isfinite(own) else 0.0))

    def _own_sums(self, matrix: RegressorMatrix, draw: Draw, series: I64, until: int) -> Gram:
        """Sums ``(R, 1 + K, 1 + K)`` over the rows of each series, of what the common coefficients leave over."""
        wide = 1 + len(self.regressors.names)
        products, targets = np.zeros((series.size, wide, wide)), np.zeros((series.size, wide))
        number = np.zeros(series.size)
        place = np.zeros(len(matrix.values), dtype=np.int64)
        place[series] = np.arange(series.size)
        for origin in draw.origins:
            for rows in draw.at(matrix, origin, series):
                x = self.terms.expand(rows.x)
                left = rows.y - _apply(self.beta, x)
                keep = rows.column <= until
                x, left, at = x[:wide, keep], left[keep], place[rows.series[keep]]
                for owner, first, past in _runs(at):
                    part = x[:, first:past]
                    products[owner] += part @ part.T
                    targets[owner] += part @ left[first:past]
                    number[owner] += past - first
        return Gram(products, targets, number)

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

    def _block(
        self, matrix: RegressorMatrix, own: F64, horizon: int, levels: tuple[float, ...]
    ) -> tuple[F64, F64]:
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
        past = PastErrors(np.concatenate(errors, axis=1) / size[:, None], np.concatenate(fits, axis=1) / size[:, None], 1 / size)
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
        share = _apply(self.beta, x)
        if own.shape[1]:
            share = share + _apply(own[some].T[:, :, None], x[: own.shape[1]])
        peak = np.nanmax(matrix.values[some, : origin + 1], axis=1)[:, None]
        out[usable] = np.clip(share * level[some, None], 0.0, _PEAK * peak)
        return out

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return {"beta": self.beta, "own": self.own, "centre": self.terms.centre, "scale": self.terms.scale}, {
            "regressors": self.regressors.to_dict(), "curved": list(self.terms.curved), "terms": self.terms.degree,
            "horizon": self.horizon, "trial": vars(self.trial),
        }  # fmt: skip


def _compare(
    spec: Linear, draw: Draw, matrix: RegressorMatrix, terms: Terms, early: Gram, last: int, held: int
) -> Trial:
    """The degree and penalty with the smallest absolute errors in the last windows."""
    untested = Trial(spec.penalties[0] if len(spec.penalties) == 1 else _UNTESTED, spec.degrees[0])
    if not held or early.weight <= 0:
        return untested
    candidates = {
        (degree, penalty): solve(early, penalty, terms.degrees <= degree)
        for degree in spec.degrees
        for penalty in spec.penalties
    }
    errors = dict.fromkeys(candidates, 0.0)
    for rows in _held(draw, matrix, last, held, None):
        x = terms.expand(rows.x)
        for key, beta in candidates.items():
            errors[key] += float((rows.weight * np.abs(rows.y - np.maximum(beta @ x, 0))).sum())
    if not any(errors.values()):
        return untested
    degree, penalty = min(errors, key=lambda key: errors[key])
    return Trial(penalty, degree, tested=True)


def _held(draw: Draw, matrix: RegressorMatrix, last: int, held: int, series: I64 | None) -> Iterator[Rows]:
    """Rows whose targets lie in the last windows."""
    count = len(matrix.values)
    if series is None:
        series = np.arange(0, count, max(1, -(-count * held // _HELD_ROWS)))
    horizon = min(draw.horizon, held)
    for window in range(1, held // horizon + 1):
        yield from replace(draw, horizon=horizon).at(matrix, last - window * horizon, series)


def _shift(gram: Gram, strength: float) -> F64:
    """Coefficients ``(R, P)`` of each series; ``strength`` rows' worth of evidence says that they are zero."""
    if not np.isfinite(strength):
        return np.zeros(gram.targets.shape)
    ridge = strength * np.eye(gram.targets.shape[1])
    return np.asarray(np.linalg.solve(gram.products + ridge, gram.targets[..., None])[..., 0])


def _apply(beta: F64, x: F64) -> F64:
    """Sum over terms of coefficients ``(P, ...)`` times ``(P, ...)``, term by term: what a series gets does not
    depend, to the last bit, on which others it is computed with."""
    out = np.zeros(x.shape[1:])
    for coefficient, term in zip(beta, x, strict=True):
        out += coefficient * term
    return out


def _runs(owners: I64) -> Iterator[tuple[int, int, int]]:
    """Stretches of equal numbers: the number, first position and the one after the last."""
    borders = np.flatnonzero(np.diff(owners)) + 1
    for first, past in zip([0, *borders], [*borders, owners.size], strict=True):
        if past > first:
            yield int(owners[first]), int(first), int(past)


def _weights(level: F64) -> F64:
    """``(S,)`` root of the level: money lies in the busy items, regularity in the slow ones; extremes are cut off."""
    known = level[np.nan_to_num(level) > 0]
    if not known.size:
        return np.ones(len(level))
    low, high = np.quantile(known, [0.01, 0.99])
    root = np.sqrt(np.clip(np.nan_to_num(level), low, high))
    return np.asarray(root / root.mean())
