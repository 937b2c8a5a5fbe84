"""Headline: the verdict in one line and the figures of money and risk beneath it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import polars as pl

from ..decide.outlook import OVERSTOCK_DAYS
from .content import ReportContent
from .limits import nothing_fits
from .outlook import Outlook
from .span import year_steps
from .wording import Text, day, money, number, percent, period, period_unit, plain, say, signed_percent


@dataclass(frozen=True)
class Figure:
    """One number with what it is compared with.

    Attributes:
        label: what it is.
        value: the number.
        lines: interval, comparisons, doubts.
        tone: ``risk`` where money is at stake, ``muted`` where the number is unknown.
    """

    label: Text
    value: Text
    lines: Sequence[Text]
    tone: Literal["", "risk", "muted"] = ""


@dataclass(frozen=True)
class Headline:
    """Top of the report."""

    facts: Sequence[tuple[Text, Text]]
    verdict: Text
    figures: Sequence[Figure]
    notes: Sequence[Text]


def make_headline(content: ReportContent, outlook: Outlook, plan: pl.DataFrame) -> Headline:
    """Work out the top of the report."""
    figures = (
        _revenue(content, outlook),
        _at_risk(content, plan),
        _order(content, plan),
        _overstock(content, plan),
    )
    return Headline(_facts(content), _verdict(content, outlook, plan), figures, _notes(content, outlook))


def last_day(content: ReportContent) -> date:
    """Date of the last step of history."""
    return _date(content.panel.freq.stamp(content.panel.end))


def model_name(content: ReportContent) -> str:
    """Name of the model in use, or else of the one that was asked for."""
    model = content.config.forecast.model
    return content.model or (model if isinstance(model, str) else str(model.get("model", "auto")))


def amount(value: float | None, outlook: Outlook, currency: str) -> Text:
    """A number in the measure of the outlook."""
    return money(value, currency) if outlook.measure == "money" else number(value)


def _date(stamp: np.datetime64 | object) -> date:
    found: date = np.asarray(stamp).astype("datetime64[D]").item()
    return found


def _facts(content: ReportContent) -> list[tuple[Text, Text]]:
    stamps = content.forecast.stamps
    span = say("head.span", start=day(_date(stamps[0])), end=day(_date(stamps[-1])))
    return [
        (say("head.data_until"), day(last_day(content))),
        (say("head.horizon"), period(content.panel.freq, content.forecast.horizon) + span),
        (say("head.series"), number(len(content.panel))),
        (say("head.model"), plain(model_name(content))),
    ]


def _verdict(content: ReportContent, outlook: Outlook, plan: pl.DataFrame) -> Text:
    currency = content.config.project.currency
    span = period(content.panel.freq, content.forecast.horizon)
    values = {
        "period": span,
        "mean": amount(outlook.total.mean, outlook, currency),
        "low": amount(outlook.total.low, outlook, currency),
        "high": amount(outlook.total.high, outlook, currency),
    }
    what = say("verdict.revenue" if outlook.measure == "money" else "verdict.units", **values)
    base = outlook.last_year or outlook.previous
    if base:
        change = outlook.total.mean / base - 1
        against = say("verdict.last_year") if outlook.last_year else say("verdict.previous", period=span)
        if abs(change) < 0.005:
            what += say("verdict.same", against=against)
        else:
            key = "verdict.more" if change > 0 else "verdict.less"
            what += say(key, change=percent(abs(change)), against=against)
    else:
        what += say("verdict.stop")
    ordered = plan.filter(pl.col("order_qty") > 0)
    if plan.height == 0:
        return what
    if ordered.height == 0:
        return what + say("verdict.nothing_fits" if nothing_fits(content.joint) else "verdict.no_order")
    lines = {"n": number(ordered.height), "value": money(_total(ordered, "order_value"), currency)}
    if plan["on_hand"].null_count() == plan.height:
        return what + say("verdict.order_blind", **lines)
    what += say("verdict.order", **lines)
    risk = _total(plan, "lost_margin_without")
    return what + (say("verdict.at_risk", risk=money(risk, currency)) if risk else say("verdict.stop"))


def _revenue(content: ReportContent, outlook: Outlook) -> Figure:
    currency = content.config.project.currency
    span = period(content.panel.freq, content.forecast.horizon)
    lines = [
        say(
            "money.interval",
            low=amount(outlook.total.low, outlook, currency),
            high=amount(outlook.total.high, outlook, currency),
        )
    ]
    if outlook.last_year:
        change = signed_percent(outlook.total.mean / outlook.last_year - 1)
        lines.append(say("money.last_year", change=change, base=amount(outlook.last_year, outlook, currency)))
    else:
        lines.append(say("money.no_last_year"))
    if outlook.previous:
        change = signed_percent(outlook.total.mean / outlook.previous - 1)
        base = amount(outlook.previous, outlook, currency)
        lines.append(say("money.previous", change=change, period=span, base=base))
    label = say("money.revenue" if outlook.measure == "money" else "money.units", period=span)
    return Figure(label, amount(outlook.total.mean, outlook, currency), lines)


def _at_risk(content: ReportContent, plan: pl.DataFrame) -> Figure:
    currency, label = content.config.project.currency, say("money.at_risk")
    risk = _total(plan, "lost_margin_without")
    if risk is None:
        return Figure(label, plain(None), [say("money.no_plan" if plan.height == 0 else "money.no_risk")], "muted")
    lines = []
    remaining = _total(plan, "lost_margin_with")
    if remaining is not None:
        lines.append(say("money.remaining", remaining=money(remaining, currency)))
    seen = plan.filter(pl.col("p_out_before_arrival").is_not_null())
    if seen.height:
        urgent = seen.filter(pl.col("p_out_before_arrival") > 0.5).height
        lines.append(say("money.urgent", n=number(urgent), total=number(seen.height)))
    lines += _blind(plan)
    # red is for money that is known to be at stake, not for what empty shelves would cost
    return Figure(label, money(risk, currency), lines, "risk" if risk > 0 and seen.height else "")


def _order(content: ReportContent, plan: pl.DataFrame) -> Figure:
    currency, label = content.config.project.currency, say("money.order")
    value = _total(plan, "order_value")
    if value is None:
        return Figure(label, plain(None), [say("money.no_plan" if plan.height == 0 else "money.no_cost")], "muted")
    ordered = plan.filter(pl.col("order_qty") > 0)
    units = _total(ordered, "order_qty")
    lines = [say("money.order_size", n=number(ordered.height), total=number(plan.height), units=number(units))]
    gain = _total(ordered, "expected_gain")
    if gain is not None:
        lines.append(say("money.gain", gain=money(gain, currency)))
    lines += _blind(plan)
    budget = content.config.plan.budget
    lines.append(say("money.budget", share=percent(value / budget)) if budget else say("money.no_budget"))
    return Figure(label, money(value, currency), lines)


def _blind(plan: pl.DataFrame) -> list[Text]:
    """The doubt behind orders for items whose stock nobody told."""
    unknown = plan["on_hand"].null_count()
    return [say("money.blind", n=number(unknown), total=number(plan.height))] if unknown else []


def _overstock(content: ReportContent, plan: pl.DataFrame) -> Figure:
    currency, label = content.config.project.currency, say("money.overstock")
    seen = plan.filter(pl.col("on_hand").is_not_null())
    value = _total(seen, "overstock_value")
    if value is None:
        return Figure(label, plain(None), [say("money.no_plan" if plan.height == 0 else "money.no_stock")], "muted")
    beyond = seen.filter(pl.col("overstock_value") > 0)
    lines = [
        say("money.overstock_items", n=number(beyond.height), total=number(seen.height), days=number(OVERSTOCK_DAYS))
    ]
    stock = float((seen["position"] * seen["unit_cost"]).sum())
    if stock > 0:
        lines.append(say("money.overstock_share", share=percent(min(1.0, value / stock)), stock=money(stock, currency)))
    return Figure(label, money(value, currency), lines)


def _notes(content: ReportContent, outlook: Outlook) -> list[Text]:
    """What a careful reader must know about the figures above."""
    currency = content.config.project.currency
    notes = []
    if outlook.measure == "units":
        notes.append(say("note.no_prices"))
    else:
        notes.append(say("note.prices"))
    if outlook.unpriced and outlook.measure == "money":
        notes.append(say("note.unpriced", n=number(outlook.unpriced), total=number(len(content.panel))))
    if len(content.panel) > 1:
        ends = {
            "low_i": amount(outlook.independent[0], outlook, currency),
            "high_i": amount(outlook.independent[1], outlook, currency),
            "low_c": amount(outlook.comonotone[0], outlook, currency),
            "high_c": amount(outlook.comonotone[1], outlook, currency),
        }
        if outlook.measured:
            notes.append(say("note.dependence", share=percent(outlook.dependence), **ends))
        else:
            notes.append(say("note.dependence_unknown", **ends))
    year = year_steps(content.panel)
    steps = content.panel.n_steps
    if year is not None and steps < year:
        notes.append(say("note.short", period=period(content.panel.freq, steps)))
    elif year is not None:
        young = int((content.panel.lengths < year).sum())
        if young:
            notes.append(say("note.young", n=number(young), total=number(len(content.panel))))
    fell = len(content.forecast.fallback)
    if fell:
        notes.append(say("note.fallback", n=number(fell), total=number(len(content.panel))))
    if content.panel.available is not None and not content.panel.available.all():
        share = 1 - float(content.panel.available.mean())
        notes.append(say("note.stock_outs", share=percent(share), unit=period_unit(content.panel.freq)))
    return notes


def _total(frame: pl.DataFrame, column: str) -> float | None:
    """Sum of a column, None if nothing in it is known."""
    values = frame[column]
    return None if values.null_count() == values.len() else float(values.sum())
