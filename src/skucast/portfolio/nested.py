"""Nested: models that are made of other models name and save them in one way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..models import registry
from ..models.spec import Arrays, Fitted, Spec
from ..panel import Panel
from .seeds import Seeds

Nested = str | Mapping[str, Any]
"""A model within a spec: a name, or the JSON form of a spec."""


def spec_of(model: Nested) -> Spec:
    """The spec that is named.

    Raises:
        ConfigError: no such model or option.
    """
    return registry.make(model)


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
