"""What all adapters share: from a panel to a foundation model's inputs, and from its quantiles to a forecast."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError, MissingExtraError, ModelError
from ...panel import F32, I64, Panel
from ..pretrained.answer import at_levels, expected
from ..pretrained.reading import blocks, oldest
from ..spec import Arrays, Capabilities, Fitted, Progress, Spec
from .inputs import Batch, Inputs, Takes
from .weights import licence, located, quiet, unreadable

_MOST = 256  # series with their covariates that are computed together: more is hardly quicker
_GB = 1e9


class Network(ABC):
    """A foundation model that is ready to forecast.

    Attributes:
        levels: of its quantiles, rising.
        context: steps of history that it can look at.
        width: numbers that it keeps in memory per step of a series while it computes, roughly.
        takes: the covariates that it has inputs for.
    """

    levels: tuple[float, ...]
    context: int
    width: float
    takes: Takes = Takes()

    @abstractmethod
    def quantiles(self, batch: Batch, seed: int) -> npt.NDArray[Any]:
        """``(B, H, len(levels))`` in units, in any order; ``batch`` has something known of every series."""

    def lengths(self, seen: I64) -> I64:
        """``(S,)`` steps that series are padded to, from the steps since the first thing known of them.

        It depends on nothing but the series, and so does its forecast. Powers of two leave few lengths, for models
        that look through the padding.
        """
        return np.exp2(np.ceil(np.log2(np.maximum(seen, 32)))).astype(np.int64)

    def paths(self, horizon: int) -> int:
        """Copies of each series that are computed at once."""
        return 1


@dataclass(frozen=True)
class Adapter(Spec):
    """A foundation model of others; subclasses say which.

    Attributes:
        weights: folder with the weights, or their id on the Hugging Face hub.
        device: ``cpu``, ``cuda``, ``cuda:1``...; empty takes a graphics card where there is one.
        memory: GB that a batch may take, roughly; series are computed together as it allows.
        context: steps of history at most; 0 takes as many as the model can.
    """

    files: ClassVar[tuple[str, ...]] = ("config.json", "model.safetensors")
    weights: str = ""
    device: str = ""
    memory: float = 2.0
    context: int = 0

    def __post_init__(self) -> None:
        if not self.weights:
            raise ConfigError(f"Model '{self.name}': weights must name a folder or an id on the Hugging Face hub.")
        if not self.memory > 0:
            raise ConfigError(f"Model '{self.name}': memory must be more than 0 GB, not {self.memory!r}.")
        self._whole("context")

    def _whole(self, option: str, least: int = 0) -> None:
        """Refuse an option that is no whole number, or too small a one."""
        value = getattr(self, option)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ConfigError(f"Model '{self.name}': {option} must be a whole number from {least}, not {value!r}.")

    @classmethod
    @abstractmethod
    def open(cls, folder: Path, device: str) -> Network:
        """Load the weights in a folder, by the model's own package."""

    def network(self) -> Network:
        """The model with its weights, loaded once.

        Raises:
            MissingExtraError: the model's package is absent.
            ModelError: the weights cannot be had or read.
        """
        from ..registry import require

        require(self.name)
        return _opened(type(self), self.weights, self.device)[0]

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        network = self.network()
        said = _opened(type(self), self.weights, self.device)[1]
        return FittedAdapter(self, panel, seed, Inputs.of(panel, network.takes), said)

    @classmethod
    def load_fitted(cls, spec: Self, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`; the weights are read when the first forecast is asked for."""
        return FittedAdapter(spec, panel, 0, Inputs.from_dict(about["inputs"]), about["licence"])


@dataclass(frozen=True, eq=False, repr=False)
class FittedAdapter(Fitted):
    """See `Adapter`. Saved with it are the name of the weights, not the weights.

    Attributes:
        inputs: which covariates the model sees, and which it does not and why.
        licence: of the weights, as their folder says.
    """

    spec: Adapter
    inputs: Inputs
    licence: str

    def __post_init__(self) -> None:
        if self.spec.capabilities.known and not self.inputs.known:  # then no plan has to be given either
            spec = replace(self.spec)
            object.__setattr__(spec, "capabilities", replace(spec.capabilities, known=False))
            object.__setattr__(self, "spec", spec)

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        mean = np.full((len(self.panel), horizon), np.nan, np.float32)
        quantiles = np.full((len(self.panel), horizon, len(levels)), np.nan, np.float32)
        network = self.spec.network()
        furthest = max(min(self.spec.context or network.context, network.context), 2)
        near = self.panel if self.panel.n_steps <= furthest else self.panel.tail(furthest)
        seen = oldest(near)
        lengths = np.where(seen > 0, np.minimum(network.lengths(seen), furthest), 0)
        for length, part in blocks(lengths, lambda length: self._together(network, length, horizon)):
            batch = Batch.of(near, part, known, self.inputs, length, horizon)
            with quiet():
                made = np.asarray(network.quantiles(batch, seed), dtype=np.float32)
            made = np.maximum(np.sort(made, axis=2), 0)
            mean[part] = expected(made, network.levels)
            quantiles[part] = at_levels(made, levels, network.levels)
        return mean, quantiles

    def _together(self, network: Network, length: int, horizon: int) -> int:
        """Series per batch."""
        rows = (1 + len(self.inputs.known) + len(self.inputs.past)) * network.paths(horizon)
        fit = self.spec.memory * _GB / (4 * network.width * (length + horizon) * rows)
        return int(min(max(fit, 1), max(_MOST // rows, 1)))

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return {}, {"inputs": asdict(self.inputs), "licence": self.licence}


def adapter_capabilities(
    summary: str, extra: str, known: bool = False, past: bool = False, stochastic: bool = False
) -> Capabilities:
    """What an adapter can do, with a sentence of its own."""
    return Capabilities(summary=summary, scope="global", known=known, past=past, extra=extra, stochastic=stochastic)


@lru_cache(maxsize=2)  # models are large
def _opened(kind: type[Adapter], weights: str, device: str) -> tuple[Network, str]:
    folder = located(kind.name, weights, kind.files)
    try:
        with quiet():
            network = kind.open(folder, device or _device())
    except ImportError as error:  # a part of the package, such as torch
        raise MissingExtraError(f"Model '{kind.name}'", str(kind.capabilities.extra)) from error
    except unreadable() as error:
        first = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ModelError(
            f"Model '{kind.name}' cannot read the weights in '{folder}' ({first.rstrip('.')}): are they those of "
            "another model, or of another version of it?"
        ) from error
    return network, licence(folder)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
