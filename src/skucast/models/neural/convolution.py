"""Convolutional encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .dropout import LockedDropout

_TAPS = 3  # patches that one convolution joins


class Convolutional(nn.Module):
    """Gated causal convolutions whose reach doubles from layer to layer; all of them speak to the answer.

    Args:
        enter: numbers that describe a patch.
        hidden: channels, D.
        layers: convolutions.
        dropout: share of channels left out between them.
    """

    def __init__(self, enter: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Linear(enter, hidden)
        self.blocks = nn.ModuleList(Block(hidden, 2**k, dropout) for k in range(layers))
        # patches before the forks that the blocks above look at
        self.above = [(_TAPS - 1) * (2**layers - 2 ** (k + 1)) for k in range(layers)]

    def forward(self, patches: Tensor, forks: int) -> Tensor:
        """``(B, P, I)`` to ``(B, F, D)``, see `skucast.models.neural.network.Network`."""
        x = F.silu(self.embed(patches))  # (B, P, D)
        shown = x[:, -forks:]  # (B, F, D)
        for block, above in zip(self.blocks, self.above, strict=True):
            x, said = block(x, forks + above)
            shown = shown + said[:, -forks:]
        return shown


class Block(nn.Module):
    """Normalise, convolve, gate; the result is added to the input and to the answer.

    A dilated causal convolution is a linear map of the input and of copies of it from ``dilation`` and
    ``2 * dilation`` patches before; before the first patch there are zeros.
    """

    def __init__(self, hidden: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(hidden)
        self.convolve = nn.Linear(_TAPS * hidden, 2 * hidden)
        self.drop = LockedDropout(dropout)
        self.out = nn.Linear(hidden, 2 * hidden)

    def forward(self, x: Tensor, last: int) -> tuple[Tensor, Tensor]:
        """The next block's input and this one's share of the answer at the last L patches, ``(B, L, D)`` each."""
        value, gate = self.convolve(self.taps(self.norm(x), last)).chunk(2, dim=-1)  # (B, L, D) each
        z = self.drop(torch.tanh(value) * torch.sigmoid(gate))
        on, said = self.out(z).chunk(2, dim=-1)
        return x[:, -last:] + on, said

    def taps(self, x: Tensor, last: int) -> Tensor:
        """``(B, L, 3 D)`` the last L patches, each after those that it is joined with, the oldest first."""
        steps = x.shape[1]
        begin, reach = max(steps - last, 0), (_TAPS - 1) * self.dilation
        padded = F.pad(x, (0, 0, reach, 0))  # (B, reach + P, D)
        shifts = (k * self.dilation for k in range(_TAPS))
        return torch.cat([padded[:, begin + shift : steps + shift] for shift in shifts], dim=-1)
