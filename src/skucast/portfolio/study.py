"""Study: what a search has tried so far, in one file that survives a kill; the sampler and the pruner of optuna.

A trial is drawn from ``(seed, how many trials are finished)`` and from the finished trials only. One that was running
when the search was killed is therefore drawn again just as it was, and a search that was killed and resumed goes the
same way as one that was not.
"""

from __future__ import annotations

import json
import os
import socket
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import ConfigError, MissingExtraError
from ..models.space import OneOf, Range, Space
from .folds import F64

if TYPE_CHECKING:
    import optuna

Outcome = Literal["tested", "stopped early", "failed"]

_STARTUP = 6  # trials at random before the sampler draws conclusions
_REDRAWS = 30  # times that a setting which was tried already is replaced by a random one
_LENIENT = 3  # finished trials before any other is stopped early
_NAME = "skucast"
_ABOUT = "about"  # attribute of the study: what the search depends on
_ENDED = "ended"  # attribute of a trial: how it ended


@dataclass(frozen=True)
class Tried:
    """One finished trial.

    Attributes:
        options: what was tried.
        outcome: ``tested`` on all folds, ``stopped early`` after some, or ``failed``.
        losses: ``(k, B)`` of the folds that it was tested on.
        seconds: that it took.
        why: it failed.
    """

    options: dict[str, Any]
    outcome: Outcome
    losses: F64
    seconds: float
    why: str = ""


@dataclass(frozen=True, eq=False)
class Running:
    """One trial that is being tested.

    Attributes:
        options: to test.
        trial: of optuna.
    """

    options: dict[str, Any]
    trial: optuna.Trial = field(repr=False)

    def is_hopeless(self, value: float, number: int) -> bool:
        """Tell what the rounds so far say (1 is as good as the start); True if the trial should be stopped."""
        with _quiet():
            self.trial.report(value, number)
            return self.trial.should_prune()


class Study:
    """The trials of one search.

    Attributes:
        space: what is searched.
        seed: of the search.
        tried: finished trials, in order.
    """

    def __init__(self, study: optuna.Study, space: Space, seed: int) -> None:
        self._study = study
        self.space = space
        self.seed = seed
        with _quiet():
            for left in study.get_trials(deepcopy=False):  # were running when the search was killed
                if not left.state.is_finished():
                    self._tell(left.number, left.user_attrs.get(_ENDED))
            ended = [t.user_attrs[_ENDED] for t in study.get_trials(deepcopy=False) if _ENDED in t.user_attrs]
        self.tried = [_tried(about, space) for about in ended]

    @property
    def seconds(self) -> float:
        """That all finished trials took, in this and in former sessions."""
        return sum(one.seconds for one in self.tried)

    def next(self, start: Mapping[str, Any]) -> Running | None:
        """The next setting to test, ``start`` the first time; None if everything has been tried."""

        done = [json.dumps(one.options) for one in self.tried]
        if len(done) >= np.prod([float(values.size) for values in self.space.values()]):
            return None
        distributions = {name: _distribution(values) for name, values in self.space.items()}
        with _quiet():
            for attempt in range(_REDRAWS):
                seed = int(np.random.SeedSequence([self.seed, len(done), attempt]).generate_state(1)[0])
                self._study.sampler = self._sampler(seed, start, len(done), attempt)
                trial = self._study.ask(distributions)
                options = _read(trial.params, self.space)
                if not done:
                    return Running(dict(start), trial)
                if json.dumps(options) not in done:
                    return Running(options, trial)
                self._tell(trial.number, None)
        return None

    def _sampler(self, seed: int, start: Mapping[str, Any], done: int, attempt: int) -> optuna.samplers.BaseSampler:
        import optuna

        by_chance = optuna.samplers.RandomSampler(seed)
        if not done:
            return optuna.samplers.PartialFixedSampler(_stored(start, self.space), by_chance)
        return by_chance if attempt else optuna.samplers.TPESampler(n_startup_trials=_STARTUP, seed=seed)

    def finish(
        self, running: Running, outcome: Outcome, losses: F64, seconds: float, value: float = np.nan, why: str = ""
    ) -> None:
        """Write down how a trial ended: in one line first, so that a kill in between loses nothing."""
        ended = {
            "options": running.options, "outcome": outcome, "losses": losses.tolist(), "seconds": seconds,
            "value": value if outcome == "tested" else None, "why": why,
        }  # fmt: skip
        with _quiet():
            running.trial.set_user_attr(_ENDED, ended)
            self._tell(running.trial.number, ended)
        self.tried.append(Tried(running.options, outcome, losses, seconds, why))

    def _tell(self, number: int, ended: Mapping[str, Any] | None) -> None:
        """End a trial; one of which nothing was written is forgotten: neither sampler nor pruner look at those."""
        import optuna

        states = optuna.trial.TrialState
        outcome = ended["outcome"] if ended else "failed"
        state = {"tested": states.COMPLETE, "stopped early": states.PRUNED, "failed": states.FAIL}[outcome]
        self._study.tell(number, ended["value"] if ended else None, state)


@contextmanager
def open_study(
    storage: Path | None, space: Space, seed: int, about: Mapping[str, Any], restart: bool = False
) -> Iterator[Study]:
    """A new search, or the one that a file holds.

    Args:
        storage: the file; None keeps the search in memory only.
        space: what is searched.
        seed: of the search.
        about: what the search depends on; a file that holds another search is refused.
        restart: begin anew whatever the file holds.

    Raises:
        ConfigError: the file holds another search, another process is writing it, or it cannot be read or written.
        MissingExtraError: optuna is not installed.
    """
    if find_spec("optuna") is None:
        raise MissingExtraError("Tuning", "tune")
    import optuna

    pruner = optuna.pruners.MedianPruner(n_startup_trials=_LENIENT)
    if storage is None:
        with _quiet():
            study = optuna.create_study(pruner=pruner)
        yield Study(study, space, seed)
        return
    with _alone(storage):
        try:
            if restart:
                storage.unlink(missing_ok=True)
            _mend(storage)
            with _quiet():
                study = optuna.create_study(
                    storage=_journal(storage), study_name=_NAME, pruner=pruner, load_if_exists=True
                )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"'{storage}' cannot be used to keep the search ({error}): name another file, or begin anew with "
                "--restart (restart=True)."
            ) from None
        _recognised(study, storage, json.loads(json.dumps(about)))
        yield Study(study, space, seed)


def _recognised(study: optuna.Study, storage: Path, about: dict[str, Any]) -> None:
    """The study is new, or one of the same search."""
    there = study.user_attrs.get(_ABOUT)
    if there is None:
        study.set_user_attr(_ABOUT, about)
        return
    changed = [name for name in about if there.get(name) != about[name]]
    if changed:
        raise ConfigError(
            f"'{storage}' holds another search ({_listed(changed)} not the same): begin anew with --restart "
            "(restart=True), or name another file."
        )


def _listed(names: list[str]) -> str:
    last = f"the {names[-1]} {'are' if len(names) > 1 or names[-1] in ('data', 'present settings') else 'is'}"
    return f"the {', the '.join(names[:-1])} and {last}" if names[:-1] else last


def _journal(storage: Path) -> optuna.storages.JournalStorage:
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalStorage

    class Held(JournalFileOpenLock):
        """Nothing to do: `_alone` holds the file for the whole session, and no kill can leave it locked."""

        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    return JournalStorage(JournalFileBackend(str(storage), Held(str(storage))))


def _mend(storage: Path) -> None:
    """Cut off a last line that a kill left unfinished."""
    storage.parent.mkdir(parents=True, exist_ok=True)
    if not storage.exists():
        return
    content = storage.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with storage.open("r+b") as file:
            file.truncate(whole)


@contextmanager
def _alone(storage: Path) -> Iterator[None]:
    """Only one process searches into a file; what a dead one left is taken over."""
    lock = storage.with_name(storage.name + ".lock")
    mine = f"{os.getpid()} {socket.gethostname()}"
    try:
        storage.parent.mkdir(parents=True, exist_ok=True)
        if lock.exists() and not _runs(lock.read_text(encoding="utf-8")):
            lock.unlink(missing_ok=True)
        with lock.open("x", encoding="utf-8") as file:
            file.write(mine)
    except FileExistsError:
        raise ConfigError(
            f"Another process is tuning into '{storage}': wait for it, or name another file (if none is, delete '{lock}')."
        ) from None
    except OSError as error:
        raise ConfigError(f"'{storage}' cannot be written: {error.strerror or error}.") from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _runs(owner: str) -> bool:
    """Whether the process that wrote a lock may still run."""
    pid, _, host = owner.partition(" ")
    if host != socket.gethostname() or not pid.isdigit():
        return bool(host)  # another machine's cannot be told; a half-written lock is nobody's
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _distribution(values: Range | OneOf) -> optuna.distributions.BaseDistribution:
    import optuna

    if isinstance(values, OneOf):
        return optuna.distributions.CategoricalDistribution(values.labels)
    if values.whole:
        return optuna.distributions.IntDistribution(int(values.low), int(values.high), log=values.log)
    return optuna.distributions.FloatDistribution(values.low, values.high, log=values.log)


def _stored(options: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """Options as optuna keeps them: choices by their labels."""
    return {n: json.dumps(options[n]) if isinstance(values, OneOf) else options[n] for n, values in space.items()}


def _read(parameters: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """Options as specs take them."""
    return {
        n: values.values[values.labels.index(parameters[n])]
        if isinstance(values, OneOf)
        else values.tidy(parameters[n])
        for n, values in space.items()
    }


def _tried(ended: Mapping[str, Any], space: Space) -> Tried:
    options = {
        n: values.values[values.labels.index(json.dumps(ended["options"][n]))]  # tuples come back as lists
        if isinstance(values, OneOf)
        else ended["options"][n]
        for n, values in space.items()
    }
    losses = np.asarray(ended["losses"], dtype=np.float64)
    return Tried(options, ended["outcome"], losses, ended["seconds"], ended["why"])


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna speaks to its own readers: nothing of it reaches ours."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)
