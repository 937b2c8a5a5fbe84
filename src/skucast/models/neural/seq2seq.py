"""Encoder and decoder with attention: the weeks ahead one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from ...errors import ConfigError
from ..space import OneOf, Space
from ..spec import Capabilities
from .attend import FittedTranslator
from .encoders import DirectSpec, RecurrentSpec
from .family import neural_capabilities
from .fitted import FittedNeural
from .inputs import Inputs
from .options import CellName

Decoder = Literal["direct", "autoregressive"]


@dataclass(frozen=True)
class Seq2Seq(DirectSpec, RecurrentSpec):
    """A GRU reads the past week by week, another one writes the weeks ahead and looks back, one network for all series.

    Attributes:
        hidden: units of encoder and decoder.
        layers: GRU layers of the encoder.
        width: units per step ahead.
        decoder: ``direct`` knows of the weeks before only what its memory holds; ``autoregressive`` is told what they
            came to: in training the truth, in a forecast samples of its own answers, many futures of them, from which
            the quantiles follow and which are its paths.
        truth: autoregressive: share of weeks that are told the truth at the end of training, the others a sample of
            the network's own answer; at its start all are.
        draws: autoregressive: futures behind a forecast.

    Source: Sutskever, Vinyals & Le (2014), Sequence to Sequence Learning with Neural Networks; Bahdanau, Cho & Bengio
    (2015), Neural Machine Translation by Jointly Learning to Align and Translate; Bengio et al. (2015), Scheduled
    Sampling; Salinas et al. (2020), DeepAR, International Journal of Forecasting 36.
    """

    name: ClassVar[str] = "seq2seq"
    cell: ClassVar[CellName] = "gru"
    capabilities: ClassVar[Capabilities] = neural_capabilities(
        "Encoder and decoder (GRU) with attention, week by week; direct or with sampled weeks fed back.",
        static=True,
    )
    space: ClassVar[Space] = {**DirectSpec.space, "decoder": OneOf("direct", "autoregressive")}
    decoder: Decoder = "direct"
    truth: float = 0.5
    draws: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decoder not in get_args(Decoder):
            raise ConfigError(
                f"Model '{self.name}': decoder must be 'direct' or 'autoregressive', not '{self.decoder}'."
            )
        if not 0 <= self.truth <= 1:
            raise ConfigError(f"Model '{self.name}': truth must lie in [0, 1], not {self.truth!r}.")
        if isinstance(self.draws, bool) or not isinstance(self.draws, int) or self.draws < 1:
            raise ConfigError(f"Model '{self.name}': draws must be a whole number of at least 1, not {self.draws!r}.")

    @classmethod
    def _fitted(cls) -> type[FittedNeural]:
        """See `NeuralSpec._fitted`."""
        return FittedTranslator

    def build(self, inputs: Inputs) -> Any:
        """See `NeuralSpec.build`."""
        from .ancestral import Ancestral
        from .decoder import Translator

        parts = (self.encoder(inputs), inputs, self.head, self.hidden, self.width, self.dropout, self.beside)
        if self.decoder == "direct":
            return Translator(*parts)
        return Ancestral(*parts, truth=self.truth, draws=self.draws)
