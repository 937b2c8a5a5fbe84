"""Grid: what the pretrained model has to know of a frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...frequency import Frequency

Kind = Literal["h", "D", "W", "M"]
KINDS: tuple[Kind, ...] = ("h", "D", "W", "M")
HORIZON = 64
"""Steps that one pass forecasts."""
CONTEXT: dict[Kind, int] = {"h": 512, "D": 512, "W": 256, "M": 128}
"""Steps of history that the model sees at most."""

_SEASON: dict[Kind, int] = {"h": 24, "D": 7, "W": 1, "M": 1}
_YEAR: dict[Kind, int] = {"h": 168, "D": 364, "W": 52, "M": 12}
_DAYS: dict[Kind, float] = {"h": 1 / 24, "D": 1.0, "W": 7.0, "M": 365.2425 / 12}
_HALF: dict[Kind, int] = {"h": 24, "D": 14, "W": 6, "M": 3}
_MEMORY: dict[Kind, float] = {"h": 168.0, "D": 56.0, "W": 26.0, "M": 12.0}


@dataclass(frozen=True)
class Grid:
    """A frequency as the network sees it.

    Attributes:
        kind: the nearest of the frequencies that it was trained on.
        season: steps of the short season (a week of days); 1 is none.
        year: steps of the long season (52 weeks of days, a year of weeks).
        days: mean length of a step in days.
    """

    kind: Kind
    season: int
    year: int
    days: float

    @staticmethod
    def of(kind: Kind) -> Grid:
        """The grid of one step of a kind."""
        return Grid(kind, _SEASON[kind], _YEAR[kind], _DAYS[kind])

    @staticmethod
    def from_frequency(freq: Frequency) -> Grid:
        """The grid for any frequency: seconds and minutes pass for hours, quarters and years for months."""
        kind: Kind = "M" if freq.days > 14 else "W" if freq.days > 3.5 else "D" if freq.days >= 0.75 else "h"
        plain = Grid.of(kind)
        if kind in ("W", "M"):
            return Grid(kind, 1, max(1, round(365.2425 / freq.days)), freq.days)
        if kind == "D":
            return plain if freq.multiple == 1 else Grid(kind, 1, round(364 / freq.days), freq.days)
        return Grid(kind, max(1, min(freq.season, 64)), max(1, min(round(7 / freq.days), 512)), freq.days)

    @property
    def context(self) -> int:
        """Steps of history that the model sees at most."""
        return CONTEXT[self.kind]

    @property
    def half(self) -> int:
        """Half the width of the moving average that stands for the local level."""
        return _HALF[self.kind]

    @property
    def memory(self) -> float:
        """Half-life in steps of the weights that give a series its scale."""
        return _MEMORY[self.kind]
