"""Text files: encoding, delimiter and rows of CSV and TSV, without losing or inventing one.

Clean files go through polars at full speed. Files with ragged rows or stray quotes (``5" ruler``)
take a slower path through Python's csv module, which counts what it had to repair.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import ConfigError, DataError
from .files import open_bytes
from .raw import Raw, unique_names
from .repairs import Repairs

DELIMITERS = ",;\t|"
_CHUNK = 1 << 20
_NEWLINE, _QUOTE = 10, 34
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_BINARY = (
    b"PAR1",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"\x1f\x8b",
    b"SQLite format 3",
)

csv.field_size_limit(1 << 30)  # a long product text is no error


@dataclass(frozen=True)
class Dialect:
    """How a text file is written.

    Attributes:
        encoding: Python's name of the encoding.
        delimiter: the character between fields.
        skip: lines before the header.
    """

    encoding: str
    delimiter: str
    skip: int = 0


def sniff(path: Path, label: str, encoding: str = "", delimiter: str = "", skip: int = 0) -> Dialect:
    """Find out how a file is written; what the project file states is believed.

    Raises:
        DataError: the file is empty or no text.
        ConfigError: the stated encoding does not exist.
    """
    if encoding:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise ConfigError(
                f"Encoding '{encoding}' of '{label}' is unknown: use utf-8, gb18030, latin-1 or utf-16."
            ) from None
    found = encoding or find_encoding(path, label)
    with open_bytes(path) as file:
        head = file.read(_CHUNK)
    if codecs.lookup(found).name == "utf-8" and head.startswith(codecs.BOM_UTF8):
        found = "utf-8-sig"
    text = codecs.getincrementaldecoder(found)("replace").decode(head)
    lines = text.splitlines()[skip:]
    if not any(line.strip() for line in lines):
        raise DataError(f"'{label}' is empty: export it again, or take it out of skucast.toml.")
    return Dialect(found, delimiter or find_delimiter(lines[:200]), skip)


def find_encoding(path: Path, label: str) -> str:
    """Encoding of a whole file: UTF-8 and UTF-16 (with or without mark), GB18030, else Windows Latin-1.

    Chinese and Latin-1 are told apart by the decoded characters: Latin letters that are misread as
    GB18030 give rare characters or none, and real Chinese text consists of everyday ones.

    Raises:
        DataError: the file is empty or binary.
    """
    with open_bytes(path) as file:
        head = file.read(_CHUNK)
        if not head:
            raise DataError(f"'{label}' is empty: export it again, or take it out of skucast.toml.")
        if head.startswith(_BINARY):
            raise DataError(f"'{label}' is no text file, although its name says so: export it as CSV again.")
        for mark, name in _BOMS:
            if head.startswith(mark):
                return name
        zeros = np.flatnonzero(np.frombuffer(head, dtype=np.uint8) == 0)
        if zeros.size:
            odd = float(np.mean(zeros % 2))
            if zeros.size > len(head) * 0.2 and odd in (0.0, 1.0):
                return "utf-16-le" if odd else "utf-16-be"
            raise DataError(f"'{label}' is no text file, although its name says so: export it as CSV again.")
        decoder = codecs.getincrementaldecoder("utf-8")()
        high = b""
        block = head
        try:
            while block:
                decoder.decode(block)
                block = file.read(_CHUNK)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            high = _around_high_bytes(head + block if block is not head else head)
        else:
            return "utf-8"
    return "gb18030" if _looks_chinese(high) else "cp1252"


def _around_high_bytes(data: bytes) -> bytes:
    """Only the lines with non-ASCII bytes, so that a long ASCII part does not cut a character."""
    lines = data.split(b"\n")
    whole = lines[:-1] if len(data) >= _CHUNK and len(lines) > 1 else lines
    return b"\n".join(line for line in whole if not line.isascii())


def _looks_chinese(data: bytes) -> bool:
    """True if most wide characters are everyday ones: the first level of GB2312, or its punctuation."""
    wide = [c for c in data.decode("gb18030", errors="replace") if ord(c) > 127]
    if not wide:
        return False
    pairs = [c.encode("gb2312", errors="ignore") for c in wide if c != "\ufffd"]
    everyday = sum(1 for p in pairs if len(p) == 2 and (0xB0 <= p[0] <= 0xD7 or 0xA1 <= p[0] <= 0xA3))
    return everyday > 0.7 * len(wide)


def find_delimiter(lines: list[str]) -> str:
    """The delimiter that cuts the most lines into the same number of fields (at least two)."""
    best, score = ",", 0.0
    for mark in DELIMITERS:
        rows = [row for row in csv.reader(lines, delimiter=mark) if row]
        counts = Counter(map(len, rows))
        width, often = counts.most_common(1)[0] if counts else (1, 0)
        header = len(next(csv.reader(lines[:1], delimiter=mark), []))
        worth = often / max(1, len(rows)) * (2 if header == width else 1) * (1 + min(width, 50) / 50)
        torn = sum(any(cell.count('"') % 2 for cell in row) for row in rows)  # cut within quotes
        worth *= 1 - 0.5 * torn / max(1, len(rows))
        if width > 1 and worth > score:
            best, score = mark, worth
    return best


@dataclass
class TextFile:
    """A CSV or TSV file that is read in one piece or block by block.

    Attributes:
        path: the file.
        label: its name in messages.
        dialect: how it is written.
        headers: names of the columns, made unique.
    """

    path: Path
    label: str
    dialect: Dialect
    headers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        with (
            open_bytes(self.path) as packed,
            io.TextIOWrapper(packed, encoding=self.dialect.encoding, errors="replace", newline="") as file,
        ):
            for _ in range(self.dialect.skip):
                file.readline()
            row = next((r for r in csv.reader(file, delimiter=self.dialect.delimiter) if any(map(str.strip, r))), [])
        self.headers = unique_names(row)

    def blocks(
        self, table: str, repairs: Repairs, size: int = 0, columns: Collection[str] | None = None
    ) -> Iterator[Raw]:
        """The rows, all at once (``size`` 0) or in blocks of about ``size`` bytes; see `reader.Reader.blocks`.

        Raises:
            DataError: bytes that do not fit the encoding, or a quote that is never closed.
        """
        line = 1
        first = True
        for data in self._pieces(size):
            body = data
            if first:
                body, line = self._after_header(data)
                first = False
            if body.strip():
                yield self._rows(body, line, table, repairs)  # all columns: a line is parsed as a whole anyway
            line += body.count(b"\n")

    def _pieces(self, size: int) -> Iterator[bytes]:
        """Whole rows as UTF-8, cut at line ends outside of quotes."""
        encoding = self.dialect.encoding
        decoder = codecs.getincrementaldecoder(encoding)()
        rest = b""
        with open_bytes(self.path) as file:
            while True:
                block = file.read(size or -1)
                if encoding != "utf-8":
                    try:
                        text = decoder.decode(block, final=not block or not size)
                    except UnicodeDecodeError as error:
                        raise self._misspelt(error) from None
                    data = rest + text.encode("utf-8", errors="replace")
                else:
                    data = rest + block
                if not block or not size:
                    yield data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
                    return
                cut = _last_line_end(np.frombuffer(data, dtype=np.uint8), len(data) > max(_CHUNK, 4 * size))
                if cut:
                    piece, rest = data[:cut], data[cut:]
                    yield piece.replace(b"\r\n", b"\n") if b"\r" in piece else piece
                else:
                    rest = data

    def _after_header(self, data: bytes) -> tuple[bytes, int]:
        stream = io.StringIO(data[: 4 * _CHUNK].decode("utf-8", errors="replace"), newline="\n")
        for _ in range(self.dialect.skip):
            stream.readline()
        reader = csv.reader(stream, delimiter=self.dialect.delimiter)
        for row in reader:
            if any(map(str.strip, row)):
                break
        used = self.dialect.skip + reader.line_num
        at = 0
        for _ in range(used):
            end = data.find(b"\n", at)
            at = len(data) if end < 0 else end + 1
        return data[at:], used + 1

    def _rows(self, body: bytes, line: int, table: str, repairs: Repairs) -> Raw:
        width = len(self.headers)
        if body.endswith(b"\n\n"):
            body = body.rstrip(b"\n") + b"\n"
        shape = _shape(body, self.dialect.delimiter, width)
        if shape is not None and width > 1:
            try:
                frame = pl.read_csv(
                    body, has_header=False, new_columns=self.headers, separator=self.dialect.delimiter,
                    infer_schema=False, raise_if_empty=False,
                )  # fmt: skip
            except pl.exceptions.PolarsError:
                pass  # what polars cannot read, the patient path below can
            else:
                if frame.width == width and frame.height == shape.rows:
                    lines = None if shape.plain else shape.lines(line)
                    return Raw(frame, self.label, first_line=line, lines=lines)
        return self._patient(body, line, table, repairs)

    def _patient(self, body: bytes, line: int, table: str, repairs: Repairs) -> Raw:
        width = len(self.headers)
        try:
            text = body.decode("utf-8").replace("\x00", "")
        except UnicodeDecodeError as error:
            raise self._misspelt(error) from None
        rows: list[list[str | None]] = []
        lines: list[int] = []
        long: list[int] = []
        short: list[int] = []
        reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=self.dialect.delimiter)
        start = 0
        for row in reader:
            at, start = start, reader.line_num
            if not any(map(str.strip, row)):
                continue
            if len(row) > width and any(map(str.strip, row[width:])):
                long.append(line + at)
                continue
            if len(row) < width:
                short.append(line + at)
            rows.append([cell or None for cell in row[:width]] + [None] * (width - len(row)))
            lines.append(line + at)
        self._no_open_quote(text, start, reader, lines, line)
        file = f"'{self.label}'"
        repairs.add(
            "read", table, "too-many-fields", "rejected", len(long),
            example=f"{file}, line {long[0]}" if long else "",
            remedy="put texts that hold the delimiter in quotes, or state delimiter in skucast.toml",
        )  # fmt: skip
        repairs.add(
            "read", table, "too-few-fields", "changed", len(short),
            example=f"{file}, line {short[0]}: the missing fields are taken as empty" if short else "",
            remedy="export the file again if it was cut off",
        )  # fmt: skip
        if long and len(long) > len(rows):
            raise DataError(
                f"Most lines of '{self.label}' have more fields than its header (the first is line {long[0]}): "
                "check the delimiter, or set skip_rows to the number of lines above the header."
            )
        columns = list(zip(*rows, strict=True)) if rows else [()] * width
        data: dict[str, Any] = dict(zip(self.headers, columns, strict=True))
        frame = pl.DataFrame(data, schema=dict.fromkeys(self.headers, pl.String()))
        return Raw(frame, self.label, first_line=line, lines=np.array(lines, dtype=np.int64))

    def _misspelt(self, error: UnicodeDecodeError) -> DataError:
        return DataError(
            f"'{self.label}' is not written in {self.dialect.encoding} throughout ({error.reason} at byte "
            f"{error.start:,}): name its encoding in skucast.toml, for example encoding = 'gb18030'."
        )

    def _no_open_quote(self, text: str, start: int, reader: Any, lines: list[int], line: int) -> None:
        """A quote that is never closed swallows the rest of the file: that is said, not swallowed."""
        if not lines:
            return
        last = lines[-1] - line
        if reader.line_num - last < 3:
            return
        tail = text.split("\n", last)[last]
        try:
            for _ in csv.reader(io.StringIO(tail, newline="\n"), delimiter=self.dialect.delimiter, strict=True):
                pass
        except csv.Error as error:
            if "end of data" in str(error):
                raise DataError(
                    f"'{self.label}' has a quotation mark in line {lines[-1]} that is never closed: "
                    "close or delete it, or export the file again."
                ) from None


@dataclass(frozen=True)
class _Shape:
    """Row ends of a clean file; ``plain`` if no field holds a line break."""

    rows: int
    plain: bool
    ends: npt.NDArray[np.int64]
    breaks: npt.NDArray[np.int64]

    def lines(self, first: int) -> npt.NDArray[np.int64]:
        starts = np.concatenate([[0], self.ends[:-1] + 1]) if self.ends.size else np.zeros(1, dtype=np.int64)
        return first + np.searchsorted(self.breaks, starts)


def _shape(body: bytes, delimiter: str, width: int) -> _Shape | None:
    """Check in a few vector operations that every row has ``width`` fields and no quote is stray."""
    data = np.frombuffer(body, dtype=np.uint8)
    breaks = np.flatnonzero(data == _NEWLINE)
    between = np.flatnonzero(data == ord(delimiter))
    ends = breaks
    quotes = np.flatnonzero(data == _QUOTE)
    if quotes.size:
        edge = [_NEWLINE, ord(delimiter), _QUOTE]
        before = np.where(quotes > 0, data[quotes - 1], _NEWLINE)
        after = np.where(quotes + 1 < data.size, data[np.minimum(quotes + 1, data.size - 1)], _NEWLINE)
        if quotes.size % 2 or bool(np.any(~np.isin(before, edge) & ~np.isin(after, edge))):
            return None
        ends = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
        between = between[np.searchsorted(quotes, between) % 2 == 0]
    if not body.endswith(b"\n"):
        ends = np.append(ends, data.size)
    counts = np.diff(np.searchsorted(between, ends), prepend=0)
    if bool(np.any(counts != width - 1)):
        return None
    return _Shape(int(ends.size), ends.size == breaks.size + (not body.endswith(b"\n")), ends, breaks)


def _last_line_end(data: npt.NDArray[np.uint8], give_up: bool) -> int:
    """Position after the last line end that lies outside of quotes; 0 if there is none.

    With ``give_up`` any line end will do: a stray quote must not make the rest of the file one piece.
    """
    breaks = np.flatnonzero(data == _NEWLINE)
    outside = breaks[np.searchsorted(np.flatnonzero(data == _QUOTE), breaks) % 2 == 0]
    found = breaks if give_up and not outside.size else outside
    return int(found[-1]) + 1 if found.size else 0
