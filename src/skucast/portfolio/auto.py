"""Auto: tests several models on the last windows of a panel and combines the best per demand class."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ConfigError, ModelError, SkucastError
from ..evaluate.candidates import named_specs
from ..evaluate.classes import CLASSES, demand_classes
from ..forecast import LEVELS, Forecast
from ..models import registry
from ..models.copula import history_copula
from ..models.spec import Arrays, Capabilities, Fitted, Progress, Spec
from ..panel import F32, Panel
from .choice import Choice
from .clock import Clock
from .trial import Trial, plan_windows, run_trial, with_combination

_QUICK = ("seasonal-naive", "ets", "tsb", "fourier", "theta", "negbin")
_PRESETS: dict[str, tuple[str, ...]] = {
    "fast": _QUICK,
    "balanced": (*_QUICK, "pretrained", "lightgbm"),
    "best": (*_QUICK, "pretrained", "lightgbm", "ridge", "lstm"),
}
"""Members in the order of what they give for a second of work, so that a budget is well spent."""
_OPTIONS: dict[str, dict[str, Any]] = {"pretrained": {"recalibrate": False}}  # the combination is, as a whole


@dataclass(frozen=True)
class Auto(Spec):
    """Chooses and combines models per demand class by an honest test on the panel's own last windows.

    The members are backtested on windows inside the panel that it is given (whoever evaluates `Auto` cuts the
    panel earlier, so nothing leaks). For each class (smooth, erratic, intermittent, lumpy, new) and half of the
    horizon the weights that give the lowest WQL of the averaged quantiles are chosen, leaning on the panel-wide
    choice where a class has few series, and on members trusted untested beyond the steps that could be tested; then
    how much wider or narrower the combination has to be. The members chosen are fitted to the whole panel. In the
    test members are fitted once, before its first window; on large panels it runs on a seeded sample of each class.

    Attributes:
        members: names of the candidates; by default those of the preset that are installed.
        windows: test windows; fewer if the panel is short.
        preset: ``fast`` takes what is fitted in seconds, ``balanced`` adds boosting and the pretrained network,
            ``best`` adds regression and the LSTM and refits at every window.
        budget_seconds: half of it is for the test, the rest for fitting what was chosen; members that do not get
            done are left out, the cheap ones come first. 0 is no limit. With a limit the choice depends on the
            machine's speed, so results may differ between runs.
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
        return {
            name: registry.make({"model": name, **_OPTIONS.get(name, {})})
            for name in _PRESETS[self.preset]
            if registry.installed(name)
        }

    def trial(
        self, panel: Panel, horizon: int, windows: int, least: int = 1, seed: int = 0, progress: Progress | None = None
    ) -> Trial | None:
        """Test the members on the last windows of a panel; None if there is nothing to choose or no room to test."""
        steps, fits = plan_windows(panel, horizon, windows, least)
        if not fits:
            return None
        made = run_trial(
            self.candidates(), panel, steps, fits, refit=self.preset == "best", clock=Clock(self.budget_seconds / 2),
            seed=seed, progress=progress,
        )  # fmt: skip
        if steps < horizon or fits < windows:
            short = f"Short history: models were tested on {counted(fits, 'window')} of {counted(steps, 'step')}."
            made = replace(made, notes=(short, *made.notes))
        return made

    def settle(
        self, trial: Trial | None, panel: Panel, horizon: int, seed: int = 0, progress: Progress | None = None
    ) -> FittedAuto:
        """Choose by a trial (without one seasonal naive and ETS, alike) and fit the chosen to the whole panel.

        Raises:
            ModelError: no member could be fitted.
        """
        specs = self.candidates()
        labels = list(specs)
        notes = list(trial.notes) if trial else []
        scores, pool = pl.DataFrame(), None
        if trial is None:
            choice = Choice.untested(labels)
        else:
            choice = Choice.learn(trial.backtest, labels).only(horizon)
            mixed = with_combination(trial.backtest, choice, self.name)
            scores = mixed.leaderboard()
            pool = mixed.residual_pool(self.name, seed=seed) if self.name in mixed.models else None
            notes.extend(f"{m} failed in test window {w + 1}: {why}" for (m, w), why in mixed.failures.items())
        classes = demand_classes(panel)
        clock = Clock(self.budget_seconds / 2)
        members: dict[str, Fitted] = {}
        failed = False
        for k, (label, spec) in enumerate(specs.items()):
            rows = rows_of(spec, choice.uses(label, classes))
            if not rows.size:
                continue
            hook = clock.watching(scaled(progress, k / len(specs), (k + 1) / len(specs)) if members else None)
            if progress:
                progress(f"{label}, all data", k / len(specs))
            try:
                members[label] = spec.fit(_part(panel, rows), horizon=horizon, seed=seed, progress=hook)
            except SkucastError as error:
                failed = True
                notes.append(f"{label} could not be fitted to all data and is left out: {error}")
        if not members:
            raise ModelError(f"No member of 'auto' could be fitted. {' '.join(notes)}")
        fitted = FittedAuto(
            self, panel, seed, members=members, choice=choice.kept(list(members)),
            scores=scores, pool=pool, tested=trial.tested if trial else 0, notes=tuple(notes),
        )  # fmt: skip
        return fitted.update(panel) if failed else fitted  # the others take over the series of one that failed

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        specs = self.candidates()
        trial = None
        if len(specs) > 1:
            trial = self.trial(panel, horizon, self.windows, seed=seed, progress=scaled(progress, 0.0, 0.6))
            if trial is None:
                warnings.warn(f"'auto': {self.untested(panel)}", UserWarning, stacklevel=3)
        fitted = self.settle(trial, panel, horizon, seed, scaled(progress, 0.6, 1.0))
        return fitted if trial or len(specs) == 1 else replace(fitted, notes=(self.untested(panel), *fitted.notes))

    def untested(self, panel: Panel) -> str:
        """Why nothing was tested, in a sentence."""
        labels = list(self.candidates())
        used = [label for label, w in Choice.untested(labels).mean_share()[CLASSES[0]].items() if w]
        return (
            f"The longest series has {counted(panel.n_steps, 'step')}, too few to test models: "
            f"{' and '.join(used)} used untested."
        )

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        members, classes = {}, demand_classes(panel)
        choice = Choice.from_arrays(list(about["members"]), arrays)
        for label, head in about["members"].items():
            own = {name.removeprefix(f"{label}/"): a for name, a in arrays.items() if name.startswith(f"{label}/")}
            member_spec = registry.spec_from_dict(head["spec"])
            part = _part(panel, rows_of(member_spec, choice.uses(label, classes)))
            member = type(member_spec).load_fitted(member_spec, part, own, head["about"])
            members[label] = replace(member, seed=head["seed"])
        return FittedAuto(
            spec, panel, 0, members=members, choice=choice, pool=arrays.get("pool"),
            scores=pl.DataFrame(about["scores"]), tested=about["tested"], notes=tuple(about["notes"]),
        )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class FittedAuto(Fitted):
    """See `Auto`.

    Attributes:
        members: the models in use. Global ones are fitted to the whole panel, local ones to the series of those
            classes that use them.
        choice: their weights for each class of `CLASSES` and band of the horizon.
        scores: leaderboard of the test; the row ``auto`` is the combination, judged on the windows that its
            weights were chosen on, so a little too good.
        pool: ``(M, H)`` residual trajectories of the test, for sample paths; None if it was not run.
        tested: series in the test.
        notes: what a reader should know (short history, members that failed, sampling).
    """

    spec: Auto
    members: Mapping[str, Fitted] = field(default_factory=dict)
    choice: Choice = field(default_factory=lambda: Choice.untested(("seasonal-naive",)))
    scores: pl.DataFrame = field(default_factory=pl.DataFrame)
    pool: F32 | None = None
    tested: int = 0
    notes: tuple[str, ...] = ()

    @property
    def choices(self) -> dict[str, dict[str, float]]:
        """Demand class -> member -> weight, for the classes that the panel has."""
        shares = self.choice.mean_share()
        return {
            CLASSES[c]: {m: round(w, 4) for m, w in shares[CLASSES[c]].items() if w > 0}
            for c in np.unique(demand_classes(self.panel))
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
        classes, count = demand_classes(self.panel), len(self.panel)
        made: dict[str, tuple[F32, F32]] = {}
        reasons: dict[Any, str] = {}
        for label, member in self.members.items():
            used = self.choice.uses(label, classes)
            rows = rows_of(member.spec, used)
            mine = {n: c[rows] for n, c in known.items()} if isinstance(known, Mapping) else known
            part = member.predict(horizon, mine, levels=levels, seed=self.seed if seed is None else seed)
            made[label] = _spread_out(part.mean, rows, count), _spread_out(part.quantiles, rows, count)
            if part.fallback:
                using = set(part.ids.filter(pl.Series(used[rows])).to_list())
                reasons |= {i: why for i, why in part.fallback.items() if i in using and i not in reasons}
        mean, quantiles = self.choice.mix(made, classes, levels)
        reached = self.pool is not None and self.pool.shape[1] >= horizon
        copula = self.pool if reached else history_copula(self.panel, horizon)
        return Forecast.of(self.panel, mean, quantiles, [float(q) for q in levels], copula=copula, fallback=reasons)

    def _uses_known(self) -> bool:
        return any(member.spec.capabilities.known for member in self.members.values())

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        forecast = self.predict(horizon, known, levels=levels, seed=seed)
        return forecast.mean, forecast.quantiles

    def update(self, panel: Panel) -> FittedAuto:
        """The same members and weights on another or longer history.

        Classes are read off anew; a series that is new to a member is fitted by it. A member whose classes are no
        longer there is dropped.
        """
        classes = demand_classes(panel)
        rows = {m: rows_of(f.spec, self.choice.uses(m, classes)) for m, f in self.members.items()}
        members = {m: f.update(_part(panel, rows[m])) for m, f in self.members.items() if rows[m].size}
        return replace(self, panel=panel, members=members, choice=self.choice.kept(list(members)))

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        arrays: Arrays = self.choice.to_arrays() | ({} if self.pool is None else {"pool": self.pool})
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


def rows_of(spec: Spec, used: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Series that a member is fitted to: all for a global model, those that use it for a local one."""
    everything = spec.capabilities.scope == "global" and bool(used.any())
    return np.arange(used.size) if everything else np.flatnonzero(used)


def _part(panel: Panel, rows: npt.NDArray[np.int64]) -> Panel:
    return panel if rows.size == len(panel) else panel.take(rows)


def _spread_out(part: F32, rows: npt.NDArray[np.int64], count: int) -> F32:
    """The numbers of some series as an array for all, zero for the others."""
    if rows.size == count:
        return part
    out = np.zeros((count, *part.shape[1:]), dtype=np.float32)
    out[rows] = part
    return out


def scaled(progress: Progress | None, low: float, high: float) -> Progress | None:
    """A hook for a part of the work: fractions from ``low`` to ``high`` of the whole."""
    if progress is None:
        return None
    return lambda what, done: progress(what, low + (high - low) * done)


def counted(n: int, noun: str) -> str:
    """``1 window``, ``3 windows``."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
