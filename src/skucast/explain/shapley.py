"""Shapley values of a few players, exactly: what each adds, averaged over all orders in which they may come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import factorial

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Coalition = frozenset[str]


def shapley(players: Sequence[str], worth: Callable[[Coalition], F64]) -> dict[str, F64]:
    """What each player adds; together they add ``worth`` of all less ``worth`` of none.

    Args:
        players: few, since ``worth`` is asked for each of their ``2 ** K`` coalitions, once.
        worth: of a coalition, an array of any one shape.

    Source: Shapley (1953), A value for n-person games; for inputs of a model Lundberg & Lee (2017), A unified approach
    to interpreting model predictions, NeurIPS; groups as players as in Jullum, Redelmeier & Aas (2021), groupShapley.
    """
    count = len(players)
    values = {
        frozenset(some): np.asarray(worth(frozenset(some)), dtype=np.float64)
        for size in range(count + 1)
        for some in combinations(players, size)
    }
    out = {}
    for player in players:
        total = np.zeros_like(values[frozenset()])
        for some, without in values.items():
            if player not in some:
                share = factorial(len(some)) * factorial(count - len(some) - 1) / factorial(count)
                total += share * (values[some | {player}] - without)
        out[player] = total
    return out
