"""Steps ahead in blocks as long as a patch, so that a decoder takes weeks rather than days."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def fold(steps: Tensor, size: int) -> Tensor:
    """``(..., H, C)`` to ``(..., L, size * C)``: whole blocks, zeros after the last step."""
    *front, ahead, channels = steps.shape
    padded = F.pad(steps, (0, 0, 0, -ahead % size))
    return padded.reshape(*front, -1, size * channels)


def unfold(blocks: Tensor, size: int, ahead: int) -> Tensor:
    """``(..., L, size * C)`` back to the first H steps, ``(..., H, C)``."""
    *front, count, width = blocks.shape
    return blocks.reshape(*front, count * size, width // size)[..., :ahead, :]


class Two(nn.Sequential):
    """Two linear maps with a bend between them."""

    def __init__(self, enter: int, between: int, leave: int) -> None:
        super().__init__(nn.Linear(enter, between), nn.SiLU(), nn.Linear(between, leave))


class Together(nn.Module):
    """Lets the steps of a block know of each other: a promotion yesterday is felt today.

    Args:
        size: steps of a block.
        width: W, of vectors of steps.
        hidden: D, of vectors of what was seen.
    """

    def __init__(self, size: int, width: int, hidden: int) -> None:
        super().__init__()
        self.size = size
        self.read = nn.Linear(size * width, hidden)
        self.say = nn.Linear(hidden, size * width)

    def forward(self, steps: Tensor, hidden: Tensor) -> Tensor:
        """What to add to steps ``(..., H, W)``, which ``hidden`` ``(..., D)`` are forecast from."""
        blocks = self.read(fold(F.silu(steps), self.size)) + hidden[..., None, :]  # (..., L, D)
        return unfold(self.say(F.silu(blocks)), self.size, steps.shape[-2])
