"""Negative binomial demand: a smoothed mean with a weekly profile, dispersion shrunk over the panel.

Sums over a lead time: a step's quantiles are those of its count, and `Forecast.paths` draws the steps together by how
this model's own errors went together in the past, from the day a forecast was made to each day after it. They hold
both what is left of autocorrelation and how wrong the level was, so the spread of a sum over the lead time is that of
the past: on simulated panels it stays within about a tenth of the true one, whether counts are independent or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..panel import F32, Panel
from .count_profile import pooled_profile, profiles
from .counts import class_dispersion, count_cdf, count_quantiles, demand_class, dispersion_sums, shrunk_dispersion
from .ets_recursion import Parameters, States, smooth
from .ets_search import initial_line
from .intermittent_recursion import mean_probability
from .rows import match_rows
from .space import OneOf, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
_ALPHAS = np.array([0.01, 0.03, 0.06, 0.12, 0.25, 0.5])
_PANEL = 60.0  # observations that the panel's preference among them counts for
_SERIES = 2048  # series worked on together
_LONGEST_PROFILE = 24  # steps of a season that sales of one series can tell apart
_SEASONS = 3  # of them that a panel must span
_FINE = 100.0  # units that the mean of a series without whole numbers is divided into
_POOL, _POOL_SERIES, _ORIGINS = 1000, 4000, 8


@dataclass(frozen=True)
class NegBin(Spec):
    """Counts around an exponentially smoothed mean, with a profile over the season and shrunk dispersion.

    Series that are no counts (dollars, kilograms) are counted in hundredths of their mean.

    Attributes:
        zeros: ``plain`` negative binomial, or ``hurdle``: a smoothed chance of demand, and one plus a negative
            binomial when there is some; for items with more zeros than a count distribution explains.
        profile: days of the week (or hours of the day) differ, drawn towards what the panel does.
        alpha: smoothing of the mean, in (0, 1); 0 takes the best of six per series for the horizon asked for at the
            fit, with a view to what is best for the panel.

    Sources: Snyder, Ord & Beaumont (2012), Forecasting the intermittent demand for slow-moving inventories, IJF 28;
    Kolassa (2016), Evaluating predictive count data distributions in retail sales forecasting, IJF 32.
    """

    name: ClassVar[str] = "negbin"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Negative binomial counts around a smoothed mean, spread learned over the panel; for slow items.",
        scope="global",
    )
    space: ClassVar[Space] = {
        "zeros": OneOf("plain", "hurdle"),
        "profile": OneOf(True, False),
        "alpha": OneOf(0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5),
    }
    zeros: Literal["plain", "hurdle"] = "plain"
    profile: bool = True
    alpha: float = 0.0

    def __post_init__(self) -> None:
        if self.zeros not in ("plain", "hurdle"):
            raise ConfigError(f"Model 'negbin': zeros must be plain or hurdle, not '{self.zeros}'.")
        if not 0 <= self.alpha < 1:
            raise ConfigError(f"Model 'negbin': alpha must lie in (0, 1), or be 0 to be chosen, not {self.alpha}.")

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        m = panel.freq.season if self.profile else 1
        if not 2 <= m <= _LONGEST_PROFILE or panel.n_steps < _SEASONS * m:
            m = 1
        pooled = np.ones(1)
        if m > 1:
            values = panel.dense(panel.observed).astype(np.float64).T
            pooled = pooled_profile(values, m, (panel.end + 1 - values.shape[0]) % m)
        return FittedNegBin(self, panel, seed, _learn(self, panel, horizon, pooled, None))

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedNegBin(spec, panel, 0, Learned(**arrays))


@dataclass(frozen=True)
class Learned:
    """What is known of each series, row by row as in the panel, and of all.

    Attributes:
        alpha: ``(S,)`` smoothing of the mean (of sizes and of the chance, with a hurdle).
        dispersion: ``(S,)``.
        unit: ``(S,)`` amount that counts as one.
        profile: ``(m, S)`` by phase.
        pooled: ``(m,)`` profile of the panel.
        classes: ``(4,)`` dispersion of each demand class.
        losses: ``(K,)`` mean squared error of each smoothing over the horizon, relative to the best; of the panel.
        horizon: ``(1,)`` steps ahead that smoothing was chosen for.
    """

    alpha: F64
    dispersion: F64
    unit: F64
    profile: F64
    pooled: F64
    classes: F64
    losses: F64
    horizon: I64


@dataclass(frozen=True)
class _Track:
    """The model run over some series: means ``(T, S)`` as they were expected (a chance and a size with a hurdle),
    and the last ones ``(S,)``, all without profile and in units."""

    rate: F64
    last: F64
    chance: F64
    last_chance: F64


@dataclass(frozen=True, eq=False, repr=False)
class FittedNegBin(Fitted):
    """See `NegBin`. Smoothing, profiles and dispersion are kept; the mean runs when a forecast is asked for."""

    spec: NegBin
    learned: Learned

    def update(self, panel: Panel) -> FittedNegBin:
        """The same parameters on another history; series that are new here draw on what the panel taught."""
        rows, new = match_rows(self.panel, panel)
        old = self.learned
        named = {n: getattr(old, n)[..., rows].copy() for n in ("alpha", "dispersion", "unit", "profile")}
        if new.any():
            fresh = _learn(self.spec, panel.take(np.flatnonzero(new)), int(old.horizon[0]), old.pooled, old)
            for name, array in named.items():
                array[..., new] = getattr(fresh, name)
        return replace(self, panel=panel, learned=replace(old, **named))

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        learned, count = self.learned, len(self.panel)
        m = learned.profile.shape[0]
        ahead = (self.panel.end + 1 + np.arange(horizon)) % m
        mean, quantiles = np.empty((count, horizon)), np.empty((count, horizon, len(levels)))
        for part, y in _blocks(self.panel, np.arange(count)):
            track = _run(self.spec, learned, part, y, self.panel.end)
            shape = learned.profile[ahead][:, part].T  # (S, H)
            rate, unit = track.last[:, None] * shape, learned.unit[part, None]
            spread = _wider(rate, learned.dispersion[part, None], learned.alpha[part, None], horizon)
            if self.spec.zeros == "hurdle":
                chance, size = _hurdle(track.last_chance[:, None], track.last[:, None], shape)
                mean[part] = chance * size * unit
                found = _hurdle_quantiles(chance, size, spread, levels)
            else:
                mean[part] = rate * unit
                found = count_quantiles(rate.ravel(), spread.ravel(), np.asarray(levels)).reshape(*rate.shape, -1)
            quantiles[part] = found * unit[..., None]
            mean[part[np.isnan(y).all(axis=0)]] = np.nan
        return mean, quantiles

    def _copula(self, horizon: int, known: Mapping[str, F32]) -> F32 | None:
        """How errors from one origin went together over the steps after it, ``(M, horizon)``."""
        return _error_paths(self, horizon)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return dict(vars(self.learned)), {}


def _learn(spec: NegBin, panel: Panel, horizon: int, pooled: F64, taught: Learned | None) -> Learned:
    """Parameters of all series, and of the panel unless another one has taught them."""
    count, m = len(panel), pooled.size
    unit, profile = np.ones(count), np.ones((m, count))
    n, kind = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    losses = np.ones((len(_ALPHAS), count))
    for part, y in _blocks(panel, np.arange(count)):
        seen = ~np.isnan(y)
        n[part], kind[part] = seen.sum(axis=0), demand_class(y)
        whole = (np.where(seen, y, 0.0) == np.rint(np.where(seen, y, 0.0))).all(axis=0)
        size = np.where(seen, np.abs(y), 0.0).sum(axis=0) / np.maximum(n[part], 1)
        unit[part] = np.where(whole | (size <= 0), 1.0, size / _FINE)
        phase = (panel.end + 1 - y.shape[0]) % m
        if m > 1:
            profile[:, part] = profiles(y / unit[part], m, phase, pooled)
        flat = y / unit[part] / profile[(phase + np.arange(y.shape[0])) % m][:, part]
        if not spec.alpha:
            losses[:, part] = _losses(flat, horizon)
    typical = losses.mean(axis=1) if taught is None else taught.losses
    alpha = _ALPHAS[(n * losses + _PANEL * typical[:, None]).argmin(axis=0)]
    learned = Learned(
        alpha=np.full(count, spec.alpha) if spec.alpha else alpha, dispersion=np.zeros(count), unit=unit,
        profile=profile, pooled=pooled, classes=np.zeros(4), losses=typical, horizon=np.array([horizon]),
    )  # fmt: skip
    excess, squares = np.zeros(count), np.zeros(count)
    for part, y in _blocks(panel, np.arange(count)):
        track = _run(spec, learned, part, y, panel.end)
        counted = y / unit[part]
        expected = track.rate * profile[(panel.end + 1 - y.shape[0] + np.arange(y.shape[0])) % m][:, part]
        if spec.zeros == "hurdle":  # what comes on top of the first unit, where there is demand
            counted = np.where(counted > 0, counted - 1, np.nan)
            expected = np.maximum(track.rate - 1, 0.0)
        excess[part], squares[part] = dispersion_sums(counted - expected, expected)
    classes = class_dispersion(excess, squares, kind) if taught is None else taught.classes
    return replace(learned, dispersion=shrunk_dispersion(excess, squares, n, kind, classes), classes=classes)


def _losses(y: F64, horizon: int) -> F64:
    """Mean squared error of each smoothing over the next ``horizon`` steps, relative to the best, ``(K, S)``."""
    steps = min(horizon, max(1, len(y) // 4))
    seen = ~np.isnan(y)
    total = np.concatenate([np.zeros((1, y.shape[1])), np.where(seen, y, 0.0).cumsum(axis=0)])
    number = np.concatenate([np.zeros((1, y.shape[1])), seen.cumsum(axis=0)])
    ahead, n = total[steps:] - total[:-steps], number[steps:] - number[:-steps]  # (T - steps + 1, S)
    target = ahead / np.maximum(n, 1)
    known = seen.cumsum(axis=0) - seen > 0  # before a step
    level = np.repeat(initial_line(y, 7)[0][None], len(_ALPHAS), axis=0)
    sse, weight = np.zeros(level.shape), np.zeros(y.shape[1])
    filled = np.where(seen, y, 0.0)
    for t in range(len(target)):
        use = n[t] * known[t]
        sse += use * (target[t] - level) ** 2
        weight += use
        level += _ALPHAS[:, None] * np.where(seen[t], filled[t] - level, 0.0)
    # what varies around its own mean over the horizon is the same for all
    around = np.where(seen, (y - np.where(seen, y, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)) ** 2, 0.0)
    noise = around.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    loss = sse / np.maximum(weight, 1) + noise
    best = loss.min(axis=0)
    return np.asarray(np.where(best > 0, loss / np.where(best > 0, best, 1.0), 1.0))


def _run(spec: NegBin, learned: Learned, part: I64, y: F64, end: int) -> _Track:
    """Means as they were expected step by step; the profile is taken off first (of the chance, with a hurdle)."""
    m = learned.profile.shape[0]
    along = learned.profile[(end + 1 - y.shape[0] + np.arange(y.shape[0])) % m][:, part]
    flat = y / learned.unit[part] / along
    alpha = learned.alpha[part]
    if spec.zeros == "hurdle":
        sizes = np.where(flat > 0, y / learned.unit[part], np.nan)
        rate, last = _smoothed(sizes, alpha)
        chance = _chances(y, alpha)
        return _Track(rate, np.maximum(last, 1.0), chance[:-1], chance[-1])
    rate, last = _smoothed(flat, alpha)
    ones = np.ones(part.size)
    return _Track(np.maximum(rate, 0.0), np.maximum(last, 0.0), np.broadcast_to(ones, rate.shape), ones)


def _smoothed(y: F64, alpha: F64) -> tuple[F64, F64]:
    """Levels before each step ``(T, S)`` and after the last ``(S,)``."""
    errors = np.empty_like(y)
    _, last = smooth(y, Parameters(alpha), States(initial_line(y, 7)[0]), errors=errors)
    seen = ~np.isnan(y)
    before = np.where(seen, y - errors, np.nan)
    # a missing step was expected at the level of the next one seen, since nothing is learned in between
    index = np.where(seen, np.arange(len(y))[:, None], len(y))
    index = np.minimum.accumulate(index[::-1], axis=0)[::-1]
    extended = np.concatenate([before, last.level[None]])
    return np.take_along_axis(extended, index, axis=0), last.level


def _chances(y: F64, alpha: F64) -> F64:
    """Chance of demand before each step and after the last, ``(T + 1, S)``."""
    occurs, hidden = (y > 0).astype(np.float64), np.isnan(y)
    level = mean_probability(y)
    out = np.empty((len(y) + 1, y.shape[1]))
    for t in range(len(y)):
        out[t] = level
        level = level + alpha * np.where(hidden[t], 0.0, occurs[t] - level)
    out[-1] = level
    return out


def _wider(rate: F64, dispersion: F64, alpha: F64, horizon: int) -> F64:
    """Dispersion ``(S, H)``, with what the wandering of the mean adds to the variance further ahead."""
    one = rate + dispersion * rate**2
    later = one * np.arange(horizon) * alpha**2
    return np.where(rate > 0, dispersion + later / np.maximum(rate, 1e-9) ** 2, dispersion)


def _hurdle(chance: F64, size: F64, shape: F64) -> tuple[F64, F64]:
    """Chance and size of demand ``(S, H)``: the profile moves the chance, and the size where that cannot be more."""
    moved = np.clip(chance * shape, 0.0, 0.995)
    return moved, np.maximum(size * np.where(moved > 0, chance * shape / np.maximum(moved, 1e-12), 1.0), 1.0)


def _hurdle_quantiles(chance: F64, size: F64, spread: F64, levels: tuple[float, ...]) -> F64:
    """Quantiles ``(S, H, Q)``: zero, or one plus a negative binomial."""
    some = chance.ravel()[:, None]
    u = (np.asarray(levels) - (1 - some)) / np.maximum(some, 1e-12)
    found = count_quantiles((size - 1).ravel(), spread.ravel(), np.minimum(u, 1 - 1e-9))
    return np.where(u > 0, 1 + found, 0.0).reshape(*chance.shape, len(levels))


def _blocks(panel: Panel, rows: I64) -> Iterator[tuple[I64, F64]]:
    """Rows of series with their histories ``(T, S)``, time first, cut to the oldest observation among them."""
    for first in range(0, rows.size, _SERIES):
        part = rows[first : first + _SERIES]
        block = panel.take(part)
        values = block.dense(block.observed).astype(np.float64)
        begun = int((~np.isnan(values)).any(axis=0).argmax())
        yield part, np.ascontiguousarray(values[:, begun:].T)


def _error_paths(fitted: FittedNegBin, horizon: int) -> F32 | None:
    """Where demand fell in what was expected ``1 .. horizon`` steps before, ``(M, horizon)``.

    Each value is the probability of less, counts spread at random over their own probability: so values of series
    of all sizes compare, and series that sell rarely do not look as if their zeros hung together.
    """
    panel, learned, spec = fitted.panel, fitted.learned, fitted.spec
    count = len(panel)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _POOL_SERIES)).astype(np.int64))
    rng = np.random.default_rng(0)
    found = []
    m = learned.profile.shape[0]
    for part, y in _blocks(panel, chosen):
        steps = len(y)
        track = _run(spec, learned, part, y, panel.end)
        along = learned.profile[(panel.end + 1 - steps + np.arange(steps)) % m][:, part]
        for origin in range(steps - horizon, max(steps // 3, 2), -max(1, horizon // 2))[:_ORIGINS]:
            ahead = y[origin : origin + horizon] / learned.unit[part]  # (H, S)
            usable = (~np.isnan(ahead)).mean(axis=0) >= 0.6
            usable &= (~np.isnan(y[:origin])).sum(axis=0) >= 2
            if not usable.any():
                continue
            rows = np.flatnonzero(usable)
            shape, ahead = along[origin : origin + horizon][:, rows], ahead[:, rows]
            rate, chance = track.rate[origin, rows], track.chance[origin, rows]
            spread = _wider(
                rate[:, None] * shape.T, learned.dispersion[part[rows], None], learned.alpha[part[rows], None], horizon
            ).T
            if spec.zeros == "hurdle":
                some, size = _hurdle(chance, rate, shape)
                cuts = [1 - some + some * count_cdf(ahead - 1 - back, size - 1, spread) for back in (1, 0)]
                low, high = (np.where(ahead - back < 0, 0.0, c) for back, c in zip((1, 0), cuts, strict=True))
            else:
                low, high = (count_cdf(ahead - back, rate * shape, spread) for back in (1, 0))
            u = low + rng.random(ahead.shape) * (high - low)
            found.append(np.where(np.isnan(u), rng.random(u.shape), u).T)
    if not found:
        return None
    pool = np.concatenate(found)
    if len(pool) > _POOL:
        pool = pool[np.sort(rng.choice(len(pool), _POOL, replace=False))]
    return pool.astype(np.float32)
