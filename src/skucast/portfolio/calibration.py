"""Calibration: intervals that cover what they say, learned from where past actuals fell (split conformal)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..evaluate.backtest import Backtest
from ..evaluate.classes import CLASSES
from ..models.spec import Arrays
from ..panel import F32

F64 = npt.NDArray[np.float64]
_BANDS = 4  # parts of the horizon that have factors of their own
_POINTS = 101  # that a distribution of scores is kept by
_TRUST = 1000.0  # observations at which a class and band has half a say against the whole panel
_LIMITS = (1 / 3, 3.0)  # factors; what asks for more is no question of width
_CELLS = 60_000  # looked at per window


@dataclass(frozen=True, eq=False)
class Scores:
    """How many times wider intervals would have had to be to reach what came, per window, class and band of steps.

    The score of a cell in the interval from quantile ``q`` to ``1 - q`` is the distance of the actual from the median
    over the distance of the interval's end on that side (normalised conformity score); 1 is just reached.

    Attributes:
        lower: ``(P,)`` lower levels ``q`` of the intervals.
        ends: last step + 1 of each band.
        points: ``(W, P, C, B, M)`` distribution of the scores by ``M`` quantiles, for windows from old to new.
        count: ``(W, C, B)`` observations, weighted by the series they stand for.
    """

    lower: F64
    ends: tuple[int, ...]
    points: F64
    count: F64

    @staticmethod
    def of(
        actual: Sequence[F32],
        classes: Sequence[npt.NDArray[np.integer]],
        quantiles: Sequence[F32],
        levels: Sequence[float],
        weights: Sequence[F64 | None] | None = None,
    ) -> Scores:
        """Scores of forecasts in past windows, oldest first.

        Args:
            actual: per window ``(S, H)``, NaN where unknown.
            classes: per window ``(S,)``.
            quantiles: per window ``(S, H, Q)``.
            levels: ``(Q,)`` rising, in pairs around the median.
            weights: per window ``(S,)``, how many series each stands for.
        """
        levels = [float(q) for q in levels]
        pairs = [
            (k, levels.index(_mirror(q, levels)))
            for k, q in enumerate(levels)
            if q < 0.5 and _mirror(q, levels) in levels
        ]
        middle = int(np.argmin(np.abs(np.asarray(levels) - 0.5)))
        horizon = actual[0].shape[1]
        ends = tuple(sorted({max(1, round(horizon * (b + 1) / _BANDS)) for b in range(_BANDS)}))
        band = np.searchsorted(ends, np.arange(horizon), side="right")
        shape = (len(actual), len(pairs), len(CLASSES), len(ends))
        points, count = np.ones((*shape, _POINTS)), np.zeros((shape[0], *shape[2:]))
        shares = np.linspace(0, 1, _POINTS)
        for w, (y, code, q) in enumerate(zip(actual, classes, quantiles, strict=True)):
            seen = np.flatnonzero(~np.isnan(y).ravel())
            few = seen[np.linspace(0, seen.size - 1, min(seen.size, _CELLS)).astype(np.int64)] if seen.size else seen
            row, step = np.divmod(few, horizon)
            group = code[row] * len(ends) + band[step]
            order = np.argsort(group, kind="stable")
            row, step, group = row[order], step[order], group[order]
            edges = np.searchsorted(group, np.arange(len(CLASSES) * len(ends) + 1))
            given = None if weights is None else weights[w]
            each = np.ones(row.size) if given is None else given[row]
            scale = seen.size / max(few.size, 1)
            y_, q_ = y[row, step].astype(np.float64), q[row, step].astype(np.float64)
            centre = q_[:, middle]
            for p, (low, high) in enumerate(pairs):
                score = _scores(y_, centre, q_[:, low], q_[:, high])
                for g in np.flatnonzero(np.diff(edges)):
                    part = slice(edges[g], edges[g + 1])
                    c, b = divmod(int(g), len(ends))
                    points[w, p, c, b] = _weighted_quantiles(score[part], each[part], shares)
                    count[w, c, b] = scale * each[part].sum()
        return Scores(np.array([levels[low] for low, _ in pairs]), ends, points, count)

    def followed_by(self, later: Scores, keep: int) -> Scores:
        """These windows and later ones, the newest ``keep`` of them."""
        return replace(
            self, points=np.concatenate([self.points, later.points])[-keep:], count=np.concatenate([self.count, later.count])[-keep:]
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Calibration:
    """Factors by which the ends of intervals move away from the median.

    Attributes:
        lower: ``(P,)`` lower levels of the intervals.
        ends: last step + 1 of each band of the horizon; the last band has no end.
        factors: ``(P, C, B)`` per interval, class of demand and band.

    Sources: Romano, Patterson, Candès (2019), Conformalized quantile regression, NeurIPS; Barber, Candès, Ramdas,
    Tibshirani (2023), Conformal prediction beyond exchangeability, Annals of Statistics 51 (weights by age).
    """

    lower: F64
    ends: tuple[int, ...]
    factors: F64

    @staticmethod
    def learn(scores: Scores, decay: float = 1.0) -> Calibration:
        """Factors that would have covered as many of the past actuals as the intervals say, and one more.

        The empirical quantile of the scores is taken at ``(n + 1)`` times the coverage, the correction that makes the
        promise hold in finite samples. Classes and bands with few observations lean on the whole panel. Where demand
        is often zero, an interval that begins at zero covers every zero, so it may cover more than it says.

        Args:
            scores: of past windows.
            decay: weight of a window relative to the next newer one; below 1 the calibration follows changes.
        """
        age = np.arange(len(scores.count))[::-1]
        weight = scores.count * (decay**age)[:, None, None]  # (W, C, B)
        _, pairs, classes, bands, _ = scores.points.shape
        factors = np.ones((pairs, classes, bands))
        for p, q in enumerate(scores.lower):
            everything = _factor(scores.points[:, p].reshape(-1, _POINTS), weight.ravel(), 1 - 2 * q)
            for c in range(classes):
                for b in range(bands):
                    own = weight[:, c, b].sum()
                    if own > 0:
                        say = own / (own + _TRUST)
                        factors[p, c, b] = np.exp(
                            say * np.log(_factor(scores.points[:, p, c, b], weight[:, c, b], 1 - 2 * q))
                            + (1 - say) * np.log(everything)
                        )
                    else:
                        factors[p, c, b] = everything
        return Calibration(scores.lower, scores.ends, factors)

    def __call__(self, quantiles: F32, classes: npt.NDArray[np.integer], levels: Sequence[float]) -> F32:
        """Calibrated quantiles ``(S, H, Q)`` for series of the given classes ``(S,)``; never below zero.

        Levels between those that were learned take factors in between.
        """
        asked = np.asarray(levels, dtype=np.float64)
        centre = int(np.argmin(np.abs(asked - 0.5)))
        band = np.minimum(np.searchsorted(self.ends, np.arange(quantiles.shape[1]), side="right"), len(self.ends) - 1)
        each = self.factors[:, classes][:, :, band]  # (P, S, H)
        middle = quantiles[..., centre : centre + 1]
        out = np.empty_like(quantiles)
        for k, level in enumerate(asked):
            at = np.clip(
                np.interp(min(level, 1 - level), self.lower, np.arange(self.lower.size)), 0, self.lower.size - 1
            )
            low, share = int(at), float(at - int(at))
            factor = each[low] if share == 0 else (1 - share) * each[low] + share * each[low + 1]
            out[..., k] = middle[..., 0] + (quantiles[..., k] - middle[..., 0]) * factor.astype(np.float32)
        return np.maximum.accumulate(np.maximum(out, np.minimum(quantiles, 0)), axis=-1)

    def to_arrays(self) -> Arrays:
        """What `from_arrays` reads."""
        return {
            "calibration_lower": self.lower, "calibration_ends": np.array(self.ends, dtype=np.int64),
            "calibration_factors": self.factors,
        }  # fmt: skip

    @staticmethod
    def from_arrays(arrays: Arrays) -> Calibration | None:
        """Read what `to_arrays` gave; None if it was not there."""
        if "calibration_factors" not in arrays:
            return None
        ends = tuple(int(v) for v in arrays["calibration_ends"])
        return Calibration(arrays["calibration_lower"], ends, arrays["calibration_factors"])


def learn_calibration(
    backtest: Backtest, made: Sequence[tuple[F32, F32] | None], decay: float = 1.0
) -> Calibration | None:
    """Calibration of one forecast per window of a backtest, mean and quantiles; None if there was none."""
    scores = window_scores(backtest, made)
    return None if scores is None else Calibration.learn(scores, decay)


def window_scores(backtest: Backtest, made: Sequence[tuple[F32, F32] | None]) -> Scores | None:
    """Scores of one forecast per window of a backtest, mean and quantiles; None if no window has any actual."""
    pairs = [
        (window, forecast[1])
        for window, forecast in zip(backtest.windows, made, strict=True)
        if forecast is not None and not np.isnan(window.actual).all()
    ]
    if not pairs:
        return None
    return Scores.of(
        [window.actual for window, _ in pairs], [window.classes for window, _ in pairs], [q for _, q in pairs],
        backtest.levels, [window.weight for window, _ in pairs],
    )  # fmt: skip


def _mirror(level: float, levels: Sequence[float]) -> float:
    """The level that makes a central interval with another."""
    return min(levels, key=lambda q: abs(q - (1 - level)))


def _scores(y: F64, centre: F64, low: F64, high: F64) -> F64:
    off = np.abs(y - centre)
    room = np.where(y < centre, centre - low, high - centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(off <= 0, 0.0, np.where(room > 0, off / room, np.inf))


def _weighted_quantiles(values: F64, weights: F64, shares: F64) -> F64:
    """Quantiles of a weighted sample (inverse of its distribution function); infinite values are kept."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    at = np.searchsorted(reached, shares * reached[-1] * (1 - 1e-12))
    return np.asarray(values[order][np.minimum(at, values.size - 1)])


def _factor(points: F64, weight: F64, coverage: float) -> float:
    """The score that a share of all observations stays below, with the finite-sample correction."""
    total = weight.sum()
    if total <= 0:
        return 1.0
    share = min(np.ceil((total + 1) * coverage) / total, 1.0)
    used = weight > 0
    spread = np.repeat(weight[used] / points.shape[1], points.shape[1])
    value = _weighted_quantiles(points[used].ravel(), spread, np.array([share]))[0]
    return float(np.clip(value, *_LIMITS))
