"""Rolling-origin backtest: forecast from several past dates, with only what was known then."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ConfigError, DataError, ModelError, SkucastError
from ..forecast import SHOWN
from ..models.spec import Fitted, Progress
from ..panel import F32, I64, Panel
from .candidates import YARDSTICK, Model, named_specs
from .classes import demand_classes
from .metrics import SCORED, UserMetric, history_scale, named_metrics
from .window import Outcome, Window

By = str | Sequence[str]


@dataclass(frozen=True, eq=False, repr=False)
class Backtest:
    """Forecasts of several models from several origins, and their scores.

    Attributes:
        panel: what was tested on.
        horizon: steps that were scored.
        gap: steps between the last known one and the first scored one.
        levels: quantile levels kept.
        windows: origins, oldest first.
        outcomes: (model, window number) -> what it said; a pair that failed is absent.
        failures: (model, window number) -> why, in a sentence.
        metrics: the user's own.
        said: what models warned of.
    """

    panel: Panel
    horizon: int
    gap: int
    levels: tuple[float, ...]
    windows: tuple[Window, ...]
    outcomes: Mapping[tuple[str, int], Outcome]
    failures: Mapping[tuple[str, int], str]
    metrics: Mapping[str, UserMetric] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    _cache: dict[Any, pl.DataFrame] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """Models with at least one forecast, in the order asked for."""
        return list(dict.fromkeys(model for model, _ in self.outcomes))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the scores should know: warnings of models, cells and windows left out."""
        labels = dict.fromkeys(model for model, _ in (*self.outcomes, *self.failures))
        return (*self.said, *_notes(self.windows, self.failures, list(labels)))

    @property
    def seconds(self) -> dict[str, float]:
        """Wall seconds of each model over all windows."""
        total = dict.fromkeys(self.models, 0.0)
        for (model, _), outcome in self.outcomes.items():
            total[model] += outcome.seconds
        return total

    def part(self, first: int, last: int | None = None) -> Backtest:
        """The same test with the windows ``first`` to ``last`` only (``last`` left out, as in a slice)."""
        chosen = range(len(self.windows))[first:last]
        number = {k: j for j, k in enumerate(chosen)}
        return replace(
            self,
            windows=tuple(self.windows[k] for k in chosen),
            outcomes={(m, number[k]): said for (m, k), said in self.outcomes.items() if k in number},
            failures={(m, number[k]): why for (m, k), why in self.failures.items() if k in number},
            _cache={},
        )

    def cutoff_stamp(self, window: int) -> np.datetime64:
        """Date of the last step known in a window."""
        return np.datetime64(self.panel.freq.stamp([self.windows[window].cutoff])[0])

    def scores(self, by: By = ("model",), *, pinball: bool = False) -> pl.DataFrame:
        """Scores per model and group.

        Every metric is taken within a window and windows are averaged, as in fev-bench; by series, windows
        are pooled instead, because one window of a slow item may hold no sale. ``skill`` is
        ``1 - WQL / WQL of seasonal-naive`` on the same windows and series. Missing and sold-out actuals
        are left out and counted.

        Args:
            by: ``model``, ``class``, ``window``, ``series`` or ``step``, or several; ``model`` is implied.
            pinball: also the mean pinball loss of each level.

        Returns:
            The group's columns (``cutoff`` for windows, the identifier for series), then ``windows``,
            ``cells`` scored, ``missing``, ``hidden`` (sold out), ``zeros`` (actuals of zero, which MAPE
            leaves out), ``skill`` and one column per metric; null where undefined.

        Raises:
            ConfigError: a group is unknown.
        """
        from .scores import score_table

        key = (tuple(by) if not isinstance(by, str) else by, pinball)
        if key not in self._cache:
            self._cache[key] = score_table(self, by, pinball)
        return self._cache[key]

    def leaderboard(self, by_class: bool = False) -> pl.DataFrame:
        """Models from best to worst WQL, overall or within each demand class."""
        from .leaderboard import leaderboard

        return leaderboard(self, by_class)

    def best(self) -> str:
        """The model with the lowest WQL (MAE where nothing was sold) among those without a failure."""
        board = self.leaderboard()
        return str(board.filter(pl.col("windows") == pl.col("windows").max())["model"][0])

    def forecasts(self, models: Sequence[str] | None = None, quantiles: Sequence[float] = SHOWN) -> Any:
        """Long frame of all forecasts beside what came, in the kind of frame the user gave.

        Columns: identifier, stamp, ``cutoff``, ``model``, the target (null where not scored), ``mean`` and
        one per quantile level.
        """
        from .scores import forecast_table

        return forecast_table(self, self.models if models is None else models, quantiles)

    def residual_pool(self, model: str, horizon: int | None = None, seed: int = 0) -> F32 | None:
        """Trajectories of where the actuals fell in the forecast distribution, for `Forecast.copula`.

        See `skucast.evaluate.residuals.residual_pool`.
        """
        from .residuals import residual_pool

        return residual_pool(self, model, horizon or self.horizon, seed)

    def plot(self, **options: Any) -> Any:
        """Chart of forecasts against actuals (extra ``plot``); returns the figure."""
        from ..plotting import plot_backtest

        return plot_backtest(self, **options)

    def __repr__(self) -> str:
        first, last = (str(self.cutoff_stamp(k))[:10] for k in (0, -1))
        lines = [
            f"Backtest({len(self.models)} models; {len(self.windows)} windows of {self.horizon} steps "
            f"({self.panel.freq.alias}), cut {first}..{last}; {len(self.panel):,} series)"
        ]
        for row in self.leaderboard().iter_rows(named=True):
            wql, skill = (_figure(row[name]) for name in ("wql", "skill"))
            lines.append(
                f"  {row['model']:<24} WQL {wql}  skill {skill}  MASE {_figure(row['mase'])}  {row['seconds']:.1f} s"
            )
        for (model, window), why in self.failures.items():
            lines.append(f"  {model} failed in window {window + 1}: {why}")
        return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "    -" if value is None else f"{value:5.3f}"


def windows_that_fit(panel: Panel, horizon: int, step: int | None = None, gap: int = 0) -> int:
    """How many windows a panel is long enough for, each after at least one horizon (and two steps) of history."""
    room = panel.n_steps - max(horizon, 2) - gap - horizon
    return 0 if room < 0 else room // (step or horizon) + 1


def backtest_panel(
    panel: Panel,
    horizon: int,
    windows: int = 3,
    models: Sequence[Model] | Mapping[str, Model] | Model = ("auto",),
    *,
    step: int | None = None,
    gap: int = 0,
    refit: bool | int = True,
    seed: int = 0,
    metrics: Sequence[UserMetric | str] | Mapping[str, UserMetric] = (),
    levels: Sequence[float] = SCORED,
    weights: npt.ArrayLike | None = None,
    progress: Progress | None = None,
) -> Backtest:
    """Forecast from several origins at the end of a panel and keep what each model said.

    At each origin models see ``panel.until(cutoff)`` and nothing later, except the covariates that are
    known in the future by declaration. Series that begin after an origin are left out of its window.
    The seasonal naive yardstick always takes part. A model that fails is recorded and left out.

    Args:
        panel: all history.
        horizon: steps scored per window.
        windows: number of origins; the last window ends with the panel.
        models: names, mappings or specs, or a mapping of labels to them.
        step: steps between origins; the horizon by default.
        gap: steps between the last known one and the first scored one.
        refit: True fits anew at each origin, False only at the first and then updates, a number fits at
            every so many origins.
        seed: of all fits.
        metrics: further metrics, see `skucast.evaluate.metrics.UserMetric`.
        levels: quantile levels to keep besides those that scoring needs.
        weights: ``(S,)`` how many series each stands for, when the panel is a sample; all alike by default.
        progress: hook ``progress(what, fraction_done)``.

    Raises:
        ConfigError: an argument makes no sense.
        DataError: the panel is too short.
        ModelError: every model but the yardstick failed.
    """
    made = run_windows(
        panel, horizon, windows, models, step=step, gap=gap, refit=refit, seed=seed, metrics=metrics, levels=levels,
        weights=weights, progress=progress,
    )  # fmt: skip
    asked = [label for label in named_specs(models) if label != YARDSTICK] or [YARDSTICK]
    if not any(label in asked for label in made.models):
        why = "; ".join(dict.fromkeys(f"{model}: {reason}" for (model, _), reason in made.failures.items()))
        raise ModelError(f"No model could be tested. {why}")
    return made


def run_windows(
    panel: Panel,
    horizon: int,
    windows: int,
    models: Sequence[Model] | Mapping[str, Model] | Model,
    *,
    step: int | None = None,
    gap: int = 0,
    refit: bool | int = True,
    seed: int = 0,
    metrics: Sequence[UserMetric | str] | Mapping[str, UserMetric] = (),
    levels: Sequence[float] = SCORED,
    weights: npt.ArrayLike | None = None,
    progress: Progress | None = None,
    fit_progress: Progress | None = None,
) -> Backtest:
    """As `backtest_panel`, but a test in which every model failed is returned too.

    ``fit_progress`` is told of the progress within each fit; what it raises ends that fit and counts as a failure.
    """
    advance = _check(panel, horizon, windows, step, gap)
    specs = named_specs(models)
    own = named_metrics(metrics)
    kept = tuple(sorted({*SCORED, *(float(q) for q in levels)}))
    if not isinstance(refit, bool | int | np.integer) or (refit < 1 and refit is not False):
        raise ConfigError(f"refit must be True, False or a number of windows, not {refit!r}.")
    period = windows if refit is False else int(refit)
    stands_for = _weights(weights, len(panel))
    cutoffs = [panel.end - gap - horizon - advance * (windows - 1 - k) for k in range(windows)]
    made: list[Window] = []
    outcomes: dict[tuple[str, int], Outcome] = {}
    failures: dict[tuple[str, int], str] = {}
    said: dict[str, None] = {}
    fitted: dict[str, Fitted] = {}
    for k, cutoff in enumerate(cutoffs):
        history = panel.until(cutoff)
        window = _window(panel, history, cutoff, horizon, gap, stands_for)
        made.append(window)
        future = _future(panel, window.rows, cutoff, horizon + gap)
        for j, (label, spec) in enumerate(specs.items()):
            if progress:
                progress(f"{label}, window {k + 1} of {windows}", (k * len(specs) + j) / (windows * len(specs)))
            begin = time.perf_counter()
            try:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.filterwarnings("always", category=UserWarning)
                    if k % period == 0 or label not in fitted:
                        fitted[label] = spec.fit(history, horizon=horizon + gap, seed=seed, progress=fit_progress)
                    else:
                        fitted[label] = fitted[label].update(history)
                    forecast = fitted[label].predict(horizon + gap, future, levels=kept)
            except Exception as error:  # one model's failure is its own; it is recorded and shown
                failures[label, k] = (
                    str(error) if isinstance(error, SkucastError) else f"{type(error).__name__}: {error}"
                )
                fitted.pop(label, None)
                continue
            _pass_on(caught, said)
            outcomes[label, k] = Outcome(
                np.ascontiguousarray(forecast.mean[:, gap:]),
                np.ascontiguousarray(forecast.quantiles[:, gap:]),
                time.perf_counter() - begin,
            )
    if progress:
        progress("backtest", 1.0)
    return Backtest(panel, horizon, gap, kept, tuple(made), outcomes, failures, own, tuple(said))


def _check(panel: Panel, horizon: int, windows: int, step: int | None, gap: int) -> int:
    """The step between origins, after checking that the windows fit."""
    for name, value, least in (("horizon", horizon, 1), ("windows", windows, 1), ("step", step, 1), ("gap", gap, 0)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least):
            raise ConfigError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    fits = windows_that_fit(panel, horizon, step, gap)
    if windows > fits:
        remedy = f"at most {fits} fit" if fits else "none fits"
        raise DataError(
            f"The panel's longest series has {panel.n_steps:,} steps, too few for {windows} backtest windows of {horizon} "
            f"after at least as much history ({remedy}): shorten the horizon, or ask for fewer windows."
        )
    return step or horizon


def _weights(weights: npt.ArrayLike | None, rows: int) -> npt.NDArray[np.float64] | None:
    if weights is None:
        return None
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (rows,) or not np.isfinite(given).all() or (given <= 0).any():
        raise ConfigError(f"weights must be {rows:,} numbers above zero, one per series.")
    return given


def _window(
    panel: Panel, history: Panel, cutoff: int, horizon: int, gap: int, weights: npt.NDArray[np.float64] | None
) -> Window:
    rows = np.flatnonzero(panel.lengths > panel.end - cutoff)  # the series that `until` keeps
    actual = _ahead(panel, panel.observed, rows, cutoff, horizon, gap)
    raw = actual if panel.available is None else _ahead(panel, panel.values, rows, cutoff, horizon, gap)
    hidden = np.isnan(actual) & ~np.isnan(raw)
    weight = None if weights is None else weights[rows]
    return Window(cutoff, rows, actual, demand_classes(history), history_scale(history), hidden, weight)


def _ahead(panel: Panel, column: F32, rows: I64, cutoff: int, steps: int, gap: int = 0) -> F32:
    """``(S, steps)`` cells of a flat column after a cutoff."""
    back = panel.end - cutoff
    start = panel.indptr[1:][rows] - back + gap
    return np.ascontiguousarray(column[start[:, None] + np.arange(steps)])


def _future(panel: Panel, rows: I64, cutoff: int, steps: int) -> dict[str, F32]:
    return {name: _ahead(panel, column, rows, cutoff, steps) for name, column in panel.known.items()}


def _pass_on(caught: Sequence[warnings.WarningMessage], said: dict[str, None]) -> None:
    """Keep what models warn users of, once each; let every other warning through."""
    for item in caught:
        if issubclass(item.category, UserWarning):
            said.setdefault(str(item.message))
        else:
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)


def _notes(windows: Sequence[Window], failures: Mapping[tuple[str, int], str], labels: Sequence[str]) -> list[str]:
    """Sentences about what was left out."""
    notes = []
    hidden, missing = (sum(int(getattr(w, name).sum()) for w in windows) for name in ("hidden", "missing"))
    zeros = sum(int((w.actual == 0).sum()) for w in windows)
    seen = sum(int((~np.isnan(w.actual)).sum()) for w in windows)
    if hidden:
        notes.append(f"{hidden:,} sold-out cells are not scored: sales there do not show demand.")
    if missing:
        notes.append(f"{missing:,} cells without an actual value are not scored.")
    if zeros:
        notes.append(
            f"{zeros:,} of {seen:,} actuals are zero: MAPE leaves them out and sMAPE is unfair there; prefer WQL, WAPE or MASE."
        )
    for label in labels:
        failed = sum(model == label for model, _ in failures)
        if failed:
            notes.append(f"{label} failed in {failed} of {len(windows)} windows and is averaged over the others.")
    return notes
