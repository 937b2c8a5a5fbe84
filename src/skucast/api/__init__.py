"""The verbs of the package: forecasts and backtests from a frame, a shop from its files."""

from __future__ import annotations

from .forecasting import backtest, forecast
from .models import explain, reconcile, tune
from .shop import load, plan, run

__all__ = ["backtest", "explain", "forecast", "load", "plan", "reconcile", "run", "tune"]
