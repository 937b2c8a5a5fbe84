"""A trained network of any kind: its forecasts, states and files.

This module does not import torch, so that networks can be listed and described without it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from ...errors import ConfigError, ModelError
from ...forecast import LEVELS, Forecast
from ...panel import F32, Panel
from ..spec import Arrays, Fitted, known_ahead
from .inputs import Inputs
from .options import HeadName, TrainOptions

if TYPE_CHECKING:
    from .family import NeuralSpec


@dataclass(frozen=True, eq=False, repr=False)
class FittedNeural(Fitted):
    """A trained network.

    Attributes:
        inputs: what it sees.
        network: a ``torch.nn.Module`` on the CPU; None where there was too little to learn from.
        about: how training went: ``windows`` to learn from, ``held_out`` steps, the weighted quantile ``loss``
            on them and that of seasonal naive (``naive_loss``), ``steps`` of training and the peak of its
            ``learning_rate``; after a fit that started from another model what it took over (``start``).
    """

    spec: NeuralSpec
    inputs: Inputs = field(kw_only=True)
    network: Any = field(kw_only=True)
    about: Mapping[str, Any] = field(kw_only=True)

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        if self.network is None:  # `Fitted.predict` lets seasonal naive stand in
            nothing = np.full((len(self.panel), horizon), np.nan)
            return nothing, np.repeat(nothing[:, :, None], len(levels), axis=2)
        from .fit import forecast

        return forecast(self.network, self.inputs, self.panel, known, horizon, levels, seed, self.spec.train.device)

    @property
    def head(self) -> HeadName:
        """What it answers with; with ``auto`` that was decided at the fit."""
        found: HeadName = self.about.get("head", self.spec.head)
        return found

    def channels(
        self, horizon: int, future: Any = None, *, levels: Sequence[float] = LEVELS, seed: int | None = None
    ) -> dict[str, Forecast]:
        """Forecasts of demand (under ``demand``) and of every covariate that is forecast beside it.

        A series of which a covariate was never seen is forecast as zero there, and the forecast says so. Where there
        was too little to train a network, there is only demand.

        Args:
            horizon: steps ahead, at most those that the network was trained for.
            future: see `Fitted.predict`.
            levels: quantile levels.
            seed: see `Fitted.predict`.

        Raises:
            ConfigError: the horizon is longer than the one trained for.
        """
        found = {"demand": self.predict(horizon, future, levels=levels, seed=seed)}
        if self.network is None or not self.inputs.targets:
            return found
        if horizon > self.inputs.horizon:
            raise ConfigError(
                f"'{self.spec.name}' forecasts {', '.join(self.inputs.targets)} up to {self.inputs.horizon} steps ahead, "
                f"not {horizon}: fit it with that horizon."
            )
        from .fit import channels

        known = known_ahead(self.panel, future, horizon) if self.panel.known else {}
        asked = tuple(float(q) for q in levels)
        said = channels(self.network, self.inputs, self.panel, known, horizon, asked, self.spec.train.device)
        for name, (mean, quantiles) in said.items():
            unseen = np.isnan(mean).any(axis=1)
            fallback = dict.fromkeys(self.panel.ids.filter(pl.Series(unseen)).to_list(), "zero (no observations)")
            found[name] = Forecast.of(
                self.panel, np.nan_to_num(mean), np.nan_to_num(quantiles), asked,
                copula=self._copula(horizon, known), fallback=fallback,
            )  # fmt: skip
        return found

    def update(self, panel: Panel) -> Self:
        """The trained network on another or longer history of the same frequency.

        Raises:
            ModelError: the frequency differs.
        """
        if panel.freq != self.panel.freq:
            raise ModelError(
                f"'{self.spec.name}' was trained at frequency '{self.panel.freq.alias}' and cannot go on with "
                f"'{panel.freq.alias}': fit it anew."
            )
        return dataclasses.replace(self, panel=panel)

    def as_it_is(self, panel: Panel, seed: int, train: TrainOptions, windows: int) -> FittedNeural:
        """The trained network on a panel that has too few windows to learn from."""
        spec = dataclasses.replace(self.spec, train=train)
        about = {**self.about, "windows": windows, "steps": 0, "start": {"model": self.spec.name, "as_it_is": True}}
        return dataclasses.replace(self, spec=spec, panel=panel, seed=seed, about=about)

    def encode(self, panel: Panel | None = None, every: int = 1) -> pl.DataFrame:
        """What the network makes of the past of each series at each date, from that date back only.

        Other models can learn from it: put beside sales, the columns are past covariates.

        Args:
            panel: history, of the same frequency; the model's own by default.
            every: steps from one date to the next, counted back from the panel's end.

        Returns:
            The panel's own columns of names and dates (``unique_id``, ``ds``), and ``h_0``, ``h_1``, ...: the state
            of the encoder.

        Raises:
            ModelError: there is no trained network, or it has no encoder.
        """
        if self.network is None:
            raise ModelError(f"'{self.spec.name}' had too little to learn from: it has no representation to show.")
        from .encode import encode

        return encode(self, self.panel if panel is None else self.update(panel).panel, every)

    def export(self, path: str | Path) -> None:
        """Write the network as an ONNX file, and beside it a JSON file that tells what goes in and comes out.

        Its inputs are what `skucast.models.neural.export.feeds` gives; a row is a series, and any number of rows
        will do. Its outputs are quantiles and means of demand over the trained horizon; for heads whose quantiles
        are not worked out by the network, the parameters of their distributions.

        Raises:
            ModelError: there is no trained network, or ONNX has no word for something in it.
            MissingExtraError: the extra ``onnx`` is absent.
        """
        from .export import export

        export(self, path)

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        arrays = {} if self.network is None else {n: t.cpu().numpy() for n, t in self.network.state_dict().items()}
        return arrays, {"inputs": self.inputs.to_dict(), "training": dict(self.about)}
