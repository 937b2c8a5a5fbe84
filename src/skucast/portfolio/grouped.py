"""Grouped: the panel of a hierarchy's groups, and of longer periods: demand summed, covariates averaged."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from ..errors import ConfigError
from ..frequency import Frequency
from ..panel import F32, I64, Panel
from .hierarchy import F64, Hierarchy

_KNOWN_SHARE = 0.5  # of the usual volume; with less of it observed, a sum is missing


def group_panel(hierarchy: Hierarchy, panel: Panel) -> Panel:
    """Panel of the groups, one series per upper node, in their order.

    A step is missing where series that usually make more than half of the group's volume are missing; where less is
    missing, the rest is scaled up to the group's usual volume. A series before its first step counts as zero.
    Covariates are averaged as by `group_known`. Text covariates are left out.
    """
    values = panel.dense(panel.observed).astype(np.float64)
    began = np.arange(panel.n_steps) >= (panel.n_steps - panel.lengths)[:, None]
    seen = ~np.isnan(values)
    filled = np.where(seen, values, 0.0)
    usual = _usual(panel)
    on_sale = hierarchy.up(began * usual[:, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hierarchy.up(seen * usual[:, None]) / on_sale
        total = np.where(share >= _KNOWN_SHARE, hierarchy.up(filled) / share, np.nan)
    inside = np.arange(panel.n_steps) >= np.argmax(on_sale > 0, axis=1)[:, None]

    def flat(columns: Mapping[str, F32]) -> dict[str, F32]:
        dense = {name: panel.dense(column) for name, column in columns.items()}
        return {name: column[inside] for name, column in _averaged(hierarchy, panel, dense, dense).items()}

    return Panel(
        freq=panel.freq,
        end=panel.end,
        values=total[inside].astype(np.float32),
        indptr=np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(np.int64),
        static=hierarchy.keys.select(
            pl.concat_str("level", "node", separator=": ").alias(panel.static.columns[0]), "level"
        ),
        known=flat(_numbers(panel, panel.known)),
        past=flat(_numbers(panel, panel.past)),
        place=panel.place,
    )


def group_known(hierarchy: Hierarchy, panel: Panel, future: Mapping[str, F32]) -> dict[str, F32]:
    """Future covariates of the groups, name -> ``(U, H)``, from those of the series, name -> ``(S, H)``.

    Series count by their mean demand. Covariates that are not marks (between 0 and 1) count relative to the series'
    own median of the past, so that a changing assortment does not look like a changing price.
    """
    past = {name: panel.dense(column) for name, column in _numbers(panel, panel.known).items()}
    return _averaged(hierarchy, panel, past, {name: future[name] for name in past})


def coarser(panel: Panel, freq: Frequency) -> Panel:
    """The panel added up to longer periods; the first and the last are left out unless they are whole.

    A missing step counts as closed, so as no demand; steps out of stock are unknown, and the rest of the period is
    scaled up for them. A period of which less than half as many steps are known as usual for the series is missing.
    Covariates are averaged. A series begins with its first whole period (or, if younger than that, with its first).

    Raises:
        ConfigError: the periods are not longer than the panel's steps.
    """
    if freq.days <= panel.freq.days:
        raise ConfigError(f"'{freq.alias}' is not longer than the panel's steps ('{panel.freq.alias}').")
    steps = panel.n_steps
    period = whole_periods(panel.freq, panel.end - steps + 1, steps, freq)
    keep = np.flatnonzero(period >= 0)
    if not keep.size:
        none = panel.take([])
        return replace(
            none,
            freq=freq,
            end=int(freq.floor(panel.stamps[-1:])[0]) - 1,
            static=panel.static,
            available=None,
            indptr=np.zeros(len(panel) + 1, np.int64),
        )
    first, last = int(period[keep[0]]), int(period[keep[-1]])
    slot, size = period[keep] - first, last - first + 1

    def summed(cells: F64) -> F64:
        return _added(cells[:, keep], slot, size)

    values = panel.dense().astype(np.float64)
    began = np.arange(steps) >= (steps - panel.lengths)[:, None]
    on_sale = ~np.isnan(values)
    seen = on_sale if panel.available is None else on_sale & panel.dense(panel.available)
    expected, got = summed(on_sale.astype(np.float64)), summed(seen.astype(np.float64))
    usual = np.array([np.median(row[row > 0]) if (row > 0).any() else 1.0 for row in got])[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        total = summed(np.where(seen, values, 0.0)) * expected / got
        total = np.where(got >= _KNOWN_SHARE * usual, total, np.nan)
    count = summed(np.ones_like(values))
    whole = summed(began.astype(np.float64)) >= count
    begins = np.where(whole.any(axis=1), np.argmax(whole, axis=1), np.argmax(got > 0, axis=1))
    inside = np.arange(size) >= np.where((got > 0).any(axis=1) | whole.any(axis=1), begins, size - 1)[:, None]

    def flat(columns: Mapping[str, F32]) -> dict[str, F32]:
        return {n: period_means(panel.dense(column)[:, keep], slot, size)[inside] for n, column in columns.items()}

    return Panel(
        freq=freq,
        end=last,
        values=total[inside].astype(np.float32),
        indptr=np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(np.int64),
        static=panel.static,
        known=flat(_numbers(panel, panel.known)),
        past=flat(_numbers(panel, panel.past)),
        place=panel.place,
    )


def period_means(cells: F32, slot: I64, size: int) -> F32:
    """Means ``(S, size)`` of what is known of cells ``(S, K)`` in each period; ``slot`` is the period of a column."""
    values = cells.astype(np.float64)
    seen = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _added(np.where(seen, values, 0.0), slot, size) / _added(seen.astype(np.float64), slot, size)
    return np.asarray(mean, dtype=np.float32)


def _added(cells: F64, slot: I64, size: int) -> F64:
    out = np.zeros((len(cells), size))
    np.add.at(out.T, slot, cells.T)
    return out


def whole_periods(fine: Frequency, start: int, steps: int, freq: Frequency) -> I64:
    """``(steps,)`` number of the period that each step lies in; -1 where the period is not whole within the steps."""
    period = freq.floor(fine.stamp(np.arange(start, start + steps)))
    around = freq.floor(fine.stamp(np.array([start - 1, start + steps])))
    return np.where((period == around[0]) | (period == around[1]), -1, period)


def _numbers(panel: Panel, columns: Mapping[str, F32]) -> dict[str, F32]:
    return {name: column for name, column in columns.items() if name not in panel.categories}


def _usual(panel: Panel) -> F64:
    """``(S,)`` mean demand; series that never sold keep a trace of weight, to say whether the shop was open."""
    values = panel.dense(panel.observed).astype(np.float64)
    seen = ~np.isnan(values)
    mean = np.where(seen, values, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.asarray(np.maximum(mean, 0) + 1e-6 * (np.abs(mean).mean() + 1e-9))


def _averaged(
    hierarchy: Hierarchy, panel: Panel, past: Mapping[str, F32], columns: Mapping[str, F32]
) -> dict[str, F32]:
    """Means ``(U, T)`` of columns ``(S, T)``, on the scale that their past ``(S, ...)`` sets."""
    usual = _usual(panel)[:, None]
    out = {}
    for name, column in columns.items():
        cells, before = column.astype(np.float64), past[name].astype(np.float64)
        known = before[~np.isnan(before)]
        if known.size and not bool(((known >= 0) & (known <= 1)).all()):
            middle = _row_median(before)
            cells = np.where(middle != 0, cells / np.where(middle == 0, 1.0, middle), cells)
        here = ~np.isnan(cells)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = hierarchy.up(np.where(here, cells, 0.0) * usual) / hierarchy.up(here * usual)
        out[name] = mean.astype(np.float32)
    return out


def _row_median(cells: F64) -> F64:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows without any number
        return np.nan_to_num(np.nanmedian(cells, axis=1, keepdims=True), nan=0.0)
