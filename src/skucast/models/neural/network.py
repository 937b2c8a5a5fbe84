"""What all networks share: an encoder of the past, a decoder of the steps ahead, a head."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from ...forecast import LEVELS
from .inputs import Inputs
from .likelihoods import head_of
from .options import HeadName
from .windows import Batch


class Forecaster(nn.Module):
    """What training and forecasting ask of a network. B windows, F forks, H steps ahead, Q levels.

    Attributes:
        whole: True if the network needs every step of the horizon in training, not a few of them drawn at random.
        single: True if it answers at the last fork only, so that training draws windows of one fork.
    """

    whole: ClassVar[bool] = False
    single: ClassVar[bool] = False

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

    Source: a decoder that answers for all steps at once as in Wen et al. (2017), A Multi-Horizon Quantile
    Recurrent Forecaster.
    """

    def __init__(
        self, encoder: nn.Module, inputs: Inputs, head: HeadName, hidden: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.drop = nn.Dropout(dropout)
        self.spread = Spread(hidden, inputs.horizon, width)
        self.ahead = nn.Linear(inputs.ahead_width, width)
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.head = head_of(head, width)

    def forward(self, batch: Batch) -> Tensor:
        """Parameters ``(B, F, H, K)`` of the head."""
        h = self.drop(self.encoder(batch.patches, batch.scale.shape[1]))  # (B, F, D)
        z = self.spread(h, batch.steps)  # (B, F, H, W)
        z = z + self.ahead(batch.ahead)
        z = z + self.mix(z)
        parameters: Tensor = self.head(F.silu(z))  # (B, F, H, K)
        return parameters

    def loss(self, batch: Batch) -> Tensor:
        """Mean cost of the targets that count."""
        return self.head.loss(self(batch), batch.target, batch.weight, batch.scale[..., None])

    def quantiles(self, batch: Batch) -> Tensor:
        """See `Forecaster.quantiles`."""
        return self.head.quantiles(self(batch), LEVELS, batch.scale[..., None])

    def describe(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Forecaster.describe`."""
        parameters, scale = self(batch), batch.scale[..., None]
        return self.head.mean(parameters, scale), self.head.quantiles(parameters, LEVELS, scale)


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
