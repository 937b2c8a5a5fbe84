"""Other packages behind skucast's own interface, so that all are tested by the same backtest.

A peer is a spec that cannot be saved; it lives here and never in the package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri

from skucast.models.spec import Capabilities, Fitted, Spec
from skucast.panel import Panel


@dataclass(frozen=True, eq=False, repr=False)
class FittedPeer(Fitted):
    """A peer with its panel; it fits when asked to predict."""

    def _predict(self, horizon: int, known: Mapping[str, Any], levels: tuple[float, ...], seed: int) -> Any:
        spec: Any = self.spec
        return spec.run(self.panel, horizon, levels)

    def _state(self) -> Any:
        raise NotImplementedError("peers are not saved")


@dataclass(frozen=True)
class Peer(Spec):
    """Base of all peers."""

    name: ClassVar[str] = "peer"
    capabilities: ClassVar[Capabilities] = Capabilities(summary="Another package.")
    season: int = 7

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Any) -> Fitted:
        return FittedPeer(self, panel, seed)


@dataclass(frozen=True)
class StatsForecastPeer(Peer):
    """A model of statsforecast, one process; quantiles from its normal intervals."""

    name: ClassVar[str] = "statsforecast"
    model: str = "AutoETS"

    def run(self, panel: Panel, horizon: int, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and quantiles; missing steps are closed up to the last value, as its users do."""
        from statsforecast import models

        made = getattr(models, self.model)
        spread = ndtri(0.9)
        mean = np.full((len(panel), horizon), np.nan)
        quantiles = np.full((len(panel), horizon, len(levels)), np.nan)
        for i in range(len(panel)):
            y = pd.Series(panel.series(i)).ffill().dropna().to_numpy(dtype=np.float32)
            if y.size < 3:
                continue
            season = self.season if y.size > 2 * self.season else 1
            options = {} if self.model in ("CrostonClassic", "IMAPA", "ADIDA") else {"season_length": season}
            try:
                found = made(**options).forecast(y=y, h=horizon, level=[80] if options else None)
            except NotImplementedError:  # too short for it: the last value, as spread out as the history
                found = {"mean": np.full(horizon, y[-1])}
            said = np.concatenate([np.asarray(v) for v in found.values()])
            if not (np.abs(said) < 1e6 * (1 + np.abs(y).max())).all():  # it went astray, or is not a number
                found = {"mean": np.full(horizon, y[-1])}
            mean[i] = found["mean"]
            sd = (found["hi-80"] - found["mean"]) / spread if "hi-80" in found else np.full(horizon, y.std())
            quantiles[i] = mean[i][:, None] + np.nan_to_num(sd)[:, None] * ndtri(np.asarray(levels))
        return mean, quantiles


@dataclass(frozen=True)
class MlForecastPeer(Peer):
    """mlforecast with LightGBM: recursive, usual lags and date features, conformal intervals."""

    name: ClassVar[str] = "mlforecast"

    def run(self, panel: Panel, horizon: int, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and quantiles."""
        import lightgbm
        from mlforecast import MLForecast
        from mlforecast.lag_transforms import RollingMean
        from mlforecast.utils import PredictionIntervals

        stamps = panel.freq.stamp(panel.ordinals).astype("datetime64[ns]")
        frame = pd.DataFrame({"unique_id": panel.row_of, "ds": stamps, "y": panel.values})
        frame["y"] = frame.groupby("unique_id")["y"].ffill().fillna(0.0)  # it cannot have gaps
        wide = {"D": ([1, 7, 14, 28], [7, 28]), "W": ([1, 2, 4, 13], [4, 13])}
        lags, spans = wide[panel.freq.unit]
        model = MLForecast(
            models={"m": lightgbm.LGBMRegressor(verbosity=-1, n_estimators=200)},
            freq=panel.freq.alias, lags=lags, lag_transforms={1: [RollingMean(s, min_samples=1) for s in spans]},
            date_features=["dayofweek", "month"] if panel.freq.unit == "D" else ["month", "week"],
        )  # fmt: skip
        size = frame.groupby("unique_id")["y"].transform("size")
        long = size > 3 * horizon + max(lags)
        intervals = PredictionIntervals(n_windows=2, h=horizon) if long.any() else None
        model.fit(frame[long] if long.any() else frame[size > max(lags)], prediction_intervals=intervals)
        bands = sorted({round(200 * abs(q - 0.5)) for q in levels if q != 0.5})
        found = model.predict(horizon, level=bands if intervals else None)
        mean = np.full((len(panel), horizon), np.nan)
        quantiles = np.full((len(panel), horizon, len(levels)), np.nan)
        rows = found["unique_id"].unique()
        mean[rows] = found["m"].to_numpy().reshape(-1, horizon)
        for k, q in enumerate(levels):
            band = round(200 * abs(q - 0.5)) if intervals else 0  # too short for intervals: the mean at every level
            column = "m" if band == 0 else f"m-{'hi' if q > 0.5 else 'lo'}-{band}"
            quantiles[rows, :, k] = found[column].to_numpy().reshape(-1, horizon)
        return mean, quantiles


@dataclass(frozen=True)
class FracastPeer(Peer):
    """fracast, zero-shot; it has seen most public sets in training, so its figures are no zero-shot figures there."""

    name: ClassVar[str] = "fracast"

    def run(self, panel: Panel, horizon: int, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Its nine quantiles, interpolated to the levels; rolled on where the horizon exceeds its 48 steps."""
        from fracast import FracastModel

        model = FracastModel.from_pretrained()
        own = np.arange(1, 10) / 10
        mean = np.full((len(panel), horizon), np.nan)
        quantiles = np.full((len(panel), horizon, len(levels)), np.nan)
        for i in range(len(panel)):
            y = pd.Series(panel.series(i)).ffill().dropna().to_numpy(dtype=np.float32)
            if y.size < 8:  # it takes no shorter ones
                y = np.concatenate([np.repeat(y[:1] if y.size else [0.0], 8 - y.size), y])
            found = np.asarray(model.forecast(y, horizon=horizon)).reshape(horizon, -1)
            mean[i] = found[:, found.shape[1] // 2]
            quantiles[i] = np.stack([np.interp(levels, own, row) for row in found])
        return mean, quantiles


def _available() -> dict[str, Callable[[int], Spec]]:
    found: dict[str, Callable[[int], Spec]] = {}
    if find_spec("statsforecast"):
        for model in ("AutoETS", "AutoTheta", "AutoARIMA"):
            found[f"statsforecast {model}"] = lambda season, model=model: StatsForecastPeer(season, model)
    if find_spec("mlforecast"):
        found["mlforecast LightGBM"] = MlForecastPeer
    if find_spec("fracast"):
        found["fracast (has seen the sets)"] = FracastPeer
    return found


PEERS = _available()
"""Label -> maker of a peer for a season, of the packages that are installed."""
