"""Stretch: how much wider or narrower the intervals of a combination have to be to fit what came.

Members that were fitted to the same demand tend to be sure together. Two factors, for the distance of the lower and
the upper quantiles from the median, are chosen on the windows of a backtest by the loss itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..evaluate.backtest import Backtest
from ..forecast import SHOWN, stretched_from
from ..panel import F32

UNCHANGED = (1.0, 1.0)
_FACTORS = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.7, 2.0)
_CELLS = 60_000  # looked at per window
_GAIN = 0.01  # in WQL, without which intervals keep their shape and are only made to cover what they say


def stretched(quantiles: F32, levels: Sequence[float], factors: tuple[float, float]) -> F32:
    """Quantiles ``(..., Q)`` moved away from the median by the factors below and above it; never below zero.

    The median is that of the levels, or the one nearest to it.
    """
    if factors == UNCHANGED or not len(levels):
        return quantiles
    centre = int(np.argmin(np.abs(np.asarray(levels) - 0.5)))
    below, above = (np.float32(factor) for factor in factors)
    moved = stretched_from(quantiles[..., centre : centre + 1], quantiles, below, above)
    return np.asarray(np.maximum(moved, np.minimum(quantiles, 0)), dtype=np.float32)


def learn_stretch(backtest: Backtest, combined: Sequence[tuple[F32, F32] | None]) -> tuple[float, float]:
    """Factors below and above the median that give the lowest mean WQL over the windows, drawn towards one.

    A window is one draw of what moves all series together: with ``W`` of them the factor's logarithm counts for
    ``W / (W + 1)``. What gains less than one percent is not done: where demand is often zero, the loss hardly minds
    intervals that are much too wide, and `Calibration` alone makes them cover what they say.

    Args:
        backtest: whose windows hold what came.
        combined: mean and quantiles of the combination in each window, at the levels of the backtest.
    """
    shown = [int(np.argmin(np.abs(np.asarray(backtest.levels) - q))) for q in SHOWN]
    cells = []
    for window, made in zip(backtest.windows, combined, strict=True):
        seen = ~np.isnan(window.actual)
        size = int(seen.sum())
        if made is None or not size or not window.actual[seen].any():
            continue
        few = np.linspace(0, size - 1, min(size, _CELLS)).astype(np.int64)
        weight = np.broadcast_to(1.0 if window.weight is None else window.weight[:, None], seen.shape)
        cells.append((window.actual[seen][few], made[1][seen][few][:, shown], weight[seen][few]))
    if not cells:
        return UNCHANGED
    levels = np.asarray(SHOWN)
    centre = len(SHOWN) // 2
    found: list[float] = []
    plain = best = 0.0
    for side in (levels < 0.5, levels > 0.5):
        losses = []
        for factor in _FACTORS:
            total = 0.0
            for y, q, weight in cells:
                moved = np.maximum(q[:, [centre]] + (q[:, side] - q[:, [centre]]) * np.float32(factor), 0)
                error = y[:, None] - moved
                loss = np.maximum(levels[side] * error, (levels[side] - 1) * error).sum(axis=1)
                total += float((weight * loss).sum() / (weight * np.abs(y)).sum())
            losses.append(total)
        found.append(_FACTORS[int(np.argmin(losses))] ** (len(cells) / (len(cells) + 1)))
        plain, best = plain + losses[_FACTORS.index(1.0)], best + min(losses)
    return (found[0], found[1]) if best < (1 - _GAIN) * plain else UNCHANGED
