from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import skucast as sc
from skucast.collect.shop import load_shop
from skucast.collect.tables import SCHEMAS
from skucast.errors import ConfigError, DataError, SkucastError

from .typed import TODAY, bundled, every_day, lines, orders, rule, rules, shop, signals, table

NAN = float("nan")


# ---- small, empty, odd ----


def test_one_line_makes_one_cell() -> None:
    panel = shop({"orders": orders(("A", 2.0, "2024-01-02T11:00", 1.0))}).panel()
    assert panel.values.tolist() == [2.0]


def test_a_table_of_zeros_makes_a_panel_of_zeros() -> None:
    rows = [{"sku": "A", "date": f"2024-01-0{d}", "quantity": 0.0} for d in (1, 2, 3)]
    made = shop({"sales": table("sales", rows)})
    assert made.panel().values.tolist() == [0, 0, 0]
    assert made.closed == ()


def test_no_orders_and_no_sales_is_one_sentence() -> None:
    with pytest.raises(DataError, match="only stock"):
        shop({"stock": table("stock", [{"sku": "A", "on_hand": 1.0}])})
    with pytest.raises(DataError, match="nothing to forecast"):
        shop({"orders": orders(("A", 1.0, "2024-01-01", 1.0)).clear()})


def test_orders_win_over_sales_and_that_is_said() -> None:
    rows = table("sales", [{"sku": "A", "date": "2024-01-01", "quantity": 9.0}])
    made = shop({"orders": orders(("A", 2.0, "2024-01-01", 1.0)), "sales": rows})
    assert made.demand.units == 2.0
    assert rule(made.repairs, "orders-are-used")["rows"] == 1


@pytest.mark.parametrize("code", ["=cmd()", "../x", "A,B\n", "'; drop table", "商品-1", " "])
def test_codes_are_only_names(code: str) -> None:
    made = shop({"orders": orders((code, 2.0, "2024-01-01", 1.0), ("Z", 1.0, "2024-01-01", 1.0))})
    assert (code in made.panel().ids.to_list()) == bool(code.strip())


def test_rows_about_items_that_nobody_sold_are_counted_by_table() -> None:
    made = shop(
        {
            "orders": orders(("A", 2.0, "2024-01-01", 1.0)),
            "stock": table(
                "stock", [{"sku": "A", "on_hand": 1.0}, {"sku": "X", "on_hand": 1.0}, {"sku": "Y", "on_hand": 1.0}]
            ),
            "promotions": table("promotions", [{"sku": "X", "start": "2024-01-01", "end": "2024-01-02"}]),
            "products": table("products", [{"sku": "A"}, {"sku": "N"}]),
            "events": table("events", [{"sku": "X", "at": "2024-01-01", "kind": "view"}]),
        }
    )
    found = {(r["table"], r["rule"]): (r["rows"], r["series"]) for r in made.repairs.rows}
    assert found == {
        ("stock", "unknown-sku"): (2, 2), ("promotions", "unknown-sku"): (1, 1), ("products", "never-sold"): (1, 1),
        ("events", "unknown-sku"): (1, 1),
    }  # fmt: skip
    panel = made.panel()
    assert panel.known["promotion"].tolist() == [0.0]


def test_products_named_twice_count_once() -> None:
    products = table(
        "products", [{"sku": "A", "name": "first"}, {"sku": "A", "name": "second"}, {"sku": " ", "name": "none"}]
    )
    made = shop({"orders": orders(("A", 2.0, "2024-01-01", 1.0)), "products": products})
    assert made.panel().static["name"].to_list() == ["first"]
    assert rule(made.repairs, "duplicate-keys")["rows"] == 1
    assert rule(made.repairs, "no-sku")["rows"] == 1


def test_an_end_before_the_launch_is_taken_as_unknown() -> None:
    rows = lines(every_day("A", "2024-01-01", [1.0] * 5), every_day("B", "2024-01-03", [1.0]))
    products = table("products", [{"sku": "B", "launch_date": "2024-01-02", "end_date": "2024-01-01"}])
    made = shop({"orders": rows, "products": products})
    panel = made.panel()
    assert panel.series(1).tolist() == [0, 1, 0, 0]
    assert rule(made.repairs, "end-before-launch")["rows"] == 1


def test_names_come_from_products_else_from_the_orders() -> None:
    rows = orders(
        ("A", 1.0, "2024-01-01", "printed"), ("B", 1.0, "2024-01-01", "only printed"),
        columns="sku quantity ordered_at description",
    )  # fmt: skip
    made = shop({"orders": rows, "products": table("products", [{"sku": "A", "name": "given"}])})
    assert made.panel().static["name"].to_list() == ["given", "only printed"]
    assert made.names["sku"].to_list() == ["A", "B"]


# ---- repairs and balance ----


def test_the_latest_panel_replaces_the_repairs_of_the_one_before() -> None:
    made = shop({"orders": lines(every_day("A", "2024-01-01", [1.0] * 17))})
    first = [dict(row) for row in made.repairs.rows]
    made.panel(freq="W")
    assert "partial-last-day" in rules(made.repairs)
    made.panel(freq="W")
    assert len([r for r in made.repairs.rows if r["rule"] == "partial-last-day"]) == 1
    made.panel(freq="D")
    assert made.repairs.rows == first


UNITS = st.lists(st.integers(0, 5), min_size=1, max_size=40)


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from("ABCD"), st.tuples(UNITS, st.integers(0, 20)), min_size=1),
    st.sampled_from(["D", "W", "W-WED", "MS"]),
)
def test_units_in_the_panel_and_units_rejected_are_all_units(
    items: dict[str, tuple[list[int], int]], freq: str
) -> None:
    first = dt.date(2024, 1, 1)
    rows = [
        line for sku, (units, late) in items.items()
        for line in every_day(sku, str(first + dt.timedelta(days=late)), [float(u) for u in units])
    ]  # fmt: skip
    if not rows:
        return
    made = shop({"orders": table("orders", rows)})
    try:
        panel = made.panel(freq=freq)
    except DataError:
        return  # no complete period
    total = sum(sum(units) for units, _ in items.values())
    assert np.nansum(panel.values) + made.repairs.rejected_units() == total
    assert (panel.lengths > 0).all()


# ---- the public name ----


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_frames_of_any_kind_make_a_shop_and_come_back_as_that_kind(kind: str) -> None:
    data = {
        "sku": ["A", "A", "B"],
        "quantity": [1, 2, 3],
        "ordered_at": ["2024-01-01 10:00", "2024-01-02 10:00", "2024-01-02 09:00"],
    }
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
    frame = make[kind](data)
    made = sc.load({"orders": frame})
    assert isinstance(made, sc.Shop)
    panel = made.panel()
    assert isinstance(panel.to_frame(), type(frame))
    assert panel.values.tolist() == [1, 2, 3]


def test_settings_go_beside_frames() -> None:
    frame = pl.DataFrame({"sku": ["POST", "A"], "quantity": [1, 2], "ordered_at": ["2024-01-01", "2024-01-01"]})
    assert load_shop({"orders": frame}).demand.units == 2
    assert load_shop({"orders": frame}, config={"clean": {"non_products": False}}).demand.units == 3


def test_stamps_with_a_zone_are_moved_to_the_shops() -> None:
    late = dt.datetime(2024, 1, 1, 23, 30, tzinfo=dt.UTC)
    frame = pl.DataFrame({"sku": ["A"], "quantity": [1], "ordered_at": [late]})
    made = load_shop({"orders": frame}, config={"project": {"timezone": "Asia/Shanghai"}})
    assert str(made.panel().stamps[0])[:10] == "2024-01-02"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"invoices": 1}, "'invoices' is no table"),
        ({}, "no frames"),
        (5, "got int"),
        (pl.DataFrame({"a": [1]}), "load\\({'orders': df}\\)"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(what: Any, message: str) -> None:
    with pytest.raises(SkucastError, match=message):
        sc.load(what)


def test_a_file_that_is_no_project_says_how_to_make_one(tmp_path: Any) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("sku,quantity\n")
    with pytest.raises(ConfigError, match="skucast init"):
        sc.load(file)
    with pytest.raises(ConfigError, match="There is no project file"):
        sc.load(tmp_path)


def test_the_same_orders_make_the_same_panel_to_the_last_bit() -> None:
    some = bundled().head(100_000)
    prints = [
        sc.Shop.of({"orders": lines}, today=TODAY).panel(level=("sku", "location")).fingerprint()
        for lines in (some, some.clone(), some.sort("ordered_at", "order_id", "sku", maintain_order=True))
    ]
    assert len(set(prints)) == 1


def test_a_shop_tells_what_it_holds() -> None:
    text = repr(shop({"orders": orders(("A", 2.0, "2024-01-01", 1.0), ("POST", 1.0, "2024-01-01", 1.0))}))
    assert text == "Shop(my shop: 2 orders; 1 items, 2 units; 2024-01-01..2024-01-01; 1 rows rejected)"


def test_every_table_of_the_schemas_can_be_given_at_once() -> None:
    frames = {
        "orders": orders(("A", 2.0, "2024-01-01", 1.0), ("A", 1.0, "2024-01-02", 1.0)),
        "products": table("products", [{"sku": "A", "supplier": "s"}]),
        "stock": table("stock", [{"sku": "A", "on_hand": 3.0}]),
        "suppliers": table("suppliers", [{"supplier": "s", "lead_time_days": 3.0}]),
        "open_orders": table("open_orders", [{"sku": "A", "quantity": 4.0, "due": "2024-01-05"}]),
        "deliveries": table("deliveries", [{"supplier": "s", "ordered_at": "2023-12-01", "received_at": "2023-12-04"}]),
        "promotions": table("promotions", [{"sku": "A", "start": "2024-01-01", "end": "2024-01-02"}]),
        "events": table("events", [{"sku": "A", "at": "2024-01-01", "kind": "view"}]),
        "signals": signals(("2024-01-01", "x", 1.0), ("2024-01-02", "x", 1.0)),
    }
    assert set(frames) | {"sales"} == set(SCHEMAS)
    made = shop(frames)
    panel = made.panel()
    assert (set(panel.known), set(panel.past)) == ({"promotion"}, {"price", "discount", "views", "x"})


def test_orders_in_parts_make_the_same_panel() -> None:
    rows = bundled().head(60_000)
    parts = (part for _, part in rows.group_by(pl.col("sku").hash() % 4, maintain_order=True))
    in_parts = sc.Shop.of({}, parts=parts, today=TODAY)
    whole = sc.Shop.of({"orders": rows}, today=TODAY)
    assert in_parts.panel().fingerprint() == whole.panel().fingerprint()
    assert in_parts.repairs.rejected_units() == whole.repairs.rejected_units()
    assert "orders in parts" in repr(in_parts)
