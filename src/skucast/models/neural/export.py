"""A trained network as an ONNX file, for machines without torch or Python."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ...errors import MissingExtraError, ModelError
from ...forecast import LEVELS
from ...panel import F32
from ..spec import known_ahead
from .generative import Generative
from .heads import Asinh, Head, QuantileHead
from .inputs import Inputs
from .network import Forecaster, Network
from .transfer import ahead_names, patch_names
from .windows import Batch, Windows

if TYPE_CHECKING:
    from .fitted import FittedNeural

_MOST = 1_000_000  # series at once
_NOISE = (  # what the exporter says of itself and nobody can act on
    (FutureWarning, r"_check_is_size will be removed"),
    (FutureWarning, r"`isinstance\(treespec, LeafSpec\)` is deprecated"),
    (UserWarning, r"# The axis name: series will not be used"),
    (UserWarning, r"The tensor attributes? .*_flat_weights"),
)
_CHATTY = "torch.onnx._internal.exporter._registration"  # complains that torchvision is not there
_MEANING = {
    "patches": "history, one row per patch; its columns are named in 'patch_columns'",
    "ahead": "what is known of each step ahead; its columns are named in 'ahead_columns'",
    "scale": "the series' running mean at the last step, 1 before its first sale",
    "codes": "number of each static text, from 1; 0 where it is unknown",
    "numbers": "static numbers, standardised",
    "season": "share of usual demand that each step ahead brings",
    "told": "quantiles that the pretrained model says, in units of the scale",
    "level": "mean of the context in units of the scale",
    "spread": "deviation of the context in units of the scale",
}


def export(fitted: FittedNeural, path: str | Path) -> None:
    """Write the network of one block of forecasts as ONNX, and beside it what goes in and comes out as JSON.

    Raises:
        ModelError: there is no network, or it holds something that ONNX has no word for.
        MissingExtraError: the packages of the extra ``onnx`` are absent.
    """
    if fitted.network is None:
        raise ModelError(f"'{fitted.spec.name}' had too little to learn from: there is no network to export.")
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise MissingExtraError("Export to ONNX", "onnx")
    file = Path(path)
    batch = _batch(fitted, {})
    batch = Batch(**{n: _twice(getattr(batch, n)) if n != "steps" else batch.steps for n in _fields(Batch)})
    names = _given(fitted.inputs)
    network = _Block(fitted.network, batch, names).eval()
    series = torch.export.Dim("series", min=1, max=_MOST)
    try:
        with _quiet():
            program = torch.onnx.export(
                network, tuple(getattr(batch, n) for n in names), None, dynamo=True, verbose=False,
                input_names=list(names), output_names=list(network.answers),
                dynamic_shapes=(tuple({0: series} for _ in names),),
            )  # fmt: skip
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ModelError(f"The network of '{fitted.spec.name}' cannot be written as ONNX: {reason}") from error
    shapes = [] if program is None else [entry.shape for entry in program.model.graph.inputs]
    if program is None or any(shape is not None and isinstance(shape[0], int) for shape in shapes):
        raise ModelError(f"The network of '{fitted.spec.name}' cannot be written as ONNX for any number of series.")
    file.parent.mkdir(parents=True, exist_ok=True)
    program.save(file)
    about = _about(fitted, batch, names, network.answers)
    file.with_suffix(".json").write_text(json.dumps(about, ensure_ascii=False, indent=1))


def feeds(fitted: FittedNeural, future: Any = None) -> dict[str, npt.NDArray[Any]]:
    """What to give the exported network to forecast the steps after the fitted model's panel.

    Args:
        fitted: the model, updated to the newest history.
        future: known covariates, as in `Fitted.predict`.

    Returns:
        Arrays by input name, a row per series.
    """
    panel, horizon = fitted.panel, fitted.inputs.horizon
    batch = _batch(fitted, known_ahead(panel, future, horizon) if panel.known else {})
    return {name: getattr(batch, name).numpy() for name in _given(fitted.inputs)}


class _Block(nn.Module):
    """A network with tensors in and out."""

    def __init__(self, network: Forecaster, batch: Batch, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.names = network, names
        # the others say the same of all series: one row of them
        self.still = {n: getattr(batch, n)[: None if n == "steps" else 1] for n in _fields(Batch) if n not in names}
        hosted = isinstance(network, Generative) or (
            isinstance(network, Network) and not isinstance(_inner(network.head), QuantileHead)
        )  # what makes quantiles of parameters is no part of the network
        self.answers = ("parameters",) if hosted else ("quantiles", "mean")

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        batch = Batch(**self.still, **dict(zip(self.names, given, strict=True)))
        if self.answers == ("quantiles", "mean"):
            quantiles = self.network.quantiles(batch)[:, 0].clamp(min=0) * batch.scale[..., None]  # (B, H, Q)
            return quantiles, _mean(quantiles)
        if isinstance(self.network, Generative):
            futures = self.network.imagine(batch, self.network.draws)[:, :, 0]  # (K, B, H, W)
            return (self.network.answer(futures, batch).movedim(0, 1),)  # (B, K, H, P)
        return (self.network(batch)[:, 0],)  # (B, H, P)


def _inner(head: Head) -> Head:
    return head.inner if isinstance(head, Asinh) else head


def _mean(quantiles: Tensor) -> Tensor:
    """`skucast.models.neural.quantiles.mean_of` in torch."""
    p, q = np.asarray(LEVELS), quantiles
    body = ((q[..., 1:] + q[..., :-1]) / 2 * torch.tensor(np.diff(p), dtype=q.dtype)).sum(dim=-1)
    low = (q[..., 1] - q[..., 0]) / float(np.log(p[1] / p[0]))
    high = (q[..., -1] - q[..., -2]) / float(np.log((1 - p[-2]) / (1 - p[-1])))
    return body + float(p[0]) * (q[..., 0] - low).clamp(min=0) + float(1 - p[-1]) * (q[..., -1] + high)


def _given(inputs: Inputs) -> tuple[str, ...]:
    """Fields of a batch that the network looks at."""
    statics = inputs.statics
    wanted = {
        "patches": True, "ahead": True, "scale": True, "codes": bool(statics.groups), "numbers": bool(statics.numbers),
        "season": inputs.seasonal, "told": bool(inputs.base), "level": inputs.normalise, "spread": inputs.normalise,
    }  # fmt: skip
    return tuple(name for name, used in wanted.items() if used)


def _batch(fitted: FittedNeural, known: Mapping[str, F32]) -> Batch:
    windows = Windows(fitted.panel, fitted.inputs, known)
    return windows.gather(np.arange(len(fitted.panel)), windows.end - 1)


def _twice(part: Tensor) -> Tensor:
    """At least two rows, because the exporter takes a single one for a constant."""
    return torch.cat([part, part])


def _fields(batch: type[Batch]) -> list[str]:
    return [f.name for f in dataclasses.fields(batch)]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on its own inner workings."""
    log = logging.getLogger(_CHATTY)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for kind, start in _NOISE:
                warnings.filterwarnings("ignore", message=start, category=kind)
            yield
    finally:
        log.setLevel(level)


def _about(fitted: FittedNeural, batch: Batch, names: tuple[str, ...], answers: tuple[str, ...]) -> dict[str, Any]:
    """What a user of the file must know."""
    inputs, horizon = fitted.inputs, fitted.inputs.horizon
    said: dict[str, Any] = {
        "quantiles": {
            "shape": ["series", horizon, len(LEVELS)],
            "meaning": "of demand, one per level; skucast rounds them for items that sell in whole pieces",
        },
        "mean": {"shape": ["series", horizon], "meaning": "of demand"},
    }
    network = fitted.network
    if answers == ("parameters",):
        kind = type(_inner(network.head)).__name__
        futures = ["futures"] if isinstance(network, Generative) else []
        said = {
            "parameters": {
                "shape": ["series", *futures, horizon, "parameters"],
                "meaning": f"of the head '{kind}' (skucast.models.neural.likelihoods) before its link functions"
                + ("; the forecast is the equal mixture over futures" if futures else ""),
            }
        }
    return {
        "model": fitted.spec.to_dict(), "frequency": fitted.panel.freq.alias, "horizon": horizon,
        "levels": list(LEVELS),
        "inputs": {
            n: {"shape": ["series", *getattr(batch, n).shape[1:]], "dtype": str(getattr(batch, n).dtype).removeprefix("torch."),
                "meaning": _MEANING[n]} for n in names
        },
        "outputs": said, "patch_columns": list(patch_names(inputs)), "ahead_columns": list(ahead_names(inputs)),
    }  # fmt: skip
