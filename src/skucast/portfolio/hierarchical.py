"""Hierarchical: items, groups and the company forecast each by themselves, and made to add up."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ConfigError
from ..forecast import LEVELS, Forecast
from ..models import registry
from ..models.copula import history_copula
from ..models.space import OneOf, Space
from ..models.spec import Arrays, Capabilities, Fitted, Progress, Spec, known_ahead, scaled
from ..panel import F32, Panel
from .coherent import Coherent, coherent
from .grouped import group_known, group_panel
from .hierarchy import Hierarchy
from .nested import FittedNested, Nested, nested, of_others, read_nested
from .reconcile import METHODS, Method, reconcile
from .temporal import moved_to

_ERRORS = 200  # steps of history whose seasonal naive errors stand in for past errors


@dataclass(frozen=True)
class Hierarchical(Spec):
    """Forecasts every level of a hierarchy and reconciles them.

    What moves a whole shop (season, holidays, growth) is seen better in its sums than in single items, most of which
    sell on few days. The model of the items keeps what is their own; the levels above correct it together.

    Unlike other models, the forecast of a series depends on the others in the panel. `FittedHierarchical.coherent`
    gives the forecasts of all levels, with sample paths that add up.

    Attributes:
        items: model of the series, and of levels with more than ``few`` groups.
        groups: model of the other levels; by default the plain average of three that see different things.
        levels: columns of the series by which they are grouped, ``"total"`` for the sum of everything, columns joined
            by ``/`` for groups in two ways (``"store/category"``). Empty takes the total and each static text column.
        method: how forecasts are reconciled; see `skucast.portfolio.reconcile.METHODS`. ``wls-var`` and
            ``mint-shrink`` take errors of a seasonal naive forecast of the past for those of the models.
        kept: the level whose forecasts ``middle-out`` keeps.
        few: see ``items``.

    Source: Hyndman et al. (2011), Optimal combination forecasts for hierarchical time series, Computational
    Statistics & Data Analysis 55.
    """

    name: ClassVar[str] = "hierarchical"
    capabilities: ClassVar[Capabilities] = of_others(
        "Forecasts items, groups and the total each by themselves and makes them add up.", joint=True
    )
    space: ClassVar[Space] = {"method": OneOf("bottom-up", "ols", "wls-struct", "wls-level", "wls-var", "mint-shrink")}
    items: Nested = "pretrained"
    groups: Nested = field(
        default_factory=lambda: {
            "model": "ensemble", "members": ["fourier", "ridge", "pretrained"], "weights": "equal",
        }
    )  # fmt: skip
    levels: tuple[str, ...] = ()
    method: Method = "wls-level"
    kept: str = ""
    few: int = 1000

    def __post_init__(self) -> None:
        given: Any = self.levels
        object.__setattr__(self, "levels", (given,) if isinstance(given, str) else tuple(given))
        if self.method not in METHODS:
            raise ConfigError(f"Model 'hierarchical': method must be one of {', '.join(METHODS)}, not {self.method!r}.")

    def hierarchy(self, panel: Panel) -> Hierarchy:
        """How the series of a panel add up.

        Raises:
            ConfigError: a column of a level does not exist or holds gaps.
        """
        if self.levels:
            return Hierarchy.of(panel.static, self.levels)
        found: list[str] = ["total"] if len(panel) > 1 else []
        for name in panel.static.columns[1:]:
            column = panel.static[name]
            if column.dtype.is_numeric() or not 1 < column.n_unique() < len(panel):
                continue
            if column.null_count():
                warnings.warn(
                    f"'{self.name}': column '{name}' is empty for {column.null_count():,} series and makes no level.",
                    UserWarning,
                    stacklevel=4,
                )
                continue
            found.append(name)
        return Hierarchy.of(panel.static, found)

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        hierarchy = self.hierarchy(panel)
        items = registry.make(self.items).fit(panel, horizon=horizon, seed=seed, progress=scaled(progress, 0.0, 0.6))
        above = group_panel(hierarchy, panel)
        groups = {}
        for k, (label, rows) in enumerate(self.parts(hierarchy).items()):
            model = registry.make(self.groups if label == "groups" else self.items)
            hook = scaled(progress, 0.6 + 0.2 * k, 0.8 + 0.2 * k)
            groups[label] = model.fit(above.take(rows), horizon=horizon, seed=seed, progress=hook)
        return FittedHierarchical(self, panel, seed, items, groups)

    def parts(self, hierarchy: Hierarchy) -> dict[str, npt.NDArray[np.int64]]:
        """Rows of the groups that each of the two models forecasts: ``groups`` small levels, ``items`` large ones."""
        large = (
            np.repeat(np.array(hierarchy.sizes) > self.few, hierarchy.sizes) if hierarchy.sizes else np.empty(0, bool)
        )
        rows = {"groups": np.flatnonzero(~large), "items": np.flatnonzero(large)}
        return {label: where for label, where in rows.items() if where.size}

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        hierarchy = spec.hierarchy(panel)
        above = group_panel(hierarchy, panel)
        items = read_nested(about[""], panel, arrays, "/")
        groups = {
            label: read_nested(about[label], above.take(rows), arrays, f"{label}/")
            for label, rows in spec.parts(hierarchy).items()
        }
        return FittedHierarchical(spec, panel, 0, items, groups)


@dataclass(frozen=True, eq=False, repr=False)
class FittedHierarchical(FittedNested):
    """See `Hierarchical`.

    Attributes:
        items: model of the series.
        groups: models of the groups, by which of the two models they are.
    """

    spec: Hierarchical
    items: Fitted
    groups: Mapping[str, Fitted] = field(default_factory=dict)

    def predict(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> Forecast:
        """See `Fitted.predict`."""
        hierarchy, above, below = self.base(horizon, future, levels=levels, seed=seed)
        if not hierarchy.n_upper:
            return below
        mean = reconcile(
            hierarchy, np.concatenate([above.mean, below.mean]), self.spec.method,
            residuals=self._errors(hierarchy), level=self.spec.kept or None,
        )  # fmt: skip
        return replace(moved_to(below, mean[hierarchy.n_upper :]), copula=history_copula(self.panel, horizon))

    def base(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> tuple[Hierarchy, Forecast, Forecast]:
        """The hierarchy, and the forecasts of groups and of series before they are reconciled."""
        models = (self.items, *self.groups.values())
        known: dict[str, F32] = {}
        if self.panel.known and horizon >= 1 and any(model.spec.capabilities.known for model in models):
            known = known_ahead(self.panel, future, horizon)
        hierarchy = self.spec.hierarchy(self.panel)
        draw = self.seed if seed is None else seed
        below = self.items.predict(horizon, known, levels=levels, seed=draw)
        cells = group_known(hierarchy, self.panel, known) if known and hierarchy.n_upper else {}
        count, width = hierarchy.n_upper, (horizon, len(below.levels))
        mean, quantiles = np.zeros((count, horizon), np.float32), np.zeros((count, *width), np.float32)
        for label, rows in self.spec.parts(hierarchy).items():
            mine = {name: column[rows] for name, column in cells.items()}
            made = self.groups[label].predict(horizon, mine, levels=levels, seed=draw)
            mean[rows], quantiles[rows] = made.mean, made.quantiles
        static = hierarchy.keys.select(
            pl.concat_str("level", "node", separator=": ").alias(self.panel.static.columns[0])
        )
        above = replace(below, static=static, mean=mean, quantiles=quantiles, fallback={})
        return hierarchy, above, below

    def coherent(self, horizon: int, future: Any = None, *, n: int = 200, seed: int | None = None) -> Coherent:
        """Forecasts of all levels from ``n`` sample paths that add up at every step."""
        hierarchy, above, below = self.base(horizon, future, seed=seed)
        return coherent(
            hierarchy, self.panel, above, below, self.spec.method, residuals=self._errors(hierarchy),
            level=self.spec.kept or None, n=n, seed=self.seed if seed is None else seed,
        )  # fmt: skip

    def _errors(self, hierarchy: Hierarchy) -> F32 | None:
        """Past errors, for the methods that ask for them."""
        return naive_errors(hierarchy, self.panel) if self.spec.method in ("wls-var", "mint-shrink") else None

    def update(self, panel: Panel) -> Self:
        """See `Fitted.update`; groups are made anew from the panel's series."""
        hierarchy = self.spec.hierarchy(panel)
        above = group_panel(hierarchy, panel)
        groups = {
            label: self.groups[label].update(above.take(rows)) if label in self.groups
            else registry.make(self.spec.groups if label == "groups" else self.spec.items).fit(above.take(rows), seed=self.seed)
            for label, rows in self.spec.parts(hierarchy).items()
        }  # fmt: skip
        return replace(self, panel=panel, items=self.items.update(panel), groups=groups)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        arrays: Arrays = {}
        about: dict[str, Any] = {}
        for label, model in {"": self.items, **self.groups}.items():
            own, about[label] = nested(model, f"{label}/")
            arrays |= own
        return arrays, about


def naive_errors(hierarchy: Hierarchy, panel: Panel) -> F32:
    """``(U + B, T)`` errors of a seasonal naive forecast of the past, of groups and series."""
    season = max(1, panel.freq.season)
    steps = min(panel.n_steps, _ERRORS + season)
    above = group_panel(hierarchy, panel).dense(steps=steps)
    values = np.concatenate([above, panel.dense(panel.observed, steps)])
    return np.asarray(values[:, season:] - values[:, :-season])
