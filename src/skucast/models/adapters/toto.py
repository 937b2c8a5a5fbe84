"""Toto: Datadog's transformer over time and variates, which draws futures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...forecast import LEVELS
from ...panel import F32, I64
from ..spec import Capabilities
from .adapter import Adapter, Network, adapter_capabilities
from .inputs import Batch, Takes, joined


@dataclass(frozen=True)
class Toto(Adapter):
    """Datadog's Toto (package toto-ts): numeric covariates, as further series beside demand.

    What is known ahead of them it is told after each patch that it has forecast (64 steps with the published weights),
    so that it changes nothing before the second one: within the usual horizons it sees the past of covariates only.

    It draws futures, from which quantiles are taken. Each series is computed by itself, with the same noise, so that
    its forecast does not depend on others; that makes it the slowest of the adapters.

    Attributes:
        samples: futures drawn of each series.

    Source: Cohen et al. (2025), This time is different: An observability perspective on time series foundation models,
    arXiv 2505.14766.
    """

    name: ClassVar[str] = "toto"
    capabilities: ClassVar[Capabilities] = adapter_capabilities(
        "Datadog's foundation model, by its own package: weights from a folder or the hub; draws futures, slow.",
        extra="toto",
        known=True,
        past=True,
        stochastic=True,
    )
    weights: str = "Datadog/Toto-Open-Base-1.0"
    samples: int = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("samples", 2)

    @classmethod
    def open(cls, folder: Path, device: str) -> Network:
        """See `Adapter.open`."""
        from toto.inference.forecaster import TotoForecaster
        from toto.model.toto import Toto as Weights

        return TotoNetwork(TotoForecaster(Weights.load_from_checkpoint(str(folder), map_location=device).model))

    def network(self) -> Network:
        """See `Adapter.network`."""
        found = super().network()
        assert isinstance(found, TotoNetwork)
        return TotoNetwork(found.forecaster, self.samples, self.memory)


class TotoNetwork(Network):
    """See `Toto`."""

    levels = LEVELS
    takes = Takes(known=True, past=True)

    def __init__(self, forecaster: Any, samples: int = 2, memory: float = 2.0) -> None:
        self.forecaster = forecaster
        self.samples = samples
        self.memory = memory
        model = forecaster.model
        self.patch = model.patch_embed.stride
        self.context = 4096
        self.width = (2 * model.num_layers + 16) * model.embed_dim / self.patch

    def lengths(self, seen: I64) -> I64:
        """See `Network.lengths`; it looks at padding too, so only the first patch is padded."""
        return np.asarray(-(-np.maximum(seen, 1) // self.patch) * self.patch)

    def paths(self, horizon: int) -> int:
        """See `Network.paths`."""
        return self.samples

    def quantiles(self, batch: Batch, seed: int) -> npt.NDArray[Any]:
        """See `Network.quantiles`."""
        return np.stack([self._drawn(batch, i, seed) for i in range(len(batch.demand))])

    def _drawn(self, batch: Batch, i: int, seed: int) -> npt.NDArray[Any]:
        """Quantiles ``(H, Q)`` of one series; others do not change the noise that it meets."""
        import torch
        from toto.data.util.dataset import MaskedTimeseries

        length = batch.demand.shape[1]
        # it takes a deviation of 0.1 for the least there is, so that kilos of a spice would drown in noise
        size = min(float(np.nanmean(np.abs(batch.demand[i]))), 1.0) or 1.0
        rows = np.stack([batch.demand[i] / size, *(column[i] for column in batch.past.values())])
        told = np.stack([column[i] for column in batch.known.values()]) if batch.known else None
        ahead = None
        if told is not None:
            rows = np.concatenate([rows, told[:, :length]])
            ahead = torch.from_numpy(joined(told)[None, :, length:]).to(self.forecaster.model.device)
        series = torch.from_numpy(joined(rows)[None])
        inputs = MaskedTimeseries(
            series=series,
            padding_mask=torch.from_numpy(np.isfinite(rows)[None]),
            id_mask=torch.zeros_like(series),
            timestamp_seconds=torch.zeros_like(series, dtype=torch.int),
            time_interval_seconds=torch.zeros(series.shape[:2], dtype=torch.int),
            num_exogenous_variables=len(batch.known),
        ).to(self.forecaster.model.device)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            found = self.forecaster.forecast(
                inputs,
                prediction_length=batch.horizon,
                num_samples=self.samples,
                samples_per_batch=self._together(len(rows) * (length + batch.horizon)),
                future_exogenous_variables=ahead,
            )
        drawn: F32 = found.samples[0, 0].cpu().numpy()  # (H, samples)
        return size * np.quantile(drawn, self.levels, axis=1).T

    def _together(self, steps: int) -> int:
        """Futures drawn at once: as many as memory allows among the divisors of all."""
        fit = max(self.memory * 1e9 / (4 * self.width * steps), 1)
        return max(n for n in range(1, self.samples + 1) if self.samples % n == 0 and n <= fit)
