"""Dilated causal convolutions over patches of days, with direct forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..space import Range, Space
from ..spec import Capabilities
from .encoders import DirectSpec
from .family import neural_capabilities
from .inputs import Inputs


@dataclass(frozen=True)
class Cnn(DirectSpec):
    """A convolutional network that looks back in ever wider steps, one network for all series.

    Layer ``k`` joins a patch with those ``2^k`` and ``2 * 2^k`` before it, so that four layers see thirty-one
    weeks. All patches are worked on at once rather than one after the other.

    Attributes:
        hidden: channels.
        layers: convolutions on top of each other; as many as the context has room for.
        width: units of the decoder, per step ahead.

    Source: van den Oord et al. (2016), WaveNet: A Generative Model for Raw Audio; Bai, Kolter & Koltun (2018),
    An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling.
    """

    name: ClassVar[str] = "cnn"
    capabilities: ClassVar[Capabilities] = neural_capabilities(
        "Dilated causal convolutions (WaveNet, TCN) over weekly patches, one network for all series.",
        static=True,
    )
    space: ClassVar[Space] = {**DirectSpec.space, "layers": Range(2, 5)}
    layers: int = 4

    def encoder(self, inputs: Inputs) -> Any:
        """See `EncoderSpec.encoder`."""
        from .convolution import Convolutional

        useful = max(1, (inputs.patches - 1).bit_length())  # further ones would look beyond the context
        return Convolutional(inputs.patch_width, self.hidden, min(self.layers, useful), self.dropout)
