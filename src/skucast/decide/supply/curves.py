"""Curves of all suppliers and items: each leans on the one above it, the supplier on the pool, the item on its supplier."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...forecast import F64
from ...panel import I64
from .curve import broad, drawn, kernel, posterior, tally
from .waits import Waits

_MARGIN = 1.5  # days that curves reach beyond the longest wait, as a part of it
_MOST = 3000  # cells of a curve
_FEWEST = 40  # deliveries from which the strengths can be learned
_CUTS = (0.5, 0.6, 0.7, 0.8, 0.9)  # shares of the deliveries that come before each day of looking back
_NODES = 150  # nodes of a depth that the search looks at

_OWN = 5  # waits from which a node's own spread says how far each of them is spread
_NARROW = 0.01  # width on the scale of logarithms below which a wait stays on its day

_STRENGTH = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 200.0, 1000.0)
_WIDTH = (0.0, 0.25, 0.5, 0.9, 1.5, 2.5)
_HALF_LIFE = (math.inf, 1460.0, 730.0, 365.0, 180.0)


@dataclass(frozen=True)
class Strengths:
    """How much is believed of what lies above and before.

    Attributes:
        levels: deliveries that the curve above is worth, per depth (supplier, item).
        width: how far a wait that was seen is spread over its neighbours, as a factor of ``s n^(-1/5)``, the spread of
            the logarithms and the number of its node's waits (Silverman (1986), Density estimation, section 3.4).
        half_life: days after which a delivery counts half.
        learned: deliveries that chose them; 0 where there were too few and these are defaults.
    """

    levels: tuple[float, ...]
    width: float = 0.9
    half_life: float = math.inf
    learned: int = 0


class _Counted(NamedTuple):
    """Weights of one node, and the width and half-life that they hold for."""

    made_for: tuple[float, float]
    ended: F64
    going: F64


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves over days 0, 1, ... of every node.

    Attributes:
        levels: waits by supplier, by supplier and item...; each names one column more.
        strengths: see there.
        days: cells of a curve; the last holds whatever is longer.
    """

    levels: tuple[Waits, ...]
    strengths: Strengths
    days: int
    _cache: dict[tuple[str, ...], F64] = field(default_factory=dict, repr=False)
    _counted: dict[tuple[str, ...], _Counted] | None = field(default=None, repr=False)  # kept while strengths are tried

    @classmethod
    def learn(cls, levels: tuple[Waits, ...], forget: bool = True) -> Curves:
        """The curves with the strengths that would have foretold later deliveries best.

        The records are seen as they looked on five earlier days, with what was open then, and asked about the orders
        until the next of these days: log score, with the chance of having to wait at least so long for what is open
        still. One strength after the other is moved along its grid, twice.

        Args:
            levels: see `Curves`.
            forget: the past may count less; False where what matters is rare and needs a long memory.
        """
        longest = int(levels[0].days.max())
        curves = cls(levels, Strengths((5.0,) * len(levels)), min(int(_MARGIN * longest) + 2, max(_MOST, longest + 2)))
        folds = list(curves._folds())
        if levels[0].frame.height < _FEWEST or not folds:
            return curves
        best = curves.strengths
        for _ in range(2):
            for width in _tried(best.width, _WIDTH):
                best = _better(best, replace(best, width=width), folds, 0)
            for strength in _tried(best.levels[0], _STRENGTH):
                best = _better(best, replace(best, levels=(strength, *best.levels[1:])), folds, 0)
            for half_life in _tried(best.half_life, _HALF_LIFE if forget else ()):
                best = _better(best, replace(best, half_life=half_life), folds, 0)
        for depth in range(1, len(levels)):
            for strength in _STRENGTH:
                tried = (*best.levels[:depth], strength, *best.levels[depth + 1 :])
                best = _better(best, replace(best, levels=tried), folds, depth)
        return replace(curves, strengths=replace(best, learned=sum(len(f.asked[0].days) for f in folds)), _cache={})

    def _folds(self) -> Iterator[_Fold]:
        starts = np.sort(self.levels[0].start)
        cuts = sorted({int(starts[int(share * (starts.size - 1))]) for share in _CUTS})
        for cut, end in zip(cuts, [*cuts[1:], int(starts[-1]) + 1], strict=True):
            then = tuple(level.seen_on(cut) for level in self.levels)
            if then[0].open.all():  # nothing had come by then, or nothing was ordered
                continue
            asked = tuple(_sample(level.between(cut, end)) for level in self.levels)
            yield _Fold(replace(self, levels=then, _cache={}, _counted={}), asked, {})

    # --- counts and curves -------------------------------------------------------------------------------------------

    def _spread(self, ended: F64, days: I64) -> F64:
        """Weights ``(1, days)`` with each wait spread as far as its like differ.

        Args:
            ended: ``(1, days)`` weights.
            days: the waits behind them.
        """
        later = np.log(days[days > 0])
        spread = _deviation(later) if later.size >= _OWN else self._pool_spread
        mass = float(ended.sum())
        width = self.strengths.width * spread * max(mass, 1.0) ** -0.2
        if width < _NARROW:
            return ended
        cells = np.flatnonzero(ended[0])
        return np.asarray(ended[:, cells] @ kernel(width, cells, self.days))

    @cached_property
    def _pool_spread(self) -> float:
        waits = self.levels[0]
        later = np.log(waits.days[~waits.open & (waits.days > 0)])
        return _deviation(later) if later.size else 0.0

    def _weight(self, waits: Waits, rows: slice = slice(None)) -> F64:
        return np.asarray(0.5 ** ((waits.as_of - waits.start[rows]) / self.strengths.half_life))

    @cached_property
    def pool(self) -> F64:
        """``(days,)`` of a supplier that nothing is known of.

        A supplier of ``n`` deliveries counts as ``a log(1 + n / a)``, with ``a`` its strength: the more alike suppliers
        are, the more of their deliveries are news about all (the number of tables of a Chinese restaurant; Teh, Jordan,
        Beal & Blei (2006), Hierarchical Dirichlet processes, JASA 101).
        """
        waits, strength = self.levels[0], self.strengths.levels[0]
        weight = self._weight(waits)
        many = np.bincount(waits.node, weight, len(waits.nodes))
        worth = strength * np.log1p(many / strength) / np.maximum(many, 1e-12)
        one = np.zeros_like(waits.node)
        ended, going = tally(one, waits.days, waits.open, weight * worth[waits.node], 1, self.days)
        start = broad(waits.days, waits.open, self.days)
        return np.asarray(posterior(start, 1.0, self._spread(ended, waits.days[~waits.open]), going)[0])

    def _counts(self, names: tuple[str, ...]) -> tuple[F64, F64]:
        made_for = (self.strengths.width, self.strengths.half_life)
        if self._counted is not None and names in self._counted and self._counted[names].made_for == made_for:
            return self._counted[names].ended, self._counted[names].going
        waits = self.levels[len(names) - 1]
        rows = waits.rows(names)
        day, open_, weight = waits.days[rows], waits.open[rows], self._weight(waits, rows)
        ended, going = tally(np.zeros_like(day), day, open_, weight, 1, self.days)
        ended = self._spread(ended, day[~open_])
        if self._counted is not None:
            self._counted[names] = _Counted(made_for, ended, going)
        return ended, going

    def above(self, names: tuple[str, ...]) -> F64:
        """``(days,)`` the curve that the node of these names leans on."""
        return self.of(names[:-1])

    def of(self, names: tuple[str, ...]) -> F64:
        """``(days,)`` probabilities of each wait; names that were never seen get the curve above them."""
        if not names:
            return self.pool
        if names in self._cache:
            return self._cache[names]
        depth, curve = len(names) - 1, self.above(names)
        if names in self.levels[depth].nodes:
            ended, going = self._counts(names)
            curve = np.asarray(posterior(curve, self.strengths.levels[depth], ended, going)[0])
        if len(names) < len(self.levels):  # those that others lean on
            self._cache[names] = curve
        return curve

    def draws(self, names: tuple[str, ...], n: int, seed: int) -> F64:
        """``(n, days)`` curves that the node's data leave possible, given the curve above it."""
        depth, rng = len(names) - 1, np.random.default_rng([seed, 0xDE1A])
        ended, going = self._counts(names)
        return drawn(self.above(names), self.strengths.levels[depth], ended, going, n, rng)

    def deliveries(self, names: tuple[str, ...]) -> tuple[int, int]:
        """How many the node has that are over, and that are open."""
        if not names:
            open_ = int(self.levels[0].open.sum())
            return len(self.levels[0].open) - open_, open_
        waits = self.levels[len(names) - 1]
        rows = waits.rows(names)
        open_ = int(waits.open[rows].sum())
        return rows.stop - rows.start - open_, open_


@dataclass(frozen=True, eq=False)
class _Fold:
    """Records as they looked on an earlier day, and the orders that they are asked about.

    Attributes:
        curves: of what was known then.
        asked: later orders, by depth.
        scores: strengths and depth -> what was scored already.
    """

    curves: Curves
    asked: tuple[Waits, ...]
    scores: dict[tuple[Strengths, int], tuple[float, float]]

    def score(self, strengths: Strengths, depth: int) -> tuple[float, float]:
        """Sum of the log scores and of their weights."""
        key = (strengths, depth)
        if key not in self.scores:
            curves = replace(self.curves, strengths=strengths, _cache={})
            waits, total = self.asked[depth], 0.0
            for names in waits.nodes:
                rows = waits.rows(names)
                day, open_ = waits.days[rows], waits.open[rows]
                pmf = curves.of(names)
                later = np.cumsum(pmf[::-1])[::-1]
                chance = np.where(open_, later[day], pmf[day])
                total += float(np.log(np.maximum(chance, 1e-12)) @ waits.share[rows])
            self.scores[key] = (total, float(waits.share.sum()))
        return self.scores[key]


def _sample(waits: Waits) -> Waits:
    """At most so many nodes, evenly spread over the sorted names."""
    if len(waits.nodes) <= _NODES:
        return waits
    kept = np.unique(np.linspace(0, len(waits.nodes) - 1, _NODES).astype(np.int64))
    return Waits(waits.frame.filter(np.isin(waits.node, kept)), waits.by, waits.as_of)


def _deviation(x: F64) -> float:
    """Standard deviation by the median of absolute deviations."""
    return 1.4826 * float(np.median(np.abs(x - np.median(x))))


def _tried(now: float, grid: tuple[float, ...]) -> list[float]:
    return [x for x in grid if x != now]


def _better(best: Strengths, tried: Strengths, folds: list[_Fold], depth: int) -> Strengths:
    """The one of two with the higher mean log score; the former on a tie."""

    def mean(strengths: Strengths) -> float:
        found = [fold.score(strengths, depth) for fold in folds]
        return sum(s for s, _ in found) / max(sum(w for _, w in found), 1e-12)

    return tried if mean(tried) > mean(best) + 1e-9 else best
