"""Running scale and statistics of every series: what is known of it at each step, from that step back.

A network sees demand divided by the scale at the end of each patch and answers in units of the scale at
the origin. Every number at a step depends on observations up to that step only, so windows may begin and
end anywhere without a leak, and on that series only, so forecasts do not depend on which others are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...panel import F32, Panel

F64 = npt.NDArray[np.float64]
Scaling = Literal["mean", "robust", "asinh"]
"""Units that answers are in: the running ``mean``, a ``robust`` one, or the mean with its hyperbolic arcsine taken."""

STATISTICS: tuple[str, ...] = ("log_scale", "recent", "overall", "spread", "zeros", "since_sale", "observed", "burst")
"""Names of the statistics of `Running`, in order."""
_CHUNK = 60_000  # cells worked on at once: their columns stay in the cache
_OUTLIER = 6.0  # robust scaling: an observation counts for at most so many times the running mean
_PHASE_DECAY = 0.75  # of the profile over past seasons
_LEAST_SPREAD = 0.1  # of a window, in units of the scale


@dataclass(frozen=True, eq=False)
class Running:
    """Flat columns ``(N,)`` beside a panel's values.

    Attributes:
        scale: mean of the recent and the overall running mean; 0 until something was sold.
        statistics: ``(N, G)``, the columns of `STATISTICS`, scaled to about one.
        phase: exponential mean of the same phase of past seasons, that step included; NaN where none was seen.
        near: mean of the steps at most ``reach`` away, later ones included (for looking back one year).
        level: mean of the last ``window`` steps in units of the scale; empty without a window.
        spread: their standard deviation in units of the scale, not below a tenth; empty without a window.
    """

    scale: F32
    statistics: F32
    phase: F32
    near: F32
    level: F32
    spread: F32

    @staticmethod
    def of(panel: Panel, season: int, reach: int, method: Scaling = "mean", window: int = 0) -> Running:
        """Running columns of a panel; negative demand counts as zero."""
        flat = np.maximum(panel.observed, np.float32(0))
        n = flat.size
        made = Running(
            np.empty(n, np.float32), np.empty((n, len(STATISTICS)), np.float32),
            np.empty(n, np.float32), np.empty(n, np.float32),
            *(np.empty(n if window else 0, np.float32) for _ in range(2)),
        )  # fmt: skip
        first, lengths = 0, panel.lengths
        while first < len(panel):
            width = 0
            last = first
            while last == first or (last < len(panel) and max(width, lengths[last]) * (last - first + 1) <= _CHUNK):
                width = max(width, int(lengths[last]))
                last += 1
            cells = slice(int(panel.indptr[first]), int(panel.indptr[last]))
            inside = np.arange(width) >= (width - lengths[first:last])[:, None]
            dense = np.full(inside.shape, np.nan)
            dense[inside] = flat[cells]
            scale, statistics = _running(dense, season, method)
            made.scale[cells] = scale[inside]
            for k, column in enumerate(statistics):
                made.statistics[cells, k] = column[inside]
            made.phase[cells] = _phase(dense, season)[inside]
            made.near[cells] = _near(dense, reach)[inside]
            if window:
                unit = np.where(scale > 0, scale, 1.0)
                level, spread = _moments(dense, window)
                made.level[cells] = (level / unit)[inside]
                made.spread[cells] = np.maximum(spread / unit, _LEAST_SPREAD)[inside]
            first = last
        return made


def _running(values: F64, season: int, method: Scaling) -> tuple[F64, list[F64]]:
    """Scale ``(R, T)`` and statistics of right-aligned rows; NaN is missing."""
    seen = ~np.isnan(values)
    y = np.where(seen, values, 0.0)
    count = np.cumsum(seen, axis=1)
    some = np.maximum(count, 1)
    short, long = max(2.0, season if season <= 24 else 6), max(8.0, 4.0 * season if season <= 24 else 13)
    total = np.cumsum(y, axis=1) / some
    if method == "robust":
        before = np.concatenate([np.full((len(y), 1), np.inf), total[:, :-1]], axis=1)
        before[np.concatenate([np.zeros((len(y), 1), np.int64), count[:, :-1]], axis=1) < 3] = np.inf
        y = np.minimum(y, np.where(before > 0, _OUTLIER * before, np.inf))
        total = np.cumsum(y, axis=1) / some
    weights = {span: _weights(seen, span) for span in {2.0, short, long}}

    def smooth(x: F64, span: float) -> F64:
        return _filtered(x, span) / weights[span] * (count > 0)

    recent = smooth(y, long)
    scale = 0.5 * (recent + total)
    unit = np.where(scale > 0, scale, 1.0)
    ratio = np.minimum(y / unit, 50.0)
    second = smooth(np.where(seen, ratio**2, 0.0), long)
    first = smooth(np.where(seen, ratio, 0.0), long)
    sold = y > 0
    column = np.arange(y.shape[1])
    latest = np.maximum.accumulate(np.where(sold, column, -1), axis=1)
    born = np.where(seen.any(axis=1), seen.argmax(axis=1), y.shape[1])[:, None]
    since = np.where(latest >= 0, column - latest, np.maximum(column - born + 1, 0))
    statistics = [
        np.clip(np.log(unit), -7, 7) / 3,
        np.arcsinh(smooth(y, short) / unit),
        np.arcsinh(total / unit),
        np.sqrt(np.maximum(second - first**2, 0.0)),
        smooth((seen & ~sold).astype(np.float64), long),
        np.log1p(since) / 3,
        np.log1p(count) / 5,
        np.arcsinh(smooth(y, 2.0) / unit),
    ]
    return np.where(count > 0, scale, 0.0), statistics


def _filtered(values: F64, span: float) -> F64:
    """Exponentially weighted sums, their memory about ``span`` steps."""
    from scipy.signal import lfilter

    return np.asarray(np.maximum(lfilter([1.0], [1.0, -(1 - 1 / span)], values, axis=1), 0.0))


def _weights(seen: npt.NDArray[np.bool_], span: float) -> F64:
    """What `_filtered` sums have to be divided by to be means of the observed so far."""
    return np.maximum(_filtered(seen.astype(np.float64), span), 1e-12)


def _phase(values: F64, season: int) -> F64:
    """Exponential mean of each step and those whole seasons before it; NaN where none was seen."""
    from scipy.signal import lfilter

    rows, steps = values.shape
    pad = -steps % season
    cube = np.concatenate([np.full((rows, pad), np.nan), values], axis=1).reshape(rows, -1, season)
    seen = (~np.isnan(cube)).astype(np.float64)
    top = lfilter([1.0], [1.0, -_PHASE_DECAY], np.nan_to_num(cube), axis=1)
    bottom = lfilter([1.0], [1.0, -_PHASE_DECAY], seen, axis=1)
    mean = np.where(bottom > 1e-6, top / np.maximum(bottom, 1e-6), np.nan)
    return np.asarray(mean.reshape(rows, -1)[:, pad:])


def _moments(values: F64, window: int) -> tuple[F64, F64]:
    """Mean and standard deviation of what was observed in the last ``window`` steps; 0 where nothing was."""
    seen = ~np.isnan(values)
    y = np.where(seen, values, 0.0)
    parts = []
    for part in (seen.astype(np.float64), y, y**2):
        total = np.cumsum(np.pad(part, ((0, 0), (window, 0))), axis=1)
        parts.append(total[:, window:] - total[:, :-window])
    count, first, second = np.maximum(parts[0], 1.0), parts[1], parts[2]
    mean = first / count
    return mean, np.sqrt(np.maximum(second / count - mean**2, 0.0))


def _near(values: F64, reach: int) -> F64:
    """Mean of the observed steps at most ``reach`` away; NaN where none was seen."""
    seen = ~np.isnan(values)
    top, bottom = (
        np.cumsum(np.pad(part, ((0, 0), (reach + 1, reach))), axis=1)
        for part in (np.where(seen, values, 0.0), seen.astype(np.float64))
    )
    width = 2 * reach + 1
    total, count = top[:, width:] - top[:, :-width], bottom[:, width:] - bottom[:, :-width]
    return np.asarray(np.where(count > 0.5, total / np.maximum(count, 1), np.nan))
