"""Numbers, flags and texts from cells as people and programs write them.

``1.234,50 €``, ``$1,234.50``, ``(12.00)``, ``12-``, ``¥1２`` and ``20 %`` are numbers; ``NaN`` and
infinity are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

EMPTY = ("", "na", "n/a", "#n/a", "null", "none", "nil", "-", "--", "—", "\\n", "(empty)", "无", "空")
"""Texts that say that there is no value (compared without case and outer blanks)."""

_MONEY = (
    r"(?:us\$|hk\$|nt\$|r\$|a\$|c\$|[$€£¥￥₩₹₽₺฿₫₴]|usd|eur|gbp|cny|rmb|chf|sek|nok|dkk|pln|jpy|inr|aud|cad|"
    r"kr\.?|zł|fr\.|元|円|圆|件|个|pcs\.?|stk\.?|units?)"
)
_TRUE = ("true", "t", "1", "1.0", "yes", "y", "ja", "oui", "si", "sí", "sì", "x", "on", "是", "有", "真", "✓")
_FALSE = ("false", "f", "0", "0.0", "no", "n", "nein", "non", "off", "否", "无", "假", "")

_NO_TEXT = ["", "NULL", "null", "None", "nan", "NaN", "<NA>", "#N/A", "\\N"]  # what programs write for nothing
_BLANKS = " \t\r\n\x0b\x0c\u00a0\u2002\u2003\u2009\u200b\u202f\u3000\ufeff"

Cells = tuple[pl.Series, pl.Series]
"""Values and, of the same length, True where a cell says something that cannot be read."""


def read_numbers(cells: pl.Series, decimal: str = "") -> Cells:
    """Text or any column as float64.

    Args:
        cells: the column as it stands in the file.
        decimal: the decimal mark, ``.`` or ``,``; empty is ``.``.
    """
    if cells.dtype.is_numeric() or cells.dtype == pl.Boolean:
        values = cells.cast(pl.Float64)
        strange = values.is_nan() | values.is_infinite()
        return values.set(strange.fill_null(False), None), strange.fill_null(False)
    if cells.dtype != pl.String:
        cells = cells.cast(pl.String, strict=False)
    if decimal == ",":  # every cell is looked at: 1.234 is more than a thousand
        values = _by_distinct(cells, lambda s: _clean(s, ","), pl.Float64())
    else:
        values = cells.cast(pl.Float64, strict=False)
        rest = cells.is_not_null() & values.is_null()
        if rest.any():
            values = values.scatter(
                rest.arg_true(), _by_distinct(cells.filter(rest), lambda s: _clean(s, "."), pl.Float64())
            )
    strange = (values.is_nan() | values.is_infinite()).fill_null(False)
    values = values.set(strange, None)
    missing = cells.is_not_null() & values.is_null()
    bad = missing & ~strange & ~is_empty(cells) if missing.any() else missing
    return values, bad | strange


def read_flags(cells: pl.Series) -> Cells:
    """Yes and no, in the languages of `columns`; any number but zero is yes."""
    if cells.dtype == pl.Boolean:
        return cells, pl.repeat(False, len(cells), eager=True)
    if cells.dtype.is_numeric():
        values, bad = read_numbers(cells)
        return values != 0, bad
    known = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}

    def parse(distinct: pl.Series) -> pl.Series:
        words = distinct.str.strip_chars().str.to_lowercase()
        flags = words.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Boolean)
        return flags.zip_with(flags.is_not_null(), words.cast(pl.Float64, strict=False) != 0)

    texts = cells.cast(pl.String, strict=False)
    values = _by_distinct(texts, parse, pl.Boolean())
    return values, texts.is_not_null() & values.is_null() & ~is_empty(texts)


def read_texts(cells: pl.Series) -> Cells:
    """Any column as text: whole floats lose their ``.0``, outer blanks and ``="..."`` go, empty is null.

    So are ``NULL`` and ``nan``, which programs write for nothing; ``NA`` stays, it may be Namibia.

    The second result marks the texts that were changed.
    """
    kept = pl.repeat(False, len(cells), eager=True, dtype=pl.Boolean)
    if cells.dtype.is_float():
        finite = cells.drop_nulls().drop_nans()
        whole = (finite == finite.floor()) & (finite.abs() < 2**53)
        cells = cells.fill_nan(None)
        return (cells.cast(pl.Int64) if bool(whole.all()) else cells).cast(pl.String), kept
    if cells.dtype != pl.String:
        return cells.cast(pl.String, strict=False), kept
    texts = cells.str.strip_chars(_BLANKS)
    wrapped = texts.str.starts_with('="')
    if wrapped.any():
        texts = texts.str.replace(r'^="([\s\S]*)"$', "$1")
    empty = texts.is_in(_NO_TEXT)
    changed = (texts != cells).fill_null(False)
    if empty.any():
        changed, texts = changed & ~empty.fill_null(False), texts.set(empty.fill_null(False), None)
    return texts, changed


def is_empty(cells: pl.Series) -> pl.Series:
    """True where a text says that there is no value."""
    return cells.is_null() | cells.str.strip_chars().str.to_lowercase().is_in(list(EMPTY)).fill_null(False)


def decimal_votes(cells: pl.Series) -> tuple[int, int]:
    """How many distinct cells can only have a decimal point, and how many only a decimal comma."""
    texts = cells.unique().drop_nulls()
    point = texts.str.contains(r"^\D*\d{1,3}(,\d{3})*\.\d{1,2}\D*$|^\D*\d+\.\d{1,2}\D*$|^\D*\d+\.\d{4,}\D*$")
    comma = texts.str.contains(
        r"^\D*\d{1,3}(\.\d{3})+,\d+\D*$|^\D*\d+,\d{1,2}\D*$|^\D*\d+,\d{4,}\D*$|^\D*0,\d+\D*$|^\D*\d{1,3}(\.\d{3}){2,}\D*$"
    )
    return int(point.sum()), int(comma.sum())


def decimal_mark(votes: Iterable[tuple[int, int]]) -> str:
    """The decimal mark that most distinct cells speak for; ``.`` where none does."""
    pairs = list(votes)
    return "," if sum(c for _, c in pairs) > sum(p for p, _ in pairs) else "."


def _by_distinct(cells: pl.Series, parse: Callable[[pl.Series], pl.Series], dtype: pl.DataType) -> pl.Series:
    """Parse each distinct text once; prices and quantities repeat a lot."""
    distinct = cells.unique().drop_nulls()
    if distinct.is_empty():
        return pl.Series(cells.name, [None] * len(cells), dtype=dtype)
    return cells.replace_strict(distinct, parse(distinct), default=None, return_dtype=dtype)


def _clean(texts: pl.Series, decimal: str) -> pl.Series:
    group, mark = (r"\.\d{3}", ",") if decimal == "," else (r",\d{2,3}", r"\.")  # 1,00,000 in India
    frame = pl.select(
        pl.lit(texts)
        .str.normalize("NFKC")
        .str.strip_chars()
        .str.replace(r'^="([\s\S]*)"$', "$1")
        .str.to_lowercase()
        .str.replace_all("[\u2212\u2012\u2013]", "-")
        .str.replace(r"^\((.*)\)$", "-$1")
        .str.replace(r"^(.*\d.*)-$", "-$1")
        .str.replace(rf"^([+-]?)\s*{_MONEY}\s*([+-]?)", "${1}${2}")
        .str.replace(rf"\s*{_MONEY}$", "")
        .str.strip_chars()
        .alias("text")
    )
    text = pl.col("text")
    number = text.str.strip_chars_end("%").str.strip_chars()
    blanks = number.str.contains(rf"^[+-]?\d{{1,3}}([\s'’`]\d{{3}})+({mark}\d*)?$")
    number = pl.when(blanks).then(number.str.replace_all(r"[\s'’`]", "")).otherwise(number)
    groups = number.str.contains(rf"^[+-]?\d{{1,3}}({group})+({mark}\d*)?$")
    number = (
        pl.when(groups).then(number.str.replace_all("." if decimal == "," else ",", "", literal=True)).otherwise(number)
    )
    if decimal == ",":
        number = number.str.replace(",", ".", literal=True)
    value = number.cast(pl.Float64, strict=False)
    return frame.select(pl.when(text.str.ends_with("%")).then(value / 100).otherwise(value).alias("v"))["v"]
