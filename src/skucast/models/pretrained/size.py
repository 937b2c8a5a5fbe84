"""Sizes of the network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

LEVELS: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Quantiles that the network gives."""


@dataclass(frozen=True)
class Size:
    """Widths and depths.

    Attributes:
        history: width of the part that reads the whole history.
        history_blocks: its depth.
        step: width of the part that forecasts each step ahead.
        rounds: times that each step attends to the past and thinks about it.
        token: width of a past step.
        heads: of the attention.
        head: width of each.
    """

    history: int
    history_blocks: int
    step: int
    rounds: int
    token: int
    heads: int
    head: int

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


SIZES: dict[str, Size] = {
    "nano": Size(history=96, history_blocks=2, step=64, rounds=2, token=32, heads=2, head=8),
    "small": Size(history=320, history_blocks=3, step=128, rounds=2, token=64, heads=4, head=8),
    "base": Size(history=1024, history_blocks=6, step=512, rounds=4, token=256, heads=8, head=32),
}
"""Name -> size: ``small`` is shipped, ``base`` wants a GPU."""
