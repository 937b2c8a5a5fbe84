"""The project file of a folder: what lies there, recognised and written down as ``skucast.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ..config import TABLES, make_config
from ..errors import ConfigError, DataError
from .files import list_tables
from .mapping import make_mapping
from .project_text import Entry, project_text
from .shop_guess import guess_shop
from .survey import Finding, survey_file

NAME = "skucast.toml"
_LISTED = 3  # files named in one sentence


@dataclass(frozen=True)
class ProjectFile:
    """A project file that was written.

    Attributes:
        path: where it is.
        found: what was recognised, in sentences.
        doubts: what the user should check, in sentences.
    """

    path: Path
    found: tuple[str, ...]
    doubts: tuple[str, ...]


def init_project(folder: str | Path, force: bool = False) -> ProjectFile:
    """Look into a folder and write its project file.

    Tables, columns, exports of shop systems, encodings, delimiters, decimal marks and dates are recognised
    from headers and the first rows of each file; what is a guess is said.

    Args:
        folder: folder with the exports; folders within it are looked into too, one level deep.
        force: overwrite a project file that is there already.

    Raises:
        ConfigError: there is no such folder, or it has a project file already.
        DataError: no file holds orders or sales; the sentence says what was found.
    """
    home = Path(folder)
    target = home / NAME
    if not home.is_dir():
        raise ConfigError(f"There is no folder '{home}': name the folder that holds your exports.")
    if target.exists() and not force:
        raise ConfigError(f"'{target}' is there already: edit it, or overwrite it with --force.")
    files = _files(home)
    findings = [finding for file in files for finding in survey_file(file, file.relative_to(home).as_posix())]
    useless = [finding for finding in findings if finding.meaning is None]
    entries, aside = _choose(_grouped([finding for finding in findings if finding.meaning is not None], home))
    if not any(entry.table in ("orders", "sales") for entry in entries):
        raise DataError(_nothing(home, files, entries, useless))
    guess = guess_shop(home.resolve().name, [entry.first for entry in entries])
    doubts = [*(d for entry in entries for d in entry.doubts), *guess.doubts, *_left_out(aside, useless)]
    text = project_text(guess, entries, aside)
    _check(text, home, entries)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"'{target}' cannot be written: {error.strerror or error}.") from None
    found = [entry.sentence for entry in entries]
    return ProjectFile(target, tuple(found), tuple(dict.fromkeys(_end(d) for d in doubts)))


def _files(home: Path) -> list[Path]:
    """Files with tables in the folder and in the folders right below it, runs left out."""
    below = sorted(p for p in home.iterdir() if p.is_dir() and not p.name.startswith((".", "_")) and p.name != "runs")
    return [file for place in [home, *below] for file in list_tables(place)]


def _grouped(findings: list[Finding], home: Path) -> list[Entry]:
    """Files of the same layout become one entry, if a glob or folder names exactly them."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.layout, []).append(finding)
    entries: list[Entry] = []
    taken = [finding.path.name for finding in findings]
    for group in groups.values():
        pattern = _pattern([finding.path.name for finding in group], taken, group[0].path.parent)
        parent = group[0].path.parent.relative_to(home)
        if len(group) > 1 and pattern:
            entries.append(Entry((parent / pattern).as_posix(), tuple(group)))
        else:
            entries += [Entry((parent / f.path.name).as_posix(), (f,)) for f in group]
    return entries


def _pattern(names: list[str], taken: list[str], parent: Path) -> str:
    """A glob that matches exactly these names, or nothing."""
    start = _common(names)
    end = _common([name[len(start) :][::-1] for name in names])[::-1]
    pattern = f"{start}*{end}"
    if any(mark in start + end for mark in "*?["):
        return ""
    there = {file.name for file in parent.iterdir() if file.is_file() and fnmatchcase(file.name, pattern)}
    return pattern if there == set(names) and end and names[0] in taken else ""


def _common(names: list[str]) -> str:
    short, long = min(names), max(names)
    n = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), min(len(short), len(long)))
    return short[:n]


def _choose(entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The entries to use, and those that would count the same sales twice."""
    orders = [e for e in entries if e.table == "orders"]
    sales = sorted((e for e in entries if e.measures_sales), key=lambda e: e.cells, reverse=True)
    used = [e for e in entries if not e.measures_sales and (not orders or e.table != "sales")]
    aside = [e for e in entries if e.table == "sales" and not e.measures_sales and orders]
    if orders:
        aside += sales
    else:
        used += sales[:1]
        aside += sales[1:]
    for table in ("products", "stock", "suppliers"):
        several = sorted((e for e in used if e.table == table), key=lambda e: e.cells, reverse=True)
        used = [e for e in used if e not in several[1:]]
        aside += several[1:]
    return sorted(used, key=lambda e: (TABLES.index(e.table), not e.measures_sales, e.path)), aside


def _left_out(aside: list[Entry], useless: list[Finding]) -> Iterable[str]:
    for entry in aside:
        yield f"'{entry.path}' is left out ({entry.table} too, which would count twice): to use it, see the end of {NAME}"
    for finding in useless:
        yield f"'{finding.label}' is not used: {finding.why_not}"


def _nothing(home: Path, files: list[Path], entries: list[Entry], useless: list[Finding]) -> str:
    """Why there is no project file to write."""
    if not files:
        return (
            f"'{home}' holds no CSV, Excel, Parquet, DuckDB or SQLite file: put an export of orders there, one line per "
            "item sold."
        )
    reasons = [f"'{f.label}': {f.why_not}" for f in useless] + [f"'{e.path}' is a table of {e.table}" for e in entries]
    more = f"; and {len(reasons) - _LISTED} more" if len(reasons) > _LISTED else ""
    return (
        f"No file in '{home}' holds orders or sales ({'; '.join(reasons[:_LISTED])}{more}): export order lines with an "
        f"item code, a quantity and a date, or write {NAME} by hand."
    )


def _check(text: str, home: Path, entries: list[Entry]) -> None:
    """What is written must be accepted by `skucast run`: read it back as a run does."""
    config = make_config(tomllib.loads(text), root=home, where=NAME)
    for source, entry in zip(config.source, entries, strict=True):
        for finding in entry.findings:
            make_mapping(finding.headers, source, config, finding.label)


def _end(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."
