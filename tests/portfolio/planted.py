"""Planted models under names that `Auto` and `Ensemble` can be given."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from skucast.models import registry
from skucast.models.spec import Capabilities

from ..evaluate.planted import Around, FittedAround

HOME = "tests.evaluate.planted"


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers ``around``, ``doubled``, ``recorder``, ``broken`` and ``dice``."""
    for name, spec in {"around": "Around", "doubled": "Doubled", "recorder": "Recorder", "broken": "Broken"}.items():
        monkeypatch.setitem(registry._BUILT_IN, name, f"{HOME}:{spec}")
    monkeypatch.setitem(registry._BUILT_IN, "dice", f"{__name__}:Dice")


@dataclass(frozen=True)
class Dice(Around):
    """`Around`, times a factor that is drawn by the seed of the fit and written down."""

    name: ClassVar[str] = "dice"
    capabilities: ClassVar[Capabilities] = Capabilities(summary="For tests.", scope="global", stochastic=True)
    fitted_with: ClassVar[list[int]] = []

    def _fit(self, panel, horizon, seed, progress):
        self.fitted_with.append(seed)
        return FittedDice(self, panel, seed, float(np.random.default_rng(seed).uniform(0.5, 1.5)))

    @classmethod
    def load_fitted(cls, spec, panel, arrays, about):
        return FittedDice(spec, panel, 0, float(arrays["luck"][0]))


@dataclass(frozen=True, eq=False, repr=False)
class FittedDice(FittedAround):
    luck: float = 1.0

    def _predict(self, horizon, known, levels, seed):
        lucky = replace(self, spec=replace(self.spec, factor=self.luck))
        return FittedAround(lucky.spec, self.panel, seed)._predict(horizon, known, levels, seed)

    def _state(self):
        return {"luck": np.array([self.luck])}, {}
