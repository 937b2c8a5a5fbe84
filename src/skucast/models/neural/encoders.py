"""Networks by what reads the past, and what they can be told besides; does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from ...errors import ConfigError
from ...panel import Panel
from ..space import OneOf, Range, Space
from .family import EncoderSpec
from .inputs import Inputs
from .options import CellName, Embed


@dataclass(frozen=True)
class DirectSpec(EncoderSpec):
    """An encoder before the decoder that answers for all steps at once.

    Attributes:
        normalise: bring demand to the mean and deviation of the context before the network sees it, and what it says
            back; both are taken up to each origin only (reversible instance normalisation).
        embed: static columns that the network sees, each text as a vector that is learned: ``none``; ``static``, which
            takes groups and numbers, so that an item without history is forecast from them; ``series``, which takes
            what names single items too. Texts that were not there at the fit have a vector of zeros.
        targets: past covariates that are forecast beside demand (see `FittedNeural.channels`).
        beside: what their cost counts in training next to that of demand.

    Source: Kim et al. (2022), Reversible Instance Normalization for Accurate Time-Series Forecasting against
    Distribution Shift; Guo & Berkhahn (2016), Entity Embeddings of Categorical Variables.
    """

    space: ClassVar[Space] = {
        **EncoderSpec.space, "embed": OneOf("none", "static", "series"),
    }  # fmt: skip
    seasonal: ClassVar[bool] = False
    normalise: bool = False
    embed: Embed = "none"
    targets: tuple[str, ...] = ()
    beside: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.embed not in get_args(Embed):
            raise ConfigError(f"Model '{self.name}': embed must be 'none', 'static' or 'series', not '{self.embed}'.")
        if self.beside < 0:
            raise ConfigError(f"Model '{self.name}': beside must not be negative.")

    @property
    def _warped(self) -> bool:
        return super()._warped or self.normalise

    def _inputs(self, panel: Panel, horizon: int) -> Inputs:
        return Inputs.of(
            panel, horizon, self.patch, self.context, self.scaling,
            normalise=self.normalise, seasonal=self.seasonal, embed=self.embed, targets=self.targets,
        )  # fmt: skip

    def build(self, inputs: Inputs) -> Any:
        """See `NeuralSpec.build`."""
        from .network import Network

        return Network(self.encoder(inputs), inputs, self.head, self.hidden, self.width, self.dropout, self.beside)


@dataclass(frozen=True)
class RecurrentSpec(EncoderSpec):
    """A network with a memory that takes one patch after the other; subclasses name its kind.

    Attributes:
        residual: add what each layer takes in to what it shows, so that several layers can be trained.
        norm: bring what each layer takes in to mean 0 and deviation 1 over units (layer normalisation).
        locked: leave out the same units at all patches of a window, rather than others at every patch.
        weight_drop: share of the weights from a memory to itself that is left out while training.

    Source: He et al. (2016), Deep Residual Learning for Image Recognition; Ba, Kiros & Hinton (2016), Layer
    Normalization; Gal & Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent Neural
    Networks; Merity, Keskar & Socher (2018), Regularizing and Optimizing LSTM Language Models.
    """

    cell: ClassVar[CellName]
    residual: bool = False
    norm: bool = False
    locked: bool = False
    weight_drop: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.weight_drop < 1:
            raise ConfigError(f"Model '{self.name}': weight_drop must lie in [0, 1), not {self.weight_drop!r}.")

    def encoder(self, inputs: Inputs) -> Any:
        """See `EncoderSpec.encoder`."""
        from .recurrent import Recurrent

        if self.residual or self.norm or self.locked or self.weight_drop:
            return self._stacked(inputs)
        return Recurrent(self.cell, inputs.patch_width, self.hidden, self.layers, self.dropout)

    def _stacked(self, inputs: Inputs, both_ways: bool = False) -> Any:
        from .recurrent import Stacked

        return Stacked(
            self.cell, inputs.patch_width, self.hidden, self.layers, self.dropout, both_ways=both_ways,
            residual=self.residual, norm=self.norm, locked=self.locked, weight_drop=self.weight_drop,
        )  # fmt: skip


@dataclass(frozen=True)
class MemorySpec(DirectSpec, RecurrentSpec):
    """A memory before the decoder that answers for all steps at once.

    Attributes:
        bidirectional: read the context of each origin forwards and backwards. Windows then have one origin each, so
            that training sees fewer of them in the same time.

    Source: Schuster & Paliwal (1997), Bidirectional Recurrent Neural Networks.
    """

    space: ClassVar[Space] = {**DirectSpec.space, "weight_drop": Range(0.0, 0.5)}
    bidirectional: bool = False

    def encoder(self, inputs: Inputs) -> Any:
        """See `EncoderSpec.encoder`."""
        return self._stacked(inputs, both_ways=True) if self.bidirectional else super().encoder(inputs)

    def build(self, inputs: Inputs) -> Any:
        """See `NeuralSpec.build`."""
        from .network import Network, SingleNetwork

        kind = SingleNetwork if self.bidirectional else Network
        return kind(self.encoder(inputs), inputs, self.head, self.hidden, self.width, self.dropout, self.beside)
