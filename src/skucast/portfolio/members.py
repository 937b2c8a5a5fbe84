"""Members: several fitted models that make one forecast, by the weights of a choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ModelError, SkucastError
from ..evaluate.classes import CLASSES, demand_classes
from ..forecast import LEVELS, Forecast
from ..models.copula import history_copula
from ..models.spec import Arrays, Fitted, Progress, Spec, scaled
from ..models.whole_demand import snapped, whole
from ..panel import F32, Panel
from .choice import Choice
from .clock import Clock
from .combine import How
from .nested import FittedNested, levels_with, nested, nested_spec, read_nested
from .trial import Trial, with_combination


class MemberError(ModelError):
    """A member cannot forecast.

    Attributes:
        label: of the member.
    """

    def __init__(self, label: str, why: str) -> None:
        super().__init__(why)
        self.label = label


@dataclass(frozen=True, eq=False, repr=False)
class FittedMembers(FittedNested):
    """Several models and how they are put together: what `Auto` and `Ensemble` fit.

    Attributes:
        members: the models in use. Global ones are fitted to the whole panel, local ones to the series of those
            classes that use them.
        choice: their weights for each class of `CLASSES` and band of the horizon.
        scores: leaderboard of the test; the row with the name of the spec is the combination, judged on the windows
            that its weights were chosen on, so a little too good.
        pool: ``(M, H)`` residual trajectories of the test, for sample paths; None if it was not run.
        tested: series in the test.
        notes: what a reader should know (short history, members that failed, sampling).
    """

    snaps: ClassVar[bool] = False  # whether quantiles of whole demand are whole, an average of counts being none

    members: Mapping[str, Fitted] = field(default_factory=dict)
    choice: Choice = field(default_factory=lambda: Choice.untested(("seasonal-naive",)))
    scores: pl.DataFrame = field(default_factory=pl.DataFrame)
    pool: F32 | None = None
    tested: int = 0
    notes: tuple[str, ...] = ()

    @classmethod
    def settle(
        cls,
        spec: Spec,
        panel: Panel,
        candidates: Mapping[str, Spec],
        choice: Choice,
        horizon: int,
        *,
        trial: Trial | None = None,
        clock: Clock | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Fit the chosen to the whole panel; those that cannot be fitted are left out, with a note.

        Args:
            spec: what was asked for.
            panel: all history.
            candidates: label -> member.
            choice: among them.
            horizon: as in `Spec.fit`.
            trial: from which the choice was made, if there was one.
            clock: stops fits once it has run out.
            seed: of all fits.
            progress: hook ``progress(what, fraction_done)``.

        Raises:
            ModelError: no member could be fitted.
        """
        notes = list(trial.notes) if trial else []
        scores, pool = pl.DataFrame(), None
        if trial is not None:
            mixed = with_combination(trial.backtest, choice, spec.name)
            scores = mixed.leaderboard()
            pool = mixed.residual_pool(spec.name, seed=seed) if spec.name in mixed.models else None
            notes.extend(f"{m} failed in test window {w + 1}: {why}" for (m, w), why in mixed.failures.items())
        classes = demand_classes(panel)
        clock = clock or Clock()
        members: dict[str, Fitted] = {}
        failed = False
        for k, (label, member) in enumerate(candidates.items()):
            rows = rows_of(member, choice.uses(label, classes))
            if not rows.size:
                continue
            part = scaled(progress, k / len(candidates), (k + 1) / len(candidates))
            hook = clock.watching(part if members else None)
            if progress:
                progress(f"{label}, all data", k / len(candidates))
            try:
                members[label] = member.fit(_part(panel, rows), horizon=horizon, seed=seed, progress=hook)
            except SkucastError as error:
                failed = True
                notes.append(f"{label} could not be fitted to all data and is left out: {error}")
                continue
            notes.extend(f"{label}: {note}" for note in getattr(members[label], "notes", ()))
        if not members:
            raise ModelError(f"No member of '{spec.name}' could be fitted. {' '.join(notes)}")
        fitted = cls(
            spec, panel, seed, members=members, choice=choice.kept(list(members)),
            scores=scores, pool=pool, tested=trial.tested if trial else 0, notes=tuple(notes),
        )  # fmt: skip
        return fitted.update(panel) if failed else fitted  # the others take over the series of one that failed

    @classmethod
    def restore(cls, spec: Spec, panel: Panel, arrays: Arrays, about: Mapping[str, Any], how: How = "mean") -> Self:
        """Rebuild from what `_state` gave."""
        members, classes = {}, demand_classes(panel)
        choice = replace(Choice.from_arrays(list(about["members"]), arrays), how=how)
        for label, head in about["members"].items():
            part = _part(panel, rows_of(nested_spec(head), choice.uses(label, classes)))
            members[label] = read_nested(head, part, arrays, f"{label}/")
        return cls(
            spec, panel, 0, members=members, choice=choice, pool=arrays.get("pool"),
            scores=pl.DataFrame(about["scores"]), tested=about["tested"], notes=tuple(about["notes"]),
        )  # fmt: skip

    @property
    def choices(self) -> dict[str, dict[str, float]]:
        """Demand class -> member -> weight, for the classes that the panel has."""
        shares = self.choice.mean_share()
        return {
            CLASSES[c]: {m: round(w, 4) for m, w in shares[CLASSES[c]].items() if w > 0}
            for c in np.unique(demand_classes(self.panel))
        }

    def leaderboard(self) -> pl.DataFrame:
        """Scores of the members in the test; empty if there was none."""
        return self.scores

    def predict(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> Forecast:
        """See `Fitted.predict`; sample paths follow the residuals of the test.

        Raises:
            MemberError: a member cannot forecast.
        """
        known = future
        if self.panel.known and not isinstance(future, Mapping) and horizon >= 1 and self._uses_known():
            known = self.panel.future(future, horizon)
        classes, count = demand_classes(self.panel), len(self.panel)
        made: dict[str, tuple[F32, F32]] = {}
        reasons: dict[Any, str] = {}
        asked = self._asked(levels)
        for label, member in self.members.items():
            used = self.choice.uses(label, classes)
            rows = rows_of(member.spec, used)
            mine = {n: c[rows] for n, c in known.items()} if isinstance(known, Mapping) else known
            try:
                part = member.predict(horizon, mine, levels=asked, seed=self.seed if seed is None else seed)
            except ModelError as error:
                raise MemberError(label, str(error)) from error
            made[label] = _spread_out(part.mean, rows, count), _spread_out(part.quantiles, rows, count)
            if part.fallback:
                using = set(part.ids.filter(pl.Series(used[rows])).to_list())
                reasons |= {i: why for i, why in part.fallback.items() if i in using and i not in reasons}
        mean, quantiles = self.choice.mix(made, classes, asked)
        if asked is not levels:
            quantiles = quantiles[:, :, [asked.index(q) for q in levels]]
        if self.snaps:
            quantiles = snapped(quantiles, whole(self.panel))
        reached = self.pool is not None and self.pool.shape[1] >= horizon
        copula = self.pool if reached else history_copula(self.panel, horizon)
        return Forecast.of(self.panel, mean, quantiles, [float(q) for q in levels], copula=copula, fallback=reasons)

    def _asked(self, levels: Sequence[float]) -> Sequence[float]:
        """Levels that members are asked for: with the median, from which intervals are stretched, and all for a pool."""
        return levels_with(levels, LEVELS if self.choice.how == "pool" else (0.5,))

    def _uses_known(self) -> bool:
        return any(member.spec.capabilities.known for member in self.members.values())

    def update(self, panel: Panel) -> Self:
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
            own, heads[label] = nested(member, f"{label}/")
            arrays |= own
        rows = self.scores.to_dicts()
        return arrays, {"members": heads, "scores": rows, "tested": self.tested, "notes": list(self.notes)}

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__}({self.panel!r})"]
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
