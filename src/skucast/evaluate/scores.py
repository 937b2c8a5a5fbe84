"""Tables of a backtest: scores per group and forecasts beside actuals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ConfigError
from ..forecast import SHOWN
from ..panel_frame import Layout, from_polars, stamp_series
from .classes import CLASSES
from .metrics import F64, METRICS, Cells, Metric, UserMetric, add_up, pinball_metric, ratio, sums

if TYPE_CHECKING:
    from .backtest import Backtest, By
    from .window import Window

GROUPS = ("model", "class", "window", "series", "step")


def score_table(backtest: Backtest, by: By, pinball: bool) -> pl.DataFrame:
    """See `Backtest.scores`."""
    from .candidates import YARDSTICK

    groups = {by} if isinstance(by, str) else set(by)
    unknown = sorted(groups - set(GROUPS))
    if unknown:
        raise ConfigError(f"Scores cannot be grouped by '{unknown[0]}'; groups are: {', '.join(GROUPS)}.")
    id_name = (backtest.panel.layout or Layout(id=backtest.panel.static.columns[0])).id
    names = {"class": "class", "window": "cutoff", "series": id_name, "step": "step"}
    keys = [names[g] for g in GROUPS[1:] if g in groups]
    metrics = [*METRICS.values(), *(map(pinball_metric, SHOWN) if pinball else ())]
    own = list(backtest.metrics)
    table = pl.concat(_pieces(backtest, groups, metrics, id_name))
    group = ["model", *keys]
    pooled = "series" in groups and "window" not in groups
    if pooled:
        table = table.group_by(group, maintain_order=True).agg(
            pl.col("#window").n_unique(), pl.exclude("#window").sum()
        )
    finished = table.with_columns(
        *(_finish(table, m) for m in metrics),
        *((pl.col(f"{n}/top") / pl.col(f"{n}/bottom")).fill_nan(None).alias(n) for n in own),
    )
    window = [] if pooled else ["#window"]
    naive = finished.filter(pl.col("model") == YARDSTICK).select(*window, *keys, pl.col("wql").alias("#naive"))
    finished = finished.join(naive, on=[*window, *keys], how="left", nulls_equal=True, maintain_order="left")
    counts = ["cells", "missing", "hidden", "zeros"]
    scores = [m.name for m in metrics]
    both = pl.col("wql").is_not_null() & pl.col("#naive").is_not_null()
    skill = 1 - pl.col("wql").filter(both).mean() / pl.col("#naive").filter(both).mean()
    out = finished.group_by(group, maintain_order=True).agg(
        (pl.col("#window").first() if pooled else pl.len()).cast(pl.Int64).alias("windows"),
        *(pl.col(c).sum().cast(pl.Int64) for c in counts),
        pl.when(skill.is_finite()).then(skill).alias("skill"),
        *(pl.col(s).mean() for s in [*scores, *own]),
    )
    order = {m: k for k, m in enumerate(backtest.models)}
    return (
        out.with_columns(pl.col("model").replace_strict(order, return_dtype=pl.Int64).alias("#order"))
        .sort([*keys, "#order"] if groups & {"class", "window"} and "series" not in groups else ["#order", *keys])
        .drop("#order")
    )


def _finish(table: pl.DataFrame, metric: Metric) -> pl.Series:
    top, bottom = (table[f"{metric.name}/{part}"].to_numpy() for part in ("top", "bottom"))
    return pl.Series(metric.name, ratio(metric, top, bottom)).fill_nan(None)


def _pieces(backtest: Backtest, groups: set[str], metrics: Sequence[Metric], id_name: str) -> Iterator[pl.DataFrame]:
    """Sums of each model in each window, per group."""
    for (model, k), outcome in backtest.outcomes.items():
        window = backtest.windows[k]
        codes, count, columns = _row_groups(backtest, window, groups, id_name)
        by_step = "step" in groups
        cells = Cells(window.actual, outcome.mean, outcome.quantiles, backtest.levels, window.scale)
        parts: dict[str, Any] = {}
        for metric in metrics:
            parts[f"{metric.name}/top"], parts[f"{metric.name}/bottom"] = sums(
                metric, cells, codes, count, by_step, window.weight
            )
        if backtest.metrics:
            history = backtest.panel.until(window.cutoff)
            past = history.dense(history.observed)
            for name, function in backtest.metrics.items():
                parts[f"{name}/top"], parts[f"{name}/bottom"] = _own(
                    function, cells, past, codes, count, by_step, window.weight
                )
        tallies = {
            "cells": cells.seen, "missing": window.missing, "hidden": window.hidden,
            "zeros": window.actual == 0,
        }  # fmt: skip
        for name, flags in tallies.items():
            parts[name] = _tally(flags, codes, count, by_step)
        steps = backtest.horizon if by_step else 1
        frame = pl.DataFrame(
            {
                "model": [model] * (count * steps),
                "#window": np.full(count * steps, k),
                **{name: column.gather(np.repeat(np.arange(count), steps)) for name, column in columns.items()},
                **({"cutoff": _cutoff(backtest, k, count * steps)} if "window" in groups else {}),
                **({"step": np.tile(np.arange(1, steps + 1), count)} if by_step else {}),
                **parts,
            }
        )
        yield frame.filter(pl.sum_horizontal("cells", "missing", "hidden") > 0)


def _row_groups(
    backtest: Backtest, window: Window, groups: set[str], id_name: str
) -> tuple[npt.NDArray[np.int64], int, dict[str, pl.Series]]:
    """Group of each series, number of groups, and the groups' columns."""
    rows = window.rows.size
    words = pl.Series("class", CLASSES)
    if "series" in groups:
        columns = {id_name: backtest.panel.ids.gather(window.rows)}
        if "class" in groups:
            columns["class"] = words.gather(window.classes.astype(np.int64))
        return np.arange(rows), rows, columns
    if "class" in groups:
        return window.classes.astype(np.int64), len(CLASSES), {"class": words}
    return np.zeros(rows, dtype=np.int64), 1, {}


def _tally(flags: npt.NDArray[Any], codes: npt.NDArray[np.int64], count: int, by_step: bool) -> F64:
    steps = flags.shape[1]
    if not by_step:
        return add_up(flags.sum(axis=1), codes, count)
    cell = (codes[:, None] * steps + np.arange(steps)).ravel()
    return add_up(flags.ravel(), cell, count * steps)


def _own(
    function: UserMetric,
    cells: Cells,
    history: Any,
    codes: npt.NDArray[np.int64],
    count: int,
    by_step: bool,
    weight: F64 | None,
) -> tuple[F64, F64]:
    """A user's metric in groups, as sums of its values and how many there are.

    Weights apply to metrics that give one value per series; one that gives a number weighs as it likes.
    """
    share = np.ones(len(codes)) if weight is None else weight
    steps = cells.y.shape[1]
    spans = [slice(h, h + 1) for h in range(steps)] if by_step else [slice(None)]
    top, bottom = np.zeros((count, len(spans))), np.zeros((count, len(spans)))
    for j, span in enumerate(spans):

        def call(rows: Any, span: slice = span) -> F64:
            y, mean, spread = (a[rows][:, span] for a in (cells.y, cells.mean, cells.quantiles))
            return np.asarray(function(y, mean, spread, cells.levels, history[rows]), dtype=np.float64)

        found = call(slice(None))
        if found.shape == (len(codes),) and len(codes) > 1:
            fine = np.isfinite(found)
            top[:, j] = add_up(found[fine] * share[fine], codes[fine], count)
            bottom[:, j] = add_up(share[fine], codes[fine], count)
            continue
        if found.size != 1:
            raise ConfigError(f"A metric gave an array of shape {found.shape}: return a number or one per series.")
        values = [found if count == 1 else call(np.flatnonzero(codes == g)) for g in np.unique(codes)]
        for g, value in zip(np.unique(codes), values, strict=True):
            if np.isfinite(value).all():
                top[g, j], bottom[g, j] = float(value.ravel()[0]), 1.0
    return top.ravel(), bottom.ravel()


def _cutoff(backtest: Backtest, k: int, count: int) -> pl.Series:
    dtype = backtest.panel.layout.time_dtype if backtest.panel.layout else None
    stamp = np.array([backtest.cutoff_stamp(k)], dtype="datetime64[us]")
    return stamp_series(stamp, dtype).gather(np.zeros(count, dtype=np.int64))


def forecast_table(backtest: Backtest, models: Sequence[str], quantiles: Sequence[float]) -> Any:
    """See `Backtest.forecasts`."""
    panel = backtest.panel
    layout = panel.layout or Layout(id=panel.static.columns[0])
    unknown = [m for m in models if m not in backtest.models]
    if unknown:
        raise ConfigError(f"The backtest holds no forecasts of '{unknown[0]}'; it has: {', '.join(backtest.models)}.")
    parts = []
    for (model, k), outcome in backtest.outcomes.items():
        if model not in models:
            continue
        window = backtest.windows[k]
        count, steps = window.actual.shape
        cells = Cells(window.actual, outcome.mean, outcome.quantiles, backtest.levels, window.scale)
        first = window.cutoff + backtest.gap + 1
        stamps = stamp_series(panel.freq.stamp(np.arange(first, first + steps)), layout.time_dtype)
        parts.append(
            pl.DataFrame(
                {
                    layout.id: panel.ids.gather(np.repeat(window.rows, steps)),
                    layout.time: stamps.gather(np.tile(np.arange(steps), count)),
                    "cutoff": _cutoff(backtest, k, count * steps),
                    "model": pl.Series([model]).gather(np.zeros(count * steps, dtype=np.int64)),
                    layout.target: pl.Series(window.actual.ravel()).fill_nan(None),
                    "mean": outcome.mean.ravel(),
                    **{f"{q:g}": cells.at(q).ravel() for q in quantiles},
                }
            )
        )
    return from_polars(pl.concat(parts), layout.kind)
