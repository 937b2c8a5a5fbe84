import datetime as dt

import numpy as np
import polars as pl
import pytest

from skucast.decide.health import HealthOptions, last_sales, stock_health
from skucast.errors import ConfigError, DataError
from skucast.panel import Panel
from tests.decide.making import TODAY, certain, plan, poisson

LONG_AGO = TODAY - dt.timedelta(days=400)
YESTERDAY = TODAY - dt.timedelta(days=1)


def look(forecast, items, orders=None, currency="GBP", seed=0, **options):
    frame = pl.DataFrame(items, infer_schema_length=None) if isinstance(items, dict) else items
    made = HealthOptions(**{"paths": 60, **options})
    return stock_health(forecast, frame, open_orders=orders, options=made, currency=currency, seed=seed)


def row(health, key, table="items"):
    return getattr(health, table).row(by_predicate=pl.col("unique_id") == key, named=True)


def test_certain_demand_runs_out_on_the_day_that_can_be_counted():
    # 2 a day, 7 in stock, 4 arrive on the 6th day (index 5): short first on the 4th day
    orders = pl.DataFrame({"unique_id": ["A"], "quantity": [4.0], "due": [TODAY + dt.timedelta(days=5)]})
    h = look(
        certain({"A": [2.0] * 8}),
        {"unique_id": ["A"], "on_hand": [7.0], "unit_cost": [3.0], "unit_price": [5.0]},
        orders,
    )
    risk = h.risk()
    assert risk["p_short"].to_list() == [0, 0, 0, 1, 1, 1, 1, 1]
    assert risk["stock"].to_list() == [5, 3, 1, 0, 0, 2, 0, 0]
    assert risk["p_empty"].to_list() == [0, 0, 0, 1, 1, 0, 1, 1]
    assert risk["arrivals"].to_list() == [0, 0, 0, 0, 0, 4, 0, 0]
    assert risk["ds"][0] == TODAY
    a = row(h, "A")
    assert a["risk_date"] == TODAY + dt.timedelta(days=3)
    assert a["lost_units"] == pytest.approx(1 + 2 + 2)
    assert a["lost_margin"] == pytest.approx(10)
    assert (a["on_order"], a["stock_value"]) == (4, 21)


def test_excess_is_what_lies_beyond_the_cover_and_part_of_it_may_be_cancelled():
    # 1 a day: 90 days take 90 of 100 + 40; 40 of the 50 in excess are on order still
    items = {"unique_id": ["A"], "on_hand": [100.0], "on_order": [40.0], "unit_cost": [3.0], "unit_price": [5.0]}
    h = look(certain({"A": [1.0] * 28}), items | {"last_sale": [YESTERDAY]}, elasticity=None, holding_rate=0.0)
    a, out = row(h, "A"), row(h, "A", "exits")
    assert (a["excess_units"], a["excess_value"], a["cancel_units"], a["dead"]) == (50, 150, 40, False)
    assert (out["kind"], out["units"], out["action"]) == ("excess", 10, "keep")
    # kept for a year: all sell at 5, but save new orders only (margin 2 of later demand): 10 x 5 - 10 x 2
    assert out["keep_value"] == pytest.approx(30)
    assert out["reason_en"] == (
        "Excess stock: 10 units (£30.00 at cost) more than even high demand takes in 3 months. Keep them: £30.00 expected. "
        "Cancel 40 units on order if you can."
    )
    assert out["reason_zh"] == (
        "库存过量：比未来 3 个月的高位需求还多 10 件（成本 £30.00）。建议继续持有：预计可收回 £30.00。另有在途 40 件，如可能请取消。"
    )


def test_dead_is_long_idle_and_not_expected_to_sell_and_goes_back_where_that_pays():
    items = {
        "unique_id": ["A", "B", "C"], "on_hand": [12.0] * 3, "unit_cost": [5.0] * 3, "unit_price": [9.0] * 3,
        "last_sale": [LONG_AGO, YESTERDAY, LONG_AGO], "return_price": [2.0, None, None],
    }  # fmt: skip
    # A and B sell nothing, but B sold yesterday; C has not sold for long but its season comes
    h = look(certain({"A": [0.0] * 28, "B": [0.0] * 28, "C": [0.0] * 14 + [1.0] * 14}), items)
    assert h.items["dead"].to_list() == [True, False, False]
    assert h.items["excess_units"].to_list() == [0, 12, 0]
    assert h.items["p_sold"].to_list() == [0, 0, 1]
    out = row(h, "A", "exits")
    assert (out["kind"], out["action"], out["exit_units"]) == ("dead", "return", 12)
    assert out["return_value"] == pytest.approx(24)
    assert out["keep_value"] == pytest.approx(-12 * 5 * 0.25)  # a year on the shelf
    assert out["gain"] == pytest.approx(39)
    assert out["reason_en"].startswith(
        "Dead stock: 12 units (£60.00 at cost), no sale since 26 Oct 2025, 0 % chance of selling out within 12 months. "
        "Return 12 units to the supplier: £24.00 expected instead of -£15.00 if kept"
    )
    assert "建议向供应商退货 12 件：预计可收回 £24.00，若继续持有则为 -£15.00" in out["reason_zh"]
    assert h.sustainability.filter(pl.col("measure") == "dead").row(0)[1:4] == (1, 12, 60)


def test_returns_are_possible_until_their_last_day_and_at_the_share_of_the_cost_where_no_price_is_given():
    items = {
        "unique_id": ["A", "B", "C"], "on_hand": [10.0] * 3, "unit_cost": [5.0] * 3, "unit_price": [9.0] * 3,
        "last_sale": [LONG_AGO] * 3, "return_until": [YESTERDAY, TODAY, None], "return_fee": [0.0, 4.0, 0.0],
        "return_max": [None, None, 2.0],
    }  # fmt: skip
    h = look(certain({k: [0.0] * 7 for k in "ABC"}), items, return_share=0.4, holding_rate=0.0)
    found = {r["unique_id"]: (r["action"], r["return_value"], r["exit_units"]) for r in h.exits.iter_rows(named=True)}
    assert found == {
        "A": ("keep", None, 0),
        "B": ("return", pytest.approx(16), 10),
        "C": ("return", pytest.approx(4), 2),
    }
    assert {a.key: a.items for a in h.assumptions}["no-return-terms"] == 1


def test_units_go_to_the_location_that_runs_short():
    f = certain({"A/N": [1.0] * 28, "A/S": [2.0] * 28})
    items = {
        "unique_id": ["A/N", "A/S"], "sku": ["A", "A"], "location": ["N", "S"], "on_hand": [130.0, 4.0],
        "unit_cost": [3.0] * 2, "unit_price": [5.0] * 2, "last_sale": [YESTERDAY] * 2,
    }  # fmt: skip
    h = look(f, items, elasticity=None, holding_rate=0.0, transfer_cost=0.25)
    out = row(h, "A/N", "exits")
    # S asks for 42 in lead time and review and has 4; N has 130 - 90 = 40 too many
    assert (out["action"], out["exit_units"], out["to"]) == ("transfer", 38, "S")
    # 38 sales at 5 that would be lost, less the 2 of margin that N's later orders lose not: 38 x 5 - 38 x (5 - 2) - freight
    assert out["gain"] == pytest.approx(38 * 5 - 38 * 3 - 38 * 0.25)
    assert "Move 38 units to S, which runs short" in out["reason_en"]
    assert "建议调拨 38 件到S（该处将缺货）" in out["reason_zh"]
    assert h.exits.height == 1


def test_what_expires_is_waste_and_excess_with_its_carbon():
    # 1 a day, 20 keep for 8 days: 12 expire within the horizon
    items = {
        "unique_id": ["A"], "on_hand": [20.0], "unit_cost": [3.0], "unit_price": [5.0], "shelf_life_days": [30.0],
        "days_left": [8.0], "co2e_kg": [0.5], "last_sale": [YESTERDAY],
    }  # fmt: skip
    h = look(certain({"A": [1.0] * 14}), items, elasticity=-2.0)
    a = row(h, "A")
    assert (a["waste_units"], a["waste_value"], a["expires_units"], a["excess_units"]) == (12, 36, 12, 12)
    assert (a["p_sold"], a["sell_share"]) == (0, 0.4)  # what has expired is not sold within the year
    assert h.risk()["wasted"].to_list() == [0] * 7 + [12] + [0] * 6
    waste = h.sustainability.row(0, named=True)
    assert waste == {
        "measure": "waste", "items": 1, "units": 12, "money": 36, "co2e_kg": 6, "units_without_factor": 0
    }  # fmt: skip
    out = row(h, "A", "exits")
    assert out["reason_en"].startswith(
        "Too much to sell in time: 12 units (£36.00 at cost) should expire within 8 days."
    )
    # half price sells 4 times as fast, 20 x 2.5; kept: 8 x 5; 40 % off: 1 / 0.36 as fast, 20 x 3 = 60 less holding
    assert (out["action"], out["markdown"]) == ("markdown", 0.4)


def test_classes_money_and_errors_come_from_what_is_known():
    items = {
        "unique_id": ["A", "B", "C"], "on_hand": [5.0, None, 5.0], "unit_cost": [3.0, 3.0, None],
        "unit_price": [5.0, 5.0, 5.0], "error": [0.7, None, 0.2],
    }  # fmt: skip
    h = look(certain({"A": [1.0] * 7, "B": [1.0] * 7, "C": [1.0] * 7}), items)
    assert h.items["abc"].to_list() == ["A", "A", None]
    assert h.items["xyz"].to_list() == ["Y", "X", "X"]
    assert h.items["error_from"].to_list() == ["backtest", "forecast", "backtest"]
    assert h.items["p_short"].to_list() == [1, None, 1]
    assert h.cells["items"].sum() == 3
    assert set(h.risk()["unique_id"]) == {"A", "C"}
    said = {a.key: a.items for a in h.assumptions}
    assert (said["stock-unknown"], said["money-unknown"], said["error-of-forecast"], said["idle-unknown"]) == (
        1,
        1,
        1,
        3,
    )
    assert all(a.en.endswith(".") and a.zh.endswith("。") for a in h.assumptions)
    assert h.summary()["stock_unknown"] == 1


def test_without_money_too_much_is_still_said_but_no_exit_is_chosen():
    h = look(certain({"A": [0.0] * 7}), {"unique_id": ["A"], "on_hand": [9.0], "last_sale": [None]})
    out = row(h, "A", "exits")
    assert (out["kind"], out["action"], out["gain"]) == ("dead", None, None)
    assert out["reason_en"] == (
        "Dead stock: 9 units, never sold, 0 % chance of selling out within 12 months. "
        "No exit can be compared, as its cost or price is not known."
    )


def test_a_discontinued_item_sells_until_its_last_day_only():
    end = TODAY + dt.timedelta(days=9)  # ten days of sale
    items = {"unique_id": ["A"], "on_hand": [25.0], "end_date": [end], "unit_cost": [3.0], "unit_price": [5.0]}
    h = look(certain({"A": [2.0] * 28}), items, elasticity=None)
    assert row(h, "A")["excess_units"] == 5
    assert h.risk()["stock"].to_list() == [23 - 2 * k for k in range(10)] + [5] * 18


def test_what_cannot_be_read_is_counted_and_what_is_double_is_refused():
    f = certain({"A": [1.0] * 7})
    orders = pl.DataFrame(
        {
            "unique_id": ["A", "A", "Z", "A"],
            "quantity": [2.0, -1.0, 3.0, 4.0],
            "due": [TODAY - dt.timedelta(days=3)] * 3 + [None],
        }
    )
    h = look(f, {"unique_id": ["A", "Y"], "on_hand": [5.0, 1.0], "unit_cost": [-3.0, 1.0]}, orders)
    noted = {r["rule"]: r["rows"] for r in h.repairs.rows}
    assert noted == {"unit-cost-impossible": 1, "unknown-series": 1, "open-order-unreadable": 2, "overdue": 1}
    assert sum(r["rule"] == "unknown-series" for r in h.repairs.rows) == 2  # item Y and the order of Z
    assert h.risk()["arrivals"].to_list() == [2] + [0] * 6
    with pytest.raises(DataError, match="'A' more than once"):
        look(f, {"unique_id": ["A", "A"]})
    with pytest.raises(DataError, match="unique_id"):
        look(f, {"sku": ["A"]})
    with pytest.raises(DataError, match="due"):
        look(f, {"unique_id": ["A"]}, pl.DataFrame({"unique_id": ["A"], "quantity": [1.0]}))
    with pytest.raises(DataError, match="'Q'"):
        h.risk(["Q"])


@pytest.mark.parametrize(
    "wrong",
    [{"abc": (0.9, 0.8)}, {"cover_days": 0}, {"risk": 1.0}, {"elasticity": 0.5}, {"markdowns": (1.2,)}, {"paths": 1}],
)
def test_options_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        HealthOptions(**wrong)


def test_the_plan_itself_is_a_table_of_items_and_an_item_does_not_depend_on_the_others():
    rates = {"A": 3.0, "B": 0.4, "C": 0.01}
    f = poisson(rates)
    made = plan(
        f, stock={"sku": list(rates), "on_hand": [40.0, 90.0, 15.0]},
        products={"sku": list(rates), "cost": [3.0] * 3, "price": [5.0] * 3},
    )  # fmt: skip
    items = made.frame()
    h = look(f, items)
    assert h.items["unique_id"].to_list() == list(rates)
    alone = look(f.take([1]), items.filter(pl.col("unique_id") == "B"))
    measured = ["p_short", "lost_units", "p_sold", "sell_share", "excess_units", "error"]
    assert alone.items.select(measured).row(0) == h.items.select(measured).row(1)
    kept = ["action", "keep_value", "gain", "reason_en", "reason_zh"]
    assert row(alone, "B", "exits") == row(h, "B", "exits")
    assert h.exits.select(kept).null_count().sum_horizontal().item() == 0
    assert np.array_equal(alone.projection.fan[0], h.projection.fan[1])


def test_chunks_do_not_matter(monkeypatch):
    rates = {f"A{k}": 0.5 + k for k in range(6)}
    items = {
        "unique_id": list(rates), "sku": ["A"] * 3 + ["B"] * 3, "location": ["x", "y", "z"] * 2,
        "on_hand": [400.0, 2.0, 3.0] * 2, "unit_cost": [3.0] * 6, "unit_price": [5.0] * 6,
    }  # fmt: skip
    whole = look(poisson(rates), items)
    monkeypatch.setattr("skucast.decide.health.measures._CELLS", 1)
    parts = look(poisson(rates), items)
    assert whole.items.equals(parts.items)
    assert whole.exits.equals(parts.exits)
    assert (whole.exits["action"] == "transfer").any()


def test_frames_come_back_in_the_kind_that_was_given():
    pd = pytest.importorskip("pandas")
    h = look(certain({"A": [1.0] * 7}), pd.DataFrame({"unique_id": ["A"], "on_hand": [5.0]}))
    assert isinstance(h.frame(), pd.DataFrame)
    assert h.frame()["p_short"].tolist() == [1.0]


def test_last_sales_are_dates_of_the_last_step_with_a_sale():
    days = [TODAY - dt.timedelta(days=k) for k in (4, 3, 2, 1)]
    frame = pl.DataFrame({"unique_id": ["A"] * 4 + ["B"] * 4, "ds": days * 2, "y": [0.0, 2, 0, 0, 0, 0, 0, 0]})
    found = last_sales(Panel.from_frame(frame, freq="D"))
    assert found["last_sale"].to_list() == [days[1], None]


def test_weeks_and_an_empty_forecast():
    f = certain({"A": [7.0] * 4}, freq="W-SUN")
    h = look(f, {"unique_id": ["A"], "on_hand": [10.0], "on_order": [8.0], "lead_days": [10.0]})
    assert h.risk()["stock"].to_list() == [11, 4, 0, 0]  # 8 units arrive halfway through the lead time
    assert look(f.take([]), {"unique_id": ["A"], "on_hand": [1.0]}).items.is_empty()
