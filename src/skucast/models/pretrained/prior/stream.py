"""Streams of random numbers that can be entered anywhere."""

from __future__ import annotations

import numpy as np


def stream(seed: int, block: int, purpose: int = 0) -> np.random.Generator:
    """The generator of one block: it depends on its number only, so going on equals beginning again.

    Args:
        seed: of the training.
        block: number of the block, from 0.
        purpose: keeps apart what must not share numbers (0 the prior, 1 the training, 2 validation).
    """
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=[0, 0, block, 0]))
