"""Lateness: how often a supplier comes later than promised and how many days that costs, with a sentence to say so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from ...explain.sentences import UNKNOWN, Lang, number, percent
from .curves import Curves

_DRAWS = 400
_LITTLE = 0.05  # days; less reads as none

# what is known of it -> (English, Chinese)
TEXT: dict[str, tuple[str, str]] = {
    "late": (
        "{supplier} comes later than promised in {share} of deliveries ({level} interval {share_low} to {share_high}, from "
        "{deliveries}), then by {days_when_late} on average; expect {days} ({days_low} to {days_high}) late per delivery.",
        "{supplier} 有 {share}的到货晚于承诺日期（{level} 区间 {share_low} 至 {share_high}，依据 {deliveries}），"
        "迟到时平均晚 {days_when_late}；平均每次到货预计晚 {days}（{days_low} 至 {days_high}）。",
    ),
    "punctual": (
        "{supplier} is seldom late: {share} of deliveries come later than promised ({level} interval {share_low} to "
        "{share_high}, from {deliveries}), and hardly a day is lost by it.",
        "{supplier} 很少迟到：{share}的到货晚于承诺日期（{level} 区间 {share_low} 至 {share_high}，依据 {deliveries}），"
        "平均几乎不耽误时间。",
    ),
    "unknown": (
        "{supplier} has no promised day that has come due; across all suppliers {share} of deliveries come later than "
        "promised, {days} late on average.",
        "{supplier} 尚无已到期的承诺交期；所有供应商平均有 {share}的到货晚于承诺日期，平均晚 {days}。",
    ),
    "few": (" Doubtful: only {deliveries}.", "注意：仅有 {deliveries}，结果仅供参考。"),
}

_DOUBTFUL = 5  # deliveries below which it is said


@dataclass(frozen=True)
class Lateness:
    """How late a supplier is, shrunk towards all suppliers as far as these are alike.

    Attributes:
        supplier: name.
        deliveries: those whose promised day has come, open ones included.
        level: of the intervals.
        late: chance to be later than promised, with the ends of its interval (NaN without deliveries of its own).
        late_low: see ``late``.
        late_high: see ``late``.
        days: expected days late, a delivery on time or early counted as 0, with its interval.
        days_low: see ``days``.
        days_high: see ``days``.
    """

    COLUMNS: ClassVar[dict[str, pl.DataType]] = {
        "supplier": pl.String(), "deliveries": pl.Int64(), "late": pl.Float64(), "late_low": pl.Float64(),
        "late_high": pl.Float64(), "days_late": pl.Float64(), "days_late_low": pl.Float64(),
        "days_late_high": pl.Float64(), "days_when_late": pl.Float64(), "risk_en": pl.String(), "risk_zh": pl.String(),
    }  # fmt: skip

    supplier: str
    deliveries: int
    level: float
    late: float
    late_low: float
    late_high: float
    days: float
    days_low: float
    days_high: float

    @classmethod
    def of(cls, curves: Curves, supplier: str, level: float, seed: int) -> Lateness:
        """From curves of days between promise and receipt, 0 for on time."""
        days = np.arange(curves.days)
        count = sum(curves.deliveries((supplier,)))
        curve = curves.of((supplier,))
        late, mean = 1 - float(curve[0]), float(curve @ days)
        if not count:
            return cls(supplier, 0, level, late, math.nan, math.nan, mean, math.nan, math.nan)
        drawn = curves.draws((supplier,), _DRAWS, seed)
        ends = ((1 - level) / 2, (1 + level) / 2)
        share = np.quantile(1 - drawn[:, 0], ends)
        lost = np.quantile(drawn @ days, ends)
        # the mean of a skewed posterior may lie beyond a narrow interval of it
        return cls(
            supplier, count, level, late, min(float(share[0]), late), max(float(share[1]), late),
            mean, min(float(lost[0]), mean), max(float(lost[1]), mean),
        )  # fmt: skip

    @property
    def days_when_late(self) -> float:
        """Expected days late of a delivery that is late."""
        return self.days / self.late if self.late > 0 else 0.0

    def sentence(self, lang: Lang = "en") -> str:
        """In words, with its interval and its doubts."""
        place = 0 if lang == "en" else 1
        key = "unknown" if not self.deliveries else "punctual" if self.days < _LITTLE else "late"
        words = {
            "supplier": self.supplier, "share": percent(self.late, lang), "share_low": percent(self.late_low, lang),
            "share_high": percent(self.late_high, lang), "level": percent(self.level, lang),
            "deliveries": self._deliveries(lang), "days_when_late": _days(self.days_when_late, lang),
            "days": _days(self.days, lang), "days_low": number(self.days_low, lang),
            "days_high": number(self.days_high, lang),
        }  # fmt: skip
        doubt = TEXT["few"][place] if 0 < self.deliveries < _DOUBTFUL else ""
        return (TEXT[key][place] + doubt).format_map(words)

    def row(self) -> tuple[object, ...]:
        """Values of ``COLUMNS``."""
        return (
            self.supplier, self.deliveries, self.late, self.late_low, self.late_high, self.days, self.days_low,
            self.days_high, self.days_when_late, self.sentence("en"), self.sentence("zh"),
        )  # fmt: skip

    def _deliveries(self, lang: Lang) -> str:
        count = number(self.deliveries, lang)
        if lang == "zh":
            return f"{count} 次到货记录"
        return f"{count} deliver{'y' if self.deliveries == 1 else 'ies'}"


def _days(days: float, lang: Lang) -> str:
    text = number(days, lang)
    if text == UNKNOWN:
        return text
    return f"{text} 天" if lang == "zh" else f"{text} day{'' if text == '1' else 's'}"
