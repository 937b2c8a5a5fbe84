"""Effects: what price, promotion, occasions and nameless covariates did to a series so far, by ridge regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...panel import F32
from .moving import around, cumulated
from .window import SLOTS, Window

COLUMNS = 3 + SLOTS
"""Price, promotion, occasion, slots."""
_FLAGS = (1, 2)
_RIDGE = 3.0
_FAR = 6.0


@dataclass(frozen=True, eq=False)
class Effects:
    """Covariates made comparable, and their effects.

    Attributes:
        shown: ``(COLUMNS, B, L + H)`` covariates in units of their own variation; 0 where unknown.
        present: ``(COLUMNS, B, L + H)`` 1 where known.
        ahead: ``(B, H, COLUMNS + 1)`` what each alone, and all together, would add to the steps ahead.
        explained: ``(B, L)`` what all together explain of the past.
        summary: ``(B, 4 * COLUMNS)`` effects alone and together, their certainty, share of steps that are known.
    """

    shown: F32
    present: F32
    ahead: F32
    explained: F32
    summary: F32


def effects(window: Window, residual: F32, ok: F32) -> Effects:
    """Effects on demand without level and season.

    Args:
        window: raw covariates.
        residual: ``(B, L)`` demand in the network's space minus its local level and season; 0 where not observed.
        ok: ``(B, L)`` 1 where observed.
    """
    rows, length = residual.shape
    shown = np.zeros((COLUMNS, *window.price.shape), np.float32)
    present = np.zeros_like(shown)
    for column, raw in enumerate(_raw(window)):
        known = np.isfinite(raw)
        if known.any():
            present[column] = known
            shown[column] = _compared(column, raw, known, length)
    ahead = np.zeros((rows, window.horizon, COLUMNS + 1), np.float32)
    summary = np.zeros((rows, 4, COLUMNS), np.float32)
    summary[:, 3] = present[:, :, :length].mean(axis=2).T
    # most panels have few covariates or none: what follows would be zeros for the others
    some = [column for column in range(COLUMNS) if shown[column].any()]
    if not some:
        return Effects(shown, present, ahead, np.zeros_like(residual), summary.reshape(rows, -1))
    moved = np.stack([_moved(shown[c], present[c], length, window.grid.half) for c in some], axis=1)  # (B, C, L + H)
    past = moved[:, :, :length] * ok[:, None]
    square = past @ past.transpose(0, 2, 1)
    product = (past @ residual[:, :, None])[:, :, 0]
    diagonal = np.einsum("bcc->bc", square)
    alone = product / (diagonal + _RIDGE)
    together = np.linalg.solve(square + _RIDGE * np.eye(len(some), dtype=np.float32), product[:, :, None])[:, :, 0]
    n = np.maximum(ok.sum(axis=1, keepdims=True), 1)
    noise = np.sqrt((residual**2).sum(axis=1, keepdims=True) / n) + 0.05
    certain = alone * np.sqrt(diagonal) / noise
    future = moved[:, :, length:].transpose(0, 2, 1)
    ahead[:, :, some] = np.clip(future * alone[:, None], -_FAR, _FAR)
    ahead[:, :, -1] = np.clip((future @ together[:, :, None])[:, :, 0], -_FAR, _FAR)
    for k, effect in enumerate((alone, together, certain)):
        summary[:, k, some] = np.clip(effect, -_FAR, _FAR)
    explained = (together[:, None] @ past)[:, 0].astype(np.float32)
    return Effects(shown, present, ahead, explained, summary.reshape(rows, -1))


def _raw(window: Window) -> list[F32]:
    """The columns ``(B, L + H)``, NaN where unknown; prices in logs."""
    price = np.log(window.price, where=window.price > 0, out=np.full_like(window.price, np.nan))
    return [price, window.promotion, window.occasion[:, :, 0], *(window.slots[:, :, k] for k in range(SLOTS))]


def _compared(column: int, raw: F32, known: npt.NDArray[np.bool_], length: int) -> F32:
    """A column in units of its own variation, 0 where unknown."""
    raw = np.where(known, raw, np.float32(0))
    if column in _FLAGS:  # nothing is what flags are measured from
        return np.asarray(np.clip(raw, -_FAR, _FAR))
    n = np.maximum(known[:, :length].sum(axis=1, keepdims=True), 1)
    centre = (raw[:, :length].sum(axis=1, keepdims=True, dtype=np.float64) / n).astype(np.float32)
    away = (raw - centre) * known
    spread: F32 = np.full((1, 1), 0.2, np.float32)
    if column > 0:  # a covariate that was constant says nothing about what its changes do
        sd = np.sqrt((away[:, :length] ** 2).sum(axis=1, keepdims=True) / n)
        spread = np.where(sd > 1e-4 * (1e-6 + np.abs(centre)), sd, np.float32(np.inf))
    return np.asarray(np.clip(away / spread, -_FAR, _FAR))


def _moved(shown: F32, present: F32, length: int, half: int) -> F32:
    """A covariate minus its own local level, so that it matches demand minus its own: ``(B, L + H)``."""
    total, count = (around(cumulated(x[:, :length]), half) for x in (shown, present))
    past = total / np.maximum(count, 1)
    # ahead the level of the last steps holds on
    last = length - 1 - min(half, length - 1) if length > 2 * half else length - 1
    level = np.concatenate([past, np.repeat(past[:, last : last + 1], shown.shape[1] - length, axis=1)], axis=1)
    return np.asarray((shown - level) * present, dtype=np.float32)
