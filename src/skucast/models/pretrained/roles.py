"""Roles: which covariate of a panel the network takes as price, as promotion, or without a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...panel import F32, Panel
from .window import SLOTS

_PRICE = re.compile(r"price|preis|prix|prezzo|precio|preço|售价|价格|单价|定价", re.IGNORECASE)
_PROMOTION = re.compile(r"promo|deal|discount|offer|aktion|rabatt|oferta|sconto|促销|折扣|优惠", re.IGNORECASE)


@dataclass(frozen=True)
class Roles:
    """Covariates by what they mean to the network.

    Attributes:
        price: column of prices, or empty.
        promotion: column of promotions from 0 to 1, or empty.
        slots: other columns, at most `SLOTS`.
        ignored: columns that the network does not see, and why.
    """

    price: str = ""
    promotion: str = ""
    slots: tuple[str, ...] = ()
    ignored: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(panel: Panel) -> Roles:
        """Guess by name and values; of too many nameless ones those that go with demand most are kept."""
        ignored = {name: "text" for name in (*panel.known, *panel.past) if name in panel.categories}
        plain = [name for name in (*panel.known, *panel.past) if name not in ignored]
        for name in plain:
            seen = _column(panel, name)
            seen = seen[np.isfinite(seen)]
            if seen.size == 0 or float(seen.min()) == float(seen.max()):
                ignored[name] = "constant"
        plain = [name for name in plain if name not in ignored]
        known = [name for name in plain if name in panel.known]
        price = next((n for n in known if _PRICE.search(n) and _positive(panel, n)), "")
        promotion = next((n for n in known if n != price and _PROMOTION.search(n) and _share(panel, n)), "")
        rest = [n for n in plain if n not in (price, promotion)]
        if len(rest) > SLOTS:
            strength = {n: _association(panel, n) for n in rest}
            kept = sorted(rest, key=lambda n: (-strength[n], n))[:SLOTS]
            ignored |= {n: f"{SLOTS} others go with demand more" for n in rest if n not in kept}
            rest = [n for n in rest if n in kept]
        return Roles(price, promotion, tuple(rest), tuple(ignored.items()))

    @staticmethod
    def from_dict(fields: dict[str, Any]) -> Roles:
        """Read the JSON form (`dataclasses.asdict`)."""
        ignored = tuple((str(name), str(why)) for name, why in fields["ignored"])
        return Roles(fields["price"], fields["promotion"], tuple(fields["slots"]), ignored)


def _column(panel: Panel, name: str) -> F32:
    return panel.known[name] if name in panel.known else panel.past[name]


def _positive(panel: Panel, name: str) -> bool:
    seen = _column(panel, name)
    return bool((seen[np.isfinite(seen)] > 0).mean() > 0.9)


def _share(panel: Panel, name: str) -> bool:
    seen = _column(panel, name)
    seen = seen[np.isfinite(seen)]
    return bool(seen.min() >= 0 and seen.max() <= 1)


def _association(panel: Panel, name: str) -> float:
    """Mean absolute correlation of the changes of a covariate with those of demand (in logs), within series."""
    x, y = (_changes(panel, column) for column in (_column(panel, name), np.log1p(np.maximum(panel.observed, 0))))
    both = np.isfinite(x) & np.isfinite(y)
    row = panel.row_of

    def total(v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.bincount(row, np.where(both, v, 0.0), len(panel)).astype(np.float64)

    xy, xx, yy = total(x * y), total(x * x), total(y * y)
    n = np.bincount(row, both, len(panel))
    use = (n > 5) & (xx > 0) & (yy > 0)
    if not use.any():
        return 0.0
    return float((np.abs(xy[use]) / np.sqrt(xx[use] * yy[use])).sum() / len(panel))


def _changes(panel: Panel, column: F32) -> npt.NDArray[np.float64]:
    out = np.full(column.size, np.nan)
    out[1:] = np.diff(column.astype(np.float64))
    out[panel.indptr[:-1][panel.lengths > 0]] = np.nan
    return out
