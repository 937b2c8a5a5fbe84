"""Leaderboard: models of a backtest from best to worst."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from .backtest import Backtest

SHOWN_METRICS = ("skill", "wql", "mase", "rmsse", "wape", "relative_bias", "coverage_80")


def leaderboard(backtest: Backtest, by_class: bool = False) -> pl.DataFrame:
    """Rank models by WQL.

    Args:
        backtest: what to rank.
        by_class: rank within each demand class instead of overall.

    Returns:
        ``rank``, [``class``], ``model``, the metrics of ``SHOWN_METRICS``, ``windows``, ``cells`` and wall
        ``seconds`` (of the whole backtest). Where nothing was sold WQL is undefined and MAE decides. A
        model that failed in a window ranks after those that did not: its average is over other windows.
    """
    keys = ["class"] if by_class else []
    table = backtest.scores(("model", "class") if by_class else ("model",))
    seconds = pl.DataFrame({"model": list(backtest.seconds), "seconds": list(backtest.seconds.values())})
    failed = {model for model, _ in backtest.failures}
    ranked = (
        table.join(seconds, on="model", how="left", maintain_order="left")
        .with_columns(pl.col("model").is_in(list(failed)).alias("#failed"))
        .sort([*keys, "#failed", "wql", "mae"], nulls_last=True, maintain_order=True)
    )
    rank = pl.int_range(1, pl.len() + 1).cast(pl.Int64)
    ranked = ranked.with_columns((rank.over("class") if by_class else rank).alias("rank"))
    return ranked.select("rank", *keys, "model", *SHOWN_METRICS, "windows", "cells", "seconds")
