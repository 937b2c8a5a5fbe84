"""Inputs: what the network is given, made from a `Window` by numpy alone, in training and in use.

Demand is divided by the series' own scale and put through asinh, which is linear near zero and logarithmic far away.
From there three arrays follow: numbers about the whole history, tokens of past steps to attend to, and numbers about
each step ahead (its calendar and covariates, the same phase of earlier seasons, what earlier covariates did).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...panel import F32
from .effects import Effects, effects
from .grid import HORIZON, KINDS, Grid
from .moving import around, cumulated
from .window import CALENDAR, SLOTS, Window
from .yardstick import Yardstick

RECENT = 32
"""Last steps that the network sees one by one, besides attention."""
_TRAILS = (1, 2, 3, 5, 8, 14, 21, 28, 42, 56, 91, 182, 364, 512)
_SPREADS = (7, 28, 91, 364)
_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9, 0.97)
_SORTED = 128
_CYCLES = 8
_FAR = 12.0

TOKEN = 5 + CALENDAR + 2 + 7 + SLOTS + 1
"""Channels of a token."""
_ATTENDED = 64


def attended(grid: Grid, length: int) -> npt.NDArray[np.int64]:
    """Steps of the history that are tokens: the last ones, and those a long season before the steps ahead."""
    recent = np.arange(max(length - _ATTENDED, 0), length)
    before = length - grid.year + np.arange(HORIZON)
    return np.union1d(recent, before[(before >= 0) & (before < length)])


@dataclass(frozen=True, eq=False)
class Inputs:
    """Arrays of ``B`` series.

    Attributes:
        history: ``(B, HISTORY)`` about the whole history.
        tokens: ``(B, N, TOKEN)`` past steps, those of `attended`.
        seen: ``(B, N)`` tokens that were observed.
        steps: ``(B, H, STEP)`` about the steps ahead.
        scale: ``(B,)`` units that are one.
        yardstick: in which answers are measured.
    """

    history: F32
    tokens: F32
    seen: npt.NDArray[np.bool_]
    steps: F32
    scale: F32
    yardstick: Yardstick

    def squash(self, demand: F32) -> F32:
        """Demand ``(B, ...)`` in the network's space."""
        by = self.scale.reshape(-1, *([1] * (demand.ndim - 1)))
        return np.asarray(np.arcsinh(demand / by), dtype=np.float32)


class Running:
    """Sums over any stretch of steps, from cumulated ones."""

    def __init__(self, a: F32, ok: F32) -> None:
        self.total = cumulated(a)
        self.count = cumulated(ok)

    def mean(self, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64], prior: float = 0.0) -> tuple[F32, F32]:
        """Mean over steps ``low <= t < high`` (arrays of bounds) and the number of observations."""
        size = self.count.shape[1] - 1
        lo, hi = np.clip(low, 0, size), np.clip(high, 0, size)
        n = self.count[:, hi] - self.count[:, lo]
        return (self.total[:, hi] - self.total[:, lo]) / np.maximum(n + np.float32(prior), np.float32(1e-6)), n

    def around(self, half: int) -> F32:
        """``(B, L)`` mean over the steps from ``t - half`` to ``t + half``; 0 where none was observed."""
        return np.asarray(around(self.total, half) / np.maximum(around(self.count, half), np.float32(1e-6)))


def scale_of(demand: F32, ok: F32, memory: float) -> F32:
    """``(B,)`` what one unit of the network's space means: the recent mean, or 0.3 of the whole where that is more."""
    size = np.abs(demand)
    weight = (0.5 ** (np.arange(demand.shape[1] - 1, -1, -1) / memory)).astype(np.float32)
    recent = (size * weight).sum(axis=1) / np.maximum((ok * weight).sum(axis=1), 1e-6)
    whole = size.sum(axis=1) / np.maximum(ok.sum(axis=1), 1)
    scale = np.maximum(recent, 0.3 * whole)
    return np.where(scale > 1e-9, scale, 1.0).astype(np.float32)


def inputs(window: Window) -> Inputs:
    """Inputs of a window."""
    grid, length, ahead = window.grid, window.context, window.horizon
    seen = ~np.isnan(window.demand)
    ok = seen.astype(np.float32)
    demand = np.where(seen, window.demand, np.float32(0))
    scale = scale_of(demand, ok, grid.memory)
    a = np.arcsinh(demand / scale[:, None])
    running = Running(a, ok)
    local = running.around(grid.half)
    residual = (a - local) * ok
    profile, flat = _without_season(residual, ok, grid.season)
    found = effects(window, flat, ok)
    zero = ((a < 1e-6) & seen).astype(np.float32)
    picked = attended(grid, length)
    whole = (np.abs(demand - np.rint(demand)) < 1e-6).all(axis=1, keepdims=True)
    phase = np.arange(ahead) % grid.season
    yardstick = Yardstick.of(a, ok, flat - found.explained, profile[:, phase] + found.ahead[:, :, -1], 2 * grid.half)
    tokens = _tokens(window, picked, a, residual, zero, found, yardstick)
    history = _history(window, a, ok, zero, residual, flat, profile, scale, running, found, yardstick, whole)
    steps = _steps(window, a, ok, residual, profile, running, found, yardstick, whole / scale[:, None])
    return Inputs(history, tokens, np.ascontiguousarray(seen[:, picked]), steps, scale, yardstick)


def _without_season(residual: F32, ok: F32, season: int) -> tuple[F32, F32]:
    """Profile of the short season ``(B, season)``, beginning with the first step ahead, and residuals without it."""
    rows, length = residual.shape
    if season == 1:
        return np.zeros((rows, 1), np.float32), residual
    pad = -length % season

    def cycles(x: F32) -> F32:
        return np.concatenate([np.zeros((rows, pad), np.float32), x], axis=1).reshape(rows, -1, season)

    profile = cycles(residual).sum(axis=1) / (cycles(ok).sum(axis=1) + np.float32(0.7))
    flat = ((cycles(residual) - profile[:, None]).reshape(rows, -1)[:, pad:]) * ok
    return profile.astype(np.float32), flat.astype(np.float32)


def _tokens(
    window: Window,
    picked: npt.NDArray[np.int64],
    a: F32,
    residual: F32,
    zero: F32,
    found: Effects,
    yardstick: Yardstick,
) -> F32:
    rows, length = a.shape
    age = (length - picked).astype(np.float32)
    out = np.zeros((rows, picked.size, TOKEN), np.float32)
    out[:, :, 0], out[:, :, 1], out[:, :, 2] = a[:, picked], residual[:, picked], zero[:, picked]
    out[:, :, 3] = np.log1p(age) / 3 - 1
    out[:, :, 4] = np.exp(-age / np.float32(window.grid.memory))
    out[:, :, 5 : 5 + CALENDAR] = window.calendar[:, picked]
    shown = found.shown[:, :, picked].transpose(1, 2, 0)
    out[:, :, 5 + CALENDAR : 7 + CALENDAR] = shown[:, :, :2]
    out[:, :, 7 + CALENDAR : 14 + CALENDAR] = window.occasion[:, picked]
    out[:, :, 14 + CALENDAR : 14 + CALENDAR + SLOTS] = shown[:, :, 3:]
    out[:, :, -1] = np.clip(out[:, :, 1] / yardstick.spread[:, None], -_FAR, _FAR)
    return out


def _history(
    window: Window,
    a: F32,
    ok: F32,
    zero: F32,
    residual: F32,
    flat: F32,
    profile: F32,
    scale: F32,
    running: Running,
    found: Effects,
    yardstick: Yardstick,
    whole: npt.NDArray[np.bool_],
) -> F32:
    grid, (rows, length) = window.grid, a.shape
    end = np.full(len(_TRAILS), length)
    trail, count = running.mean(end - np.array(_TRAILS), end)
    empty = Running(zero, ok).mean(end - np.array(_TRAILS), end)[0]
    wide = np.array(_SPREADS)
    square, _ = Running(residual**2, ok).mean(length - wide, np.full(wide.size, length))
    n = ok.sum(axis=1, keepdims=True)
    some_n = np.maximum(n, 1)
    age = np.arange(length, 0, -1, dtype=np.float32)
    sold = ok * (1 - zero)
    wait = np.min(np.where(sold > 0, age, np.float32(2 * length)), axis=1, keepdims=True)
    silence = np.min(np.where(ok > 0, age, np.float32(2 * length)), axis=1, keepdims=True)
    n_sold = np.maximum(sold.sum(axis=1, keepdims=True), 1)
    size = a.sum(axis=1, keepdims=True) / n_sold
    varied = np.sqrt((((a - size) * sold) ** 2).sum(axis=1, keepdims=True) / n_sold)
    power = (flat**2).sum(axis=1, keepdims=True)
    lagged = [_echo(flat, lag, power) for lag in (1, 2, max(grid.season, 3), grid.year)]
    now, _ = running.mean(np.array([length - 2 * grid.half]), np.array([length]))
    then, have = running.mean(np.array([length - 2 * grid.half - grid.year]), np.array([length - grid.year]))
    grown = np.where(have > 0, now - then, 0.0)
    size_log = np.log(scale[:, None])  # says how coarse whole pieces are; of money and weight it says nothing
    ranked = _ranks(a[:, -_SORTED:], ok[:, -_SORTED:])
    kind = np.zeros((rows, len(KINDS)), np.float32)
    kind[:, KINDS.index(grid.kind)] = 1.0
    out = np.concatenate(
        [
            _last(a, RECENT), _last(ok, RECENT), trail, np.minimum(count / np.array(_TRAILS, np.float32), 1), empty,
            np.sqrt(np.maximum(square, 0)), np.sqrt(power / some_n), zero.sum(axis=1, keepdims=True) / some_n,
            np.log1p(n) / 6, np.where(whole, np.clip(size_log, -4, 11), 0.0) / 5, np.where(whole, np.arcsinh(np.exp(-np.clip(size_log, -4, 11))), 0.0), whole, size, varied,
            np.log1p(wait) / 6, np.log1p(silence) / 6, *lagged, grown, have > 0, a.max(axis=1, keepdims=True),
            window.sold_out.sum(axis=1, keepdims=True) / np.float32(length), profile.std(axis=1, keepdims=True),
            ranked, found.summary, np.log(yardstick.spread[:, None]), _last(residual, RECENT) / yardstick.spread[:, None], kind, np.full((rows, 1), np.log(grid.year) / 6),
        ],
        axis=1, dtype=np.float32, casting="unsafe",
    )  # fmt: skip
    return np.clip(out, -_FAR, _FAR, out=out)


def _last(x: F32, count: int) -> F32:
    if x.shape[1] >= count:
        return x[:, -count:]
    return np.concatenate([np.zeros((x.shape[0], count - x.shape[1]), np.float32), x], axis=1)


def _echo(flat: F32, lag: int, power: F32) -> F32:
    """Autocorrelation at a lag, shrunk where little is known."""
    if lag >= flat.shape[1]:
        return np.zeros((flat.shape[0], 1), np.float32)
    product = (flat[:, lag:] * flat[:, :-lag]).sum(axis=1, keepdims=True)
    return np.asarray(product / (power + 0.5), dtype=np.float32)


def _ranks(a: F32, ok: F32) -> F32:
    """Quantiles of what was observed lately: ``(B, len(_LEVELS))``."""
    ordered = np.sort(np.where(ok > 0, a, np.float32(np.inf)), axis=1)
    n = ok.sum(axis=1).astype(np.int64)
    at = (np.maximum(n - 1, 0)[:, None] * np.array(_LEVELS)).astype(np.int64)
    return np.where(n[:, None] > 0, np.take_along_axis(ordered, at, 1), 0.0).astype(np.float32)


def _steps(
    window: Window,
    a: F32,
    ok: F32,
    residual: F32,
    profile: F32,
    running: Running,
    found: Effects,
    yardstick: Yardstick,
    one: npt.NDArray[np.floating],
) -> F32:
    grid, (rows, length), ahead = window.grid, a.shape, window.horizon
    h = np.arange(ahead)
    phase = h % grid.season
    cycle = _cycles(a, grid.season)  # (B, cycles, season)
    known = _cycles(ok, grid.season)
    n = known.sum(axis=1)
    half = known[:, -4:].sum(axis=1)
    mean_all = cycle.sum(axis=1) / np.maximum(n, 1)
    mean_new = cycle[:, -4:].sum(axis=1) / np.maximum(half, 1)
    same = np.stack(
        [*(cycle[:, -1 - k] for k in range(4)), *(known[:, -1 - k] for k in range(2)), mean_all, mean_new,
         n / _CYCLES, cycle.max(axis=1), _tile(profile, grid.season)], axis=2,
    )[:, phase]  # fmt: skip
    years = _years(a, ok, running, grid.year, 2 * grid.half, ahead)
    aligned = _aligned(window, a, ok, residual)
    # the same numbers once more, as multiples of the spread from the base; and where zero and one piece lie
    points = np.concatenate([same[:, :, [0, 1, 2, 3, 6, 7, 9]], years[:, :, [0, 3, 8]]], axis=2)
    certain = np.concatenate([same[:, :, [4, 5]], np.ones((rows, ahead, 5)), years[:, :, [1, 1, 6]]], axis=2) > 0
    piece = np.broadcast_to((np.array([0.0, 1.0]) * np.arcsinh(one))[:, None], (rows, ahead, 2))
    measured = np.concatenate(
        [np.where(certain, yardstick.measure(points), 0.0), yardstick.measure(piece), yardstick.base[:, :, None]],
        axis=2,
    )
    moved = np.concatenate([found.ahead, aligned[:, :, :1]], axis=2) / yardstick.spread[:, None, None]
    base = np.broadcast_to(
        np.stack([h / HORIZON, np.sqrt(h / HORIZON), np.exp(-h / 4.0), np.exp(-h / 16.0)], axis=1), (rows, ahead, 4)
    )
    calendar = np.broadcast_to(window.calendar[:, length:], (rows, ahead, CALENDAR))
    occasion = np.broadcast_to(window.occasion[:, length:], (rows, ahead, 7))
    out = np.concatenate(
        [calendar, occasion, *(x[:, :, length:].transpose(1, 2, 0) for x in (found.shown, found.present)), found.ahead, same, years, aligned, base, measured, moved],
        axis=2, dtype=np.float32, casting="unsafe",
    )  # fmt: skip
    return np.clip(out, -_FAR, _FAR, out=out)


def _cycles(x: F32, season: int) -> F32:
    """The last short seasons ``(B, _CYCLES, season)``, zeros before the first."""
    wanted = _CYCLES * season
    return _last(x, wanted).reshape(len(x), _CYCLES, season)


def _tile(profile: F32, season: int) -> F32:
    return profile if profile.shape[1] == season else np.repeat(profile, season, axis=1)


def _years(a: F32, ok: F32, running: Running, year: int, width: int, ahead: int) -> F32:
    """The same phase of the last two long seasons: value, known, and moved by how the level changed since."""
    length = a.shape[1]
    h = np.arange(ahead)
    now, _ = running.mean(np.array([length - width]), np.array([length]))
    out = []
    for back in (0, 1):
        cycles = h // year + 1 + back
        at = length + h - year * cycles
        inside = at >= 0
        where = np.maximum(at, 0)
        known = ok[:, where] * inside
        value = a[:, where] * known
        near, have = running.mean(at - 1, at + 2)
        near = np.where((have > 0) & inside, near, 0.0)
        then, count = running.mean(length - year * cycles - width, length - year * cycles)
        moved = np.where((count > 0) & (have > 0) & inside, near - then, 0.0)
        out += [value, known, near, moved + now, moved]
    return np.stack(out, axis=2)


def _aligned(window: Window, a: F32, ok: F32, residual: F32) -> F32:
    """What demand did on the same day of the same occasion when it was held last: ``(B, H, 3)``."""
    length, ahead = window.context, window.horizon
    ago = window.ago[:, length:].astype(np.int64)
    at = length + np.arange(ahead) - ago
    usable = (ago > 0) & (at >= 0) & (at < length)
    where = np.broadcast_to(np.where(usable, at, 0), (a.shape[0], ahead))
    known = np.take_along_axis(ok, where, 1) * usable
    return np.stack(
        [np.take_along_axis(residual, where, 1) * known, np.take_along_axis(a, where, 1) * known, known], axis=2
    )
