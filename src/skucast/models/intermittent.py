"""Croston and TSB for intermittent demand: how often and how much, smoothed apart, the whole panel at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..panel import F32, Panel
from .empirical import gamma_quantiles, sorted_quantiles
from .intermittent_recursion import (
    first_interval,
    first_size,
    mean_probability,
    mean_size,
    smooth_intervals,
    smooth_probability,
    smooth_sizes,
)
from .rows import match_rows
from .space import OneOf, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
Variant = Literal["classic", "sba", "sbj"]
Start = Literal["mean", "first"]

_ALPHAS = np.array([0.02, 0.05, 0.1, 0.2, 0.3])
_WORTH_TRYING = OneOf(0.0, *_ALPHAS.tolist())  # for all series alike; 0 lets each take its own
_SERIES = 2048  # series smoothed together
_PRIOR = 10.0  # demands that the assumed distribution of sizes counts for
_PRIOR_CV2 = 0.5  # its squared coefficient of variation
_TIE = 1e-9  # an alpha must be better by this share; on equal terms the smallest is taken


@dataclass(frozen=True)
class _Intermittent(Spec):
    """What both methods share: two smoothed numbers per series, the size of a demand and its rate."""

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        return FittedIntermittent(self, panel, seed, _learn(self, panel))

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedIntermittent(spec, panel, 0, Learned(**arrays))

    @abstractmethod
    def _given(self) -> tuple[float, float]:
        """Smoothing parameters of size and rate; 0 where they are to be chosen."""

    @abstractmethod
    def _smooth_rate(self, y: F64, alpha: npt.NDArray[Any]) -> tuple[F64, F64]:
        """Squared errors of the rate, and the chance of demand after the last step, shaped like ``alpha``."""

    @abstractmethod
    def _first_size(self, y: F64) -> F64:
        """Size before the first step."""


@dataclass(frozen=True)
class Croston(_Intermittent):
    """Croston's method: sizes of demand and intervals between demands, each smoothed at demands only.

    The forecast stays as it is while nothing is sold, so items that died are better served by `Tsb`.

    Attributes:
        variant: ``classic``, or with the bias of the ratio taken off: ``sba`` by ``1 - a / 2`` (Syntetos &
            Boylan 2005), ``sbj`` by ``1 - a / (2 - a)`` (Shale, Boylan & Johnston 2006), where ``a`` smooths
            the intervals.
        alpha_size: smoothing of sizes, in (0, 1]; 0 takes the best of five per series.
        alpha_interval: smoothing of intervals; 0 likewise.
        start: both begin at their mean over the history, or at the first demand as in Croston's paper.

    Source: Croston (1972), Forecasting and stock control for intermittent demands, ORQ 23.
    """

    name: ClassVar[str] = "croston"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Smooths sizes of demand and intervals between demands; for items that sell now and then."
    )
    space: ClassVar[Space] = {
        "variant": OneOf("classic", "sba", "sbj"),
        "alpha_size": _WORTH_TRYING,
        "alpha_interval": _WORTH_TRYING,
        "start": OneOf("mean", "first"),
    }
    variant: Variant = "classic"
    alpha_size: float = 0.0
    alpha_interval: float = 0.0
    start: Start = "mean"

    def __post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            raise ConfigError(
                f"Model '{self.name}': variant must be {', '.join(get_args(Variant))}, not '{self.variant}'."
            )
        _check(self.name, self.start, alpha_size=self.alpha_size, alpha_interval=self.alpha_interval)

    def _given(self) -> tuple[float, float]:
        return self.alpha_size, self.alpha_interval

    def _first_size(self, y: F64) -> F64:
        return first_size(y) if self.start == "first" else mean_size(y)

    def _smooth_rate(self, y: F64, alpha: npt.NDArray[Any]) -> tuple[F64, F64]:
        usual = 1 / np.maximum(mean_probability(y), 1e-9)
        error, interval = smooth_intervals(y, alpha, first_interval(y) if self.start == "first" else usual)
        less = {"classic": np.zeros_like(alpha), "sba": alpha / 2, "sbj": alpha / (2 - alpha)}[self.variant]
        return error, (1 - less) / np.maximum(interval, 1)


@dataclass(frozen=True)
class Sba(Croston):
    """Croston's method with the Syntetos-Boylan approximation, which takes most of its upward bias off.

    Source: Syntetos & Boylan (2005), The accuracy of intermittent demand estimates, IJF 21.
    """

    name: ClassVar[str] = "sba"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Croston's method with its upward bias taken off (Syntetos & Boylan); for slow items."
    )
    space: ClassVar[Space] = {name: values for name, values in Croston.space.items() if name != "variant"}
    variant: Variant = "sba"


@dataclass(frozen=True)
class Tsb(_Intermittent):
    """Teunter, Syntetos & Babai: sizes smoothed at demands, the probability of demand at every step.

    The forecast sinks while nothing is sold, so it suits items that fade out.

    Attributes:
        alpha_size: smoothing of sizes, in (0, 1]; 0 takes the best of five per series.
        alpha_probability: smoothing of the probability; 0 likewise.
        start: both begin at their mean over the history, or at the first step and demand.

    Source: Teunter, Syntetos & Babai (2011), Intermittent demand: linking forecasting to inventory
    obsolescence, EJOR 214.
    """

    name: ClassVar[str] = "tsb"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Smooths sizes of demand and its probability at every step; for slow items that may fade out."
    )
    space: ClassVar[Space] = {
        "alpha_size": _WORTH_TRYING,
        "alpha_probability": _WORTH_TRYING,
        "start": OneOf("mean", "first"),
    }
    alpha_size: float = 0.0
    alpha_probability: float = 0.0
    start: Start = "mean"

    def __post_init__(self) -> None:
        _check(self.name, self.start, alpha_size=self.alpha_size, alpha_probability=self.alpha_probability)

    def _given(self) -> tuple[float, float]:
        return self.alpha_size, self.alpha_probability

    def _first_size(self, y: F64) -> F64:
        return first_size(y) if self.start == "first" else mean_size(y)

    def _smooth_rate(self, y: F64, alpha: npt.NDArray[Any]) -> tuple[F64, F64]:
        begun = y[(~np.isnan(y)).argmax(axis=0), np.arange(y.shape[1])] > 0
        return smooth_probability(y, alpha, begun * 1.0 if self.start == "first" else mean_probability(y))


@dataclass(frozen=True)
class Learned:
    """Smoothing parameters of each series, ``(S,)`` as in the panel: of sizes, and of intervals or probability."""

    alpha_size: F64
    alpha_rate: F64


@dataclass(frozen=True, eq=False, repr=False)
class FittedIntermittent(Fitted):
    """See `Croston` and `Tsb`. Parameters are kept; the recursion runs when a forecast is asked for."""

    spec: _Intermittent
    learned: Learned

    def update(self, panel: Panel) -> FittedIntermittent:
        """The same parameters run over another history; series that are new here get their own."""
        rows, new = match_rows(self.panel, panel)
        size, rate = self.learned.alpha_size[rows], self.learned.alpha_rate[rows]
        if new.any():
            fresh = _learn(self.spec, panel.take(new))
            size[new], rate[new] = fresh.alpha_size, fresh.alpha_rate
        return replace(self, panel=panel, learned=Learned(size, rate))

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        count = len(self.panel)
        mean, quantiles = np.empty(count), np.empty((count, len(levels)))
        for part, y in _blocks(self.panel):
            _, size = smooth_sizes(y, self.learned.alpha_size[part], self.spec._first_size(y))
            _, chance = self.spec._smooth_rate(y, self.learned.alpha_rate[part])
            unseen = np.isnan(y).all(axis=0)
            mean[part] = np.where(unseen, np.nan, size * chance)
            quantiles[part] = demand_quantiles(y, size, chance, levels)
        # flat over the horizon: nothing in the method tells one step ahead from another
        shape = (count, horizon, len(levels))
        return np.broadcast_to(mean[:, None], shape[:2]), np.broadcast_to(quantiles[:, None], shape)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return dict(vars(self.learned)), {}


def demand_quantiles(y: F64, size: F64, chance: F64, levels: tuple[float, ...]) -> F64:
    """Quantiles ``(S, Q)`` of the demand of one step: zero with probability ``1 - chance``, else a size.

    Sizes are distributed as in the history, moved in proportion so that their mean is the smoothed
    one. Few demands say little about a distribution, so the quantiles lean on a gamma distribution whose
    variance is shrunk likewise; it counts for ten demands, which on daily and weekly retail panels was as
    good as or better than either distribution alone.

    Args:
        y: ``(T, S)`` history, time first; NaN is missing.
        size: ``(S,)`` expected size of a demand.
        chance: ``(S,)`` probability of demand.
        levels: ``Q`` quantile levels.
    """
    occurs = y > 0
    n = occurs.sum(axis=0)
    sold = np.where(occurs, y, 0.0)
    usual = sold.sum(axis=0) / np.maximum(n, 1)
    u = (np.asarray(levels) - (1 - chance[:, None])) / np.maximum(chance[:, None], 1e-12)  # level among demands
    inside = np.clip(u, 0, 1)
    moved = size / np.where(usual > 0, usual, 1.0)
    # as exact as the panel; no demand sorts last, infinity six times as fast as NaN
    sizes = np.where(occurs, y, np.where(n > 0, np.inf, 0.0)).astype(np.float32)
    seen = moved[:, None] * sorted_quantiles(np.ascontiguousarray(sizes.T), n, inside)
    squares = np.maximum(np.einsum("ts,ts->s", sold, sold) - n * usual**2, 0.0)
    variance = (squares + _PRIOR * _PRIOR_CV2 * usual**2) / (n + _PRIOR) * moved**2
    assumed = gamma_quantiles(size, variance, inside)
    weight = (n / (n + _PRIOR))[:, None]
    return np.asarray(np.where(u > 0, weight * seen + (1 - weight) * assumed, 0.0))


def _learn(spec: _Intermittent, panel: Panel) -> Learned:
    count = len(panel)
    size, rate = (np.full(count, given) for given in spec._given())
    if all(spec._given()):
        return Learned(size, rate)
    for part, y in _blocks(panel):
        candidates = np.repeat(_ALPHAS[:, None], y.shape[1], axis=1).astype(np.float32)  # (K, S)
        if not spec._given()[0]:
            size[part] = _best(smooth_sizes(y, candidates, spec._first_size(y))[0])
        if not spec._given()[1]:
            rate[part] = _best(spec._smooth_rate(y, candidates)[0])
    return Learned(size, rate)


def _best(error: F64) -> F64:
    """Smallest alpha whose error is the lowest, rounding apart, for each series."""
    found: F64 = _ALPHAS[(error <= error.min(axis=0) * (1 + _TIE) + 1e-30).argmax(axis=0)]
    return found


def _blocks(panel: Panel) -> list[tuple[slice, F64]]:
    """Slices of series with their histories ``(T, S)``, time first, cut to the oldest observation among them."""
    values = panel.dense(panel.observed)
    blocks = []
    for first in range(0, len(panel), _SERIES):
        part = values[first : first + _SERIES]
        begun = int((~np.isnan(part)).any(axis=0).argmax())
        blocks.append((slice(first, first + len(part)), np.ascontiguousarray(part[:, begun:].T, dtype=np.float64)))
    return blocks


def _check(name: str, start: str, **alphas: float) -> None:
    if start not in get_args(Start):
        raise ConfigError(f"Model '{name}': start must be mean or first, not '{start}'.")
    for option, value in alphas.items():
        if not 0 <= value <= 1:
            raise ConfigError(f"Model '{name}': {option} must lie in (0, 1], or be 0 to be chosen, not {value}.")
