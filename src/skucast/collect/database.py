"""Databases: a table or a query of a DuckDB file, a SQLite file or a PostgreSQL server. Only ever read."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote

import polars as pl

from ..config import Source
from ..errors import ConfigError, DataError, MissingExtraError
from .parquet import plain_text
from .raw import Raw, unique_names
from .repairs import Repairs

_NAME = re.compile(r'^\s*(?:"[^"]+"|[^\W\d][\w$-]*)(?:\s*\.\s*(?:"[^"]+"|[^\W\d][\w$-]*)){0,2}\s*$')
_BATCH = 100_000  # rows fetched at a time


@dataclass
class Query:
    """The result of a query; see `reader.Reader`.

    Attributes:
        engine: which database.
        address: file or address.
        label: its name in messages; never holds a password.
        sql: the query.
        headers: names of its columns, made unique.
    """

    engine: Literal["duckdb", "sqlite", "postgres"]
    address: str
    label: str
    sql: str
    headers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        first = self._fetch(1)
        self.headers = unique_names(next(first).columns)
        first.close()

    def blocks(
        self, table: str, repairs: Repairs, size: int = 0, columns: Collection[str] | None = None
    ) -> Iterator[Raw]:
        """See `reader.Reader.blocks`; all columns of the query come."""
        frames: list[pl.DataFrame] = []
        start = 0
        for frame in self._fetch(_BATCH):
            frame.columns = self.headers
            if size:
                if frame.height:
                    yield Raw(frame, self.label, first_row=start)
                start += frame.height
            else:
                frames.append(frame)
        if frames and (whole := pl.concat(frames, how="vertical_relaxed")).height:
            yield Raw(whole, self.label)

    def _fetch(self, batch: int) -> Generator[pl.DataFrame]:
        """Batches of rows; at least one, which may be empty."""
        try:
            if self.engine == "duckdb":
                yield from self._fetch_duckdb(batch)
            elif self.engine == "sqlite":
                yield from self._fetch_sqlite(batch)
            else:
                yield from self._fetch_postgres(batch)
        except _errors(self.engine) as error:
            raise DataError(
                f"'{self.label}' refused the query ({spoken(error, self.address)}): correct sql in skucast.toml."
            ) from None

    def _fetch_duckdb(self, batch: int) -> Iterator[pl.DataFrame]:
        import duckdb

        with duckdb.connect(self.address, read_only=True) as base:
            found = base.sql(self.sql)
            if found is None:
                raise duckdb.InvalidInputException("it gives no rows")
            yield plain_text(pl.DataFrame(found.limit(1) if batch == 1 else found))

    def _fetch_sqlite(self, batch: int) -> Iterator[pl.DataFrame]:
        with _SqliteFile(Path(self.address)) as base:
            cursor = base.execute(self.sql)
            if cursor.description is None:
                raise sqlite3.OperationalError("it gives no rows")
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchmany(batch)
            yield from_rows(rows, names)
            while len(rows) == batch:
                rows = cursor.fetchmany(batch)
                yield from_rows(rows, names)

    def _fetch_postgres(self, batch: int) -> Iterator[pl.DataFrame]:
        with _connect(self.address, self.label) as base, base.cursor(name="skucast") as cursor:
            cursor.execute(self.sql)
            names = [column.name for column in cursor.description or ()]
            rows = cursor.fetchmany(batch)
            yield from_rows(rows, names)
            while len(rows) == batch:
                rows = cursor.fetchmany(batch)
                yield from_rows(rows, names)


def open_database(path: Path, kind: Literal["duckdb", "sqlite"], label: str, source: Source) -> Query:
    """A table or query of a DuckDB or SQLite file.

    Raises:
        DataError: the file is damaged, or the query is wrong.
        ConfigError: the source does not say which table, or one that does not exist.
    """
    sql = source.sql
    if not sql or _NAME.match(sql):
        sql = _select(sql, table_names(path, kind, label), label, source.table)
    return Query(kind, str(path), label, sql)


def open_server(address: str, source: Source) -> Query:
    """A table or query of a PostgreSQL server.

    Raises:
        MissingExtraError: psycopg is not installed.
        DataError: the server cannot be reached, or the query is wrong.
        ConfigError: the source does not say which table, or one that does not exist.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise MissingExtraError("Reading from PostgreSQL", "postgres") from None
    label = without_password(address)
    sql = source.sql
    if not sql or _NAME.match(sql):
        with _connect(address, label) as base:
            rows = base.execute(
                "select table_schema, table_name from information_schema.tables "
                "where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2"
            ).fetchall()
        names = [name if schema == "public" else f"{schema}.{name}" for schema, name in rows]
        sql = _select(sql, names, label, source.table)
    return Query("postgres", address, label, sql)


def table_names(path: Path, kind: Literal["duckdb", "sqlite"], label: str) -> list[str]:
    """Tables and views of a database file, sorted.

    Raises:
        DataError: the file is damaged, or another program has locked it.
    """
    try:
        if kind == "sqlite":
            with _SqliteFile(path) as base:
                rows = base.execute(
                    "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' order by 1"
                ).fetchall()
        else:
            import duckdb

            with duckdb.connect(str(path), read_only=True) as store:
                rows = store.execute(
                    "select case schema_name when 'main' then table_name else schema_name || '.' || table_name end "
                    "from (select schema_name, table_name from duckdb_tables() where not internal union all "
                    "select schema_name, view_name from duckdb_views() where not internal) order by 1"
                ).fetchall()
    except _errors(kind) as error:
        raise DataError(f"Database '{label}' cannot be read: {spoken(error, '')}.") from None
    return [str(row[0]) for row in rows]


def without_password(address: str) -> str:
    """An address as it may be shown: without user and password, and without options."""
    return re.sub(r"(?<=://)[^?]*@", "", address).partition("?")[0]


def spoken(error: Exception, address: str) -> str:
    """The first line of a database's message, without what is secret in the address."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = (lines[0] if lines else type(error).__name__).rstrip(".")
    if address:
        text = text.replace(address, without_password(address))
    for secret in _secrets(address):
        text = text.replace(secret, "***")
    return text


def from_rows(rows: list[Any], names: list[str]) -> pl.DataFrame:
    """Rows of Python values as columns: numbers stay numbers where all of a column are, else text."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pl.DataFrame([_column(name, cells) for name, cells in zip(unique_names(names), columns, strict=True)])


def _column(name: str, cells: tuple[Any, ...]) -> pl.Series:
    import datetime as dt
    from decimal import Decimal

    kinds = {type(cell) for cell in cells} - {type(None)}
    if not kinds:
        return pl.Series(name, [None] * len(cells), dtype=pl.String)
    if kinds == {bool}:
        return pl.Series(name, cells, dtype=pl.Boolean)
    if kinds == {int}:
        small = all(cell is None or abs(cell) < 2**63 for cell in cells)
        return pl.Series(name, cells, dtype=pl.Int64 if small else pl.Float64, strict=False)
    if kinds <= {int, float, Decimal}:
        return pl.Series(name, [None if c is None else float(c) for c in cells], dtype=pl.Float64)
    if kinds == {dt.date}:
        return pl.Series(name, cells, dtype=pl.Date)
    if kinds == {dt.datetime} and all(c is None or c.tzinfo is None for c in cells):
        return pl.Series(name, cells, dtype=pl.Datetime("us"))
    if kinds == {dt.datetime} and all(c is None or c.tzinfo is not None for c in cells):
        return pl.Series(name, cells, dtype=pl.Datetime("us", "UTC"))
    return pl.Series(name, [None if c is None else str(c) for c in cells], dtype=pl.String)


def _select(name: str, names: list[str], label: str, table: str) -> str:
    """The query for a table by name, or for the only one, or for the one called like skucast's table."""
    found = name.strip().replace('"', "")
    listed = ", ".join(names[:12]) + (f" and {len(names) - 12:,} more" if len(names) > 12 else "")
    if not names:
        raise DataError(f"Database '{label}' holds no table.")
    if not found:
        if table not in names and len(names) > 1:
            raise ConfigError(
                f"'{label}' holds several tables ({listed}): say which one is {table} with sql = \"...\" in skucast.toml."
            )
        found = table if table in names else names[0]
    plain = found.removeprefix("public.").removeprefix("main.")
    match = next(
        (n for n in names if n in (found, plain)), next((n for n in names if n.lower() == plain.lower()), None)
    )
    if match is None:
        raise ConfigError(f"'{label}' has no table '{found}': it has {listed}. Correct sql in skucast.toml.")
    return "select * from " + ".".join(f'"{part}"' for part in match.split("."))


class _SqliteFile:
    """A SQLite file, read-only, closed at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> sqlite3.Connection:
        self.base = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)
        return self.base

    def __exit__(self, *_: object) -> None:
        self.base.close()


def _connect(address: str, label: str) -> Any:
    import psycopg

    try:
        base = psycopg.connect(address, connect_timeout=15, application_name="skucast")
        base.read_only = True
    except psycopg.Error as error:
        raise DataError(
            f"'{label}' cannot be reached ({spoken(error, address)}): check the address, and that the server runs."
        ) from None
    return base


def _errors(engine: str) -> type[Exception]:
    """What a database raises."""
    if engine == "duckdb":
        import duckdb

        return duckdb.Error
    if engine == "postgres":
        import psycopg

        error: type[Exception] = psycopg.Error
        return error
    return sqlite3.Error


def _secrets(address: str) -> list[str]:
    """What must not be printed: the password as it stands in the address, and decoded."""
    login = re.search(r"(?<=://)[^?]*(?=@)", address)
    written = login[0].partition(":")[2] if login else ""
    found = {written, unquote(written), *parse_qs(address.partition("?")[2]).get("password", [])}
    found |= {secret.partition("@")[0] for secret in found}  # an @ that is not escaped ends it for the server
    return sorted((secret for secret in found if secret), key=len, reverse=True)
