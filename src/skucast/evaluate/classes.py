"""Demand classes: how regular and how even the demand of each series is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..panel import Bool, Panel

CLASSES: tuple[str, ...] = ("smooth", "erratic", "intermittent", "lumpy", "new")
"""Names of the classes; codes 0 to 4 point into it."""
ADI_LIMIT = 1.32
CV2_LIMIT = 0.49
_NEW_AT_MOST = 13  # steps that are enough to classify, whatever the season


@dataclass(frozen=True, eq=False)
class DemandProfile:
    """What the classes are made from.

    Attributes:
        adi: ``(S,)`` average demand interval: steps per step with demand; infinite if nothing was sold.
        cv2: ``(S,)`` squared coefficient of variation of the non-zero demands; 0 if there are none.
        steps: ``(S,)`` observed steps since the first sale (all observed steps if nothing was sold).
        codes: ``(S,)`` index into `CLASSES`.
    """

    adi: npt.NDArray[np.float64]
    cv2: npt.NDArray[np.float64]
    steps: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int8]

    @property
    def names(self) -> list[str]:
        """Class of each series, in words."""
        return [CLASSES[c] for c in self.codes]


def demand_profile(panel: Panel) -> DemandProfile:
    """Classify every series on the whole history of ``panel`` (cut it first for a backtest).

    ``smooth`` (ADI < 1.32, CV2 < 0.49), ``erratic`` (regular but uneven), ``intermittent`` (rare but
    even), ``lumpy`` (rare and uneven); ``new`` has seen less than one season, at most 13 steps. Missing
    and out-of-stock steps count neither as demand nor as waiting; nor do zeros before the first sale.

    Source: Syntetos, Boylan & Croston (2005), On the categorization of demand patterns, JORS 56.
    """
    count = len(panel)
    values, row = panel.observed, panel.row_of
    live = since_first_sale(panel)
    sold = live & (values > 0)
    demands = np.bincount(row[sold], minlength=count)
    total = np.bincount(row[sold], weights=values[sold], minlength=count)
    squares = np.bincount(row[sold], weights=values[sold].astype(np.float64) ** 2, minlength=count)
    seen = np.bincount(row[live & ~np.isnan(values)], minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        adi = np.where(demands > 0, seen / demands, np.inf)
        mean = total / demands
        cv2 = np.where(demands > 0, np.maximum(squares / demands / mean**2 - 1.0, 0.0), 0.0)
    codes = np.where(adi >= ADI_LIMIT, 2, 0) + (cv2 >= CV2_LIMIT)
    enough = max(3, min(panel.freq.season, _NEW_AT_MOST))
    codes = np.where(seen < enough, CLASSES.index("new"), codes)
    return DemandProfile(adi, cv2, seen.astype(np.int64), codes.astype(np.int8))


def demand_classes(panel: Panel) -> npt.NDArray[np.int8]:
    """``(S,)`` class of each series as an index into `CLASSES`; see `demand_profile`."""
    return demand_profile(panel).codes


def since_first_sale(panel: Panel) -> Bool:
    """``(N,)`` True from the first positive observed value of each series on.

    A series that never sold is True throughout: its zeros are all that is known.
    """
    sold = np.flatnonzero(panel.observed > 0)
    start = panel.indptr[:-1].copy()
    row = panel.row_of
    first_rows, first_at = np.unique(row[sold], return_index=True)
    start[first_rows] = sold[first_at]
    return np.asarray(np.arange(panel.values.size) >= start[row], dtype=np.bool_)
