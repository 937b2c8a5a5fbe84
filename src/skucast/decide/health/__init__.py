"""Stock health: classes, risk by date, dead and excess stock with its way out. See docs/inventory.md."""

from ..draws import sample_paths
from .classes import abc_classes, expected_error, nine_cells, xyz_classes
from .exits import ACTIONS, Exits, Returns, best_exits
from .facts import ITEM_COLUMNS, last_sales
from .far_demand import demand_until
from .options import HealthOptions
from .plan_health import plan_health, write_stock
from .projection import FAN, Projection, project_stock
from .result import StockHealth
from .stock_health import stock_health
from .value import Prospects
from .worth import Worth, plan_worth, worth_ordering

__all__ = [
    "ACTIONS",
    "FAN",
    "ITEM_COLUMNS",
    "Exits",
    "HealthOptions",
    "Projection",
    "Prospects",
    "Returns",
    "StockHealth",
    "Worth",
    "abc_classes",
    "best_exits",
    "demand_until",
    "expected_error",
    "last_sales",
    "nine_cells",
    "plan_health",
    "plan_worth",
    "project_stock",
    "sample_paths",
    "stock_health",
    "worth_ordering",
    "write_stock",
    "xyz_classes",
]
