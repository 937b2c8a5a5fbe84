"""The recursive strategy of the boosting model: a block of steps is forecast, appended, and forecast from again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..forecast import LEVELS, stretched_from
from ..frequency import Frequency
from ..panel import F32, Bool, Panel
from .boosting_matrix import Columns
from .boosting_sample import Sample
from .spec import Arrays

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Say = Callable[[Panel, Mapping[str, F32], int], tuple[F64, F64]]
"""Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of the steps right after a panel, given its known covariates there."""

_FACTORS = np.geomspace(1, 8, 54)  # widenings that are tried, 4 % apart
_PRIOR = 40.0  # held-out rows that "no wider" counts for
_MIDDLE = LEVELS.index(0.5)


def block_steps(freq: Frequency) -> int:
    """Steps that one block has: a short season of days (7) or hours (24), otherwise one step."""
    return freq.season if freq.unit in ("D", "h") else 1


def roll(
    panel: Panel, known: Mapping[str, F32], horizon: int, columns: Columns, block: int, say: Say
) -> tuple[F64, F64]:
    """Forecast block after block, each from the history that the means of the blocks before it continue.

    Past covariates keep their last value. A phase of the season in which a series was never seen
    lately (a weekday on which the shop is closed) stays missing, as it was in training.

    Args:
        panel: history.
        known: covariates known ahead, name -> ``(S, horizon)``.
        horizon: steps ahead.
        columns: of the model; its season tells phases apart.
        block: steps forecast at a time.
        say: forecasts one block.

    Returns:
        Mean ``(S, horizon)`` and quantiles ``(S, horizon, Q)``.
    """
    closed = _never_seen(panel, columns)
    means, quantiles = [], []
    for first in range(0, horizon, block):
        steps = min(block, horizon - first)
        ahead = {name: values[:, first : first + steps] for name, values in known.items()}
        mean, spread = say(panel, ahead, steps)
        means.append(mean)
        quantiles.append(spread)
        if first + steps < horizon:
            phase = (first + np.arange(steps)) % columns.season
            panel = _longer(panel, np.where(closed[:, phase], np.nan, mean), ahead)
    return np.concatenate(means, axis=1), np.concatenate(quantiles, axis=1)


def rehearse(
    panel: Panel, origins: Sequence[int], horizon: int, rows: int, rng: np.random.Generator, say: Say
) -> tuple[I64, F64, F64, F64]:
    """What a model would have said at held-out origins, and what came.

    Args:
        panel: history, the held-out steps included.
        origins: ordinals of the last step that the model may know.
        horizon: steps ahead, fewer where the panel ends before.
        rows: most rows in total; series are drawn so that they suffice.
        rng: of that draw.
        say: forecasts at `LEVELS`.

    Returns:
        Step ahead (from 0), quantiles ``(R, Q)``, demand ``(R,)`` and the size of the series ``(R,)``, rows with
        missing demand or without a forecast left out.
    """
    leads, found, demand, sizes = [np.empty(0, np.int64)], [np.empty((0, len(LEVELS)))], [np.empty(0)], [np.empty(0)]
    for origin in origins:
        back = panel.end - origin
        steps = min(horizon, back)
        born = np.flatnonzero(panel.lengths > back)
        if steps < 1 or not born.size:
            continue
        most = max(1, rows // (len(origins) * steps))
        part = panel.take(np.sort(rng.choice(born, most, replace=False)) if born.size > most else born)
        ahead = {name: part.dense(column, back)[:, :steps] for name, column in part.known.items()}
        mean, quantiles = say(part.until(origin), ahead, steps)
        came = np.maximum(part.dense(part.observed, back)[:, :steps].astype(np.float64), 0)
        size = np.repeat(mean.mean(axis=1), steps).reshape(mean.shape)
        usable = ~np.isnan(came) & (np.nan_to_num(size) > 0) & np.isfinite(quantiles).all(axis=2)
        leads.append(np.broadcast_to(np.arange(steps), usable.shape)[usable])
        found.append(quantiles[usable])
        demand.append(came[usable])
        sizes.append(size[usable])
    return np.concatenate(leads), np.concatenate(found), np.concatenate(demand), np.concatenate(sizes)


@dataclass(frozen=True, eq=False)
class Widening:
    """By how much quantiles lie further from the median the more blocks were forecast from forecasts.

    A forecast from appended means believes them: it neither knows that they may be wrong, nor sees how uneven
    demand is. How wide the truth was after so many blocks is learned on held-out origins.

    Attributes:
        factors: ``(B, 2)`` of the distances below and above the median, per block, at least 1 and never
            falling; blocks further ahead take the last. No rows where nothing could be held out.
    """

    factors: F64

    @staticmethod
    def none() -> Widening:
        """Quantiles as they are."""
        return Widening(np.empty((0, 2)))

    @staticmethod
    def learn(lead: I64, quantiles: F64, came: F64, size: F64) -> Widening:
        """The factors with the least pinball loss, smoothed so that they rise from block to block.

        Args:
            lead: ``(R,)`` number of the block, from 0.
            quantiles: ``(R, Q)`` forecast at `LEVELS`.
            came: ``(R,)`` demand.
            size: ``(R,)`` of the series, positive; weights are as in training.

        Source: isotonic regression by Barlow et al. (1972), Statistical inference under order restrictions.
        """
        from scipy.optimize import isotonic_regression

        if not lead.size:
            return Widening.none()
        blocks = int(lead.max()) + 1
        rows = Sample(np.empty((len(size), 0), np.float32), came.astype(np.float32), size.astype(np.float32))
        middle = quantiles[:, _MIDDLE] / size
        loss = np.zeros((blocks, 2, len(_FACTORS)))
        for k, level in enumerate(LEVELS):
            if k == _MIDDLE:
                continue
            off = quantiles[:, k] / size - middle
            for f, factor in enumerate(_FACTORS):
                gap = rows.target - np.maximum(middle + factor * off, 0)
                pinball = rows.weight * np.maximum(level * gap, (level - 1) * gap)
                loss[:, int(k > _MIDDLE), f] += np.bincount(lead, pinball, blocks)
        count = np.bincount(lead, minlength=blocks).astype(np.float64)
        best = np.log(_FACTORS)[loss.argmin(axis=2)] * (count / (count + _PRIOR))[:, None]
        rising = [isotonic_regression(best[:, side], weights=count + 1e-9).x for side in (0, 1)]
        return Widening(np.exp(np.stack(rising, axis=1)))

    def of(self, quantiles: F64, middle: F64, block: int) -> F64:
        """Quantiles ``(S, H, Q)`` moved away from the medians ``(S, H)``; ``block`` steps share a factor."""
        if not len(self.factors):
            return quantiles
        lead = np.minimum(np.arange(middle.shape[1]) // block, len(self.factors) - 1)
        below, above = (self.factors[lead, side][None, :, None] for side in (0, 1))
        return stretched_from(middle[:, :, None], quantiles, below, above)

    def to_arrays(self) -> Arrays:
        """What `from_arrays` reads."""
        return {"widening": self.factors}

    @staticmethod
    def from_arrays(arrays: Arrays) -> Widening:
        """Read what `to_arrays` gave."""
        return Widening(arrays["widening"])


def _never_seen(panel: Panel, columns: Columns) -> Bool:
    """``(S, season)``: phases after the panel's end of which the last values are all missing; never in new series."""
    span = columns.seasons * columns.season
    recent = np.isnan(panel.dense(panel.observed, span)).reshape(len(panel), columns.seasons, columns.season)
    return np.asarray(recent.all(axis=1) & (panel.lengths >= span)[:, None])


def _longer(panel: Panel, values: F64, known: Mapping[str, F32]) -> Panel:
    """The panel with further steps, past covariates at their last value."""
    grown = panel.append(values, known)
    added = grown.ordinals > panel.end
    past = {
        name: np.where(added, panel.dense(column, 1)[grown.row_of, 0], grown.past[name])
        for name, column in panel.past.items()
    }
    return replace(grown, past=past)
