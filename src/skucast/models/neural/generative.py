"""Networks that draw futures: a forecast is the mixture over many of them, and they are its paths."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Iterator
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...forecast import LEVELS
from .heads import Head, mean_at_levels
from .network import Network
from .windows import Batch

F64 = npt.NDArray[np.float64]

_SEED = 20_140_501  # of the noise that all series share
_JUDGED = 16  # futures while training
_ATOMS = 8  # points that stand for the distribution along one future
AT_ONCE = 2048  # futures followed at once


class Generative(Network):
    """K futures of B windows at F forks, H steps ahead, W decoder units, P parameters of a step.

    Every series meets the same noise, drawn once from a fixed seed: futures of two series with the same number are
    one future of the world, and what is said of a series does not depend on its neighbours.

    Attributes:
        draws: futures behind a forecast.
    """

    whole = True
    direct = False
    draws: int

    @abstractmethod
    def imagine(self, batch: Batch, count: int) -> Tensor:
        """What heads are told of each step ahead in so many futures, ``(K, B, F, H, W)``."""

    def quantiles(self, batch: Batch) -> Tensor:
        """See `Forecaster.quantiles`; from fewer futures than a forecast."""
        return self._described(batch, min(self.draws, _JUDGED))[1]

    def describe(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Forecaster.describe`."""
        return self._described(batch, self.draws)

    def channels(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Network.channels`."""
        means, quantiles = [], []
        for part in few(batch, AT_ONCE // self.draws):
            z, unit = self.imagine(part, self.draws), part.scale[..., None]
            said = [mixed(cast(Head, head), head(z), unit) for head in self.others]
            means.append(torch.stack([mean for mean, _ in said], dim=-1))
            quantiles.append(torch.stack([q for _, q in said], dim=-1))
        return torch.cat(means), torch.cat(quantiles)

    def paths(self, batch: Batch, count: int) -> Tensor:
        """Demand ``(K, B, F, H)`` in so many futures, in units of the scale at each fork: ancestral samples."""
        chance = uniforms(count, batch.steps.numel())
        parts = [
            self.drawn(self.answer(self.imagine(part, count), part), chance[:, None, None], part)
            for part in few(batch, AT_ONCE // count)
        ]
        return torch.cat(parts, dim=1)

    def drawn(self, parameters: Tensor, chance: F64, batch: Batch) -> Tensor:
        """Demand ``(..., H)`` where distributions ``(..., H, P)`` reach a probability each, in units of the scale."""
        each = np.broadcast_to(chance[..., None], (*parameters.shape[:-1], 1))
        found = self.head.quantiles(parameters, each, self.unit(batch))
        return self.out(found, batch)[..., 0].clamp(min=0)

    def _described(self, batch: Batch, count: int) -> tuple[Tensor, Tensor]:
        means, quantiles = [], []
        for part in few(batch, AT_ONCE // count):
            mean, q = mixed(self.head, self.answer(self.imagine(part, count), part), self.unit(part))
            q = self.out(q, part)
            quantiles.append(q)
            means.append(mean_at_levels(q) if self.shifted else self.out(mean[..., None], part)[..., 0])
        return torch.cat(means), torch.cat(quantiles)


def mixed(head: Head, parameters: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
    """Mean ``(...)`` and quantiles ``(..., Q)`` at `LEVELS` of the equal mixture of K distributions ``(K, ..., P)``.

    Each is stood for by a few of its quantiles, of which no two have the same level: were all the same distribution,
    the result would be its quantiles at ``K`` times as many levels.
    """
    count = len(parameters)
    turn = np.random.default_rng(_SEED).permutation(count)
    levels = (np.arange(_ATOMS) + (turn[:, None] + 0.5) / count) / _ATOMS  # (K, atoms)
    atoms = [head.quantiles(p, row.tolist(), unit) for p, row in zip(parameters, levels, strict=True)]
    pooled = np.sort(torch.cat(atoms, dim=-1).detach().cpu().numpy(), axis=-1)
    at = np.ceil(np.asarray(LEVELS) * pooled.shape[-1]).astype(np.int64) - 1
    mean = torch.stack([head.mean(p, unit) for p in parameters]).mean(dim=0)
    return mean, torch.from_numpy(pooled[..., at]).to(parameters)


def uniforms(count: int, steps: int) -> F64:
    """``(K, steps)`` probabilities, evenly spread over the futures at each step (a Latin hypercube)."""
    rng = np.random.default_rng(_SEED)
    rank = rng.permuted(np.arange(count)[:, None].repeat(steps, axis=1), axis=0)
    return np.asarray((rank + rng.random((count, steps))) / count)


def normals(count: int, *shape: int) -> F64:
    """``(K, *shape)`` standard normal noise; futures come in pairs of opposite noise, so that it is zero on average."""
    half = np.random.default_rng(_SEED).standard_normal((-(-count // 2), *shape))
    return np.stack([half, -half], axis=1).reshape(-1, *shape)[:count]


def few(batch: Batch, rows: int) -> Iterator[Batch]:
    """A few windows at a time: many futures of each take memory."""
    names = [f.name for f in dataclasses.fields(batch) if f.name != "steps"]
    size = max(1, rows)
    for first in range(0, len(batch.scale), size):
        yield dataclasses.replace(batch, **{n: getattr(batch, n)[first : first + size] for n in names})
