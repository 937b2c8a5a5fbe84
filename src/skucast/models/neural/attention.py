"""Transformer over patches of days, with steps ahead that look back at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import ConfigError
from ..space import OneOf, Range, Space
from ..spec import Capabilities
from .attend import FittedAttentive
from .encoders import DirectSpec
from .family import neural_capabilities
from .fitted import FittedNeural
from .inputs import Inputs


@dataclass(frozen=True)
class Attention(DirectSpec):
    """Every week looks at the weeks before it, and every step ahead at the weeks that tell most about it.

    A causal transformer over patches, one network for all series. Each step ahead asks its own question, made of what is
    known of it (calendar, promotions, past seasons), and its answer says which weeks it was found in.

    Attributes:
        hidden: units of the encoder.
        layers: of the encoder.
        width: units of the decoder, per step ahead.
        heads: of attention; hidden and width are multiples of twice their number.
        selection: weigh groups of inputs against each other for every week and every step ahead, as a temporal fusion
            transformer does; slower, and says which variables count.

    Source: Vaswani et al. (2017), Attention Is All You Need; Nie et al. (2023), A Time Series is Worth 64 Words
    (PatchTST); Lim et al. (2021), Temporal Fusion Transformers, International Journal of Forecasting 37.
    """

    name: ClassVar[str] = "attention"
    capabilities: ClassVar[Capabilities] = neural_capabilities(
        "Causal transformer over weekly patches; steps ahead look back, variables can be weighed.",
        static=True,
    )
    space: ClassVar[Space] = {
        **DirectSpec.space,
        "hidden": OneOf(32, 64, 96, 128),  # divisible among heads
        "width": OneOf(16, 32, 64),
        "layers": Range(1, 3),
        "selection": OneOf(False, True),
    }
    layers: int = 2
    heads: int = 4
    selection: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.heads, bool) or not isinstance(self.heads, int) or self.heads < 1:
            raise ConfigError(f"Model '{self.name}': heads must be a whole number of at least 1, not {self.heads!r}.")
        for name in ("hidden", "width"):
            if getattr(self, name) % (2 * self.heads):
                raise ConfigError(
                    f"Model '{self.name}': {name} must be a multiple of twice its heads, {2 * self.heads}, "
                    f"not {getattr(self, name)}."
                )

    @classmethod
    def _fitted(cls) -> type[FittedNeural]:
        """See `NeuralSpec._fitted`."""
        return FittedAttentive

    def encoder(self, inputs: Inputs) -> Any:
        """See `EncoderSpec.encoder`."""
        from torch import nn

        from .selection import Selection, past_variables
        from .transformer import Transformer

        weighed = Selection(past_variables(inputs), self.hidden) if self.selection else None
        embed = weighed or nn.Linear(inputs.patch_width, self.hidden)
        return Transformer(embed, inputs.patch, self.hidden, self.layers, self.heads, self.dropout)

    def build(self, inputs: Inputs) -> Any:
        """See `NeuralSpec.build`."""
        from .transformer import Attentive

        return Attentive(
            self.encoder(inputs), inputs, self.head, self.hidden, self.width, self.dropout, self.beside, heads=self.heads,
            selection=self.selection,
        )  # fmt: skip
