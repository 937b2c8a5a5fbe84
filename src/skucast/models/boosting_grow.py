"""Growing the boosters of one fit: several at a time, one thread each."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from ..panel import F32
from .boosting_matrix import Columns
from .boosting_sample import Sample
from .spec import Progress

PATIENCE = 20  # rounds without improvement before growing stops

_T = TypeVar("_T")


def cores(threads: int) -> int:
    """How many boosters to work on at a time: ``threads``, or where that is 0 what the machine (or OpenMP) allows."""
    if threads:
        return threads
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    if allowed.isdecimal() and int(allowed):
        return int(allowed)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def side_by_side(work: Callable[[_T], Any], items: Iterable[_T], threads: int) -> list[Any]:
    """``work`` of every item, in order, in as many threads as there are cores.

    One booster per thread, and not all threads on one booster: trees on samples of this size leave threads waiting
    for each other, and where another process takes a core they wait for seconds.
    """
    every = list(items)
    workers = min(cores(threads), len(every))
    if workers <= 1:
        return [work(item) for item in every]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, every))


@dataclass
class Grower:
    """Grows boosters on samples that are cut into bins once for all goals.

    Attributes:
        options: LightGBM parameters that all goals share.
        columns: features.
        threads: boosters at a time, 0 for as many as there are cores.
        total: boosters that there will be, for the progress shown.
        progress: hook ``progress(what, fraction_done)``.
    """

    options: Mapping[str, Any]
    columns: Columns
    threads: int
    total: int
    progress: Progress | None
    _done: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def grow(
        self, sample: Sample, goals: Mapping[str, tuple[int, Mapping[str, Any]]], check: Sample | None = None
    ) -> dict[str, Any]:
        """Boosters of several goals on the same rows; none where there is nothing to learn from.

        Args:
            sample: training rows.
            goals: name -> rounds and further parameters.
            check: held-out rows; with them the trees stop when those gain nothing any more.
        """
        import lightgbm

        if not len(sample) or not sample.y.any():
            return {}
        shared = {
            **self.options,
            "min_data_in_leaf": int(np.clip(len(sample) // 200, 5, 100)),
            "num_threads": 1,
        }
        train = lightgbm.Dataset(
            sample.x, sample.target, weight=sample.weight, params=shared,
            categorical_feature=list(self.columns.categorical), feature_name=_safe(self.columns.names),
        ).construct()  # fmt: skip

        def one(goal: str) -> Any:
            rounds, more = goals[goal]
            callbacks, held = [self._report(goal)], []
            if check is not None:  # each has its own: training may build a held-out set anew while others read it
                callbacks.append(lightgbm.early_stopping(PATIENCE, verbose=False))
                held.append(train.create_valid(check.x, check.target, weight=check.weight, params=shared))
            return lightgbm.train({**shared, **more}, train, rounds, valid_sets=held, callbacks=callbacks)

        return dict(zip(goals, side_by_side(one, goals, self.threads), strict=True))

    def _report(self, goal: str) -> Callable[[Any], None]:
        """A LightGBM callback that adds what a round is of the whole."""
        if self.progress is None:
            return lambda env: None
        told = self.progress

        def report(env: Any) -> None:
            with self._lock:
                self._done += 1 / (env.end_iteration * self.total)
                told(f"trees for {goal}", min(self._done, 1.0))

        return report


def said(boosters: Mapping[str, Any], x: F32, threads: int) -> dict[str, Any]:
    """What every booster says of rows ``(R, F)``, never below zero: name -> ``(R,)``."""
    found = side_by_side(lambda name: boosters[name].predict(x, num_threads=1), boosters, threads)
    return {name: np.maximum(values, 0.0) for name, values in zip(boosters, found, strict=True)}


def _safe(names: Sequence[str]) -> list[str]:
    """Names without the characters that LightGBM's text format forbids."""
    return [f"{k}_{''.join(c if c.isalnum() else '_' for c in name)}" for k, name in enumerate(names)]
