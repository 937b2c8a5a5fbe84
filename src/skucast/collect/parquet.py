"""Parquet files: columns that are needed, whole or in slices of rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ..errors import DataError
from .raw import Raw, unique_names
from .repairs import Repairs

_CELL = 24  # bytes of a cell in memory, roughly


@dataclass
class ParquetFile:
    """A Parquet file; see `reader.Reader`."""

    path: Path
    label: str
    headers: list[str] = field(default_factory=list)
    schema: dict[str, pl.DataType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            found = dict(pl.read_parquet_schema(self.path))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._damaged(error) from None
        self.headers = unique_names(found)
        self.schema = dict(zip(self.headers, found.values(), strict=True))
        self._stored = list(found)

    def blocks(
        self, table: str, repairs: Repairs, size: int = 0, columns: Collection[str] | None = None
    ) -> Iterator[Raw]:
        """See `reader.Reader.blocks`."""
        wanted = [
            (old, new) for old, new in zip(self._stored, self.headers, strict=True) if columns is None or new in columns
        ]
        lazy = pl.scan_parquet(self.path, glob=False).select(pl.col(old).alias(new) for old, new in wanted)
        step = max(1000, size // (_CELL * max(1, len(wanted)))) if size else None
        start = 0
        while True:
            try:
                frame = lazy.slice(start, step).collect()
            except (pl.exceptions.PolarsError, OSError) as error:
                raise self._damaged(error) from None
            if frame.height:
                yield Raw(plain_text(frame), self.label, first_row=start)
            if step is None or frame.height < step:
                return
            start += step

    @property
    def rows(self) -> int:
        """Number of rows, from the file's own notes."""
        return int(pl.scan_parquet(self.path, glob=False).select(pl.len()).collect().item())

    def _damaged(self, error: Exception) -> DataError:
        return DataError(f"'{self.label}' is a damaged Parquet file ({str(error).splitlines()[0]}): write it again.")


def plain_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Categories and enumerations as text, decimals as doubles; the rest as it is."""
    casts = [
        pl.col(name).cast(pl.String if isinstance(dtype, pl.Categorical | pl.Enum) else pl.Float64)
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Categorical | pl.Enum | pl.Decimal)
    ]
    return frame.with_columns(casts) if casts else frame
