"""Quality: what was wrong with the data and what was done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from .wording import Text, day, number, plain, remedy, rule_name, say

_STAGES = {
    "read": "quality.read",
    "clean": "quality.clean",
    "demand": "quality.demand",
    "prepare": "quality.prepare",
    "forecast": "quality.forecast",
    "plan": "quality.plan",
}
_ACTIONS = {"rejected": "quality.rejected", "changed": "quality.changed", "noted": "quality.noted"}
_WEEKDAYS = {
    "mon": "weekday.mon",
    "tue": "weekday.tue",
    "wed": "weekday.wed",
    "thu": "weekday.thu",
    "fri": "weekday.fri",
    "sat": "weekday.sat",
    "sun": "weekday.sun",
}
_DATES_SHOWN = 12


@dataclass(frozen=True)
class Repair:
    """One rule's work: how it is called, what it did, to how much, an example and a remedy."""

    rule: Text
    table: str
    action: Text
    rows: Text
    units: Text
    series: Text
    example: str
    remedy: Text


@dataclass(frozen=True)
class Quality:
    """Data repairs by stage, the total in words, and the days the shop is closed."""

    stages: Sequence[tuple[Text, Sequence[Repair]]]
    summary: Text
    closed: Text | None


def make_quality(repairs: pl.DataFrame, closed: Sequence[object], recorded: bool) -> Quality:
    """Group repairs by stage, in the order in which the stages ran.

    Args:
        repairs: all columns of `skucast.collect.repairs`.
        closed: weekdays (``sat``), dates or words.
        recorded: False if the run kept no repair report at all, so that silence is not taken for health.
    """
    found = repairs["stage"].unique(maintain_order=True).to_list()
    stages = []
    for stage in [s for s in _STAGES if s in found] + [s for s in found if s not in _STAGES]:
        rows = [_repair(r) for r in repairs.filter(pl.col("stage").eq_missing(stage)).iter_rows(named=True)]
        stages.append((say(_STAGES[stage]) if stage in _STAGES else plain(stage), rows))
    return Quality(stages, _summary(repairs, recorded), _closed(closed))


def _repair(row: dict[str, Any]) -> Repair:
    rule = str(row["rule"] or "")
    return Repair(
        rule=rule_name(rule),
        table=str(row["table"] or ""),
        action=say(_ACTIONS[row["action"]]) if row["action"] in _ACTIONS else plain(row["action"]),
        rows=number(row["rows"]),
        units=number(row["units"]) if row["units"] else plain(None),
        series=number(row["series"]) if row["series"] else plain(None),
        example=str(row["example"] or ""),
        remedy=remedy(rule, str(row["remedy"] or "")),
    )


def _summary(repairs: pl.DataFrame, recorded: bool) -> Text:
    if not recorded:
        return say("quality.not_recorded")
    if repairs.height == 0:
        return say("quality.none")

    def rows(action: str) -> Text:
        return number(float(repairs.filter(pl.col("action") == action)["rows"].sum()))

    units = float(repairs.filter(pl.col("action") == "rejected")["units"].sum())
    return say(
        "quality.summary",
        rules=number(repairs.height),
        rejected=rows("rejected"),
        units=number(units),
        changed=rows("changed"),
        noted=rows("noted"),
    )


def _closed(closed: Sequence[object]) -> Text | None:
    if not closed:
        return None
    words = [_closed_day(c) for c in closed]
    shown = words[:_DATES_SHOWN]
    listed = Text(", ".join(w.en for w in shown), "、".join(w.zh for w in shown))
    if len(words) > len(shown):
        return say("quality.closed_more", days=listed, n=number(len(words) - len(shown)))
    return say("quality.closed", days=listed)


def _closed_day(value: object) -> Text:
    if isinstance(value, datetime):
        return day(value.date())
    if isinstance(value, date):
        return day(value)
    word = str(value)
    if ".." in word:  # a stretch of days
        return say("quality.stretch", **dict(zip(("start", "end"), map(_closed_day, word.split("..", 1)), strict=True)))
    key = _WEEKDAYS.get(word[:3].lower()) if word.lower() in _WEEKDAYS or word.lower().endswith("day") else None
    if key is not None:
        return say(key)
    try:
        return day(date.fromisoformat(word))
    except ValueError:
        return plain(word)
