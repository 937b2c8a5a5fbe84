"""Weights: where those of a foundation model lie, under which licence, and what is wrong when they cannot be read."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import ModelError

_WANTED = ("*.json", "*.safetensors", "*.ckpt", "README*", "LICENSE*")
_REMEDY = (
    "give weights = the path of a folder that holds them (hf download {weights} --local-dir FOLDER, on a "
    "machine with a network)"
)


def located(model: str, weights: str, files: Sequence[str]) -> Path:
    """The folder with the weights of a model.

    Args:
        model: name of the model, for errors.
        weights: folder, or id on the Hugging Face hub, which is downloaded (or found in the hub's cache).
        files: what the folder has to hold.

    Raises:
        ModelError: the folder is missing or incomplete, or the hub does not give it.
    """
    folder = Path(weights).expanduser()
    if not folder.is_dir():
        if folder.is_file():
            raise ModelError(
                f"Model '{model}': weights must name a folder, and '{weights}' is a file: name its folder."
            )
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", weights) or weights.startswith("."):
            raise ModelError(
                f"Model '{model}': there is no folder '{weights}' with weights; name one that exists, or an id on the "
                "Hugging Face hub such as 'amazon/chronos-2'."
            )
        folder = _downloaded(model, weights)
    absent = [name for name in files if not (folder / name).is_file()]
    if absent:
        raise ModelError(
            f"Model '{model}': the folder '{folder}' does not hold its weights, {absent[0]} is missing; it needs "
            f"{' and '.join(files)}."
        )
    return folder


def _downloaded(model: str, weights: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(weights, allow_patterns=list(_WANTED)))
    except (RepositoryNotFoundError, GatedRepoError):
        reason = "the Hugging Face hub has no such model, or does not give it without an account"
    except (OSError, ValueError, RuntimeError):  # how the hub's client speaks of a network that is not there
        reason = "the Hugging Face hub cannot be reached"
    raise ModelError(
        f"Model '{model}' does not get its weights '{weights}': there is no such folder, and {reason}; {_REMEDY.format(weights=weights)}."
    )


def licence(folder: Path) -> str:
    """Under which licence the weights in a folder are, by its README, config or LICENSE; else ``unknown``."""
    said: list[str] = []
    readme = folder / "README.md"
    if readme.is_file():
        head = re.match(r"---\s*\n(.*?)\n---", readme.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
        lines = dict(re.findall(r"^(license(?:_name)?):\s*['\"]?([^'\"\n]+)", head[1] if head else "", re.MULTILINE))
        said += [lines.get("license_name", ""), lines.get("license", "")]
    said.append(str(config(folder).get("license", "")))
    for path in sorted(folder.glob("LICENSE*")):
        said += [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()][:5]
    return next((text.strip() for text in said if text.strip()), "unknown")


def config(folder: Path) -> dict[str, Any]:
    """The folder's ``config.json``; empty if it has none that can be read."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def unreadable() -> tuple[type[Exception], ...]:
    """What the packages raise on files that are not theirs."""
    from pickle import UnpicklingError

    from safetensors import SafetensorError

    return (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, AssertionError, UnpicklingError,
            SafetensorError)  # fmt: skip


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Others' packages print, warn and set logging up when they are imported and load; here they do not."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
