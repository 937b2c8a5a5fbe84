"""The season by STL, the rest by an LSTM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..spec import Capabilities
from .family import neural_capabilities
from .lstm import Lstm


@dataclass(frozen=True)
class StlLstm(Lstm):
    """An LSTM of demand without its season; the season is projected and multiplied back.

    STL finds each series' season; what is left, trend and remainder, is what the network sees and forecasts, so that
    it need not learn one season for all. A quantile of the rest times the index of a day is that day's quantile: the
    season scales uncertainty as it scales demand. Indices that chance alone can explain are moved towards 1. A window
    knows only the season as it was found in what lay before its first origin
    (see `skucast.models.neural.season.Seasons`). A series that spans less than two seasons keeps all of it, and the
    network forecasts it as its namesake does.

    Attributes:
        hidden: units of the state.
        layers: LSTM layers.
        width: units of the decoder, per step ahead.

    Source: Cleveland et al. (1990), STL: a seasonal-trend decomposition procedure based on Loess, Journal of Official
    Statistics 6; Smyl (2020), A hybrid method of exponential smoothing and recurrent neural networks for time series
    forecasting, International Journal of Forecasting 36; Bandara, Bergmeir & Hewamalage (2021), LSTM-MSNet: Leveraging
    Forecasts on Sets of Related Time Series with Multiple Seasonal Patterns, IEEE Transactions on Neural Networks and
    Learning Systems 32.
    """

    name: ClassVar[str] = "stl-lstm"
    seasonal: ClassVar[bool] = True
    capabilities: ClassVar[Capabilities] = neural_capabilities(
        "Takes each series' season out by STL, forecasts the rest with an LSTM, multiplies the season back.",
        static=True,
    )
