"""Asked: what the verbs share in reading their arguments."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError
from ..panel import Panel
from ..place import Place

_LISTED = 8  # ignored columns that a warning names


def read_panel(
    df: Any, freq: str | None, id: str, time: str, target: str, static: Any, known: Sequence[str],
    past: Sequence[str], availability: str | None, country: str,
) -> Panel:  # fmt: skip
    """The panel of a frame, in its place; columns without a role are listed in a warning."""
    names = {"known": known, "past": past}
    for role, columns in names.items():
        if isinstance(columns, str):
            names[role] = (columns,)
    panel = Panel.from_frame(
        df, freq, id=id, time=time, target=target, static=static, known=names["known"], past=names["past"],
        availability=availability,
    )  # fmt: skip
    panel = replace(panel, place=Place(country))
    if bool(np.isnan(panel.values).all()):
        raise DataError(f"Column '{target}' holds no number at all: nothing can be learned from it.")
    if panel.layout is not None and panel.layout.ignored:
        listed = ", ".join(f"'{name}'" for name in panel.layout.ignored[:_LISTED])
        more = len(panel.layout.ignored) - _LISTED
        warnings.warn(
            f"No role was given to {listed}{f' and {more:,} more columns' if more > 0 else ''}, so the forecast ignores "
            "them: list them under known=, past= or static= to use them.",
            UserWarning,
            stacklevel=3,
        )
    return panel


def steps_ahead(panel: Panel, horizon: int | None) -> int:
    """The horizon asked for, or the usual one of the panel's frequency."""
    return panel.freq.default_horizon if horizon is None else whole(horizon, "horizon")


def whole(value: Any, name: str) -> int:
    """A whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ConfigError(f"The {name} must be a whole number of at least 1, not {value!r}.")
    return int(value)


def rising(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Quantile levels that rise within (0, 1)."""
    try:
        wanted = tuple(float(q) for q in quantiles)
    except (TypeError, ValueError):
        raise ConfigError(f"quantiles must be numbers within (0, 1), not {quantiles!r}.") from None
    if any(not 0 < q < 1 for q in wanted) or sorted(set(wanted)) != list(wanted):
        raise ConfigError(f"quantiles must rise within (0, 1), not {list(quantiles)}.")
    return wanted
