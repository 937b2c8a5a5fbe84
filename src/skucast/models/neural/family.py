"""What all networks share: from a panel to a trained network.

This module does not import torch, so that networks can be listed and described without it.
"""

from __future__ import annotations

import dataclasses
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, get_args

from ...errors import ConfigError
from ...panel import Panel
from ..space import OneOf, Range, Space
from ..spec import Arrays, Capabilities, Fitted, Progress, Spec
from .fitted import FittedNeural
from .inputs import Inputs
from .options import BaseName, FreezeName, HeadName, TrainOptions
from .scaling import Scaling
from .told import LONGEST, Base

_FEWEST = 200  # windows below which no network is trained
_LONG_STEP = 6.0  # days; a history of weeks holds few seasons
_FEW = 2000  # windows below which the user is told to expect little
_ANY_NUMBER: tuple[HeadName, ...] = (
    "auto",
    "quantiles",
    "student-t",
    "gaussian",
)  # heads that may speak of less than 0


@dataclass(frozen=True)
class NeuralSpec(Spec):
    """A network; subclasses add its own sizes and build it.

    Attributes:
        context: steps of history that it looks at; 0 takes half a year of days, two years of weeks;
            the same time of last year is seen besides.
        patch: steps that make one step of the network; 0 takes a week of days, a day of hours.
        scaling: ``mean``; ``robust`` where single huge orders would blow up a series' scale; ``asinh`` takes the
            hyperbolic arcsine of demand over its mean, so that proportions count among large demand.
        head: what the network answers with: ``quantiles``, which follow any shape, or the parameters of a
            distribution: counts (``negbin``, ``zero-inflated``, ``poisson``), amounts that are often zero
            (``tweedie``) or numbers (``student-t``, ``gaussian``); ``auto`` tries ``quantiles`` and ``negbin`` in
            short trainings where demand are slow counts, and takes ``quantiles`` elsewhere.
        base: what training starts from: ``none``, each item's own level; ``pretrained``, the forecast of the pretrained
            model, to which the network learns what is different here (of heads with a likelihood its mean or median, while
            how far demand strays is learned from nothing); ``auto`` takes that where steps are weeks or longer, of which
            a history holds few seasons.
        dropout: share of hidden units left out at random while training.
        train: how it is trained.
        freeze: in a fit that starts from another model: ``none``, or ``encoder``, which stays as it is.
        rank: in such a fit, rank of the low-rank adapters that learn in place of the weights; 0 for none.
    """

    space: ClassVar[Space] = {
        "scaling": OneOf("mean", "robust"),
        "head": OneOf("quantiles", "negbin", "student-t"),
        "base": OneOf("auto", "none"),
        "dropout": Range(0.0, 0.3),
        "train.steps": Range(400, 1600, log=True),
        "train.learning_rate": Range(0.001, 0.01, log=True),
        "train.weight_decay": Range(0.001, 0.1, log=True),
    }
    context: int = 0
    patch: int = 0
    scaling: Scaling = "mean"
    head: HeadName = "quantiles"
    base: BaseName = "auto"
    dropout: float = 0.1
    train: TrainOptions = field(default_factory=TrainOptions)
    freeze: FreezeName = "none"
    rank: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.train, Mapping):  # as it comes from JSON and TOML
            unknown = sorted(set(self.train) - {f.name for f in dataclasses.fields(TrainOptions)})
            if unknown:
                raise ConfigError(f"Model '{self.name}': there is no training option '{unknown[0]}'.")
            object.__setattr__(self, "train", TrainOptions(**self.train))
        if self.context < 0 or self.patch < 0:
            raise ConfigError(f"Model '{self.name}': context and patch must not be negative.")
        if self.scaling not in get_args(Scaling):
            raise ConfigError(
                f"Model '{self.name}': scaling must be 'mean', 'robust' or 'asinh', not '{self.scaling}'."
            )
        if self.head not in get_args(HeadName):
            raise ConfigError(
                f"Model '{self.name}': head must be one of {', '.join(get_args(HeadName))}, not '{self.head}'."
            )
        if self._warped and self.head not in _ANY_NUMBER:
            raise ConfigError(
                f"Model '{self.name}': the head '{self.head}' needs demand as it is; with scaling 'asinh' or normalise "
                f"choose one of {', '.join(_ANY_NUMBER)}."
            )
        if self.base not in get_args(BaseName):
            raise ConfigError(
                f"Model '{self.name}': base must be one of {', '.join(get_args(BaseName))}, not '{self.base}'."
            )
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"Model '{self.name}': dropout must lie in [0, 1), not {self.dropout!r}.")
        if self.freeze not in get_args(FreezeName):
            raise ConfigError(f"Model '{self.name}': freeze must be 'none' or 'encoder', not '{self.freeze}'.")
        if isinstance(self.rank, bool) or not isinstance(self.rank, int) or self.rank < 0:
            raise ConfigError(f"Model '{self.name}': rank must be a whole number of at least 0, not {self.rank!r}.")

    @property
    def _warped(self) -> bool:
        """True if what the head speaks of is not demand over its scale."""
        return self.scaling == "asinh"

    def _inputs(self, panel: Panel, horizon: int) -> Inputs:
        """What the network sees of a panel."""
        return Inputs.of(panel, horizon, self.patch, self.context, self.scaling)

    def _decided(self, panel: Panel, horizon: int, seed: int, start: FittedNeural | None) -> Self:
        """With the head that suits the panel, or that of the network that it starts from."""
        if self.head != "auto":
            return self
        from .pilot import suitable_head

        head: HeadName = "quantiles"
        if start is not None:
            head = start.head
        elif not self._warped:
            head = suitable_head(self, panel, horizon, seed)
        return dataclasses.replace(self, head=head)

    def _base(self, panel: Panel, horizon: int) -> Base | None:
        """The pretrained forecast that training starts from, if any."""
        if self.base == "auto":
            suits = panel.freq.days >= _LONG_STEP and horizon <= LONGEST
            return Base.of(panel, horizon) if suits else None
        if self.base == "none":
            return None
        if horizon > LONGEST:
            raise ConfigError(
                f"Model '{self.name}': the pretrained model answers for {LONGEST} steps ahead at once, not for {horizon}: "
                "choose base 'none' or a shorter horizon."
            )
        return Base.of(panel, horizon)

    @classmethod
    def _fitted(cls) -> type[FittedNeural]:
        """What it is when trained."""
        return FittedNeural

    @abstractmethod
    def build(self, inputs: Inputs) -> Any:
        """The untrained network (a ``torch.nn.Module``), with random weights from torch's current seed."""

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        if self.rank or self.freeze != "none":
            raise ConfigError(
                f"Model '{self.name}': freeze and rank are for a fit that starts from another model: give start_from."
            )
        return self._learn(panel, horizon, seed, progress, None)

    def _fit_from(self, start: Fitted, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        return self._learn(panel, horizon, seed, progress, start)

    def _learn(self, panel: Panel, horizon: int, seed: int, progress: Progress | None, start: Fitted | None) -> Fitted:
        from ..registry import require

        require(self.name)
        from .checkpoint import training_mark
        from .fit import learn

        decided = self._decided(panel, horizon, seed, start if isinstance(start, FittedNeural) else None)
        inputs = dataclasses.replace(self._inputs(panel, horizon), base=decided._base(panel, horizon))
        build: Callable[[Inputs], Any] = decided.build
        said: dict[str, Any] = {}
        if start is not None:
            from .transfer import beginning

            inputs, build, said["start"] = beginning(decided, start, inputs, panel)
        learned = learn(
            build, inputs, panel, self.train, seed, progress, fewest=_FEWEST, trained=start is not None,
            mark=lambda: training_mark(self, panel, horizon, seed, start),
        )  # fmt: skip
        if learned.network is None:
            warnings.warn(
                f"'{self.name}' finds {learned.windows:,} training windows in {_many(len(panel))}, too few to train a "
                f"network (at least {_FEWEST}): "
                + (
                    "seasonal naive forecasts instead. Give it more series or a longer history, or choose 'ets'."
                    if start is None
                    else "the one that it starts from forecasts as it is."
                ),
                UserWarning,
                stacklevel=4,
            )
            if isinstance(start, FittedNeural):
                return start.as_it_is(panel, seed, self.train, learned.windows)
        elif (learned.windows < _FEW and start is None) or learned.lost:
            warnings.warn(
                f"'{self.name}' learned from {learned.windows:,} windows in {_many(len(panel))}"
                + (", few for a network" if learned.windows < _FEW and start is None else "")
                + (f"; on the last {learned.held_out} steps it did not beat seasonal naive" if learned.lost else "")
                + ": compare it with 'ets' in a backtest before trusting it.",
                UserWarning,
                stacklevel=4,
            )
        about = {"windows": learned.windows, "held_out": learned.held_out, "loss": learned.loss,
                 "naive_loss": learned.naive_loss, "steps": learned.steps, "learning_rate": learned.rate,
                 "head": decided.head, **said}  # fmt: skip
        return self._fitted()(self, panel, seed, inputs=learned.inputs, network=learned.network, about=about)

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        from ..registry import require

        require(spec.name)
        from .fit import with_weights

        inputs = Inputs.from_dict(about["inputs"])
        training = about["training"]
        decided = dataclasses.replace(spec, head=training.get("head", spec.head))
        network = with_weights(decided.build(inputs), arrays) if arrays else None
        return cls._fitted()(spec, panel, 0, inputs=inputs, network=network, about=training)


@dataclass(frozen=True)
class EncoderSpec(NeuralSpec):
    """A network that is an encoder of the past before the shared decoder; subclasses give the encoder.

    Attributes:
        hidden: units of the encoder.
        layers: layers of the encoder.
        width: units of the decoder, per step ahead.
    """

    space: ClassVar[Space] = {
        **NeuralSpec.space,
        "hidden": Range(32, 128, log=True),
        "layers": Range(1, 2),
        "width": Range(16, 64, log=True),
    }
    fewest_layers: ClassVar[int] = 1
    hidden: int = 64
    layers: int = 1
    width: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("hidden", 1), ("layers", self.fewest_layers), ("width", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(
                    f"Model '{self.name}': {name} must be a whole number of at least {least}, not {value!r}."
                )

    @abstractmethod
    def encoder(self, inputs: Inputs) -> Any:
        """The untrained encoder, see `skucast.models.neural.network.Network`."""

    def build(self, inputs: Inputs) -> Any:
        """See `NeuralSpec.build`."""
        from .network import Network

        return Network(self.encoder(inputs), inputs, self.head, self.hidden, self.width, self.dropout)


def neural_capabilities(summary: str, generative: bool = False, static: bool = False) -> Capabilities:
    """What every network can do, with a sentence of its own."""
    return Capabilities(
        summary=summary,
        probabilistic="native",
        scope="global",
        known=True,
        past=True,
        static=static,
        generative=generative,
        extra="neural",
        stochastic=True,
    )


def _many(series: int) -> str:
    return "1 series" if series == 1 else f"{series:,} series"
