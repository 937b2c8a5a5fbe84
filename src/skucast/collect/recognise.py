"""Recognise: which table some headers and cells are, and which column means what."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from .columns import bare, is_code, match_headers, normal
from .dates import date_order, order_votes, read_header_dates, read_moments
from .mapping import cut_header
from .numbers import decimal_mark, decimal_votes, is_empty, read_numbers
from .presets import Preset
from .tables import SCHEMAS

_LEAST = 3  # columns that run across, below which a table is taken as long
_READABLE = 0.5  # share of cells that must be dates or numbers
_MEASURES: dict[str, str] = {
    **dict.fromkeys(
        ("qty", "quantity", "sales", "sold", "units", "demand", "menge", "absatz", "销量", "数量"), "quantity"
    ),
    **dict.fromkeys(("promo", "promotion", "onpromo", "aktion", "促销"), "promotion"),
    **dict.fromkeys(("price", "preis", "prix", "precio", "prezzo", "单价", "价格"), "price"),
    **dict.fromkeys(("revenue", "turnover", "umsatz", "销售额"), "revenue"),
    **dict.fromkeys(("available", "instock", "stock", "availability", "有货"), "available"),
}
_GENERIC = {normal(n) for n in ("quantity", "qty", "数量", "available", "data", "date", "in stock")}
_STOCK_FILE = re.compile(r"stock|invent|on.?hand|库存|盘点|bestand|lager|existencias|giacenz", re.IGNORECASE)
_BOUGHT_FILE = re.compile(
    r"deliver|receipt|shipment|purchas|transit|open.?order|(^|[^a-z])po([^a-z]|$)|采购|到货|入库|在途|liefer|einkauf|eingang"
    r"|livraison|achat|entrega|compra|consegn|acquist",
    re.IGNORECASE,
)
_SIGNAL = {
    normal(n) for n in ("name", "signal", "metric", "variable", "indicator", "series", "指标", "指标名称", "名称")
}
_READING = {normal(n) for n in ("value", "index", "reading", "数值", "值", "指数", "wert", "valeur", "valor", "valore")}
_BEHAVIOUR = {
    "view", "cart", "purchase", "favourite", "favorite", "fav", "buy", "pv", "click", "add_to_cart", "addtocart",
    "wishlist", "transaction", "浏览", "加购", "收藏", "购买", "点击",
}  # fmt: skip


@dataclass(frozen=True)
class Meaning:
    """What a file is.

    Attributes:
        table: the table.
        columns: skucast's column -> the file's, for `[source.columns]`.
        melt: the direction in which a wide table runs, ``dates`` or ``items``, else empty.
        prefixes: start of a header -> what it measures.
        across: headers that run across.
        missing: numbers that mean "no value".
        doubts: what should be checked, in sentences without a full stop.
    """

    table: str
    columns: dict[str, str]
    melt: str = ""
    prefixes: dict[str, str] = field(default_factory=dict)
    across: tuple[str, ...] = ()
    missing: tuple[int, ...] = ()
    doubts: tuple[str, ...] = ()


def recognise(headers: list[str], sample: pl.DataFrame, stem: str, preset: Preset | None) -> tuple[Meaning | None, str]:
    """Find out what a table is.

    Args:
        headers: names of the columns.
        sample: some rows.
        stem: name of the file, without its ending.
        preset: the export whose headers these are, if there is one.

    Returns:
        What it is, or None and the reason why it is of no use.
    """
    if sample.height == 0:
        return None, "it has no rows"
    if preset is not None:
        return Meaning(preset.table, {}), ""
    wide = _dates_across(headers, sample) or _items_across(headers, sample)
    if wide is not None:
        return wide, ""
    for table, is_table in _TESTS:
        columns = match_headers(headers, table)
        missing = [name for name in SCHEMAS[table].required if name not in columns]
        if not missing and _fits(table, columns, sample) and is_table(columns, sample, stem):
            return Meaning(table, columns, doubts=tuple(_doubts(table, columns))), ""
    return None, _why_not(headers)


def _dates_across(headers: list[str], sample: pl.DataFrame) -> Meaning | None:
    dates = read_header_dates(headers)
    across = tuple(h for h, date in zip(headers, dates, strict=True) if date is not None and h[:1].isdigit())
    rest = [h for h in headers if h not in across]
    if len(across) < _LEAST or len(across) < len(rest) or not rest:
        return None
    columns = {n: h for n, h in match_headers(rest, "sales").items() if n in ("sku", "location", "channel")}
    doubts = []
    if "sku" not in columns:
        columns["sku"] = next((h for h in rest if h not in columns.values()), rest[0])
        doubts.append(f"column '{columns['sku']}' is taken as the item")
    cells = sample.select(across)
    if all(dtype == pl.Boolean for dtype in cells.dtypes) or _all_in(cells, ("true", "false")):
        return Meaning("sales", columns, "dates", {"": "available"}, across, doubts=tuple(doubts))
    missing = _missing(cells)
    if missing:
        doubts.append("-1 is taken as 'no value' (not yet on sale), since no other number is negative")
    return Meaning("sales", columns, "dates", {}, across, missing, tuple(doubts))


def _items_across(headers: list[str], sample: pl.DataFrame) -> Meaning | None:
    day = match_headers(headers, "sales").get("date")
    if day is None or not _share(sample[day], _moment_share):
        return None
    starts: dict[str, list[str]] = {}
    for header in headers:
        found = re.match(r"^([^\W\d_]+)[\s_\-.:]+(?=\S)", header)
        if header != day and found and (measure := _MEASURES.get(normal(found[1]))):
            starts.setdefault(f"{found[0]}\0{measure}", []).append(header)
    prefixes = {key.split("\0")[0]: key.split("\0")[1] for key, found in starts.items() if len(found) >= _LEAST}
    across = tuple(h for h in headers if h.startswith(tuple(prefixes)) and h != day) if prefixes else ()
    if "quantity" in prefixes.values() and len(across) >= len(headers) / 2:
        missing = _missing(sample.select(h for h in across if prefixes[cut_header(h, prefixes)[0]] == "quantity"))
        doubt = ("-1 is taken as 'no value', since no other number is negative",) if missing else ()
        return Meaning("sales", {"date": day}, "items", prefixes, across, missing, doubt)
    known = set(match_headers(headers, "sales").values()) | set(match_headers(headers, "orders").values())
    others = [h for h in headers if h != day]
    new = [h for h in others if h not in known]
    numeric = [h for h in new if _share(sample[h], _number_share)]
    if len(others) >= _LEAST and len(numeric) == len(others):
        doubt = (f"every column but '{day}' is taken as an item with its units sold",)
        return Meaning("sales", {"date": day}, "items", {}, tuple(numeric), _missing(sample.select(numeric)), doubt)
    return None


def _is_promotions(columns: dict[str, str], sample: pl.DataFrame, stem: str) -> bool:
    return len({columns["start"], columns["end"]}) == 2


def _is_suppliers(columns: dict[str, str], sample: pl.DataFrame, stem: str) -> bool:
    return bool({"lead_time_days", "review_days", "min_order_value"} & columns.keys())


def _is_deliveries(columns: dict[str, str], sample: pl.DataFrame, stem: str) -> bool:
    return bool(_BOUGHT_FILE.search(stem)) and len({columns["ordered_at"], columns["received_at"]}) == 2


def _is_open_orders(columns: dict[str, str], sample: pl.DataFrame, stem: str) -> bool:
    return bool(_BOUGHT_FILE.search(stem)) and "due" in columns


def _is_events(columns: dict[str, str], sample: pl.DataFrame, stem: str) -> bool:
    kinds = sample[columns["kind"]].cast(pl.String, strict=False).str.to_lowercase().str.strip_chars().unique()
    return bool(kinds.is_in(list(_BEHAVIOUR)).any())


def _is_stock(columns: dict[str, str], sample: pl.DataFrame, stem: str) -> bool:
    return bare(columns["on_hand"]) not in _GENERIC or bool(_STOCK_FILE.search(stem))


def _is_signals(columns: dict[str, str], sample: pl.DataFrame, stem: str) -> bool:
    return normal(columns["name"]) in _SIGNAL and normal(columns["value"]) in _READING


def _is_orders(columns: dict[str, str], sample: pl.DataFrame, stem: str) -> bool:
    """Lines have a number, a customer, a time of day or several rows per item and date."""
    if {"order_id", "customer"} & columns.keys():
        return True
    moments, _ = read_moments(sample[columns["ordered_at"]])
    if bool((moments.dt.time() != dt.time(0)).any()):
        return True
    keys = [columns[n] for n in ("sku", "ordered_at", "location", "channel") if n in columns]
    return bool(sample.select(keys).is_duplicated().any())


def _is_sales(columns: dict[str, str], sample: pl.DataFrame, stem: str) -> bool:
    return True


def _is_products(columns: dict[str, str], sample: pl.DataFrame, stem: str) -> bool:
    codes = sample[columns["sku"]].drop_nulls()
    return len(columns) > 1 and len(codes) > 0 and codes.n_unique() >= 0.99 * len(codes)


_Test = Callable[[dict[str, str], pl.DataFrame, str], bool]
_TESTS: tuple[tuple[str, _Test], ...] = (
    ("promotions", _is_promotions), ("suppliers", _is_suppliers),
    ("deliveries", _is_deliveries), ("open_orders", _is_open_orders), ("events", _is_events), ("signals", _is_signals),
    ("stock", _is_stock), ("orders", _is_orders), ("sales", _is_sales), ("products", _is_products),
)  # fmt: skip
"""The tables in the order in which they are tried: from the most particular to the most general."""


def _fits(table: str, columns: dict[str, str], sample: pl.DataFrame) -> bool:
    """True if the cells of the needed columns are what they must be."""
    kinds = SCHEMAS[table].kinds
    for name in SCHEMAS[table].required:
        cells = sample[columns[name]]
        if kinds[name] == "number" and not _share(cells, _number_share):
            return False
        if kinds[name] in ("date", "moment") and not _share(cells, _moment_share):
            return False
    return True


def _share(cells: pl.Series, test: Callable[[pl.Series], float]) -> bool:
    filled = cells.drop_nulls()
    if filled.dtype == pl.String:
        filled = filled.filter(~is_empty(filled))
    return not len(filled) or test(filled) >= _READABLE


def _number_share(cells: pl.Series) -> float:
    if cells.dtype.is_numeric() or cells.dtype == pl.Boolean:
        return 1.0
    if cells.dtype != pl.String:
        return 0.0
    values, _ = read_numbers(cells, decimal_mark([decimal_votes(cells)]))
    return values.is_not_null().mean() or 0.0  # type: ignore[return-value]


def _moment_share(cells: pl.Series) -> float:
    if cells.dtype.is_temporal():
        return 0.0 if cells.dtype in (pl.Time, pl.Duration) else 1.0
    if cells.dtype != pl.String and not cells.dtype.is_integer():
        return 0.0
    order, _ = date_order([order_votes(cells)])
    values, _ = read_moments(cells, order=order)
    return values.is_not_null().mean() or 0.0  # type: ignore[return-value]


def _missing(cells: pl.DataFrame) -> tuple[int, ...]:
    """-1, if it is the only negative number."""
    numbers = pl.concat([read_numbers(cells[name])[0].alias("n") for name in cells.columns])
    negative = numbers.filter((numbers < 0).fill_null(False)).unique().to_list()
    return (-1,) if negative == [-1.0] else ()


def _all_in(cells: pl.DataFrame, words: tuple[str, ...]) -> bool:
    if any(dtype != pl.String for dtype in cells.dtypes):
        return False
    texts = pl.concat([cells[name].alias("t") for name in cells.columns]).drop_nulls().str.to_lowercase().unique()
    return len(texts) > 0 and bool(texts.is_in(list(words)).all())


def _doubts(table: str, columns: dict[str, str]) -> list[str]:
    doubts = []
    if "sku" in columns and not is_code(columns["sku"], table):
        doubts.append(
            f"items are told apart by their name in column '{columns['sku']}': name the column of codes if there is one"
        )
    return doubts


def _why_not(headers: list[str]) -> str:
    """What the file would need to be a table of sales."""
    columns = match_headers(headers, "sales")
    sold = [name for name in SCHEMAS["sales"].required if name not in columns]
    if not sold:
        return "its columns of items, dates and quantities do not hold such"
    meanings = {c.name: c.meaning for c in SCHEMAS["sales"].columns}
    return "it has no column for " + ", ".join(f"{name} ({meanings[name]})" for name in sold)
