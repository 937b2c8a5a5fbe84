"""Inventory policies: exact where that is possible, on distributions and on sample paths. See docs/inventory.md."""

from .base_stock import (
    Service,
    base_stock_for_cost,
    base_stock_for_cycle_service,
    base_stock_for_fill_rate,
    service_of_base_stock,
)
from .continuous import Gamma, Lognormal, Normal
from .demand import Demand, as_demand, expected_cost
from .distribution import Distribution
from .draws import Draws
from .eoq import (
    OrderQuantity,
    eoq,
    eoq_all_units,
    eoq_backorders,
    eoq_cost,
    eoq_disruptions,
    eoq_disruptions_cost,
    eoq_incremental,
)
from .lead_time_demand import ProtectionDemand, lead_time_demand, lead_time_demand_moments
from .loss import inverse_normal_loss, normal_loss, normal_second_loss
from .lost_sales import BaseStock, CappedBaseStock, LostSales, PolicyCost, TablePolicy
from .lost_sales_policies import (
    ConstantOrder,
    best_base_stock,
    best_capped_base_stock,
    best_constant_order,
    constant_order_cost,
    myopic_lost_sales,
    optimal_lost_sales,
)
from .lot_size import LotSizes, rolling_lot_sizes, wagner_whitin
from .min_max import MinMax, min_max_cost, min_max_exact, min_max_power
from .newsvendor import Newsvendor, newsvendor, newsvendor_profit
from .perishable import Perishable, PerishablePlan
from .reorder_point import (
    ReorderPoint,
    reorder_point_for_cycle_service,
    reorder_point_for_fill_rate,
    rq_best_r,
    rq_continuous,
    rq_cost,
    rq_exact,
    rq_normal,
)
from .selection import Bounds, Funded, PriorityList, fund, marginal_gains
from .through_lead_time import order_through_lead_time

__all__ = [
    "BaseStock",
    "Bounds",
    "CappedBaseStock",
    "ConstantOrder",
    "Demand",
    "Distribution",
    "Draws",
    "Funded",
    "Gamma",
    "Lognormal",
    "LostSales",
    "LotSizes",
    "MinMax",
    "Newsvendor",
    "Normal",
    "OrderQuantity",
    "Perishable",
    "PerishablePlan",
    "PolicyCost",
    "PriorityList",
    "ProtectionDemand",
    "ReorderPoint",
    "Service",
    "TablePolicy",
    "as_demand",
    "base_stock_for_cost",
    "base_stock_for_cycle_service",
    "base_stock_for_fill_rate",
    "best_base_stock",
    "best_capped_base_stock",
    "best_constant_order",
    "constant_order_cost",
    "eoq",
    "eoq_all_units",
    "eoq_backorders",
    "eoq_cost",
    "eoq_disruptions",
    "eoq_disruptions_cost",
    "eoq_incremental",
    "expected_cost",
    "fund",
    "inverse_normal_loss",
    "lead_time_demand",
    "lead_time_demand_moments",
    "marginal_gains",
    "min_max_cost",
    "min_max_exact",
    "min_max_power",
    "myopic_lost_sales",
    "newsvendor",
    "newsvendor_profit",
    "normal_loss",
    "normal_second_loss",
    "optimal_lost_sales",
    "order_through_lead_time",
    "reorder_point_for_cycle_service",
    "reorder_point_for_fill_rate",
    "rolling_lot_sizes",
    "rq_best_r",
    "rq_continuous",
    "rq_cost",
    "rq_exact",
    "rq_normal",
    "service_of_base_stock",
    "wagner_whitin",
]
