from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from skucast.errors import ConfigError, DataError

from .typed import column, counts, every_day, lines, orders, promoted, rule, rules, shop, signals, table

NAN = float("nan")


# ---- availability ----


def test_a_sales_table_can_say_that_an_item_was_out_of_stock() -> None:
    rows = [
        {"sku": "A", "date": f"2024-01-0{d}", "quantity": q, "available": a}
        for d, q, a in ((1, 3.0, True), (2, 0.0, False), (3, 1.0, None))
    ]
    panel = shop({"sales": table("sales", rows)}).panel()
    assert panel.available is not None
    assert panel.available.tolist() == [True, False, True]
    assert np.isnan(panel.observed[1])


def test_a_count_of_zero_without_a_sale_is_out_of_stock_until_the_next_count() -> None:
    rows = lines(every_day("A", "2024-01-01", [5, 0, 0, 0, 2, 5, 0, 1]))
    stock = counts(
        ("A", "2024-01-01", 5.0), ("A", "2024-01-03", 0.0), ("A", "2024-01-05", 0.0), ("A", "2024-01-07", 9.0)
    )
    panel = shop({"orders": rows, "stock": stock}).panel()
    assert panel.available is not None
    # 3 and 4 January are covered by the count of zero; on the 5th something was sold, so it was there
    assert panel.available.tolist() == [True, True, False, False, True, True, True, True]


def test_stock_of_other_places_counts_unless_the_place_makes_series() -> None:
    rows = orders(
        ("A", 1.0, "2024-01-01", "DE"), ("A", 1.0, "2024-01-01", "FR"), ("A", 1.0, "2024-01-03", "DE"),
        columns="sku quantity ordered_at location",
    )  # fmt: skip
    stock = counts(
        ("A", "2024-01-01", 5.0, "DE"), ("A", "2024-01-02", 0.0, "DE"), ("A", "2024-01-02", 4.0, "FR"),
        ("A", "2024-01-03", 0.0, "FR"), columns="sku date on_hand location",
    )  # fmt: skip
    made = shop({"orders": rows, "stock": stock})
    together = made.panel()
    assert together.available is not None
    assert together.available.tolist() == [True, True, True]
    apart = made.panel(level=("sku", "location"))
    assert column(apart, apart.available, "A/DE") == [True, False, True]
    assert column(apart, apart.available, "A/FR") == [True, True, False]


def test_a_week_is_censored_if_most_of_its_days_are() -> None:
    units = [1.0] * 7 + [1, 0, 0, 0, 0, 1, 1] + [1, 1, 1, 1, 1, 0, 0]
    rows = lines(every_day("A", "2024-01-01", units), every_day("B", "2024-01-21", [1.0]))
    empty = ["2024-01-09", "2024-01-10", "2024-01-11", "2024-01-12", "2024-01-20", "2024-01-21"]
    stock = counts(("A", "2024-01-01", 5.0), *[("A", d, 0.0) for d in empty])
    weeks = shop({"orders": rows, "stock": stock}).panel(freq="W")
    assert weeks.available is not None
    assert column(weeks, weeks.available, "A") == [True, False, True]


def test_stock_of_today_only_says_nothing_about_the_past() -> None:
    rows = lines(every_day("A", "2024-01-01", [1, 0, 0]))
    assert shop({"orders": rows, "stock": counts(("A", None, 0.0))}).panel().available is None
    assert shop({"orders": rows, "stock": counts(("A", "2024-06-01", 0.0))}).panel().available is None
    assert shop({"orders": rows, "stock": counts(("A", 0.0), columns="sku on_hand")}).panel().available is None


# ---- promotions ----


def test_a_promotion_of_an_item_covers_its_days_past_and_future() -> None:
    made = promoted(
        {"sku": "A", "start": "2024-01-03", "end": "2024-01-04"},
        {"sku": "B", "start": "2024-01-10", "end": "2024-01-12"},
    )
    panel = made.panel()
    assert column(panel, panel.known["promotion"], "A") == [0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    assert column(panel, panel.known["promotion"], "B") == [0] * 9 + [1]
    assert made.future(panel, 4)["promotion"].tolist() == [[0, 0, 0, 0], [1, 1, 0, 0]]
    assert "promotion_discount" not in panel.known


def test_a_promotion_may_cover_a_category_or_the_whole_shop() -> None:
    made = promoted(
        {"category": "y", "start": "2024-01-01", "end": "2024-01-01", "discount": 0.5},
        {"start": "2024-01-02", "end": "2024-01-02", "discount": 0.1},
        {"sku": "A", "start": "2024-01-02", "end": "2024-01-03", "price": 6.0},
    )
    panel = made.panel()
    assert column(panel, panel.known["promotion"], "A")[:4] == [0, 1, 1, 0]
    assert column(panel, panel.known["promotion"], "B")[:4] == [1, 1, 0, 0]
    assert column(panel, panel.known["promotion_discount"], "A")[:4] == pytest.approx([0, 0.4, 0.4, 0])
    assert column(panel, panel.known["promotion_discount"], "B")[:4] == pytest.approx([0.5, 0.1, 0, 0])


def test_promotions_of_part_of_a_series_or_period_count_in_part() -> None:
    made = promoted({"sku": "A", "start": "2024-01-01", "end": "2024-01-02"})
    made_weeks = made.panel(freq="W")
    assert column(made_weeks, made_weeks.known["promotion"], "A") == pytest.approx([2 / 7])
    whole = shop({**made.tables, "products": table("products", [{"sku": s, "category": "z"} for s in "AB"])}).panel(
        level="category"
    )
    assert whole.known["promotion"][:3].tolist() == [0.5, 0.5, 0.0]


def test_a_promotion_of_one_place_reaches_the_series_there() -> None:
    rows = orders(
        ("A", 3.0, "2024-01-01", "DE"), ("A", 1.0, "2024-01-01", "FR"), columns="sku quantity ordered_at location"
    )
    promotions = table("promotions", [{"location": "FR", "start": "2024-01-01", "end": "2024-01-01"}])
    made = shop({"orders": rows, "promotions": promotions})
    assert made.panel(level=("sku", "location")).known["promotion"].tolist() == [0, 1]
    assert made.panel().known["promotion"].tolist() == [0.25]


def test_a_future_without_promotions_is_noted_once() -> None:
    made = promoted({"sku": "A", "start": "2024-01-03", "end": "2024-01-04"})
    panel = made.panel()
    for _ in range(2):
        assert not made.future(panel, 4)["promotion"].any()
    assert rule(made.repairs, "none-planned")["rows"] == 8
    planned = promoted({"sku": "A", "start": "2024-01-03", "end": "2024-01-12"})
    planned.future(planned.panel(), 4)
    assert "none-planned" not in rules(planned.repairs)


def test_promotions_can_be_switched_off() -> None:
    made = promoted({"sku": "A", "start": "2024-01-03", "end": "2024-01-04"}, forecast={"promotions": False})
    assert dict(made.panel().known) == {}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("dates-unknown", {"sku": "A", "start": None, "end": "2024-01-02"}),
        ("end-before-start", {"sku": "A", "start": "2024-01-03", "end": "2024-01-02"}),
        ("discount-in-percent", {"sku": "A", "start": "2024-01-01", "end": "2024-01-02", "discount": 20.0}),
        ("discount-impossible", {"sku": "A", "start": "2024-01-01", "end": "2024-01-02", "discount": -0.5}),
    ],
)
def test_promotions_that_cannot_be_are_counted(name: str, row: dict[str, Any]) -> None:
    made = promoted(row)
    assert rule(made.repairs, name)["rows"] == 1
    known = made.panel().known
    if name == "discount-in-percent":
        assert known["promotion_discount"].max() == pytest.approx(0.2)


def test_a_promotion_without_end_does_not_fill_the_memory() -> None:
    made = promoted({"sku": "A", "start": "1900-01-01", "end": "9999-12-31"})
    assert made.panel().known["promotion"].sum() == 10
    assert made.future(made.panel(), 3)["promotion"].tolist() == [[1, 1, 1], [0, 0, 0]]


def test_a_sales_tables_own_promotions_reach_into_the_future() -> None:
    rows = [
        {"sku": "A", "date": f"2024-01-0{d}", "quantity": q, "promotion": p}
        for d, q, p in ((1, 3.0, False), (2, 5.0, True), (3, 1.0, False), (4, None, True), (5, None, False))
    ]
    made = shop({"sales": table("sales", rows)})
    panel = made.panel()
    assert panel.known["promotion"].tolist() == [0, 1, 0]
    assert made.future(panel, 3)["promotion"].tolist() == [[1, 0, 0]]


# ---- events, signals, further columns ----


def test_events_become_past_covariates_by_kind() -> None:
    rows = lines(every_day("A", "2024-01-01", [1.0] * 5), every_day("B", "2024-01-02", [1.0] * 4))
    events = table(
        "events",
        [
            {"sku": "A", "at": "2024-01-02T10:00", "kind": "pv", "count": 3.0}, {"sku": "A", "at": "2024-01-02T11:00", "kind": "View"},
            {"sku": "B", "at": "2024-01-04", "kind": "加购"}, {"sku": "A", "at": "2024-01-03", "kind": "Wish_list", "count": None},
            {"sku": None, "at": "2024-01-03", "kind": "view"}, {"sku": "A", "at": "2024-01-03", "kind": "view", "count": -1.0},
        ],
    )  # fmt: skip
    made = shop({"orders": rows, "events": events})
    panel = made.panel()
    assert set(panel.past) == {"views", "carts", "favourites"}
    np.testing.assert_array_equal(column(panel, panel.past["views"], "A"), [NAN, 4, 0, 0, NAN])
    np.testing.assert_array_equal(column(panel, panel.past["carts"], "B"), [0, 0, 1, NAN])
    assert rule(made.repairs, "incomplete")["rows"] == 1
    assert rule(made.repairs, "impossible-counts")["rows"] == 1


def test_signals_take_the_role_that_they_say() -> None:
    rows = lines(every_day("A", "2024-01-01", [1.0] * 3))
    made = shop(
        {
            "orders": rows,
            "signals": signals(
                ("2024-01-01", "Search interest", 10.0), ("2024-01-03", "Search interest", 30.0),
                *[(f"2024-01-0{d}", "temperature", float(d), True) for d in range(1, 6)],
            ),
        }
    )  # fmt: skip
    panel = made.panel()
    assert panel.known["temperature"].tolist() == [1, 2, 3]
    assert panel.past["search_interest"].tolist() == [10, 10, 30]  # given every other day, so each speaks for two
    assert made.future(panel, 2)["temperature"].tolist() == [[4, 5]]
    with pytest.raises(
        DataError, match="'temperature' is not given in 1 of 3 steps ahead, the first: 'A' on 2024-01-06"
    ):
        made.future(panel, 3)


def test_signals_about_a_place_reach_the_series_by_their_units_there() -> None:
    rows = orders(
        ("A", 3.0, "2024-01-01", "DE"), ("A", 1.0, "2024-01-01", "FR"), columns="sku quantity ordered_at location"
    )
    rain = signals(("2024-01-01", "rain", 8.0, False, "DE"), ("2024-01-01", "rain", 0.0, False, "FR"))
    made = shop({"orders": rows, "signals": rain})
    assert made.panel(level=("sku", "location")).past["rain"].tolist() == [8, 0]
    assert made.panel().past["rain"].tolist() == [6]


def test_signals_can_be_given_the_other_role_by_name() -> None:
    rows = lines(every_day("A", "2024-01-01", [1.0] * 2))
    given = signals(("2024-01-01", "x", 1.0, True), ("2024-01-02", "x", 2.0, True), ("2024-01-01", "y", 1.0))
    panel = shop({"orders": rows, "signals": given}, forecast={"known": ["y"], "past": ["x"]}).panel()
    assert (list(panel.known), list(panel.past)) == (["y"], ["x"])


def test_signals_that_cannot_be_used_are_counted() -> None:
    rows = lines(every_day("A", "2024-01-01", [1.0] * 2))
    odd = signals(
        ("2024-01-01", "x", NAN), ("2024-01-01", "x", float("inf")), (None, "x", 1.0), ("2024-01-01", "x", 2.0)
    )
    made = shop({"orders": rows, "signals": odd})
    assert rule(made.repairs, "incomplete")["rows"] == 3
    many = signals(*[("2024-01-01", f"s{i}", 1.0) for i in range(60)])
    wide = shop({"orders": rows, "signals": many}, forecast={"past": ["s7"]})
    assert list(wide.panel().past) == ["s7"]
    assert rule(wide.repairs, "too-many-names")["rows"] == 59


def test_further_columns_of_a_sales_table_are_covariates_if_named() -> None:
    rows = [{"sku": s, "date": f"2024-01-0{d}", "quantity": 1.0 if d < 4 else None} for d in range(1, 6) for s in "AB"]
    sales = table("sales", rows).with_columns(
        heat=pl.Series([float(d) for d in range(1, 6) for _ in "AB"]), clicks=pl.Series([float(i) for i in range(10)])
    )
    assert dict(shop({"sales": sales}).panel().known) == {}
    made = shop({"sales": sales}, forecast={"known": ["heat"], "past": ["clicks"]})
    panel = made.panel()
    assert panel.known["heat"].tolist() == [1, 2, 3, 1, 2, 3]
    assert column(panel, panel.past["clicks"], "B") == [1, 3, 5]
    assert made.future(panel, 2)["heat"].tolist() == [[4, 5], [4, 5]]
    with pytest.raises(ConfigError, match="\\[forecast\\] known names 'mood'"):
        shop({"sales": sales}, forecast={"known": ["mood"]})


def test_a_planned_price_is_a_known_covariate() -> None:
    rows = [
        {"sku": "A", "date": f"2024-01-0{d}", "quantity": 1.0 if d < 3 else None, "price": 10.0 - d}
        for d in range(1, 5)
    ]
    made = shop({"sales": table("sales", rows)}, forecast={"known": ["price"]})
    panel = made.panel()
    assert panel.known["price"].tolist() == [9, 8]
    assert "price" not in panel.past
    assert made.future(panel, 2)["price"].tolist() == [[7, 6]]


def test_the_future_of_some_series_is_that_of_the_whole() -> None:
    made = promoted({"sku": "B", "start": "2024-01-10", "end": "2024-01-12"})
    panel = made.panel()
    np.testing.assert_array_equal(made.future(panel.take([1]), 4)["promotion"], made.future(panel, 4)["promotion"][1:])


# ---- prices ----


def test_item_prices_are_those_that_a_purchase_plan_takes() -> None:
    rows = orders(("A", 2.0, "2024-01-01", 3.0), ("B", 1.0, "2024-01-01", None))
    made = shop({"orders": rows, "products": table("products", [{"sku": "A", "cost": 1.25}])})
    assert made.item_prices().rows() == [("A", 3.0, 3.0, 1.25), ("B", None, None, None)]
    assert made.item_prices(made.panel().take([1])).rows() == [("B", None, None, None)]


def test_price_columns_are_past_covariates() -> None:
    rows = lines(every_day("A", "2024-01-01", [1.0, 0, 2.0], price=4.0))
    panel = shop({"orders": rows, "products": table("products", [{"sku": "A", "price": 5.0}])}).panel()
    assert panel.past["price"].tolist() == [4, 4, 4]
    assert panel.past["list_price"].tolist() == [5, 5, 5]
    np.testing.assert_allclose(panel.past["discount"], 0.2, rtol=1e-6)
