"""Learner: a pretrained network that learns on, in full or in part. Needs torch."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .forward import Forward
from .network import Network
from .training import Batch, loss

Way = Literal["last", "low-rank", "full"]
"""What of a network learns: its head and last round, small additions to all its maps, or all of it."""

_RANK = 8
_MEMORY = 0.98  # share that the running average of the weights keeps at each step


class Addition(nn.Module):
    """A map ``W`` becomes ``W + B A`` with ``B (out, r)`` and ``A (r, in)``; B begins as zeros.

    Source: Hu et al. (2021), LoRA: Low-Rank Adaptation of Large Language Models.
    """

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        rank = min(rank, *weight.shape)
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))
        self.down = nn.Parameter(torch.randn(rank, weight.shape[1]) / weight.shape[1] ** 0.5)

    def forward(self, weight: Tensor) -> Tensor:
        """The sum."""
        return weight + self.up @ self.down


class Learner:
    """A network that learns from batches, and the running average of its weights, which is what counts.

    Args:
        start: weights to begin with.
        way: what learns.
    """

    def __init__(self, start: Forward, way: Way) -> None:
        self.size = start.size
        self.network = _network(start)
        if way == "low-rank":
            self.network.requires_grad_(False)
            for module in list(self.network.modules()):
                if isinstance(module, nn.Linear):
                    parametrize.register_parametrization(module, "weight", Addition(module.weight, _RANK))
        elif way == "last":
            self.network.requires_grad_(False)
            for part in (self.network.attend[-1], self.network.think[-1], self.network.head):
                part.requires_grad_(True)
        self.learning = [p for p in self.network.parameters() if p.requires_grad]
        self.average = [p.detach().clone() for p in self.learning]
        self.optimiser = torch.optim.AdamW(self.learning, betas=(0.9, 0.98), weight_decay=0.0)
        self.step = 0

    def learn(self, batch: Batch, rate: float) -> float:
        """One step of AdamW on the mean loss of a batch, which is returned."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        t = {name: torch.from_numpy(array) for name, array in batch.items()}
        error = loss(self.network(t["history"], t["tokens"], t["seen"], t["steps"]), t["target"])
        self.optimiser.zero_grad()
        error.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.learning, 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(_MEMORY, self.step / (self.step + 9))
        with torch.no_grad():
            for mine, theirs in zip(self.average, self.learning, strict=True):
                mine.lerp_(theirs, 1 - keep)
        return float(error.detach())

    def weights(self) -> Forward:
        """The averaged weights, additions summed up."""
        now = [p.detach().clone() for p in self.learning]
        self._put(self.average)
        made = {name: self._weight(name).detach().numpy().copy() for name in self._names()}
        self._put(now)
        return Forward(self.size, made)

    def _names(self) -> list[str]:
        names = (name for name, _ in self.network.named_parameters())
        return [n.replace("parametrizations.weight.original", "weight") for n in names if ".weight.0." not in n]

    def _weight(self, name: str) -> Tensor:
        module, _, last = name.rpartition(".")
        found: Tensor = getattr(self.network.get_submodule(module), last)
        return found

    def _put(self, values: list[Tensor]) -> None:
        with torch.no_grad():
            for mine, value in zip(self.learning, values, strict=True):
                mine.copy_(value)


def _network(start: Forward) -> Network:
    widths = (start.weights[f"{name}.weight"].shape[1] for name in ("enter", "token", "step"))
    network = Network(start.size, *widths)
    network.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in start.weights.items()})
    return network
