"""Words: the sentence of every exit in English and Chinese, and what was taken for granted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...explain.sentences import Lang, date, money, number, percent, span, units
from ..assumptions import Assumption
from .options import HealthOptions

# key -> (English, Chinese); {n} the count with its noun, {zh} the bare number
ASSUMED: dict[str, tuple[str, str]] = {
    "stock-unknown": (
        "The stock of {n} is not known; nothing is said of their stock.",
        "{zh} 个商品库存未知，不作库存分析。",
    ),
    "money-unknown": (
        "Cost or price of {n} is not known; they have no class by margin and no exit in money.",
        "{zh} 个商品成本或售价未知，不参与毛利分类，也无法比较处置方案。",
    ),
    "error-of-forecast": (
        "{n} have no backtest of their own; the error is what the forecast expects of itself.",
        "{zh} 个商品没有回测误差，改用预测自身给出的离散程度。",
    ),
    "idle-unknown": (
        "The last sale of {n} is not known; dead stock is told by the forecast alone.",
        "{zh} 个商品的最近销售日未知，仅按预测判断是否滞销。",
    ),
    "elasticity": (
        "Markdowns of {n} are judged by an assumed elasticity of {elasticity}: a price 10 % lower sells {lift} more. "
        "Test it on a few items first.",
        "{zh} 个商品的降价效果按假定的价格弹性 {elasticity} 估算（降价 10%，销量增加 {lift}），建议先小范围试行。",
    ),
    "no-elasticity": (
        "Without a price elasticity markdowns of {n} are not compared.",
        "{zh} 个商品未设价格弹性，不比较降价方案。",
    ),
    "no-return-terms": (
        "The supplier's terms of return for {n} are not known; returns are not compared.",
        "{zh} 个商品的退货条件未知，不比较退货方案。",
    ),
    "salvage": (
        "What is left of {n} after {days} is worth {share} of its cost.",
        "{zh} 个商品在 {days}后仍未售出的部分按成本的 {share} 计价。",
    ),
    "fresh": (
        "The age of the stock of {n} that expires is not known; it is taken as fresh.",
        "{zh} 个有保质期的商品库存批次未知，按刚入库计算。",
    ),
    "beyond-horizon": (
        "Demand of {n} beyond the {horizon}-step forecast is taken from the last seasons of its paths.",
        "{zh} 个商品在 {horizon} 期预测之后的需求按预测路径最后几个季节延伸。",
    ),
    "on-order-arrives": (
        "Units on order of {n} have no date and are taken to arrive halfway through the lead time.",
        "{zh} 个商品的在途数量没有到货日期，按供货周期过半时到货计算。",
    ),
}  # fmt: skip


def assume(key: str, count: int, words: Mapping[str, tuple[str, str]] | None = None) -> list[Assumption]:
    """One assumption as a list, empty where it touches no item.

    Args:
        key: of ``ASSUMED``.
        count: items.
        words: name -> the word in English and in Chinese.
    """
    if count <= 0:
        return []
    given = words or {}
    en, zh = ASSUMED[key]
    items = f"{number(count)} item{'' if count == 1 else 's'}"
    english = en.format(n=items, **{k: v[0] for k, v in given.items()})
    chinese = zh.format(zh=number(count, "zh"), **{k: v[1] for k, v in given.items()})
    return [Assumption(key, int(count), english[0].upper() + english[1:], chinese)]


def exit_sentence(row: Mapping[str, Any], lang: Lang, currency: str, options: HealthOptions) -> str:
    """Why the units of a row of the exits are too many, and what to do with them.

    Args:
        row: a row of `StockHealth.exits`.
        lang: language.
        currency: ISO code.
        options: thresholds that the sentence names.
    """
    said = _Said(row, lang, currency, options)
    return said.finding() + said.advice() + said.order()


class _Said:
    """The clauses of one sentence."""

    def __init__(self, row: Mapping[str, Any], lang: Lang, currency: str, options: HealthOptions) -> None:
        self.row, self.lang, self.currency, self.options = row, lang, currency, options

    def finding(self) -> str:
        """What is wrong."""
        row = self.row
        amount, tied = self._units(row["units"]), self._tied()
        if row["kind"] == "dead":
            idle = self._idle()
            chance, cover = percent(row["p_sold"], self.lang), span(self.options.dead_days, self.lang)
            return self._say(
                f"Dead stock: {amount}{tied}{idle}, {chance} chance of selling out within {cover}.",
                f"滞销：{amount}{tied}{idle}，{cover}内售罄的概率为 {chance}。",
            )
        if row["expires_units"] >= row["units"] - 0.5:
            days = span(row["life_days"], self.lang)
            return self._say(
                f"Too much to sell in time: {amount}{tied} should expire within {days}.",
                f"临期：{amount}{tied}预计在 {days}内过期。",
            )
        cover = span(row["cover_days"], self.lang)
        return self._say(
            f"Excess stock: {amount}{tied} more than even high demand takes in {cover}.",
            f"库存过量：比未来 {cover}的高位需求还多 {amount}{tied}。",
        )

    def advice(self) -> str:
        """What to do, and what else was compared."""
        row = self.row
        if row["action"] is None:
            return self._say(
                " No exit can be compared, as its cost or price is not known.", "成本或售价未知，无法比较处置方案。"
            )
        kept, gained = self._money(row["keep_value"]), self._money(row["exit_value"])
        others = self._others()
        if row["action"] == "keep":
            return self._say(f" Keep them: {kept} expected{others}.", f"建议继续持有：预计可收回 {kept}{others}。")
        amount = self._units(row["exit_units"])
        what = {
            "markdown": self._say(
                f"Mark down by {percent(row['markdown'], self.lang)}", f"降价 {percent(row['markdown'], self.lang)}"
            ),
            "transfer": self._say(
                f"Move {amount} to {row['to']}, which runs short", f"调拨 {amount}到{row['to']}（该处将缺货）"
            ),
            "return": self._say(f"Return {amount} to the supplier", f"向供应商退货 {amount}"),
        }[row["action"]]
        return self._say(
            f" {what}: {gained} expected instead of {kept} if kept{others}.",
            f"建议{what}：预计可收回 {gained}，若继续持有则为 {kept}{others}。",
        )

    def order(self) -> str:
        """What is on order although there is too much."""
        if not self.row["cancel_units"]:
            return ""
        amount = self._units(self.row["cancel_units"])
        return self._say(f" Cancel {amount} on order if you can.", f"另有在途 {amount}，如可能请取消。")

    def _others(self) -> str:
        """The ways out that were compared and not taken, and those that are not open."""
        row, parts = self.row, []
        names = {
            "markdown": self._say(
                f"markdown of {percent(row['markdown'], self.lang)}", f"降价 {percent(row['markdown'], self.lang)}"
            ),
            "transfer": self._say("transfer", "调拨"),
            "return": self._say("return", "退货"),
        }
        for name, text in names.items():
            value = row[f"{name}_value"]
            if name != row["action"] and value is not None:
                parts.append(self._say(f"{text} {self._money(value)}", f"{text} {self._money(value)}"))
        if row["transfer_value"] is None and row["location"] is not None:
            parts.append(self._say("no other location runs short", "其他地点均不缺货"))
        joined = self._say("; ", "；").join(parts)
        return self._say(f" ({joined})", f"（{joined}）") if joined else ""

    def _idle(self) -> str:
        if self.row["last_sale"] is not None:
            day = date(self.row["last_sale"], self.lang)
            return self._say(f", no sale since {day}", f"，{day}之后再无销售")
        return self._say(", never sold", "，从未售出") if self.row["never_sold"] else ""

    def _tied(self) -> str:
        value = self.row["value"]
        if value is None or value <= 0:
            return ""
        return self._say(f" ({self._money(value)} at cost)", f"（成本 {self._money(value)}）")

    def _units(self, amount: float) -> str:
        return units(amount, self.lang)

    def _money(self, amount: float) -> str:
        return money(amount, self.currency, self.lang)

    def _say(self, en: str, zh: str) -> str:
        return zh if self.lang == "zh" else en
