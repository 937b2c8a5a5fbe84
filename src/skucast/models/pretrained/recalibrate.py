"""Recalibration: intervals stretched until they would have held on the last windows of the user's own history.

A conformal factor for each side and band of the horizon, shared by all series: the ratio of what was observed to what
was forecast, at the outer quantiles.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from ...forecast import stretched_from
from ...panel import F32
from .forward import Forward
from .held_out import HeldOut
from .last_year import LastYear
from .size import LEVELS

Recalibrate = Literal["never", "always", "tested"]

BANDS = 3
"""Thirds of the horizon."""
_LOW, _MIDDLE, _HIGH = (LEVELS.index(q) for q in (0.1, 0.5, 0.9))
_MOST = 2.5
_TRUST = 100.0
"""Observations that weigh as much as the belief that the network is right."""

_COVERED = 0.8
_NEARER = 0.005
"""By how much coverage has to come nearer to what it should be."""
_COST = 0.001
"""Share of the WQL that this may cost."""


def recalibrated(
    held: HeldOut | None, network: Forward, last_year: LastYear, how: Recalibrate
) -> tuple[npt.NDArray[np.float64], str]:
    """Factors as those of `learn`, and what was decided, in a sentence.

    Args:
        held: the panel's last windows; None if it is too short to hold any out.
        network: that has not seen them.
        last_year: that is mixed into its answers.
        how: always, or only if what earlier windows teach brings the coverage of the last one nearer to 80 % and does
            not cost accuracy.
    """
    unchanged = np.ones((BANDS, 2))
    if held is None:
        return unchanged, "Intervals were not recalibrated: the history is too short."
    said = held.answers(network, last_year)
    if how == "tested":
        earlier, last = held.part(0, -1), held.part(-1)
        moved = stretched(
            said[-1], learn(said[:-1].reshape(-1, *said.shape[2:]), earlier.actual.reshape(-1, said.shape[2]))
        )
        was, now = (last.coverage(q[None]) for q in (said[-1], moved))
        before, after = (float(last.losses(q[None]).sum()) for q in (said[-1], moved))
        sentence = (
            f"on the last window 80 % intervals covered {100 * now:.1f} % with it and {100 * was:.1f} % without, "
            f"WQL {after:.4f} against {before:.4f}"
        )
        if not (abs(now - _COVERED) < abs(was - _COVERED) - _NEARER and after <= (1 + _COST) * before):
            return unchanged, f"Recalibration of intervals was rejected: {sentence}."
        note = f"Intervals were recalibrated: {sentence}."
    else:
        note = f"Intervals were recalibrated on the last {len(said)} windows of {said.shape[2]} steps."
    return learn(said.reshape(-1, *said.shape[2:]), held.actual.reshape(-1, said.shape[2])), note


def band(steps: int) -> npt.NDArray[np.int64]:
    """``(H,)`` band of each step."""
    return np.minimum(np.arange(steps) * BANDS // max(steps, 1), BANDS - 1)


def learn(quantiles: F32, actual: F32) -> npt.NDArray[np.float64]:
    """Factors ``(BANDS, 2)`` of the distance from the median, down and up.

    Args:
        quantiles: ``(S, H, len(LEVELS))`` forecasts.
        actual: ``(S, H)`` what came; NaN does not count.
    """
    out = np.ones((BANDS, 2))
    bands = band(actual.shape[1])
    middle = quantiles[:, :, _MIDDLE]
    for side, (outer, sign) in enumerate(((_LOW, -1.0), (_HIGH, 1.0))):
        width = sign * (quantiles[:, :, outer] - middle)
        counts = ~np.isnan(actual) & np.isfinite(middle) & (width > 1e-6 * (1e-6 + np.abs(middle)))
        ratio = np.where(counts, sign * (actual - middle) / np.where(counts, width, 1.0), np.nan)
        for k in range(BANDS):
            seen = ratio[:, bands == k]
            seen = seen[~np.isnan(seen)]
            if seen.size == 0:
                continue
            found = float(np.quantile(seen, 0.9))
            share = seen.size / (seen.size + _TRUST)
            out[k, side] = np.exp(share * np.log(np.clip(found, 1 / _MOST, _MOST)))
    return out


def stretched(quantiles: F32, stretch: npt.NDArray[np.float64]) -> F32:
    """Quantiles ``(B, H, len(LEVELS))`` moved away from the median by the factors of `learn`."""
    factor = stretch[band(quantiles.shape[1])].astype(np.float32)  # (H, 2)
    middle = quantiles[:, :, _MIDDLE : _MIDDLE + 1]
    moved = stretched_from(middle, quantiles, factor[:, :1], factor[:, 1:])
    return np.asarray(np.maximum(moved, 0), dtype=np.float32)
