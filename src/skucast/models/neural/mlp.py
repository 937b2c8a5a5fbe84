"""Linear maps of trend and remainder, and a perceptron on top, with direct forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..space import Range, Space
from ..spec import Capabilities
from .encoders import DirectSpec
from .family import neural_capabilities
from .inputs import Inputs


@dataclass(frozen=True)
class Mlp(DirectSpec):
    """Trend and remainder, each mapped to the future by a linear map of its own, one network for all series.

    The trend is a moving average over one season. There is no recurrence: every step of the context has weights
    of its own. It is the baseline that deeper networks have to beat.

    Attributes:
        hidden: units that both maps lead to (the rank of the maps from past to future).
        layers: residual perceptrons on top; 0 leaves the encoder linear.
        width: units of the decoder, per step ahead.

    Source: Zeng et al. (2023), Are Transformers Effective for Time Series Forecasting? (DLinear), with
    covariates and a residual perceptron as in Das et al. (2023), Long-term Forecasting with TiDE.
    """

    name: ClassVar[str] = "mlp"
    capabilities: ClassVar[Capabilities] = neural_capabilities(
        "Linear maps of trend and remainder (DLinear) and a small perceptron, one network for all series.",
        static=True,
    )
    space: ClassVar[Space] = {**DirectSpec.space, "layers": Range(0, 2)}
    fewest_layers: ClassVar[int] = 0

    def encoder(self, inputs: Inputs) -> Any:
        """See `EncoderSpec.encoder`."""
        from .decomposition import Decomposed

        return Decomposed(inputs, self.hidden, self.layers)
