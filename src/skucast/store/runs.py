"""Runs: one immutable folder each, complete or absent.

A run is written under a hidden temporary name and renamed when it is whole. A process killed at any
moment therefore leaves at most a hidden folder, which the next writer sweeps away once its owner is
gone; readers never see it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import ConfigError, DataError

MANIFEST = "manifest.json"
_HIDDEN = ".unfinished-"
_ID = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{6}$")


@dataclass(frozen=True)
class Run:
    """A finished run on disk.

    Attributes:
        folder: where it lies; nothing in it ever changes.
    """

    folder: Path

    @property
    def id(self) -> str:
        """Name of the run: UTC time and a random suffix; names sort by time."""
        return self.folder.name

    @property
    def manifest(self) -> dict[str, Any]:
        """Inputs' fingerprint, configuration, versions, timings, counts and hashes of the files."""
        made: dict[str, Any] = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        return made

    @property
    def report(self) -> Path:
        """The report page."""
        return self.folder / "report.html"

    def frame(self, name: str) -> pl.DataFrame:
        """A table of the run: ``forecast``, ``scores``, ``repairs``, ``purchase_plan``...

        Raises:
            DataError: the run has no such table.
        """
        parquet, csv = self.folder / f"{name}.parquet", self.folder / f"{name}.csv"
        if parquet.is_file():
            return pl.read_parquet(parquet)
        if csv.is_file():
            return pl.read_csv(csv, infer_schema_length=None)
        there = sorted(p.stem for p in self.folder.iterdir() if p.suffix in (".parquet", ".csv"))
        raise DataError(f"Run {self.id} has no table '{name}'; it has: {', '.join(there)}.")

    def verify(self) -> list[str]:
        """Names of files that are missing or differ from the manifest; empty if all is well."""
        hashes: Mapping[str, str] = self.manifest["files"]
        return [name for name, known in hashes.items() if _sha256(self.folder / name) != known]

    def __repr__(self) -> str:
        return f"Run({self.id} in {self.folder.parent})"


def list_runs(store: Path) -> list[Run]:
    """Finished runs of a store, oldest first."""
    if not store.is_dir():
        return []
    return [Run(p) for p in sorted(store.iterdir()) if _ID.match(p.name) and (p / MANIFEST).is_file()]


def open_run(store: Path, run_id: str = "latest") -> Run:
    """A run by name, by the beginning of its name, or the newest.

    Raises:
        ConfigError: there is none, or the beginning fits several.
    """
    runs = list_runs(store)
    if not runs:
        raise ConfigError(f"There is no finished run in '{store}': make one with 'skucast run'.")
    if run_id == "latest":
        return runs[-1]
    found = [run for run in runs if run.id.startswith(run_id)]
    if len(found) != 1:
        what = "no run is" if not found else f"{len(found)} runs are"
        raise ConfigError(f"In '{store}', {what} named '{run_id}'; the newest is {runs[-1].id}.")
    return found[0]


@contextmanager
def writing_run(store: Path, about: dict[str, Any]) -> Iterator[Path]:
    """Write a run: yields a hidden folder to fill; on success it gets its manifest and its name.

    Args:
        store: folder of runs, made if absent.
        about: content of the manifest; the caller may add to it while writing. After success it
            holds ``id``.

    Raises:
        ConfigError: the store cannot be written.
    """
    try:
        store.mkdir(parents=True, exist_ok=True)
        sweep(store)
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        hidden = store / f"{_HIDDEN}{run_id}.{os.getpid()}.{socket.gethostname()}"  # signed by its writer
        hidden.mkdir()
    except OSError as error:
        raise ConfigError(f"The run store '{store}' cannot be written: {error.strerror}.") from None
    about["id"] = run_id
    try:
        yield hidden
        files = sorted(p for p in hidden.rglob("*") if p.is_file())
        about["files"] = {str(p.relative_to(hidden)): _sha256(p) for p in files}
        text = json.dumps(about, ensure_ascii=False, indent=1, default=str)
        (hidden / MANIFEST).write_text(text, encoding="utf-8")
        for path in [*files, hidden / MANIFEST]:
            _flush(path)
            path.chmod(0o444)
        hidden.rename(store / run_id)
        _flush(store)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise


def sweep(store: Path) -> int:
    """Remove unfinished folders whose writer is gone; returns how many."""
    swept = 0
    for left in store.glob(f"{_HIDDEN}*"):
        if not _alive(left):
            shutil.rmtree(left, ignore_errors=True)
            swept += 1
    return swept


def _alive(folder: Path) -> bool:
    """True unless the folder's writer certainly no longer runs."""
    _, pid, host = folder.name.removeprefix(_HIDDEN).split(".", 2)
    if host != socket.gethostname():  # another machine on a shared disk: only age can tell
        return datetime.now(UTC).timestamp() - folder.stat().st_mtime < 86_400
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sha256(path: Path) -> str:
    if not path.is_file():
        return "missing"
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
