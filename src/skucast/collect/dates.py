"""Dates and moments from cells: ISO, day/month and month/day orders, 2024年3月5日, 20240305, month
names, Excel serial numbers and epoch seconds; with or without a time of day and a zone."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from ..errors import ConfigError
from .numbers import Cells, is_empty

MOMENT = pl.Datetime("us")
_FAST = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d", "%Y-%m-%d %H:%M")
_TIME = (
    r"(?:[T\s,]+(\d{1,2})[:时点h](\d{1,2})(?:[:分](\d{1,2})(?:[.,](\d{1,9}))?)?[秒分]?"
    r"\s*([AaPp]\.?[Mm]\.?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?(?:\s*\(?[A-Z]{3,4}\)?)?)?\s*$"
)
_YMD = r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?" + _TIME
_XXY = r"^(\d{1,2})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{4}|\d{2})" + _TIME
_DAY_NAME = r"^(?:[^\W\d]{2,10}\.?,?\s+)?"
_DNY = (
    _DAY_NAME
    + r"(\d{1,2})(?:st|nd|rd|th|\.)?[-\s/]*(?:de\s+)?([^\W\d]{3,10})\.?[-\s,/]*(?:de\s+)?(\d{4}|\d{2})"
    + _TIME
)
_NDY = _DAY_NAME + r"([^\W\d]{3,10})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})" + _TIME
_YM = r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?$"
_COMPACT = r"^((?:19|20|21)\d{2})(\d{2})(\d{2})(?:[T\s]?(\d{2}):?(\d{2}):?(\d{2})?)?$"
_MONTHS = {
    "jan": 1, "ene": 1, "gen": 1, "feb": 2, "fev": 2, "mar": 3, "mrz": 3, "apr": 4, "avr": 4, "abr": 4, "may": 5,
    "mai": 5, "mag": 5, "jun": 6, "giu": 6, "jul": 7, "lug": 7, "aug": 8, "aou": 8, "ago": 8, "sep": 9, "set": 9,
    "oct": 10, "okt": 10, "ott": 10, "nov": 11, "dec": 12, "dez": 12, "dic": 12,
}  # fmt: skip
_EXCEL_EPOCH = pl.date(1899, 12, 30)


def read_moments(cells: pl.Series, date_format: str = "", order: str = "dmy", timezone: str = "") -> Cells:
    """Any column as naive ``Datetime('us')`` in the shop's time.

    Args:
        cells: the column as it stands in the file.
        date_format: strftime format that all cells have, if known.
        order: ``dmy`` or ``mdy``, for dates such as 3/4/2024.
        timezone: stamps with a zone are moved to it; empty leaves their local time.

    Raises:
        ConfigError: the date format or the zone does not exist, or the format fits none of the cells.
    """
    dtype = cells.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return _to_zone(cells.cast(pl.Datetime("us", dtype.time_zone)), timezone), _none(cells)
    if isinstance(dtype, pl.Datetime) or dtype == pl.Date:
        return cells.cast(MOMENT), _none(cells)
    if dtype.is_numeric():
        values = _from_numbers(cells.cast(pl.Float64), timezone)
        return values, cells.is_not_null() & values.is_null()
    texts = cells.cast(pl.String, strict=False)
    if date_format:
        values = _with_format(texts, date_format, timezone)
    else:
        values = _fast(texts)
        rest = texts.is_not_null() & values.is_null()
        if rest.any():
            left = texts.filter(rest)
            distinct = left.unique()
            slow = left.replace_strict(distinct, _slow(distinct, order, timezone), default=None, return_dtype=MOMENT)
            values = values.scatter(rest.arg_true(), slow)
    missing = texts.is_not_null() & values.is_null()
    return values, missing & ~is_empty(texts) if missing.any() else missing


def order_votes(cells: pl.Series) -> tuple[int, int, int]:
    """How many distinct dates can only be day/month, only month/day, and how many could be both."""
    if cells.dtype != pl.String:
        return 0, 0, 0
    dates = cells.str.extract(r"^\W*(\d{1,2}\s*[-/.]\s*\d{1,2})\s*[-/.]\s*\d{2,4}\b", 1).drop_nulls().unique()
    parts = dates.str.extract_groups(r"(\d+)\D+(\d+)").struct.unnest()
    if parts.is_empty():
        return 0, 0, 0
    first, second = (parts[c].cast(pl.Int64) for c in parts.columns)
    return (
        int(((first > 12) & (second <= 12)).sum()),
        int(((second > 12) & (first <= 12)).sum()),
        int(((first <= 12) & (second <= 12) & (first != second)).sum()),
    )


def date_order(votes: Iterable[tuple[int, int, int]]) -> tuple[str, bool]:
    """``dmy`` or ``mdy`` and whether the dates prove it (an undecided one is taken as ``dmy``)."""
    triples = list(votes)
    day, month, both = (sum(t[i] for t in triples) for i in range(3))
    return ("mdy" if month > day else "dmy"), bool(day != month or not both)


def has_zone(cells: pl.Series) -> bool:
    """True if stamps name a zone (looked for in the first thousand)."""
    if isinstance(cells.dtype, pl.Datetime):
        return cells.dtype.time_zone is not None
    if cells.dtype != pl.String:
        return False
    return bool(cells.head(1000).str.contains(r":\d{2}(\.\d+)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})$").any())


def read_header_dates(headers: list[str], date_format: str = "") -> pl.Series:
    """Headers as moments; null where a header is no date (plain small numbers are none)."""
    texts = pl.Series("h", headers, dtype=pl.String)
    texts = texts.set(texts.str.contains(r"^\d{1,5}(\.\d+)?$"), None)
    order, _ = date_order([order_votes(texts)])
    values, _ = read_moments(texts, date_format, order)
    return values


def _none(cells: pl.Series) -> pl.Series:
    return pl.repeat(False, len(cells), eager=True)


def _fast(texts: pl.Series) -> pl.Series:
    """The format of the first cells, if it is a common one, at polars' full speed."""
    sample = texts.drop_nulls().head(50)
    for form in _FAST:
        if sample.str.to_datetime(form, strict=False, time_unit="us").is_not_null().any():
            values = texts.str.to_datetime(form, strict=False, time_unit="us")
            return values.set((values.dt.year() < 1000).fill_null(False), None)
    return pl.Series(texts.name, [None] * len(texts), dtype=MOMENT)


def _with_format(texts: pl.Series, form: str, timezone: str) -> pl.Series:
    try:
        values = texts.str.strip_chars().str.strptime(pl.Datetime("us"), form, strict=False)
        if values.null_count() == len(texts) and not re.search(r"%[HIcTRrsX+]", form):
            values = texts.str.strip_chars().str.strptime(pl.Date, form, strict=False).cast(MOMENT)
    except pl.exceptions.PolarsError:
        raise ConfigError(
            f"date_format '{form}' is no valid format: use codes such as %Y-%m-%d %H:%M:%S or %d.%m.%Y."
        ) from None
    filled = texts.filter(~is_empty(texts))
    if len(filled) and values.null_count() == len(texts):
        raise ConfigError(
            f"date_format '{form}' fits no date, such as '{filled[0]}': correct it, or leave it out to have it found."
        )
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone:
        return _to_zone(values, timezone)
    return values


def _slow(texts: pl.Series, order: str, timezone: str) -> pl.Series:
    clean = texts.str.normalize("NFKC").str.strip_chars().str.replace(r'^="([\s\S]*)"$', "$1")
    clean = clean.str.strip_chars("'\u200e\u200f ")
    dmy = (2, 1, 0) if order == "dmy" else (2, 0, 1)
    found = pl.Series("at", [None] * len(texts), dtype=MOMENT)
    for pattern, (year, month, day) in (
        (_YMD, (0, 1, 2)), (_XXY, dmy), (_COMPACT, (0, 1, 2)), (_DNY, (2, 1, 0)), (_NDY, (2, 0, 1)), (_YM, (0, 1, -1)),
    ):  # fmt: skip
        hit = found.is_null() & clean.str.contains(pattern)
        if not hit.any():
            continue
        groups = clean.filter(hit).str.extract_groups(pattern).struct.unnest()
        names = groups.columns
        parts = {"year": groups[names[year]], "month": _month(groups[names[month]])}
        parts["day"] = groups[names[day]] if day >= 0 else pl.repeat("1", groups.height, eager=True)
        for place, name in enumerate(("hour", "minute", "second", "fraction", "half", "zone"), start=3):
            if place < len(names) and day >= 0:
                parts[name] = groups[names[place]]
        found = found.scatter(hit.arg_true(), _assemble(parts, timezone))
    numeric = found.is_null() & clean.str.contains(r"^\d+(\.\d+)?$")
    if numeric.any():
        number = clean.filter(numeric).cast(pl.Float64, strict=False)
        found = found.scatter(numeric.arg_true(), _from_numbers(number, timezone))
    return found


def _assemble(parts: dict[str, pl.Series], timezone: str) -> pl.Series:
    """Dates from their parts; impossible ones (31 February) become null."""
    frame = pl.DataFrame({name: part.cast(pl.String) for name, part in parts.items()})
    for name, default in (
        ("hour", "0"),
        ("minute", "0"),
        ("second", "0"),
        ("fraction", "0"),
        ("half", ""),
        ("zone", ""),
    ):
        column = pl.col(name).fill_null(default) if name in frame.columns else pl.lit(default)
        frame = frame.with_columns(column.alias(name))
    year = pl.when(pl.col("year").str.len_chars() == 2).then(
        pl.when(pl.col("year") < "70").then(pl.lit("20")).otherwise(pl.lit("19")) + pl.col("year")
    ).otherwise(pl.col("year"))  # fmt: skip
    hour = pl.col("hour").cast(pl.Int64)
    afternoon = pl.col("half").str.to_lowercase().str.starts_with("p")
    morning = pl.col("half").str.to_lowercase().str.starts_with("a")
    hour = pl.when(afternoon & (hour < 12)).then(hour + 12).when(morning & (hour == 12)).then(0).otherwise(hour)
    two = [hour.cast(pl.String).str.zfill(2), pl.col("minute").str.zfill(2), pl.col("second").str.zfill(2)]
    text = pl.concat_str(
        [year, pl.lit("-"), pl.col("month").str.zfill(2), pl.lit("-"), pl.col("day").str.zfill(2), pl.lit(" "),
         two[0], pl.lit(":"), two[1], pl.lit(":"), two[2], pl.lit("."), pl.col("fraction").str.pad_end(6, "0").str.head(6)]
    )  # fmt: skip
    out = frame.select(text.str.to_datetime("%Y-%m-%d %H:%M:%S.%6f", strict=False, time_unit="us").alias("at"), "zone")
    zoned = out["zone"] != ""
    if not timezone or not zoned.any():
        return out["at"]
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    hours = pl.col("zone").str.extract(r"(\d{2}):?(?:\d{2})?$", 1).cast(pl.Int64)
    minutes = pl.col("zone").str.extract(r"\d{2}:?(\d{2})$", 1).cast(pl.Int64).fill_null(0)
    offset = (sign * (hours * 60 + minutes)).fill_null(0)  # Z, UTC and GMT
    utc = out.select(pl.col("at") - pl.duration(minutes=offset))["at"]
    return out["at"].zip_with(~zoned, _to_zone(utc.dt.replace_time_zone("UTC"), timezone))


def _month(texts: pl.Series) -> pl.Series:
    """Month numbers; names of months in five languages become numbers."""
    if not texts.str.contains(r"^\D").any():
        return texts
    plain = texts.str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    short = plain.str.head(3).replace("jui", None)
    number = short.replace_strict(_MONTHS, default=None, return_dtype=pl.Int64)
    french = plain.str.starts_with("juin").cast(pl.Int64) * 6 + plain.str.starts_with("juil").cast(pl.Int64) * 7
    return number.fill_null(french).cast(pl.String)


def _from_numbers(values: pl.Series, timezone: str) -> pl.Series:
    """Excel serials, 20240305, 202403, 2024 and epoch seconds to nanoseconds (told by their size)."""
    v = pl.col("v")
    whole = v.cast(pl.Int64, strict=False)
    ymd = whole.cast(pl.String).str.to_datetime("%Y%m%d", strict=False, time_unit="us")
    ym = (whole.cast(pl.String) + "01").str.to_datetime("%Y%m%d", strict=False, time_unit="us")
    y = (whole.cast(pl.String) + "0101").str.to_datetime("%Y%m%d", strict=False, time_unit="us")
    serial = _EXCEL_EPOCH.cast(MOMENT) + pl.duration(microseconds=(v * 86_400e6).round().cast(pl.Int64, strict=False))
    epoch = pl.lit(None, dtype=pl.Int64)
    for low, high, scale in ((1e8, 1e11, 1e6), (1e11, 1e14, 1e3), (1e14, 1e17, 1.0), (1e17, 9e18, 1e-3)):
        epoch = (
            pl.when(v.is_between(low, high, "left"))
            .then((v * scale).round().cast(pl.Int64, strict=False))
            .otherwise(epoch)
        )
    frame = pl.DataFrame({"v": values}).select(
        pl.when(v.is_between(19_000_101, 21_991_231)).then(ymd)
        .when(v.is_between(190_001, 219_912)).then(ym)
        .when(v.is_between(1900, 2199)).then(y)
        .when(v.is_between(15_000, 80_000)).then(serial).alias("local"),
        epoch.cast(MOMENT).alias("utc"),
    )  # fmt: skip
    utc = frame["utc"]
    if timezone and utc.null_count() < len(utc):
        utc = _to_zone(utc.dt.replace_time_zone("UTC"), timezone)
    return frame["local"].zip_with(frame["local"].is_not_null(), utc)


def _to_zone(values: pl.Series, timezone: str) -> pl.Series:
    if timezone:
        try:
            values = values.dt.convert_time_zone(timezone)
        except pl.exceptions.PolarsError:
            raise ConfigError(
                f"[project] timezone '{timezone}' is unknown: use a name such as Europe/Berlin or Asia/Shanghai."
            ) from None
    return values.dt.replace_time_zone(None)
