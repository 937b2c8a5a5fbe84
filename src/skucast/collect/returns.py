"""Returns: cancelled and returned units are taken off the sale that they belong to.

A shop's sales of one item to one customer form a stack: a return takes back the most recent units
that are still with the customer. With the running sum ``X`` of sales and returns of a stack in order
of time, a sale that lifts ``X`` from ``a`` to ``b`` still holds the heights in ``(a, b]`` that ``X``
never falls below again, and a return is without a sale where it takes ``X`` to a new minimum below
zero. So the whole matching is running sums and running minima, with no loop over lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

F64 = npt.NDArray[np.float64]
_NEGLIGIBLE = 1e-9  # what is left of a fractional quantity by rounding
_TABLE = 2**26  # combinations of codes that a table of flags may have


@dataclass(frozen=True)
class Match:
    """What one way of matching did.

    Attributes:
        left: ``(lines,)`` units that are left on each line; negative where a return found no sale.
        rows: returns that found a sale, fully or in part.
        units: units taken off sales.
    """

    left: F64
    rows: int
    units: float


def match_returns(
    lines: pl.DataFrame, left: F64, by: Sequence[str], time: str, eligible: npt.NDArray[np.bool_] | None = None
) -> Match:
    """Take returns off earlier sales with the same key, the most recent first.

    Args:
        lines: order lines with the columns ``by`` and ``time``.
        left: ``(lines,)`` units still on each line, negative for returns.
        by: columns that a return and its sale share; a line with a null among them takes no part.
        time: column of time; a sale at the very time of the return counts as earlier.
        eligible: lines that may take part; all by default.
    """
    live = left != 0 if eligible is None else (left != 0) & eligible
    returned = live & (left < 0)
    if not returned.any():
        return Match(left, 0, 0.0)
    keys = list(by)
    wanted = lines.select(keys).filter(pl.Series(returned)).drop_nulls().unique()
    part = (
        lines.select(list(dict.fromkeys([*keys, time])))
        .with_columns(pl.Series("units", left))
        .with_row_index("line")
        .filter(pl.Series(live & _related(lines, keys, returned)))
    )
    units = pl.col("units")
    before = pl.col("level") - units
    stacked = (
        part.join(wanted, on=keys, how="semi")
        .sort([*keys, time, units < 0], maintain_order=True)
        .with_columns(units.cum_sum().over(keys).alias("level"))
        .with_columns(
            pl.col("level").cum_min().shift(1).over(keys).fill_null(0.0).clip(upper_bound=0.0).alias("floor"),
            pl.col("level").cum_min(reverse=True).shift(-1).over(keys).alias("ahead"),
        )
        .select(
            "line",
            "units",
            pl.when(units > 0)
            .then(pl.min_horizontal("level", "ahead") - before)
            .otherwise(pl.col("floor") - pl.col("level"))
            .clip(lower_bound=0.0)
            .alias("kept"),
        )
    )
    line = stacked["line"].to_numpy()
    was, kept = stacked["units"].to_numpy(), stacked["kept"].to_numpy()
    kept = np.where(kept < _NEGLIGIBLE * np.maximum(1.0, np.abs(was)), 0.0, np.minimum(kept, np.abs(was)))
    after = left.copy()
    after[line] = np.sign(was) * kept
    back = was < 0
    return Match(after, int((back & (kept < -was)).sum()), float((-was[back] - kept[back]).sum()))


def _related(lines: pl.DataFrame, keys: Sequence[str], returned: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Lines whose codes occur on some return too: a quick look that spares the join most lines."""
    related = np.ones(lines.height, dtype=np.bool_)
    joint, size = np.zeros(lines.height, dtype=np.int64), 1
    for name in keys:
        if lines.schema[name] != pl.UInt32:  # codes of a categorical column are
            continue
        code = lines[name].cast(pl.Int64).fill_null(-1).to_numpy()
        related &= code >= 0
        code = np.maximum(code, 0)
        dense = np.cumsum(np.bincount(code) > 0) - 1  # polars numbers the texts of all columns together
        filled, count = dense[code], int(dense[-1]) + 1
        if size * count > _TABLE:
            related &= _seen(joint, size, returned & related)
            joint, size = np.zeros_like(joint), 1
        joint, size = joint * count + filled, size * count
    return related & _seen(joint, size, returned & related)


def _seen(code: npt.NDArray[np.int64], size: int, returned: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    table = np.zeros(size, dtype=np.bool_)
    table[code[returned]] = True
    seen: npt.NDArray[np.bool_] = table[code]
    return seen
