"""Low-rank adapters: a trained network learns something new with few weights of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .network import Forecaster
from .windows import Batch


class Adapted(Forecaster):
    """A network whose maps ``W`` become ``W + B A`` with ``B (out, r)`` and ``A (r, in)``; only these learn.

    Maps are the weights of linear layers and those by which recurrent layers take in their input. ``B`` begins
    as zeros, so that the network at first says what it said before. Whatever else of the network still asks for
    gradients learns too.

    Args:
        network: trained.
        rank: r.
        names: maps that stay as they are besides.

    Source: Hu et al. (2021), LoRA: Low-Rank Adaptation of Large Language Models.
    """

    def __init__(self, network: Forecaster, rank: int, names: list[str]) -> None:
        super().__init__()
        self.inner = _Call(network)
        self.names = names
        maps = [network.get_parameter(name).requires_grad_(False).flatten(0, -2) for name in names]  # (out, in)
        wanted = [min(rank, *w.shape) for w in maps]
        self.up = nn.ParameterList(torch.zeros(w.shape[0], r) for w, r in zip(maps, wanted, strict=True))
        self.down = nn.ParameterList(
            torch.randn(r, w.shape[1]) / w.shape[1] ** 0.5 for w, r in zip(maps, wanted, strict=True)
        )
        self.whole, self.single = network.whole, network.single

    def weights(self) -> dict[str, Tensor]:
        """The maps with what they learned."""
        made = {}
        for name, up, down in zip(self.names, self.up, self.down, strict=True):
            given = self.inner.network.get_parameter(name)
            made[name] = given + (up @ down).view_as(given)
        return made

    def _call(self, what: str, *given: Any) -> Any:
        weights = {f"network.{name}": weight for name, weight in self.weights().items()}
        return functional_call(self.inner, weights, (what, *given))

    def at(self, done: float) -> None:
        """See `Forecaster.at`."""
        self.inner.network.at(done)

    def loss(self, batch: Batch) -> Tensor:
        """See `Forecaster.loss`."""
        loss: Tensor = self._call("loss", batch)
        return loss

    def describe(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Forecaster.describe`."""
        mean, quantiles = self._call("describe", batch)
        return mean, quantiles

    def quantiles(self, batch: Batch) -> Tensor:
        """See `Forecaster.quantiles`."""
        quantiles: Tensor = self._call("quantiles", batch)
        return quantiles

    def merge(self) -> Forecaster:
        """The network alone, its maps with what they learned."""
        with torch.no_grad():
            for name, weight in self.weights().items():
                self.inner.network.get_parameter(name).copy_(weight)
        return self.inner.network


class _Call(nn.Module):
    """Any method of a network as a module's forward pass."""

    def __init__(self, network: Forecaster) -> None:
        super().__init__()
        self.network = network

    def forward(self, what: str, *given: Any) -> Any:
        return getattr(self.network, what)(*given)


def merged(network: Forecaster) -> Forecaster:
    """A network without adapters."""
    return network.merge() if isinstance(network, Adapted) else network


def maps_of(network: nn.Module) -> list[str]:
    """Names of the weights that adapters can be put beside: linear maps, and the input's in recurrent layers."""
    return [
        name
        for name, weight in network.named_parameters()
        if weight.ndim > 1 and "weight" in name.rpartition(".")[2] and "weight_hh" not in name
    ]
