"""Causal transformer over patches, and steps ahead that ask it questions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .inputs import Inputs
from .network import Network
from .options import HeadName
from .selection import Selection, variables_ahead
from .sight import begun, mask, visible
from .windows import Batch

_SLOWEST = 100.0  # patches over which the slowest rotation goes about a sixth of a turn


class Transformer(nn.Module):
    """B windows, P patches, D hidden units: every patch looks at those before it, layer by layer.

    Args:
        embed: from a patch to D.
        size: steps of a patch.
        hidden: D.
        layers: of attention and perceptron.
        heads: of attention.
        dropout: share of what a layer adds left out.

    Source: Vaswani et al. (2017), Attention Is All You Need; patches as in Nie et al. (2023), A Time Series is Worth
    64 Words; rotations as in Su et al. (2021), RoFormer.
    """

    def __init__(self, embed: nn.Module, size: int, hidden: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.embed, self.size = embed, size
        self.layers = nn.ModuleList(Layer(hidden, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, patches: Tensor, forks: int) -> Tensor:
        """``(B, P, I)`` to ``(B, F, D)``, see `skucast.models.neural.network.Network`."""
        x = self.embed(patches)  # (B, P, D)
        sight = mask(visible(begun(patches, self.size), patches.shape[1]), x)  # (B, P, P)
        at = torch.arange(patches.shape[1], device=x.device)
        for layer in self.layers:
            x = layer(x, sight, at)
        shown: Tensor = self.norm(x[:, -forks:])
        return shown


class Layer(nn.Module):
    """Normalise, look around, add; normalise, think, add."""

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.look = Look(hidden, hidden, heads)
        self.think = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.SiLU(), nn.Linear(2 * hidden, hidden))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, sight: Tensor, at: Tensor) -> Tensor:
        """``(B, P, D)``, the same shape."""
        normed = self.before(x)
        x = x + self.drop(self.look(normed, normed, sight, at, at))
        added: Tensor = self.drop(self.think(self.between(x)))
        return x + added


class Look(nn.Module):
    """Attention of N heads with rotated questions and keys, so that only distances in time count.

    Args:
        asks: width of what asks, W.
        holds: width of what is asked, D.
        heads: N.
    """

    def __init__(self, asks: int, holds: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.question, self.answer = nn.Linear(asks, asks), nn.Linear(asks, asks)
        self.key, self.value = nn.Linear(holds, asks), nn.Linear(holds, asks)

    def forward(self, x: Tensor, memory: Tensor, sight: Tensor, when: Tensor, at: Tensor) -> Tensor:
        """What is found ``(B, T, W)``.

        Args:
            x: ``(B, T, W)`` asks.
            memory: ``(B, P, D)`` is asked.
            sight: ``(B, T, P)`` 0 for what may be seen, else minus infinity.
            when: ``(T,)`` time of each question, in patches.
            at: ``(P,)`` time of each patch.
        """
        q, k = self._turned(x, memory, when, at)
        found = F.scaled_dot_product_attention(q, k, self._split(self.value(memory)), attn_mask=sight[:, None])
        out: Tensor = self.answer(found.transpose(1, 2).flatten(2))
        return out

    def weights(self, x: Tensor, memory: Tensor, sight: Tensor, when: Tensor, at: Tensor) -> Tensor:
        """``(B, T, P)`` how much each question looks at each patch, on average over heads."""
        q, k = self._turned(x, memory, when, at)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5  # (B, N, T, P)
        return torch.softmax(scores + sight[:, None], dim=-1).mean(dim=1)

    def _turned(self, x: Tensor, memory: Tensor, when: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        return self._split(rotated(self.question(x), when, self.heads)), self._split(
            rotated(self.key(memory), at, self.heads)
        )

    def _split(self, x: Tensor) -> Tensor:
        """``(B, T, W)`` to ``(B, N, T, W / N)``: a head has a part of both halves."""
        return x.view(*x.shape[:-1], 2, self.heads, -1).permute(0, 3, 1, 2, 4).flatten(-2)


def rotated(x: Tensor, at: Tensor, heads: int) -> Tensor:
    """Pairs of numbers ``(B, T, W)``, one of each half, turned by angles in proportion to times ``(T,)``."""
    half = x.shape[-1] // 2
    turns = half // heads  # each head has all speeds
    speed = _SLOWEST ** -(torch.arange(turns, device=x.device, dtype=x.dtype) / turns)
    angle = (at.to(x.dtype)[:, None] * speed).repeat(1, heads)  # (T, W / 2)
    left, right = x[..., :half], x[..., half:]
    return x * angle.cos().repeat(1, 2) + torch.cat([-right, left], dim=-1) * angle.sin().repeat(1, 2)


class Attentive(Network):
    """Each step ahead, with what is known of it, looks back at the patches up to its fork.

    Args:
        encoder: see `Network`, as the next five.
        inputs: what the network sees.
        head: of the distribution that it answers with.
        hidden: D.
        width: W, of the questions too.
        dropout: share of hidden units left out.
        beside: what the cost of other targets counts next to that of demand.
        heads: of attention.
        selection: weigh the variables against each other.
    """

    direct = False

    def __init__(
        self, encoder: nn.Module, inputs: Inputs, head: HeadName, hidden: int, width: int, dropout: float,
        beside: float, *, heads: int, selection: bool,
    ) -> None:  # fmt: skip
        super().__init__(encoder, inputs, head, hidden, width, dropout, beside)
        if selection:
            self.ahead = Selection(variables_ahead(inputs), width)
        self.patch = inputs.patch
        self.norm = nn.LayerNorm(width)
        self.look = Look(width, hidden, heads)

    def decoded(self, batch: Batch) -> Tensor:
        """See `Network.decoded`."""
        known, asked = self._asked(batch)
        return self.refined(known + self.look(*asked).view(known.shape))

    def attention(self, batch: Batch) -> Tensor:
        """How much each step ahead looks at each patch, ``(B, F, H, P)``; sums to one over patches."""
        known, asked = self._asked(batch)
        return self.look.weights(*asked).view(*known.shape[:3], -1)

    def _asked(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]:
        """What is known of the steps without looking ``(B, F, H, W)``, and their questions, see `Look`."""
        count, forks = batch.patches.shape[1], batch.scale.shape[1]
        memory = self.encoder(batch.patches, count)  # (B, P, D)
        h = self.drop(self.still_of(batch, memory[:, -forks:]))  # (B, F, D)
        known = self.spread(h, batch.steps) + self.ahead(batch.ahead)  # (B, F, H, W)
        sight = mask(visible(begun(batch.patches, self.patch), forks), known)  # (B, F, P)
        sight = sight.repeat_interleave(batch.steps.numel(), dim=1)  # (B, F H, P)
        at = torch.arange(count, device=known.device)
        when = at[-forks:, None] + (batch.steps + 1) / self.patch  # (F, H)
        return known, (self.norm(known).flatten(1, 2), memory, sight, when.flatten(), at)
