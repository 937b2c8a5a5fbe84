"""Lead times: how long from order to shelf, drawn once per sample path."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from ..forecast import F64
from .supply import LeadTimes


def draw_lead_times(mean: F64, sd: F64, n: int, seed: int) -> F64:
    """Lead times ``(S, n)`` in days, lognormal with the given means and standard deviations.

    Every item uses the same ``n`` standard normal scores, one from each of ``n`` equally likely
    slices, in an order that is independent of the demand paths. So an item's draws do not depend on
    which others are present, and mean and spread are met closely. Where no item's lead time varies
    the result is ``(S, 1)``.

    Args:
        mean: ``(S,)`` days, not negative; zero stays zero.
        sd: ``(S,)`` days; zero is a constant lead time.
        n: draws per item.
        seed: of the order of the draws.

    Source: two-parameter lognormal by moments, Johnson, Kotz & Balakrishnan (1994), chapter 14.
    """
    varies = (sd > 0) & (mean > 0)
    if not varies.any():
        return mean[:, None].copy()
    normal = NormalDist()
    scores = np.array([normal.inv_cdf(level) for level in _levels(n, seed)])
    safe = np.where(mean > 0, mean, 1.0)
    variance = np.where(varies, np.log1p((sd / safe) ** 2), 0.0)  # of the logarithm
    draws = safe[:, None] * np.exp(np.sqrt(variance)[:, None] * scores - variance[:, None] / 2)
    return np.where(varies[:, None], draws, mean[:, None])


def _levels(n: int, seed: int) -> F64:
    """One probability from each of ``n`` equal slices, in an order of their own."""
    return np.random.default_rng([seed, 0x1EAD]).permutation((np.arange(n) + 0.5) / n)


def learned_draws(
    learned: LeadTimes, names: Sequence[tuple[str | None, str | None]], mean: F64, sd: F64, n: int, seed: int
) -> F64:
    """As `draw_lead_times`, from the learned distribution of every supplier and item that delivery records know.

    Args:
        learned: what the records say, by supplier, or by supplier and SKU.
        names: supplier and SKU of each item.
        mean: ``(S,)`` days, for suppliers without records.
        sd: ``(S,)`` days, likewise.
        n: draws per item.
        seed: of the order of the draws.

    Returns:
        ``(S, n)`` days.
    """
    draws = np.broadcast_to(draw_lead_times(mean, sd, n, seed), (mean.size, n)).copy()
    known, levels = set(learned.suppliers), _levels(n, seed)
    found: dict[tuple[str | None, ...], F64] = {}
    for row, name in enumerate(names):
        if name[0] in known:
            node = name[: len(learned.by)]
            if node not in found:
                found[node] = learned.of(*node).days.quantile(levels)
            draws[row] = found[node]
    return draws
