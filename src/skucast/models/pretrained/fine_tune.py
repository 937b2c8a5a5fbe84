"""Fine-tuning: a pretrained network learns on from the user's own panel, if that forecasts held-out windows better.

The last windows are held out. The network learns from random windows before them, and now and then it is asked about
the held-out ones. The best answers are compared with those of the shipped weights, series with series. Only if they
are better by more than chance the network learns from the last windows too, for a while and at a low rate. Needs torch.

Only a part of the way from the shipped weights to the learned ones is gone, a shorter one where the history is short:
all items of a shop share its weather, so a few windows one after another teach much that happened once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ..gain import Gain, learned_share
from ..neural.options import TrainOptions
from ..neural.rate import scheduled
from ..spec import Progress, scaled
from .draws import Draws
from .forward import Forward, between
from .held_out import HeldOut
from .last_year import LastYear
from .learner import Learner, Way
from .reading import Reader

RATES: dict[Way, float] = {"last": 1e-3, "low-rank": 2e-3, "full": 6e-4}
"""Peak of the learning rate."""
_BATCH = 64
_AHEAD = 16
_PASSES = 10  # a small panel is not gone over more often than this
_SCHEDULE = TrainOptions(warm_up=0.1)
_CHECKS = 4  # how often the held-out windows are looked at
_FINISH = 0.25  # further steps on all windows, as a share of the useful ones before
_FINISH_RATE = 0.3
_FINISH_SECONDS = 0.2  # of the budget
_FEWEST = 200  # windows without a common step, below which nothing is learned,
_PERIODS = 6  # or fewer of them one after another: what happened once to all items is no pattern of the shop


@dataclass(frozen=True, eq=False)
class FineTuned:
    """What fine-tuning came to.

    Attributes:
        network: accepted weights; None if the shipped ones stay.
        judged: weights that have not seen the held-out windows: those that were judged and accepted, or the shipped.
        note: what was decided and why, in a sentence.
    """

    network: Forward | None
    judged: Forward
    note: str


def fine_tune(
    start: Forward,
    reader: Reader,
    held: HeldOut | None,
    way: Way,
    steps: int,
    seconds: float,
    seed: int,
    progress: Progress | None,
) -> FineTuned:
    """Learn on from a panel.

    Args:
        start: shipped weights.
        reader: of the panel; its horizon is learned.
        held: the panel's last windows; None if it is too short to hold any out.
        way: what learns.
        steps: most updates of the weights; small panels take fewer.
        seconds: time budget for everything; 0 is none. The schedule shortens to fit it.
        seed: of the windows drawn and of additions.
        progress: hook.
    """
    begun = time.perf_counter()
    draws = Draws(reader, len(held.actual) * reader.horizon) if held else None
    if held is None or draws is None or draws.apart < _FEWEST or draws.periods < _PERIODS:
        return FineTuned(None, start, _too_little(draws))
    before = held.losses(held.answers(start, LastYear()))
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        learner = Learner(start, way)
        share = learned_share(draws.periods)
        best, after, useful = start, before, 0

        def check() -> None:
            nonlocal best, after, useful
            made = learner.weights()
            losses = held.losses(held.answers(between(start, made, share), LastYear()))
            if useful == 0 or losses.sum() < after.sum():
                best, after, useful = made, losses, learner.step

        steps = min(steps, -(-_PASSES * draws.apart // _BATCH))
        limit = begun + seconds * (1 - _FINISH_SECONDS) if seconds else math.inf
        _learn(learner, draws, rng, RATES[way], steps, limit, check, scaled(progress, 0.0, 0.8))
        found = Gain.of(before - after)
        sentence = (
            f"WQL {after.sum(axis=1).mean():.4f} against {before.sum(axis=1).mean():.4f} without it on the last "
            f"{len(held.actual)} windows of {reader.horizon} steps"
        )
        if not found.convincing:
            return FineTuned(
                None, start, f"Fine-tuning ({way}) was rejected: {sentence}, which is not better by more than chance."
            )
        learner = Learner(best, way)
        limit = begun + seconds if seconds else math.inf
        _learn(
            learner, Draws(reader, 0), rng, _FINISH_RATE * RATES[way], round(_FINISH * useful), limit, None,
            scaled(progress, 0.8, 1.0),
        )  # fmt: skip
    note = f"Fine-tuning ({way}, {useful} steps, {100 * share:.0f} % of the way) was accepted: {sentence}."
    return FineTuned(between(start, learner.weights(), share), between(start, best, share), note)


def _learn(
    learner: Learner,
    draws: Draws,
    rng: np.random.Generator,
    peak: float,
    steps: int,
    limit: float,
    check: Callable[[], None] | None,
    progress: Progress | None,
) -> None:
    """Update after update until the steps or the time are used up, with a look at the held-out windows now and then."""
    begun, looks = time.perf_counter(), 0
    while True:
        done = learner.step / steps if steps else 1.0
        if limit < math.inf:
            done = max(done, (time.perf_counter() - begun) / max(limit - begun, 1e-9))
        if check and done >= (looks + 1) / _CHECKS:
            looks += 1
            check()
        if done >= 1:
            break
        learner.learn(draws.draw(rng, _BATCH, _AHEAD), scheduled(done, peak, _SCHEDULE))
        if progress and learner.step % 5 == 0:
            progress("fine-tuning", min(done, 1.0))


def _too_little(draws: Draws | None) -> str:
    apart, periods = (draws.apart, draws.periods) if draws else (0, 0)
    return (
        f"Fine-tuning was left out: it learns from {_PERIODS} windows of the horizon one after another and {_FEWEST} of "
        f"all series, besides the held-out ones; this panel has {periods} and {apart:,}."
    )
