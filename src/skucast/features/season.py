"""Season features: the position of a day in its week, month and year, pay-days and the trend."""

from __future__ import annotations

import numpy as np

from .occasion import F64, I64

YEAR = 365.2425
_EPOCH_2000 = 10957  # days from 1970-01-01 to 2000-01-01
_PAYDAY_REACH = 4
_HARMONICS = {"week": 3, "year": 4}


def season_columns(days: I64, step_days: float) -> dict[str, tuple[F64, str]]:
    """Daily season features, as far as they can differ between steps of the given length.

    Args:
        days: ``(D,)`` day numbers from 1970-01-01.
        step_days: mean length of a step in days.

    Returns:
        name -> (``(D,)`` values, how days are put together): ``day_of_week`` (0 is Monday), weekend,
        Fourier pairs of the week (three pairs hold any weekly shape) and of the year (four), day of the
        month, month, week of the year, nearness to pay-days (1 on the 15th, the 25th or the last day of
        the month, falling to 0 four days away) and ``trend`` (years since 2000).
    """
    date = days.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    day_of_month = (date - month.astype("datetime64[D]")).astype(np.int64) + 1
    month_length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    year_begin = date.astype("datetime64[Y]").astype("datetime64[D]")
    weekday = (days + 3) % 7
    out: dict[str, tuple[F64, str]] = {}

    def add(name: str, values: np.ndarray[tuple[int], np.dtype[np.generic]], how: str = "mean") -> None:
        out[name] = (values.astype(np.float64), how)

    if step_days < 7:
        add("day_of_week", weekday, "first")
        for k in range(1, _HARMONICS["week"] + 1):
            add(f"week_sin{k}", np.sin(2 * np.pi * k * weekday / 7))
            add(f"week_cos{k}", np.cos(2 * np.pi * k * weekday / 7))
        add("day_of_month", day_of_month, "first")
    if step_days != 7:  # a week has two such days always
        add("weekend", (weekday >= 5).astype(np.float64), "sum")
    if step_days < 28:
        add("week_of_year", (date - year_begin).astype(np.int64) // 7 + 1, "middle")
        last = np.minimum(month_length - day_of_month, day_of_month)
        for name, away in (("month_end", last), ("15", np.abs(day_of_month - 15)), ("25", np.abs(day_of_month - 25))):
            add(f"payday_{name}", np.maximum(0.0, 1 - away / _PAYDAY_REACH))
    else:
        add("days_in_step", np.ones(days.size), "sum")
    if step_days < 365:
        add("month", month.astype(np.int64) % 12 + 1, "middle")
        for k in range(1, _HARMONICS["year"] + 1):
            if 2 * k * step_days <= YEAR:  # faster waves cannot be told apart on this grid
                add(f"year_sin{k}", np.sin(2 * np.pi * k * days / YEAR))
                add(f"year_cos{k}", np.cos(2 * np.pi * k * days / YEAR))
    add("trend", (days - _EPOCH_2000) / YEAR)
    return out


def hour_columns(us: I64) -> dict[str, F64]:
    """Features of the time of day, for steps shorter than a day; ``us`` are microseconds from 1970."""
    hour = (us // 1_000_000 % 86_400) / 3600
    out: dict[str, F64] = {"hour_of_day": hour}
    for k in (1, 2):
        out[f"day_sin{k}"] = np.sin(2 * np.pi * k * hour / 24)
        out[f"day_cos{k}"] = np.cos(2 * np.pi * k * hour / 24)
    return out
