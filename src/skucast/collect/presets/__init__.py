"""Presets: the order exports of shop systems and marketplaces, one TOML file each.

A preset says which column of the export means what, where totals stand for prices, and which
statuses mean that a line was cancelled, refunded or is not paid yet.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

from ...errors import ConfigError
from ..columns import ORDER_STATUS, normal

NAMES = ("shopify", "woocommerce", "amazon", "taobao", "jd", "magento", "square")
STATUS = "\x00status"  # cannot be a header of a file


@dataclass(frozen=True)
class PresetColumn:
    """One column of the table and where the export has it.

    Attributes:
        name: skucast's column.
        file: names in the export, the first that exists is taken; ``A + B`` joins two.
        fallback: column that is used where the first is empty.
        subtract: columns that are taken off (refunded units).
        note: a word of explanation.
    """

    name: str
    file: tuple[str, ...]
    fallback: str = ""
    subtract: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class StatusRule:
    """If a column is filled, has one of the values or contains one of the words, the line has a status."""

    column: str
    means: str
    values: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    filled: bool = False

    def matches(self, cells: pl.Expr) -> pl.Expr:
        """True where the rule holds."""
        text = cells.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()
        hit = text.is_in(list(self.values)) if self.values else pl.lit(False)
        for word in self.contains:
            hit = hit | text.str.contains(word, literal=True)
        return ((text != "") if self.filled else hit).fill_null(False)


@dataclass(frozen=True)
class Preset:
    """The export of one system; see the TOML files of this folder."""

    name: str
    title: str
    table: str
    signature: tuple[str, ...]
    columns: tuple[PresetColumn, ...]
    status: tuple[StatusRule, ...]
    encoding: str = ""
    delimiter: str = ""
    fill_by: str = ""
    fill_columns: tuple[str, ...] = ()
    returns_are_negative: bool = False
    constants: Mapping[str, str] = ()  # type: ignore[assignment]

    def fits(self, headers: Iterable[str]) -> bool:
        """True if the headers have every column of the signature (in one of its spellings)."""
        have = {normal(h) for h in headers}
        return all(any(normal(name) in have for name in names.split("|")) for names in self.signature)

    def mapping(self, headers: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """skucast's column -> the columns of this file that make it."""
        have = {normal(h): h for h in reversed(list(headers))}
        found: dict[str, tuple[str, ...]] = {}
        for column in self.columns:
            for name in column.file:
                parts = [normal(part) for part in name.split(" + ")]
                if all(part in have for part in parts):
                    found[column.name] = tuple(have[part] for part in parts)
                    break
        return found

    def fallbacks(self, headers: Iterable[str]) -> dict[str, str]:
        """skucast's column -> the column of this file that stands in where it is empty."""
        have = {normal(h): h for h in reversed(list(headers))}
        pairs = ((c.name, [have[normal(n)] for n in c.fallback.split("|") if normal(n) in have]) for c in self.columns)
        return {name: names[0] for name, names in pairs if names}

    def subtracted(self, headers: Iterable[str]) -> tuple[str, ...]:
        """Columns of this file that are taken off the quantity."""
        have = {normal(h): h for h in reversed(list(headers))}
        return tuple(have[normal(n)] for c in self.columns for n in c.subtract if normal(n) in have)

    def prepare(self, frame: pl.DataFrame, carry: pl.DataFrame | None = None) -> pl.DataFrame:
        """Fill order-level cells down and add the normalised status.

        Args:
            frame: rows as exported.
            carry: last row of the block before, so that an order may run over the border of two blocks.
        """
        have = {normal(h): h for h in reversed(frame.columns)}
        by = have.get(normal(self.fill_by)) if self.fill_by else None
        if by:
            columns = [have[normal(c)] for c in self.fill_columns if normal(c) in have]
            whole = frame if carry is None else pl.concat([carry.select(frame.columns), frame])
            blank = [pl.when(pl.col(c).str.strip_chars() != "").then(pl.col(c)).alias(c) for c in columns]
            if all(whole.schema[c] == pl.String for c in columns):
                whole = whole.with_columns(blank)
            whole = whole.with_columns(pl.col(c).forward_fill().over(by) for c in columns)
            frame = whole if carry is None else whole.slice(carry.height)
        status = pl.lit(ORDER_STATUS[0])
        for rule in reversed(self.status):
            for name in rule.column.split("|"):
                if normal(name) in have:
                    status = (
                        pl.when(rule.matches(pl.col(have[normal(name)]))).then(pl.lit(rule.means)).otherwise(status)
                    )
                    break
        return frame.with_columns(status.alias(STATUS)) if self.status else frame


def load_preset(name: str) -> Preset:
    """A preset by name.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in NAMES:
        raise ConfigError(f"There is no preset '{name}': use one of {', '.join(NAMES)}, or leave preset out.")
    return _read(name)


def find_preset(headers: Iterable[str]) -> Preset | None:
    """The preset whose export has these headers, if there is one."""
    names = list(headers)
    fitting = [preset for preset in map(_read, NAMES) if preset.fits(names)]
    return max(fitting, key=lambda p: len(p.mapping(names)), default=None)


@cache
def _read(name: str) -> Preset:
    raw: dict[str, Any] = tomllib.loads((files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))
    fill = raw.pop("fill_down", {})

    def frozen(entry: dict[str, Any]) -> dict[str, Any]:
        return {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}

    return Preset(
        name=name,
        columns=tuple(PresetColumn(**frozen(c)) for c in raw.pop("column")),
        status=tuple(StatusRule(**frozen(s)) for s in raw.pop("status")),
        fill_by=fill.get("by", ""),
        fill_columns=tuple(fill.get("columns", ())),
        **frozen(raw),
    )
