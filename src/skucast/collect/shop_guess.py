"""What the files say about the shop itself: language, currency, country, time zone, frequency."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from ..errors import DataError
from ..panel_frame import infer_frequency
from .columns import normal
from .dates import date_order, has_zone, order_votes, read_header_dates, read_moments
from .mapping import cut_header
from .survey import Finding

_HAN = re.compile(r"[\u4e00-\u9fff]")
_SYMBOLS = {"£": "GBP", "€": "EUR", "$": "USD", "¥": "CNY", "￥": "CNY", "₹": "INR", "₩": "KRW", "zł": "PLN"}
_CURRENCY_HEADERS = {
    normal(n)
    for n in ("currency", "币种", "währung", "devise", "moneda", "valuta", "order currency", "order_currency_code")
}
_LOOKED_AT = 2000  # rows


@dataclass(frozen=True)
class Guess:
    """Values of ``[project]`` and ``[demand]``.

    Attributes:
        name: of the shop.
        language: ``en`` or ``zh``.
        currency: ISO code.
        country: ISO code, or empty.
        timezone: or empty.
        freq: of the forecast.
        doubts: what is a guess.
    """

    name: str
    language: str
    currency: str
    country: str
    timezone: str
    freq: str
    doubts: tuple[str, ...] = ()


def guess_shop(name: str, findings: list[Finding]) -> Guess:
    """Guess from the headers and first rows of the files that are used."""
    main = findings[0]
    chinese = any(_HAN.search("".join(f.headers)) for f in findings)
    currency = _currency(findings)
    doubts = []
    if not currency:
        currency = "CNY" if chinese else "EUR"
        doubts.append(f"the files name no currency, {currency} is taken: see [project]")
    timezone = "Asia/Shanghai" if chinese else ""
    if not timezone and any(has_zone(f.sample[c]) for f in findings[:1] for c in f.sample.columns):
        doubts.append("stamps name a time zone: set timezone under [project] to that of the shop")
    return Guess(
        name or "my shop",
        "zh" if chinese else "en",
        currency,
        "CN" if chinese else "",
        timezone,
        _freq(main),
        tuple(doubts),
    )


def _currency(findings: list[Finding]) -> str:
    """The code in a column of currencies, else the symbol in headers or prices."""
    for finding in findings:
        for header in finding.headers:
            if normal(header) in _CURRENCY_HEADERS and finding.sample.schema[header] == pl.String:
                codes = finding.sample[header].drop_nulls().str.strip_chars().value_counts(sort=True)
                if codes.height and re.fullmatch("[A-Z]{3}", code := str(codes[header][0])):
                    return code
    for finding in findings:
        texts = [*finding.headers]
        for name in finding.sample.columns:
            if finding.sample.schema[name] == pl.String:
                cells = finding.sample[name].head(_LOOKED_AT).drop_nulls()
                texts += cells.filter(cells.str.contains(r"^\W{0,2}\d[\d.,\s]*\W{0,3}$|^zł|zł$")).head(50).to_list()
        for symbol, code in _SYMBOLS.items():
            if any(symbol in text for text in texts):
                return code
    return ""


def _freq(main: Finding) -> str:
    """Days for order lines; the table's own grid for sales."""
    meaning = main.meaning
    assert meaning is not None
    if meaning.table != "sales":
        return "D"
    if meaning.melt == "dates":
        stamps = read_header_dates([cut_header(h, meaning.prefixes)[1] for h in meaning.across])
    else:
        cells = main.sample[meaning.columns["date"]]
        order, _ = date_order([order_votes(cells)])
        stamps, _ = read_moments(cells, order=order)
    days = stamps.cast(pl.Date).drop_nulls().unique().sort()
    if len(days) < 3:
        return "D"
    try:
        return infer_frequency(days.to_numpy().astype("datetime64[us]")).alias
    except DataError:
        return "D"
