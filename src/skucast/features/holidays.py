"""Public holidays of any country or part of it, from the package ``holidays``."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..errors import ConfigError
from .occasion import F64, I64, Occasion, day_number, inside

GROUPS: tuple[tuple[str, str], ...] = (
    ("spring_festival", r"chinese new year|lunar new year|spring festival|korean new year|tet\b"),
    ("new_year", r"new year"),
    ("easter", r"easter|good friday|maundy|holy (thursday|friday|saturday)|whit|pentecost|ascension|corpus christi"),
    ("christmas", r"christmas|boxing day|stephen|day of goodwill"),
    ("labour", r"labou?r|may day|workers|early may"),
    ("islamic", r"eid |ramadan|prophet|muharram|islamic|ashura|hari raya|mawlid|arafah|isra"),
    ("national", r"national|independence|republic|constitution|liberation|unity|revolution|king|queen|emperor|victory"),
    ("other", r""),
)
"""Groups that names of holidays fall into, first match wins, and the words that decide."""

# Chinese for what charts show most; other names stay as they are
_CHINESE: dict[str, str] = {
    "New Year's Day": "元旦", "New Year's Eve": "除夕（公历）", "Epiphany": "主显节", "Good Friday": "耶稣受难日",
    "Easter": "复活节", "Easter Sunday": "复活节", "Easter Monday": "复活节星期一", "Ascension Day": "耶稣升天节",
    "Pentecost": "圣灵降临节", "Pentecost Monday": "圣灵降临节星期一", "Whit Monday": "圣灵降临节星期一",
    "Corpus Christi": "基督圣体节", "Assumption Day": "圣母升天节", "Assumption of Mary Day": "圣母升天节",
    "All Saints' Day": "诸圣节", "Reformation Day": "宗教改革日", "Immaculate Conception": "圣母无染原罪节",
    "Immaculate Conception Day": "圣母无染原罪节", "Christmas": "圣诞节", "Christmas Day": "圣诞节",
    "Christmas Eve": "平安夜", "Boxing Day": "节礼日", "Second Day of Christmas": "圣诞节次日",
    "Christmas Second Day": "圣诞节次日", "Saint Stephen's Day": "圣斯德望日", "Labor Day": "劳动节",
    "Labour Day": "劳动节", "May Day": "五月初银行假日", "Early May Bank Holiday": "五月初银行假日",
    "Spring Bank Holiday": "春季银行假日", "Late Summer Bank Holiday": "夏末银行假日",
    "Summer Bank Holiday": "夏季银行假日", "Independence Day": "独立日", "National Day": "国庆节",
    "Republic Day": "共和国日", "Constitution Day": "宪法日", "Liberation Day": "解放日", "Victory Day": "胜利日",
    "Armistice Day": "停战纪念日", "German Unity Day": "德国统一日", "Thanksgiving": "感恩节",
    "Thanksgiving Day": "感恩节", "Memorial Day": "阵亡将士纪念日", "Veterans Day": "退伍军人节",
    "Columbus Day": "哥伦布日", "Martin Luther King Jr. Day": "马丁·路德·金纪念日", "Washington's Birthday": "总统日",
    "Juneteenth National Independence Day": "六月节", "Canada Day": "加拿大日", "Australia Day": "澳大利亚日",
    "ANZAC Day": "澳新军团日", "Chinese New Year": "春节", "Chinese New Year (Spring Festival)": "春节",
    "Chinese New Year's Day": "春节", "Chinese New Year's Eve": "除夕", "Tomb-Sweeping Day": "清明节",
    "Dragon Boat Festival": "端午节", "Mid-Autumn Festival": "中秋节", "Double Ninth Festival": "重阳节",
    "70th Anniversary of the Victory of the Chinese People's War of Resistance against Japanese Aggression and "
    "the World Anti-Fascist War": "抗战胜利七十周年纪念日",
    "Eid al-Fitr": "开斋节", "Eid al-Adha": "宰牲节", "Diwali": "排灯节", "Vesak Day": "卫塞节",
    "Coronation of Charles III": "查尔斯三世加冕日", "State Funeral of Queen Elizabeth II": "伊丽莎白二世国葬日",
    "Lunar New Year": "春节", "Korean New Year": "春节", "Chuseok": "中秋节",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class PublicHolidays:
    """Public holidays of some years.

    Attributes:
        days: ``(n,)`` day numbers from 1970-01-01, rising.
        names: ``(n,)`` plain names in English (without "observed", "in lieu", ...).
        groups: ``(n,)`` group of each, see `GROUPS`.
        worked: ``(m,)`` weekend days that are worked in exchange for another day (China, Russia...).
    """

    days: I64
    names: tuple[str, ...]
    groups: tuple[str, ...]
    worked: I64

    def columns(self, days: I64) -> dict[str, tuple[F64, str]]:
        """Daily features: whether it is a holiday, days to the next and since the last, the group of
        its name, a weekend day that is worked, and a day off (holiday or free weekend day)."""
        ends = Occasion.of("holiday", "", "", "holiday", [(int(d), int(d)) for d in self.days])
        out = ends.columns(days)
        for group, _ in GROUPS:
            mine = self.days[np.asarray([g == group for g in self.groups], dtype=np.bool_)]
            out[f"holiday_{group}"] = (inside(days, mine, mine), "sum")
        worked = inside(days, self.worked, self.worked)
        out["worked_weekend"] = (worked, "sum")
        weekend = (days + 3) % 7 >= 5
        out["day_off"] = (((weekend | (out["holiday"][0] > 0)) & (worked == 0)).astype(np.float64), "sum")
        return out

    def runs(self) -> list[tuple[int, int, str]]:
        """Stretches of days of one name: ``(first, last, name)``; a substituted day off belongs to the
        holiday that it prolongs, and a weekend within a holiday does not break it."""
        out: list[tuple[int, int, str]] = []
        for day, name in zip(self.days.tolist(), self.names, strict=True):
            gap = range(out[-1][1] + 1, day) if out else range(0)
            if out and out[-1][2] == name and len(gap) <= 2 and all((d + 3) % 7 >= 5 for d in gap):
                out[-1] = (out[-1][0], day, name)
            else:
                out.append((day, day, name))
        return out


def country_code(country: str) -> str:
    """The ISO code that is meant: capitals, and GB and GR for the common UK and EL."""
    return {"UK": "GB", "EL": "GR"}.get(country.strip().upper(), country.strip().upper())


@lru_cache(maxsize=64)
def public_holidays(country: str, subdivision: str, first_year: int, last_year: int) -> PublicHolidays:
    """Public holidays of a country; years that the package does not know have none.

    Args:
        country: ISO 3166 code with two letters, such as GB; empty for none.
        subdivision: ISO 3166-2 code without the country, such as BY; empty for the whole country.
        first_year: first year.
        last_year: last year, included.

    Raises:
        ConfigError: there is no such country or subdivision.
    """
    if not country:
        return PublicHolidays(np.empty(0, np.int64), (), (), np.empty(0, np.int64))
    import holidays

    known = {code: parts for code, parts in holidays.list_supported_countries().items() if len(code) == 2}
    if country not in known:
        close = difflib.get_close_matches(country.upper(), known, 3, 0.4)
        raise ConfigError(
            f"No public holidays are known for the country '{country}': use a two-letter ISO code such as GB, DE or CN"
            + (f" (close: {', '.join(close)})." if close else ".")
        )
    if subdivision and subdivision not in known[country]:
        raise ConfigError(
            f"Country '{country}' has no subdivision '{subdivision}'; it has: {', '.join(known[country]) or 'none'}."
        )
    listed = holidays.country_holidays(
        country, subdiv=subdivision or None, years=range(first_year, last_year + 1), language="en_US"
    )
    rows = [
        (day_number(date.year, date.month, date.day), plain_name(names.split("; ")[0]))
        for date, names in sorted(listed.items())
    ]
    proper = [(day, name) for day, name in rows if name]
    named = [(day, name or _nearest(day, proper)) for day, name in rows]
    worked = sorted(day_number(d.year, d.month, d.day) for d in getattr(listed, "weekend_workdays", ()))
    return PublicHolidays(
        np.asarray([day for day, _ in named], dtype=np.int64),
        tuple(name for _, name in named),
        tuple(group_of(name) for _, name in named),
        np.asarray(worked, dtype=np.int64),
    )


def plain_name(name: str) -> str:
    """A holiday's name without what says that it was moved; empty for a mere substituted day off."""
    if re.match(r"(Day off|Alternative holiday|Substitute|Bridge|Additional)\b", name):
        return ""
    return re.sub(
        r"\s*\((?:[^)]*(?:observed|in lieu|estimated|substitut|Day)[^)]*)\)|(?<!Bank)\s+Holiday$", "", name
    ).strip()


def group_of(name: str) -> str:
    """The group of `GROUPS` that a name falls into."""
    lower = name.lower()
    return next(group for group, words in GROUPS if re.search(words, lower))


def chinese_name(name: str) -> str:
    """The holiday's Chinese name, or the English one where none is at hand."""
    return _CHINESE.get(name, name)


def _nearest(day: int, proper: list[tuple[int, str]]) -> str:
    close = min(proper, key=lambda row: abs(row[0] - day), default=(day, "Public holiday"))
    return close[1] if abs(close[0] - day) <= 7 else "Public holiday"
