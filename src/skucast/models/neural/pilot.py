"""Which head suits a panel of slow counts: short trainings on all but its last steps, judged on those."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING

import numpy as np

from ...forecast import LEVELS
from ...panel import Panel
from ..whole_demand import slow_counts
from .options import HeadName

if TYPE_CHECKING:
    from .family import NeuralSpec

_HEADS: tuple[HeadName, ...] = ("quantiles", "negbin")  # the first one where there is nothing to tell them apart
_SHARE = 0.25  # of the training's steps
_JUDGED = 2048  # series


def suitable_head(spec: NeuralSpec, panel: Panel, horizon: int, seed: int) -> HeadName:
    """The head with the lowest weighted quantile loss on the panel's last steps; ``quantiles`` unless counts are slow."""
    held = min(horizon, panel.n_steps // 4)
    if held < 1 or not slow_counts(panel):
        return _HEADS[0]
    panel = panel.take(panel.lengths > held)
    if len(panel) > _JUDGED:
        panel = panel.take(np.sort(np.random.default_rng(seed).choice(len(panel), _JUDGED, replace=False)))
    if not len(panel):
        return _HEADS[0]
    history, actual = panel.until(panel.end - held), panel.dense(panel.observed, held)
    known = {name: panel.dense(column, held) for name, column in panel.known.items()}
    train = dataclasses.replace(spec.train, steps=max(1, round(_SHARE * spec.train.steps)), finish=0.0, checkpoint="")
    losses = []
    for head in _HEADS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a training that nobody asked for
            fitted = dataclasses.replace(spec, head=head, train=train).fit(history, horizon=held, seed=seed)
            said = fitted.predict(held, known).quantiles.astype(np.float64)
        miss = actual[..., None] - said
        p = np.asarray(LEVELS)
        losses.append(float(np.nansum(np.maximum(p * miss, (p - 1) * miss))))
    return _HEADS[int(np.argmin(losses))]
