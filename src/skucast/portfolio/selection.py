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

_ROUNDS = 12  # members drawn with replacement, so weights are multiples of 1/12 at the finest
_SHRINK = 25  # series of a class that count as much as the panel-wide choice


@dataclass(frozen=True, eq=False)
class _Block:
    """Observed cells of one class in one window, each times the number of series that it stands for.

    The pinball loss ``max(q (y - f), (q - 1) (y - f))`` is ``max(y - f, 0) - (1 - q) (y - f)``: a hinge, and a part
    linear in the forecast, which is added up once for each member.

    Attributes:
        y: ``(N,)`` actual values.
        quantiles: ``(K, 9, N)`` of each member.
        linear: ``(K,)`` linear part of each member's loss, summed over cells and levels.
        size: sum of the actual values.
    """

    y: F32
    quantiles: F32
    linear: F64
    size: float

    @staticmethod
    def of(y: F32, quantiles: F32, weight: F64) -> _Block:
        """From actual values ``(N,)``, quantiles ``(K, N, 9)`` and the weight of each cell ``(N,)``."""
        levels = np.asarray(SHOWN)
        y = (y * weight).astype(np.float32)
        spread = np.ascontiguousarray(quantiles.transpose(0, 2, 1)) * weight.astype(np.float32)
        total = float(y.sum(dtype=np.float64))
        linear = ((1 - levels) * (total - spread.sum(axis=2, dtype=np.float64))).sum(axis=1)
        return _Block(y, spread, linear, float(np.abs(y).sum(dtype=np.float64)))

    def loss(self, drawn: F32, counts: F64, k: int) -> float:
        """Loss of the mean of the members drawn so far (their sum ``(9, N)``, how often each) and member ``k``."""
        n = float(counts.sum()) + 1
        hinge = np.add(drawn, self.quantiles[k])
        np.subtract(self.y * np.float32(n), hinge, out=hinge)
        np.maximum(hinge, 0, out=hinge)
        return (float(hinge.sum(dtype=np.float64)) - float((counts * self.linear).sum()) - float(self.linear[k])) / n


def class_weights(backtest: Backtest, members: Sequence[str], steps: slice = slice(None)) -> F64:
    """Weights of the members for each demand class, ``(C, K)``, rows adding up to one.

    Within a class, members are drawn greedily with replacement so that the WQL of their averaged quantiles
    over the windows falls most (forward ensemble selection). Classes with few series lean on the choice made
    for the whole panel.

    Args:
        backtest: of the members, on the panel or a sample of it. Members that failed in a window get none.
        members: labels of the candidates.
        steps: part of the horizon that counts.

    Source: Caruana et al. (2004), Ensemble selection from libraries of models, ICML.
    """
    usable = [
        k for k, m in enumerate(members) if all((m, w) in backtest.outcomes for w in range(len(backtest.windows)))
    ]
    blocks = _blocks(backtest, [members[k] for k in usable], steps)
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
        out[c, usable] = trust * own + (1 - trust) * overall
    return out


def _blocks(backtest: Backtest, members: Sequence[str], steps: slice) -> list[list[list[_Block]]]:
    """Cells by class and window; a list holds one block or none."""
    at = [int(np.argmin(np.abs(np.asarray(backtest.levels) - q))) for q in SHOWN]
    out: list[list[list[_Block]]] = []
    for c in range(len(CLASSES)):
        per_class: list[list[_Block]] = []
        for k, window in enumerate(backtest.windows):
            rows = np.flatnonzero(window.classes == c)
            actual = window.actual[rows, steps]
            seen = ~np.isnan(actual)
            if not members or not seen.any():
                per_class.append([])
                continue
            y = actual[seen]
            quantiles = np.stack([backtest.outcomes[m, k].quantiles[rows, steps][seen][:, at] for m in members])
            stands_for = np.ones(rows.size) if window.weight is None else window.weight[rows]
            per_class.append([_Block.of(y, quantiles, np.repeat(stands_for, seen.sum(axis=1)))])
        out.append(per_class)
    return out


def _greedy(windows: Sequence[Sequence[_Block]], members: int) -> F64:
    """``(K,)`` weights by forward selection with replacement; the best round is kept."""
    sums = [[np.zeros(block.quantiles.shape[1:], dtype=np.float32) for block in window] for window in windows]
    counts, best, best_loss = np.zeros(members), np.zeros(members), np.inf
    for taken in range(1, _ROUNDS + 1):
        losses = [_loss(windows, sums, counts, k) for k in range(members)]
        k = int(np.argmin(losses))
        counts[k] += 1
        for window, total in zip(windows, sums, strict=True):
            for block, drawn in zip(window, total, strict=True):
                np.add(drawn, block.quantiles[k], out=drawn)
        if losses[k] < best_loss:
            best, best_loss = counts.copy(), losses[k]
        if counts[k] == taken == _ROUNDS // 2:  # the first member alone is still best: it stays so
            break
    return np.asarray(best / best.sum())


def _loss(windows: Sequence[Sequence[_Block]], sums: Sequence[Sequence[F32]], counts: F64, k: int) -> float:
    """Mean WQL over windows if member ``k`` joined; plain loss where nothing was sold."""
    found = []
    for window, total in zip(windows, sums, strict=True):
        size = sum(block.size for block in window)
        loss = sum(block.loss(drawn, counts, k) for block, drawn in zip(window, total, strict=True))
        if window:
            found.append(2 * loss / (len(SHOWN) * size) if size else loss)
    return float(np.mean(found))
