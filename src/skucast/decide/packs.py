"""Packs: from the ideal quantity to one that the supplier sells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..forecast import F64
from .order_up_to import expected_gain

_TINY = 1e-6  # units; float32 demand is not more exact


def round_order(
    ideal: F64, need: npt.NDArray[np.floating], underage: F64, overage: F64, pack: F64, min_order: F64
) -> F64:
    """Whole packs, at least the minimum, never at an expected loss.

    Single units are rounded up. Of the two pack counts around the ideal the one with the greater
    expected gain is taken. Below the minimum, the minimum is taken if it still gains, else nothing.

    Args:
        ideal: ``(S,)`` units wished for, not negative.
        need: ``(S, n)`` demand less what is there already.
        underage: ``(S,)`` money per unit short.
        overage: ``(S,)`` money per unit left over.
        pack: ``(S,)`` units per pack, positive.
        min_order: ``(S,)`` least units of a line, 0 for none.

    Returns:
        ``(S,)`` units.
    """
    up = np.ceil((ideal - _TINY) / pack) * pack
    down = np.floor((ideal + _TINY) / pack) * pack
    up = np.maximum(up, 0.0)
    gain_up = expected_gain(need, up, underage, overage)
    gain_down = expected_gain(need, down, underage, overage)
    take_up = np.where(pack <= 1, gain_up > 0, gain_up >= gain_down)
    quantity = np.where(take_up, up, down)
    least = least_lot(pack, min_order)
    too_small = (quantity > 0) & (quantity < least)
    if too_small.any():
        gain_least = expected_gain(need, least, underage, overage)
        quantity = np.where(too_small, np.where(gain_least > 0, least, 0.0), quantity)
    gain = expected_gain(need, quantity, underage, overage)
    return np.where(gain > 0, quantity, 0.0)


def least_lot(pack: F64, min_order: F64) -> F64:
    """The smallest line that the supplier accepts: the minimum in whole packs, at least one pack."""
    return np.maximum(np.ceil((min_order - _TINY) / pack), 1.0) * pack
