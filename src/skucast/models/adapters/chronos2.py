"""Chronos-2: Amazon's transformer that attends over time and over the covariates of a series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...panel import F32
from ..spec import Capabilities
from .adapter import Adapter, Network, adapter_capabilities
from .inputs import Batch, Takes


@dataclass(frozen=True)
class Chronos2(Adapter):
    """Amazon's Chronos-2 (package chronos-forecasting): covariates known ahead and past ones, numbers and texts.

    Texts become the item's own mean demand under each (the package does it). Horizons beyond what the model answers
    in one pass are rolled out by the package from nine quantiles.

    Attributes:
        cross_learning: series that are computed together may learn from each other; then a forecast depends on
            which others are in the panel.

    Source: Ansari et al. (2025), Chronos-2: From univariate to universal forecasting, arXiv 2510.15821.
    """

    name: ClassVar[str] = "chronos-2"
    capabilities: ClassVar[Capabilities] = adapter_capabilities(
        "Amazon's foundation model, by its own package: weights from a folder or the hub, with covariates.",
        extra="chronos",
        known=True,
        past=True,
    )
    weights: str = "amazon/chronos-2"
    cross_learning: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cross_learning:
            object.__setattr__(self, "capabilities", replace(type(self).capabilities, joint=True))

    @classmethod
    def open(cls, folder: Path, device: str) -> Network:
        """See `Adapter.open`."""
        from chronos import Chronos2Pipeline

        pipeline = Chronos2Pipeline.from_pretrained(str(folder))
        pipeline.model.to(device).float().eval()
        return Chronos2Network(pipeline)

    def network(self) -> Network:
        """See `Adapter.network`."""
        found = super().network()
        assert isinstance(found, Chronos2Network)
        return Chronos2Network(found.pipeline, self.cross_learning)


class Chronos2Network(Network):
    """See `Chronos2`."""

    takes = Takes(known=True, past=True, text=True)

    def __init__(self, pipeline: Any, together: bool = False) -> None:
        self.pipeline = pipeline
        self.together = together
        self.levels = tuple(pipeline.quantiles)
        self.context = pipeline.model_context_length
        self.width = 16 * pipeline.model.config.d_model / pipeline.model.chronos_config.input_patch_size

    def paths(self, horizon: int) -> int:
        """See `Network.paths`."""
        return 1 if horizon <= self.pipeline.model_prediction_length else 9

    def quantiles(self, batch: Batch, seed: int) -> npt.NDArray[Any]:
        """See `Network.quantiles`."""
        told = {name: self._column(batch, name, column) for name, column in (*batch.past.items(), *batch.known.items())}
        length = batch.demand.shape[1]
        items = [
            {
                "target": row,
                "past_covariates": {name: column[i, :length] for name, column in told.items()},
                "future_covariates": {name: told[name][i, length:] for name in batch.known},
            }
            for i, row in enumerate(batch.demand)
        ]
        found = self.pipeline.predict(
            items,
            prediction_length=batch.horizon,
            batch_size=len(items) * (1 + len(told)),
            context_length=length,
            cross_learning=self.together,
        )
        return np.stack([one[0].numpy().T for one in found])  # (1, Q, H) of each

    def _column(self, batch: Batch, name: str, column: F32) -> npt.NDArray[Any]:
        return batch.words(name, column) if name in batch.texts else column
