"""Learning ARIMA models of a panel: what is kept of each series, and the work shared out among processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..panel import F32, Panel
from ..prepare.windows import row_means
from .arima_regressors import ArimaRegressors, preferred
from .arima_search import Found, Search, find
from .spec import Progress

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

FITTED, SHORT, NONE, LATE = range(4)
"""Whether a series has a model: it has; it is too short; none fits; none was found in time."""
LEAST = 16
"""Observations that a series needs."""
SPAN = 730
"""Steps looked back on."""

Question = tuple[F64, F64, Search]
Answer = Found | int
_PARALLEL = 24  # series from which other processes are worth their start
_BATCH = 16  # series handed to a process at once


@dataclass(frozen=True)
class Effort:
    """How models are found.

    Attributes:
        search: of each series.
        occasions: columns of occasions per series at most.
        workers: processes; 0 takes one per processor where there are many series.
    """

    search: Search
    occasions: int
    workers: int


@dataclass(frozen=True, eq=False)
class Task:
    """One series to find a model of.

    Attributes:
        row: in the panel.
        first: step number of its first observation.
        y: ``(n,)`` demand in units of its scale, from the first to the last observation.
        x: ``(n, K)`` regressors less their usual value.
        usual: ``(K,)`` their means.
        spread: ``(K,)`` their standard deviations; 1 for constant ones.
        columns: those that may be used, in order of preference.
    """

    row: int
    first: int
    y: F64
    x: F64
    usual: F64
    spread: F64
    columns: I64

    def question(self, search: Search) -> Question:
        """What another process needs to know."""
        return self.y, self.x[:, self.columns] / self.spread[self.columns], search


@dataclass(frozen=True, eq=False)
class Learned:
    """What is known of each series, row by row as in the panel; demand in units of ``scale``.

    Attributes:
        why: ``(S,)`` 0 where there is a model, else why not.
        orders: ``(S, 7)`` p, d, q, P, D, Q and steps per season.
        phi, theta: ``(S, n)`` polynomials, seasons multiplied in, zeros behind.
        intercept, drift: ``(S,)``; the drift is per step since ``start``.
        start: ``(S,)`` step number.
        beta, centre: ``(S, K)`` coefficients of the regressors less their usual value.
        scale: ``(S,)`` mean size of demand.
        log_likelihood: ``(S,)`` of the fit.
        tried: ``(S,)`` candidates.
    """

    why: I64
    orders: I64
    phi: F64
    theta: F64
    intercept: F64
    drift: F64
    start: I64
    beta: F64
    centre: F64
    scale: F64
    log_likelihood: F64
    tried: I64

    def take(self, rows: npt.NDArray[Any]) -> Learned:
        """What is known of some series."""
        return Learned(**{name: array[rows] for name, array in vars(self).items()})

    def put(self, rows: npt.NDArray[Any], other: Learned) -> Learned:
        """The same with some rows replaced."""
        out = {}
        for name, array in vars(self).items():
            new = vars(other)[name]
            if array.ndim == 1:
                out[name] = array.copy()
                out[name][rows] = new
                continue
            out[name] = np.zeros((len(array), max(array.shape[1], new.shape[1])), dtype=array.dtype)
            out[name][:, : array.shape[1]] = array
            out[name][rows] = 0
            out[name][rows, : new.shape[1]] = new
        return Learned(**out)


def explain(
    regressors: ArimaRegressors, learned: Learned, panel: Panel, future: Mapping[str, F32], horizon: int
) -> F64:
    """What intercept, drift and regressors say, ``(S, T + horizon)``; a covariate that is unknown is as usual."""
    first = panel.end + 1 - panel.n_steps
    out = np.repeat(learned.intercept[:, None], panel.n_steps + horizon, axis=1)
    out += learned.drift[:, None] * (np.arange(first, panel.end + 1 + horizon) - learned.start[:, None] + 1)
    columns = regressors.covariate_columns(panel, future, horizon)
    shared = regressors.calendar(panel.freq, first, panel.end + horizon)
    for k in range(len(columns) + len(shared)):
        column = columns[k] if k < len(columns) else shared[k - len(columns)]
        moved = np.nan_to_num(column - learned.centre[:, k, None])
        out += learned.beta[:, k, None] * moved
    return out


def learn(effort: Effort, regressors: ArimaRegressors, panel: Panel, progress: Progress | None) -> Learned:
    """Find a model for every series of a panel that is long enough, in several processes where there are many."""
    values = panel.dense(panel.observed).astype(np.float64)[:, -SPAN:]
    seen = ~np.isnan(values)
    number = seen.sum(axis=1)
    size = np.where(seen, np.abs(values), 0).sum(axis=1) / np.maximum(number, 1)
    scale = np.where(size > 0, size, 1.0)
    tasks = _tasks(effort, regressors, panel, values / scale[:, None], np.flatnonzero(number >= LEAST))
    answers: list[Answer] = []
    for batch in _answers([task.question(effort.search) for task in tasks], effort.workers):
        answers += batch
        if progress:
            progress("series", len(answers) / len(tasks))
    return _gather(len(panel), len(regressors.names), effort.search.season, number, scale, tasks, answers)


def _tasks(effort: Effort, regressors: ArimaRegressors, panel: Panel, values: F64, rows: I64) -> list[Task]:
    first = panel.end + 1 - values.shape[1]
    columns = regressors.covariate_columns(panel, None, 0)[:, :, -SPAN:]
    shared = regressors.calendar(panel.freq, first, panel.end)
    groups = (len(columns), 2 * regressors.waves, len(regressors.occasions))
    season = max(1, round(regressors.wave)) if regressors.waves else panel.freq.season
    out = []
    for row in rows:
        known = np.flatnonzero(~np.isnan(values[row]))
        inside = slice(int(known[0]), int(known[-1]) + 1)
        y, x = values[row, inside], np.concatenate([columns[:, row, inside], shared[:, inside]]).T
        usual = row_means(x.T)
        x = np.nan_to_num(x - usual)
        spread = x.std(axis=0)
        chosen = preferred(x, y, groups, season, effort.occasions)
        chosen = chosen[spread[chosen] > 0]
        out.append(
            Task(int(row), first + inside.start, y, x, np.nan_to_num(usual), np.where(spread > 0, spread, 1.0), chosen)
        )
    return out


def _answers(questions: list[Question], workers: int) -> Iterator[list[Answer]]:
    """Answers in the order of the questions, some at a time."""
    several = workers or (os.cpu_count() or 1 if len(questions) >= _PARALLEL else 1)
    if several == 1 or len(questions) == 1:
        yield from ([answer(*question)] for question in questions)
        return
    from joblib import Parallel, delayed

    batches = [questions[first : first + _BATCH] for first in range(0, len(questions), _BATCH)]
    pool = Parallel(n_jobs=several, return_as="generator", inner_max_num_threads=1, backend="loky")
    yield from pool(delayed(_answer_all)(batch) for batch in batches)


def _answer_all(questions: list[Question]) -> list[Answer]:
    return [answer(*question) for question in questions]


def answer(y: F64, x: F64, search: Search) -> Answer:
    """The model of one series, or why there is none."""
    begun = time.monotonic()
    found = find(y, x, search)
    if found is not None:
        return found
    return LATE if search.seconds and time.monotonic() - begun > search.seconds else NONE


def _gather(
    count: int, wide: int, season: int, number: I64, scale: F64, tasks: list[Task], answers: list[Answer]
) -> Learned:
    """Models put together, row by row as in the panel."""
    models = [each for each in answers if isinstance(each, Found)]
    p, q = (max([1, *(getattr(model, name).size for model in models)]) for name in ("phi", "theta"))
    out = Learned(
        why=np.where(number < LEAST, SHORT, NONE), orders=np.zeros((count, 7), dtype=np.int64),
        phi=np.zeros((count, p)), theta=np.zeros((count, q)), intercept=np.zeros(count), drift=np.zeros(count),
        start=np.zeros(count, dtype=np.int64), beta=np.zeros((count, wide)), centre=np.zeros((count, wide)),
        scale=scale, log_likelihood=np.zeros(count), tried=np.zeros(count, dtype=np.int64),
    )  # fmt: skip
    for task, found in zip(tasks, answers, strict=True):
        i = task.row
        if not isinstance(found, Found):
            out.why[i] = found
            continue
        out.why[i], out.tried[i], out.log_likelihood[i] = FITTED, found.tried, found.log_likelihood
        out.orders[i] = (*found.orders, season)
        out.phi[i, : found.phi.size], out.theta[i, : found.theta.size] = found.phi, found.theta
        out.intercept[i], out.drift[i], out.start[i] = found.intercept, found.drift, task.first
        out.beta[i, task.columns] = found.beta / task.spread[task.columns]
        out.centre[i] = task.usual
    return out
