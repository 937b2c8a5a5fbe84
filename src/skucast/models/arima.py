"""ARIMA and seasonal ARIMA with regressors, found by statsforecast and run by a filter of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, MissingExtraError
from ..forecast import LEVELS, Forecast
from ..panel import F32, Panel
from .arima_filter import Arma, differencing, filtered
from .arima_learn import FITTED, LATE, LEAST, NONE, SHORT, SPAN, Effort, Learned, explain, learn
from .arima_regressors import ArimaRegressors
from .arima_search import Orders, Search
from .empirical import PastErrors, error_quantiles
from .rows import match_rows
from .smoothing import Ets
from .space import OneOf, Range, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_LONG_SEASON = 24  # longer ones are waves among the regressors: a seasonal part would be too slow and too free
_PEAK = 2.0  # forecasts stay below this times what a series ever sold in a step


@dataclass(frozen=True)
class Arimax(Spec):
    """Regression with ARIMA errors: known covariates, occasions and waves of the season explain, ARIMA the rest.

    Each series gets its own orders (stepwise search by AICc; differences by the KPSS test) and coefficients, found
    by statsforecast. Missing steps are filled for the search only; forecasts come from a Kalman filter that skips
    them. Series that are too short, or for which nothing can be fitted in time, are forecast by `Ets`, and the
    forecast says so.

    Attributes:
        order: ``p, d, q``; empty searches.
        occasions: holiday and sale-day columns per series at most (of the panel's place): those that go along best
            with its past.
        models: candidates tried per series at most.
        seconds: per series, after which no further candidate is tried; 0 is without end. A search that the clock
            ends may end elsewhere on another machine.
        workers: processes; 0 takes one per processor where there are many series.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, chapters 9 and 10; Hyndman & Khandakar
    (2008), Automatic time series forecasting, Journal of Statistical Software 27.
    """

    name: ClassVar[str] = "arimax"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="ARIMA with known covariates, holidays and waves of the season as regressors.",
        probabilistic="residuals",
        known=True,
        min_length=LEAST,
        extra="stats",
    )
    space: ClassVar[Space] = {
        "order": OneOf((), (0, 1, 1), (1, 0, 0), (1, 0, 1), (1, 1, 1), (2, 1, 2)),
        "occasions": Range(0, 6),
    }
    order: tuple[int, ...] = ()
    occasions: int = 3
    models: int = 20
    seconds: float = 10.0
    workers: int = 0

    def __post_init__(self) -> None:
        _check_order(self.name, "order", self.order)
        for option, least in (("occasions", 0), ("models", 1), ("workers", 0)):
            value = getattr(self, option)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"Model '{self.name}': {option} must be a whole number from {least}, not {value!r}.")
        if self.seconds < 0:
            raise ConfigError(f"Model '{self.name}': seconds must be 0 or more, not {self.seconds}.")

    @property
    def seasonal(self) -> bool:
        """The ARIMA part has a season of its own."""
        return False

    def search(self, panel: Panel) -> Search:
        """What is searched for in each series of a panel."""
        p, d, q = self.order or (0, 0, 0)
        return Search(1, (p, d, q, 0, 0, 0) if self.order else None, self.models, self.seconds)

    def effort(self, panel: Panel) -> Effort:
        """How models of a panel's series are found."""
        return Effort(self.search(panel), self.occasions, self.workers)

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        _require(self.name)
        regressors = ArimaRegressors.of(panel, seasonal=self.seasonal)
        learned = learn(self.effort(panel), regressors, panel, progress)
        return FittedArima(self, panel, seed, regressors, learned, _stand_in(panel, learned))

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        own = {name: array for name, array in arrays.items() if not name.startswith("ets.")}
        learned = Learned(**own)
        stand_in = None
        if about["stand_in"] is not None:
            ets = {name.removeprefix("ets."): array for name, array in arrays.items() if name.startswith("ets.")}
            stand_in = Ets.load_fitted(Ets(), panel.take(np.flatnonzero(learned.why != FITTED)), ets, about["stand_in"])
        return FittedArima(spec, panel, 0, ArimaRegressors.from_dict(about["regressors"]), learned, stand_in)


@dataclass(frozen=True)
class Sarimax(Arimax):
    """Seasonal ARIMA with regressors: `Arimax` whose ARIMA part has a season instead of waves.

    Seasons of more than 24 steps (weeks of a year) stay waves among the regressors: a seasonal part would need
    more history than shops have, and minutes per series.

    Attributes:
        order: see `Arimax`.
        occasions: see `Arimax`.
        models: see `Arimax`.
        seconds: see `Arimax`.
        workers: see `Arimax`.
        seasonal_order: ``P, D, Q``; empty searches (or is none, where ``order`` is given).

    Source: see `Arimax`; Box & Jenkins (1970), Time Series Analysis, chapter 9.
    """

    name: ClassVar[str] = "sarimax"
    capabilities: ClassVar[Capabilities] = replace(
        Arimax.capabilities, summary="Seasonal ARIMA with known covariates and holidays as regressors."
    )
    space: ClassVar[Space] = {"occasions": Range(0, 6)}
    seasonal_order: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_order(self.name, "seasonal_order", self.seasonal_order)
        if self.seasonal_order and not self.order:
            raise ConfigError("Model 'sarimax': seasonal_order needs order too (or leave out both to search).")

    @property
    def seasonal(self) -> bool:
        """See `Arimax.seasonal`."""
        return True

    def search(self, panel: Panel) -> Search:
        """See `Arimax.search`."""
        plain, season = super().search(panel), panel.freq.season
        if not 1 < season <= _LONG_SEASON:
            return plain
        orders: Orders | None = None
        if self.order:
            (p, d, q), (seasonal_p, seasonal_d, seasonal_q) = self.order, self.seasonal_order or (0, 0, 0)
            orders = (p, d, q, seasonal_p, seasonal_d, seasonal_q)
        return replace(plain, season=season, orders=orders)


@dataclass(frozen=True, eq=False, repr=False)
class FittedArima(Fitted):
    """See `Arimax` and `Sarimax`.

    Attributes:
        regressors: columns.
        learned: models of the series.
        stand_in: what forecasts the series without one, in the panel's order.
    """

    spec: Arimax
    regressors: ArimaRegressors
    learned: Learned
    stand_in: Fitted | None

    def update(self, panel: Panel) -> FittedArima:
        """The same models run over another history; series that are new here are fitted."""
        rows, new = match_rows(self.panel, panel)
        learned = self.learned.take(rows)
        if new.any():
            _require(self.spec.name)
            fresh = np.flatnonzero(new)
            learned = learned.put(fresh, learn(self.spec.effort(panel), self.regressors, panel.take(fresh), None))
        bad = np.flatnonzero(learned.why != FITTED)
        stand_in = None
        if bad.size:
            stand_in = _stand_in(panel, learned) if self.stand_in is None else self.stand_in.update(panel.take(bad))
        return replace(self, panel=panel, learned=learned, stand_in=stand_in)

    def predict(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> Forecast:
        """See `Fitted.predict`; ``fallback`` names the series that exponential smoothing forecasts, and why."""
        forecast = super().predict(horizon, future, levels=levels, seed=seed)
        counts = np.bincount(self.panel.row_of, ~np.isnan(self.panel.observed), len(self.panel)).astype(np.int64)
        reasons = {
            SHORT: f"{{}} observations, '{self.spec.name}' needs {LEAST}",
            NONE: f"no model of '{self.spec.name}' fits",
            LATE: f"no model of '{self.spec.name}' within {self.spec.seconds:g} s",
        }
        ids, stood_in = self.panel.ids.to_list(), np.flatnonzero(self.learned.why != FITTED)
        own = {ids[i]: f"ets ({reasons[int(self.learned.why[i])].format(counts[i])})" for i in stood_in}
        return replace(forecast, fallback={**own, **forecast.fallback})

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        panel, count = self.panel, len(self.panel)
        mean = np.full((count, horizon), np.nan)
        quantiles = np.full((count, horizon, len(levels)), np.nan)
        good, bad = np.flatnonzero(self.learned.why == FITTED), np.flatnonzero(self.learned.why != FITTED)
        if bad.size and self.stand_in is not None:
            mean[bad], quantiles[bad] = self.stand_in._predict(horizon, {}, levels, seed)
        if not good.size:
            return mean, quantiles
        part, learned = panel.take(good), self.learned.take(good)
        y = part.dense(part.observed).astype(np.float64) / learned.scale[:, None]
        explained = explain(self.regressors, learned, part, {n: a[good] for n, a in known.items()}, horizon)
        steps = min(y.shape[1], SPAN)
        y, explained = y[:, y.shape[1] - steps :], explained[:, explained.shape[1] - steps - horizon :]
        errors, point = np.full(y.shape, np.nan), np.empty((good.size, horizon))
        growth = np.empty((good.size, horizon))
        for rows, arma in _alike(learned):
            found = filtered(y[rows] - explained[rows, :steps], arma, horizon)
            errors[rows], growth[rows] = found.errors, np.maximum(found.variance, 1.0)
            point[rows] = found.ahead + explained[rows, steps:]
        seen = ~np.isnan(y)
        peak = np.where(seen, y, 0.0).max(axis=1, initial=0.0)[:, None]
        some: npt.NDArray[np.bool_] = np.asarray(seen.any(axis=1))
        point = np.where(some[:, None], np.clip(point, 0.0, _PEAK * peak), np.nan)
        past = PastErrors(errors, y - errors, 1 / learned.scale)
        mean[good] = point * learned.scale[:, None]
        quantiles[good] = error_quantiles(past, point, growth, levels) * learned.scale[:, None, None]
        return mean, quantiles

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        arrays, told = ({}, None) if self.stand_in is None else self.stand_in._state()
        return {**vars(self.learned), **{f"ets.{name}": array for name, array in arrays.items()}}, {
            "regressors": self.regressors.to_dict(),
            "stand_in": told,
        }


def _alike(learned: Learned) -> Iterator[tuple[I64, Arma]]:
    """Series whose models have the same structure, with their models."""
    lengths = [
        np.where(w.any(axis=1), w.shape[1] - (w[:, ::-1] != 0).argmax(axis=1), 0) for w in (learned.phi, learned.theta)
    ]
    shapes = np.column_stack([*lengths, learned.orders[:, [1, 4, 6]]])
    kinds, which = np.unique(shapes, axis=0, return_inverse=True)
    for k, (p, q, d, seasonal, m) in enumerate(kinds):
        rows = np.flatnonzero(which == k)
        yield rows, Arma(learned.phi[rows, :p], learned.theta[rows, :q], differencing(int(d), int(seasonal), int(m)))


def _stand_in(panel: Panel, learned: Learned) -> Fitted | None:
    """Exponential smoothing of the series without a model; None where all have one."""
    bad = np.flatnonzero(learned.why != FITTED)
    return Ets().fit(panel.take(bad)) if bad.size else None


def _check_order(model: str, option: str, order: tuple[int, ...]) -> None:
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in order)
    if order and (len(order) != 3 or not whole):
        raise ConfigError(
            f"Model '{model}': {option} must be three whole numbers such as [1, 1, 1], not {list(order)}."
        )


def _require(name: str) -> None:
    if find_spec("statsforecast") is None:
        raise MissingExtraError(f"Model '{name}'", "stats")
