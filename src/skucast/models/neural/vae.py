"""Conditional variational recurrent network: forecasts by drawing futures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import ConfigError
from ..space import Range, Space
from ..spec import Capabilities
from .attend import FittedGenerative
from .encoders import DirectSpec, RecurrentSpec
from .family import neural_capabilities
from .fitted import FittedNeural
from .inputs import Inputs
from .options import CellName


@dataclass(frozen=True)
class Vae(DirectSpec, RecurrentSpec):
    """A network that says what it does not know with latent numbers, one network for all series.

    Behind a GRU that reads the past, each week ahead has a few latent numbers of its own: how much above or below
    what is usual, for instance. Training finds them from what was sold (and pays for it); a forecast draws them, a few
    dozen times, and mixes what is said along each. Weeks hang together because a memory carries them on, so the paths
    are the network's own.

    Attributes:
        hidden: units of the encoder.
        layers: GRU layers of the encoder.
        width: units of the decoder, per step ahead, and of its memory.
        latent: latent numbers of a week (a patch).
        anneal: share of the training over which the price of the latents rises to its full.
        free: nats that the latents of a week may carry for nothing, against latents that say nothing.
        draws: futures behind a forecast.

    Source: Kingma & Welling (2014), Auto-Encoding Variational Bayes; Sohn, Lee & Yan (2015), Learning Structured Output
    Representation using Deep Conditional Generative Models; Chung et al. (2015), A Recurrent Latent Variable Model for
    Sequential Data; Bowman et al. (2016), Generating Sentences from a Continuous Space.
    """

    name: ClassVar[str] = "vae"
    cell: ClassVar[CellName] = "gru"
    capabilities: ClassVar[Capabilities] = neural_capabilities(
        "Variational recurrent network: latent numbers for each week ahead, futures drawn from the prior.",
        generative=True,
        static=True,
    )
    space: ClassVar[Space] = {**DirectSpec.space, "latent": Range(4, 16, log=True)}
    latent: int = 8
    anneal: float = 0.3
    free: float = 0.0
    draws: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("latent", "draws"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"Model '{self.name}': {name} must be a whole number of at least 1, not {value!r}.")
        if not 0 <= self.anneal <= 1 or self.free < 0:
            raise ConfigError(f"Model '{self.name}': anneal must lie in [0, 1] and free must not be negative.")

    @classmethod
    def _fitted(cls) -> type[FittedNeural]:
        """See `NeuralSpec._fitted`."""
        return FittedGenerative

    def build(self, inputs: Inputs) -> Any:
        """See `NeuralSpec.build`."""
        from .variational import Variational

        return Variational(
            self.encoder(inputs), inputs, self.head, self.hidden, self.width, self.dropout, self.beside, latent=self.latent,
            anneal=self.anneal, free=self.free, draws=self.draws,
        )  # fmt: skip
