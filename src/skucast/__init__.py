"""skucast: probabilistic demand forecasts and the decisions that hang on them.

The public names are imported when first used (PEP 562), so that ``import skucast`` stays quick.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC: dict[str, str] = {
    "Backtest": "skucast.evaluate.backtest",
    "Config": "skucast.config",
    "Forecast": "skucast.forecast",
    "Frequency": "skucast.frequency",
    "Panel": "skucast.panel",
    "Run": "skucast.store.runs",
    "Shop": "skucast.collect.shop",
    "SkucastError": "skucast.errors",
    "backtest": "skucast.api",
    "explain": "skucast.api",
    "forecast": "skucast.api",
    "load": "skucast.api",
    "plan": "skucast.api",
    "reconcile": "skucast.api",
    "run": "skucast.api",
    "tune": "skucast.api",
}

__all__ = [
    "Backtest",
    "Config",
    "Forecast",
    "Frequency",
    "Panel",
    "Run",
    "Shop",
    "SkucastError",
    "__version__",
    "backtest",
    "explain",
    "forecast",
    "load",
    "plan",
    "reconcile",
    "run",
    "tune",
]

if TYPE_CHECKING:
    from .api import backtest, explain, forecast, load, plan, reconcile, run, tune
    from .collect.shop import Shop
    from .config import Config
    from .errors import SkucastError
    from .evaluate.backtest import Backtest
    from .forecast import Forecast
    from .frequency import Frequency
    from .panel import Panel
    from .store.runs import Run


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'skucast' has no attribute '{name}'")
    import importlib

    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps ``skucast.explain``, ``skucast.forecast`` and ``skucast.run`` the public functions.

    Importing the submodules of those names would otherwise put them in the functions' place.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PUBLIC and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
