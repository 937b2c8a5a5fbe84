"""Block: a batch of synthetic series of one frequency, as the network is trained on them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ....panel import F32
from ..grid import HORIZON, KINDS, Kind
from ..window import Window, calendar
from .axis import COUNTRIES, Axis, Rng, autoregression, episodes, some
from .counts import counts
from .covariates import covariates
from .festivity import Festivity, festivity
from .generic import generic
from .level import Level, level
from .promotion import promotion
from .season import season
from .stream import stream

KIND_SHARES: dict[Kind, float] = {"h": 0.04, "D": 0.46, "W": 0.32, "M": 0.18}
GENERIC = 0.22
"""Share of series that come from no shop in particular."""


@dataclass(frozen=True, eq=False)
class Block:
    """Series with their future.

    Attributes:
        window: what the model sees.
        future: ``(B, HORIZON)`` demand ahead; NaN does not count.
    """

    window: Window
    future: F32


def draw(
    seed: int,
    number: int,
    rows: int = 128,
    kind: Kind | None = None,
    countries: tuple[str, ...] = COUNTRIES,
    purpose: int = 0,
) -> Block:
    """The block of a number; the same numbers come out whatever was drawn before.

    Args:
        seed: of the training.
        number: from 0.
        rows: series.
        kind: frequency; at random by default.
        countries: whose holidays move demand.
        purpose: see `stream`.
    """
    rng = stream(seed, number, purpose)
    drawn = KINDS[int(rng.choice(len(KINDS), p=[KIND_SHARES[k] for k in KINDS]))]
    axis = Axis.draw(rng, kind or drawn, rows, countries)
    size, feast = level(rng, axis), festivity(rng, axis)
    log, shut = season(rng, axis)
    noise = autoregression(rng, (rng.uniform(0, 0.85, (rows, 1)) * some(rng, rows, 0.5)).astype(np.float32), axis.steps)
    sigma = np.where(some(rng, rows, 0.4), rng.uniform(0.01, 0.12, (rows, 1)), np.abs(rng.normal(0, 0.3, (rows, 1))))
    # what is sold in large amounts is many people's demand and varies less
    sigma = np.where((size.base > 4.5) & some(rng, rows, 0.6), rng.uniform(0.1, 0.6, (rows, 1)) * sigma, sigma)
    surprise = (sigma * noise).astype(np.float32)
    offer = promotion(rng, axis, surprise)
    moved, slots = covariates(rng, axis, surprise, offer.rivals)
    everything = size.log + log + feast.log + offer.log + moved + surprise - sigma**2 / 2
    # whole departments: everything that moves single items is evened out
    calm = np.where(some(rng, rows, 0.15) & (size.base > 2), rng.uniform(0.1, 0.5, (rows, 1)), 1.0)
    everything = size.base + calm * (everything - size.base)
    plain = generic(rng, axis)
    shape = size.base + rng.uniform(0.05, 0.8, (rows, 1)) * plain
    straight = size.base + np.log(np.maximum(1 + rng.uniform(0.05, 0.5, (rows, 1)) * plain, 1e-3))
    other = some(rng, rows, GENERIC)
    everything = np.where(other, np.where(some(rng, rows, 0.5), shape, straight), everything)
    mean = np.exp(np.clip(everything, -12, 12)).astype(np.float32)
    units = counts(rng, mean, size.base)
    shut = (shut | feast.shut) & ~other
    units = np.where(shut, 0, units)
    return _observe(rng, axis, units, shut, size, feast, offer.price, offer.flag, slots)


def _observe(
    rng: Rng,
    axis: Axis,
    units: F32,
    shut: npt.NDArray[np.bool_],
    size: Level,
    feast: Festivity,
    price: F32,
    flag: F32,
    slots: F32,
) -> Block:
    """What is known of the series: stock-outs, closed days, gaps, where the history begins."""
    rows, steps, context = axis.rows, axis.steps, axis.context
    longest = {"h": 72, "D": 14, "W": 4, "M": 2}[axis.grid.kind]
    out, _ = episodes(rng, rng.uniform(0, 8, (rows, 1)) / axis.year * some(rng, rows, 0.3), steps, 1, longest)
    flagged = some(rng, rows, 0.7)
    units = np.where(out, 0, units)
    closed_told = some(rng, rows, 0.75)  # the others have zeros there
    missing = (out & flagged) | (shut & closed_told)
    missing |= rng.random((rows, steps), dtype=np.float32) < rng.uniform(0, 0.3, (rows, 1)) * some(rng, rows, 0.08)
    before = np.arange(steps) < size.launch
    units = np.where(before, 0, units)
    unlisted = some(rng, rows, 0.65)  # the others have zeros before their launch
    missing |= (np.arange(steps) < _beginning(rng, rows, context)) | (before & unlisted)
    observed = np.where(missing, np.nan, units).astype(np.float32)
    window = Window(
        axis.grid,
        observed[:, :context],
        (out & flagged)[:, :context],
        calendar(axis.grid, axis.day, axis.hour),
        price,
        flag,
        feast.channels,
        feast.ago,
        slots,
    )
    return Block(_bare(rng, window), observed[:, context : context + HORIZON])


def _beginning(rng: Rng, rows: int, context: int) -> npt.NDArray[np.int64]:
    """First step of the history: half have all of it, others any part, few hardly anything or nothing."""
    share = rng.random((rows, 1))
    any_part = rng.integers(0, context, (rows, 1))
    short = context - np.minimum(np.exp(rng.uniform(0, np.log(context), (rows, 1))), context).astype(np.int64)
    begin = np.select([share < 0.45, share < 0.7, share < 0.985], [0 * any_part, any_part, short], context)
    return np.asarray(begin, dtype=np.int64)


def _bare(rng: Rng, window: Window) -> Window:
    """Some panels have no covariates at all."""
    rows = len(window.demand)
    bare = some(rng, rows, 0.3)
    return replace(
        window,
        price=np.where(bare, np.nan, window.price).astype(np.float32),
        promotion=np.where(bare, np.nan, window.promotion).astype(np.float32),
        slots=np.where(bare[:, :, None], np.nan, window.slots).astype(np.float32),
    )
