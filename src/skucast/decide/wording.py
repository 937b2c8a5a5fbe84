"""Wording: the texts of the reasons in English and Chinese, and the words that they ask for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..config import Plan
from ..explain.sentences import Lang, date, money, number, percent, span, units
from .outlook import OVERSTOCK_DAYS
from .timeline import Timeline

_YEAR_SHOWN = 300  # days ahead from which a date needs its year
_NOTABLE = 0.05  # units; less reads as nothing
_TINY = 1e-9
_LONG_DAYS = 182.0  # an order that lasts longer is worth a warning

# key -> (English, Chinese); the part of a key before the slash is the code
TEXT: dict[str, tuple[str, str]] = {
    "order": ("Order {quantity}: {risk}{gain}.", "补货 {quantity}：{risk}{gain}。"),
    "too-late": ("Order {quantity} at once: {late}{missed}{gain}.", "请尽快补货 {quantity}：{late}{missed}{gain}。"),
    "stock-unknown": (
        "Order up to {quantity}: stock is not known, so this is what an empty shelf needs; {range} should sell before "
        "{next}. Subtract what you have.",
        "最多补货 {quantity}：库存未知，按货架为空计算；{next}前预计售出 {range}，请减去现有库存。",
    ),
    "spoils": (
        "Order {quantity}: {risk}{gain}. It keeps for {life}, and what is left on {next} is written off.",
        "补货 {quantity}：{risk}{gain}。保质期为 {life}，到{next}仍未售出的部分只能报损。",
    ),
    "ending": (
        "Order {quantity} for the time until {end}, its last day on sale: {risk}{gain}. What is left then is written off.",
        "补货 {quantity}，供{end}停售前销售：{risk}{gain}。届时未售出的部分只能报损。",
    ),
    "cost-unknown": (
        "Left out, as without a cost it cannot be weighed against the budget of {budget}; without a limit {wanted} "
        "would be ordered.",
        "本次未列入：成本未知，无法在 {budget} 的预算内与其他商品比较；若不限预算，应补货 {wanted}。",
    ),
    "enough": (
        "Enough until about {run_out}: {have}; {p_out} chance of running out before {next}.",
        "库存充足，预计可售至{run_out}：现有 {have}，{next}前断货概率 {p_out}。",
    ),
    "enough/years": (
        "Enough for years: {have}; {p_out} chance of running out before {next}.",
        "库存充足，可售多年：现有 {have}，{next}前断货概率 {p_out}。",
    ),
    "overstocked": (
        "Overstocked: {have}, {cover} of demand, which is {excess} more than even high demand takes in {far}{tied}.",
        "库存积压：现有 {have}，可售{cover}，比未来 {far}的高位需求还多 {excess}{tied}。",
    ),
    "no-demand": (
        "Next to no demand is expected before {next}{idle}.",
        "{next}前预计几乎没有需求{idle}。",
    ),
    "unprofitable": (
        "Not worth ordering: a unit costs {cost} and sells for {price}.",
        "不建议补货：单位成本 {cost}，售价 {price}，卖出也不赚钱。",
    ),
    "not-worth": (
        "Not worth ordering: even the smallest order ({least}) is expected to lose money, as only about {demand} should "
        "sell before {next}{beside}.",
        "不建议补货：即使只补最小订量（{least}）预计也会亏损，{next}前预计仅售出约 {demand}{beside}。",
    ),
    "not-worth/slow": (
        "Not worth ordering: {have_or_none}; with {hoped} more, the chance of selling out within {patience} is {sold}, too "
        "low to earn the money back.",
        "不建议补货：{have_or_none}；若再补 {hoped}，在{patience}内售完的概率为 {sold}，难以收回成本。",
    ),
    "not-worth/spoils": (
        "Not worth ordering: even the smallest order ({least}) is expected to lose money, as only about {after} should "
        "sell between its arrival and {next}, when the rest is written off.",
        "不建议补货：即使只补最小订量（{least}）预计也会亏损，到货后至{next}预计仅售出约 {after}，剩余部分只能报损。",
    ),
    "discontinued": (
        "Discontinued: {end} was the last day on sale{left}.",
        "已停售，最后销售日为{end}{left}。",
    ),
    "discontinued/soon": (
        "Not ordered: {end} is the last day on sale, and an order would arrive on {arrival}{left}.",
        "即将停售，无需补货：最后销售日为{end}，而新订单要到{arrival}才能到货{left}。",
    ),
    "no-forecast": (
        "Not planned: its forecast cannot be used; forecast it with another model.",
        "未做补货计划：预测结果不可用，请换用其他模型。",
    ),
}


@dataclass(frozen=True)
class Words:
    """The words of one row in one language; each is made when a text asks for it.

    Attributes:
        row: a row of the plan.
        lang: language.
        timeline: the forecast's steps in days.
        currency: ISO code of all money.
        plan: budget and patience.
    """

    row: Mapping[str, Any]
    lang: Lang
    timeline: Timeline
    currency: str
    plan: Plan

    def __getitem__(self, word: str) -> str:
        return str(getattr(self, word)())

    # ---- amounts ----------------------------------------------------------------------------
    def quantity(self) -> str:
        """What to order."""
        return self._lots(self.row["order_qty"])

    def wanted(self) -> str:
        """What it is worth alone."""
        return self._lots(self.row["wanted_qty"])

    def least(self) -> str:
        """The smallest line that the supplier accepts."""
        return self._units(self.row["_least"])

    def hoped(self) -> str:
        """What would pay if all that is left over were sold some day."""
        return self._lots(self.row["_hoped"])

    def sold(self) -> str:
        """Chance that it is, with what is there, sold in time."""
        return percent(max(self.row["_p_sold"] or 0.0, _TINY), self.lang)

    def patience(self) -> str:
        """How long that time is."""
        return span(self.plan.patience_days, self.lang)

    def have_or_none(self) -> str:
        """What is there already."""
        if self.row["position"] is None:
            return self._say("stock is not known and taken as none", "库存未知，按无库存计算")
        if not self._has_stock():
            return self._say("nothing is in stock", "现无库存")
        return self._say("in stock: ", "现有库存 ") + self.have()

    def demand(self) -> str:
        """Expected demand until the next order could arrive."""
        return self._units(self.row["demand_protect_mean"])

    def range(self) -> str:
        """The same with its interval, unless both ends read the same."""
        low, high = (self._number(self.row[f"demand_protect_{end}"]) for end in ("p10", "p90"))
        if low == high:
            return self.demand()
        share = percent(0.8, self.lang)
        return self._say(f"{low} to {high} units ({share} interval)", f"{low} 至 {high} 件（{share} 预测区间）")

    def after(self) -> str:
        """Expected demand between the arrival of this order and of the next."""
        return self._units(max(self.row["demand_protect_mean"] - self.row["demand_lead_mean"], 0.0))

    def have(self) -> str:
        """What is there already and on its way."""
        all_units, coming = self._units(self.row["position"]), self.row["on_order"] or 0.0
        if coming < _NOTABLE:
            return all_units
        return all_units + self._say(f" ({self._number(coming)} on order)", f"（含在途 {self._units(coming)}）")

    def excess(self) -> str:
        """Units beyond a long cover."""
        return self._units(self.row["_excess"])

    # ---- money ------------------------------------------------------------------------------
    def budget(self) -> str:
        """The budget."""
        return self._money(self.plan.budget)

    def cost(self) -> str:
        """Cost of a unit."""
        return self._money(self.row["unit_cost"], 2)

    def price(self) -> str:
        """Price of a unit."""
        return self._money(self.row["unit_price"], 2)

    # ---- time -------------------------------------------------------------------------------
    def next(self) -> str:
        """When the next order could arrive, or the sale has ended before."""
        day, end = self._ahead(self.row["lead_days"] + self.row["review_days"]), self.row["end_date"]
        return self._date(day if end is None else min(day, end + dt.timedelta(days=1)))

    def arrival(self) -> str:
        """When this order arrives."""
        return self._date(self._ahead(self.row["lead_days"]))

    def run_out(self) -> str:
        """When expected demand has used up what is there."""
        return self._date(self._ahead(self.row["cover_days"]))

    def end(self) -> str:
        """Last day on sale."""
        return self._date(self.row["end_date"])

    def life(self) -> str:
        """How long it keeps."""
        return span(self.row["shelf_life_days"], self.lang)

    def cover(self) -> str:
        """How long what is there lasts."""
        if self.row["cover_days"] is None:
            return self._say("more than 10 years", "超过 10 年")
        return self._say("about ", "约 ") + span(self.row["cover_days"], self.lang)

    def far(self) -> str:
        """The long cover that excess is measured against."""
        return span(max(OVERSTOCK_DAYS, self.row["lead_days"] + self.row["review_days"]), self.lang)

    # ---- clauses, empty where there is nothing to say -----------------------------------------
    def p_out(self) -> str:
        """Chance of running out before the next order could arrive; that no path ran out is no proof of zero."""
        return percent(max(self.row["p_out_without_order"], _TINY), self.lang)

    def risk(self) -> str:
        """What happens without the order."""
        chance, day = self.p_out(), self.next()
        if self.row["position"] > 0:
            return self._say(
                f"without it, {chance} chance of running out before {day}", f"不补货则{day}前有 {chance} 的概率断货"
            )
        return self._say(
            f"nothing is left, with a {chance} chance of missed sales before {day}",
            f"现已无货，若不补货，{day}前有 {chance} 的概率错失销售",
        )

    def late(self) -> str:
        """How far it is too late already."""
        position, day = self.row["position"], self.arrival()
        if position > 0:
            chance = percent(self.row["p_out_before_arrival"], self.lang)
            return self._say(
                f"{chance} chance of running out before it arrives on {day}", f"{day}到货之前断货的概率已达 {chance}"
            )
        if position > -_NOTABLE:
            return self._say(f"it is out of stock, and nothing can arrive before {day}", f"已经断货，最早{day}到货")
        owed = self._units(-position)
        return self._say(
            f"it is out of stock with {owed} owed to customers, and nothing can arrive before {day}",
            f"已经断货，另欠客户 {owed}，最早{day}到货",
        )

    def missed(self) -> str:
        """Margin of the demand that comes before the order."""
        lost = self.row["lost_margin_before_arrival"]
        if not self._shows(lost):
            return ""
        return self._say(
            f", with {self._money(lost)} of margin at stake until then",
            f"，在此之前约有 {self._money(lost)} 的毛利难保",
        )

    def gain(self) -> str:
        """Expected gain of the order."""
        gain = self.row["expected_gain"]
        return (
            self._say(f"; +{self._money(gain)} expected", f"，预计多赚 {self._money(gain)}")
            if self._shows(gain)
            else ""
        )

    def tied(self) -> str:
        """Money in the excess."""
        tied = self.row["overstock_value"]
        return (
            self._say(f" ({self._money(tied)} at cost)", f"（占用资金 {self._money(tied)}）")
            if self._shows(tied)
            else ""
        )

    def idle(self) -> str:
        """What lies there although nobody asks for it."""
        if self._has_stock():
            return self._say(f"; in stock: {self.have()}", f"，现有库存 {self.have()}")
        return self._say(", so nothing is ordered", "，无需补货")

    def beside(self) -> str:
        """What is there besides."""
        return self._say(f"; in stock: {self.have()}", f"，现有 {self.have()}") if self._has_stock() else ""

    def left(self) -> str:
        """What is still there of a discontinued item."""
        return self._say(f"; {self.have()} left", f"，尚余 {self.have()}") if self._has_stock() else ""

    def notes(self) -> str:
        """What must be said besides, in sentences of their own."""
        row, said = self.row, ""
        if row["order_qty"] <= 0:
            return said
        if row["position"] is None and row["_key"] != "stock-unknown":
            said += self._say(" Stock is not known: subtract what you have.", "库存未知，请减去现有库存。")
        if row["written_off"] and row["_key"] not in ("spoils", "ending"):
            said += self._say(
                f" What is left on {self.next()} is written off.", f"到{self.next()}未售出的部分只能报损。"
            )
        if row["wanted_qty"] < row["_hoped"] - _TINY:
            said += self._say(
                f" More would hardly be sold within {self.patience()}.", f"更多数量在{self.patience()}内难以售完。"
            )
        protect = row["lead_days"] + row["review_days"]
        lasts = (row["order_qty"] + (row["position"] or 0.0)) / max(row["demand_protect_mean"], _TINY) * protect
        if lasts > max(_LONG_DAYS, 2 * protect) and not row["written_off"]:
            length = span(lasts, self.lang)
            said += self._say(f" Mind that it lasts for about {length}.", f"请注意，该数量约可售 {length}。")
        return said

    # ---- writing ----------------------------------------------------------------------------
    def _say(self, en: str, zh: str) -> str:
        return zh if self.lang == "zh" else en

    def _lots(self, amount: float) -> str:
        """Units, in packs where there are any."""
        if not self.row["has_packs"]:
            return self._units(amount)
        packs = self._number(amount / self.row["pack_size"])
        return self._say(
            f"{packs} pack{'' if packs == '1' else 's'} ({self._units(amount)})", f"{packs} 箱（{self._units(amount)}）"
        )

    def _units(self, amount: float) -> str:
        if 0 < amount < _NOTABLE:
            return self._say("less than 0.1 units", "不到 0.1 件")
        return units(amount, self.lang)

    def _number(self, amount: float) -> str:
        return number(amount, self.lang)

    def _money(self, amount: float, decimals: int | None = None) -> str:
        return money(amount, self.currency, self.lang, decimals)

    def _shows(self, amount: float | None) -> bool:
        """Whether an amount of money is known and does not read as nothing."""
        return amount is not None and amount > 0 and any(digit in "123456789" for digit in self._money(amount))

    def _has_stock(self) -> bool:
        return bool((self.row["position"] or 0.0) >= _NOTABLE)

    def _ahead(self, days: float) -> dt.date:
        return self.timeline.date_after(days)

    def _date(self, day: dt.date) -> str:
        return date(day, self.lang, year=abs((day - self.timeline.today).days) >= _YEAR_SHOWN)
