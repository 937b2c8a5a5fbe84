"""What drives the forecast of a series over the whole horizon, in a sentence, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..frequency import Frequency
from .circumstances import SEEN, Occasion
from .drivers import Drivers
from .parts import EFFECTS, HOLIDAYS, PARTS
from .sentences import Lang, number, percent, units

_LITTLE = 0.05  # units; less demand than that reads as none
_FINE = 20.0  # units; smaller forecasts are told with one decimal
_NAMES = 2  # holidays named at the most
_NAMED = 0.25  # of the strongest holiday's units that another one must have to be named
_FIRM = 0.005  # a price closer to the usual one is the usual one
_NEAR_BEFORE, _NEAR_AFTER = 14.0, 5.0  # days before and after a holiday in which demand is put down to it
_WORD: dict[str, tuple[str, str]] = {
    "level": ("usual level", "常态销量"), "season": ("season", "季节"), "holidays": ("holidays", "节假日"),
    "promotion": ("promotion", "促销"), "price": ("price", "价格"), "weather": ("weather", "天气"),
    "other": ("other", "其他因素"),
}  # fmt: skip
_DOUBTS: dict[str, tuple[str, str]] = {
    "price-steady-shared": (
        "its price has not changed so far, so what a change does is taken from other items",
        "该商品此前从未调价，价格的影响参照其他商品推算",
    ),
    "price-steady-alone": (
        "its price has not changed so far, so nothing could be learned about what a change does",
        "该商品此前从未调价，无法得知调价的影响",
    ),
    "promotion-new-shared": (
        "it has never been promoted before, so what a promotion does is taken from other items",
        "该商品此前从未促销，促销的影响参照其他商品推算",
    ),
    "promotion-new-alone": (
        "it has never been promoted before, so nothing could be learned about what a promotion does",
        "该商品此前从未促销，无法得知促销的影响",
    ),
    "holidays-new": (
        "it has been sold for less than a year, so these holidays are new to it",
        "该商品上市不足一年，尚未经历过这些节日",
    ),
    "fallback": (
        "the model could not forecast it, and a simpler one stands in",
        "所选模型无法预测该商品，改用了更简单的方法",
    ),
}
"""Code in `Circumstances.doubts` -> what it means."""
_IGNORED: dict[str, tuple[str, str]] = {
    "unused": (
        "the model '{model}' does not look at {what}, which will not be as usual",
        "届时{what}与平时不同，但模型 {model} 不考虑这些因素",
    ),
    "unlearned": (
        "{what} will not be as usual, but the model '{model}' could learn nothing about that from the past",
        "届时{what}与平时不同，但模型 {model} 未能从历史中学到其影响",
    ),
}
"""Codes that are followed by a part, said of all such parts together."""


def say(drivers: Drivers, row: int, language: Lang = "en") -> str:
    """The sentence of one series: how much is expected, from what, and what is doubtful about it."""
    told = _Story(drivers, row, language)
    return told.outlook() + told.doubts()


@dataclass(frozen=True)
class _Story:
    """One series in one language."""

    drivers: Drivers
    row: int
    lang: Lang

    def outlook(self) -> str:
        """How much is expected, and from what."""
        total = float(self.drivers.mean[self.row].sum(dtype=np.float64))
        when = time_ahead(self.drivers.freq, self.drivers.horizon, self.lang)
        if total < _LITTLE:
            return self._say(f"{when}: next to no demand is expected.", f"{when}预计几乎没有需求。")
        amounts = self._amounts(total)
        shown = round(total, self._decimals(total))
        expected = units(shown, self.lang) if shown >= _FINE else self._say(f"{shown:.1f} units", f"{shown:.1f} 件")
        effects = [n for n in PARTS[1:] if amounts[n]]
        if not effects:
            return self._say(
                f"{when}: {expected} expected, the usual level; nothing special lies ahead.",
                f"{when}预计售出 {expected}，与常态持平，无特殊因素。",
            )
        level = number(amounts["level"], self.lang, self._decimals(total))
        listed = [self._told(name, amounts[name], total) for name in effects]
        return self._say(
            f"{when}: {expected} expected. Usual level {level}, {', '.join(listed)}.",
            f"{when}预计售出 {expected}：常态销量 {level}，{'，'.join(listed)}。",
        )

    def doubts(self) -> str:
        """What is doubtful, in a sentence of its own; empty if nothing is."""
        codes = self.drivers.about.doubts[self.row] if self.drivers.about.doubts else ()
        said = [self._say(*_DOUBTS[code]) for code in codes if code in _DOUBTS]
        for kind, (en, zh) in _IGNORED.items():
            words = [self._say(*_WORD[p]) for p in EFFECTS if f"{kind}-{p}" in codes]
            if words and "fallback" not in codes:
                texts = {"model": self.drivers.about.model, "what": self._list(words)}
                said.append(self._say(en, zh).format_map(texts))
        if not said:
            return ""
        return self._say(f" Mind that {'; '.join(said)}.", f"注意：{'；'.join(said)}。")

    def _amounts(self, total: float) -> dict[str, float]:
        """Units of each part as they are shown, adding up to what is shown in all; small ones are not."""
        sums = self.drivers.parts[self.row].sum(axis=0)
        decimals = self._decimals(total)
        shown = {
            name: round(float(value), decimals) if abs(value) >= SEEN * total else 0.0
            for name, value in zip(PARTS[1:], sums[1:], strict=True)
        }
        left = round(round(total, decimals) - sum(shown.values()), decimals)
        if left < 0:  # by rounding only: a level is never negative
            largest = max(shown, key=lambda name: shown[name])
            shown[largest] = round(shown[largest] + left, decimals)
            left = 0.0
        return {"level": left, **shown}  # small parts are in the level, which is the largest

    def _told(self, name: str, amount: float, total: float) -> str:
        sign = "+" if amount > 0 else "-"
        size = number(abs(amount), self.lang, self._decimals(total))
        why = {HOLIDAYS: self._holidays, "promotion": self._promotion, "price": self._price, "other": self._others}.get(
            name, lambda: ""
        )()
        reason = self._say(f" ({why})", f"（{why}）") if why else ""
        return f"{self._say(*_WORD[name])} {sign}{size}{reason}"

    def _holidays(self) -> str:
        """Names of the holidays that move most."""
        drivers = self.drivers
        moved = drivers.part(HOLIDAYS)[self.row]
        strength: dict[tuple[str, str], float] = {}
        for step in np.flatnonzero(moved):
            nearest = _nearest(drivers.about.occasions, int(step), drivers.freq.days)
            if nearest is not None:
                key = nearest.name_en, nearest.name_zh
                strength[key] = strength.get(key, 0.0) + float(moved[step])
        direction = float(moved.sum())
        strong = sorted(((v, k) for k, v in strength.items() if v * direction > 0), key=lambda pair: -abs(pair[0]))
        names = {key for value, key in strong[:_NAMES] if abs(value) >= _NAMED * abs(strong[0][0])}
        ordered = dict.fromkeys((one.name_en, one.name_zh) for one in drivers.about.occasions)  # by date
        return self._list([self._say(*name) for name in ordered if name in names]) if names else ""

    def _others(self) -> str:
        """Names of the covariates that are not as usual, if they are few."""
        names = self.drivers.about.covariates[self.row] if self.drivers.about.covariates else ()
        return self._list(list(names)) if 0 < len(names) <= _NAMES else ""

    def _promotion(self) -> str:
        count, horizon = int(self.drivers.about.promoted[self.row]), self.drivers.horizon
        if not 0 < count < horizon:
            return ""
        en, zh = _unit(self.drivers.freq)
        return self._say(f"{count} of {horizon} {en}s", f"{horizon} {zh}中有 {count} {zh}")

    def _price(self) -> str:
        change = float(self.drivers.about.price[self.row])
        if not np.isfinite(change) or abs(change) < _FIRM:
            return ""
        size = percent(abs(change), self.lang)
        return self._say(
            f"{size} {'dearer' if change > 0 else 'cheaper'} than usual",
            f"比平时{'贵' if change > 0 else '便宜'} {size}",
        )

    def _list(self, words: list[str]) -> str:
        if self.lang == "zh":
            return "、".join(words)
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

    @staticmethod
    def _decimals(total: float) -> int:
        return 0 if total >= _FINE else 1

    def _say(self, en: str, zh: str) -> str:
        return zh if self.lang == "zh" else en


def time_ahead(freq: Frequency, steps: int, language: Lang) -> str:
    """``Next 4 weeks`` or ``未来 4 周``."""
    en, zh = _UNITS[freq.unit]
    count = steps * freq.multiple
    if freq.unit == "D" and freq.multiple == 1 and steps % 7 == 0:
        en, zh, count = "week", "周", steps // 7
    if language == "zh":
        return f"未来 {count} {zh}"
    return f"Next {en}" if count == 1 else f"Next {count} {en}s"


_UNITS: Mapping[str, tuple[str, str]] = {
    "s": ("second", "秒"), "min": ("minute", "分钟"), "h": ("hour", "小时"), "D": ("day", "天"), "W": ("week", "周"),
    "M": ("month", "个月"), "Q": ("quarter", "个季度"), "Y": ("year", "年"),
}  # fmt: skip


def _unit(freq: Frequency) -> tuple[str, str]:
    return _UNITS[freq.unit] if freq.multiple == 1 else ("period", "个周期")


def _nearest(occasions: tuple[Occasion, ...], step: int, days: float) -> Occasion | None:
    """The occasion that a step is put down to; days after one count double, as what comes moves demand more."""
    best, least = None, np.inf
    for one in occasions:
        before, after = max(one.first - step, 0) * days, max(step - one.last, 0) * days
        cost = before + 2 * after
        if before <= max(_NEAR_BEFORE, days) and after <= max(_NEAR_AFTER, days) and cost < least:
            best, least = one, cost
    return best
