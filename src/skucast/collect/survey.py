"""Survey: what a file of the user's folder is. Nothing is read to its end, nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ..config import Source
from ..errors import SkucastError
from .database import table_names
from .excel import sheet_names
from .files import file_kind
from .parquet import ParquetFile
from .presets import Preset, find_preset
from .reader import Reader, open_file
from .recognise import Meaning, recognise
from .repairs import Repairs
from .text import TextFile

_SAMPLE = 4 * 1024**2  # bytes that are looked at
_TITLES = 8  # lines above the header that are tried


@dataclass(frozen=True)
class Finding:
    """One file, sheet or database table and what it seems to be.

    Attributes:
        path: the file.
        label: its name in messages.
        headers: its columns.
        sample: its first rows, as they stand there.
        meaning: the table that it is, if it is one.
        preset: the export that it is, if it is one.
        sheet: sheet of a workbook, where it has several.
        sql: table of a database.
        encoding: of a text file.
        delimiter: of a text file.
        skip: lines above the header.
        rows: how many rows it has.
        exact: the rows were counted, not estimated from the length of a text.
        why_not: why it is of no use, if it is none.
    """

    path: Path
    label: str
    headers: list[str] = field(default_factory=list)
    sample: pl.DataFrame = field(default_factory=pl.DataFrame)
    meaning: Meaning | None = None
    preset: Preset | None = None
    sheet: str = ""
    sql: str = ""
    encoding: str = ""
    delimiter: str = ""
    skip: int = 0
    rows: int = 0
    exact: bool = True
    why_not: str = ""

    @property
    def layout(self) -> tuple[object, ...]:
        """Equal for files that are read in the same way."""
        measures = tuple(self.meaning.prefixes.values()) if self.meaning else ()
        table = self.meaning.table if self.meaning else ""
        return (
            self.path.parent,
            self.path.suffix.lower(),
            tuple(self.headers),
            self.sheet,
            self.sql,
            self.skip,
            table,
            measures,
        )

    @property
    def cells(self) -> int:
        """How much is measured in it: its rows, as often as they run across."""
        return self.rows * max(1, len(self.meaning.across) if self.meaning else 0)


def survey_file(path: Path, label: str) -> list[Finding]:
    """What a file is; workbooks and databases may hold several tables.

    A file that cannot be read is a finding too, with the reason.
    """
    try:
        kind = file_kind(path, label)
        if kind == "duckdb" or kind == "sqlite":  # noqa: PLR1714 - tells mypy the narrower type
            return [_survey(path, label, sql=name) for name in table_names(path, kind, label)]
        if kind == "excel":
            names = sheet_names(path, label)
            return [_survey(path, label, sheet=name if len(names) > 1 else "", titled=True) for name in names]
        return [_survey(path, label, titled=kind == "text")]
    except SkucastError as error:
        return [Finding(path, label, why_not=_sentence(error))]


def _survey(path: Path, label: str, sheet: str = "", sql: str = "", *, titled: bool = False) -> Finding:
    """Try the first line as the header; in text and workbooks, where titles may stand above it, further ones."""
    first: Finding | None = None
    encoding = ""
    for skip in range(_TITLES + 1 if titled else 1):
        stated = Source(table="sales", path=str(path), sheet=sheet, sql=sql, skip_rows=skip, encoding=encoding)
        try:
            reader = open_file(path, label, stated)
            found = _look(path, reader, sheet, sql, skip)
        except SkucastError as error:
            found = Finding(path, label, sheet=sheet, sql=sql, why_not=_sentence(error))
        first = first or found
        if found.meaning is not None:
            return found
        encoding = found.encoding or encoding
    assert first is not None
    return first


def _look(path: Path, reader: Reader, sheet: str, sql: str, skip: int) -> Finding:
    dialect = reader.dialect if isinstance(reader, TextFile) else None
    blocks: Iterator = reader.blocks("orders", Repairs(), _SAMPLE)  # type: ignore[type-arg]
    raw = next(blocks, None)
    rows, exact = (raw.frame.height if raw is not None else 0), True
    if isinstance(reader, ParquetFile):
        rows = reader.rows
    elif not (exact := next(blocks, None) is None):
        rows = int(rows * path.stat().st_size / _SAMPLE)
    sample = raw.frame if raw is not None else pl.DataFrame(schema=dict.fromkeys(reader.headers, pl.String))
    preset = find_preset(reader.headers)
    meaning, why_not = recognise(reader.headers, sample, path.stem, preset)
    return Finding(
        path, reader.label, reader.headers, sample, meaning, preset if meaning else None, sheet, sql,
        dialect.encoding if dialect else "", dialect.delimiter if dialect else "", skip, rows, exact, why_not,
    )  # fmt: skip


def _sentence(error: SkucastError) -> str:
    return str(error).rstrip(".")
