"""The state of a training in a file, so that one that was killed goes on where it was."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ...panel import Panel
from ..spec import Fitted

if TYPE_CHECKING:
    from .family import NeuralSpec
    from .train import State

_PARTS = ("first", "second")


@dataclass(frozen=True)
class Checkpoint:
    """A file with everything that changes during training: safetensors, with the plain values as JSON in its head.

    One file, written beside and renamed, is never half there.

    Attributes:
        path: of the file.
        mark: of what is trained on what; a file with another mark belongs to another training.
    """

    path: Path
    mark: str

    @property
    def _beside(self) -> Path:
        return self.path.with_suffix(".tmp")

    def write(self, state: State) -> None:
        """Put the state of a training into the file."""
        from safetensors.numpy import save_file

        tensors: dict[str, Tensor] = {"random": torch.get_rng_state()}
        if state.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(state.device)
        for owner, weights in (("network", state.network.state_dict()), ("averaged", state.averaged.state_dict()), ("kept", state.kept)):  # fmt: skip
            tensors |= {f"{owner}.{name}": weight for name, weight in weights.items()}
        for number, moments in state.optimiser.state_dict()["state"].items():
            tensors |= {f"adamw.{number}.{name}": moment for name, moment in moments.items()}
        plain = {
            "mark": self.mark, "drawn": state.drawn, "step": state.step, "best": state.best, "worse": state.worse,
            "curve": state.curve, "peak": state.peak, "seconds": state.seconds, "ended": state.ended,
        }  # fmt: skip
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._beside
        arrays = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
        save_file(arrays, beside, {"state": json.dumps(plain)})
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(self.path)

    def read(self, state: State) -> bool:
        """Bring a fresh state to where the file has it, torch's random numbers too; False if there is no file.

        Raises:
            ConfigError: the file belongs to another training, or is none of ours.
        """
        from safetensors import SafetensorError, safe_open

        if not self.path.is_file():
            return False
        try:
            with safe_open(self.path, framework="pt") as file:
                plain: dict[str, Any] = json.loads((file.metadata() or {}).get("state", "{}"))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
        except SafetensorError:
            plain, tensors = {}, {}
        if plain.get("mark") != self.mark:
            raise ConfigError(
                f"The folder '{self.path.parent}' holds the checkpoint of another training (another model, panel, "
                "horizon or seed): choose another folder, or delete it."
            )
        state.network.load_state_dict(_of("network.", tensors))
        state.averaged.load_state_dict(_of("averaged.", tensors))
        state.kept = {name: weight.to(state.device) for name, weight in _of("kept.", tensors).items()}
        moments: dict[int, dict[str, Tensor]] = {}
        for name, moment in _of("adamw.", tensors).items():
            number, _, kind = name.partition(".")
            moments.setdefault(int(number), {})[kind] = moment
        groups = state.optimiser.state_dict()["param_groups"]
        state.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        state.drawn = plain["drawn"]
        state.rng.bit_generator.state = state.drawn
        state.step, state.best, state.worse = plain["step"], plain["best"], plain["worse"]
        state.curve = [(int(step), float(score)) for step, score in plain["curve"]]
        state.peak, state.seconds, state.ended = plain["peak"], plain["seconds"], plain["ended"]
        torch.set_rng_state(tensors["random"])
        if "random.cuda" in tensors and state.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"], state.device)
        return True

    def remove(self) -> None:
        """Delete the file, and its folder if nothing else is there."""
        self.path.unlink(missing_ok=True)
        self._beside.unlink(missing_ok=True)  # of one that was killed while writing
        if self.path.parent.is_dir() and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()


def checkpoints(folder: str, mark: Callable[[], str]) -> tuple[Checkpoint, Checkpoint]:
    """Files for the two parts of a training."""
    known = mark()
    first, second = (Checkpoint(Path(folder) / f"{part}.safetensors", known) for part in _PARTS)
    return first, second


def training_mark(spec: NeuralSpec, panel: Panel, horizon: int, seed: int, start: Fitted | None) -> str:
    """Hash of all that the result of a training depends on."""
    train = {**dataclasses.asdict(spec.train), "checkpoint": "", "prefetch": False}  # these change nothing
    digest = hashlib.sha256(
        json.dumps([{**spec.to_dict(), "train": train}, panel.fingerprint(), horizon, seed], sort_keys=True).encode()
    )
    if start is not None:
        arrays, about = start._state()
        digest.update(json.dumps(about["inputs"]).encode())
        for name in sorted(arrays):
            digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _of(owner: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(owner): tensor for name, tensor in tensors.items() if name.startswith(owner)}
