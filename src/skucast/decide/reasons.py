"""Reasons: one sentence with numbers for every item of a plan, in English and Chinese, doubts included."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from ..config import Plan
from ..explain.sentences import DAYS_PER_MONTH, Lang, number
from .purchase_list.list_reasons import CONFLICTS, LINE_REASONS
from .timeline import Timeline
from .wording import TEXT, Words

SHARED = ("cut", "filled", "left-out", "supplier-minimum")
"""Codes of lines that other lines bear upon; their sentences are those of the joint order."""

REASONS: dict[str, str] = {
    "order": "to be ordered, as it may run out before the next order could arrive",
    "too-late": "to be ordered, but out already or more likely than not before the order arrives",
    "stock-unknown": "to be ordered for an empty shelf, as its stock is not known",
    "spoils": "to be ordered with care, as what is left when the next order arrives has spoiled",
    "ending": "to be ordered for its last days on sale",
    **{code: LINE_REASONS[code] for code in (*SHARED, *CONFLICTS)},
    "cost-unknown": "left out, as without a cost it cannot be weighed against the budget",
    "enough": "not ordered, as there is enough until the next order could arrive",
    "overstocked": "not ordered, as there is more than a long cover of high demand takes",
    "no-demand": "not ordered, as next to nothing is expected to sell",
    "unprofitable": "not ordered, as it costs at least as much as it sells for",
    "not-worth": "not ordered, as even the smallest order would be expected to lose money, or would not be sold in time",
    "discontinued": "not ordered, as its last day on sale comes before an order could arrive",
    "no-forecast": "not planned, as its forecast holds numbers that are not finite",
}
"""Code in the column ``reason`` -> what it means."""

_UNITS: tuple[tuple[float, str, str], ...] = (
    (1 / 24, "hour", "小时"), (1, "day", "天"), (7, "week", "周"), (DAYS_PER_MONTH, "month", "个月"),
    (3 * DAYS_PER_MONTH, "quarter", "个季度"), (12 * DAYS_PER_MONTH, "year", "年"),
)  # fmt: skip
_LITTLE = 0.05  # units; less demand than that reads as none
_LATE = 0.5  # probability of running out before arrival
_SHORT_DAYS = 182.0  # a history below half a year is called short
_COUNTED = re.compile(r"\(([\d,]+) observations?\)")
_TINY = 1e-9


def explain(
    table: pl.DataFrame, fallback: Mapping[Any, str], timeline: Timeline, currency: str, plan: Plan
) -> pl.DataFrame:
    """Add the reason of every row: its code and a sentence in both languages.

    Args:
        table: the numbers of the plan, one row per series, as `skucast.decide.purchase` makes them.
        fallback: series -> the model that stood in, and why (see `Forecast.fallback`); it is said as a doubt.
        timeline: the forecast's steps in days.
        currency: ISO code of all money.
        plan: budget and patience.

    Returns:
        The table with ``reason`` (a key of ``REASONS``), ``reason_en`` and ``reason_zh``.
    """
    keyed = table.with_columns(_key=_key(timeline.today, plan.budget > 0))
    doubts = {str(key): _doubt(why, timeline.step_days) for key, why in fallback.items()}
    sentences: dict[Lang, list[str]] = {"en": [], "zh": []}
    for row in keyed.iter_rows(named=True):
        texts, doubt = TEXT.get(row["_key"]), doubts.get(row["unique_id"])
        for place, (lang, written) in enumerate(sentences.items()):
            words = Words(row, lang, timeline, currency, plan)
            said = texts[place].format_map(words) if texts else row[f"_list_{lang}"]
            written.append(said + words.notes() + (doubt[place] if doubt else ""))
    return keyed.with_columns(
        pl.col("_key").str.split("/").list.first().alias("reason"),
        pl.Series("reason_en", sentences["en"], pl.String),
        pl.Series("reason_zh", sentences["zh"], pl.String),
    ).drop("_key")


def _key(today: dt.date, limited: bool) -> pl.Expr:
    """Which text a row gets; the first that holds. ``limited``: there is a budget."""
    ordered, known = pl.col("order_qty") > 0, pl.col("position").is_not_null()
    cut = pl.col("wanted_qty") > pl.col("order_qty") + _TINY
    shared = pl.col("_list_code").is_in((*SHARED, *CONFLICTS)).fill_null(False) & (
        pl.col("has_money") | ~pl.lit(limited)
    )
    sell_days = (pl.col("end_date") - today).dt.total_days() + 1
    ended = (sell_days <= pl.col("lead_days")).fill_null(False)
    ending = (sell_days <= pl.col("lead_days") + pl.col("review_days")).fill_null(False)
    little = pl.col("demand_protect_mean") < _LITTLE
    enough = (pl.col("position") >= pl.col("order_up_to") - _TINY) | (pl.col("_ideal") < _LITTLE)
    covered = (pl.col("position") > 0) & enough
    rules: list[tuple[pl.Expr, str]] = [
        (~pl.col("planned"), "no-forecast"),
        (ordered & ~known, "stock-unknown"),
        (ordered & (pl.col("p_out_before_arrival") > _LATE), "too-late"),
        (ordered & ending, "ending"),
        (ordered & pl.col("written_off"), "spoils"),
        (ordered, "order"),
        (ended & (sell_days <= 0), "discontinued"),
        (ended, "discontinued/soon"),
        (cut, "cost-unknown"),
        ((pl.col("_hoped") > 0) & (pl.col("wanted_qty") <= 0), "not-worth/slow"),
        (little, "no-demand"),
        (pl.col("_excess") > _LITTLE, "overstocked"),
        ((pl.col("unit_cost") >= pl.col("unit_price")).fill_null(False), "unprofitable"),
        (covered.fill_null(False) & pl.col("cover_days").is_null(), "enough/years"),
        (covered.fill_null(False), "enough"),
        (pl.col("written_off"), "not-worth/spoils"),
    ]
    rules.insert(1, (shared & (ordered | cut | pl.col("_list_code").is_in(CONFLICTS)), "_list"))
    key: pl.Expr = pl.lit("not-worth")
    for condition, name in reversed(rules):
        key = pl.when(condition).then(pl.col("_list_code") if name == "_list" else pl.lit(name)).otherwise(key)
    return key


def _doubt(why: str, step_days: float) -> tuple[str, str]:
    """What a forecast that fell back means for the reader."""
    counted = _COUNTED.search(why)
    if counted is None:
        if "no observations" in why:
            return " Doubtful: there is no history at all.", "注意：没有任何历史数据，结果仅供参考。"
        return (
            " Doubtful: the chosen model could not forecast it, and a simpler one stands in.",
            "注意：所选模型无法预测该商品，改用了更简单的方法，结果仅供参考。",
        )
    count = int(counted[1].replace(",", ""))
    # stamps a day or two off the mean month or year still count as such
    name = next(((en, zh) for days, en, zh in _UNITS if abs(step_days / days - 1) < 0.05), None)
    en = f"{number(count)} {name[0] if name else 'observation'}{'' if count == 1 else 's'}"
    zh = f"{number(count, 'zh')} {name[1] if name else '个观测值'}"
    if count * step_days < _SHORT_DAYS:
        return f" Doubtful: only {en} of history.", f"注意：仅有 {zh}的历史数据，结果仅供参考。"
    return (
        f" Doubtful: despite {en} of history the chosen model could not forecast it, and a simpler one stands in.",
        f"注意：虽有 {zh}的历史数据，所选模型仍无法预测，改用了更简单的方法，结果仅供参考。",
    )
