"""State: what a policy may know when it decides, and the protocols of policies."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...forecast import F64
from .pipeline import Pipeline
from .shelf import AgedShelf, Shelf


class State:
    """The stock of a block of items on every path, at the moment of decision.

    Arrays have the shape ``(I, P)``: items of the block, paths. They are live and read-only: keep a copy of what
    shall outlast the call.

    Attributes:
        period: which period it is, from 0.
        ahead: the period whose demand comes next: the same, or the following one where orders are decided after the
            count.
        rows: which items the block holds, as a slice of all items.
        on_hand: units on the shelf.
        backorders: units owed to customers; zeros where sales are lost.
        on_order: units ordered or sent from another location and not yet received.
        sold: units sold in the period before, from the shelf at once.
        short: units asked for in the period before and not on the shelf.
    """

    def __init__(
        self, rows: slice, shelf: Shelf, pipeline: Pipeline, backorders: F64, on_order: F64, sold: F64, short: F64,
        waits: bool, items: int,
    ) -> None:  # fmt: skip
        self.period = self.ahead = 0
        self.rows = rows
        self.on_hand, self.backorders, self.on_order, self.sold, self.short = (
            _locked(a) for a in (shelf.on_hand, backorders, on_order, sold, short)
        )
        self._shelf, self._pipeline, self._waits, self._items = shelf, pipeline, waits, items

    @property
    def position(self) -> F64:
        """On hand + on order - backorders."""
        position = self.on_hand + self.on_order
        if self._waits:
            position -= self.backorders
        return position

    def due(self, periods: int) -> F64:
        """Units ordered that will be received in so many periods from now.

        Raises:
            ConfigError: lead times are uncertain, so that nobody can know.
        """
        if not self._pipeline.certain:
            raise ConfigError(
                "The arrival of orders is known in advance only with certain lead times: use state.on_order instead."
            )
        return self._pipeline.due(self.period, periods)

    def by_life(self) -> F64:
        """Units on hand by remaining life ``(M, I, P)``: row ``k`` can be sold in ``k + 1`` more periods.

        Items that never expire stand in the last row.

        Raises:
            ConfigError: nothing expires.
        """
        if not isinstance(self._shelf, AgedShelf):
            raise ConfigError("No item has a shelf life: give Setting.shelf_life, or use state.on_hand.")
        return self._shelf.by_life(self.ahead)

    def read(self, parameter: npt.ArrayLike) -> F64:
        """A policy's parameter for the items of this block in this period, broadcastable to ``(I, P)``.

        Args:
            parameter: a number, one per item ``(I,)``, one per item and period ``(I, T)``, or ``(I, P, T)``.

        Raises:
            ConfigError: it is of other items, or ends before this period.
        """
        value = np.asarray(parameter, dtype=np.float64)
        if value.ndim == 0:
            return value
        if value.shape[0] != self._items or (value.ndim > 1 and value.shape[-1] <= self.period):
            raise ConfigError(
                f"A policy's parameter has the shape {value.shape}: it must hold {self._items} items"
                + (f" and reach period {self.period}." if value.ndim > 1 else ".")
            )
        value = value[self.rows]
        if value.ndim == 1:
            return value[:, None]
        return value[:, self.period, None] if value.ndim == 2 else value[:, :, self.period]


def _locked(array: F64) -> F64:
    view = array.view()
    view.flags.writeable = False
    return view


class Policy(Protocol):
    """Anything that says how much to order."""

    def order(self, state: State) -> npt.NDArray[Any]:
        """Units to order, not negative, of a shape that broadcasts to ``(I, P)``.

        It is asked only in periods in which some item of the block may be ordered; quantities of others are ignored.
        Packs, minimum quantities and limits are applied afterwards.
        """
        ...


class TransferPolicy(Protocol):
    """Anything that says how much to move between locations."""

    def transfer(self, state: State) -> npt.NDArray[Any]:
        """Units to send along each lane, not negative, of a shape that broadcasts to ``(K, P)``."""
        ...
