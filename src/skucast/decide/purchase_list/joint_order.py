"""The joint order: the ranked list beside the integer optimum, what both gain, and a reason for every line."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ...errors import ConfigError
from .columns import Columns
from .gain_curves import I64, GainCurves
from .lines import Bool, Limits, Lines
from .list_reasons import CONFLICTS, sentence
from .programme import Programme
from .ranked_list import buy_down


@dataclass(frozen=True, eq=False, repr=False)
class PurchaseList:
    """What to order, line by line.

    Attributes:
        table: one row per item in the order of `Lines`: ``id, supplier, packs, units, value, gain`` (expected, of the
            line), ``gain_per_money, rank`` (1 is bought first; null where nothing is), ``wanted_packs`` (alone and
            without limits), ``listed_packs`` (of the ranked list), ``p_out, reason, reason_en, reason_zh``.
        ranking: pieces that gain, best first: ``id, packs, gain, money, gain_per_money, money_so_far, gain_so_far``.
        gain: expected gain of the order, suppliers' order costs taken off.
        listed_gain: that of the ranked list within the same limits.
        bound: no order within the limits gains more (error of the curves included).
        linear: gain if lots could be divided; infinite if time ran out.
        spent: money for goods and order costs.
        order_cost: money of suppliers' orders within it.
        step: money that the next two figures are about.
        step_gain: gain of the next ``step`` of budget, lots divisible; NaN if time ran out.
        money_price: gain of the very next unit of budget.
        seconds: what the solution took.
    """

    table: pl.DataFrame
    ranking: pl.DataFrame
    gain: float
    listed_gain: float
    bound: float
    linear: float
    spent: float
    order_cost: float
    step: float
    step_gain: float
    money_price: float
    seconds: float

    @property
    def gap(self) -> float:
        """Share of the bound that the order may miss at most."""
        return (self.bound - self.gain) / self.bound if self.bound > 0 else 0.0

    @property
    def packs(self) -> I64:
        """``(S,)`` packs to order."""
        return self.table["packs"].to_numpy()

    def lines(self) -> pl.DataFrame:
        """What is ordered, by rank."""
        return self.table.filter(pl.col("packs") > 0).sort("rank")

    def conflicts(self) -> pl.DataFrame:
        """Lines whose constraints cannot be met together; their reasons say which, and what would do."""
        return self.table.filter(pl.col("reason").is_in(CONFLICTS))

    def summary(self) -> dict[str, float]:
        """The figures of the order in one row."""
        names = ("gain", "listed_gain", "bound", "gap", "linear", "spent", "order_cost", "step", "step_gain")
        return {"lines": float(self.lines().height)} | {name: float(getattr(self, name)) for name in names}

    def __repr__(self) -> str:
        s = self.summary()
        return (
            f"PurchaseList({s['lines']:,.0f} of {self.table.height:,} items for {s['spent']:,.0f}; expected gain "
            f"{s['gain']:,.0f}, at most {100 * s['gap']:.2g} % below the best, ranked list {s['listed_gain']:,.0f})"
        )


def purchase_list(
    lines: Lines,
    curves: GainCurves,
    limits: Limits | None = None,
    *,
    seconds: float = 30.0,
    gap: float = 1e-5,
    step: float = 1000.0,
    until: Sequence[dt.date | None] | None = None,
    currency: str = "EUR",
) -> PurchaseList:
    """Choose the packs of all items together.

    Args:
        lines: items and suppliers' rules.
        curves: what their packs gain.
        limits: budget, capacities; None is no limit.
        seconds: time for the linear relaxation and the integer programme.
        gap: the search stops within this share of the best.
        step: money whose gain on top of the budget is told.
        until: when the next order could arrive, per item, for the sentences.
        currency: ISO code, for the sentences.

    Raises:
        ConfigError: lines and curves do not match, or a capacity is limited that no item uses.
    """
    if len(lines) != len(curves):
        raise ConfigError(f"{len(lines)} items need as many curves, not {len(curves)}.")
    limits = Limits() if limits is None else limits
    begin = time.perf_counter()
    columns = Columns.of(lines, curves)
    programme = Programme.of(lines, limits, columns)
    listed = buy_down(lines, limits, columns)
    relaxed = programme.relaxed(seconds) if len(columns) else None
    step_gain = 0.0 if not programme.has_budget or not len(columns) else np.nan
    if programme.has_budget and relaxed is not None:
        richer = programme.with_budget(limits.budget + step).relaxed(seconds - (time.perf_counter() - begin))
        step_gain = np.nan if richer is None else max(richer.value - relaxed.value, 0.0)
    found = programme.solve(listed, relaxed, seconds - (time.perf_counter() - begin), gap)
    took = time.perf_counter() - begin
    packs, on = columns.packs(found.lots, len(lines)), programme.on(found.lots)
    fees = float(np.array([lines.rules[n].order_cost for n in programme.makers]) @ on) if on.size else 0.0
    goods = float(packs @ lines.pack_cost)
    return PurchaseList(
        table=_table(lines, curves, limits, packs, columns.packs(listed, len(lines)), until, currency),
        ranking=_ranking(lines, columns),
        gain=found.gain,
        listed_gain=float(programme.gain @ np.concatenate([listed, programme.on(listed)])),
        bound=found.bound + float(curves.error.sum()),
        linear=relaxed.value if relaxed is not None else (np.inf if len(columns) else 0.0),
        spent=goods + fees,
        order_cost=fees,
        step=step,
        step_gain=float(step_gain),
        money_price=relaxed.money_price if relaxed is not None else 0.0,
        seconds=took,
    )


def _ranking(lines: Lines, columns: Columns) -> pl.DataFrame:
    """The ranked pieces as a table."""
    at = columns.ranked()
    most = columns.most[at]
    table = pl.DataFrame(
        {
            "id": [lines.ids[i] for i in columns.item[at]], "packs": columns.lot[at] * most,
            "gain": columns.gain[at] * most, "money": columns.money[at] * most,
        },
        schema={"id": pl.String, "packs": pl.Int64, "gain": pl.Float64, "money": pl.Float64},
    )  # fmt: skip
    return table.with_columns(
        gain_per_money=pl.col("gain") / pl.col("money"),
        money_so_far=pl.col("money").cum_sum(),
        gain_so_far=pl.col("gain").cum_sum(),
    )


def _table(
    lines: Lines,
    curves: GainCurves,
    limits: Limits,
    packs: I64,
    listed: I64,
    until: Sequence[dt.date | None] | None,
    currency: str,
) -> pl.DataFrame:
    """The result per item, with its reason."""
    wanted = curves.best()
    gain, value = curves.gains(packs), packs * lines.pack_cost
    wanted_gain = curves.gains(wanted)
    bought: dict[str | None, float] = {}
    for name, money in zip(lines.supplier, value.tolist(), strict=True):
        bought[name] = bought.get(name, 0.0) + money
    codes, english, chinese = [], [], []
    for i in range(len(lines)):
        code, told = _reason(lines, curves, limits, i, int(packs[i]), int(wanted[i]), bought[lines.supplier[i]] > 0)
        row = {
            "packs": int(packs[i]), "wanted_packs": int(wanted[i]), "least_packs": float(lines.least[i]) if code in _LEAST else 0.0,
            "pack": float(lines.of("pack")[i]), "value": value[i], "gain": gain[i], "wanted_gain": wanted_gain[i],
            "least_gain": float(curves.gain[curves.indptr[i]]) if code == "not-worth" and curves.indptr[i] < curves.indptr[i + 1] else 0.0,
            "p_out": curves.p_out[i], "until": until[i] if until is not None else None,
            "unit_cost": lines.of("unit_cost")[i], "price": lines.of("price")[i], "supplier": lines.supplier[i], "at_life": packs[i] > 0 and packs[i] == curves.most[i], **told,
        }  # fmt: skip
        codes.append(code)
        english.append(sentence(code, row, "en", currency))
        chinese.append(sentence(code, row, "zh", currency))
    per = np.divide(gain, value, out=np.full(len(lines), np.nan), where=value > 0)
    order = np.lexsort((-gain, -np.nan_to_num(per, nan=np.inf), packs == 0))
    rank = np.empty(len(lines), dtype=np.int64)
    rank[order] = np.arange(1, len(lines) + 1)
    return pl.DataFrame(
        {
            "id": list(lines.ids), "supplier": list(lines.supplier), "packs": packs, "units": packs * lines.of("pack"),
            "value": value, "gain": gain, "gain_per_money": per, "rank": rank, "wanted_packs": wanted,
            "listed_packs": listed, "p_out": curves.p_out, "reason": codes, "reason_en": english, "reason_zh": chinese,
        },
        schema_overrides=dict.fromkeys(("id", "supplier", "reason", "reason_en", "reason_zh"), pl.String),
    ).with_columns(
        pl.col("gain_per_money").fill_nan(None), rank=pl.when(pl.col("packs") > 0).then(pl.col("rank"))
    )  # fmt: skip


_HALF = 0.5  # of a unit; less reads as none


def spoiling(lines: Lines, curves: GainCurves) -> Bool:
    """``(S,)`` items worth ordering whose smallest line is more than sells before it expires."""
    return np.asarray((lines.least > curves.most) & (curves.ideal >= _HALF))


_LEAST = ("beyond-budget", "beyond-capacity", "min-order-spoils", "not-worth")


def _reason(
    lines: Lines, curves: GainCurves, limits: Limits, i: int, packs: int, wanted: int, supplied: bool
) -> tuple[str, dict[str, object]]:
    """Code of a line, and the numbers of a conflict."""
    if packs > 0:
        return ("order" if packs == wanted else "cut" if packs < wanted else "filled"), {}
    if not np.asarray(lines.planned)[i]:
        return "unplanned", {}
    if lines.worth[i] < 0:
        return "unprofitable", {}
    least, pack = float(lines.least[i]), float(lines.of("pack")[i])
    if curves.ideal[i] < _HALF:  # what is there sells first, and no unit of the order before it spoils
        return "not-worth", {"need": 0.0} if least > curves.most[i] else {}
    if least > curves.most[i]:
        return "min-order-spoils", {"need": max(float(curves.most[i]) * pack, float(curves.ideal[i]))}
    if wanted == 0:
        return "not-worth", {}
    cost = least * float(lines.pack_cost[i])
    if cost > limits.budget:
        return "beyond-budget", {"need": cost, "limit": limits.budget}
    for name, room in limits.capacity.items():
        use = least * pack * float(np.asarray(lines.uses[name])[i])
        if use > room:
            return "beyond-capacity", {"need": use, "limit": room, "room": name}
    rule = lines.rules.get(lines.supplier[i] or "")
    if rule is not None and not rule.free and not supplied:
        need = max(rule.min_value, cost) + rule.order_cost
        if need > limits.budget:
            return "supplier-beyond-budget", {"need": need, "limit": limits.budget}
        return "supplier-minimum", {}
    return "left-out", {}
