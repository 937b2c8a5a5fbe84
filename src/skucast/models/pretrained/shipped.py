"""Shipped weights: fp16 safetensors in the package, each with a manifest that says where they come from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigError, ModelError
from .forward import Forward, between
from .size import Size

if TYPE_CHECKING:
    from .training import State

FOLDER = Path(__file__).parent / "weights"
# told of weights that a training began with
_BEGINNING = ("sha256", "prior", "commit", "steps", "series", "core_hours")


def names() -> list[str]:
    """Names of the weights that the package holds."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def manifest(name: str) -> dict[str, Any]:
    """Where weights come from: seed, version of the prior, steps, core-hours, curve, sha256.

    Args:
        name: of shipped weights, or the path of a file ``.safetensors`` of one's own, beside its manifest.

    Raises:
        ConfigError: there are no such weights.
    """
    path = _file(name).with_suffix(".json")
    if not path.is_file():
        raise ConfigError(
            f"There are no pretrained weights '{name}'; there are: {', '.join(names())}, "
            "or the path of a .safetensors file that lies beside its .json."
        )
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _file(name: str) -> Path:
    return Path(name) if name.endswith(".safetensors") else FOLDER / f"{name}.safetensors"


@lru_cache(maxsize=4)
def load(name: str) -> Forward:
    """The network of a name or file (see `manifest`), checked against the sha256 of its manifest.

    Raises:
        ConfigError: there are no such weights.
        ModelError: the file is damaged.
    """
    from safetensors.numpy import load as read

    about = manifest(name)
    path = _file(name)
    if not path.is_file():
        raise ConfigError(f"There is no file '{path}' of pretrained weights.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != about["sha256"]:
        raise ModelError(f"The pretrained weights '{name}' are damaged (sha256 differs): install or copy them again.")
    weights = {key: np.ascontiguousarray(array, dtype=np.float32) for key, array in read(content).items()}
    return Forward(Size(**about["size"]), weights)


def export(
    state: State,
    folder: Path,
    name: str | None = None,
    evaluation: Mapping[str, Any] | None = None,
    commit: str = "",
    share: float = 1.0,
) -> dict[str, Any]:
    """Write the averaged weights of a training, and their manifest, which is returned.

    Args:
        state: of the training.
        folder: to write to.
        name: of the weights; the size's by default.
        evaluation: what was measured with them, for the manifest.
        commit: of the code that trained them.
        share: of the way to go to them from the weights that the training began with, if there were any.

    Source: a part of the way as in Wortsman et al. (2022), Robust fine-tuning of zero-shot models.
    """
    from dataclasses import asdict

    from safetensors.numpy import save

    from .prior import VERSION

    name = name or state.recipe.size
    folder.mkdir(parents=True, exist_ok=True)
    made = Forward(state.network.size, {key: p.detach().numpy() for key, p in state.average.named_parameters()})
    if state.recipe.start:
        made = between(load(state.recipe.start), made, share)
    arrays = {key: array.astype(np.float16) for key, array in made.weights.items()}
    content = save(arrays)
    about: dict[str, Any] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": state.network.size.to_dict(),
        "parameters": int(sum(a.size for a in arrays.values())),
        "data": "synthetic only",
        "prior": VERSION,
        "commit": commit,
        "recipe": asdict(state.recipe),
        "steps": state.step,
        "series": state.step * state.recipe.rows,
        "core_hours": round(state.seconds / 3600, 3),
        "evaluation": dict(evaluation or {}),
        "curve": state.curve,
    }
    if state.recipe.start:
        earlier = manifest(state.recipe.start)
        about["began_with"] = {key: earlier[key] for key in _BEGINNING} | {"share": share}
    for suffix, data in (("safetensors", content), ("json", json.dumps(about, indent=1).encode())):
        hidden = folder / f".{name}.{suffix}.{os.getpid()}"
        hidden.write_bytes(data)
        os.replace(hidden, folder / f"{name}.{suffix}")
    return about
