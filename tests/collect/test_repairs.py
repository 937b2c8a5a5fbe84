from __future__ import annotations

from skucast.collect.repairs import COLUMNS, Repairs, merged


def test_repairs_become_a_table_in_the_order_they_came() -> None:
    repairs = Repairs()
    repairs.add("clean", "orders", "b", "rejected", 2, units=5.0, series=1, example="x", remedy="y")
    repairs.add("read", "stock", "a", "changed", 1)
    frame = repairs.frame()
    assert dict(frame.schema) == COLUMNS
    assert frame["rule"].to_list() == ["b", "a"]
    assert frame.row(0) == ("clean", "orders", "b", "rejected", 2, 5.0, 1, "x", "y")


def test_an_empty_list_is_an_empty_table_with_all_columns() -> None:
    assert dict(Repairs().frame().schema) == COLUMNS


def test_what_touched_nothing_is_not_recorded_but_units_without_rows_are() -> None:
    repairs = Repairs()
    repairs.add("clean", "orders", "nothing", "noted", 0)
    repairs.add("clean", "orders", "units", "rejected", 0, units=-3.0)
    assert [row["rule"] for row in repairs.rows] == ["units"]


def test_only_rejected_units_count_and_by_stage_if_asked() -> None:
    repairs = Repairs()
    repairs.add("clean", "orders", "a", "rejected", 1, units=5.0)
    repairs.add("demand", "orders", "b", "rejected", 1, units=-2.0)
    repairs.add("clean", "orders", "c", "changed", 1, units=100.0)
    assert repairs.rejected_units() == 3.0
    assert repairs.rejected_units("demand") == -2.0


def test_merging_adds_up_the_same_rule_and_keeps_the_first_example() -> None:
    repairs, other = Repairs(), Repairs()
    repairs.add("clean", "orders", "a", "rejected", 1, units=5.0, series=1, example="first")
    other.add("clean", "orders", "a", "rejected", 2, units=1.0, series=2, example="second")
    other.add("clean", "orders", "a", "changed", 4)
    repairs.extend(other)
    once = merged(repairs)
    assert [(r["action"], r["rows"], r["units"], r["series"], r["example"]) for r in once.rows] == [
        ("rejected", 3, 6.0, 3, "first"), ("changed", 4, 0.0, 0, ""),
    ]  # fmt: skip
    assert len(repairs.rows) == 3
