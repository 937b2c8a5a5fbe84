"""Coherent: forecasts of every level of a hierarchy whose sample paths add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from ..errors import ConfigError
from ..forecast import SHOWN, Forecast
from ..panel import F32, Panel
from ..panel_frame import Layout, from_polars
from .grouped import group_panel
from .hierarchy import Hierarchy
from .joint import joint_draws
from .reconcile import Method, reconcile, reconciler


@dataclass(frozen=True, eq=False, repr=False)
class Coherent:
    """Reconciled forecasts of groups and series.

    Attributes:
        hierarchy: how they add up.
        forecast: of every node, groups first; static columns are the identifier, ``level`` and ``node``.
        paths: ``(U + B, n, H)``: in each path and step every group is the sum of its series.
    """

    hierarchy: Hierarchy
    forecast: Forecast
    paths: F32

    def level(self, name: str) -> Forecast:
        """Forecasts of one level (its columns joined by ``/``, ``total``, or ``series``).

        Raises:
            ConfigError: there is no such level.
        """
        rows = (self.forecast.static["level"] == name).to_numpy()
        if not rows.any():
            levels = self.forecast.static["level"].unique(maintain_order=True).to_list()
            raise ConfigError(f"There is no level '{name}'; there are: {', '.join(levels)}.")
        return self.forecast.take(rows)

    def to_polars(self, quantiles: Sequence[float] = SHOWN) -> pl.DataFrame:
        """Long frame of all levels: ``level``, ``node``, stamp, ``mean`` and one column per quantile level."""
        names = self.forecast.static.select("level", "node")
        made = self.forecast.to_polars(quantiles)
        rows = np.repeat(np.arange(len(self.forecast)), self.forecast.horizon)
        return pl.concat([names[rows], made.drop(made.columns[0])], how="horizontal")

    def frame(self, quantiles: Sequence[float] = SHOWN) -> Any:
        """As `to_polars`, in the kind of frame that the user gave."""
        return from_polars(self.to_polars(quantiles), (self.forecast.layout or Layout()).kind)

    def __repr__(self) -> str:
        return f"Coherent({self.forecast!r} on {len(self.hierarchy.levels)} levels above {len(self.hierarchy.bottom):,} series)"


def coherent(
    hierarchy: Hierarchy,
    panel: Panel,
    above: Forecast,
    below: Forecast,
    method: Method = "wls-level",
    *,
    residuals: Any = None,
    level: str | None = None,
    n: int = 200,
    seed: int = 0,
) -> Coherent:
    """Reconcile whole distributions: joint sample paths of all nodes are drawn, and each is made to add up.

    Means are those of `reconcile`. Paths are projected in the same way; values below zero become zero, and each series
    is then brought back to its mean, so that cutting off does not push the sums up.

    Args:
        hierarchy: how the series of the panel add up.
        panel: history of the series.
        above: forecasts of the groups.
        below: forecasts of the series.
        method: see `reconcile`.
        residuals: see `reconcile`.
        level: see `reconcile`.
        n: paths; memory is ``(U + B) * n * H * 4`` bytes.
        seed: of the paths.

    Source: Panagiotelis, Gamakumara, Athanasopoulos, Hyndman (2023), Probabilistic forecast reconciliation, European
    J. Operational Research 306.
    """
    if above.levels != below.levels or above.horizon != below.horizon:
        raise ConfigError("Forecasts of groups and of series must have the same horizon and quantile levels.")
    names = pl.concat(
        [hierarchy.keys, pl.DataFrame({"level": ["series"] * len(below), "node": below.ids.cast(pl.String)})]
    )
    key = below.static.columns[0]
    static = names.select(pl.concat_str("level", "node", separator=": ").alias(key), "level", "node")
    both = replace(
        below, static=static, copula=None,
        mean=np.concatenate([above.mean, below.mean]), quantiles=np.concatenate([above.quantiles, below.quantiles]),
    )  # fmt: skip
    steps = panel.n_steps
    history = np.concatenate([group_panel(hierarchy, panel).dense(steps=steps), panel.dense(panel.observed)])
    paths = np.empty((len(hierarchy), n, below.horizon), dtype=np.float32)
    quantiles = np.empty((len(hierarchy), below.horizon, len(SHOWN)), dtype=np.float32)
    mean = reconcile(hierarchy, both.mean, method, residuals=residuals, level=level)
    adjust = reconciler(hierarchy, method, residuals, level, both.mean)
    for h, draws in enumerate(joint_draws(history, panel.freq.season, both, n, seed)):
        bottom = np.maximum(adjust(draws.astype(np.float64), False), 0.0)
        middle = bottom.mean(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            bottom *= np.where(middle > 0, mean[hierarchy.n_upper :, h] / middle, 1.0)[:, None]
        agreed = hierarchy.all(bottom.astype(np.float32))
        paths[:, :, h] = agreed
        quantiles[:, h] = np.quantile(agreed, SHOWN, axis=1).T
    made = replace(both, levels=SHOWN, mean=paths.mean(axis=1), quantiles=quantiles)
    return Coherent(hierarchy, made, paths)
