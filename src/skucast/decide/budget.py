"""Budget: which packs to buy when the money does not reach for all."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from ..forecast import F64
from .order_up_to import expected_shortage, quantile_of_sorted

_HALVINGS = 48
_TINY = 1e-6  # units; float32 demand is not more exact


def cut_to_budget(
    wanted: F64,
    need: npt.NDArray[np.floating],
    underage: F64,
    overage: F64,
    cost: F64,
    pack: F64,
    least: F64,
    budget: float,
) -> F64:
    """Spend the budget on the packs that gain most per unit of money.

    Expected gain is concave in the quantity, so one price of money ``p`` decides for all items: buy
    each pack whose marginal gain is at least ``p`` times its cost, which is again a newsvendor, with the
    ratio ``(underage - p * cost) / (underage + overage)``. The least ``p`` that fits the budget is found by
    halving; what is left buys single packs in order of marginal gain per unit of money, skipping those
    that do not fit any more. A first lot larger than one pack (a minimum order) counts as a whole.

    Args:
        wanted: ``(S,)`` units without a budget; nothing above is bought.
        need: ``(S, n)`` demand less what is there already, rising along rows.
        underage: ``(S,)`` money per unit short.
        overage: ``(S,)`` money per unit left over.
        cost: ``(S,)`` purchase cost per unit, positive.
        pack: ``(S,)`` units per pack.
        least: ``(S,)`` units of the smallest accepted line.
        budget: money.

    Returns:
        ``(S,)`` units, costing at most ``budget``.

    Source: Hadley & Whitin (1963), Analysis of Inventory Systems, section 6-7 (budget constraint).
    """
    if float(wanted @ cost) <= budget:
        return wanted.copy()
    asked = np.flatnonzero(wanted > 0)
    quantity = np.zeros_like(wanted)
    quantity[asked] = _cut(
        wanted[asked], need[asked], underage[asked], overage[asked], cost[asked], pack[asked], least[asked], budget
    )
    return quantity


def _cut(
    wanted: F64,
    need: npt.NDArray[np.floating],
    underage: F64,
    overage: F64,
    cost: F64,
    pack: F64,
    least: F64,
    budget: float,
) -> F64:
    """As `cut_to_budget`, for items that all want something and cost more than the budget."""
    full = expected_shortage(need, np.zeros_like(wanted))

    def surplus(quantity: F64, price: float) -> F64:
        avoided = full - expected_shortage(need, quantity)
        return (underage + overage) * avoided - (overage + price * cost) * quantity

    def bought(price: float) -> F64:
        ratio = np.maximum(underage - price * cost, 0.0) / (underage + overage)
        ideal = np.maximum(quantile_of_sorted(need, ratio), 0.0)
        down = np.minimum(wanted, np.maximum(np.floor((ideal + _TINY) / pack) * pack, least))
        up = np.minimum(wanted, down + pack)
        gain_down, gain_up = surplus(down, price), surplus(up, price)
        quantity = np.where(gain_up > gain_down, up, down)
        return np.where((np.maximum(gain_up, gain_down) > 0) & (ratio > 0), quantity, 0.0)

    low, high = 0.0, float(np.max(underage / cost))
    quantity = np.zeros_like(wanted)
    for _ in range(_HALVINGS):
        price = (low + high) / 2
        trial = bought(price)
        if float(trial @ cost) <= budget:
            high, quantity = price, trial
        else:
            low = price
    return _spend_rest(quantity, wanted, need, underage, overage, cost, pack, least, budget)


def _spend_rest(
    quantity: F64,
    wanted: F64,
    need: npt.NDArray[np.floating],
    underage: F64,
    overage: F64,
    cost: F64,
    pack: F64,
    least: F64,
    budget: float,
) -> F64:
    """Buy further lots while one fits, always the one with the best marginal gain per unit of money.

    An item's lots gain the same until the quantity passes the next draw of need, so they are bought
    together: the work grows with the number of draws, not of packs.
    """
    quantity = quantity.copy()
    left = budget - float(quantity @ cost)
    lot = np.where(quantity > 0, pack, least)
    rows = np.flatnonzero((quantity + lot <= wanted + _TINY) & (lot * cost <= left))
    avoided = expected_shortage(need[rows], quantity[rows]) - expected_shortage(need[rows], (quantity + lot)[rows])
    value = ((underage + overage)[rows] * avoided - overage[rows] * lot[rows]) / (lot * cost)[rows]
    heap = [(-float(v), int(i)) for v, i in zip(value, rows, strict=True) if v > 0]
    heapq.heapify(heap)
    while heap:
        _, i = heapq.heappop(heap)
        price = float(lot[i] * cost[i])
        if price > left:
            continue  # money only shrinks: it never fits again
        above = int(np.searchsorted(need[i], quantity[i], side="right"))
        alike = (float(need[i, above]) - quantity[i]) // lot[i] if above < need.shape[1] else 1.0
        count = max(1.0, min(alike, left // price, (wanted[i] - quantity[i] + _TINY) // lot[i]))
        quantity[i] += count * lot[i]
        left -= count * price
        lot[i] = pack[i]
        if quantity[i] + lot[i] <= wanted[i] + _TINY:
            here = quantity[i : i + 1]
            saved = expected_shortage(need[i : i + 1], here) - expected_shortage(need[i : i + 1], here + lot[i])
            gain = float((underage[i] + overage[i]) * saved[0] - overage[i] * lot[i])
            if gain > 0:
                heapq.heappush(heap, (-gain / float(lot[i] * cost[i]), i))
    return quantity
