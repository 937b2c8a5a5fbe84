from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from skucast.errors import ConfigError, DataError

from .typed import every_day, lines, orders, rule, series, shop, table

NAN = float("nan")


# ---- values ----


def test_a_day_without_a_sale_is_zero_from_the_first_sale_on() -> None:
    made = shop({"orders": lines(every_day("A", "2024-01-01", [2, 0, 3, 0]), every_day("B", "2024-01-03", [1, 4]))})
    panel = made.panel()
    assert panel.ids.to_list() == ["A", "B"]
    assert series(panel, "A").tolist() == [2, 0, 3, 4 - 4]
    assert series(panel, "B").tolist() == [1, 4]
    assert str(panel.stamps[-1])[:10] == "2024-01-04"


def test_a_closed_day_is_missing_unless_something_was_sold_on_it() -> None:
    units = [5.0] * 60
    made = shop(
        {"orders": lines(every_day("A", "2024-01-01", units), every_day("B", "2024-01-01", [1.0]))},
        clean={"closed_days": ["sat", "2024-01-10"]},
    )
    panel = made.panel()
    closed = np.isnan(series(panel, "B"))
    dates = panel.stamps.astype("datetime64[D]")
    assert [str(d) for d in dates[closed]][:3] == ["2024-01-06", "2024-01-10", "2024-01-13"]
    assert not np.isnan(series(panel, "A")).any()
    assert made.closed == ("Saturday", "2024-01-10")


def test_stretches_of_closed_days_are_told_as_such() -> None:
    made = shop(
        {"orders": lines(every_day("A", "2024-01-01", [1.0] * 30))},
        clean={"closed_days": ["2024-01-10..2024-01-12", "2024-01-20"]},
    )
    assert made.closed == ("2024-01-10..2024-01-12", "2024-01-20")
    assert shop({"orders": orders(("A", 1.0, "2024-01-01", 1.0))}).closed == ()


def test_weeks_and_months_add_up_their_days() -> None:
    rows = lines(every_day("A", "2024-01-01", [1.0] * 91))  # Monday 1 January to Sunday 31 March
    made = shop({"orders": rows})
    assert series(made.panel(freq="W"), "A").tolist() == [7.0] * 13
    months = made.panel(freq="MS")
    assert series(months, "A").tolist() == [31, 29, 31]
    assert months.freq.alias == "MS"
    assert series(made.panel(freq="QS"), "A").tolist() == [91]


def test_weeks_keep_the_anchor_that_is_asked_for() -> None:
    made = shop({"orders": lines(every_day("A", "2024-01-01", [1.0] * 31))})
    panel = made.panel(freq="W-WED")
    assert panel.freq.alias == "W-WED"
    assert series(panel, "A").tolist() == [7, 7, 7, 7]
    assert rule(made.repairs, "partial-first-period")["units"] == 3.0  # Monday to Wednesday of a week
    assert str(panel.stamps[0])[:10] == "2024-01-10"


def test_levels_come_from_the_orders_and_the_products() -> None:
    rows = orders(
        ("A", 1.0, "2024-01-01", "DE"), ("A", 2.0, "2024-01-01", "FR"), ("B", 4.0, "2024-01-02", "DE"),
        ("C", 8.0, "2024-01-02", "DE"), columns="sku quantity ordered_at location",
    )  # fmt: skip
    products = table("products", [{"sku": "A", "category": "x", "brand": "m"}, {"sku": "B", "category": "x"}])
    made = shop({"orders": rows, "products": products})
    by_place = made.panel(level=("sku", "location"))
    assert by_place.ids.to_list() == ["A/DE", "A/FR", "B/DE", "C/DE"]
    assert by_place.static.columns == ["unique_id", "sku", "location", "category", "brand"]
    by_category = made.panel(level="category")
    assert by_category.ids.to_list() == ["unknown", "x"]
    assert series(by_category, "x").tolist() == [3, 4]
    assert rule(made.repairs, "category-unknown")["units"] == 8.0
    with pytest.raises(DataError, match=r"'colour'.*there are sku, location, category, brand"):
        made.panel(level=("colour",))


def test_further_columns_of_the_orders_can_make_series() -> None:
    rows = lines(every_day("A", "2024-01-01", [1, 2])).with_columns(pl.Series("size", ["S", "L"]))
    assert shop({"orders": rows}, demand={"level": ["sku", "size"]}).panel().ids.to_list() == ["A/L", "A/S"]


def test_names_that_collide_are_an_error() -> None:
    rows = orders(
        ("A", 1.0, "2024-01-01", "x/y"), ("A/x", 1.0, "2024-01-01", "y"), columns="sku quantity ordered_at location"
    )
    with pytest.raises(DataError, match="'A/x/y'"):
        shop({"orders": rows}).panel(level=("sku", "location"))


def test_revenue_can_be_measured_where_prices_are_known() -> None:
    rows = orders(("A", 2.0, "2024-01-01", 3.0), ("A", 4.0, "2024-01-02", None))
    made = shop({"orders": rows})
    assert series(made.panel(measure="revenue"), "A").tolist() == [6.0, 0.0]
    assert rule(made.repairs, "price-unknown")["units"] == 4.0
    with pytest.raises(DataError, match="no price"):
        shop({"orders": rows.drop("price")}).panel(measure="revenue")
    with pytest.raises(ConfigError, match="measure"):
        made.panel(measure="profit")  # type: ignore[arg-type]


def test_a_sales_table_with_zeros_leaves_absent_rows_missing() -> None:
    rows = [
        {"sku": "A", "date": "2024-01-01", "quantity": 0.0}, {"sku": "A", "date": "2024-01-02", "quantity": 3.0},
        {"sku": "A", "date": "2024-01-04", "quantity": 0.0},
    ]  # fmt: skip
    made = shop({"sales": table("sales", rows)})
    np.testing.assert_array_equal(series(made.panel(), "A"), np.array([3, NAN, 0], dtype=np.float32))
    assert rule(made.repairs, "before-first-sale")["rows"] == 1


def test_a_sales_table_of_sales_only_means_zero_elsewhere() -> None:
    rows = [{"sku": "A", "date": "2024-01-01", "quantity": 2.0}, {"sku": "A", "date": "2024-01-04", "quantity": 3.0}]
    assert series(shop({"sales": table("sales", rows)}).panel(), "A").tolist() == [2, 0, 0, 3]


def test_a_day_on_which_a_busy_shop_has_only_zeros_is_closed() -> None:
    first = dt.date(2024, 1, 1)
    rows = [
        {"sku": f"S{i:02d}", "date": first + dt.timedelta(days=d), "quantity": 0.0 if d == 40 else float(i)}
        for i in range(40)
        for d in range(90)
    ]
    made = shop({"sales": table("sales", rows)})
    dense = made.panel().dense()
    assert np.isnan(dense[:39, 40]).all()
    assert made.closed == ("2024-02-10",)


def weekly(units: list[float], first: str = "2024-01-03") -> pl.DataFrame:
    start = dt.date.fromisoformat(first)
    return table(
        "sales", [{"sku": "A", "date": start + dt.timedelta(days=7 * k), "quantity": u} for k, u in enumerate(units)]
    )


def test_a_weekly_table_keeps_its_own_weekday() -> None:
    made = shop({"sales": weekly([1, 2, 3, 4, 5])})
    panel = made.panel()
    assert panel.freq.alias == "W-WED"
    assert series(panel, "A").tolist() == [1, 2, 3, 4, 5]
    assert made.panel(freq="W").freq.alias == "W-WED"
    assert series(made.panel(freq="MS"), "A").tolist() == [15]
    with pytest.raises(DataError, match=r"'W-WED'.*set \[demand\] freq = 'W-WED'"):
        made.panel(freq="D")


def test_a_week_that_is_still_going_on_is_left_out() -> None:
    made = shop({"sales": weekly([1, 2, 3, 4, 5])}, today=dt.date(2024, 1, 31))
    assert series(made.panel(), "A").tolist() == [1, 2, 3, 4]
    assert rule(made.repairs, "partial-last-day")["units"] == 5.0


def test_hours_are_too_fine() -> None:
    with pytest.raises(ConfigError, match="a day or longer, not 'h'"):
        shop({"orders": orders(("A", 1.0, "2024-01-01", 1.0))}).panel(freq="h")


# ---- the ends of series ----


def test_today_is_left_out_and_counted() -> None:
    rows = lines(every_day("A", "2024-01-01", [1, 2, 3]), every_day("B", "2024-01-03", [7]))
    made = shop({"orders": rows}, today=dt.date(2024, 1, 3))
    panel = made.panel()
    assert panel.ids.to_list() == ["A"]
    assert series(panel, "A").tolist() == [1, 2]
    row = rule(made.repairs, "partial-last-day")
    assert (row["rows"], row["units"], row["series"], row["action"]) == (2, 10.0, 2, "rejected")
    kept = shop({"orders": rows}, today=dt.date(2024, 1, 3), clean={"partial_last_day": False})
    assert series(kept.panel(), "A").tolist() == [1, 2, 3]


def test_a_last_week_that_is_not_over_is_left_out_and_counted() -> None:
    made = shop({"orders": lines(every_day("A", "2024-01-01", [1.0] * 17))})  # Monday to Wednesday of week three
    assert series(made.panel(freq="W"), "A").tolist() == [7, 7]
    assert rule(made.repairs, "partial-last-day")["units"] == 3.0


def test_only_an_unfinished_period_is_an_error() -> None:
    made = shop({"orders": orders(("A", 1.0, "2024-01-02", 1.0))})
    with pytest.raises(DataError, match=r"not complete.*partial_last_day"):
        made.panel(freq="MS")


def test_a_series_begins_at_its_launch_if_that_is_before_the_first_sale() -> None:
    rows = lines(
        every_day("A", "2024-01-01", [1.0] * 6), every_day("B", "2024-01-04", [2]), every_day("C", "2024-01-05", [3]),
        every_day("D", "2024-01-05", [3]),
    )  # fmt: skip
    products = table(
        "products",
        [
            {"sku": "B", "launch_date": "2024-01-02"}, {"sku": "C", "launch_date": "2000-01-01"},
            {"sku": "D", "launch_date": "2024-01-06"},
        ],
    )  # fmt: skip
    made = shop({"orders": rows, "products": products})
    panel = made.panel()
    assert series(panel, "B").tolist() == [0, 0, 2, 0, 0]
    assert series(panel, "C").tolist() == [0, 0, 0, 0, 3, 0]
    assert series(panel, "D").tolist() == [3, 0]
    assert rule(made.repairs, "launch-after-first-sale")["series"] == 1


def test_a_discontinued_item_is_missing_after_its_end_but_keeps_its_last_sales() -> None:
    rows = lines(
        every_day("A", "2024-01-01", [1.0] * 6),
        every_day("B", "2024-01-01", [2, 2]),
        every_day("C", "2024-01-01", [0, 0, 0, 3]),
    )
    products = table("products", [{"sku": "B", "end_date": "2024-01-03"}, {"sku": "C", "end_date": "2024-01-02"}])
    made = shop({"orders": rows, "products": products})
    panel = made.panel()
    np.testing.assert_array_equal(series(panel, "B"), np.array([2, 2, 0, NAN, NAN, NAN], dtype=np.float32))
    np.testing.assert_array_equal(series(panel, "C"), np.array([3, NAN, NAN], dtype=np.float32))
    row = rule(made.repairs, "discontinued")
    assert (row["series"], row["rows"], row["action"]) == (2, 5, "noted")


def test_a_series_without_a_sale_for_long_ends_if_so_asked() -> None:
    rows = lines(every_day("A", "2024-01-01", [1.0] * 30), every_day("B", "2024-01-01", [2.0]))
    off = shop({"orders": rows}).panel()
    assert series(off, "B").tolist() == [2.0] + [0.0] * 29
    made = shop({"orders": rows}, clean={"discontinued_after_days": 28})
    assert np.isnan(series(made.panel(), "B")[1:]).all()
    assert not np.isnan(series(made.panel(), "A")).any()
    assert np.isnan(series(made.panel(freq="W"), "B")[1:]).all()
    assert not np.isnan(series(shop({"orders": rows}, clean={"discontinued_after_days": 29}).panel(), "B")).any()


def test_a_sale_in_the_unfinished_week_keeps_a_series_alive() -> None:
    rows = lines(every_day("A", "2024-01-01", [1.0] * 30), every_day("B", "2024-01-01", [2.0] + [0] * 28 + [1.0]))
    made = shop({"orders": rows}, clean={"discontinued_after_days": 20})
    assert series(made.panel(freq="W"), "B").tolist() == [2, 0, 0, 0]
