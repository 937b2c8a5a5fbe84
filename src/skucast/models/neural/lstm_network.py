"""The LSTM over patches, with direct quantile forecasts."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .heads import QuantileHead
from .inputs import Inputs
from .windows import Batch


class LstmNetwork(nn.Module):
    """B windows, P patches, F forks, H steps ahead, Q quantiles, D hidden units, W decoder units."""

    def __init__(
        self, inputs: Inputs, levels: tuple[float, ...], hidden: int, layers: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(inputs.patch_width, hidden)
        self.lstm = nn.LSTM(hidden, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.drop = nn.Dropout(dropout)
        self.spread = Spread(hidden, inputs.horizon, width)
        self.ahead = nn.Linear(inputs.ahead_width, width)
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.head = QuantileHead(width, levels)

    def forward(self, batch: Batch) -> Tensor:
        """Quantiles ``(B, F, H, Q)`` in units of the scale at each fork."""
        x = F.silu(self.embed(batch.patches))  # (B, P, D)
        h, _ = self.lstm(x)  # (B, P, D)
        forks = slice(-batch.scale.shape[1], None)
        h = self.drop(x[:, forks] + h[:, forks])  # (B, F, D)
        z = self.spread(h, batch.steps)  # (B, F, H, W)
        z = z + self.ahead(batch.ahead)
        z = z + self.mix(z)
        quantiles: Tensor = self.head(F.silu(z))
        return quantiles

    def loss(self, batch: Batch) -> Tensor:
        """Mean pinball loss of the targets that count."""
        loss = self.head.loss(self(batch), batch.target) * batch.weight
        mean: Tensor = loss.sum() / batch.weight.sum().clamp(min=1)
        return mean


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
