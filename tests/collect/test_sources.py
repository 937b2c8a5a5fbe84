"""From files and frames to typed tables: what is read, what is counted, what is refused."""

import csv
import datetime as dt
import gzip
import io
import math
from contextlib import suppress
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.collect import parts, sources
from skucast.collect.demand import Demand
from skucast.collect.orders import clean_orders
from skucast.collect.repairs import Repairs
from skucast.collect.sources import read_any, read_frames, read_order_parts, read_tables, write_any
from skucast.config import Clean, Config, make_config
from skucast.errors import ConfigError, DataError, SkucastError

ORDERS = "order_id,sku,quantity,ordered_at,price\n1,A,2,2024-01-13 10:00:00,1.50\n2,B,1,2024-01-14 11:30:00,20.00\n"


def project(folder: Path, *given: dict, **sections) -> Config:
    listed = [{"table": "orders", "path": "a.csv", **one} for one in given or ({},)]
    return make_config({"source": listed, **sections}, root=folder)


def put(folder: Path, text: str | bytes, name: str = "a.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def read(folder: Path, *given: dict, table: str = "orders", **sections) -> tuple[pl.DataFrame, list[dict]]:
    repairs = Repairs()
    tables = read_tables(project(folder, *given, **sections), repairs)
    return tables[table], repairs.rows


def rule(rows: list[dict], name: str) -> dict:
    (row,) = [row for row in rows if row["rule"] == name]
    return row


# ---- kinds of files --------------------------------------------------------------------------


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    book = xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd hh:mm"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                if isinstance(cell, dt.datetime):
                    sheet.write_datetime(i, j, cell)
                else:
                    sheet.write(i, j, cell)
    book.close()


def write_kind(folder: Path, kind: str) -> str:
    frame = pl.read_csv(ORDERS.encode(), try_parse_dates=True, schema_overrides={"order_id": pl.String})
    if kind == "parquet":
        frame.write_parquet(folder / "a.parquet")
        return "a.parquet"
    if kind == "xlsx":
        workbook(folder / "a.xlsx", {"Lines": [frame.columns, *map(list, frame.rows())]})
        return "a.xlsx"
    if kind == "gz":
        put(folder, gzip.compress(ORDERS.encode()), "a.csv.gz")
        return "a.csv.gz"
    text = ORDERS.replace(",", "\t") if kind in ("tsv", "xls") else ORDERS
    put(folder, text, f"a.{kind}")
    return f"a.{kind}"


@pytest.mark.parametrize("kind", ["csv", "tsv", "txt", "gz", "parquet", "xlsx", "xls"])
def test_every_kind_of_file_gives_the_same_table(tmp_path: Path, kind: str) -> None:
    orders, _ = read(tmp_path, {"path": write_kind(tmp_path, kind)})
    assert orders.to_dict(as_series=False) == {
        "order_id": ["1", "2"], "sku": ["A", "B"], "quantity": [2.0, 1.0],
        "ordered_at": [dt.datetime(2024, 1, 13, 10), dt.datetime(2024, 1, 14, 11, 30)], "price": [1.5, 20.0],
    }  # fmt: skip


def test_types_are_those_of_the_schema_whatever_the_file_has(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"sku": pl.Series(["A", "B"], dtype=pl.Categorical), "quantity": pl.Series([1, 2], dtype=pl.Int16),
         "ordered_at": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)], "customer": [13085.0, None],
         "price": pl.Series(["1.5", "2"]).cast(pl.Decimal(10, 2))}
    )  # fmt: skip
    frame.write_parquet(tmp_path / "a.parquet")
    orders, _ = read(tmp_path, {"path": "a.parquet"})
    assert orders.schema == {
        "sku": pl.String, "quantity": pl.Float64, "ordered_at": pl.Datetime("us"), "price": pl.Float64, "customer": pl.String,
    }  # fmt: skip
    assert orders["customer"].to_list() == ["13085", None]


def test_a_sheet_is_chosen_by_name_and_titles_are_skipped(tmp_path: Path) -> None:
    rows = [["Report of January"], [], ["SKU", "Qty", "Order date"], ["007", 3, dt.datetime(2024, 1, 5)]]
    workbook(tmp_path / "a.xlsx", {"Notes": [["nothing here"]], "Data": rows})
    orders, _ = read(tmp_path, {"path": "a.xlsx", "sheet": "Data", "skip_rows": 2})
    assert orders.rows() == [("007", 3.0, dt.datetime(2024, 1, 5))]
    with pytest.raises(ConfigError, match="has no sheet 'Daten': it has 'Notes', 'Data'"):
        read(tmp_path, {"path": "a.xlsx", "sheet": "Daten"})


def test_mixed_cells_of_a_sheet_are_read_one_by_one(tmp_path: Path) -> None:
    rows = [
        ["sku", "quantity", "ordered_at"],
        ["A", 3, dt.datetime(2024, 1, 5)],
        [7, "four", "2024-01-06"],
        [8, "1,000", "06.01.2024"],
    ]
    workbook(tmp_path / "a.xlsx", {"S": rows})
    orders, found = read(tmp_path, {"path": "a.xlsx"})
    assert orders["sku"].to_list() == ["A", "7", "8"]
    assert orders["quantity"].to_list() == [3.0, None, 1000.0]
    assert orders["ordered_at"].dt.day().to_list() == [5, 6, 6]
    assert "line 3, column 'quantity': 'four'" in str(rule(found, "unreadable-numbers")["example"])


# ---- folders and globs -----------------------------------------------------------------------


def test_a_folder_may_mix_encodings_delimiters_and_formats(tmp_path: Path) -> None:
    head = "商品编码,数量,下单时间,商品名称\n"
    put(tmp_path, head + "A,1,2024-01-01,杯子\n", "d/1.csv", "gb18030")
    put(tmp_path, head + "B,2,2024-01-02,茶壶\n", "d/2.csv", "utf-8-sig")
    put(tmp_path, (head + "C,3,2024-01-03,茶\n").replace(",", "\t"), "d/3.tsv", "utf-16")
    pl.DataFrame({"sku": ["D"], "quantity": [4], "ordered_at": [dt.date(2024, 1, 4)]}).write_parquet(
        tmp_path / "d/4.parquet"
    )
    orders, found = read(tmp_path, {"path": "d"})
    assert dict(orders.select("sku", "quantity").rows()) == {"A": 1, "B": 2, "C": 3, "D": 4}
    assert orders["description"].to_list() == ["杯子", "茶壶", "茶", None]
    assert found == []


def test_a_glob_takes_what_matches_in_order(tmp_path: Path) -> None:
    for month in (2, 1, 3):
        put(tmp_path, f"sku,qty,date\nA,{month},2024-{month:02d}-01\n", f"x/orders-{month}.csv")
    put(tmp_path, "something,else\n1,2\n", "x/notes.csv")
    orders, _ = read(tmp_path, {"path": "x/orders-*.csv"})
    assert orders["quantity"].to_list() == [1, 2, 3]
    assert read(tmp_path, {"path": "**/orders-1.csv"})[0].height == 1


def test_an_open_file_is_read_as_its_sisters_are_written(tmp_path: Path) -> None:
    put(tmp_path, "sku;qty;date;price\nA;1;01/02/2024;3\n", "d/1.csv")
    put(tmp_path, "sku;qty;date;price\nA;1;12/31/2024;3,50\nA;1.200;12/30/2024;1.000,00\n", "d/2.csv")
    orders, found = read(tmp_path, {"path": "d"})
    assert sorted(orders["ordered_at"].dt.date()) == [dt.date(2024, 1, 2), dt.date(2024, 12, 30), dt.date(2024, 12, 31)]
    assert sorted(orders["quantity"]) == [1, 1, 1200]
    assert found == []


def test_dates_that_stay_open_are_taken_as_day_month_and_noted(tmp_path: Path) -> None:
    put(tmp_path, "sku,qty,date\nA,1,01/02/2024\nA,1,03/02/2024\n")
    orders, found = read(tmp_path)
    assert orders["ordered_at"].dt.month().to_list() == [2, 2]
    assert rule(found, "ambiguous-dates")["rows"] == 2
    orders, found = read(tmp_path, {"date_format": "%m/%d/%Y"})
    assert orders["ordered_at"].dt.month().to_list() == [1, 3]
    assert found == []


def test_repairs_of_many_files_are_put_together(tmp_path: Path) -> None:
    for i in range(5):
        put(tmp_path, "sku,qty,date,extra\nA,x,2024-01-01,1\n", f"d/{i}.csv")
    _, found = read(tmp_path, {"path": "d"})
    row = rule(found, "unreadable-numbers")
    assert (row["rows"], row["action"], row["table"]) == (5, "changed", "orders")
    assert row["example"] == "'d/0.csv', line 2, column 'qty': 'x'"
    assert rule(found, "ignored-columns")["rows"] == 5


def test_empty_files_of_a_folder_are_noted(tmp_path: Path) -> None:
    put(tmp_path, ORDERS, "d/1.csv")
    put(tmp_path, b"", "d/2.csv")
    put(tmp_path, ORDERS.splitlines()[0] + "\n", "d/3.csv")
    orders, found = read(tmp_path, {"path": "d"})
    assert orders.height == 2
    assert rule(found, "empty-files")["rows"] == 2


def test_sources_of_one_table_are_put_below_each_other(tmp_path: Path) -> None:
    put(tmp_path, ORDERS, "web.csv")
    put(tmp_path, "Item Code,Units,Order date\nC,5,2024-02-01\n", "till.csv")
    orders, _ = read(
        tmp_path,
        {"path": "web.csv", "constants": {"channel": "web"}},
        {"path": "till.csv", "constants": {"channel": "till"}},
    )
    assert orders.select("sku", "quantity", "channel").rows() == [("A", 2, "web"), ("B", 1, "web"), ("C", 5, "till")]
    assert orders["price"].to_list() == [1.5, 20.0, None]


# ---- columns ---------------------------------------------------------------------------------


def test_date_and_time_columns_are_joined_and_numbers_added_up(tmp_path: Path) -> None:
    put(tmp_path, "sku,Day,Hour,here,there\nA,05.03.2024,14:05,1,2\nB,06.03.2024,,4,\n")
    columns = {"ordered_at": ["Day", "Hour"], "quantity": ["here", "there"]}
    orders, _ = read(tmp_path, {"columns": columns})
    assert orders["ordered_at"].to_list() == [dt.datetime(2024, 3, 5, 14, 5), dt.datetime(2024, 3, 6)]
    assert orders["quantity"].to_list() == [3.0, 4.0]


def test_constants_have_the_kind_of_their_column(tmp_path: Path) -> None:
    put(tmp_path, "sku,date,qty\nA,2024-01-01,3\n")
    given = {"table": "sales", "constants": {"price": 2.5, "promotion": True, "channel": "web"}}
    sales, _ = read(tmp_path, given, table="sales")
    assert sales.row(0, named=True) == {
        "sku": "A", "date": dt.date(2024, 1, 1), "quantity": 3.0, "price": 2.5, "promotion": True, "channel": "web",
    }  # fmt: skip
    with pytest.raises(DataError, match=r"price = 'dear' under \[source\.constants\] is no number"):
        read(tmp_path, {"table": "sales", "constants": {"price": "dear"}}, table="sales")


def test_columns_of_levels_and_covariates_are_kept(tmp_path: Path) -> None:
    put(tmp_path, "sku,date,qty,Colour,temp\nA,2024-01-01,3,red,1.5\n")
    sales, found = read(
        tmp_path, {"table": "sales"}, table="sales", demand={"level": ["sku", "colour"]}, forecast={"known": ["temp"]}
    )
    assert sales.select("colour", "temp").row(0) == ("red", 1.5)
    assert found == []


def test_statuses_of_plain_exports_are_understood(tmp_path: Path) -> None:
    put(
        tmp_path,
        "订单号,商品编码,数量,下单时间,订单状态\n1,A,1,2024-01-01,已取消\n2,A,1,2024-01-01,已完成\n",
        encoding="gb18030",
    )
    orders, _ = read(tmp_path)
    assert orders["status"].to_list() == ["cancelled", "已完成"]


@pytest.mark.parametrize("missing", ["sku", "quantity", "ordered_at"])
def test_a_missing_column_is_one_clear_sentence(tmp_path: Path, missing: str) -> None:
    frame = pl.read_csv(ORDERS.encode()).drop(missing)
    frame.write_csv(tmp_path / "a.csv")
    with pytest.raises(DataError, match=rf"'a\.csv' has no column for orders\.{missing} .*under \[source\.columns\]"):
        read(tmp_path)


# ---- wide tables -----------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.none() | st.integers(-1, 9), min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_wide_table_of_dates_is_what_pandas_melts(tmp_path_factory, rows: list[list[int | None]]) -> None:
    folder = tmp_path_factory.mktemp("wide")
    days = ["2024-01-01", "2024-01-08", "2024-01-15"]
    wide = pd.DataFrame(rows, columns=days, dtype="Float64")
    wide.insert(0, "sku", [f"S{i}" for i in range(len(rows))])
    wide.to_csv(folder / "a.csv", index=False)
    long = wide.melt("sku").dropna()
    expected = {(r.sku, r.variable): r.value for r in long.itertuples() if r.value != -1}
    source = {"table": "sales", "melt": {"across": "dates", "missing": [-1]}}
    if not expected:
        with pytest.raises(DataError, match="no rows of sales"):
            read(folder, source, table="sales")
        return
    sales, _ = read(folder, source, table="sales")
    assert {(s, str(d)): q for s, d, q in sales.select("sku", "date", "quantity").rows()} == expected
    assert sales.height == len(expected)


def test_items_across_with_two_measures(tmp_path: Path) -> None:
    put(tmp_path, "DATE,QTY_A,QTY_B,PROMO_B,PROMO_C\n2024-01-01,1,2,1,0\n2024-01-02,,4,0,\n2024-01-03,,,,\n")
    melt = {"across": "items", "prefixes": {"QTY_": "quantity", "PROMO_": "promotion"}}
    sales, _ = read(tmp_path, {"table": "sales", "melt": melt}, table="sales")
    assert sorted(sales.select("date", "sku", "quantity", "promotion").rows(), key=str) == sorted(
        [
            (dt.date(2024, 1, 1), "A", 1.0, None), (dt.date(2024, 1, 1), "B", 2.0, True), (dt.date(2024, 1, 2), "B", 4.0, False),
            (dt.date(2024, 1, 1), "C", None, False),
        ], key=str,
    )  # fmt: skip


def test_a_wide_table_beside_another_adds_its_column(tmp_path: Path) -> None:
    put(tmp_path, "Store,Product,2024-01-01,2024-01-08\n1,P,3,0\n2,P,1,2\n", "sales.csv")
    put(
        tmp_path,
        "Store,Product,2024-01-01,2024-01-08,2024-01-15\n1,P,True,False,True\n2,P,True,True,True\n",
        "in_stock.csv",
    )
    both = [
        {"table": "sales", "path": "sales.csv", "melt": {"across": "dates"}},
        {"table": "sales", "path": "in_stock.csv", "melt": {"across": "dates", "prefixes": {"": "available"}}},
    ]
    sales, _ = read(tmp_path, *both, table="sales")
    assert sales.height == 6
    assert sales["quantity"].sum() == 6
    row = sales.filter((pl.col("location") == "1") & (pl.col("date") == dt.date(2024, 1, 8))).row(0, named=True)
    assert (row["quantity"], row["available"]) == (0.0, False)
    assert sales.filter(pl.col("quantity").is_null())["date"].unique().to_list() == [dt.date(2024, 1, 15)]


def test_an_unreadable_cell_of_a_wide_table_is_named(tmp_path: Path) -> None:
    put(tmp_path, "sku,2024-01-01,2024-01-02\nA,1,2\nB,x,4\n")
    sales, found = read(tmp_path, {"table": "sales", "melt": {"across": "dates"}}, table="sales")
    assert sales["quantity"].sum() == 7
    assert "line 3, under '2024-01-01'" in str(rule(found, "unreadable-numbers")["example"])


def test_a_wide_table_of_ten_thousand_items(tmp_path: Path) -> None:
    head = ",".join(["date", *(f"Q_{i}" for i in range(10_000))])
    put(tmp_path, head + "\n2024-01-01" + ",1" * 10_000 + "\n2024-01-02" + ",2" * 10_000 + "\n")
    melt = {"across": "items", "prefixes": {"Q_": "quantity"}}
    sales, _ = read(tmp_path, {"table": "sales", "melt": melt}, table="sales")
    assert sales.height == 20_000
    assert sales["quantity"].sum() == 30_000
    assert sales["sku"].n_unique() == 10_000


# ---- bad input -------------------------------------------------------------------------------


def test_unreadable_cells_are_counted_with_file_line_and_column(tmp_path: Path) -> None:
    put(tmp_path, "sku,qty,date\nA,1,2024-01-01\nB,two,2024-01-02\nC,3,someday\nD,inf,2024-01-04\nE,NaN,2024-01-05\n")
    orders, found = read(tmp_path)
    assert orders["quantity"].to_list() == [1.0, None, 3.0, None, None]
    assert orders["ordered_at"].null_count() == 1
    numbers, dates = rule(found, "unreadable-numbers"), rule(found, "unreadable-dates")
    assert (numbers["rows"], numbers["example"]) == (3, "'a.csv', line 3, column 'qty': 'two'")
    assert (dates["rows"], dates["example"]) == (1, "'a.csv', line 4, column 'date': 'someday'")
    assert "column 'qty'" in str(numbers["remedy"])


def test_nan_and_infinity_of_typed_files_are_counted_apart(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"sku": ["A", "B", "C"], "quantity": [math.nan, math.inf, 1.0], "ordered_at": [dt.date(2024, 1, 1)] * 3}
    )
    frame.write_parquet(tmp_path / "a.parquet")
    orders, found = read(tmp_path, {"path": "a.parquet"})
    assert orders["quantity"].to_list() == [None, None, 1.0]
    assert rule(found, "not-a-number")["rows"] == 1
    assert rule(found, "unreadable-numbers")["rows"] == 1


def test_one_row_is_enough_to_read(tmp_path: Path) -> None:
    put(tmp_path, "sku,qty,date\nA,1,2024-01-13")
    assert read(tmp_path)[0].height == 1


@pytest.mark.parametrize("code", ["=cmd()", "../x", "A/B", "..", "<b>", '"q"', "日本", "a" * 5000])
def test_strange_codes_are_read_as_they_are(tmp_path: Path, code: str) -> None:
    pl.DataFrame({"sku": [code], "quantity": [1], "ordered_at": ["2024-01-13"]}).write_csv(tmp_path / "a.csv")
    orders, found = read(tmp_path)
    assert orders["sku"].to_list() == [code]
    assert found == []


def test_huge_and_negative_quantities_are_left_to_the_rules(tmp_path: Path) -> None:
    put(tmp_path, "sku,qty,date\nA,1e12,2024-01-13\nA,-3,2024-01-13\n")
    assert read(tmp_path)[0]["quantity"].to_list() == [1e12, -3.0]


@pytest.mark.parametrize(
    "name, data, sentence",
    [
        ("a.csv", b"", "'a.csv' is empty"),
        ("a.csv", b"sku,qty,date\n", r"There are no rows of orders in 'a\.csv'"),
        ("a.csv", b"PK\x03\x04zip", "is no text file"),
        ("a.parquet", b"sku,qty,date\nA,1,2024-01-01\n", "is no Parquet file"),
        ("a.parquet", b"PAR1 broken PAR1", "is a damaged Parquet file"),
        ("a.xlsx", b"PK\x03\x04 broken", "cannot be read as a workbook"),
        ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "is a web page with the name of a workbook"),
        ("a.db", b"no database at all", "is no DuckDB or SQLite database"),
        ("a.csv.gz", b"\x1f\x8b broken gzip file", "cannot be opened"),
        ("a.csv", b"sku,qty,date\nA,1,\"2024\nB,1,x\nC,1,x\nD,1,x\nE,1,x\n", "quotation mark in line 2"),
        ("a.csv", b"just one column\nwithout\nanything\n", "has no column for orders.sku"),
        ("a.csv", b"x,y\n" + b"1,2,3,4\n" * 9, "has no column for orders.sku|more fields than its header"),
    ],
)  # fmt: skip
def test_bad_files_are_one_clear_sentence(tmp_path: Path, name: str, data: bytes, sentence: str) -> None:
    put(tmp_path, data, name)
    with pytest.raises(SkucastError, match=sentence) as caught:
        read(tmp_path, {"path": name})
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "path, sentence",
    [
        ("gone.csv", "There is no file 'gone.csv'"),
        ("gone-*.csv", "No file matches 'gone-"),
        ("empty", "holds no table"),
    ],
)
def test_missing_files_are_named(tmp_path: Path, path: str, sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=sentence):
        read(tmp_path, {"path": path})


def test_a_column_of_lists_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"sku": [["A", "B"]], "quantity": [1], "ordered_at": [dt.date(2024, 1, 1)]})
    frame.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"Column 'sku' of 'a.parquet' holds List"):
        read(tmp_path, {"path": "a.parquet"})


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_whatever_make_a_traceback(tmp_path_factory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    put(folder, data)
    with suppress(SkucastError):
        read(folder)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(alphabet=";,\"\n\tA1.-/é 数='", max_size=20), max_size=8))
def test_no_text_whatever_makes_a_traceback_or_loses_a_line_silently(tmp_path_factory, lines: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz2"
    put(folder, "sku,qty,date\nX,1,2024-01-13\n" + "\n".join(lines))
    with suppress(SkucastError):
        orders, found = read(folder, {"delimiter": ","})
        lost = sum(row["rows"] for row in found if row["action"] == "rejected")
        filled = [row for row in csv.reader(io.StringIO("\n".join(lines), newline="")) if any(map(str.strip, row))]
        assert orders["sku"][0] == "X"
        assert orders.height + lost == len(filled) + 1


# ---- frames ----------------------------------------------------------------------------------

LINES = pl.DataFrame(
    {
        "Invoice": ["1", "2"],
        "StockCode": ["A", "B"],
        "Quantity": [2, 1],
        "InvoiceDate": [dt.datetime(2024, 1, 1, 9)] * 2,
    }
)


@pytest.mark.parametrize("kind", ["polars", "lazy", "pandas", "pyarrow"])
def test_frames_of_any_kind_are_recognised_like_files(kind: str) -> None:
    frame = {
        "polars": LINES,
        "lazy": LINES.lazy(),
        "pandas": pd.DataFrame(LINES.to_dict(as_series=False)),
        "pyarrow": LINES.to_arrow(),
    }
    orders = read_frames({"orders": frame[kind]}, Config(), Repairs())["orders"]
    assert orders.rows() == [("1", "A", 2.0, dt.datetime(2024, 1, 1, 9)), ("2", "B", 1.0, dt.datetime(2024, 1, 1, 9))]
    assert orders.columns == ["order_id", "sku", "quantity", "ordered_at"]


def test_frames_of_text_are_typed_and_repaired_like_files() -> None:
    repairs = Repairs()
    frame = pd.DataFrame({"sku": ["A", "B"], "date": ["01.02.2024", "28.02.2024"], "y": ["1,5", "x"]})
    sales = read_frames({"sales": frame}, Config(), repairs)["sales"]
    assert sales.rows() == [("A", dt.date(2024, 2, 1), 1.5), ("B", dt.date(2024, 2, 28), None)]
    assert rule(repairs.rows, "unreadable-numbers")["example"] == "'the sales frame', row 2, column 'y': 'x'"


def test_several_frames_come_back_by_name() -> None:
    stock = pa.table({"sku": ["A"], "on_hand": [5]})
    tables = read_frames({"orders": LINES, "stock": stock}, Config(), Repairs())
    assert list(tables) == ["orders", "stock"]
    assert tables["stock"].rows() == [("A", 5.0)]


@pytest.mark.parametrize(
    "frames, error, sentence",
    [
        ({"order": LINES}, ConfigError, "no table 'order'"),
        ({"orders": [1, 2]}, DataError, "Expected a pandas, polars or pyarrow frame"),
        ({"orders": LINES.drop("Quantity")}, DataError, "'the orders frame' has no column for orders.quantity"),
        ({"orders": LINES.clear()}, DataError, "The orders frame has no rows"),
    ],
)
def test_bad_frames_are_one_clear_sentence(frames: dict, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        read_frames(frames, Config(), Repairs())


# ---- parts -----------------------------------------------------------------------------------


def many_orders(folder: Path) -> None:
    for year in (2022, 2023):
        start = dt.datetime(year, 1, 1)
        rows = [
            f"{year}{i},SKU-{i * 7 % 97},{1 + i % 4},{start + dt.timedelta(hours=i):%Y-%m-%d %H:%M:%S},{1 + i % 5}.50"
            for i in range(3000)
        ]
        put(folder, "order_id,sku,quantity,ordered_at,price\n" + "\n".join([*rows, rows[5]]) + "\n", f"o/{year}.csv")


def test_small_orders_are_not_read_in_parts(tmp_path: Path) -> None:
    many_orders(tmp_path)
    assert read_order_parts(project(tmp_path, {"path": "o"}), Repairs()) is None
    stock = make_config({"source": [{"table": "sales", "path": "a.csv"}]}, root=tmp_path)
    assert read_order_parts(stock, Repairs()) is None


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PARTS_FROM", 100_000)
    monkeypatch.setattr(parts, "PART", 60_000)
    monkeypatch.setattr(parts, "BLOCK", 20_000)


@pytest.mark.usefixtures("little_memory")
def test_parts_hold_every_line_once_and_items_whole(tmp_path: Path) -> None:
    many_orders(tmp_path)
    config = project(tmp_path, {"path": "o/*.csv"})
    found = read_order_parts(config, Repairs())
    assert found is not None
    pieces = list(found)
    assert len(pieces) > 2
    items = [set(piece["sku"]) for piece in pieces]
    assert sum(map(len, items)) == len(set().union(*items)) == 97
    together = pl.concat(pieces).sort("order_id", "ordered_at", "sku")
    whole = pl.concat([read_any(p) for p in sorted((tmp_path / "o").iterdir())])
    assert together.height == whole.height == 6002
    assert together["quantity"].sum() == whole["quantity"].sum()
    assert read_tables(config, Repairs()) == {}


@pytest.mark.usefixtures("little_memory")
def test_demand_from_parts_is_demand_from_all_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many_orders(tmp_path)
    config = project(tmp_path, {"path": "o"})
    pieces = read_order_parts(config, Repairs())
    assert pieces is not None
    split = Demand.from_parts(pieces, Clean())
    monkeypatch.setattr(sources, "PARTS_FROM", 1e12)
    lines, repairs = clean_orders(read_tables(config, Repairs())["orders"], Clean())
    whole = Demand.from_lines(lines, repairs)
    keys = [*whole.keys, "date"]
    assert split.cells.sort(keys).select(whole.cells.columns).equals(whole.cells.sort(keys))
    assert [r["rows"] for r in split.repairs.rows] == [r["rows"] for r in whole.repairs.rows] == [2]


@pytest.mark.usefixtures("little_memory")
def test_repairs_of_parts_are_counted_once(tmp_path: Path) -> None:
    many_orders(tmp_path)
    put(tmp_path, "order_id,sku,quantity,ordered_at,price\n9,SKU-1,many,2024-01-13,1.00\n", "o/bad.csv")
    repairs = Repairs()
    found = read_order_parts(project(tmp_path, {"path": "o"}), repairs)
    assert found is not None
    assert sum(piece.height for piece in found) == 6003
    row = rule(repairs.rows, "unreadable-numbers")
    assert (row["rows"], row["example"]) == (1, "'o/bad.csv', line 2, column 'quantity': 'many'")


# ---- plain tables ----------------------------------------------------------------------------


def test_plain_tables_get_sensible_types(tmp_path: Path) -> None:
    put(tmp_path, 'id,ds,y,price,code,note\nA,2024-01-01,1,"1,5",007,x\nB,2024-01-02,,"2,25",012,\n', "p.csv")
    frame = read_any(tmp_path / "p.csv")
    assert frame.schema == {
        "id": pl.String, "ds": pl.Date, "y": pl.Int64, "price": pl.Float64, "code": pl.String, "note": pl.String,
    }  # fmt: skip
    assert frame["price"].to_list() == [1.5, 2.25]
    assert frame["y"].to_list() == [1, None]


def test_a_column_with_one_word_among_numbers_stays_text(tmp_path: Path) -> None:
    put(tmp_path, "y,ds\n1,2024-01-01\nx,soon\n", "p.csv")
    assert read_any(tmp_path / "p.csv").dtypes == [pl.String, pl.String]


def test_nan_of_a_plain_table_is_missing(tmp_path: Path) -> None:
    put(tmp_path, "id,y\nA,1.5\nA,NaN\nA,nan\n", "p.csv")
    assert read_any(tmp_path / "p.csv")["y"].to_list() == [1.5, None, None]


@pytest.mark.parametrize("name", ["out.csv", "deep/er/out.parquet"])
def test_what_is_written_reads_back(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame(
        {"unique_id": ["A", "茶"], "ds": [dt.date(2024, 1, 1)] * 2, "mean": [1.5, 2.25], "0.5": [1.0, None]}
    )
    write_any(frame, tmp_path / name)
    assert read_any(tmp_path / name).equals(
        frame.with_columns(pl.col("0.5").cast(read_any(tmp_path / name)["0.5"].dtype))
    )
    write_any(pd.DataFrame({"a": [1]}), tmp_path / "pandas.csv")
    assert read_any(tmp_path / "pandas.csv")["a"].to_list() == [1]


def test_other_endings_and_lost_lines_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must end in \.csv or \.parquet"):
        write_any(pl.DataFrame(), tmp_path / "out.doc")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_any(pl.DataFrame({"a": [1]}), put(tmp_path, "x", "file") / "out.csv")
    put(tmp_path, "id,y\nA,1\nB,2,3\n", "p.csv")
    with pytest.raises(DataError, match=r"do not fit its header: 'p?.*line 3"):
        read_any(tmp_path / "p.csv")
    with pytest.raises(DataError, match="There is no file"):
        read_any(tmp_path / "gone.csv")
