"""How a network's loss is worked out: in which numbers, and whether compiled."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from ...errors import ConfigError
from .network import Forecaster
from .options import TrainOptions
from .windows import Batch

Loss = Callable[[Batch], Tensor]


def loss_of(network: Forecaster, device: torch.device, options: TrainOptions) -> Loss:
    """The loss of a network in the precision that is wanted, compiled if that is.

    Raises:
        ConfigError: there is nothing to compile with.
    """
    loss: Loss = network.loss
    if options.compile:
        _require_compiler()
        loss = torch.compile(loss)
    if not _rough(device, options):
        return loss

    def rough(batch: Batch) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return loss(batch).float()

    return rough


def _rough(device: torch.device, options: TrainOptions) -> bool:
    """True if products are taken in bfloat16."""
    if options.precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return options.precision == "bf16"


def _require_compiler() -> None:
    """Raise `ConfigError` where torch would find no compiler."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = os.environ.get("CXX", usual)
    if shutil.which(compiler) is None:
        raise ConfigError(
            f"Training option 'compile' needs a C++ compiler, and there is no '{compiler}' here: install one, or "
            "train without."
        )
