"""Inputs: what a foundation model sees of a panel, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...panel import F32, I64, Panel


@dataclass(frozen=True)
class Takes:
    """Which covariates a model has inputs for; none has any for static ones.

    Attributes:
        known: known ahead.
        past: known up to the last step.
        text: of either kind, as text.
    """

    known: bool = False
    past: bool = False
    text: bool = False


@dataclass(frozen=True)
class Inputs:
    """Covariates of a panel by what becomes of them.

    Attributes:
        known: columns that the model sees in the past and ahead.
        past: columns that it sees in the past.
        ignored: columns that it does not see, and why.
    """

    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    ignored: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(panel: Panel, takes: Takes) -> Inputs:
        """What a model takes of a panel."""
        ignored = [(name, "static") for name in panel.static.columns[1:]]
        kept: dict[str, list[str]] = {"known": [], "past": []}
        for role, columns, taken in (("known", panel.known, takes.known), ("past", panel.past, takes.past)):
            for name in columns:
                if not taken:
                    ignored.append((name, f"the model has no input for {role} covariates"))
                elif name in panel.categories and not takes.text:
                    ignored.append((name, "text"))
                else:
                    kept[role].append(name)
        return Inputs(tuple(kept["known"]), tuple(kept["past"]), tuple(ignored))

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> Inputs:
        """Read the JSON form (`dataclasses.asdict`)."""
        ignored = tuple((str(name), str(why)) for name, why in fields["ignored"])
        return Inputs(tuple(fields["known"]), tuple(fields["past"]), ignored)


@dataclass(frozen=True, eq=False)
class Batch:
    """``B`` series with ``L`` steps of history and ``H`` steps to forecast; NaN is unknown everywhere.

    Attributes:
        demand: ``(B, L)``; sold-out steps are unknown, and so are those before a series begins.
        past: covariates ``(B, L)``.
        known: covariates ``(B, L + H)``.
        texts: name of a covariate that was text -> the texts that its codes stand for.
        horizon: ``H``.
        season: steps in the frequency's dominant season.
    """

    demand: F32
    past: Mapping[str, F32]
    known: Mapping[str, F32]
    texts: Mapping[str, tuple[str, ...]]
    horizon: int
    season: int

    @staticmethod
    def of(panel: Panel, rows: I64, ahead: Mapping[str, F32], inputs: Inputs, length: int, horizon: int) -> Batch:
        """The last ``length`` steps of some series; ``ahead`` has the known covariates of all, ``(S, H)``."""
        part = panel.take(rows)
        known = {n: np.concatenate([part.dense(part.known[n], length), ahead[n][rows]], axis=1) for n in inputs.known}
        past = {n: part.dense(part.past[n], length) for n in inputs.past}
        texts = {n: panel.categories[n] for n in (*known, *past) if n in panel.categories}
        return Batch(part.dense(part.observed, length), past, known, texts, horizon, panel.freq.season)

    def words(self, name: str, codes: F32) -> npt.NDArray[np.object_]:
        """Codes of a covariate as texts, None where unknown."""
        texts = np.array([*self.texts[name], None], dtype=object)
        return texts[np.where(np.isfinite(codes), codes, -1).astype(np.int64)]


def joined(values: F32) -> F32:
    """``(B, L)`` with unknown cells on the straight line between known neighbours; the outermost go on."""
    out = values.copy()
    step = np.arange(values.shape[1])
    for row in out:
        seen = np.isfinite(row)
        if not seen.all():
            row[~seen] = np.interp(step[~seen], step[seen], row[seen]) if seen.any() else 0.0
    return out
