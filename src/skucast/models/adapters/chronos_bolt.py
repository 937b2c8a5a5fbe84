"""Chronos-Bolt: Amazon's encoder and decoder over patches, of one series without covariates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..spec import Capabilities
from .adapter import Adapter, Network, adapter_capabilities
from .inputs import Batch


@dataclass(frozen=True)
class ChronosBolt(Adapter):
    """Amazon's Chronos-Bolt (package chronos-forecasting): demand alone, no covariates.

    Horizons beyond what the model answers in one pass are rolled out by the package from all its quantiles.

    Source: Ansari et al. (2024), Chronos: Learning the language of time series, arXiv 2403.07815; its successor Bolt
    is described with its weights.
    """

    name: ClassVar[str] = "chronos-bolt"
    capabilities: ClassVar[Capabilities] = adapter_capabilities(
        "Amazon's quicker foundation model, by its own package: weights from a folder or the hub; demand alone.",
        extra="chronos",
    )
    weights: str = "amazon/chronos-bolt-base"

    @classmethod
    def open(cls, folder: Path, device: str) -> Network:
        """See `Adapter.open`."""
        from chronos import ChronosBoltPipeline

        pipeline = ChronosBoltPipeline.from_pretrained(str(folder))
        pipeline.model.to(device).float().eval()
        return ChronosBoltNetwork(pipeline)


class ChronosBoltNetwork(Network):
    """See `ChronosBolt`."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self.levels = tuple(pipeline.quantiles)
        self.context = pipeline.model_context_length
        self.width = 16 * pipeline.model.config.d_model / pipeline.model.chronos_config.input_patch_size

    def paths(self, horizon: int) -> int:
        """See `Network.paths`."""
        return 1 if horizon <= self.pipeline.model_prediction_length else len(self.levels)

    def quantiles(self, batch: Batch, seed: int) -> npt.NDArray[Any]:
        """See `Network.quantiles`."""
        import torch

        found = self.pipeline.predict(torch.from_numpy(batch.demand), prediction_length=batch.horizon)
        return np.swapaxes(found.numpy(), 1, 2)
