"""Programme: the joint order as a mixed-integer linear programme, solved by HiGHS.

Columns are the pieces of the gain curves (whole lots) and one on/off variable per supplier with a rule. As curves are
concave, pieces fill in their order without being told to, and the linear relaxation is that of the exact problem's
hull, line by line. Before the integer search, pieces whose reduced cost exceeds what the relaxation promises above the
ranked list are fixed: none of them can be part of a better order.

Sources: Hadley & Whitin (1963), sections 2-8 and 6-7 (several constraints, budget); Nemhauser & Wolsey (1988), Integer and
Combinatorial Optimization, II.5 (reduced-cost fixing); Huangfu & Hall (2018), Mathematical Programming Computation 10
(HiGHS).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import optimize, sparse

from ...errors import ConfigError
from ...forecast import F64
from .columns import Columns
from .gain_curves import I64
from .lines import Limits, Lines

_MANY = 30_000  # rows that tie single pieces to their supplier; beyond, items are tied as a whole
_WHOLE = 1e-6
_FIRST = 0.4  # share of the time for a first order
_LEAST = 1.0  # seconds without which no search is begun
_WIDE = 40_000  # columns from which looking for dominated ones takes longer than the search
_INFEASIBLE = 2  # status of scipy.optimize.milp


class Relaxed(NamedTuple):
    """The linear relaxation: no order within the limits gains more than ``value``."""

    value: float
    x: F64
    at_least: F64  # loss of gain per unit by which a column rises above its lower bound
    at_most: F64  # and falls below its upper bound
    money_price: float  # gain of one more unit of budget


class Found(NamedTuple):
    """A solution: lots per piece, on/off per supplier, its gain, and the most that any could gain."""

    lots: F64
    gain: float
    bound: float


@dataclass(frozen=True, eq=False)
class Programme:
    """``max gain @ x`` with ``rows @ x <= right``, ``0 <= x <= most``, whole numbers.

    Attributes:
        columns: the pieces; suppliers' variables come after them.
        makers: names of suppliers with a rule, one variable each.
        owner: ``(m,)`` which of them a piece is bound to; -1 for none.
        gain: ``(m + makers,)``.
        most: upper bounds.
        rows: sparse; the first row is the budget if there is one.
        right: right-hand sides.
        has_budget: whether there is a budget.
        money_only: whether lines share nothing but the budget.
    """

    columns: Columns
    makers: tuple[str, ...]
    owner: I64
    gain: F64
    most: F64
    rows: sparse.csr_array
    right: F64
    has_budget: bool
    money_only: bool

    @classmethod
    def of(cls, lines: Lines, limits: Limits, columns: Columns) -> Programme:
        """Write the problem down.

        Raises:
            ConfigError: a capacity is limited that no item says its use of.
        """
        unknown = [n for n in limits.capacity if n not in lines.uses]
        if unknown:
            raise ConfigError(f"There is a limit on '{unknown[0]}', but no item says how much of it a unit takes.")
        m, item = len(columns), columns.item
        present = {lines.supplier[i] for i in np.unique(item)}
        makers = tuple(n for n, rule in lines.rules.items() if n in present and not rule.free)
        code = {name: k for k, name in enumerate(makers)}
        owner = np.array([code.get(s, -1) if s is not None else -1 for s in lines.supplier], dtype=np.int64)[item]
        fee = np.array([lines.rules[n].order_cost for n in makers])
        rows = _Rows(m + len(makers))
        has_budget = bool(np.isfinite(limits.budget))
        if has_budget:
            rows.add_one(np.arange(m + len(makers)), np.concatenate([columns.money, fee]), limits.budget)
        for name, room in limits.capacity.items():
            if np.isfinite(room):
                use = np.asarray(lines.uses[name])[item] * lines.of("pack")[item] * columns.lot
                rows.add_one(np.arange(m), use, room)
        _minimum_orders(rows, columns)
        _on_off(rows, columns, owner, m)
        for k, name in enumerate(makers):
            rule, own = lines.rules[name], np.flatnonzero(owner == k)
            units = columns.lot[own] * lines.of("pack")[item[own]]
            for least, each in ((rule.min_value, columns.money[own]), (rule.min_units, units)):
                if least > 0:
                    rows.add_one(np.append(own, m + k), np.append(-each, least), 0.0)
        most = np.concatenate([columns.most, np.ones(len(makers))]).astype(np.float64)
        matrix, right = rows.done()
        money_only = not makers and not np.isfinite(list(limits.capacity.values())).any()
        return cls(
            columns, makers, owner, np.concatenate([columns.gain, -fee]), most, matrix, right, has_budget, money_only
        )

    def with_budget(self, budget: float) -> Programme:
        """The same with other money."""
        right = self.right.copy()
        right[0] = budget
        return replace(self, right=right)

    def relaxed(self, seconds: float) -> Relaxed | None:
        """Solve the linear relaxation; None if time ran out."""
        if self.money_only:
            return self._down_the_list()
        solved = optimize.linprog(
            -self.gain, A_ub=self.rows if self.right.size else None, b_ub=self.right if self.right.size else None,
            bounds=np.stack([np.zeros(self.most.size), self.most], axis=1), method="highs",
            options={"time_limit": max(seconds, 0.1), "presolve": False},  # which takes far longer than the solution
        )  # fmt: skip
        if solved.status != 0:
            return None
        price = -float(solved.ineqlin.marginals[0]) if self.has_budget else 0.0
        return Relaxed(-float(solved.fun), solved.x, solved.lower.marginals, -solved.upper.marginals, price)

    def _down_the_list(self) -> Relaxed:
        """The relaxation where money is all that lines share, a bound elsewhere: the list, its last lot in part.

        Minimum orders need no care: further packs of a line come later in the list than its first lot.

        Source: Dantzig (1957), Discrete-variable extremum problems, Operations Research 5.
        """
        ranked, columns = self.columns.ranked(), self.columns
        x, price = np.zeros(self.most.size), 0.0
        x[ranked] = self.most[ranked]
        if self.has_budget:
            money = columns.money[ranked]
            left = self.right[0] - np.append(0.0, np.cumsum(money * self.most[ranked])[:-1])
            lots = np.divide(left, money, out=np.full(money.size, np.inf), where=money > 0)
            x[ranked] = np.clip(lots, 0.0, self.most[ranked])
            short = np.flatnonzero(x[ranked] < self.most[ranked])
            price = float(self.gain[ranked[short[0]]] / money[short[0]]) if short.size else 0.0
        reduced = self.gain.copy()
        reduced[: len(columns)] -= price * columns.money
        return Relaxed(float(self.gain @ x), x, np.maximum(-reduced, 0.0), np.maximum(reduced, 0.0), price)

    def solve(self, start: F64, relaxed: Relaxed | None, seconds: float, gap: float) -> Found:
        """The best order found within the time.

        Args:
            start: lots per piece of an order that is within all limits.
            relaxed: the linear relaxation.
            seconds: time limit.
            gap: stop when the order is proven to be within this share of the best.
        """
        begin = time.perf_counter()
        best = np.concatenate([start, self.on(start)])
        bound = self._down_the_list().value if relaxed is None else relaxed.value
        low, high = np.zeros(self.most.size), self.most.copy()
        m = len(self.columns)
        if relaxed is None and seconds < _LEAST:
            return Found(start, float(self.gain @ best), max(bound, float(self.gain @ best)))
        if self._far(best, bound, gap) and relaxed is not None and len(self.makers):
            # a first order with the suppliers that the relaxation takes or leaves as a whole
            sure = m + np.flatnonzero(np.abs(relaxed.x[m:] - np.rint(relaxed.x[m:])) < _WHOLE)
            fixed_low, fixed_high = low.copy(), high.copy()
            fixed_low[sure] = fixed_high[sure] = np.rint(relaxed.x[sure])
            best, _ = self._search(best, fixed_low, fixed_high, _FIRST * seconds, gap)
        if self._far(best, bound, gap):
            if relaxed is not None:
                spare = bound - float(self.gain @ best) + 1e-7 * max(1.0, abs(bound))
                high[relaxed.at_least > spare] = 0.0
                low[relaxed.at_most > spare] = high[relaxed.at_most > spare]
            best, proven = self._search(best, low, high, seconds - (time.perf_counter() - begin), gap)
            bound = min(bound, proven)
        worth = float(self.gain @ best)
        return Found(best[:m], worth, max(bound, worth))

    def _far(self, x: F64, bound: float, gap: float) -> bool:
        """Whether a solution may miss more than the gap."""
        worth = float(self.gain @ x)
        return bound > worth + gap * abs(worth)

    def _search(self, x: F64, low: F64, high: F64, seconds: float, gap: float) -> tuple[F64, float]:
        """The better of ``x`` and what HiGHS finds within bounds, and the most that anything there or ``x`` gains."""
        worth = float(self.gain @ x)
        free = np.flatnonzero(high > low)
        found = np.where(high > low, 0.0, low)
        base, rest = float(self.gain @ found), self.right - self.rows @ found
        proven, some = max(base, worth), True
        if free.size:
            solved = optimize.milp(
                -self.gain[free],
                constraints=optimize.LinearConstraint(self.rows[:, free], -np.inf, rest) if rest.size else None,
                bounds=optimize.Bounds(low[free], high[free]),
                integrality=np.ones(free.size),
                # the gap is one of the whole order, not of what is still free
                options={
                    "time_limit": max(seconds, 0.1),
                    "presolve": free.size < _WIDE,
                    "mip_rel_gap": min(1.0, gap * worth / max(abs(worth - base), _WHOLE)),
                },
            )
            dual, some = getattr(solved, "mip_dual_bound", None), solved.x is not None
            if dual is not None and np.isfinite(dual):
                proven = max(base - float(dual), worth)
            else:
                proven = worth if solved.status == _INFEASIBLE else np.inf  # nothing there is as good
            if some:
                found[free] = np.rint(solved.x)
        slack = 1e-6 + 1e-9 * (abs(self.rows) @ found)  # as exact as money in floats is
        if some and float(self.gain @ found) > worth and (self.rows @ found <= self.right + slack).all():
            return found, proven
        return x, proven

    def on(self, lots: F64) -> F64:
        """``(makers,)`` 1 where something is ordered of the supplier."""
        some = (lots > 0.5) & (self.owner >= 0)
        return np.asarray(np.bincount(self.owner[some], minlength=len(self.makers)) > 0, dtype=np.float64)


class _Rows:
    """A sparse matrix that grows."""

    def __init__(self, width: int) -> None:
        self.width, self.count = width, 0
        self.at: list[I64] = []
        self.column: list[I64] = []
        self.value: list[F64] = []
        self.right: list[F64] = []

    def add_one(self, column: I64, value: F64, right: float) -> None:
        """One row."""
        self.add(np.zeros(column.size, dtype=np.int64), column, value, 1, right)

    def add(self, row: I64, column: I64, value: F64, count: int, right: float) -> None:
        """Some rows, numbered from zero."""
        self.at.append(row + self.count)
        self.column.append(column)
        self.value.append(value)
        self.right.append(np.full(count, right))
        self.count += count

    def done(self) -> tuple[sparse.csr_array, F64]:
        """Matrix and right-hand sides."""
        if not self.count:
            return sparse.csr_array((0, self.width)), np.zeros(0)
        entries = (np.concatenate(self.value), (np.concatenate(self.at), np.concatenate(self.column)))
        return sparse.csr_array(entries, shape=(self.count, self.width)), np.concatenate(self.right)


def _minimum_orders(rows: _Rows, columns: Columns) -> None:
    """Further packs only after the minimum order."""
    start = np.flatnonzero(columns.first)
    opener = start[np.cumsum(columns.first) - 1]  # first piece of each piece's item
    later = np.flatnonzero(~columns.first & (columns.lot[opener] > 1))
    if not later.size:
        return
    heads, row = np.unique(opener[later], return_inverse=True)
    room = np.bincount(row, columns.most[later])
    rows.add(
        np.concatenate([row, np.arange(heads.size)]), np.concatenate([later, heads]),
        np.concatenate([np.ones(later.size), -room]), heads.size, 0.0,
    )  # fmt: skip


def _on_off(rows: _Rows, columns: Columns, owner: I64, m: int) -> None:
    """Nothing of a supplier whose order is off: piece by piece, or gaining and losing pieces of an item as a whole."""
    start = np.flatnonzero(columns.first)
    opener = start[np.cumsum(columns.first) - 1]
    tied = np.flatnonzero((owner >= 0) & (columns.first | (columns.lot[opener] == 1)))
    if not tied.size:
        return
    each = np.arange(tied.size) if tied.size <= _MANY else 2 * columns.item[tied] + (columns.gain[tied] <= 0)
    _, head, row = np.unique(each, return_index=True, return_inverse=True)
    room = np.bincount(row, columns.most[tied])
    rows.add(
        np.concatenate([row, np.arange(head.size)]), np.concatenate([tied, m + owner[tied][head]]),
        np.concatenate([np.ones(tied.size), -room]), head.size, 0.0,
    )  # fmt: skip
