"""Temporal: forecasts of days, weeks and months that agree with one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ConfigError, ModelError
from ..forecast import LEVELS, SHOWN, Forecast
from ..frequency import Frequency
from ..models import registry
from ..models.spec import Arrays, Capabilities, Fitted, Progress, Spec, known_ahead, scaled
from ..panel import F32, Panel
from .grouped import coarser, period_means, whole_periods
from .hierarchy import F64, Hierarchy
from .nested import FittedNested, Nested, nested, of_others, read_nested
from .reconcile import reconcile


@dataclass(frozen=True)
class Temporal(Spec):
    """One model at several frequencies at once: what it says of days, of weeks and of months is made to agree.

    A slow rise shows in months and a promotion in days; the compromise takes from each what it sees best. Forecasts
    of the panel's own steps are returned; `by_period` adds them up to the longer periods.

    Attributes:
        base: the model of the panel's own steps.
        periods: longer periods, such as ``("W-SUN", "MS")``; empty takes weeks and months over days, months over weeks,
            and years over months.
        coarse: the model of the longer periods.

    Source: Athanasopoulos, Hyndman, Kourentzes, Petropoulos (2017), Forecasting with temporal hierarchies, European
    J. Operational Research 262 (structural weights).
    """

    name: ClassVar[str] = "temporal"
    capabilities: ClassVar[Capabilities] = of_others("One model for days, weeks and months at once, made to agree.")
    base: Nested = "pretrained"
    periods: tuple[str, ...] = ()
    coarse: Nested = "pretrained"

    def __post_init__(self) -> None:
        given: Any = self.periods
        object.__setattr__(self, "periods", (given,) if isinstance(given, str) else tuple(given))
        for alias in self.periods:
            Frequency.parse(alias)

    def frequencies(self, own: Frequency) -> list[Frequency]:
        """The longer periods over steps of a panel.

        Raises:
            ConfigError: a period is not longer than the steps.
        """
        usual = {"h": ("D",), "D": ("W-SUN", "MS"), "W": ("MS",), "M": ("YS",)}.get(own.unit, ())
        found = [Frequency.parse(alias) for alias in self.periods or usual]
        short = [f.alias for f in found if f.days <= own.days]
        if short:
            raise ConfigError(f"Model 'temporal': '{short[0]}' is not longer than the panel's steps ('{own.alias}').")
        return found

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        base = registry.make(self.base)
        longer = [f for f in self.frequencies(panel.freq) if horizon * panel.freq.days >= f.days]
        parts = 1 + len(longer)
        fitted = base.fit(panel, horizon=horizon, seed=seed, progress=scaled(progress, 0.0, 1 / parts))
        coarse: dict[str, Fitted] = {}
        for k, freq in enumerate(longer):
            sums = coarser(panel, freq)
            if not sums.n_steps:
                continue  # the history holds no whole period
            ahead = int(np.ceil(horizon * panel.freq.days / freq.days)) + 1
            hook = scaled(progress, (k + 1) / parts, (k + 2) / parts)
            coarse[freq.alias] = registry.make(self.coarse).fit(sums, horizon=ahead, seed=seed, progress=hook)
        return FittedTemporal(self, panel, seed, fitted, coarse)

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        parts = {"": panel} | {alias: coarser(panel, Frequency.parse(alias)) for alias in about if alias}
        found = {alias: read_nested(about[alias], part, arrays, f"{alias}/") for alias, part in parts.items()}
        base = found.pop("")
        return FittedTemporal(spec, panel, 0, base, found)


@dataclass(frozen=True, eq=False, repr=False)
class FittedTemporal(FittedNested):
    """See `Temporal`.

    Attributes:
        base: model of the panel's own steps.
        coarse: period -> model of the panel added up to it.
    """

    spec: Temporal
    base: Fitted
    coarse: Mapping[str, Fitted] = field(default_factory=dict)

    def predict(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> Forecast:
        """See `Fitted.predict`."""
        models = (self.base, *self.coarse.values())
        known: dict[str, F32] = {}
        if self.panel.known and horizon >= 1 and any(model.spec.capabilities.known for model in models):
            known = known_ahead(self.panel, future, horizon)
        made = self.base.predict(horizon, known, levels=levels, seed=seed)
        agreed = self._agreed(made.mean, known, seed)
        return moved_to(made, agreed)

    def _agreed(self, mean: F32, known: Mapping[str, F32], seed: int | None) -> F64:
        """Means ``(S, H)`` that agree with those of the longer periods."""
        horizon, start = mean.shape[1], self.panel.end + 1
        columns: dict[str, list[str | None]] = {"step": [str(h) for h in range(horizon)]}
        sums: list[F32] = []
        for alias, model in self.coarse.items():
            period = whole_periods(self.panel.freq, start, horizon, Frequency.parse(alias))
            whole = np.unique(period[period >= 0])
            if not whole.size:
                continue
            ahead = int(whole[-1]) - model.panel.end
            future = self._future(model, known, ahead) if model.spec.capabilities.known else None
            said = model.predict(ahead, future, levels=(0.5,), seed=seed)
            sums.append(said.mean[:, whole - model.panel.end - 1].T)
            columns[alias] = [f"{p:09d}" if p >= 0 else None for p in period - whole[0]]
        if not sums:
            return mean.astype(np.float64)
        hierarchy = Hierarchy.of(pl.DataFrame(columns), list(columns)[1:], partial=True)
        return reconcile(hierarchy, np.concatenate([*sums, mean.T]), "wls-struct")[hierarchy.n_upper :].T

    def _future(self, model: Fitted, known: Mapping[str, F32], ahead: int) -> dict[str, F32]:
        """Covariates of the longer periods ahead; NaN where a period is not covered."""
        if not model.panel.known:
            return {}
        horizon = next(iter(known.values())).shape[1]
        period = model.panel.freq.floor(
            self.panel.freq.stamp(np.arange(self.panel.end + 1, self.panel.end + 1 + horizon))
        )
        slot = period - model.panel.end - 1
        inside = (slot >= 0) & (slot < ahead)
        return {name: period_means(known[name][:, inside], slot[inside], ahead) for name in model.panel.known}

    def update(self, panel: Panel) -> Self:
        """See `Fitted.update`."""
        coarse = {}
        for alias, model in self.coarse.items():
            sums = coarser(panel, Frequency.parse(alias))
            if sums.n_steps:
                coarse[alias] = model.update(sums)
        return replace(self, panel=panel, base=self.base.update(panel), coarse=coarse)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        arrays: Arrays = {}
        about: dict[str, Any] = {}
        for alias, model in {"": self.base, **self.coarse}.items():
            own, about[alias] = nested(model, f"{alias}/")
            arrays |= own
        return arrays, about


def moved_to(forecast: Forecast, mean: npt.NDArray[Any]) -> Forecast:
    """The forecast with other means; quantiles are stretched by the same factor, so that no chance of zero is lost."""
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(forecast.mean > 0, mean / forecast.mean, 1.0).astype(np.float32)
    return replace(forecast, mean=mean.astype(np.float32), quantiles=forecast.quantiles * factor[..., None])


def by_period(forecast: Forecast, alias: str, levels: Sequence[float] = SHOWN, n: int = 500, seed: int = 0) -> Forecast:
    """A forecast added up to longer periods that lie wholly in its horizon; quantiles from sample paths.

    Args:
        forecast: of days, say.
        alias: the period, such as ``W-SUN`` or ``MS``.
        levels: quantile levels.
        n: sample paths.
        seed: of the paths.

    Raises:
        ConfigError: the period is not longer than the steps.
        ModelError: the horizon holds no whole period.
    """
    freq = Frequency.parse(alias)
    if freq.days <= forecast.freq.days:
        raise ConfigError(f"'{alias}' is not longer than the forecast's steps ('{forecast.freq.alias}').")
    period = whole_periods(forecast.freq, forecast.start, forecast.horizon, freq)
    whole = np.unique(period[period >= 0])
    if not whole.size:
        raise ModelError(f"The forecast's {forecast.horizon} steps hold no whole period '{alias}': forecast further.")
    paths = forecast.paths(n, seed)
    mean, quantiles = [], []
    for p in whole:
        inside = period == p
        mean.append(forecast.mean[:, inside].sum(axis=1))
        quantiles.append(np.quantile(paths[:, :, inside].sum(axis=2), list(levels), axis=1).T)
    return replace(
        forecast, freq=freq, start=int(whole[0]), levels=tuple(float(q) for q in levels), copula=None,
        mean=np.stack(mean, axis=1), quantiles=np.stack(quantiles, axis=1).astype(np.float32),
    )  # fmt: skip
