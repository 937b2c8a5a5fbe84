"""GRU over patches of days, with direct forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..spec import Capabilities
from .encoders import MemorySpec
from .family import neural_capabilities
from .options import CellName


@dataclass(frozen=True)
class Gru(MemorySpec):
    """Gated recurrent units, one network for all series.

    Like the LSTM with one gate less and no separate cell state: a quarter fewer weights for about the same memory.

    Attributes:
        hidden: units of the state.
        layers: GRU layers.
        width: units of the decoder, per step ahead.

    Source: Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder.
    """

    name: ClassVar[str] = "gru"
    cell: ClassVar[CellName] = "gru"
    capabilities: ClassVar[Capabilities] = neural_capabilities(
        "Gated recurrent units over weekly patches: an LSTM with one gate less, one network for all series.",
        static=True,
    )
