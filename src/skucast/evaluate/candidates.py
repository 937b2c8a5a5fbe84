"""Candidates: the models of a test, each under a label of its own, the yardstick among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError
from ..models import registry
from ..models.naive import SeasonalNaive
from ..models.spec import Spec

YARDSTICK = SeasonalNaive.name
"""The model that skill is measured against; it always takes part."""

Model = str | Mapping[str, Any] | Spec


def named_specs(models: Sequence[Model] | Mapping[str, Model] | Model) -> dict[str, Spec]:
    """Specs by distinct labels, the yardstick among them.

    A label is the model's name, with its options where a name comes twice.

    Raises:
        ConfigError: no such model, or nothing was given.
        MissingExtraError: a model's optional dependency is absent.
    """
    if isinstance(models, str | Spec) or (isinstance(models, Mapping) and "model" in models):
        models = [models]
    found: dict[str, Spec] = {}
    if isinstance(models, Mapping):
        found = {str(label): registry.make(model) for label, model in models.items()}
    else:
        specs = list(dict.fromkeys(registry.make(model) for model in models))
        names = [spec.name for spec in specs]
        for spec in specs:
            plain = names.count(spec.name) == 1 or spec == type(spec)()
            found[spec.name if plain else _label(spec)] = spec
    if not found:
        raise ConfigError("Name at least one model, for example models=['auto'].")
    for spec in found.values():
        if spec.name in registry.names():
            registry.require(spec.name)
    if not (YARDSTICK in found and isinstance(found[YARDSTICK], SeasonalNaive)):
        found[YARDSTICK] = SeasonalNaive()
    return found


def _label(spec: Spec) -> str:
    default = type(spec)().to_dict()
    changed = ", ".join(f"{k}={v}" for k, v in spec.to_dict().items() if default.get(k) != v)
    return f"{spec.name}({changed})"
