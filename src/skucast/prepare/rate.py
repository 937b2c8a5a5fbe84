"""Rate: the demand to be expected of every cell, from the cells around it, the shop's day and the series' season.

The rate of a cell is the series' own level there, times what the whole shop did in that step, times the phase of the
series' season. Levels are two-sided exponential means of whatever memory forecasts the series best; the shop's factor
leaves out the series itself, so that no noise explains itself. Factors are drawn towards one where little was sold.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from .windows import F64

F32 = npt.NDArray[np.float32]

MEMORIES: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0, 64.0, 1e9)
"""Steps on either side that a level remembers; the last is a constant level."""

TINY = 1e-9
_HOLD = (4.0, 1e6)  # units of noise that hold a factor at one: those of a standard deviation of a half, or of none
_NEAR = 0.5  # steps that the mean of the whole series is worth in its levels
_TRUST = 50.0  # cells that the panel's judgement of memories is worth


@dataclass(frozen=True, eq=False)
class Rate:
    """What makes up the rates of a panel's series.

    Attributes:
        first: ordinal of the first step.
        memory: ``(S,)`` positions in ``memories``.
        memories: steps.
        season: ``(S, P)`` factors by ordinal modulo ``P``.
        sold: ``(T,)`` of all series, in units of their noise, with what ``usual`` holds back.
        usual: ``(T,)`` what the levels and seasons alone expect; the shop's factor is their ratio.
        hold: units of noise that hold the shop's factors at one.
        noise: ``(S,)`` variance over mean, by which the series weigh in ``sold`` and ``usual``.
        phi: ``(S,)`` the latest variance over mean.
    """

    first: int
    memory: npt.NDArray[np.int64]
    memories: tuple[float, ...]
    season: F64
    sold: F64
    usual: F64
    hold: float
    noise: F64
    phi: F64

    @classmethod
    def start(cls, first: int, steps: int, series: int, phases: int, memories: tuple[float, ...]) -> Rate:
        """Constant levels and factors of one."""
        return cls(
            first, np.full(series, len(memories) - 1), memories, np.ones((series, phases)), np.zeros(steps),
            np.zeros(steps), _HOLD[1], np.ones(series), np.ones(series),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rates:
    """Rates of some series, all ``(R, T)``: right-aligned as `Panel.dense` is.

    Attributes:
        rate: of each cell.
        others: the same from every cell but itself.
        level: without factors.
        shop: factor of the shop's step.
        season: factor of the season.
    """

    rate: F64
    others: F64
    level: F64
    shop: F64
    season: F64


def rates(
    learned: Rate,
    rows: npt.NDArray[np.int64],
    first: int,
    demand: F64,
    weight: F64,
    part: tuple[F64, F64] | None = None,
) -> Rates:
    """Rates of some series from their demand.

    Args:
        learned: factors and memories.
        rows: ``(R,)`` series among the learned.
        first: ordinal of the first column.
        demand: ``(R, T)`` known or expected; anything where the weight is 0.
        weight: ``(R, T)`` 1 where demand is known.
        part: ``(R, T)`` each: what the series have in ``learned.sold`` and in ``learned.usual``, before their noise.
    """
    steps = demand.shape[1]
    phases = learned.season.shape[1]
    season = learned.season[rows][:, (first + np.arange(steps)) % phases]
    at = first + np.arange(steps) - learned.first
    inside = (at >= 0) & (at < learned.sold.size)
    sold, usual = (np.where(inside, c[np.where(inside, at, 0)], 0.0) for c in (learned.sold, learned.usual))
    hold = learned.hold
    if part is None:
        shop = np.broadcast_to((sold + hold) / (usual + hold), demand.shape)
    else:
        mine = weight * inside / learned.noise[rows][:, None]
        shop = (np.maximum(sold - mine * part[0], 0) + hold) / (np.maximum(usual - mine * part[1], 0) + hold)
    exposure = shop * season
    total, reach = np.empty(demand.shape), np.empty(demand.shape)
    for k, memory in enumerate(learned.memories):
        mine_too = learned.memory[rows] == k
        if mine_too.any():
            pair = np.concatenate([(demand * weight)[mine_too], (exposure * weight)[mine_too]])
            total[mine_too], reach[mine_too] = np.split(around(pair, memory), 2)
    told, asked = demand * weight, exposure * weight
    whole, breadth = told.sum(axis=1, keepdims=True), asked.sum(axis=1, keepdims=True)
    level = _level(total, reach, whole, breadth)
    others = _level(total - told, reach - asked, whole - told, breadth - asked)
    return Rates(
        np.maximum(level * exposure, TINY), np.maximum(others * exposure, TINY), level, np.asarray(shop), season
    )


def _level(total: F64, reach: F64, whole: F64, breadth: F64) -> F64:
    """Demand over exposure nearby, drawn a little towards that of the whole series."""
    mean = np.maximum(whole, 0) / np.maximum(breadth, TINY)
    return np.asarray((np.maximum(total, 0) + _NEAR * mean) / (np.maximum(reach, 0) + _NEAR))


def around(values: F64, memory: float) -> F64:
    """Sum of each row, weighted ``exp(-distance / memory)`` from each cell: ``(R, T)``."""
    from scipy.signal import lfilter

    if memory >= MEMORIES[-1]:
        return np.broadcast_to(values.sum(axis=1, keepdims=True), values.shape)
    keep = np.exp(-1 / memory)
    forward = lfilter([1.0], [1.0, -keep], values, axis=1)
    backward = lfilter([1.0], [1.0, -keep], values[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(forward + backward - values)


def deviance(demand: F64, weight: F64, rate: F64) -> F64:
    """Poisson deviance of each row: how badly rates fit, ``(R,)``."""
    y = np.maximum(demand, 0)
    ratio = np.where(y > 0, y, 1.0) / rate
    return np.asarray(2 * (weight * (np.where(y > 0, y * np.log(ratio), 0.0) - (y - rate))).sum(axis=1))


def judged_memories(losses: F64, cells: F64) -> npt.NDArray[np.int64]:
    """The memory of each series: ``(S,)`` positions.

    Args:
        losses: ``(S, M)`` deviances from all cells but the one judged.
        cells: ``(S,)`` cells that were judged. A series of few leans on what serves the panel.
    """
    best = losses.min(axis=1, keepdims=True)
    usable = (best[:, 0] > 0) & (cells > 0)
    relative = np.where(usable[:, None], losses / np.where(best > 0, best, 1.0), 1.0)
    panel = relative[usable].mean(axis=0) if usable.any() else np.ones(losses.shape[1])
    score = cells[:, None] * relative + _TRUST * panel
    return np.asarray(score.shape[1] - 1 - np.argmin(score[:, ::-1], axis=1))  # of equals the longest


@dataclass
class Books:
    """Sums over series that the factors of the next round are made from.

    The shop's steps and the seasons take turns: both explain what all series do alike, and renewed together each
    would answer to what the other no longer says.
    """

    learned: Rate
    seasons: bool
    sold: F64 = field(init=False)
    usual: F64 = field(init=False)
    phi: F64 = field(init=False)

    def __post_init__(self) -> None:
        shape = self.learned.season.shape if self.seasons else self.learned.sold.shape
        self.sold, self.usual, self.phi = np.zeros(shape), np.zeros(shape), self.learned.phi

    def enter(self, rows: npt.NDArray[np.int64], found: Rates, demand: F64, weight: F64) -> None:
        """Add some series."""
        units = weight / self.learned.phi[rows][:, None]
        sold = units * demand
        if not self.seasons:
            self.sold += sold.sum(axis=0)
            self.usual += (units * found.level * found.season).sum(axis=0)
            return
        usual = units * found.level * found.shop
        phases = self.sold.shape[1]
        phase = (self.learned.first + np.arange(demand.shape[1])) % phases
        for p in range(phases):
            mine = phase == p
            self.sold[rows, p], self.usual[rows, p] = sold[:, mine].sum(axis=1), usual[:, mine].sum(axis=1)

    def close(self) -> Rate:
        """What was learned."""
        sold = np.maximum(self.sold, 0)
        hold = _held(sold, self.usual)
        if not self.seasons:
            noise = self.learned.phi
            return replace(self.learned, sold=sold, usual=self.usual, hold=hold, noise=noise, phi=self.phi)
        season = np.maximum((sold + hold) / (self.usual + hold), TINY)
        return replace(self.learned, season=season / season.mean(axis=1, keepdims=True), phi=self.phi)


def _held(sold: F64, usual: F64) -> float:
    """How firmly factors are held at one: what their scatter beyond noise says (moments, empirical Bayes).

    A factor seen with ``usual`` units has the noise ``1 / usual``; the scatter beyond it is that of the factors.
    """
    some = usual > 0
    total = float(usual[some].sum())
    if not total:
        return _HOLD[1]
    excess = float(((sold[some] - usual[some]) ** 2 / usual[some] - 1).sum())
    return float(np.clip(total / max(excess, TINY), *_HOLD))
