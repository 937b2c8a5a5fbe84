"""Assumptions: what a plan takes for granted where the tables say nothing, counted and said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..explain.sentences import number


class Assumption(NamedTuple):
    """One assumption: its key, how many items it touches, and the sentence in both languages."""

    key: str
    items: int
    en: str
    zh: str


# key -> (English, Chinese); {n} is the count with its noun ("1 item", "12 items"), {zh} the bare number
_TEXT: dict[str, tuple[str, str]] = {
    "stock-unknown": (
        "The stock of {n} is not known; the quantities are what empty shelves would need, so subtract what you have.",
        "{zh} 个商品没有库存数据，按货架为空计算，下单前请减去现有库存。",
    ),
    "stock-ignored": (
        "Stock was left aside on request (plan.stock = 'none'): {n} planned as if shelves were empty.",
        "按设置（plan.stock = 'none'）不考虑库存，{zh} 个商品按货架为空计算。",
    ),
    "stock-shared": (
        "{n} share the stock of one SKU with other series; it was divided by expected demand.",
        "{zh} 个商品与其他序列共用同一 SKU 的库存，已按预期需求比例分配。",
    ),
    "stock-stale": (
        "The stock of {n} was counted more than {days} days before the plan begins and may have moved since.",
        "{zh} 个商品的库存盘点早于计划开始日 {days} 天以上，可能已有变动。",
    ),
    "on-order-arrives": (
        "Units on order of {n} have no date and are taken to arrive halfway through the lead time.",
        "{zh} 个商品的在途数量没有到货日期，按供货周期过半时到货计算。",
    ),
    "lead-time-learned": (
        "Lead times of {n} are learned from {count} delivery records.",
        "{zh} 个商品的供货周期由 {count} 条到货记录推算。",
    ),
    "lead-time-default": (
        "The lead time of {n} is not given and taken as {days} days.",
        "{zh} 个商品未提供供货周期，按 {days} 天计算。",
    ),
    "review-default": (
        "The days between orders of {n} are not given and taken as {days}.",
        "{zh} 个商品未提供补货间隔，按每 {days} 天下单一次计算。",
    ),
    "cost-default": (
        "The unit cost of {n} is not known and taken as {share} of the price (margin {margin}).",
        "{zh} 个商品成本未知，按售价的 {share} 估算（毛利率 {margin}）。",
    ),
    "price-list": (
        "No recent selling price of {n} is known; the list price is used.",
        "{zh} 个商品没有近期成交价，采用标价。",
    ),
    "price-default": (
        "The selling price of {n} is not known and derived from the cost with a margin of {margin}.",
        "{zh} 个商品售价未知，按成本和 {margin} 的毛利率推算。",
    ),
    "money-unknown": (
        "Neither price nor cost of {n} is known: quantities rest on a margin of {margin}, and no money is shown.",
        "{zh} 个商品价格和成本均未知：数量按毛利率 {margin} 推算，不显示金额。",
    ),
    "holding-rate": (
        "Holding {n} costs {rate} of their purchase cost per year, cost of capital included.",
        "{zh} 个商品的持有成本（含资金成本）按每年采购成本的 {rate} 计算。",
    ),
    "unmet-waits": (
        "Demand of {n} that comes before an order can arrive is counted as waiting for it (plan.unmet = 'wait').",
        "{zh} 个商品在到货前的需求按顾客愿意等待计算（plan.unmet = 'wait'）。",
    ),
    "unmet-lost": (
        "Demand of {n} that comes before an order can arrive is counted as lost; where customers wait for it, set "
        "plan.unmet = 'wait'.",
        "{zh} 个商品在到货前的需求按流失计算；若顾客愿意等待，请设置 plan.unmet = 'wait'。",
    ),
    "slow": (
        "{n} are ordered less or not at all because more would hardly be sold within {days} days; what is left then "
        "counts as lost (plan.patience_days).",
        "{zh} 个商品因在 {days} 天内难以售完而减量或不补货；届时剩余部分按损失计算（plan.patience_days）。",
    ),
    "spoils": (
        "What is left over of {n} when the next order arrives can no longer be sold and is written off at cost.",
        "{zh} 个商品在下次到货时剩余部分已无法销售，按成本报损。",
    ),
    "room-unknown": (
        "What a unit takes up of {room} is not known for {n}; they are counted as taking nothing.",
        "{zh} 个商品的{room}占用未知，按不占用计算。",
    ),
    "horizon-extended": (
        "Lead time plus review of {n} reach beyond the {horizon}-step forecast; the average of its last {season} "
        "steps stands for the rest.",
        "{zh} 个商品的供货周期加补货间隔超出 {horizon} 期的预测范围，超出部分按预测最后 {season} 期的平均值延伸。",
    ),
}


@dataclass
class Assumptions:
    """A growing list; `add` ignores what touches no item."""

    rows: list[Assumption] = field(default_factory=list)

    def add(self, key: str, count: int, /, **words: str) -> None:
        """State one assumption.

        Args:
            key: a key of the sentences above.
            count: items that it touches.
            words: numbers that the sentence needs, already written.
        """
        if count <= 0:
            return
        en, zh = _TEXT[key]
        items = f"{number(count, 'en')} item{'' if count == 1 else 's'}"
        first = en.format(n=items, **words)
        chinese = {name: word.replace(" %", "%") for name, word in words.items()}
        self.rows.append(
            Assumption(key, int(count), first[0].upper() + first[1:], zh.format(zh=number(count, "zh"), **chinese))
        )
