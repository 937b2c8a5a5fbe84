"""Costs: what a unit earns, costs and burdens, per item."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from .supply import Naming, of_items


@dataclass(frozen=True)
class Costs:
    """Money per item: numbers for all items or arrays ``(I,)``, in one currency. What is not given costs nothing.

    Attributes:
        holding: per unit counted and period (``Setting.count`` says which units are counted).
        shortage: per unit asked for and not on the shelf, lost or backordered; once.
        waiting: per unit owed to customers at the end of a period (backorders); every period.
        per_line: per order of an item, whatever its size (the fixed cost K of textbooks).
        per_order: per order of a supplier, however many of its items are on it; without ``Setting.supplier``
            every item is its own supplier.
        waste: per unit thrown away, on top of what it cost to buy.
        unit_cost: price paid per unit ordered; capital tied up and turns are measured in it.
        price: earned per unit sold.
        salvage: worth of a unit that is on the shelf or on its way at the end.
        co2e: kg CO2e per unit thrown away.
    """

    holding: npt.ArrayLike = 0.0
    shortage: npt.ArrayLike = 0.0
    waiting: npt.ArrayLike = 0.0
    per_line: npt.ArrayLike = 0.0
    per_order: npt.ArrayLike = 0.0
    waste: npt.ArrayLike = 0.0
    unit_cost: npt.ArrayLike = 0.0
    price: npt.ArrayLike = 0.0
    salvage: npt.ArrayLike = 0.0
    co2e: npt.ArrayLike = 0.0

    def check(self, items: int, name: Naming) -> None:
        """Refuse numbers that are not there or below 0.

        Raises:
            ConfigError: the first item and cost.
        """
        for field in fields(self):
            value = of_items(getattr(self, field.name), items, field.name)
            wrong = ~((value >= 0) & np.isfinite(value))
            if wrong.any():
                row = int(wrong.argmax())
                raise ConfigError(
                    f"Item {name(row)} has {field.name} = {value[row]:g}: it must be a number from 0 on (0 if it costs nothing)."
                )
