"""Files: which files a path of the project file means, and what kind each one is."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

from ..errors import DataError

FileKind = Literal["text", "excel", "parquet", "duckdb", "sqlite"]

SUFFIXES: dict[str, FileKind] = {
    ".csv": "text", ".tsv": "text", ".tab": "text", ".txt": "text",
    ".xlsx": "excel", ".xlsm": "excel", ".xlsb": "excel", ".xls": "excel", ".ods": "excel",
    ".parquet": "parquet", ".pq": "parquet",
    ".duckdb": "duckdb", ".ddb": "duckdb", ".sqlite": "sqlite", ".sqlite3": "sqlite", ".db": "sqlite",
}  # fmt: skip
"""Endings of files that are read."""

_GLOB = frozenset("*?[")
_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def is_address(path: str) -> bool:
    """True for the address of a PostgreSQL server."""
    return path.lower().startswith(("postgresql://", "postgres://"))


def is_many(path: Path) -> bool:
    """True if a path may mean several files: a folder or a glob."""
    return path.is_dir() or (bool(_GLOB & set(str(path))) and not path.exists())


def find_files(path: Path, label: str) -> list[Path]:
    """The files of a path: itself, those of a folder, or those that a glob matches; sorted by name.

    Raises:
        DataError: there is none.
    """
    if path.is_file():
        return [path]
    if path.is_dir():
        found = list_tables(path)
        if not found:
            raise DataError(f"Folder '{label}' holds no table: put CSV, Excel or Parquet files there, or correct path.")
        return found
    if _GLOB & set(str(path)):
        anchor = Path(path.anchor)
        found = sorted(p for p in anchor.glob(str(path.relative_to(anchor))) if p.is_file() and not _hidden(p))
        if not found:
            raise DataError(f"No file matches '{label}': correct path in skucast.toml.")
        return found
    raise DataError(f"There is no file '{label}': correct path in skucast.toml, or put the file there.")


def list_tables(folder: Path) -> list[Path]:
    """Files of a folder whose ending says that they hold tables, sorted by name."""
    return sorted(p for p in folder.iterdir() if p.is_file() and not _hidden(p) and suffix(p) in SUFFIXES)


def suffix(path: Path) -> str:
    """The ending that says what a file is, without that of its compression."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def file_kind(path: Path, label: str) -> FileKind:
    """What a file is, by its first bytes where they tell and by its name otherwise.

    Raises:
        DataError: the file is empty or cannot be opened.
    """
    named = SUFFIXES.get(suffix(path), "text")
    try:
        with open_bytes(path) as file:
            head = file.read(16)
    except (OSError, EOFError) as error:
        raise DataError(f"'{label}' cannot be opened ({_reason(error)}): check it and its permissions.") from None
    if not head:
        raise DataError(f"'{label}' is empty: export it again, or take it out of skucast.toml.")
    if head.startswith(b"SQLite format 3"):
        return "sqlite"
    if head[8:12] == b"DUCK":
        return "duckdb"
    if named == "excel" and not head.startswith(_WORKBOOK):
        if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
            raise DataError(f"'{label}' is a web page with the name of a workbook: open it and save it as .xlsx.")
        return "text"  # shop systems like to call tab-separated text .xls
    if named in ("sqlite", "duckdb"):
        raise DataError(f"'{label}' is no DuckDB or SQLite database, although its name says so.")
    if named == "parquet" and not head.startswith(b"PAR1"):
        raise DataError(f"'{label}' is no Parquet file, although its name says so: write it again.")
    if named == "text" and suffix(path) not in SUFFIXES:
        if head.startswith(b"PAR1"):
            return "parquet"
        if head.startswith(_WORKBOOK):
            return "excel"
    return named


def open_bytes(path: Path) -> IO[bytes]:
    """A file's bytes, unpacked if it is compressed (.gz)."""
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def shown(path: Path, root: Path) -> str:
    """How messages speak of a file: relative to the project where it lies inside."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def total_bytes(files: Sequence[Path]) -> int:
    """Size of some files on disk."""
    return sum(file.stat().st_size for file in files)


def _hidden(path: Path) -> bool:
    return path.name.startswith((".", "~$"))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
