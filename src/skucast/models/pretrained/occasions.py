"""Occasions of a place on a grid of time: which one is near, how far, and when it was last."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ...config import SaleEvent
from ...features.calendar import LUNAR_COUNTRIES
from ...features.events import EventKey, custom_events, event_key, on_sale, sale_events
from ...features.feasts import celebrated, feasts
from ...features.holidays import country_code, public_holidays
from ...features.lunar import lunar_occasions
from ...features.occasion import Occasion
from ...panel import F32, I64

REACH_BEFORE, REACH_AFTER = 20, 10
"""Days before and after an occasion within which it is near."""
FAR = 99
"""Distance of steps that no occasion is near."""
WIDTH = 4
"""Numbers that stand for the name of an occasion."""

I16 = npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Occasions:
    """The nearest occasion of each step.

    Attributes:
        distance: days from the occasion (negative before it, 0 on it), `FAR` if none is near.
        which: number of the occasion in ``keys``; 0 where none is near.
        ago: days since the same occasion was held before, counted between the occasions; 0 if unknown.
        keys: names, the first of them empty.
    """

    distance: I16
    which: I16
    ago: I16
    keys: tuple[str, ...]

    def at(self, index: npt.NDArray[np.intp]) -> Occasions:
        """Those of some steps (any shape)."""
        return Occasions(self.distance[index], self.which[index], self.ago[index], self.keys)

    def without(self, steps: npt.NDArray[np.bool_]) -> Occasions:
        """None near at the given steps."""
        distance = np.where(steps, np.int16(FAR), self.distance)
        which, ago = (np.where(steps, np.int16(0), numbers) for numbers in (self.which, self.ago))
        return Occasions(distance, which, ago, self.keys)

    def channels(self, hidden: npt.NDArray[np.bool_] | None = None) -> F32:
        """``(..., 3 + WIDTH)``: on it, before, after (fading within days), and its name times the strongest of them.

        Args:
            hidden: ``(rows, 1)`` rows whose occasions the model is not told.
        """
        d = self.distance.astype(np.float32)
        near = self.distance != FAR
        if hidden is not None:
            near = near & ~hidden
        table = np.stack([code(key) for key in self.keys])
        out = np.zeros((*d.shape, 3 + WIDTH), np.float32)
        out[..., 0] = near & (d == 0)
        out[..., 1] = np.where(near & (d < 0), np.exp(np.minimum(d, 0.0) / 5.0), 0.0)
        out[..., 2] = np.where(near & (d > 0), np.exp(-np.maximum(d, 0.0) / 3.0), 0.0)
        out[..., 3:] = table[self.which] * out[..., :3].max(axis=-1, keepdims=True)
        return out


@lru_cache(maxsize=4096)
def code(key: str) -> F32:
    """``(WIDTH,)`` of about unit size that stand for a name: the same for ever, near to those of no other."""
    if not key:
        return np.zeros(WIDTH, np.float32)
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(WIDTH).astype(np.float32) * np.float32(0.7)


def none_on(steps: int) -> Occasions:
    """No occasions at all."""
    zero = np.zeros(steps, np.int16)
    return Occasions(np.full(steps, FAR, np.int16), zero, zero, ("",))


def on_days(
    first_day: int, last_day: int, country: str, subdivision: str = "", events: Sequence[SaleEvent] = ()
) -> Occasions:
    """The nearest occasion of each day from the first to the last, that one included.

    Of several that are as near, feasts and sale days with a name of their own come before public holidays.

    Raises:
        ConfigError: unknown country or subdivision, or an event's date cannot be read.
    """
    keys = tuple(event_key(event) for event in events)
    return _on_days(first_day, last_day, country_code(country), subdivision, keys)


@lru_cache(maxsize=64)
def _on_days(first_day: int, last_day: int, country: str, subdivision: str, events: tuple[EventKey, ...]) -> Occasions:
    low, high = (
        int(np.datetime64(d, "D").astype("datetime64[Y]").astype(np.int64)) + 1970 for d in (first_day, last_day)
    )
    held = _held(country, subdivision, events, low - 2, high + 1)
    days = np.arange(first_day, last_day + 1)
    distance = np.full(days.size, FAR, np.int16)
    which, ago = np.zeros(days.size, np.int16), np.zeros(days.size, np.int16)
    rank = np.full(days.size, np.inf)
    for number, occasion in enumerate(held, start=1):
        last_time = 0
        for first, last in zip(occasion.first.tolist(), occasion.last.tolist(), strict=True):
            span = np.arange(first - REACH_BEFORE, last + REACH_AFTER + 1)
            off = np.where(span < first, span - first, np.maximum(span - last, 0))
            inside = (span >= first_day) & (span <= last_day)
            at = (span - first_day)[inside]
            off = off[inside]
            # days after count double: what comes moves demand more than what was
            cost = np.where(off < 0, -off, 2.0 * off) + 1e-3 * number
            nearer = cost < rank[at]
            at, off = at[nearer], off[nearer]
            rank[at] = cost[nearer]
            distance[at], which[at] = off, number
            ago[at] = first - last_time if last_time and first - last_time < 2000 else 0
            last_time = first
    return Occasions(distance, which, ago, ("", *(o.key for o in held)))


def _held(country: str, subdivision: str, events: tuple[EventKey, ...], low: int, high: int) -> list[Occasion]:
    """Occasions of a place, those that move demand most first."""
    out = custom_events(events, low, high)
    if country:
        out += [s for s in sale_events(low, high) if on_sale(s.key, country)]
        out += [f for f in feasts(country, low, high) if celebrated(f.key, country)]
        if country in LUNAR_COUNTRIES:
            out += lunar_occasions(low, high)
        runs: dict[str, list[tuple[int, int]]] = {}
        for first, last, name in public_holidays(country, subdivision, low, high).runs():
            runs.setdefault(name, []).append((first, last))
        out += [Occasion.of(f"public_{name}", name, name, "holiday", ranges) for name, ranges in runs.items()]
    return out


def on_steps(daily: Occasions, offsets: I64) -> Occasions:
    """Occasions of longer steps: of the day that is nearest to one.

    Args:
        daily: of consecutive days.
        offsets: ``(T + 1,)`` where the days of each step begin.
    """
    lengths = np.diff(offsets)
    nearness = np.abs(daily.distance.astype(np.int64)) * 64
    inside = np.arange(daily.distance.size) - np.repeat(offsets[:-1], lengths)
    best = np.minimum.reduceat(nearness + inside, offsets[:-1])
    return daily.at(offsets[:-1] + best % 64)
