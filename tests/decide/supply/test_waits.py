"""Waits: what was known of deliveries on an earlier day."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.supply.waits import Waits

LINES = {"supplier": ["A", "A", "A", "B"], "sku": ["x", "y", "x", None], "start": [0, 0, 4, 6], "days": [5, 5, 3, 9]}


def lines(**more) -> pl.DataFrame:
    return pl.DataFrame({**LINES, "open": [False] * 4, **more})


def rows(waits):
    return waits.frame.select(*waits.by, "start", "days", "open").rows()


def test_on_an_earlier_day_later_orders_are_not_there_and_later_receipts_are_open():
    waits = Waits.of(lines(), ("supplier",), 20)
    assert rows(waits.seen_on(6)) == [("A", 0, 5, False), ("A", 4, 2, True)]
    assert rows(waits.seen_on(5)) == [("A", 0, 5, False), ("A", 4, 1, True)]
    assert rows(waits.seen_on(8)) == [("A", 0, 5, False), ("A", 4, 3, False), ("B", 6, 2, True)]
    assert rows(waits.between(4, 6)) == [("A", 4, 3, False)]


def test_items_share_their_suppliers_delivery_and_lines_without_an_item_count_for_the_supplier_only():
    suppliers, items = Waits.of(lines(), ("supplier",), 20), Waits.of(lines(), ("supplier", "sku"), 20)
    assert list(suppliers.nodes) == [("A",), ("B",)]
    assert list(items.nodes) == [("A", "x"), ("A", "y")]
    assert suppliers.share.tolist() == [1, 1, 1]
    assert items.share.tolist() == [0.5, 1, 0.5]
    assert items.days[items.rows(("A", "x"))].tolist() == [5, 3]
    assert items.rows(("B", "x")) == slice(0, 0)


@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 30), st.integers(0, 20)), min_size=1, max_size=30),
    st.integers(1, 60),
)
@settings(max_examples=60, deadline=None)
def test_looking_back_is_the_same_as_having_looked_then(made, day):
    table = pl.DataFrame(made, {"supplier": pl.String, "start": pl.Int64, "days": pl.Int64}, orient="row")
    back = Waits.of(table.with_columns(open=pl.lit(False)), ("supplier",), 99).seen_on(day)
    known = table.filter(pl.col("start") < day).with_columns(
        open=pl.col("start") + pl.col("days") > day, days=pl.min_horizontal("days", day - pl.col("start"))
    )
    assert sorted(rows(back)) == sorted(rows(Waits.of(known, ("supplier",), day)))
