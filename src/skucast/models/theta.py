"""The theta method of a whole panel at once: optimised and dynamic optimised, season taken out where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..features.seasonal_filter import is_seasonal, seasonal_pattern
from ..panel import F32, Panel
from .empirical import PastErrors, error_quantiles, sellable
from .rows import match_rows
from .space import OneOf, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec
from .theta_recursion import Lines, Parameters, estimate, first_level, lines, project, run

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Variant = Literal["stm", "otm", "dstm", "dotm"]
_FORMS: dict[str, tuple[bool, float | None]] = {  # variant -> (dynamic, weight of the line or None to learn it)
    "stm": (False, 0.5),
    "otm": (False, None),
    "dstm": (True, 0.5),
    "dotm": (True, None),
}
_SERIES = 2048  # series smoothed together


@dataclass(frozen=True)
class Theta(Spec):
    """Theta method: exponential smoothing with a share of the long-run line's drift.

    Attributes:
        variant: ``stm`` takes half of the line's slope through all history (the method that won M3), ``otm`` learns
            the share; ``dstm`` and ``dotm`` do so with a line learned anew at each step; ``auto`` takes the one with
            the lowest AICc per series.
        season: ``auto`` takes the season out where a test finds one, ``none`` never.
        season_length: steps per season; 0 takes the frequency's own (7 for days, 52 for weeks...).

    Sources: Assimakopoulos & Nikolopoulos (2000), The theta model, IJF 16; Fiorucci et al. (2016), IJF 32.
    """

    name: ClassVar[str] = "theta"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Exponential smoothing with part of the long-run drift, season taken out where a test finds one.",
        probabilistic="residuals",
    )
    space: ClassVar[Space] = {
        "variant": OneOf("dotm", "dstm", "otm", "stm", "auto"),
        "season": OneOf("auto", "none"),
    }
    variant: Literal["stm", "otm", "dstm", "dotm", "auto"] = "dotm"
    season: Literal["auto", "none"] = "auto"
    season_length: int = 0

    def __post_init__(self) -> None:
        if self.variant not in (*_FORMS, "auto"):
            raise ConfigError(f"Model 'theta': variant must be {', '.join(_FORMS)} or auto, not '{self.variant}'.")
        if self.season not in ("auto", "none"):
            raise ConfigError(f"Model 'theta': season must be auto or none, not '{self.season}'.")
        if self.season_length < 0:
            raise ConfigError(f"Model 'theta': season_length must be 0 or more, not {self.season_length}.")

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        return FittedTheta(self, panel, seed, _learn(self, panel))

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedTheta(spec, panel, 0, Learned(**arrays))


@dataclass(frozen=True)
class Learned:
    """What is known of each series, row by row as in the panel; in units of ``scale``.

    Attributes:
        alpha, weight, level: ``(S,)`` smoothing, share of the line's slope, level before the first step.
        dynamic: ``(S,)`` the line is learned anew at each step.
        season: ``(m, S)`` by phase (step number modulo ``m``).
        multiplies: ``(S,)`` the season multiplies.
        scale: ``(S,)`` mean size of the series.
        start: ``(S,)`` step number of the series' first cell.
    """

    alpha: F64
    weight: F64
    level: F64
    dynamic: Bool
    season: F64
    multiplies: Bool
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

    def along(self, phases: I64) -> F64:
        """The season at the given phases, ``(len(phases), S)``."""
        return np.asarray(self.season[phases % self.season.shape[0]])

    def without_season(self, y: F64, end: int) -> F64:
        """History ``(T, S)`` that ends at step ``end``, season taken out."""
        pattern = self.along(np.arange(end + 1 - y.shape[0], end + 1))
        out: F64 = np.where(self.multiplies, y / np.where(self.multiplies, pattern, 1.0), y - pattern)
        return out

    def with_season(self, level: F64, first: int) -> F64:
        """Forecasts or fits ``(H, S)`` from step ``first`` on, season put back."""
        pattern = self.along(np.arange(first, first + level.shape[0]))
        return np.asarray(np.where(self.multiplies, level * pattern, level + pattern))


@dataclass(frozen=True, eq=False, repr=False)
class FittedTheta(Fitted):
    """See `Theta`. Parameters, first levels and seasons are kept; the recursion runs when a forecast is asked for."""

    spec: Theta
    learned: Learned

    def update(self, panel: Panel) -> FittedTheta:
        """The same parameters and seasons run over another history; series that are new here are fitted."""
        rows, new = match_rows(self.panel, panel)
        learned = self.learned.take(rows)
        starts = panel.end + 1 - panel.lengths
        moved = np.flatnonzero((learned.start != starts) & ~new)
        if moved.size:
            learned = learned.put(moved, _restart(learned.take(moved), panel.take(moved)))
        if new.any():
            fresh = np.flatnonzero(new)
            learned = learned.put(fresh, _learn(self.spec, panel.take(fresh), learned.season.shape[0]))
        return replace(self, panel=panel, learned=learned)

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        panel, count = self.panel, len(self.panel)
        values = panel.dense(panel.observed)  # (S, T)
        mean = np.empty((count, horizon))
        quantiles = np.empty((count, horizon, len(levels)))
        for first in range(0, count, _SERIES):
            part = slice(first, first + _SERIES)
            learned = self.learned.take(np.arange(count)[part])
            y = values[part].T / learned.scale
            mean[part], quantiles[part] = _forecast(learned, y, panel.end, horizon, levels)
        return mean, quantiles

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return dict(vars(self.learned)), {}


def _learn(spec: Theta, panel: Panel, season_length: int = 0) -> Learned:
    m = season_length or (spec.season_length or panel.freq.season if spec.season == "auto" else 1)
    values, scale = _scaled(panel)
    count = len(panel)
    out = Learned(
        alpha=np.zeros(count), weight=np.zeros(count), level=np.zeros(count), dynamic=np.zeros(count, dtype=np.bool_),
        season=np.zeros((m, count)), multiplies=np.zeros(count, dtype=np.bool_), scale=scale,
        start=np.asarray(panel.end + 1 - panel.lengths, dtype=np.int64),
    )  # fmt: skip
    # series of like age run together, so that few steps of a block lie before a series' birth
    order = np.argsort(out.start, kind="stable")
    for first in range(0, count, _SERIES):
        rows = order[first : first + _SERIES]
        y = values[rows].T / scale[rows]
        y = np.ascontiguousarray(y[int((~np.isnan(y)).any(axis=1).argmax()) :])
        out = _put(out, rows, spec, y, panel.end)
    return out


def _put(out: Learned, rows: I64, spec: Theta, y: F64, end: int) -> Learned:
    """Learn a block of series ``(T, S)`` and write it into its rows."""
    m = out.season.shape[0]
    seasonal = np.flatnonzero(is_seasonal(y, m)) if spec.season == "auto" else np.empty(0, dtype=np.int64)
    if seasonal.size:
        pattern, multiplies = seasonal_pattern(y[:, seasonal], m, (end + 1 - y.shape[0]) % m)
        out.season[:, rows[seasonal]] = pattern
        out.multiplies[rows[seasonal]] = multiplies
    adjusted = out.take(rows).without_season(y, end)
    n = (~np.isnan(y)).sum(axis=0)
    best = np.full(rows.size, np.inf)
    line: dict[bool, Lines] = {}
    for variant in get_args(Variant) if spec.variant == "auto" else (spec.variant,):
        dynamic, weight = _FORMS[variant]
        if dynamic not in line:
            line[dynamic] = lines(adjusted, dynamic=dynamic)
        found, sse = estimate(adjusted, line[dynamic], weight=weight)
        score = _aicc(sse, n, 3 + (weight is None))
        wins = score < best
        best = np.where(wins, score, best)
        to = rows[wins]
        out.alpha[to], out.weight[to], out.level[to] = found.alpha[wins], found.weight[wins], found.level[wins]
        out.dynamic[to] = dynamic
    return out


def _aicc(sse: F64, n: I64, k: int) -> F64:
    size = np.maximum(n, 1)
    room = np.maximum(size - k - 1, 0.5)
    return np.asarray(size * np.log(np.maximum(sse / size, 1e-10)) + 2 * k * (1 + (k + 1) / room))


def _scaled(panel: Panel) -> tuple[F64, F64]:
    """Observed demand ``(S, T)`` and each series' mean size ``(S,)``."""
    values = panel.dense(panel.observed).astype(np.float64)
    seen = ~np.isnan(values)
    size = np.where(seen, np.abs(values), 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return values, np.where(size > 0, size, 1.0)


def _restart(learned: Learned, panel: Panel) -> Learned:
    """First levels of histories that begin elsewhere than the ones learned from; seasons keep their share of size."""
    values, scale = _scaled(panel)
    moved = replace(learned, scale=scale, start=np.asarray(panel.end + 1 - panel.lengths, dtype=np.int64))
    adjusted = moved.without_season(values.T / scale, panel.end)
    line = _blend(lines(adjusted, dynamic=False), adjusted, moved.dynamic)
    return replace(moved, level=first_level(adjusted, line, learned.alpha, learned.weight))


def _blend(static: Lines, y: F64, dynamic: Bool) -> Lines:
    """Lines of a block in which some series are dynamic."""
    if not dynamic.any():
        return static
    moving = lines(y, dynamic=True)
    return replace(
        static,
        intercept=np.where(dynamic, moving.intercept, static.intercept),
        slope=np.where(dynamic, moving.slope, static.slope),
    )


def _forecast(learned: Learned, y: F64, end: int, horizon: int, levels: tuple[float, ...]) -> tuple[F64, F64]:
    """Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of a block ``(T, S)``."""
    adjusted = learned.without_season(y, end)
    line = _blend(lines(adjusted, dynamic=False), adjusted, learned.dynamic)
    parameters = Parameters(learned.alpha, learned.weight, learned.level)
    last = run(adjusted, parameters, line)
    point = learned.with_season(project(horizon, parameters, last, line, dynamic=learned.dynamic), end + 1).T
    seen: npt.NDArray[np.bool_] = ~np.isnan(y)
    point = sellable(point, seen)
    fits = learned.with_season(np.where(seen, adjusted, 0.0) - last.errors, end + 1 - y.shape[0])
    growth = 1 + np.arange(horizon) * learned.alpha[:, None] ** 2
    past = PastErrors(np.where(seen, y - fits, np.nan).T, fits.T, 1 / learned.scale)
    scale = learned.scale[:, None]
    return point * scale, error_quantiles(past, point, growth, levels) * scale[..., None]
