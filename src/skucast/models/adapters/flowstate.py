"""FlowState: IBM's state-space model, whose clock is set by the season."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...panel import F32, I64
from ..spec import Capabilities
from .adapter import Adapter, Network, adapter_capabilities
from .inputs import Batch

_SEASON = 24.0  # steps of a season by the model's own clock
_FURTHEST = 16 * 1024  # steps of history, by any clock


@dataclass(frozen=True)
class FlowState(Adapter):
    """IBM's FlowState (package granite-tsfm): demand alone, no covariates.

    Its clock is set so that the frequency's season (a week of days, a year of weeks) takes the time that it learned
    seasons with. Horizons beyond half of its context are rolled out, with medians taken for granted.

    Attributes:
        season: steps per season; 0 takes the frequency's own.

    Source: Graf et al. (2025), FlowState: Sampling rate invariant time series forecasting, arXiv 2508.05287.
    """

    name: ClassVar[str] = "flowstate"
    capabilities: ClassVar[Capabilities] = adapter_capabilities(
        "IBM's state-space foundation model, by its own package: weights from a folder or the hub; demand alone.",
        extra="flowstate",
    )
    weights: str = "ibm-granite/granite-timeseries-flowstate-r1"
    season: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("season")

    @classmethod
    def open(cls, folder: Path, device: str) -> Network:
        """See `Adapter.open`."""
        from tsfm_public.models.flowstate import FlowStateForPrediction

        return FlowStateNetwork(FlowStateForPrediction.from_pretrained(str(folder)).to(device).eval())

    def network(self) -> Network:
        """See `Adapter.network`."""
        found = super().network()
        assert isinstance(found, FlowStateNetwork)
        return FlowStateNetwork(found.model, self.season)


class FlowStateNetwork(Network):
    """See `FlowState`."""

    def __init__(self, model: Any, season: int = 0) -> None:
        self.model = model
        self.season = season
        self.levels = tuple(model.config.quantiles)
        self.context = _FURTHEST
        self.width = 24.0 * max(model.config.embedding_feature_dim, model.config.encoder_state_dim)

    def lengths(self, seen: I64) -> I64:
        """See `Network.lengths`; steps before a series begins would pass through its state, so there are none
        (but one, where two are too few for it)."""
        return np.maximum(seen, 2)

    def quantiles(self, batch: Batch, seed: int) -> npt.NDArray[Any]:
        """See `Network.quantiles`."""
        clock = _SEASON / (self.season or batch.season) * (1 - 1e-9)  # so that a season has all its steps
        reach = min(_FURTHEST, int(self.model.config.context_length / clock))
        demand, parts, left = batch.demand, [], batch.horizon
        while left > 0:
            steps = min(left, max(reach // 2, 1))
            parts.append(self._pass(demand, steps, clock))
            left -= steps
            demand = np.concatenate([demand, parts[-1][:, :, len(self.levels) // 2]], axis=1)
        return np.concatenate(parts, axis=1)

    def _pass(self, demand: F32, steps: int, clock: float) -> F32:
        import torch

        with torch.no_grad():
            found = self.model(
                torch.from_numpy(demand)[:, :, None].to(self.model.device),
                prediction_length=steps,
                scale_factor=clock,
                batch_first=True,
                return_dict=True,
            )
        return np.swapaxes(found.quantile_outputs[..., 0].cpu().numpy(), 1, 2)
