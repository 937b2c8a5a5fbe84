"""Forward: the network without torch. `skucast.models.pretrained.network` says what it computes."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...panel import F32
from .inputs import Inputs
from .size import LEVELS, Size

_EPS = np.float32(1e-5)
_MIDDLE = LEVELS.index(0.5)
_NARROW = np.float32(1.0)
_HIGH = np.float32(78.0)  # whose exponential, times a few hundred tokens and their values, is still a number

Layer = tuple[F32, F32]


@dataclass(frozen=True, eq=False)
class Forward:
    """The network as numpy arrays.

    Attributes:
        size: widths and depths.
        weights: name of a parameter -> array, float32; matrices as torch has them, ``(out, in)``.
    """

    size: Size
    weights: Mapping[str, F32]

    @cached_property
    def _layers(self) -> dict[str, Layer]:
        """Matrices ``(in, out)`` and biases, with all that can be multiplied beforehand in them.

        The weights of a norm go into the matrix after it, the scale of attention into its queries, and
        half of what `_silu` is told into the matrices before it.
        """
        names = [name.removesuffix(".bias") for name in self.weights if name.endswith(".bias")]
        out: dict[str, Layer] = {}
        for name in names:
            matrix, bias = self.weights[f"{name}.weight"].T.copy(), self.weights[f"{name}.bias"].copy()
            before, _, last = name.rpartition(".")
            if last in ("up", "query"):
                matrix *= self.weights[f"{before}.norm.weight"][:, None]
            by = {"query": self.size.head**-0.5, "up": 0.5, "token": 0.5}.get(last, 1.0)
            out[name] = (matrix * np.float32(by), bias * np.float32(by))
        return out

    @cached_property
    def _remembering(self) -> F32:
        """The layer ``memory`` as `_attend` wants it, with the biases in a last row.

        From all keys that of "nothing fits" is taken away, so that its own score is 0; and every value gets a last
        number that is 1, so that one product makes the weighted sum and the sum of weights.
        """
        size = self.size
        whole = np.concatenate(self._layers["memory"], axis=None).reshape(-1, 2 * size.rounds, size.heads, size.head)
        parts = []
        for k in range(size.rounds):
            key, value = whole[:, 2 * k].copy(), np.zeros((len(whole), size.heads, size.head + 1), np.float32)
            key[-1] -= self.weights[f"attend.{k}.nothing"][0].reshape(size.heads, size.head)
            value[:, :, : size.head] = whole[:, 2 * k + 1]
            value[-1, :, size.head] = 1
            parts += [key.reshape(len(whole), -1), value.reshape(len(whole), -1)]
        return np.concatenate(parts, axis=1)

    def quantiles(self, made: Inputs) -> F32:
        """Quantiles ``(B, H, len(LEVELS))`` in the network's space, rising."""
        size = self.size
        x = self._linear("enter", made.history)
        for k in range(size.history_blocks):
            self._residual(f"blocks.{k}", x)
        rows, ahead = made.steps.shape[:2]
        z = self._linear("step", made.steps.reshape(rows * ahead, -1))
        z.reshape(rows, ahead, -1)[:] += self._linear("summary", x)[:, None]
        memory = self._memory(made).reshape(rows, -1, size.rounds, size.heads * (2 * size.head + 1))
        for k in range(size.rounds):
            self._attend(f"attend.{k}", z, memory[:, :, k])
            self._residual(f"think.{k}", z)
        return made.yardstick.undo(_ordered(self._linear("head", z)).reshape(rows, ahead, -1))

    def _linear(self, name: str, x: F32) -> F32:
        """A layer; what it returns is written over by the next of the same name."""
        matrix, bias = self._layers[name]
        out = np.matmul(x, matrix, out=_room(name.rpartition(".")[2], len(x), matrix.shape[1]))
        out += bias
        return out

    def _residual(self, name: str, x: F32) -> None:
        x += self._linear(f"{name}.down", _silu(self._linear(f"{name}.up", _norm(x))))

    def _memory(self, made: Inputs) -> F32:
        """Keys and values ``(B * L, ...)`` of all rounds."""
        flat = made.tokens.reshape(-1, made.tokens.shape[2])
        joined = _room("joined", len(flat), len(self._remembering))
        joined[:, -1] = made.seen.ravel()  # what was not observed weighs nothing
        seen = joined[:, -1:]
        np.multiply(flat, seen, out=joined[:, : flat.shape[1]])
        np.multiply(_silu(self._linear("token", flat)), seen, out=joined[:, flat.shape[1] : -1])
        return np.matmul(joined, self._remembering, out=_room("memory", len(flat), self._remembering.shape[1]))

    def _attend(self, name: str, z: F32, memory: F32) -> None:
        """See `network.Attention`; ``z`` is ``(B * H, step)``, memory ``(B, L, keys and values)``."""
        heads, head = self.size.heads, self.size.head
        rows = len(memory)
        key = memory[:, :, : heads * head].reshape(rows, -1, heads, head)
        value = memory[:, :, heads * head :].reshape(rows, -1, heads, head + 1)
        query = self._linear(f"{name}.query", _norm(z)).reshape(rows, -1, heads, head).transpose(0, 2, 1, 3)
        weight = _room("weight", rows, heads, query.shape[2], key.shape[1])
        np.matmul(query, np.ascontiguousarray(key.transpose(0, 2, 3, 1)), out=weight)
        if weight.max(initial=0) > _HIGH:
            np.minimum(weight, _HIGH, out=weight)
        np.exp(weight, out=weight)
        mixed = weight @ value.transpose(0, 2, 1, 3)  # (B, heads, H, head + 1)
        nothing = self.weights[f"{name}.nothing"][1].reshape(heads, 1, head)
        mixed = (mixed[..., :head] + nothing) / (1 + mixed[..., head:])
        z += self._linear(f"{name}.out", mixed.transpose(0, 2, 1, 3).reshape(-1, heads * head))


_ROOMS = threading.local()


def _room(name: str, *shape: int) -> F32:
    """An array to write to, the same memory each time: fresh memory would take a third of all time."""
    size = math.prod(shape)
    room: F32 | None = getattr(_ROOMS, name, None)
    if room is None or room.size < size:
        room = np.empty(size, np.float32)
        setattr(_ROOMS, name, room)
    return room[:size].reshape(shape)


def _norm(x: F32) -> F32:
    size = np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1])
    return np.asarray(np.multiply(x, 1 / np.sqrt(size + _EPS), out=_room("norm", *x.shape)))


def _silu(half: F32) -> F32:
    """``x * sigmoid(x)`` of twice what is given, in place."""
    turned = np.tanh(half, out=_room("turned", *half.shape))
    turned += 1
    half *= turned
    return half


def _ordered(out: F32) -> F32:
    gaps = np.logaddexp(out - _NARROW, np.float32(0.0))
    result = np.empty_like(out)
    result[:, _MIDDLE] = out[:, _MIDDLE]
    for k in range(_MIDDLE - 1, -1, -1):
        result[:, k] = result[:, k + 1] - gaps[:, k]
    for k in range(_MIDDLE + 1, len(LEVELS)):
        result[:, k] = result[:, k - 1] + gaps[:, k]
    return result


def between(start: Forward, end: Forward, share: float) -> Forward:
    """Weights on the way from some to others, in numbers of 16 bits, as they are saved.

    Source: Wortsman et al. (2022), Robust fine-tuning of zero-shot models.
    """
    made = {}
    for name, weight in start.weights.items():
        mixed = weight + np.float32(share) * (end.weights[name] - weight)
        made[name] = np.ascontiguousarray(mixed.astype(np.float16), dtype=np.float32)
    return Forward(start.size, made)
