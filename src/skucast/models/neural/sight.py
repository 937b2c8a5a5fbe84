"""Which patches a fork may look at."""

from __future__ import annotations

import torch
from torch import Tensor

from .scaling import STATISTICS


def begun(patches: Tensor, size: int) -> Tensor:
    """``(B, P)`` True from the first patch on in which something was observed."""
    return patches[..., 2 * size + STATISTICS.index("observed")] > 0


def visible(begun: Tensor, forks: int) -> Tensor:
    """``(B, F, P)`` which patches a fork may look at: itself, and those before it from the beginning of the series."""
    patch = torch.arange(begun.shape[1], device=begun.device)
    own = patch[-forks:, None]
    return (begun[:, None] & (patch < own)) | (patch == own)


def mask(visible: Tensor, like: Tensor) -> Tensor:
    """What is added to scores: 0 where something is visible, minus infinity elsewhere."""
    return torch.zeros(visible.shape, dtype=like.dtype, device=like.device).masked_fill(~visible, -torch.inf)
