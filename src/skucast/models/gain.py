"""Gain: by how much one forecast is better than another, series with series, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SURE = 2.0
"""Standard errors by which something new must be better than what is there to take its place."""

_TRUST = 8  # windows one after another that make what was learned weigh as much as what was there before


def learned_share(periods: int) -> float:
    """Share of the way to go from a pretrained model to what a history of so many windows one after another taught.

    All items of a shop share its weather: a few windows teach much that happened once.

    Source: a part of the way as in Wortsman et al. (2022), Robust fine-tuning of zero-shot models; its share as that of
    a mean that is shrunk to an earlier one.
    """
    return periods / (periods + _TRUST)


@dataclass(frozen=True)
class Gain:
    """How much smaller a loss became.

    Attributes:
        mean: over windows.
        by_series: its standard error as series differ; infinite for a single one.
        by_window: its standard error as windows differ; infinite for a single one.
    """

    mean: float
    by_series: float
    by_window: float

    @staticmethod
    def of(saved: npt.NDArray[np.float64]) -> Gain:
        """From what was saved.

        Args:
            saved: ``(K, B)`` by how much the loss of each window and series (or block of series) became smaller.
        """
        windows, blocks = saved.shape
        by_block, by_window = saved.mean(axis=0), saved.sum(axis=1)
        return Gain(
            float(by_block.sum()),
            float(by_block.std(ddof=1)) * blocks**0.5 if blocks > 1 else float("inf"),
            float(by_window.std(ddof=1)) / windows**0.5 if windows > 1 else float("inf"),
        )

    @property
    def convincing(self) -> bool:
        """Is it more than chance, where there are many series and a few windows?

        A few windows hardly know how much windows differ, so that one standard error of that must do: of two windows both
        have to be better.
        """
        return self.mean > SURE * self.by_series and self.mean > self.by_window

    @property
    def error(self) -> float:
        """The larger of the errors that are known: series of one window share its weather, and few windows may agree
        by chance."""
        return max((e for e in (self.by_series, self.by_window) if np.isfinite(e)), default=float("inf"))
