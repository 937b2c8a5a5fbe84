"""Classes: ABC by margin, XYZ by forecast error, and the nine cells that they make."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from ...forecast import F64

MONEY = ("margin", "stock_value", "lost_margin", "excess_value", "dead_value")
"""Sums of money in the nine cells; see `nine_cells`."""


def abc_classes(margin: npt.ArrayLike, ends: tuple[float, float] = (0.8, 0.95)) -> tuple[list[str | None], F64]:
    """Class of each item by its share of the cumulated margin, largest first.

    An item belongs to A while the items above it hold less than ``ends[0]`` of all margin, so the item that crosses
    the border is still A; likewise B. Equal margins share a class, that of the first of them. Items that earn nothing
    or lose money are C, and losses do not lessen the total that shares are taken of.

    Args:
        margin: ``(S,)`` money; NaN where the cost or price is not known.
        ends: shares at which A and B end.

    Returns:
        ``"A"``, ``"B"``, ``"C"`` or None (margin not known) of each item, and ``(S,)`` its share of all positive margin.

    Source: Silver, Pyke & Thomas (2017), Inventory and Production Management in Supply Chains, chapter 2.
    """
    money = np.asarray(margin, dtype=np.float64)
    known = np.isfinite(money)
    earned = np.where(known, np.maximum(money, 0.0), 0.0)
    total = earned.sum()
    share = earned / total if total > 0 else np.zeros_like(earned)
    order = np.argsort(-earned, kind="stable")
    before = np.cumsum(share[order]) - share[order]
    ranked = earned[order]
    first = np.concatenate([[True], ranked[1:] != ranked[:-1]]) if ranked.size else np.zeros(0, dtype=np.bool_)
    before = before[first][np.cumsum(first) - 1] if ranked.size else before  # a tie stands where it begins
    reached = np.empty_like(before)
    reached[order] = before
    # a hair of slack: four items of 20 % each make 80 %, not 79.99999 %
    letter = np.where(reached < ends[0] - 1e-9, "A", np.where(reached < ends[1] - 1e-9, "B", "C"))
    letter = np.where(earned > 0, letter, "C")
    return [str(c) if k else None for c, k in zip(letter, known, strict=True)], np.where(known, share, np.nan)


def xyz_classes(error: npt.ArrayLike, ends: tuple[float, float] = (0.5, 1.0)) -> list[str]:
    """Class of each item by its forecast error, not by how much it varies: a season that is foreseen needs no stock.

    Args:
        error: ``(S,)`` sum of absolute errors per unit of demand (WAPE); NaN, where nothing is expected to sell,
            is Z.
        ends: errors at which X and Y end, themselves included.
    """
    e = np.asarray(error, dtype=np.float64)
    return [str(c) for c in np.where(e <= ends[0], "X", np.where(e <= ends[1], "Y", "Z"))]


def expected_error(paths: npt.NDArray[np.floating]) -> F64:
    """The error that a forecast expects of itself: absolute distance from its medians per unit of mean demand.

    It is the WAPE that a backtest would find if the forecast's spread were right.

    Args:
        paths: ``(S, n, H)`` sample paths.

    Returns:
        ``(S,)``; NaN where no path sells anything.
    """
    total = paths.mean(axis=1, dtype=np.float64).sum(axis=1)
    middle = np.median(paths, axis=1, keepdims=True)
    off = np.abs(paths - middle).mean(axis=1, dtype=np.float64).sum(axis=1)
    return np.asarray(np.divide(off, total, out=np.full_like(total, np.nan), where=total > 0))


def nine_cells(items: pl.DataFrame) -> pl.DataFrame:
    """Items and money in each of the nine cells, and of the items whose margin is not known.

    Args:
        items: ``abc, xyz`` and the columns of ``MONEY`` (null where not known).

    Returns:
        ``abc, xyz, items`` and the sums of ``MONEY``, A before C and X before Z; a cell without items has zeros. Rows
        with ``abc`` null hold what could not be ranked, and are there only if something could not.
    """
    grid = pl.DataFrame({"abc": [a for a in "ABC" for _ in range(3)], "xyz": list("XYZ") * 3})
    found = items.group_by("abc", "xyz").agg(pl.len().alias("items"), pl.col(*MONEY).sum())
    ranked = grid.join(found, on=["abc", "xyz"], how="left", maintain_order="left").fill_null(0)
    rest = found.filter(pl.col("abc").is_null()).sort("xyz").select(ranked.columns).cast(ranked.schema)
    return pl.concat([ranked, rest])
