"""Hierarchy: how series add up, from the item to the company, in any grouping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from ..errors import ConfigError
from ..panel import I64

F64 = npt.NDArray[np.float64]
TOTAL = "total"


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Groups of bottom series that add up; levels may be nested (sku in category) or crossed (category x store).

    A *node* is a group or a bottom series. Nodes are ordered level after level as given, the bottom last.

    Attributes:
        levels: columns that define each upper level; ``()`` is the total of everything.
        members: per level ``(B,)``, which group each bottom series belongs to, counted from 0 within the level; -1 is
            none.
        sizes: groups per level.
        keys: ``U`` rows, one per upper node: ``level`` (columns joined by ``/``), ``node`` (its texts joined by ``/``).
        bottom: ``B`` identifiers.
    """

    levels: tuple[tuple[str, ...], ...]
    members: tuple[I64, ...]
    sizes: tuple[int, ...]
    keys: pl.DataFrame
    bottom: pl.Series
    _steps: tuple[_Step, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, static: pl.DataFrame, levels: Sequence[str | Sequence[str]], partial: bool = False) -> Hierarchy:
        """Hierarchy over the rows of a static table (`Panel.static`, first column the identifier).

        Args:
            static: one row per bottom series.
            levels: upper levels, each a column, several columns (a sequence, or joined by ``/``), or ``()`` or
                ``"total"`` for the sum of everything.
            partial: a series may belong to no group of a level (null in its column).

        Raises:
            ConfigError: a column does not exist, holds gaps or a level is given twice.
        """
        wanted = [_columns(level) for level in levels]
        members, sizes, tables = [], [], []
        for k, columns in enumerate(wanted):
            absent = [c for c in columns if c not in static.columns]
            if absent:
                raise ConfigError(
                    f"Level '{_name(columns)}' needs the column '{absent[0]}'; the series have: "
                    f"{', '.join(static.columns)}."
                )
            if columns in wanted[:k]:
                raise ConfigError(f"Level '{_name(columns)}' is given twice.")
            gaps = [c for c in columns if static[c].null_count()]
            if gaps and not partial:
                raise ConfigError(
                    f"Column '{gaps[0]}' is empty for {static[gaps[0]].null_count():,} series, so they belong to no "
                    f"group of level '{_name(columns)}': fill it, or leave the level out."
                )
            texts = (
                static.select(pl.concat_str([pl.col(c).cast(pl.String) for c in columns], separator="/")).to_series()
                if columns
                else pl.Series([TOTAL] * static.height)
            )
            names = texts.drop_nulls().unique().sort()
            order = {name: k for k, name in enumerate(names)}
            codes = texts.replace_strict(order, default=-1, return_dtype=pl.Int64) if order else [-1] * len(texts)
            members.append(np.asarray(codes, dtype=np.int64))
            sizes.append(len(names))
            tables.append(pl.DataFrame({"level": [_name(columns)] * len(names), "node": names.cast(pl.String)}))
        keys = pl.concat(tables) if tables else pl.DataFrame(schema={"level": pl.String, "node": pl.String})
        made = cls(tuple(wanted), tuple(members), tuple(sizes), keys, static.to_series(0))
        return replace(made, _steps=_shortest(made.members, made.sizes, static.height))

    # ---- shape ------------------------------------------------------------------------------
    def __len__(self) -> int:
        """Number of nodes, the bottom included."""
        return self.n_upper + len(self.bottom)

    @property
    def n_upper(self) -> int:
        """Number of groups over all upper levels."""
        return sum(self.sizes)

    @property
    def count(self) -> I64:
        """``(U,)`` bottom series in each group."""
        return np.asarray(self.up(np.ones(len(self.bottom))), dtype=np.int64)

    @property
    def names(self) -> list[str]:
        """Names of the upper levels: their columns joined by ``/``, or ``total``."""
        return [_name(columns) for columns in self.levels]

    def rows(self, level: int) -> slice:
        """Where the groups of an upper level stand among the nodes; ``len(levels)`` is the bottom."""
        first = sum(self.sizes[:level])
        return slice(first, first + (self.sizes[level] if level < len(self.sizes) else len(self.bottom)))

    # ---- adding up ----------------------------------------------------------------------------
    def up(self, bottom: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sums of every group, ``(U, ...)``, of bottom values ``(B, ...)``.

        Each level is added up from the smallest finer level already at hand, so that many levels cost little.
        """
        flat = np.ascontiguousarray(bottom.reshape(len(self.bottom), -1))
        out = np.empty((self.n_upper, flat.shape[1]), flat.dtype)
        for step in self._steps:
            source = flat if step.source is None else out[self.rows(step.source)]
            out[self.rows(step.level)] = step.matrix(flat.dtype) @ source
        return out.reshape(self.n_upper, *bottom.shape[1:])

    def down(self, upper: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The transpose of `up`: for each bottom series the sum ``(B, ...)`` of what stands at its groups."""
        flat = upper.reshape(self.n_upper, -1).copy()
        out = np.zeros((len(self.bottom), flat.shape[1]), flat.dtype)
        for step in reversed(self._steps):
            target = out if step.source is None else flat[self.rows(step.source)]
            part = flat[self.rows(step.level)]
            if step.some is None:
                target += part[step.groups]
            else:
                target[step.some] += part[step.groups[step.some]]
        return out.reshape(len(self.bottom), *upper.shape[1:])

    def gram(self, variance: npt.NDArray[Any]) -> sparse.csr_matrix:
        """``C W C'`` ``(U, U)`` for a diagonal ``W``, with ``C = [I, -A]``: how far groups and sums of series differ."""
        count = len(self.bottom)
        blocks = []
        for member, size in zip(self.members, self.sizes, strict=True):
            some = np.flatnonzero(member >= 0)
            blocks.append(sparse.csr_matrix((np.ones(some.size), (member[some], some)), shape=(size, count)))
        adding = sparse.vstack(blocks).tocsr()
        return (
            sparse.diags(variance[: self.n_upper]) + adding @ sparse.diags(variance[self.n_upper :]) @ adding.T
        ).tocsr()

    def all(self, bottom: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values of every node, ``(U + B, ...)``."""
        return np.concatenate([self.up(bottom), bottom])


@dataclass(frozen=True, eq=False)
class _Step:
    """One level as sums over a finer level (or the bottom).

    Attributes:
        level: number of the level.
        source: number of the finer level; None is the bottom.
        groups: ``(size of the source,)`` the group of each; -1 is none.
        some: those that belong to a group; None is all.
    """

    level: int
    source: int | None
    groups: I64
    some: I64 | None
    size: int
    _matrices: dict[Any, sparse.csr_matrix] = field(default_factory=dict)

    def matrix(self, dtype: npt.DTypeLike) -> sparse.csr_matrix:
        """The sums as a matrix."""
        kind = np.dtype(dtype)
        if kind not in self._matrices:
            where = np.arange(self.groups.size) if self.some is None else self.some
            ones = np.ones(where.size, dtype=kind if kind.kind == "f" else np.float64)
            shape = (self.size, self.groups.size)
            self._matrices[kind] = sparse.csr_matrix((ones, (self.groups[where], where)), shape=shape)
        return self._matrices[kind]


def _shortest(members: Sequence[I64], sizes: Sequence[int], count: int) -> tuple[_Step, ...]:
    """Every level from its smallest refinement, finest levels first."""
    steps: list[_Step] = []
    for level in sorted(range(len(sizes)), key=lambda k: -sizes[k]):
        source, from_codes, width = None, np.arange(count), count
        for done in steps:
            if sizes[done.level] < width and _refines(members[done.level], members[level], sizes[done.level]):
                source, from_codes, width = done.level, members[done.level], sizes[done.level]
        groups = np.empty(width, dtype=np.int64)
        groups[from_codes] = members[level]
        some = None if (groups >= 0).all() else np.flatnonzero(groups >= 0)
        steps.append(_Step(level, source, groups, some, sizes[level]))
    return tuple(steps)


def _refines(fine: I64, coarse: I64, size: int) -> bool:
    """Whether each group of ``fine`` lies within one group of ``coarse``."""
    if (fine < 0).any():
        return False
    parent = np.empty(size, dtype=np.int64)
    parent[fine] = coarse
    return bool((parent[fine] == coarse).all())


def _columns(level: str | Sequence[str]) -> tuple[str, ...]:
    if isinstance(level, str):
        return () if level == TOTAL else tuple(level.split("/"))
    return tuple(level)


def _name(columns: tuple[str, ...]) -> str:
    return "/".join(columns) or TOTAL
