"""Numbers, money and dates as people read them, in English and Chinese.

    money(x, currency, lang, decimals=None)   £1,234    €12.50    ¥1,234    1,234 CHF
    number(x, lang, decimals=None)            1,234     12.5
    percent(p, lang, decimals=0)              83 %      83%       (shares: 0.83)
    date(d, lang, year=True)                  14 Dec 2026         2026年12月14日
    units(x, lang)                            288 units           288 件
    span(days, lang)                          9 days, 3.5 months  9 天, 3.5 个月

``lang`` is ``"en"`` or ``"zh"``. What is not known (None, NaN, infinite) is written as a dash. Both
languages group by thousands and use the decimal point, as shops' own tables in Chinese do.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Literal

from ..errors import ConfigError

Lang = Literal["en", "zh"]

UNKNOWN = "–"
DAYS_PER_MONTH = 365.2425 / 12

_SYMBOL = {
    "EUR": "€", "GBP": "£", "USD": "$", "CNY": "¥", "RMB": "¥", "JPY": "¥", "KRW": "₩", "INR": "₹",
    "HKD": "HK$", "TWD": "NT$", "SGD": "S$", "AUD": "A$", "CAD": "C$", "NZD": "NZ$", "BRL": "R$",
}  # fmt: skip
_WHOLE = {"JPY", "KRW"}  # currencies without a smaller coin
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(x: float | None, lang: Lang = "en", decimals: int | None = None) -> str:
    """A number with thousands separators.

    Args:
        x: the number.
        lang: language.
        decimals: digits after the point; None shows one below 10 unless the number is whole.
    """
    _check(lang)
    if x is None or not math.isfinite(x):
        return UNKNOWN
    if decimals is None:
        decimals = 1 if abs(x) < 9.95 and abs(x - round(x)) >= 0.05 else 0
    text = f"{x:,.{decimals}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text  # no "-0"


def money(x: float | None, currency: str = "EUR", lang: Lang = "en", decimals: int | None = None) -> str:
    """An amount with its currency's symbol, or its code where there is none that all readers know.

    Args:
        x: the amount.
        currency: ISO 4217 code.
        lang: language.
        decimals: digits after the point; None shows cents below 100 only.
    """
    if x is None or not math.isfinite(x):
        return UNKNOWN
    code = currency.strip().upper()
    if decimals is None:
        decimals = 0 if code in _WHOLE or abs(x) >= 99.995 or x == 0 else 2
    digits = number(abs(x), lang, decimals)
    minus = "-" if number(x, lang, decimals).startswith("-") else ""
    symbol = _SYMBOL.get(code)
    return f"{minus}{symbol}{digits}" if symbol else f"{minus}{digits} {code}".rstrip()


def percent(p: float | None, lang: Lang = "en", decimals: int = 0) -> str:
    """A share in percent; one that is close to but not exactly 0 or 1 is not rounded to it."""
    _check(lang)
    if p is None or not math.isfinite(p):
        return UNKNOWN
    sign = "%" if lang == "zh" else " %"
    least = 10.0**-decimals
    text = number(100 * p, lang, decimals)
    if 0 < p < 1 and float(text) == 0:
        return f"<{least:.{decimals}f}{sign}"
    if 0 < p < 1 and float(text) == 100:
        return f">{100 - least:.{decimals}f}{sign}"
    return text + sign


def date(d: dt.date | None, lang: Lang = "en", year: bool = True) -> str:
    """A date: ``14 Dec 2026`` or ``2026年12月14日``; without the year ``14 Dec``, ``12月14日``."""
    _check(lang)
    if d is None:
        return UNKNOWN
    if lang == "zh":
        return (f"{d.year}年" if year else "") + f"{d.month}月{d.day}日"
    return f"{d.day} {_MONTHS[d.month - 1]}" + (f" {d.year}" if year else "")


def units(x: float | None, lang: Lang = "en") -> str:
    """A number of units: ``1 unit``, ``288 units``, ``288 件``."""
    text = number(x, lang)
    if lang == "zh":
        return f"{text} 件"
    return f"{text} unit" if text == "1" else f"{text} units"


def span(days: float | None, lang: Lang = "en") -> str:
    """A length of time, in days up to two months and in months (years) beyond."""
    _check(lang)
    if days is None or not math.isfinite(days):
        return UNKNOWN
    if days < 2 * DAYS_PER_MONTH:
        text = number(days, lang, 0)
        return f"{text} 天" if lang == "zh" else f"{text} day{'' if text == '1' else 's'}"
    if days < 24 * DAYS_PER_MONTH:
        text = number(days / DAYS_PER_MONTH, lang)
        return f"{text} 个月" if lang == "zh" else f"{text} months"
    text = number(days / 365.2425, lang)
    return f"{text} 年" if lang == "zh" else f"{text} years"


def _check(lang: str) -> None:
    if lang not in ("en", "zh"):
        raise ConfigError(f"There is no language '{lang}': use 'en' or 'zh'.")
