"""Order-up-to quantity: the newsvendor on sample paths.

One unit too few costs its margin (underage), one too many costs holding it until the next order
(overage). Expected profit is greatest at the quantile of demand at
``underage / (underage + overage)``, the critical ratio.

Sources: Arrow, Harris & Marschak (1951), Econometrica 19; Silver, Pyke & Thomas (2017), Inventory and
Production Management in Supply Chains, chapter 9.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..forecast import F64


def critical_ratio(underage: npt.ArrayLike, overage: npt.ArrayLike) -> F64:
    """``underage / (underage + overage)``, elementwise, within [0, 1].

    Args:
        underage: money lost per unit of unmet demand; zero or below gives 0 (nothing to be earned).
        overage: money lost per unit left over, not negative.
    """
    under = np.maximum(np.asarray(underage, dtype=np.float64), 0.0)
    over = np.maximum(np.asarray(overage, dtype=np.float64), 0.0)
    total = under + over
    return np.asarray(np.divide(under, total, out=np.zeros(np.broadcast(under, over).shape), where=total > 0))


def order_up_to(demand: npt.NDArray[np.floating], ratio: npt.ArrayLike) -> F64:
    """Exact empirical quantile of each row: the least draw ``S`` with ``P(demand <= S) >= ratio``.

    Args:
        demand: ``(S, n)`` draws of demand over the protection interval.
        ratio: ``(S,)`` or a number; 0 gives zero (stock nothing), 1 the largest draw.

    Returns:
        ``(S,)`` units.
    """
    return quantile_of_sorted(np.sort(demand, axis=1), ratio)


def quantile_of_sorted(ordered: npt.NDArray[np.floating], ratio: npt.ArrayLike) -> F64:
    """As `order_up_to`, for rows that already rise."""
    n = ordered.shape[1]
    level = np.broadcast_to(np.asarray(ratio, dtype=np.float64), (ordered.shape[0],))
    # the small slack keeps 0.7 * 10 = 7.000000000000001 from asking for the eighth draw
    rank = np.clip(np.ceil(level * n - 1e-9), 1, n).astype(np.int64) - 1
    found = ordered[np.arange(ordered.shape[0]), rank].astype(np.float64)
    return np.where(level > 0, found, 0.0)
