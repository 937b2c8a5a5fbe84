"""Scaling: each series to a common range, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import DataError
from ..panel import F32, Panel
from .changes import Changes, rows_of
from .step import FittedStep, Prepared, Step
from .windows import F64, row_medians, row_quantiles

_RELATIVE_FLOOR = 1e-6  # a smaller spread would blow the far cells up beyond float32


@dataclass(frozen=True)
class Scale(Step):
    """Per-series scaling ``z = (y - centre) / scale``.

    Attributes:
        method: ``minmax`` (to 0..1), ``zscore`` (mean and standard deviation), ``robust`` (median and
            interquartile range; where that is 0, as in intermittent series, the mean distance from the
            median), ``asinh`` (``asinh`` of the robust one: linear for small values, logarithmic for
            large ones of either sign), ``meanabs`` (over the mean absolute value; zero stays zero).
    """

    name: ClassVar[str] = "scale"
    method: Literal["minmax", "zscore", "robust", "asinh", "meanabs"] = "zscore"

    def __post_init__(self) -> None:
        self._one_of("method", ("minmax", "zscore", "robust", "asinh", "meanabs"))

    def fit(self, panel: Panel) -> FittedScale:
        """Learn centre and scale of each series from its observed (in-stock) cells.

        A constant series gets scale 1, one without observations centre 0 and scale 1.
        """
        seen = panel.dense(panel.observed).astype(np.float64)
        centre, scale = _parameters(seen, self.method)
        return FittedScale(self, panel.ids, centre, scale)


@dataclass(frozen=True, eq=False)
class FittedScale(FittedStep):
    """See `Scale`.

    Attributes:
        spec: what was asked for.
        ids: series, in the order of the parameters.
        centre: ``(S,)``.
        scale: ``(S,)``, positive.
    """

    spec: Scale
    ids: pl.Series
    centre: F64
    scale: F64

    def prepare(self, panel: Panel) -> Prepared:
        """Scale every cell. No cell-wise changes are recorded: `parameters` says it all."""
        row = rows_of(self.ids, panel, "The scaling")[panel.row_of]
        z = (panel.values - self.centre[row]) / self.scale[row]
        scaled = panel.with_values(np.arcsinh(z) if self.spec.method == "asinh" else z)
        return Prepared(scaled, Changes.none(panel))

    def invert(self, values: Any, changes: Changes | None = None) -> Any:
        """Back to units.

        Args:
            values: a scaled panel, or an array whose first axis runs over the fitted series, such as
                ``(S, H)`` means or ``(S, H, Q)`` quantiles. Quantiles stay quantiles under every method;
                a mean does so under all but ``asinh`` (invert the quantiles or paths and average).
            changes: not used; scaling records none.

        Raises:
            DataError: the first axis does not run over the fitted series.
        """
        if isinstance(values, Panel):
            return self.invert_panel(values)
        array = np.asarray(values)
        if array.ndim == 0 or array.shape[0] != self.scale.size:
            raise DataError(
                f"An array of shape {array.shape} cannot be scaled back: its first axis must run over the "
                f"{self.scale.size:,} fitted series."
            )
        return self._back(array, np.arange(self.scale.size))

    def invert_panel(self, panel: Panel) -> Panel:
        """A scaled panel back in units."""
        row = rows_of(self.ids, panel, "The scaling")[panel.row_of]
        return panel.with_values(self._back(panel.values, row))

    def parameters(self) -> pl.DataFrame:
        """Table of ``unique_id, centre, scale``."""
        return pl.DataFrame({"unique_id": self.ids, "centre": self.centre, "scale": self.scale})

    def _back(self, array: npt.NDArray[Any], row: npt.NDArray[np.int64]) -> F32:
        shape = (-1,) + (1,) * (array.ndim - 1)
        z = array.astype(np.float64)
        linear = np.sinh(z) if self.spec.method == "asinh" else z
        out: F32 = (linear * self.scale[row].reshape(shape) + self.centre[row].reshape(shape)).astype(np.float32)
        return out


def _parameters(seen: F64, method: str) -> tuple[F64, F64]:
    """Centre and scale of each row; NaN cells are left out."""
    n = np.maximum((~np.isnan(seen)).sum(axis=1), 1)
    filled = np.nan_to_num(seen)
    low, high = np.full(len(seen), np.nan), np.full(len(seen), np.nan)
    some = ~np.isnan(seen).all(axis=1)
    low[some] = np.fmin.reduce(seen[some], axis=1)
    high[some] = np.fmax.reduce(seen[some], axis=1)
    if method == "minmax":
        centre, scale = low, high - low
    elif method == "meanabs":
        centre, scale = np.zeros(len(seen)), np.abs(filled).sum(axis=1) / n
    elif method == "zscore":
        centre = filled.sum(axis=1) / n
        scale = np.sqrt((np.where(np.isnan(seen), 0.0, seen - centre[:, None]) ** 2).sum(axis=1) / n)
    else:
        centre = row_medians(seen)
        quartiles = row_quantiles(seen, (0.25, 0.75))
        away = np.abs(np.where(np.isnan(seen), 0.0, seen - np.nan_to_num(centre)[:, None])).sum(axis=1) / n
        spread = quartiles[:, 1] - quartiles[:, 0]
        scale = np.where(spread > 0, spread, away)
    centre = np.nan_to_num(centre)
    reach = np.nan_to_num(np.fmax(np.abs(high - centre), np.abs(low - centre)))
    noise = np.finfo(np.float32).eps * np.abs(centre)  # what float32 cannot tell from constant
    scale = np.nan_to_num(scale)
    flat = (reach <= noise) if method != "meanabs" else (reach == 0)
    return centre, np.where(flat | (scale <= 0), 1.0, np.maximum(scale, _RELATIVE_FLOOR * reach))
