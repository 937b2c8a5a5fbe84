"""What last year says of the steps ahead: a regression whose answer is there before training begins.

A history of little more than a year shows few weeks that have a year behind them, too few for gradient descent to find
out what last year is worth. So that is learned beforehand, in closed form, and heads speak of demand in units of what it
says: a network begins with it and learns what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from .inputs import MEMORY

if TYPE_CHECKING:
    from .sampler import Sampler

_RANGE = (0.1, 10.0)  # of what is expected, in units of the level
_FAR = 8.0  # demand above so many times the level counts as that much
_RIDGE = 0.01  # beside the mean square of what is regressed on, which is about 0.1 for steady demand
_WINDOWS = 4096
_AT_ONCE = 512
_FEWEST = 200  # steps ahead with a year behind them


def expected(memory: Tensor, season: Tensor, base: tuple[float, ...]) -> Tensor:
    """Demand that last year lets expect, in units of level and season; 1 where last year is not known.

    Args:
        memory: ``(..., 7)``, see `skucast.models.neural.windows.Windows`.
        season: ``(...)`` share of usual demand that the season brings.
        base: what `fit_base` found.
    """
    weights = torch.tensor(base, dtype=memory.dtype, device=memory.device)
    return (1 + regressors(memory, season) @ weights).clamp(*_RANGE)


def regressors(memory: Tensor, season: Tensor) -> Tensor:
    """``(..., 4)`` how far last year lies above the level; 0 where it is not known.

    The step a year before, and the mean around it, both in units of the level now and in units of the level then.
    """
    value, seen, _, _, near, near_then, known = memory.unbind(-1)
    value, near, near_then = (torch.sinh(part) for part in (value, near, near_then))
    now_by_then = torch.where(near > 0, near_then / near.clamp(min=1e-9), 0.0)
    parts = (value, near / season, value * now_by_then, near_then / season)
    there = (seen, known, seen * known, known)
    return torch.stack([(p.clamp(max=_FAR) - 1) * t for p, t in zip(parts, there, strict=True)], dim=-1)


def fit_base(sampler: Sampler, seed: int) -> tuple[float, ...]:
    """Weights of the `regressors`: ridge regression of demand over windows as training draws them.

    Returns:
        Four weights; none where hardly any step has a year behind it.
    """
    windows = sampler.windows.seen_with(())
    rows, origins = sampler.origins_of(np.random.default_rng(seed), _WINDOWS)
    gram, moment, count = torch.zeros(4, 4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64), 0.0
    for first in range(0, len(rows), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        batch = windows.gather(rows[part], origins[part], hidden=sampler.held_out)
        x = regressors(batch.ahead[..., -MEMORY:], batch.season).flatten(0, -2).double().cpu()
        y = (batch.target / batch.season).clamp(max=_FAR).flatten().double().cpu() - 1
        weight = (batch.weight * batch.ahead[..., -1]).flatten().double().cpu()
        gram += x.T @ (x * weight[:, None])
        moment += x.T @ (y * weight)
        count += float(weight.sum())
    if count < _FEWEST:
        return ()
    found = torch.linalg.solve(gram / count + _RIDGE * torch.eye(4, dtype=torch.float64), moment / count)
    return tuple(found.tolist())
