"""What all networks share: from a panel to a trained network and from there to forecasts.

This module does not import torch, so that networks can be listed and described without it.
"""

from __future__ import annotations

import dataclasses
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, get_args

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError, ModelError
from ...panel import F32, Panel
from ..space import OneOf, Range, Space
from ..spec import Arrays, Capabilities, Fitted, Progress, Spec
from .inputs import Inputs
from .options import CellName, HeadName, TrainOptions
from .scaling import Scaling

_FEWEST = 200  # windows below which no network is trained
_FEW = 2000  # windows below which the user is told to expect little


@dataclass(frozen=True)
class NeuralSpec(Spec):
    """A network; subclasses add its own sizes and build it.

    Attributes:
        context: steps of history that it looks at; 0 takes half a year of days, two years of weeks;
            the same time of last year is seen besides.
        patch: steps that make one step of the network; 0 takes a week of days, a day of hours.
        scaling: ``mean``, or ``robust`` where single huge orders would blow up a series' scale.
        head: what the network answers with: ``quantiles``, which follow any shape, or the parameters of a
            distribution: counts (``negbin``, ``zero-inflated``, ``poisson``) or numbers (``student-t``, ``gaussian``).
        dropout: share of hidden units left out at random while training.
        train: how it is trained.
    """

    space: ClassVar[Space] = {
        "scaling": OneOf("mean", "robust"),
        "head": OneOf("quantiles", "negbin", "student-t"),
        "dropout": Range(0.0, 0.3),
        "train.steps": Range(400, 1600, log=True),
        "train.learning_rate": Range(0.001, 0.01, log=True),
        "train.weight_decay": Range(0.001, 0.1, log=True),
    }
    context: int = 0
    patch: int = 0
    scaling: Scaling = "mean"
    head: HeadName = "quantiles"
    dropout: float = 0.1
    train: TrainOptions = field(default_factory=TrainOptions)

    def __post_init__(self) -> None:
        if isinstance(self.train, Mapping):  # as it comes from JSON and TOML
            unknown = sorted(set(self.train) - {f.name for f in dataclasses.fields(TrainOptions)})
            if unknown:
                raise ConfigError(f"Model '{self.name}': there is no training option '{unknown[0]}'.")
            object.__setattr__(self, "train", TrainOptions(**self.train))
        if self.context < 0 or self.patch < 0:
            raise ConfigError(f"Model '{self.name}': context and patch must not be negative.")
        if self.scaling not in ("mean", "robust"):
            raise ConfigError(f"Model '{self.name}': scaling must be 'mean' or 'robust', not '{self.scaling}'.")
        if self.head not in get_args(HeadName):
            raise ConfigError(
                f"Model '{self.name}': head must be one of {', '.join(get_args(HeadName))}, not '{self.head}'."
            )
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"Model '{self.name}': dropout must lie in [0, 1), not {self.dropout!r}.")

    @abstractmethod
    def build(self, inputs: Inputs) -> Any:
        """The untrained network (a ``torch.nn.Module``), with random weights from torch's current seed."""

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        from ..registry import require

        require(self.name)
        from .fit import learn

        inputs = Inputs.of(panel, horizon, self.patch, self.context, self.scaling)
        learned = learn(self.build, inputs, panel, self.train, seed, progress, fewest=_FEWEST)
        if learned.network is None:
            warnings.warn(
                f"'{self.name}' finds {learned.windows:,} training windows in {_many(len(panel))}, too few to train a "
                f"network (at least {_FEWEST}): seasonal naive forecasts instead. Give it more series or a longer "
                "history, or choose 'ets'.",
                UserWarning,
                stacklevel=3,
            )
        elif learned.windows < _FEW or learned.lost:
            warnings.warn(
                f"'{self.name}' learned from {learned.windows:,} windows in {_many(len(panel))}"
                + (", few for a network" if learned.windows < _FEW else "")
                + (f"; on the last {learned.held_out} steps it did not beat seasonal naive" if learned.lost else "")
                + ": compare it with 'ets' in a backtest before trusting it.",
                UserWarning,
                stacklevel=3,
            )
        about = {"windows": learned.windows, "held_out": learned.held_out, "loss": learned.loss,
                 "naive_loss": learned.naive_loss, "steps": learned.steps}  # fmt: skip
        return FittedNeural(self, panel, seed, inputs=inputs, network=learned.network, about=about)

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        from ..registry import require

        require(spec.name)
        from .fit import with_weights

        inputs = Inputs.from_dict(about["inputs"])
        network = with_weights(spec.build(inputs), arrays) if arrays else None
        return FittedNeural(spec, panel, 0, inputs=inputs, network=network, about=about["training"])


@dataclass(frozen=True)
class EncoderSpec(NeuralSpec):
    """A network that is an encoder of the past before the shared decoder; subclasses give the encoder.

    Attributes:
        hidden: units of the encoder.
        layers: layers of the encoder.
        width: units of the decoder, per step ahead.
    """

    space: ClassVar[Space] = {
        **NeuralSpec.space,
        "hidden": Range(32, 128, log=True),
        "layers": Range(1, 2),
        "width": Range(16, 64, log=True),
    }
    fewest_layers: ClassVar[int] = 1
    hidden: int = 64
    layers: int = 1
    width: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("hidden", 1), ("layers", self.fewest_layers), ("width", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(
                    f"Model '{self.name}': {name} must be a whole number of at least {least}, not {value!r}."
                )

    @abstractmethod
    def encoder(self, inputs: Inputs) -> Any:
        """The untrained encoder, see `skucast.models.neural.network.Network`."""

    def build(self, inputs: Inputs) -> Any:
        """See `NeuralSpec.build`."""
        from .network import Network

        return Network(self.encoder(inputs), inputs, self.head, self.hidden, self.width, self.dropout)


@dataclass(frozen=True)
class RecurrentSpec(EncoderSpec):
    """A network with a memory that takes one patch after the other; subclasses name its kind."""

    cell: ClassVar[CellName]

    def encoder(self, inputs: Inputs) -> Any:
        """See `EncoderSpec.encoder`."""
        from .recurrent import Recurrent

        return Recurrent(self.cell, inputs.patch_width, self.hidden, self.layers, self.dropout)


def neural_capabilities(summary: str) -> Capabilities:
    """What every network can do, with a sentence of its own."""
    return Capabilities(
        summary=summary,
        probabilistic="native",
        scope="global",
        known=True,
        past=True,
        extra="neural",
        stochastic=True,
    )


@dataclass(frozen=True, eq=False, repr=False)
class FittedNeural(Fitted):
    """A trained network.

    Attributes:
        inputs: what it sees.
        network: a ``torch.nn.Module`` on the CPU; None where there was too little to learn from.
        about: how training went: ``windows`` to learn from, ``held_out`` steps, the weighted quantile ``loss``
            on them and that of seasonal naive (``naive_loss``), ``steps`` of training.
    """

    spec: NeuralSpec
    inputs: Inputs = field(kw_only=True)
    network: Any = field(kw_only=True)
    about: Mapping[str, Any] = field(kw_only=True)

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        if self.network is None:  # `Fitted.predict` lets seasonal naive stand in
            nothing = np.full((len(self.panel), horizon), np.nan)
            return nothing, np.repeat(nothing[:, :, None], len(levels), axis=2)
        from .fit import forecast

        return forecast(self.network, self.inputs, self.panel, known, horizon, levels, seed, self.spec.train.device)

    def update(self, panel: Panel) -> Self:
        """The trained network on another or longer history of the same frequency.

        Raises:
            ModelError: the frequency differs.
        """
        if panel.freq != self.panel.freq:
            raise ModelError(
                f"'{self.spec.name}' was trained at frequency '{self.panel.freq.alias}' and cannot go on with "
                f"'{panel.freq.alias}': fit it anew."
            )
        return dataclasses.replace(self, panel=panel)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        arrays = {} if self.network is None else {n: t.cpu().numpy() for n, t in self.network.state_dict().items()}
        return arrays, {"inputs": self.inputs.to_dict(), "training": dict(self.about)}


def _many(series: int) -> str:
    return "1 series" if series == 1 else f"{series:,} series"
