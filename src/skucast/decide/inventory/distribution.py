"""Distribution: probabilities on a grid of units, closed under adding up.

Exact policies, (r,Q) and (s,S) and those of lost sales, work on whole units (or packs, or kilograms: any step). What
comes from sample paths, from a named law or from adding up periods is the same noun here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import stats

from ...errors import ConfigError
from ...forecast import F64
from .checks import positive, whole
from .demand import Demand

_TAIL = 1e-13  # probability left out where a law has no end
_DUST = 1e-16  # probability at the ends that adding up is better off without
_MOST = 2_000_000  # cells of a grid


@dataclass(frozen=True, eq=False)
class Distribution:
    """Probability ``pmf[k]`` of ``low + k * step`` units.

    Attributes:
        pmf: ``(n,)`` probabilities that sum to one.
        low: units of the first cell, a multiple of the step.
        step: units between cells.
    """

    pmf: F64
    low: float = 0.0
    step: float = 1.0

    def __post_init__(self) -> None:
        positive(step=self.step)
        p = np.array(self.pmf, dtype=np.float64)
        if p.ndim != 1 or p.size == 0 or not np.isfinite(p).all() or (p < 0).any() or abs(p.sum() - 1) > 1e-6:
            raise ConfigError("Probabilities must be one row of numbers of at least zero that sum to one.")
        if abs(self.low / self.step - round(self.low / self.step)) > 1e-9:
            raise ConfigError(f"The grid must hold zero: {self.low:g} is no multiple of the step {self.step:g}.")
        object.__setattr__(self, "pmf", p / p.sum())

    # --- where they come from -------------------------------------------------------------------------------------

    @classmethod
    def empirical(cls, draws: npt.ArrayLike, step: float = 1.0) -> Distribution:
        """Of equally likely draws, each moved to the nearest cell (draws that are whole units stay as they are)."""
        x = np.asarray(draws, dtype=np.float64).ravel()
        positive(step=step)
        if x.size == 0 or not np.isfinite(x).all():
            raise ConfigError("Draws of demand must be finite numbers, at least one.")
        cell = np.floor(x / step + 0.5)
        low = float(cell.min())
        _check_cells(cell.max() - low + 1)
        share = np.bincount((cell - low).astype(np.int64)).astype(np.float64) / x.size
        return cls(share, low * step, step)

    @classmethod
    def of_pairs(cls, probability: Mapping[float, float], step: float = 1.0) -> Distribution:
        """From ``{units: probability}``; units must be multiples of the step."""
        units = np.array(list(probability), dtype=np.float64) / step
        cell = np.rint(units)
        if not np.allclose(units, cell, atol=1e-9):
            raise ConfigError(f"Every amount must be a multiple of the step {step:g}.")
        low = float(cell.min())
        _check_cells(cell.max() - low + 1)
        weights = np.array(list(probability.values()), dtype=np.float64)
        pmf = np.asarray(np.bincount((cell - low).astype(np.int64), weights), dtype=np.float64)
        return cls(pmf, low * step, step)

    @classmethod
    def point(cls, units: float = 0.0, step: float = 1.0) -> Distribution:
        """Certainty."""
        return cls(np.ones(1), units, step)

    @classmethod
    def poisson(cls, mean: float) -> Distribution:
        """Poisson; a mean of zero is certainty of zero."""
        return cls.point() if mean == 0 else cls._of_law(stats.poisson(mean))

    @classmethod
    def negative_binomial(cls, mean: float, var: float) -> Distribution:
        """Negative binomial with this mean and a variance above it."""
        positive(mean=mean)
        if not var > mean:
            raise ConfigError(f"A negative binomial varies more than its mean {mean:g}; at {var:g} take Poisson.")
        return cls._of_law(stats.nbinom(mean * mean / (var - mean), mean / var))

    @classmethod
    def geometric(cls, mean: float) -> Distribution:
        """Geometric from zero on: ``P(D = d) = (1 - q) q^d`` with ``q = mean / (1 + mean)``."""
        positive(mean=mean)
        return cls._of_law(stats.nbinom(1, 1 / (1 + mean)))

    @classmethod
    def rounded(cls, demand: Demand, step: float = 1.0, most: float | None = None) -> Distribution:
        """A continuous law, each amount moved to the nearest cell and nothing below zero.

        Args:
            demand: of one item.
            step: units between cells.
            most: largest amount; None goes to the 1e-13 tail.
        """
        positive(step=step)
        top = float(demand.quantile(1 - _TAIL)) if most is None else most
        cells = max(int(np.ceil(top / step)), 0) + 1
        _check_cells(cells)
        edges = (np.arange(cells) + 0.5) * step
        upto = np.asarray(demand.cdf(edges), dtype=np.float64)
        upto[-1] = 1.0
        return cls(np.diff(upto, prepend=0.0), 0.0, step)

    @classmethod
    def _of_law(cls, law: stats.rv_discrete) -> Distribution:
        low, high = max(float(law.ppf(_TAIL)), 0.0), float(law.isf(_TAIL))
        _check_cells(high - low + 1)
        return cls(law.pmf(np.arange(low, high + 1)), low)

    # --- what is asked of them ------------------------------------------------------------------------------------

    @cached_property
    def support(self) -> F64:
        """Units of the cells."""
        return np.asarray(self.low + self.step * np.arange(self.pmf.size))

    @cached_property
    def mean(self) -> F64:
        """Mean."""
        return np.asarray(self.pmf @ self.support)[()]

    @cached_property
    def var(self) -> F64:
        """Variance."""
        return np.asarray(self.pmf @ (self.support - self.mean) ** 2)[()]

    @cached_property
    def _upto(self) -> F64:
        return np.asarray(np.minimum(np.cumsum(self.pmf), 1.0))

    @cached_property
    def _short(self) -> F64:
        """``E(D - x)+`` at the cells."""
        above = np.append(np.cumsum(self.pmf[:0:-1])[::-1], 0.0)  # P(D > x)
        return np.asarray(np.cumsum(above[::-1])[::-1] * self.step)

    def cdf(self, y: npt.ArrayLike) -> F64:
        """``P(D <= y)``."""
        cell = np.floor((np.asarray(y, dtype=np.float64) - self.low) / self.step + 1e-9)
        inside = np.clip(cell, 0, self.pmf.size - 1).astype(np.int64)
        return np.asarray(np.where(cell < 0, 0.0, np.where(cell >= self.pmf.size, 1.0, self._upto[inside])))[()]

    def quantile(self, p: npt.ArrayLike) -> F64:
        """The least cell that demand does not exceed with a probability of at least ``p``."""
        found = np.searchsorted(self._upto, np.asarray(p, dtype=np.float64) - 1e-12, side="left")
        return np.asarray(self.support[np.minimum(found, self.pmf.size - 1)])[()]

    def loss(self, y: npt.ArrayLike) -> F64:
        """``E(D - y)+``, exact between the cells as well, where it is a straight line."""
        x = np.asarray(y, dtype=np.float64)
        inside = np.interp(x, self.support, self._short)
        return np.asarray(np.where(x < self.low, self.mean - x, inside))[()]

    def second_loss(self, y: npt.ArrayLike) -> F64:
        """``E((D - y)+)^2 / 2``."""
        x = np.asarray(y, dtype=np.float64)[..., None]
        return np.asarray(np.square(np.maximum(self.support - x, 0.0)) @ self.pmf / 2)[()]

    # --- adding up ------------------------------------------------------------------------------------------------

    def plus(self, other: Distribution) -> Distribution:
        """Of the sum with independent demand on the same step."""
        if abs(self.step - other.step) > 1e-12 * self.step:
            raise ConfigError(f"Demand on steps of {self.step:g} and {other.step:g} cannot be added up.")
        return _trimmed(np.convolve(self.pmf, other.pmf), self.low + other.low, self.step)

    def times(self, n: int) -> Distribution:
        """Of the sum of ``n`` independent periods."""
        whole(0, periods=n)
        total, power = Distribution.point(step=self.step), self
        while n:
            if n & 1:
                total = total.plus(power)
            n >>= 1
            if n:
                power = power.plus(power)
        return total

    def over(self, periods: Distribution) -> Distribution:
        """Of demand summed over a random whole number of independent periods, a lead time for one."""
        counts = np.rint(periods.support).astype(np.int64)
        seen = periods.pmf > 0
        if not np.allclose(periods.support, counts) or (counts[seen] < 0).any():
            raise ConfigError("Periods to sum over must be whole numbers of at least zero.")
        sums = {int(n): self.times(int(n)) for n in counts[seen]}
        low = min(round(d.low / self.step) for d in sums.values())
        high = max(round(d.low / self.step) + d.pmf.size for d in sums.values())
        pmf = np.zeros(high - low)
        for n, weight in zip(counts[seen], periods.pmf[seen], strict=True):
            first = round(sums[int(n)].low / self.step) - low
            pmf[first : first + sums[int(n)].pmf.size] += weight * sums[int(n)].pmf
        return Distribution(pmf, low * self.step, self.step)

    def from_zero(self) -> F64:
        """``(n,)`` probabilities of 0, 1, 2... steps.

        Raises:
            ConfigError: demand may be negative.
        """
        first = round(self.low / self.step)
        if first < 0 and self.pmf[:-first].sum() > 0:
            raise ConfigError("Demand must not be negative here; take returns off first.")
        return self.pmf[-first:] if first < 0 else np.concatenate([np.zeros(first), self.pmf])


def _trimmed(pmf: F64, low: float, step: float) -> Distribution:
    kept = np.flatnonzero(pmf > _DUST)
    return Distribution(pmf[kept[0] : kept[-1] + 1], low + step * float(kept[0]), step)


def _check_cells(cells: float) -> None:
    if cells > _MOST:
        raise ConfigError(f"The grid would have {cells:.3g} cells; give a larger step of units.")
