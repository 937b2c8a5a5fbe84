"""How networks are trained: one set of options for all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import ConfigError

HeadName = Literal["auto", "quantiles", "negbin", "zero-inflated", "poisson", "tweedie", "student-t", "gaussian"]
"""Distributions that a network can answer with: see `skucast.models.neural.heads`, `likelihoods` and `tweedie`;
``auto`` takes what suits the panel, see `skucast.models.neural.pilot`."""

BaseName = Literal["auto", "none", "pretrained"]
"""What a network starts from: ``none``, its items' own levels; the forecast of the ``pretrained`` model, see
`skucast.models.neural.told`; ``auto`` takes that where steps are weeks or longer."""

Embed = Literal["none", "static", "series"]
"""Static columns that a network sees: none, groups and numbers, or names of single items too."""

CellName = Literal["lstm", "gru", "elman"]
"""Memories that a recurrent network can have: see `skucast.models.neural.recurrent`."""

ScheduleName = Literal["one-cycle", "cosine"]
"""How the learning rate changes during training: see `skucast.models.neural.rate`."""

PrecisionName = Literal["fp32", "bf16", "auto"]
"""Numbers that training multiplies with."""

FreezeName = Literal["none", "encoder"]
"""What of a network that starts from another stays as it is."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of the training loop, the same for every network.

    Attributes:
        steps: most updates of the weights; small panels take fewer, early stopping may too.
        batch: windows per update.
        forks: origins in each window that the loss is taken at (the last patches of it).
        ahead: random steps of the horizon that the loss is taken at; neighbours say much the same.
        accumulate: batches per update; their gradients are averaged, as if they were one that needs no more memory.
        half_life: steps after which an origin is drawn half as often as the latest ones; 0 draws all alike.
        balance: 0 draws the classes of demand (smooth, intermittent, erratic, lumpy) as often as they occur, 1 all
            equally often.
        learning_rate: peak of the schedule; 0 finds one by a range test before training.
        schedule: after the rise to its peak the rate falls in half a cosine, with ``one-cycle`` to a
            hundredth of it, with ``cosine`` to a tenth, which leaves more to learn in the end.
        warm_up: share of the schedule in which the rate rises.
        weight_decay: of AdamW.
        clip: largest norm of the gradient.
        ema: decay of the moving average of the weights that forecasts are made with.
        checks: how often during training the held-out steps are scored.
        patience: checks without a better score after which training stops.
        finish: further updates, as a share of the useful ones before, with the held-out steps too; 0 is none.
        seconds: time budget; 0 is none. The schedule shortens to fit it, so with a budget the result depends
            on the machine's speed.
        device: ``auto`` (a GPU where there is one), or a name that torch knows.
        precision: ``fp32``; ``bf16``, which multiplies in bfloat16 and keeps weights and sums in full; ``auto``,
            which is that on a GPU that can and ``fp32`` elsewhere: on processors it was measured to be slower.
        compile: let torch compile the network first (it needs a C++ compiler). That takes up to minutes and saves
            up to a third of each update, so that it pays after thousands of them; dropout then draws otherwise.
        prefetch: let a thread draw the next batch while the network learns from this one. The result is the same;
            on processors no gain was measured, because drawing is a tenth of the work and both take turns in Python.
        checkpoint: folder in which the state of training is kept, so that a training that was killed goes on
            where it was when the same is asked for again, to the same weights; empty for none. It is tidied up
            in the end.

    Source: Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization; Smith & Topin (2019),
    Super-Convergence; Loshchilov & Hutter (2017), SGDR; Micikevicius et al. (2018), Mixed Precision Training.
    """

    steps: int = 800
    batch: int = 64
    forks: int = 4
    ahead: int = 32
    accumulate: int = 1
    half_life: int = 0
    balance: float = 0.0
    learning_rate: float = 4e-3
    schedule: ScheduleName = "one-cycle"
    warm_up: float = 0.15
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.98
    checks: int = 10
    patience: int = 4
    finish: float = 0.2
    seconds: float = 0.0
    device: str = "auto"
    precision: PrecisionName = "fp32"
    compile: bool = False
    prefetch: bool = False
    checkpoint: str = ""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "forks", "ahead", "accumulate", "checks", "patience"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"Training option '{name}' must be a whole number of at least 1, not {value!r}.")
        numbers = ("learning_rate", "warm_up", "weight_decay", "clip", "ema", "finish", "seconds")
        for name in numbers:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ConfigError(f"Training option '{name}' must be a number, not {value!r}.")
        if self.learning_rate < 0:
            raise ConfigError(
                f"Training option 'learning_rate' must be above 0, or 0 to find one, not {self.learning_rate!r}."
            )
        if not self.clip > 0:
            raise ConfigError(f"Training option 'clip' must be above 0, not {self.clip!r}.")
        for name in ("warm_up", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"Training option '{name}' must lie in [0, 1), not {getattr(self, name)!r}.")
        if isinstance(self.half_life, bool) or not isinstance(self.half_life, int) or self.half_life < 0:
            raise ConfigError(
                f"Training option 'half_life' must be a whole number of at least 0, not {self.half_life!r}."
            )
        if not 0 <= self.balance <= 1:
            raise ConfigError(f"Training option 'balance' must lie in [0, 1], not {self.balance!r}.")
        if self.weight_decay < 0 or self.seconds < 0 or self.finish < 0:
            raise ConfigError("Training options 'weight_decay', 'finish' and 'seconds' must not be negative.")
        for name, choices in (("schedule", ScheduleName), ("precision", PrecisionName)):
            if getattr(self, name) not in get_args(choices):
                raise ConfigError(
                    f"Training option '{name}' must be one of {', '.join(get_args(choices))}, "
                    f"not {getattr(self, name)!r}."
                )
        for name in ("compile", "prefetch"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"Training option '{name}' must be true or false, not {getattr(self, name)!r}.")
        if not isinstance(self.checkpoint, str):
            raise ConfigError(f"Training option 'checkpoint' must be the name of a folder, not {self.checkpoint!r}.")
