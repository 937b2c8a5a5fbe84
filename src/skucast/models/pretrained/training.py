"""Training of the network on the synthetic prior: resumable, in bounded time, with the generator beside it.

Numbers of block and step decide all that is random, so a training that was interrupted ends with the same weights as
one that was not (on the same machine, with one thread).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import queue
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ...errors import ConfigError
from .grid import HORIZON, KINDS, Kind
from .inputs import Inputs, inputs
from .network import Network
from .prior import VERSION
from .prior.block import draw
from .prior.stream import stream
from .shipped import load
from .size import LEVELS, SIZES

Batch = dict[str, npt.NDArray[Any]]
Say = Callable[[str], None]

_TRAINING, _VALIDATION = 0, 2
_WAIT = 20.0  # seconds after which either process looks whether the other still lives


@dataclass(frozen=True)
class Recipe:
    """A training.

    Attributes:
        size: name in `SIZES`.
        seed: of the prior and the first weights.
        rows: series per step.
        ahead: steps ahead that each series is trained on at once, chosen anew each time.
        steps: of the whole training.
        rate: learning rate at its highest.
        warmup: steps until it is reached.
        slow: steps after which it has fallen to 0.7 of it.
        cooldown: last steps, in which it falls to zero.
        decay: of the weights.
        averaging: share that the running average of the weights keeps at each step.
        report: steps between two points of the curve.
        minutes: between two checkpoints.
        start: name or path of weights to begin with, of the same size; random ones if empty.
    """

    size: str = "small"
    seed: int = 1
    rows: int = 128
    ahead: int = 16
    steps: int = 40_000
    rate: float = 2e-3
    warmup: int = 100
    slow: int = 8_000
    cooldown: int = 4_000
    decay: float = 0.01
    averaging: float = 0.998
    report: int = 200
    minutes: float = 4.0
    start: str = ""

    @staticmethod
    def load(path: Path) -> Recipe:
        """Read a JSON file.

        Raises:
            ConfigError: the file has an option that does not exist, or a size that does not.
        """
        given = json.loads(path.read_text())
        unknown = sorted(set(given) - {f.name for f in fields(Recipe)})
        if unknown:
            raise ConfigError(f"'{path}' has the option '{unknown[0]}', which a training does not have.")
        recipe = Recipe(**given)
        if recipe.size not in SIZES:
            raise ConfigError(f"'{path}' asks for the size '{recipe.size}'; there are: {', '.join(SIZES)}.")
        return recipe

    def rate_at(self, step: int) -> float:
        """Learning rate of a step (from 0): warm-up, slow fall, cool-down."""
        rate = self.rate * min(1.0, (step + 1) / self.warmup) / (1 + step / self.slow) ** 0.5
        left = self.steps - step
        return float(rate * min(1.0, left / max(self.cooldown, 1)))


@dataclass(eq=False)
class State:
    """Where a training stands.

    Attributes:
        recipe: what is trained.
        network: weights.
        average: running average of the weights, which is what is shipped.
        optimiser: its memory.
        step: steps done.
        seconds: of a core that they took, those of the generator included.
        curve: one row per report: step, seconds, loss of training, loss of validation by frequency.
    """

    recipe: Recipe
    network: Network
    average: Network
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)

    @staticmethod
    def begin(recipe: Recipe) -> State:
        """First weights."""
        torch.manual_seed(recipe.seed)
        sample = inputs(draw(recipe.seed, 0, 8, "M", ("GB",), _VALIDATION).window)
        widths = (sample.history.shape[1], sample.tokens.shape[2], sample.steps.shape[2])
        network, average = (Network(SIZES[recipe.size], *widths) for _ in range(2))
        if recipe.start:
            given = load(recipe.start)
            if given.size != SIZES[recipe.size]:
                raise ConfigError(f"The weights '{recipe.start}' are of another size than '{recipe.size}'.")
            network.load_state_dict({name: torch.from_numpy(array) for name, array in given.weights.items()})
        average.load_state_dict(network.state_dict())
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=recipe.decay
        )
        return State(recipe, network, average, optimiser)

    def save(self, path: Path) -> None:
        """Write a checkpoint; a reader sees the old one or the new one, never a part."""
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = path.with_name(f".{path.name}.{os.getpid()}")
        torch.save(
            {
                "recipe": asdict(self.recipe), "network": self.network.state_dict(),
                "average": self.average.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
                "seconds": self.seconds, "curve": self.curve, "prior": VERSION,
            },
            hidden,
        )  # fmt: skip
        os.replace(hidden, path)

    @staticmethod
    def load(path: Path, recipe: Recipe | None = None) -> State:
        """Read a checkpoint, going on by ``recipe`` if one is given (its steps and rates may differ).

        Raises:
            ConfigError: the checkpoint is of another size, seed or version of the prior.
        """
        kept = torch.load(path, weights_only=True)
        old = Recipe(**kept["recipe"])
        new = recipe or old
        if (old.size, old.seed, old.rows, kept["prior"]) != (new.size, new.seed, new.rows, VERSION):
            raise ConfigError(
                f"'{path}' was trained with another size, seed, number of rows or prior: give the training another folder."
            )
        state = State.begin(new)
        state.network.load_state_dict(kept["network"])
        state.average.load_state_dict(kept["average"])
        state.optimiser.load_state_dict(kept["optimiser"])
        state.step, state.seconds, state.curve = kept["step"], kept["seconds"], kept["curve"]
        return state


def train(
    recipe: Recipe, folder: Path, minutes: float = float("inf"), *, until: int | None = None, say: Say = print
) -> State:
    """Train, or go on with what lies in the folder (``checkpoint.pt``), writing ``curve.json`` beside it.

    Args:
        recipe: what to train.
        folder: of checkpoints.
        minutes: after which to stop, with a checkpoint.
        until: step at which to stop, with a checkpoint.
        say: hook for progress.
    """
    torch.set_num_threads(1)
    path = folder / "checkpoint.pt"
    state = State.load(path, recipe) if path.is_file() else State.begin(recipe)
    last = min(recipe.steps, until if until is not None else recipe.steps)
    if state.step >= last:
        return state
    checks = {kind: _check(recipe.seed, kind) for kind in KINDS}
    start = saved = time.monotonic()
    before, idle = state.seconds, time.process_time()
    losses: list[float] = []
    with _Generator(recipe, state.step, last) as batches:
        while state.step < last and time.monotonic() - start < 60 * minutes:
            batch, generated = batches.next()
            losses.append(_learn(state, batch))
            state.seconds = before + time.process_time() - idle + generated
            if state.step % recipe.report == 0 or state.step == last:
                row = {"step": float(state.step), "seconds": round(state.seconds, 1), "loss": _mean(losses)}
                row |= {kind: _validate(state.average, check) for kind, check in checks.items()}
                state.curve.append(row)
                losses.clear()
                say(
                    " ".join(f"{k} {v:.4f}" if k not in ("step", "seconds") else f"{k} {v:.0f}" for k, v in row.items())
                )
            if time.monotonic() - saved > 60 * recipe.minutes:
                state.save(path)
                (folder / "curve.json").write_text(json.dumps(state.curve, indent=1))
                saved = time.monotonic()
    state.save(path)
    (folder / "curve.json").write_text(json.dumps(state.curve, indent=1))
    return state


def loss(quantiles: Tensor, target: Tensor) -> Tensor:
    """Mean pinball loss over `LEVELS` and the steps that count (target ``(B, H)`` is not NaN).

    Both are measured by the yardstick, so a calm series counts as much as a wild one.
    """
    counts = ~torch.isnan(target)
    level = torch.tensor(LEVELS, dtype=quantiles.dtype)
    error = torch.where(counts, target, 0.0)[..., None] - quantiles
    each = torch.maximum(level * error, (level - 1) * error) * counts[..., None]
    return 2 * each.sum() / (counts.sum().clamp(min=1) * len(LEVELS))


def batch_of(made: Inputs, future: npt.NDArray[np.float32], ahead: npt.NDArray[np.int64]) -> Batch:
    """Arrays of a training step: some steps ahead only."""
    measured = made.yardstick.measure(made.squash(future))
    return {
        "history": made.history,
        "tokens": made.tokens,
        "seen": made.seen,
        "steps": np.ascontiguousarray(made.steps[:, ahead]),
        "target": measured[:, ahead],
    }


def _learn(state: State, batch: Batch) -> float:
    recipe = state.recipe
    for group in state.optimiser.param_groups:
        group["lr"] = recipe.rate_at(state.step)
    tensor = {name: torch.from_numpy(array) for name, array in batch.items()}
    quantiles = state.network(tensor["history"], tensor["tokens"], tensor["seen"], tensor["steps"])
    error = loss(quantiles, tensor["target"])
    state.optimiser.zero_grad()
    error.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    state.optimiser.step()
    state.step += 1
    keep = min(recipe.averaging, state.step / (state.step + 10))
    with torch.no_grad():
        for mine, theirs in zip(state.average.parameters(), state.network.parameters(), strict=True):
            mine.lerp_(theirs, 1 - keep)
    return float(error.detach())


def _check(seed: int, kind: Kind) -> Batch:
    block = draw(seed, 0, 128, kind, purpose=_VALIDATION)
    return batch_of(inputs(block.window), block.future, np.arange(0, HORIZON, 4))


@torch.no_grad()
def _validate(network: Network, check: Batch) -> float:
    t = {name: torch.from_numpy(array) for name, array in check.items()}
    return float(loss(network(t["history"], t["tokens"], t["seen"], t["steps"]), t["target"]))


def _mean(numbers: list[float]) -> float:
    return float(np.mean(numbers))


class _Generator:
    """A process that makes batches in order, a few ahead."""

    def __init__(self, recipe: Recipe, first: int, last: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue: Any = context.Queue(maxsize=3)
        self._process = context.Process(target=_produce, args=(recipe, first, last, self._queue), daemon=True)

    def __enter__(self) -> _Generator:
        self._process.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._process.terminate()
        self._process.join()

    def next(self) -> tuple[Batch, float]:
        """The next batch, and the seconds of a core that the process has used so far.

        Raises:
            RuntimeError: the process died.
        """
        while True:
            try:
                found: tuple[Batch, float] = self._queue.get(timeout=_WAIT)
            except queue.Empty:
                if not self._process.is_alive():
                    raise RuntimeError("The generator of synthetic series ended unexpectedly.") from None
            else:
                return found


def _produce(recipe: Recipe, first: int, last: int, out: Any) -> None:
    torch.set_num_threads(1)
    parent = os.getppid()
    for number in range(first, last):
        batch = step_batch(recipe, number)
        while True:
            try:
                out.put((batch, time.process_time()), timeout=_WAIT)
                break
            except queue.Full:
                if os.getppid() != parent:  # the training was killed; nobody will read what is still queued
                    out.cancel_join_thread()
                    return


def step_batch(recipe: Recipe, number: int) -> Batch:
    """The batch of a step."""
    block = draw(recipe.seed, number, recipe.rows, purpose=_TRAINING)
    ahead = np.sort(stream(recipe.seed, number, 1).permutation(HORIZON)[: recipe.ahead])
    return batch_of(inputs(block.window), block.future, ahead)
