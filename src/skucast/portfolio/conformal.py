"""Conformal: any model, with intervals that cover what they say."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from ..errors import ConfigError
from ..evaluate.classes import demand_classes
from ..forecast import LEVELS, Forecast
from ..models import registry
from ..models.space import OneOf, Range, Space
from ..models.spec import Arrays, Capabilities, Fitted, Progress, Spec, scaled
from ..panel import Panel
from .calibration import Calibration, Scores, window_scores
from .nested import FittedNested, Nested, levels_with, nested, of_others, read_nested
from .trial import counted, planned_trial

_DECAY = 0.7  # weight of a window relative to the next newer one, when adaptive


@dataclass(frozen=True)
class Conformal(Spec):
    """A model whose intervals are widened or narrowed to cover what they say, by its errors on past windows.

    Per class of demand and quarter of the horizon, each central interval is scaled about the median until it would
    have held its share of what came (and of one observation more: the finite-sample correction). Means stay.

    `auto` and `ensemble` with selected weights do this for their combination by themselves.

    Attributes:
        base: the model.
        windows: past windows to learn from; fewer if the panel is short.
        adaptive: newer windows count more, and `FittedConformal.update` learns from what came since the fit. For
            demand whose uncertainty changes.
    """

    name: ClassVar[str] = "conformal"
    capabilities: ClassVar[Capabilities] = of_others(
        "Any model, its intervals calibrated on past windows (split or adaptive conformal).", probabilistic="conformal"
    )
    space: ClassVar[Space] = {"windows": Range(1, 6), "adaptive": OneOf(False, True)}
    base: Nested = "pretrained"
    windows: int = 3
    adaptive: bool = False

    def __post_init__(self) -> None:
        if self.windows < 1:
            raise ConfigError(f"Model 'conformal': windows must be 1 or more, not {self.windows}.")

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        base = registry.make(self.base)
        hook = scaled(progress, 0.0, 0.6)
        trial = planned_trial(
            {base.name: base}, panel, horizon, self.windows, what="calibrated", seed=seed, progress=hook
        )
        scores = None
        if trial is not None and base.name in trial.backtest.models:
            made = [trial.backtest.outcomes.get((base.name, w)) for w in range(len(trial.backtest.windows))]
            scores = window_scores(trial.backtest, [None if m is None else (m.mean, m.quantiles) for m in made])
        if scores is None:
            steps = counted(panel.n_steps, "step")
            warnings.warn(
                f"'{self.name}': the longest series has {steps}, too few to calibrate '{base.name}' on: its intervals "
                "stay as they are.",
                UserWarning,
                stacklevel=3,
            )
        fitted = base.fit(panel, horizon=horizon, seed=seed, progress=scaled(progress, 0.6, 1.0))
        return FittedConformal(self, panel, seed, fitted, horizon, scores)

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        scores = None
        if "points" in arrays:
            ends = tuple(int(v) for v in arrays["ends"])
            scores = Scores(arrays["lower"], ends, arrays["points"], arrays["count"])
        return FittedConformal(
            spec, panel, 0, read_nested(about["base"], panel, arrays, "base/"), about["horizon"], scores
        )


@dataclass(frozen=True, eq=False, repr=False)
class FittedConformal(FittedNested):
    """See `Conformal`.

    Attributes:
        base: the model.
        horizon: that was calibrated.
        scores: of past windows; None where there were none.
    """

    spec: Conformal
    base: Fitted
    horizon: int = 0
    scores: Scores | None = None

    @property
    def calibration(self) -> Calibration | None:
        """What is done to the quantiles."""
        return None if self.scores is None else Calibration.learn(self.scores, _DECAY if self.spec.adaptive else 1.0)

    def predict(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> Forecast:
        """See `Fitted.predict`."""
        calibration = self.calibration
        if calibration is None:
            return self.base.predict(horizon, future, levels=levels, seed=seed)
        asked = levels_with(levels, (0.5,))  # intervals turn on the median
        made = self.base.predict(horizon, future, levels=asked, seed=seed)
        quantiles = calibration(made.quantiles, demand_classes(self.panel), made.levels)
        kept = [made.levels.index(float(q)) for q in levels]
        return replace(made, levels=tuple(float(q) for q in levels), quantiles=quantiles[..., kept])

    def update(self, panel: Panel) -> Self:
        """See `Fitted.update`; an adaptive one learns from whole windows that have passed since."""
        passed = (panel.end - self.panel.end) // self.horizon if self.horizon else 0
        scores = self.scores
        if self.spec.adaptive and scores is not None and passed > 0:
            for k in range(min(passed, self.spec.windows), 0, -1):
                found = self._window(panel, panel.end - k * self.horizon)
                scores = scores if found is None else scores.followed_by(found, max(self.spec.windows, 2))
        return replace(self, panel=panel, base=self.base.update(panel), scores=scores)

    def _window(self, panel: Panel, cutoff: int) -> Scores | None:
        """Scores of the steps after a cutoff, forecast from what was known then."""
        known_part = panel.until(cutoff)
        if not len(known_part):
            return None
        born = panel.lengths > panel.end - cutoff
        later = panel.take(np.flatnonzero(born)).until(cutoff + self.horizon)
        base = self.base.update(known_part)
        future = {name: later.dense(column, self.horizon) for name, column in later.known.items()}
        assert self.scores is not None
        levels = sorted({0.5, *self.scores.lower, *(round(1 - q, 9) for q in self.scores.lower)})
        made = base.predict(self.horizon, future, levels=levels)
        actual = later.dense(later.observed, self.horizon)
        if np.isnan(actual).all():
            return None
        return Scores.of([actual], [demand_classes(known_part)], [made.quantiles], made.levels)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        arrays, head = nested(self.base, "base/")
        if self.scores is not None:
            arrays |= {
                "lower": self.scores.lower, "ends": np.array(self.scores.ends, dtype=np.int64),
                "points": self.scores.points, "count": self.scores.count,
            }  # fmt: skip
        return arrays, {"base": head, "horizon": self.horizon}
