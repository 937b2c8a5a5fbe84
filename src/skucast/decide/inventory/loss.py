"""Loss functions of the standard normal, and the inverse that fill-rate tables are read for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from ...errors import ConfigError
from ...forecast import F64

_HALVINGS = 200
_DEEP = 10.0  # standard deviations: beyond, the tail is taken from its expansion
_SQRT_2PI = float(np.sqrt(2 * np.pi))


def normal_loss(z: npt.ArrayLike) -> F64:
    """``G(z) = E(Z - z)+`` of the standard normal: ``phi(z) - z (1 - Phi(z))``.

    Source: Silver, Pyke & Thomas (2017), Inventory and Production Management in Supply Chains, appendix II.
    """
    x = np.asarray(z, dtype=np.float64)
    plain = _density(x) - x * special.ndtr(-x)
    deep = x > _DEEP  # the difference of nearly equal numbers; phi(z) / z^2 (1 - 3 / z^2 + 15 / z^4) is exact to 1e-4
    inverse = 1 / np.square(np.where(deep, x, _DEEP))
    return np.asarray(np.where(deep, _density(x) * inverse * (1 - 3 * inverse + 15 * inverse**2), plain))[()]


def normal_second_loss(z: npt.ArrayLike) -> F64:
    """``E((Z - z)+)^2 / 2`` of the standard normal: ``((z^2 + 1) (1 - Phi(z)) - z phi(z)) / 2``."""
    x = np.asarray(z, dtype=np.float64)
    return np.asarray(np.maximum(((x * x + 1) * special.ndtr(-x) - x * _density(x)) / 2, 0.0))[()]


def inverse_normal_loss(loss: npt.ArrayLike) -> F64:
    """The ``z`` at which ``G(z)`` is ``loss``, by halving.

    Raises:
        ConfigError: a loss is not above zero.
    """
    wanted = np.asarray(loss, dtype=np.float64)
    if not (wanted > 0).all():
        raise ConfigError("A loss must be above zero: none at all would need endless stock.")
    low, high = np.minimum(-wanted - 1.0, -1.0), np.full(wanted.shape, 38.0)  # G(z) > -z; G(38) is nothing
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = normal_loss(middle) > wanted
        low, high = np.where(above, middle, low), np.where(above, high, middle)
        if np.all(high - low <= 1e-15 * (1 + np.abs(high))):
            break
    return np.asarray((low + high) / 2)[()]


def _density(x: F64) -> F64:
    return np.asarray(np.exp(-x * x / 2) / _SQRT_2PI)
