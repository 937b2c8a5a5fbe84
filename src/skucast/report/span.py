"""Span: how much of the past the report shows, and what a year is on a panel's grid."""

from __future__ import annotations

from ..panel import Panel

_MOST_HISTORY = 760  # steps


def year_steps(panel: Panel) -> int | None:
    """Steps in a year, a whole number of weeks for days and hours so that weekdays meet; None if senseless."""
    full = {"h": 8736, "D": 364, "W": 52, "M": 12, "Q": 4, "Y": 1}.get(panel.freq.unit)
    if full is None or full % panel.freq.multiple:
        return None
    return full // panel.freq.multiple


def history_steps(panel: Panel) -> int:
    """About two years (so that last year shows), never more than the panel has."""
    year = year_steps(panel) or _MOST_HISTORY
    return max(1, min(panel.n_steps, max(2 * year, 24), _MOST_HISTORY))
