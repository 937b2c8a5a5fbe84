"""The LSTM cell written out, as the papers have it.

`torch.nn.LSTM` computes the same numbers faster; a test holds the two together. This form is for reading, and
for looking into a trained network: which gates open when, and what the cell remembers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import nn

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Step:
    """Everything inside a cell at one step, each ``(..., D)``.

    Attributes:
        i: input gate, what is let in.
        f: forget gate, what is kept.
        g: candidate, what could be written.
        o: output gate, what is shown.
        c: cell state.
        h: output.
    """

    i: F64
    f: F64
    g: F64
    o: F64
    c: F64
    h: F64


@dataclass(frozen=True, eq=False)
class LstmCell:
    """Long short-term memory with a forget gate and a cell state.

    Attributes:
        w: ``(4 D, I)`` weights of the input, the rows of gates ``i, f, g, o`` one after the other.
        u: ``(4 D, D)`` weights of the last output.
        b: ``(4 D,)`` bias.

    Source: Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9; the forget gate from
    Gers, Schmidhuber & Cummins (2000), Learning to Forget, Neural Computation 12.
    """

    w: F64
    u: F64
    b: F64

    @staticmethod
    def of(lstm: nn.LSTM, layer: int = 0) -> LstmCell:
        """The cell of one layer of a torch LSTM (its two biases are one)."""

        def weight(name: str) -> F64:
            return np.asarray(getattr(lstm, f"{name}_l{layer}").detach().cpu().numpy(), dtype=np.float64)

        return LstmCell(weight("weight_ih"), weight("weight_hh"), weight("bias_ih") + weight("bias_hh"))

    def step(self, x: F64, h: F64, c: F64) -> Step:
        """One step from input ``(..., I)``, last output and last cell state ``(..., D)``.

        ``i, f, o = sigmoid(W x + U h + b)``, ``g = tanh(W x + U h + b)``, each with its own rows;
        ``c_t = f_t c_{t-1} + i_t g_t``; ``h_t = o_t tanh(c_t)``.
        """
        i, f, g, o = np.split(x @ self.w.T + h @ self.u.T + self.b, 4, axis=-1)
        i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
        c = f * c + i * g
        return Step(i, f, g, o, c, o * np.tanh(c))

    def run(self, x: npt.NDArray[Any]) -> list[Step]:
        """All steps over inputs ``(..., T, I)``, from an empty memory."""
        nothing = np.zeros((*x.shape[:-2], self.u.shape[1]))
        steps = [self.step(x[..., 0, :], nothing, nothing)] if x.shape[-2] else []
        for t in range(1, x.shape[-2]):
            steps.append(self.step(x[..., t, :], steps[-1].h, steps[-1].c))
        return steps


def _sigmoid(x: F64) -> F64:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))  # does not overflow
