"""Nearness: how far each step is from the holidays and sale days of a place, one column per occasion.

`calendar_features` says the same in four columns each; learners that see all steps of all series want fewer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..frequency import Frequency
from ..panel import F32
from ..place import Place
from .calendar import CalendarFeatures, place_calendar, quiet_steps
from .occasion import CAP

_COUNTS = ("holiday", "day_off", "worked_weekend")
_DISTANCES = ("_next", "_since")


def nearness(freq: Frequency, first_ordinal: int, last_ordinal: int, place: Place) -> CalendarFeatures:
    """Columns of a place's occasions for all steps from the first to the last, that one included.

    ``near_*`` is zero on the days of an occasion, minus the days until it before, the days since it after, whichever
    is less, within 60 either way. ``holiday`` (in all, and by the group of
    its name), ``day_off`` and ``worked_weekend`` count the days of the step.
    The names depend on the place only. A place that is not known has no columns.

    Args:
        freq: grid of time.
        first_ordinal: first step.
        last_ordinal: last step.
        place: country, subdivision and sale days; from its ``quiet_from`` on none is near.

    Raises:
        ConfigError: unknown country or subdivision, or an event's date cannot be read.
    """
    if not place:
        steps = max(last_ordinal - first_ordinal + 1, 0)
        return CalendarFeatures((), np.empty((steps, 0), dtype=np.float32), first_ordinal)
    groups = ("holiday", "lunar", "sale") if place.country else ("sale",)
    found = place_calendar(freq, first_ordinal, last_ordinal, replace(place, quiet_from=""), groups)
    quiet = quiet_steps(freq, first_ordinal, last_ordinal, place)
    still = place_calendar(freq, first_ordinal, last_ordinal, place, groups)
    counts = [n for n in found.names if n in _COUNTS or (n.startswith("holiday_") and not n.endswith(_DISTANCES))]
    columns: dict[str, F32] = {name: still.column(name) for name in counts}
    for name in found.names:
        if name.endswith("_next") and not name.startswith("any_"):
            key = name.removesuffix("_next")
            ahead, since = found.column(name), found.column(f"{key}_since")
            near = np.clip(np.where(since < ahead, since, -ahead), -CAP, CAP)
            far = np.where(near > 0, CAP, -CAP)  # on the side that it is: far ahead is one half of the year
            columns[f"near_{key}"] = np.where(quiet, far, near).astype(np.float32)
    values = np.stack(list(columns.values()), axis=1) if columns else np.empty((len(found.values), 0))
    return CalendarFeatures(tuple(columns), values.astype(np.float32), first_ordinal)
