"""What trained networks say besides forecasts: where they look, what counts, and the futures that they draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from scipy.special import ndtri

from ...panel import F32, I64, Panel
from ...panel_frame import Layout, stamp_series
from .fit import in_chunks
from .generative import uniforms
from .sight import begun
from .windows import Batch

if TYPE_CHECKING:
    from .fitted import FittedNeural

_SERIES = 256  # series whose futures say how steps hang together
_FUTURES = 32  # of each of them


def looks(fitted: FittedNeural, known: Mapping[str, F32], horizon: int) -> pl.DataFrame:
    """See `skucast.models.neural.attend.FittedAttentive.attention`."""
    parts = []
    for panel, network, batch in _ahead(fitted, fitted.panel, known):
        with torch.inference_mode():
            weights = network.attention(batch)[:, 0, :horizon].cpu().numpy()  # (S, H, P)
        series, step, patch = np.nonzero(np.broadcast_to(_there(fitted, batch)[:, None], weights.shape))
        parts.append(pl.DataFrame({
            **_who_and_when(panel, series, panel.end + 1 + step),
            "patch": _stamps(panel, _ends(fitted, panel)[patch]), "weight": weights[series, step, patch],
        }))  # fmt: skip
    return pl.concat(parts)


def chosen(fitted: FittedNeural, known: Mapping[str, F32], horizon: int) -> pl.DataFrame:
    """See `skucast.models.neural.attend.FittedAttentive.selection`."""
    parts = []
    for panel, network, batch in _ahead(fitted, fitted.panel, known):
        there, ends = _there(fitted, batch), _ends(fitted, panel)
        steps = panel.end + 1 + np.arange(horizon)
        ahead = np.ones((len(panel), horizon), np.bool_)
        sides = (
            ("past", network.encoder.embed, batch.patches, there, ends),
            ("ahead", network.ahead, batch.ahead[:, 0, :horizon], ahead, steps),
        )
        for side, selection, inputs, shown, when in sides:
            with torch.inference_mode():
                weights = selection.weights(inputs).cpu().numpy()  # (S, T, V)
            series, at = np.nonzero(shown)
            count = len(selection.names)
            parts.append(pl.DataFrame({
                **_who_and_when(panel, series.repeat(count), when[at.repeat(count)]),
                "side": pl.repeat(side, series.size * count, eager=True),
                "variable": pl.Series(selection.names).gather(np.tile(np.arange(count), series.size)),
                "weight": weights[series, at].ravel(),
            }))  # fmt: skip
    return pl.concat(parts)


def futures(fitted: FittedNeural, known: Mapping[str, F32], count: int) -> F32:
    """See `skucast.models.neural.attend.FittedGenerative.futures`, for the whole horizon of the network."""
    parts = []
    for _, network, batch in _ahead(fitted, fitted.panel, known):
        with torch.inference_mode():
            drawn = network.paths(batch, count)[:, :, 0] * batch.scale  # (K, S, H)
        parts.append(drawn.transpose(0, 1).cpu().numpy())
    return np.concatenate(parts).astype(np.float32)


def trajectories(fitted: FittedNeural, known: Mapping[str, F32], horizon: int) -> F32:
    """``(M, horizon)`` normal scores of drawn futures among those of the same series and step, of some series."""
    rows = np.unique(np.linspace(0, len(fitted.panel) - 1, min(len(fitted.panel), _SERIES)).astype(np.int64))
    panel = fitted.panel.take(rows)
    chance = uniforms(_FUTURES, fitted.inputs.horizon)[:, None, :horizon]
    parts = []
    for _, network, batch in _ahead(fitted, panel, {n: c[rows] for n, c in known.items()}):
        with torch.inference_mode():
            drawn = network.paths(batch, _FUTURES)[:, :, 0, :horizon].cpu().numpy()  # (K, S, H)
        order = np.lexsort((np.broadcast_to(chance, drawn.shape), drawn), axis=0)  # equal counts: by their chance
        rank = order.argsort(axis=0)
        parts.append(ndtri((rank + 0.5) / _FUTURES).reshape(-1, horizon))
    return np.concatenate(parts).astype(np.float32)


def _ahead(fitted: FittedNeural, panel: Panel, known: Mapping[str, F32]) -> Iterator[tuple[Panel, Any, Batch]]:
    """See `skucast.models.neural.fit.in_chunks`."""
    return in_chunks(fitted.network, fitted.inputs, panel, known, fitted.spec.train.device)


def _who_and_when(panel: Panel, series: I64, ordinals: I64) -> dict[str, pl.Series]:
    """The two columns that say which series and which step, named as the user's own."""
    layout = panel.layout or Layout(id=panel.static.columns[0])
    return {layout.id: panel.ids.gather(series), layout.time: _stamps(panel, ordinals)}


def _stamps(panel: Panel, ordinals: I64) -> pl.Series:
    return stamp_series(panel.freq.stamp(ordinals), panel.layout.time_dtype if panel.layout else None)


def _there(fitted: FittedNeural, batch: Batch) -> npt.NDArray[np.bool_]:
    """``(S, P)`` patches of the context in which, or before which, something was observed."""
    return np.asarray(begun(batch.patches, fitted.inputs.patch).cpu().numpy())


def _ends(fitted: FittedNeural, panel: Panel) -> I64:
    """``(P,)`` ordinals of the last steps of the patches."""
    inputs = fitted.inputs
    return np.asarray(panel.end - inputs.patch * np.arange(inputs.patches - 1, -1, -1))
