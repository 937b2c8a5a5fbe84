"""Table: raw rows become the typed columns of `tables.SCHEMAS`; cells that cannot be read are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import polars as pl

from ..config import Source
from ..errors import DataError
from .columns import read_status
from .dates import read_moments
from .mapping import Mapping
from .numbers import Cells, read_flags, read_numbers, read_texts
from .presets import Preset
from .raw import Raw
from .repairs import Action, Repairs
from .spelling import Spelling
from .tables import POLARS_TYPE, Kind

Where = Callable[[int], str]
"""Place of a row in words."""

_RULES: dict[str, tuple[str, str]] = {
    "number": ("unreadable-numbers", "state decimal in skucast.toml"),
    "flag": ("unreadable-flags", "write yes or no, true or false, 1 or 0"),
    "date": ("unreadable-dates", "state date_format in skucast.toml"),
    "moment": ("unreadable-dates", "state date_format in skucast.toml"),
}


@dataclass(frozen=True)
class Typist:
    """Reads cells of one file.

    Attributes:
        mapping: which columns make which.
        source: what the project file states.
        spelling: how the file writes numbers and dates.
        timezone: of the shop.
        repairs: where unreadable cells are counted.
    """

    mapping: Mapping
    source: Source
    spelling: Spelling
    timezone: str
    repairs: Repairs

    def column(self, name: str, frame: pl.DataFrame, where: Where) -> pl.Series:
        """One column of the table from the columns of the file that make it."""
        kind = self.mapping.kinds[name]
        sources = self.mapping.columns[name]
        if kind == "number":
            parts = [self.read(frame[c], kind, c, where) for c in sources]
            values = parts[0] if len(parts) == 1 else _added(parts)
        else:
            cells = frame[sources[0]] if len(sources) == 1 else _joined(frame, sources)
            values = self.read(cells, kind, " + ".join(sources), where)
        if name in self.mapping.fallbacks and values.null_count():
            other = self.mapping.fallbacks[name]
            values = values.zip_with(values.is_not_null(), self.read(frame[other], kind, other, where))
        if name == "status":
            values = read_status(values)
        return values.alias(name)

    def read(self, cells: pl.Series, kind: Kind, column: str, where: Where) -> pl.Series:
        """Cells as values of a kind; what cannot be read is counted and empty."""
        if cells.dtype.is_nested() or cells.dtype in (pl.Binary, pl.Object):
            raise DataError(
                f"Column '{column}' of {where(0).split(', ')[0]} holds {cells.dtype}, not single values: "
                "take it apart, or map another column."
            )
        if kind == "text":
            values, changed = read_texts(cells)
            remedy = f"nothing to do: blanks and =\"\" around the texts of column '{column}' are taken off"
            self._count("trimmed-texts", "changed", remedy, cells, changed, column, where)
            return values
        values, bad = self._parse(cells, kind)
        if kind == "number" and cells.dtype.is_float():
            nan = cells.is_nan().fill_null(False)
            remedy = f"nothing to do if column '{column}' has NaN for no value; it counts as empty"
            self._count("not-a-number", "noted", remedy, cells, nan, column, where)
            bad = bad & ~nan
        rule, other = _RULES[kind]
        remedy = f"correct these cells of column '{column}', or {other}; they count as empty"
        self._count(rule, "changed", remedy, cells, bad, column, where)
        return values

    def _parse(self, cells: pl.Series, kind: Kind) -> Cells:
        if kind == "number":
            return read_numbers(cells, self.spelling.decimal)
        if kind == "flag":
            return read_flags(cells)
        values, bad = read_moments(cells, self.source.date_format, self.spelling.order, self.timezone)
        return (values.cast(pl.Date) if kind == "date" else values), bad

    def _count(
        self, rule: str, action: Action, remedy: str, cells: pl.Series, hit: pl.Series, column: str, where: Where
    ) -> None:  # fmt: skip
        rows = int(hit.sum() or 0)
        if rows:
            first = int(hit.arg_true()[0])
            self.repairs.add(
                "read", self.mapping.table, rule, action, rows,
                example=f"{where(first)}, column '{column}': {_quoted(cells[first])}", remedy=remedy,
            )  # fmt: skip


def make_table(raw: Raw, typist: Typist, preset: Preset | None = None) -> pl.DataFrame:
    """The typed columns of a block of rows.

    Args:
        raw: rows as in the file, after `Preset.prepare`.
        typist: how to read them.
        preset: the export that the file is, if it is one.

    Raises:
        DataError: a column holds lists or other things that are no single values.
    """
    mapping, frame = typist.mapping, raw.frame
    columns = {name: typist.column(name, frame, raw.where) for name in mapping.kinds if name in mapping.columns}
    if "quantity" in columns and mapping.subtract:
        off = [typist.read(frame[c], "number", c, raw.where).fill_null(0.0) for c in mapping.subtract]
        columns["quantity"] = reduce(lambda left, units: left - units, off, columns["quantity"])
    for name in (n for n in mapping.kinds if n in mapping.constants):
        columns[name] = constant(name, mapping, frame.height)
    made = pl.DataFrame(columns)
    if preset is not None and preset.returns_are_negative and {"quantity", "status"} <= columns.keys():
        back = pl.col("status") == "refunded"  # such a line is the return itself, not the sale that was given back
        made = made.with_columns(
            pl.when(back).then(-pl.col("quantity").abs()).otherwise(pl.col("quantity")).alias("quantity"),
            pl.when(back).then(pl.lit("ok")).otherwise(pl.col("status")).alias("status"),
        )
    return made


def constant(name: str, mapping: Mapping, height: int) -> pl.Series:
    """A column that has one value throughout.

    Raises:
        DataError: the value is of another kind than the column.
    """
    kind, value = mapping.kinds[name], mapping.constants[name]
    cell = pl.Series(name, [value if not isinstance(value, str) or kind == "text" else value.strip()], strict=False)
    if kind == "text":
        return pl.Series(name, [str(value)], dtype=pl.String).new_from_index(0, height)
    read = {"number": read_numbers, "flag": read_flags}.get(kind, read_moments)
    values, bad = read(cell)
    if bad.any():
        raise DataError(f"{name} = {value!r} under [source.constants] is no {kind}: correct it in skucast.toml.")
    return values.cast(POLARS_TYPE[kind]).alias(name).new_from_index(0, height)


def _joined(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.Series:
    """Texts of several columns with a blank between, such as a date and its time."""
    texts = [pl.col(c).cast(pl.String, strict=False).str.strip_chars() for c in columns]
    made = frame.select(pl.concat_str(texts, separator=" ", ignore_nulls=True).alias("joined"))["joined"]
    return made.set(made == "", None)


def _added(parts: list[pl.Series]) -> pl.Series:
    """Numbers of several columns added up; empty only where all are."""
    return pl.DataFrame([p.alias(str(i)) for i, p in enumerate(parts)]).select(
        pl.when(pl.any_horizontal(pl.all().is_not_null())).then(pl.sum_horizontal(pl.all())).alias("sum")
    )["sum"]


def _quoted(value: object) -> str:
    text = str(value)
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"
