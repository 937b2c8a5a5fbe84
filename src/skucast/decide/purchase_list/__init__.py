"""The purchase list: what each further pack is expected to gain, and the best joint order within all limits."""

from .gain_curves import GainCurves, gain_curves
from .joint_order import PurchaseList, purchase_list, spoiling
from .lines import Limits, Lines, SupplierRule
from .list_reasons import LINE_REASONS
from .order_sales import OrderSales, order_sales

__all__ = [
    "LINE_REASONS",
    "GainCurves",
    "Limits",
    "Lines",
    "OrderSales",
    "PurchaseList",
    "SupplierRule",
    "gain_curves",
    "order_sales",
    "purchase_list",
    "spoiling",
]
