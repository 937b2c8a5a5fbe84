"""What all networks share: an encoder of the past, a decoder of the steps ahead, a head."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...forecast import LEVELS
from .blocks import Together
from .heads import QuantileHead, mean_at_levels
from .inputs import Inputs
from .likelihoods import head_of
from .options import HeadName
from .statics import Statics
from .windows import Batch

_FAINT = 0.1  # deviation of vectors of texts before training
_FORGOTTEN = 0.1  # share of texts that training leaves out


class Forecaster(nn.Module):
    """What training and forecasting ask of a network. B windows, F forks, H steps ahead, Q levels.

    Attributes:
        whole: True if the network needs every step of the horizon in training, not a few of them drawn at random.
        single: True if it answers at the last fork only, so that training draws windows of one fork.
    """

    whole: bool = False
    single: bool = False

    def at(self, done: float) -> None:
        """Told before every update which share of the training is over, for schedules of the network's own."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """What training makes small: a scalar."""

    @abstractmethod
    def describe(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean ``(B, F, H)`` and quantiles ``(B, F, H, Q)`` at `LEVELS`, in units of the scale at each fork."""

    def quantiles(self, batch: Batch) -> Tensor:
        """The quantiles of `describe`, ``(B, F, H, Q)``; they alone are judged in training."""
        return self.describe(batch)[1]


class Network(Forecaster):
    """B windows, P patches, F forks, H steps ahead, D hidden units, W decoder units, K parameters of a step.

    Args:
        encoder: takes patches ``(B, P, inputs.patch_width)`` and a number of forks F, and gives what the last F
            patches have seen, each of itself and those before it only: ``(B, F, D)``.
        inputs: what the network sees.
        head: of the distribution that it answers with.
        hidden: D.
        width: W.
        dropout: share of hidden units left out.
        beside: what the cost of other targets counts next to that of demand.

    Attributes:
        direct: True if the steps ahead are answered for by `decoded` of this class, not by a decoder of another kind.

    Source: a decoder that answers for all steps at once as in Wen et al. (2017), A Multi-Horizon Quantile
    Recurrent Forecaster.
    """

    direct: ClassVar[bool] = True

    def __init__(
        self, encoder: nn.Module, inputs: Inputs, head: HeadName, hidden: int, width: int, dropout: float,
        beside: float = 0.3,
    ) -> None:  # fmt: skip
        super().__init__()
        self.encoder = encoder
        self.drop = nn.Dropout(dropout)
        self.spread = Spread(hidden, inputs.horizon, width)
        self.ahead: nn.Module = nn.Linear(inputs.ahead_width, width)
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        # steps of a week (or of a day) hang together; months of weeks were tried and gained nothing
        together = self.direct and inputs.patch > 1 and inputs.patch % inputs.season == 0
        self.together = Together(inputs.patch, width, hidden) if together else None
        self.whole = self.whole or together
        self.head = head_of(head, width, inputs.scaling)
        self.still = Still(inputs.statics, hidden) if inputs.statics else None
        if inputs.base:
            self.head.begin_with_told(inputs.base.share)
        self.others = nn.ModuleList(QuantileHead(width) for _ in inputs.targets)
        self.framed, self.shifted = inputs.framed, inputs.normalise
        self.beside = beside

    def forward(self, batch: Batch) -> Tensor:
        """Parameters ``(B, F, H, K)`` of the head, which speaks of demand in the frame of `into`."""
        return self.answer(self.decoded(batch), batch)

    def answer(self, z: Tensor, batch: Batch) -> Tensor:
        """Parameters ``(..., B, F, H, K)`` of the head from vectors ``(..., B, F, H, W)`` of the steps ahead."""
        parameters: Tensor = self.head(z, self.into_all(batch.told, batch) if batch.told.shape[-1] else None)
        return parameters

    def decoded(self, batch: Batch) -> Tensor:
        """What heads are told of each step ahead, ``(B, F, H, W)``."""
        h = self.drop(self.still_of(batch, self.encoder(batch.patches, batch.scale.shape[1])))  # (B, F, D)
        ahead = self.ahead(batch.ahead)
        z = self.spread(h, batch.steps) + ahead
        return self.refined(z if self.together is None else z + self.together(ahead, h))

    def still_of(self, batch: Batch, hidden: Tensor) -> Tensor:
        """Hidden vectors ``(B, F, D)`` with what does not change about each series."""
        return hidden if self.still is None else hidden + self.still(batch.codes, batch.numbers)[:, None]

    def refined(self, steps: Tensor) -> Tensor:
        """Vectors ``(..., H, W)`` of the steps ahead as heads take them."""
        return F.silu(steps + self.mix(steps))

    def loss(self, batch: Batch) -> Tensor:
        """Mean cost of the targets that count, and a share of that of other targets."""
        return self.cost(self.decoded(batch), batch)

    def cost(self, z: Tensor, batch: Batch) -> Tensor:
        """Mean cost of answers from vectors ``(B, F, H, W)`` of the steps ahead."""
        size = self.size(batch) if self.head.in_units else 1.0
        target, unit = self.into(batch.target, batch), self.unit(batch)
        loss = self.head.loss(self.answer(z, batch), target, batch.weight * size, unit)
        for k, head in enumerate(self._beside()):
            scale = batch.others_scale[..., k, None]
            cost = head.loss(head(z), batch.others[..., k], batch.others_weight[..., k], scale)
            loss = loss + self.beside / len(self.others) * cost
        return loss

    def quantiles(self, batch: Batch) -> Tensor:
        """See `Forecaster.quantiles`."""
        return self.out(self.head.quantiles(self(batch), LEVELS, self.unit(batch)), batch)

    def describe(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Forecaster.describe`."""
        parameters, unit = self(batch), self.unit(batch)
        quantiles = self.out(self.head.quantiles(parameters, LEVELS, unit), batch)
        if self.shifted:  # what counts as nothing is no longer zero for the head
            return mean_at_levels(quantiles), quantiles
        return self.out(self.head.mean(parameters, unit)[..., None], batch)[..., 0], quantiles

    def channels(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean ``(B, F, H, C)`` and quantiles ``(B, F, H, Q, C)`` of the other targets, in units of their scales."""
        z, unit = self.decoded(batch), batch.scale[..., None]
        said = [head(z) for head in self._beside()]
        means = [head.mean(q, unit) for head, q in zip(self._beside(), said, strict=True)]
        return torch.stack(means, dim=-1), torch.stack(said, dim=-1)

    def _beside(self) -> list[QuantileHead]:
        return [head for head in self.others if isinstance(head, QuantileHead)]

    def unit(self, batch: Batch) -> Tensor:
        """Demand that a head's 1 stands for (beside a level), ``(B, F, H)`` or ``(B, F, 1)``."""
        unit = batch.scale[..., None]
        return unit * self.size(batch) if self.framed else unit

    def size(self, batch: Batch) -> Tensor:
        """The same in units of the scale."""
        return batch.season * batch.spread[..., None]

    def into(self, demand: Tensor, batch: Batch) -> Tensor:
        """Demand ``(B, F, H)`` in units of the scale, without its season and brought to mean and deviation."""
        if not self.framed:
            return demand
        return (demand / batch.season - batch.level[..., None]) / batch.spread[..., None]

    def into_all(self, quantiles: Tensor, batch: Batch) -> Tensor:
        """The same for several numbers ``(B, F, H, Q)`` each."""
        return (
            torch.stack([self.into(one, batch) for one in quantiles.unbind(-1)], dim=-1) if self.framed else quantiles
        )

    def out(self, said: Tensor, batch: Batch) -> Tensor:
        """Answers ``(B, F, H, Q)`` brought back; `into` the other way."""
        if not self.framed:
            return said
        return (said * batch.spread[..., None, None] + batch.level[..., None, None]) * batch.season[..., None]


class SingleNetwork(Network):
    """With an encoder that reads the context in both directions, so that a window has one origin only."""

    single = True


class Still(nn.Module):
    """A vector of what does not change about a series: one for every text of its static columns, added up.

    Unknown texts add nothing, and in training now and then known ones neither, so that the network can do without.
    """

    def __init__(self, statics: Statics, hidden: int) -> None:
        super().__init__()
        tables = [nn.Embedding(len(g.texts) + 1, hidden, padding_idx=0) for g in statics.groups]
        for table in tables:
            nn.init.normal_(table.weight, std=_FAINT)
            nn.init.zeros_(table.weight[0])
        self.texts = nn.ModuleList(tables)
        self.numbers = nn.Linear(len(statics.numbers), hidden, bias=False) if statics.numbers else None

    def forward(self, codes: Tensor, numbers: Tensor) -> Tensor:
        """Codes ``(B, G)`` and numbers ``(B, N)`` to ``(B, D)``."""
        if self.training:
            codes = codes * (torch.rand(codes.shape, device=codes.device) >= _FORGOTTEN)
        parts = [table(codes[:, k]) for k, table in enumerate(self.texts)]
        if self.numbers is not None:
            parts.append(self.numbers(numbers))
        return torch.stack(parts).sum(dim=0)


class Spread(nn.Module):
    """A linear map of its own for every step ahead, of which only those asked for are worked out."""

    def __init__(self, hidden: int, horizon: int, width: int) -> None:
        super().__init__()
        linear = nn.Linear(hidden, horizon * width)
        self.weight = nn.Parameter(linear.weight.detach().view(horizon, width, hidden))
        self.bias = nn.Parameter(linear.bias.detach().view(horizon, width))

    def forward(self, hidden: Tensor, steps: Tensor) -> Tensor:
        """``(..., D)`` to ``(..., H, W)`` for the steps ``(H,)``."""
        weight, bias = self.weight[steps], self.bias[steps]
        flat = F.linear(hidden, weight.flatten(0, 1), bias.flatten())
        return flat.view(*flat.shape[:-1], *bias.shape)
