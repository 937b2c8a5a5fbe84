"""What a policy asks of demand, whatever its distribution: quantiles and expected shortages.

``loss(y)`` is ``E(D - y)+``, the units short when ``y`` are there; ``second_loss(y)`` is the loss summed from ``y``
upwards, ``E((D - y)+)^2 / 2``. Costs of nearly every policy are made of these.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ...forecast import F64
from .checks import not_negative
from .draws import Draws


class Demand(Protocol):
    """Demand over some interval: one item, or many whose parameters are arrays."""

    @property
    def mean(self) -> F64: ...  # noqa: D102

    @property
    def var(self) -> F64: ...  # noqa: D102

    def cdf(self, y: npt.ArrayLike) -> F64: ...  # noqa: D102

    def quantile(self, p: npt.ArrayLike) -> F64: ...  # noqa: D102

    def loss(self, y: npt.ArrayLike) -> F64: ...  # noqa: D102

    def second_loss(self, y: npt.ArrayLike) -> F64: ...  # noqa: D102


AnyDemand: TypeAlias = Demand | npt.NDArray[np.floating] | list[float]
"""A distribution, or draws ``(n,)`` of one item, ``(S, n)`` of many."""


def as_demand(demand: AnyDemand) -> Demand:
    """Draws become their empirical distribution; distributions stay."""
    if isinstance(demand, (np.ndarray, list)):
        return Draws.of(demand)
    return demand


def expected_cost(demand: AnyDemand, level: npt.ArrayLike, holding: npt.ArrayLike, shortage: npt.ArrayLike) -> F64:
    """``h E(y - D)+ + p E(D - y)+``: what the level ``y`` costs.

    Args:
        demand: its distribution, or draws.
        level: units there before demand, per item where there are several.
        holding: money per unit left over.
        shortage: money per unit short.
    """
    not_negative(holding=holding, shortage=shortage)
    law = as_demand(demand)
    y, h, p = (np.asarray(x, dtype=np.float64) for x in (level, holding, shortage))
    short = law.loss(y)
    return np.asarray(h * (y - law.mean + short) + p * short)[()]
