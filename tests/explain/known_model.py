"""A model that has nothing to learn: it forecasts by a known rule, and counts how often it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from skucast.features.nearness import nearness
from skucast.models.spec import Arrays, Capabilities, Fitted, Progress, Spec
from skucast.panel import Panel

WEEK = np.array([0.7, 0.8, 0.9, 1.0, 1.1, 1.4, 1.1])
LIFT, ELASTICITY, FESTIVE, RAIN, MORE = 1.6, -1.5, 1.8, 0.05, 3.0


@dataclass(frozen=True)
class Known(Spec):
    """Ten units, times the weekday, promotion, price and public holidays, plus what rain and others add."""

    name: ClassVar[str] = "known"
    capabilities: ClassVar[Capabilities] = Capabilities(summary="Knows the rule.", scope="global", known=True)

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        return FittedKnown(self, panel, seed)


@dataclass(frozen=True, eq=False, repr=False)
class FittedKnown(Fitted):
    """See `Known`."""

    spec: Known
    asked: list[int] = field(default_factory=list)

    def _predict(
        self, horizon: int, known: Mapping[str, Any], levels: tuple[float, ...], seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(horizon)
        mean = self.rule(horizon, known)
        return mean, np.repeat(mean[:, :, None], len(levels), axis=2)

    def rule(self, horizon: int, known: Mapping[str, Any], holidays: bool = True) -> np.ndarray:
        """``(S, horizon)`` means."""
        steps = self.panel.end + 1 + np.arange(horizon)
        mean = np.repeat(10 * WEEK[steps % 7][None], len(self.panel), axis=0)
        if "promotion" in known:
            mean = mean * np.where(known["promotion"] > 0, LIFT, 1)
        if "price" in known:
            mean = mean * (known["price"] / 4.0) ** ELASTICITY
        if self.panel.place and holidays:
            found = nearness(self.panel.freq, int(steps[0]), int(steps[-1]), self.panel.place)
            mean = mean * np.where(found.column("holiday") > 0, FESTIVE, 1)
        if "rain" in known:
            mean = mean + RAIN * known["rain"]
        if "visitors" in known:
            mean = mean + MORE * known["visitors"]
        return mean

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return {}, {}
