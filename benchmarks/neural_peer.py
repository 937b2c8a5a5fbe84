"""neuralforecast in an environment of its own: run by `neural.py` with that environment's Python, never by hand.

It reads series from an .npz file, trains one model while it keeps the weights at every mark together with the seconds
of training so far, and afterwards, off the clock, forecasts with each of them.
"""

from __future__ import annotations

import copy
import json
import logging
import resource
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MQLoss
from neuralforecast.models import GRU, LSTM, NHITS, TCN
from pytorch_lightning.callbacks import Callback

MODELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "LSTM": (LSTM, {"encoder_n_layers": 2, "encoder_hidden_size": 64, "windows_batch_size": 256}),
    "GRU": (GRU, {"encoder_n_layers": 2, "encoder_hidden_size": 64, "windows_batch_size": 256}),
    "TCN": (TCN, {"encoder_hidden_size": 64, "windows_batch_size": 256}),
    "NHITS": (NHITS, {}),
}


MARKS: list[tuple[int, float, Any]] = []  # outside, because the library trains with a copy of its callbacks
CLOCK = [0.0]


class Marks(Callback):
    """Weights and seconds of training at every so many steps; what it does itself is taken off the clock."""

    def __init__(self, every: int) -> None:
        self.every = every

    def on_train_batch_end(self, trainer: Any, module: Any, *rest: Any) -> None:
        step = trainer.global_step
        if step % self.every == 0:
            paused = time.perf_counter()
            MARKS.append((step, paused - CLOCK[0], copy.deepcopy(module.state_dict())))
            CLOCK[0] += time.perf_counter() - paused


def main(given: dict[str, Any]) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(given["threads"])
    data = np.load(given["data"])
    values, indptr = data["values"], data["indptr"]
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))

    back = indptr[1:][rows] - 1 - np.arange(len(values))  # every series ends on the same day
    seen = ~np.isnan(values)
    frame = pd.DataFrame({
        "unique_id": rows, "ds": np.datetime64("2020-01-01", "ns") - back * np.timedelta64(1, "D"),
        "y": np.nan_to_num(values).astype(np.float32), "available_mask": seen.astype(np.float32),
    })  # fmt: skip
    levels, horizon = given["levels"], given["horizon"]
    kind, own = MODELS[given["model"]]
    model = kind(
        h=horizon, input_size=given["context"], loss=MQLoss(quantiles=levels), max_steps=given["steps"],
        random_seed=given["seed"], start_padding_enabled=True, callbacks=[Marks(given["every"])], accelerator="cpu",
        enable_progress_bar=False, logger=False, enable_checkpointing=False, enable_model_summary=False, **own,
    )  # fmt: skip
    forecaster = NeuralForecast(models=[model], freq="D")
    begin = CLOCK[0] = time.perf_counter()
    forecaster.fit(frame)
    seconds = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    forecaster.models[0].trainer_kwargs["callbacks"] = []
    said = []
    for _, _, weights in MARKS:
        forecaster.models[0].load_state_dict(weights)
        found = forecaster.predict().sort_values(["unique_id", "ds"], kind="stable")
        columns = [c for c in found.columns if c not in ("unique_id", "ds", "index")]
        said.append(found[columns].to_numpy(np.float32).reshape(len(indptr) - 1, horizon, len(columns)))
    np.savez(given["out"], quantiles=np.stack(said))
    told = {
        "steps": [s for s, _, _ in MARKS], "seconds": [t for _, t, _ in MARKS], "fit_seconds": seconds,
        "columns": columns, "peak_gb": memory,
    }  # fmt: skip
    with open(given["out"] + ".json", "w", encoding="utf-8") as file:
        json.dump(told, file)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
