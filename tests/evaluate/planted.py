"""Small panels and models whose behaviour is known, for tests of testing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl
from scipy.stats import norm

from skucast.errors import ModelError
from skucast.models.spec import Capabilities, Fitted, Spec
from skucast.panel import Panel

DAY = np.datetime64("2024-01-01", "us")  # a Monday


def panel_of(
    rows: Mapping[str, Sequence[float]],
    freq: str = "D",
    last: str = "2024-06-30",
    available: Mapping[str, Sequence[bool]] | None = None,
    known: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
) -> Panel:
    """Panel of series that all end on the same day."""
    step = {"D": np.timedelta64(1, "D"), "W-SUN": np.timedelta64(7, "D")}[freq]
    parts = []
    for name, values in rows.items():
        ago = np.arange(len(values) - 1, -1, -1)
        columns: dict[str, Any] = {
            "unique_id": [name] * len(values),
            "ds": np.datetime64(last, "us") - ago * step,
            "y": np.asarray(values, dtype=float),
        }
        if available is not None:
            columns["in_stock"] = np.asarray(available[name])
        for covariate, by_series in (known or {}).items():
            columns[covariate] = np.asarray(by_series[name], dtype=float)
        parts.append(pl.DataFrame(columns))
    return Panel.from_frame(
        pl.concat(parts),
        freq,
        known=tuple(known or ()),
        availability=None if available is None else "in_stock",
    )


def random_panel(series: int = 12, steps: int = 120, seed: int = 0, rate: float = 4.0) -> Panel:
    """Poisson demand with a weekly pattern."""
    rng = np.random.default_rng(seed)
    week = 1 + 0.5 * np.sin(np.arange(steps) * 2 * np.pi / 7)
    level = rate * rng.uniform(0.5, 2.0, series)
    return panel_of({f"s{i:03d}": rng.poisson(level[i] * week) for i in range(series)})


@dataclass(frozen=True)
class Around(Spec):
    """Says the mean of each series' last ``span`` values times ``factor``, give or take ``spread`` of it."""

    name: ClassVar[str] = "around"
    capabilities: ClassVar[Capabilities] = Capabilities(summary="For tests.")
    span: int = 28
    factor: float = 1.0
    spread: float = 0.5

    def _fit(self, panel, horizon, seed, progress):
        return FittedAround(self, panel, seed)

    @classmethod
    def load_fitted(cls, spec, panel, arrays, about):
        return FittedAround(spec, panel, 0)


@dataclass(frozen=True, eq=False, repr=False)
class FittedAround(Fitted):
    spec: Around

    def _predict(self, horizon, known, levels, seed):
        with np.errstate(all="ignore"):
            level = np.nan_to_num(np.nanmean(self.panel.dense(self.panel.observed, self.spec.span), axis=1))
        level = level * self.spec.factor
        mean = np.repeat(level[:, None], horizon, axis=1)
        return mean, mean[..., None] * (1 + self.spec.spread * norm.ppf(levels))

    def _state(self):
        return {}, {}


@dataclass(frozen=True)
class Doubled(Around):
    """Twice too much."""

    name: ClassVar[str] = "doubled"
    factor: float = 2.0


@dataclass(frozen=True)
class Recorder(Around):
    """Writes down what it was shown."""

    name: ClassVar[str] = "recorder"
    seen: ClassVar[list[tuple[str, int, Any]]] = []

    def _fit(self, panel, horizon, seed, progress):
        self.seen.append(("fit", panel.end, (panel.values.copy(), horizon)))
        return FittedRecorder(self, panel, seed)


@dataclass(frozen=True, eq=False, repr=False)
class FittedRecorder(FittedAround):
    spec: Recorder

    def update(self, panel):
        self.spec.seen.append(("update", panel.end, (panel.values.copy(), None)))
        return super().update(panel)

    def predict(self, horizon, future=None, **options):
        self.spec.seen.append(("predict", self.panel.end, {n: c.copy() for n, c in (future or {}).items()}))
        return super().predict(horizon, future, **options)


@dataclass(frozen=True)
class Broken(Around):
    """Fails whenever the history ends on or after ``after``; always if that is 0."""

    name: ClassVar[str] = "broken"
    after: int = 0

    def _fit(self, panel, horizon, seed, progress):
        return FittedBroken(self, panel, seed)


@dataclass(frozen=True, eq=False, repr=False)
class FittedBroken(FittedAround):
    spec: Broken

    def _predict(self, horizon, known, levels, seed):
        if self.panel.end >= self.spec.after:
            raise ModelError("'broken' broke.")
        return super()._predict(horizon, known, levels, seed)
