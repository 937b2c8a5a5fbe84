"""Lost sales with a lead time: the system, and the exact long-run cost of any policy by its Markov chain.

Each period the order placed ``L`` periods ago has arrived; the state is ``x = (x_0, ..., x_{L-1})``, units on hand
followed by those due after one, two... periods. The policy orders ``z`` units, demand comes, what it does not find is
lost. A period costs ``h (x_0 - D)+ + p (D - x_0)+``. This is the setting of Zipkin (2008), Old and new methods for
lost-sales inventory systems, Operations Research 56.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ...errors import ConfigError
from ...forecast import F64
from .checks import positive, whole
from .distribution import Distribution

I64 = npt.NDArray[np.int64]
_STATES = 3_000_000
_SWEEPS = 20_000
_LAZY = 0.05  # chance of standing still that is mixed in, so that no chain goes round in a circle for ever


class Policy(Protocol):
    """Orders for many states at once."""

    def orders(self, state: I64) -> I64:
        """``(n,)`` units for the states ``(n, L)``."""


@dataclass(frozen=True)
class BaseStock:
    """Order what the position lacks to ``level``.

    Attributes:
        level: units on hand and on order after ordering.
    """

    level: int

    def orders(self, state: I64) -> I64:  # noqa: D102
        return np.asarray(np.maximum(self.level - state.sum(axis=1), 0))


@dataclass(frozen=True)
class CappedBaseStock:
    """As `BaseStock`, never more than ``cap`` at a time.

    Attributes:
        level: units on hand and on order after ordering, if the cap allows.
        cap: most units per order.

    Source: Xin (2021), Understanding the performance of capped base-stock policies in lost-sales inventory models,
    Operations Research 69.
    """

    level: int
    cap: int

    def orders(self, state: I64) -> I64:  # noqa: D102
        return np.asarray(np.clip(self.level - state.sum(axis=1), 0, self.cap))


@dataclass(frozen=True, eq=False)
class TablePolicy:
    """An order for every state, as `optimal_lost_sales` and `myopic_lost_sales` find them.

    Attributes:
        table: ``[x_0, x_1, ..., x_{L-1}]`` units to order.
    """

    table: I64

    def orders(self, state: I64) -> I64:  # noqa: D102
        top = np.array(self.table.shape) - 1
        if (state > top).any():
            raise ConfigError("The table of orders does not reach as far as this state: it never occurs under it.")
        return np.asarray(self.table[tuple(state.T)])


class PolicyCost(NamedTuple):
    """A policy with its long-run expected cost per period."""

    policy: Policy
    cost: float


@dataclass(frozen=True, eq=False)
class LostSales:
    """One item whose unmet demand is lost.

    Attributes:
        demand: of one period, independent between periods, in whole steps from zero.
        holding: money per unit left at the end of a period.
        shortage: money per unit lost (margin and goodwill).
        lead_time: periods from order to delivery, at least 1.
    """

    demand: Distribution
    holding: float
    shortage: float
    lead_time: int

    def __post_init__(self) -> None:
        positive(holding=self.holding, shortage=self.shortage)
        if self.lead_time < 1:
            raise ConfigError("Lost sales with a lead time of 0 are a newsvendor every period: use `newsvendor`.")
        whole(1, lead_time=self.lead_time)
        if self.demand.step != 1:
            raise ConfigError("Lost-sales policies count in whole units: give demand with a step of 1 (packs, say).")

    @cached_property
    def pmf(self) -> F64:
        """Probabilities of 0, 1, 2... units of demand."""
        return self.demand.from_zero()

    @cached_property
    def limits(self) -> I64:
        """``(L + 1,)`` units that need never be exceeded by what arrives from ``l`` periods ahead on, order included.

        The newsvendor's level for the demand of the ``L + 1 - l`` periods from then on: an optimal order never lifts
        ``x_l + ... + x_{L-1} + z`` above it.

        Source: Zipkin (2008), On the structure of lost-sales inventory models, Operations Research 56.
        """
        ratio = self.shortage / (self.shortage + self.holding)
        periods = range(self.lead_time + 1, 0, -1)
        return np.array([round(float(self.demand.times(n).quantile(ratio))) for n in periods], dtype=np.int64)

    def period_cost(self, most: int) -> F64:
        """``(most + 1,)`` expected cost of a period that begins with 0, 1, ... units on hand."""
        level = np.arange(most + 1, dtype=np.float64)
        short = self.demand.loss(level)
        return np.asarray(self.holding * (level - self.demand.mean + short) + self.shortage * short)

    def left(self, most: int) -> F64:
        """``(most + 1, most + 1)`` probability that ``j`` units are left (column) of ``x`` on hand (row)."""
        x, j = np.ogrid[: most + 1, : most + 1]
        sold = x - j
        known = np.concatenate([self.pmf, np.zeros(max(most + 1 - self.pmf.size, 0))])
        matrix = np.where((sold >= 0) & (j > 0), known[np.clip(sold, 0, known.size - 1)], 0.0)
        matrix[:, 0] = 1 - matrix[:, 1:].sum(axis=1)  # all demand from x on empties the shelf
        return np.maximum(matrix, 0.0)

    def cost_of(self, policy: Policy, tolerance: float = 1e-6) -> float:
        """Long-run expected cost per period from an empty start, to ``tolerance`` of money.

        Raises:
            ConfigError: too many states occur under the policy, or it piles up stock without end.
        """
        states, move = self._chain(policy)
        cost = self.period_cost(int(states[:, 0].max()))[states[:, 0]]
        value = np.zeros(cost.size)
        for _ in range(_SWEEPS):
            change = cost + move @ value - value
            low, high = float(change.min()), float(change.max())
            if high - low < 2 * tolerance:
                return (low + high) / 2
            value += (1 - _LAZY) * change
            value -= value[0]
        raise ConfigError("The cost of this policy does not settle: its stock may grow without end.")

    def _chain(self, policy: Policy) -> tuple[I64, sparse.csr_array]:
        """States ``(n, L)`` that occur under the policy, and the matrix of their moves."""
        bits = 62 // self.lead_time
        found = np.zeros(1, dtype=np.int64)
        fresh = found
        while fresh.size:
            reached = np.unique(self._moves(policy, fresh, bits)[1])
            fresh = np.setdiff1d(reached, found, assume_unique=True)
            found = np.union1d(found, fresh)
            if found.size > _STATES:
                raise ConfigError(f"More than {_STATES} states occur: a shorter lead time or larger packs are needed.")
        row, key, chance = self._moves(policy, found, bits)
        move = sparse.csr_array((chance, (row, np.searchsorted(found, key))), shape=(found.size, found.size))
        return _unpacked(found, bits, self.lead_time), move

    def _moves(self, policy: Policy, keys: I64, bits: int) -> tuple[I64, I64, F64]:
        """All moves from the states: row of the state, key of the next, probability."""
        state = _unpacked(keys, bits, self.lead_time)
        order = policy.orders(state)
        most = int(state[:, 0].max())
        if most + int(order.max()) >= 1 << (bits - 1) or most > 20_000:
            raise ConfigError("Stock grows beyond what can be followed exactly: the policy orders more than is sold.")
        left = self.left(most)
        x, j = np.nonzero(left > 0)
        first = np.searchsorted(x, np.arange(most + 2))
        count = np.diff(first)[state[:, 0]]
        row = np.repeat(np.arange(keys.size), count)
        entry = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count) + first[state[row, 0]]
        pipeline = np.column_stack([state[:, 1:], order])  # what arrives next period, then the others
        after = np.zeros(keys.size, dtype=np.int64)
        for k in range(self.lead_time):
            after = (after << bits) | pipeline[:, k]
        # the key holds units on hand in its highest bits: what is left is added there
        key = after[row] + (j[entry].astype(np.int64) << (bits * (self.lead_time - 1)))
        return row, key, left[x[entry], j[entry]]


def _unpacked(keys: I64, bits: int, n: int) -> I64:
    shifts = bits * np.arange(n - 1, -1, -1, dtype=np.int64)
    return (keys[:, None] >> shifts) & ((1 << bits) - 1)
