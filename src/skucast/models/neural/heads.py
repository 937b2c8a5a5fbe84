"""Heads: from a hidden vector to a distribution of demand, with its loss; here the one made of quantiles."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...forecast import LEVELS, draw_together, invert_cdf
from ..pretrained.answer import mean_weights
from .quantiles import mean_of

_CLOSEST = 1e-3  # distance between quantiles that are told, in units of the scale
_STEEPEST = 12.0  # an answer of eighty thousand times the scale

Levels = Sequence[float] | npt.NDArray[np.float64]
"""Probabilities ``(Q,)``, or ``(..., Q)`` where every cell has its own."""


class Head(nn.Module):
    """A linear map to the parameters of a distribution, and what that distribution says.

    All is per step ahead: parameters ``(..., K)``; target, weight and scale ``(...)``. Parameters, targets and
    answers are in units of the series' scale, which is told besides for distributions that count pieces.

    Args:
        width: of the hidden vector.
        start: ``(K,)`` about what an untrained head gives: the series' own level with some spread.

    Attributes:
        in_units: the cost grows with the unit of demand; that of a likelihood does not.
        share: of what was learned beside what is told which counts in a forecast.
    """

    in_units: ClassVar[bool] = False
    start: Tensor

    def __init__(self, width: int, start: Sequence[float]) -> None:
        super().__init__()
        self.out = nn.Linear(width, len(start))
        self.register_buffer("start", torch.tensor(start), persistent=False)
        self.share = 1.0
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            self.out.bias.copy_(self.start)

    def forward(self, hidden: Tensor, told: Tensor | None = None) -> Tensor:
        """Parameters ``(..., K)`` of hidden vectors ``(..., width)``.

        Where quantiles ``(..., len(LEVELS))`` are told that are not NaN, what is learned is the difference to them.
        """
        raw: Tensor = self.out(hidden)
        if told is None:
            return raw
        known = self.known(told)
        some = known.shape[-1]
        learned = raw[..., :some] - self.start[:some]
        moved = known + (learned if self.training else self.share * learned)
        return torch.cat([torch.where(known.isnan(), raw[..., :some], moved), raw[..., some:]], dim=-1)

    @abstractmethod
    def known(self, told: Tensor) -> Tensor:
        """The first of the parameters, as far as they follow from what is told; NaN where nothing is."""

    def begin_with_told(self, share: float) -> None:
        """Say what is told until something is learned; but in training, only a share of that counts."""
        nn.init.zeros_(self.out.weight)
        self.share = share

    def loss(self, parameters: Tensor, target: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
        """Mean cost of the targets that count (weight 1, not 0)."""
        cost = self.cost(parameters, target, scale) * weight
        mean: Tensor = cost.sum() / weight.sum().clamp(min=1)
        return mean

    @abstractmethod
    def cost(self, parameters: Tensor, target: Tensor, scale: Tensor) -> Tensor:
        """What each target ``(...)`` costs under the parameters; smaller is better."""

    @abstractmethod
    def quantiles(self, parameters: Tensor, levels: Levels, scale: Tensor) -> Tensor:
        """Quantiles ``(..., Q)``, rising; no gradient passes."""

    @abstractmethod
    def mean(self, parameters: Tensor, scale: Tensor) -> Tensor:
        """Mean ``(...)``."""


class Likelihood(Head):
    """A head with a likelihood, whose first parameter says where demand lies."""

    def known(self, told: Tensor) -> Tensor:
        """What gives the mean that is told; how far demand strays from it is learned from nothing."""
        return unsoftplus(_mean(told).clamp(min=_CLOSEST))[..., None]

    def cost(self, parameters: Tensor, target: Tensor, scale: Tensor) -> Tensor:
        """Minus the log-likelihood."""
        demand, unit = target.double() * scale, scale.double()
        return -self.log_likelihood(parameters.double(), demand, unit).to(target)

    @abstractmethod
    def log_likelihood(self, parameters: Tensor, demand: Tensor, scale: Tensor) -> Tensor:
        """Natural logarithm of the probability (of the density) of demand ``(...)`` in its own units."""


class QuantileHead(Head):
    """Quantiles that never cross: the median, and positive distances from each to the next.

    Args:
        width: of the hidden vector.
        levels: quantile levels, rising.

    Source: Koenker & Bassett (1978), Regression Quantiles; increments as in Park et al. (2022), Learning
    Quantile Functions without Quantile Crossing.
    """

    in_units: ClassVar[bool] = True
    levels: Tensor

    def __init__(self, width: int, levels: tuple[float, ...] = LEVELS) -> None:
        middle = min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))
        # distances start near 0.13, around the series' own level
        start = [0.9 if k == middle else -2.0 for k in range(len(levels))]
        super().__init__(width, start)
        self.register_buffer("levels", torch.tensor(levels))
        self.middle, self.named = middle, levels

    def forward(self, hidden: Tensor, told: Tensor | None = None) -> Tensor:
        """``(..., width)`` to ``(..., Q)``, see `Head.forward`."""
        raw, m = super().forward(hidden, told), self.middle  # (..., Q)
        median = raw[..., m : m + 1]
        below = F.softplus(raw[..., :m]).flip(-1).cumsum(-1).flip(-1)
        above = F.softplus(raw[..., m + 1 :]).cumsum(-1)
        return torch.cat([median - below, median, median + above], dim=-1)

    def known(self, told: Tensor) -> Tensor:
        """The median, and what `forward` makes the distances of."""
        gaps, m = unsoftplus(told.diff(dim=-1).clamp(min=_CLOSEST)), self.middle
        return torch.cat([gaps[..., :m], told[..., m : m + 1], gaps[..., m:]], dim=-1)

    def cost(self, parameters: Tensor, target: Tensor, scale: Tensor) -> Tensor:
        """See `pinball`."""
        return pinball(parameters, target, self.levels)

    def quantiles(self, parameters: Tensor, levels: Levels, scale: Tensor) -> Tensor:
        """The parameters themselves, and between and beyond them as in `skucast.forecast.invert_cdf`."""
        wanted, named = np.asarray(levels), np.asarray(self.named)
        if np.array_equal(wanted, named):
            return parameters
        flat = parameters.detach().reshape(-1, len(named)).double().cpu().numpy()
        if wanted.ndim == 1:
            found = draw_together(named, flat, wanted)
        else:
            found = invert_cdf(named, flat, wanted.reshape(len(flat), -1))
        return torch.from_numpy(found).to(parameters).view(*parameters.shape[:-1], -1)

    def mean(self, parameters: Tensor, scale: Tensor) -> Tensor:
        """Mean of what the quantiles describe; demand is not below zero."""
        return mean_at_levels(parameters, self.named)


class Asinh(Head):
    """A distribution of the hyperbolic arcsine of demand: proportions count for large demand, differences for small.

    Quantiles are turned back exactly, because the arcsine rises; the mean is that of what they describe.

    Args:
        inner: its head, of a distribution over all numbers.

    Source: Burbidge, Magee & Robb (1988), Alternative Transformations to Handle Extreme Values of the Dependent
    Variable, JASA 83.
    """

    def __init__(self, inner: Head) -> None:
        nn.Module.__init__(self)
        self.inner = inner

    def forward(self, hidden: Tensor, told: Tensor | None = None) -> Tensor:
        """See `Head.forward`."""
        parameters: Tensor = self.inner(hidden, told if told is None else torch.asinh(told))
        return parameters

    def known(self, told: Tensor) -> Tensor:
        """See `Head.known`."""
        return self.inner.known(torch.asinh(told))

    def begin_with_told(self, share: float) -> None:
        """See `Head.begin_with_told`."""
        self.inner.begin_with_told(share)

    def cost(self, parameters: Tensor, target: Tensor, scale: Tensor) -> Tensor:
        """See `Head.cost`."""
        return self.inner.cost(parameters, torch.asinh(target), torch.ones_like(scale))

    def quantiles(self, parameters: Tensor, levels: Levels, scale: Tensor) -> Tensor:
        """See `Head.quantiles`."""
        return torch.sinh(self.inner.quantiles(parameters, levels, scale).clamp(max=_STEEPEST))

    def mean(self, parameters: Tensor, scale: Tensor) -> Tensor:
        """See `Head.mean`."""
        return mean_at_levels(self.quantiles(parameters.detach(), LEVELS, scale))


def mean_at_levels(quantiles: Tensor, levels: tuple[float, ...] = LEVELS) -> Tensor:
    """Mean ``(...)`` of what quantiles ``(..., Q)`` describe; demand is not below zero, and no gradient passes."""
    rising = quantiles.detach().clamp(min=0).double().cpu().numpy()
    return torch.from_numpy(mean_of(rising, levels)).to(quantiles)


def unsoftplus(x: Tensor) -> Tensor:
    """What softplus makes ``x`` of."""
    return x + torch.log(-torch.expm1(-x))


def _mean(told: Tensor) -> Tensor:
    """Mean ``(...)`` of what quantiles ``(..., len(LEVELS))`` describe, as torch works it out; NaN for NaN."""
    weights = torch.from_numpy(mean_weights(LEVELS)).to(told)
    return (told * weights).sum(dim=-1)


def pinball(quantiles: Tensor, target: Tensor, levels: Tensor | tuple[float, ...]) -> Tensor:
    """Twice the quantile loss ``(...)``, averaged over levels, of quantiles ``(..., Q)``.

    Summed over cells and divided by their demand it is the weighted quantile loss.
    """
    p = torch.as_tensor(levels, dtype=quantiles.dtype, device=quantiles.device)
    miss = target[..., None] - quantiles
    return 2 * torch.maximum(p * miss, (p - 1) * miss).mean(-1)
