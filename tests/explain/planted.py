"""A shop whose demand is made by a known rule: so much by a promotion, a price, a public holiday."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skucast.explain.shapley import shapley
from skucast.features.holidays import public_holidays
from skucast.panel import Panel
from skucast.place import Place

from ..models.series import panel_of

LIFT = 1.6  # of a promotion
ELASTICITY = -2.0
FESTIVE = 1.8  # of a public holiday
END = "2024-12-20"  # Christmas, Boxing Day and New Year are ahead
HORIZON = 14


@dataclass(frozen=True, eq=False)
class Planted:
    """A history, what is planned, and the parts that are true.

    Attributes:
        panel: history, with ``price`` and ``promotion``.
        known: what is planned for the `HORIZON` steps after it.
        truth: part -> ``(S, HORIZON)`` units.
        level: ``(S,)`` mean of a step when nothing is special.
    """

    panel: Panel
    known: dict[str, np.ndarray]
    truth: dict[str, np.ndarray]
    level: np.ndarray


def planted(items: int = 40, steps: int = 730, seed: int = 3, adding: bool = False) -> Planted:
    """Days of some items: a profile of the week, promotion, price and holidays, counts around that.

    Effects are factors, and holidays are marked by a column on irregular days, which trees can tell from the time
    of year. If ``adding``, effects add up, each a share of the item's level, as regressions take them to, and holidays
    are the public ones of a place.
    """
    rng = np.random.default_rng(seed)
    total = steps + HORIZON
    level = rng.uniform(20, 60, items)
    week = np.array([0.8, 0.9, 1.0, 1.0, 1.1, 1.3, 0.9])[np.arange(total) % 7]
    promotion = np.zeros((items, total))
    price = np.repeat(rng.uniform(2, 9, items)[:, None], total, axis=1)
    usual = price.copy()
    for i in range(items):
        for start in np.arange(rng.integers(5, 30), total, 31):
            promotion[i, start : start + 4] = 1
        for start in np.arange(rng.integers(5, 40), total, 43):
            price[i, start : start + 6] *= rng.choice([0.8, 0.9, 1.1, 1.25])
    promotion[:, steps:], price[:, steps:] = 0, usual[:, steps:]
    promotion[: items // 2, steps + 2 : steps + 6] = 1
    price[items // 4 : 3 * items // 4, steps + 5 : steps + 12] *= 0.8
    last = np.datetime64(END, "D").astype(int)
    dates = last + 1 - steps + np.arange(total)
    festive = np.isin(dates, public_holidays("GB", "", 2019, 2025).days) if adding else rng.random(total) < 0.03
    festive[steps + 8] |= not adding

    lifts = {
        "promotion": np.where(promotion > 0, LIFT, 1.0),
        "price": 1 + ELASTICITY * (price / usual - 1) if adding else (price / usual) ** ELASTICITY,
        "holidays": np.where(festive, FESTIVE, 1.0),
    }

    def demand(parts: frozenset[str]) -> np.ndarray:
        out = np.repeat(week[None], items, axis=0)
        for name in lifts:
            if name in parts:
                out = out + lifts[name] - 1 if adding else out * lifts[name]
        return level[:, None] * out

    values = rng.poisson(demand(frozenset(lifts))).astype(float)
    flat = panel_of({f"item{i}": values[i, :steps] for i in range(items)}, end=END)
    columns = {"price": price, "promotion": promotion}
    if not adding:
        columns["holiday"] = np.repeat(festive[None].astype(float), items, axis=0)
    panel = flat.with_known({name: column[:, :steps].ravel() for name, column in columns.items()})
    panel = replace(panel, place=Place("GB")) if adding else panel
    known = {name: column[:, steps:].astype(np.float32) for name, column in columns.items()}
    truth = shapley(list(lifts), lambda parts: demand(parts)[:, steps:])
    return Planted(panel, known, truth, level)
