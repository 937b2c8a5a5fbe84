"""Timeline: days from today turned into the forecast's steps, and back into dates."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..forecast import F64, Forecast
from ..frequency import Frequency, Stamps

_END_OF_MONTH = 31
_US_PER_DAY = 86_400_000_000


@dataclass(frozen=True)
class Timeline:
    """Where the forecast's steps lie, seen from the moment of decision.

    Attributes:
        today: first day that the forecast covers; an order is placed at its beginning.
        edges: ``(H + 1,)`` days from ``today`` to the beginning of each step and the end of the last.
        step_days: mean length of a step in days, used beyond the horizon.
    """

    today: dt.date
    edges: F64
    step_days: float

    @classmethod
    def of(cls, forecast: Forecast) -> Timeline:
        """The timeline of a forecast."""
        begins = _begins(forecast.freq, forecast.start, forecast.horizon + 1).astype(np.int64)
        today = np.datetime64(int(begins[0]), "us").astype("datetime64[D]").item()
        return cls(today, (begins - begins[0]) / _US_PER_DAY, forecast.freq.days)

    @property
    def horizon(self) -> int:
        """Steps of the forecast."""
        return self.edges.size - 1

    @property
    def days(self) -> float:
        """Length of the forecast in days."""
        return float(self.edges[-1])

    def steps(self, days: npt.NDArray[Any] | float) -> F64:
        """Steps in the first ``days``, fractions pro rata; beyond the horizon by the mean step."""
        wanted = np.asarray(days, dtype=np.float64)
        inside = np.interp(wanted, self.edges, np.arange(self.edges.size, dtype=np.float64))
        return np.asarray(inside + np.maximum(wanted - self.edges[-1], 0.0) / self.step_days)

    def date_after(self, days: float) -> dt.date:
        """The date that lies so many days ahead."""
        return self.today + dt.timedelta(days=int(days))


def _begins(freq: Frequency, start: int, count: int) -> Stamps:
    """When each period begins; weeks and month ends carry the stamp of their last day."""
    ordinals = np.arange(start, start + count)
    if freq.unit == "W" or (freq.unit in ("M", "Q", "Y") and freq.anchor == _END_OF_MONTH):
        return (freq.stamp(ordinals - 1).astype("datetime64[D]") + 1).astype("datetime64[us]")
    return freq.stamp(ordinals)


def demand_within(paths: npt.NDArray[Any], steps: F64, season: int) -> F64:
    """Demand of each path within its first ``steps`` steps, fractional steps pro rata.

    Args:
        paths: ``(S, n, H)`` demand per step.
        steps: ``(S, n)`` or ``(S, 1)``; beyond ``H`` each path goes on at the average of its own last
            ``season`` steps.
        season: steps per season, at most ``H``.

    Returns:
        ``(S, n)`` units.
    """
    horizon = paths.shape[2]
    beyond = np.maximum(steps - horizon, 0.0)
    if steps.shape[1] == 1:  # one lead time for all draws: a weighted sum of each path
        weights = np.clip(steps - np.arange(horizon), 0.0, 1.0)  # (S, H)
        weights[:, -season:] += beyond / season
        return np.asarray((paths @ weights.astype(paths.dtype)[:, :, None])[:, :, 0], dtype=np.float64)
    whole = np.minimum(np.floor(steps), horizon - 1).astype(np.int64)[:, :, None]
    part = np.minimum(steps, horizon) - whole[:, :, 0]
    total = np.cumsum(paths, axis=2, dtype=np.float64)
    step = np.take_along_axis(paths, whole, axis=2)[:, :, 0]
    demand = np.take_along_axis(total, whole, axis=2)[:, :, 0] - step * (1.0 - part)
    demand += beyond * paths[:, :, -season:].mean(axis=2, dtype=np.float64)
    return np.asarray(np.maximum(demand, 0.0))
