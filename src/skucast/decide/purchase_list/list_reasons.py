"""Reasons of the purchase list: one sentence with numbers per line, in English and Chinese."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from ...explain.sentences import Lang, date, money, number, percent, units

LINE_REASONS: dict[str, str] = {
    "order": "ordered as much as it is worth on its own",
    "cut": "ordered, but less than it is worth on its own: other lines gain more within the limits",
    "filled": "ordered, and more than it is worth on its own, to reach its supplier's minimum",
    "left-out": "not ordered: other lines gain more within the limits",
    "supplier-minimum": "not ordered: its supplier's order is not worth its minimum or its cost",
    "supplier-beyond-budget": "cannot be ordered: the supplier's minimum and order cost exceed the budget",
    "beyond-budget": "cannot be ordered: its smallest line costs more than the budget",
    "beyond-capacity": "cannot be ordered: its smallest line needs more room than there is",
    "min-order-spoils": "cannot be ordered: its smallest line is more than sells before it expires",
    "not-worth": "not ordered: even its smallest line is expected to lose money",
    "unprofitable": "not ordered: it sells for less than keeping it is worth",
    "unplanned": "not ordered, as asked",
}
"""Code of a line -> what it means."""

CONFLICTS = ("min-order-spoils", "beyond-budget", "beyond-capacity", "supplier-beyond-budget")
"""Codes of lines whose own constraints cannot be met together."""

_TEXT: dict[str, tuple[str, str]] = {
    "order": ("Order {lots} for {value}: {risk}, {gain}{life}.", "补货 {lots}，金额 {value}：{risk}，{gain}{life}。"),
    "cut": (
        "Order {lots} for {value} instead of {wanted}, as other lines earn more within the limits: {risk}, {gain}{life}.",
        "补货 {lots}，金额 {value}（原需 {wanted}，因其他商品在限额内收益更高而减量）：{risk}，{gain}{life}。",
    ),
    "filled": (
        "Order {lots} for {value}, more than the {wanted} it is worth alone, to reach the minimum of {supplier}: {risk}, "
        "{gain}{life}.",
        "补货 {lots}，金额 {value}，多于单独计算的 {wanted}，以满足供应商 {supplier} 的起订要求：{risk}，{gain}{life}。",
    ),
    "filled/none": (
        "Order {lots} for {value}, though not worth a line alone, to reach the minimum of {supplier}: {risk}, {gain}{life}.",
        "补货 {lots}，金额 {value}，单独计算不值得下单，为满足供应商 {supplier} 的起订要求而补：{risk}，{gain}{life}。",
    ),
    "left-out": (
        "Left out: {wanted} would bring {wanted_gain}, but other lines earn more within the limits; {risk}.",
        "本次未列入：补货 {wanted}预计可多赚 {wanted_gain}，但其他商品在限额内收益更高；{risk}。",
    ),
    "supplier-minimum": (
        "Left out: {wanted} would bring {wanted_gain}, but an order of {supplier} within the limits is not worth its minimum "
        "or its cost; {risk}.",
        "本次未列入：补货 {wanted}预计可多赚 {wanted_gain}，但在限额内向供应商 {supplier} 下单不足以满足起订要求或抵偿订货费用；{risk}。",
    ),
    "supplier-beyond-budget": (
        "Cannot be ordered: an order of {supplier} takes at least {need}, more than the budget of {limit}; without it, "
        "{risk}. A budget of {need} would do.",
        "无法订货：向供应商 {supplier} 下单至少需 {need}，超出预算 {limit}；若不补货，{risk}。预算达到 {need} 即可。",
    ),
    "beyond-budget": (
        "Cannot be ordered: its smallest line, {least}, costs {need}, more than the budget of {limit}; without it, {risk}. "
        "A budget of {need} or a smaller minimum would do.",
        "无法订货：最小订量 {least}需 {need}，超出预算 {limit}；若不补货，{risk}。预算达到 {need} 或降低起订量即可。",
    ),
    "beyond-capacity": (
        "Cannot be ordered: its smallest line, {least}, takes {need} of {room}, and there is {limit}; without it, {risk}. "
        "More room or a smaller minimum would do.",
        "无法订货：最小订量 {least}需占用 {room} {need}，而上限为 {limit}；若不补货，{risk}。增加容量或降低起订量即可。",
    ),
    "min-order-spoils": (
        "Cannot be ordered: its smallest line, {least}, is more than the {need} that should sell before they expire; without "
        "it, {risk}. A line of at most {need} would do.",
        "无法订货：最小订量 {least}多于保质期内预计可售出的 {need}；若不补货，{risk}。若最小订量不超过 {need}即可订货。",
    ),
    "not-worth/none": (
        "Not ordered: none of {least} should sell before it expires, as what is there already sells first; {risk}.",
        "无需补货：现有库存先售，新到的 {least}在保质期内预计一件也售不出；{risk}。",
    ),
    "not-worth": (
        "Not ordered: {risk}, and even the smallest line, {least}, is expected to lose {loss}.",
        "无需补货：{risk}，即使只补最小订量 {least}预计也会亏损 {loss}。",
    ),
    "unprofitable": (
        "Not ordered: a unit costs {cost} and sells for {price}.",
        "无需补货：单位成本 {cost}，售价 {price}，卖出不赚钱。",
    ),
    "unplanned": ("Not ordered, as asked.", "按要求不补货。"),
}  # fmt: skip


def sentence(code: str, row: Mapping[str, Any], lang: Lang, currency: str) -> str:
    """The sentence of a line.

    Args:
        code: a key of ``LINE_REASONS``.
        row: ``packs, wanted_packs, least_packs, pack`` (units), ``unit_cost, price, value, gain, wanted_gain, least_gain`` (currency),
            ``p_out``, ``until`` (a date or None), ``supplier``, ``need, limit, room`` of a conflict, ``at_life``
            (whether no more sells in its shelf life).
        lang: language.
        currency: ISO code of all money.
    """
    paid = code in ("supplier-beyond-budget", "beyond-budget")
    need, limit = row.get("need"), row.get("limit")
    words = {
        "lots": _lots(row["packs"], row["pack"], lang),
        "wanted": _lots(row["wanted_packs"], row["pack"], lang),
        "least": _lots(row["least_packs"], row["pack"], lang),
        "value": money(row["value"], currency, lang),
        "gain": _gain(float(row["gain"]), lang, currency),
        "wanted_gain": money(row["wanted_gain"], currency, lang),
        "cost": money(row["unit_cost"], currency, lang),
        "price": money(row["price"], currency, lang),
        "loss": money(max(-row["least_gain"], 0.0), currency, lang),
        "risk": _risk(row["p_out"], row["until"], lang),
        "supplier": row["supplier"] or "",
        "need": money(need, currency, lang) if paid else units(need, lang) if code == "min-order-spoils" else number(need, lang),
        "limit": money(limit, currency, lang) if paid else number(limit, lang),
        "room": row.get("room") or "",
        "life": ("，保质期内售不出更多" if lang == "zh" else "; no more than that should sell before it expires")
        if row["at_life"] else "",
    }  # fmt: skip
    key = code
    if code == "not-worth" and need is not None:
        key = "not-worth/none"
    elif code == "filled" and row["wanted_packs"] == 0:
        key = "filled/none"
    return _TEXT[key][lang == "zh"].format_map(words)


def _lots(packs: float, pack: float, lang: Lang) -> str:
    """``24 packs (288 units)``, or units alone where they come singly."""
    if pack == 1:
        return units(packs, lang)
    inside = units(packs * pack, lang)
    if lang == "zh":
        return f"{number(packs, lang)} 箱（{inside}）"
    return f"{number(packs, lang)} pack{'' if packs == 1 else 's'} ({inside})"


def _gain(gain: float, lang: Lang, currency: str) -> str:
    if lang == "zh":
        return f"预计{'多' if gain >= 0 else '少'}赚 {money(abs(gain), currency, lang)}"
    return f"{'+' if gain >= 0 else ''}{money(gain, currency, lang)} expected"


def _risk(p_out: float, until: dt.date | None, lang: Lang) -> str:
    share = percent(p_out, lang)
    if lang == "zh":
        return f"{date(until, lang, year=False) + '前' if until else '下次到货前'}断货概率 {share}"
    return f"{share} chance of running out before {date(until, lang, year=False) if until else 'the next arrival'}"
