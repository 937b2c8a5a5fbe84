"""Window: one origin of a backtest and what came after it; Outcome: what a model said there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..panel import F32, I64, Bool
from .metrics import Scale


@dataclass(frozen=True, eq=False)
class Window:
    """One origin of the backtest.

    Attributes:
        cutoff: ordinal of the last step that models saw.
        rows: ``(S,)`` series of the panel that existed then.
        actual: ``(S, H)`` what came; NaN where missing or sold out.
        classes: ``(S,)`` demand class on the history up to the cutoff.
        scale: of that history, for MASE and RMSSE.
        hidden: ``(S, H)`` True where there were sales but the item was sold out.
        weight: ``(S,)`` how many series each stands for, when the panel is a sample; None is one each.
    """

    cutoff: int
    rows: I64
    actual: F32
    classes: npt.NDArray[np.int8]
    scale: Scale
    hidden: Bool
    weight: npt.NDArray[np.float64] | None = None

    @property
    def missing(self) -> Bool:
        """``(S, H)`` True where no actual value is known at all."""
        return np.asarray(np.isnan(self.actual) & ~self.hidden)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one model said in one window: ``mean`` ``(S, H)``, ``quantiles`` ``(S, H, Q)``, wall ``seconds``."""

    mean: F32
    quantiles: F32
    seconds: float
