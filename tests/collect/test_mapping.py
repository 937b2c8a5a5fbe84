"""Which column of a file makes which column of a table."""

import pytest

from skucast.collect.mapping import Mapping, make_mapping, note_ignored
from skucast.collect.repairs import Repairs
from skucast.config import Config, Source, make_config
from skucast.errors import ConfigError, DataError

ORDERS = ["Invoice", "StockCode", "Qty", "When", "Price", "Colour"]


def mapped(headers: list[str], config: Config | None = None, **source) -> Mapping:
    return make_mapping(headers, Source(path="a.csv", **{"table": "orders", **source}), config or Config(), "a.csv")


def test_the_dictionary_maps_what_nobody_stated() -> None:
    mapping = mapped(["Invoice", "StockCode", "Qty", "Order date", "Price", "Colour"])
    assert mapping.columns == {
        "order_id": ("Invoice",), "sku": ("StockCode",), "quantity": ("Qty",), "ordered_at": ("Order date",), "price": ("Price",),
    }  # fmt: skip
    assert mapping.ignored == ("Colour",)


def test_stated_columns_win() -> None:
    mapping = mapped(ORDERS, columns={"sku": "Colour", "ordered_at": "When"})
    assert mapping.columns["sku"] == ("Colour",)
    assert mapping.columns["quantity"] == ("Qty",)


def test_where_columns_are_stated_optional_ones_need_their_exact_name() -> None:
    mapping = mapped([*ORDERS, "order_id"], columns={"ordered_at": "When"})
    assert mapping.columns["order_id"] == ("order_id",)
    assert mapping.columns["price"] == ("Price",)
    assert "Invoice" in mapping.ignored


def test_several_columns_may_make_one() -> None:
    mapping = mapped(["sku", "qty", "Day", "Hour"], columns={"ordered_at": ["Day", "Hour"]})
    assert mapping.columns["ordered_at"] == ("Day", "Hour")


def test_headers_of_the_project_file_need_no_exact_spelling() -> None:
    assert mapped(ORDERS, columns={"ordered_at": "when", "sku": "stock code"}).columns["sku"] == ("StockCode",)


def test_constants_take_the_place_of_columns() -> None:
    mapping = mapped([*ORDERS, "channel"], columns={"ordered_at": "When"}, constants={"channel": "web"})
    assert "channel" not in mapping.columns
    assert mapping.constants == {"channel": "web"}


def test_own_columns_are_kept_where_level_or_covariates_name_them() -> None:
    config = make_config({"demand": {"level": ["sku", "Colour"]}, "forecast": {"known": ["temp"]}})
    mapping = mapped([*ORDERS, "Temp"], config, columns={"ordered_at": "When"})
    assert mapping.kinds["Colour"] == "text"
    assert mapping.kinds["temp"] == "number"
    assert mapping.columns["temp"] == ("Temp",)


@pytest.mark.parametrize(
    "source, sentence",
    [
        (
            {"columns": {"sku": "Code"}},
            r"'a.csv' has no column 'Code'.*orders\.sku.*it has 'Invoice'.*Correct 'sku = \.\.\.'",
        ),
        ({}, r"'a.csv' has no column for orders\.ordered_at .*Write ordered_at ="),
    ],
)
def test_a_missing_column_is_named_with_its_remedy(source: dict, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        mapped(ORDERS, **source)


def test_a_misspelt_column_of_the_table_gets_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"'quantitiy' is no column of orders: did you mean 'quantity'\?"):
        mapped(ORDERS, columns={"quantitiy": "Qty"})


def test_many_headers_are_not_all_listed() -> None:
    with pytest.raises(DataError, match=r"and 9,988 more") as caught:
        mapped([f"c{i}" for i in range(10_000)])
    assert len(str(caught.value)) < 1000


def test_dates_across_are_found_among_other_headers() -> None:
    headers = ["Store", "Product", "2024-01-01", "2024-01-08", "Note", "2nd column"]
    mapping = mapped(headers, table="sales", melt={"across": "dates"})
    assert mapping.wide == ("2024-01-01", "2024-01-08")
    assert mapping.columns["sku"] == ("Product",)
    assert mapping.ignored == ("Note", "2nd column")


def test_items_across_are_told_by_their_prefixes() -> None:
    melt = {"across": "items", "prefixes": {"QTY_": "quantity", "PROMO_": "promotion"}}
    mapping = mapped(["DATE", "QTY_B1", "QTY_B2", "PROMO_B1"], table="sales", melt=melt)
    assert mapping.wide == ("QTY_B1", "QTY_B2", "PROMO_B1")
    assert mapping.columns == {"date": ("DATE",)}


def test_items_across_without_prefixes_are_all_but_the_date() -> None:
    mapping = mapped(["Day", "A", "price", "B"], table="sales", melt={"across": "items"})
    assert mapping.wide == ("A", "price", "B")


@pytest.mark.parametrize(
    "melt, table, error, sentence",
    [
        ({"across": "dates"}, "sales", DataError, "No column header of 'a.csv' is a date"),
        ({"across": "items", "prefixes": {"X_": "quantity"}}, "sales", DataError, "is an item after 'X_'"),
        (
            {"across": "items", "prefixes": {"Q": "colour"}},
            "sales",
            ConfigError,
            "names 'colour', which is no column of sales",
        ),
        ({"across": "dates"}, "suppliers", ConfigError, "cannot be melted"),
    ],
)
def test_a_wide_table_that_is_none_is_an_error(melt: dict, table: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        mapped(["sku", "date", "Qty"], table=table, melt=melt)


def test_columns_without_a_use_are_listed_once() -> None:
    repairs = Repairs()
    note_ignored(mapped(ORDERS, columns={"ordered_at": "When"}), "a.csv", repairs)
    (row,) = repairs.rows
    assert (row["rule"], row["action"], row["rows"]) == ("ignored-columns", "noted", 2)
    assert "'Colour'" in str(row["example"])
