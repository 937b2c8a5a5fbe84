"""Excel workbooks: one sheet as rows with headers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ..errors import ConfigError, DataError
from .raw import Raw, unique_names
from .repairs import Repairs


@dataclass
class Sheet:
    """A sheet of a workbook; see `reader.Reader`.

    Attributes:
        path: the workbook.
        label: its name in messages.
        sheet: name of the sheet; empty is the first that is not empty.
        skip: rows above the header.
        headers: names of the columns, made unique.
    """

    path: Path
    label: str
    sheet: str = ""
    skip: int = 0
    headers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = sheet_names(self.path, self.label)
        if self.sheet and self.sheet not in names:
            raise ConfigError(f"'{self.label}' has no sheet '{self.sheet}': it has {', '.join(map(repr, names))}.")
        for name in [self.sheet] if self.sheet else names:
            found = self._load(name, n_rows=1)
            if found.width:
                self.sheet = name
                self.headers = unique_names("" if c.startswith("__UNNAMED__") else c for c in found.columns)
                break
        else:
            raise DataError(f"'{self.label}' is empty: export it again, or take it out of skucast.toml.")
        if len(names) > 1:
            self.label = f"{self.label} [{self.sheet}]"

    def blocks(
        self, table: str, repairs: Repairs, size: int = 0, columns: Collection[str] | None = None
    ) -> Iterator[Raw]:
        """See `reader.Reader.blocks`; a workbook always comes as one block."""
        frame = self._load(self.sheet)
        frame.columns = self.headers
        if columns is not None:
            frame = frame.select(name for name in self.headers if name in columns)
        if frame.height:
            yield Raw(frame, self.label, first_line=self.skip + 2)

    def _load(self, name: str, n_rows: int | None = None) -> pl.DataFrame:
        import fastexcel

        try:
            book = fastexcel.read_excel(self.path)
            sheet = book.load_sheet(
                name, header_row=self.skip, n_rows=n_rows, schema_sample_rows=None, skip_whitespace_tail_rows=True
            )
            frame: pl.DataFrame = sheet.to_polars()
        except fastexcel.FastExcelError as error:
            if self.skip and "header" in str(error).lower():
                return pl.DataFrame()
            raise _damaged(self.label, error) from None
        return frame


def sheet_names(path: Path, label: str) -> list[str]:
    """Names of a workbook's sheets.

    Raises:
        DataError: the workbook is damaged or protected by a password.
    """
    import fastexcel

    try:
        return list(fastexcel.read_excel(path).sheet_names)
    except fastexcel.FastExcelError as error:
        raise _damaged(label, error) from None


def _damaged(label: str, error: Exception) -> DataError:
    reason = str(error).splitlines()[0]
    return DataError(
        f"'{label}' cannot be read as a workbook ({reason}): open it, take off its password if it has one, "
        "and save it as .xlsx."
    )
