"""Ensemble: models that the user names, put together as the user says."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from ..errors import ConfigError, ModelError
from ..evaluate.candidates import named_specs
from ..evaluate.classes import demand_classes
from ..forecast import LEVELS, Forecast
from ..models.space import OneOf, Range, Space
from ..models.spec import Arrays, Capabilities, Fitted, Progress, Spec, scaled
from ..panel import Panel
from .choice import Choice
from .combine import HOWS, How
from .members import FittedMembers, MemberError
from .nested import of_others
from .seeds import Seeds
from .trial import counted, planned_trial

_NO_MEMBERS = ("auto", "ensemble")  # they are made of members themselves


@dataclass(frozen=True)
class Ensemble(Spec):
    """Puts the forecasts of named models together, by weights from a test, alike, or given.

    Unlike `Auto` it takes the members that it is told to take, and no others. ``selected`` weights come from a test
    on the last windows of the panel, as those of `Auto` do: per class of demand and half of the horizon, with the
    width of the combination; a panel too short for a test takes the members alike. With ``equal`` or given weights
    nothing is tested. A member that cannot be fitted, or cannot forecast, is left out, and that is said.

    Attributes:
        members: names of models; neither ``auto`` nor ``ensemble``.
        weights: ``selected``, ``equal``, or one number per member, not negative; they need not add up to one.
        how: ``mean`` averages quantiles of the same level (Vincentization): as wide as members are on average.
            ``median`` takes the weighted median of each quantile: a member that is far off does not count.
            ``pool`` mixes the distributions (linear pool): wider where members disagree, with a mass at zero where
            any of them has one.
        windows: test windows for ``selected`` weights; fewer if the panel is short.
        seeds: members that depend on chance are fitted with so many seeds, and their quantiles averaged.

    Source: Caruana et al. (2004), Ensemble selection from libraries of models, ICML; Lichtendahl, Grushka-Cockayne &
    Winkler (2013), Is it better to average probabilities or quantiles?, Management Science 59.
    """

    name: ClassVar[str] = "ensemble"
    capabilities: ClassVar[Capabilities] = of_others(
        "Puts models that you name together: by tested, equal or given weights; mean, median or pool."
    )
    space: ClassVar[Space] = {
        "weights": OneOf("selected", "equal"),
        "how": OneOf("mean", "median", "pool"),
        "windows": Range(1, 6),
    }
    members: tuple[str, ...] = ("ets", "theta", "lightgbm")
    weights: Literal["selected", "equal"] | tuple[float, ...] = "selected"
    how: How = "mean"
    windows: int = 3
    seeds: int = 1

    def __post_init__(self) -> None:
        given: Any = self.members
        object.__setattr__(self, "members", (given,) if isinstance(given, str) else tuple(given))
        wrong = next((m for m in self.members if not isinstance(m, str)), None)
        if wrong is not None or not self.members:
            raise ConfigError("Model 'ensemble': members must be names of models, for example ('ets', 'theta').")
        for label in self.members:
            if label in _NO_MEMBERS:
                raise ConfigError(
                    f"Model 'ensemble': '{label}' cannot be a member; name the models that it should use."
                )
            if self.members.count(label) > 1:
                raise ConfigError(f"Model 'ensemble': '{label}' is named twice; give it a larger weight instead.")
        if self.how not in HOWS:
            raise ConfigError(f"Model 'ensemble': how must be {', '.join(HOWS[:-1])} or {HOWS[-1]}, not {self.how!r}.")
        for option in ("windows", "seeds"):
            value = getattr(self, option)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"Model 'ensemble': {option} must be a whole number from 1, not {value!r}.")
        object.__setattr__(self, "weights", _checked(self.weights, self.members))

    def candidates(self) -> dict[str, Spec]:
        """Specs of the members; those that depend on chance with all their seeds.

        Raises:
            ConfigError: no such model.
            MissingExtraError: a member needs an absent dependency.
        """
        found = named_specs(self.members)
        return {
            label: Seeds(found[label], self.seeds)
            if self.seeds > 1 and found[label].capabilities.stochastic
            else found[label]
            for label in self.members
        }

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        specs = self.candidates()
        labels = list(specs)
        choice = Choice.fixed(labels, [1.0] * len(labels), self.how)
        trial, note = None, ""
        if not isinstance(self.weights, str):
            choice = Choice.fixed(labels, self.weights, self.how)
        elif self.weights == "selected" and len(labels) > 1:
            early, progress = scaled(progress, 0.0, 0.6), scaled(progress, 0.6, 1.0)
            trial = planned_trial(specs, panel, horizon, self.windows, seed=seed, progress=early)
            if trial is None:
                steps = counted(panel.n_steps, "step")
                note = f"The longest series has {steps}, too few to test models: they are weighed alike."
                warnings.warn(f"'{self.name}': {note}", UserWarning, stacklevel=3)
            else:
                choice = Choice.learn(trial.backtest, labels, self.how).only(horizon)
                classes = demand_classes(panel)
                idle = [label for label in labels if not choice.uses(label, classes).any()]
                note = f"Without weight by the test, so not in use: {', '.join(idle)}." if idle else ""
        fitted = FittedEnsemble.settle(self, panel, specs, choice, horizon, trial=trial, seed=seed, progress=progress)
        return replace(fitted, notes=(note, *fitted.notes)) if note else fitted

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedEnsemble.restore(spec, panel, arrays, about, spec.how)


@dataclass(frozen=True, eq=False, repr=False)
class FittedEnsemble(FittedMembers):
    """See `Ensemble` and `FittedMembers`."""

    spec: Ensemble

    def predict(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> Forecast:
        """See `FittedMembers.predict`; a member that cannot forecast is left out with a warning.

        Raises:
            ModelError: no member can forecast.
        """
        try:
            return super().predict(horizon, future, levels=levels, seed=seed)
        except MemberError as error:
            others = [label for label in self.members if label != error.label]
            if not others:
                raise ModelError(f"No member of '{self.spec.name}' can forecast: {error}") from error
            warnings.warn(
                f"'{self.spec.name}': {error.label} cannot forecast and is left out: {error}", UserWarning, stacklevel=2
            )
        left = replace(self, members={m: self.members[m] for m in others}, choice=self.choice.kept(others))
        return left.update(self.panel).predict(horizon, future, levels=levels, seed=seed)


def _checked(weights: Any, members: Sequence[str]) -> Any:
    """Weights, numbers as floats.

    Raises:
        ConfigError: they make no sense.
    """
    if isinstance(weights, str):
        if weights not in ("selected", "equal"):
            raise ConfigError(
                f"Model 'ensemble': weights must be selected, equal or one number per member, not {weights!r}."
            )
        return weights
    try:
        numbers = np.atleast_1d(np.asarray(weights, dtype=np.float64))
    except (TypeError, ValueError):
        raise ConfigError(f"Model 'ensemble': weights must be numbers, not {weights!r}.") from None
    if numbers.shape != (len(members),):
        raise ConfigError(f"Model 'ensemble': {len(members)} members need as many weights, not {numbers.size}.")
    if not np.isfinite(numbers).all() or (numbers < 0).any() or not numbers.any():
        raise ConfigError("Model 'ensemble': weights must not be negative, and some must be above zero.")
    return tuple(float(w) for w in numbers)
