"""How far demand lies from the boosting model's mean: ratios seen on held-out origins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..forecast import LEVELS, invert_cdf
from .empirical import gamma_quantiles
from .spec import Arrays

F64 = npt.NDArray[np.float64]

_CLASSES = 5  # of restlessness
_KNOTS = 12  # of the mean, within each class
_LEAST = 120  # rows that a knot needs
_PRIOR = 40.0  # rows that the assumed distribution counts for at a knot
_SMALL = 1e-9


@dataclass(frozen=True, eq=False)
class Spread:
    """Quantiles of demand over its forecast mean, as a table over restlessness and the size of the mean.

    A mean of 0.2 units has another distribution than one of 200 (counts against a bell), and an item that
    sells in bursts another than a steady one with the same mean.

    Attributes:
        edges: ``(C - 1,)`` rising bounds of the classes of restlessness.
        knots: ``(C, K)`` log of the mean at each knot, rising.
        table: ``(C, K, Q)`` quantiles of demand over mean at `LEVELS`.
    """

    edges: F64
    knots: F64
    table: F64

    @staticmethod
    def learn(mean: F64, restless: F64, came: npt.NDArray[np.floating]) -> Spread:
        """The table from held-out rows: forecast mean, restlessness and demand, each ``(R,)``.

        At every knot the sample quantiles of the ratio are averaged with those of a gamma distribution whose
        variance is ``mean + mean^2 / 2``, weighted by the number of rows; without rows only that remains.
        """
        mean = np.maximum(mean, _SMALL)
        classes = int(np.clip(len(mean) // (2 * _LEAST), 1, _CLASSES))
        edges = np.quantile(restless, np.arange(1, classes) / classes) if classes > 1 else np.empty(0)
        which = np.searchsorted(edges, restless, side="right")
        count = int(np.clip(len(mean) // classes // _LEAST, 1, _KNOTS))
        knots = np.empty((classes, count))
        table = np.empty((classes, count, len(LEVELS)))
        for c in range(classes):
            own = np.flatnonzero(which == c)
            own = own[np.argsort(mean[own], kind="stable")]
            for k, rows in enumerate(np.array_split(own, count)):
                centre = float(np.exp(np.log(mean[rows]).mean())) if rows.size else 1.0
                knots[c, k] = np.log(centre)
                assumed = gamma_quantiles(np.array([1.0]), np.array([1 / centre + 0.5]), LEVELS)[0]
                if not rows.size:
                    table[c, k] = assumed
                    continue
                seen = np.quantile(came[rows] / mean[rows], LEVELS, method="median_unbiased")
                weight = rows.size / (rows.size + _PRIOR)
                table[c, k] = weight * seen + (1 - weight) * assumed
        return Spread(edges, np.maximum.accumulate(knots, axis=1), table)

    def quantiles(self, mean: F64, restless: F64, levels: tuple[float, ...]) -> F64:
        """Quantiles ``(R, Q)`` of demand around means ``(R,)``, interpolated between knots."""
        which = np.searchsorted(self.edges, restless, side="right")
        place = np.log(np.maximum(mean, _SMALL))
        knots = self.knots[which]  # (R, K)
        last = knots.shape[1] - 1
        above = np.clip((knots < place[:, None]).sum(axis=1), min(1, last), last)
        below = np.maximum(above - 1, 0)
        rows = np.arange(len(mean))
        left, right = knots[rows, below], knots[rows, above]
        share = np.clip((place - left) / np.maximum(right - left, _SMALL), 0, 1)[:, None]
        ratio = (1 - share) * self.table[which, below] + share * self.table[which, above]
        if levels != LEVELS:
            ratio = invert_cdf(np.asarray(LEVELS), ratio, np.broadcast_to(levels, (len(mean), len(levels))))
        return np.asarray(ratio * mean[:, None])

    def to_arrays(self) -> Arrays:
        """What `from_arrays` reads."""
        return {"spread_edges": self.edges, "spread_knots": self.knots, "spread_table": self.table}

    @staticmethod
    def from_arrays(arrays: Arrays) -> Spread:
        """Read what `to_arrays` gave."""
        return Spread(arrays["spread_edges"], arrays["spread_knots"], arrays["spread_table"])
