"""Columns: which header of a file means which column of a table.

The dictionary holds the names that shops, tills, marketplaces and public data sets really use, in
English, Chinese, German, French, Spanish and Italian. Earlier names win over later ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import polars as pl

from .tables import SCHEMAS

ORDER_STATUS = ("ok", "cancelled", "refunded", "pending")
"""Normalised meanings of ``orders.status``: sold; never sold; sold and given back; not paid yet."""

_SKU = (
    "sku|sku id|sku_code|sku编码|sku编号|商品sku|unique_id|item_id|item code|item no|item number|itemid|stock code|stockcode|"
    "product id|product code|product no|productid|product|article|article no|article number|article id|style|"
    "part number|part no|material|upc|ean|gtin|barcode|asin|variant sku|lineitem sku|item sku|"
    "商品编码|商品编号|商品代码|商家编码|货号|物料编码|物料编号|物料号|产品编码|产品编号|产品代码|商品id|产品id|宝贝id|商品条码|条码|款号|存货编码|规格编码|"
    "artikelnummer|artikel nr|artikelnr|artikel|artnr|artikel id|sachnummer|"
    "référence|reference article|reference produit|code article|code produit|ref article|article ref|"
    "código|codigo|código producto|codigo articulo|referencia|articulo|producto|"
    "codice|codice articolo|codice prodotto|articolo|prodotto|"
    "material number|family|dept|dept_id|department|department id|brand_id|id"
)
_ITEM_NAME = (
    "description|product name|item name|product title|title|lineitem name|item description|name|item|product description|"
    "商品名称|商品标题|宝贝标题|宝贝名称|产品名称|品名|货品名称|物料名称|存货名称|商品|标题|"
    "bezeichnung|artikelbezeichnung|artikelname|produktname|beschreibung|"
    "désignation|libellé|nom du produit|nom produit|produit|"
    "descripción|nombre del producto|nombre producto|nombre|descrizione|nome prodotto|denominazione"
)
_QUANTITY = (
    "quantity|qty|units|units sold|quantity sold|qty sold|quantity ordered|qty ordered|quantity purchased|order quantity|"
    "lineitem quantity|item quantity|pieces|pcs|sales qty|sales quantity|sold|y|demand|sales units|unit sales|unit_sales|"
    "数量|购买数量|订购数量|销售数量|销量|商品数量|件数|订单数量|下单数量|出库数量|销售件数|宝贝总数量|成交件数|支付件数|"
    "menge|anzahl|stück|stueck|stückzahl|verkaufte menge|absatz|bestellmenge|"
    "quantité|qté|nombre|unités|quantite vendue|cantidad|unidades|cant|quantità|qta|qtà|pezzi|"
    "sales|weekly_sales|num_sold|volume|target|value|cnt|item_cnt_day|売上数量"
)
_LOCATION = (
    "location|store|store id|store_id|shop|shop id|warehouse|warehouse id|site|branch|outlet|depot|plant|store nbr|store_nbr|"
    "country|ship country|region|"
    "门店|店铺|店铺名称|门店名称|门店编码|仓库|仓库名称|仓库编码|地区|国家|"
    "filiale|lager|standort|markt|land|magasin|entrepôt|boutique|pays|tienda|almacén|almacen|sucursal|país|"
    "negozio|magazzino|punto vendita|paese"
)
_CHANNEL = (
    "channel|sales channel|sales_channel|source|platform|marketplace|渠道|销售渠道|平台|订单来源|来源|"
    "kanal|vertriebskanal|canal|canal de vente|canal de venta|canale"
)
_PRICE = (
    "price|unit price|unitprice|price each|item price|selling price|sell_price|sale price|lineitem price|unit cost paid|price per unit|"
    "单价|销售单价|成交单价|成交价|售价|销售价|价格|商品单价|商品价格|京东价|实际单价|"
    "preis|einzelpreis|stückpreis|verkaufspreis|vk preis|prix|prix unitaire|pu|precio|precio unitario|prezzo|prezzo unitario"
)
_LINE_TOTAL = (
    "line_total|line total|line amount|total price|amount|total|subtotal|revenue|net sales|gross sales|row total|item total|"
    "实付金额|买家实际支付金额|买家实付金额|支付金额|实收金额|成交金额|销售额|销售金额|金额|总价|小计|总金额|订单金额|应付金额|"
    "betrag|gesamtpreis|summe|umsatz|gesamt|montant|montant total|total ligne|chiffre d'affaires|importe|total linea|ingresos|"
    "importo|totale|fatturato|ricavo"
)
_DAY = (
    "date|ds|day|sales date|sale date|sales_date|week|week ending|week start|month|period|timestamp|datetime|time|dt|"
    "日期|销售日期|统计日期|业务日期|时间|月份|"
    "datum|tag|verkaufsdatum|woche|monat|jour|date de vente|semaine|mois|fecha|día|semana|mes|data|giorno|settimana|mese"
)
_ORDERED_AT = (
    "ordered_at|order date|orderdate|order time|order_purchase_timestamp|invoice date|invoicedate|created at|created_at|"
    "purchase date|purchased at|transaction date|date of order|placed at|sold at|paid at|date created|"
    "下单时间|订单创建时间|订单时间|下单日期|创建时间|付款时间|订单付款时间|支付时间|成交时间|交易时间|订单日期|"
    "bestelldatum|auftragsdatum|rechnungsdatum|kaufdatum|bestellt am|date de commande|date commande|date facture|"
    "fecha de pedido|fecha pedido|fecha factura|data ordine|data dell'ordine|data fattura|data acquisto|" + _DAY
)
_ORDER_ID = (
    "order_id|order id|order no|order number|orderid|order|invoice|invoice no|invoiceno|invoice number|transaction id|"
    "transaction|receipt|receipt no|ticket|basket|sales order|amazon-order-id|increment_id|"
    "订单号|订单编号|订单id|主订单编号|交易号|单号|小票号|发票号|"
    "bestellnummer|bestellung|auftragsnummer|auftrag|rechnungsnummer|belegnummer|"
    "numéro de commande|n° commande|commande|no commande|facture|numero facture|"
    "número de pedido|numero pedido|pedido|factura|numero ordine|ordine|fattura"
)
_CUSTOMER = (
    "customer|customer id|customerid|customer_id|customer name|client|buyer|email|user id|user_id|member id|account|"
    "visitor|客户|客户id|客户编号|客户名称|会员|会员名|买家会员名|买家|用户|用户id|用户编号|下单账号|下单帐号|"
    "kunde|kundennummer|kundennr|kunden id|cliente|id cliente|numéro client|client id|codice cliente"
)
_STATUS = (
    "status|order status|order_status|state|financial status|payment status|订单状态|状态|交易状态|退款|退款状态|"
    "bestellstatus|statut|état|estado|estado del pedido|stato|stato ordine"
)
_PROMOTION = (
    "promotion|promo|on promotion|onpromotion|is_promo|on_promo|deal|feature|feat|促销|是否促销|活动|"
    "aktion|werbung|promoción|promocion|promozione|isholiday_promo"
)
_START = "start|start date|begin|from|valid from|date from|开始日期|开始时间|活动开始时间|促销开始日期|von|beginn|startdatum|début|date début|du|inicio|fecha inicio|desde|inizio|data inizio|dal"
_END = "end|end date|until|to|valid to|valid until|date to|结束日期|结束时间|活动结束时间|促销结束日期|bis|ende|enddatum|fin|date fin|au|fecha fin|hasta|fine|data fine|al"
_SUPPLIER = "supplier|supplier id|supplier code|vendor|vendor id|manufacturer|供应商|供应商编码|供应商编号|供货商|厂商|lieferant|lieferantennummer|kreditor|fournisseur|code fournisseur|proveedor|fornitore"
_LEAD = "lead_time_days|lead time|lead time (days)|leadtime|delivery days|delivery time|交货期|交期|采购周期|供货周期|到货周期|提前期|lieferzeit|lieferzeit tage|wiederbeschaffungszeit|délai|délai de livraison|plazo de entrega|plazo|tempo di consegna|consegna"
_DUE = "due|due date|due on|expected|expected date|expected arrival|eta|expected delivery date|scheduled delivery date|预计到货日期|预计到货|预计到达日期|应到日期|liefertermin|fällig|date prévue|livraison prévue|fecha prevista|data prevista"
_BOUGHT_AT = "ordered_at|order date|ordered|ordered on|purchase date|po date|po sent to vendor date|purchase order date|采购日期|下单日期|订货日期|采购下单日期|bestelldatum|bestellt am|date de commande|fecha de pedido|data ordine"

NAMES: dict[str, dict[str, str]] = {
    "orders": {
        "order_id": _ORDER_ID, "sku": _SKU, "quantity": _QUANTITY, "ordered_at": _ORDERED_AT, "price": _PRICE,
        "line_total": _LINE_TOTAL,
        "list_price": "list_price|list price|original price|regular price|compare at price|lineitem compare at price|msrp|rrp|原价|标价|吊牌价|市场价|零售价|listenpreis|uvp|prix catalogue|precio de lista|prezzo di listino",
        "description": _ITEM_NAME, "customer": _CUSTOMER, "status": _STATUS,
        "test": "test|is_test|test order|测试订单|testbestellung", "location": _LOCATION, "channel": _CHANNEL,
    },
    "sales": {
        "sku": _SKU, "date": _DAY + "|" + _ORDERED_AT, "quantity": _QUANTITY,
        "price": _PRICE + "|average price|avg price|avg_price|均价|平均售价",
        "revenue": "revenue|sales amount|sales value|turnover|net sales|gross sales|" + _LINE_TOTAL,
        "promotion": _PROMOTION,
        "available": "available|in stock|in_stock|instock|availability|是否有货|有货|verfügbar|disponible|en stock|disponibile",
        "location": _LOCATION, "channel": _CHANNEL,
    },
    "products": {
        "sku": _SKU, "name": _ITEM_NAME,
        "category": "category|category name|product group|productgroup|product category|product type|type|class|department|类目|分类|商品分类|品类|类别|warengruppe|kategorie|produktgruppe|catégorie|famille|rayon|categoría|familia|categoria|reparto",
        "brand": "brand|brand name|make|品牌|marke|marque|marca",
        "supplier": _SUPPLIER,
        "cost": "cost|unit cost|cost price|purchase price|buying price|cogs|cost per item|成本|成本价|进价|采购价|采购单价|einkaufspreis|ek|ek preis|kosten|coût|prix d'achat|prix achat|coste|costo|precio de compra|prezzo d'acquisto",
        "price": "list price|retail price|rrp|msrp|variant price|零售价|" + _PRICE,
        "launch_date": "launch_date|launch date|first sale|introduced|listed on|上市日期|上架日期|上架时间|上市时间|markteinführung|date de lancement|fecha de lanzamiento|data lancio",
        "end_date": "end_date|end date|discontinued|discontinued on|delisted|下架日期|下架时间|停产日期|auslauf|date de fin|fecha de baja|data fine",
        "pack_size": "pack_size|pack size|case size|case pack|units per case|箱规|装箱数|包装数量|装箱量|ve|verpackungseinheit|colisage|unidades por caja|confezione",
        "min_order": "min_order|minimum order|min order|moq|min order qty|minimum order quantity|最小起订量|起订量|最小订货量|mindestbestellmenge|quantité minimum|pedido mínimo|ordine minimo",
        "shortage_cost": "shortage_cost|shortage cost|penalty|stockout cost|缺货成本|缺货损失|fehlmengenkosten|coût de rupture|coste de rotura|costo di mancanza",
        "holding_cost": "holding_cost|holding cost|carrying cost|storage cost|持有成本|仓储成本|库存成本|lagerkosten|coût de stockage|coste de almacenamiento|costo di stoccaggio",
        "shelf_life_days": "shelf_life_days|shelf life|shelf life (days)|保质期|保质期(天)|保质期天数|haltbarkeit|durée de vie|vida útil|durata",
        "return_price": "return_price|return price|refund|buyback price|supplier refund|退货价|退货单价|rücknahmepreis|prix de reprise|precio de devolución|prezzo di reso",
        "co2e_kg": "co2e_kg|co2e|co2|co2 kg|carbon footprint|carbon|碳排放|碳足迹|碳排放(kg)|co2-fussabdruck|empreinte carbone|huella de carbono|impronta di carbonio",
        "weight_kg": "weight_kg|weight|weight (kg)|重量|重量(kg)|gewicht|poids|peso",
        "volume_l": "volume_l|volume (l)|体积|volumen|volume",
    },
    "stock": {
        "sku": _SKU,
        "date": "date|as of|snapshot date|count date|日期|盘点日期|库存日期|统计日期|stand|datum|inventurdatum|date inventaire|fecha|data|ds|day",
        "on_hand": "on_hand|on hand|stock|stock on hand|stock level|inventory|quantity on hand|qty on hand|available|available stock|in stock|current stock|end inventory|ending inventory|库存|现有库存|库存数量|可用库存|当前库存|实际库存|在库数量|结存数量|bestand|lagerbestand|stock actuel|stock disponible|existencias|inventario|giacenza|scorta|quantity|qty|数量",
        "on_order": "on_order|on order|in transit|incoming|inbound|ordered|open orders|open po|在途|在途数量|在途库存|采购在途|已订未到|unterwegs|bestellt|offene bestellungen|en commande|en transit|en camino|en tránsito|pedido pendiente|in arrivo|in ordine",
        "location": _LOCATION,
    },
    "suppliers": {
        "supplier": _SUPPLIER + "|id|code|编码|编号",
        "name": "name|supplier name|vendor name|供应商名称|名称|lieferantenname|nom|nom fournisseur|nombre|nome",
        "lead_time_days": _LEAD,
        "lead_time_sd_days": "lead_time_sd_days|lead time sd|lead time std|lead time deviation|交货期标准差|交期波动|lieferzeit streuung",
        "review_days": "review_days|review period|order cycle|order interval|订货周期|补货周期|bestellrhythmus|bestellzyklus|cycle de commande",
        "min_order_value": "min_order_value|minimum order value|min order value|minimum order amount|最小订单金额|最低起订金额|起订金额|mindestbestellwert|montant minimum|importe mínimo|importo minimo",
        "min_order_units": "min_order_units|minimum order units|minimum order quantity|moq|最小订单数量|最低起订数量|mindestbestellmenge|quantité minimum|cantidad mínima|quantità minima",
        "order_cost": "order_cost|order cost|ordering cost|cost per order|freight per order|订货费用|每单费用|订货成本|bestellkosten|coût de commande|coste por pedido|costo per ordine",
    },
    "open_orders": {
        "sku": _SKU,
        "quantity": "open quantity|outstanding|in transit|on order|在途数量|未到数量|offene menge|" + _QUANTITY,
        "due": _DUE,
        "ordered_at": _BOUGHT_AT,
        "location": _LOCATION,
    },
    "deliveries": {
        "supplier": _SUPPLIER,
        "ordered_at": _BOUGHT_AT,
        "received_at": "received_at|received|received on|receipt date|received date|delivered|delivered on|delivered to client date|delivery date|goods receipt|arrival date|入库日期|收货日期|到货日期|实际到货日期|wareneingang|eingangsdatum|date de réception|fecha de recepción|data di ricezione",
        "promised_at": "promised_at|promised|promised date|scheduled delivery date|" + _DUE,
        "sku": _SKU,
        "mode": "mode|shipment mode|transport|transport mode|运输方式|transportart|mode de transport|modo de transporte|modo di trasporto",
        "quantity": _QUANTITY,
    },
    "promotions": {
        "sku": _SKU, "category": "category|product group|类目|分类|品类|warengruppe|kategorie|catégorie|categoría|categoria",
        "start": _START, "end": _END,
        "name": "name|promotion|promotion name|campaign|campaign name|活动名称|促销名称|促销|活动|aktion|aktionsname|kampagne|opération|campaña|campagna|promo",
        "kind": "kind|type|promotion type|promo type|活动类型|促销类型|促销方式|art|typ|typ der aktion|tipo",
        "discount": "discount|discount %|discount rate|percent off|discount percent|折扣|折扣率|优惠幅度|rabatt|remise|réduction|descuento|sconto",
        "price": "promotion price|promo price|sale price|促销价|活动价|aktionspreis|prix promo|precio promocional|prezzo promo|" + _PRICE,
        "location": _LOCATION, "channel": _CHANNEL,
    },
    "events": {
        "sku": _SKU, "at": "at|timestamp|event time|event_time|time|datetime|date|时间|行为时间|发生时间|zeitpunkt|zeit|datum|horodatage|fecha|data",
        "kind": "kind|event|event type|event_type|event name|action|behavior|behavior_type|behaviour|type|行为|行为类型|事件|事件类型|ereignis|événement|evento",
        "count": "count|events|number|次数|anzahl", "customer": _CUSTOMER,
        "session": "session|session id|session_id|sessionid|visit|visit id|user_session|会话|会话id|sitzung|sesión|sessione",
    },
    "signals": {
        "date": _DAY, "name": "name|signal|metric|variable|indicator|series|指标|名称|指标名称|kennzahl|indicateur|indicador|indicatore",
        "value": "value|number|index|reading|数值|值|指数|wert|valeur|valor|valore",
        "known": "known|known in future|forecast|是否已知|bekannt|connu", "location": _LOCATION, "sku": _SKU,
    },
}  # fmt: skip
"""Table -> column -> names, best first, separated by ``|``."""


def normal(header: str) -> str:
    """A header without case, accents, blanks and punctuation: ``Invoice No.`` -> ``invoiceno``."""
    text = unicodedata.normalize("NFKD", str(header).casefold().replace("ß", "ss"))
    return re.sub(r"[\W_]+", "", "".join(c for c in text if not unicodedata.combining(c)))


def bare(header: str) -> str:
    """As `normal`, with a unit in brackets left out: ``单价(元)`` -> ``单价``."""
    return normal(re.sub(r"[（(\[].*?[)）\]]", "", str(header)))


def _ranks(names: str) -> dict[str, int]:
    ranks: dict[str, int] = {}
    for name in names.split("|"):
        ranks.setdefault(normal(name), len(ranks))
    return ranks


_RANKS = {table: {column: _ranks(names) for column, names in columns.items()} for table, columns in NAMES.items()}
_OWN_NAME = -1  # skucast's own column name comes before every other


def match_headers(headers: Iterable[str], table: str) -> dict[str, str]:
    """Which header stands for which column of a table; each header is used once.

    Returns:
        skucast's column -> the file's header, for the columns that were found.
    """
    ranks = _RANKS[table]
    found: list[tuple[int, int, str, str]] = []
    for place, header in enumerate(headers):
        keys = {normal(header), bare(header)} - {""}
        for column in SCHEMAS[table].kinds:
            rank = min((ranks[column].get(key, 9_999) for key in keys), default=9_999)
            if normal(column) in keys:
                rank = _OWN_NAME
            if rank < 9_999:
                found.append((rank, place, column, header))
    chosen: dict[str, str] = {}
    used: set[str] = set()
    for _, _, column, header in sorted(found):
        if column not in chosen and header not in used:
            chosen[column] = header
            used.add(header)
    if "sku" in SCHEMAS[table].required and "sku" not in chosen:
        named = {header: column for column, header in chosen.items() if _is_name(header)}
        if named:  # an item's name stands in for its code only where there is no code
            header = min(named, key=lambda h: _NAME_RANKS[_name_key(h)])
            del chosen[named[header]]
            chosen["sku"] = header
    return chosen


def _name_key(header: str) -> str:
    return next((key for key in (normal(header), bare(header)) if key in _NAME_RANKS), "")


def _is_name(header: str) -> bool:
    return bool(_name_key(header))


def is_code(header: str, table: str) -> bool:
    """True if a header is known to name an item's code, not just its name."""
    return any(key in _RANKS[table]["sku"] or key == "sku" for key in (normal(header), bare(header)))


_NAME_RANKS = _ranks(_ITEM_NAME)

_CANCELLED = (
    "cancelled|canceled|cancel|voided|void|order cancelled|cancelled by customer|cancelled by seller|aborted|"
    "已取消|取消|订单取消|交易关闭|已关闭|关闭|已作废|作废|"
    "storniert|storno|abgebrochen|annulée|annulé|annule|cancelado|cancelada|anulado|anulada|annullato|annullata"
)
_REFUNDED = (
    "refunded|refund|fully refunded|returned|return|order returned|"
    "已退款|退款成功|退款|已退货|退货|退货完成|退货退款|"
    "erstattet|retourniert|zurückgesandt|remboursée|remboursé|retourné|reembolsado|devuelto|rimborsato|reso"
)
_STATUS_WORDS = {
    **{normal(word): "cancelled" for word in _CANCELLED.split("|")},
    **{normal(word): "refunded" for word in _REFUNDED.split("|")},
}


def read_status(texts: pl.Series) -> pl.Series:
    """Statuses that mean ``cancelled`` or ``refunded`` by their name; other texts as they are.

    Only whole texts count: ``partially refunded`` and ``refund refused`` are sales.
    """
    distinct = texts.unique().drop_nulls()
    meanings = [_STATUS_WORDS.get(normal(text), text) for text in distinct]
    if distinct.is_empty() or meanings == distinct.to_list():
        return texts
    return texts.replace_strict(distinct, pl.Series(meanings, dtype=pl.String), default=None, return_dtype=pl.String)
