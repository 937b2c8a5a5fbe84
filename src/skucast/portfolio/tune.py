"""Tuning: the settings of one model that forecast the last windows of a panel best, found within a time budget."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .. import __version__
from ..errors import ConfigError, ModelError
from ..models import registry
from ..models.gain import SURE
from ..models.space import OneOf, Range, Space, option, with_options
from ..models.spec import Progress, Spec
from ..panel import Panel
from .clock import Clock
from .folds import F64, Folds
from .study import Outcome, Running, Study, open_study
from .trial import counted
from .tuned import Tuned, in_words


def tune_panel(
    panel: Panel,
    horizon: int,
    model: str | Mapping[str, Any] | Spec,
    *,
    budget: float = 300.0,
    trials: int = 0,
    windows: int = 4,
    space: Space | None = None,
    storage: str | Path | None = None,
    restart: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Tuned:
    """Look for better settings of a model on the last windows of a panel.

    Each setting is fitted before every second window (rolling origin), follows the history to the next, and is scored
    by the mean WQL. Windows are taken from the latest backwards, and a setting that is worse than half of the others on
    those so far is not tested further. The present setting is tested first. Whoever wants to know what was gained must keep later windows from the panel.

    Args:
        panel: history; series are sampled where there are more than 400 of a class of demand.
        horizon: steps ahead.
        model: name, mapping or spec: what is there now.
        budget: seconds of testing over all sessions with the same ``storage``; 0 is no limit. The present setting is
            always tested to the end. With a limit the number of trials depends on the machine's speed.
        trials: most settings tried; 0 is no limit.
        windows: past windows; fewer if the history is short.
        space: option -> values to try, in place of the model's own.
        storage: file that keeps the search; the same call with the same data goes on where it was stopped or killed,
            and ends as if it had not been.
        restart: begin anew whatever ``storage`` holds.
        seed: of search and fits.
        progress: hook ``progress(what, fraction_done)``.

    Raises:
        ConfigError: an argument makes no sense, or ``storage`` holds another search.
        DataError: the history is too short.
        ModelError: the model cannot be tested as it is.
        MissingExtraError: optuna, or what the model needs, is not installed.
    """
    _check(budget, trials, windows)
    start = registry.make(model)
    if start.name in registry.names():
        registry.require(start.name)
    wide = _space(start, space)
    folds = Folds.of(panel, horizon, windows, seed)
    about = {
        "data": panel.fingerprint(), "present settings": start.to_dict(),
        "search space": {name: str(values) for name, values in wide.items()}, "horizon": horizon,
        "number of windows": windows, "seed": seed, "version of skucast": __version__,
    }  # fmt: skip
    with open_study(None if storage is None else Path(storage), wide, seed, about, restart) as study:
        return Search(start, folds, study, budget, trials, progress).run()


@dataclass
class Search:
    """One session of a search.

    Attributes:
        start: the present setting.
        folds: that settings are tested on.
        study: what was tried so far.
        budget: seconds over all sessions; 0 is no limit.
        trials: most settings; 0 is no limit.
        progress: hook.
    """

    start: Spec
    folds: Folds
    study: Study
    budget: float
    trials: int
    progress: Progress | None
    _clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        left = self.budget - self.study.seconds
        self._clock = Clock(max(left, 1e-9) if self.budget else 0.0)

    def run(self) -> Tuned:
        """Try settings until time, trials or the space are used up, and choose."""
        notes = list(self.folds.notes)
        options = {name: option(self.start, name) for name in self.study.space}
        while not self._is_over():
            running = self.study.next(options)
            if running is None:
                notes.append("Every setting of the search space that could be found was tried.")
                break
            if not self._test(running):
                break
            if self.study.tried[0].outcome == "failed":
                break
        first = self.study.tried[0]
        if first.outcome == "failed":
            raise ModelError(f"Model '{self.start.name}' cannot be tuned, because it fails as it is: {first.why}")
        if self.progress:
            self.progress(f"{self.start.name}, tuned", 1.0)
        return self._chosen(notes)

    def _is_over(self) -> bool:
        """Trials or time are used up, or there is no time for another trial."""
        tried = self.study.tried
        if not tried:
            return False
        if self.trials and len(tried) >= self.trials:
            return True
        shortest = min(one.seconds for one in tried)
        return bool(self.budget) and time.perf_counter() - self._clock.begun + shortest > self._clock.seconds

    def _test(self, running: Running) -> bool:
        """Test one setting and write down what came out; False if time ran out before."""
        first = not self.study.tried
        begun, count = time.perf_counter(), len(self.study.tried) + 1
        losses: list[F64] = []

        def end(outcome: Outcome, value: float = math.nan, why: str = "") -> bool:
            stacked = np.concatenate(losses) if losses else np.zeros((0, self.folds.blocks))
            self.study.finish(running, outcome, stacked, time.perf_counter() - begun, value, why)
            return True

        rounds = len(self.folds.rounds)
        for number in range(rounds):
            what = f"{self.start.name}, setting {count}, round {number + 1} of {rounds}"
            if self.progress:
                self.progress(what, self._fraction(count, number))
            if self._clock.spent and not first:
                return False
            try:
                watch = None if first else self._clock.watching(None)
                losses.append(self.folds.losses(with_options(self.start, running.options), number, watch))
            except (ConfigError, ModelError) as error:
                if self._clock.spent and not first:  # the clock stopped the fit
                    return False
                return end("failed", why=str(error))
            value = self._relative(np.concatenate(losses))
            if running.is_hopeless(value, number) and not first and number + 1 < rounds:
                return end("stopped early")
        return end("tested", value)

    def _relative(self, losses: F64) -> float:
        """WQL over that of the present setting on the same folds, so that folds of any difficulty compare."""
        if not self.study.tried:
            return 1.0
        usual = self.folds.wql(self.study.tried[0].losses[: len(losses)])
        return self.folds.wql(losses) / usual if usual > 0 else 1.0

    def _fraction(self, count: int, number: int) -> float:
        shares = [0.0]
        if self.trials:
            shares.append((count - 1 + number / len(self.folds.rounds)) / self.trials)
        if self.budget:
            shares.append((time.perf_counter() - self._clock.begun) / self._clock.seconds)
        return min(max(shares), 1.0)

    def _chosen(self, notes: list[str]) -> Tuned:
        """The best setting that is better than the present one by more than chance, or that one."""
        first, *others = self.study.tried
        before = self.folds.wql(first.losses)
        ranked = sorted(
            (one for one in others if one.outcome == "tested"), key=lambda one: self.folds.wql(one.losses)
        )  # fmt: skip
        spec, after, error = self.start, before, 0.0
        if ranked:
            _, error = self.folds.gain(first.losses, ranked[0].losses)
        for one in ranked:
            gain, uncertain = self.folds.gain(first.losses, one.losses)
            if gain > SURE * uncertain:
                spec, after, error = with_options(self.start, one.options), self.folds.wql(one.losses), uncertain
                break
        failed = [one for one in others if one.outcome == "failed"]
        if failed:
            notes.append(f"{counted(len(failed), 'setting')} failed, such as: {failed[0].why}")
        return Tuned(
            spec, self.start, before, after, error, self.folds.wql(ranked[0].losses) if ranked else None,
            self._table(), self.folds.windows, self.folds.steps, self.study.seconds, tuple(notes),
        )  # fmt: skip

    def _table(self) -> pl.DataFrame:
        tried = self.study.tried
        columns: dict[str, Any] = {
            "trial": range(1, len(tried) + 1),
            "outcome": [one.outcome for one in tried],
            "wql": [self.folds.wql(one.losses) if len(one.losses) else None for one in tried],
            "windows": [len(one.losses) for one in tried],
            "seconds": [round(one.seconds, 3) for one in tried],
            "why": [one.why for one in tried],
        }
        for name, values in self.study.space.items():
            columns[name] = _column([one.options[name] for one in tried], values)
        return pl.DataFrame(columns, schema_overrides={"wql": pl.Float64})


def _column(values: list[Any], of: Range | OneOf) -> list[Any]:
    """Values of one option, as texts where they are not numbers of one kind."""
    return values if isinstance(of, Range) else [in_words(value) for value in values]


def _space(start: Spec, given: Space | None) -> Space:
    """What is searched: wide enough for the present setting.

    Raises:
        ConfigError: there is nothing to search, or an option that is not there.
    """
    own = start.space if given is None else given
    if not own:
        raise ConfigError(f"Model '{start.name}' has no option to tune.")
    for name, values in own.items():
        if not isinstance(values, Range | OneOf):
            raise ConfigError(f"The values to try of '{name}' must be a Range or a OneOf, not {values!r}.")
    return {name: values.including(option(start, name)) for name, values in own.items()}


def _check(budget: float, trials: int, windows: int) -> None:
    """Raises `ConfigError` where arguments make no sense."""
    for name, value, least in (("trials", trials, 0), ("windows", windows, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ConfigError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 <= budget < math.inf:
        raise ConfigError(f"The time budget must be a number of seconds, not {budget!r}.")
    if not budget and not trials:
        raise ConfigError("Tuning needs an end: a time budget, or a number of trials.")
