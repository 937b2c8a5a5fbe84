"""What every benchmark writes beside its figures: versions, seeds, machine, time."""

from __future__ import annotations

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("skucast", "numpy", "polars", "scipy", "lightgbm", "torch", "statsforecast", "mlforecast", "fracast")


def note_option(parser: argparse.ArgumentParser) -> None:
    """The option ``--note`` of a benchmark, for `about`."""
    parser.add_argument("--note", default="", help="what else to know of the machine")


def about(*, note: str = "", **more: Any) -> dict[str, Any]:
    """The circumstances of a measurement; pages say a note where there is one."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "versions": versions,
        **more,
        **({"note": note} if note else {}),
    }


def write(name: str, content: dict[str, Any]) -> Path:
    """Write a result file, whole or not at all."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(path)
    return path


def read(name: str) -> dict[str, Any]:
    """A result file, or nothing."""
    path = RESULTS / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found
