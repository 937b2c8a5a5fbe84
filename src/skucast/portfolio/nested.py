"""Nested: models that are made of other models name and save them in one way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from ..forecast import LEVELS, Forecast
from ..models import registry
from ..models.spec import Arrays, Capabilities, Fitted, Probabilistic, Spec
from ..panel import F32, Panel
from .seeds import Seeds

Nested = str | Mapping[str, Any]
"""A model within a spec: a name, or the JSON form of a spec."""


def of_others(summary: str, probabilistic: Probabilistic = "native", joint: bool = False) -> Capabilities:
    """What a model can that is made of others: whatever they can."""
    return Capabilities(
        summary, probabilistic, scope="global", known=True, past=True, static=True, stochastic=True, joint=joint
    )  # fmt: skip


class FittedNested(Fitted):
    """A fitted model that asks others: `predict` does the work, and knows what they fell back to."""

    @abstractmethod
    def predict(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> Forecast:
        """See `Fitted.predict`."""

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        forecast = self.predict(horizon, known, levels=levels, seed=seed)
        return forecast.mean, forecast.quantiles


def levels_with(levels: Sequence[float], needed: Sequence[float]) -> Sequence[float]:
    """Quantile levels and those that are needed besides; unsound ones as they are, for the models asked to refuse."""
    wanted = [float(q) for q in levels]
    sound = wanted and sorted(set(wanted)) == wanted and 0 < wanted[0] <= wanted[-1] < 1
    return sorted({*wanted, *needed}) if sound and not set(needed) <= set(wanted) else levels


def nested(fitted: Fitted, prefix: str) -> tuple[Arrays, dict[str, Any]]:
    """State of a fitted model to be kept within that of another: arrays under a prefix, and a JSON value."""
    arrays, about = fitted._state()
    head = {"spec": fitted.spec.to_dict(), "seed": fitted.seed, "about": about}
    return {f"{prefix}{name}": array for name, array in arrays.items()}, head


def nested_spec(head: Mapping[str, Any]) -> Spec:
    """The spec in what `nested` gave."""
    fields = head["spec"]
    return Seeds.from_dict(fields) if fields["model"] == Seeds.name else registry.spec_from_dict(fields)


def read_nested(head: Mapping[str, Any], panel: Panel, arrays: Arrays, prefix: str) -> Fitted:
    """What `nested` gave, read."""
    spec = nested_spec(head)
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    return replace(type(spec).load_fitted(spec, panel, own, head["about"]), seed=head["seed"])
