"""Forecast: what every model returns, and the sample paths that decisions are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from .errors import ModelError
from .frequency import Frequency, Stamps
from .panel import F32, Panel
from .panel_frame import Layout, from_polars, stamp_series

F64 = npt.NDArray[np.float64]

LEVELS: tuple[float, ...] = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)
"""Quantile levels that models compute; tails matter to inventory, so they reach beyond what is shown."""
SHOWN: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Quantile levels of `Forecast.frame` by default (the AutoGluon and Chronos columns)."""


@dataclass(frozen=True, eq=False, repr=False)
class Forecast:
    """Probabilistic forecast of many series.

    Use `Forecast.of`, which makes the numbers finite, ordered and non-negative.

    Attributes:
        static: ``S`` rows, first column the identifier (as in the panel).
        freq: grid of time.
        start: ordinal of the first forecast step.
        levels: ``(Q,)`` quantile levels, rising.
        mean: ``(S, H)`` expected demand in units.
        quantiles: ``(S, H, Q)``, non-decreasing along the last axis.
        copula: ``(M, H)`` trajectories whose ranks over time `paths` borrows (Schaake shuffle); None
            takes steps as independent.
        fallback: series identifier -> the model that stood in for the one asked for, and why.
        layout: how the user's frame looked.
    """

    static: pl.DataFrame
    freq: Frequency
    start: int
    levels: tuple[float, ...]
    mean: F32
    quantiles: F32
    copula: F32 | None = None
    fallback: Mapping[Any, str] = field(default_factory=dict)
    layout: Layout | None = None

    @classmethod
    def of(
        cls,
        panel: Panel,
        mean: npt.NDArray[Any],
        quantiles: npt.NDArray[Any],
        levels: Sequence[float] = LEVELS,
        **more: Any,
    ) -> Forecast:
        """Forecast of the steps right after ``panel``, repaired to be monotone and non-negative.

        Raises:
            ModelError: a number is not finite (a model must say what it falls back to).
        """
        if mean.shape != quantiles.shape[:2] or mean.shape[0] != len(panel) or quantiles.shape[2] != len(levels):
            raise ModelError(
                f"Shapes do not fit: mean {mean.shape}, quantiles {quantiles.shape}, {len(levels)} levels."
            )
        if not (np.isfinite(mean).all() and np.isfinite(quantiles).all()):
            raise ModelError("A forecast holds numbers that are not finite.")
        ordered = np.array(quantiles, dtype=np.float32, order="C")
        np.maximum(ordered[..., 0], 0.0, out=ordered[..., 0])
        for k in range(1, len(levels)):  # in place: several times as fast as accumulating along the last axis
            np.maximum(ordered[..., k], ordered[..., k - 1], out=ordered[..., k])
        return cls(
            static=panel.static,
            freq=panel.freq,
            start=panel.end + 1,
            levels=tuple(float(q) for q in levels),
            mean=np.maximum(mean, 0.0).astype(np.float32),
            quantiles=ordered,
            layout=panel.layout,
            **more,
        )

    # ---- shape ------------------------------------------------------------------------------
    def __len__(self) -> int:
        return self.static.height

    @property
    def ids(self) -> pl.Series:
        """Identifiers of the series, in order."""
        return self.static.to_series(0)

    @property
    def horizon(self) -> int:
        """Number of steps ahead."""
        return int(self.mean.shape[1])

    @property
    def stamps(self) -> Stamps:
        """``(H,)`` stamps of the forecast steps."""
        return self.freq.stamp(np.arange(self.start, self.start + self.horizon))

    def take(self, rows: npt.ArrayLike) -> Forecast:
        """The forecasts of some series (indices or boolean mask)."""
        index = np.asarray(rows)
        if index.dtype == np.bool_:
            index = np.flatnonzero(index)
        index = index.astype(np.int64)
        static = self.static[index]
        kept = set(static.to_series(0).to_list()) if self.fallback else set()
        return replace(
            self,
            static=static,
            mean=self.mean[index],
            quantiles=self.quantiles[index],
            fallback={k: v for k, v in self.fallback.items() if k in kept},
        )

    def closed(self, steps: npt.ArrayLike) -> Forecast:
        """The forecast with no demand in steps in which the shop does not trade (``(H,)`` True where closed)."""
        shut = np.asarray(steps, dtype=np.bool_)
        mean, quantiles = self.mean.copy(), self.quantiles.copy()
        mean[:, shut], quantiles[:, shut] = 0, 0
        return replace(self, mean=mean, quantiles=quantiles)

    def times(self, factor: npt.ArrayLike) -> Forecast:
        """The forecast in another unit: each series times its own factor, ``(S,)``, not negative."""
        each = np.asarray(factor, dtype=np.float32)
        return replace(self, mean=self.mean * each[:, None], quantiles=self.quantiles * each[:, None, None])

    # ---- numbers ----------------------------------------------------------------------------
    def quantile(self, level: float | Sequence[float]) -> F32:
        """Quantiles at any level: ``(S, H)`` for a number, ``(S, H, L)`` for several.

        Between computed levels linear; beyond them exponential tails, fitted to the outermost two.
        """
        wanted = np.atleast_1d(np.asarray(level, dtype=np.float64))
        flat = self.quantiles.reshape(-1, len(self.levels)).astype(np.float64)
        u = np.broadcast_to(wanted, (flat.shape[0], wanted.size))
        out = invert_cdf(np.asarray(self.levels), flat, u).astype(np.float32)
        shaped = out.reshape(*self.mean.shape, wanted.size)
        return shaped[..., 0] if np.ndim(level) == 0 else shaped

    def paths(self, n: int = 200, seed: int = 0, integer: bool = False) -> F32:
        """Sample paths ``(S, n, H)``: marginals from the forecast, dependence over time from ``copula``.

        The same ``n`` trajectories order the draws of every series, so a path is one future that all
        series share in rank, and a series' paths do not depend on which others are present.

        Args:
            n: paths per series.
            seed: of the draw.
            integer: round to whole units at random, keeping the mean.

        Source: Clark et al. (2004), The Schaake Shuffle, J. Hydrometeorology 5.
        """
        rng = np.random.default_rng(seed)
        steps = self.horizon
        if self.copula is None or len(self.copula) == 0:
            template = rng.standard_normal((n, steps))
        else:
            pool = self.copula[:, :steps]
            if pool.shape[1] < steps:
                pool = np.concatenate([pool, pool[:, -1:].repeat(steps - pool.shape[1], axis=1)], axis=1)
            picked = rng.permutation(len(pool))[:n] if len(pool) >= n else rng.integers(0, len(pool), n)
            template = pool[picked] + 1e-6 * rng.standard_normal((n, steps))
        ranks = template.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")  # (n, H)
        u = ((ranks + rng.random((n, steps))) / n).T  # (H, n), stratified: marginals are met exactly
        by_step = np.empty((steps, len(self), n), dtype=np.float32)
        levels = np.asarray(self.levels)
        for h in range(steps):
            by_step[h] = draw_together(levels, self.quantiles[:, h, :].astype(np.float64), u[h])
        out = np.ascontiguousarray(by_step.transpose(1, 2, 0))
        if integer:
            whole = np.floor(out)
            out = (whole + (rng.random((n, steps)) < out - whole)).astype(np.float32)
        return out

    def total(self, n: int = 500, seed: int = 0, levels: Sequence[float] | None = None) -> tuple[F32, F32]:
        """Mean ``(S,)`` and quantiles ``(S, Q)`` of each series' demand summed over the horizon."""
        sums = self.paths(n, seed).sum(axis=2)
        return self.mean.sum(axis=1), np.quantile(sums, levels or self.levels, axis=1).T.astype(np.float32)

    # ---- the outside --------------------------------------------------------------------------
    def to_polars(self, quantiles: Sequence[float] = SHOWN) -> pl.DataFrame:
        """Long polars frame: identifier, stamp, ``mean`` and one column per quantile level."""
        layout = self.layout or Layout(id=self.static.columns[0])
        stamps = stamp_series(self.stamps, layout.time_dtype)
        columns: dict[str, Any] = {
            layout.id: self.ids.gather(np.repeat(np.arange(len(self)), self.horizon)),
            layout.time: pl.concat([stamps] * len(self)) if len(self) else stamps.clear(),
            "mean": self.mean.ravel(),
        }
        values = self.quantile(list(quantiles)) if len(self) else np.empty((0, 0, len(quantiles)), np.float32)
        for k, level in enumerate(quantiles):
            columns[f"{level:g}"] = values[..., k].ravel()
        return pl.DataFrame(columns)

    def frame(self, quantiles: Sequence[float] = SHOWN) -> Any:
        """As `to_polars`, in the kind of frame that the user gave."""
        return from_polars(self.to_polars(quantiles), (self.layout or Layout()).kind)

    def plot(self, panel: Panel | None = None, ids: Sequence[Any] | None = None, **options: Any) -> Any:
        """Fan chart of some series after their history (extra ``plot``); returns the figure."""
        from .plotting import plot_forecast

        return plot_forecast(self, panel, ids, **options)

    def __repr__(self) -> str:
        if not len(self):
            return "Forecast(no series)"
        fmt = "datetime64[D]" if self.freq.is_calendar else "datetime64[s]"
        axis = self.stamps.astype(fmt)
        fell = f"; {len(self.fallback):,} fell back" if self.fallback else ""
        return (
            f"Forecast({len(self):,} series x {self.horizon} steps ({self.freq.alias}) {axis[0]}..{axis[-1]}; "
            f"{len(self.levels)} quantiles; total {float(self.mean.sum()):,.0f} units{fell})"
        )


def concat(parts: Sequence[Forecast], order: pl.Series | None = None) -> Forecast:
    """Put forecasts of disjoint series together, optionally in the order of identifiers given."""
    first = parts[0]
    joined = replace(
        first,
        static=pl.concat([p.static for p in parts], how="diagonal_relaxed"),
        mean=np.concatenate([p.mean for p in parts]),
        quantiles=np.concatenate([p.quantiles for p in parts]),
        fallback={k: v for p in parts for k, v in p.fallback.items()},
    )
    if order is None:
        return joined
    where = pl.DataFrame({"id": joined.ids, "row": np.arange(len(joined))})
    rows = pl.DataFrame({"id": order}).join(where, on="id", how="left", maintain_order="left")["row"]
    return joined.take(rows.to_numpy())


def stretched_from(
    middle: npt.NDArray[Any], quantiles: npt.NDArray[Any], below: npt.ArrayLike, above: npt.ArrayLike
) -> npt.NDArray[Any]:
    """Quantiles ``(..., Q)`` moved away from the medians ``(..., 1)`` by one factor below them and one above."""
    off = quantiles - middle
    return np.asarray(middle + off * np.where(off < 0, below, above))


def invert_cdf(levels: F64, quantiles: F64, u: npt.NDArray[np.float64]) -> F64:
    """Inverse distribution functions given by quantiles, at probabilities ``u``.

    Args:
        levels: ``(Q,)`` rising.
        quantiles: ``(R, Q)`` non-decreasing along rows.
        u: ``(R, n)`` in (0, 1).

    Returns:
        ``(R, n)``, never negative. Linear between levels; above the last one the tail is
        exponential with the slope of the last two levels, below the first it falls likewise.
    """
    upper = np.clip(np.searchsorted(levels, u), 1, len(levels) - 1)
    lower = upper - 1
    rows = np.arange(quantiles.shape[0])[:, None]
    q_lo, q_hi = quantiles[rows, lower], quantiles[rows, upper]
    share = (u - levels[lower]) / (levels[upper] - levels[lower])
    out = q_lo + np.clip(share, 0.0, 1.0) * (q_hi - q_lo)
    if len(levels) > 1:
        scale_hi = (quantiles[:, -1] - quantiles[:, -2]) / np.log((1 - levels[-2]) / (1 - levels[-1]))
        above = u > levels[-1]
        out = np.where(
            above, quantiles[:, -1:] + scale_hi[:, None] * np.log((1 - levels[-1]) / (1 - np.minimum(u, 1 - 1e-9))), out
        )
        scale_lo = (quantiles[:, 1] - quantiles[:, 0]) / np.log(levels[1] / levels[0])
        below = u < levels[0]
        out = np.where(below, quantiles[:, :1] - scale_lo[:, None] * np.log(levels[0] / np.maximum(u, 1e-9)), out)
    return np.asarray(np.maximum(out, 0.0))


def draw_together(levels: F64, quantiles: F64, u: F64) -> F64:
    """As `invert_cdf` to the last bit, for probabilities ``(n,)`` that all rows share: four times as fast.

    Args:
        levels: ``(Q,)`` rising.
        quantiles: ``(R, Q)`` non-decreasing along rows.
        u: ``(n,)`` in (0, 1).

    Returns:
        ``(R, n)``, never negative.
    """
    upper = np.clip(np.searchsorted(levels, u), 1, len(levels) - 1)
    share = np.clip((u - levels[upper - 1]) / (levels[upper] - levels[upper - 1]), 0.0, 1.0)
    low = quantiles[:, upper - 1]
    out = quantiles[:, upper]
    out -= low
    out *= share
    out += low
    beyond = np.flatnonzero((u < levels[0]) | (u > levels[-1]))  # few: the tails
    out[:, beyond] = invert_cdf(levels, quantiles, np.broadcast_to(u[beyond], (len(quantiles), beyond.size)))
    return np.asarray(np.maximum(out, 0.0))
