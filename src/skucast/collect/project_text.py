"""The text of a project file, with a comment where a user may want to change something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from .dates import date_order, order_votes
from .numbers import decimal_mark, decimal_votes
from .shop_guess import Guess
from .survey import Finding
from .tables import SCHEMAS

_HEAD = """\
# Written by `skucast init`. Read it once, correct what is wrong, then: skucast run
# Every key is explained in docs/project-file.md; keys that are left out keep their defaults.
"""
_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with mark", "gb18030": "GB18030", "cp1252": "Windows Latin-1"}
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Entry:
    """One ``[[source]]``: a path and the files that it stands for.

    Attributes:
        path: relative to the project file; a glob if it stands for several files.
        findings: what was found out about each.
    """

    path: str
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The file that the others look like."""
        return self.findings[0]

    @property
    def table(self) -> str:
        """Which table it is."""
        assert self.first.meaning is not None
        return self.first.meaning.table

    @property
    def cells(self) -> int:
        """How much is measured in it."""
        return sum(finding.cells for finding in self.findings)

    @property
    def measures_sales(self) -> bool:
        """True for a sales table with quantities; a wide table may measure something else."""
        assert self.first.meaning is not None
        prefixes = self.first.meaning.prefixes
        return self.table == "sales" and (not prefixes or "quantity" in prefixes.values())

    @property
    def decimal(self) -> str:
        """The decimal mark of its numbers, if they are text."""
        columns = _number_columns(self)
        frames = [f.sample for f in self.findings]
        return decimal_mark(decimal_votes(frame[c]) for frame in frames for c in columns if c in frame.columns)

    @property
    def dates_open(self) -> bool:
        """True if no date tells day/month from month/day."""
        columns = _date_columns(self)
        frames = [f.sample for f in self.findings]
        return not date_order(order_votes(frame[c]) for frame in frames for c in columns if c in frame.columns)[1]

    @property
    def month_first(self) -> bool:
        """True if dates are written month/day."""
        columns = _date_columns(self)
        frames = [f.sample for f in self.findings]
        return date_order(order_votes(f[c]) for f in frames for c in columns if c in f.columns)[0] == "mdy"

    @property
    def sentence(self) -> str:
        """What it is, for the console."""
        finding = self.first
        assert finding.meaning is not None
        what = [finding.preset.title] if finding.preset else []
        if len(self.findings) > 1:
            what.append(f"{len(self.findings)} files")
        if finding.meaning.melt:
            what.append(f"wide, {len(finding.meaning.across):,} columns of {finding.meaning.melt} across")
        encodings = {f.encoding for f in self.findings if f.encoding}
        if encodings:
            what.append(" and ".join(_ENCODINGS.get(e, e) for e in sorted(encodings)))
        if finding.delimiter:
            what.append(_DELIMITERS.get(finding.delimiter, repr(finding.delimiter)))
        if self.decimal == ",":
            what.append("decimal comma")
        if self.month_first:
            what.append("month/day")
        place = f"'{self.path}'" + (f" sheet '{finding.sheet}'" if finding.sheet else "")
        place += f" table '{finding.sql}'" if finding.sql else ""
        about = "" if all(f.exact for f in self.findings) else "about "
        return f"{self.table}: {place}, {about}{sum(f.rows for f in self.findings):,} rows" + (
            f" ({'; '.join(what)})." if what else "."
        )

    @property
    def doubts(self) -> list[str]:
        """What is a guess."""
        assert self.first.meaning is not None
        doubts = [f"in '{self.path}', {doubt}" for doubt in self.first.meaning.doubts]
        if self.dates_open:
            doubts.append(
                f"in '{self.path}', no date tells day/month from month/day; day/month is taken: state date_format if it is not"
            )
        return doubts


def project_text(guess: Guess, entries: list[Entry], aside: list[Entry]) -> str:
    """The whole file."""
    places = any({"location", "channel"} & e.first.meaning.columns.keys() for e in entries[:1] if e.first.meaning)
    level = (
        '# one series per item; ["sku", "location"] makes one per item and place' if places else "# one series per item"
    )
    parts = [
        _HEAD,
        "[project]",
        f"name = {_text(guess.name)}",
        f"language = {_text(guess.language)}  # of the report: en or zh; the report can switch",
        f"currency = {_text(guess.currency)}",
        f"country = {_text(guess.country)}  # whose public holidays count: GB, DE, CN... empty for none",
        f"timezone = {_text(guess.timezone)}  # such as Europe/Berlin; stamps with a zone are moved to it",
        "",
        *(_source(entry) for entry in entries),
        "[demand]",
        f'level = ["sku"]  {level}',
        f"freq = {_text(guess.freq)}  # D, W-SUN, MS...",
        "",
        "[forecast]",
        "horizon = 0  # steps ahead; 0 takes the usual one of the frequency",
        "",
        "[plan]  # used where no table says better",
        "lead_time_days = 14  # from order to shelf",
        "review_days = 7  # days between orders",
        "margin = 0.4  # share of the price, where unit costs are unknown",
        "",
    ]
    if aside:
        parts.append("# Left out, because it would count the same twice. To use one, put it in place of the other:\n#")
        parts += ["\n".join(f"# {line}".rstrip() for line in _source(entry).splitlines()) + "\n#" for entry in aside]
    return "\n".join(parts).rstrip("\n#") + "\n"


def _source(entry: Entry) -> str:
    finding, meaning = entry.first, entry.first.meaning
    assert meaning is not None
    lines = [
        f"[[source]]  # {SCHEMAS[entry.table].row}",
        f"table = {_text(entry.table)}",
        f"path = {_text(entry.path)}",
    ]
    if finding.preset:
        lines.append(f"preset = {_text(finding.preset.name)}  # {finding.preset.title}")
    for key, value in (("sheet", finding.sheet), ("sql", finding.sql)):
        if value:
            lines.append(f"{key} = {_text(value)}")
    encodings = {f.encoding for f in entry.findings}
    if len(encodings) == 1 and finding.encoding not in ("", "utf-8", "utf-8-sig"):
        lines.append(f"encoding = {_text(finding.encoding)}")
    if finding.delimiter not in ("", ","):
        lines.append(f"delimiter = {_text(finding.delimiter)}")
    if entry.decimal == ",":
        lines.append('decimal = ","')
    if finding.skip:
        lines.append(f"skip_rows = {finding.skip}  # lines above the header")
    if entry.dates_open:
        lines.append('# date_format = "%m/%d/%Y"  # if dates are month/day; day/month is taken')
    if meaning.columns:
        lines += ["[source.columns]  # skucast's column = the file's column", *_columns(entry.table, meaning.columns)]
    if meaning.melt:
        lines += ["[source.melt]  # a wide table: " + ("dates" if meaning.melt == "dates" else "items") + " run across"]
        lines.append(f"across = {_text(meaning.melt)}")
        if meaning.prefixes:
            pairs = ", ".join(f"{_text(start)} = {_text(measure)}" for start, measure in meaning.prefixes.items())
            lines.append(f"prefixes = {{ {pairs} }}")
        if meaning.missing:
            lines.append(f"missing = {list(meaning.missing)}  # these numbers mean 'no value'")
    return "\n".join(lines) + "\n"


def _columns(table: str, columns: Mapping[str, str]) -> list[str]:
    return [f"{name} = {_text(columns[name])}" for name in SCHEMAS[table].kinds if name in columns]


def _number_columns(entry: Entry) -> list[str]:
    """Columns of text that hold numbers."""
    return [c for c, kind in _kinds(entry) if kind == "number"]


def _date_columns(entry: Entry) -> list[str]:
    return [c for c, kind in _kinds(entry) if kind in ("date", "moment")]


def _kinds(entry: Entry) -> list[tuple[str, str]]:
    finding, meaning = entry.first, entry.first.meaning
    assert meaning is not None
    kinds = SCHEMAS[meaning.table].kinds
    pairs = [(header, str(kinds[name])) for name, header in meaning.columns.items()]
    if finding.preset:
        pairs += [
            (c, str(kinds[n])) for n, cs in finding.preset.mapping(finding.headers).items() for c in cs if n in kinds
        ]
    pairs += [(header, "number") for header in meaning.across[:50]]
    texts = {name for name, dtype in finding.sample.schema.items() if dtype == pl.String}
    return [(header, kind) for header, kind in pairs if header in texts]


def _text(value: str) -> str:
    """A TOML string."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
