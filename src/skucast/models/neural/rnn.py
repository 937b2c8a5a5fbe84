"""Elman's recurrent network over patches of days, with direct forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..spec import Capabilities
from .encoders import MemorySpec
from .family import neural_capabilities
from .options import CellName


@dataclass(frozen=True)
class Rnn(MemorySpec):
    """A plain recurrent network, one for all series.

    Its state is rewritten at every step, with no gates that could keep it: the quickest of its kind and the
    shortest memory, which weekly patches make up for in part.

    Attributes:
        hidden: units of the state.
        layers: recurrent layers.
        width: units of the decoder, per step ahead.

    Source: Elman (1990), Finding Structure in Time, Cognitive Science 14.
    """

    name: ClassVar[str] = "rnn"
    cell: ClassVar[CellName] = "elman"
    capabilities: ClassVar[Capabilities] = neural_capabilities(
        "Elman's plain recurrent network over weekly patches, one network for all series.",
        static=True,
    )
