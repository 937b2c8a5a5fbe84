"""Wide tables, whose dates or items run across as columns, made long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from .dates import MOMENT, read_header_dates
from .mapping import ITEM, TIME, split_header
from .raw import Raw
from .table import Typist, constant

_CHUNK = 1 << 20  # cells that are made long at a time, so that little is held twice


@dataclass(frozen=True)
class _Measure:
    """Columns of one measure that run across.

    Attributes:
        name: skucast's column.
        headers: item or date -> header.
    """

    name: str
    headers: dict[str, str]

    @property
    def label(self) -> str:
        """How repairs speak of these columns."""
        first = next(iter(self.headers.values()))
        return first if len(self.headers) == 1 else f"{first}…"


def make_long(raw: Raw, typist: Typist) -> pl.DataFrame:
    """A block of a wide table as typed rows, one per row and column that runs across.

    Cells that are empty or say "no value" (``missing`` under ``[source.melt]``) make no row, unless another
    measure of the same row has a value.
    """
    frame, mapping, source = raw.frame, typist.mapping, typist.source
    assert source.melt is not None
    own = TIME[source.table] if source.melt.across == "dates" else ITEM[source.table]
    down = [typist.column(n, frame, raw.where) for n in mapping.kinds if n in mapping.columns and n != own]
    measures = _measures(typist)
    names = list(dict.fromkeys(name for measure in measures for name in measure.headers))
    if source.melt.across == "dates":
        across = read_header_dates(names, source.date_format).cast(pl.Date if mapping.kinds[own] == "date" else MOMENT)
    else:
        across = pl.Series(names, dtype=pl.String)
    rows = frame.height
    width = max(1, _CHUNK // max(1, rows))
    parts = []
    for start in range(0, len(names), width):
        some = names[start : start + width]
        index = pl.Series(np.tile(np.arange(rows, dtype=np.uint32), len(some)))
        place = pl.Series(np.repeat(np.arange(start, start + len(some), dtype=np.uint32), rows))
        values = [_cells(raw, typist, measure, some).alias(measure.name) for measure in measures]
        part = pl.DataFrame([*(column.gather(index) for column in down), across.gather(place).alias(own), *values])
        parts.append(part.filter(pl.any_horizontal(pl.col(measure.name).is_not_null() for measure in measures)))
    long = pl.concat(parts)
    return long.with_columns(constant(name, mapping, long.height) for name in mapping.constants)


def _measures(typist: Typist) -> list[_Measure]:
    found: dict[str, _Measure] = {}
    for header in typist.mapping.wide:
        measure, name = split_header(header, typist.source)
        found.setdefault(measure, _Measure(measure, {})).headers[name] = header
    return list(found.values())


def _cells(raw: Raw, typist: Typist, measure: _Measure, names: list[str]) -> pl.Series:
    """Cells of one measure below each other, column after column, in the order of ``names``."""
    melt = typist.source.melt
    assert melt is not None
    rows, kind = raw.frame.height, typist.mapping.kinds[measure.name]
    columns = [raw.frame[measure.headers[n]] if n in measure.headers else None for n in names]
    types = {column.dtype for column in columns if column is not None}
    dtype = types.pop() if len(types) == 1 else pl.String() if pl.String in types else pl.Float64()
    blank = pl.Series([None] * rows, dtype=dtype)
    cells = pl.concat([(blank if c is None else c.cast(dtype)).alias("cell") for c in columns]).rechunk()
    values = typist.read(
        cells, kind, measure.label, lambda i: f"{raw.where(i % rows)}, under '{measure.headers[names[i // rows]]}'"
    )
    if kind == "number" and melt.missing:
        values = values.set(values.is_in(melt.missing).fill_null(False), None)
    return values
