"""Learning rates: how they change during training, and which peak a network can stand."""

from __future__ import annotations

import math
from collections.abc import Callable

from .options import TrainOptions

_LOWEST, _HIGHEST = 1e-5, 1.0
_TRIALS = 100
_MEMORY = 0.9  # of the smoothed loss
_BURST = 3.0  # the test ends when the smoothed loss is so many times its lowest
_SHARE = 0.1  # of the rate with the lowest loss, above which training becomes unsteady


def scheduled(done: float, peak: float, options: TrainOptions) -> float:
    """Learning rate when a share ``done`` of the training is over: a line up to the peak, half a cosine down."""
    if done < options.warm_up:
        return peak * (0.1 + 0.9 * done / options.warm_up)
    rest = (done - options.warm_up) / (1 - options.warm_up)
    last = 0.01 if options.schedule == "one-cycle" else 0.1
    return peak * (last + (1 - last) * 0.5 * (1 + math.cos(math.pi * min(rest, 1.0))))


def find_rate(update: Callable[[float], float]) -> float:
    """The peak that a network can stand, by a range test: the rate rises with every update until the loss bursts.

    Args:
        update: trains a copy of the network once at a rate, and tells the loss before.

    Source: Smith (2017), Cyclical Learning Rates for Training Neural Networks.
    """
    smooth, lowest, best = 0.0, math.inf, _LOWEST
    for trial in range(_TRIALS):
        rate = _LOWEST * (_HIGHEST / _LOWEST) ** (trial / (_TRIALS - 1))
        smooth = _MEMORY * smooth + (1 - _MEMORY) * update(rate)
        loss = smooth / (1 - _MEMORY ** (trial + 1))
        if not loss <= _BURST * lowest:  # NaN too
            break
        if loss < lowest:
            lowest, best = loss, rate
    return float(f"{max(best * _SHARE, _LOWEST):.2g}")
