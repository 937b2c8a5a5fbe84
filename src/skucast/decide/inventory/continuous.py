"""Continuous demand in closed form: normal, lognormal, gamma. Parameters may be arrays, one number per item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from ...forecast import F64
from .checks import not_negative, positive
from .loss import normal_loss, normal_second_loss


@dataclass(frozen=True, eq=False)
class _ByMoments:
    """A distribution that is given by its mean and standard deviation."""

    average: npt.ArrayLike
    sd: npt.ArrayLike

    @property
    def mean(self) -> F64:
        """Mean."""
        return _array(self.average)[()]

    @property
    def var(self) -> F64:
        """Variance."""
        return np.asarray(_array(self.sd) ** 2)[()]


@dataclass(frozen=True, eq=False)
class Normal(_ByMoments):
    """Normal demand. Its left tail may be negative, as textbooks have it.

    Attributes:
        average: mean.
        sd: standard deviation, above zero.
    """

    def __post_init__(self) -> None:
        positive(sd=self.sd)

    def cdf(self, y: npt.ArrayLike) -> F64:
        """``P(D <= y)``."""
        return np.asarray(special.ndtr(self._score(y)))[()]

    def quantile(self, p: npt.ArrayLike) -> F64:
        """Inverse of `cdf`."""
        return np.asarray(_array(self.average) + _array(self.sd) * special.ndtri(_array(p)))[()]

    def loss(self, y: npt.ArrayLike) -> F64:
        """``E(D - y)+``."""
        return np.asarray(_array(self.sd) * normal_loss(self._score(y)))[()]

    def second_loss(self, y: npt.ArrayLike) -> F64:
        """``E((D - y)+)^2 / 2``."""
        return np.asarray(_array(self.sd) ** 2 * normal_second_loss(self._score(y)))[()]

    def _score(self, y: npt.ArrayLike) -> F64:
        return np.asarray((_array(y) - _array(self.average)) / _array(self.sd))


@dataclass(frozen=True, eq=False)
class Lognormal:
    """Demand whose logarithm is normal.

    Attributes:
        mu: mean of the logarithm.
        sigma: standard deviation of the logarithm, above zero.

    Source of the partial expectations: Johnson, Kotz & Balakrishnan (1994), chapter 14.
    """

    mu: npt.ArrayLike
    sigma: npt.ArrayLike

    def __post_init__(self) -> None:
        positive(sigma=self.sigma)

    @classmethod
    def by_moments(cls, mean: npt.ArrayLike, sd: npt.ArrayLike) -> Lognormal:
        """With this mean and standard deviation of demand itself."""
        positive(mean=mean, sd=sd)
        variance = np.log1p((_array(sd) / _array(mean)) ** 2)
        return cls(np.log(_array(mean)) - variance / 2, np.sqrt(variance))

    @property
    def mean(self) -> F64:
        """Mean."""
        return np.asarray(self._moment(1))[()]

    @property
    def var(self) -> F64:
        """Variance."""
        return np.asarray(self._moment(2) - self._moment(1) ** 2)[()]

    def cdf(self, y: npt.ArrayLike) -> F64:
        """``P(D <= y)``."""
        return np.asarray(special.ndtr(self._score(y)))[()]

    def quantile(self, p: npt.ArrayLike) -> F64:
        """Inverse of `cdf`."""
        return np.asarray(np.exp(_array(self.mu) + _array(self.sigma) * special.ndtri(_array(p))))[()]

    def loss(self, y: npt.ArrayLike) -> F64:
        """``E(D - y)+``."""
        return np.asarray(np.maximum(self._above(1, y) - _array(y) * self._above(0, y), 0.0))[()]

    def second_loss(self, y: npt.ArrayLike) -> F64:
        """``E((D - y)+)^2 / 2``."""
        x = _array(y)
        total = self._above(2, x) - 2 * x * self._above(1, x) + x * x * self._above(0, x)
        return np.asarray(np.maximum(total, 0.0) / 2)[()]

    def _moment(self, k: int) -> F64:
        return np.asarray(np.exp(k * _array(self.mu) + (k * _array(self.sigma)) ** 2 / 2))

    def _above(self, k: int, y: npt.ArrayLike) -> F64:
        """``E(D^k; D > y)``."""
        return np.asarray(self._moment(k) * special.ndtr(k * _array(self.sigma) - self._score(y)))

    def _score(self, y: npt.ArrayLike) -> F64:
        x = _array(y)
        log = np.log(np.where(x > 0, x, 1.0))
        return np.asarray(np.where(x > 0, (log - _array(self.mu)) / _array(self.sigma), -np.inf))


@dataclass(frozen=True, eq=False)
class Gamma(_ByMoments):
    """Gamma demand.

    Attributes:
        average: mean, above zero.
        sd: standard deviation, above zero.

    Source: Burgin (1975), The gamma distribution and inventory control, Operational Research Quarterly 26.
    """

    def __post_init__(self) -> None:
        positive(average=self.average, sd=self.sd)

    def cdf(self, y: npt.ArrayLike) -> F64:
        """``P(D <= y)``."""
        return np.asarray(special.gammainc(self._shape, self._score(y)))[()]

    def quantile(self, p: npt.ArrayLike) -> F64:
        """Inverse of `cdf`."""
        not_negative(p=p)
        return np.asarray(special.gammaincinv(self._shape, _array(p)) * self._scale)[()]

    def loss(self, y: npt.ArrayLike) -> F64:
        """``E(D - y)+``."""
        x = _array(y)
        return np.asarray(np.maximum(self._above(1, x) - x * self._above(0, x), 0.0))[()]

    def second_loss(self, y: npt.ArrayLike) -> F64:
        """``E((D - y)+)^2 / 2``."""
        x = _array(y)
        total = self._above(2, x) - 2 * x * self._above(1, x) + x * x * self._above(0, x)
        return np.asarray(np.maximum(total, 0.0) / 2)[()]

    @property
    def _shape(self) -> F64:
        return np.asarray((_array(self.average) / _array(self.sd)) ** 2)

    @property
    def _scale(self) -> F64:
        return np.asarray(_array(self.sd) ** 2 / _array(self.average))

    def _above(self, k: int, y: F64) -> F64:
        """``E(D^k; D > y)``."""
        shape = self._shape
        moment = self._scale**k * (shape if k == 1 else shape * (shape + 1) if k == 2 else 1.0)
        return np.asarray(moment * special.gammaincc(shape + k, self._score(y)))

    def _score(self, y: npt.ArrayLike) -> F64:
        return np.asarray(np.maximum(_array(y), 0.0) / self._scale)


def _array(x: npt.ArrayLike) -> F64:
    return np.asarray(x, dtype=np.float64)
