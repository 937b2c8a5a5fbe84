"""Finding an ARIMA model of one series: orders step by step, coefficients by statsforecast.

Runs in other processes, so it takes and returns plain arrays.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Orders = tuple[int, int, int, int, int, int]
"""``p, d, q`` and the seasonal ``P, D, Q``."""

_EXACT = 150  # observations up to which candidates are compared by their exact likelihood
_ITERATIONS = 60  # of each optimisation
_NEAR_ONE = 1.01  # roots of the polynomials lie at least so far from zero
_STATIONARY = 1.000001  # the same for the autoregressive part of a model whose orders are given
_MOST = (3, 3, 1, 1)  # p, q, P, Q
_HELD_BACK = 0.1  # penalty on the coefficients by which gaps are filled
_SPAN = 10  # observations for each coefficient of the regression


@dataclass(frozen=True)
class Search:
    """What is searched for.

    Attributes:
        season: steps per season of the seasonal part; 1 for none.
        orders: fixed orders; None searches.
        models: most candidates that are tried.
        seconds: after these no further candidate is tried; 0 is without end.
    """

    season: int
    orders: Orders | None
    models: int
    seconds: float


@dataclass(frozen=True)
class Found:
    """A model of one series, in units of its scale.

    Attributes:
        orders: of the model.
        phi: autoregressive polynomial, seasons multiplied in.
        theta: moving average likewise.
        intercept: level of a series that is not differenced.
        drift: per step of one that is differenced once.
        beta: ``(K,)`` coefficients of the regressors; zero for those left out.
        log_likelihood: as statsforecast gives it.
        tried: number of candidates.
        late: the time was over before all candidates were tried.
    """

    orders: Orders
    phi: F64
    theta: F64
    intercept: float
    drift: float
    beta: F64
    log_likelihood: float = float("nan")
    tried: int = 0
    late: bool = False


@dataclass
class _Trials:
    """Candidates tried so far for one series less what its regressors explain by themselves.

    Candidates differ little in the coefficients of the regressors, which cost most of the time; only the chosen one
    is fitted with them.
    """

    y: F64
    regressors: int
    search: Search
    method: str
    until: float
    scores: dict[tuple[Orders, bool], float] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """No further candidate may be tried."""
        return len(self.scores) >= self.search.models or time.monotonic() > self.until

    def score(self, orders: Orders, constant: bool) -> float:
        """Corrected Akaike criterion of a candidate; infinite for one that cannot be fitted or is not stable."""
        key = (orders, constant)
        if key not in self.scores:
            fit = fitted(self.y, np.empty((self.y.size, 0)), orders, constant, self.search.season, self.method)
            self.scores[key] = np.inf if fit is None else self._criterion(fit, orders)
        return self.scores[key]

    def _criterion(self, fit: dict[str, Any], orders: Orders) -> float:
        free = int(fit["mask"].sum()) + self.regressors + 1
        used = self.y.size - orders[1] - orders[4] * self.search.season
        if used - free - 1 <= 0 or fit["sigma2"] <= 0 or not stable(fit):
            return np.inf
        aic = used * np.log(fit["sigma2"]) + 2 * free if self.method == "CSS" else fit["aic"] + 2 * self.regressors
        return float(aic + 2 * free * (free + 1) / (used - free - 1))


def find(y: F64, x: F64, search: Search) -> Found | None:
    """The model of one series, or None if none can be fitted.

    Args:
        y: ``(n,)`` the series from its first to its last observation, of size about one; NaN is missing.
        x: ``(n, K)`` regressors, in order of preference.
        search: what to look for.
    """
    until = time.monotonic() + (search.seconds or np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsforecast and statsmodels warn of every candidate that does not converge
        return _find(y, x, search, until)


def _find(y: F64, x: F64, search: Search, until: float) -> Found | None:
    known = ~np.isnan(y)
    kept = usable(x, int(known.sum()))
    if float(np.ptp(y[known])) == 0.0:
        return Found((0,) * 6, np.zeros(0), np.zeros(0), float(y[known][0]), 0.0, np.zeros(x.shape[1]))
    full = filled(y, x[:, kept], search.season)
    if search.orders is not None:
        orders, constant, tried, late = search.orders, _may_have_constant(search.orders), 1, False
    else:
        d, seasonal = _differences(full, x[:, kept], search.season)
        rest = full - x[:, kept] @ _explained(full, x[:, kept], d, seasonal, search.season)
        trials = _Trials(rest, kept.size, search, "CSS-ML" if full.size <= _EXACT else "CSS", until)
        best = _best(trials, d, seasonal)
        if best is None:
            return None
        (orders, constant), tried, late = best, len(trials.scores), time.monotonic() > until
    fit = None if late else fitted(full, x[:, kept], orders, constant, search.season, "CSS-ML")
    if fit is None or (search.orders is None and not stable(fit)):
        fit = fitted(full, x[:, kept], orders, constant, search.season, "CSS")
    if fit is None or _closest_root(fit["model"]["phi"], -1.0) < _STATIONARY:
        return None
    regression = list(fit["coef"].values())[sum(fit["arma"][:4]) :]
    level = regression.pop(0) if "intercept" in fit["coef"] else 0.0
    drift = regression.pop(0) if constant and orders[1] + orders[4] == 1 else 0.0
    beta = np.zeros(x.shape[1])
    beta[kept] = regression
    return Found(
        orders, np.trim_zeros(fit["model"]["phi"], "b"), np.trim_zeros(fit["model"]["theta"], "b"), float(level),
        float(drift), beta, float(fit["loglik"]), tried, late,
    )  # fmt: skip


def fitted(y: F64, x: F64, orders: Orders, constant: bool, season: int, method: str) -> dict[str, Any] | None:
    """A candidate's fit by statsforecast, or None where that fails."""
    from statsforecast.arima import arima

    p, d, q, seasonal_p, seasonal_d, seasonal_q = orders
    if constant and d + seasonal_d == 1:
        x = np.column_stack([np.arange(1.0, y.size + 1), x])
    try:
        found: dict[str, Any] = arima(
            y, order=(p, d, q), seasonal={"order": (seasonal_p, seasonal_d, seasonal_q), "period": season},
            xreg=x if x.shape[1] else None, include_mean=constant and d + seasonal_d == 0, method=method,
            optim_control={"maxiter": _ITERATIONS},
        )  # fmt: skip
    except (ValueError, ArithmeticError):  # not stationary, or singular: another candidate will do
        return None
    numbers = [*found["coef"].values(), found["sigma2"], found["loglik"]]
    return found if np.isfinite(numbers).all() else None


def stable(fit: dict[str, Any]) -> bool:
    """Whether both polynomials of a fit have their roots clearly outside of the unit circle."""
    model = fit["model"]
    return min(_closest_root(model["phi"], -1.0), _closest_root(model["theta"], 1.0)) >= _NEAR_ONE


def _closest_root(weights: F64, sign: float) -> float:
    """Distance from zero of the closest root of ``1 + sign * (w_1 z + w_2 z^2 + ...)``."""
    some = np.trim_zeros(np.where(np.abs(weights) > 1e-8, weights, 0.0), "b")
    roots = np.polynomial.polynomial.polyroots(np.append(1.0, sign * some))
    return float(np.abs(roots).min()) if roots.size else np.inf


def usable(x: F64, observations: int) -> npt.NDArray[np.int64]:
    """Columns that a regression can tell apart, in differences too, and that the observations suffice for."""
    kept: list[int] = []
    if len(x) < 2:
        return np.empty(0, dtype=np.int64)
    bases = [
        (np.ones((len(x), 1)) / np.sqrt(len(x)), x),
        (np.ones((len(x) - 1, 1)) / np.sqrt(len(x) - 1), np.diff(x, axis=0)),
    ]
    for k in range(x.shape[1]):
        if len(kept) >= observations // _SPAN:
            break
        left = []
        for basis, columns in bases:
            rest = columns[:, k] - basis @ (basis.T @ columns[:, k])
            rest = rest - basis @ (basis.T @ rest)
            left.append((float(np.linalg.norm(rest)), rest, float(np.linalg.norm(columns[:, k]))))
        if all(size > 1e-4 * (whole + 1e-12) for size, _, whole in left):
            kept.append(k)
            bases = [
                (np.column_stack([basis, rest / size]), columns)
                for (basis, columns), (size, rest, _) in zip(bases, left, strict=True)
            ]
    return np.array(kept, dtype=np.int64)


def filled(y: F64, x: F64, season: int) -> F64:
    """The series with its gaps filled: regression and season, plus what is left around a gap."""
    known = ~np.isnan(y)
    if known.all():
        return y
    phase = np.arange(y.size) % season
    design = np.column_stack([np.ones(y.size), x, *(phase == k for k in range(1, season))])
    weights = design[known].T @ design[known]
    weights[1:, 1:] += _HELD_BACK * np.eye(design.shape[1] - 1)  # a phase that was never seen is as the others are
    base = design @ np.linalg.solve(weights, design[known].T @ y[known])
    at = np.arange(y.size)
    return np.where(known, y, base + np.interp(at, at[known], (y - base)[known]))


def _differences(y: F64, x: F64, season: int) -> tuple[int, int]:
    """Differences and seasonal differences that the tests of statsforecast ask for, one each at most."""
    from statsforecast import arima

    tests: Any = arima  # has no types
    design = np.column_stack([np.ones(y.size), x])
    rest = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    if float(np.ptp(rest)) == 0.0:
        return 0, 0
    seasonal = int(tests.nsdiffs(rest, period=season, max_D=1)) if season > 1 and y.size > 2 * season + 4 else 0
    if seasonal:
        rest = rest[season:] - rest[:-season]
    return (int(tests.ndiffs(rest, max_d=1)) if float(np.ptp(rest)) > 0 else 0), seasonal


def _explained(y: F64, x: F64, d: int, seasonal: int, season: int) -> F64:
    """Least-squares coefficients of the regressors, in the differences that the model will take."""
    design = np.column_stack([np.ones(y.size), x, y])
    for _ in range(d):
        design = np.diff(design, axis=0)
    for _ in range(seasonal):
        design = design[season:] - design[:-season]
    constant = [0] if d + seasonal == 0 else []
    columns = [*constant, *range(1, 1 + x.shape[1])]
    return np.asarray(np.linalg.lstsq(design[:, columns], design[:, -1], rcond=None)[0][len(constant) :])


def _best(trials: _Trials, d: int, seasonal: int) -> tuple[Orders, bool] | None:
    """Stepwise search from a few simple models to their neighbours (Hyndman & Khandakar 2008, JSS 27)."""
    s = int(trials.search.season > 1 and trials.y.size >= 3 * trials.search.season)
    constant = d + seasonal <= 1
    starts = [(0, 0, 0, 0), (1, 0, s, 0), (0, 1, 0, s), (2, 2, s, s)]
    best: tuple[tuple[Orders, bool], float] | None = None
    for p, q, seasonal_p, seasonal_q in starts:
        if trials.over:
            break
        key = ((p, d, q, seasonal_p, seasonal, seasonal_q), constant)
        score = trials.score(*key)
        if np.isfinite(score) and (best is None or score < best[1]):
            best = (key, score)
    moved = True
    while best is not None and moved:
        moved = False
        for key in _neighbours(*best[0], s):
            if trials.over:
                return best[0]
            if key in trials.scores:
                continue
            score = trials.score(*key)
            if score < best[1]:
                best, moved = (key, score), True
                break
    return None if best is None else best[0]


def _neighbours(orders: Orders, constant: bool, seasonal: int) -> Iterator[tuple[Orders, bool]]:
    p, d, q, seasonal_p, seasonal_d, seasonal_q = orders
    moves = [
        (0, 0, -1, 0), (0, 0, 0, -1), (0, 0, 1, 0), (0, 0, 0, 1), (0, 0, -1, -1), (0, 0, 1, 1),
        (-1, 0, 0, 0), (0, -1, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (-1, -1, 0, 0), (-1, 1, 0, 0), (1, -1, 0, 0), (1, 1, 0, 0),
    ]  # fmt: skip
    most = (*_MOST[:2], *(seasonal * n for n in _MOST[2:]))
    for move in moves:
        new = [now + by for now, by in zip((p, q, seasonal_p, seasonal_q), move, strict=True)]
        if all(0 <= n <= top for n, top in zip(new, most, strict=True)):
            yield (new[0], d, new[1], new[2], seasonal_d, new[3]), constant
    if d + seasonal_d <= 1:
        yield orders, not constant


def _may_have_constant(orders: Orders) -> bool:
    return orders[1] + orders[4] == 0
