"""Fitted networks that show where they look, and that draw futures.

This module does not import torch, so that networks can be listed and described without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ...errors import ConfigError, ModelError
from ...panel import F32
from ..spec import known_ahead
from .fitted import FittedNeural


@dataclass(frozen=True, eq=False, repr=False)
class FittedShown(FittedNeural):
    """A trained network that can be asked for more than forecasts."""

    def _asked(self, horizon: int, future: Any) -> Mapping[str, F32]:
        """Known covariates ahead, if the network can be asked so far ahead."""
        if self.network is None:
            raise ModelError(f"'{self.spec.name}' had too little to learn from: there is no network to ask.")
        if not 1 <= horizon <= self.inputs.horizon:
            raise ConfigError(
                f"'{self.spec.name}' was trained for {self.inputs.horizon} steps ahead and cannot be asked about {horizon}."
            )
        return known_ahead(self.panel, future, horizon) if self.panel.known else {}


@dataclass(frozen=True, eq=False, repr=False)
class FittedAttentive(FittedShown):
    """A trained network that attends."""

    def attention(self, horizon: int, future: Any = None) -> pl.DataFrame:
        """How much each step ahead looks at each patch of the past.

        Attention says where a forecast was looked up, not what caused it.

        Args:
            horizon: steps ahead, at most those that the network was trained for.
            future: see `Fitted.predict`.

        Returns:
            One row per series, step ahead and patch from the first observation on: identifier and stamp as in the
            forecast, ``patch`` (stamp of its last step), ``weight``. The weights of a step sum to one.

        Raises:
            ConfigError: the horizon is longer than the one trained for.
            ModelError: there was too little to train a network.
        """
        from .shown import looks

        return looks(self, self._asked(horizon, future), horizon)

    def selection(self, horizon: int, future: Any = None) -> pl.DataFrame:
        """How much each variable counts, at each patch of the past and at each step ahead.

        Args:
            horizon: see `attention`.
            future: see `Fitted.predict`.

        Returns:
            One row per series, stamp (of a patch's last step, or of a step ahead) and variable: identifier, stamp,
            ``side`` (``past`` or ``ahead``), ``variable``, ``weight``. The weights of a stamp sum to one.

        Raises:
            ConfigError: the horizon is longer than the one trained for.
            ModelError: there was too little to train a network, or it does not weigh variables.
        """
        known = self._asked(horizon, future)
        if not getattr(self.spec, "selection", False):
            raise ModelError(
                f"This '{self.spec.name}' does not weigh variables: fit an 'attention' with selection=True."
            )
        from .shown import chosen

        return chosen(self, known, horizon)


@dataclass(frozen=True, eq=False, repr=False)
class FittedGenerative(FittedShown):
    """A trained network that draws futures; `Forecast.paths` hangs together over time as they do."""

    def futures(self, horizon: int, count: int = 100, future: Any = None) -> F32:
        """Demand ``(S, count, horizon)`` in futures drawn from the network, step by step: ancestral samples.

        Futures with the same number share their noise over all series. `Forecast.paths` has the forecast's own
        quantiles at every step, orders them over time like these, and costs far less for many series.

        Args:
            horizon: steps ahead, at most those that the network was trained for.
            count: futures of each series.
            future: see `Fitted.predict`.

        Raises:
            ConfigError: the horizon is longer than the one trained for, or ``count`` is below 1.
            ModelError: there was too little to train a network, or it draws no futures.
        """
        known = self._asked(horizon, future)
        if not self._draws:
            raise ModelError(f"This '{self.spec.name}' draws no futures: fit one with decoder='autoregressive'.")
        if count < 1:
            raise ConfigError(f"The number of futures must be at least 1, not {count}.")
        from .shown import futures

        return futures(self, known, count)[:, :, :horizon]

    @property
    def _draws(self) -> bool:
        return hasattr(self.network, "imagine")

    def _copula(self, horizon: int, known: Mapping[str, F32]) -> F32 | None:
        """As in the network's own futures; beyond the trained horizon as in the panel's past."""
        if not self._draws or horizon > self.inputs.horizon or not len(self.panel):
            return super()._copula(horizon, known)
        from .shown import trajectories

        return trajectories(self, known, horizon)


@dataclass(frozen=True, eq=False, repr=False)
class FittedTranslator(FittedAttentive, FittedGenerative):
    """A trained network that attends and may draw futures."""
