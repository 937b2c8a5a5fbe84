"""Changes: the items whose demand is expected to rise or fall most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .outlook import F64, Outlook
from .wording import Text, number, say, signed_percent, span

ROWS = 8


@dataclass(frozen=True)
class Range:
    """A small picture: 80 % interval, mean and the number compared with, in percent of the width."""

    low: float
    high: float
    mean: float
    base: float


@dataclass(frozen=True)
class Change:
    """One item's expected change."""

    name: str
    code: str
    expected: Text
    interval: Text
    base: Text
    difference: Text
    share: Text
    verdict: Text
    range: Range


@dataclass(frozen=True)
class Changes:
    """The biggest rises and falls; ``against`` says what they are compared with."""

    up: Sequence[Change]
    down: Sequence[Change]
    against: Text
    compared: int
    total: int


def make_changes(outlook: Outlook, ids: list[str], names: dict[str, str]) -> Changes:
    """Rank items by the change of their value against last year (against the period before, if none has one)."""
    yearly = not bool(np.isnan(outlook.year_ago).all())
    base = outlook.year_ago if yearly else outlook.before
    difference = outlook.mean - base
    weight = difference * np.where(np.isnan(outlook.price), 0.0, outlook.price)
    usable = np.flatnonzero(~np.isnan(weight) & (weight != 0))
    order = usable[np.argsort(-weight[usable], kind="stable")]
    rising = [int(i) for i in order[:ROWS] if weight[i] > 0]
    falling = [int(i) for i in order[::-1][:ROWS] if weight[i] < 0]
    return Changes(
        up=[_change(outlook, base, i, ids, names) for i in rising],
        down=[_change(outlook, base, i, ids, names) for i in falling],
        against=say("change.against_year" if yearly else "change.against_before"),
        compared=int((~np.isnan(base)).sum()),
        total=len(ids),
    )


def _change(outlook: Outlook, base: F64, i: int, ids: list[str], names: dict[str, str]) -> Change:
    mean, low, high, before = (float(a[i]) for a in (outlook.mean, outlook.low, outlook.high, base))
    sure = not low <= before <= high
    difference = number(abs(mean - before))
    sign = "+" if mean >= before else "−"
    top = max(high, before, mean) or 1.0
    name = names.get(ids[i], "") or ids[i]
    return Change(
        name=name,
        code=ids[i] if name != ids[i] else "",
        expected=number(mean),
        interval=span(low, high),
        base=number(before),
        difference=Text(sign + difference.en, sign + difference.zh),
        share=signed_percent(mean / before - 1) if before > 0 else say("change.from_zero"),
        verdict=say("change.clear" if sure else "change.unsure"),
        range=Range(*(round(100 * v / top, 1) for v in (low, high, mean, before))),
    )
