"""Sources: from the files, databases and frames of a project to typed tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ..config import TABLES, Config, Source
from ..errors import ConfigError, DataError
from ..panel_frame import to_polars
from .dates import date_order, order_votes, read_moments
from .files import file_kind
from .intake import Intake, require_rows
from .mapping import ITEM, MEASURE, TIME, make_mapping, note_ignored
from .numbers import decimal_mark, decimal_votes, is_empty, read_numbers
from .parts import PARTS_FROM, estimate_bytes, split_orders
from .presets import find_preset
from .raw import Raw, unique_names
from .reader import open_file
from .repairs import Repairs, merged
from .spelling import Spelling, count_votes
from .table import Typist, make_table


def read_tables(config: Config, repairs: Repairs) -> dict[str, pl.DataFrame]:
    """Read every table of a project.

    Several sources of one table are put below each other. A wide source that measures something else (in
    stock or not) adds its column to the rows of the others. Orders that are larger than memory are left out:
    `read_order_parts` gives them.

    Args:
        config: the project.
        repairs: cells that could not be read, lines that were left out and columns without a use are counted
            here, each with file, line and column of the first.

    Returns:
        Table name -> the columns of `tables.SCHEMAS` that were found, typed, plus those that ``[demand]
        level`` and ``[forecast]`` ask for.

    Raises:
        DataError: a file cannot be used; the sentence names it and says what to do.
        ConfigError: the project file states something impossible.
        MissingExtraError: a database needs an optional dependency.
    """
    tables: dict[str, pl.DataFrame] = {}
    for table in dict.fromkeys(source.table for source in config.source):
        if table == "orders" and _in_parts(config):
            continue
        sources = [source for source in config.source if source.table == table]
        done = Repairs()
        main: list[pl.DataFrame] = []
        beside: list[pl.DataFrame] = []
        for source in sources:
            intake = Intake(source, config)
            frames = list(intake.frames())
            done.extend(intake.repairs)
            adds = source.melt is not None and bool(frames) and MEASURE[table] not in frames[0].columns
            (beside if adds else main).extend(frames)
        repairs.extend(merged(done))
        whole = _below(main)
        for frame in beside:
            whole = _joined(whole, frame, table)
        require_rows(whole.height, table, sources)
        tables[table] = whole
    return tables


def read_order_parts(config: Config, repairs: Repairs) -> Iterator[pl.DataFrame] | None:
    """Order lines in parts that fit into memory, or None where all of them do.

    All lines of an item are in the same part, so that each part can be cleaned by itself
    (`demand.Demand.from_parts`). Files are read block by block and sorted into the parts on disk.

    Args:
        config: the project.
        repairs: as in `read_tables`; complete when the first part comes.

    Returns:
        None if the project has no orders, or less than `parts.PARTS_FROM` bytes of them.
    """
    size = _in_parts(config)
    return split_orders(config, repairs, size) if size else None


def read_frames(tables: Mapping[str, Any], config: Config, repairs: Repairs) -> dict[str, pl.DataFrame]:
    """Read pandas, polars or pyarrow frames as if they were files.

    Headers are recognised as those of files are, exports of shop systems included.

    Args:
        tables: table name -> frame.
        config: the project; its level and covariates say which further columns are kept.
        repairs: as in `read_tables`.

    Raises:
        DataError: something is no frame, or a needed column is missing.
        ConfigError: there is no table of that name.
    """
    made: dict[str, pl.DataFrame] = {}
    done = Repairs()
    for name, value in tables.items():
        if name not in TABLES:
            raise ConfigError(f"There is no table '{name}': use one of {', '.join(TABLES)}.")
        frame, _ = to_polars(value)
        frame = frame.rename(dict(zip(frame.columns, unique_names(frame.columns), strict=True)))
        preset = find_preset(frame.columns) if name == "orders" else None
        source = Source(table=name, path="", preset=preset.name if preset else "")
        mapping = make_mapping(frame.columns, source, config, f"the {name} frame")
        note_ignored(mapping, f"the {name} frame", done)
        frame = preset.prepare(frame) if preset else frame
        votes = count_votes(frame, mapping)
        typist = Typist(mapping, source, Spelling.of(votes, votes), config.project.timezone, done)
        made[name] = make_table(Raw(frame, f"the {name} frame"), typist, preset)
        if name in ("orders", "sales") and not frame.height:
            raise DataError(f"The {name} frame has no rows: nothing to forecast.")
    repairs.extend(merged(done))
    return made


def read_any(path: str | Path) -> pl.DataFrame:
    """A file as a plain table: CSV, TSV, Excel or Parquet.

    Columns of text become numbers or dates where every cell is one; codes such as ``007`` stay text.

    Raises:
        DataError: the file is missing, empty, damaged, or has lines that do not fit its header.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError(f"There is no file '{file}': correct the path.")
    if file_kind(file, str(file)) in ("duckdb", "sqlite"):
        raise DataError(f"'{file}' is a database: name it as a [[source]] in skucast.toml, or export the table as CSV.")
    repairs = Repairs()
    reader = open_file(file, str(file), Source(table="sales", path=str(file)))
    raws = list(reader.blocks("table", repairs))
    lost = next((row for row in repairs.rows if row["action"] == "rejected"), None)
    if lost is not None:
        raise DataError(f"Some lines of the file do not fit its header: {lost['example']}: {lost['remedy']}.")
    if not raws:
        raise DataError(f"'{file}' has a header and no rows: nothing to read.")
    return _sensible(raws[0].frame)


def write_any(frame: Any, path: str | Path) -> None:
    """Write a frame to a .csv (UTF-8) or .parquet file.

    Raises:
        ConfigError: the ending is another one, or the file cannot be written.
    """
    file = Path(path)
    table, _ = to_polars(frame)
    if file.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError(f"'{file}' must end in .csv or .parquet: only these are written.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix.lower() == ".csv":
            table.write_csv(file)
        else:
            table.write_parquet(file)
    except OSError as error:
        raise ConfigError(f"'{file}' cannot be written: {error.strerror or error}.") from None


def _in_parts(config: Config) -> float:
    """Size of the orders if they are read in parts, else 0."""
    sources = [source for source in config.source if source.table == "orders"]
    if any(source.melt for source in sources):
        return 0.0
    size = estimate_bytes(config, sources)
    return size if size > PARTS_FROM else 0.0


def _below(frames: list[pl.DataFrame]) -> pl.DataFrame:
    if len(frames) == 1:
        return frames[0]
    return pl.concat(frames, how="diagonal") if frames else pl.DataFrame()


def _joined(whole: pl.DataFrame, beside: pl.DataFrame, table: str) -> pl.DataFrame:
    """Add the columns of a table that measures something else; no row of either is lost."""
    if not whole.width:
        return beside
    keys = [n for n in (ITEM[table], TIME[table], "location", "channel") if n in whole.columns and n in beside.columns]
    new = [n for n in beside.columns if n not in whole.columns]
    return whole.join(beside.select(*keys, *new), on=keys, how="full", coalesce=True, maintain_order="left_right")


def _sensible(frame: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    mark = decimal_mark(decimal_votes(frame[name]) for name in texts)
    order, _ = date_order(order_votes(frame[name]) for name in texts)
    return frame.with_columns(_guessed(frame[name], mark, order) for name in texts)


def _guessed(cells: pl.Series, mark: str, order: str) -> pl.Series:
    """A column of text as numbers or dates, if every filled cell is one."""
    filled = cells.filter(~is_empty(cells) & ~cells.str.to_lowercase().is_in(["nan", "inf", "-inf"]))
    if filled.is_empty():
        return cells
    coded = filled.str.contains(r"^\s*0\d").any()
    values, bad = read_numbers(filled, mark)
    if not coded and not bad.any() and values.null_count() == 0:
        numbers, _ = read_numbers(cells, mark)
        whole = numbers.drop_nulls()
        exact = bool(((whole == whole.floor()) & (whole.abs() < 2**53)).all())
        return numbers.cast(pl.Int64) if exact else numbers
    if not filled.str.contains(r"\d\D+\d").all():
        return cells
    moments, _ = read_moments(filled, "", order)
    if moments.null_count():
        return cells
    moments, _ = read_moments(cells, "", order)
    return moments.cast(pl.Date) if bool((moments.dt.time() == dt.time(0)).all()) else moments
