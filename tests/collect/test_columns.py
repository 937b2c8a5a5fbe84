"""Headers in several languages and what they mean."""

import polars as pl
import pytest

from skucast.collect.columns import NAMES, bare, is_code, match_headers, normal, read_status
from skucast.collect.tables import SCHEMAS


@pytest.mark.parametrize(
    "headers, expected",
    [
        (
            ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"],
            {"order_id": "InvoiceNo", "sku": "StockCode", "quantity": "Quantity", "ordered_at": "InvoiceDate",
             "price": "UnitPrice", "customer": "CustomerID", "description": "Description", "location": "Country"},
        ),
        (
            ["订单号", "商品编码", "商品名称", "数量(件)", "单价(元)", "下单时间", "订单状态"],
            {"order_id": "订单号", "sku": "商品编码", "quantity": "数量(件)", "ordered_at": "下单时间", "price": "单价(元)",
             "description": "商品名称", "status": "订单状态"},
        ),
        (
            ["Bestellnummer", "Artikelnummer", "Menge", "Einzelpreis", "Bestelldatum", "Kundennummer"],
            {"order_id": "Bestellnummer", "sku": "Artikelnummer", "quantity": "Menge", "price": "Einzelpreis",
             "ordered_at": "Bestelldatum", "customer": "Kundennummer"},
        ),
        (
            ["N° commande", "Référence", "Quantité", "Prix unitaire", "Date de commande"],
            {"order_id": "N° commande", "sku": "Référence", "quantity": "Quantité", "price": "Prix unitaire",
             "ordered_at": "Date de commande"},
        ),
        (
            ["Número de pedido", "Código", "Cantidad", "Precio unitario", "Fecha de pedido"],
            {"order_id": "Número de pedido", "sku": "Código", "quantity": "Cantidad", "price": "Precio unitario",
             "ordered_at": "Fecha de pedido"},
        ),
        (
            ["Numero ordine", "Codice articolo", "Quantità", "Prezzo", "Data ordine"],
            {"order_id": "Numero ordine", "sku": "Codice articolo", "quantity": "Quantità", "price": "Prezzo",
             "ordered_at": "Data ordine"},
        ),
    ],
    ids=["en", "zh", "de", "fr", "es", "it"],
)  # fmt: skip
def test_orders_are_recognised_in_each_language(headers: list[str], expected: dict[str, str]) -> None:
    found = match_headers(headers, "orders")
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "table, headers, expected",
    [
        ("sales", ["unique_id", "ds", "y"], {"sku": "unique_id", "date": "ds", "quantity": "y"}),
        ("stock", ["货号", "库存数量", "在途数量", "仓库"], {"sku": "货号", "on_hand": "库存数量", "on_order": "在途数量", "location": "仓库"}),
        ("suppliers", ["供应商", "交货期", "最小订单金额"], {"supplier": "供应商", "lead_time_days": "交货期", "min_order_value": "最小订单金额"}),
        ("open_orders", ["货号", "在途数量", "预计到货日期"], {"sku": "货号", "quantity": "在途数量", "due": "预计到货日期"}),
        ("deliveries", ["Vendor", "PO Sent to Vendor Date", "Scheduled Delivery Date", "Delivered to Client Date", "Shipment Mode"],
         {"supplier": "Vendor", "ordered_at": "PO Sent to Vendor Date", "promised_at": "Scheduled Delivery Date",
          "received_at": "Delivered to Client Date", "mode": "Shipment Mode"}),
        ("products", ["SKU", "Title", "Cost per item", "Variant Price"], {"sku": "SKU", "name": "Title", "cost": "Cost per item", "price": "Variant Price"}),
        ("promotions", ["活动名称", "开始日期", "结束日期", "折扣"], {"name": "活动名称", "start": "开始日期", "end": "结束日期", "discount": "折扣"}),
        ("events", ["visitor", "item_id", "event", "timestamp"], {"customer": "visitor", "sku": "item_id", "kind": "event", "at": "timestamp"}),
    ],
)  # fmt: skip
def test_other_tables_are_recognised(table: str, headers: list[str], expected: dict[str, str]) -> None:
    found = match_headers(headers, table)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize("table", list(SCHEMAS))
def test_own_names_always_match_themselves(table: str) -> None:
    names = list(SCHEMAS[table].kinds)
    assert match_headers(names, table) == dict(zip(names, names, strict=True))


def test_every_name_of_the_dictionary_belongs_to_a_column() -> None:
    for table, columns in NAMES.items():
        assert set(columns) <= set(SCHEMAS[table].kinds)


def test_a_header_is_used_once_and_the_code_wins_over_the_name() -> None:
    found = match_headers(["product name", "sku", "qty"], "orders")
    assert found == {"sku": "sku", "description": "product name", "quantity": "qty"}
    assert len(set(found.values())) == len(found)


def test_a_name_stands_in_where_there_is_no_code() -> None:
    assert match_headers(["Product name", "Qty", "Order date"], "orders")["sku"] == "Product name"
    assert not is_code("Product name", "orders")
    assert is_code("商品编码", "orders")


def test_headers_are_compared_without_case_accents_and_units() -> None:
    assert normal(" Invoice No. ") == "invoiceno"
    assert normal("Quantité") == "quantite"
    assert normal("Größe") == "grosse"
    assert bare("单价（元）") == "单价"
    assert bare("Weight [kg]") == "weight"


@pytest.mark.parametrize(
    "text, meaning",
    [
        ("Cancelled", "cancelled"), ("CANCELED", "cancelled"), ("已取消", "cancelled"), ("交易关闭", "cancelled"),
        ("Storniert", "cancelled"), ("annulée", "cancelled"), ("Refunded", "refunded"), ("退款成功", "refunded"),
        ("erstattet", "refunded"), ("Partially refunded", "Partially refunded"), ("没有申请退款", "没有申请退款"),
        ("refund refused", "refund refused"), ("Paid", "Paid"), ("test", "test"), (None, None),
    ],
)  # fmt: skip
def test_status_words_count_only_as_a_whole(text: str | None, meaning: str | None) -> None:
    assert read_status(pl.Series([text, "paid"], dtype=pl.String))[0] == meaning
