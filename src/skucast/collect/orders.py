"""Order lines to clean lines: each rule by name, each with its switch, each counted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import polars as pl

from ..config import Clean
from ..errors import ConfigError, DataError, SkucastError
from .non_products import find_non_products
from .repairs import Repairs
from .returns import F64, match_returns

_UNCOUNTABLE = 1e15  # beyond it whole numbers are no longer exact in double precision
_CANCELLED = ("cancelled", "canceled", "refunded")
_C_NUMBER = r"^[Cc]\d+$"  # an invoice number of a cancellation, as UCI's C541433
_EXACT = float(2**53)

REMEDIES: dict[str, str] = {
    "no-sku": "fill the item code, or map the right column to sku",
    "zero-or-unreadable-quantities": "check the quantity column of these lines",
    "impossible-dates": "correct the dates, or set [clean] first_date or impossible_dates = false",
    "duplicates": "if they are real, set [clean] duplicates = false",
    "test-orders": "to keep them, set [clean] test_orders = false",
    "non-products": "to keep them, set [clean] non_products = false; to add codes, list non_product_codes",
    "write-offs": "stock corrections are no demand; record them in the stock table",
    "non-positive-prices": "to keep free items as demand, set [clean] non_positive_prices = false",
    "cancelled-orders": "to forecast gross demand, set [clean] cancellations = false",
    "returns-left-out": "to net returns against sales, set [clean] cancellations = true",
    "extreme-quantities": "if they are real, raise [clean] max_quantity",
    "returns-without-sale": "the sale lies before the first line, or under another code; add earlier orders",
    "own-sale": "to forecast gross demand, set [clean] cancellations = false",
    "own-date": "give customer or order_id, so that the sale itself can be found",
    "carried-back": "give customer or order_id, so that the sale itself can be found",
}


@dataclass(frozen=True)
class _Line:
    """How to speak of one line."""

    row: pl.DataFrame

    def __str__(self) -> str:
        values = self.row.row(0, named=True)
        order = f"order {values['order_id']}, " if values.get("order_id") else ""
        when = f" on {str(values['ordered_at'])[:10]}" if values.get("ordered_at") else ""
        quantity = values.get("quantity")
        amount = f", {quantity:,.15g} units" if quantity is not None else ""
        return f"{order}item '{values.get('sku')}'{amount}{when}"


def clean_orders(
    lines: pl.DataFrame, clean: Clean, *, timezone: str = "", today: dt.date | None = None
) -> tuple[pl.DataFrame, Repairs]:
    """Turn order lines into lines of demand.

    What comes back has only positive quantities: units returned are taken off the sale that they belong
    to. ``docs/cleaning.md`` describes every rule.

    Args:
        lines: the ``orders`` table, typed as in `tables.SCHEMAS`; ``sku``, ``quantity`` and
            ``ordered_at`` are needed.
        clean: the switches.
        timezone: of the shop, to know which day it is there.
        today: orders after this day are impossible; default is the day it is now.

    Returns:
        The clean lines, in the order they came, and what was done. Units in are units out plus the
        units of rejected rows, exactly.

    Raises:
        DataError: a needed column is missing.
        ConfigError: ``first_date`` or ``timezone`` is wrong.
    """
    for name in ("sku", "quantity", "ordered_at"):
        if name not in lines.columns:
            raise DataError(f"The orders table has no column '{name}': map one to it under [source.columns].")
    repairs = Repairs()
    work = _typed(lines)
    finite = work["quantity"].is_finite().fill_null(False) & (work["quantity"].abs() <= _UNCOUNTABLE).fill_null(False)
    units_in = float(work.filter(finite)["quantity"].sum())
    scale = float(work.filter(finite)["quantity"].abs().sum())
    kept = _reject_lines(work, clean, shop_date(timezone) if today is None else today, repairs)
    kept = _net(kept, clean, repairs)
    check_balance(units_in, float(kept["quantity"].sum()) + repairs.rejected_units(), scale)
    return kept, repairs


def check_balance(units_in: float, units_out: float, scale: float) -> None:
    """Raise if units were lost or made: that is a bug in skucast, never the user's fault.

    Whole numbers balance exactly; fractions, and sums beyond 2^53, to rounding.
    """
    whole = units_in.is_integer() and units_out.is_integer() and scale < _EXACT
    if abs(units_in - units_out) > (0.0 if whole else 1e-9 * max(1.0, scale)):
        raise SkucastError(
            f"Units do not balance: {units_in:,.15g} came in, {units_out:,.15g} are accounted for. "
            "This is a bug in skucast; please report it with the repair report."
        )


def _typed(lines: pl.DataFrame) -> pl.DataFrame:
    """Numbers as doubles, codes as text, prices from line totals where they are missing."""
    casts: list[pl.Expr] = [pl.col("quantity").cast(pl.Float64), pl.col("ordered_at").cast(pl.Datetime("us"))]
    casts += [
        pl.col(name).cast(pl.String)
        for name in ("sku", "order_id", "customer", "description", "status")
        if name in lines.columns and lines.schema[name] != pl.String
    ]
    work = lines.with_columns(casts)
    if "line_total" in work.columns:
        derived = pl.col("line_total").cast(pl.Float64) / pl.col("quantity")
        price = pl.col("price").cast(pl.Float64) if "price" in work.columns else pl.lit(None, pl.Float64)
        work = work.with_columns(pl.coalesce(price, pl.when(pl.col("quantity") != 0).then(derived)).alias("price"))
    return work


def _reject_lines(work: pl.DataFrame, clean: Clean, today: dt.date, repairs: Repairs) -> pl.DataFrame:
    """The rules that look at a line by itself; a line is rejected by the first that it breaks."""
    has = set(work.columns)
    quantity, at, sku = pl.col("quantity"), pl.col("ordered_at"), pl.col("sku")
    countable = quantity.is_finite() & (quantity.abs() <= _UNCOUNTABLE) & (quantity != 0)
    rules: list[tuple[str, pl.Expr | pl.Series]] = [
        ("zero-or-unreadable-quantities", ~countable.fill_null(False)),
        ("no-sku", (sku.str.strip_chars() == "").fill_null(True)),
        ("impossible-dates", at.is_null()),
    ]
    if clean.impossible_dates:
        rules.append(("impossible-dates", (at < first_date(clean)) | (at >= today + dt.timedelta(days=1))))
    if clean.duplicates and "order_id" in has:
        rules.append(("duplicates", _repeats(work)))
    if clean.test_orders or clean.non_products:
        found = find_non_products(work, clean.non_product_codes)
        if clean.test_orders:
            rules.append(("test-orders", sku.is_in(found.tests.implode())))
            if "test" in has:
                rules.append(("test-orders", pl.col("test").cast(pl.Boolean)))
            if "status" in has:
                rules.append(("test-orders", pl.col("status").str.to_lowercase() == "test"))
        if clean.non_products:
            rules.append(("non-products", sku.is_in(found.codes.implode())))
    if "price" in has:
        anonymous = pl.col("customer").is_null() if "customer" in has else pl.lit(True)
        unmarked = ~pl.col("order_id").str.contains(_C_NUMBER).fill_null(False) if "order_id" in has else pl.lit(True)
        rules.append(("write-offs", (quantity < 0) & (pl.col("price") <= 0) & anonymous & unmarked))
        if clean.non_positive_prices:
            rules.append(("non-positive-prices", pl.col("price") <= 0))
    code: pl.Expr = pl.lit(None, pl.Int8)
    for number, (_, mask) in reversed(list(enumerate(rules))):
        test = pl.lit(mask) if isinstance(mask, pl.Series) else mask
        code = pl.when(test).then(pl.lit(number, pl.Int8)).otherwise(code)
    broken = work.select(code.alias("rule"))["rule"]
    for number in broken.drop_nulls().unique().sort():
        _reject(rules[number][0], work.filter(broken == number), repairs)
    return work.filter(broken.is_null()) if broken.null_count() < work.height else work


def _net(work: pl.DataFrame, clean: Clean, repairs: Repairs) -> pl.DataFrame:
    """Returns against sales, cancelled orders and extreme quantities; only positive lines are left."""
    quantity: F64 = work["quantity"].to_numpy()
    left = quantity
    if not clean.cancellations:
        back = left < 0
        _reject("returns-left-out", work.filter(pl.Series(back)), repairs)
        left = np.where(back, 0.0, left)
    elif (left < 0).any():
        left = _off_own_sale(work, left, repairs)
    if clean.cancellations and "status" in work.columns:
        status = work["status"].str.to_lowercase().is_in(_CANCELLED).fill_null(False).to_numpy()
        left = _drop(work, left, status & (left != 0), "cancelled-orders", repairs)
    if clean.extreme_quantities:
        left = _drop(work, left, np.abs(left) > clean.max_quantity, "extreme-quantities", repairs)
    if (left < 0).any():
        left = _off_own_date(work, left, repairs)
        left = _drop(work, left, left < 0, "returns-without-sale", repairs)
    if left is quantity:
        return work
    sold = pl.Series("quantity", left)
    return work.with_columns(sold).filter(pl.col("quantity") > 0)


def _off_own_sale(work: pl.DataFrame, left: F64, repairs: Repairs) -> F64:
    """Units that came back, taken off the same customer's own earlier sale of the item."""
    has = set(work.columns)
    keys = work.select(
        pl.col("sku").cast(pl.Categorical).to_physical(),
        pl.col("ordered_at").alias("at"),
        *(
            [pl.col("order_id").str.strip_prefix("C").cast(pl.Categorical).to_physical().alias("order")]
            if "order_id" in has
            else []
        ),
        *([pl.col("customer").cast(pl.Categorical).to_physical()] if "customer" in has else []),
        *([pl.col("price").round(4).alias("price")] if {"price", "customer"} <= has else []),
    )
    ways = [["sku", "order"], ["sku", "customer", "price"], ["sku", "customer"]]
    was, units = left, 0.0
    for by in ways:
        if set(by) <= set(keys.columns):
            match = match_returns(keys, left, by, "at")
            left, units = match.left, units + match.units
    touched = (was < 0) & (left != was)
    if touched.any():
        rows = work.filter(pl.Series(touched))
        repairs.add(
            "clean", "orders", "cancellations", "changed", rows.height, units=-units, series=rows["sku"].n_unique(),
            example=f"{_Line(rows[:1])}, taken off the customer's own sale", remedy=REMEDIES["own-sale"],
        )  # fmt: skip
    return left


def _off_own_date(work: pl.DataFrame, left: F64, repairs: Repairs) -> F64:
    """Returns whose own sale is unknown, taken off the item's sales of that date, then of earlier dates."""
    places = [name for name in ("location", "channel") if name in work.columns]
    codes = [pl.col(name).cast(pl.String).fill_null("").cast(pl.Categorical).to_physical() for name in ("sku", *places)]
    keys = work.select(pl.col("ordered_at").cast(pl.Date).alias("date"), *codes)
    for rule, by in (("own-date", ["sku", *places, "date"]), ("carried-back", ["sku", *places])):
        was = left
        match = match_returns(keys, left, by, "date")
        left = match.left
        touched = (was < 0) & (left != was)
        if touched.any():
            rows = work.filter(pl.Series(touched))
            how = "the item's sales of that date" if rule == "own-date" else "the item's latest sales before that date"
            repairs.add(
                "clean", "orders", f"returns-{rule}", "changed", rows.height, units=-match.units,
                series=rows["sku"].n_unique(), example=f"{_Line(rows[:1])}, taken off {how}", remedy=REMEDIES[rule],
            )  # fmt: skip
    return left


def _drop(work: pl.DataFrame, left: F64, mask: npt.NDArray[np.bool_], rule: str, repairs: Repairs) -> F64:
    """Reject what is left of some lines."""
    if not mask.any():
        return left
    _reject(rule, work.with_columns(pl.Series("quantity", left)).filter(pl.Series(mask)), repairs)
    return np.where(mask, 0.0, left)


def _reject(rule: str, rows: pl.DataFrame, repairs: Repairs) -> None:
    units = rows["quantity"]
    countable = units.filter((units.is_finite() & (units.abs() <= _UNCOUNTABLE)).fill_null(False))
    repairs.add(
        "clean", "orders", rule, "rejected", rows.height, units=float(countable.sum()), series=rows["sku"].n_unique(),
        example=str(_Line(rows[:1])) if rows.height else "", remedy=REMEDIES[rule],
    )  # fmt: skip


def _repeats(work: pl.DataFrame) -> pl.Series:
    """Lines of a numbered order that occurred before, equal in every column."""
    digest = work.hash_rows()
    ordered = np.sort(digest.to_numpy())  # three times as fast as asking polars for duplicates
    twice = pl.Series(ordered[1:][ordered[1:] == ordered[:-1]]).unique()
    suspects = digest.is_in(twice.implode()) & work["order_id"].is_not_null()
    if not suspects.any():
        return suspects
    index = suspects.arg_true()
    again = ~work[index].select(pl.struct(pl.all()).is_first_distinct().alias("first"))["first"]
    out = np.zeros(work.height, dtype=np.bool_)
    out[index.to_numpy()[again.to_numpy()]] = True
    return pl.Series(out)


def first_date(clean: Clean) -> dt.date:
    """``[clean] first_date`` as a date."""
    try:
        return dt.date.fromisoformat(clean.first_date)
    except ValueError:
        raise ConfigError(f"[clean] first_date = '{clean.first_date}' is no date: write it like 2009-01-31.") from None


def shop_date(timezone: str) -> dt.date:
    """The day it is now at the shop."""
    try:
        zone = ZoneInfo(timezone) if timezone else None
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"[project] timezone = '{timezone}' is unknown: use a name like Europe/London.") from None
    return dt.datetime.now(zone).date()
