"""Seeds: one stochastic model fitted with several seeds, its forecasts averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ..models import registry
from ..models.spec import Arrays, Capabilities, Fitted, Progress, Spec, scaled
from ..panel import F32, Panel

_STRIDE = 1000  # between the seeds of the fits, so that two ensembles with seeds next to each other share none


@dataclass(frozen=True)
class Seeds(Spec):
    """A model fitted with several seeds, so that luck in sampling and starting values does not decide.

    A part of `Ensemble`, not a model of the registry.

    Attributes:
        base: the model.
        count: how many fits.

    Source: Lakshminarayanan, Pritzel & Blundell (2017), Simple and scalable predictive uncertainty estimation using
    deep ensembles, NeurIPS; here quantiles are averaged.
    """

    name: ClassVar[str] = "seeds"
    capabilities: ClassVar[Capabilities] = Capabilities(summary="One model fitted with several seeds.", stochastic=True)
    base: Spec
    count: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "capabilities", self.base.capabilities)

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        fits = tuple(
            self.base.fit(
                panel, horizon=horizon, seed=seed + _STRIDE * k, progress=scaled(progress, k / self.count, (k + 1) / self.count)
            )
            for k in range(self.count)
        )  # fmt: skip
        return FittedSeeds(self, panel, seed, fits)

    def to_dict(self) -> dict[str, Any]:
        """See `Spec.to_dict`."""
        return {"model": self.name, "base": self.base.to_dict(), "count": self.count}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """See `Spec.from_dict`."""
        return cls(registry.spec_from_dict(fields["base"]), int(fields["count"]))

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        fits = []
        for k, head in enumerate(about["fits"]):
            own = {name.removeprefix(f"{k}."): a for name, a in arrays.items() if name.startswith(f"{k}.")}
            one = type(spec.base).load_fitted(spec.base, panel, own, head["about"])
            fits.append(replace(one, seed=head["seed"]))
        return FittedSeeds(spec, panel, 0, tuple(fits))


@dataclass(frozen=True, eq=False, repr=False)
class FittedSeeds(Fitted):
    """See `Seeds`.

    Attributes:
        fits: one for each seed.
    """

    spec: Seeds
    fits: tuple[Fitted, ...] = ()

    def update(self, panel: Panel) -> FittedSeeds:
        """See `Fitted.update`."""
        return replace(self, panel=panel, fits=tuple(one.update(panel) for one in self.fits))

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        said = [one._predict(horizon, known, levels, seed + _STRIDE * k) for k, one in enumerate(self.fits)]
        means, quantiles = zip(*said, strict=True)
        return np.mean(means, axis=0), np.mean(quantiles, axis=0)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        states = [one._state() for one in self.fits]
        arrays = {f"{k}.{name}": a for k, (own, _) in enumerate(states) for name, a in own.items()}
        heads = [{"seed": one.seed, "about": about} for one, (_, about) in zip(self.fits, states, strict=True)]
        return arrays, {"fits": heads}
