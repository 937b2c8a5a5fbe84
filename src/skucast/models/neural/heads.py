"""Heads: from a hidden vector to a distribution of demand, with its loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class QuantileHead(nn.Module):
    """Quantiles that never cross: the lowest one, then positive distances to the next.

    Args:
        width: of the hidden vector.
        levels: quantile levels, rising.

    Source: Koenker & Bassett (1978), Regression Quantiles; increments as in Park et al. (2022), Learning
    Quantile Functions without Quantile Crossing.
    """

    levels: Tensor

    def __init__(self, width: int, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.out = nn.Linear(width, len(levels))
        self.register_buffer("levels", torch.tensor(levels))
        self.middle = min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            self.out.bias.fill_(-2.0)  # distances start near 0.13, around the series' own level
            self.out.bias[self.middle] = 0.9

    def forward(self, hidden: Tensor) -> Tensor:
        """``(..., width)`` to ``(..., Q)``."""
        raw = self.out(hidden)  # (..., Q)
        m = self.middle
        median = raw[..., m : m + 1]
        below = F.softplus(raw[..., :m]).flip(-1).cumsum(-1).flip(-1)
        above = F.softplus(raw[..., m + 1 :]).cumsum(-1)
        return torch.cat([median - below, median, median + above], dim=-1)

    def loss(self, quantiles: Tensor, target: Tensor) -> Tensor:
        """See `pinball`."""
        return pinball(quantiles, target, self.levels)


def pinball(quantiles: Tensor, target: Tensor, levels: Tensor | tuple[float, ...]) -> Tensor:
    """Twice the quantile loss ``(...)``, averaged over levels, of quantiles ``(..., Q)``.

    Summed over cells and divided by their demand it is the weighted quantile loss.
    """
    p = torch.as_tensor(levels, dtype=quantiles.dtype, device=quantiles.device)
    miss = target[..., None] - quantiles
    return 2 * torch.maximum(p * miss, (p - 1) * miss).mean(-1)
