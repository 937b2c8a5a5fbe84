"""TiRex: NXAI's recurrent network (xLSTM) over patches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...panel import I64
from ..spec import Capabilities
from .adapter import Adapter, Network, adapter_capabilities
from .inputs import Batch


@dataclass(frozen=True)
class TiRex(Adapter):
    """NXAI's TiRex (package tirex-ts): demand alone, no covariates.

    Horizons beyond one patch are rolled out by the package, with what it forecast left unknown. Package and weights
    are under the NXAI community licence, which asks large companies for a contract.

    Source: Auer et al. (2025), TiRex: Zero-shot forecasting across long and short horizons, arXiv 2505.23719.
    """

    name: ClassVar[str] = "tirex"
    capabilities: ClassVar[Capabilities] = adapter_capabilities(
        "NXAI's recurrent foundation model, by its own package: weights from a folder or the hub; demand alone.",
        extra="tirex",
    )
    files: ClassVar[tuple[str, ...]] = ("model.ckpt",)
    weights: str = "NX-AI/TiRex"

    @classmethod
    def open(cls, folder: Path, device: str) -> Network:
        """See `Adapter.open`."""
        from tirex.models.tirex import TiRexZero  # tirex.load_model takes no folders

        return TiRexNetwork(
            TiRexZero.from_pretrained(str(folder / "model.ckpt"), backend="torch", device=device).eval()
        )


class TiRexNetwork(Network):
    """See `TiRex`."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.levels = tuple(model.config.quantiles)
        self.context = model.config.train_ctx_len
        self.width = 24 * model.blocks[0].config.embedding_dim / model.config.input_patch_size

    def lengths(self, seen: I64) -> I64:
        """See `Network.lengths`; it pads all series to its context itself."""
        return np.full_like(seen, self.context)

    def quantiles(self, batch: Batch, seed: int) -> npt.NDArray[Any]:
        """See `Network.quantiles`."""
        found, _ = self.model.forecast(
            batch.demand, output_type="numpy", batch_size=len(batch.demand), prediction_length=batch.horizon
        )
        return np.asarray(found)
