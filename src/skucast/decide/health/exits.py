"""Exits: what to do with units that are too many: mark down, move, send back, or keep, by expected money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...forecast import F64
from .value import Prospects

ACTIONS = ("keep", "markdown", "transfer", "return")
"""What can be done; of equal ones the first."""
_LEAST = 0.005  # money; less is no reason to do anything


@dataclass(frozen=True, eq=False)
class Returns:
    """Terms of the suppliers, arrays ``(R,)``: refund per unit (NaN: no returns), fee per return, most units."""

    price: F64
    fee: F64
    most: F64


@dataclass(frozen=True, eq=False)
class Exits:
    """The best way out of each item; arrays ``(R,)``, money is expected and compares with keeping.

    Attributes:
        action: number in ``ACTIONS``.
        units: units marked down, moved or sent back; 0 where kept.
        markdown: share off the price of the best markdown; NaN where none was compared.
        to: row that a transfer would go to; -1 where no other location runs short.
        moved: units of that transfer.
        returned: units of that return.
        keep: money that the units bring if they are kept.
        gains: action -> money gained over keeping; NaN where it is not possible.
    """

    action: npt.NDArray[np.int64]
    units: F64
    markdown: F64
    to: npt.NDArray[np.int64]
    moved: F64
    returned: F64
    keep: F64
    gains: Mapping[str, F64]

    @property
    def gain(self) -> F64:
        """Money gained over keeping by the best way out."""
        table = np.stack([self.gains[name] for name in ACTIONS])
        return np.asarray(table[self.action, np.arange(self.action.size)])


def best_exits(
    prospects: Prospects,
    stock: F64,
    units: F64,
    needs: F64,
    groups: npt.NDArray[np.int64],
    returns: Returns,
    elasticity: F64,
    markdowns: Sequence[float],
    transfer_cost: float = 0.0,
) -> Exits:
    """Compare the ways out of ``units`` of each item and take the one that is expected to bring most.

    Markdowns and returns of all items are valued at once. Transfers are decided one by one, the most units first,
    because a location that has been served needs less; a transfer goes to the location of the group where it gains
    most, and only as many units as that location lacks.

    Args:
        prospects: of all rows, donors and receivers.
        stock: ``(R,)`` units on hand and on order.
        units: ``(R,)`` units that are too many; 0: nothing to do.
        needs: ``(R,)`` units that a location lacks; 0 where it does not run short.
        groups: ``(R,)`` the same number for the locations of one product.
        returns: terms.
        elasticity: ``(R,)`` below 0; NaN: markdowns are not compared.
        markdowns: shares off the price.
        transfer_cost: money per unit moved.
    """
    rows = units.size
    before = prospects.value(stock)
    without = prospects.value(stock - units)
    gains = {name: np.full(rows, np.nan) for name in ACTIONS}
    gains["keep"] = np.zeros(rows)

    best = np.full(rows, np.nan)
    for share in markdowns:
        gain = prospects.value(stock, share, (1.0 - share) ** np.where(np.isnan(elasticity), -1.0, elasticity)) - before
        better = ~np.isnan(elasticity) & ~(gain <= gains["markdown"])
        gains["markdown"], best = np.where(better, gain, gains["markdown"]), np.where(better, share, best)

    back = np.where(np.isnan(returns.price), 0.0, np.minimum(units, returns.most))
    refund = np.where(back > 0, returns.price * back - returns.fee, np.nan)
    gains["return"] = refund + prospects.value(stock - back) - before

    to, moved = np.full(rows, -1, dtype=np.int64), np.zeros(rows)
    _transfers(prospects, stock, units, needs, groups, gains, to, moved, transfer_cost)
    table = np.stack([np.where(np.isnan(gains[name]), -np.inf, gains[name]) for name in ACTIONS])
    table[1:][table[1:] < _LEAST] = -np.inf
    action = table.argmax(axis=0).astype(np.int64)
    action[units <= 0] = 0
    amounts = np.stack([np.zeros(rows), units, moved, back])[action, np.arange(rows)]
    return Exits(action, amounts, best, to, moved, back, before - without, gains)


def _transfers(
    prospects: Prospects,
    stock: F64,
    units: F64,
    needs: F64,
    groups: npt.NDArray[np.int64],
    gains: Mapping[str, F64],
    to: npt.NDArray[np.int64],
    moved: F64,
    cost: float,
) -> None:
    """Fill in the transfers, donors with most units first; what is served is no need any more."""
    lacks, held = needs.copy(), stock.astype(np.float64).copy()
    members: dict[int, list[int]] = {}
    for row in np.flatnonzero(lacks > 0):
        members.setdefault(int(groups[row]), []).append(int(row))
    for donor in np.argsort(-units, kind="stable"):
        if units[donor] <= 0:
            break
        others = [r for r in members.get(int(groups[donor]), []) if r != donor and lacks[r] > 0]
        if not others:
            continue
        there = np.array(others)
        amount = np.minimum(units[donor], lacks[there])
        here = prospects.take(np.full(there.size, donor))
        own = np.full(there.size, held[donor])
        gain = here.value(own - amount) - here.value(own)
        far = prospects.take(there)
        gain += far.value(held[there] + amount) - far.value(held[there]) - cost * amount
        k = int(gain.argmax())
        gains["transfer"][donor], to[donor], moved[donor] = gain[k], there[k], amount[k]
        rivals = [gains[name][donor] for name in ("keep", "markdown", "return")]
        if gain[k] > max(r for r in (*rivals, _LEAST) if not np.isnan(r)):  # it will be done
            lacks[there[k]] -= amount[k]
            held[there[k]] += amount[k]
