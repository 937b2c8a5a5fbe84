"""Intake: all files of one ``[[source]]`` as typed blocks of its table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import polars as pl

from ..config import Config, Source
from ..errors import DataError
from .database import open_server
from .files import find_files, is_address, is_many, shown
from .mapping import Mapping, make_mapping, note_ignored
from .presets import Preset, load_preset
from .raw import Raw
from .reader import Reader, open_file
from .repairs import Repairs
from .spelling import Spelling, Votes, count_votes
from .table import Typist, make_table
from .wide import make_long


@dataclass(frozen=True)
class _Waiting:
    """A file whose spelling is still open; ``raw`` is kept where the whole file is in memory anyway."""

    reader: Reader
    mapping: Mapping
    votes: Votes
    raw: Raw | None


@dataclass
class Intake:
    """Reads one source, file after file.

    Attributes:
        source: the source.
        config: the project that it belongs to.
        repairs: what was repaired on the way.
    """

    source: Source
    config: Config
    repairs: Repairs = field(default_factory=Repairs)

    def frames(self, size: int = 0) -> Iterator[pl.DataFrame]:
        """Typed rows: one frame per file (``size`` 0), or blocks of about ``size`` bytes.

        A file whose own cells leave open how to read them (3/4/2024; 1,234) is read as its sister files are
        written. If those leave it open too, dates are taken as day/month, and that is noted.

        Raises:
            DataError: a file is missing, empty, damaged or lacks a needed column.
            ConfigError: the source states something impossible.
        """
        waiting: list[_Waiting] = []
        known = Votes()
        for reader in self._readers():
            mapping = make_mapping(reader.headers, self.source, self.config, reader.label)
            note_ignored(mapping, reader.label, self.repairs)
            told = Repairs()
            raws = self._raws(reader, mapping, size, told)
            first = next(raws, None)
            if first is None:
                self.repairs.extend(told)
                self._note_empty(f"'{reader.label}' has a header and no rows")
                continue
            votes = count_votes(first.frame, mapping)
            known = known + votes
            if votes.decided:
                yield from self._typed(
                    reader, mapping, Spelling.of(votes, votes, self.source.decimal), chain([first], raws)
                )
                self.repairs.extend(told)
            elif size:
                waiting.append(_Waiting(reader, mapping, votes, None))  # read again later, and counted then
            else:
                self.repairs.extend(told)
                waiting.append(_Waiting(reader, mapping, votes, first))
        while waiting:
            late = waiting.pop(0)
            raws = (
                iter([late.raw]) if late.raw is not None else self._raws(late.reader, late.mapping, size, self.repairs)
            )
            yield from self._typed(late.reader, late.mapping, Spelling.of(late.votes, known, self.source.decimal), raws)

    def _readers(self) -> Iterator[Reader]:
        if is_address(self.source.path):
            yield open_server(self.source.path, self.source)
            return
        path = self.config.resolve(self.source.path)
        for file in find_files(path, self.source.path):
            label = shown(file, self.config.root)
            if is_many(path) and not file.stat().st_size:
                self._note_empty(f"'{label}' is empty")
                continue
            yield open_file(file, label, self.source)

    def _note_empty(self, example: str) -> None:
        self.repairs.add(
            "read", self.source.table, "empty-files", "noted", 1, example=example,
            remedy="export them again, or take them out of the folder",
        )  # fmt: skip

    @property
    def _preset(self) -> Preset | None:
        preset = load_preset(self.source.preset) if self.source.preset else None
        return preset if preset is not None and preset.table == self.source.table else None

    def _raws(self, reader: Reader, mapping: Mapping, size: int, repairs: Repairs) -> Iterator[Raw]:
        """Blocks of the file, prepared as its preset asks."""
        preset = self._preset
        carry: pl.DataFrame | None = None
        for raw in reader.blocks(self.source.table, repairs, size, None if preset else mapping.used):
            if preset is None:
                yield raw
                continue
            frame = preset.prepare(raw.frame, carry)
            carry = frame.select(raw.frame.columns).tail(1)
            yield Raw(frame, raw.label, raw.first_line, raw.lines, raw.first_row)

    def _typed(
        self, reader: Reader, mapping: Mapping, spelling: Spelling, raws: Iterable[Raw]
    ) -> Iterator[pl.DataFrame]:
        timezone = self.config.project.timezone
        typist = Typist(mapping, self.source, spelling, timezone, self.repairs)
        rows = 0
        for raw in raws:
            rows += raw.frame.height
            yield make_long(raw, typist) if mapping.wide else make_table(raw, typist, self._preset)
        if not spelling.certain and not self.source.date_format:
            self.repairs.add(
                "read", self.source.table, "ambiguous-dates", "noted", rows,
                example=f"'{reader.label}': no date tells day/month from month/day; taken as day/month",
                remedy='state date_format in skucast.toml, such as "%m/%d/%Y"',
            )  # fmt: skip
        if spelling.zoned and not timezone:
            self.repairs.add(
                "read", self.source.table, "time-zones", "noted", rows,
                example=f"'{reader.label}': stamps name a time zone; the time of day is taken as it is written",
                remedy='set timezone under [project], such as "Europe/Berlin"',
            )  # fmt: skip


def require_rows(rows: int, table: str, sources: list[Source]) -> None:
    """Raise if the records that everything hangs on have no row at all.

    Raises:
        DataError: names the files.
    """
    if rows or table not in ("orders", "sales"):
        return
    from .database import without_password

    names = ", ".join(f"'{without_password(s.path) if is_address(s.path) else s.path}'" for s in sources)
    raise DataError(f"There are no rows of {table} in {names}: export it again, or correct path.")
