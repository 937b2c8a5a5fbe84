"""Simulated shops whose true demand is known: customers who find the shelf empty leave no trace in the sales.

Orders are placed once a week up to a level and arrive a week later, so that it is high demand that empties the shelf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from skucast.frequency import Frequency
from skucast.panel import Panel

KINDS = ("poisson", "negbin", "seasonal")
"""``poisson``: levels that wander; ``negbin``: variance 2.5 times the mean, a week and days of the whole shop;
``seasonal``: the same with variance 1.5 times the mean."""

_WEEK = np.array([0.7, 0.7, 0.8, 0.9, 1.2, 1.6, 1.1])
_LEAD, _REVIEW = 7, 7
_START = np.datetime64("2023-01-02")


@dataclass(frozen=True, eq=False)
class Shortage:
    """A simulated shop, all ``(S, T)``.

    Attributes:
        demand: what customers wanted.
        sales: what they got.
        sold_out: the shelf was empty at the end of the day.
        empty: it was empty from the morning on.
    """

    demand: npt.NDArray[np.int64]
    sales: npt.NDArray[np.int64]
    sold_out: npt.NDArray[np.bool_]
    empty: npt.NDArray[np.bool_]

    @classmethod
    def simulate(cls, kind: str, series: int, days: int, seed: int, cover: float = 0.8) -> Shortage:
        """A shop that orders up to ``cover`` of the demand of lead time and review period, and some safety stock."""
        rng = np.random.default_rng(seed)
        rate = np.exp(rng.normal(1.2, 0.9, (series, 1)) + np.cumsum(rng.normal(0, 0.01, (series, days)), axis=1))
        if kind == "poisson":
            demand = rng.poisson(rate)
        else:
            week = _WEEK ** rng.uniform(0.5, 1.3, (series, 1))
            rate *= (week / week.mean(axis=1, keepdims=True))[:, np.arange(days) % 7]
            rate *= np.exp(rng.normal(0, 0.15, days))
            phi = 2.5 if kind == "negbin" else 1.5
            demand = rng.negative_binomial(rate / (phi - 1), 1 / phi)
        over = demand.mean(axis=1) * (_LEAD + _REVIEW)
        target = np.ceil(over * cover + rng.uniform(-0.5, 1.2, series) * 1.3 * np.sqrt(over)).astype(np.int64) + 1
        weekday = rng.integers(0, _REVIEW, series)
        hand, coming = target.copy(), np.zeros((series, days + _LEAD + 1), dtype=np.int64)
        sales, sold_out, empty = np.zeros_like(demand), np.zeros(demand.shape, bool), np.zeros(demand.shape, bool)
        for t in range(days):
            hand += coming[:, t]
            empty[:, t] = hand == 0
            sales[:, t] = np.minimum(demand[:, t], hand)
            hand -= sales[:, t]
            sold_out[:, t] = hand == 0
            ordered = np.maximum(target - hand - coming[:, t + 1 :].sum(axis=1), 0)
            coming[:, t + _LEAD] += np.where((t + weekday) % _REVIEW == 0, ordered, 0)
        return cls(demand, sales, sold_out, empty)

    def panel(self, days: int, flags: str) -> Panel:
        """The first days as a panel.

        Args:
            days: how many.
            flags: ``truth`` is demand itself, ``none`` sales without flags, ``sold_out`` or ``empty`` sales and these flags.
        """
        values = self.demand if flags == "truth" else self.sales
        stamps = (_START + np.arange(days)).astype("datetime64[us]")
        grid = Frequency.parse("D", stamps)
        marked = {"sold_out": self.sold_out, "empty": self.empty}.get(flags)
        count = values.shape[0]
        return Panel(
            freq=grid,
            end=int(grid.ordinal(stamps[-1:])[0]),
            values=values[:, :days].astype(np.float32).ravel(),
            indptr=np.arange(count + 1, dtype=np.int64) * days,
            static=pl.DataFrame({"unique_id": [f"item {i}" for i in range(count)]}),
            available=None if marked is None else ~marked[:, :days].ravel(),
        )
