"""Each series' season, as it was known at several dates: STL of the history up to each of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...panel import I64, Panel
from ..stl_ets import StlEts, decompose

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
_DATES = 12  # at which histories are taken apart for training
_CYCLES = 104  # of a season that are looked at, at most
_RANGE = (0.1, 10.0)  # of an index
_LEAST = 1e-3  # mean of a series in units of its size, below which it has no season


class Seasons:
    """Multiplicative seasonal indices of a panel's series, of one cycle after the end of history.

    Decomposing the whole history once would tell windows of earlier origins what comes after them. It is therefore
    taken apart at a dozen dates, each time from what was there by then, and a window knows the last of these results
    before its first origin. A forecast, whose origin is the end, knows that of the whole history; it needs no other,
    so that the others are worked out only when they are asked for.

    What chance alone makes of a season is taken off again: an index moves towards 1 by the share of its variance that
    the remainder explains.

    Args:
        panel: history.
        horizon: steps ahead; one of the dates lies so far before the end, where training is examined.

    Source: Cleveland et al. (1990), STL; Miller & Williams (2003), Shrinkage Estimators of Time Series Seasonal Factors
    and their Effect on Forecasting Accuracy, International Journal of Forecasting 19.
    """

    def __init__(self, panel: Panel, horizon: int) -> None:
        self._panel = panel
        self.period = max(panel.freq.season, 1)
        gap = max(horizon, panel.n_steps // _DATES, 1)
        # steps before the end, rising
        self.dates = np.array([0, *range(min(horizon, panel.n_steps // 4), panel.n_steps, gap)], dtype=np.int64)
        self._found: dict[int, F32] = {}

    def known(self, rows: I64, before: I64) -> F32:
        """Indices ``(B, m)``, from the first step after the end of the panel on.

        Args:
            rows: ``(B,)`` series.
            before: ``(B,)`` steps before the end at which each is looked at.
        """
        which = np.searchsorted(self.dates, before)  # the last date before, or none
        out = np.ones((len(rows), self.period), np.float32)
        for k in np.unique(which[which < self.dates.size]).tolist():
            here = which == k
            out[here] = self._at(k)[rows[here]]
        return out

    def _at(self, k: int) -> F32:
        """``(S, m)`` as known at one date."""
        if k not in self._found:
            ago = int(self.dates[k])
            past = self._panel.until(self._panel.end - ago)
            found = np.ones((len(self._panel), self.period), np.float32)
            found[self._panel.lengths > ago] = np.roll(indices(past, self.period), -ago, axis=1)
            self._found[k] = found
        return self._found[k]


def indices(panel: Panel, period: int) -> F32:
    """``(S, m)`` index of each step of a cycle after the end of history; 1 where no season is to be seen."""
    if period < 2 or panel.n_steps < 2 * period:
        return np.ones((len(panel), period), np.float32)
    parts = decompose(StlEts(), panel.tail(_CYCLES * period))
    season, adjusted = parts.ahead[0].T, parts.adjusted.T  # (S, m), (S, T) in units of each series' size
    seen = ~np.isnan(adjusted)
    count = np.maximum(seen.sum(axis=1), 1)
    level = np.where(seen, adjusted, 0.0).sum(axis=1) / count
    jumps = np.diff(adjusted, axis=1) ** 2
    known = ~np.isnan(jumps)
    noise = np.where(known, jumps, 0.0).sum(axis=1) / np.maximum(2 * known.sum(axis=1), 1) * period / count
    signal = season.var(axis=1)
    kept = np.clip(1 - noise / np.maximum(signal, 1e-12), 0.0, 1.0)
    usable = (level > _LEAST) & (count >= 2 * period)
    index = 1 + (kept * usable / np.where(usable, level, 1.0))[:, None] * season
    index = np.clip(index, *_RANGE)
    return np.asarray(index / index.mean(axis=1, keepdims=True), np.float32)
