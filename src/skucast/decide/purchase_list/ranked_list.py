"""The ranked list: further packs by expected gain per unit of money, bought from the top while the limits allow."""

from __future__ import annotations

import numpy as np

from ...forecast import F64
from .columns import Columns
from .gain_curves import I64
from .lines import Bool, Limits, Lines

_SLACK = 1e-9


def buy_down(lines: Lines, limits: Limits, columns: Columns) -> F64:
    """``(m,)`` lots that a buyer takes who goes down the list and skips what no longer fits.

    Suppliers whose minimum is not reached, or whose order gains less than it costs, are given up, those that miss
    most first, and the list is gone through again without them.
    """
    ranked = columns.ranked()
    maker = np.array(_codes(lines), dtype=np.int64)
    bound = {k: lines.rules[s] for s, k in zip(lines.supplier, maker.tolist(), strict=True) if s and s in lines.rules}
    makers = int(maker.max(initial=-1)) + 1
    fee, value, units = (np.array([getattr(bound[k], n) if k in bound else 0.0 for k in range(makers)]) for n in (
        "order_cost", "min_value", "min_units",
    ))  # fmt: skip
    lot_units = columns.lot * lines.of("pack")[columns.item]
    open_ = np.ones(makers, dtype=np.bool_)
    while True:
        taken = _once(lines, limits, columns, ranked, maker, fee, open_)
        whose = maker[columns.item]
        some = whose >= 0
        spent, count, gain = (
            np.bincount(whose[some], (taken * x)[some], minlength=makers)
            for x in (columns.money, lot_units, columns.gain)
        )
        reached = np.minimum(
            np.divide(spent, value, out=np.ones(makers), where=value > 0),
            np.divide(count, units, out=np.ones(makers), where=units > 0),
        )
        reached = np.minimum(reached, np.divide(gain, fee, out=np.ones(makers), where=fee > 0))
        failed = np.flatnonzero((count > 0) & (reached < 1 - _SLACK))
        if not failed.size:
            return taken
        open_[failed[np.argsort(reached[failed], kind="stable")[: (failed.size + 1) // 2]]] = False


def _codes(lines: Lines) -> list[int]:
    """A number per supplier."""
    seen: dict[str | None, int] = {}
    names = [s for s in lines.supplier if s is not None]
    for name in names:
        seen.setdefault(name, len(seen))
    return [seen.get(s, -1) for s in lines.supplier]


def _once(lines: Lines, limits: Limits, columns: Columns, ranked: I64, maker: I64, fee: F64, open_: Bool) -> F64:
    """One way down the list."""
    taken = np.zeros(len(columns))
    names = list(limits.capacity)
    uses = np.array([lines.uses[n] for n in names]).reshape(len(names), len(lines)) * lines.of("pack")
    left, room = limits.budget, np.array([limits.capacity[n] for n in names])
    whose = maker[columns.item]
    paid = np.zeros(open_.size, dtype=np.bool_)
    shut = np.zeros(len(lines), dtype=np.bool_)  # items of which a piece did not fit
    for k in ranked.tolist():
        i, s = columns.item[k], whose[k]
        if shut[i] or (s >= 0 and not open_[s]):
            continue
        extra = fee[s] if s >= 0 and not paid[s] else 0.0
        lots = float(columns.most[k])
        if columns.money[k] > 0 and np.isfinite(left):
            lots = min(lots, np.floor((left - extra) / columns.money[k] + _SLACK))
        for c in range(len(names)):
            if (use := uses[c, i] * columns.lot[k]) > 0:
                lots = min(lots, np.floor(room[c] / use + _SLACK))
        if lots < 1 or extra > left:
            shut[i] = True
            continue
        taken[k] = lots
        left -= lots * columns.money[k] + extra
        if s >= 0:
            paid[s] = True
        for c in range(len(names)):
            room[c] -= lots * uses[c, i] * columns.lot[k]
    return taken
