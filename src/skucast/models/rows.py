"""Which rows of one panel are which rows of another: how per-series parameters follow their series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from ..panel import Panel


def match_rows(learned: Panel, panel: Panel) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Row in ``learned`` of every series of ``panel``, and which series are new (their row is 0)."""
    if learned.ids.dtype == panel.ids.dtype and learned.ids.equals(panel.ids):
        return np.arange(len(panel)), np.zeros(len(panel), dtype=np.bool_)
    known = pl.DataFrame({"id": learned.ids, "row": np.arange(len(learned))})
    asked = pl.DataFrame({"id": panel.ids.cast(learned.ids.dtype, strict=False)})
    rows = asked.join(known, on="id", how="left", maintain_order="left")["row"]
    return rows.fill_null(0).to_numpy().astype(np.int64), rows.is_null().to_numpy()
