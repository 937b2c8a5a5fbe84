"""Encoder without recurrence: trend and remainder of the context, each with a linear map."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .inputs import Inputs
from .scaling import STATISTICS

_LOG = 3.0  # `log_scale` is a third of the logarithm, cut off where scales are so far out that they count as equal


class Decomposed(nn.Module):
    """C steps of context become a trend (a moving average over one season) and a remainder.

    Args:
        inputs: what the network sees.
        hidden: D.
        layers: residual perceptrons on top.
    """

    def __init__(self, inputs: Inputs, hidden: int, layers: int) -> None:
        super().__init__()
        self.patch = inputs.patch
        self.window = max(3, inputs.season // 2 * 2 + 1)  # odd, so that it has a middle
        self.trend = nn.Linear(inputs.context, hidden)
        self.rest = nn.Linear(inputs.context, hidden)
        self.state = nn.Linear(inputs.patch_width - 2 * inputs.patch, hidden)
        self.blocks = nn.ModuleList(Perceptron(hidden) for _ in range(layers))

    def forward(self, patches: Tensor, forks: int) -> Tensor:
        """``(B, P, I)`` to ``(B, F, D)``, see `skucast.models.neural.network.Network`."""
        demand, seen = self.history(patches, forks)  # (B, F, C) each
        trend = self.smooth(demand, seen)
        rest = (demand - trend) * seen
        h: Tensor = self.trend(trend) + self.rest(rest) + self.state(patches[:, -forks:, 2 * self.patch :])  # (B, F, D)
        for block in self.blocks:
            h = block(h)
        return h

    def history(self, patches: Tensor, forks: int) -> tuple[Tensor, Tensor]:
        """Demand of the context of each fork, in units of the scale there, and whether it was seen."""
        size = self.patch
        scale = torch.exp(_LOG * patches[..., 2 * size + STATISTICS.index("log_scale")])  # (B, P)
        demand = torch.sinh(patches[..., :size]) * scale[..., None]  # (B, P, patch)
        demand = self.windows(demand, forks) / scale[:, -forks:, None]  # (B, F, C)
        return torch.asinh(demand), self.windows(patches[..., size : 2 * size], forks)

    def windows(self, steps: Tensor, forks: int) -> Tensor:
        """``(B, P, patch)`` to ``(B, F, C)``: the C steps up to each fork; before the first one there are zeros."""
        flat = steps.flatten(1)  # (B, C)
        return F.pad(flat, ((forks - 1) * self.patch, 0)).unfold(1, flat.shape[1], self.patch)

    def smooth(self, demand: Tensor, seen: Tensor) -> Tensor:
        """Centred moving average of what was seen; 0 where nothing was."""
        both = torch.stack([demand * seen, seen], dim=2).flatten(0, 1)  # (B F, 2, C)
        total, count = F.avg_pool1d(both, self.window, stride=1, padding=self.window // 2).unbind(1)
        trend: Tensor = total / count.clamp(min=1e-6)
        return trend.view_as(demand)


class Perceptron(nn.Module):
    """Normalise, widen, narrow, add."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.up = nn.Linear(hidden, 2 * hidden)
        self.down = nn.Linear(2 * hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        narrowed: Tensor = self.down(F.silu(self.up(self.norm(x))))
        return x + narrowed
