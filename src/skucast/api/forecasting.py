"""The verbs that forecast and test on long frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from ..errors import ConfigError, DataError
from ..evaluate.backtest import Backtest, backtest_panel
from ..evaluate.candidates import Model
from ..evaluate.metrics import SCORED, UserMetric
from ..forecast import LEVELS, SHOWN
from ..models import registry
from ..models.spec import Fitted, Progress
from ..panel import Panel
from ..panel_frame import from_polars, to_polars
from .asked import read_panel, rising, steps_ahead


def forecast(
    df: Any,
    horizon: int | None = None,
    freq: str | None = None,
    model: Model = "auto",
    *,
    id: str = "unique_id",
    time: str = "ds",
    target: str = "y",
    future: Any = None,
    static: Any = None,
    known: Sequence[str] = (),
    past: Sequence[str] = (),
    availability: str | None = None,
    country: str = "",
    quantiles: Sequence[float] = SHOWN,
    seed: int = 0,
    origin: Literal["panel", "series"] = "panel",
    progress: Progress | None = None,
) -> Any:
    """Forecast every series of a long frame.

    Args:
        df: pandas, polars or pyarrow frame, one row per series and step, in any order. Absent rows and null
            targets are missing, never zero. Columns without a role are ignored, and a warning lists them.
        horizon: steps ahead; the frequency's usual number by default (28 days, 13 weeks, 6 months...).
        freq: pandas offset alias or polars duration (``D``, ``W-SUN``, ``1mo``); inferred by default.
        model: name (see ``skucast models``), mapping such as ``{"model": "lstm", "hidden": 64}``, or spec.
        id: column that names the series.
        time: column of stamps.
        target: column of values, units sold for example.
        future: frame with the ``known`` columns for the steps ahead.
        static: columns that are constant per series, or a frame with one row per series.
        known: columns known in the future too (price, promotion, holiday).
        past: columns known only in the past.
        availability: column that is true where the item could be bought; sales elsewhere hide demand.
        country: ISO code such as GB or CN; models then know its holidays, lunar festivals and sale days.
        quantiles: levels of the quantile columns.
        seed: makes the result repeatable.
        origin: ``panel`` forecasts all series from the last date of the frame; ``series`` each from its own.
        progress: hook ``progress(what, fraction_done)`` for long work.

    Returns:
        A frame of the same kind: identifier, stamp, ``mean`` and one column per quantile, named by its level.

    Raises:
        DataError: the frame cannot be used; the sentence names the column, series or date.
        ConfigError: an argument makes no sense, or the model does not exist.
        MissingExtraError: the model needs an optional dependency.
    """
    wanted = rising(quantiles)
    if origin not in ("panel", "series"):
        raise ConfigError(f"origin must be 'panel' or 'series', not {origin!r}.")
    spec = registry.make(model)
    if spec.name in registry.names():
        registry.require(spec.name)
    panel = read_panel(df, freq, id, time, target, static, known, past, availability, country)
    steps = steps_ahead(panel, horizon)
    if origin == "panel" and future is not None and panel.known:
        future = panel.future(future, steps)  # complete, whether or not the model uses it
    fitted = spec.fit(panel, horizon=steps, seed=seed, progress=progress)
    levels = tuple(sorted({*LEVELS, *wanted}))
    if origin == "series":
        return _from_own_end(fitted, df, steps, future, levels, wanted)
    return fitted.predict(steps, future, levels=levels).frame(wanted)


def backtest(
    df: Any,
    horizon: int | None = None,
    windows: int = 3,
    models: Sequence[Model] | Mapping[str, Model] | Model = ("auto",),
    *,
    step: int | None = None,
    freq: str | None = None,
    gap: int = 0,
    refit: bool | int = True,
    id: str = "unique_id",
    time: str = "ds",
    target: str = "y",
    static: Any = None,
    known: Sequence[str] = (),
    past: Sequence[str] = (),
    availability: str | None = None,
    country: str = "",
    metrics: Sequence[UserMetric | str] | Mapping[str, UserMetric] = (),
    quantiles: Sequence[float] = SCORED,
    seed: int = 0,
    progress: Progress | None = None,
) -> Backtest:
    """Test models on the last windows of a long frame, each from what was known at its start.

    The seasonal naive forecast always takes part as the yardstick. Columns and frames are as in `forecast`.

    Args:
        df: long frame.
        horizon: steps scored per window; the frequency's usual number by default.
        windows: number of origins; the last window ends with the frame.
        models: names, mappings or specs, or a mapping of labels to them.
        step: steps between origins; the horizon by default.
        freq: as in `forecast`.
        gap: steps between the last known one and the first scored one.
        refit: True fits anew at each origin, False only at the first, a number at every so many.
        id: as in `forecast`.
        time: as in `forecast`.
        target: as in `forecast`.
        static: as in `forecast`.
        known: as in `forecast`; their values within a window are seen, as they would be.
        past: as in `forecast`; their values within a window are not seen.
        availability: as in `forecast`; sold-out steps are not scored.
        country: as in `forecast`.
        metrics: further metrics ``f(y, mean, quantiles, levels, history) -> float or (S,)``.
        quantiles: levels to keep besides those that scoring needs.
        seed: of all fits.
        progress: hook ``progress(what, fraction_done)``.

    Returns:
        A `Backtest`: ``.leaderboard()``, ``.scores(by=...)``, ``.forecasts()``, ``.plot()``.

    Raises:
        DataError: the frame cannot be used or is too short.
        ConfigError: an argument makes no sense.
        ModelError: every model failed.
    """
    panel = read_panel(df, freq, id, time, target, static, known, past, availability, country)
    steps = panel.freq.default_horizon if horizon is None else horizon
    return backtest_panel(
        panel, steps, windows, models, step=step, gap=gap, refit=refit, seed=seed, metrics=metrics,
        levels=quantiles, progress=progress,
    )  # fmt: skip


def _from_own_end(
    fitted: Fitted, df: Any, horizon: int, future: Any, levels: Sequence[float], quantiles: Sequence[float]
) -> Any:
    """Forecasts that start right after each series' own last value: one prediction per last date.

    The model learned from all rows; each prediction sees its series only up to their end. Known covariates
    come from the frame where it has rows after that end, then from ``future``.
    """
    panel = fitted.panel
    ends = np.full(len(panel), panel.end, dtype=np.int64)
    seen = ~np.isnan(panel.values)
    np.maximum.at(last := np.full(len(panel), -(2**62), dtype=np.int64), panel.row_of[seen], panel.ordinals[seen])
    ends = np.where(last > -(2**62), last, ends)  # a series without any value ends with the panel
    ahead = _rows_ahead(panel, df, future) if panel.known and fitted.spec.capabilities.known else future
    parts = []
    for end in np.unique(ends):
        group = panel.take(np.flatnonzero(ends == end)).until(int(end))
        parts.append(fitted.update(group).predict(horizon, ahead, levels=levels))
    frames = [part.to_polars(quantiles) for part in parts]
    key = frames[0].columns[:2]
    kind = panel.layout.kind if panel.layout else "polars"
    return from_polars(pl.concat(frames).sort(key, maintain_order=True), kind)


def _rows_ahead(panel: Panel, df: Any, future: Any) -> pl.DataFrame:
    """The known covariates of the frame and the future together, one row per series and date."""
    assert panel.layout is not None
    columns = [panel.layout.id, panel.layout.time, *panel.known]
    past, _ = to_polars(df)
    frames = [past.select(columns)]
    if future is not None:
        table, _ = to_polars(future)
        if panel.layout.id not in table.columns:  # one row per date serves all series
            table = table.join(pl.DataFrame({panel.layout.id: panel.ids}), how="cross")
        missing = [name for name in columns if name not in table.columns]
        if missing:
            raise DataError(f"Column '{missing[0]}' is missing in future=; it must have: {', '.join(columns)}.")
        frames.append(table.select(columns))
    return pl.concat(frames, how="vertical_relaxed").unique(columns[:2], keep="last", maintain_order=True)
