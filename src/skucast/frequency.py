"""Frequency: the regular grid of time on which a panel's series live.

Stamps become whole numbers (ordinals), one per step, so that every later computation is integer
arithmetic. Two kinds of grid exist: steps of fixed length (seconds to weeks) and steps of whole
months (months, quarters, years).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .errors import ConfigError, DataError

I64 = npt.NDArray[np.int64]
Stamps = npt.NDArray[np.datetime64]

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_WEEK = 7 * _DAY
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday
_FIXED = {"s": _SECOND, "min": 60 * _SECOND, "h": 3600 * _SECOND, "D": _DAY, "W": _WEEK}
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
# pandas and polars spellings -> (unit, anchor); anchor None means "as the history has it"
_SPELLINGS: dict[str, tuple[str, str | None]] = {
    "s": ("s", None), "S": ("s", None),
    "min": ("min", None), "T": ("min", None), "m": ("min", None),
    "h": ("h", None), "H": ("h", None),
    "D": ("D", None), "d": ("D", None),
    "W": ("W", None), "w": ("W", None),
    "M": ("M", None), "mo": ("M", None), "MS": ("M", "start"), "ME": ("M", "end"),
    "Q": ("Q", None), "q": ("Q", None), "QS": ("Q", "start"), "QE": ("Q", "end"),
    "Y": ("Y", None), "y": ("Y", None), "A": ("Y", None), "YS": ("Y", "start"), "AS": ("Y", "start"),
    "YE": ("Y", "end"),
}  # fmt: skip
_END_OF_MONTH = 31


@dataclass(frozen=True)
class Frequency:
    """A regular time grid.

    Attributes:
        unit: ``s``, ``min``, ``h``, ``D``, ``W``, ``M``, ``Q`` or ``Y``.
        multiple: number of units per step.
        anchor: for fixed steps the offset of the grid from 1970-01-01 in microseconds; for monthly
            steps the day of the month (31 means the last day).
        phase: for monthly steps longer than a month, the month within the step (0-based).
    """

    unit: Literal["s", "min", "h", "D", "W", "M", "Q", "Y"]
    multiple: int = 1
    anchor: int = 0
    phase: int = 0

    @staticmethod
    def parse(alias: str, history: Stamps | None = None) -> Frequency:
        """Read a pandas offset alias (``W-SUN``) or polars duration (``1w``).

        Args:
            alias: the name of the frequency.
            history: stamps of the data; anchors that the alias leaves open are taken from them.

        Raises:
            ConfigError: the alias is not known.
        """
        text = str(alias).strip()
        match = re.fullmatch(r"(\d*)([A-Za-z]+)(?:-([A-Za-z]{3}))?", text)
        if match is None or match[2] not in _SPELLINGS or int(match[1] or 1) < 1:
            hint = " For business days use 'D' and leave closed days out." if text in ("B", "C") else ""
            raise ConfigError(
                f"Unknown frequency '{alias}': use D, W, W-SUN, MS, ME, QS, h or a polars duration like 1d, 1w, 1mo.{hint}"
            )
        multiple = int(match[1] or 1)
        unit, edge = _SPELLINGS[match[2]]
        suffix = match[3].upper() if match[3] else None
        sample = _sample(history)
        if unit in _FIXED:
            step = multiple * _FIXED[unit]
            if suffix is not None:
                if unit != "W" or suffix not in _WEEKDAYS:
                    raise ConfigError(f"Unknown frequency '{alias}': only weeks take a weekday, like W-SUN.")
                anchor = ((_WEEKDAYS.index(suffix) - _EPOCH_WEEKDAY) % 7) * _DAY
                if sample is not None and multiple > 1:
                    anchor = _mode((sample - anchor) // _WEEK % multiple) * _WEEK + anchor
            elif sample is not None:
                anchor = _mode(sample % step)
            else:
                anchor = ((6 - _EPOCH_WEEKDAY) % 7) * _DAY if unit == "W" else 0  # weeks end on Sunday, as in pandas
            return Frequency(unit, multiple, anchor)  # type: ignore[arg-type]
        day = _END_OF_MONTH if edge == "end" else 1
        phase = multiple * _MONTHS[unit] - 1 if edge == "end" else 0  # quarters end in March, years in December
        if sample is not None:
            months, days, last = _month_parts(sample)
            if edge is None:
                day = _END_OF_MONTH if bool(np.all(last)) else _mode(days)
            phase = _mode(months % (multiple * _MONTHS[unit]))
        return Frequency(unit, multiple, day, phase)  # type: ignore[arg-type]

    @property
    def alias(self) -> str:
        """The pandas offset alias of this grid."""
        count = "" if self.multiple == 1 else str(self.multiple)
        if self.unit == "W":
            return f"{count}W-{_WEEKDAYS[(self.anchor // _DAY + _EPOCH_WEEKDAY) % 7]}"
        if self.unit in _MONTHS:
            return f"{count}{self.unit}{'E' if self.anchor == _END_OF_MONTH else 'S'}"
        return f"{count}{self.unit}"

    @property
    def season(self) -> int:
        """Steps in the dominant season: a week of days, a year of weeks or months, a day of hours."""
        full = {"s": 60, "min": 1440, "h": 24, "D": 7, "W": 52, "M": 12, "Q": 4, "Y": 1}[self.unit]
        return max(1, full // self.multiple) if full % self.multiple == 0 else 1

    @property
    def year(self) -> int:
        """Steps in a year of weeks, months or quarters; 0 for steps that are shorter, or as long as a year."""
        return self.season if self.unit in ("W", "M", "Q") and self.season > 1 else 0

    @property
    def default_horizon(self) -> int:
        """Steps that are usually planned ahead at this frequency."""
        return {"s": 60, "min": 60, "h": 48, "D": 28, "W": 13, "M": 6, "Q": 4, "Y": 2}[self.unit]

    @property
    def days(self) -> float:
        """Mean length of one step in days."""
        if self.unit in _FIXED:
            return self.multiple * _FIXED[self.unit] / _DAY
        return self.multiple * _MONTHS[self.unit] * 365.2425 / 12

    @property
    def is_calendar(self) -> bool:
        """True if a step is at least one day, so that stamps are dates."""
        return self.unit not in ("s", "min", "h")

    def ordinal(self, stamps: Stamps) -> I64:
        """Turn stamps into step numbers.

        Raises:
            DataError: a stamp does not lie on the grid.
        """
        us = stamps.astype("datetime64[us]").astype(np.int64)
        number, on_grid = self._split(us)
        if not bool(np.all(on_grid)):
            bad = us[~on_grid][0]
            when = str(np.datetime64(int(bad), "us"))[:19].replace("T00:00:00", "")
            raise DataError(
                f"{int((~on_grid).sum()):,} of {us.size:,} dates do not fit the frequency '{self.alias}', "
                f"for example {when}: check the frequency, or add up the rows to it first."
            )
        return number

    def floor(self, stamps: Stamps) -> I64:
        """Step number of the period that contains each stamp; periods end at their stamp for
        end-anchored grids (weeks, month ends) and begin at it otherwise."""
        us = stamps.astype("datetime64[us]").astype(np.int64)
        if self.unit == "W":  # the week W-SUN runs Monday to Sunday and is stamped by its last day
            step = self.multiple * _WEEK
            return np.asarray(-((-(us // _DAY * _DAY - self.anchor)) // step), dtype=np.int64)
        if self.unit in _FIXED:
            return np.asarray((us - self.anchor) // (self.multiple * _FIXED[self.unit]), dtype=np.int64)
        months, days, _ = _month_parts(us)
        if self.anchor != _END_OF_MONTH:
            months = months - (days < self.anchor)
        return self._month_step(months, ceil=self.anchor == _END_OF_MONTH)

    def stamp(self, ordinals: npt.ArrayLike) -> Stamps:
        """Turn step numbers back into stamps (``datetime64[us]``)."""
        number = np.asarray(ordinals, dtype=np.int64)
        if self.unit in _FIXED:
            fixed: Stamps = (number * (self.multiple * _FIXED[self.unit]) + self.anchor).astype("datetime64[us]")
            return fixed
        month = (number * (self.multiple * _MONTHS[self.unit]) + self.phase).astype("datetime64[M]")
        last = (month + 1).astype("datetime64[D]") - 1
        if self.anchor == _END_OF_MONTH:
            return last.astype("datetime64[us]")
        dated: Stamps = np.minimum(month.astype("datetime64[D]") + (self.anchor - 1), last).astype("datetime64[us]")
        return dated

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"unit": self.unit, "multiple": self.multiple, "anchor": self.anchor, "phase": self.phase}

    def _split(self, us: I64) -> tuple[I64, npt.NDArray[np.bool_]]:
        if self.unit in _FIXED:
            step = self.multiple * _FIXED[self.unit]
            return (us - self.anchor) // step, (us - self.anchor) % step == 0
        months, _, _ = _month_parts(us)
        number = self._month_step(months, ceil=False)
        return number, self.stamp(number).astype(np.int64) == us

    def _month_step(self, months: I64, *, ceil: bool) -> I64:
        step = self.multiple * _MONTHS[self.unit]
        if ceil:
            return np.asarray(-((self.phase - months) // step), dtype=np.int64)
        return np.asarray((months - self.phase) // step, dtype=np.int64)


def _sample(history: Stamps | None) -> I64 | None:
    if history is None or history.size == 0:
        return None
    us: I64 = history[:100_000].astype("datetime64[us]").astype(np.int64)
    return us


def _mode(values: I64) -> int:
    found, counts = np.unique(values, return_counts=True)
    return int(found[np.argmax(counts)])


def _month_parts(us: I64) -> tuple[I64, I64, npt.NDArray[np.bool_]]:
    """Months since 1970, day of month and whether it is the month's last day."""
    date = us.astype("datetime64[us]").astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    day = (date - month.astype("datetime64[D]")).astype(np.int64) + 1
    is_last = (date + 1).astype("datetime64[M]") != month
    return month.astype(np.int64), day, is_last
