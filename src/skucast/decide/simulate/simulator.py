"""The simulator: stock played period by period, exactly, over items and paths at once.

A period ``t`` has these events, in this order:

1. receive: what is due at the beginning of ``t`` is put on the shelf, orders first, then transfers; customers who wait
   (backorders) are served first. Transfers to other locations are decided and leave.
2. decide: orders are placed, if the period is one of the item's review periods and ordering days. An order of ``t``
   is received at the beginning of ``t + lead time``; a lead time of 0 is received at once, before demand.
3. demand: sold is the lesser of demand and stock; the rest is lost or backordered.
4. count: what cannot be sold in a later period is thrown away; holding is paid on what is left, shortage on what was short.

Books differ, so some of it can be chosen (`Setting`): with ``decide="after-count"`` orders are placed last (receive,
demand, count, decide). Orders placed at the end of week X and usable at the start of week X + 3, as in the VN2 challenge,
are ``decide="after-count"`` with ``lead_time=3``. Goods received after demand are goods received at the beginning of the
next period: add 1 to the lead time. Which units pay holding is ``count``.

In every period ``opening + received - sold - wasted (and transfers) = closing`` is asserted for every item and path, and
at the end that what is on order is what is on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError, DataError
from .outcome import Outcome, Sums
from .play import Block
from .setting import Setting
from .state import Policy, TransferPolicy
from .tally import KEPT, Trace

_CELLS = 1 << 14  # items x paths at play together: their arrays stay in the processor's cache

Demand = npt.NDArray[Any] | Callable[[slice], npt.NDArray[Any]]


def simulate(
    demand: Demand, policy: Policy, setting: Setting | None = None, *, transfers: TransferPolicy | None = None,
    shape: tuple[int, int, int] | None = None, seed: int = 0, keep: Literal["summary", "totals", "periods"] | tuple[str, ...] = "summary",
    together: bool = False,
) -> Outcome:  # fmt: skip
    """Play a policy against demand.

    Args:
        demand: units ``(I, P, T)`` of items, paths and periods, as `Forecast.paths` gives them, or ``(I, T)`` for one
            path (demand that really happened). Or a function from a slice of items to their ``(i, P, T)``, so that
            not all has to be in memory at once.
        policy: says how much to order; see `Policy`.
        setting: rules, costs and opening stock.
        transfers: says how much to move along ``setting.lanes``.
        shape: ``(I, P, T)`` if demand is a function.
        seed: of uncertain lead times. An item's draws do not depend on how items are grouped.
        keep: ``totals`` also keeps sums per item and path, ``periods`` also every period; a tuple of names of `Trace`
            keeps every period of these alone.
        together: play all items in one block, for policies that look at all of them. Limits, lanes and suppliers in
            the setting do so by themselves.

    Returns:
        Money and service per item and per path.

    Raises:
        ConfigError: the setting or the policy asks for something impossible.
        DataError: demand is negative or not a number.
    """
    setting = setting or Setting()
    given = None
    if not callable(demand):
        given = np.asarray(demand)
        if given.ndim == 2:
            given = given[:, None, :]
        if given.ndim != 3:
            raise ConfigError(f"demand has the shape {given.shape}: give (items, periods) or (items, paths, periods).")
        shape = (given.shape[0], given.shape[1], given.shape[2])
    if shape is None or min(shape) < 1:
        raise ConfigError("Give at least one item, path and period of demand; for a function also its shape.")
    items, paths, periods = shape
    setting.check(items, periods)
    if (setting.lanes is None) != (transfers is None):
        raise ConfigError("Transfers need both: lanes in the setting, and a policy that says how much to move.")

    size = items if together or setting.joint else max(1, _CELLS // paths)
    sums = Sums(setting, items, paths, periods, totals=keep != "summary")
    names = KEPT if keep == "periods" else keep if isinstance(keep, tuple) else ()
    unknown = sorted(set(names) - set(KEPT))
    if unknown:
        raise ConfigError(f"'{unknown[0]}' cannot be kept: choose from {', '.join(KEPT)}.")
    trace = Trace(names, items, paths, periods) if names else None
    for first in range(0, items, size):
        rows = slice(first, min(first + size, items))
        part = given[rows] if given is not None else np.asarray(demand(rows))  # type: ignore[operator]
        if part.shape != (rows.stop - rows.start, paths, periods):
            raise ConfigError(f"demand of items {rows.start} to {rows.stop - 1} has the shape {part.shape}: expected "
                              f"{(rows.stop - rows.start, paths, periods)}.")  # fmt: skip
        block = np.ascontiguousarray(part.transpose(2, 0, 1), dtype=np.float64)
        if not (block.min() >= 0 and np.isfinite(block.max())):
            period, item, _ = np.unravel_index(int((~((block >= 0) & np.isfinite(block))).argmax()), block.shape)
            raise DataError(
                f"Demand of item {setting.name(rows.start + int(item))} in period {period} is below 0 or not a number: "
                "fill it in or leave the item out."
            )
        sums.add(rows, Block(block, rows, items, policy, transfers, setting, seed, trace).play())
    return sums.outcome(trace)
