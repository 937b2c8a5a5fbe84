"""Changes: which cells a preparation step touched, what they were, what they became, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ..collect.repairs import Action, Repairs
from ..errors import DataError
from ..panel import I64, Panel
from ..panel_frame import stamp_series

SCHEMA = ("unique_id", "ds", "before", "after", "rule")
"""Columns of `Changes.frame`; a null value is missing."""

FILLED_STOCK_OUT = "-stock-out"
"""Ending of the rules that filled a cell in which the item was out of stock."""

_REMEDY = {
    "note-stock-out": "too few steps in stock to estimate demand there; a longer history helps",
    "demand": "if sales in such steps were not cut short, correct the availability, or set stockouts = 'mask'",
    "note-outlier": "check these cells; mark promotions (covariate 'promotion') if a peak was planned",
    "note": "check these stretches; pass an availability column, or use StockOuts(action='censor')",
    "censor": "pass an availability column if these were no stock-outs",
    "impute": "give the true values, or leave the cells missing",
    "outlier": "mark promotions (covariate 'promotion') if the peak was planned",
}


@dataclass(frozen=True, eq=False, repr=False)
class Changes:
    """Touched cells, one row each.

    Attributes:
        frame: columns `SCHEMA`, sorted as the panel is.
    """

    frame: pl.DataFrame

    @classmethod
    def of(cls, panel: Panel, cells: I64, after: npt.NDArray[np.floating], rule: str) -> Changes:
        """The change of some cells of a panel.

        Args:
            panel: as it was before.
            cells: ``(n,)`` indices into its flat columns, rising.
            after: ``(n,)`` values they get; NaN is missing.
            rule: why, such as ``impute-seasonal``.
        """
        dtype = panel.layout.time_dtype if panel.layout else None
        return cls(
            pl.DataFrame(
                {
                    "unique_id": panel.ids.gather(panel.row_of[cells]),
                    "ds": stamp_series(panel.freq.stamp(panel.ordinals[cells]), dtype),
                    "before": pl.Series(panel.values[cells], dtype=pl.Float32).fill_nan(None),
                    "after": pl.Series(after.astype(np.float32), dtype=pl.Float32).fill_nan(None),
                    "rule": pl.Series([rule], dtype=pl.String).new_from_index(0, cells.size),
                }
            )
        )

    @classmethod
    def none(cls, panel: Panel) -> Changes:
        """No change."""
        return cls.of(panel, np.empty(0, np.int64), np.empty(0, np.float32), "")

    @classmethod
    def concat(cls, parts: Sequence[Changes]) -> Changes:
        """Changes made one after another."""
        return cls(pl.concat([part.frame for part in parts]))

    def __len__(self) -> int:
        return self.frame.height

    def undo(self, panel: Panel) -> Panel:
        """The panel with every touched cell that it has as it was before the first change.

        Out-of-stock cells that were filled are out of stock again.

        Raises:
            DataError: a stamp does not lie on the panel's grid.
        """
        first = self.frame.group_by(["unique_id", "ds"], maintain_order=True).agg(
            pl.col("before").first(), pl.col("rule").str.ends_with(FILLED_STOCK_OUT).any().alias("filled")
        )
        if not first.height:
            return panel
        rows = pl.DataFrame({"unique_id": panel.ids, "row": np.arange(len(panel))})
        found = first.join(rows, on="unique_id", how="inner", maintain_order="left")
        stamps = found["ds"].cast(pl.Datetime("us")).dt.replace_time_zone(None).to_numpy()
        row = found["row"].to_numpy()
        cell = panel.indptr[row + 1] - 1 - (panel.end - panel.freq.ordinal(stamps))
        fits = (cell >= panel.indptr[row]) & (cell < panel.indptr[row + 1])
        values = panel.values.copy()
        values[cell[fits]] = found["before"].fill_null(np.nan).to_numpy()[fits]
        sold_out = fits & found["filled"].to_numpy()
        if panel.available is None or not sold_out.any():
            return panel.with_values(values)
        available = panel.available.copy()
        available[cell[sold_out]] = False
        return panel.with_values(values, available)

    def repairs(self, table: str = "panel") -> Repairs:
        """One counted repair per rule, for the repair report."""
        out = Repairs()
        for (rule,), part in self.frame.group_by(["rule"], maintain_order=True):
            name = str(rule)
            action: Action = "noted" if name.startswith("note") else "changed"
            row = part.row(0, named=True)
            moved = float((part["after"].fill_null(0) - part["before"].fill_null(0)).sum())
            out.add(
                "prepare", table, name, action, part.height,
                units=0.0 if action == "noted" else moved,
                series=part["unique_id"].n_unique(),
                example=f"{row['unique_id']} on {row['ds']}: {_number(row['before'])} -> {_number(row['after'])}",
                remedy=next((text for key, text in _REMEDY.items() if name.startswith(key)), ""),
            )  # fmt: skip
        return out

    def __repr__(self) -> str:
        counts = self.frame["rule"].value_counts(sort=True) if len(self) else None
        listed = ", ".join(f"{n:,} {rule}" for rule, n in counts.iter_rows()) if counts is not None else "none"
        return f"Changes({listed})"


def rows_of(ids: pl.Series, panel: Panel, what: str) -> I64:
    """Where each series of a panel stands among the fitted ``ids``.

    Raises:
        DataError: a series was not there when the step was fitted.
    """
    if panel.ids.equals(ids):
        return np.arange(len(panel))
    order = pl.DataFrame({"id": ids, "row": np.arange(len(ids))})
    found = pl.DataFrame({"id": panel.ids}).join(order, on="id", how="left", maintain_order="left")["row"]
    if found.null_count():
        stranger = panel.ids.filter(found.is_null())[0]
        raise DataError(f"{what} was fitted without the series '{stranger}': fit it on a panel that has all series.")
    return found.to_numpy().astype(np.int64)


def _number(value: float | None) -> str:
    return "missing" if value is None else f"{value:g}"
