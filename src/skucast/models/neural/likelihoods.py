"""Heads that are probability distributions, learned by maximum likelihood.

Counts are not divided by the scale: the parameters are brought to units of demand instead, so that three sold
pieces stay three pieces. Logarithms are taken in double precision, in which counts of billions keep their digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy import special
from torch import Tensor
from torch.nn import functional as F

from ...forecast import LEVELS
from ..counts import count_quantiles
from .heads import Asinh, Head, Levels, Likelihood, QuantileHead
from .options import HeadName
from .scaling import Scaling
from .tweedie import Tweedie

_LEVEL = math.log(math.e - 1)  # softplus makes it 1
_SOME = -0.4  # softplus makes it about 0.5
_RARE = -2.0  # a sigmoid makes it about 0.12
_NARROWEST = 1e-3  # standard deviation, in units of the scale
_EVENEST = 1e-4  # dispersion; below it counts are Poisson for all purposes
_MIDDLE = LEVELS.index(0.5)
_LEAST = 1e-12  # mean of counts


class Symmetric(Likelihood):
    """Of numbers on both sides of a centre, which may lie anywhere."""

    def known(self, told: Tensor) -> Tensor:
        """The median that is told."""
        return told[..., _MIDDLE : _MIDDLE + 1]


class Gaussian(Symmetric):
    """Normal demand: its mean, its standard deviation."""

    def __init__(self, width: int) -> None:
        super().__init__(width, [1.0, _SOME])

    def log_likelihood(self, parameters: Tensor, demand: Tensor, scale: Tensor) -> Tensor:
        """See `Likelihood.log_likelihood`."""
        mean, deviation = self._parts(parameters)
        z = demand / scale - mean
        return -0.5 * (z / deviation) ** 2 - torch.log(deviation * scale) - 0.5 * math.log(2 * math.pi)

    def quantiles(self, parameters: Tensor, levels: Levels, scale: Tensor) -> Tensor:
        """See `Head.quantiles`."""
        mean, deviation = self._parts(parameters.detach())
        standard = torch.as_tensor(special.ndtri(np.asarray(levels))).to(parameters)
        return mean[..., None] + deviation[..., None] * standard

    def mean(self, parameters: Tensor, scale: Tensor) -> Tensor:
        """See `Head.mean`."""
        return self._parts(parameters)[0]

    @staticmethod
    def _parts(parameters: Tensor) -> tuple[Tensor, Tensor]:
        return parameters[..., 0], F.softplus(parameters[..., 1]) + _NARROWEST


class StudentT(Symmetric):
    """Student's t, whose tails forgive single huge orders: location, spread, and degrees of freedom above 2."""

    def __init__(self, width: int) -> None:
        super().__init__(width, [1.0, _SOME, 3.0])

    def log_likelihood(self, parameters: Tensor, demand: Tensor, scale: Tensor) -> Tensor:
        """See `Likelihood.log_likelihood`."""
        centre, spread, freedom = self._parts(parameters)
        z = (demand / scale - centre) / spread
        constant = torch.lgamma((freedom + 1) / 2) - torch.lgamma(freedom / 2) - 0.5 * torch.log(math.pi * freedom)
        return constant - torch.log(spread * scale) - (freedom + 1) / 2 * torch.log1p(z**2 / freedom)

    def quantiles(self, parameters: Tensor, levels: Levels, scale: Tensor) -> Tensor:
        """See `Head.quantiles`."""
        centre, spread, freedom = self._parts(parameters.detach())
        standard = special.stdtrit(freedom.double().cpu().numpy()[..., None], np.asarray(levels))
        return centre[..., None] + spread[..., None] * torch.from_numpy(standard).to(parameters)

    def mean(self, parameters: Tensor, scale: Tensor) -> Tensor:
        """See `Head.mean`."""
        return self._parts(parameters)[0]

    @staticmethod
    def _parts(parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        raw = parameters.unbind(-1)
        return raw[0], F.softplus(raw[1]) + _NARROWEST, 2 + F.softplus(raw[2])


class Poisson(Likelihood):
    """Counts that vary by chance alone: their mean."""

    def __init__(self, width: int) -> None:
        super().__init__(width, [_LEVEL])

    def cost(self, parameters: Tensor, target: Tensor, scale: Tensor) -> Tensor:
        """Minus the log-likelihood, over the scale where that is above 1.

        Without this the largest series alone would steer: information on a Poisson mean grows with it, that on
        real demand does not.
        """
        return super().cost(parameters, target, scale) / scale.clamp(min=1)

    def log_likelihood(self, parameters: Tensor, demand: Tensor, scale: Tensor) -> Tensor:
        """See `Likelihood.log_likelihood`."""
        mean = (self.mean(parameters, scale) * scale).clamp(min=_LEAST)
        return demand * torch.log(mean) - mean - torch.lgamma(demand + 1)

    def quantiles(self, parameters: Tensor, levels: Levels, scale: Tensor) -> Tensor:
        """See `Head.quantiles`."""
        mean = self.mean(parameters, scale)
        return _counts(mean, torch.zeros_like(mean), torch.tensor(levels), scale)

    def mean(self, parameters: Tensor, scale: Tensor) -> Tensor:
        """See `Head.mean`."""
        return F.softplus(parameters[..., 0])


class NegativeBinomial(Likelihood):
    """Counts that vary more than by chance: their mean ``m`` and a dispersion ``a``, variance ``m + a m^2``.

    Source: Salinas et al. (2020), DeepAR, International Journal of Forecasting 36.
    """

    def __init__(self, width: int, *more: float) -> None:
        super().__init__(width, [_LEVEL, _SOME, *more])

    def log_likelihood(self, parameters: Tensor, demand: Tensor, scale: Tensor) -> Tensor:
        """See `Likelihood.log_likelihood`."""
        mean, dispersion = self._parts(parameters)
        mean, size = (mean * scale).clamp(min=_LEAST), 1 / dispersion
        ways = torch.lgamma(demand + size) - torch.lgamma(size) - torch.lgamma(demand + 1)
        return ways - size * torch.log1p(mean / size) - demand * torch.log1p(size / mean)

    def quantiles(self, parameters: Tensor, levels: Levels, scale: Tensor) -> Tensor:
        """See `Head.quantiles`."""
        return _counts(*self._parts(parameters), torch.tensor(levels), scale)

    def mean(self, parameters: Tensor, scale: Tensor) -> Tensor:
        """See `Head.mean`."""
        return self._parts(parameters)[0]

    @staticmethod
    def _parts(parameters: Tensor) -> tuple[Tensor, Tensor]:
        return F.softplus(parameters[..., 0]), F.softplus(parameters[..., 1]) + _EVENEST


class ZeroInflated(NegativeBinomial):
    """Negative binomial counts, but with a probability of its own nothing is asked for at all.

    Source: Lambert (1992), Zero-Inflated Poisson Regression, Technometrics 34.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, _RARE)

    def known(self, told: Tensor) -> Tensor:
        """What gives the mean that is told, silence counted as it is before training."""
        return super().known(told / torch.sigmoid(-self.start[2]))

    def log_likelihood(self, parameters: Tensor, demand: Tensor, scale: Tensor) -> Tensor:
        """See `Likelihood.log_likelihood`."""
        silent, awake = F.logsigmoid(parameters[..., 2]), F.logsigmoid(-parameters[..., 2])
        count = awake + super().log_likelihood(parameters, demand, scale)
        return torch.where(demand > 0, count, torch.logaddexp(silent, count))

    def quantiles(self, parameters: Tensor, levels: Levels, scale: Tensor) -> Tensor:
        """See `Head.quantiles`."""
        silent = torch.sigmoid(parameters[..., 2:])  # (..., 1)
        return _counts(*self._parts(parameters), (torch.tensor(levels).to(silent) - silent) / (1 - silent), scale)

    def mean(self, parameters: Tensor, scale: Tensor) -> Tensor:
        """See `Head.mean`."""
        return super().mean(parameters, scale) * torch.sigmoid(-parameters[..., 2])


def _counts(mean: Tensor, dispersion: Tensor, levels: Tensor, scale: Tensor) -> Tensor:
    """Quantiles ``(..., Q)`` of counts in units of the scale; levels ``(Q,)``, or ``(..., Q)`` for each cell's own."""
    unit = scale.detach().double().expand_as(mean)
    m, a, p = ((part.detach().double()).cpu().numpy() for part in (mean * unit, dispersion, levels))
    wanted = np.minimum(p.reshape(-1, p.shape[-1]), 1 - 1e-12)
    found = count_quantiles(m.ravel(), a.ravel(), wanted if p.ndim > 1 else wanted[0])
    return torch.from_numpy(found).to(mean).view(*mean.shape, -1) / unit[..., None].to(mean)


_HEADS: dict[HeadName, Callable[[int], Head]] = {
    "auto": QuantileHead,  # where no panel says otherwise
    "quantiles": QuantileHead,
    "gaussian": Gaussian,
    "student-t": StudentT,
    "poisson": Poisson,
    "tweedie": Tweedie,
    "negbin": NegativeBinomial,
    "zero-inflated": ZeroInflated,
}


def head_of(name: HeadName, width: int, scaling: Scaling = "mean") -> Head:
    """The head of that name for hidden vectors of a width."""
    head = _HEADS[name](width)
    return Asinh(head) if scaling == "asinh" else head
