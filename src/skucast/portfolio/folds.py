"""Folds: past windows on which settings of one model are compared, series with series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import DataError, ModelError
from ..evaluate.backtest import run_windows
from ..evaluate.metrics import METRICS, Cells
from ..forecast import SHOWN
from ..models.gain import Gain
from ..models.spec import Progress, Spec
from ..panel import Panel
from .trial import counted, plan_windows, sampled

F64 = npt.NDArray[np.float64]

_BLOCKS = 60  # groups of series whose losses are kept apart
_TOGETHER = 2  # windows that one fit serves
_STRIDE = 1000  # between the seeds of the rounds, so that one lucky seed does not decide
_LABEL = "setting"


@dataclass(frozen=True, eq=False)
class Folds:
    """Rolling-origin windows at the end of a panel, in rounds of one or two, the latest round first.

    A setting is fitted anew before each round and follows the history within it. Losses are kept per block of series:
    a block is a series, or on larger panels a sixtieth of them, so that two settings can be compared block by block at
    the price of a few numbers.

    Attributes:
        panel: what is tested on, a seeded sample of each class of demand where the panel is large.
        steps: length of a window.
        rounds: ends of the windows of each round, oldest first within it.
        demand: ``(K,)`` absolute demand in each window in the order of the rounds, which turns losses into WQL.
        weights: ``(S,)`` how many series each stands for; None is one each.
        seed: of fits; each round has its own.
        notes: what was cut short, for people.
    """

    panel: Panel
    steps: int
    rounds: tuple[tuple[int, ...], ...]
    demand: F64
    weights: F64 | None
    seed: int
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(panel: Panel, horizon: int, windows: int, seed: int = 0) -> Folds:
        """As many of the last windows as there is room for, those in which nothing was sold left out.

        Raises:
            DataError: there is no room for a single one, or nothing was sold in any.
        """
        steps, fits = plan_windows(panel, horizon, windows)
        if not fits:
            raise DataError(
                f"The longest series has {counted(panel.n_steps, 'step')}, too few to tune on windows of {horizon}: "
                "shorten the horizon, or tune later."
            )
        notes = []
        if steps < horizon or fits < windows:
            notes.append(
                f"Short history: settings were tested on {counted(fits, 'window')} of {counted(steps, 'step')}."
            )
        chosen, weights = sampled(panel, panel.end - steps * fits, seed)
        if chosen is not None:
            notes.append(
                f"Settings were tested on {chosen.size:,} of {len(panel):,} series, some of each class of demand."
            )
            panel = panel.take(chosen)
        ends = panel.end - steps * np.arange(fits)  # newest first
        cells = np.abs(np.nan_to_num(panel.dense(panel.observed, steps * fits).astype(np.float64)))
        share = np.ones(len(panel)) if weights is None else weights
        sums = (share[:, None] * cells).reshape(len(panel), fits, steps).sum(axis=2)[:, ::-1]
        known = panel.lengths[:, None] > panel.end - ends + steps  # series that begin later are not forecast
        demand = np.where(known, sums, 0.0).sum(axis=0)
        sold = demand > 0
        if not sold.any():
            raise DataError("Nothing was sold in the windows to tune on, so no setting is better than another.")
        rounds: list[tuple[int, ...]] = []
        sizes: list[float] = []
        for first in range(0, fits, _TOGETHER):
            part = [k for k in range(first, min(first + _TOGETHER, fits)) if sold[k]][::-1]
            if part:
                rounds.append(tuple(int(ends[k]) for k in part))
                sizes.extend(demand[k] for k in part)
        return Folds(panel, steps, tuple(rounds), np.array(sizes), weights, seed, tuple(notes))

    @property
    def windows(self) -> int:
        """Number of windows."""
        return int(self.demand.size)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return min(len(self.panel), _BLOCKS)

    def losses(self, spec: Spec, number: int, watch: Progress | None = None) -> F64:
        """Loss of a setting in one round, ``(k, B)`` per window and block.

        Divided by a window's demand, the losses of its blocks add up to its WQL.

        Args:
            spec: the model with its setting.
            number: of the round, 0 is the latest.
            watch: told of the progress of the fit; what it raises ends it.

        Raises:
            ModelError: the model failed; the message says why.
        """
        ends = self.rounds[number]
        count = (ends[-1] - ends[0]) // self.steps + 1
        known = np.flatnonzero(self.panel.lengths > self.panel.end - ends[-1])  # the series that `until` keeps
        test = run_windows(
            self.panel.until(ends[-1]), self.steps, count, {_LABEL: spec}, refit=False,
            seed=self.seed + _STRIDE * number, weights=None if self.weights is None else self.weights[known],
            fit_progress=watch,
        )  # fmt: skip
        out = []
        for k, window in enumerate(test.windows):
            if (_LABEL, k) in test.failures:
                raise ModelError(test.failures[_LABEL, k])
            if window.cutoff + self.steps not in ends:
                continue
            said = test.outcomes[_LABEL, k]
            cells = Cells(window.actual, said.mean, said.quantiles, test.levels, window.scale)
            top = METRICS["wql"].parts(cells)[0].sum(axis=1, dtype=np.float64) / len(SHOWN)
            share = 1.0 if window.weight is None else window.weight
            rows = known[window.rows]
            out.append(np.bincount(rows % self.blocks, weights=top * share, minlength=self.blocks).astype(np.float64))
        return np.stack(out)

    def wql(self, losses: F64) -> float:
        """Mean WQL over the first windows, from losses ``(k, B)``."""
        return float(np.mean(losses.sum(axis=1) / self.demand[: len(losses)]))

    def gain(self, before: F64, after: F64) -> tuple[float, float]:
        """How much lower the WQL of one setting is than that of another, and the standard error of that, see `Gain`.

        Args:
            before: losses ``(K, B)`` of the setting that was there.
            after: of the other.
        """
        found = Gain.of((before - after) / self.demand[:, None])
        return found.mean, found.error
