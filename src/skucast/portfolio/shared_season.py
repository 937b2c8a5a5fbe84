"""Shared season: the year that all series have in common, around any model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..features.season_index import season_index
from ..forecast import LEVELS, Forecast
from ..models import registry
from ..models.spec import Arrays, Capabilities, Fitted, Progress, Spec
from ..models.whole_demand import snapped, whole
from ..panel import Panel
from .nested import FittedNested, Nested, nested, of_others, read_nested


@dataclass(frozen=True)
class SharedSeason(Spec):
    """Takes the yearly season that all series share out of each, lets a model forecast the rest, puts it back.

    For weekly and monthly demand of many slow items: none of them shows its season by itself, all together do. With
    less than a year of history it is the model alone.

    Attributes:
        base: the model of what is left.

    Source: see `skucast.features.season_index`.
    """

    name: ClassVar[str] = "shared-season"
    capabilities: ClassVar[Capabilities] = of_others(
        "Takes the yearly season that all series share out, any model forecasts the rest.", joint=True
    )
    base: Nested = "pretrained"

    def applies(self, panel: Panel) -> bool:
        """See `Spec.applies`: to weeks and longer steps, of more than a year; days were not tried."""
        return panel.freq.days >= 7 and panel.n_steps * panel.freq.days > 370

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        base = registry.make(self.base).fit(without_season(panel), horizon=horizon, seed=seed, progress=progress)
        return FittedSharedSeason(self, panel, seed, base)

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedSharedSeason(spec, panel, 0, read_nested(about["base"], without_season(panel), arrays, "base/"))


def without_season(panel: Panel) -> Panel:
    """The panel divided by its season index."""
    index, _ = season_index(panel, 0)
    ages = panel.n_steps - np.repeat(panel.indptr[1:], panel.lengths) + np.arange(panel.values.size)
    return replace(panel, values=(panel.values / index[ages]).astype(np.float32))


@dataclass(frozen=True, eq=False, repr=False)
class FittedSharedSeason(FittedNested):
    """See `SharedSeason`; ``base`` is fitted to what is left of the panel."""

    spec: SharedSeason
    base: Fitted

    def predict(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> Forecast:
        """See `Fitted.predict`."""
        made = self.base.predict(horizon, future, levels=levels, seed=seed)
        _, ahead = season_index(self.panel, horizon)
        factor = ahead.astype(np.float32)
        quantiles = made.quantiles * factor[:, None]
        return replace(made, mean=made.mean * factor, quantiles=snapped(quantiles, whole(self.panel)))

    def update(self, panel: Panel) -> FittedSharedSeason:
        """See `Fitted.update`; the season is looked at anew."""
        return replace(self, panel=panel, base=self.base.update(without_season(panel)))

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        arrays, head = nested(self.base, "base/")
        return arrays, {"base": head}
