"""Calendar features: all that is known about a date in advance, on any grid of time.

Everything is computed by day and then put together over the days that a step covers (``W-SUN`` covers
Monday to Sunday, ``MS`` the month; see `Frequency.floor`), so a week that contains Easter differs from
one that does not. Flags become the number of such days in the step, distances the shortest one within
it, waves and pay-days their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..config import SaleEvent
from ..errors import ConfigError, DataError
from ..frequency import Frequency
from ..panel import F32, Panel
from ..place import Place
from .events import EventKey, any_sale, custom_events, event_key, on_sale, sale_events
from .feasts import celebrated, feasts
from .holidays import country_code, public_holidays
from .lunar import OFFSET, lunar_columns
from .occasion import CAP, F64, I64
from .season import hour_columns, season_columns

GROUPS: tuple[str, ...] = ("season", "holiday", "lunar", "sale")
"""Groups of calendar features."""

LUNAR_COUNTRIES = frozenset({"CN", "HK", "ID", "MO", "MY", "SG", "TW", "VN"})
"""Countries in which the festivals of the Chinese lunar calendar move demand."""


@dataclass(frozen=True, eq=False, repr=False)
class CalendarFeatures:
    """Calendar features of consecutive steps.

    Attributes:
        names: ``K`` names of the columns.
        values: ``(T, K)``, finite and read-only.
        first_ordinal: step number of the first row.
    """

    names: tuple[str, ...]
    values: F32
    first_ordinal: int

    def at(self, ordinals: npt.ArrayLike) -> F32:
        """Features of given steps: ``(n, K)``.

        Raises:
            DataError: a step lies outside of the range that was computed.
        """
        rows = np.asarray(ordinals, dtype=np.int64) - self.first_ordinal
        if rows.size and (int(rows.min()) < 0 or int(rows.max()) >= len(self.values)):
            raise DataError(
                f"Calendar features were computed for {len(self.values):,} steps; a step outside of them was asked for."
            )
        return self.values[rows]

    def column(self, name: str) -> F32:
        """One feature over all steps: ``(T,)``.

        Raises:
            ConfigError: there is no such feature.
        """
        if name not in self.names:
            raise ConfigError(f"There is no calendar feature '{name}'; there are: {', '.join(self.names)}.")
        return self.values[:, self.names.index(name)]

    def varying(self) -> CalendarFeatures:
        """Without the columns that are constant over all steps."""
        if not len(self.values):
            return self
        keep = np.flatnonzero(np.ptp(self.values, axis=0) > 0)
        return CalendarFeatures(tuple(self.names[k] for k in keep), self.values[:, keep], self.first_ordinal)

    def __repr__(self) -> str:
        return f"CalendarFeatures({len(self.values):,} steps x {len(self.names)} columns)"


def calendar_features(
    freq: Frequency,
    first_ordinal: int,
    last_ordinal: int,
    country: str = "",
    subdivision: str = "",
    events: Sequence[SaleEvent] = (),
    groups: Sequence[str] = GROUPS,
    *,
    relevant_only: bool = False,
) -> CalendarFeatures:
    """Deterministic features of all steps from the first to the last, that one included.

    The names depend on the arguments other than the range, so history and future fit together. Results
    are kept: asking again costs nothing.

    Args:
        freq: grid of time.
        first_ordinal: first step.
        last_ordinal: last step.
        country: ISO code of the public holidays; empty leaves them out (feasts stay).
        subdivision: part of the country.
        events: the shop's own sale events.
        groups: which of ``season``, ``holiday``, ``lunar`` and ``sale``.
        relevant_only: leave out lunar festivals, feasts and sale events that do not move demand in
            ``country`` (618 in Germany, Ramadan in China); changes nothing where no country is named.

    Raises:
        ConfigError: unknown country, subdivision or group, or an event's date cannot be read.
    """
    unknown = [g for g in groups if g not in GROUPS]
    if unknown:
        raise ConfigError(f"There is no group of calendar features '{unknown[0]}'; there are: {', '.join(GROUPS)}.")
    keys = tuple(event_key(event) for event in events)
    wanted = tuple(g for g in GROUPS if g in groups)
    return _compute(
        freq, int(first_ordinal), int(last_ordinal), country_code(country), subdivision, keys, wanted, relevant_only
    )


def place_calendar(
    freq: Frequency, first_ordinal: int, last_ordinal: int, place: Place, groups: Sequence[str] = GROUPS
) -> CalendarFeatures:
    """Features that matter in a place, as models see them.

    From its ``quiet_from`` on no occasion is near: none is counted, and all are as far away as can be.

    Args:
        freq: grid of time.
        first_ordinal: first step.
        last_ordinal: last step.
        place: country, subdivision and sale days.
        groups: see `calendar_features`.

    Raises:
        ConfigError: see `calendar_features`.
    """
    found = calendar_features(
        freq, first_ordinal, last_ordinal, place.country, place.subdivision, place.events, groups, relevant_only=True
    )
    quiet = quiet_steps(freq, first_ordinal, last_ordinal, place)
    if not quiet.any():
        return found
    season = calendar_features(freq, first_ordinal, last_ordinal, groups=("season",))
    values = found.values.copy()
    for k, name in enumerate(found.names):
        if name.endswith(("_next", "_since")):
            values[quiet, k] = CAP
        elif name.endswith("_offset"):
            values[quiet, k] = np.where(values[quiet, k] > 0, OFFSET + 1, -OFFSET - 1)
        elif name == "day_off":  # weekends go on
            values[quiet, k] = season.column("weekend")[quiet] if "weekend" in season.names else 2 * freq.multiple
        elif name not in season.names:
            values[quiet, k] = 0
    return CalendarFeatures(found.names, values, found.first_ordinal)


def quiet_steps(freq: Frequency, first_ordinal: int, last_ordinal: int, place: Place) -> npt.NDArray[np.bool_]:
    """``(T,)`` True for the steps from a place's ``quiet_from`` on."""
    steps = np.arange(first_ordinal, last_ordinal + 1)
    if not place.quiet_from:
        return np.zeros(steps.size, dtype=np.bool_)
    return np.asarray(steps >= freq.floor(np.array([place.quiet_from], dtype="datetime64[us]"))[0])


def with_calendar(
    panel: Panel,
    horizon: int,
    country: str = "",
    subdivision: str = "",
    events: Sequence[SaleEvent] = (),
    groups: Sequence[str] = GROUPS,
    *,
    names: Sequence[str] | None = None,
    relevant_only: bool = False,
) -> tuple[Panel, dict[str, F32]]:
    """Add calendar features to a panel as future-known covariates, and give their future values.

    Columns that are constant over history and horizon are left out. Each column costs four bytes per
    cell of the panel; models that can should look features up by `CalendarFeatures.at` instead.

    Args:
        panel: history.
        horizon: steps after it.
        country: see `calendar_features`.
        subdivision: see `calendar_features`.
        events: see `calendar_features`.
        groups: see `calendar_features`.
        names: only these columns (constant ones too); None takes all of the groups that vary.
        relevant_only: see `calendar_features`.

    Returns:
        The panel, and name -> ``(S, horizon)`` of the added columns.

    Raises:
        ConfigError: see `calendar_features`; or a name does not exist.
        DataError: the panel already has a covariate of that name.
    """
    first = panel.end + 1 - max(panel.n_steps, 1)
    all_of = calendar_features(
        panel.freq, first, panel.end + horizon, country, subdivision, events, groups, relevant_only=relevant_only
    )
    columns = {n: all_of.column(n) for n in (all_of.varying().names if names is None else names)}
    taken = [n for n in columns if n in panel.known or n in panel.past]
    if taken:
        raise DataError(f"The panel already has a covariate '{taken[0]}': rename it, or choose calendar names=.")
    rows = panel.ordinals - first
    known = {n: c[rows] for n, c in columns.items()}
    ahead = slice(panel.end + 1 - first, panel.end + 1 - first + horizon)
    future: dict[str, F32] = {n: np.tile(c[ahead], (len(panel), 1)) for n, c in columns.items()}
    return panel.with_known(known), future


@lru_cache(maxsize=32)
def _compute(
    freq: Frequency,
    first: int,
    last: int,
    country: str,
    subdivision: str,
    events: tuple[EventKey, ...],
    groups: tuple[str, ...],
    relevant_only: bool,
) -> CalendarFeatures:
    days, step = step_days(freq, first, last)
    daily = _daily(days, max(1.0, freq.days), country, subdivision, events, groups, relevant_only)
    columns: dict[str, npt.NDArray[np.floating]] = {}
    if not freq.is_calendar and "season" in groups:
        columns |= hour_columns(freq.stamp(np.arange(first, last + 1)).astype(np.int64))
    if not freq.is_calendar:
        columns |= {name: values[step] for name, (values, _) in daily.items()}
    else:
        columns |= {name: _gather(values, how, step) for name, (values, how) in daily.items()}
    values = np.empty((max(last - first + 1, 0), len(columns)), dtype=np.float32)
    for k, column in enumerate(columns.values()):
        values[:, k] = column
    values.setflags(write=False)
    return CalendarFeatures(tuple(columns), values, first)


def step_days(freq: Frequency, first: int, last: int) -> tuple[I64, I64]:
    """The days that steps cover.

    Returns:
        ``(D,)`` consecutive day numbers, and for each step where its days begin (``(T + 1,)`` offsets
        into them for grids of whole days; ``(T,)`` positions of the one day for shorter steps).
    """
    if last < first:
        return np.empty(0, np.int64), np.zeros(int(freq.is_calendar), np.int64)
    stamps = freq.stamp(np.array([first, last])).astype("datetime64[D]").astype(np.int64)
    if not freq.is_calendar:
        days = np.arange(stamps[0], stamps[1] + 1)
        each = freq.stamp(np.arange(first, last + 1)).astype("datetime64[D]").astype(np.int64)
        return days, each - stamps[0]
    reach = int(np.ceil(freq.days)) + 31 + 1
    days = np.arange(stamps[0] - reach, stamps[1] + reach + 1)
    noon = (2 * days + 1).astype("datetime64[12h]").astype("datetime64[us]")
    number = freq.floor(noon)
    days, number = days[(number >= first) & (number <= last)], number[(number >= first) & (number <= last)]
    return days, np.searchsorted(number, np.arange(first, last + 2))


def _daily(
    days: I64,
    length: float,
    country: str,
    subdivision: str,
    events: tuple[EventKey, ...],
    groups: tuple[str, ...],
    relevant_only: bool,
) -> dict[str, tuple[F64, str]]:
    years = days[[0, -1]].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970 if days.size else None
    low, high = (int(years[0]) - 1, int(years[1]) + 1) if years is not None else (2000, 2000)
    where = country if relevant_only else ""
    out: dict[str, tuple[F64, str]] = {}
    if "season" in groups:
        out |= season_columns(days, length)
    if "holiday" in groups:
        if country:
            out |= public_holidays(country, subdivision, low, high).columns(days)
        for feast in feasts(country, low, high):
            out |= feast.columns(days) if celebrated(feast.key, where) else {}
    if "lunar" in groups and (not where or where in LUNAR_COUNTRIES):
        out |= lunar_columns(days, low, high)
    if "sale" in groups:
        held = [s for s in [*sale_events(low, high), *custom_events(events, low, high)] if on_sale(s.key, where)]
        for sale in [*held, any_sale(held)]:
            out |= sale.columns(days)
    return out


def _gather(values: F64, how: str, step: I64) -> F64:
    """Daily values put together over steps; see `step_days` for ``step``."""
    offsets = step[:-1]
    lengths = np.diff(step)
    if not lengths.size:
        return np.empty(0)
    if how == "first" or int(lengths.max()) == 1:
        return np.asarray(values[offsets])
    if how == "middle":
        return np.asarray(values[offsets + lengths // 2])
    if how == "min":
        return np.asarray(np.minimum.reduceat(values, offsets))
    if how == "nearest":  # the value closest to zero; of two equally close ones the positive
        low = np.minimum.reduceat(np.where(values >= 0, values, np.inf), offsets)
        high = np.maximum.reduceat(np.where(values < 0, values, -np.inf), offsets)
        return np.asarray(np.where(low <= -high, low, high))
    total = np.add.reduceat(values, offsets)
    return np.asarray(total / lengths if how == "mean" else total)
