"""Told: what the pretrained model says of a window, from which a network starts.

A history of weeks holds few seasons, so that a network that begins with nothing spends what it sees on learning what every
shop's demand is like. The pretrained model knows that; a network that is told its forecast has only to learn what is
different here, and before training it says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...forecast import LEVELS
from ...panel import F32, I64, Panel
from ..gain import learned_share
from ..pretrained.answer import at_levels, units
from ..pretrained.grid import HORIZON
from ..pretrained.inputs import inputs
from ..pretrained.last_year import LastYear
from ..pretrained.reading import BLOCK, Reader, blocks, filled, needed, oldest
from ..pretrained.roles import Roles
from ..pretrained.shipped import load

LONGEST = HORIZON
"""Steps ahead that the pretrained model answers for at once."""

_KEPT = 100_000  # answers that are remembered
_WEIGHTS = "small"


@dataclass(frozen=True)
class Base:
    """The pretrained forecast that a network starts from.

    Attributes:
        weights: name of the pretrained model's weights.
        roles: what the panel's covariates mean to it.
        last_year: what the demand of a year before counts in it.
        share: of the difference to it that was learned which counts in a forecast, see `skucast.models.gain.learned_share`.
    """

    weights: str
    roles: Roles
    last_year: LastYear
    share: float

    @staticmethod
    def of(panel: Panel, horizon: int) -> Base:
        """The base that suits a panel."""
        roles = Roles.of(panel)
        last_year = LastYear.of(panel, roles, load(_WEIGHTS), horizon)
        return Base(_WEIGHTS, roles, last_year, learned_share(panel.n_steps // horizon))

    @staticmethod
    def from_dict(fields: dict[str, Any]) -> Base:
        """Read the JSON form (`dataclasses.asdict`)."""
        last_year = LastYear.from_dict(fields.get("last_year"))
        return Base(**{**fields, "roles": Roles.from_dict(fields["roles"]), "last_year": last_year})


class Told:
    """Forecasts of the pretrained model from any step of a panel.

    Args:
        longer: history, and after it the steps ahead with what is known of them.
        horizon: number of steps ahead.
        base: which forecasts.
    """

    def __init__(self, longer: Panel, horizon: int, base: Base) -> None:
        self._network, self._last_year = load(base.weights), base.last_year
        self._reader = Reader(longer, {}, base.roles, horizon)
        self._end = longer.indptr[1:]
        self._first = self._end - oldest(longer)  # cell of the first observation; the end if there is none
        self._place = np.full(longer.values.size, -1, np.int32)  # of each origin among what was kept
        self._kept = np.empty((0, horizon, len(LEVELS)), np.float32)
        self._count = 0

    def at(self, rows: I64, origins: I64) -> F32:
        """``(B, H, len(LEVELS))`` demand ahead of some cells.

        Args:
            rows: ``(B,)`` series.
            origins: ``(B,)`` last known cell of each; NaN is said where nothing was observed up to there.
        """
        out = np.full((rows.size, *self._kept.shape[1:]), np.nan, np.float32)
        usable = origins >= self._first[rows]
        place = np.where(usable, self._place[np.where(usable, origins, 0)], -1)
        out[place >= 0] = self._kept[place[place >= 0]]
        new = np.flatnonzero(usable & (place < 0))
        if new.size:
            cells, which = np.unique(origins[new], return_index=True)
            made = self._made(rows[new[which]], cells)
            out[new] = made[np.searchsorted(cells, origins[new])]
            self._keep(cells, made)
        return out

    def _made(self, rows: I64, origins: I64) -> F32:
        out = np.empty((rows.size, *self._kept.shape[1:]), np.float32)
        context = needed(origins + 1 - self._first[rows], self._reader.grid.context)
        back = self._end[rows] - 1 - origins
        for length, part in blocks(context, lambda _: BLOCK):
            full = filled(part, BLOCK)
            window, _ = self._reader.window_at(rows[full], back[full], length)
            before = self._reader.year_before(rows[full], back[full])
            said = self._last_year.mixed(units(self._network, inputs(window)), before)
            out[part] = at_levels(said[: part.size], LEVELS)
        return out

    def _keep(self, cells: I64, made: F32) -> None:
        some = min(cells.size, _KEPT - self._count)
        if some <= 0:
            return
        if self._count + some > len(self._kept):
            room = np.empty((min(2 * (self._count + some), _KEPT), *self._kept.shape[1:]), np.float32)
            room[: self._count] = self._kept[: self._count]
            self._kept = room
        self._kept[self._count : self._count + some] = made[:some]
        self._place[cells[:some]] = np.arange(self._count, self._count + some)
        self._count += some
