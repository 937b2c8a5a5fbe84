"""Bagging: the same model learned from many versions of each history, or many trees from parts of the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..features.decomposition import mstl
from ..forecast import LEVELS, invert_cdf
from ..panel import F32, Panel
from .empirical import sorted_quantiles
from .space import OneOf, Range, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

TREES = "trees"
"""The base that is no model of the registry: trees grown on random parts of rows and features."""

_POOL = 240  # points that stand for the pooled distribution of all bags
_CELLS = 4_000_000  # numbers pooled at once
_BLOCK, _LONGEST_BLOCK = 8, 24  # steps of a stretch: two seasons within these bounds
_FEWEST = 8  # observations below which a history has only one version


@dataclass(frozen=True)
class Bagging(Spec):
    """Bootstrap aggregation of a model, so that one unlucky choice of form or parameters does not decide.

    Each history, as the log of one plus demand, is split into trend, season and remainder; the remainder is put
    together anew from random stretches of itself (moving-block bootstrap), and the base learns from each version.
    All of what was learned is then run over the history as it was, and the forecasts pooled: the distribution has
    the base's own spread and that between the bags. ``base = "trees"`` bags trees over lags, calendar and
    covariates instead (a random forest, one for all series).

    Attributes:
        base: name of a registered model that learns each series by itself, or ``trees``.
        bags: number of versions; the history itself is one of them. For ``trees`` ten trees each.
        block: steps of a stretch; 0 takes two seasons, but eight steps at least and 24 at most.

    Source: Bergmeir, Hyndman & Benitez (2016), Bagging exponential smoothing methods using STL decomposition and
    Box-Cox transformation, IJF 32; learning from the versions but forecasting from the history itself: Petropoulos,
    Hyndman & Bergmeir (2018), Exploring the sources of uncertainty, EJOR 268; Breiman (2001), Random forests.
    """

    name: ClassVar[str] = "bagging"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="One model learned from many resampled versions of each history (or many trees), pooled.",
        probabilistic="residuals",
        stochastic=True,
    )
    space: ClassVar[Space] = {
        "base": OneOf("ets", "theta", "stl-ets", TREES),
        "bags": Range(4, 16),
        "block": OneOf(0, 4, 8, 16, 24),
    }
    base: str = "ets"
    bags: int = 8
    block: int = 0

    def __post_init__(self) -> None:
        for option, least in (("bags", 1), ("block", 0)):
            value = getattr(self, option)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"Model 'bagging': {option} must be a whole number from {least}, not {value!r}.")
        if self.base == TREES:
            from .bagged_trees import CAPABILITIES

            object.__setattr__(self, "capabilities", CAPABILITIES)

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        if self.base == TREES:
            from .bagged_trees import forest_of, grow

            return FittedBagging(self, panel, seed, (grow(forest_of(self.bags), panel, horizon, seed, progress),))
        base, versions = self._base(), Versions.of(panel, self.block)
        members = []
        for bag in range(self.bags):
            version = versions.draw(seed, bag) if bag else panel
            members.append(base.fit(version, horizon=horizon, seed=seed + bag).update(panel))
            if progress:
                progress(f"bags of {self.base}", (bag + 1) / self.bags)
        return FittedBagging(self, panel, seed, tuple(members))

    def _base(self) -> Spec:
        from .registry import make, names

        base = make(self.base)
        if base.capabilities.scope != "local" or base.name == self.name:
            local = [n for n in names() if n != self.name and make(n).capabilities.scope == "local"]
            raise ConfigError(
                f"Model 'bagging' cannot take '{self.base}' as its base: choose {TREES} or a model that learns each "
                f"series by itself ({', '.join(local)})."
            )
        return base

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        if spec.base == TREES:
            from .bagged_trees import forest_of

            base: Spec = forest_of(spec.bags)
        else:
            base = spec._base()
        members = []
        for bag, told in enumerate(about["members"]):
            mark = f"{bag}."
            own = {name.removeprefix(mark): array for name, array in arrays.items() if name.startswith(mark)}
            members.append(replace(base.load_fitted(base, panel, own, told), seed=about["seed"] + bag))
        return FittedBagging(spec, panel, 0, tuple(members))


@dataclass(frozen=True, eq=False, repr=False)
class FittedBagging(Fitted):
    """See `Bagging`.

    Attributes:
        members: what the base learned from each version.
    """

    spec: Bagging
    members: tuple[Fitted, ...]

    def update(self, panel: Panel) -> FittedBagging:
        """All that was learned, on another history."""
        return replace(self, panel=panel, members=tuple(member.update(panel) for member in self.members))

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        said = [member._predict(horizon, known, LEVELS, seed) for member in self.members]
        mean = np.mean([each for each, _ in said], axis=0)
        return mean, pool([quantiles for _, quantiles in said], levels)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        states = [member._state() for member in self.members]
        arrays = {f"{bag}.{name}": array for bag, (found, _) in enumerate(states) for name, array in found.items()}
        return arrays, {"members": [about for _, about in states], "seed": self.seed}


def pool(members: list[npt.NDArray[Any]], levels: tuple[float, ...]) -> F64:
    """Quantiles ``(S, H, Q)`` of the mixture of several distributions with equal weights.

    Args:
        members: quantiles at `LEVELS`, each ``(S, H, 15)``.
        levels: of the result.
    """
    rows, horizon = members[0].shape[:2]
    each = -(-_POOL // len(members))
    out = np.empty((rows, horizon, len(levels)))
    width = max(1, _CELLS // (each * len(members) * horizon))
    grid = np.asarray(LEVELS)
    for first in range(0, rows, width):
        part = slice(first, min(first + width, rows))
        count = (part.stop - part.start) * horizon
        points = np.empty((count, each * len(members)))
        for k, member in enumerate(members):
            # the points of the members interleave: alike members give one fine grid of probabilities
            u = (np.arange(each) + (k + 0.5) / len(members)) / each
            cells = np.asarray(member[part], dtype=np.float64).reshape(count, -1)
            points[:, k * each : (k + 1) * each] = invert_cdf(grid, cells, np.broadcast_to(u, (count, each)))
        bad = np.isnan(points).any(axis=1)
        found = sorted_quantiles(points, np.full(count, points.shape[1]), np.asarray(levels))
        found[bad] = np.nan
        out[part] = found.reshape(-1, horizon, len(levels))
    return out


@dataclass(frozen=True, eq=False)
class Versions:
    """A panel whose remainders can be put together anew.

    Attributes:
        panel: the history as it was.
        values: ``(T, S)`` log of one plus demand; NaN where missing.
        middle: ``(T, S)`` trend and season of it.
        remainder: ``(T, S)`` the rest; NaN where missing, and for series too short to be split.
        block: steps of a stretch.
    """

    panel: Panel
    values: F64
    middle: F64
    remainder: F64
    block: int

    @staticmethod
    def of(panel: Panel, block: int = 0) -> Versions:
        """Split the histories of a panel; ``block`` 0 takes two seasons, but eight steps at least and 24 at most."""
        season = max(2, panel.freq.season)
        values = np.log1p(np.maximum(panel.dense(panel.observed).astype(np.float64), 0)).T
        middle, remainder = np.full_like(values, np.nan), np.full_like(values, np.nan)
        enough = np.flatnonzero((~np.isnan(values)).sum(axis=0) >= _FEWEST)
        if enough.size:
            parts = mstl(values[:, enough], [season])
            middle[:, enough], remainder[:, enough] = parts.trend + parts.season, parts.remainder
        return Versions(panel, values, middle, remainder, block or int(np.clip(2 * season, _BLOCK, _LONGEST_BLOCK)))

    def draw(self, seed: int, bag: int) -> Panel:
        """The panel with each remainder made of random stretches of itself; what is missing stays missing.

        Every series draws from numbers of its own (from its identifier, ``seed`` and ``bag``), so that it does not
        matter which others it is drawn with.
        """
        keys = np.array([_key(seed, bag, key) for key in self.panel.ids.to_list()], dtype=np.uint64)
        drawn = self.middle + stretches(self.remainder, keys, self.block)
        made = np.expm1(np.where(np.isnan(drawn), self.values, drawn))
        inside = np.arange(len(made)) >= (len(made) - self.panel.lengths)[:, None]
        return self.panel.with_values(np.maximum(made, 0).T[inside])


def stretches(remainder: F64, keys: npt.NDArray[np.uint64], block: int) -> F64:
    """Remainders ``(T, S)`` put together from random stretches of each column's observed numbers.

    The first stretch begins within a block, so that borders fall anywhere.
    """
    count = remainder.shape[1]
    seen = ~np.isnan(remainder)
    number = seen.sum(axis=0)
    order = np.argsort(~seen, axis=0, kind="stable")  # observed steps first, in time order
    packed = np.take_along_axis(remainder, order, axis=0)
    place = np.cumsum(seen, axis=0) - 1  # which observed step each step is
    size = np.minimum(block, np.maximum(number // 2, 1))
    shifted = place + (_mix(keys) % size.astype(np.uint64)).astype(np.int64)
    which, within = shifted // size, shifted % size
    draw = _mix(keys + (which.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))
    start = (draw % np.maximum(number - size + 1, 1).astype(np.uint64)).astype(np.int64)
    taken = np.clip(start + within, 0, np.maximum(number - 1, 0))
    return np.where(seen, packed[taken, np.arange(count)], np.nan)


def _key(seed: int, bag: int, identifier: Any) -> int:
    """A number from which a series' draws follow."""
    digest = hashlib.blake2b(f"{seed}/{bag}/{identifier}".encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def _mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Well-mixed bits of each number (the finaliser of SplitMix64: Steele, Lea & Flood 2014, OOPSLA)."""
    z = numbers.copy()
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
