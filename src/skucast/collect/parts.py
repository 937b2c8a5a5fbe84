"""Parts: orders larger than memory, cut by item so that each part can be cleaned and added up by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ..config import Config, Source
from .files import file_kind, find_files, is_address, shown, total_bytes
from .intake import Intake, require_rows
from .repairs import Repairs, merged

PARTS_FROM = 400 * 1024**2
"""Bytes of orders, unpacked, above which they are read in parts."""
BLOCK = 32 * 1024**2
"""Bytes of a file that are read and typed at a time."""
PART = 128 * 1024**2
"""Bytes of orders that a part should hold."""
_MEMORY = "512MB"  # of DuckDB, beyond which it spills into the temporary folder
_UNPACKED = {"text": 1.0, "gz": 6.0, "excel": 8.0, "duckdb": 4.0, "sqlite": 1.0}  # bytes per byte on disk
_AT_MOST = 16  # a file that could not even be too large if it grew so many times needs no look


def estimate_bytes(config: Config, sources: list[Source]) -> float:
    """Size of some sources as text, roughly; those of a server count as nothing."""
    total = 0.0
    for source in sources:
        if is_address(source.path):
            continue
        for file in find_files(config.resolve(source.path), source.path):
            if not file.stat().st_size:
                continue
            kind = file_kind(file, shown(file, config.root))
            if kind == "parquet":
                total += _parquet_bytes(file)
            else:
                packed = kind == "text" and file.name.lower().endswith(".gz")
                total += total_bytes([file]) * _UNPACKED["gz" if packed else kind]
    return total


def split_orders(config: Config, repairs: Repairs, size: float) -> Iterator[pl.DataFrame]:
    """Order lines in parts; all lines of an item are in the same part.

    Blocks of the files are typed one by one and handed to DuckDB, which sorts their rows into the parts on
    disk, in a temporary folder that is removed at the end.

    Args:
        config: the project.
        repairs: what was repaired while reading; complete when the first part comes.
        size: see `estimate_bytes`.
    """
    sources = [source for source in config.source if source.table == "orders"]
    count = max(2, int(size // PART) + 1)
    with tempfile.TemporaryDirectory(prefix="skucast-orders-") as name:
        folder = Path(name)
        done = Repairs()
        rows = 0
        for i, source in enumerate(sources):
            intake = Intake(source, config)
            for j, frame in enumerate(intake.frames(BLOCK)):
                if frame.height:
                    _scatter(frame, folder, f"{i:04d}-{j:06d}", count)
                    rows += frame.height
            done.extend(intake.repairs)
        repairs.extend(merged(done))
        require_rows(rows, "orders", sources)
        for part in range(count):
            files = sorted(folder.glob(f"part={part}/*.parquet"))
            if files:
                yield pl.concat([pl.read_parquet(file, hive_partitioning=False) for file in files], how="diagonal")


def _scatter(frame: pl.DataFrame, folder: Path, name: str, count: int) -> None:
    """Add a block's rows to the parts, each as one more file."""
    import duckdb

    block = folder / f"{name}.parquet"
    frame.write_parquet(block, compression="lz4")
    with duckdb.connect(
        config={"memory_limit": _MEMORY, "temp_directory": str(folder / "spill"), "threads": 1}
    ) as base:
        base.execute(
            f"copy (select *, hash(coalesce(sku, '')) % {count} as part from read_parquet({_quoted(block)})) "
            f"to {_quoted(folder)} (format parquet, compression lz4_raw, partition_by (part), "
            f"filename_pattern '{name}-{{i}}', overwrite_or_ignore true)"
        )
    block.unlink()


def _parquet_bytes(path: Path) -> float:
    import duckdb

    size = path.stat().st_size
    if size * _AT_MOST < PARTS_FROM:
        return float(size)
    try:
        with duckdb.connect() as base:
            row = base.execute(
                f"select sum(total_uncompressed_size), sum(num_values) from parquet_metadata({_quoted(path)})"
            ).fetchone()
    except duckdb.Error:
        return float(size)  # the file is damaged; its reader says so
    packed, cells = row if row else (0, 0)
    return float(max(packed or 0, 8 * (cells or 0)))  # dictionaries make columns smaller than their text


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
