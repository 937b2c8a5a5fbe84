"""TimesFM: Google's decoder over patches; 2.5 of one series alone, 3.0 with its covariates."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...panel import I64
from ..spec import Capabilities
from .adapter import Adapter, Network, adapter_capabilities
from .inputs import Batch, Takes
from .weights import config


@dataclass(frozen=True)
class TimesFm(Adapter):
    """Google's TimesFM 2.5 or 3.0 (package timesfm), whichever the weights are.

    Weights of 3.0 take numeric covariates, known ahead and past ones. Those of 2.5 take demand alone: the package can
    only add a regression to it, which needs JAX and lets the series of a batch influence each other, so it is not used.
    The weights of 3.0 are not free for commercial use (as of August 2026).

    Source: Das et al. (2024), A decoder-only foundation model for time-series forecasting, arXiv 2310.10688.
    """

    name: ClassVar[str] = "timesfm"
    capabilities: ClassVar[Capabilities] = adapter_capabilities(
        "Google's foundation model, by its own package: weights from a folder or the hub; 3.0 takes covariates.",
        extra="timesfm",
        known=True,
        past=True,
    )
    files: ClassVar[tuple[str, ...]] = ("model.safetensors",)  # 2.5 does without a config
    weights: str = "google/timesfm-2.5-200m-pytorch"

    @classmethod
    def open(cls, folder: Path, device: str) -> Network:
        """See `Adapter.open`."""
        return (
            TimesFm3Network(folder, device) if "input_patch_len" in config(folder) else TimesFm25Network(folder, device)
        )


class TimesFm25Network(Network):
    """TimesFM 2.5."""

    levels = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

    def __init__(self, folder: Path, device: str) -> None:
        import torch
        from timesfm import ForecastConfig, TimesFM_2p5_200M_torch

        self.model = TimesFM_2p5_200M_torch.from_pretrained(str(folder), torch_compile=False)
        self.model.model.device, self.model.model.device_count = torch.device(device), 1
        self.model.model.to(device)
        self.config = ForecastConfig
        self.limit = self.model.model.config.context_limit
        self.context = self.limit // 2  # the other half is for what is decoded
        inner = self.model.model
        self.width = ((24 + 2 * inner.x) * inner.md + 3 * inner.os * inner.q) / inner.p  # with caches and far quantiles

    def quantiles(self, batch: Batch, seed: int) -> npt.NDArray[Any]:
        """See `Network.quantiles`."""
        rows, length = batch.demand.shape
        self.model.compile(
            self.config(
                max_context=length,
                max_horizon=batch.horizon,
                normalize_inputs=True,
                per_core_batch_size=rows,
                use_continuous_quantile_head=batch.horizon <= self.model.model.os - self.model.model.o,
                force_flip_invariance=True,
                infer_is_positive=True,
                fix_quantile_crossing=True,
            )
        )
        _, found = self.model.forecast(horizon=batch.horizon, inputs=list(batch.demand))
        return np.asarray(found[:, :, 1:])  # the first is the mean


class TimesFm3Network(Network):
    """TimesFM 3.0."""

    takes = Takes(known=True, past=True)

    def __init__(self, folder: Path, device: str) -> None:
        from timesfm3 import TimesFM3Forecaster

        self.model = TimesFM3Forecaster.from_pretrained(str(folder), device=device)
        self.levels = tuple(self.model.config.quantiles)
        self.context = self.model.global_context
        width = self.model.config.transformer_config.transformer.model_dims
        self.width = 24 * width / self.model.config.input_patch_length

    def lengths(self, seen: I64) -> I64:
        """See `Network.lengths`; it pads covariates with zeros, so only whole patches are added."""
        patch = self.model.config.input_patch_length
        return np.asarray(-(-np.maximum(seen, 1) // patch) * patch)

    def quantiles(self, batch: Batch, seed: int) -> npt.NDArray[Any]:
        """See `Network.quantiles`."""
        rows = len(batch.demand)
        past, known = (list(columns.values()) for columns in (batch.past, batch.known))
        self.model.config = dataclasses.replace(self.model.config, per_core_batch_size=rows)
        found = self.model.predict_batch(
            list(batch.demand),
            batch.horizon,
            past_only_covariates=list(np.stack(past, axis=1)) if past else None,
            past_future_covariates=list(np.stack(known, axis=1)) if known else None,
            return_quantiles=True,
            make_positive=True,
            padding_mode="edge",
        )
        return np.stack([one.quantiles for one in found])
