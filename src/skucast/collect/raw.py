"""Raw: rows as they stand in a file or database, before columns are named and typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl


@dataclass(frozen=True)
class Raw:
    """A block of rows and where they came from.

    Attributes:
        frame: columns as in the source; text files give text.
        label: the source's name in messages.
        first_line: line of the first row, counted from 1; 0 where rows have no lines.
        lines: line of each row, where fields hold line breaks or rows were left out.
        first_row: number of the first row in the source, counted from 0, where rows have no lines.
    """

    frame: pl.DataFrame
    label: str
    first_line: int = 0
    lines: npt.NDArray[np.int64] | None = None
    first_row: int = 0

    def where(self, row: int) -> str:
        """The place of a row, in words."""
        if self.lines is not None:
            return f"'{self.label}', line {int(self.lines[row])}"
        if self.first_line:
            return f"'{self.label}', line {self.first_line + row}"
        return f"'{self.label}', row {self.first_row + row + 1:,}"


def unique_names(headers: Iterable[str | None]) -> list[str]:
    """Headers as column names: trimmed, never empty, never twice (``Qty``, ``Qty (2)``)."""
    names: list[str] = []
    seen: dict[str, int] = {}
    for place, header in enumerate(headers, start=1):
        name = unwrap_text(str(header or "").strip("\ufeff \t\r\n")) or f"column {place}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def unwrap_text(cell: str) -> str:
    """``="007"`` is how spreadsheets are made to keep a number as text."""
    return cell[2:-1] if len(cell) > 3 and cell.startswith('="') and cell.endswith('"') else cell
