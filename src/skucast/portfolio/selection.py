"""Choice of members and weights per demand class from a backtest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..evaluate.backtest import Backtest
from ..evaluate.classes import CLASSES
from ..forecast import SHOWN
from ..panel import F32

F64 = npt.NDArray[np.float64]

_COMPLEMENT = 1 - np.asarray(SHOWN, dtype=np.float32)
_ROUNDS = 12  # members drawn with replacement, so weights are multiples of 1/12 at the finest
_SHRINK = 25  # series of a class that count as much as the panel-wide choice
_LEAST = 0.04  # smaller weights are dropped: they cost a model and change nothing


@dataclass(frozen=True, eq=False)
class _Block:
    """Observed cells of one class in one window.

    Attributes:
        y: ``(N,)`` actual values.
        quantiles: ``(K, N, 9)`` of each member.
        weight: ``(N,)`` series that each cell stands for.
        size: weighted sum of the actual values.
    """

    y: F32
    quantiles: F32
    weight: F32
    size: float

    def loss(self, quantiles: F32) -> float:
        """Weighted sum of the pinball losses of ``(N, 9)`` quantiles."""
        miss = self.y[:, None] - quantiles
        per_cell = np.maximum(miss, 0).sum(axis=1) - miss @ _COMPLEMENT
        return float(np.dot(per_cell.astype(np.float64), self.weight))


def class_weights(backtest: Backtest, members: Sequence[str]) -> F64:
    """Weights of the members for each demand class, ``(C, K)``, rows adding up to one.

    Within a class, members are drawn greedily with replacement so that the WQL of their averaged quantiles
    over the windows falls most (forward ensemble selection). Classes with few series lean on the choice made
    for the whole panel.

    Args:
        backtest: of the members, on the panel or a sample of it. Members that failed in a window get none.
        members: labels of the candidates.

    Source: Caruana et al. (2004), Ensemble selection from libraries of models, ICML.
    """
    usable = [
        k for k, m in enumerate(members) if all((m, w) in backtest.outcomes for w in range(len(backtest.windows)))
    ]
    blocks = _blocks(backtest, [members[k] for k in usable])
    everything = [block for per_class in blocks for window in per_class for block in window]
    if not usable or not everything:
        return np.full((len(CLASSES), len(members)), 1.0 / len(members))
    windows = len(backtest.windows)
    overall = _greedy([[b for per_class in blocks for b in per_class[w]] for w in range(windows)], len(usable))
    out = np.zeros((len(CLASSES), len(members)))
    sizes = np.mean([np.bincount(w.classes, minlength=len(CLASSES)) for w in backtest.windows], axis=0)
    for c, per_class in enumerate(blocks):
        trust = sizes[c] / (sizes[c] + _SHRINK)
        own = _greedy(per_class, len(usable)) if any(per_class) else overall
        weights = trust * own + (1 - trust) * overall
        weights[weights < _LEAST] = 0.0
        out[c, usable] = weights / weights.sum()
    return out


def _blocks(backtest: Backtest, members: Sequence[str]) -> list[list[list[_Block]]]:
    """Cells by class and window; a list holds one block or none."""
    at = [int(np.argmin(np.abs(np.asarray(backtest.levels) - q))) for q in SHOWN]
    out: list[list[list[_Block]]] = []
    for c in range(len(CLASSES)):
        per_class: list[list[_Block]] = []
        for k, window in enumerate(backtest.windows):
            rows = np.flatnonzero(window.classes == c)
            seen = ~np.isnan(window.actual[rows])
            if not members or not seen.any():
                per_class.append([])
                continue
            y = window.actual[rows][seen]
            quantiles = np.stack([backtest.outcomes[m, k].quantiles[rows][seen][:, at] for m in members])
            stands_for = np.ones(rows.size) if window.weight is None else window.weight[rows]
            weight = np.repeat(stands_for, seen.sum(axis=1)).astype(np.float32)
            per_class.append([_Block(y, quantiles, weight, float(np.dot(np.abs(y).astype(np.float64), weight)))])
        out.append(per_class)
    return out


def _greedy(windows: Sequence[Sequence[_Block]], members: int) -> F64:
    """``(K,)`` weights by forward selection with replacement; the best round is kept."""
    sums = [[np.zeros(block.quantiles.shape[1:], dtype=np.float32) for block in window] for window in windows]
    counts, best, best_loss = np.zeros(members), np.zeros(members), np.inf
    for taken in range(1, _ROUNDS + 1):
        losses = [_loss(windows, sums, k, taken) for k in range(members)]
        k = int(np.argmin(losses))
        counts[k] += 1
        for window, total in zip(windows, sums, strict=True):
            for block, partial in zip(window, total, strict=True):
                np.add(partial, block.quantiles[k], out=partial)
        if losses[k] < best_loss:
            best, best_loss = counts.copy(), losses[k]
        if counts[k] == taken == _ROUNDS // 2:  # the first member alone is still best: it stays so
            break
    return np.asarray(best / best.sum())


def _loss(windows: Sequence[Sequence[_Block]], sums: Sequence[Sequence[F32]], k: int, n: int) -> float:
    """Mean WQL over windows if member ``k`` joined; plain loss where nothing was sold."""
    found = []
    for window, total in zip(windows, sums, strict=True):
        size = sum(block.size for block in window)
        loss = sum(
            block.loss((partial + block.quantiles[k]) / np.float32(n))
            for block, partial in zip(window, total, strict=True)
        )
        if window:
            found.append(2 * loss / (len(SHOWN) * size) if size else loss)
    return float(np.mean(found))
