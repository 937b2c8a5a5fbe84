"""Cleaning of delivery records: each rule, counted, and nothing else touched."""

import datetime as dt

import polars as pl
import pytest

from skucast.decide.supply import Deliveries, learned_lead_times
from skucast.errors import ConfigError, DataError

from .making import START, records

AS_OF = START + dt.timedelta(days=400)


def good(n=30):
    return records([("Acme", 10 * k, 12 + k % 5) for k in range(n)])


def with_row(**cells) -> pl.DataFrame:
    base = {"supplier": "Acme", "ordered_at": START, "received_at": START + dt.timedelta(days=14)}
    base |= {"promised_at": START + dt.timedelta(days=14), "quantity": 5.0}
    table = good().with_columns(promised_at=pl.col("received_at"), quantity=pl.lit(5.0))
    return pl.concat([table, pl.DataFrame([base | cells], schema=table.schema)])


def day(n):
    return START + dt.timedelta(days=n)


@pytest.mark.parametrize(
    ("cells", "rule", "action"),
    [
        ({"supplier": None}, "supplier-missing", "rejected"),
        ({"supplier": "  "}, "supplier-missing", "rejected"),
        ({"ordered_at": None}, "order-date-missing", "rejected"),
        ({"ordered_at": day(20), "promised_at": None}, "received-before-ordered", "rejected"),
        ({"ordered_at": day(401), "received_at": None, "promised_at": None}, "ordered-in-future", "rejected"),
        ({"received_at": day(399)}, "lead-time-absurd", "rejected"),
        ({"received_at": None}, "open-too-long", "rejected"),
        ({"quantity": -5.0}, "quantity-not-positive", "rejected"),
        ({"quantity": 0.0}, "quantity-not-positive", "rejected"),
        ({"ordered_at": day(390), "received_at": day(405), "promised_at": None}, "received-in-future", "changed"),
        ({"ordered_at": day(5), "received_at": day(19), "promised_at": day(1)}, "promised-before-ordered", "changed"),
    ],
)
def test_what_cannot_be_true_is_counted_under_its_rule_and_only_there(cells, rule, action):
    cleaned = Deliveries.clean(with_row(**cells), AS_OF)
    found = cleaned.repairs.frame()
    assert found["rule"].to_list() == [rule]
    assert found["action"].to_list() == [action]
    assert found["rows"].to_list() == [1]
    assert found["remedy"][0]
    assert found["example"][0]
    assert cleaned.frame.height == 31 - (action == "rejected")
    if rule == "received-in-future":
        assert cleaned.frame["received_at"].null_count() == 1
    if rule == "promised-before-ordered":
        assert cleaned.frame["promised_at"].null_count() == 1


def test_a_day_of_receipt_that_cannot_be_read_is_no_open_order():
    table = good().with_columns(pl.col("ordered_at", "received_at").cast(pl.String))
    bad = pl.DataFrame([{"supplier": "Acme", "ordered_at": "2015-05-05", "received_at": "soon"}])
    cleaned = Deliveries.clean(pl.concat([table, bad]), AS_OF)
    assert cleaned.repairs.frame()["rule"].to_list() == ["receipt-unreadable"]
    assert cleaned.frame["received_at"].null_count() == 0


def test_clean_records_stay_as_they_are():
    cleaned = Deliveries.clean(good())
    assert cleaned.repairs.frame().is_empty()
    assert cleaned.frame.height == 30
    assert cleaned.as_of == good()["received_at"].max()


def test_a_supplier_that_is_always_slow_is_believed_and_a_single_slip_is_not():
    slow = records([("Sea", 10 * k, 200 + k) for k in range(3)])
    slip = records([("Once", 0, 200)])
    quick = records([("Near", 4 * k, 3) for k in range(80)])
    cleaned = Deliveries.clean(pl.concat([quick, slow, slip]), AS_OF)
    assert set(cleaned.frame["supplier"]) == {"Near", "Sea"}
    assert cleaned.repairs.frame()["rule"].to_list() == ["lead-time-absurd"]


def test_the_longest_lead_time_may_be_given():
    cleaned = Deliveries.clean(good(), AS_OF, longest_days=15)
    assert cleaned.repairs.frame()["rows"].to_list() == [6]  # one in five takes 16 days
    with pytest.raises(ConfigError, match="longest_days must be above zero, not -1"):
        Deliveries.clean(good(), AS_OF, longest_days=-1)


def test_without_a_received_order_it_says_so():
    with pytest.raises(DataError, match="holds no order that was received"):
        learned_lead_times(records([("Acme", 0, None), ("Acme", 3, None)]))
    with pytest.raises(DataError, match="no column 'received_at'"):
        learned_lead_times(good().drop("received_at"))
    with pytest.raises(DataError, match="it is empty"):
        learned_lead_times(good().clear())


def test_a_day_in_the_far_future_does_not_make_open_orders_old():
    typo = records([("Acme", 0, 14_000), ("Acme", 290, None)])
    cleaned = Deliveries.clean(pl.concat([good(), typo]).filter(pl.col("ordered_at") > START))
    assert cleaned.as_of <= dt.date.today()
