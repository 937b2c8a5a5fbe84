"""Tiny models with random weights, made by the packages themselves and saved to folders, as their publishers do.

Their last layer is small, so that they forecast roughly the level of what they see.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from skucast.models import registry
from skucast.models.adapters.weights import quiet

DECILES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
MORE = {"toto": {"samples": 32}}
README = "---\nlicense: apache-2.0\ntags:\n- tiny\n---\n\n# Random numbers\n"


def chronos_2(folder: Path) -> None:
    from chronos import Chronos2Model
    from chronos.chronos2.config import Chronos2CoreConfig

    config = Chronos2CoreConfig(d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, vocab_size=2)
    config.chronos_config = {
        "context_length": 128, "output_patch_size": 8, "input_patch_size": 8, "input_patch_stride": 8,
        "quantiles": [0.01, 0.05, *DECILES, 0.95, 0.99], "use_reg_token": True, "use_arcsinh": True,
        "max_output_patches": 2, "time_encoding_scale": 128,
    }  # fmt: skip
    chronos(Chronos2Model, config, "Chronos2Pipeline", folder)


def chronos_bolt(folder: Path) -> None:
    from chronos.chronos_bolt import ChronosBoltModelForForecasting
    from transformers import T5Config

    config = T5Config(
        d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, vocab_size=2, decoder_start_token_id=0, pad_token_id=0
    )
    config.chronos_config = {
        "context_length": 128, "prediction_length": 16, "input_patch_size": 8, "input_patch_stride": 8,
        "quantiles": DECILES, "use_reg_token": True,
    }  # fmt: skip
    chronos(ChronosBoltModelForForecasting, config, "ChronosBoltPipeline", folder)


def chronos(kind: Any, config: Any, pipeline: str, folder: Path) -> None:
    """A model of the family, and what its config says of itself."""
    config.architectures, config.chronos_pipeline_class = [kind.__name__], pipeline
    model = kind(config)
    enliven(model)
    calm(model.output_patch_embedding)
    model.save_pretrained(folder)


def timesfm_3(folder: Path) -> None:
    from timesfm3.torch import configs
    from timesfm3.torch.model import TimesFM3Torch

    block = configs.ResidualBlockConfig(hidden_dims=32, output_dims=32, use_bias=False, activation="relu")
    layer = configs.TransformerConfig(
        model_dims=32, hidden_dims=32, num_heads=4, attention_norm="rms", feedforward_norm="rms", qk_norm="rms",
        use_rope_seq=True, use_rope_var=True, use_bias=False, ff_activation="relu", deterministic=True,
    )  # fmt: skip
    stack = configs.StackedTransformersConfig(num_layers=2, use_remat=False, transformer=layer)
    model = TimesFM3Torch(8, 16, DECILES, residual_block_config=block, transformer_config=stack)
    enliven(model)
    calm(model.output_head)
    model.save_pretrained(folder)


def timesfm_25(folder: Path) -> None:
    from timesfm import TimesFM_2p5_200M_torch
    from timesfm.timesfm_2p5.timesfm_2p5_torch import TimesFM_2p5_200M_torch_module as Module

    Module.config = shrunk(Module.config)  # its size is written into the package; 200 million would be 800 MB
    made = TimesFM_2p5_200M_torch(torch_compile=False)
    enliven(made.model)
    calm(made.model.output_projection_point, made.model.output_projection_quantiles)
    made.save_pretrained(folder)


def shrunk(config: Any) -> Any:
    """The definition of TimesFM 2.5 with two thin layers."""
    thin = replace(config.stacked_transformers.transformer, model_dims=32, hidden_dims=32, num_heads=2)
    return replace(
        config,
        stacked_transformers=replace(config.stacked_transformers, num_layers=2, transformer=thin),
        tokenizer=replace(config.tokenizer, hidden_dims=32, output_dims=32),
        output_projection_point=replace(config.output_projection_point, input_dims=32, hidden_dims=32),
        output_projection_quantiles=replace(config.output_projection_quantiles, input_dims=32, hidden_dims=32),
    )


def tirex(folder: Path) -> None:
    import torch
    from tirex.models.tirex import TiRexZero

    settings = {
        "input_patch_size": 8, "output_patch_size": 8, "quantiles": DECILES, "input_ff_dim": 32,
        "block_kwargs": {"num_blocks": 2, "embedding_dim": 16, "num_heads": 2},
    }  # fmt: skip
    model = TiRexZero("torch", dict(settings), train_ctx_len=128)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.1)
    enliven(model)
    calm(model.output_patch_embedding)
    saved = {"hyper_parameters": {"model_config": settings, "train_ctx_len": 128}, "state_dict": model.state_dict()}
    torch.save(saved, folder / "model.ckpt")


def flowstate(folder: Path) -> None:
    from tsfm_public.models.flowstate import FlowStateConfig, FlowStateForPrediction

    config = FlowStateConfig(
        context_length=256, embedding_feature_dim=16, encoder_num_layers=2, encoder_state_dim=16,
        encoder_num_hippo_blocks=2, decoder_patch_len=24, decoder_dim=16, quantiles=DECILES,
    )  # fmt: skip
    model = FlowStateForPrediction(config)
    calm(model.model.decoder.lin)
    model.save_pretrained(folder)


def toto(folder: Path) -> None:
    from safetensors.torch import save_file
    from toto.model.toto import Toto

    config = {
        "patch_size": 8, "stride": 8, "embed_dim": 32, "num_layers": 2, "num_heads": 2, "mlp_hidden_dim": 32,
        "dropout": 0.0, "spacewise_every_n_layers": 2, "spacewise_first": True,
        "scaler_cls": "<class 'model.scaler.CausalPatchStdMeanScaler'>",
        "output_distribution_classes": ["<class 'model.distribution.MixtureOfStudentTsOutput'>"],
        "output_distribution_kwargs": {"k_components": 2}, "use_memory_efficient_attention": False,
    }  # fmt: skip
    model = Toto(**config)
    calm(model.model.unembed)
    save_file({name: one.contiguous() for name, one in model.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))


def enliven(model: Any) -> None:
    """Random weights of a size that lets every input be seen in the output."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.5 * parameter[0].numel() ** -0.5)


def calm(*layers: Any, by: float = 0.5) -> None:
    """Make the last layers' answers small."""
    import torch

    with torch.no_grad():
        for layer in layers:
            for parameter in layer.parameters():
                parameter.mul_(by)


MAKERS: dict[str, Callable[[Path], None]] = {
    "chronos-2": chronos_2,
    "chronos-bolt": chronos_bolt,
    "timesfm": timesfm_3,
    "timesfm 2.5": timesfm_25,
    "tirex": tirex,
    "flowstate": flowstate,
    "toto": toto,
}
"""Name of a model, and perhaps which of its weights, -> what makes them."""


def make(kind: str, folder: Path, seed: int = 0) -> Path:
    """A tiny model of a kind, in a folder."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(seed)
        MAKERS[kind](folder)
    (folder / "README.md").write_text(README)
    return folder


@cache
def folder(kind: str) -> str:
    """The folder of a tiny model, made when first asked for, gone when the process ends."""
    root = Path(tempfile.mkdtemp(prefix="skucast-tiny-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return str(make(kind, root / kind.replace(" ", "-")))


def options(name: str) -> dict[str, Any]:
    """What a registered model needs to be tried with tiny weights; nothing for those that are no adapters."""
    return {"weights": folder(name)} | MORE.get(name, {}) if name in MAKERS and registry.installed(name) else {}
