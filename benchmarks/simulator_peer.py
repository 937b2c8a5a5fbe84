"""stockcast in an environment of its own: run by `simulator.py` with that environment's Python, never by hand.

It reads demand and order-up-to levels from an .npz file, plays them, and writes seconds and its books.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from stockcast.core import InventoryStateDataFrame, SimulationEngine
from stockcast.policies import OrderUpToPolicy


def main(given: dict[str, Any]) -> None:
    data = np.load(given["data"])
    demand, level, on_hand = data["demand"], data["level"], data["on_hand"]
    items, periods = demand.shape
    ids = np.array([f"item{i:05d}" for i in range(items)])
    days = pd.date_range("2025-01-01", periods=periods, freq="D")
    opened = days[0] - pd.Timedelta(days=1)
    frame = pd.DataFrame({"unique_id": np.repeat(ids, periods), "date": np.tile(days, items), "y": demand.ravel()})
    shelf = InventoryStateDataFrame.from_observed(
        pd.DataFrame({"unique_id": ids, "date": opened, "on_hand": on_hand}),
        max_lead_time=given["lead_time"], allow_backorders=False,
    )  # fmt: skip
    seconds = []
    for _ in range(given["repeats"]):
        begin = time.perf_counter()
        policy = OrderUpToPolicy(lead_time=given["lead_time"], review_period=1, freq="D", allow_backorders=False)
        policy.fit(pd.DataFrame({"unique_id": ids, "S": level}), target_column="S", forecast_origin=opened)
        result = SimulationEngine().run(policy=policy, demand_source=frame, inventory=shelf)
        seconds.append(time.perf_counter() - begin)
    books = result.to_event_frame()
    told = {
        "seconds": seconds, "columns": list(books.columns), "version": version("stockcast"),
        "totals": {n: float(books[n].sum()) for n in books.columns if pd.api.types.is_numeric_dtype(books[n])},
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }  # fmt: skip
    with open(given["out"], "w", encoding="utf-8") as file:
        json.dump(told, file)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
