"""Last year: how much of it a forecast should repeat, learned from a panel's own history.

The network sees one series, in which a year comes once or twice: it cannot tell whether the years of this shop look
alike. All its series together can. Where they do, what was sold a year before is mixed into the forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...panel import F32, I64, Panel
from ..gain import Gain, learned_share
from .answer import F64, losses, units
from .forward import Forward
from .inputs import inputs
from .reading import Reader, blocks, needed, oldest
from .roles import Roles
from .size import LEVELS

_WINDOWS = 512  # that are looked at
_PARTS = 4  # of the time they come from
_BLOCK = 64  # of them computed together
_WEIGHTS = tuple(k / 10 for k in range(11))
_WIDTHS = (0.6, 0.7, 0.8, 0.9, 1.0)
_MIDDLE = LEVELS.index(0.5)


@dataclass(frozen=True)
class LastYear:
    """What the demand of a year before counts in a forecast.

    Attributes:
        weight: of it in the median, from 0 (the network alone) to 1.
        width: of intervals, as a share of the network's: two opinions together err less than one.
    """

    weight: float = 0.0
    width: float = 1.0

    @staticmethod
    def of(panel: Panel, roles: Roles, network: Forward, horizon: int) -> LastYear:
        """Learn from windows of a panel whose years were known by then.

        The weight and width that would have been best on the last year's windows are taken if that adds to the network by
        more than chance (narrower intervals alone do not count: they are the business of recalibration), and of them
        the share that so many steps are worth (all items of a shop share its weather, see
        `skucast.models.gain.learned_share`).

        Args:
            panel: history.
            roles: of its covariates.
            network: whose forecasts are mixed.
            horizon: steps ahead.

        Returns:
            The weight; 0 for steps shorter than a week and where no series is longer than a year.

        Source: Bates & Granger (1969), The Combination of Forecasts, Operational Research Quarterly 20.
        """
        year = panel.freq.year
        if not year:
            return LastYear()
        first = oldest(panel)
        some = np.flatnonzero(first > year)
        if not some.size:
            return LastYear()
        rng = np.random.default_rng(0)
        some = np.sort(rng.choice(some, min(some.size, _WINDOWS), replace=False))
        first = first[some]
        rows = np.repeat(np.arange(some.size), -(-_WINDOWS // some.size))
        # steps after each window's history; the network knows more of windows with more history, so recent ones tell
        back = rng.integers(1, np.minimum(first[rows] - year, year) + 1)
        rows, back = np.unique(np.stack([rows, back]), axis=1)
        said, actual, before = _windows(panel.take(some), roles, network, horizon, rows, back, first)
        actual = np.where(np.isnan(before), np.float32(np.nan), actual)
        mixes = [LastYear(w, c) for w in _WEIGHTS for c in _WIDTHS]
        cell = _part(back) * some.size + rows
        lost = np.array(
            [np.bincount(cell, losses(mix.mixed(said, before), actual), _PARTS * some.size) for mix in mixes]
        ).reshape(len(mixes), _PARTS, some.size)
        lost /= np.maximum(lost[mixes.index(LastYear())].sum(axis=1)[:, None], 1e-9)  # every part counts alike
        best = mixes[int(lost.sum(axis=(1, 2)).argmin())]
        if not best.weight or not _better(lost, np.array([not mix.weight for mix in mixes])):
            return LastYear()
        share = learned_share(int(back.max()))
        return LastYear(round(share * best.weight, 3), round(1 - share * (1 - best.width), 3))

    @staticmethod
    def from_dict(fields: dict[str, Any] | None) -> LastYear:
        """Read the JSON form (`dataclasses.asdict`); what was saved before there was one has none."""
        return LastYear(**(fields or {}))

    def mixed(self, quantiles: F32, before: F32) -> F32:
        """Quantiles ``(B, H, len(LEVELS))`` with what was sold a year before.

        Args:
            quantiles: of the network, in units.
            before: ``(B, H)`` demand a year before each step; where it is NaN nothing is mixed in.
        """
        if not self.weight and self.width == 1:
            return quantiles
        middle = quantiles[..., _MIDDLE : _MIDDLE + 1]
        moved = middle + self.weight * (before[..., None] - middle) + self.width * (quantiles - middle)
        return np.asarray(np.where(np.isnan(moved), quantiles, np.maximum(moved, 0)), dtype=np.float32)


def _windows(
    panel: Panel, roles: Roles, network: Forward, horizon: int, rows: I64, back: I64, first: I64
) -> tuple[F32, F32, F32]:
    """Forecasts of windows, what came, and what was a year before; NaN for what is not known."""
    longer = panel.append(np.full((len(panel), horizon), np.nan, np.float32), {})
    reader = Reader(longer, {}, roles, horizon)
    said = np.empty((rows.size, horizon, len(LEVELS)), np.float32)
    actual, before = (np.empty((rows.size, horizon), np.float32) for _ in range(2))
    for length, part in blocks(needed(first[rows] - back, reader.grid.context), lambda _: _BLOCK):
        window, actual[part] = reader.window_at(rows[part], back[part] + horizon, length)
        said[part] = units(network, inputs(window))
        before[part] = reader.year_before(rows[part], back[part] + horizon)
    return said, actual, before


def _part(back: I64) -> I64:
    """Which part of the time each window belongs to."""
    low, high = int(back.min()), int(back.max())
    return (back - low) * _PARTS // (high - low + 1)


def _better(lost: F64, without: npt.NDArray[np.bool_]) -> bool:
    """Is the best of some choices better than the best without last year, on series that it was not chosen on?

    Parts of the time have to agree on it too: all items of a shop share its weather.

    Args:
        lost: ``(choices, parts of the time, series)``.
        without: ``(choices,)`` those without last year.
    """
    fold = np.arange(lost.shape[2]) % 2
    saved = np.zeros(lost.shape[1:])
    for k in (0, 1):
        seen = lost[:, :, fold != k].sum(axis=(1, 2))
        alone, best = int(np.where(without, seen, np.inf).argmin()), int(seen.argmin())
        saved[:, fold == k] = (lost[alone] - lost[best])[:, fold == k]
    return Gain.of(saved).convincing
