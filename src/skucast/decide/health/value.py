"""Value: what a stock is expected to bring in money until a day, on sample paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...forecast import F64

PARTS = np.linspace(0.0, 1.0, 9) ** 2
"""Shares of a time at which stock is counted for what it costs to hold: closely at first, when it sells."""


@dataclass(frozen=True, eq=False)
class Prospects:
    """What each item's stock meets; arrays over items ``(R,)`` unless said.

    Attributes:
        demand: ``(R, n, K)`` units asked for until each of the ``PARTS`` of the time, first column 0.
        demand_protect: ``(R, n)`` units until a new order could arrive.
        days: length of time that is looked at.
        price: money per unit sold.
        margin: money per unit sold after the stock, from new orders; 0 where nothing is ordered any more.
        holding: money per unit and day.
        salvage: money per unit left at the end.
    """

    demand: F64
    demand_protect: F64
    days: F64
    price: F64
    margin: F64
    holding: F64
    salvage: F64

    def take(self, rows: object) -> Prospects:
        """Prospects of some items."""
        return Prospects(**{name: column[rows] for name, column in vars(self).items()})

    def value(self, stock: F64, markdown: float = 0.0, lift: F64 | float = 1.0) -> F64:
        """Expected money from a stock of each item, and from the orders that follow when it is sold.

            price E min(D, S) + margin E [(D - S)+ - (D_protect - S)+] - holding E unit-days + salvage E (S - D)+

        What is asked for between the last unit and the first possible arrival is lost; later demand earns the margin
        of new orders. With a markdown the stock sells at ``price (1 - markdown)`` and ``lift`` times as fast until it
        is gone; then the price is as before. So both a lower price on units that would have sold anyway and the
        sales that come later at the full price count.

        Args:
            stock: ``(R,)`` units, on hand and on order.
            markdown: share off the price.
            lift: ``(R,)`` or a number, demand at that price as a multiple.
        """
        factor = np.broadcast_to(np.asarray(lift, dtype=np.float64), stock.shape)
        s, f = stock[:, None], factor[:, None]
        left = np.maximum(s[:, :, None] - f[:, :, None] * self.demand, 0.0).mean(axis=1)  # (R, K + 1)
        held = ((left[:, 1:] + left[:, :-1]) / 2.0 * np.diff(PARTS)).sum(axis=1) * self.days
        whole = self.demand[:, :, -1]
        same = s / f  # demand at the old price that uses up the stock
        later = np.maximum(whole - same, 0.0) - np.maximum(np.minimum(self.demand_protect, whole) - same, 0.0)
        return np.asarray(
            self.price * (1.0 - markdown) * (stock - left[:, -1])
            + self.margin * later.mean(axis=1)
            - self.holding * held
            + self.salvage * left[:, -1]
        )
