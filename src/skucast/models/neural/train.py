"""The training loop of every network: AdamW, one cycle, averaged weights, early stopping, no noise."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from ..spec import Progress
from .network import Forecaster
from .options import TrainOptions
from .windows import Batch

Draw = Callable[[np.random.Generator, Forecaster], Batch]
Judge = Callable[[Forecaster], float]


@dataclass
class State:
    """All that changes during training, in one place.

    Attributes:
        network: being trained.
        averaged: the same with exponentially averaged weights; forecasts are made with it.
        optimiser: AdamW and its moments.
        rng: of the windows drawn.
        step: updates done.
        best: lowest score so far; None before the first check.
        kept: averaged weights at that check.
        worse: checks since then.
        curve: (step, score of the held-out steps) at every check.
    """

    network: Forecaster
    averaged: Forecaster
    optimiser: torch.optim.Optimizer
    rng: np.random.Generator
    step: int = 0
    best: float | None = None
    kept: dict[str, torch.Tensor] = field(default_factory=dict)
    worse: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list)


def train(
    make: Callable[[], Forecaster],
    draw: Draw,
    judge: Judge | None,
    options: TrainOptions,
    seed: int,
    progress: Progress | None = None,
) -> State:
    """Train a network.

    Args:
        make: builds the network; its initial weights depend on the seed.
        draw: gives a batch of windows for the network, with the given random numbers.
        judge: score of the averaged network on held-out steps, lower is better; None trains to the end.
        options: see `TrainOptions`.
        seed: of weights, windows and dropout; the global random state is left as it was.
        progress: hook.

    Returns:
        The last state, its ``averaged`` network holding the best weights, in evaluation mode.
    """
    begin = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make()
        state = State(
            network, copy.deepcopy(network).requires_grad_(False), _optimiser(network, options),
            np.random.default_rng(seed),
        )  # fmt: skip
        every = max(1, options.steps // options.checks)
        while True:
            done = state.step / options.steps
            if options.seconds:
                done = max(done, (time.perf_counter() - begin) / options.seconds)
            if done >= 1:
                break
            network.at(min(done, 1.0))
            _update(state, draw(state.rng, network), one_cycle(done, options), options)
            if progress and state.step % 10 == 0:
                progress("training", min(done, 1.0))
            if judge and state.step % every == 0 and _check(state, judge) >= options.patience:
                break
        if judge and (not state.curve or state.curve[-1][0] != state.step):
            _check(state, judge)
    if state.kept:
        state.averaged.load_state_dict(state.kept)
    state.averaged.eval()
    return state


def one_cycle(done: float, options: TrainOptions) -> float:
    """Learning rate when a share ``done`` of the training is over: a line up, then half a cosine down to 1 %."""
    if done < options.warm_up:
        return options.learning_rate * (0.1 + 0.9 * done / options.warm_up)
    rest = (done - options.warm_up) / (1 - options.warm_up)
    return options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(rest, 1.0))))


def _update(state: State, batch: Batch, rate: float, options: TrainOptions) -> None:
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    state.network.train()
    loss = state.network.loss(batch)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.network.parameters(), options.clip)
    state.optimiser.step()
    state.step += 1
    keep = min(options.ema, state.step / (state.step + 9))  # early averages forget the start quickly
    with torch.no_grad():
        for ours, theirs in zip(state.averaged.parameters(), state.network.parameters(), strict=True):
            ours.lerp_(theirs, 1 - keep)


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


def _optimiser(network: nn.Module, options: TrainOptions) -> torch.optim.Optimizer:
    """AdamW that does not shrink biases and norms."""
    parameters: list[Any] = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.98))
