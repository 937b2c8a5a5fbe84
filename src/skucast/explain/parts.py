"""Parts: what a forecast is taken apart into, and which covariate belongs to which part."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import ConfigError
from ..panel import Panel

PARTS: tuple[str, ...] = ("level", "season", "holidays", "promotion", "price", "weather", "other")
"""Parts of a forecast, in order: they add up to its mean."""
HOLIDAYS = "holidays"
EFFECTS: tuple[str, ...] = PARTS[2:]
"""Parts that hang on what is known of the steps ahead."""
NAMED: tuple[str, ...] = ("season", *EFFECTS)
"""Parts that a covariate can belong to. Those of the season are taken as they are, never as something special."""

_EDGE = r"(?<![a-zäöüß])"  # words begin after a digit, a dash or the start
_WORDS: tuple[tuple[str, str], ...] = (
    ("holidays", r"holiday|event|festiv|feiertag|ferien|feriado|ferié|férié|vacation|vacanc|easter|christmas|ramadan|节日|节假|假日|假期|春节"),
    ("promotion", r"promo|deal|offer|coupon|campaign|markdown|advert|flyer|leaflet|discount|aktion|rabatt|oferta|sconto|"
                  r"remise|soldes|促销|折扣|优惠|活动|满减|" + _EDGE + r"(feat|display|sale)(?![a-z])"),
    ("price", r"price|preis|prix|prezzo|precio|preço|售价|价格|单价|定价"),
    ("weather", r"temperatur|weather|rain|precip|snow|sunshine|humid|wind(?!ow)|cloud|frost|wetter|regen|niederschlag|"
                r"schnee|meteo|météo|pluie|neige|lluvia|pioggia|气温|温度|天气|降雨|降水|湿度|风速|降雪|" + _EDGE + r"t(emp|max|min|avg)(?![a-z])"),
    ("season", _EDGE + r"(week_?day|day_?of_?(week|month|year)|dow|doy|week(_?of_?year)?|month|quarter|year|hour|"
               r"monat|woche|wochentag|jahr)(_?(sin|cos)\d*)?(?![a-z])|weekend|wochenende|星期|周末|月份|季度|" + _EDGE + r"trend(?![a-z])"),
)  # fmt: skip


def part_of(panel: Panel, given: Mapping[str, Sequence[str] | str] | None = None) -> dict[str, str]:
    """Known covariate -> the part that it belongs to, told by its name.

    A covariate that is called both a promotion and a price (``promo_price``) is a price if it is hardly ever zero.

    Args:
        panel: whose covariates.
        given: part -> its covariates, where names do not tell.

    Raises:
        ConfigError: there is no such part or covariate, or one is given twice.
    """
    out = {name: _guess(panel, name) for name in panel.known}
    seen: set[str] = set()
    for part, names in (given or {}).items():
        if part not in NAMED:
            raise ConfigError(f"Covariates cannot belong to the part '{part}'; there are: {', '.join(NAMED)}.")
        for name in (names,) if isinstance(names, str) else names:
            if name not in panel.known:
                have = ", ".join(panel.known) or "none"
                raise ConfigError(f"There is no known covariate '{name}' to belong to '{part}'; there are: {have}.")
            if name in seen:
                raise ConfigError(f"The covariate '{name}' is given to two parts.")
            seen.add(name)
            out[name] = part
    return out


def _guess(panel: Panel, name: str) -> str:
    found = [part for part, words in _WORDS if re.search(words, name, re.IGNORECASE)]
    if "promotion" in found and "price" in found:
        seen = panel.known[name][~np.isnan(panel.known[name])]
        return "price" if seen.size and float(np.mean(seen > 0)) > 0.9 else "promotion"
    return found[0] if found else "other"
