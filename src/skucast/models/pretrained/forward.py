"""Forward: the network without torch. `skucast.models.pretrained.network` says what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...panel import F32
from .inputs import Inputs
from .size import LEVELS, Size

_EPS = np.float32(1e-5)
_MIDDLE = LEVELS.index(0.5)
_NARROW = np.float32(1.0)
_CLOSED = np.float32(-1e4)


@dataclass(frozen=True, eq=False)
class Forward:
    """The network as numpy arrays.

    Attributes:
        size: widths and depths.
        weights: name of a parameter -> array, float32; matrices as torch has them, ``(out, in)``.
    """

    size: Size
    weights: Mapping[str, F32]

    def quantiles(self, made: Inputs) -> F32:
        """Quantiles ``(B, H, len(LEVELS))`` in the network's space, rising."""
        size = self.size
        x = self._linear("enter", made.history)
        for k in range(size.history_blocks):
            x = self._residual(f"blocks.{k}", x)
        rows, ahead = made.steps.shape[:2]
        z = self._linear("step", made.steps.reshape(rows * ahead, -1))
        z += np.repeat(self._linear("summary", x), ahead, axis=0)
        flat = made.tokens.reshape(-1, made.tokens.shape[2])
        memory = self._linear("memory", np.concatenate([flat, _silu(self._linear("token", flat))], axis=1))
        memory = memory.reshape(rows, made.tokens.shape[1], 2 * size.rounds, size.heads, size.head)
        bias = np.where(made.seen, np.float32(0.0), _CLOSED)
        for k in range(size.rounds):
            z = self._attend(f"attend.{k}", z, memory[:, :, 2 * k], memory[:, :, 2 * k + 1], bias)
            z = self._residual(f"think.{k}", z)
        return made.yardstick.undo(_ordered(self._linear("head", z)).reshape(rows, ahead, -1))

    def _linear(self, name: str, x: F32) -> F32:
        out: F32 = x @ self.weights[f"{name}.weight"].T
        out += self.weights[f"{name}.bias"]
        return out

    def _norm(self, name: str, x: F32) -> F32:
        mean = np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1])
        return np.asarray(x * (1 / np.sqrt(mean + _EPS)) * self.weights[f"{name}.weight"])

    def _residual(self, name: str, x: F32) -> F32:
        return x + self._linear(f"{name}.down", _silu(self._linear(f"{name}.up", self._norm(f"{name}.norm", x))))

    def _attend(self, name: str, z: F32, key: F32, value: F32, bias: F32) -> F32:
        """See `network.Attention`; ``z`` is ``(B * H, step)``, key and value ``(B, L, heads, head)``."""
        heads, head = self.size.heads, self.size.head
        rows = len(bias)
        query = self._linear(f"{name}.query", self._norm(f"{name}.norm", z))
        query *= np.float32(head**-0.5)
        query = np.ascontiguousarray(query.reshape(rows, -1, heads, head).transpose(0, 2, 1, 3))  # (B, heads, H, head)
        nothing = self.weights[f"{name}.nothing"].reshape(2, heads, head)
        score = query @ key.transpose(0, 2, 3, 1)  # (B, heads, H, L)
        score += bias[:, None, None]
        alone = (query * nothing[0][:, None]).sum(axis=3, keepdims=True)  # (B, heads, H, 1)
        top = np.maximum(score.max(axis=3, keepdims=True), alone)
        score -= top
        np.exp(score, out=score)
        alone = np.exp(alone - top)
        total = score.sum(axis=3, keepdims=True) + alone
        mixed = (score @ value.transpose(0, 2, 1, 3) + alone * nothing[1][:, None]) / total
        mixed = mixed.transpose(0, 2, 1, 3).reshape(z.shape[0], heads * head)
        return z + self._linear(f"{name}.out", mixed)


def _silu(x: F32) -> F32:
    return np.asarray(x / (1 + np.exp(-np.maximum(x, np.float32(-80)))), dtype=np.float32)


def _ordered(out: F32) -> F32:
    gaps = np.logaddexp(out - _NARROW, np.float32(0.0))
    result = np.empty_like(out)
    result[:, _MIDDLE] = out[:, _MIDDLE]
    for k in range(_MIDDLE - 1, -1, -1):
        result[:, k] = result[:, k + 1] - gaps[:, k]
    for k in range(_MIDDLE + 1, len(LEVELS)):
        result[:, k] = result[:, k - 1] + gaps[:, k]
    return result


def mean_weights() -> npt.NDArray[np.float32]:
    """Weights of the quantiles whose sum is the mean: trapezoids between levels, an exponential tail above."""
    level = np.array(LEVELS)
    weight = np.zeros(level.size)
    gap = np.diff(level)
    weight[:-1] += gap / 2
    weight[1:] += gap / 2
    weight[0] += level[0]
    weight[-1] += 1 - level[-1]
    beyond = (1 - level[-1]) / np.log((1 - level[-2]) / (1 - level[-1]))  # mean excess of the tail, times its weight
    weight[-1] += beyond
    weight[-2] -= beyond
    return weight.astype(np.float32)
