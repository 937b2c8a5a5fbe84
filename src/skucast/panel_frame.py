"""Panels from and to frames: the edge where pandas, polars and pyarrow meet `Panel`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from .errors import DataError
from .frequency import Frequency
from .panel import F32, Panel

_SHOWN = 5  # names listed in an error before "..."


@dataclass(frozen=True)
class Layout:
    """How the user's frame looked.

    Attributes:
        id: name of the identifier column.
        time: name of the stamp column.
        target: name of the value column.
        kind: ``polars``, ``pandas`` or ``pyarrow``.
        time_dtype: the stamp column's polars type; text stamps come back as dates.
        ignored: columns of the frame that no role was given to.
    """

    id: str = "unique_id"
    time: str = "ds"
    target: str = "y"
    kind: str = "polars"
    time_dtype: pl.DataType | None = None
    ignored: tuple[str, ...] = ()


def to_polars(frame: Any) -> tuple[pl.DataFrame, str]:
    """Any eager or lazy frame as polars, and the kind it was.

    Raises:
        DataError: the object is no frame.
    """
    import narwhals as nw

    if isinstance(frame, pl.DataFrame):
        return frame, "polars"
    if isinstance(frame, pl.LazyFrame):
        return frame.collect(), "polars"
    try:
        native = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise DataError(
            f"Expected a pandas, polars or pyarrow frame, got {type(frame).__name__}: "
            "pass a long frame with one row per series and date."
        ) from None
    kind = str(native.implementation)
    if native.implementation.is_pandas_like() and isinstance(native.to_native().index.name, str):
        native = nw.from_native(native.to_native().reset_index(), eager_only=True)
    if native.implementation.is_pyarrow():
        made = pl.from_arrow(native.to_native())
        assert isinstance(made, pl.DataFrame)
        return made, "pyarrow"
    columns: dict[str, pl.Series] = {}
    for name in native.columns:
        series = native[name]
        try:
            columns[str(name)] = pl.Series(
                str(name), series.to_list() if series.dtype == nw.Object else series.to_numpy()
            )
        except (TypeError, pl.exceptions.PolarsError):
            columns[str(name)] = pl.Series(str(name), [None if v is None else str(v) for v in series.to_list()])
        if series.dtype in (nw.Categorical, nw.Enum, nw.String):
            columns[str(name)] = pl.Series(str(name), series.to_list(), dtype=pl.String, strict=False)
        elif isinstance(series.dtype, nw.Datetime) and series.dtype.time_zone:
            naive = pl.Series(str(name), series.to_numpy())
            columns[str(name)] = naive.dt.replace_time_zone("UTC").dt.convert_time_zone(series.dtype.time_zone)
    return pl.DataFrame(columns), "pandas" if "pandas" in kind.lower() else "polars"


def from_polars(frame: pl.DataFrame, kind: str) -> Any:
    """A polars frame as the kind that the user gave."""
    if kind == "pandas":
        import pandas as pd

        return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})
    return frame.to_arrow() if kind == "pyarrow" else frame


def read_panel(
    frame: Any,
    freq: str | None,
    id: str,
    time: str,
    target: str,
    static: Any,
    known: Sequence[str],
    past: Sequence[str],
    availability: str | None,
) -> Panel:
    """See `Panel.from_frame`."""
    table, kind = to_polars(frame)
    static_names = [static] if isinstance(static, str) else list(static) if isinstance(static, list | tuple) else []
    roles = [id, time, target, *static_names, *known, *past, *([availability] if availability else [])]
    require_columns(table, roles)
    if table.height == 0:
        raise DataError("The frame has no rows: nothing to forecast.")
    for name in (id, time):
        if table[name].null_count():
            raise DataError(f"Column '{name}' is empty in {table[name].null_count():,} rows: fill or drop them.")
    stamps = _stamps(table[time], time)
    us = stamps.to_numpy().astype("datetime64[us]")
    grid = infer_frequency(us) if freq is None else Frequency.parse(freq, us)
    ordinal = _ordinals(grid, us, table[id])
    codes, ids = _codes(table[id])
    end, start = int(ordinal.max()), _first(ordinal, codes, len(ids))
    lengths = end - start + 1
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    if int(indptr[-1]) > max(50_000_000, 2_000 * table.height):
        raise DataError(
            f"Dates from {str(us.min())[:10]} to {str(us.max())[:10]} at frequency '{grid.alias}' would make "
            f"{int(indptr[-1]):,} cells out of {table.height:,} rows: check column '{time}' for a wrong date."
        )
    cell = indptr[codes] + ordinal - start[codes]
    _no_duplicates(cell, int(indptr[-1]), table, id, time)
    numbers, categories = {}, {}
    for name in (target, *known, *past):
        column, texts = _numbers(table, name, id, time, allow_text=name != target)
        flat = np.full(int(indptr[-1]), np.nan, dtype=np.float32)
        flat[cell] = column
        numbers[name] = flat
        if texts is not None:
            categories[name] = texts
    available = None
    if availability is not None:
        flags = table[availability].cast(pl.Float64, strict=False).fill_null(1.0).to_numpy()
        available = np.ones(int(indptr[-1]), dtype=np.bool_)
        available[cell] = flags > 0
    layout = Layout(id, time, target, kind, table.schema[time], tuple(c for c in table.columns if c not in roles))
    return Panel(
        freq=grid, end=end, values=numbers[target], indptr=indptr,
        static=_static(table, ids, id, static, static_names), available=available,
        past={n: numbers[n] for n in past}, known={n: numbers[n] for n in known},
        categories=categories, layout=layout,
    )  # fmt: skip


def require_columns(table: pl.DataFrame, names: Sequence[str]) -> None:
    """Raise a `DataError` that names the missing columns and shows what is there."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        there = ", ".join(table.columns[:12]) + ("..." if len(table.columns) > 12 else "")
        raise DataError(
            f"Column '{missing[0]}' is missing; the frame has: {there}. Name it with the matching argument."
        )


def read_future(panel: Panel, frame: Any, horizon: int) -> dict[str, F32]:
    """See `Panel.future`."""
    if not panel.known:
        return {}
    layout = panel.layout or Layout()
    if frame is None:
        raise DataError(
            f"The future values of {', '.join(panel.known)} are needed: pass future= with one row per series and date, "
            f"from {_day(panel, panel.end + 1)} to {_day(panel, panel.end + horizon)}."
        )
    table, _ = to_polars(frame)
    shared = layout.id not in table.columns  # one row per date serves all series
    require_columns(table, [*([] if shared else [layout.id]), layout.time, *panel.known])
    us = _stamps(table[layout.time], layout.time).to_numpy().astype("datetime64[us]")
    step = panel.freq.floor(us) - panel.end - 1
    inside = (step >= 0) & (step < horizon)
    table, step = table.filter(pl.Series(inside)), step[inside]
    if shared:
        row = np.zeros(table.height, dtype=np.int64)
    else:
        order = pl.DataFrame({layout.id: panel.ids, "row": np.arange(len(panel))})
        rows = table.select(pl.col(layout.id).cast(panel.ids.dtype, strict=False)).join(
            order, on=layout.id, how="left", maintain_order="left"
        )["row"]
        row = rows.fill_null(-1).to_numpy().astype(np.int64)
        table, step, row = table.filter(pl.Series(row >= 0)), step[row >= 0], row[row >= 0]
    out: dict[str, F32] = {}
    for name in panel.known:
        column, _ = _numbers(table, name, layout.id, layout.time, True, panel.categories.get(name))
        block = np.full((1 if shared else len(panel), horizon), np.nan, dtype=np.float32)
        block[row, step] = column
        gaps = np.argwhere(np.isnan(block))
        if gaps.size:
            first = "; ".join(
                f"{'all series' if shared else panel.ids[int(i)]} on {_day(panel, panel.end + 1 + int(s))}"
                for i, s in gaps[:3]
            )
            raise DataError(
                f"Known covariate '{name}' has {len(gaps):,} gaps in the future frame, the first at {first}: "
                "fill them, or name the column under past= instead."
            )
        out[name] = np.broadcast_to(block, (len(panel), horizon)).copy() if shared else block
    return out


def write_panel(panel: Panel) -> Any:
    """See `Panel.to_frame`."""
    layout = panel.layout or Layout(id=panel.static.columns[0])
    columns: dict[str, Any] = {
        layout.id: panel.ids.gather(panel.row_of),
        layout.time: stamp_series(panel.freq.stamp(panel.ordinals), layout.time_dtype),
        layout.target: pl.Series(panel.values).fill_nan(None),
    }
    if panel.available is not None:
        columns["available"] = panel.available
    for name, column in {**panel.known, **panel.past}.items():
        decoded = pl.Series(column).fill_nan(None)
        if name in panel.categories:
            texts = pl.Series(panel.categories[name], dtype=pl.String)
            decoded = texts.gather(decoded.cast(pl.UInt32))
        columns[name] = decoded
    return from_polars(pl.DataFrame(columns), layout.kind)


def stamp_series(stamps: npt.NDArray[np.datetime64], dtype: pl.DataType | None) -> pl.Series:
    """Stamps as a polars column of the user's own type (dates for text and by default)."""
    series = pl.Series(stamps)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone:
            return series.dt.replace_time_zone(dtype.time_zone, non_existent="null", ambiguous="earliest").cast(dtype)
        return series.cast(dtype)
    midnight = stamps.astype("datetime64[D]").astype("datetime64[us]") == stamps
    return series.cast(pl.Date) if bool(np.all(midnight)) else series


def infer_frequency(us: npt.NDArray[np.datetime64]) -> Frequency:
    """Guess the grid from stamps: the most common gap between consecutive distinct stamps.

    Raises:
        DataError: fewer than two distinct stamps, or no known gap.
    """
    distinct = np.unique(us)
    if distinct.size < 2:
        raise DataError(
            "The frequency cannot be inferred from a single date: name it with freq=, for example freq='D'."
        )
    gaps = np.diff(distinct).astype(np.int64) / 86_400e6
    typical = float(np.median(gaps))
    names = {1.0: "D", 7.0: "W", 14.0: "2W", 1 / 24: "h", 1 / 96: "15min", 1 / 1440: "min"}
    for days, alias in names.items():
        if abs(typical - days) < 1e-6:
            return Frequency.parse(alias, us)
    for low, high, alias in ((28, 31, "M"), (90, 92, "Q"), (365, 366, "Y")):
        if low <= typical <= high:
            return Frequency.parse(alias, us)
    raise DataError(f"The frequency cannot be inferred (typical gap {typical:g} days): name it with freq=.")


def _stamps(column: pl.Series, name: str) -> pl.Series:
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime):
        return column.dt.replace_time_zone(None) if dtype.time_zone else column
    if dtype == pl.Date:
        return column.cast(pl.Datetime("us"))
    if dtype == pl.String:
        for days_only in (False, True):
            try:
                parsed = (
                    column.str.to_date(strict=False).cast(pl.Datetime("us"))
                    if days_only
                    else column.str.to_datetime(strict=False)
                )
            except pl.exceptions.ComputeError:
                continue
            if parsed.null_count() == 0:
                return parsed
        bad = column.filter(parsed.is_null())[0] if "parsed" in locals() else column[0]
        raise DataError(f"Column '{name}' has a value that is no date: '{bad}'. Use ISO dates such as 2026-03-31.")
    raise DataError(f"Column '{name}' must hold dates, but holds {dtype}: convert it first.")


def _ordinals(grid: Frequency, us: npt.NDArray[np.datetime64], ids: pl.Series) -> npt.NDArray[np.int64]:
    try:
        return grid.ordinal(us)
    except DataError as error:
        off = grid.stamp(grid.floor(us)) != us
        where = f" (series '{ids[int(np.argmax(off))]}')" if off.any() else ""
        raise DataError(f"{error}{where}") from None


def _codes(column: pl.Series) -> tuple[npt.NDArray[np.int64], pl.Series]:
    """Rank of each row's identifier among the sorted distinct ones, and those."""
    plain = column.cast(pl.String) if column.dtype in (pl.Categorical, pl.Enum) else column
    ids = plain.unique().sort()
    if plain.dtype == pl.String:  # an Enum's physical codes are ranks: each text is hashed once
        return plain.cast(pl.Enum(ids)).to_physical().to_numpy().astype(np.int64), ids
    return np.searchsorted(ids.to_numpy(), plain.to_numpy()).astype(np.int64), ids


def _first(ordinal: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    least = pl.DataFrame({"code": codes, "at": ordinal}).group_by("code").agg(pl.col("at").min())
    first = np.empty(count, dtype=np.int64)
    first[least["code"].to_numpy()] = least["at"].to_numpy()
    return first


def _no_duplicates(cell: npt.NDArray[np.int64], total: int, table: pl.DataFrame, id: str, time: str) -> None:
    count = np.bincount(cell, minlength=total)
    if total and int(count.max()) > 1:
        at = int(np.argmax(count[cell] > 1))
        row = table[at]
        raise DataError(
            f"{int((count[cell] > 1).sum()):,} rows share a series and date, the first '{row[id][0]}' on {row[time][0]}: "
            "add them up first, or check the key columns."
        )


def _numbers(
    table: pl.DataFrame, name: str, id: str, time: str, allow_text: bool, texts: tuple[str, ...] | None = None
) -> tuple[F32, tuple[str, ...] | None]:
    column = table[name]
    dtype = column.dtype
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        words = column.cast(pl.String)
        as_number = words.cast(pl.Float64, strict=False)
        if texts is None and as_number.null_count() == words.null_count():
            column = as_number
        elif not allow_text:
            bad = words.filter(as_number.is_null() & words.is_not_null())[0]
            raise DataError(f"Column '{name}' has text where a number is expected: '{bad}'. Clean it first.")
        else:
            filled = words.fill_null("")
            known = tuple(filled.unique().sort()) if texts is None else texts
            codes = filled.replace_strict(known, np.arange(len(known), dtype=np.float32), default=-1.0)
            return codes.to_numpy().astype(np.float32), known
    elif not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"Column '{name}' must be numeric, but holds {dtype}: convert it first.")
    numbers = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    infinite = np.isinf(numbers) | (np.abs(numbers) > 1e30)
    if infinite.any():
        row = table[int(np.argmax(infinite))]
        where = f" (series '{row[id][0]}' on {row[time][0]})" if id in table.columns else ""
        raise DataError(
            f"Column '{name}' is infinite in {int(infinite.sum()):,} rows{where}: replace them by a number or null."
        )
    return numbers.astype(np.float32), None


def _static(table: pl.DataFrame, ids: pl.Series, id: str, static: Any, names: list[str]) -> pl.DataFrame:
    base = pl.DataFrame({id: ids})
    if static is None:
        return base
    key = pl.col(id).cast(ids.dtype)
    if names:
        found = table.select(key, *names).unique(maintain_order=True)
        twice = found.filter(pl.col(id).is_duplicated())
        if twice.height:
            raise DataError(
                f"Static columns {names} change within series '{twice[id][0]}': list them under known= or past=."
            )
    else:
        found, _ = to_polars(static)
        require_columns(found, [id])
        found = found.with_columns(pl.col(id).cast(ids.dtype, strict=False)).unique(
            id, keep="first", maintain_order=True
        )
    return base.join(found, on=id, how="left", maintain_order="left")


def _day(panel: Panel, ordinal: int) -> str:
    stamp = panel.freq.stamp(ordinal)
    return str(stamp.astype("datetime64[D]" if panel.freq.is_calendar else "datetime64[s]"))
