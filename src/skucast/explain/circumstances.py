"""Circumstances: what lies ahead of each series, and what is doubtful about its drivers, for the sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ..features.marks import holiday_marks
from ..forecast import Forecast
from ..models.spec import Fitted
from ..panel import Bool, Panel
from .asked import Ahead
from .parts import EFFECTS, HOLIDAYS, PARTS

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_BEFORE, _AFTER = 14, 7  # days around the horizon in which a holiday may move demand within it
_STEADY = 1e-3  # a price that moves less than this share never changed
_YEAR_DAYS = 350.0
SEEN = 0.02
"""Share of a forecast below which a part is not worth a word."""


@dataclass(frozen=True)
class Occasion:
    """A holiday or sale near the horizon.

    Attributes:
        first: step ahead, from 0, that its first day lies in; negative before the horizon.
        last: the same of its last day.
        name_en: English name.
        name_zh: Chinese name.
    """

    first: int
    last: int
    name_en: str
    name_zh: str


@dataclass(frozen=True, eq=False)
class Circumstances:
    """What the sentences tell besides units.

    Attributes:
        price: ``(S,)`` how the price ahead differs from the usual one, as a share; NaN where there is none.
        promoted: ``(S,)`` steps ahead with a promotion.
        doubts: ``(S,)`` codes for each series, see `skucast.explain.driver_sentences`.
        occasions: holidays and sales near the horizon.
        model: name of the model.
        covariates: ``(S,)`` names of those that belong to the part ``other`` and are not as usual.
    """

    price: F64 = field(default_factory=lambda: np.empty(0))
    promoted: I64 = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    doubts: tuple[tuple[str, ...], ...] = ()
    occasions: tuple[Occasion, ...] = ()
    model: str = ""
    covariates: tuple[tuple[str, ...], ...] = ()

    def take(self, rows: I64) -> Circumstances:
        """Those of some series."""
        return replace(
            self, price=self.price[rows], promoted=self.promoted[rows], doubts=tuple(self.doubts[int(i)] for i in rows),
            covariates=tuple(self.covariates[int(i)] for i in rows),
        )  # fmt: skip


def circumstances(
    fitted: Fitted, forecast: Forecast, ahead: Ahead, parts: F64, used: Iterable[str], promotions: Bool
) -> Circumstances:
    """Find out what lies ahead of each series.

    Args:
        fitted: the model.
        forecast: what it forecasts.
        ahead: the steps ahead.
        parts: ``(S, H, 7)`` units of each of `PARTS`.
        used: parts that make a difference to the model.
        promotions: ``(N,)`` cells of the history with a promotion.
    """
    panel = fitted.panel
    price, steady = _prices(panel, ahead)
    moved = {part: _differs(ahead, part, len(panel)) for part in EFFECTS if part != HOLIDAYS}
    never = np.bincount(panel.row_of, promotions, len(panel)) == 0
    seen = ~np.isnan(panel.observed)
    first = np.full(len(panel), panel.end, dtype=np.int64)
    np.minimum.at(first, panel.row_of[seen], panel.ordinals[seen])
    young = (panel.end + 1 - first) * panel.freq.days < _YEAR_DAYS
    total = np.maximum(forecast.mean.sum(axis=1, dtype=np.float64), 1e-9)
    festive = np.abs(parts[:, :, PARTS.index(HOLIDAYS)].sum(axis=1)) > SEEN * total
    shared = "shared" if fitted.spec.capabilities.scope == "global" else "alone"
    ignored = "unlearned" if fitted.spec.capabilities.known else "unused"
    found: list[tuple[str, npt.NDArray[np.bool_]]] = [
        (f"price-steady-{shared}", moved["price"].any(axis=1) & steady if "price" in used else np.zeros_like(never)),
        (f"promotion-new-{shared}", moved["promotion"].any(axis=1) & never if "promotion" in used else np.zeros_like(never)),
        ("holidays-new", festive & young),
        *[(f"{ignored}-{part}", np.asarray(moved[part].any(axis=1))) for part in moved if part not in used],
        ("fallback", np.array([i in forecast.fallback for i in panel.ids.to_list()], dtype=np.bool_)),
    ]  # fmt: skip
    doubts = tuple(tuple(code for code, true in found if true[row]) for row in range(len(panel)))
    others = {
        name: np.asarray(_moved(ahead, name).any(axis=1)) for name, part in ahead.parts.items() if part == "other"
    }
    covariates = tuple(tuple(name for name, true in others.items() if true[row]) for row in range(len(panel)))
    occasions, promoted = _occasions(panel, ahead.horizon), moved["promotion"].sum(axis=1)
    return Circumstances(price, promoted, doubts, occasions, fitted.spec.name, covariates)


def _differs(ahead: Ahead, part: str, count: int) -> Bool:
    """``(S, H)`` True where a covariate of a part is not as usual."""
    out = np.zeros((count, ahead.horizon), dtype=np.bool_)
    for name, mine in ahead.parts.items():
        if mine == part:
            out |= _moved(ahead, name)
    return out


def _moved(ahead: Ahead, name: str) -> Bool:
    planned, usual = ahead.planned[name], ahead.usual[name]
    same = np.isclose(planned, usual, rtol=_STEADY, atol=0)
    return np.asarray(~(same | np.isnan(planned)))


def _prices(panel: Panel, ahead: Ahead) -> tuple[F64, Bool]:
    """How the first price ahead differs from the usual one, and whether all prices of a series were always the same."""
    change, steady = np.full(len(panel), np.nan), np.ones(len(panel), dtype=np.bool_)
    for name, part in ahead.parts.items():
        if part != "price":
            continue
        dense = panel.dense(panel.known[name]).astype(np.float64)
        low, high = (np.where(np.isnan(dense), fill, dense) for fill in (np.inf, -np.inf))
        known = ~np.isnan(dense).all(axis=1)
        spread = np.where(known, high.max(axis=1, initial=-np.inf) - low.min(axis=1, initial=np.inf), 0.0)
        steady &= ~(spread > _STEADY * np.where(known, np.abs(high.max(axis=1, initial=-np.inf)), 1.0))
        if name in panel.categories or np.isfinite(change).any():
            continue
        planned, usual = ahead.planned[name].astype(np.float64), ahead.usual[name].astype(np.float64)
        both = np.isfinite(planned) & np.isfinite(usual) & (usual > 0)
        sums = [np.where(both, values, 0.0).sum(axis=1) for values in (planned, usual)]
        change = np.divide(sums[0], sums[1], out=np.full(len(panel), np.nan), where=sums[1] > 0) - 1
    return change, steady


def _occasions(panel: Panel, horizon: int) -> tuple[Occasion, ...]:
    place, freq, start = panel.place, panel.freq, panel.end + 1
    if not place or horizon < 1:
        return ()
    before, after = (int(np.ceil(days / freq.days)) for days in (_AFTER, _BEFORE))
    marks = holiday_marks(
        freq, start - before, start + horizon - 1 + after, place.country, place.subdivision, place.events
    )
    out = []
    for mark in marks:
        first, last = freq.floor(np.array([mark.start, mark.end], dtype="datetime64[us]")) - start
        if last >= -before and first < horizon + after:
            out.append(Occasion(int(first), int(last), mark.name_en, mark.name_zh))
    return tuple(out)
