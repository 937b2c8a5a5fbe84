"""Axis: the dates of a block of synthetic series, and small draws along it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ....panel import F32, I64
from ..grid import HORIZON, Grid, Kind
from ..occasions import Occasions, on_days

FIRST_DAY = 12_418
"""2004-01-01; the package of holidays knows the Islamic feasts from shortly before."""
LAST_DAY = 22_645
"""2032-01-01."""
COUNTRIES = (
    "US", "GB", "DE", "FR", "IT", "ES", "NL", "PL", "SE", "PT", "GR", "RO", "CZ", "BR", "MX", "AR", "CL", "CO",
    "CA", "AU", "NZ", "ZA", "IN", "ID", "MY", "TH", "VN", "PH", "CN", "HK", "TW", "SG", "JP", "KR", "TR", "AE", "SA",
    "EG", "NG", "RU", "UA", "IL",
)  # fmt: skip
"""Countries whose holidays and sale days synthetic shops live by."""

Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Axis:
    """Dates of ``B`` series of ``T`` steps, the last `HORIZON` of which are to be forecast.

    Attributes:
        grid: frequency.
        day: ``(B, T)`` day number in the middle of each step.
        hour: ``(B, T)`` hour of the day for hourly steps.
        nation: ``(B,)`` country of each series as a number in ``countries``.
        countries: countries of this block.
    """

    grid: Grid
    day: I64
    hour: I64 | None
    nation: I64
    countries: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Series."""
        return int(self.day.shape[0])

    @property
    def steps(self) -> int:
        """Steps of history and horizon."""
        return int(self.day.shape[1])

    @property
    def context(self) -> int:
        """Steps of history."""
        return self.steps - HORIZON

    @property
    def year(self) -> float:
        """Steps in a year."""
        return 365.2425 / self.grid.days

    @property
    def day_of_year(self) -> F32:
        """``(B, T)`` share of the year that has passed."""
        date = self.day.astype("datetime64[D]")
        start = date.astype("datetime64[Y]").astype("datetime64[D]")
        return np.asarray((date - start).astype(np.float32) / np.float32(366.0))

    @property
    def weekday(self) -> I64:
        """``(B, T)`` 0 is Monday."""
        return (self.day + 3) % 7

    @staticmethod
    def draw(rng: Rng, kind: Kind, rows: int, countries: tuple[str, ...] = COUNTRIES, nations: int = 4) -> Axis:
        """Dates at random; series of one block come from a few countries, and half the blocks are shorter."""
        grid = Grid.of(kind)
        shorter = (1, 1, 2, 4) if grid.context > 128 else (1, 1, 1, 2)
        steps = grid.context // shorter[int(rng.integers(0, 4))] + HORIZON
        t = np.arange(steps)
        picked = tuple(countries[i] for i in rng.integers(0, len(countries), nations))
        nation = np.sort(rng.integers(0, nations, rows))
        span = int(np.ceil(steps * grid.days)) + 45
        first = rng.integers(FIRST_DAY, LAST_DAY - span, (rows, 1))
        if kind == "M":
            month = first.astype("datetime64[D]").astype("datetime64[M]") + t
            return Axis(grid, month.astype("datetime64[D]").astype(np.int64) + 14, None, nation, picked)
        if kind == "h":
            number = rng.integers(0, 24, (rows, 1)) + t
            return Axis(grid, first + number // 24, number % 24, nation, picked)
        return Axis(grid, first + t * round(grid.days), None, nation, picked)

    def occasions(self) -> list[tuple[slice, Occasions]]:
        """Occasions of each country's series: rows and what is near them."""
        out = []
        for number, country in enumerate(self.countries):
            low, high = np.searchsorted(self.nation, [number, number + 1])
            if high > low:
                table = nearest_within(country, self.grid.kind)
                out.append((slice(int(low), int(high)), table.at(self.day[low:high] - FIRST_DAY)))
        return out


@lru_cache(maxsize=256)
def nearest_within(country: str, kind: Kind) -> Occasions:
    """Occasions of all days that the prior uses; for longer steps of the day nearest to one around each day."""
    daily = on_days(FIRST_DAY, LAST_DAY, country)
    reach = {"h": 0, "D": 0, "W": 3, "M": 14}[kind]
    best = np.arange(daily.distance.size)
    for shift in sorted(range(-reach, reach + 1), key=abs):
        other = np.clip(np.arange(best.size) + shift, 0, best.size - 1)
        nearer = np.abs(daily.distance[other]) < np.abs(daily.distance[best])
        best = np.where(nearer, other, best)
    return daily.at(best)


def some(rng: Rng, rows: int, share: float) -> npt.NDArray[np.bool_]:
    """``(B, 1)`` True for a share of the rows."""
    return rng.random((rows, 1)) < share


def normal(rng: Rng, *shape: int) -> F32:
    """Standard normal numbers."""
    return rng.standard_normal(shape, dtype=np.float32)


def spread(rng: Rng, rows: int, median: float, sigma: float) -> F32:
    """``(B, 1)`` log-normal."""
    return np.asarray(median * np.exp(sigma * normal(rng, rows, 1)), dtype=np.float32)


def episodes(
    rng: Rng, rate: npt.NDArray[np.floating], steps: int, low: int, high: int
) -> tuple[npt.NDArray[np.bool_], I64]:
    """Stretches that begin at random.

    Args:
        rng: source.
        rate: ``(B, 1)`` chance that one begins at a step.
        steps: ``T``.
        low: shortest.
        high: longest, included.

    Returns:
        ``(B, T)`` whether the step lies in one, and where the last one began (-1 before the first).
    """
    t = np.arange(steps)
    start = rng.random((rate.shape[0], steps), dtype=np.float32) < rate
    length = rng.integers(low, high + 1, start.shape, dtype=np.int32)
    on = np.maximum.accumulate(np.where(start, t + length, 0), axis=1) > t
    return on, np.maximum.accumulate(np.where(start, t, -1), axis=1)


def autoregression(rng: Rng, phi: F32, steps: int) -> F32:
    """``(B, T)`` stationary noise of variance one with ``phi`` ``(B, 1)`` from step to step."""
    shock = np.ascontiguousarray(normal(rng, phi.shape[0], steps).T)
    keep = phi[:, 0]
    shock[1:] *= np.sqrt(1 - keep**2)
    for t in range(1, steps):
        shock[t] += keep * shock[t - 1]
    return np.ascontiguousarray(shock.T)
