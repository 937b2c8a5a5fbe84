"""Choice: which members make the forecast, with what weights, and how wide their combination has to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..evaluate.backtest import Backtest
from ..evaluate.classes import CLASSES
from ..models.spec import Arrays
from ..panel import F32
from .calibration import Calibration, learn_calibration
from .combine import How, blend
from .selection import class_weights
from .stretch import UNCHANGED, learn_stretch, stretched

F64 = npt.NDArray[np.float64]
Classes = npt.NDArray[np.integer[Any]]

TRUSTED = ("lightgbm", "pretrained")
"""Members that share the weight where little was tested: both see far ahead, and they err in different ways."""
_UNTESTED = ("seasonal-naive", "ets")  # what stands in where there was no test at all
_BAND_TRUST = 0.5  # a half of the horizon keeps at most so much of its own choice,
_BAND_CELLS = 5_000  # and half as much with so many observations
_ONE_WINDOW = 0.5  # weight of the trusted members after a single window, and the less the more there are
_BEYOND = 0.5  # their weight at steps beyond the tested ones


@dataclass(frozen=True, eq=False)
class Choice:
    """Weights of members per band of the horizon and class of demand, and the stretch of their combination.

    Attributes:
        labels: members, ``K`` of them.
        ends: first step (from 0) that no longer belongs to a band, rising; the last band has no end.
        weights: ``(B, C, K)``, adding up to one over members.
        stretch: factors by which the lower and upper quantiles move away from the median.
        calibration: what makes intervals cover what they say; None if nothing was tested.
        how: members are put together, see `blend`.
    """

    labels: tuple[str, ...]
    ends: tuple[int, ...]
    weights: F64
    stretch: tuple[float, float] = UNCHANGED
    how: How = "mean"
    calibration: Calibration | None = None

    @staticmethod
    def fixed(labels: Sequence[str], shares: Sequence[float], how: How = "mean") -> Choice:
        """The same weights everywhere; they need not add up to one."""
        row = np.asarray(shares, dtype=np.float64) / sum(shares)
        return Choice(tuple(labels), (), np.tile(row, (1, len(CLASSES), 1)), how=how)

    @staticmethod
    def untested(labels: Sequence[str]) -> Choice:
        """Seasonal naive and ETS alike, or else the first member."""
        default = [label for label in labels if label in _UNTESTED] or [labels[0]]
        return Choice.fixed(labels, [float(label in default) for label in labels])

    @staticmethod
    def learn(backtest: Backtest, labels: Sequence[str], how: How = "mean") -> Choice:
        """What the windows of a backtest say.

        Both halves of the horizon get their own weights, leaning on those for all of it. After a single window, in
        which everything moved together once, weights lean on the members that are trusted without a test, and so do
        steps further ahead than it reached. Weights are those of the best mean of quantiles; the stretch is that of
        the combination as it will be made.
        """
        whole = class_weights(backtest, labels)
        middle = backtest.horizon // 2
        bands, ends = [whole], [backtest.horizon]
        if middle >= 2:
            halves = [class_weights(backtest, labels, part) for part in (slice(0, middle), slice(middle, None))]
            cells = sum(int((~np.isnan(window.actual)).sum()) for window in backtest.windows) / 2
            trust = _BAND_TRUST * cells / (cells + _BAND_CELLS)
            bands = [trust * half + (1 - trust) * whole for half in halves]
            ends = [middle, backtest.horizon]
        weights = np.stack([*bands, bands[-1]])
        windows = range(len(backtest.windows))
        trusted = np.array([m in TRUSTED and all((m, w) in backtest.outcomes for w in windows) for m in labels])
        if trusted.any():
            lean = np.full((len(weights), 1, 1), _ONE_WINDOW / len(windows) ** 2)
            lean[-1] = max(lean[-1], _BEYOND)
            weights = (1 - lean) * weights + lean * trusted / trusted.sum()
        made = Choice(tuple(labels), tuple(ends), _tidy(weights), how=how)
        made = replace(made, stretch=learn_stretch(backtest, made.combined(backtest)))
        return replace(made, calibration=learn_calibration(backtest, made.combined(backtest)))

    def kept(self, labels: Sequence[str]) -> Choice:
        """The choice among some of its members only; a class that has none of them takes all alike."""
        at = [self.labels.index(label) for label in labels]
        weights = self.weights[:, :, at]
        weights = np.where(weights.sum(axis=2, keepdims=True) == 0, 1.0, weights)
        return replace(self, labels=tuple(labels), weights=weights / weights.sum(axis=2, keepdims=True))

    def only(self, horizon: int) -> Choice:
        """The choice for a horizon: without the bands beyond it, less stretched where it exceeds what was tested."""
        bands = 1 + int(np.searchsorted(self.ends, horizon, side="left"))
        tested = min(self.ends[-1] / horizon, 1.0) if self.ends else 1.0
        low, high = (factor**tested for factor in self.stretch)
        return replace(self, ends=self.ends[: bands - 1], weights=self.weights[:bands], stretch=(low, high))

    def uses(self, label: str, classes: Classes) -> npt.NDArray[np.bool_]:
        """``(S,)`` True where a series of this class uses the member in any band."""
        return np.asarray(self.weights[:, classes, self.labels.index(label)].any(axis=0))

    def share(self, label: str, classes: Classes, horizon: int) -> F32:
        """``(S, H)`` weight of a member for series of the given classes and each step ahead."""
        band = np.searchsorted(self.ends, np.arange(horizon), side="right")
        return self.weights[band][:, classes, self.labels.index(label)].T.astype(np.float32)

    def mean_share(self) -> dict[str, dict[str, float]]:
        """Class -> member -> weight, averaged over the bands that were tested."""
        tested = self.weights[: max(len(self.ends), 1)].mean(axis=0)
        return {
            name: {label: float(w) for label, w in zip(self.labels, row, strict=True)}
            for name, row in zip(CLASSES, tested, strict=True)
        }

    def combined(self, backtest: Backtest) -> list[tuple[F32, F32] | None]:
        """Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of the combination in each window; None if no member worked.

        Where a member failed in a window the others take its weight, as they would have had to.
        """
        out: list[tuple[F32, F32] | None] = []
        for w, window in enumerate(backtest.windows):
            used = [
                label
                for k, label in enumerate(self.labels)
                if (label, w) in backtest.outcomes and self.weights[:, :, k].any()
            ]
            if not used:
                out.append(None)
                continue
            made = [backtest.outcomes[label, w] for label in used]
            out.append(
                self.kept(used).mix(
                    {label: (m.mean, m.quantiles) for label, m in zip(used, made, strict=True)},
                    window.classes,
                    backtest.levels,
                )
            )
        return out

    def mix(self, members: Mapping[str, tuple[F32, F32]], classes: Classes, levels: Sequence[float]) -> tuple[F32, F32]:
        """Mean and quantiles of the combination, stretched and calibrated.

        Args:
            members: label -> mean ``(S, H)`` and quantiles ``(S, H, Q)`` of every member.
            classes: ``(S,)`` class of demand.
            levels: of the quantiles, rising.
        """
        means, quantiles = zip(*members.values(), strict=True)
        shares = np.stack([self.share(label, classes, means[0].shape[1]) for label in members], axis=-1)
        mean, mixed = blend(means, quantiles, shares, levels, self.how)
        mixed = stretched(mixed, levels, self.stretch)
        return mean, mixed if self.calibration is None else self.calibration(mixed, classes, levels)

    def to_arrays(self) -> Arrays:
        """What `from_arrays` reads, beside the labels."""
        return {
            "choice_weights": self.weights,
            "choice_ends": np.array(self.ends, dtype=np.int64),
            "choice_stretch": np.array(self.stretch),
            **({} if self.calibration is None else self.calibration.to_arrays()),
        }

    @staticmethod
    def from_arrays(labels: Sequence[str], arrays: Arrays) -> Choice:
        """Read what `to_arrays` gave."""
        low, high = (float(v) for v in arrays["choice_stretch"])
        ends = tuple(int(v) for v in arrays["choice_ends"])
        weights = arrays["choice_weights"].astype(np.float64)
        return Choice(tuple(labels), ends, weights, (low, high), calibration=Calibration.from_arrays(arrays))


_LEAST = 0.04  # smaller weights are dropped: they cost a model and change nothing


def _tidy(weights: F64) -> F64:
    """Weights without those that cost a model and change nothing, adding up to one."""
    large = np.where(weights < _LEAST, 0.0, weights)
    return np.asarray(large / large.sum(axis=2, keepdims=True))
