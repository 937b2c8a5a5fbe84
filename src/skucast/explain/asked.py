"""Asked: what a fitted model would forecast if some of what lies ahead were as usual instead."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..evaluate.classes import demand_classes
from ..models.spec import Fitted
from ..panel import F32
from ..place import Place
from ..portfolio.combine import mix
from ..portfolio.members import FittedMembers, rows_of
from .parts import HOLIDAYS
from .shapley import Coalition

_LEVELS = (0.5,)  # the fewest quantiles that can be asked for: only means are used


@dataclass(frozen=True, eq=False)
class Ahead:
    """The steps ahead, as planned and as usual.

    Attributes:
        horizon: steps.
        planned: known covariate -> ``(S, horizon)`` as it will be.
        usual: the same as it would be if nothing special were planned.
        parts: known covariate -> the part that it belongs to.
        seed: of the forecasts.
    """

    horizon: int
    planned: Mapping[str, F32]
    usual: Mapping[str, F32]
    parts: Mapping[str, str]
    seed: int | None = None

    def special(self, present: Coalition) -> dict[str, F32]:
        """Covariates of which only those of the parts ``present`` are as planned."""
        return {name: self.planned[name] if part in present else self.usual[name] for name, part in self.parts.items()}

    def moved(self) -> set[str]:
        """Parts with a covariate that is not as usual in some series and step."""
        return {p for n, p in self.parts.items() if not np.array_equal(self.planned[n], self.usual[n], equal_nan=True)}

    def take(self, rows: npt.NDArray[np.int64]) -> Ahead:
        """Those of some series."""
        planned, usual = ({n: a[rows] for n, a in block.items()} for block in (self.planned, self.usual))
        return dataclasses.replace(self, planned=planned, usual=usual)


class Oracle(ABC):
    """Answers what a model would forecast."""

    @abstractmethod
    def mean(self, present: Coalition) -> F32:
        """``(S, H)`` mean with the special of these parts only; equal questions are worked out once."""

    @abstractmethod
    def used(self) -> set[str]:
        """Parts that make a difference to some forecast."""

    @abstractmethod
    def plain(self, ahead: Ahead) -> F32:
        """``(S, H')`` mean with nothing special over other steps ahead than those that were planned."""


@dataclass(eq=False)
class Alone(Oracle):
    """One model, asked as a whole.

    Attributes:
        fitted: the model.
        ahead: the steps ahead.
        players: parts that may matter.
    """

    fitted: Fitted
    ahead: Ahead
    players: frozenset[str]
    _quiet: Fitted | None = None
    _kept: dict[Coalition, F32] = field(default_factory=dict)
    _used: frozenset[str] | None = None

    def used(self) -> set[str]:
        """Those players without which the forecast is another one, all else as planned."""
        if self._used is None:
            whole, own = self._ask(self.players), self.fitted.spec.capabilities.known
            self._used = frozenset(
                p
                for p in self.players
                if (own or p == HOLIDAYS) and not np.array_equal(whole, self._ask(self.players - {p}))
            )
        return set(self._used)

    def mean(self, present: Coalition) -> F32:
        """See `Oracle.mean`."""
        # all parts that make no difference are asked about as if they were there: one question for many
        return self._ask((present & self.used()) | (self.players - self.used()))

    def plain(self, ahead: Ahead) -> F32:
        """See `Oracle.plain`."""
        return self._forecast(ahead, frozenset())

    def _ask(self, present: Coalition) -> F32:
        if present not in self._kept:
            self._kept[present] = self._forecast(self.ahead, present)
        return self._kept[present]

    def _forecast(self, ahead: Ahead, present: Coalition) -> F32:
        chosen = self.fitted
        if HOLIDAYS in self.players - present and (self._used is None or HOLIDAYS in self._used):
            self._quiet = self._quiet or without_holidays(self.fitted)
            chosen = self._quiet
        return chosen.predict(ahead.horizon, ahead.special(present), levels=_LEVELS, seed=ahead.seed).mean


@dataclass(eq=False)
class Together(Oracle):
    """Models that are put together, asked one by one: what one does not look at costs it nothing.

    Attributes:
        fitted: the models and their weights.
        ahead: the steps ahead.
        players: parts that may matter.
    """

    fitted: FittedMembers
    ahead: Ahead
    players: frozenset[str]

    def __post_init__(self) -> None:
        self._classes = demand_classes(self.fitted.panel)
        self._members: dict[str, tuple[npt.NDArray[np.int64], Oracle]] = {}
        for label, member in self.fitted.members.items():
            rows = rows_of(member.spec, self.fitted.choice.uses(label, self._classes))
            self._members[label] = rows, Alone(member, self._own(self.ahead, rows), self.players)

    def used(self) -> set[str]:
        """See `Oracle.used`."""
        return set().union(*(found.used() for _, found in self._members.values()))

    def mean(self, present: Coalition) -> F32:
        """See `Oracle.mean`."""
        return self._mixed(self.ahead.horizon, {m: found.mean(present) for m, (_, found) in self._members.items()})

    def plain(self, ahead: Ahead) -> F32:
        """See `Oracle.plain`."""
        means = {m: found.plain(self._own(ahead, rows)) for m, (rows, found) in self._members.items()}
        return self._mixed(ahead.horizon, means)

    def _own(self, ahead: Ahead, rows: npt.NDArray[np.int64]) -> Ahead:
        return dataclasses.replace(ahead.take(rows), seed=self.fitted.seed if ahead.seed is None else ahead.seed)

    def _mixed(self, horizon: int, means: Mapping[str, F32]) -> F32:
        choice, made = self.fitted.choice, []
        for label, part in means.items():
            whole = np.zeros((len(self.fitted.panel), horizon), dtype=np.float32)
            whole[self._members[label][0]] = part
            made.append(whole)
        shares = np.stack([choice.share(label, self._classes, horizon) for label in means], axis=-1)
        return np.maximum(mix(made, shares, "median" if choice.how == "median" else "mean"), np.float32(0))


def oracle(fitted: Fitted, ahead: Ahead, players: frozenset[str], forecast: F32) -> Oracle:
    """Whoever answers for a fitted model.

    Members are asked one by one where that gives what their combination forecasts; any other model, and a
    combination of which a member cannot forecast, is asked as a whole.

    Args:
        fitted: the model.
        ahead: the steps ahead.
        players: parts that may matter.
        forecast: ``(S, H)`` its mean with all as planned.
    """
    if isinstance(fitted, FittedMembers):
        try:
            together = Together(fitted, ahead, players)
            if np.allclose(together.mean(players), forecast, rtol=1e-5, atol=1e-6):
                return together
        except ModelError:  # of a member; the whole knows how to do without it
            pass
    return Alone(fitted, ahead, players, _kept={players: forecast})


def without_holidays(fitted: Fitted) -> Fitted:
    """The model in a place where no holiday and no sale day is near any step ahead; its past is as it was."""
    panel = fitted.panel
    quiet: Fitted = _quiet(fitted, str(panel.freq.stamp(panel.end + 1)))
    return quiet


def _quiet(value: Any, first: str) -> Any:
    """The value with every place in it quiet from a date on; itself if there is none."""
    if isinstance(value, Place):
        return dataclasses.replace(value, quiet_from=first) if value else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {f.name: _quiet(getattr(value, f.name), first) for f in dataclasses.fields(value) if f.init}
        changed = {name: new for name, new in found.items() if new is not getattr(value, name)}
        return dataclasses.replace(value, **changed) if changed else value
    if isinstance(value, Mapping):
        entries = {key: _quiet(one, first) for key, one in value.items()}
        return entries if any(entries[key] is not value[key] for key in entries) else value
    if type(value) is tuple:
        items = tuple(_quiet(one, first) for one in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value
