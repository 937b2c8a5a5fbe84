"""Outlook: demand and revenue of the whole horizon, per series and in total, with intervals.

A total's interval hangs on how far items miss together. Two extremes are exact: *comonotone* (every
item is high or low at once; widest) and *independent* (errors cancel; narrowest). The truth lies
between; the outlook measures where from the past and mixes the two variances accordingly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ..forecast import Forecast
from ..panel import Panel
from .content import ReportContent
from .span import year_steps

F64 = npt.NDArray[np.float64]

_DRAWS = 500
_SEED = 20_260
_NORMAL_90 = 1.2815515655446004  # 90 % quantile of the standard normal: half an 80 % interval
_NORMAL_75 = 0.6744897501960817
_LEAST_DEPENDENCE = 0.05  # items of one shop never miss quite independently
_LEAST_WINDOWS = 8
_DEPENDENCE_SERIES = 3000


@dataclass(frozen=True)
class Interval:
    """A mean with its 80 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Steps:
    """Total per forecast step: ``(H,)`` mean and the ends of the 80 % and 50 % intervals."""

    mean: F64
    p10: F64
    p25: F64
    p75: F64
    p90: F64


@dataclass(frozen=True)
class Outlook:
    """What the coming horizon brings.

    Attributes:
        measure: ``money`` if prices are known (or sales are in money), else ``units``.
        total: of all series with a price, over the horizon, in the measure.
        comonotone: ends of the 80 % interval if all items were high or low together.
        independent: ends of the 80 % interval if items missed independently.
        dependence: share of the comonotone variance in the mix, 0 to 1, measured from the past.
        measured: False if history was too short to measure the dependence (then it is 1).
        last_year: total of the same steps a year earlier at today's prices, or None.
        previous: total of the equally long period just before, at today's prices, or None.
        steps: total per step in units.
        mean: ``(S,)`` expected units of each series over the horizon.
        low: ``(S,)`` 10 % quantile of it.
        high: ``(S,)`` 90 % quantile of it.
        year_ago: ``(S,)`` units of the same steps a year earlier; NaN where unknown.
        before: ``(S,)`` units of the equally long period just before; NaN where unknown.
        price: ``(S,)`` money per unit; NaN where unknown, 1 if the measure is units.
        unpriced: number of series left out of the total for want of a price.
    """

    measure: Literal["money", "units"]
    total: Interval
    comonotone: tuple[float, float]
    independent: tuple[float, float]
    dependence: float
    measured: bool
    last_year: float | None
    previous: float | None
    steps: Steps
    mean: F64
    low: F64
    high: F64
    year_ago: F64
    before: F64
    price: F64
    unpriced: int

    @property
    def value(self) -> F64:
        """``(S,)`` expected demand in the measure; 0 where the price is unknown."""
        return np.nan_to_num(self.mean * self.price)


def make_outlook(content: ReportContent) -> Outlook:
    """Work out the outlook of a run."""
    panel, forecast = content.panel, content.forecast
    price, measure = _prices(content)
    draws, step_sd = _draw(forecast)  # (S, n), (S, H)
    weight = np.nan_to_num(price)
    dependence, measured = _dependence(panel, forecast.horizon, weight)
    mean = forecast.mean.sum(axis=1, dtype=np.float64)
    expected = float(mean @ weight)
    spread = _NORMAL_90 * float(np.sqrt((weight**2) @ draws.var(axis=1, dtype=np.float64)))
    together = weight @ draws
    comonotone = (float(np.quantile(together, 0.1)), float(np.quantile(together, 0.9)))
    low, high = _mix(
        np.array([expected]), np.array([comonotone[0]]), np.array([comonotone[1]]), np.array([spread]), dependence
    )
    ends = np.quantile(draws, (0.1, 0.9), axis=1) if len(forecast) else np.zeros((2, 0))
    year_ago, before = _past(panel, forecast.horizon)
    return Outlook(
        measure=measure,
        total=Interval(expected, float(low[0]), float(high[0])),
        comonotone=comonotone,
        independent=(max(0.0, expected - spread), expected + spread),
        dependence=dependence,
        measured=measured,
        last_year=_weighted(year_ago, weight),
        previous=_weighted(before, weight),
        steps=_steps(forecast, step_sd, dependence),
        mean=mean,
        low=ends[0].astype(np.float64),
        high=ends[1].astype(np.float64),
        year_ago=year_ago,
        before=before,
        price=price,
        unpriced=int(np.isnan(price).sum()),
    )


def _prices(content: ReportContent) -> tuple[F64, Literal["money", "units"]]:
    ones = np.ones(len(content.panel))
    if content.config.demand.measure == "revenue":
        return ones, "money"
    if content.prices is None or content.prices.height == 0:
        return ones, "units"
    table = content.prices.select(
        pl.col("unique_id").cast(pl.String), pl.col("price").cast(pl.Float64).fill_nan(None)
    ).unique("unique_id", keep="last", maintain_order=True)
    joined = pl.DataFrame({"unique_id": content.panel.ids.cast(pl.String)}).join(
        table, on="unique_id", how="left", maintain_order="left"
    )
    price = joined["price"].to_numpy().astype(np.float64)
    if np.isnan(price).all():
        return ones, "units"
    return price, "money"


def _draw(forecast: Forecast) -> tuple[npt.NDArray[np.float32], F64]:
    """Draws of each series' total ``(S, n)`` and the standard deviation of each step ``(S, H)``.

    `Forecast.paths` inverts distribution functions that are linear in the quantiles, so the paths of
    all series are matrix products of the increments between levels with the paths of Q step
    functions: the same numbers (but for the tail below the lowest level) at a fraction of the time.
    """
    levels = len(forecast.levels)
    size, horizon = forecast.mean.shape
    staircase = np.tril(np.ones((levels, levels), np.float32)).T  # row k: 0 below level k, 1 from it on
    basis = replace(
        forecast,
        static=pl.DataFrame({"level": list(forecast.levels)}),
        mean=np.zeros((levels, horizon), np.float32),
        quantiles=np.repeat(staircase[:, None, :], horizon, axis=1),
        fallback={},
        layout=None,
    ).paths(_DRAWS, _SEED)  # (Q, n, H)
    total = np.zeros((size, basis.shape[1]), np.float32)
    sd = np.empty((size, horizon))
    for h in range(horizon):
        rises = np.diff(forecast.quantiles[:, h, :], axis=1, prepend=0.0)  # (S, Q)
        step = rises @ np.ascontiguousarray(basis[:, :, h])
        total += step
        step -= step.mean(axis=1, keepdims=True)
        sd[:, h] = np.sqrt(np.einsum("sn,sn->s", step, step) / step.shape[1])
    return total, sd


def _mix(mean: F64, low: F64, high: F64, spread: F64, dependence: float) -> tuple[F64, F64]:
    """Ends of an interval between the comonotone ends and the independent half-width ``spread``."""
    below = np.sqrt(dependence * np.maximum(mean - low, 0.0) ** 2 + (1 - dependence) * spread**2)
    above = np.sqrt(dependence * np.maximum(high - mean, 0.0) ** 2 + (1 - dependence) * spread**2)
    return np.maximum(mean - below, 0.0), mean + above


def _steps(forecast: Forecast, step_sd: F64, dependence: float) -> Steps:
    mean = forecast.mean.sum(axis=0, dtype=np.float64)
    sd = np.sqrt((step_sd**2).sum(axis=0))
    # quantiles of comonotone sums are sums of quantiles
    together = forecast.quantile((0.1, 0.25, 0.75, 0.9)).sum(axis=0, dtype=np.float64)  # (H, 4)
    p10, p90 = _mix(mean, together[:, 0], together[:, 3], _NORMAL_90 * sd, dependence)
    p25, p75 = _mix(mean, together[:, 1], together[:, 2], _NORMAL_75 * sd, dependence)
    return Steps(mean, p10, np.maximum(p25, p10), np.minimum(p75, p90), p90)


def _past(panel: Panel, horizon: int) -> tuple[F64, F64]:
    """Units of each series on the same steps last year and in the period just before; NaN if unknown."""
    unknown = np.full(len(panel), np.nan)
    year = year_steps(panel)
    year_ago = unknown
    if year is not None and horizon <= year and panel.n_steps >= year:
        year_ago = _sum(panel.dense(steps=year)[:, :horizon], panel.lengths >= year)
    before = unknown
    if panel.n_steps >= horizon:
        before = _sum(panel.dense(steps=horizon), panel.lengths >= horizon)
    return year_ago, before


def _sum(cells: npt.NDArray[np.float32], alive: npt.NDArray[np.bool_]) -> F64:
    known = alive & ~np.isnan(cells).all(axis=1)
    return np.where(known, np.nansum(cells, axis=1, dtype=np.float64), np.nan)


def _weighted(units: F64, weight: F64) -> float | None:
    """Value of all known series; items that did not exist then count as zero."""
    if np.isnan(units).all():
        return None
    return float(np.nan_to_num(units) @ weight)


def _dependence(panel: Panel, horizon: int, weight: F64) -> tuple[float, bool]:
    """How far items moved together: the share of the way from independent to comonotone variance.

    Windows as long as the horizon are compared with the same windows a year earlier (with the windows
    just before, where history is short); ``(Var(sum) - sum Var) / ((sum sd)^2 - sum Var)`` is 0 for
    independent and 1 for comonotone changes.
    """
    year = year_steps(panel) or 0
    stride = max(1, horizon // 4)
    for lag in (year, horizon):
        steps = min(panel.n_steps, lag + horizon + 24 * stride)
        windows = (steps - lag - horizon) // stride + 1
        if lag < horizon or windows < _LEAST_WINDOWS:
            continue
        rows = np.flatnonzero(panel.lengths >= steps)
        if rows.size < 3:
            continue
        if rows.size > _DEPENDENCE_SERIES:  # those that carry most of the money decide the total
            sold = np.bincount(panel.row_of, np.nan_to_num(panel.values), len(panel))
            value = weight[rows] * sold[rows]
            rows = np.sort(rows[np.argsort(-value, kind="stable")[:_DEPENDENCE_SERIES]])
        cells = np.nan_to_num(panel.take(rows).dense(steps=steps)).astype(np.float64)
        sums = np.concatenate([np.zeros((rows.size, 1)), cells.cumsum(axis=1)], axis=1)
        ends = steps - stride * np.arange(windows)
        change = (sums[:, ends] - sums[:, ends - horizon]) - (sums[:, ends - lag] - sums[:, ends - lag - horizon])
        change *= weight[rows, None]
        variances = change.var(axis=1, ddof=1)
        apart = float(variances.sum())
        together = float(np.sqrt(variances).sum() ** 2)
        if together <= apart:
            continue
        seen = float(change.sum(axis=0).var(ddof=1))
        return float(np.clip((seen - apart) / (together - apart), _LEAST_DEPENDENCE, 1.0)), True
    return 1.0, False
