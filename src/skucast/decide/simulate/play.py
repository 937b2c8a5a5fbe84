"""The events of a simulation, for one block of items on all paths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .lanes import Transit
from .limits import Rationing
from .pipeline import Pipeline
from .setting import Setting
from .shelf import AgedShelf, Shelf
from .state import Policy, State, TransferPolicy
from .supply import of_items
from .tally import Tally, Trace

_TOLERANCE = 1e-9  # of the units in play: sums of fractions are not more exact


class Block:
    """A block of items at play.

    Args:
        demand: ``(T, i, P)`` units, contiguous.
        rows: which of all items.
        items: how many there are in all.
        policy: says how much to order.
        transfers: says how much to move, where there are lanes.
        setting: rules, costs and opening stock of all items.
        seed: of lead times.
        trace: is written to, if given.
    """

    def __init__(
        self, demand: F64, rows: slice, items: int, policy: Policy, transfers: TransferPolicy | None, setting: Setting,
        seed: int, trace: Trace | None,
    ) -> None:  # fmt: skip
        periods, *shape = demand.shape
        self.shape = (shape[0], shape[1])
        self.demand, self.rows, self.setting, self.trace = demand, rows, setting, trace
        self.policy, self.transfers = policy, transfers
        supply, opening = setting.supply, setting.opening
        delays = supply.delays(rows, items, shape[1], periods, seed)
        self.at_once = delays.shortest == 0
        self.after = setting.decide == "after-count"
        if self.at_once and self.after:
            raise ConfigError(
                "A lead time of 0 is too short for orders decided after the count: they are received in the next period, "
                "so the least is 1."
            )
        pipe = np.zeros((1, 0)) if opening.pipeline is None else np.asarray(opening.pipeline, dtype=np.float64)[rows]
        spread = np.ones(self.shape)
        layers = pipe.T[:, :, None] * spread if opening.pipeline is not None else np.zeros((0, *self.shape))
        self.pipeline = Pipeline(delays, layers, supply.crossing)
        self.shelf = self._stocked(items)
        self.on_order = layers.sum(axis=0)
        self.backorders = of_items(opening.backorders, items, "backorders")[rows, None] * spread
        self.served, self.short, self.units, self._gap = (np.zeros(self.shape) for _ in range(4))
        self.openings = supply.openings(rows, items, periods)
        self.every = np.asarray(self.openings.all(axis=1))
        self.some = np.asarray(self.openings.any(axis=1))
        self.lots = supply.lots(rows, items)
        self.limits = [Rationing(limit, items, periods) for limit in setting.limits]
        self.transit = Transit(setting.lanes, self.shelf, periods) if setting.lanes is not None else None
        self.supplier = None
        if setting.supplier is not None:
            self.supplier = np.unique(np.asarray(setting.supplier), return_inverse=True)[1]
        self.tally = Tally(self.shape, setting.warm_up, setting.count)
        self.state = State(
            rows, self.shelf, self.pipeline, self.backorders, self.on_order, self.served, self.short,
            setting.backorders, items,
        )  # fmt: skip
        scale = max(1.0, float(self.shelf.on_hand.max(initial=0.0)), float(demand.max(initial=0.0)))
        self.slack = (_TOLERANCE * scale) ** 2

    def _stocked(self, items: int) -> Shelf:
        """The shelf with its opening stock."""
        opening, rows = self.setting.opening, self.rows
        spread = np.ones(self.shape)
        fresh = of_items(opening.on_hand, items, "on_hand")[rows, None] * spread
        life = self.setting.life(items)
        if life is None:
            return Shelf(fresh)
        depth = int(life.max())
        life = life[rows]
        layers = np.zeros((depth, *self.shape))
        if opening.by_life is not None:
            aged = np.asarray(opening.by_life, dtype=np.float64)[rows]
            layers[: aged.shape[1]] = aged.T[:, :, None]
            fresh = np.zeros(self.shape)
        mortal = np.flatnonzero(life > 0)
        layers[life[mortal] - 1, mortal] += fresh[mortal]
        forever = np.where(life[:, None] > 0, 0.0, fresh)
        return AgedShelf(layers, forever, life, of_items(self.setting.newest, items, "newest")[rows])

    def play(self) -> dict[str, F64]:
        """Play all periods; the totals of the tally with what is left at the end."""
        for period in range(len(self.demand)):
            self._period(period)
        if not np.allclose(self._on_the_way(), self.on_order, rtol=_TOLERANCE, atol=self.slack**0.5):
            raise AssertionError("Units on order do not add up: ordered - received is not what is on its way.")
        totals = self.tally.close()
        totals["demand"] = self.demand[self.setting.warm_up :].sum(axis=0)
        totals["left"] = self.shelf.on_hand + self.on_order
        return totals

    def _on_the_way(self) -> F64:
        units = self.pipeline.counted()
        return units if self.transit is None else units + self.transit.counted(self.shape[0])

    def _period(self, period: int) -> None:
        setting, shelf, tally, trace, gap = self.setting, self.shelf, self.tally, self.trace, self._gap
        tally.begin(period)
        self.state.period = self.state.ahead = period
        if trace is not None:
            trace.write("opening", self.rows, period, shelf.on_hand)
        np.copyto(gap, shelf.on_hand)  # becomes opening + what came - what went, less what is there: nothing

        self._receive(period)
        if self.transit is not None:
            self._move(period)
        if not self.after:
            self._decide(period)
            if self.at_once:
                self._receive(period)

        available = shelf.on_hand.copy() if setting.count == "average" else None
        wanted = self.demand[period]
        shelf.serve(wanted, period, self.served)
        np.subtract(wanted, self.served, out=self.short)
        gap -= self.served
        if setting.backorders:
            self.backorders += self.short

        wasted = shelf.expire(period)
        if wasted is not None:
            gap -= wasted
        gap -= shelf.counted()
        if not float(np.vdot(gap, gap)) <= self.slack and not self._adds_up(gap):
            raise AssertionError(
                f"Stock does not add up in period {period}: opening + received - sold - wasted != closing."
            )
        if self.transit is not None:
            wasted = self._spoil(period, wasted)
        if setting.backorders:
            tally.add("waiting", self.backorders)
        tally.counted(self.served, self.short, wasted, available, shelf.on_hand)
        if trace is not None:
            for name, amount in (
                ("demand", wanted), ("served", self.served), ("short", self.short), ("closing", shelf.on_hand),
                ("backorders", self.backorders), ("wasted", wasted),
            ):  # fmt: skip
                if amount is not None:
                    trace.write(name, self.rows, period, amount)
        if self.after:
            self.state.ahead = period + 1
            self._decide(period)

    def _adds_up(self, gap: F64) -> bool:
        """Whether what is missing is only rounding of stock that is large by now."""
        return float(np.abs(gap).max()) <= _TOLERANCE * max(1.0, float(self.shelf.on_hand.max()))

    def _receive(self, period: int) -> None:
        """Put what arrives on the shelf; customers who wait are served first."""
        got = self.pipeline.receive(period)
        self.shelf.add(got, period)
        self.on_order -= got
        self._gap += got
        self.tally.received(got)
        if self.trace is not None:
            self.trace.write("received", self.rows, period, got)
        if self.setting.backorders:
            self._clear(period)

    def _clear(self, period: int) -> None:
        if not self.backorders.any():
            return
        cleared = np.empty(self.shape)
        self.shelf.serve(self.backorders, period, cleared)
        self.backorders -= cleared
        self._gap -= cleared
        self.tally.add("cleared", cleared)
        if self.trace is not None:
            self.trace.write("cleared", self.rows, period, cleared)

    def _decide(self, period: int) -> None:
        """Ask the policy, make its orders obey the rules, and send them on their way."""
        if not self.some[period]:
            return
        units = self.units
        np.copyto(units, self.policy.order(self.state))
        if not self.every[period]:
            units[~self.openings[period]] = 0.0
        if not np.minimum.reduce(units, axis=None) >= 0:
            row = self.rows.start + int((~(units >= 0)).any(axis=1).argmax())
            raise ConfigError(
                f"The policy orders units below 0, or not a number, of item {self.setting.name(row)} in period {period}: "
                "let it order 0 where nothing is needed."
            )
        self.lots.fit(units)
        for limit in self.limits:
            limit.apply(units, self.shelf.on_hand + self.on_order, period, self.lots)
        self.on_order += units
        self.pipeline.add(units, period)
        self.tally.ordered(units)
        if self.supplier is not None:
            lines = units > 0
            on_order = np.zeros((self.supplier.max() + 1, self.shape[1]))
            np.add.at(on_order, self.supplier, lines)
            self.tally.add("deliveries", lines / np.maximum(on_order[self.supplier], 1.0))
        if self.trace is not None:
            self.trace.write("ordered", self.rows, period, units)

    def _move(self, period: int) -> None:
        """Receive transfers, send new ones, and receive those that take no time."""
        assert self.transit is not None
        assert self.transfers is not None
        assert self.setting.lanes is not None
        self._arrive(period)
        sent = self.transit.send(self.transfers.transfer(self.state), period)
        left, coming = np.zeros(self.shape), np.zeros(self.shape)
        np.add.at(left, self.transit.source, sent)
        np.add.at(coming, self.transit.target, sent)
        self.on_order += coming
        self._gap -= left
        cost = np.asarray(self.setting.lanes.cost, dtype=np.float64)
        paid = np.zeros(self.shape)
        np.add.at(paid, self.transit.target, sent * (cost[:, None] if cost.ndim else cost))
        self.tally.add("moving", paid)
        if self.trace is not None:
            self.trace.write("moved_out", self.rows, period, left)
        self._arrive(period)

    def _arrive(self, period: int) -> None:
        assert self.transit is not None
        came = np.zeros(self.shape)
        np.add.at(came, self.transit.target, self.transit.receive(period))
        if not came.any():
            return
        self.on_order -= came
        self._gap += came
        self.tally.add("moved", came)
        if self.trace is not None:
            self.trace.write("moved_in", self.rows, period, came)
        if self.setting.backorders:
            self._clear(period)

    def _spoil(self, period: int, wasted: F64 | None) -> F64 | None:
        """Waste with that on the way between locations."""
        assert self.transit is not None
        lost: npt.NDArray[np.float64] | None = self.transit.expire(period)
        if lost is None or wasted is None:
            return wasted
        total = wasted.copy()
        np.add.at(total, self.transit.target, lost)
        self.on_order -= total - wasted
        return total
