"""Mapping: which columns of a file make which columns of a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches

from ..config import Config, Source
from ..errors import ConfigError, DataError
from .columns import bare, match_headers, normal
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
        ignored: columns of the file without a use.
    """

    table: str
    columns: dict[str, tuple[str, ...]]
    kinds: dict[str, Kind]
    fallbacks: dict[str, str] = field(default_factory=dict)
    subtract: tuple[str, ...] = ()
    constants: dict[str, str | float | bool] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @property
    def used(self) -> set[str]:
        """Columns of the file that are read."""
        return {*(n for names in self.columns.values() for n in names), *self.fallbacks.values(), *self.subtract}


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
    wide = _wide_columns(source)
    found = match_headers([h for h in headers if not _is_wide(h, source)], source.table)
    used = {n for names in columns.values() for n in names}
    for name, header in found.items():
        exact = normal(name) in (normal(header), bare(header))
        wanted = not source.columns and not source.preset
        if name in columns or name in constants or name in wide or (header in used and not exact):
            continue
        if wanted or exact or name in schema.required:
            columns[name] = (header,)
            used.add(header)
    for name in columns.keys() & constants.keys():
        del columns[name]
    for name in fallbacks.keys() - columns.keys():
        columns[name] = (fallbacks.pop(name),)
    for name in kept:
        if name not in kinds and (header := by_name.get(name, by_name.get(normal(name)))) is not None:
            kinds[name] = "text" if name in config.demand.level else "number"
            columns[name] = (header,)
    for name, value in constants.items():
        if name not in kinds:
            _check_extra(name, source.table, tuple(kinds), kept)
            kinds[name] = "text" if isinstance(value, str) else "flag" if isinstance(value, bool) else "number"
    _check_required(headers, source, label, {*columns, *constants, *wide})
    mapping = Mapping(source.table, columns, kinds, fallbacks, subtract, constants)
    ignored = tuple(h for h in headers if h not in mapping.used and not _is_wide(h, source))
    return Mapping(source.table, columns, kinds, fallbacks, subtract, constants, () if source.preset else ignored)


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


def _is_wide(header: str, source: Source) -> bool:
    if source.melt is None:
        return False
    if source.melt.prefixes and source.melt.across == "items":
        return any(header.startswith(prefix) for prefix in source.melt.prefixes)
    return header[:1].isdigit() and source.melt.across == "dates"


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
