"""Network: history encoder, attention from the steps ahead to the past, ordered quantiles. Needs torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .size import LEVELS, Size

_MIDDLE = LEVELS.index(0.5)
_NARROW = 1.0  # untrained quantiles lie about as far apart as those of a normal distribution


class Residual(nn.Module):
    """A gated step: normalise, widen, narrow, add."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        narrowed: Tensor = self.down(functional.silu(self.up(self.norm(x))))
        return x + narrowed


class Attention(nn.Module):
    """Steps ahead look at past steps; a token of its own stands for "nothing fits"."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads, self.head = size.heads, size.head
        inner = size.heads * size.head
        self.norm = nn.RMSNorm(size.step, eps=1e-5)
        self.query = nn.Linear(size.step, inner)
        self.nothing = nn.Parameter(torch.zeros(2, inner))
        self.out = nn.Linear(inner, size.step)

    def forward(self, z: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        """Mix of values added to ``z``.

        Args:
            z: ``(B, H, step)``
            key: ``(B, L, inner)``
            value: ``(B, L, inner)``
            bias: ``(B, 1, 1, 1 + L)``, very negative where nothing was observed.
        """
        rows = z.shape[0]
        query = self.query(self.norm(z)).view(rows, -1, self.heads, self.head).transpose(1, 2)
        key = torch.cat([self.nothing[:1].expand(rows, 1, -1), key], dim=1)
        value = torch.cat([self.nothing[1:].expand(rows, 1, -1), value], dim=1)
        key = key.view(rows, -1, self.heads, self.head).permute(0, 2, 3, 1)
        value = value.view(rows, -1, self.heads, self.head).transpose(1, 2)
        weight = torch.softmax(query @ key / math.sqrt(self.head) + bias, dim=-1)
        mixed = (weight @ value).transpose(1, 2).reshape(rows, -1, self.heads * self.head)
        attended: Tensor = self.out(mixed)
        return z + attended


class Network(nn.Module):
    """The pretrained model.

    Args:
        size: widths and depths.
        history: width of `Inputs.history`.
        tokens: channels of `Inputs.tokens`.
        steps: channels of `Inputs.steps`.
    """

    def __init__(self, size: Size, history: int, tokens: int, steps: int) -> None:
        super().__init__()
        self.size = size
        self.enter = nn.Linear(history, size.history)
        self.blocks = nn.ModuleList(Residual(size.history) for _ in range(size.history_blocks))
        self.summary = nn.Linear(size.history, size.step)
        self.step = nn.Linear(steps, size.step)
        self.token = nn.Linear(tokens, size.token)
        # keys and values of all rounds at once: one product instead of many
        self.memory = nn.Linear(tokens + size.token, 2 * size.rounds * size.heads * size.head)
        self.attend = nn.ModuleList(Attention(size) for _ in range(size.rounds))
        self.think = nn.ModuleList(Residual(size.step) for _ in range(size.rounds))
        self.head = nn.Linear(size.step, len(LEVELS))

    def forward(self, history: Tensor, tokens: Tensor, seen: Tensor, steps: Tensor) -> Tensor:
        """Quantiles ``(B, H, len(LEVELS))`` measured by the yardstick, rising."""
        x = self.enter(history)
        for block in self.blocks:
            x = block(x)
        z = self.step(steps) + self.summary(x)[:, None]
        memory = self.memory(torch.cat([tokens, functional.silu(self.token(tokens))], dim=2))
        parts = memory.chunk(2 * self.size.rounds, dim=2)
        open_ = functional.pad(seen, (1, 0), value=True)
        bias = torch.where(open_, 0.0, -1e4)[:, None, None]
        for k, (attend, think) in enumerate(zip(self.attend, self.think, strict=True)):
            z = think(attend(z, parts[2 * k], parts[2 * k + 1], bias))
        return ordered(self.head(z).float())


def ordered(out: Tensor) -> Tensor:
    """Quantiles from the middle one outwards by positive distances."""
    gaps = functional.softplus(out - _NARROW)
    middle = out[..., _MIDDLE : _MIDDLE + 1]
    low = middle - gaps[..., :_MIDDLE].flip(-1).cumsum(-1).flip(-1)
    high = middle + gaps[..., _MIDDLE + 1 :].cumsum(-1)
    return torch.cat([low, middle, high], dim=-1)
