"""Recurrent encoders: LSTM, GRU, Elman's network."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .options import CellName

_CELLS: dict[CellName, type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]] = {"lstm": nn.LSTM, "gru": nn.GRU, "elman": nn.RNN}


class Recurrent(nn.Module):
    """A memory that takes one patch after the other; what it takes in is added to what it shows.

    Args:
        cell: kind of memory.
        enter: numbers that describe a patch.
        hidden: units of the memory, D.
        layers: memories on top of each other.
        dropout: between them.
    """

    def __init__(self, cell: CellName, enter: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Linear(enter, hidden)
        between = dropout if layers > 1 else 0.0
        self.memory = _CELLS[cell](hidden, hidden, layers, batch_first=True, dropout=between)

    def forward(self, patches: Tensor, forks: int) -> Tensor:
        """``(B, P, I)`` to ``(B, F, D)``, see `skucast.models.neural.network.Network`."""
        x = F.silu(self.embed(patches))  # (B, P, D)
        h, _ = self.memory(x)  # (B, P, D)
        shown: Tensor = x[:, -forks:] + h[:, -forks:]
        return shown
