"""Estimation and choice of exponential smoothing models for a whole panel at once.

Peers run one optimiser per series. Here every series looks at the same few parameter candidates in one wide
batch, then improves its own best one by batched coordinate parabolas; initial level and slope come from least
squares, because errors are linear in them. Parameters are searched in coordinates that cannot leave
the usual region: ``alpha = u^2, beta = alpha * w^2, gamma = (1 - alpha) * v^2`` with ``u, v, w`` in (0, 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from .ets_recursion import Parameters, States, smooth

Array = npt.NDArray[Any]
Trend = Literal["none", "additive", "damped"]
Season = Literal["none", "additive", "multiplicative"]

_LEVELS = (0.1, 0.22, 0.4, 0.65, 0.95)  # of u
_SEASONS = (0.02, 0.15, 0.4, 0.85)  # of v
_SLOPES = (0.05, 0.2, 0.5)  # of w
_ROUNDS = 4
_BOUNDS = {"u": (0.01, 0.99995), "w": (0.01, 0.99995), "v": (0.01, 0.99995), "phi": (0.8, 0.98)}
_STEPS = {"u": 0.08, "w": 0.12, "v": 0.1, "phi": 0.05}
_LONG_SEASON = 24  # beyond it the initial season is a smooth curve
_HARMONICS = 5
_SERIES = 2048  # series that run together: wide enough to hide numpy's overhead, all states in the cache


class Form(NamedTuple):
    """Which components a model has."""

    trend: Trend
    season: Season

    def coordinates(self) -> tuple[str, ...]:
        """Names of the parameters that are searched."""
        names = ["u"]
        if self.season != "none":
            names.append("v")
        if self.trend != "none":
            names.append("w")
        if self.trend == "damped":
            names.append("phi")
        return tuple(names)

    def degrees(self, m: int) -> int:
        """Estimated numbers: parameters, initial states and the variance."""
        states = 1 + (self.trend != "none")
        if self.season != "none":
            states += m - 1 if m <= _LONG_SEASON else 2 * _HARMONICS
        return len(self.coordinates()) + states + 1


@dataclass(frozen=True)
class Estimate:
    """What was learned of each series.

    Attributes:
        form: ``(S,)`` index into the forms that were tried.
        parameters: ``(S,)`` each; beta and gamma are zero and phi is one where a form lacks them.
        states: before each series' first step; zero slope and neutral season where lacking.
        sse: ``(S,)`` sum of squared one-step errors.
    """

    form: npt.NDArray[np.int64]
    parameters: Parameters
    states: States
    sse: Array


def estimate(
    y: Array, forms: Sequence[Form], m: int, phase: int, *, stopgap: bool = False, scores: Array | None = None
) -> Estimate:
    """Fit every form to every series and keep, per series, the one with the lowest AICc (or score).

    Args:
        y: ``(T, S)``, time first, scaled to a mean of about one; NaN is missing.
        forms: candidates; the first is kept by series too short for any.
        m: season's length.
        phase: of the first row.
        stopgap: the first form is no candidate, only what such short series get.
        scores: ``(F, S)`` by which forms are chosen instead; series without a finite one go by AICc.
    """
    parts = []
    for first in range(0, y.shape[1], _SERIES):
        block = y[:, first : first + _SERIES]
        begun = int((~np.isnan(block)).any(axis=1).argmax())  # no series of the block is older than this row
        given = None if scores is None else scores[:, first : first + _SERIES]
        parts.append(_estimate(np.ascontiguousarray(block[begun:]), forms, m, (phase + begun) % m, stopgap, given))

    def join(name: str) -> Array:
        return np.concatenate([getattr(p.parameters, name) for p in parts])

    return Estimate(
        form=np.concatenate([p.form for p in parts]),
        parameters=Parameters(join("alpha"), join("beta"), join("gamma"), join("phi")),
        states=States(
            np.concatenate([p.states.level for p in parts]),
            np.concatenate([p.states.slope for p in parts if p.states.slope is not None]),
            np.concatenate([p.states.season for p in parts if p.states.season is not None], axis=1),
        ),
        sse=np.concatenate([p.sse for p in parts]),
    )


def initial_season(y: Array, m: int, phase: int, multiplicative: bool = False) -> Array:
    """Mean deviation (or ratio) of each phase from its own season's straight line, ``(m, S)``.

    All seasons of the history count, as if the season were constant; how it changes is gamma's work. A
    season longer than 24 steps is smoothed to its first five harmonics, because two or three years
    cannot tell 52 weeks apart.
    """
    steps, count = y.shape
    blocks = -(-steps // m)
    cube = np.full((blocks * m, count), np.nan)
    cube[blocks * m - steps :] = y
    cube = cube.reshape(blocks, m, count)
    seen = ~np.isnan(cube)
    number = seen.sum(axis=1)
    middle = np.where(number * 2 >= m, np.where(seen, cube, 0).sum(axis=1) / np.maximum(number, 1), np.nan)  # (B, S)
    slope = np.zeros_like(middle)
    if blocks > 1:
        around = np.concatenate([middle[:1], middle, middle[-1:]])
        gap = np.full((blocks, 1), 2.0)
        gap[[0, -1]] = 1.0
        slope = np.nan_to_num((around[2:] - around[:-2]) / (gap * m))
    line = middle[:, None] + slope[:, None] * (np.arange(m) - (m - 1) / 2)[None, :, None]
    moved = cube / np.maximum(line, 1e-3) if multiplicative else cube - line
    usable = ~np.isnan(moved)
    found = np.where(usable, moved, 0).sum(axis=0) / np.maximum(usable.sum(axis=0), 1)  # (m, S)
    neutral = 1.0 if multiplicative else 0.0
    found = np.where(usable.any(axis=0), found, neutral)
    found = np.roll(found, (phase + steps) % m, axis=0)  # row 0 is the phase after the last step
    if m > _LONG_SEASON:
        waves = np.fft.rfft(found, axis=0)
        waves[_HARMONICS + 1 :] = 0
        found = np.fft.irfft(waves, n=m, axis=0)
    if multiplicative:
        found = np.maximum(found, 0.05)
        return np.asarray(found / found.mean(axis=0))
    return np.asarray(found - found.mean(axis=0))


def initial_line(y: Array, m: int) -> tuple[Array, Array, Array]:
    """Mean, and intercept and slope of a line, through each series' first ``max(10, 2 m)`` observations."""
    seen = ~np.isnan(y)
    rank = np.cumsum(seen, axis=0)
    use = seen & (rank <= max(10, 2 * m))
    n = np.maximum(use.sum(axis=0), 1)
    x, values = np.where(use, rank, 0), np.where(use, y, 0)
    mean, centre = values.sum(axis=0) / n, x.sum(axis=0) / n
    spread = np.where(use, (x - centre) ** 2, 0).sum(axis=0)
    slope = np.where(use, (x - centre) * (y - mean), 0).sum(axis=0) / np.maximum(spread, 1)
    return mean, mean - slope * centre, slope


def initial_states(y: Array, form: Form, m: int, phase: int) -> States:
    """States before the first observation, from averages."""
    adjusted, pattern = y, None
    if form.season != "none":
        multiplicative = form.season == "multiplicative"
        pattern = initial_season(y, m, phase, multiplicative)
        along = pattern[(phase + np.arange(y.shape[0])) % m]
        adjusted = y / along if multiplicative else y - along
    mean, intercept, slope = initial_line(adjusted, m if form.season != "none" else 1)
    if form.trend == "none":
        return States(mean, None, pattern)
    return States(intercept, slope, pattern)


def to_parameters(point: dict[str, Array]) -> Parameters:
    """Search coordinates to smoothing parameters."""
    alpha = point["u"] * point["u"]
    return Parameters(
        alpha,
        alpha * point["w"] * point["w"] if "w" in point else None,
        (1 - alpha) * point["v"] * point["v"] if "v" in point else None,
        point.get("phi"),
    )


def _estimate(
    y: Array, forms: Sequence[Form], m: int, phase: int, stopgap: bool, scores: Array | None = None
) -> Estimate:
    count = y.shape[1]
    best, chosen, sse = np.full(count, np.inf), np.zeros(count, dtype=np.int64), np.zeros(count)
    parameters = Parameters(np.full(count, 0.1), np.zeros(count), np.zeros(count), np.ones(count))
    states = States(np.zeros(count), np.zeros(count), np.zeros((m, count)))
    for season in dict.fromkeys(form.season for form in forms):
        columns = np.flatnonzero(suits(y, season, m))
        part = np.ascontiguousarray(y[:, columns])
        n = (~np.isnan(part)).sum(axis=0)
        starts: dict[Trend, dict[str, Array]] = {}
        for index, form in enumerate(forms):
            if form.season != season or not columns.size:
                continue
            starts[form.trend], learned, first, error = _fit_form(part, form, starts, m, phase)
            score = _aicc(error, n, form.degrees(m))
            if scores is not None:
                judged = np.isfinite(scores[:, columns]).any(axis=0)
                score = np.where(judged, scores[index, columns], score)
            if stopgap and index == 0:
                score = np.full(columns.size, np.inf)
            wins = (score < best[columns]) | (index == 0)
            to = columns[wins]
            best[to], chosen[to], sse[to] = score[wins], index, error[wins]
            _put(parameters, states, to, learned, first, wins, 1.0 if season == "multiplicative" else 0.0)
    return Estimate(chosen, parameters, states, sse)


def _fit_form(
    y: Array, form: Form, starts: dict[Trend, dict[str, Array]], m: int, phase: int
) -> tuple[dict[str, Array], Parameters, States, Array]:
    """One form fitted to all series: search coordinates, parameters, first states, squared errors."""
    narrow = y.astype(np.float32)  # twice the speed; the last run is in double precision
    states = initial_states(y, form, m, phase)
    point = _grid(narrow, form, states, starts, phase)
    states = adjust(narrow, form, to_parameters(point), states, phase)
    point = _refine(narrow, form, point, states, phase)
    parameters = to_parameters({name: value.astype(np.float64) for name, value in point.items()})
    states = adjust(narrow, form, parameters, states, phase)
    error, _ = _run(y, form, parameters, states, phase)
    return point, parameters, states, error


def _put(
    parameters: Parameters, states: States, to: Array, learned: Parameters, first: States, wins: Array, neutral: float
) -> None:
    """Write what a form learned into the columns where it wins; parts that it lacks become inert."""
    for kept, new, absent in (
        (parameters.alpha, learned.alpha, 0.0), (parameters.beta, learned.beta, 0.0),
        (parameters.gamma, learned.gamma, 0.0), (parameters.phi, learned.phi, 1.0),
        (states.level, first.level, 0.0), (states.slope, first.slope, 0.0), (states.season, first.season, neutral),
    ):  # fmt: skip
        assert kept is not None
        kept[..., to] = absent if new is None else new[..., wins]


def _aicc(sse: Array, n: Array, k: int) -> Array:
    """Akaike's criterion, corrected for few observations; infinite where there are too few."""
    size = np.maximum(n, 1)
    score = n * np.log(np.maximum(sse / size, 1e-10)) + 2 * k
    room = n - k - 1
    return np.where(room > 0, score + 2 * k * (k + 1) / np.maximum(room, 1), np.inf)


def suits(y: Array, season: Season, m: int) -> npt.NDArray[np.bool_]:
    """Which series may have such a season: two of them seen, and always positive if it multiplies."""
    if season == "none":
        return np.ones(y.shape[1], dtype=np.bool_)
    enough = _span(y) >= 2 * m
    if season == "additive":
        return enough
    return enough & ~(np.where(np.isnan(y), 1.0, y) <= 0).any(axis=0)


def _span(y: Array) -> Array:
    """Steps from each series' first to its last observation."""
    seen = ~np.isnan(y)
    steps = y.shape[0]
    return np.where(seen.any(axis=0), steps - seen.argmax(axis=0) - seen[::-1].argmax(axis=0), 0)


def _run(y: Array, form: Form, parameters: Parameters, states: States, phase: int, errors: Array | None = None) -> Any:
    with np.errstate(over="ignore", invalid="ignore"):  # a candidate that explodes loses by its infinite errors
        return smooth(y, parameters, states, multiplicative=form.season == "multiplicative", phase=phase, errors=errors)


def _grid(y: Array, form: Form, states: States, starts: dict[Trend, dict[str, Array]], phase: int) -> dict[str, Array]:
    """Best of the shared candidates; forms with a trend start from the same form without it."""
    count = y.shape[1]
    flat = starts.get("none")
    undamped = starts.get("additive")
    shared: dict[str, list[Array]] = {name: [] for name in form.coordinates()}

    def add(values: Mapping[str, Array | float]) -> None:
        for name, items in shared.items():
            items.append(np.broadcast_to(np.asarray(values[name], dtype=np.float32), count))

    levels: list[Array | float] = list(_LEVELS) if flat is None else [flat["u"], flat["u"] * 0.6]
    patterns: list[Array | float] = [0.0] if form.season == "none" else list(_SEASONS) if flat is None else [flat["v"]]
    slopes = (0.0,) if form.trend == "none" else _SLOPES
    for u in levels:
        for v in patterns:
            for w in slopes:
                add({"u": u, "v": v, "w": w, "phi": 0.93})
    if form.trend == "damped" and undamped is not None:
        add({"v": 0.0, **undamped, "phi": 0.97})
    candidates = {name: np.clip(np.stack(items), *_BOUNDS[name]) for name, items in shared.items()}
    sse, _ = _run(y, form, to_parameters(candidates), states, phase)
    pick = np.nanargmin(np.where(np.isfinite(sse), sse, np.inf), axis=0)
    return {name: c[pick, np.arange(count)] for name, c in candidates.items()}


def _refine(y: Array, form: Form, point: dict[str, Array], states: States, phase: int) -> dict[str, Array]:
    """Rounds of one parabola per coordinate, all series at once, the step halving each time."""
    names = form.coordinates()
    count = y.shape[1]
    every = np.arange(count)
    current = {name: value.copy() for name, value in point.items()}
    value, _ = _run(y, form, to_parameters(current), states, phase)
    for turn in range(_ROUNDS):
        around = {name: np.repeat(current[name][None], 2 * len(names) + 1, axis=0) for name in names}
        for j, name in enumerate(names):
            step = np.float32(_STEPS[name] * 0.5**turn)
            around[name][2 * j] = np.maximum(current[name] - step, _BOUNDS[name][0])
            around[name][2 * j + 1] = np.minimum(current[name] + step, _BOUNDS[name][1])
        sides = {name: a[:-1] for name, a in around.items()}
        found, _ = _run(y, form, to_parameters(sides), states, phase)
        found = np.where(np.isfinite(found), found, np.float32(np.inf))
        for j, name in enumerate(names):
            low, high = around[name][2 * j], around[name][2 * j + 1]
            around[name][-1] = np.clip(
                _vertex(low, current[name], high, found[2 * j], value, found[2 * j + 1]), low, high
            )
        last, _ = _run(y, form, to_parameters({name: a[-1] for name, a in around.items()}), states, phase)
        last = np.where(np.isfinite(last), last, np.float32(np.inf))
        stacked = np.concatenate([found, last[None], value[None]])
        pick = stacked.argmin(axis=0)
        for name in names:
            options = np.concatenate([around[name], current[name][None]])
            current[name] = options[pick, every]
        value = stacked[pick, every]
    return current


def _vertex(x0: Array, x1: Array, x2: Array, f0: Array, f1: Array, f2: Array) -> Array:
    """Lowest point of the parabola through three points, or the lowest of them if it opens downwards."""
    d0, d2 = x1 - x0, x1 - x2
    with np.errstate(over="ignore", invalid="ignore"):  # infinite errors of candidates that exploded
        top = d0 * d0 * (f1 - f2) - d2 * d2 * (f1 - f0)
        below = d0 * (f1 - f2) - d2 * (f1 - f0)
    lowest = np.where(f0 < np.minimum(f1, f2), x0, np.where(f2 < f1, x2, x1))
    convex = np.isfinite(top) & (below < 0)
    return np.where(convex, x1 - 0.5 * np.where(convex, top, 0) / np.where(convex, below, 1), lowest)


def adjust(y: Array, form: Form, parameters: Parameters, states: States, phase: int) -> States:
    """Least squares for the initial level and slope, in which the errors of additive forms are linear."""
    if form.season == "multiplicative":
        return states
    errors = np.empty_like(y)
    _run(y, form, parameters, states, phase, errors)
    zeros = np.where(np.isnan(y), y, 0)
    nothing = None if states.season is None else np.zeros_like(states.season)
    unit, none = np.ones_like(states.level), np.zeros_like(states.level)
    by_level = np.empty_like(y)
    _run(zeros, form, parameters, States(unit, None if states.slope is None else none, nothing), phase, by_level)
    ll, le = _dot(by_level, by_level), _dot(by_level, errors)
    if states.slope is None:
        return States(states.level - le / np.maximum(ll, 1e-6), None, states.season)
    by_slope = np.empty_like(y)
    _run(zeros, form, parameters, States(none, unit, nothing), phase, by_slope)
    ss, ls, se = _dot(by_slope, by_slope), _dot(by_level, by_slope), _dot(by_slope, errors)
    determinant = ll * ss - ls * ls
    solvable = determinant > 1e-4 * ll * ss
    safe = np.where(solvable, determinant, 1)
    level = np.where(solvable, (ss * le - ls * se) / safe, 0)
    slope = np.where(solvable, (ll * se - ls * le) / safe, 0)
    return States(states.level - level, states.slope - slope, states.season)


def _dot(a: Array, b: Array) -> Array:
    """Sum over time, row by row, in double precision."""
    total = np.zeros(a.shape[1])
    for left, right in zip(a, b, strict=True):
        total += left * right
    return total
