"""Spec -> Fitted -> Forecast: the one interface of every model.

A spec is a small frozen dataclass that only stores arguments and is JSON both ways. ``fit`` gives a
`Fitted`, which predicts, moves on to newer data without refitting, and saves itself without pickle.
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, DataError, ModelError
from ..forecast import LEVELS, Forecast
from ..panel import F32, Panel
from .copula import history_copula
from .space import Space

Arrays = dict[str, npt.NDArray[Any]]
Progress = Callable[[str, float], None]
"""Hook for long work: ``progress(what, fraction_done)``."""


def scaled(progress: Progress | None, low: float, high: float) -> Progress | None:
    """A hook for a part of the work: fractions from ``low`` to ``high`` of the whole."""
    if progress is None:
        return None
    return lambda what, done: progress(what, low + (high - low) * done)


Probabilistic = Literal["native", "residuals", "conformal"]


@dataclass(frozen=True)
class Capabilities:
    """What a model can do; the registry, the documentation table and the contract tests use it.

    Attributes:
        summary: one sentence for the documentation table.
        probabilistic: where quantiles come from.
        scope: fits each series by itself, or one model for all.
        known: uses future-known covariates.
        past: uses past covariates.
        static: uses static covariates.
        min_length: observations that a series needs; shorter ones fall back and say so.
        generative: draws futures itself; they say how the steps of a path hang together.
        extra: name of the optional dependency that it needs.
        stochastic: result depends on the seed.
        joint: the forecast of a series depends on which others are in the panel.
    """

    summary: str
    probabilistic: Probabilistic = "native"
    scope: Literal["local", "global"] = "local"
    known: bool = False
    past: bool = False
    static: bool = False
    min_length: int = 1
    generative: bool = False
    extra: str | None = None
    stochastic: bool = False
    joint: bool = False


@dataclass(frozen=True)
class Spec(ABC):
    """Description of a model. Subclasses are frozen dataclasses of plain values.

    ``space`` says which values of its options are worth trying; an option that is absent there is not tuned.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    space: ClassVar[Space] = {}

    def fit(
        self,
        panel: Panel,
        *,
        horizon: int | None = None,
        seed: int = 0,
        progress: Progress | None = None,
        start_from: Fitted | None = None,
    ) -> Fitted:
        """Learn from a panel.

        Args:
            panel: history.
            horizon: steps ahead that the model will mostly be asked for (a hint for direct models;
                the frequency's usual horizon by default). Predicting further is possible.
            seed: makes the result repeatable.
            progress: hook for long training.
            start_from: a fitted model of the same kind, on whatever panel, that learning goes on from.

        Raises:
            ModelError: the panel is empty.
            ConfigError: the model cannot start from another, or not from that one.
            MissingExtraError: an optional dependency is absent.
        """
        if len(panel) == 0 or panel.values.size == 0:
            raise ModelError(f"'{self.name}' has nothing to learn from: the panel holds no series.")
        steps = horizon or panel.freq.default_horizon
        if start_from is not None:
            return self._fit_from(start_from, panel, steps, seed, progress)
        return self._fit(panel, steps, seed, progress)

    def applies(self, panel: Panel) -> bool:
        """Whether it does anything on a panel that no simpler candidate does; otherwise `auto` leaves it out."""
        return True

    def _fit_from(self, start: Fitted, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        """Learn from a panel, starting from a fitted model; networks can."""
        raise ConfigError(f"Model '{self.name}' cannot start from a fitted model; networks such as 'lstm' can.")

    @abstractmethod
    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted: ...

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """Rebuild a fitted model from what `Fitted._state` gave."""
        raise ModelError(f"'{cls.name}' cannot be loaded.")

    def to_dict(self) -> dict[str, Any]:
        """JSON form: ``{"model": name, ...fields}``."""
        return {"model": self.name, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Read the JSON form.

        Raises:
            ConfigError: a field is unknown or of the wrong kind.
        """
        given = {k: v for k, v in fields.items() if k != "model"}
        allowed = {f.name: f for f in dataclasses.fields(cls)}
        unknown = sorted(set(given) - set(allowed))
        if unknown:
            raise ConfigError(
                f"Model '{cls.name}' has no option '{unknown[0]}'; it has: {', '.join(allowed) or 'none'}."
            )
        try:
            return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})
        except (TypeError, ValueError) as error:
            raise ConfigError(f"Model '{cls.name}': {error}") from None


@dataclass(frozen=True, eq=False)
class Fitted(ABC):
    """A model that has learned.

    Attributes:
        spec: what was asked for.
        panel: history that forecasts continue.
        seed: default seed of predictions.
    """

    spec: Spec
    panel: Panel
    seed: int

    def predict(
        self,
        horizon: int,
        future: Any = None,
        *,
        levels: Sequence[float] = LEVELS,
        seed: int | None = None,
    ) -> Forecast:
        """Forecast the steps right after the panel's last date.

        Args:
            horizon: steps ahead, at least 1.
            future: frame (or name -> ``(S, horizon)`` mapping) of the known covariates, needed only
                by models that use them on panels that have them. A frame must be complete; NaN in a mapping is
                taken as unknown (closed days of a backtest).
            levels: quantile levels, rising, within (0, 1).
            seed: of simulated quantiles; the fit's by default.

        Raises:
            ConfigError: horizon or levels make no sense.
            DataError: known covariates are missing in the future.
        """
        if horizon < 1:
            raise ConfigError(f"The horizon must be at least 1, not {horizon}.")
        wanted = tuple(float(q) for q in levels)
        if not wanted or any(not 0 < q < 1 for q in wanted) or sorted(set(wanted)) != list(wanted):
            raise ConfigError(f"Quantile levels must rise within (0, 1), not {list(levels)}.")
        known: dict[str, F32] = {}
        if self.spec.capabilities.known and self.panel.known:
            known = known_ahead(self.panel, future, horizon)
        draw = self.seed if seed is None else seed
        mean, quantiles = self._predict(horizon, known, wanted, draw)
        mean, quantiles, fallback = _fill_gaps(self, mean, quantiles, horizon, wanted)
        return Forecast.of(self.panel, mean, quantiles, wanted, copula=self._copula(horizon, known), fallback=fallback)

    @abstractmethod
    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Mean ``(S, H)`` and quantiles ``(S, H, Q)``; a row of NaN means "cannot say" and falls back."""

    def _copula(self, horizon: int, known: Mapping[str, F32]) -> F32 | None:
        """How steps hang together in `Forecast.paths`, ``(M, horizon)``: as in the panel's own past.

        A model that knows how its own errors went together, or that draws futures (given what is ``known`` of them),
        says so instead.
        """
        return history_copula(self.panel, horizon)

    def update(self, panel: Panel) -> Self:
        """The same learned parameters on another or longer history, without refitting."""
        return dataclasses.replace(self, panel=panel)

    @abstractmethod
    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and JSON values from which `Spec.load_fitted` rebuilds this object."""

    def save(self, folder: str | Path) -> None:
        """Write to a folder: safetensors, Parquet and JSON, never pickle."""
        from safetensors.numpy import save_file

        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        arrays, about = self._state()
        save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, path / "model.safetensors")
        self.panel.save(path / "panel")
        (path / "model.json").write_text(
            json.dumps({"spec": self.spec.to_dict(), "seed": self.seed, "about": about}, ensure_ascii=False, indent=1)
        )

    def __repr__(self) -> str:
        return f"Fitted({self.spec!r} on {self.panel!r})"


def load_fitted(folder: str | Path) -> Fitted:
    """Read a fitted model that `Fitted.save` wrote.

    Raises:
        ModelError: the folder does not hold one.
    """
    from safetensors.numpy import load_file

    from .registry import spec_from_dict

    path = Path(folder)
    if not (path / "model.json").is_file():
        raise ModelError(f"'{path}' does not hold a saved model (model.json is missing).")
    head = json.loads((path / "model.json").read_text())
    spec = spec_from_dict(head["spec"])
    arrays = load_file(path / "model.safetensors")
    fitted = type(spec).load_fitted(spec, Panel.load(path / "panel"), arrays, head["about"])
    return dataclasses.replace(fitted, seed=head["seed"])


def known_ahead(panel: Panel, future: Any, horizon: int) -> dict[str, F32]:
    """Future known covariates as ``(S, horizon)`` arrays, from a frame or from arrays, checked.

    Raises:
        DataError: they are missing, incomplete, or of the wrong shape.
    """
    if not isinstance(future, Mapping):
        return panel.future(future, horizon)
    absent = [name for name in panel.known if name not in future]
    if absent:
        raise DataError(
            f"The future values of known covariate '{absent[0]}' are missing: give one number per series and step."
        )
    out = {name: np.asarray(future[name], dtype=np.float32) for name in panel.known}
    for name, block in out.items():
        if block.shape != (len(panel), horizon):
            raise DataError(
                f"Known covariate '{name}' has the shape {block.shape} where {(len(panel), horizon)} is expected "
                "(series x steps ahead)."
            )
    return out


def _fill_gaps(
    fitted: Fitted, mean: npt.NDArray[Any], quantiles: npt.NDArray[Any], horizon: int, levels: tuple[float, ...]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], dict[Any, str]]:
    """Replace forecasts that are not finite by the naive ones and say for which series."""
    bad = ~(np.isfinite(mean).all(axis=1) & np.isfinite(quantiles).all(axis=(1, 2)))
    if not bad.any():
        return mean, quantiles, {}
    from .naive import naive_quantiles

    rows = np.flatnonzero(bad)
    part = fitted.panel.take(rows)
    mean, quantiles = mean.copy(), quantiles.copy()
    mean[rows], quantiles[rows] = naive_quantiles(part, horizon, levels)
    counts = np.add.reduceat(~np.isnan(part.observed), part.indptr[:-1]) if part.values.size else np.zeros(len(rows))
    reasons = {
        key: f"seasonal-naive ({int(n)} observations)" if n else "zero (no observations)"
        for key, n in zip(part.ids.to_list(), counts, strict=True)
    }
    return mean, quantiles, reasons


def warn_short(name: str, n: int, total: int, need: int) -> None:
    """Warn that some series are too short for a model, once per fit."""
    if n:
        warnings.warn(
            f"'{name}' needs {need} observations per series; {n:,} of {total:,} have fewer and get a naive forecast.",
            UserWarning,
            stacklevel=4,
        )
