"""Loess: local weighted regression on evenly spaced steps, for many series at once.

The weights depend on the positions only, so they are laid out once as narrow matrices; smoothing a panel is a few
matrix products, also where steps are missing or weighted down.

Source: Cleveland, Cleveland, McRae & Terpenning (1990), STL: a seasonal-trend decomposition procedure based on Loess,
Journal of Official Statistics 6. Where steps are complete the numbers are those of its Fortran (and of statsmodels).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
_FEW = 0.45  # share of a window's weight that must be seen for a slope to be taken
_NOTHING = 1e-9  # share of it below which the window is empty


@dataclass(frozen=True)
class Tile:
    """Rows ``first:last`` of a banded matrix, which are zero outside the columns ``left:right``."""

    first: int
    last: int
    left: int
    right: int
    part: F64


@dataclass(frozen=True)
class Loess:
    """Smoother of ``n`` steps.

    Attributes:
        n: steps.
        span: steps in a window; more than ``n`` widens the weights beyond what is there.
        degree: 0 for local means, 1 for local lines.
        around: also estimate one step before the first and one after the last (``n + 2`` rows).
    """

    n: int
    span: int
    degree: int
    around: bool = False

    def smooth(self, y: F64, weight: F64 | None = None, seen: F64 | None = None) -> F64:
        """Smoothed values ``(n, S)``, or ``(n + 2, S)`` if ``around``.

        Args:
            y: ``(n, S)``, time first, without NaN; what stands at steps of weight zero does not matter.
            weight: ``(n, S)`` of each step; None is one everywhere.
            seen: ``(n, S)`` one where a step is known, zero where not, if any is not. Windows of which little
                is known take a mean instead of a line; empty ones take what is nearest.
        """
        if weight is None:
            return _times(self._operator, y)
        tiles = self._weights
        weighted = weight * y
        total, level = _times(tiles[0], weight), _times(tiles[0], weighted)
        empty = total <= _NOTHING * self._sums
        safe = np.where(empty, 1.0, total)
        out = level / safe
        if self.degree:
            middle, square = _times(tiles[1], weight) / safe, _times(tiles[2], weight) / safe
            spread = square - middle**2
            use = np.sqrt(np.maximum(spread, 0.0)) > 0.001 * (self.n - 1)
            if seen is not None:
                use &= _times(tiles[0], seen) > _FEW * self._sums
            slope = (_times(tiles[1], weighted) / safe - middle * out) / np.where(use, spread, 1.0)
            out = np.where(use, out - middle * slope, out)
        if empty.any():
            bad = np.flatnonzero(empty.any(axis=0))
            near = self._nearness
            filled = near @ weighted[:, bad] / np.maximum(near @ weight[:, bad], 1e-300)
            out[:, bad] = np.where(empty[:, bad], filled, out[:, bad])
        return out

    @cached_property
    def _targets(self) -> npt.NDArray[np.int64]:
        return np.arange(-1, self.n + 1) if self.around else np.arange(self.n)

    @cached_property
    def _weights(self) -> tuple[list[Tile], list[Tile], list[Tile]]:
        """Tricube weights, and those times distance and squared distance from the target."""
        n, span = self.n, self.span
        x = self._targets[:, None]
        left = np.clip(x - span // 2, 0, max(n - span, 0))
        right = np.minimum(left + span, n) - 1
        reach = np.maximum(x - left, right - x) + max(span - n, 0) // 2
        rows = max(16, min(span, n) // 2)
        out: tuple[list[Tile], list[Tile], list[Tile]] = ([], [], [])
        for first in range(0, len(x), rows):
            part = slice(first, min(first + rows, len(x)))
            low, high = int(left[part].min()), int(right[part].max()) + 1
            away = np.arange(low, high) - x[part]
            ratio = np.abs(away) / np.maximum(reach[part], 1e-12)
            inside = (np.arange(low, high) >= left[part]) & (np.arange(low, high) <= right[part]) & (ratio <= 0.999)
            w = np.where(inside, np.where(ratio <= 0.001, 1.0, (1 - np.minimum(ratio, 1.0) ** 3) ** 3), 0.0)
            for power, tiles in enumerate(out):
                tiles.append(Tile(part.start, part.stop, low, high, w * away**power))
        return out

    @cached_property
    def _sums(self) -> F64:
        return np.concatenate([tile.part.sum(axis=1) for tile in self._weights[0]])[:, None]

    @cached_property
    def _operator(self) -> list[Tile]:
        """The smoother as one matrix, for steps that all count the same."""
        out = []
        for tile, first, second in zip(*self._weights, strict=True):
            total = tile.part.sum(axis=1, keepdims=True)
            w = tile.part / total
            if self.degree:
                middle = first.part.sum(axis=1, keepdims=True) / total
                spread = second.part.sum(axis=1, keepdims=True) / total - middle**2
                use = np.sqrt(np.maximum(spread, 0.0)) > 0.001 * (self.n - 1)
                away = np.arange(tile.left, tile.right) - self._targets[tile.first : tile.last, None]
                w = np.where(use, w * (1 - middle / np.where(use, spread, 1.0) * (away - middle)), w)
            out.append(Tile(tile.first, tile.last, tile.left, tile.right, w))
        return out

    @cached_property
    def _nearness(self) -> F64:
        """Weights that fall so fast with distance that the nearest known steps decide."""
        away = np.abs(self._targets[:, None] - np.arange(self.n))
        return np.asarray(1.0 / (1.0 + away) ** 6)


@lru_cache(maxsize=64)
def loess(n: int, span: int, degree: int, around: bool = False) -> Loess:
    """A smoother whose matrices are kept for the next call."""
    return Loess(n, span, degree, around)


def _times(tiles: list[Tile], values: F64) -> F64:
    out = np.empty((tiles[-1].last, values.shape[1]))
    for tile in tiles:
        np.matmul(tile.part, values[tile.left : tile.right], out=out[tile.first : tile.last])
    return out
