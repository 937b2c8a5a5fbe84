"""Dropout that respects time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LockedDropout(nn.Module):
    """Leaves out the same units at all steps of a window, so that noise does not pass for a change over time.

    Args:
        share: of units left out.

    Source: Gal & Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent Neural Networks.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """``(B, P, D)``, unchanged but in training."""
        if not self.training or self.share == 0:
            return x
        kept = F.dropout(torch.ones_like(x[:, :1]), self.share)  # (B, 1, D)
        return x * kept
