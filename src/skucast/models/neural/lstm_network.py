"""The LSTM over patches, with direct quantile forecasts."""

from __future__ import annotations

import torch
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
        self.spread = nn.Linear(hidden, inputs.horizon * width)
        self.ahead = nn.Linear(inputs.ahead_width, width)
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.head = QuantileHead(width, levels)

    def forward(self, batch: Batch) -> Tensor:
        """Quantiles ``(B, F, H, Q)`` in units of the scale at each fork."""
        x = F.silu(self.embed(batch.patches))  # (B, P, D)
        h, _ = self.lstm(x)  # (B, P, D)
        forks = slice(-batch.scale.shape[1], None)
        h = self.drop(x[:, forks] + h[:, forks])  # (B, F, D)
        steps = batch.steps.numel()
        w = self.spread.weight.view(-1, self.ahead.out_features, h.shape[-1])[batch.steps].flatten(0, 1)
        b = self.spread.bias.view(-1, self.ahead.out_features)[batch.steps].flatten()
        z = F.linear(h, w, b).unflatten(-1, (steps, -1))
        z = z + self.ahead(batch.ahead)  # (B, F, H, W)
        z = z + self.mix(z)
        return self.head(F.silu(z))

    def loss(self, batch: Batch) -> Tensor:
        q = self.forward(batch)
        loss = self.head.loss(q, batch.target) * batch.weight
        return loss.sum() / batch.weight.sum().clamp(min=1)
