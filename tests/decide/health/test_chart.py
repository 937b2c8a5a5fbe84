import datetime as dt

import polars as pl
import pytest

from skucast.decide.health import HealthOptions, stock_health
from skucast.errors import DataError
from tests.decide.making import TODAY, poisson

matplotlib = pytest.importorskip("matplotlib", reason="charts need the extra 'plot' (matplotlib)")
matplotlib.use("Agg")


@pytest.fixture(scope="module")
def health():
    orders = pl.DataFrame({"unique_id": ["A"], "quantity": [40.0], "due": [TODAY + dt.timedelta(days=12)]})
    items = pl.DataFrame({"unique_id": ["A", "B", "C"], "on_hand": [20.0, 900.0, None]})
    return stock_health(
        poisson({"A": 2.0, "B": 1.0, "C": 1.0}, steps=21), items, open_orders=orders, options=HealthOptions(paths=50)
    )


def test_the_chart_shows_the_median_the_arrival_and_the_risky_date(health):
    figure = health.plot(["A"])
    ax = figure.axes[0]
    median = next(line for line in ax.lines if len(line.get_ydata()) == 21)
    assert median.get_ydata().tolist() == pytest.approx(health.risk(["A"])["0.5"].to_list())
    assert "+40" in [t.get_text() for t in ax.texts]
    first = health.items["risk_date"][0]
    assert ax.get_title(loc="right") == f"10% chance of a shortage by {first}"


def test_by_default_items_of_known_stock_are_drawn_the_riskiest_first(health):
    figure = health.plot()
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["A", "B"]
    assert figure._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="no items"):
        health.plot([])
