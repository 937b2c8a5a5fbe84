"""Tweedie demand: a Poisson number of orders of gamma-distributed size, so that nothing and any amount are possible."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from scipy import special
from torch import Tensor
from torch.nn import functional as F

from .heads import Levels, Likelihood

F64 = npt.NDArray[np.float64]
_LEVEL, _SOME = 0.541, 0.541  # softplus makes them 1
_POWERS = (1.1, 1.9)  # nearer to 1 the density has spikes, nearer to 2 nothing is hardly possible
_LEAST_MEAN, _LEAST_DISPERSION = 1e-6, 1e-2
_TERMS = 65  # of the series
_REACH = 6.0  # standard deviations of its summand that are looked at
_ORDERS = (2e-4, 5e4, 57)  # grid of the table of quantiles: expected orders,
_SHAPES = (0.06, 16.0, 25)  # shape of an order's size,
_SCORES = (-5.0, 5.0, 61)  # normal score of the level among what is sold
_FEW, _MANY = 1e-3, 1e4  # orders that are looked up; the edges of splines are not to be trusted
_NOTHING = 1e-18
_CROWD = 10.0  # orders
_HEIGHTS = 120  # sizes that the cdf is worked out at, for every cell of the table


class Tweedie(Likelihood):
    """Compound Poisson-gamma demand: mean ``m``, dispersion ``d`` and power ``p`` in (1, 2), variance ``d m^p``.

    There are ``m^(2 - p) / (d (2 - p))`` orders in the mean, each of a gamma-distributed size.

    Source: Dunn & Smyth (2005), Series Evaluation of Tweedie Exponential Dispersion Model Densities, Statistics and
    Computing 15.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, [_LEVEL, _SOME, 0.0])

    def log_likelihood(self, parameters: Tensor, demand: Tensor, scale: Tensor) -> Tensor:
        """See `Likelihood.log_likelihood`; where nothing is sold a probability, else a density."""
        mean, dispersion, power = self._parts(parameters)
        z = demand / scale
        orders = mean ** (2 - power) / (dispersion * (2 - power))
        some = z > 0
        y = torch.where(some, z, 1.0)
        rest = y * mean ** (1 - power) / (dispersion * (power - 1))
        density = log_series(y, dispersion, power) - torch.log(y) - torch.log(scale) - rest
        return torch.where(some, density, 0.0) - orders

    def quantiles(self, parameters: Tensor, levels: Levels, scale: Tensor) -> Tensor:
        """See `Head.quantiles`."""
        parts = (part.detach().double().cpu().numpy()[..., None] for part in self._parts(parameters))
        mean, dispersion, power = parts
        orders = mean ** (2 - power) / (dispersion * (2 - power))
        found = quantiles(np.asarray(levels), orders, (2 - power) / (power - 1)) * mean
        return torch.from_numpy(np.maximum.accumulate(found, axis=-1)).to(parameters)

    def mean(self, parameters: Tensor, scale: Tensor) -> Tensor:
        """See `Head.mean`."""
        return self._parts(parameters)[0]

    @staticmethod
    def _parts(parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        low, high = _POWERS
        raw = parameters.unbind(-1)
        return (
            F.softplus(raw[0]) + _LEAST_MEAN,
            F.softplus(raw[1]) + _LEAST_DISPERSION,
            low + (high - low) * torch.sigmoid(raw[2]),
        )


def log_series(y: Tensor, dispersion: Tensor, power: Tensor) -> Tensor:
    """Logarithm of the sum of Dunn & Smyth's ``W_j`` over ``j = 1, 2, ...`` for positive ``y``.

    The summand is bell-shaped around ``y^(2 - p) / (d (2 - p))``. Terms within six standard deviations are added;
    where there are too many, evenly spaced ones stand for their neighbours, which for a bell is as good.
    """
    shape = (2 - power) / (power - 1)  # of an order's size
    log_z = shape * torch.log(y) - shape * torch.log(power - 1) - (1 + shape) * torch.log(dispersion)
    log_z = log_z - torch.log(2 - power)
    with torch.no_grad():
        top = y ** (2 - power) / (dispersion * (2 - power))
        wide = torch.sqrt(top * (power - 1))
        stride = torch.ceil(2 * _REACH * wide / (_TERMS - 1)).clamp(min=1)
        first = torch.floor(top - (_TERMS - 1) / 2 * stride).clamp(min=1)
        j = first[..., None] + stride[..., None] * torch.arange(_TERMS, dtype=y.dtype, device=y.device)  # (..., J)
    terms = j * log_z[..., None] - torch.lgamma(1 + j) - torch.lgamma(j * shape[..., None])
    return torch.logsumexp(terms, dim=-1) + torch.log(stride)


def cdf(y: F64, orders: F64, shape: F64) -> F64:
    """Probability of at most ``y``, in units of an order's mean size over its shape; arguments broadcast."""
    y, orders, shape = np.broadcast_arrays(y, orders, shape)
    wide = np.sqrt(orders)
    stride = np.maximum(np.ceil(2 * (_REACH + 1) * wide / (_TERMS - 1)), 1.0)
    first = np.maximum(np.floor(orders - (_TERMS - 1) / 2 * stride), 1.0)
    out = np.exp(-orders)
    for k in range(_TERMS):
        j = first + k * stride
        chance = np.exp(special.xlogy(j, orders) - orders - special.gammaln(j + 1)) * stride
        if k and chance.max() < _NOTHING and (j > orders).all():
            break
        out = out + chance * special.gammainc(j * shape, np.maximum(y, 0.0))
    return np.minimum(out, 1.0)


def quantiles(levels: F64, orders: F64, shape: F64) -> F64:
    """Quantiles as multiples of the mean, read from a table that the cdf was inverted for once; they broadcast."""
    from scipy.ndimage import map_coordinates

    levels, orders, shape = np.broadcast_arrays(levels, orders, shape)
    nothing = np.exp(-orders)
    sold = np.clip((levels - nothing) / np.maximum(-np.expm1(-orders), 1e-300), 0.0, 1.0)
    score = np.clip(special.ndtri(np.clip(sold, 1e-12, 1 - 1e-12)), *_SCORES[:2])
    where = [
        _place(np.log(np.clip(orders, _FEW, _MANY)), np.log(_ORDERS[0]), np.log(_ORDERS[1]), _ORDERS[2]),
        _place(np.log(shape), np.log(_SHAPES[0]), np.log(_SHAPES[1]), _SHAPES[2]),
        _place(score, *_SCORES),
    ]
    found = np.exp(map_coordinates(_table(), [w.ravel() for w in where], order=3, mode="nearest", prefilter=False))
    # beyond the table nearly everything is the mean, the rest shrinks with the root of the orders
    many = np.sqrt(np.minimum(_MANY / orders, 1.0))
    found = 1 + (found.reshape(levels.shape) - 1) * many
    few = np.minimum(orders / _FEW, 1.0)  # one order is all there is
    return np.where(levels > nothing, found / few, 0.0)


def _place(x: F64, low: float, high: float, count: int) -> F64:
    return np.asarray((np.clip(x, low, high) - low) / (high - low) * (count - 1))


@lru_cache(maxsize=1)
def _table() -> F64:
    """Spline coefficients of log (quantile / mean) over orders, shape and score, evenly spaced."""
    from scipy.interpolate import PchipInterpolator
    from scipy.ndimage import spline_filter

    scores = np.linspace(*_SCORES)
    out = np.empty((_ORDERS[2], _SHAPES[2], _SCORES[2]))
    for a, orders in enumerate(np.geomspace(*_ORDERS)):
        shapes = np.geomspace(*_SHAPES)
        mean, spread = orders * shapes, np.sqrt(orders * shapes * (shapes + 1))
        few = special.gammaincinv(shapes, 1e-8)  # of one order; many together are about gamma-distributed too
        low = special.gammaincinv((mean / spread) ** 2, 1e-9) * spread**2 / mean
        low = np.clip(np.where(orders > _CROWD, low, np.minimum(few, low)), 1e-80, None)
        high = mean + 9 * spread + 30
        y = np.geomspace(low, high, _HEIGHTS)  # (heights, shapes)
        sold = (cdf(y, np.asarray(orders), shapes) - np.exp(-orders)) / -np.expm1(-orders)
        for b, shape in enumerate(shapes):
            score = special.ndtri(np.clip(sold[:, b], 1e-16, 1 - 1e-15))
            keep = np.concatenate([[True], np.diff(np.maximum.accumulate(score)) > 1e-9])
            log_q = PchipInterpolator(score[keep], np.log(y[keep, b]), extrapolate=False)(scores)
            ends = np.where(scores < score[keep][0], np.log(y[keep, b][0]), np.log(y[keep, b][-1]))
            out[a, b] = np.where(np.isnan(log_q), ends, log_q) - np.log(orders * shape)
    return np.asarray(spline_filter(out, order=3))
