"""Auto: tests several models on the last windows of a panel and combines the best per demand class."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, ClassVar, Literal

from ..errors import ConfigError
from ..evaluate.candidates import named_specs
from ..evaluate.classes import CLASSES
from ..models import registry
from ..models.pretrained.model import Pretrained
from ..models.space import OneOf, Range, Space
from ..models.spec import Arrays, Capabilities, Fitted, Progress, Spec, scaled
from ..panel import Panel
from .choice import Choice
from .clock import Clock
from .members import FittedMembers
from .nested import of_others
from .trial import Trial, counted, planned_trial

_QUICK = ("seasonal-naive", "ets", "tsb", "fourier", "theta", "negbin")
_QUICK_YEAR, _YEAR, _SLOW_YEAR = ({"model": "shared-season", "base": b} for b in ("negbin", "pretrained", "lightgbm"))
_PRESETS: dict[str, tuple[str | Mapping[str, Any], ...]] = {
    "fast": (*_QUICK, _QUICK_YEAR),
    "balanced": (*_QUICK, _QUICK_YEAR, "pretrained", _YEAR, "lightgbm", _SLOW_YEAR),
    "best": (*_QUICK, _QUICK_YEAR, "pretrained", _YEAR, "lightgbm", _SLOW_YEAR, "ridge", "lstm"),
}
"""Members in the order of what they give for a second of work, so that a budget is well spent."""
_FINE_TUNE = Pretrained(fine_tune="full")
"""In `best` the pretrained network may learn from the panel; its own test says whether it does."""
_SHARE = 6  # each fine-tuning takes at most this part of the time that there is for a test window, or for the fits,
_LEAST_SECONDS = 15.0  # and with less than this it is not begun


@dataclass(frozen=True)
class Auto(Spec):
    """Chooses and combines models per demand class by an honest test on the panel's own last windows.

    The members are backtested on windows inside the panel that it is given (whoever evaluates `Auto` cuts the
    panel earlier, so nothing leaks). For each class (smooth, erratic, intermittent, lumpy, new) and half of the
    horizon the weights that give the lowest WQL of the averaged quantiles are chosen, leaning on the panel-wide
    choice where a class has few series, and on members trusted untested beyond the steps that could be tested; then
    how much wider or narrower the combination has to be. The members chosen are fitted to the whole panel. In the
    test members are fitted once, before its first window; on large panels it runs on a seeded sample of each class.

    Attributes:
        members: names of the candidates; by default those of the preset that are installed.
        windows: test windows; fewer if the panel is short.
        preset: ``fast`` takes what is fitted in seconds, ``balanced`` adds boosting and the pretrained network, all
            with the season that series share where there is more than a year of weeks; ``best`` adds regression and
            the LSTM, lets the pretrained network learn from the panel (if torch is installed and that is better, see
            `Pretrained`), and refits at every window.
        budget_seconds: half of it is for the test, the rest for fitting what was chosen; members that do not get
            done are left out, the cheap ones come first. 0 is no limit. With a limit the choice depends on the
            machine's speed, so results may differ between runs.
        tuned: members with settings of their own, as specs or mappings such as ``{"model": "lightgbm", "leaves": 63}``;
            they take the place of the members of the same name, or join them (`skucast tune` writes them).
    """

    name: ClassVar[str] = "auto"
    capabilities: ClassVar[Capabilities] = of_others(
        "Tests several models on the panel's last windows and combines the best per demand class."
    )
    space: ClassVar[Space] = {"preset": OneOf(*_PRESETS), "windows": Range(1, 6)}
    members: tuple[str, ...] = ()
    windows: int = 3
    preset: Literal["fast", "balanced", "best"] = "balanced"
    budget_seconds: float = 0.0
    tuned: tuple[Spec, ...] = ()

    def __post_init__(self) -> None:
        if self.preset not in _PRESETS:
            raise ConfigError(f"Auto has no preset '{self.preset}'; there are: {', '.join(_PRESETS)}.")
        given: Any = self.members
        object.__setattr__(self, "members", (given,) if isinstance(given, str) else tuple(given))
        if self.windows < 1 or self.budget_seconds < 0:
            raise ConfigError("Auto needs at least one test window and no negative time budget.")
        if self.name in self.members:
            raise ConfigError("Auto cannot be a member of itself.")
        object.__setattr__(self, "tuned", _specs(self.tuned))

    def candidates(self, panel: Panel | None = None) -> dict[str, Spec]:
        """Specs of the members: those named, or those of the preset that are installed; tuned ones in their place.

        Args:
            panel: that they are for; members of the preset that do nothing of their own there are left out.

        Raises:
            ConfigError: no such model.
            MissingExtraError: a member that was named needs an absent dependency.
        """
        if self.members:
            found = {label: spec for label, spec in named_specs(self.members).items() if label in self.members}
        else:
            ready = [m for m in _PRESETS[self.preset] if not isinstance(m, str) or registry.installed(m)]
            named = named_specs(ready)
            found = {label: spec for label, spec in named.items() if panel is None or spec.applies(panel)}
            if self.preset == "best":
                found[Pretrained.name] = self._pretrained()
        for spec in self.tuned:
            if spec.name in registry.names():
                registry.require(spec.name)
            found[spec.name] = spec
        return found

    def _pretrained(self) -> Pretrained:
        """The pretrained network, fine-tuned if torch is there and the budget allows it."""
        seconds = _FINE_TUNE.seconds
        if self.budget_seconds:
            seconds = min(seconds, self.budget_seconds / 2 / self.windows / _SHARE)
        if find_spec("torch") is None or seconds < _LEAST_SECONDS:
            return Pretrained()
        return replace(_FINE_TUNE, seconds=round(seconds, 1))

    def to_dict(self) -> dict[str, Any]:
        """See `Spec.to_dict`."""
        return {**super().to_dict(), "tuned": [spec.to_dict() for spec in self.tuned]}

    def trial(
        self, panel: Panel, horizon: int, windows: int, least: int = 1, seed: int = 0, progress: Progress | None = None
    ) -> Trial | None:
        """Test the members on the last windows of a panel; None if there is nothing to choose or no room to test."""
        return planned_trial(
            self.candidates(panel), panel, horizon, windows, least=least, refit=self.preset == "best",
            clock=Clock(self.budget_seconds / 2), seed=seed, progress=progress,
        )  # fmt: skip

    def settle(
        self, trial: Trial | None, panel: Panel, horizon: int, seed: int = 0, progress: Progress | None = None
    ) -> FittedAuto:
        """Choose by a trial (without one seasonal naive and ETS, alike) and fit the chosen to the whole panel.

        Raises:
            ModelError: no member could be fitted.
        """
        specs = self.candidates(panel)
        labels = list(specs)
        choice = Choice.learn(trial.backtest, labels).only(horizon) if trial else Choice.untested(labels)
        return FittedAuto.settle(
            self, panel, specs, choice, horizon, trial=trial, clock=Clock(self.budget_seconds / 2),
            seed=seed, progress=progress,
        )  # fmt: skip

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        specs = self.candidates(panel)
        trial = None
        if len(specs) > 1:
            trial = self.trial(panel, horizon, self.windows, seed=seed, progress=scaled(progress, 0.0, 0.6))
            if trial is None:
                warnings.warn(f"'auto': {self.untested(panel)}", UserWarning, stacklevel=3)
        fitted = self.settle(trial, panel, horizon, seed, scaled(progress, 0.6, 1.0))
        return fitted if trial or len(specs) == 1 else replace(fitted, notes=(self.untested(panel), *fitted.notes))

    def untested(self, panel: Panel) -> str:
        """Why nothing was tested, in a sentence."""
        labels = list(self.candidates(panel))
        used = [label for label, w in Choice.untested(labels).mean_share()[CLASSES[0]].items() if w]
        return (
            f"The longest series has {counted(panel.n_steps, 'step')}, too few to test models: "
            f"{' and '.join(used)} used untested."
        )

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedAuto.restore(spec, panel, arrays, about)


@dataclass(frozen=True, eq=False, repr=False)
class FittedAuto(FittedMembers):
    """See `Auto` and `FittedMembers`."""

    snaps: ClassVar[bool] = True

    spec: Auto


def _specs(given: Any) -> tuple[Spec, ...]:
    """Specs of tuned members, each name once.

    Raises:
        ConfigError: one is no model, is `auto` itself, or comes twice.
    """
    listed = [given] if isinstance(given, Mapping | Spec | str) else list(given)
    found: dict[str, Spec] = {}
    for one in listed:
        spec = registry.make(one)
        if spec.name == Auto.name:
            raise ConfigError("Auto cannot be a member of itself.")
        if spec.name in found:
            raise ConfigError(f"Model 'auto': '{spec.name}' stands twice among the tuned members; keep one of them.")
        found[spec.name] = spec
    return tuple(found.values())
