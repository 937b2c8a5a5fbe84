"""Lines: the items that an order may hold, what they cost and earn, and the limits that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError, DataError
from ...forecast import F64

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SupplierRule:
    """What one supplier asks of an order.

    Attributes:
        min_value: least money of goods in an order.
        min_units: least units in an order.
        order_cost: money per order, however much is on it (freight, handling); paid out of the budget.
    """

    min_value: float = 0.0
    min_units: float = 0.0
    order_cost: float = 0.0

    @property
    def free(self) -> bool:
        """Whether any order will do."""
        return not (self.min_value or self.min_units or self.order_cost)


@dataclass(frozen=True)
class Limits:
    """What all lines share.

    Attributes:
        budget: money for goods and the suppliers' order costs; infinite is no limit.
        capacity: name -> how much there is of it, in the unit of ``Lines.uses`` (m3, kg, pallets).
    """

    budget: float = np.inf
    capacity: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("budget", self.budget), *self.capacity.items()):
            if not value >= 0:
                raise ConfigError(f"The {name} must be at least zero, not {value:g}.")


@dataclass(frozen=True, eq=False)
class Lines:
    """Items, one line of an order each; numbers for all or arrays ``(S,)``, money in one currency.

    Attributes:
        ids: names, for messages and the table.
        price: money per unit sold.
        unit_cost: money per unit bought.
        position: units on hand and on order; negative where customers wait.
        pack: units per pack.
        min_order: least units of a line, if it is ordered at all.
        salvage: worth of a unit that is left when the next order could arrive; None is its cost (it keeps).
        carrying: money per unit and step on the shelf.
        shortage: money per unit of demand not met, beyond the margin (goodwill).
        shelf_life: steps of sale after arrival; infinite where it keeps.
        lost: True where demand before the arrival is lost, False where customers wait for it.
        supplier: name per item, or None; an item without one is bound to no rule.
        rules: supplier -> its rule; suppliers without one take any order.
        uses: name of a capacity -> how much of it a unit takes.
        planned: False where nothing may be ordered.
    """

    ids: Sequence[str]
    price: npt.ArrayLike
    unit_cost: npt.ArrayLike
    position: npt.ArrayLike = 0.0
    pack: npt.ArrayLike = 1.0
    min_order: npt.ArrayLike = 0.0
    salvage: npt.ArrayLike | None = None
    carrying: npt.ArrayLike = 0.0
    shortage: npt.ArrayLike = 0.0
    shelf_life: npt.ArrayLike = np.inf
    lost: npt.ArrayLike = False
    supplier: Sequence[str | None] = ()
    rules: Mapping[str, SupplierRule] = field(default_factory=dict)
    uses: Mapping[str, npt.ArrayLike] = field(default_factory=dict)
    planned: npt.ArrayLike = True

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "ids", tuple(self.ids))
        put(self, "supplier", tuple(self.supplier) or (None,) * len(self.ids))
        if len(self.supplier) != len(self.ids):
            raise ConfigError(f"{len(self.ids)} items need one supplier each, not {len(self.supplier)}.")
        for name in ("price", "unit_cost", "min_order", "carrying", "shortage"):
            put(self, name, self._numbers(name, getattr(self, name), least=0.0))
        put(self, "salvage", self.unit_cost if self.salvage is None else self.salvage)
        for name in ("position", "salvage"):
            put(self, name, self._numbers(name, getattr(self, name)))
        put(self, "pack", self._numbers("pack", self.pack, above=0.0))
        put(self, "shelf_life", self._numbers("shelf_life", self.shelf_life, above=0.0, endless=True))
        put(self, "uses", {k: self._numbers(f"use of {k}", v, least=0.0) for k, v in self.uses.items()})
        for name in ("lost", "planned"):
            put(self, name, np.broadcast_to(np.asarray(getattr(self, name), dtype=np.bool_), (len(self.ids),)))
        for name, rule in self.rules.items():
            if not min(rule.min_value, rule.min_units, rule.order_cost) >= 0:
                raise DataError(f"Supplier '{name}': minimum and order cost must be numbers of at least zero.")
        dear = self.of("salvage") > self.of("unit_cost") + 1e-9
        if dear.any():
            i = int(np.argmax(dear))
            raise DataError(
                f"Item '{self.ids[i]}': a unit left over is worth {self.of('salvage')[i]:g}, more than it costs "
                f"({self.of('unit_cost')[i]:g}); then it would pay to buy without end: lower its salvage."
            )

    def __len__(self) -> int:
        """Items."""
        return len(self.ids)

    def of(self, name: str) -> F64:
        """A column as floats ``(S,)``."""
        column: F64 = getattr(self, name)
        return column

    @property
    def worth(self) -> F64:
        """``(S,)`` what a sale brings above keeping the unit; below zero where it sells at a loss."""
        return self.of("price") + self.of("shortage") - self.of("salvage")

    @property
    def least(self) -> F64:
        """``(S,)`` packs of the smallest line: the minimum in whole packs, at least one."""
        return np.maximum(np.ceil(self.of("min_order") / self.of("pack") - 1e-9), 1.0)

    @property
    def pack_cost(self) -> F64:
        """``(S,)`` money per pack."""
        return self.of("unit_cost") * self.of("pack")

    @property
    def filling(self) -> F64:
        """``(S,)`` packs with which the item alone would meet its supplier's minimum; 0 without one."""
        value, units = np.zeros(len(self)), np.zeros(len(self))
        for i, name in enumerate(self.supplier):
            if name is not None and name in self.rules:
                value[i], units[i] = self.rules[name].min_value, self.rules[name].min_units
        cost = self.pack_cost
        by_value = np.divide(value, cost, out=np.zeros(len(self)), where=cost > 0)
        return np.ceil(np.maximum(by_value, units / self.of("pack")) - 1e-9)

    def take(self, rows: slice | npt.NDArray[np.integer]) -> Lines:
        """Some items, for work in chunks."""
        at = np.arange(len(self))[rows]
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        for name, column in columns.items():
            if isinstance(column, np.ndarray):
                columns[name] = column[at]
        columns["ids"] = tuple(self.ids[i] for i in at)
        columns["supplier"] = tuple(self.supplier[i] for i in at)
        columns["uses"] = {k: np.asarray(v)[at] for k, v in self.uses.items()}
        return Lines(**columns)

    def _numbers(
        self, name: str, values: npt.ArrayLike, least: float = -np.inf, above: float = -np.inf, endless: bool = False
    ) -> F64:
        """A column of floats; the first number that cannot be is named with its item."""
        try:
            x = np.broadcast_to(np.asarray(values, dtype=np.float64), (len(self.ids),))
        except ValueError:
            raise ConfigError(f"'{name}' must be one number or {len(self.ids)}, one per item.") from None
        fine = (x >= least) & (x > above) & (np.isfinite(x) | (endless & (x > 0)))
        if not fine.all():
            i = int(np.argmin(fine))
            bound = f" above {above:g}" if above > -np.inf else f" of at least {least:g}" if least > -np.inf else ""
            raise DataError(f"Item '{self.ids[i]}': {name.replace('_', ' ')} must be a number{bound}, not {x[i]:g}.")
        return x
