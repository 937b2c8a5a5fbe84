"""Unconstrain: demand behind stock-outs, estimated from sales that say "at least this much"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ConfigError
from ..panel import I64, Bool, Panel
from .changes import Changes, rows_of
from .gaps import closed_steps
from .rate import MEMORIES, TINY, Books, Rate, Rates, deviance, judged_memories, rates
from .step import FittedStep, Prepared, Step
from .tail import Tail, mean_class
from .windows import F64

BEHIND = "demand-behind-stock-out"
"""Rule of out-of-stock cells that got an estimate; `Changes.undo` knows them by their ending."""

LAST = "demand-of-last-sales"
"""Rule of the last sales before a stock-out."""

UNKNOWN = "note-stock-out-unknown"
"""Rule of cells that are left out of stock because too little is known of the series."""

_LONGEST_SEASON = 53
_CYCLES = 2
_CHUNK = 400_000  # cells worked on together, so that they stay near the processor
_STILL = 5e-4  # of the units, moved in a round: the estimates have settled
_RENEWED = 3  # rounds from one product-limit estimate to the next: sorting takes most of the time
_PRIOR = 20.0  # cells that the spread of series of the same size is worth


@dataclass(frozen=True)
class Unconstrain(Step):
    """Replaces the sales of out-of-stock steps by the demand to be expected, given that it was at least those sales.

    Leaving such steps out (what models do by themselves) loses what is known of them: demand was no less than the
    sales. And it is biased, since it is the steps of high demand that sell out. Here the rate of every cell is
    estimated from the series' level, the shop's day and the season (`skucast.prepare.rate`), demand above the
    sales from the spread around it, and both in turn until they settle (EM).

    Steps in which nothing was sold say nothing of demand. They are filled only if asked for. Series with fewer
    than ``least`` steps in stock are left alone and listed.

    Attributes:
        method: the spread: ``normal`` (Tobit), ``poisson``, ``negbin`` (counts that vary more than Poisson's), or
            ``kaplan-meier``, the product-limit estimate of the distances from the rate, over its root.
        fill: with the ``mean`` of demand given the sales, or a value ``drawn`` from its distribution, which keeps
            the spread of the series as it was.
        unsold: what happens to out-of-stock steps without sales: ``leave`` or ``fill``.
        before: the last step in stock before a stock-out is taken as one in which the stock ran out, so that its
            sales are a lower bound as well. Right where the flags mark only steps that were empty from the start.
        memory: steps on either side that levels remember; 0 lets each series choose.
        least: steps in stock that a series needs.
        rounds: of the EM iteration at most.
        seed: of drawn values; each cell has its own, whatever else the panel holds.

    Source: Talluri & van Ryzin (2004), The Theory and Practice of Revenue Management, section 9.4; Buckley & James
    (1979), Linear regression with censored data, Biometrika 66 (the product-limit method).
    """

    name: ClassVar[str] = "unconstrain"
    method: Literal["normal", "poisson", "negbin", "kaplan-meier"] = "negbin"
    fill: Literal["mean", "drawn"] = "mean"
    unsold: Literal["leave", "fill"] = "leave"
    before: bool = False
    memory: int = 0
    least: int = 5
    rounds: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        self._one_of("method", ("normal", "poisson", "negbin", "kaplan-meier"))
        self._one_of("fill", ("mean", "drawn"))
        self._one_of("unsold", ("leave", "fill"))
        for option, floor in (("memory", 0), ("least", 1), ("rounds", 1)):
            if getattr(self, option) < floor:
                raise ConfigError(
                    f"Step 'unconstrain' needs {option} of at least {floor}, not {getattr(self, option)}."
                )

    def fit(self, panel: Panel) -> FittedUnconstrain:
        """Learn levels' memories, the shop's steps, seasons and spreads, all from a panel.

        A panel without stock-outs teaches nothing, and costs nothing.
        """
        phases = panel.freq.season
        if not (1 < phases <= _LONGEST_SEASON and panel.n_steps >= _CYCLES * phases):
            phases = 1
        memories = MEMORIES if not self.memory else (float(self.memory),)
        first = panel.end - panel.n_steps + 1
        learned = Rate.start(first, panel.n_steps, len(panel), phases, memories)
        tail = Tail.start(self.method, np.zeros(len(panel), np.bool_))
        if not _any_out(panel):
            return FittedUnconstrain(self, panel.ids, learned, tail)
        cells = _Cells.of(panel, self.before)
        tail = Tail.start(self.method, cells.whole)
        if cells.bounded.any() or (self.unsold == "fill" and cells.blank.any()):
            learned, tail = _learn(cells, learned, tail, self.rounds)
        return FittedUnconstrain(self, panel.ids, learned, tail)


@dataclass(frozen=True, eq=False)
class FittedUnconstrain(FittedStep):
    """See `Unconstrain`.

    Attributes:
        spec: what was asked for.
        ids: the series.
        learned: seasons, the shop's steps, memories and spreads.
        tail: what lies above a bound.
    """

    spec: Unconstrain
    ids: pl.Series
    learned: Rate
    tail: Tail

    def prepare(self, panel: Panel) -> Prepared:
        """Estimate demand where a panel was out of stock; see `FittedStep.prepare`."""
        places = rows_of(self.ids, panel, "The estimate of demand behind stock-outs")
        if not _any_out(panel):
            return Prepared(panel, Changes.none(panel))
        cells = _Cells.of(panel, self.spec.before)
        wanted = cells.bounded | cells.blank if self.spec.unsold == "fill" else cells.bounded
        if not wanted.any():
            return Prepared(panel, Changes.none(panel))
        enough = cells.exact.sum(axis=1) >= self.spec.least
        unknown = wanted & ~enough[:, None]
        wanted = wanted & enough[:, None]
        found = np.flatnonzero(wanted.any(axis=1))
        filled = cells.demand.copy()
        for rows in _chunks(found, panel.n_steps):
            filled[rows] = self._filled(panel, cells, rows, places[rows], wanted[rows])
        inside = _inside(panel)
        flat = [a[inside] for a in (wanted & cells.sold_out, wanted & ~cells.sold_out, unknown & cells.sold_out)]
        values = np.where(flat[0] | flat[1], filled[inside], panel.values).astype(np.float32)
        parts = [
            Changes.of(panel, at, values[at], name)
            for at, name in (
                (np.flatnonzero(flat[0]), BEHIND),
                (np.flatnonzero(flat[1]), LAST),
                (np.flatnonzero(flat[2]), UNKNOWN),
            )
        ]
        available = None if panel.available is None else panel.available | flat[0]
        return Prepared(panel.with_values(values, available), Changes.concat(parts))

    def _filled(self, panel: Panel, cells: _Cells, rows: I64, places: I64, wanted: Bool) -> F64:
        """Demand of some series with the wanted cells filled: ``(R, T)``."""
        part = cells.take(rows)
        demand, found = _settled(part, self.learned, self.tail, places, self.spec.rounds)
        of, step = np.nonzero(wanted)
        rate, others, bound = (a[of, step] for a in (found.rate, found.others, part.demand))
        blank = part.blank[of, step]
        bound = np.where(blank, 0.0, bound)
        chance = _chances(panel.ids.gather(rows), 2 * self.spec.seed, of, cells.first + step)
        if self.spec.fill == "drawn":
            value = self.tail.drawn(places[of], rate, others, bound, self.learned.phi[places[of]], chance)
        else:
            value = np.where(blank, rate, demand[of, step])
        value = np.maximum(value, bound)
        again = _chances(panel.ids.gather(rows), 2 * self.spec.seed + 1, of, cells.first + step)
        demand[of, step] = np.where(
            part.whole[of], np.floor(value + again), value
        )  # by chance, so that means stay right
        return demand


@dataclass(frozen=True, eq=False)
class _Cells:
    """What each cell of a panel tells of demand, all ``(S, T)`` right-aligned.

    Attributes:
        first: ordinal of the first column.
        demand: values; 0 where missing.
        exact: demand is the value.
        bounded: demand is the value or more.
        blank: out of stock, and nothing is known.
        sold_out: marked as out of stock.
        whole: ``(S,)`` series of whole numbers.
    """

    first: int
    demand: npt.NDArray[Any]
    exact: Bool
    bounded: Bool
    blank: Bool
    sold_out: Bool
    whole: Bool

    @classmethod
    def of(cls, panel: Panel, before: bool) -> _Cells:
        known = ~np.isnan(panel.values)
        available = np.ones(known.size, np.bool_) if panel.available is None else panel.available
        dense = panel.dense(np.nan_to_num(panel.values))
        demand = np.where(np.isnan(dense), np.float32(0), dense)
        seen, out = panel.dense(known), panel.dense(~available)
        ran_out = out.copy()
        if before:
            ran_out |= _last_before(seen & ~out, out)
        bounded = ran_out & seen & (demand > 0)
        shut = closed_steps(panel) if panel.values.size else np.zeros(panel.n_steps, np.bool_)
        return cls(
            panel.end - panel.n_steps + 1, demand, seen & ~out & ~bounded, bounded, out & ~bounded & ~shut, out,
            np.all(demand % 1 == 0, axis=1),
        )  # fmt: skip

    def take(self, rows: I64) -> _Cells:
        return _Cells(
            self.first, self.demand[rows].astype(np.float64), self.exact[rows], self.bounded[rows], self.blank[rows],
            self.sold_out[rows], self.whole[rows],
        )  # fmt: skip


def _learn(cells: _Cells, learned: Rate, tail: Tail, rounds: int) -> tuple[Rate, Tail]:
    """EM over all series of a panel."""
    count = cells.demand.shape[0]
    demand = cells.demand.copy()
    everyone = np.arange(count)
    losses = np.zeros((count, len(learned.memories)))
    entered, own = np.zeros_like(demand), np.zeros_like(demand)
    for turn in range(rounds):
        books = Books(learned, seasons=turn % 2 == 1)
        moved = total = 0.0
        spread, rate_sum, n = np.zeros(count), np.zeros(count), np.zeros(count)
        samples = []
        for rows in _chunks(everyone, demand.shape[1]):
            part = cells.take(rows)
            now = demand[rows].astype(np.float64)
            weight = (part.exact | part.bounded).astype(np.float64)
            before = (entered[rows], own[rows]) if turn else None
            if turn == 1 and len(learned.memories) > 1:  # the shop's steps are known by now
                for k in range(len(learned.memories)):
                    tried = replace(learned, memory=np.full(count, k))
                    judged = rates(tried, rows, cells.first, now, weight, before)
                    losses[rows, k] = deviance(now, part.exact.astype(np.float64), judged.others)
            found = rates(learned, rows, cells.first, now, weight, before)
            if not books.seasons:
                entered[rows], own[rows] = now, found.level * found.season
            books.enter(rows, found, now, weight)
            of, step = np.nonzero(part.bounded)
            told = tail.expected(
                rows[of], found.rate[of, step], found.others[of, step], part.demand[of, step], learned.phi[rows[of]]
            )
            moved += float(np.abs(told.mean - now[of, step]).sum())
            total += float(told.mean.sum())
            now[of, step] = told.mean
            demand[rows] = now
            error = part.exact * (now - found.rate) * (now - found.others) / found.rate
            spread[rows] = error.sum(axis=1)
            np.add.at(spread, rows[of], told.square / found.rate[of, step])
            n[rows], rate_sum[rows] = weight.sum(axis=1), (weight * found.rate).sum(axis=1)
            if turn % _RENEWED == 0:
                samples.append(tail.sample(rows, part.exact, part.bounded, part.demand, found.others))
        kind = mean_class(rate_sum / np.maximum(n, 1))
        books.phi = _shrunk(spread, n, kind)
        learned = books.close()
        tail = tail.learn(samples, kind) if turn % _RENEWED == 0 else tail
        if turn == 1:
            learned = replace(learned, memory=judged_memories(losses, cells.exact.sum(axis=1).astype(np.float64)))
        if turn > 3 and (turn % _RENEWED == 1 or tail.own is None) and moved <= _STILL * max(total, TINY):
            break
    return learned, tail


def _settled(part: _Cells, learned: Rate, tail: Tail, places: I64, rounds: int) -> tuple[F64, Rates]:
    """Demand and rates of some series with all that was learned held fast."""
    demand = part.demand.astype(np.float64).copy()
    weight = (part.exact | part.bounded).astype(np.float64)
    of, step = np.nonzero(part.bounded)
    phi = learned.phi[places[of]]
    found = rates(learned, places, part.first, demand, weight)
    for _ in range(rounds):
        told = tail.expected(places[of], found.rate[of, step], found.others[of, step], part.demand[of, step], phi)
        moved = float(np.abs(told.mean - demand[of, step]).sum())
        demand[of, step] = told.mean
        found = rates(learned, places, part.first, demand, weight, (demand, found.level * found.season))
        if moved <= _STILL * max(float(told.mean.sum()), TINY):
            break
    return demand, found


def _shrunk(spread: F64, n: F64, kind: I64) -> F64:
    """Variance over mean of each series, drawn towards that of series of the same size."""
    total, cells = np.bincount(kind, spread), np.bincount(kind, n)
    whole = max(float(spread.sum()), TINY) / max(float(n.sum()), 1.0)
    usual = (total + _PRIOR * whole) / (cells + _PRIOR)
    return np.asarray(np.maximum((spread + _PRIOR * usual[kind]) / (n + _PRIOR), 1e-6))


def _any_out(panel: Panel) -> bool:
    return panel.available is not None and not bool(panel.available.all())


def _last_before(seen: Bool, out: Bool) -> Bool:
    """The last observed cell in stock right before a run of cells out of stock; missing ones between are skipped."""
    steps = np.arange(seen.shape[1])
    told = seen | out
    last = np.maximum.accumulate(np.where(told, steps, -1), axis=1)
    before = np.full(seen.shape, -1)
    before[:, 1:] = last[:, :-1]
    row, step = np.nonzero(out & (before >= 0))
    at = before[row, step]
    marked = np.zeros_like(seen)
    marked[row, at] = True
    return marked & seen


def _chunks(rows: I64, steps: int) -> Iterator[I64]:
    size = max(1, _CHUNK // max(steps, 1))
    for begin in range(0, rows.size, size):
        yield rows[begin : begin + size]


def _inside(panel: Panel) -> Bool:
    """Cells of the dense view that belong to a series."""
    return np.arange(panel.n_steps) >= (panel.n_steps - panel.lengths)[:, None]


def _chances(ids: pl.Series, seed: int, row: I64, ordinal: I64) -> F64:
    """A number within (0, 1) for each cell, made of seed, identifier and step alone."""
    from zlib import crc32

    name = np.array([crc32(str(key).encode()) for key in ids.to_list()], dtype=np.uint64)[row]
    with np.errstate(over="ignore"):
        z = (name << np.uint64(32)) ^ ordinal.astype(np.int64).view(np.uint64)
        z += np.uint64(0x9E3779B97F4A7C15) * np.uint64((2 * seed + 1) % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        z ^= z >> np.uint64(31)
    return np.asarray(((z >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53)
