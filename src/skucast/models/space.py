"""Search spaces: which values of a spec's options are worth trying.

A space lives beside the fields of its spec, as ``space: ClassVar[Space]``: option -> `Range` or `OneOf`. Options of
options are written with a dot (``train.learning_rate``). `skucast.portfolio.tune` searches it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import ConfigError

_DIGITS = 3  # significant digits of numbers that are tried, so that what is written down is what was tested

S = TypeVar("S")


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; whole ones if both ends are whole.

    Attributes:
        low: smallest.
        high: largest.
        log: factors count rather than differences: 10 is as far from 20 as 50 from 100.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ConfigError(f"A range must rise, and on a log scale begin above 0, not {self.low} to {self.high}.")

    @property
    def whole(self) -> bool:
        """Only whole numbers belong to it."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def size(self) -> float:
        """How many values there are."""
        return self.high - self.low + 1 if self.whole else math.inf

    def __contains__(self, value: object) -> bool:
        number = isinstance(value, int if self.whole else int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high  # type: ignore[operator]  # it is a number

    def at(self, share: float) -> float:
        """The value at a share of the way, 0 to 1."""
        if self.log:
            return self.tidy(self.low * (self.high / self.low) ** share)
        return self.tidy(self.low + (self.high - self.low) * share)

    def tidy(self, value: float) -> float:
        """The nearest value that people would write: a whole number, or three significant digits."""
        rounded = round(value) if self.whole else float(f"{value:.{_DIGITS}g}")
        return min(max(rounded, self.low), self.high)

    def including(self, value: Any) -> Range:
        """The same, wide enough for a value."""
        if value in self:
            return self
        whole = self.whole and isinstance(value, int)
        low, high = min(self.low, value), max(self.high, value)
        return Range(low if whole else float(low), high if whole else float(high), self.log and low > 0)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{' (by factors)' if self.log else ''}"


@dataclass(frozen=True, init=False)
class OneOf:
    """One of several values.

    Attributes:
        values: texts, numbers, flags or tuples of them.
    """

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        if not values:
            raise ConfigError("Name at least one value to choose from.")
        object.__setattr__(self, "values", values)

    @property
    def size(self) -> float:
        """How many values there are."""
        return len(self.values)

    @property
    def labels(self) -> list[str]:
        """The values as texts (JSON), by which a search knows them."""
        return [json.dumps(value) for value in self.values]

    def __contains__(self, value: object) -> bool:
        return json.dumps(value) in self.labels  # True is not 1 here

    def at(self, share: float) -> Any:
        """The value at a share of the way, 0 to 1."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]

    def including(self, value: Any) -> OneOf:
        """The same, with a value added if it is missing."""
        return self if value in self else OneOf(*self.values, value)

    def __str__(self) -> str:
        return ", ".join(str(v).lower() if isinstance(v, bool) else str(list(v) if isinstance(v, tuple) else v) for v in self.values)  # fmt: skip


Space = Mapping[str, Range | OneOf]
"""Option -> the values worth trying."""


def option(spec: Any, name: str) -> Any:
    """Value of an option of a spec; ``a.b`` is option b of option a.

    Raises:
        ConfigError: there is no such option.
    """
    value = spec
    for part in name.split("."):
        if not dataclasses.is_dataclass(value) or part not in {f.name for f in dataclasses.fields(value)}:
            raise ConfigError(f"Model '{spec.name}' has no option '{name}' to tune.")
        value = getattr(value, part)
    return value


def with_options(spec: S, options: Mapping[str, Any]) -> S:
    """The spec with some options replaced; ``a.b`` is option b of option a."""
    changes: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    for name, value in options.items():
        first, _, rest = name.partition(".")
        if rest:
            inner.setdefault(first, {})[rest] = value
        else:
            changes[first] = value
    for first, within in inner.items():
        changes[first] = with_options(changes.get(first, getattr(spec, first)), within)
    return dataclasses.replace(spec, **changes)  # type: ignore[type-var]  # specs are dataclasses
