"""Recurrent encoders: LSTM, GRU, Elman's network."""

from __future__ import annotations

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from .dropout import LockedDropout
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


class Stacked(nn.Module):
    """Memories on top of each other with what lets several of them be trained, and dropout that respects time.

    Args:
        cell: kind of memory.
        enter: numbers that describe a patch.
        hidden: units of each memory, D.
        layers: memories.
        dropout: before each memory but the first, and before that too if locked.
        both_ways: also read backwards; each fork then has a context of its own, as if nothing came after it.
        residual: what a memory takes in is added to what it shows.
        norm: layer normalisation of what a memory takes in.
        locked: the same units are left out at all patches.
        weight_drop: share of the weights from a memory to itself that is left out, the same at all patches.
    """

    def __init__(
        self, cell: CellName, enter: int, hidden: int, layers: int, dropout: float, *, both_ways: bool = False,
        residual: bool = False, norm: bool = False, locked: bool = False, weight_drop: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embed = nn.Linear(enter, hidden)
        self.both_ways, self.residual, self.weight_drop = both_ways, residual, weight_drop
        self.memory = nn.ModuleList(
            _CELLS[cell](hidden, hidden, batch_first=True, bidirectional=both_ways) for _ in range(layers)
        )
        self.norm = nn.ModuleList(nn.LayerNorm(hidden) if norm else nn.Identity() for _ in range(layers))
        self.join = nn.ModuleList(nn.Linear(2 * hidden, hidden) for _ in range(layers if both_ways else 0))
        drops = [LockedDropout(dropout) if locked else nn.Dropout(dropout if k else 0.0) for k in range(layers)]
        self.drop = nn.ModuleList(drops)

    def forward(self, patches: Tensor, forks: int) -> Tensor:
        """``(B, P, I)`` to ``(B, F, D)``, see `skucast.models.neural.network.Network`."""
        x = F.silu(self.embed(patches))  # (B, P, D)
        if not self.both_ways:
            return self.read(x)[:, -forks:]
        own = F.pad(x, (0, 0, forks - 1, 0)).unfold(1, x.shape[1], 1).transpose(2, 3)  # (B, F, P, D) up to each fork
        read = self.read(own.flatten(0, 1))  # (B F, P, D)
        # where the way forwards ends, and the way backwards
        shown: Tensor = (read[:, -1] + read[:, 0]).view(x.shape[0], forks, -1)
        return shown

    def read(self, x: Tensor) -> Tensor:
        """What the last memory shows of ``(B, P, D)``, and what the first took in."""
        shown = x
        for k, memory in enumerate(self.memory):
            h = self.run(memory, self.drop[k](self.norm[k](shown)))  # (B, P, D), both ways (B, P, 2 D)
            if self.both_ways:
                h = self.join[k](h)
            shown = shown + h if self.residual else h
        return shown if self.residual else x + shown

    def run(self, memory: nn.Module, x: Tensor) -> Tensor:
        """A memory over ``(B, P, D)``; in training some of its recurrent weights are zero."""
        weights = {}
        if self.training and self.weight_drop:
            named = memory.named_parameters()
            weights = {n: F.dropout(w, self.weight_drop) for n, w in named if n.startswith("weight_hh")}
        shown: Tensor = (functional_call(memory, weights, (x,)) if weights else memory(x))[0]
        return shown
