"""Spelling: how a file writes its numbers and dates, found by votes of its cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from .dates import date_order, has_zone, order_votes
from .mapping import Mapping
from .numbers import decimal_mark, decimal_votes

_ASKED = 200  # columns of a wide table that are asked for the decimal mark


@dataclass(frozen=True)
class Votes:
    """What the cells of one or more files say.

    Attributes:
        point: distinct numbers that can only have a decimal point.
        comma: distinct numbers that can only have a decimal comma.
        day: distinct dates that can only be day/month.
        month: distinct dates that can only be month/day.
        both: distinct dates that can be either.
        marks: a number has a point or comma.
        zoned: a stamp names its zone.
    """

    point: int = 0
    comma: int = 0
    day: int = 0
    month: int = 0
    both: int = 0
    marks: bool = False
    zoned: bool = False

    def __add__(self, other: Votes) -> Votes:
        return Votes(
            self.point + other.point, self.comma + other.comma, self.day + other.day, self.month + other.month,
            self.both + other.both, self.marks or other.marks, self.zoned or other.zoned,
        )  # fmt: skip

    @property
    def decided(self) -> bool:
        """True if the cells leave no number and no date open."""
        return (self.point != self.comma or not self.marks) and (self.day != self.month or not self.both)


@dataclass(frozen=True)
class Spelling:
    """How to read the cells of a file.

    Attributes:
        decimal: the decimal mark.
        order: ``dmy`` or ``mdy``.
        certain: the dates prove their order, or never need it.
        zoned: stamps name their zone.
    """

    decimal: str = "."
    order: str = "dmy"
    certain: bool = True
    zoned: bool = False

    @staticmethod
    def of(own: Votes, others: Votes, decimal: str = "") -> Spelling:
        """The spelling of a file by its own cells, or by those of its sister files where it is open."""
        numbers = own if own.point != own.comma else others
        dates = own if own.day != own.month else others
        order, certain = date_order([(dates.day, dates.month, own.both)])
        return Spelling(decimal or decimal_mark([(numbers.point, numbers.comma)]), order, certain, own.zoned)


def count_votes(frame: pl.DataFrame, mapping: Mapping) -> Votes:
    """Ask the text cells of the columns that hold numbers and dates."""
    numbers, dates = [(0, 0)], [(0, 0, 0)]
    marks = zoned = False
    for name, columns in mapping.columns.items():
        for column in (c for c in columns if c in frame.columns):
            if mapping.kinds[name] in ("date", "moment"):
                dates.append(order_votes(frame[column]))
                zoned = zoned or has_zone(frame[column])
            elif mapping.kinds[name] == "number" and frame.schema[column] == pl.String:
                numbers.append(decimal_votes(frame[column]))
                marks = marks or bool(frame[column].str.contains("[.,]").any())
    schema = frame.schema
    across = [c for c in mapping.wide if schema.get(c) == pl.String][:_ASKED]
    if across:
        cells = pl.concat([frame[c].alias("cell") for c in across])
        numbers.append(decimal_votes(cells))
        marks = marks or bool(cells.str.contains("[.,]").any())
    point, comma = _sum(numbers, 2)
    day, month, both = _sum(dates, 3)
    return Votes(point, comma, day, month, both, marks, zoned)


def _sum(votes: Iterable[tuple[int, ...]], width: int) -> list[int]:
    rows = list(votes)
    return [sum(row[i] for row in rows) for i in range(width)]
