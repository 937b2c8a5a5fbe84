"""Which variables count: gated residual networks and a weight for every group of inputs."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .inputs import MEMORY, Inputs, is_wave
from .scaling import STATISTICS

Groups = Mapping[str, list[int]]
"""Names of variables, and which numbers of the input each consists of."""


def past_variables(inputs: Inputs) -> Groups:
    """Variables of a patch, see `Inputs.patch_width` for the order of its numbers."""
    size = inputs.patch
    state = 2 * size + len(STATISTICS)
    groups = {"demand": list(range(2 * size)), "state": list(range(2 * size, state)), **_calendar(inputs, state)}
    begin, low = state + len(inputs.calendar), 0
    for covariate in inputs.covariates:
        channels = range(low, low + covariate.width)
        groups[covariate.name] = [begin + step * inputs.width + c for step in range(size) for c in channels]
        low += covariate.width
    begin += size * inputs.width
    for k, name in enumerate(inputs.targets):
        groups.setdefault(name, []).extend(begin + step * len(inputs.targets) + k for step in range(size))
    return groups


def variables_ahead(inputs: Inputs) -> Groups:
    """Variables of a step ahead, see `Inputs.ahead_width`."""
    groups, low = _calendar(inputs, 0), len(inputs.calendar)
    for covariate in inputs.covariates:
        if covariate.known:
            groups[covariate.name] = list(range(low, low + covariate.width))
            low += covariate.width
    groups["past seasons"] = list(range(low, low + MEMORY))
    return groups


def _calendar(inputs: Inputs, first: int) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for k, name in enumerate(inputs.calendar):
        pay = name.startswith("payday")
        groups.setdefault("pay days" if pay else "calendar" if is_wave(name) else "occasions", []).append(first + k)
    return groups


class Selection(nn.Module):
    """V variables of one input, each embedded and refined by itself, weighed against each other.

    Args:
        groups: the variables.
        width: W.

    Source: Lim, Arik, Loeff & Pfister (2021), Temporal Fusion Transformers for Interpretable Multi-horizon Time Series
    Forecasting, International Journal of Forecasting 37.
    """

    def __init__(self, groups: Groups, width: int) -> None:
        super().__init__()
        self.names = tuple(groups)
        self.places = [torch.tensor(places) for places in groups.values()]
        self.embed = nn.ModuleList(nn.Linear(len(places), width) for places in self.places)
        self.refine = nn.ModuleList(Gated(width, width) for _ in groups)
        self.weigh = Gated(len(self.names) * width, len(self.names))

    def forward(self, x: Tensor) -> Tensor:
        """``(..., I)`` to ``(..., W)``."""
        raw = self._embedded(x)  # (..., V, W)
        fine = torch.stack([refine(v) for refine, v in zip(self.refine, raw.unbind(-2), strict=True)], dim=-1)
        return (fine @ self._weights(raw)[..., None])[..., 0]

    def weights(self, x: Tensor) -> Tensor:
        """How much each variable counts, ``(..., V)``; they sum to one."""
        return self._weights(self._embedded(x))

    def _embedded(self, x: Tensor) -> Tensor:
        parts = zip(self.embed, self.places, strict=True)
        return torch.stack([embed(x[..., places.to(x.device)]) for embed, places in parts], dim=-2)

    def _weights(self, raw: Tensor) -> Tensor:
        return torch.softmax(self.weigh(raw.flatten(-2)), dim=-1)


class Gated(nn.Module):
    """Gated residual network: a small perceptron that can close itself.

    Args:
        enter: I.
        width: W.

    Source: Lim et al. (2021), section 4.1.
    """

    def __init__(self, enter: int, width: int) -> None:
        super().__init__()
        self.skip = nn.Identity() if enter == width else nn.Linear(enter, width)
        self.into, self.out = nn.Linear(enter, width), nn.Linear(width, 2 * width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., I)`` to ``(..., W)``."""
        normed: Tensor = self.norm(self.skip(x) + F.glu(self.out(F.elu(self.into(x))), dim=-1))
        return normed
