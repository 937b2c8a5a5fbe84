"""Seasonal naive: the same step of the last season, with the spread of its own past errors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..panel import F32, Panel
from .space import OneOf, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

_PASSES = 8  # seasons of errors looked at


@dataclass(frozen=True)
class SeasonalNaive(Spec):
    """Repeats the last season; the yardstick that every model must beat.

    Attributes:
        season: steps per season; 0 takes the frequency's own (7 for days, 52 for weeks...).

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, section 5.2.
    """

    name: ClassVar[str] = "seasonal-naive"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Repeats the last season, spread by its own past errors; the yardstick for all others.",
        probabilistic="residuals",
    )
    space: ClassVar[Space] = {"season": OneOf(0, 1)}
    season: int = 0

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        return FittedSeasonalNaive(self, panel, seed)

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedSeasonalNaive(spec, panel, 0)


@dataclass(frozen=True, eq=False, repr=False)
class FittedSeasonalNaive(Fitted):
    """See `SeasonalNaive`; it has nothing to learn."""

    spec: SeasonalNaive

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return naive_quantiles(self.panel, horizon, levels, self.spec.season or None)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return {}, {}


def naive_quantiles(
    panel: Panel, horizon: int, levels: tuple[float, ...], season: int | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Seasonal naive mean ``(S, H)`` and quantiles ``(S, H, Q)``, always finite.

    A series shorter than one season repeats its last observation instead; one without any
    observation is forecast as zero. Missing steps take the nearest earlier value of the same phase.
    The spread is Gaussian with the errors' root mean square, growing with the number of seasons ahead.
    """
    from scipy.special import ndtri

    period = season or panel.freq.season
    values = panel.dense(panel.observed, max(panel.n_steps, 1)).astype(np.float64)[:, -(_PASSES + 1) * period :]
    seen = (~np.isnan(values)).sum(axis=1)
    seasonal, sigma_seasonal = _repeat(values, period, horizon)
    plain, sigma_plain = _repeat(values, 1, horizon)
    use_plain = (seen <= period) | np.isnan(seasonal).any(axis=1)
    point = np.nan_to_num(np.where(use_plain[:, None], plain, seasonal))
    sigma = np.where(use_plain[:, None], sigma_plain, sigma_seasonal)
    few = np.isnan(sigma)  # too short to have made errors: as wide as its own level
    sigma = np.where(few, np.maximum(np.abs(point), np.sqrt(np.maximum(np.abs(point), 0.0))) * 0.5, sigma)
    quantiles = point[:, :, None] + sigma[:, :, None] * ndtri(np.asarray(levels))
    return point, quantiles


def _repeat(
    values: npt.NDArray[np.float64], period: int, horizon: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Last value of each phase repeated over the horizon, and the error spread of doing so."""
    rows, steps = values.shape
    pad = -steps % period
    cube = np.concatenate([np.full((rows, pad), np.nan), values], axis=1).reshape(rows, -1, period)
    last = np.full((rows, period), np.nan)
    for k in range(cube.shape[1]):  # few: at most _PASSES + 2 for the seasonal view
        last = np.where(np.isnan(cube[:, k]), last, cube[:, k])
    errors = values[:, period:] - values[:, :-period] if steps > period else np.empty((rows, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows without any pair give NaN, handled by the caller
        spread = np.sqrt(np.nanmean(errors**2, axis=1)) if errors.shape[1] else np.full(rows, np.nan)
    ahead = np.arange(horizon)
    return last[:, ahead % period], spread[:, None] * np.sqrt(ahead // period + 1)
