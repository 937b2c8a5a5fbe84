"""Forecasts with known distributions, for tests of decisions."""

import datetime as dt

import numpy as np
import polars as pl
from scipy import stats

from skucast.config import Plan
from skucast.decide.plan_table import PurchasePlan
from skucast.decide.purchase import purchase_plan
from skucast.forecast import LEVELS, Forecast
from skucast.panel import Panel

TODAY = dt.date(2026, 11, 30)  # a Monday, first day of all daily and weekly forecasts here
_Q = np.asarray(LEVELS)


def _panel(ids, freq="D", **static) -> Panel:
    last = TODAY - dt.timedelta(days=1)
    frame = pl.DataFrame({"unique_id": list(ids), "ds": [last] * len(ids), "y": [1.0] * len(ids), **static})
    return Panel.from_frame(frame, freq=freq, static=list(static) or None)


def certain(demand: dict[str, list[float]], freq="D", **static) -> Forecast:
    """Demand that is known for sure; identifiers in sorted order."""
    assert list(demand) == sorted(demand)
    mean = np.array(list(demand.values()), dtype=float)
    return Forecast.of(_panel(demand, freq, **static), mean, mean[:, :, None].repeat(len(_Q), 2))


def poisson(rates: dict[str, float], steps=28, freq="D", **static) -> Forecast:
    """Independent Poisson demand per step."""
    assert list(rates) == sorted(rates)
    mean = np.array(list(rates.values()), dtype=float)[:, None].repeat(steps, 1)
    return Forecast.of(_panel(rates, freq, **static), mean, stats.poisson.ppf(_Q, mean[:, :, None]))


def normal(mu: float, sd: float, freq="W-SUN") -> Forecast:
    """One series with one normal step."""
    mean = np.array([[mu]])
    return Forecast.of(_panel(["A"], freq), mean, stats.norm.ppf(_Q, mu, sd)[None, None])


TABLES = ("stock", "products", "suppliers", "prices", "open_orders", "deliveries")


def plan(forecast: Forecast, *, currency="GBP", seed=0, unmet="wait", **terms):
    """A purchase plan; tables may be given as columns. Customers wait, unless said: then orders are order-up-to."""
    tables = {name: terms.pop(name, None) for name in TABLES}
    frames = {k: pl.DataFrame(t) if isinstance(t, dict) else t for k, t in tables.items()}
    made = purchase_plan(forecast, plan=Plan(unmet=unmet, **terms), currency=currency, seed=seed, **frames)
    assert isinstance(made, PurchasePlan)
    return made


def row(made: PurchasePlan, key: str = "A") -> dict:
    """One row of a plan."""
    return made.frame().row(by_predicate=pl.col("unique_id") == key, named=True)


def said(made: PurchasePlan) -> dict[str, int]:
    """Assumption -> items it touches."""
    return {a.key: a.items for a in made.assumptions}


def noted(made: PurchasePlan) -> dict[str, int]:
    """Rule of the repairs -> rows."""
    return {str(r["rule"]): int(r["rows"]) for r in made.repairs.rows}
