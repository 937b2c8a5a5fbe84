"""Step: the interface of everything that changes a panel on purpose, and pipelines of steps."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, Self

from ..errors import ConfigError
from ..panel import Panel
from .changes import Changes

_BUILT_IN = {
    "stock-outs": "gaps:StockOuts",
    "unconstrain": "unconstrain:Unconstrain",
    "outliers": "outliers:Outliers",
    "impute": "impute:Impute",
    "scale": "scale:Scale",
}


class Prepared(NamedTuple):
    """A panel after a step, and what the step did to it."""

    panel: Panel
    changes: Changes


@dataclass(frozen=True)
class Step(ABC):
    """Description of a step. Subclasses are frozen dataclasses of plain values, JSON both ways."""

    name: ClassVar[str]

    @abstractmethod
    def fit(self, panel: Panel) -> FittedStep:
        """Learn what the step needs from a panel, and from nothing after its end."""

    def fit_apply(self, panel: Panel) -> Prepared:
        """Fit on a panel and apply to the same."""
        return self.fit(panel).prepare(panel)

    def to_dict(self) -> dict[str, Any]:
        """JSON form: ``{"step": name, ...fields}``."""
        return {"step": self.name, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Read the JSON form.

        Raises:
            ConfigError: a field is unknown or wrong.
        """
        given = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items() if k != "step"}
        allowed = [f.name for f in dataclasses.fields(cls)]
        unknown = sorted(set(given) - set(allowed))
        if unknown:
            raise ConfigError(f"Step '{cls.name}' has no option '{unknown[0]}'; it has: {', '.join(allowed)}.")
        return cls(**given)

    def _one_of(self, option: str, allowed: tuple[str, ...]) -> None:
        value = getattr(self, option)
        if value not in allowed:
            raise ConfigError(f"Step '{self.name}' has no {option} '{value}'; there are: {', '.join(allowed)}.")


@dataclass(frozen=True, eq=False)
class FittedStep(ABC):
    """A step that has learned; it never changes."""

    @abstractmethod
    def prepare(self, panel: Panel) -> Prepared:
        """Apply to a panel and record every cell touched.

        Raises:
            DataError: the panel has a series that the fit has not seen and the step needs.
        """

    def apply(self, panel: Panel) -> Panel:
        """The panel after the step; see `prepare` for what was touched."""
        return self.prepare(panel).panel

    def invert(self, panel: Panel, changes: Changes) -> Panel:
        """The panel before the step, given what `prepare` recorded."""
        return changes.undo(panel)


@dataclass(frozen=True)
class Pipeline:
    """Steps one after another; each is fitted on what those before it leave.

    Attributes:
        steps: in order. Sensible: stock-outs, demand behind them, outliers, imputation, scaling.
    """

    steps: tuple[Step, ...]

    def fit(self, panel: Panel) -> FittedPipeline:
        """Fit all steps on a panel."""
        fitted: list[FittedStep] = []
        for step in self.steps:
            fitted.append(step.fit(panel))
            panel = fitted[-1].apply(panel)
        return FittedPipeline(tuple(fitted))

    def fit_apply(self, panel: Panel) -> Prepared:
        """Fit on a panel and apply to the same, doing each step's work once."""
        parts = [Changes.none(panel)]
        for step in self.steps:
            panel, changes = step.fit_apply(panel)
            parts.append(changes)
        return Prepared(panel, Changes.concat(parts))


@dataclass(frozen=True, eq=False)
class FittedPipeline(FittedStep):
    """See `Pipeline`."""

    steps: tuple[FittedStep, ...]

    def prepare(self, panel: Panel) -> Prepared:
        """See `FittedStep.prepare`."""
        parts = [Changes.none(panel)]
        for step in self.steps:
            panel, changes = step.prepare(panel)
            parts.append(changes)
        return Prepared(panel, Changes.concat(parts))

    def invert(self, panel: Panel, changes: Changes) -> Panel:
        """Undo the scaling of the last steps, then every recorded change."""
        from .scale import FittedScale

        for step in reversed(self.steps):
            if isinstance(step, FittedScale):
                panel = step.invert_panel(panel)
        return changes.undo(panel)


@cache
def step_names() -> tuple[str, ...]:
    """Names of all steps."""
    return tuple(_BUILT_IN)


def step_from_dict(fields: Mapping[str, Any]) -> Step:
    """Read the JSON form of any step.

    Raises:
        ConfigError: the step or one of its options is unknown.
    """
    name = str(fields.get("step", ""))
    if name not in _BUILT_IN:
        raise ConfigError(f"There is no preparation step '{name}'; there are: {', '.join(_BUILT_IN)}.")
    module, _, attribute = _BUILT_IN[name].partition(":")
    found: type[Step] = getattr(import_module(f".{module}", __package__), attribute)
    return found.from_dict(fields)
