"""How networks are trained: one set of options for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import ConfigError

HeadName = Literal["quantiles", "negbin", "zero-inflated", "poisson", "student-t", "gaussian"]
"""Distributions that a network can answer with: see `skucast.models.neural.heads` and `likelihoods`."""

CellName = Literal["lstm", "gru", "elman"]
"""Memories that a recurrent network can have: see `skucast.models.neural.recurrent`."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of the training loop, the same for every network.

    Attributes:
        steps: most updates of the weights; small panels take fewer, early stopping may too.
        batch: windows per update.
        forks: origins in each window that the loss is taken at (the last patches of it).
        ahead: random steps of the horizon that the loss is taken at; neighbours say much the same.
        learning_rate: peak of the one-cycle schedule.
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

    Source: Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization; Smith & Topin (2019),
    Super-Convergence.
    """

    steps: int = 800
    batch: int = 64
    forks: int = 4
    ahead: int = 32
    learning_rate: float = 4e-3
    warm_up: float = 0.15
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.98
    checks: int = 10
    patience: int = 4
    finish: float = 0.2
    seconds: float = 0.0
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "forks", "ahead", "checks", "patience"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"Training option '{name}' must be a whole number of at least 1, not {value!r}.")
        for name in ("learning_rate", "clip"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"Training option '{name}' must be above 0, not {getattr(self, name)!r}.")
        for name in ("warm_up", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"Training option '{name}' must lie in [0, 1), not {getattr(self, name)!r}.")
        if self.weight_decay < 0 or self.seconds < 0 or self.finish < 0:
            raise ConfigError("Training options 'weight_decay', 'finish' and 'seconds' must not be negative.")
