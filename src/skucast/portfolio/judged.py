"""Judged: a forecast together with an honest verdict on the model that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from ..evaluate.backtest import Backtest
from ..evaluate.candidates import YARDSTICK
from ..evaluate.classes import CLASSES
from ..forecast import Forecast
from ..frequency import Frequency
from ..models import registry
from ..models.spec import Fitted, Progress, Spec, scaled
from ..panel import F32, Panel
from .auto import Auto
from .choice import Choice
from .members import FittedMembers
from .trial import counted, planned_trial, with_combination

SCORES: dict[str, pl.DataType] = {
    "model": pl.String(),
    "class": pl.String(),
    "n_series": pl.Int64(),
    "wql": pl.Float64(),
    "mase": pl.Float64(),
    "wape": pl.Float64(),
    "coverage_80": pl.Float64(),
    "skill": pl.Float64(),
}
"""Columns of `Judged.scores`; class ``all`` is the total."""
_EVEN = 0.005  # differences below half a percent are none
_STEPS = {
    "s": "second",
    "min": "minute",
    "h": "hour",
    "D": "day",
    "W": "week",
    "M": "month",
    "Q": "quarter",
    "Y": "year",
}


@dataclass(frozen=True, eq=False)
class Judged:
    """What is known of a model's accuracy, from windows that had no part in choosing it.

    Attributes:
        model: label of the model in use.
        scores: columns of `SCORES`, for the model, its members and the seasonal naive yardstick, per demand class
            and for ``all``; no rows if the history is too short for a test.
        verdict: one sentence.
        choices: demand class -> the members in use and their shares, in words; empty for a single model.
        notes: what a reader of the scores should know.
        backtest: of the judged windows; None if there was no test.
    """

    model: str
    scores: pl.DataFrame
    verdict: str
    choices: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    backtest: Backtest | None = None


def judge(
    panel: Panel,
    horizon: int,
    model: str | Mapping[str, Any] | Spec,
    known: Mapping[str, F32] | Any = None,
    *,
    windows: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Forecast, Judged]:
    """Forecast the next steps from the whole history and say how good such forecasts have been.

    One test serves for everything. Models are fitted before its first window and then follow the history. What is
    judged are the last ``windows`` windows; ``auto`` chose on the windows before them only. Then ``auto`` chooses
    again on all windows, and what it chose is fitted to the whole history for the forecast that is returned.

    Args:
        panel: all history.
        horizon: steps ahead.
        model: name, mapping or spec.
        known: future of the known covariates, as in `Fitted.predict`.
        windows: windows to judge on; fewer, or shorter ones, if the history is short.
        seed: of everything.
        progress: hook ``progress(what, fraction_done)``.

    Raises:
        ConfigError: the model does not exist.
        ModelError: the model cannot be fitted.
    """
    spec = registry.make(model)
    if spec.name in registry.names():
        registry.require(spec.name)
    early, late = scaled(progress, 0.0, 0.55), scaled(progress, 0.55, 0.95)
    fitted: Fitted
    if isinstance(spec, Auto):
        trial = spec.trial(panel, horizon, spec.windows + windows, 2, seed, early)
        test, apart = None, 0
        if trial is not None:
            total = len(trial.backtest.windows)
            apart = total - min(windows, max(1, total * windows // (spec.windows + windows)))
            test = _chosen_before(spec, panel, trial.backtest, apart)
        fitted = spec.settle(trial, panel, horizon, seed, late)
    else:
        trial = planned_trial({spec.name: spec}, panel, horizon, windows, what="tested", seed=seed, progress=early)
        test = trial.backtest if trial else None
        fitted = spec.fit(panel, horizon=horizon, seed=seed, progress=late)
    forecast = fitted.predict(horizon, known)
    if test is not None and spec.name in test.models and test.horizon >= horizon:
        # a network that draws futures knows better than its errors of the past how days hang together
        pool = None if spec.capabilities.generative else test.residual_pool(spec.name, horizon, seed)
        forecast = replace(forecast, copula=forecast.copula if pool is None else pool)
    if progress:
        progress(spec.name, 1.0)
    choices = _in_words(fitted) if isinstance(fitted, FittedMembers) else {}
    own = getattr(fitted, "notes", ())
    notes = list(dict.fromkeys([*own, *(trial.notes if trial else ())]))
    if test is None:
        return forecast, Judged(
            spec.name, pl.DataFrame(schema=SCORES), _too_short(spec.name, panel), choices, tuple(notes)
        )
    if isinstance(spec, Auto):
        notes.append(
            f"The scores are of a choice made on {counted(apart, 'window')} before the judged ones; "
            "the forecast rests on a choice made on all of them."
        )
    notes = list(dict.fromkeys([*notes, *test.notes]))
    return forecast, Judged(
        spec.name, score_rows(test, spec.name), verdict(test, spec.name), choices, tuple(notes), test
    )


def score_rows(test: Backtest, model: str) -> pl.DataFrame:
    """Scores of a test in the columns of `SCORES`: ``model`` first, the yardstick last, each class and ``all``."""
    counts = _series_per_class(test)
    total = test.scores().with_columns(pl.lit("all").alias("class"))
    per_class = test.scores(("model", "class"))
    names = [*CLASSES, "all"]
    order = {m: k for k, m in enumerate(sorted(test.models, key=lambda m: (m != model, m == YARDSTICK)))}
    return (
        pl.concat([per_class, total], how="diagonal")
        .with_columns(
            pl.col("class").replace_strict(counts, default=0, return_dtype=pl.Int64).alias("n_series"),
            pl.col("model").replace_strict(order, return_dtype=pl.Int64).alias("#model"),
            pl.col("class").replace_strict(names, range(len(names)), return_dtype=pl.Int64).alias("#class"),
        )
        .sort("#model", "#class")
        .select(pl.col(name).cast(dtype) for name, dtype in SCORES.items())
    )


def verdict(test: Backtest, model: str) -> str:
    """The test of a model in one sentence."""
    count = len(test.windows)
    length = f"{counted(count, 'window')} of {_span(test.panel.freq, test.horizon)}"
    apart = f"{length} that it did not choose on" if model == Auto.name else f"{length} that it had not seen"
    if model not in test.models:
        why = next((text for (label, _), text in test.failures.items() if label == model), "its members failed")
        return f"{model} could not be tested on {length}: {why}"
    rows = {row["model"]: row for row in test.scores().iter_rows(named=True)}
    ours, naive = rows[model]["wql"], rows[YARDSTICK]["wql"] if YARDSTICK in rows else None
    skill = rows[model]["skill"]
    if ours is None:
        return f"{model} cannot be judged: nothing was sold in the last {length}."
    if model == YARDSTICK:
        return f"{model} is the yardstick itself (WQL {ours:.2f} on {length})."
    if naive is None or skill is None:
        return f"{model} has a WQL of {ours:.2f} on {apart}; there is no seasonal naive forecast to compare with."
    word = "better than" if skill > 0 else "worse than"
    how = "as good as" if abs(skill) < _EVEN else f"{100 * abs(skill):.0f} % {word}"
    return f"{model} is {how} seasonal naive (WQL {ours:.2f} against {naive:.2f}) on {apart}."


def _chosen_before(spec: Auto, panel: Panel, backtest: Backtest, apart: int) -> Backtest:
    """The windows from ``apart`` on, with the combination that the windows before them choose."""
    choice = Choice.learn(backtest.part(0, apart), list(spec.candidates(panel)))
    return with_combination(backtest.part(apart), choice, spec.name)


def _series_per_class(test: Backtest) -> dict[str, int]:
    """How many series were tested, by their class in the latest window that had the class."""
    counts: dict[str, int] = {}
    for window in test.windows:
        found = np.bincount(window.classes, minlength=len(CLASSES))
        counts |= {name: int(n) for name, n in zip(CLASSES, found, strict=True) if n} | {"all": int(window.rows.size)}
    return counts


def _in_words(fitted: FittedMembers) -> dict[str, str]:
    """Demand class -> such as ``70 % lightgbm + 30 % ets``."""
    return {
        name: " + ".join(
            f"{100 * w:.0f} % {m}" if w < 0.995 else m for m, w in sorted(shares.items(), key=lambda item: -item[1])
        )
        for name, shares in fitted.choices.items()
    }


def _too_short(model: str, panel: Panel) -> str:
    return (
        f"{model} could not be tested: {_span(panel.freq, panel.n_steps)} of history are too few to hold some back, "
        "so nothing is known of its accuracy yet."
    )


def _span(freq: Frequency, steps: int) -> str:
    return counted(steps, _STEPS[freq.unit] if freq.multiple == 1 else "step")
