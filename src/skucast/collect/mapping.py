"""Mapping: which columns of a file make which columns of a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from ..config import Config, Source
from ..errors import ConfigError, DataError
from .columns import bare, match_headers, normal
from .dates import read_header_dates
from .presets import STATUS, load_preset
from .repairs import Repairs
from .tables import SCHEMAS, Kind

_SHOWN = 12
TIME = {"orders": "ordered_at", "sales": "date", "stock": "date", "events": "at", "signals": "date"}
"""Column that says when, by table."""
ITEM = {"orders": "sku", "sales": "sku", "stock": "sku", "events": "sku", "signals": "name"}
"""Column that the items of a wide table go to."""
MEASURE = {"orders": "quantity", "sales": "quantity", "stock": "on_hand", "events": "count", "signals": "value"}
"""Column that the cells of a wide table go to."""


@dataclass(frozen=True)
class Mapping:
    """How one file becomes rows of one table.

    Attributes:
        table: the table.
        columns: skucast's column -> columns of the file, joined if several.
        kinds: skucast's column -> its kind, columns beyond the schema included.
        fallbacks: skucast's column -> column of the file used where it is empty.
        subtract: columns of the file taken off the quantity.
        constants: skucast's column -> fixed value.
        wide: columns of a wide table that run across.
        ignored: columns of the file without a use.
    """

    table: str
    columns: dict[str, tuple[str, ...]]
    kinds: dict[str, Kind]
    fallbacks: dict[str, str] = field(default_factory=dict)
    subtract: tuple[str, ...] = ()
    constants: dict[str, str | float | bool] = field(default_factory=dict)
    wide: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def used(self) -> set[str]:
        """Columns of the file that are read."""
        stated = (n for names in self.columns.values() for n in names)
        return {*stated, *self.fallbacks.values(), *self.subtract, *self.wide}


def kept_columns(config: Config) -> tuple[str, ...]:
    """Columns beyond the schemas that the project file asks for."""
    return tuple(dict.fromkeys([*config.demand.level, *config.forecast.known, *config.forecast.past]))


def make_mapping(headers: list[str], source: Source, config: Config, label: str) -> Mapping:
    """Decide what each column of a file means.

    Stated columns win, then the preset's, then headers that the dictionary knows. Where columns are
    stated, the dictionary only fills in required ones and exact names.

    Raises:
        ConfigError: a stated name is no column of the table.
        DataError: a stated or required column is missing; the sentence says how to map it.
    """
    schema = SCHEMAS[source.table]
    kept = kept_columns(config)
    kinds: dict[str, Kind] = dict(schema.kinds)
    columns: dict[str, tuple[str, ...]] = {}
    fallbacks: dict[str, str] = {}
    subtract: tuple[str, ...] = ()
    by_name = {normal(h): h for h in reversed(headers)} | {h: h for h in headers}
    for name, given in source.columns.items():
        if name not in kinds:
            _check_extra(name, source.table, tuple(kinds), kept)
            kinds[name] = "text" if name in config.demand.level else "number"
        parts = [given] if isinstance(given, str) else list(given)
        for part in parts:
            if part not in by_name and normal(part) not in by_name:
                raise DataError(
                    f"'{label}' has no column '{part}', which skucast.toml names for {source.table}.{name}: "
                    f"it has {_listed(headers)}. Correct '{name} = ...' under [source.columns]."
                )
        columns[name] = tuple(by_name.get(part, by_name.get(normal(part), part)) for part in parts)
    constants: dict[str, str | float | bool] = dict(source.constants)
    if source.preset:
        preset = load_preset(source.preset)
        if preset.table == source.table:
            for name, names in preset.mapping(headers).items():
                columns.setdefault(name, names)
            fallbacks = {n: f for n, f in preset.fallbacks(headers).items() if n not in source.columns}
            if "quantity" not in source.columns:
                subtract = preset.subtracted(headers)
            if preset.status and "status" not in source.columns:
                columns["status"] = (STATUS,)
            constants = {**{k: v for k, v in preset.constants.items() if k not in columns}, **constants}
    made = _wide_columns(source)
    across = find_across(headers, source, label) if source.melt else ()
    wide = set(across)
    found = match_headers([h for h in headers if h not in wide], source.table)
    used = {n for names in columns.values() for n in names}
    for name, header in found.items():
        exact = normal(name) in (normal(header), bare(header))
        wanted = not source.columns and not source.preset
        if name in columns or name in constants or name in made or (header in used and not exact):
            continue
        if wanted or exact or name in schema.required:
            columns[name] = (header,)
            used.add(header)
    for name in columns.keys() & constants.keys():
        del columns[name]
    for name in fallbacks.keys() - columns.keys():
        columns[name] = (fallbacks.pop(name),)
    for name in kept:
        own = by_name.get(name, by_name.get(normal(name)))
        if name not in kinds and own is not None and own not in wide:
            kinds[name] = "text" if name in config.demand.level else "number"
            columns[name] = (own,)
    for name, value in constants.items():
        if name not in kinds:
            _check_extra(name, source.table, tuple(kinds), kept)
            kinds[name] = "text" if isinstance(value, str) else "flag" if isinstance(value, bool) else "number"
    _check_required(headers, source, label, {*columns, *constants, *made})
    mapping = Mapping(source.table, columns, kinds, fallbacks, subtract, constants, across)
    used = mapping.used
    ignored = () if source.preset else tuple(h for h in headers if h not in used)
    return replace(mapping, ignored=ignored)


def note_ignored(mapping: Mapping, label: str, repairs: Repairs) -> None:
    """List the columns without a use, as one repair."""
    if mapping.ignored:
        repairs.add(
            "read", mapping.table, "ignored-columns", "noted", len(mapping.ignored),
            example=f"'{label}': {_listed(list(mapping.ignored))}",
            remedy="map them under [source.columns], or name them in [demand] level or [forecast] known or past",
        )  # fmt: skip


def _wide_columns(source: Source) -> set[str]:
    """Columns that a wide table gives by itself."""
    if source.melt is None:
        return set()
    if source.table not in TIME:
        raise ConfigError(
            f"[[source]] table = '{source.table}' cannot be melted: only {', '.join(TIME)} have a wide form."
        )
    own = TIME[source.table] if source.melt.across == "dates" else ITEM[source.table]
    measures = set(source.melt.prefixes.values()) or {MEASURE[source.table]}
    unknown = measures - SCHEMAS[source.table].kinds.keys()
    if unknown:
        raise ConfigError(
            f"[source.melt] prefixes names '{min(unknown)}', which is no column of {source.table}: "
            f"use one of {', '.join(SCHEMAS[source.table].kinds)}."
        )
    # a wide table of another measure (in stock or not) adds a column to the rows of the main one
    return {own, *measures, MEASURE[source.table]}


def split_header(header: str, source: Source) -> tuple[str, str]:
    """Measure and item (or date) of a column that runs across, such as ``QTY_B1`` -> ``quantity``, ``B1``."""
    assert source.melt is not None
    prefixes = source.melt.prefixes or {"": MEASURE[source.table]}
    start, rest = cut_header(header, prefixes)
    return prefixes[start], rest


def cut_header(header: str, prefixes: Iterable[str]) -> tuple[str, str]:
    """The longest of some prefixes that a header starts with, and the rest of it."""
    start = max((p for p in prefixes if header.startswith(p)), key=len, default="")
    return start, header[len(start) :].strip()


def find_across(headers: list[str], source: Source, label: str) -> tuple[str, ...]:
    """The columns of a wide table that run across.

    Raises:
        DataError: there are none.
    """
    assert source.melt is not None
    prefixes = tuple(source.melt.prefixes) or ("",)
    found = [h for h in headers if h.startswith(prefixes)]
    if source.melt.across == "dates":
        dates = read_header_dates([split_header(h, source)[1] for h in found], source.date_format)
        found = [h for h, date in zip(found, dates, strict=True) if date is not None]
    elif not source.melt.prefixes:
        stated = {n for names in source.columns.values() for n in ([names] if isinstance(names, str) else names)}
        time = TIME[source.table]
        own = match_headers([h for h in headers if h not in stated], source.table)
        found = [h for h in headers if h not in stated and (h != own.get(time) or time in source.columns)]
    if not found:
        what = "a date" if source.melt.across == "dates" else "an item"
        starts = f" after {', '.join(map(repr, prefixes))}" if source.melt.prefixes else ""
        raise DataError(
            f"No column header of '{label}' is {what}{starts}, as [source.melt] across = '{source.melt.across}' says: "
            f"it has {_listed(headers)}. Correct or delete [source.melt]."
        )
    return tuple(found)


def _check_required(headers: list[str], source: Source, label: str, have: set[str]) -> None:
    schema = SCHEMAS[source.table]
    missing = [name for name in schema.required if name not in have]
    if not missing:
        return
    name = missing[0]
    meaning = next(c.meaning for c in schema.columns if c.name == name)
    rest = f" ({', '.join(missing[1:])} too)" if len(missing) > 1 else ""
    raise DataError(
        f"'{label}' has no column for {source.table}.{name} ({meaning}){rest}: it has {_listed(headers)}. "
        f'Write {name} = "<its column>" under [source.columns] in skucast.toml.'
    )


def _check_extra(name: str, table: str, known: tuple[str, ...], kept: tuple[str, ...]) -> None:
    if name in kept:
        return
    close = get_close_matches(name, known, 1)
    hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(known)}."
    raise ConfigError(
        f"'{name}' is no column of {table}: {hint} "
        "Columns of your own are kept if [demand] level or [forecast] known or past names them."
    )


def _listed(headers: list[str]) -> str:
    shown = ", ".join(f"'{h}'" for h in headers[:_SHOWN])
    return shown + (f" and {len(headers) - _SHOWN:,} more" if len(headers) > _SHOWN else "")
