"""Auto: tests several models on the last windows of a panel and combines the best per demand class."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ConfigError, ModelError, SkucastError
from ..evaluate.backtest import Backtest, Outcome, backtest_panel, named_specs, windows_that_fit
from ..evaluate.classes import CLASSES, demand_classes
from ..forecast import LEVELS, Forecast
from ..models import registry
from ..models.spec import Arrays, Capabilities, Fitted, Progress, Spec
from ..panel import F32, Panel
from .combine import mix
from .selection import class_weights

_PRESETS: dict[str, tuple[str, ...]] = {
    "fast": ("seasonal-naive", "ets", "croston", "tsb"),
    "balanced": ("seasonal-naive", "ets", "croston", "tsb", "lightgbm"),
    "best": ("seasonal-naive", "ets", "croston", "tsb", "lightgbm", "lstm"),
}
_UNTESTED = ("seasonal-naive", "ets")  # what stands in where nothing can be tested
_SAMPLE = 2000  # series per class that members are tested on
_MOST_TESTED_SHARE = 3  # a test window is at most this part of the history, when the horizon is too long


@dataclass(frozen=True)
class Auto(Spec):
    """Chooses and combines models per demand class by an honest test on the panel's own last windows.

    The members are backtested on windows inside the panel that it is given (whoever evaluates `Auto` cuts the
    panel earlier, so nothing leaks). For each class (smooth, erratic, intermittent, lumpy, new) the weights that
    give the lowest WQL of the averaged quantiles are chosen, leaning on the panel-wide choice where a class has
    few series; the members chosen are then fitted to the whole panel. On large panels the test runs on a seeded
    sample of 2,000 series per class.

    Attributes:
        members: names of the candidates; by default those of the preset that are installed.
        windows: test windows; fewer if the panel is short.
        preset: ``fast`` leaves out boosting, ``best`` adds the LSTM and refits at every window.
        budget_seconds: stop testing further members once half of this has passed; 0 is no limit. With a limit
            the choice depends on the machine's speed, so results may differ between runs.
    """

    name: ClassVar[str] = "auto"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Tests several models on the panel's last windows and combines the best per demand class.",
        probabilistic="native",
        scope="global",
        known=True,
        past=True,
        static=True,
        stochastic=True,
    )
    members: tuple[str, ...] = ()
    windows: int = 3
    preset: Literal["fast", "balanced", "best"] = "balanced"
    budget_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.preset not in _PRESETS:
            raise ConfigError(f"Auto has no preset '{self.preset}'; there are: {', '.join(_PRESETS)}.")
        given: Any = self.members
        object.__setattr__(self, "members", (given,) if isinstance(given, str) else tuple(given))
        if self.windows < 1 or self.budget_seconds < 0:
            raise ConfigError("Auto needs at least one test window and no negative time budget.")
        if self.name in self.members:
            raise ConfigError("Auto cannot be a member of itself.")

    def candidates(self) -> dict[str, Spec]:
        """Specs of the members: those named, or those of the preset that are installed.

        Raises:
            ConfigError: no such model.
            MissingExtraError: a member that was named needs an absent dependency.
        """
        if self.members:
            found = named_specs(self.members)
            return {label: spec for label, spec in found.items() if label in self.members}
        return {name: registry.make(name) for name in _PRESETS[self.preset] if registry.installed(name)}

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        specs = self.candidates()
        trial, tested, notes = self._trial(specs, panel, horizon, seed, progress)
        labels = tuple(specs)
        if trial is None:
            default = [label for label in labels if label in _UNTESTED] or [labels[0]]
            weights = np.tile([float(label in default) / len(default) for label in labels], (len(CLASSES), 1))
            scores, pool = pl.DataFrame(), None
        else:
            population = np.bincount(demand_classes(panel), minlength=len(CLASSES))
            weights = class_weights(trial, labels, population)
            trial = _with_choice(trial, labels, weights, self.name)
            scores = trial.leaderboard()
            pool = trial.residual_pool(self.name, seed=seed)
            notes.extend(f"{m} failed in test window {w + 1}: {why}" for (m, w), why in trial.failures.items())
        members: dict[str, Fitted] = {}
        for k, (label, spec) in enumerate(specs.items()):
            if not weights[:, k].any():
                continue
            if progress:
                progress(f"{label}, all data", 0.7 + 0.3 * k / len(specs))
            try:
                members[label] = spec.fit(panel, horizon=horizon, seed=seed)
            except SkucastError as error:
                notes.append(f"{label} could not be fitted to all data and is left out: {error}")
        if not members:
            raise ModelError(f"No member of 'auto' could be fitted. {' '.join(notes)}")
        kept = [k for k, label in enumerate(labels) if label in members]
        weights = weights[:, kept]
        weights[weights.sum(axis=1) == 0] = 1.0  # a class whose members all failed takes the others alike
        return FittedAuto(
            self, panel, seed, members=members, weights=weights / weights.sum(axis=1, keepdims=True),
            scores=scores, pool=pool, tested=tested, notes=tuple(notes),
        )  # fmt: skip

    def _trial(
        self, specs: Mapping[str, Spec], panel: Panel, horizon: int, seed: int, progress: Progress | None
    ) -> tuple[Backtest | None, int, list[str]]:
        """Backtest of the members, how many series it covers, and what was cut short."""
        notes: list[str] = []
        steps = horizon
        if not windows_that_fit(panel, steps):
            steps = min(horizon, panel.n_steps // _MOST_TESTED_SHARE)
        windows = min(self.windows, windows_that_fit(panel, steps)) if steps else 0
        if len(specs) == 1 or windows == 0:
            if windows == 0:
                notes.append(
                    f"The longest series has {panel.n_steps} steps, too few to test models: "
                    f"{' and '.join(m for m in _UNTESTED if m in specs) or next(iter(specs))} used untested."
                )
                warnings.warn(f"'auto': {notes[-1]}", UserWarning, stacklevel=4)
            return None, 0, notes
        if steps < horizon or windows < self.windows:
            notes.append(f"Short history: members were tested on {windows} windows of {steps} steps.")
        rows = _sample(panel, seed)
        sample = panel if rows is None else panel.take(rows)
        if rows is not None:
            notes.append(f"Members were tested on {rows.size:,} of {len(panel):,} series (a sample of each class).")

        def hook(what: str, done: float) -> None:
            if progress:
                progress(f"test of {what}", 0.7 * done)

        def test(models: Mapping[str, Spec]) -> Backtest:
            return backtest_panel(
                sample, steps, windows, models, refit=self.preset == "best", seed=seed, progress=hook
            )  # fmt: skip

        if not self.budget_seconds:
            return test(specs), len(sample), notes
        begin, result = time.perf_counter(), None
        for label, spec in specs.items():
            if result is not None and time.perf_counter() - begin > self.budget_seconds / 2:
                notes.append(f"{label} was not tested: the time budget of {self.budget_seconds:g} s is used up.")
                continue
            try:
                one = test({label: spec})
            except ModelError as error:
                notes.append(f"{label} failed in the test: {error}")
                continue
            result = (
                one if result is None else dataclasses.replace(result, outcomes={**result.outcomes, **one.outcomes})
            )
        return result, len(sample), notes

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        members = {}
        for label, head in about["members"].items():
            own = {name.removeprefix(f"{label}/"): a for name, a in arrays.items() if name.startswith(f"{label}/")}
            member_spec = registry.spec_from_dict(head["spec"])
            member = type(member_spec).load_fitted(member_spec, panel, own, head["about"])
            members[label] = dataclasses.replace(member, seed=head["seed"])
        return FittedAuto(
            spec, panel, 0, members=members, weights=arrays["weights"].astype(np.float64), pool=arrays.get("pool"),
            scores=pl.DataFrame(about["scores"]), tested=about["tested"], notes=tuple(about["notes"]),
        )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class FittedAuto(Fitted):
    """See `Auto`.

    Attributes:
        members: the models in use, fitted to the whole panel.
        weights: ``(C, K)`` weight of each member for each class of `CLASSES`.
        scores: leaderboard of the test; the row ``auto`` is the combination, judged on the windows that its
            weights were chosen on, so a little too good.
        pool: ``(M, H)`` residual trajectories of the test, for sample paths; None if it was not run.
        tested: series in the test.
        notes: what a reader should know (short history, members that failed, sampling).
    """

    spec: Auto
    members: Mapping[str, Fitted] = field(default_factory=dict)
    weights: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    scores: pl.DataFrame = field(default_factory=pl.DataFrame)
    pool: F32 | None = None
    tested: int = 0
    notes: tuple[str, ...] = ()

    @property
    def choices(self) -> dict[str, dict[str, float]]:
        """Demand class -> member -> weight, for the classes that the panel has."""
        present = np.unique(demand_classes(self.panel))
        return {
            CLASSES[c]: {m: round(float(w), 4) for m, w in zip(self.members, self.weights[c], strict=True) if w > 0}
            for c in present
        }

    def leaderboard(self) -> pl.DataFrame:
        """Scores of the members in the test; empty if the panel was too short for one."""
        return self.scores

    def predict(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> Forecast:
        """See `Fitted.predict`; sample paths follow the residuals of the test."""
        known = future
        if self.panel.known and not isinstance(future, Mapping) and horizon >= 1 and self._uses_known():
            known = self.panel.future(future, horizon)
        weights = self.weights[demand_classes(self.panel)].astype(np.float32)  # (S, K)
        mean: F32 | None = None
        quantiles: F32 | None = None
        reasons: dict[Any, str] = {}
        copula = None
        for k, member in enumerate(self.members.values()):
            part = member.predict(horizon, known, levels=levels, seed=self.seed if seed is None else seed)
            share = weights[:, k : k + 1]
            mean = share * part.mean + (0 if mean is None else mean)
            quantiles = share[:, :, None] * part.quantiles + (0 if quantiles is None else quantiles)
            copula = part.copula if copula is None else copula
            if part.fallback:
                used = set(self.panel.ids.filter(pl.Series(share[:, 0] > 0)).to_list())
                reasons |= {i: why for i, why in part.fallback.items() if i in used and i not in reasons}
        assert mean is not None
        assert quantiles is not None
        if self.pool is not None and self.pool.shape[1] >= horizon:
            copula = self.pool
        return Forecast.of(self.panel, mean, quantiles, [float(q) for q in levels], copula=copula, fallback=reasons)

    def _uses_known(self) -> bool:
        return any(member.spec.capabilities.known for member in self.members.values())

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        forecast = self.predict(horizon, known, levels=levels, seed=seed)
        return forecast.mean, forecast.quantiles

    def update(self, panel: Panel) -> FittedAuto:
        """The same members and weights on another or longer history; classes are read off anew."""
        return dataclasses.replace(self, panel=panel, members={m: f.update(panel) for m, f in self.members.items()})

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        arrays: Arrays = {"weights": self.weights} | ({} if self.pool is None else {"pool": self.pool})
        heads = {}
        for label, member in self.members.items():
            own, about = member._state()
            arrays |= {f"{label}/{name}": array for name, array in own.items()}
            heads[label] = {"spec": member.spec.to_dict(), "seed": member.seed, "about": about}
        rows = self.scores.to_dicts()
        return arrays, {"members": heads, "scores": rows, "tested": self.tested, "notes": list(self.notes)}

    def __repr__(self) -> str:
        lines = [f"FittedAuto({self.panel!r})"]
        for name, members in self.choices.items():
            mixed = " + ".join(f"{w:.0%} {m}" for m, w in sorted(members.items(), key=lambda item: -item[1]))
            lines.append(f"  {name}: {mixed}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def _sample(panel: Panel, seed: int) -> npt.NDArray[np.int64] | None:
    """Rows of at most ``_SAMPLE`` series per class, or None if that is all of them."""
    codes = demand_classes(panel)
    if np.bincount(codes).max() <= _SAMPLE:
        return None
    rng = np.random.default_rng(seed)
    chosen = []
    for c in np.unique(codes):
        rows = np.flatnonzero(codes == c)
        chosen.append(rows if rows.size <= _SAMPLE else rng.choice(rows, _SAMPLE, replace=False))
    return np.sort(np.concatenate(chosen))


def _with_choice(trial: Backtest, labels: Sequence[str], weights: npt.NDArray[np.float64], name: str) -> Backtest:
    """The backtest with the combination as one more model."""
    used = [k for k in range(len(labels)) if weights[:, k].any()]
    outcomes = dict(trial.outcomes)
    for w, window in enumerate(trial.windows):
        members = [trial.outcomes[labels[k], w] for k in used]
        share = weights[window.classes][:, used].astype(np.float32)
        outcomes[name, w] = Outcome(
            mix([m.mean for m in members], share), mix([m.quantiles for m in members], share),
            sum(m.seconds for m in members),
        )  # fmt: skip
    return dataclasses.replace(trial, outcomes=outcomes, _cache={})
