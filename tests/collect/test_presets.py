"""Exports of shop systems: each fixture is read as the system means it; the csv module is the witness."""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from skucast.collect.mapping import make_mapping
from skucast.collect.presets import NAMES, find_preset, load_preset
from skucast.collect.project_file import init_project
from skucast.collect.repairs import Repairs
from skucast.collect.sources import read_tables
from skucast.collect.tables import SCHEMAS
from skucast.config import Config, Source, load_config, make_config
from skucast.errors import ConfigError

EXPORTS = Path(__file__).parents[1] / "fixtures" / "exports"
ENCODINGS = {
    "shopify": "utf-8", "woocommerce": "utf-8-sig", "amazon": "cp1252", "taobao": "gb18030", "jd": "gb18030",
    "magento": "utf-8", "square": "utf-8",
}  # fmt: skip

Row = dict[str, str]


def money(text: str) -> float:
    return float(text.replace("$", "").replace(",", ""))


UNITS: dict[str, Callable[[Row], float]] = {
    "shopify": lambda r: float(r["Lineitem quantity"]),
    "woocommerce": lambda r: float(r["Quantity (- Refund)"]),
    "amazon": lambda r: float(r["quantity"]),
    "taobao": lambda r: float(r["购买数量"]),
    "jd": lambda r: float(r["订购数量"]),
    "magento": lambda r: float(r["Item Qty Ordered"]) - float(r["Item Qty Canceled"]) - float(r["Item Qty Refunded"]),
    "square": lambda r: float(r["Qty"]),
}
SKU: dict[str, Callable[[Row], str]] = {
    "shopify": lambda r: r["Lineitem sku"] or r["Lineitem name"],
    "woocommerce": lambda r: r["SKU"] or r["Item Name"],
    "amazon": lambda r: r["sku"] or r["asin"],
    "taobao": lambda r: r["商家编码"] or r["宝贝标题"],
    "jd": lambda r: r["货号"] or r["商品ID"].strip(),
    "magento": lambda r: r["Item SKU"] or r["Item Name"],
    "square": lambda r: r["SKU"] or r["Item"],
}
STATUS: dict[str, tuple[str, dict[str, str]]] = {
    "woocommerce": ("Order Status", {"Cancelled": "cancelled", "Refunded": "refunded", "On hold": "pending"}),
    "amazon": (
        "order-status",
        {"Cancelled": "cancelled", "Shipped - Returned to Seller": "refunded", "Pending": "pending"},
    ),
    "jd": ("订单状态", {"(锁定)已取消": "cancelled", "已退款": "refunded", "等待付款": "pending"}),
    "magento": ("Order Status", {"canceled": "cancelled", "closed": "refunded", "pending": "pending"}),
}


def witness(name: str) -> list[Row]:
    (path,) = (EXPORTS / name).iterdir()
    text = path.read_bytes().decode(ENCODINGS[name])
    if name == "amazon":
        return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture(scope="module", params=NAMES)
def export(request, tmp_path_factory) -> tuple[str, pl.DataFrame, Repairs, Config]:
    """Name, what `init` and reading make of it, the repairs, and the project."""
    folder = tmp_path_factory.mktemp("shop") / request.param
    shutil.copytree(EXPORTS / request.param, folder)
    init_project(folder)
    config = load_config(folder)
    repairs = Repairs()
    return request.param, read_tables(config, repairs)["orders"], repairs, config


def test_init_finds_the_preset(export) -> None:
    name, _, _, config = export
    (source,) = config.source
    assert source.preset == name


def test_columns_have_the_types_of_the_table(export) -> None:
    _, orders, _, _ = export
    types = {"text": pl.String, "number": pl.Float64, "moment": pl.Datetime("us"), "flag": pl.Boolean}
    kinds = SCHEMAS["orders"].kinds
    assert dict(orders.schema) == {column: types[kinds[column]] for column in orders.columns}
    assert {"order_id", "sku", "quantity", "ordered_at", "status", "channel"} <= set(orders.columns)


def test_every_line_is_there_with_its_units_and_code(export) -> None:
    name, orders, _, _ = export
    rows = witness(name)
    assert orders.height == len(rows)
    assert orders["quantity"].to_list() == pytest.approx([UNITS[name](r) for r in rows])
    assert orders["sku"].to_list() == [SKU[name](r).strip() for r in rows]
    assert orders["channel"].unique().to_list() == [name]


def test_no_cell_is_unreadable_or_lost(export) -> None:
    _, orders, repairs, _ = export
    assert {row["rule"] for row in repairs.rows} <= {"trimmed-texts", "time-zones"}
    assert orders.select("order_id", "sku", "quantity", "ordered_at").null_count().sum_horizontal().item() == 0


def test_prices_are_per_unit_and_totals_per_line(export) -> None:
    name, orders, _, _ = export
    rows = witness(name)
    column, cell = {
        "shopify": ("price", "Lineitem price"), "woocommerce": ("price", "Item Cost"), "amazon": ("line_total", "item-price"),
        "taobao": ("line_total", "买家实际支付金额"), "jd": ("price", "京东价"), "magento": ("price", "Item Price"),
        "square": ("line_total", "Net Sales"),
    }[name]  # fmt: skip
    assert orders[column].to_list() == [money(r[cell]) if r[cell] else None for r in rows]


def test_dates_span_the_same_days(export) -> None:
    _, orders, _, _ = export
    assert str(orders["ordered_at"].min())[:10] == "2024-01-01"
    assert str(orders["ordered_at"].max())[:10] in ("2024-04-21", "2024-04-22")
    assert (orders["ordered_at"].dt.hour() > 6).all()


@pytest.mark.parametrize("name", list(STATUS))
def test_statuses_mean_what_the_system_means(name: str, tmp_path: Path) -> None:
    column, meanings = STATUS[name]
    expected = [meanings.get(r[column], "ok") for r in witness(name)]
    assert read_export(name)["status"].to_list() == expected
    assert {"cancelled", "refunded", "pending", "ok"} == set(expected)


def read_export(name: str, path: Path | None = None) -> pl.DataFrame:
    (file,) = [path] if path else (EXPORTS / name).iterdir()
    source = {"table": "orders", "path": str(file), "preset": name}
    return read_tables(make_config({"source": [source]}), Repairs())["orders"]


def test_shopify_fills_order_level_cells_down() -> None:
    orders = read_export("shopify")
    assert orders.group_by("order_id").agg(pl.col("status").n_unique())["status"].max() == 1
    assert orders["customer"].null_count() == 0
    voided = {r["Name"] for r in witness("shopify") if r["Financial Status"] == "voided"}
    assert set(orders.filter(pl.col("status") == "cancelled")["order_id"]) == voided


def test_shopify_fills_over_the_border_of_blocks(tmp_path: Path) -> None:
    from skucast.collect.intake import Intake

    (file,) = (EXPORTS / "shopify").iterdir()
    source = Source(table="orders", path=str(file), preset="shopify")
    pieces = list(Intake(source, Config()).frames(size=3000))
    assert len(pieces) > 5
    assert pl.concat(pieces).equals(read_export("shopify"))


def test_square_refunds_are_returns_not_cancelled_sales() -> None:
    orders = read_export("square")
    refunds = [r["Event Type"] == "Refund" for r in witness("square")]
    assert (orders["quantity"] < 0).to_list() == refunds
    assert orders["status"].unique().to_list() == ["ok"]


def test_taobao_refunds_come_before_closed_orders() -> None:
    orders = read_export("taobao")
    for row, status in zip(witness("taobao"), orders["status"], strict=True):
        if row["退款状态"] == "退款成功":
            assert status == "refunded"
        elif row["订单状态"] == "交易关闭":
            assert status == "cancelled"


def test_amazon_stamps_move_to_the_shops_zone() -> None:
    (file,) = (EXPORTS / "amazon").iterdir()
    raw = {
        "source": [{"table": "orders", "path": str(file), "preset": "amazon"}],
        "project": {"timezone": "Europe/Berlin"},
    }
    moved = read_tables(make_config(raw), Repairs())["orders"]["ordered_at"]
    hours = (moved - read_export("amazon")["ordered_at"]).dt.total_hours()
    assert set(hours.unique()) == {1, 2}  # winter and summer


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_tells_its_export_from_the_others(name: str) -> None:
    (found,) = [find_preset(list(rows[0])) for rows in [witness(name)]]
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("name", NAMES)
def test_presets_name_columns_of_the_table(name: str) -> None:
    preset = load_preset(name)
    assert {c.name for c in preset.columns} | set(preset.constants) <= set(SCHEMAS[preset.table].kinds)
    assert {s.means for s in preset.status} <= {"ok", "cancelled", "refunded", "pending"}


def test_ordinary_headers_are_no_export() -> None:
    assert find_preset(["sku", "date", "quantity"]) is None


def test_an_unknown_preset_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no preset 'ebay': use one of shopify"):
        load_preset("ebay")


def test_stated_columns_win_over_the_preset() -> None:
    headers = list(witness("jd")[0])
    source = Source(table="orders", path="x", preset="jd", columns={"sku": "商品名称"})
    assert make_mapping(headers, source, Config(), "x").columns["sku"] == ("商品名称",)
