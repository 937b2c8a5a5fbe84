"""LSTM over patches of days, with direct quantile forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import ConfigError
from ...forecast import LEVELS
from ..space import Range, Space
from ..spec import Capabilities
from .family import NeuralSpec
from .inputs import Inputs


@dataclass(frozen=True)
class Lstm(NeuralSpec):
    """Long short-term memory, one network for all series.

    A step of the recurrence is a patch (a week of daily data), which makes it several times faster than one
    step a day and lets it remember a year. From its state the network answers for every step of the horizon
    at once, in quantiles that cannot cross.

    Attributes:
        hidden: units of the cell state.
        layers: LSTM layers.
        width: units of the decoder, per step ahead.

    Source: Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9; Gers, Schmidhuber &
    Cummins (2000), Learning to Forget, Neural Computation 12; direct quantiles as in Wen et al. (2017).
    """

    name: ClassVar[str] = "lstm"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Long short-term memory over weekly patches, one network for all series, direct quantiles.",
        probabilistic="native",
        scope="global",
        known=True,
        past=True,
        extra="neural",
        stochastic=True,
    )
    space: ClassVar[Space] = {
        **NeuralSpec.space,
        "hidden": Range(32, 128, log=True),
        "layers": Range(1, 2),
        "width": Range(16, 64, log=True),
    }
    hidden: int = 64
    layers: int = 1
    width: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hidden", "layers", "width"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"Model 'lstm': {name} must be a whole number of at least 1, not {value!r}.")

    def build(self, inputs: Inputs) -> Any:
        """See `NeuralSpec.build`."""
        from .lstm_network import LstmNetwork

        return LstmNetwork(inputs, LEVELS, self.hidden, self.layers, self.width, self.dropout)
