"""Reader: anything that gives rows with headers, whole or block by block."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

from ..config import Source
from .files import file_kind
from .raw import Raw
from .repairs import Repairs


class Reader(Protocol):
    """One file, sheet or query.

    Attributes:
        label: its name in messages.
        headers: names of its columns, unique.
    """

    label: str
    headers: list[str]

    def blocks(
        self, table: str, repairs: Repairs, size: int = 0, columns: Collection[str] | None = None
    ) -> Iterator[Raw]:
        """The rows, all at once (``size`` 0) or in blocks of about ``size`` bytes.

        Args:
            table: the table that they are for, named in repairs.
            repairs: what had to be repaired on the way.
            size: bytes of a block.
            columns: the columns that are needed, where leaving out others saves time; None is all.
        """
        ...


def open_file(path: Path, label: str, source: Source) -> Reader:
    """The reader of one file.

    Raises:
        DataError: the file is empty, damaged or of no known kind.
        ConfigError: the source asks for a sheet, table or encoding that does not exist.
    """
    kind = file_kind(path, label)
    if kind == "parquet":
        from .parquet import ParquetFile

        return ParquetFile(path, label)
    if kind == "excel":
        from .excel import Sheet

        return Sheet(path, label, source.sheet, source.skip_rows)
    if kind in ("duckdb", "sqlite"):
        from .database import open_database

        return open_database(path, kind, label, source)
    from .text import TextFile, sniff

    dialect = sniff(path, label, source.encoding, source.delimiter, source.skip_rows)
    return TextFile(path, label, dialect)
