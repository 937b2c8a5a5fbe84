"""Charts: the numbers that the page's script draws, rounded and kept small."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..panel import Panel
from .content import ReportContent
from .outlook import Outlook
from .span import history_steps, year_steps

BUDGET = 1_200_000
"""Bytes of chart data that a report carries; items beyond are left out, the least valuable first."""
_WHOLE = 2**53  # floats are exact whole numbers below it
_PROMOTION_NAMES = ("promotion", "promo", "on_promotion", "onpromotion")


@dataclass(frozen=True)
class Charts:
    """Data of the charts.

    Attributes:
        data: JSON-ready: the common axis, bands, the total and the items by value.
        shown: number of items drawn as small multiples.
        embedded: number of items with a chart in the file.
        total: number of items forecast.
    """

    data: dict[str, Any]
    shown: int
    embedded: int
    total: int


def make_charts(content: ReportContent, outlook: Outlook, names: dict[str, str], budget: int = BUDGET) -> Charts:
    """Collect chart data: the total and as many items as the budget allows, most valuable first."""
    panel, forecast = content.panel, content.forecast
    history = history_steps(panel)
    first = panel.end - history + 1
    axis = panel.freq.stamp(np.arange(first, panel.end + 1 + forecast.horizon))
    unit = "D" if panel.freq.is_calendar else "m"
    ids = [str(i) for i in panel.ids.to_list()]
    value = outlook.value if bool(outlook.value.any()) else outlook.mean
    order = np.argsort(-value, kind="stable")
    items: list[dict[str, Any]] = []
    spent = 0
    for start in range(0, len(ids), 500):
        rows = order[start : start + 500]
        block = _items(content, outlook, rows, history, ids, names)
        for item in block:
            spent += len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode())
            if spent > budget and items:
                break
            items.append(item)
        if spent > budget:
            break
    data = {
        "axis": [str(s) for s in axis.astype(f"datetime64[{unit}]")],
        "now": history,
        "unit": panel.freq.unit,
        "season": year_steps(panel) or panel.freq.season,
        "bands": _bands(content, first, len(axis)),
        "total": _total(content, outlook, history),
        "items": items,
    }
    return Charts(data, min(content.config.report.top, len(items)), len(items), len(ids))


def _bands(content: ReportContent, first: int, size: int) -> list[list[Any]]:
    """Marks as ``[first step, last step, name in English, name in Chinese]`` on the axis."""
    if not content.marks:
        return []
    freq = content.panel.freq
    starts = np.array([str(m[0])[:10] for m in content.marks], "datetime64[us]")
    # below a day, to the end of the last day
    ends = np.array(
        [str(m[1])[:10] + ("" if freq.is_calendar else "T23:59:59") for m in content.marks], "datetime64[us]"
    )
    lower, upper = freq.floor(starts) - first, freq.floor(ends) - first
    bands = [
        [max(0, int(a)), min(size - 1, int(b)), mark[2], mark[3]]
        for a, b, mark in zip(lower, upper, content.marks, strict=True)
        if b >= 0 and a < size
    ]
    return sorted(bands, key=lambda band: (band[0], band[1]))


def _total(content: ReportContent, outlook: Outlook, history: int) -> dict[str, Any]:
    # one pass over the flat array: a dense matrix of a large panel would be needlessly big
    panel = content.panel
    position = (panel.ordinals - (panel.end - history + 1)).astype(np.int64)
    inside = (position >= 0) & ~np.isnan(panel.values)
    sums = np.bincount(position[inside], panel.values[inside].astype(np.float64), history)
    seen = np.bincount(position[inside], minlength=history) > 0
    steps = outlook.steps
    return {
        "h": rounded(np.where(seen, sums, np.nan)),
        "m": rounded(steps.mean),
        "q": [rounded(q) for q in (steps.p10, steps.p25, steps.p75, steps.p90)],
    }


def _items(
    content: ReportContent,
    outlook: Outlook,
    rows: npt.NDArray[np.int64],
    history: int,
    ids: list[str],
    names: dict[str, str],
) -> list[dict[str, Any]]:
    part = content.panel.take(rows).tail(history)
    cells = part.dense(steps=history)
    out_of_stock = None if part.available is None else part.dense(~part.available, history)
    promoted = _promoted(content, part, history, rows)
    fan = content.forecast.take(rows).quantile((0.1, 0.25, 0.75, 0.9))
    mean = content.forecast.mean[rows]
    items = []
    for k, row in enumerate(rows.tolist()):
        length = int(part.lengths[k])
        base = outlook.year_ago[row] if not np.isnan(outlook.year_ago[row]) else None
        item: dict[str, Any] = {
            "i": ids[row],
            "h": rounded(cells[k, history - length :]),
            "m": rounded(mean[k]),
            "q": [rounded(fan[k, :, j]) for j in range(4)],
            "s": rounded(np.array([outlook.mean[row], outlook.low[row], outlook.high[row]])),
        }
        name = names.get(ids[row], "")
        if name and name != ids[row]:
            item["n"] = name
        if base is not None:
            item["y"] = rounded(np.array([base]))[0]
        if out_of_stock is not None and out_of_stock[k].any():
            item["o"] = _runs(out_of_stock[k])
        if promoted is not None and promoted[k].any():
            item["p"] = _runs(promoted[k])
        items.append(item)
    return items


def _promoted(
    content: ReportContent, part: Panel, history: int, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_] | None:
    """``(rows, history + H)`` True where an item is on promotion, None if promotions are not known."""
    horizon = content.forecast.horizon
    for name in _PROMOTION_NAMES:
        column = part.known.get(name, part.past.get(name))
        if column is None:
            continue
        past = np.nan_to_num(part.dense(column, history)) > 0
        ahead = np.zeros((len(rows), horizon), np.bool_)
        if name in content.future:
            ahead = np.nan_to_num(np.asarray(content.future[name])[rows]) > 0
        return np.concatenate([past, ahead], axis=1)
    return None


def _runs(flags: npt.NDArray[np.bool_]) -> list[list[int]]:
    """First and last position of each run of True."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return [[int(a), int(b) - 1] for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)]


def rounded(values: npt.NDArray[Any]) -> Sequence[float | int | None]:
    """Numbers short enough to embed: whole from 100 on, three significant digits below; NaN is None."""
    exact = values.astype(np.float64)
    finite, size = np.isfinite(exact), np.abs(exact)
    exact = np.where(size >= 100, np.rint(exact), np.where(size >= 10, np.round(exact, 1), np.round(exact, 2)))
    whole = finite & (exact == np.rint(exact)) & (size < _WHOLE)
    out = exact.astype(object)
    out[whole] = exact[whole].astype(np.int64)
    out[~finite] = None
    short: list[float | int | None] = out.tolist()
    return short
