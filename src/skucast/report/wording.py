"""Wording: every word of the report in English and Chinese, from one catalogue, and numbers as people write them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup, escape

from ..explain import sentences
from ..frequency import Frequency

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
TAGS: Mapping[Language, str] = {"en": "en", "zh": "zh-CN"}
"""Language -> the tag that HTML and browsers use."""
DASH = sentences.UNKNOWN

_PERIODS = {
    ("s", 1): "period.second",
    ("s", 2): "period.seconds",
    ("min", 1): "period.minute",
    ("min", 2): "period.minutes",
    ("h", 1): "period.hour",
    ("h", 2): "period.hours",
    ("D", 1): "period.day",
    ("D", 2): "period.days",
    ("W", 1): "period.week",
    ("W", 2): "period.weeks",
    ("M", 1): "period.month",
    ("M", 2): "period.months",
    ("Q", 1): "period.quarter",
    ("Q", 2): "period.quarters",
    ("Y", 1): "period.year",
    ("Y", 2): "period.years",
}
_UNITS = {
    "s": "unit.second",
    "min": "unit.minute",
    "h": "unit.hour",
    "D": "unit.day",
    "W": "unit.week",
    "M": "unit.month",
    "Q": "unit.quarter",
    "Y": "unit.year",
}


@dataclass(frozen=True)
class Text:
    """A text in both languages."""

    en: str
    zh: str

    def __html__(self) -> str:
        """Both texts, each marked with its language; the style sheet shows one of them."""
        en = self.en.replace(" %", "\u00a0%")  # a line never ends between a number and its sign
        if self.en == self.zh:
            return str(escape(en))
        return str(Markup('<span lang="en">{}</span><span lang="zh-CN">{}</span>').format(en, self.zh))

    def __add__(self, other: Text) -> Text:
        """This text and then the other."""
        return Text(self.en + other.en, self.zh + other.zh)

    def attribute(self, name: str) -> Markup:
        """An HTML attribute in English that carries both texts for the language switch."""
        return Markup('{0}="{1}" data-{0}-en="{1}" data-{0}-zh="{2}"').format(name, self.en, self.zh)


def shorten(name: str, most: int = 160) -> str:
    """A name that is cut where it is longer than any list can bear."""
    return name if len(name) <= most else name[: most - 1] + "…"


def plain(value: object) -> Text:
    """The same text in both languages; nothing known is a dash."""
    text = DASH if value is None or value == "" else str(value)
    return Text(text, text)


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Key such as ``money.at_risk`` -> text, of one language."""
    raw = tomllib.loads((Path(__file__).parent / "i18n" / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{section}.{key}": text for section, entries in raw.items() for key, text in entries.items()}


def say(key: str, **values: Text | str | int) -> Text:
    """A text of the catalogue with its ``{placeholders}`` filled in.

    Raises:
        KeyError: the catalogue has no such text.
    """
    english = {name: v.en if isinstance(v, Text) else v for name, v in values.items()}
    chinese = {name: v.zh if isinstance(v, Text) else v for name, v in values.items()}
    return Text(catalogue("en")[key].format(**english), catalogue("zh")[key].format(**chinese))


def rule_name(rule: str) -> Text:
    """What a repair is called: from the catalogue, else its own name in plain words."""
    key = f"rule.{rule.replace('-', '_')}"
    return say(key) if key in catalogue("en") else plain(rule.replace("-", " ").replace("_", " "))


def remedy(rule: str, english: str) -> Text:
    """What to do about a repair; the English text is the repair's own."""
    if not english:
        return Text("", "")
    texts = _remedies()
    ending = next((text for key, text in texts.items() if key[0] == "*" and rule.endswith(key[1:])), english)
    return Text(english, texts.get(rule, ending))


@cache
def _remedies() -> dict[str, str]:
    """Rule, or ``*`` and the end of one, -> its remedy in Chinese."""
    return tomllib.loads((Path(__file__).parent / "i18n" / "remedies.zh.toml").read_text(encoding="utf-8"))


def client_words() -> dict[Language, dict[str, str]]:
    """The texts that the page's own script needs (section ``client``)."""
    return {
        lang: {key.removeprefix("client."): text for key, text in catalogue(lang).items() if key.startswith("client.")}
        for lang in LANGUAGES
    }


# ---- numbers ----------------------------------------------------------------------------------
def known(value: Any) -> bool:
    """True unless a number is null, NaN or infinite."""
    return value is not None and math.isfinite(value)


def money(value: float | None, currency: str) -> Text:
    """An amount of money."""
    return Text(sentences.money(value, currency, "en"), sentences.money(value, currency, "zh"))


def number(value: float | None) -> Text:
    """A count or a number of units."""
    return Text(sentences.number(value, "en"), sentences.number(value, "zh"))


def percent(share: float | None) -> Text:
    """A share as a percentage."""
    return Text(sentences.percent(share, "en"), sentences.percent(share, "zh"))


def signed_percent(share: float | None) -> Text:
    """A change as a percentage with its sign."""
    if share is None or not known(share):
        return plain(None)
    size = round(abs(share), 2)
    sign = "±" if size == 0 else "+" if share > 0 else "−"
    return Text(sign + sentences.percent(size, "en"), sign + sentences.percent(size, "zh"))


def day(value: date | None) -> Text:
    """A date."""
    return Text(sentences.date(value, "en"), sentences.date(value, "zh"))


def span(low: float | None, high: float | None) -> Text:
    """The ends of an interval, such as ``80–160``."""
    if not (known(low) and known(high)):
        return plain(None)
    return Text(*(f"{sentences.number(low, lang)}{DASH}{sentences.number(high, lang)}" for lang in LANGUAGES))


def decimals(value: float | None, places: int) -> Text:
    """A number with fixed decimals (scores)."""
    return plain(sentences.number(value, "en", places))


def period(freq: Frequency, steps: int) -> Text:
    """A number of steps in words, such as ``13 weeks``."""
    count = steps * freq.multiple
    return say(_PERIODS[freq.unit, 1 if count == 1 else 2], n=number(count))


def period_unit(freq: Frequency) -> Text:
    """One step in words that follow "per", such as ``week`` or ``2 weeks``."""
    return say(_UNITS[freq.unit]) if freq.multiple == 1 else period(freq, 1)
