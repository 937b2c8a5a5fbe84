"""The training loop of every network: AdamW, a schedule, averaged weights, early stopping, no noise."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..spec import Progress
from .checkpoint import Checkpoint
from .network import Forecaster
from .options import TrainOptions
from .precision import Loss, loss_of
from .prefetch import Prefetch
from .rate import find_rate, scheduled
from .windows import Batch

Draw = Callable[[np.random.Generator, Forecaster], Batch]
Judge = Callable[[Forecaster], float]

_WRITE_EVERY = 30.0  # seconds between checkpoints, besides those at checks


@dataclass
class State:
    """All that changes during training, in one place.

    Attributes:
        network: being trained.
        averaged: the same with exponentially averaged weights; forecasts are made with it.
        optimiser: AdamW and its moments.
        rng: of the windows drawn; it may be one draw ahead.
        drawn: its state after the draw that was used last.
        peak: of the learning rate; 0 until it is found.
        step: updates done.
        seconds: that they took.
        best: lowest score so far; None before the first check.
        kept: averaged weights at that check.
        worse: checks since then.
        curve: (step, score of the held-out steps) at every check.
        ended: training is over.
    """

    network: Forecaster
    averaged: Forecaster
    optimiser: torch.optim.Optimizer
    rng: np.random.Generator
    drawn: Any
    peak: float
    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    kept: dict[str, Tensor] = field(default_factory=dict)
    worse: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list)
    ended: bool = False

    @staticmethod
    def of(network: Forecaster, options: TrainOptions, seed: int) -> State:
        """Before the first update."""
        rng = np.random.default_rng(seed)
        averaged = copy.deepcopy(network).requires_grad_(False)
        optimiser = _optimiser(network, options)
        return State(network, averaged, optimiser, rng, rng.bit_generator.state, options.learning_rate)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device


def train(
    make: Callable[[], Forecaster],
    draw: Draw,
    judge: Judge | None,
    options: TrainOptions,
    seed: int,
    progress: Progress | None = None,
    keep: Checkpoint | None = None,
    *,
    trained: bool = False,
) -> State:
    """Train a network.

    Args:
        make: builds the network; its initial weights depend on the seed.
        draw: gives a batch of windows for the network, with the given random numbers and no others; a thread
            may call it one time ahead, so it must not depend on the weights.
        judge: score of the averaged network on held-out steps, lower is better; None trains to the end.
        options: see `TrainOptions`.
        seed: of weights, windows and dropout; the global random state is left as it was.
        progress: hook.
        keep: where the state is kept, and read from if it is there; the caller removes it in the end.
        trained: the network has learned before: it is judged as it is, too.

    Returns:
        The last state, its ``averaged`` network holding the best weights, in evaluation mode.

    Raises:
        ConfigError: the network cannot be compiled here, or the checkpoint belongs to another training.
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        state = State.of(make(), options, seed)
        if not (keep and keep.read(state)):
            if not state.peak:
                state.peak = _find(state, draw, options, seed)
            if judge and trained:
                _check(state, judge)
        if not state.ended:
            _run(state, draw, judge, options, progress, keep)
            if state.kept:
                state.averaged.load_state_dict(state.kept)
            state.ended = True
            if keep:
                keep.write(state)
    state.averaged.eval()
    return state


def _run(
    state: State, draw: Draw, judge: Judge | None, options: TrainOptions, progress: Progress | None,
    keep: Checkpoint | None,
) -> None:  # fmt: skip
    """Update after update, until the steps, the time or the patience is used up."""

    def prepare() -> tuple[list[Batch], Any]:
        batches = [draw(state.rng, state.network) for _ in range(options.accumulate)]
        return batches, state.rng.bit_generator.state

    loss = loss_of(state.network, state.device, options)
    every = max(1, options.steps // options.checks)
    begin = time.perf_counter() - state.seconds
    written = begin + state.seconds
    with Prefetch(prepare, ahead=options.prefetch) as prepared:
        while True:
            done = state.step / options.steps
            if options.seconds:
                done = max(done, (time.perf_counter() - begin) / options.seconds)
            if done >= 1:
                break
            state.network.at(min(done, 1.0))
            batches, state.drawn = prepared.next()
            _update(state, loss, batches, scheduled(done, state.peak, options), options)
            if progress and state.step % 10 == 0:
                progress("training", min(done, 1.0))
            if judge and state.step % every == 0 and _check(state, judge) >= options.patience:
                break
            if keep and (state.step % every == 0 or time.perf_counter() - written > _WRITE_EVERY):
                written = time.perf_counter()
                state.seconds = written - begin
                keep.write(state)
    if judge and (not state.curve or state.curve[-1][0] != state.step):
        _check(state, judge)


def _update(state: State, loss: Loss, batches: list[Batch], rate: float, options: TrainOptions) -> Tensor:
    """One step of AdamW on the mean loss of the batches, which is returned."""
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    state.network.train()
    state.optimiser.zero_grad(set_to_none=True)
    total = torch.zeros((), device=state.device)
    for batch in batches:
        cost = loss(batch) / len(batches)
        cost.backward()  # type: ignore[no-untyped-call]
        total += cost.detach()
    nn.utils.clip_grad_norm_(state.network.parameters(), options.clip)
    state.optimiser.step()
    state.step += 1
    keep = min(options.ema, state.step / (state.step + 9))  # early averages forget the start quickly
    with torch.no_grad():
        for ours, theirs in zip(state.averaged.parameters(), state.network.parameters(), strict=True):
            ours.lerp_(theirs, 1 - keep)
    return total


def _check(state: State, judge: Judge) -> int:
    """Score the averaged weights, keep them if they are the best so far, and count the checks since."""
    state.averaged.eval()
    with torch.no_grad():
        score = judge(state.averaged)
    state.curve.append((state.step, score))
    if state.best is None or score < state.best:
        state.best, state.worse = score, 0
        state.kept = {name: weight.clone() for name, weight in state.averaged.state_dict().items()}
    else:
        state.worse += 1
    return state.worse


def _find(state: State, draw: Draw, options: TrainOptions, seed: int) -> float:
    """A peak for the learning rate, tried on a copy with random numbers of its own."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        trial = State.of(copy.deepcopy(state.network), options, seed)
        loss = loss_of(trial.network, state.device, options)
        trial.network.at(0.0)
        return find_rate(lambda rate: float(_update(trial, loss, [draw(trial.rng, trial.network)], rate, options)))


def _optimiser(network: nn.Module, options: TrainOptions) -> torch.optim.Optimizer:
    """AdamW that does not shrink biases and norms."""
    parameters: list[Any] = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.98))
