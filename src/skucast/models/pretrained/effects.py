"""Effects: what price, promotion, occasions and nameless covariates did to a series so far, by ridge regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...panel import F32
from .window import SLOTS, Window

COLUMNS = 3 + SLOTS
"""Price, promotion, occasion, slots."""
_RIDGE = 3.0
_FAR = 6.0


@dataclass(frozen=True, eq=False)
class Effects:
    """Covariates made comparable, and their effects.

    Attributes:
        shown: ``(B, L + H, COLUMNS)`` covariates in units of their own variation; 0 where unknown.
        present: ``(B, L + H, COLUMNS)`` 1 where known.
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
    length = residual.shape[1]
    shown, present = _comparable(window)
    share = present[:, :length].mean(axis=1)
    if not shown.any():  # most panels have no covariates at all; what follows would be zeros
        nothing = np.zeros((len(shown), 3 * COLUMNS), np.float32)
        ahead = np.zeros((len(shown), window.horizon, COLUMNS + 1), np.float32)
        return Effects(shown, present, ahead, np.zeros_like(residual), np.concatenate([nothing, share], axis=1))
    moved = _moved(shown, present, length, window.grid.half)
    past = moved[:, :length] * ok[:, :, None]
    turned = np.ascontiguousarray(past.transpose(0, 2, 1))
    square = turned @ past
    product = (turned @ residual[:, :, None])[:, :, 0]
    diagonal = np.einsum("bcc->bc", square)
    alone = product / (diagonal + _RIDGE)
    together = np.linalg.solve(square + _RIDGE * np.eye(COLUMNS, dtype=np.float32), product[:, :, None])[:, :, 0]
    n = np.maximum(ok.sum(axis=1, keepdims=True), 1)
    noise = np.sqrt((residual**2).sum(axis=1, keepdims=True) / n) + 0.05
    certain = alone * np.sqrt(diagonal) / noise
    future = moved[:, length:]
    ahead = np.concatenate([future * alone[:, None], (future * together[:, None]).sum(axis=2, keepdims=True)], axis=2)
    summary = np.concatenate([alone, together, certain, share], axis=1)
    ahead, summary = (np.clip(x, -_FAR, _FAR).astype(np.float32) for x in (ahead, summary))
    explained = (past @ together[:, :, None])[:, :, 0].astype(np.float32)
    return Effects(shown, present, ahead, explained, summary)


def _comparable(window: Window) -> tuple[F32, F32]:
    rows, steps = window.price.shape
    length = window.context
    raw = np.empty((rows, steps, COLUMNS), np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        raw[:, :, 0] = np.where(window.price > 0, np.log(window.price), np.nan)
    raw[:, :, 1] = window.promotion
    raw[:, :, 2] = window.occasion[:, :, 0]
    raw[:, :, 3:] = window.slots
    known = np.isfinite(raw)
    raw = np.where(known, raw, 0.0)
    past = known[:, :length]
    n = np.maximum(past.sum(axis=1, keepdims=True), 1)
    centre = np.where(past.any(axis=1, keepdims=True), raw[:, :length].sum(axis=1, keepdims=True) / n, 0.0)
    centre[:, :, 1:3] = 0.0  # nothing is what flags are measured from
    away = np.where(known, raw - centre, 0.0)
    sd = np.sqrt((away[:, :length] ** 2).sum(axis=1, keepdims=True) / n)
    spread = np.ones_like(sd)
    spread[:, :, 0] = 0.2
    # a covariate that was constant says nothing about what its changes do
    spread[:, :, 3:] = np.where(sd[:, :, 3:] > 1e-4 * (1e-6 + np.abs(centre[:, :, 3:])), sd[:, :, 3:], np.inf)
    return np.clip(away / spread, -_FAR, _FAR).astype(np.float32), known.astype(np.float32)


def _moved(shown: F32, present: F32, length: int, half: int) -> F32:
    """Covariates minus their own local level, so that they match demand minus its own."""
    rows, steps, columns = shown.shape
    total = np.zeros((rows, length + 1, columns), np.float32)
    count = np.zeros((rows, length + 1, columns), np.float32)
    np.cumsum(shown[:, :length], axis=1, out=total[:, 1:])
    np.cumsum(present[:, :length], axis=1, out=count[:, 1:])
    # ahead the level of the last steps holds on
    t = np.minimum(np.arange(steps), length - 1 - min(half, length - 1) if length > 2 * half else length - 1)
    t = np.where(np.arange(steps) < length, np.arange(steps), t)
    low, high = np.clip(t - half, 0, length), np.clip(t + half + 1, 0, length)
    n = count[:, high] - count[:, low]
    level = (total[:, high] - total[:, low]) / np.maximum(n, 1)
    return np.asarray((shown - level) * present, dtype=np.float32)
