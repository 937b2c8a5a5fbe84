"""`skucast init`: what a folder holds is recognised, said and written down so that a run accepts it."""

import datetime as dt
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest
import xlsxwriter

from skucast.collect.project_file import ProjectFile, init_project
from skucast.collect.repairs import Repairs
from skucast.collect.sources import read_tables
from skucast.config import Config, load_config
from skucast.errors import ConfigError, DataError

EXPORTS = Path(__file__).parents[1] / "fixtures" / "exports"
ORDERS = "order_id,sku,quantity,ordered_at,price\n1,A,2,2024-01-13 10:00:00,1.50\n2,B,1,2024-01-14 11:30:00,20.00\n"


def put(folder: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text.encode(encoding))


def init(folder: Path) -> tuple[ProjectFile, Config, dict[str, pl.DataFrame]]:
    made = init_project(folder)
    config = load_config(folder)
    return made, config, read_tables(config, Repairs())


def weekly(days: int = 7, n: int = 8) -> list[str]:
    return [str(dt.date(2024, 1, 1) + dt.timedelta(days=days * i)) for i in range(n)]


@pytest.mark.parametrize("name", sorted(p.name for p in EXPORTS.iterdir()))
def test_every_export_is_recognised_and_read_back(name: str, tmp_path: Path) -> None:
    shutil.copytree(EXPORTS / name, tmp_path / name)
    made, config, tables = init(tmp_path / name)
    assert [s.table for s in config.source] == ["orders"]
    assert tables["orders"].height > 400
    assert tables["orders"].select("sku", "quantity", "ordered_at").null_count().sum_horizontal().item() == 0
    assert made.found[0].startswith("orders: ")


def test_a_chinese_export_makes_a_chinese_project(tmp_path: Path) -> None:
    shutil.copytree(EXPORTS / "chinese", tmp_path / "茶店")
    made, config, tables = init(tmp_path / "茶店")
    assert config.project.model_dump(include={"name", "language", "currency", "country", "timezone"}) == {
        "name": "茶店", "language": "zh", "currency": "CNY", "country": "CN", "timezone": "Asia/Shanghai",
    }  # fmt: skip
    (source,) = config.source
    assert source.encoding == "gb18030"
    assert source.columns["sku"] == "商品编码"
    assert "GB18030" in made.found[0]
    assert made.doubts == ()
    assert {"cancelled", "refunded", "已完成"} == set(tables["orders"]["status"])


def test_a_german_export_with_titles_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    shutil.copytree(EXPORTS / "german", tmp_path / "g")
    made, config, tables = init(tmp_path / "g")
    (source,) = config.source
    assert (source.encoding, source.delimiter, source.decimal, source.skip_rows) == ("cp1252", ";", ",", 2)
    assert config.project.currency == "EUR"
    assert tables["orders"]["price"].max() == 1234.5
    assert "Grüner Tee, 100 g" in tables["orders"]["description"].to_list()
    assert "decimal comma" in made.found[0]


def test_all_tables_of_a_shop_are_found(tmp_path: Path) -> None:
    put(tmp_path, "orders.csv", ORDERS)
    put(tmp_path, "items.csv", "SKU,Title,Category,Cost per item,Price\nA,Cup,Tea,0.5,1.5\nB,Pot,Tea,9,20\n")
    put(tmp_path, "库存.csv", "商品编码,库存数量,在途数量\nA,5,0\nB,2,10\n", "gb18030")
    put(tmp_path, "vendors.csv", "Supplier,Lead time (days),Review period\nACME,21,7\n")
    put(tmp_path, "campaigns.csv", "Campaign,Start date,End date,Discount\nSpring,2024-03-01,2024-03-07,20%\n")
    put(
        tmp_path,
        "clicks.csv",
        "session_id,item_id,event,timestamp\ns1,A,view,2024-01-13 09:00:00\ns1,A,cart,2024-01-13 09:01:00\n",
    )
    put(tmp_path, "weather.csv", "date,name,value\n2024-01-13,temperature,3.5\n")
    put(tmp_path, "readme.md", "not a table")
    made, config, tables = init(tmp_path)
    assert {s.table: s.path for s in config.source} == {
        "orders": "orders.csv", "products": "items.csv", "stock": "库存.csv", "suppliers": "vendors.csv",
        "promotions": "campaigns.csv", "events": "clicks.csv", "signals": "weather.csv",
    }  # fmt: skip
    assert len(made.found) == 7
    assert tables["promotions"]["discount"].to_list() == [0.2]
    assert tables["stock"]["on_order"].to_list() == [0.0, 10.0]


def test_deliveries_and_open_orders_are_told_from_orders_of_customers(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(
        "order_id,sku,quantity,ordered_at,price\n1,A,2,2025-01-02 10:00,3.5\n2,A,1,2025-01-03 11:00,3.5\n"
    )
    (tmp_path / "purchase_orders.csv").write_text("sku,quantity,expected delivery date\nA,20,2025-01-09\n")
    (tmp_path / "到货记录.csv").write_text("供应商,采购日期,到货日期\nKiln,2024-12-01,2024-12-20\n")
    made = init_project(tmp_path)
    tables = {s.table: s.path for s in load_config(made.path).source}
    assert tables == {"orders": "orders.csv", "open_orders": "purchase_orders.csv", "deliveries": "到货记录.csv"}


def test_files_of_one_layout_become_one_glob(tmp_path: Path) -> None:
    for month in range(1, 5):
        put(tmp_path, f"orders-2024-{month:02d}.csv", ORDERS.replace("2024-01", f"2024-{month:02d}"))
    put(tmp_path, "items.csv", "sku,name\nA,Cup\nB,Pot\n")
    made, config, tables = init(tmp_path)
    assert config.source[0].path == "orders-2024-0*.csv"
    assert "4 files" in made.found[0]
    assert tables["orders"].height == 8


def test_a_glob_never_takes_a_file_of_another_layout(tmp_path: Path) -> None:
    put(tmp_path, "a1.csv", ORDERS)
    put(tmp_path, "a2.csv", ORDERS)
    put(tmp_path, "a3.csv", "sku,name\nA,Cup\n")
    _, config, tables = init(tmp_path)
    assert [(s.table, s.path) for s in config.source] == [
        ("orders", "a1.csv"),
        ("orders", "a2.csv"),
        ("products", "a3.csv"),
    ]
    assert tables["orders"].height == 4


def test_folders_below_are_looked_into_but_not_runs(tmp_path: Path) -> None:
    put(tmp_path, "export/orders.csv", ORDERS)
    put(tmp_path, "runs/x/purchase_plan.csv", ORDERS)
    put(tmp_path, "runs/old.csv", ORDERS)
    put(tmp_path, ".cache/orders.csv", ORDERS)
    assert [s.path for s in init(tmp_path)[1].source] == ["export/orders.csv"]


def test_wide_sales_with_promotions(tmp_path: Path) -> None:
    items = ["B1_1", "B1_2", "B2_1"]
    head = ["DATE", *(f"QTY_{i}" for i in items), *(f"PROMO_{i}" for i in items)]
    rows = [[day, str(k), "2", "3", "0", "1", "0"] for k, day in enumerate(weekly(1))]
    put(tmp_path, "hierarchical.csv", "\n".join(map(",".join, [head, *rows])) + "\n")
    _, config, tables = init(tmp_path)
    (source,) = config.source
    assert source.melt is not None
    assert source.melt.prefixes == {"QTY_": "quantity", "PROMO_": "promotion"}
    sales = tables["sales"]
    assert sorted(sales["sku"].unique()) == items
    assert sales["quantity"].sum() == sum(range(8)) + 8 * 5
    assert sales["promotion"].sum() == 8


def test_wide_sales_with_dates_across_and_minus_one_before_the_first_sale(tmp_path: Path) -> None:
    days = weekly(1, 20)
    frame = pl.DataFrame({"id": ["HOBBIES_1", "FOODS_2"], **{d: [i, -1 if i < 5 else 1] for i, d in enumerate(days)}})
    frame.write_parquet(tmp_path / "daily.parquet")
    pl.DataFrame({"date": days, "weekday": ["Mon"] * 20, "event_name": [None] * 20}).write_parquet(
        tmp_path / "calendar.parquet"
    )
    prices = {
        "store_id": ["CA"] * 4,
        "item_id": ["A", "A", "B", "B"],
        "wm_yr_wk": [1, 2, 1, 2],
        "sell_price": [1.0, 2.0, 3.0, 4.0],
    }
    pl.DataFrame(prices).write_parquet(tmp_path / "sell_prices.parquet")
    dept = {"store_id": ["CA"] * 3, "dept_id": ["F"] * 3, "date": days[:3], "sales": [1, 2, 3]}
    pl.DataFrame(dept).write_parquet(tmp_path / "dept.parquet")
    made, config, tables = init(tmp_path)
    assert [s.path for s in config.source] == ["daily.parquet"]
    assert tables["sales"].height == 35
    assert tables["sales"]["quantity"].min() == 0
    said = " ".join(made.doubts)
    assert "-1 is taken as 'no value'" in said
    assert "'calendar.parquet' is not used" in said
    assert "'sell_prices.parquet' is not used" in said
    assert "'dept.parquet' is left out (sales too" in said
    assert '# path = "dept.parquet"' in made.path.read_text(encoding="utf-8")


def test_what_was_left_out_can_be_put_back(tmp_path: Path) -> None:
    put(tmp_path, "orders.csv", ORDERS)
    put(tmp_path, "sales.csv", "sku,date,units\nA,2024-01-01,3\nA,2024-01-02,4\n")
    made, config, _ = init(tmp_path)
    assert [s.table for s in config.source] == ["orders"]
    text = made.path.read_text(encoding="utf-8")
    start = text.index("# [[source]]")
    made.path.write_text(
        text[:start] + "\n".join(line.removeprefix("# ").removeprefix("#") for line in text[start:].splitlines())
    )
    again = load_config(tmp_path)
    assert [s.table for s in again.source] == ["orders", "sales"]
    assert read_tables(again, Repairs())["sales"]["quantity"].sum() == 7


def test_stock_outs_beside_weekly_sales(tmp_path: Path) -> None:
    days = weekly()
    put(tmp_path, "sales.csv", ",".join(["Store", "Product", *days]) + "\n1,P," + ",".join("31245678") + "\n")
    put(tmp_path, "in_stock.csv", ",".join(["Store", "Product", *days]) + "\n1,P" + ",True,False" * 4 + "\n")
    _, config, tables = init(tmp_path)
    assert config.demand.freq == "W-MON"
    assert tables["sales"]["available"].to_list() == [True, False] * 4
    assert tables["sales"].columns == ["sku", "location", "date", "quantity", "available"]


@pytest.mark.parametrize(
    "days, freq",
    [(weekly(1), "D"), (weekly(7), "W-MON"), ([f"2024-{m:02d}-01" for m in range(1, 9)], "MS"),
     (["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"], "ME")],
)  # fmt: skip
def test_the_grid_of_sales_is_found(tmp_path: Path, days: list[str], freq: str) -> None:
    put(tmp_path, "sales.csv", "sku,date,units\n" + "".join(f"A,{d},3\n" for d in days))
    assert init(tmp_path)[1].demand.freq == freq


def test_sheets_and_databases_are_looked_into(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "shop.xlsx"))
    for name, rows in {"Notes": [["hello"]], "Stock": [["SKU", "On hand"], ["A", 5]]}.items():
        sheet = book.add_worksheet(name)
        for i, row in enumerate(rows):
            sheet.write_row(i, 0, row)
    book.close()
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as base:
        base.execute(
            "create table lines as select '1' as order_id, 'A' as sku, 2 as qty, timestamp '2024-01-13 10:00' as order_date"
        )
        base.execute("create table odd as select 1 as x")
    with closing(sqlite3.connect(tmp_path / "items.db")) as lite:
        lite.executescript(
            "create table items (sku text, name text); insert into items values ('A', 'Cup'), ('B', 'Pot');"
        )
    made, config, tables = init(tmp_path)
    found = {s.table: (s.path, s.sheet, s.sql) for s in config.source}
    assert found == {
        "orders": ("shop.duckdb", "", "lines"), "stock": ("shop.xlsx", "Stock", ""), "products": ("items.db", "", "items"),
    }  # fmt: skip
    assert tables["orders"]["quantity"].to_list() == [2.0]
    assert any("not used" in doubt for doubt in made.doubts)


def test_open_dates_and_names_for_codes_are_doubts(tmp_path: Path) -> None:
    put(tmp_path, "orders.csv", "Order no,Product name,Qty,Order date\n1,Cup,2,01/02/2024\n2,Pot,1,03/02/2024\n")
    made, config, _ = init(tmp_path)
    said = " ".join(made.doubts)
    assert "no date tells day/month from month/day" in said
    assert "items are told apart by their name in column 'Product name'" in said
    assert '# date_format = "%m/%d/%Y"' in made.path.read_text(encoding="utf-8")
    assert config.source[0].columns["sku"] == "Product name"


def test_a_file_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    put(tmp_path, "orders.csv", ORDERS)
    put(tmp_path, "broken.csv", "")
    put(tmp_path, "broken.parquet", "PAR1xx")
    put(tmp_path, "broken.xlsx", "PK")
    made, config, _ = init(tmp_path)
    assert len(config.source) == 1
    said = " ".join(made.doubts)
    assert all(f"'broken.{end}' is not used" in said for end in ("csv", "parquet", "xlsx"))


@pytest.mark.parametrize("name", ['sho"p', "a\\b", "läden & co", "[x]"])
def test_names_of_folders_and_columns_need_no_escape(tmp_path: Path, name: str) -> None:
    put(tmp_path / name, "o'r.csv", ORDERS.replace("order_id", 'Order "No\\"').replace("sku", "item #code"))
    (tmp_path / name / "o'r.csv").write_text('"Order no","Item ""code""",qty,date\n1,A,2,2024-01-13\n')
    with_columns = (tmp_path / name / "o'r.csv").read_text().replace('"Item ""code"""', '"SKU (""inner"" \\)"')
    (tmp_path / name / "o'r.csv").write_text(with_columns)
    _, config, _ = init(tmp_path / name)
    assert config.project.name == name
    assert config.source[0].columns["sku"] == 'SKU ("inner" \\)'


def test_every_sentence_is_one(tmp_path: Path) -> None:
    put(tmp_path, "orders.csv", ORDERS)
    put(tmp_path, "other.csv", "a,b\n1,2\n")
    made = init_project(tmp_path)
    assert made.path == tmp_path / "skucast.toml"
    for sentence in (*made.found, *made.doubts):
        assert sentence.endswith(".")
        assert "\n" not in sentence


def test_a_project_file_is_not_overwritten_without_force(tmp_path: Path) -> None:
    put(tmp_path, "orders.csv", ORDERS)
    put(tmp_path, "skucast.toml", "# mine\n")
    with pytest.raises(ConfigError, match="is there already: edit it, or overwrite it with --force"):
        init_project(tmp_path)
    assert (tmp_path / "skucast.toml").read_text() == "# mine\n"
    init_project(tmp_path, force=True)
    assert load_config(tmp_path).source[0].path == "orders.csv"


@pytest.mark.parametrize(
    "files, sentence",
    [
        ({}, "holds no CSV, Excel, Parquet, DuckDB or SQLite file"),
        ({"readme.md": "x"}, "holds no CSV"),
        ({"a.csv": "a,b\n1,2\n"}, r"No file in .* holds orders or sales \('a.csv': it has no column for sku"),
        ({"a.csv": "sku,name\nA,Cup\n"}, "'a.csv' is a table of products"),
        ({"a.csv": ""}, "'a.csv' is empty"),
        ({"a.csv": "sku,qty,date\n"}, "it has no rows"),
        ({"a.csv": "sku,qty,date\nA,x,y\nB,z,w\n"}, "do not hold such"),
    ],
)
def test_a_folder_with_nothing_usable_is_one_clear_sentence(
    tmp_path: Path, files: dict[str, str], sentence: str
) -> None:
    for name, text in files.items():
        put(tmp_path, name, text)
    with pytest.raises(DataError, match=sentence) as caught:
        init_project(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "skucast.toml").exists()


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no folder"):
        init_project(tmp_path / "gone")
