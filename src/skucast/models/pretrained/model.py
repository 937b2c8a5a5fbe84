"""Pretrained: forecasts by a network that was trained on synthetic retail demand, without fitting anything.

The network sees one series at a time with its prices, promotions, occasions and up to three other covariates.
What is learned from a panel is only which covariate means what, and by how much intervals have to be wider or
narrower to hold on the panel's own last windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...panel import F32, Panel
from ..space import OneOf, Space
from ..spec import Arrays, Capabilities, Fitted, Progress, Spec
from .answer import at_levels, expected
from .forward import Forward
from .grid import HORIZON
from .inputs import inputs
from .reading import Reader, needed, oldest
from .recalibrate import BANDS, learn, stretched
from .roles import Roles
from .shipped import load
from .size import LEVELS

_BLOCK = 32  # series that are computed together, always so many: then results do not depend on the others
_FAR = 12.0  # of asinh: a hundred thousand times the scale
_CALIBRATED = 2_000  # series that recalibration looks at


@dataclass(frozen=True)
class Pretrained(Spec):
    """The network whose weights are shipped with the package.

    Attributes:
        weights: name of the weights.
        recalibrate: fit the width of intervals to the last windows of the panel. `auto` does it for its combination.
        new_items: forecast items without any observation too, by covariates and the synthetic prior alone
            (in small units, wide); otherwise they are said to be unknown.
    """

    name: ClassVar[str] = "pretrained"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Small network pretrained on synthetic retail demand; forecasts at once, with prices and promotions.",
        scope="global",
        known=True,
        past=True,
    )
    space: ClassVar[Space] = {"recalibrate": OneOf(False, True)}
    weights: str = "small"
    recalibrate: bool = False
    new_items: bool = False

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> FittedPretrained:
        load(self.weights)  # an unknown name is an error now, not later
        fitted = FittedPretrained(self, panel, seed, Roles.of(panel), np.ones((BANDS, 2)))
        if not self.recalibrate:
            return fitted
        return replace(fitted, stretch=_calibrated(fitted, horizon))

    @classmethod
    def load_fitted(cls, spec: Pretrained, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        return FittedPretrained(spec, panel, 0, Roles.from_dict(about["roles"]), arrays["stretch"])


@dataclass(frozen=True, eq=False, repr=False)
class FittedPretrained(Fitted):
    """See `Pretrained`.

    Attributes:
        roles: what the panel's covariates mean.
        stretch: ``(BANDS, 2)`` factors of the distance from the median downwards and upwards.
    """

    spec: Pretrained
    roles: Roles
    stretch: npt.NDArray[np.float64]

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        mean = np.full((len(self.panel), horizon), np.nan, np.float32)
        quantiles = np.full((len(self.panel), horizon, len(levels)), np.nan, np.float32)
        reader = Reader(self.panel, known, self.roles, min(horizon, HORIZON))
        network = load(self.spec.weights)
        back = oldest(self.panel)
        context = needed(back, reader.grid.context)
        usable = (back > 0) | self.spec.new_items
        for length in np.unique(context):
            rows = np.flatnonzero((context == length) & usable)
            for first in range(0, rows.size, _BLOCK):
                part = rows[first : first + _BLOCK]
                padded = np.concatenate([part, np.repeat(part[-1:], _BLOCK - part.size)])
                made = self._block(network, reader, padded, int(length), horizon)
                made = stretched(made, self.stretch)[: part.size]
                mean[part] = expected(made)
                quantiles[part] = at_levels(made, levels)
        return mean, quantiles

    def _block(self, network: Forward, reader: Reader, rows: npt.NDArray[np.int64], context: int, horizon: int) -> F32:
        """Quantiles ``(B, horizon, len(LEVELS))`` in units."""
        units = _one_pass(network, reader, rows, context)
        parts, done = [units], reader.horizon
        panel = self.panel.take(rows) if done < horizon else self.panel
        while done < horizon:  # what was forecast is taken for granted
            before = {name: column[rows, :done][:, -parts[-1].shape[1] :] for name, column in reader.known.items()}
            panel = panel.append(parts[-1][:, :, LEVELS.index(0.5)], before)
            steps = min(HORIZON, horizon - done)
            ahead = {name: column[rows, done : done + steps] for name, column in reader.known.items()}
            later = Reader(panel, ahead, self.roles, steps)
            parts.append(_no_narrower(_one_pass(network, later, np.arange(rows.size), context), parts[-1]))
            done += steps
        return np.concatenate(parts, axis=1)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        return {"stretch": self.stretch}, {"roles": asdict(self.roles)}


def _one_pass(network: Forward, reader: Reader, rows: npt.NDArray[np.int64], context: int) -> F32:
    made = inputs(reader.window(rows, context))
    space = network.quantiles(made)
    return np.asarray(np.maximum(np.sinh(np.clip(space, -_FAR, _FAR)) * made.scale[:, None, None], 0), dtype=np.float32)


def _no_narrower(units: F32, before: F32) -> F32:
    """A later block takes the medians before it for granted; its intervals are at least as wide as the last ones."""
    middle = LEVELS.index(0.5)
    was = (before - before[:, :, middle : middle + 1])[:, -min(before.shape[1], 28) :].mean(axis=1, keepdims=True)
    now = units - units[:, :, middle : middle + 1]
    wider = np.where(np.arange(len(LEVELS)) < middle, np.minimum(now, was), np.maximum(now, was))
    return np.asarray(np.maximum(units[:, :, middle : middle + 1] + wider, 0), dtype=np.float32)


def _calibrated(fitted: FittedPretrained, horizon: int) -> npt.NDArray[np.float64]:
    """Stretch learned on the last two windows of the history, of at most `_CALIBRATED` series."""
    whole = fitted.panel
    few = whole.take(np.linspace(0, len(whole) - 1, min(len(whole), _CALIBRATED)).astype(np.int64))
    steps = min(horizon, HORIZON, max(few.n_steps // 4, 1))
    quantiles, actual = [], []
    for back in (1, 2):
        until = few.until(few.end - back * steps)
        if not len(until) or until.n_steps < 2 * steps:
            continue
        later = few.take(np.flatnonzero(few.lengths > back * steps))
        known = {n: later.dense(c, back * steps)[:, :steps] for n, c in later.known.items()}
        quantiles.append(replace(fitted, panel=until)._predict(steps, known, LEVELS, 0)[1])
        actual.append(later.dense(later.observed, back * steps)[:, :steps])
    if not actual:
        return np.ones((BANDS, 2))
    return learn(np.concatenate(quantiles), np.concatenate(actual))
