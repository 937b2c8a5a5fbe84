"""Supply: what suppliers' records say of lead times and lateness. See docs/inventory.md."""

from .deliveries import DELIVERIES, Deliveries
from .lateness import Lateness
from .lead_times import LeadTime, LeadTimes, learned_lead_times

__all__ = ["DELIVERIES", "Deliveries", "Lateness", "LeadTime", "LeadTimes", "learned_lead_times"]
