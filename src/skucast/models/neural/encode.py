"""What a network makes of the past of every series, as columns that other models can learn from."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from ...errors import ConfigError, ModelError
from ...panel import F32, I64, Panel
from ...panel_frame import Layout, stamp_series
from .windows import Windows

if TYPE_CHECKING:
    from .fitted import FittedNeural

_AT_ONCE = 2048  # windows


def encode(fitted: FittedNeural, panel: Panel, every: int) -> pl.DataFrame:
    """See `skucast.models.neural.fitted.FittedNeural.encode`."""
    if isinstance(every, bool) or every < 1:
        raise ConfigError(f"A representation can be had every 1, 2, ... steps, not every {every!r}.")
    encoder = getattr(fitted.network, "encoder", None)
    if encoder is None:
        raise ModelError(f"'{fitted.spec.name}' has no encoder whose state could be shown.")
    cells = _cells(panel, every)
    hidden = encoded(fitted, panel, cells)
    layout = panel.layout or Layout(id=panel.static.columns[0])
    return pl.DataFrame({
        layout.id: panel.ids.gather(panel.row_of[cells]),
        layout.time: stamp_series(panel.freq.stamp(panel.ordinals[cells]), layout.time_dtype),
        **{f"h_{k}": column for k, column in enumerate(hidden.T)},
    })  # fmt: skip


def encoded(fitted: FittedNeural, panel: Panel, cells: I64) -> F32:
    """``(len(cells), D)`` state of the encoder at the end of a whole context that ends in each flat cell."""
    # the encoder is not told what the pretrained model says
    windows = Windows(panel, replace(fitted.inputs, base=None))
    network = copy.deepcopy(fitted.network).double().eval()  # in double, the size of a batch does not show
    horizon, row = fitted.inputs.horizon, panel.row_of[cells]
    origins = cells + horizon * row  # the windows' series are longer by the horizon
    out = []
    with torch.inference_mode():
        for first in range(0, len(cells), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            batch = windows.gather(row[some], origins[some], steps=np.zeros(1, np.int64))
            out.append(network.encoder(batch.patches.double(), 1)[:, 0].float().numpy())
    return np.concatenate(out) if out else np.empty((0, 0), np.float32)


def _cells(panel: Panel, every: int) -> I64:
    """Cells whose date is a whole number of times ``every`` before the panel's end."""
    return np.flatnonzero((panel.end - panel.ordinals) % every == 0)
