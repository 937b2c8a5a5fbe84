"""Gaps: closed, missing, zero and out of stock are different things.

A zero is an observation: nobody bought. A missing cell is not known. A closed one is missing since the
shop did not trade. Out of stock hides what would have been bought. Nothing here changes a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ..panel import Bool, Panel
from ..panel_frame import stamp_series
from .changes import Changes
from .step import FittedStep, Prepared, Step
from .windows import following, previous

KINDS: tuple[str, ...] = ("sold", "zero", "missing", "closed", "out_of_stock")
"""What a cell can be; `cell_kinds` gives positions in this list."""

_FEW_SERIES = 5  # with fewer, a step without any observation may just be a gap
_CYCLES = 8
_ALPHA = 0.01


def closed_steps(panel: Panel) -> Bool:
    """Steps in which the shop did not trade: ``(n_steps,)``, right-aligned as `Panel.dense` is.

    A step is closed if no series has an observation in it (panels of five series or more), or if its
    phase of the season (such as Sunday) is missing in 95 % of all cells while others are not.
    """
    steps = panel.n_steps
    column = panel.ordinals - (panel.end - steps + 1)
    alive = np.bincount(column, minlength=steps)
    seen = np.bincount(column[~np.isnan(panel.values)], minlength=steps)
    closed = np.zeros(steps, dtype=np.bool_)
    if len(panel) >= _FEW_SERIES:
        closed = seen == 0
    season = panel.freq.season
    if 1 < season <= 31 and steps >= _CYCLES * season:
        phase = np.arange(steps) % season
        share = np.bincount(phase, seen, season) / np.maximum(np.bincount(phase, alive, season), 1)
        if float(share.max()) > 0.5:
            closed |= (share[phase] <= 0.05) & (seen == 0)
    return closed & (alive > 0)


def cell_kinds(panel: Panel) -> npt.NDArray[np.int8]:
    """What each cell is: ``(N,)`` positions in `KINDS`; negative values (net returns) count as sold."""
    missing = np.isnan(panel.values)
    kinds = np.where(missing, 2, np.where(panel.values == 0, 1, 0)).astype(np.int8)
    if panel.values.size:
        closed = closed_steps(panel)[panel.ordinals - (panel.end - panel.n_steps + 1)]
        kinds[missing & closed] = 3
    if panel.available is not None:
        kinds[~panel.available] = 4
    return kinds


def gap_summary(panel: Panel) -> pl.DataFrame:
    """How many cells of each kind every series has.

    Returns:
        ``unique_id, steps, sold, zero, missing, closed, out_of_stock, leading, trailing, longest_gap``:
        leading and trailing count the cells before the first and after the last observation, closed ones
        included; the longest gap counts missing cells in a row between them, closed ones skipped.
    """
    kinds, row, count = cell_kinds(panel), panel.row_of, len(panel)
    seen = ~np.isnan(panel.values)
    leading = np.bincount(row[previous(panel, seen) < 0], minlength=count)
    trailing = np.bincount(row[(following(panel, seen) < 0) & (previous(panel, seen) >= 0)], minlength=count)
    inner = (kinds == 2) & (previous(panel, seen) >= 0) & (following(panel, seen) >= 0)
    total = np.cumsum(inner)
    length = np.where(inner, total - np.where(previous(panel, seen) >= 0, total[previous(panel, seen)], 0), 0)
    longest = np.zeros(count, dtype=np.int64)
    np.maximum.at(longest, row, length)
    return pl.DataFrame(
        {
            "unique_id": panel.ids,
            "steps": panel.lengths,
            **{kind: np.bincount(row[kinds == k], minlength=count) for k, kind in enumerate(KINDS)},
            "leading": leading,
            "trailing": trailing,
            "longest_gap": longest,
        }
    )


@dataclass(frozen=True)
class StockOuts(Step):
    """Finds runs of zeros that are too long to be chance: likely stock-outs that nobody recorded.

    With the share ``p`` of zeros among the observations near the run (the larger of both sides), a run
    of ``L`` zeros is expected ``n (1 - p) p^L`` times in a series of ``n`` observations; below ``alpha``
    it is suspicious. Closed and missing steps are skipped. A run that lasts to the end of the series may
    also be a discontinued item; it is found, and censored only if ``trailing`` is set.

    Attributes:
        action: ``note`` lists them and changes nothing; ``censor`` marks the steps as out of stock, so
            that models take the demand there as hidden.
        alpha: expected number of such runs by chance in one series.
        shortest: steps that a run must have.
        trailing: censor runs that last to the end, too.
    """

    name: ClassVar[str] = "stock-outs"
    action: Literal["note", "censor"] = "note"
    alpha: float = _ALPHA
    shortest: int = 3
    trailing: bool = False

    def __post_init__(self) -> None:
        self._one_of("action", ("note", "censor"))

    def fit(self, panel: Panel) -> FittedStockOuts:
        """Nothing is learned: each run is judged by its own neighbourhood."""
        return FittedStockOuts(self)


@dataclass(frozen=True, eq=False)
class FittedStockOuts(FittedStep):
    """See `StockOuts`."""

    spec: StockOuts

    def prepare(self, panel: Panel) -> Prepared:
        """List the cells of suspicious runs, and hide them if asked to."""
        runs = suspicious_zeros(panel, self.spec.alpha, self.spec.shortest)
        censoring = self.spec.action == "censor"
        if censoring and not self.spec.trailing:
            runs = runs.filter(~pl.col("trailing"))
        first, last = runs["first_cell"].to_numpy(), runs["last_cell"].to_numpy()
        inside = np.zeros(panel.values.size + 1, dtype=np.int64)
        np.add.at(inside, first, 1)
        np.add.at(inside, last + 1, -1)
        cells = np.flatnonzero((np.cumsum(inside)[:-1] > 0) & (panel.values == 0))
        if not censoring:
            return Prepared(panel, Changes.of(panel, cells, panel.values[cells], "note-zero-run"))
        available = np.ones(panel.values.size, np.bool_) if panel.available is None else panel.available.copy()
        available[cells] = False
        changes = Changes.of(panel, cells, np.full(cells.size, np.nan), "censor-zero-run")
        return Prepared(panel.with_values(panel.values, available), changes)

    def invert(self, panel: Panel, changes: Changes) -> Panel:
        """The panel as it is: values were not altered, and availability stays marked."""
        return panel


def suspicious_zeros(panel: Panel, alpha: float = _ALPHA, shortest: int = 3) -> pl.DataFrame:
    """Runs of zeros too long to be chance; see `StockOuts`.

    Returns:
        ``unique_id, start, end, steps, usual`` (units per step near the run), ``lost`` (units that may
        have been missed), ``chance`` (how many such runs are expected), ``trailing``, and the flat cells
        ``first_cell, last_cell``.
    """
    known = np.flatnonzero(~np.isnan(panel.observed))
    x, row = panel.values[known].astype(np.float64), panel.row_of[known]
    size = known.size
    zero = x == 0
    edge = np.ones(size, dtype=np.bool_)  # a run begins where zero-ness or the series changes
    edge[1:] = (zero[1:] != zero[:-1]) | (row[1:] != row[:-1])
    begin = np.flatnonzero(edge)
    stop = np.append(begin[1:], size)
    picked = zero[begin] & (stop - begin >= shortest)
    begin, stop = begin[picked], stop[picked]
    of = row[begin]
    head = np.searchsorted(row, np.arange(len(panel)), side="left")[of]
    tail = np.searchsorted(row, np.arange(len(panel)), side="right")[of]
    started = begin > head  # before the first sale the item may not have been on offer
    begin, stop, of, head, tail = (a[started] for a in (begin, stop, of, head, tail))
    reach = max(28, 4 * min(panel.freq.season, 13))
    zeros = np.concatenate([[0], np.cumsum(zero)])
    units = np.concatenate([[0.0], np.cumsum(x)])

    def side(low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n = high - low
        share = (zeros[high] - zeros[low] + 1) / (n + 2)  # Laplace: few observations prove little
        return n, share, (units[high] - units[low])

    n_before, p_before, u_before = side(np.maximum(begin - reach, head), begin)
    n_after, p_after, u_after = side(stop, np.minimum(stop + reach, tail))
    p = np.maximum(np.where(n_before >= 8, p_before, 0), np.where(n_after >= 8, p_after, 0))
    judged = (n_before >= 8) | (n_after >= 8)
    chance = np.where(judged, (tail - head) * (1 - p) * p ** (stop - begin), np.inf)
    keep = chance < alpha
    usual = (u_before + u_after) / np.maximum(n_before + n_after, 1)
    begin, stop, of, chance, usual, tail = (a[keep] for a in (begin, stop, of, chance, usual, tail))
    dtype = panel.layout.time_dtype if panel.layout else None
    ordinals = panel.ordinals
    return pl.DataFrame(
        {
            "unique_id": panel.ids.gather(of),
            "start": stamp_series(panel.freq.stamp(ordinals[known[begin]]), dtype),
            "end": stamp_series(panel.freq.stamp(ordinals[known[stop - 1]]), dtype),
            "steps": stop - begin,
            "usual": usual,
            "lost": usual * (stop - begin),
            "chance": chance,
            "trailing": stop == tail,
            "first_cell": known[begin],
            "last_cell": known[stop - 1],
        }
    )
