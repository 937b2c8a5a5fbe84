"""Moving sums along the steps of many series, from cumulated ones."""

from __future__ import annotations

import numpy as np

from ...panel import F32


def cumulated(x: F32) -> F32:
    """``(B, L + 1)`` sums of the first 0, 1, ... L steps of ``(B, L)``."""
    out = np.zeros((x.shape[0], x.shape[1] + 1), np.float32)
    np.cumsum(x, axis=1, out=out[:, 1:])
    return out


def around(total: F32, half: int) -> F32:
    """``(B, L)`` sums over the steps from ``t - half`` to ``t + half``, as far as there are any.

    Args:
        total: ``(B, L + 1)`` of `cumulated`.
        half: half the width.
    """
    length = total.shape[1] - 1
    inside = max(length - half, 0)
    out = np.empty((len(total), length), np.float32)
    out[:, :inside], out[:, inside:] = total[:, half + 1 :], total[:, -1:]
    out[:, half:] -= total[:, :inside]
    return out
