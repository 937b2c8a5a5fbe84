"""Panel: many series at one frequency, the one noun that travels between rooms.

Values lie in one flat ``float32`` array, series after series, each in time order; ``indptr`` says
where each begins. All series end at the panel's last step (a series without later rows ends in
missing values), so a forecast of every series starts at the same date and a dense view is a
right-aligned matrix. A step without a row is missing (NaN): closed or unknown, never zero.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from .errors import DataError
from .frequency import Frequency, Stamps
from .place import Place

if TYPE_CHECKING:
    from .panel_frame import Layout

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)
class Panel:
    """Many series at one frequency.

    Attributes:
        freq: the grid of time.
        end: ordinal of the last step, common to all series.
        values: ``(N,)`` demand in units; NaN is missing.
        indptr: ``(S + 1,)`` offsets: series ``i`` is ``values[indptr[i]:indptr[i + 1]]``.
        static: ``S`` rows; first column is the identifier, the others are static covariates.
        available: ``(N,)`` False where the item could not be bought (sales there are censored
            demand), or None when unknown.
        past: covariates known only up to the last step, name -> ``(N,)``.
        known: covariates known in the future too, name -> ``(N,)``.
        categories: covariates that were text: name -> the texts that codes 0, 1, ... stand for.
        layout: how the user's frame looked (names, kind), so that results can look the same.
        place: where the shop sells; decides which holidays models see.
    """

    freq: Frequency
    end: int
    values: F32
    indptr: I64
    static: pl.DataFrame
    available: Bool | None = None
    past: Mapping[str, F32] = field(default_factory=dict)
    known: Mapping[str, F32] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    layout: Layout | None = None
    place: Place = field(default_factory=Place)

    def __post_init__(self) -> None:
        total = int(self.indptr[-1]) if self.indptr.size else 0
        for name, array in {"values": self.values, "available": self.available, **self.past, **self.known}.items():
            if array is not None and array.shape != (total,):
                raise DataError(f"Panel column '{name}' has {array.size:,} cells where {total:,} are expected.")
        if self.static.height != self.indptr.size - 1:
            raise DataError(f"Panel has {self.indptr.size - 1:,} series but {self.static.height:,} static rows.")

    # ---- making -----------------------------------------------------------------------------
    @classmethod
    def from_frame(
        cls,
        frame: Any,
        freq: str | None = None,
        *,
        id: str = "unique_id",
        time: str = "ds",
        target: str = "y",
        static: Any = None,
        known: Sequence[str] = (),
        past: Sequence[str] = (),
        availability: str | None = None,
    ) -> Panel:
        """Build a panel from a long frame (pandas, polars or pyarrow), one row per series and step.

        Args:
            frame: the rows, in any order.
            freq: pandas offset alias or polars duration; None infers it from the stamps.
            id: column that names the series.
            time: column of stamps.
            target: column of values; null and NaN are missing.
            static: names of columns of ``frame`` that are constant per series, or a frame with one
                row per series.
            known: columns known in the future too.
            past: columns known only in the past.
            availability: column that is true (or 1) where the item could be bought.

        Raises:
            DataError: a column is missing or of the wrong kind, a key occurs twice, a stamp is off
                the grid, or a value is infinite.
        """
        from .panel_frame import read_panel

        return read_panel(frame, freq, id, time, target, static, tuple(known), tuple(past), availability)

    # ---- shape ------------------------------------------------------------------------------
    def __len__(self) -> int:
        return self.static.height

    @property
    def ids(self) -> pl.Series:
        """Identifiers of the series, in order."""
        return self.static.to_series(0)

    @property
    def lengths(self) -> I64:
        """``(S,)`` number of steps of each series, missing ones included."""
        return np.diff(self.indptr)

    @property
    def n_steps(self) -> int:
        """Length of the longest series."""
        return int(self.lengths.max()) if len(self) else 0

    @property
    def stamps(self) -> Stamps:
        """``(n_steps,)`` stamps of the right-aligned time axis."""
        return self.freq.stamp(np.arange(self.end - self.n_steps + 1, self.end + 1))

    @property
    def row_of(self) -> I64:
        """``(N,)`` number of the series that each cell belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def ordinals(self) -> I64:
        """``(N,)`` step number of each cell."""
        from_end = np.repeat(self.indptr[1:], self.lengths) - np.arange(self.values.size)
        return self.end + 1 - from_end

    @property
    def observed(self) -> F32:
        """``(N,)`` values with out-of-stock steps hidden (NaN): what is known of true demand."""
        if self.available is None:
            return self.values
        return np.where(self.available, self.values, np.float32(np.nan))

    def series(self, i: int) -> F32:
        """View of the values of series ``i``."""
        return self.values[self.indptr[i] : self.indptr[i + 1]]

    def dense(self, column: npt.NDArray[Any] | None = None, steps: int | None = None) -> npt.NDArray[Any]:
        """Right-aligned matrix ``(S, steps)`` of a flat column (default: ``values``).

        Cells before a series begins are NaN (False for booleans). ``steps`` takes the last steps
        only, or pads on the left.
        """
        flat = self.values if column is None else column
        width = self.n_steps if steps is None else steps
        lengths = np.minimum(self.lengths, width)
        out = np.full((len(self), width), False if flat.dtype == np.bool_ else np.nan, dtype=flat.dtype)
        if width == 0 or not len(self):
            return out
        if bool(np.all(self.lengths == self.n_steps)) and width <= self.n_steps:
            return np.ascontiguousarray(flat.reshape(len(self), self.n_steps)[:, self.n_steps - width :])
        if int(lengths.sum()) == flat.size:
            out[np.arange(width) >= (width - lengths)[:, None]] = flat
            return out
        keep = self.ordinals > self.end - width
        out[np.arange(width) >= (width - lengths)[:, None]] = flat[keep]
        return out

    # ---- parts of it --------------------------------------------------------------------------
    def take(self, rows: npt.ArrayLike) -> Panel:
        """Sub-panel of the given series (indices or boolean mask), in the given order."""
        index = np.asarray(rows)
        if index.dtype == np.bool_:
            index = np.flatnonzero(index)
        index = index.astype(np.int64)
        lengths = self.lengths[index]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        cells = np.repeat(self.indptr[index] - starts[:-1], lengths) + np.arange(int(starts[-1]))
        return self._pick(cells, lengths, self.static[index])

    def until(self, end: int | str | np.datetime64) -> Panel:
        """The panel as it was known after step ``end``; series that begin later are left out."""
        is_ordinal = isinstance(end, int | np.integer)
        last = int(end) if is_ordinal else int(self.freq.floor(np.array([end], "datetime64[us]"))[0])
        if last >= self.end:
            return self
        lengths = np.maximum(self.lengths - (self.end - last), 0)
        born = lengths > 0
        return self._pick(
            np.flatnonzero(self.ordinals <= last), lengths[born], self.static.filter(pl.Series(born)), last
        )

    def tail(self, steps: int) -> Panel:
        """The last ``steps`` steps of every series."""
        cells = np.flatnonzero(self.ordinals > self.end - steps)
        return self._pick(cells, np.minimum(self.lengths, steps), self.static)

    def with_values(self, values: npt.NDArray[Any], available: Bool | None = None) -> Panel:
        """Same shape, other values (and availability, if given)."""
        kept = self.available if available is None else available
        return replace(self, values=np.ascontiguousarray(values, dtype=np.float32), available=kept)

    def with_known(self, columns: Mapping[str, npt.NDArray[Any]]) -> Panel:
        """Same panel with further future-known covariates, each ``(N,)``."""
        added = {name: np.ascontiguousarray(c, dtype=np.float32) for name, c in columns.items()}
        return replace(self, known={**self.known, **added})

    def append(self, values: npt.NDArray[Any], known: Mapping[str, npt.NDArray[Any]] | None = None) -> Panel:
        """The panel ``k`` steps later: ``values`` is ``(S, k)``; past covariates are missing there,
        known ones come from ``known`` (name -> ``(S, k)``)."""
        block = np.asarray(values, dtype=np.float32)
        steps = block.shape[1]
        indptr = (self.indptr + steps * np.arange(self.indptr.size)).astype(np.int64)
        at = np.repeat(indptr[1:] - steps, steps) + np.tile(np.arange(steps), len(self))
        old = np.ones(int(indptr[-1]), dtype=np.bool_)
        old[at] = False

        def grow(column: npt.NDArray[Any], extra: npt.NDArray[Any] | float | bool) -> npt.NDArray[Any]:
            out = np.empty(old.size, dtype=column.dtype)
            out[old] = column
            out[at] = np.broadcast_to(np.asarray(extra, dtype=column.dtype), block.shape).ravel()
            return out

        return replace(
            self,
            end=self.end + steps,
            indptr=indptr,
            values=grow(self.values, block),
            available=None if self.available is None else grow(self.available, True),
            past={n: grow(c, np.nan) for n, c in self.past.items()},
            known={n: grow(c, (known or {}).get(n, np.nan)) for n, c in self.known.items()},
        )

    # ---- the outside --------------------------------------------------------------------------
    def to_frame(self) -> Any:
        """Long frame of the kind and with the names that the panel was built from."""
        from .panel_frame import write_panel

        return write_panel(self)

    def to_torch(self) -> Any:
        """The values as a torch tensor on the same memory (needs the extra ``neural``)."""
        try:
            import torch
        except ImportError:
            from .errors import MissingExtraError

            raise MissingExtraError("Panel.to_torch", "neural") from None
        return torch.from_numpy(self.values)

    def fingerprint(self) -> str:
        """Hash of all content, for manifests and caches."""
        digest = hashlib.sha256(json.dumps([self.freq.to_dict(), self.end, self.place.to_dict()]).encode())
        for name, column in self._columns().items():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(column).tobytes())
        digest.update(self.indptr.tobytes())
        digest.update(self.static.write_csv().encode())
        return digest.hexdigest()

    def future(self, frame: Any, horizon: int) -> dict[str, F32]:
        """Read future values of the known covariates from a frame: name -> ``(S, horizon)``.

        Raises:
            DataError: a column, series or date is missing; the first gaps are named.
        """
        from .panel_frame import read_future

        return read_future(self, frame, horizon)

    def save(self, folder: str | Path) -> None:
        """Write the panel to a folder (safetensors, Parquet and JSON)."""
        from .panel_folder import save_panel

        save_panel(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Panel:
        """Read what `save` wrote."""
        from .panel_folder import load_panel

        return load_panel(Path(folder))

    def plot(self, ids: Sequence[Any] | None = None, **options: Any) -> Any:
        """Line chart of some series (extra ``plot``); returns the matplotlib figure."""
        from .plotting import plot_panel

        return plot_panel(self, ids, **options)

    def __repr__(self) -> str:
        if not len(self):
            return "Panel(no series)"
        axis = self.stamps
        fmt = "datetime64[D]" if self.freq.is_calendar else "datetime64[s]"
        missing = float(np.isnan(self.values).mean()) if self.values.size else 0.0
        parts = [
            f"{len(self):,} series x up to {self.n_steps:,} steps ({self.freq.alias})",
            f"{axis[0].astype(fmt)}..{axis[-1].astype(fmt)}",
            f"{missing:.1%} missing",
        ]
        if self.available is not None:
            parts.append(f"{1 - float(self.available.mean()):.1%} out of stock")
        for role, names in (("known", self.known), ("past", self.past), ("static", self.static.columns[1:])):
            if len(names):
                parts.append(f"{role}: {', '.join(names)}")
        return f"Panel({'; '.join(parts)})"

    def _columns(self) -> dict[str, npt.NDArray[Any]]:
        columns: dict[str, npt.NDArray[Any]] = {"values": self.values}
        if self.available is not None:
            columns["available"] = self.available
        columns |= {f"past.{n}": c for n, c in self.past.items()}
        return columns | {f"known.{n}": c for n, c in self.known.items()}

    def _pick(self, cells: I64, lengths: I64, static: pl.DataFrame, end: int | None = None) -> Panel:
        """The panel made of some cells; ``lengths`` says how many belong to each row of ``static``."""
        return replace(
            self,
            end=self.end if end is None else end,
            values=self.values[cells],
            indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            static=static,
            available=None if self.available is None else self.available[cells],
            past={n: c[cells] for n, c in self.past.items()},
            known={n: c[cells] for n, c in self.known.items()},
        )
