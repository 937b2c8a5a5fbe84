"""Encoder and decoder with attention between them: the weeks ahead are written one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import fold, unfold
from .inputs import Inputs
from .network import Network
from .options import HeadName
from .sight import begun, mask, visible
from .windows import Batch


class Attention(nn.Module):
    """Where a decoder looks: Luong's general score of its state against what the encoder saw.

    Args:
        hidden: D.

    Source: Bahdanau, Cho & Bengio (2015), Neural Machine Translation by Jointly Learning to Align and Translate;
    the score of Luong, Pham & Manning (2015), Effective Approaches to Attention-based Neural Machine Translation.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.score = nn.Linear(hidden, hidden, bias=False)
        self.join = nn.Linear(2 * hidden, hidden)

    def forward(self, state: Tensor, past: Past) -> tuple[Tensor, Tensor]:
        """States ``(B, F, L, D)`` joined with what they look at, and their weights ``(B, F, L, P)``."""
        scores = state.flatten(1, 2) @ past.keys.transpose(1, 2) / state.shape[-1] ** 0.5  # (B, F L, P)
        scores = scores.view(*state.shape[:-1], -1) + past.sight[:, :, None]  # (B, F, L, P)
        weights = torch.softmax(scores, dim=-1)
        context = (weights.flatten(1, 2) @ past.memory).view(state.shape)
        return torch.tanh(self.join(torch.cat([context, state], dim=-1))), weights


@dataclass(frozen=True)
class Past:
    """What a decoder has to go on: B windows, F forks, P patches.

    Attributes:
        state: ``(B, F, D)`` of the encoder at each fork.
        memory: ``(B, P, D)`` its outputs.
        keys: ``(B, P, D)`` what they are found by.
        sight: ``(B, F, P)`` 0 for patches that a fork may look at, else minus infinity.
    """

    state: Tensor
    memory: Tensor
    keys: Tensor
    sight: Tensor


class Translator(Network):
    """B windows, P patches, F forks, H steps ahead in L blocks of a patch, D hidden units, W decoder units.

    The encoder reads the patches; the decoder starts from its state at the fork and goes from block to block with
    the covariates of each; at each it looks back at what the encoder saw; then the steps of the block are said at once.

    Args:
        encoder: see `Network`, as the others.
        inputs: what the network sees.
        head: of the distribution of each step.
        hidden: D, of encoder and decoder.
        width: W.
        dropout: share of hidden units left out.
        beside: what the cost of other targets counts next to that of demand.

    Source: Sutskever, Vinyals & Le (2014), Sequence to Sequence Learning with Neural Networks.
    """

    whole = True
    direct = False

    def __init__(
        self, encoder: nn.Module, inputs: Inputs, head: HeadName, hidden: int, width: int, dropout: float,
        beside: float,
    ) -> None:  # fmt: skip
        super().__init__(encoder, inputs, head, hidden, width, dropout, beside)
        self.patch = inputs.patch
        self.plan = nn.Linear(self.patch * width, hidden)
        self.memory = nn.GRU(hidden, hidden, batch_first=True)
        self.look = Attention(hidden)
        self.say = nn.Linear(hidden, self.patch * width)

    def decoded(self, batch: Batch) -> Tensor:
        """See `Network.decoded`."""
        past, known, plan = self.read(batch)
        return self.answered(self.look(self.write(past, plan), past)[0], known)

    def attention(self, batch: Batch) -> Tensor:
        """How much each step ahead looks at each patch, ``(B, F, H, P)``; sums to one over patches."""
        past, _, plan = self.read(batch)
        weights: Tensor = self.look(self.write(past, plan), past)[1]  # (B, F, L, P)
        return weights.repeat_interleave(self.patch, dim=2)[:, :, : batch.steps.numel()]

    def read(self, batch: Batch) -> tuple[Past, Tensor, Tensor]:
        """The past, what is known of the steps ``(B, F, H, W)``, and of the blocks ``(B, F, L, D)``."""
        forks = batch.scale.shape[1]
        memory = self.drop(self.encoder(batch.patches, batch.patches.shape[1]))  # (B, P, D)
        state = self.still_of(batch, memory[:, -forks:])  # (B, F, D)
        sight = mask(visible(begun(batch.patches, self.patch), forks), memory)
        ahead = self.ahead(batch.ahead)
        past = Past(state, memory, self.look.score(memory), sight)
        return past, self.spread(state, batch.steps) + ahead, self.plan(fold(ahead, self.patch))

    def write(self, past: Past, blocks: Tensor) -> Tensor:
        """States ``(B, F, L, D)`` of the decoder after each block of what it is told, ``(B, F, L, D)``."""
        begin = past.state.flatten(0, 1)[None].contiguous()  # (1, B F, D)
        state, _ = self.memory(F.silu(blocks).flatten(0, 1), begin)  # (B F, L, D)
        states: Tensor = state.view(blocks.shape)
        return states

    def answered(self, blocks: Tensor, known: Tensor) -> Tensor:
        """What heads are told ``(..., H, W)``, from what is to be said of each block ``(..., L, D)``."""
        return self.refined(known + unfold(self.say(blocks), self.patch, known.shape[-2]))
