"""A decoder that is told what each block came to before it writes the next: futures by ancestral sampling."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import fold
from .decoder import Translator
from .generative import AT_ONCE, Generative, few, uniforms
from .inputs import Inputs
from .options import HeadName
from .windows import Batch


class Ancestral(Generative, Translator):
    """Each block is told what the one before it came to, so a forecast follows many futures block by block.

    Training tells it the truth, and more and more often what it might have said itself: a sample of its answer to the
    truth, so that all blocks are still worked on at once.

    Args:
        encoder: see `Translator`, as all others but the last two.
        truth: share of blocks that are told the truth at the end of training; at its start all are.
        draws: futures behind a forecast.

    Source: Salinas et al. (2020), DeepAR, International Journal of Forecasting 36; Bengio et al. (2015), Scheduled
    Sampling for Sequence Prediction with Recurrent Neural Networks; in parallel as in Duckworth et al. (2019).
    """

    def __init__(
        self, encoder: nn.Module, inputs: Inputs, head: HeadName, hidden: int, width: int, dropout: float,
        beside: float, *, truth: float, draws: int,
    ) -> None:  # fmt: skip
        super().__init__(encoder, inputs, head, hidden, width, dropout, beside)
        self.draws, self.last, self.truth = draws, truth, 1.0
        self.told = nn.Linear(2 * self.patch, hidden)

    def at(self, done: float) -> None:
        """The share of truth falls and never rises."""
        self.truth = min(self.truth, 1 - (1 - self.last) * done)

    def decoded(self, batch: Batch) -> Tensor:
        """See `Network.decoded`: given what was sold in the blocks before, or what might have been."""
        past, known, plan = self.read(batch)

        def after(sold: Tensor) -> Tensor:
            late = F.pad(self.told(sold[:, :, :-1]), (0, 0, 1, 0))  # the block before; the first is told nothing
            return self.answered(self.look(self.write(past, plan + late), past)[0], known)

        sold = self.fed(self.into(batch.target, batch), batch.weight)  # (B, F, L, 2 size)
        if self.truth < 1:
            with torch.no_grad():
                parameters = self.answer(after(sold), batch)
                chance = torch.rand(parameters.shape[:-1], dtype=torch.float64).numpy()
                sample = self.into(self.drawn(parameters, chance, batch), batch)
            true = torch.rand_like(sold[..., :1]) < self.truth
            sold = torch.where(true, sold, self.fed(sample, torch.ones_like(sample)))
        return after(sold)

    def imagine(self, batch: Batch, count: int) -> Tensor:
        """See `Generative.imagine`: each block is told a sample of the one before it."""
        return self._followed(batch, count)[0]

    def attention(self, batch: Batch) -> Tensor:
        """See `Translator.attention`; on average over futures."""
        parts = [self._followed(part, self.draws)[1] for part in few(batch, AT_ONCE // self.draws)]
        return torch.cat(parts).repeat_interleave(self.patch, dim=2)[:, :, : batch.steps.numel()]

    def _followed(self, batch: Batch, count: int) -> tuple[Tensor, Tensor]:
        """What heads are told in each future ``(K, B, F, H, W)``, and where blocks look on average ``(B, F, L, P)``."""
        past, known, plan = self.read(batch)  # (B, F, H, W), (B, F, L, D)
        steps = known.shape[2]
        chance = uniforms(count, steps)  # (K, H)
        state = past.state[:, :, None].expand(-1, -1, count, -1)  # (B, F, K, D)
        told: Tensor | float = 0.0
        said, looked = [], []
        for t, x in enumerate(plan.unbind(2)):  # (B, F, D)
            block = slice(t * self.patch, min((t + 1) * self.patch, steps))
            taken = F.silu(x[:, :, None] + told).expand(state.shape)
            after, _ = self.memory(taken.reshape(-1, 1, taken.shape[-1]), state.reshape(1, -1, state.shape[-1]))
            state = after.view(state.shape)
            seen, weights = self.look(state, past)  # (B, F, K, D), (B, F, K, P)
            looked.append(weights.mean(dim=2))
            said.append(self.answered(seen.movedim(2, 0)[..., None, :], known[:, :, block]))  # (K, B, F, size, W)
            if block.stop < steps:
                here = at_steps(batch, block)
                sample = self.into(self.drawn(self.answer(said[-1], here), chance[:, None, None, block], here), here)
                told = self.told(self.fed(sample, torch.ones_like(sample))[..., 0, :]).movedim(0, 2)  # (B, F, K, D)
        return torch.cat(said, dim=-2), torch.stack(looked, dim=2)

    def fed(self, demand: Tensor, seen: Tensor) -> Tensor:
        """What a block is told of demand ``(..., H)`` that was seen (1) or not (0): ``(..., L, 2 size)``."""
        parts = (torch.asinh(demand) * seen, seen)
        return torch.cat([fold(part[..., None], self.patch) for part in parts], dim=-1)


def at_steps(batch: Batch, block: slice) -> Batch:
    """What units and frames ask for, at a block of the steps ahead."""
    return replace(batch, season=batch.season[..., block], told=batch.told[..., block, :])
