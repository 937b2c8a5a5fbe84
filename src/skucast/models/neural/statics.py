"""What does not change about a series, as a network sees it: groups, numbers, names; and what they say of its size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...panel import F32, I64, Panel
from .options import Embed

F64 = npt.NDArray[np.float64]
_FEW_TEXTS, _MOST_TEXTS = 50, 0.2  # distinct texts of a column that are groups of series, not their names
_PRIOR = 3.0  # series that the common size counts for beside those of a group
_FAR = 8.0  # standardised numbers are cut off here


@dataclass(frozen=True)
class Group:
    """A static column of texts.

    Attributes:
        name: of the column.
        texts: that were there at the fit.
        effects: of each text on the logarithm of a series' size; none for names of single items.
    """

    name: str
    texts: tuple[str, ...]
    effects: tuple[float, ...] = ()


@dataclass(frozen=True)
class Number:
    """A static column of numbers: its mean, its deviation, and its effect on the logarithm of a series' size."""

    name: str
    centre: float
    spread: float
    effect: float = 0.0


@dataclass(frozen=True)
class Statics:
    """Static columns that a network sees.

    Attributes:
        groups: columns of texts.
        numbers: columns of numbers.
        size: logarithm of the usual size of a series.
    """

    groups: tuple[Group, ...] = ()
    numbers: tuple[Number, ...] = ()
    size: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.groups or self.numbers)

    @staticmethod
    def of(panel: Panel, embed: Embed) -> Statics:
        """Learn them from a panel.

        Args:
            panel: history.
            embed: ``none``; ``static`` takes groups and numbers; ``series`` also what names single items.
        """
        if embed == "none" or not len(panel):
            return Statics()
        groups, names, numbers = [], [], []
        for k, name in enumerate(panel.static.columns):
            column = panel.static[name]
            if column.dtype.is_numeric() and k:
                seen = column.cast(pl.Float64).to_numpy()
                seen = seen[np.isfinite(seen)]
                if seen.size and np.ptp(seen) > 0:
                    numbers.append(Number(name, float(seen.mean()), float(seen.std())))
                continue
            texts = tuple(sorted(column.cast(pl.String).drop_nulls().unique().to_list()))
            if len(texts) < 2:
                continue
            few = k > 0 and len(texts) <= max(_FEW_TEXTS, int(_MOST_TEXTS * len(panel))) and len(texts) < len(panel)
            if few:
                groups.append(Group(name, texts))
            elif embed == "series":
                names.append(Group(name, texts))
        return Statics(tuple(groups + names), tuple(numbers))._sized(panel, len(groups))

    def _sized(self, panel: Panel, groups: int) -> Statics:
        """With the effects on size of the first groups and of the numbers, by ridge regression."""
        total = np.bincount(panel.row_of, np.maximum(np.nan_to_num(panel.observed), 0), len(panel))
        count = np.bincount(panel.row_of, ~np.isnan(panel.observed), len(panel))
        sold = total > 0
        if not sold.any():
            return self
        y = np.log(total[sold] / count[sold])
        size = float(y.mean())
        codes = self.codes(panel)[sold, :groups]
        blocks = [np.eye(len(g.texts) + 1)[c][:, 1:] for g, c in zip(self.groups[:groups], codes.T, strict=True)]
        x = np.concatenate([*blocks, self.values(panel)[sold].astype(np.float64)], axis=1)
        found = np.linalg.solve(x.T @ x + _PRIOR * np.eye(x.shape[1]), x.T @ (y - size)) if x.shape[1] else np.zeros(0)
        parts = iter(found.tolist())
        sized = [Group(g.name, g.texts, tuple(next(parts) for _ in g.texts)) for g in self.groups[:groups]]
        numbers = tuple(Number(n.name, n.centre, n.spread, next(parts)) for n in self.numbers)
        return Statics((*sized, *self.groups[groups:]), numbers, size)

    def codes(self, panel: Panel) -> I64:
        """``(S, groups)`` number of each series' text, from 1; 0 where it is missing or was not there at the fit."""
        out = np.zeros((len(panel), len(self.groups)), np.int64)
        for k, group in enumerate(self.groups):
            if group.name in panel.static.columns:
                rank = {text: code + 1 for code, text in enumerate(group.texts)}
                column = panel.static[group.name].cast(pl.String)
                out[:, k] = column.replace_strict(rank, default=0, return_dtype=pl.Int64).fill_null(0).to_numpy()
        return out

    def values(self, panel: Panel) -> F32:
        """``(S, numbers)`` standardised; 0 where missing."""
        out = np.zeros((len(panel), len(self.numbers)), np.float32)
        for k, number in enumerate(self.numbers):
            if number.name in panel.static.columns:
                column = panel.static[number.name].cast(pl.Float64, strict=False).to_numpy()
                out[:, k] = np.nan_to_num(np.clip((column - number.centre) / number.spread, -_FAR, _FAR))
        return out

    def sizes(self, panel: Panel) -> F32:
        """``(S,)`` scale of series of which nothing is known yet but these columns; 0 where they are unknown too."""
        codes = self.codes(panel)
        out = np.full(len(panel), self.size)
        known = np.zeros(len(panel), np.bool_)
        for k, group in enumerate(self.groups):
            if group.effects:
                out += np.array([0.0, *group.effects])[codes[:, k]]
                known |= codes[:, k] > 0
        out += self.values(panel).astype(np.float64) @ np.array([n.effect for n in self.numbers])
        for number in self.numbers:
            if number.name in panel.static.columns:
                known |= np.isfinite(panel.static[number.name].cast(pl.Float64, strict=False).to_numpy())
        return np.where(known, np.exp(out), 0.0).astype(np.float32)

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> Statics:
        """Read the JSON form."""
        if not fields:
            return Statics()
        groups = tuple(Group(g["name"], tuple(g["texts"]), tuple(g["effects"])) for g in fields["groups"])
        return Statics(groups, tuple(Number(**n) for n in fields["numbers"]), float(fields["size"]))
