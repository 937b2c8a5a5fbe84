"""LSTM over patches of days, with direct forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..spec import Capabilities
from .encoders import MemorySpec
from .family import neural_capabilities
from .options import CellName


@dataclass(frozen=True)
class Lstm(MemorySpec):
    """Long short-term memory, one network for all series.

    A step of the recurrence is a patch (a week of daily data), which makes it several times faster than one
    step a day and lets it remember a year. From its state the network answers for every step of the horizon
    at once, in quantiles that cannot cross or in a distribution of your choice.

    Attributes:
        hidden: units of the cell state.
        layers: LSTM layers.
        width: units of the decoder, per step ahead.

    Source: Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9; Gers, Schmidhuber &
    Cummins (2000), Learning to Forget, Neural Computation 12; direct quantiles as in Wen et al. (2017).
    """

    name: ClassVar[str] = "lstm"
    cell: ClassVar[CellName] = "lstm"
    capabilities: ClassVar[Capabilities] = neural_capabilities(
        "Long short-term memory over weekly patches, one network for all series, direct quantiles.",
        static=True,
    )
